"""What a run says before and after the loop, and the figures that it leaves."""

from __future__ import annotations

from math import prod
from pathlib import Path

from npalexnet.net import threads
from npalexnet.system import cli
from npalexnet.training.folder import read_log
from npalexnet.training.progress import duration
from npalexnet.training.state import PHASES
from npalexnet.training.trainer import Trainer


def draw_pictures(run: Trainer) -> None:
    """Write curves.png, filters.png and filters.gif into the run's folder."""
    from npalexnet import figures

    name, param = next(iter(run.network.params.items()))
    whole = run.network.collect({name: param.data})
    if whole is None:  # another rank draws
        return
    first = whole[name]
    rows = read_log(run.folder)
    title = f"{run.config.variant} on {run.config.subset}"
    figures.write(figures.curves(rows, title), run.folder / "curves.png")
    what = f"the {len(first)} filters of the first layer after {run.state.step} steps"
    figures.write(figures.filters(first, what), run.folder / "filters.png")
    if run.film.frames:
        run.film.write(run.folder / "filters.gif")


def tell_start(run: Trainer) -> None:
    """What is trained, on what, and in which folder."""
    config = run.config
    shapes = [run.network.whole_shape(name) for name in run.network.params]
    learn, test = len(run.data.train.labels), len(run.data.val.labels)
    print(
        f"{config.variant} ({sum(map(prod, shapes)):,} parameters) on "
        f"{config.subset}: {len(run.data.classes)} classes, "
        f"{learn:,} pictures to learn from, {test:,} to be tested on"
    )
    print(f"run folder: {run.folder}")
    tell_parallel(run)
    tell_commands(run.folder)


def tell_ready(run: Trainer, compiling: float, step_seconds: float) -> float:
    """How long training will take, estimated from one step: says and returns it."""
    if not threads.holds_blas():
        print(
            "matrix products may run on threads of their own, which cannot be limited "
            "here (Accelerate, say); if that is slow, try --threads 1"
        )
    left = run.last_step - run.state.step
    a_picture = step_seconds / min(run.batch, len(run.data.train.labels))
    testing = len(run.data.val.labels) * left / run.steps_per_epoch * a_picture / 3
    expected = left * step_seconds + testing
    print(
        f"ready after {duration(compiling)}; {left} steps of {run.batch} pictures on "
        f"{run.ranks.size * threads.get_threads()} threads: about {duration(expected)}"
    )
    return expected


def tell_end(run: Trainer) -> None:
    """What came of it, and where the time went."""
    tell_bad(run)
    spent, folder = run.state.phases, run.folder
    parts = ", ".join(f"{name} {duration(spent[name])}" for name in PHASES)
    waiting = spent["data"] / max(run.state.seconds, 1e-9)
    print(
        f"best validation top-1: {run.state.best_top1:.3f}; "
        f"{duration(run.state.seconds)} of training: {parts} "
        f"({waiting:.1%} of the time was spent waiting for data)\n"
        f"figures: {folder}/curves.png {folder}/filters.png {folder}/filters.gif"
    )
    tell_commands(folder)


def tell_parallel(run: Trainer) -> None:
    """How the processes share the work, if there are several."""
    config, size = run.config, run.ranks.size
    if config.parallel == "columns" and config.lrn:
        print("local response normalisation looks at the maps of its own column only")
    if config.parallel and size == 1:
        print("--parallel: one process, since mpiexec did not start more")
    elif size > 1:
        print(f"{size} processes share the work: {config.parallel}")


def tell_commands(folder: Path) -> None:
    """The commands that make use of the run, ready to be copied."""
    print(
        f"test it:  {cli.typed('evaluate')} {folder}\n"
        f"use it:   {cli.typed('predict')} {folder} PICTURE..."
    )


def tell_bad(run: Trainer) -> None:
    """The pictures that --skip-bad left out."""
    bad = run.data.bad
    for line in bad[:10]:
        print(f"left out: {line}")
    if bad:
        print(f"left out: {len(bad)} pictures that cannot be read")
