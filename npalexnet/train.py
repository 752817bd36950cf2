"""Train a network. The loop is `fit`, below: it can be read aloud.

python -m npalexnet.train                                     emoji, two minutes
python -m npalexnet.train --subset tiny-imagenet              photographs, an hour
python -m npalexnet.train --resume --epochs 20                go on with the newest run
"""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import asdict, replace
from math import prod
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from npalexnet import cli, runs, threads
from npalexnet.augment import generator
from npalexnet.batches import one_ahead, shuffled
from npalexnet.config import MAY_DIFFER, Config
from npalexnet.errors import Stopped, UserError
from npalexnet.evaluate import Result, evaluate
from npalexnet.layers.layer import Param
from npalexnet.loss import in_top, softmax_cross_entropy
from npalexnet.optim import SGD
from npalexnet.parallel import (
    ParallelGraph,
    Ranks,
    first_speaks,
    started_often,
    world,
)
from npalexnet.progress import Progress, duration
from npalexnet.state import PHASES, Run, State, prepare


def fit(run: Run, log: runs.Log | None, progress: Progress, stop: Interruption) -> None:
    """Train to the end: epoch after epoch, each with a row in the log and a checkpoint.

    Args:
        run: what to train, on what, and from where.
        log: gets a row after each epoch, on rank 0.
        progress: is told of each step and each epoch.
        stop: is asked after each step whether to end here.

    Raises:
        UserError: the loss is no longer a number; the disk is full.
    """
    state, watch = run.state, Stopwatch(run.state)
    while state.step < run.last_step or state.row_due:
        if not state.row_due:
            train_epoch(run, progress, stop, watch)
        if stop.agreed(run.ranks):
            run.save()
            return
        result = evaluate(run.graph, run.data.val)
        if state.step % run.steps_an_epoch == 0:
            run.plateau.after_epoch(1 - result.top1)
        watch("validation")
        row = make_row(run, result)
        if log is not None:
            log.add(**row)
        state.new_row()
        run.save_best(result)
        run.save()
        watch("saving")
        progress.row(row, len(run.data.classes))


def train_epoch(
    run: Run, progress: Progress, stop: Interruption, watch: Stopwatch
) -> None:
    """Show a batch, measure the error, send it back, move every weight; again.

    Raises:
        UserError: the loss is no longer a number.
    """
    graph, sgd, state, seed = run.learning, run.sgd, run.state, run.config.seed
    epoch, done = divmod(state.step, run.steps_an_epoch)
    state.lr = sgd.lr = run.learning_rate(epoch)
    batches = shuffled(len(run.data.train.labels), run.batch, seed, epoch)[done:]
    batches = batches[: run.last_step - state.step]
    saved = monotonic()

    for x, labels in one_ahead(run.make_batch(epoch), batches):
        watch("data")
        if run.frozen is not None:
            x = run.frozen.forward(x, keep=False)
        rng = generator(seed, "dropout", state.step)
        logits = graph.forward(x, train=True, rng=rng)
        loss, dlogits = softmax_cross_entropy(logits, labels)
        if not np.isfinite(loss):
            raise UserError(DIVERGED.format(state.step, loss, sgd.lr, sgd.lr / 10))
        watch("forward")
        graph.backward(dlogits)
        watch("backward")
        sgd.step()
        right = int(in_top(logits, labels, 1).sum())
        watch("update")
        state.count(float(loss), right, len(labels))
        ends_epoch = state.step % run.steps_an_epoch == 0
        state.row_due = ends_epoch or state.step == run.last_step
        progress.step(state, run.steps_an_epoch)
        asked, due = run.ranks.most(stop.asked, monotonic() - saved > SAVE_EVERY)
        if asked:
            break
        if due:
            run.save()
            saved = monotonic()
            watch("saving")


# Seconds between checkpoints inside an epoch.
SAVE_EVERY = 300.0

DIVERGED = (
    "the loss at step {} is {}: the steps are too long. Start again with a tenth of "
    "the learning rate ({:g} now): --lr {:g}"
)


class Stopwatch:
    """Books the time since it was last asked on a phase of the run."""

    def __init__(self, state: State) -> None:
        self.state, self.last = state, perf_counter()

    def __call__(self, phase: str) -> None:
        """What was done since the last call was this."""
        now = perf_counter()
        self.state.spend(phase, now - self.last)
        self.last = now


def make_row(run: Run, result: Result) -> dict[str, Any]:
    """A row of log.csv."""
    state = run.state
    return {
        "step": state.step,
        "epoch": state.step / run.steps_an_epoch,
        "loss": state.loss / state.seen,
        "train_acc": state.right / state.seen,
        "val_loss": result.loss,
        "val_top1": result.top1,
        "val_top5": result.top5,
        "lr": state.lr,
        "images_per_s": state.seen / state.training_seconds,
        "seconds": state.seconds,
    }


class Interruption:
    """Ctrl-C and SIGTERM, as a wish to stop after the step that is being done.

    As a context manager; the second signal ends the process as it always would. Outside
    the main thread, where no signal can be caught, nothing is.

    Attributes:
        asked: the number of the signal that came, or 0.
    """

    def __init__(self) -> None:
        self.asked = 0
        self._before: dict[int, Any] = {}

    def agreed(self, ranks: Ranks) -> int:
        """`asked`, of whichever rank was told."""
        (self.asked,) = ranks.most(self.asked)
        return self.asked

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._come)
        return self

    def _come(self, number: int, frame: Any) -> None:
        self.asked = number
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._put_back()


def warm_up(run: Run) -> tuple[float, float]:
    """Compile the kernels, then time a step that changes nothing: seconds of both."""
    numbers = np.arange(min(run.batch, len(run.data.train.labels)))
    x, labels = run.make_batch(0)(numbers)

    def one_step(count: int) -> float:
        began = perf_counter()
        mine = run.graph.share(count)
        v = x[: mine.stop - mine.start]
        if run.frozen is not None:
            v = run.frozen.forward(v, keep=False)
        logits = run.learning.forward(v, train=True, rng=generator(0, "warm-up"))
        run.learning.backward(softmax_cross_entropy(logits, labels[:count])[1])
        return perf_counter() - began

    began = perf_counter()
    SGD({"nothing": Param(np.zeros(1, run.graph.dtype))}).step()
    one_step(min(run.ranks.size, len(numbers)))  # an image for each
    return perf_counter() - began, one_step(len(numbers))


def draw_pictures(run: Run) -> None:
    """Write curves.png and filters.png into the run's folder."""
    from npalexnet import figures

    name, param = next(iter(run.graph.params.items()))
    first = param.data
    if isinstance(run.graph, ParallelGraph):
        whole = run.graph.collect({name: first})
        if whole is None:
            return
        first = whole[name]
    rows = runs.read_log(run.folder)
    title = f"{run.config.variant} on {run.config.subset}"
    figures.write(figures.curves(rows, title), run.folder / "curves.png")
    what = f"the {len(first)} filters of the first layer after {run.state.step} steps"
    figures.write(figures.filters(first, what), run.folder / "filters.png")


def train(config: Config, ranks: Ranks | None = None) -> Path:
    """Train, from the beginning or (config.resume) from where a run was left.

    Args:
        config: all options, decided.
        ranks: who shares the work; None for one process.

    Returns:
        The run's folder.

    Raises:
        UserError: something that the user can mend.
        Stopped: by Ctrl-C or SIGTERM; everything is saved.
    """
    ranks = ranks or Ranks()
    if config.threads is not None:
        threads.set_threads(config.threads)
    elif ranks.here > 1:
        threads.set_threads(max(1, min(8, threads.usable_cpus() // ranks.here)))
    if config.resume:
        assert config.out is not None
        run = prepare(config, Path(config.out), ranks)
    else:  # errors in the data come before there is a folder
        run = prepare(config, Path(), ranks)
        run.folder = ranks.from_first(
            lambda: runs.new_folder(config.subset, config.variant, config.out)
        )
    with ExitStack() as held:
        ranks.from_first(lambda: held.enter_context(runs.alone_in(run.folder)))
        stop = held.enter_context(Interruption())
        if config.resume:
            run.restore()
        said = asdict(replace(config, resume=False, out=None))
        ranks.from_first(lambda: runs.write_config(run.folder, said))
        return train_run(run, stop)


def train_run(run: Run, stop: Interruption) -> Path:
    """Train, and say what is done."""
    config, folder = run.config, run.folder
    train_set, val_set = run.data.train.labels, run.data.val.labels
    shapes = [run.graph.whole_shape(name) for name in run.graph.params]
    print(
        f"{config.variant} ({sum(map(prod, shapes)):,} parameters) on "
        f"{config.subset}: {len(run.data.classes)} classes, "
        f"{len(train_set):,} pictures to learn from, {len(val_set):,} to be tested on"
    )
    print(f"run folder: {folder}")
    tell_parallel(run)
    tell_commands(folder)
    left = max(0, run.last_step - run.state.step)
    if left == 0 and not run.state.row_due:
        print(f"nothing left to do after {run.state.step} steps; ask for more --epochs")
        return folder
    print("preparing the kernels (compiled by the first run, then kept)...", flush=True)
    compiling, step_seconds = warm_up(run)
    a_picture = step_seconds / min(run.batch, len(train_set))
    testing = len(val_set) * left / run.steps_an_epoch * a_picture / 3
    time_left = duration(left * step_seconds + testing)
    print(
        f"ready after {duration(compiling)}; {left} steps of {run.batch} pictures on "
        f"{run.ranks.size * threads.get_threads()} threads: about {time_left}"
    )
    progress = Progress(run.state.step, run.last_step)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # fit looks at the loss
            log = runs.Log(folder, run.state) if run.ranks.rank == 0 else None
            fit(run, log, progress, stop)
    finally:
        progress.close()
    if stop.agreed(run.ranks):
        print(
            f"stopped after step {run.state.step}, and saved; go on with: "
            f"python -m npalexnet.train --resume --out {folder}"
        )
        raise Stopped(stop.asked)
    draw_pictures(run)
    tell_bad(run)
    spent = run.state.phases
    share = ", ".join(f"{name} {duration(spent[name])}" for name in PHASES)
    waiting = spent["data"] / max(run.state.seconds, 1e-9)
    print(
        f"best validation top-1: {run.state.best_top1:.3f}; "
        f"{duration(run.state.seconds)} of training: {share} "
        f"({waiting:.1%} of the time was spent waiting for data)\n"
        f"pictures: {folder}/curves.png {folder}/filters.png"
    )
    tell_commands(folder)
    return folder


def tell_parallel(run: Run) -> None:
    """How the work is shared, if it is."""
    config, size = run.config, run.ranks.size
    if config.parallel == "columns" and config.lrn:
        print("local response normalisation looks at the maps of its own column only")
    if config.parallel and size == 1:
        print("--parallel: one process, since mpiexec did not start more")
    elif size > 1:
        print(f"{size} processes share the work: {config.parallel}")


def tell_commands(folder: Path) -> None:
    """The commands that a run is for, to be copied."""
    print(
        f"test it:  python -m npalexnet.evaluate {folder}\n"
        f"use it:   python -m npalexnet.predict {folder} PICTURE..."
    )


def tell_bad(run: Run) -> None:
    """The pictures that were left out by --skip-bad."""
    bad = run.data.bad
    for line in bad[:10]:
        print(f"left out: {line}")
    if bad:
        print(f"left out: {len(bad)} pictures that cannot be read")


def resumed(given: dict[str, Any]) -> Config:
    """The configuration of the run that --resume means, with what was given now.

    Raises:
        UserError: there is no such run, or an option differs that may not.
    """
    usual = Config()
    if "out" in given:
        folder = Path(given["out"])
    else:
        folder = runs.newest(
            given.get("subset", usual.subset),
            given.get("variant", usual.variant),
            "config.json",
        )
    saved = asdict(usual) | runs.read_config(folder)
    config = Config(**{**saved, "out": str(folder), "resume": True})
    for name, value in given.items():
        if name not in MAY_DIFFER and saved[name] != value:
            flag = "--" + name.replace("_", "-")
            raise UserError(
                f"{flag} is {value} here and {saved[name]} in {folder}; a resumed run "
                f"keeps its settings: leave {flag} out"
            )
    return replace(
        config,
        epochs=given.get("epochs", config.epochs),
        steps=given.get("steps"),
        threads=given.get("threads", config.threads),
        parallel=given.get("parallel", config.parallel),
    )


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog="python -m npalexnet.train",
        description="Train a network on pictures.",
        epilog="With no options: the small AlexNet on emoji, about two minutes. Its "
        "folder then holds log.csv, pictures, and checkpoints for evaluate and "
        "predict. Ctrl-C saves before it stops; --resume goes on. Downloads and "
        "decoded pictures are kept in the folder that the environment variable "
        "NPALEXNET_DATA names, else in ~/.cache/npalexnet.",
    )
    cli.add_options(parser, Config)
    with first_speaks(errors=True):
        given = vars(parser.parse_args(argv))

    def command(ranks: Ranks) -> int:
        if "data" in given:
            given.setdefault("subset", "own")
            given["data"] = str(Path(given["data"]).resolve())
        if "weights" in given:
            given["weights"] = str(Path(given["weights"]).resolve())
        config = Config(**given)
        if config.resume:
            config = ranks.from_first(lambda: resumed(given))
        if ranks.size > 1 and config.parallel is None:
            raise UserError(
                f"mpiexec started {ranks.size} processes; say how they share the work: "
                "--parallel images, columns or hybrid"
            )
        train(config.decide(), ranks)
        return 0

    def on_all_ranks() -> int:
        ranks = world() if "parallel" in given or started_often() else Ranks()
        return ranks.run(lambda: command(ranks))

    with first_speaks():
        return cli.run(on_all_ranks)


if __name__ == "__main__":
    sys.exit(main())
