"""Train a network. The loop is `fit`, below: it can be read aloud.

python -m npalexnet.train                                     emoji, two minutes
python -m npalexnet.train --subset tiny-imagenet --data tiny-imagenet-200.zip
python -m npalexnet.train --resume --epochs 20                go on with the newest run
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from npalexnet import checkpoint, cli, datasets, runs, threads
from npalexnet.alexnet import VARIANTS, alexnet, needs_mean_picture
from npalexnet.augment import Colours, colours_of, generator, training_batch
from npalexnet.batches import Numbers, one_ahead, shuffled
from npalexnet.config import MAY_DIFFER, Config
from npalexnet.datasets import DataSet
from npalexnet.errors import UserError
from npalexnet.evaluate import Result, evaluate
from npalexnet.graph import Graph
from npalexnet.layers.layer import Array, Param
from npalexnet.loss import in_top, softmax_cross_entropy
from npalexnet.memory import check_fits
from npalexnet.optim import SGD, Plateau, steps
from npalexnet.progress import Progress, duration


@dataclass
class State:
    """Where a run is: all that going on needs, besides weights and velocity."""

    step: int = 0
    lr: float = 0.0
    loss: float = 0.0  # sums over the pictures seen since the last row of the log
    right: int = 0
    seen: int = 0
    training_seconds: float = 0.0
    seconds: float = 0.0  # since the first step began
    best_top1: float = -1.0
    plateau: dict[str, Any] = field(default_factory=dict)

    def count(self, loss: float, right: int, seen: int, seconds: float) -> None:
        """Take in one step."""
        self.step += 1
        self.loss += loss * seen
        self.right += right
        self.seen += seen
        self.training_seconds += seconds
        self.seconds += seconds

    def new_row(self) -> None:
        """Start counting for the next row of the log."""
        self.loss, self.right, self.seen, self.training_seconds = 0.0, 0, 0, 0.0


class Run:
    """A training run: the folder, the network, and how far it has come."""

    def __init__(
        self,
        config: Config,
        folder: Path,
        data: DataSet,
        graph: Graph,
        colours: Colours,
    ) -> None:
        assert config.batch and config.epochs and config.drops is not None
        self.config, self.folder, self.data, self.graph = config, folder, data, graph
        self.colours = colours if config.colour else None
        self.sgd = SGD(graph.params, config.lr, config.momentum, config.weight_decay)
        self.state = State(lr=config.lr)
        self.plateau = Plateau(config.lr)
        self.batch, self.drops = config.batch, config.drops
        self.steps_an_epoch = math.ceil(len(data.train.labels) / config.batch)
        self.last_step = config.epochs * self.steps_an_epoch
        if config.steps is not None:
            self.last_step = min(self.last_step, config.steps)

    def make_batch(self, epoch: int) -> Callable[[Numbers], tuple[Array, Array]]:
        """What turns numbers of pictures into (x, labels) in this epoch."""

        def make(numbers: Numbers) -> tuple[Array, Array]:
            x = training_batch(
                self.data.train.pixels[numbers],
                numbers,
                self.graph.input,
                self.config.seed,
                epoch,
                self.config.augment,
                self.colours,
            )
            return x, self.data.train.labels[numbers]

        return make

    def learning_rate(self, epoch: int) -> float:
        """The rate in this epoch (from 0)."""
        if self.config.schedule == "plateau":
            return self.plateau.lr
        return steps(self.config.lr, self.drops, epoch)

    def save(self, result: Result) -> None:
        """Write best.npz, if it is, and last.npz."""
        about = {"config": asdict(self.config), "val_top1": result.top1}
        if result.top1 > self.state.best_top1:
            self.state.best_top1 = result.top1
            checkpoint.save(self.folder / "best.npz", self.graph, **about)
        self.state.plateau = self.plateau.state()
        checkpoint.save(
            self.folder / "last.npz",
            self.graph,
            velocity=self.sgd.velocity,
            state=vars(self.state),
            **about,
        )

    def restore(self) -> None:
        """Take weights, velocity and state from last.npz.

        Raises:
            UserError: it is missing, damaged, or of another network.
        """
        path = self.folder / "last.npz"
        graph, extra = checkpoint.load_all(path)
        for name, param in self.graph.params.items():
            theirs = graph.params.get(name)
            if theirs is None or theirs.data.shape != param.data.shape:
                raise UserError(
                    f"{path} holds another network than {self.folder}/config.json "
                    f"says: {name} does not fit; choose the right folder by --out"
                )
            param.data = theirs.data
            self.sgd.velocity[name][...] = extra["velocity"][name]
        self.graph.input = graph.input
        self.state = State(**extra["state"])
        self.plateau = Plateau(**self.state.plateau)


def fit(run: Run, log: runs.Log, progress: Progress) -> None:
    """Train: show a batch, measure the error, send it back, move every weight.

    Args:
        run: what to train, on what, and from where.
        log: gets a row after each epoch.
        progress: is told of each step and each epoch.

    Raises:
        UserError: the loss is no longer a number.
    """
    graph, sgd, state, seed = run.graph, run.sgd, run.state, run.config.seed
    while state.step < run.last_step:
        epoch, done = divmod(state.step, run.steps_an_epoch)
        state.lr = sgd.lr = run.learning_rate(epoch)
        todo = shuffled(len(run.data.train.labels), run.batch, seed, epoch)[done:]
        todo = todo[: run.last_step - state.step]
        began = perf_counter()

        for x, labels in one_ahead(run.make_batch(epoch), todo):
            rng = generator(seed, "dropout", state.step)
            logits = graph.forward(x, train=True, rng=rng)
            loss, dlogits = softmax_cross_entropy(logits, labels)
            if not np.isfinite(loss):
                raise UserError(DIVERGED.format(state.step, loss, sgd.lr, sgd.lr / 10))
            graph.backward(dlogits)
            sgd.step()
            right = int(in_top(logits, labels, 1).sum())
            now = perf_counter()
            state.count(float(loss), right, len(labels), now - began)
            began = now
            progress.step(state, run.steps_an_epoch)

        result = evaluate(graph, run.data.val)
        if state.step % run.steps_an_epoch == 0:
            run.plateau.after_epoch(1 - result.top1)
        state.seconds += perf_counter() - began
        row = {
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
        log.add(**row)
        state.new_row()
        run.save(result)
        progress.row(row)


DIVERGED = (
    "the loss at step {} is {}: the steps are too long. Start again with a tenth of "
    "the learning rate ({:g} now): --lr {:g}"
)


def build(config: Config, data: DataSet) -> tuple[Graph, Colours]:
    """The network that a configuration asks for, its input measured on the training
    set.

    Raises:
        UserError: a switch that changes nothing in this variant, and the like.
    """
    try:
        graph = alexnet(
            config.variant,
            len(data.classes),
            config.seed,
            lrn=config.lrn,
            overlap=config.overlap,
            groups=config.groups,
            dropout=config.dropout,
            activation=config.activation,
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    seen = datasets.statistics(data.train.pixels)
    given = graph.input
    mean, std = seen.mean, np.array(seen.std)
    if needs_mean_picture(graph):
        picture = seen.mean_picture.clip(0, 255).round().astype(np.uint8)[None]
        mean = datasets.resize_all(picture, given.side)[0].astype(np.float64)
        std = given.std
    graph.input = given._replace(mean=mean, std=std, classes=data.classes)
    return graph, colours_of(seen)


def warm_up(run: Run) -> tuple[float, float]:
    """Compile the kernels, then time a step that changes nothing: seconds of both."""
    numbers = np.arange(min(run.batch, len(run.data.train.labels)))
    x, labels = run.make_batch(0)(numbers)

    def one_step(count: int) -> float:
        began = perf_counter()
        logits = run.graph.forward(x[:count], train=True, rng=generator(0, "warm-up"))
        run.graph.backward(softmax_cross_entropy(logits, labels[:count])[1])
        return perf_counter() - began

    began = perf_counter()
    SGD({"nothing": Param(np.zeros(1, run.graph.dtype))}).step()
    one_step(1)
    return perf_counter() - began, one_step(len(numbers))


def prepare(config: Config, folder: Path) -> Run:
    """Read the pictures and build the network."""
    where = Path(config.data) if config.data else None
    side = VARIANTS[config.variant].side
    data = datasets.load(config.subset, where, side, config.classes, config.limit)
    graph, colours = build(config, data)
    assert config.batch is not None
    check_fits(graph, config.batch)
    return Run(config, folder, data, graph, colours)


def draw_pictures(run: Run) -> None:
    """Write curves.png and filters.png into the run's folder."""
    from npalexnet import figures

    rows = runs.read_log(run.folder)
    title = f"{run.config.variant} on {run.config.subset}"
    figures.curves(rows, title).savefig(run.folder / "curves.png", dpi=150)
    first = next(iter(run.graph.params.values())).data
    what = f"the {len(first)} filters of the first layer after {run.state.step} steps"
    figures.filters(first, what).savefig(run.folder / "filters.png", dpi=150)


def train(config: Config) -> Path:
    """Train, from the beginning or (config.resume) from where a run was left.

    Returns:
        The run's folder.

    Raises:
        UserError: something that the user can mend.
    """
    if config.threads is not None:
        threads.set_threads(config.threads)
    if config.resume:
        assert config.out is not None
        run = prepare(config, Path(config.out))
        run.restore()
    else:
        run = prepare(
            config, Path()
        )  # errors in the data come before there is a folder
        run.folder = runs.new_folder(config.subset, config.variant, config.out)
    runs.write_config(run.folder, asdict(replace(config, resume=False, out=None)))

    train_set, val_set = run.data.train.labels, run.data.val.labels
    print(
        f"{config.variant} ({sum(p.data.size for p in run.graph.params.values()):,} "
        f"parameters) on {config.subset}: {len(run.data.classes)} classes, "
        f"{len(train_set):,} pictures to learn from, {len(val_set):,} to be tested on"
    )
    print(f"run folder: {run.folder}")
    left = max(0, run.last_step - run.state.step)
    if left == 0:
        print(f"nothing left to do after {run.state.step} steps; ask for more --epochs")
        return run.folder
    print("preparing the kernels (compiled by the first run, then kept)...", flush=True)
    compiling, step_seconds = warm_up(run)
    print(
        f"ready after {duration(compiling)}; {left} steps of {run.batch} pictures on "
        f"{threads.get_threads()} threads: about {duration(left * step_seconds * 1.1)}"
    )
    progress = Progress(run.state.step, run.last_step)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # fit looks at the loss
            fit(run, runs.Log(run.folder, run.state.step), progress)
    finally:
        progress.close()
    draw_pictures(run)
    print(
        f"best validation top-1: {run.state.best_top1:.3f}; "
        f"{duration(run.state.seconds)} of training\n"
        f"pictures: {run.folder}/curves.png {run.folder}/filters.png\n"
        f"test it:  python -m npalexnet.evaluate {run.folder}"
    )
    return run.folder


def resumed(given: dict[str, Any]) -> Config:
    """The configuration of the run that --resume means, with what was given now.

    Raises:
        UserError: there is no such run, or an option differs that may not.
    """
    if "out" in given:
        folder = Path(given["out"])
    else:
        usual = Config()
        folder = runs.newest(
            given.get("subset", usual.subset), given.get("variant", usual.variant)
        )
    saved = runs.read_config(folder)
    config = Config(**{**saved, "out": str(folder), "resume": True})
    config.drops = tuple(config.drops or ())
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
    )


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog="python -m npalexnet.train",
        description="Train a network on pictures.",
        epilog="With no options: the small AlexNet on emoji, about two minutes. Its "
        "folder then holds log.csv, pictures, and checkpoints for evaluate.",
    )
    cli.add_options(parser, Config)
    given = vars(parser.parse_args(argv))

    def command() -> int:
        if "data" in given:
            given.setdefault("subset", "own")
            given["data"] = str(Path(given["data"]).resolve())
        config = resumed(given) if given.get("resume") else Config(**given)
        train(config.decide())
        return 0

    return cli.run(command)


if __name__ == "__main__":
    sys.exit(main())
