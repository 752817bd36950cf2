"""Start a run, or go on with one: its folder, its lock, its signals, its messages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet.net import threads
from npalexnet.parallel import Ranks
from npalexnet.system import cli
from npalexnet.system.cli import flag
from npalexnet.system.errors import Stopped, UserError
from npalexnet.training.folder import (
    Log,
    alone_in,
    new_folder,
    newest,
    read_config,
    write_config,
)
from npalexnet.training.interruption import Interruption
from npalexnet.training.loop import train_epochs, warm_up
from npalexnet.training.options import MAY_DIFFER, Config, Options
from npalexnet.training.progress import Progress
from npalexnet.training.report import (
    draw_pictures,
    tell_end,
    tell_ready,
    tell_start,
)
from npalexnet.training.setup import set_up
from npalexnet.training.trainer import Trainer


def train(
    config: Config, ranks: Ranks | None = None, resume: Path | None = None
) -> Path:
    """Train, from the beginning or from where a run left off.

    Args:
        config: all options, decided.
        ranks: who shares the work; None for one process.
        resume: the folder of the run to go on with; None for a new run.

    Returns:
        The run's folder.

    Raises:
        UserError: something that the user can mend.
        Stopped: by Ctrl-C or SIGTERM, after everything has been saved.
    """
    ranks = ranks or Ranks()
    if config.threads is not None:
        threads.set_threads(config.threads)
    elif ranks.here > 1:
        threads.set_threads(threads.default_threads(ranks.here))
    run = set_up(config, resume or Path(), ranks)
    if resume is None:  # only now: a run with bad data leaves no folder behind
        run.folder = ranks.broadcast_from_root(
            lambda: new_folder(config.subset, config.variant, config.out)
        )
    with ExitStack() as held:
        ranks.broadcast_from_root(lambda: held.enter_context(alone_in(run.folder)))
        stop = held.enter_context(Interruption())
        if resume is not None:
            run.restore()
        said = asdict(replace(config, resume=False, out=None))
        ranks.broadcast_from_root(lambda: write_config(run.folder, said))
        return train_run(run, stop)


def train_run(run: Trainer, stop: Interruption) -> Path:
    """Train, and say before and after what is done."""
    tell_start(run)
    if run.state.step >= run.last_step and not run.state.row_due:
        print(f"nothing left to do after {run.state.step} steps; ask for more --epochs")
        draw_pictures(run)  # it may have been killed while it drew them
        return run.folder
    stop.doing = "loading the kernels, then saving"
    print("loading the kernels (the first run compiles them)...", flush=True)
    expected = tell_ready(run, *warm_up(run))
    progress = Progress(run.state.step, run.last_step, expected)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the loop checks the loss
            log = None
            if run.ranks.rank == 0:
                log = Log(run.folder, run.state.first_unlogged)
            train_epochs(run, log, progress, stop)
    finally:
        progress.close()
    if stop.agreed(run.ranks):
        print(
            f"stopped after step {run.state.step}, and saved; go on with: "
            f"{cli.typed('train')} --resume --out {run.folder}"
        )
        raise Stopped(stop.asked)
    stop.doing = "all is saved, drawing the figures"
    draw_pictures(run)
    tell_end(run)
    return run.folder


def resumed(given: Mapping[str, Any]) -> tuple[Options, Path]:
    """The options and the folder of the run that --resume means.

    Args:
        given: the options on this command line, by name.

    Raises:
        UserError: there is no such run, or an option differs that must not.
    """
    usual = Options()
    if "out" in given:
        folder = Path(given["out"])
    else:
        subset = given.get("subset", usual.subset)
        variant = given.get("variant", usual.variant)
        folder = newest(subset, variant, "config.json")
    saved = read_config(folder)
    for name, value in given.items():
        if name not in MAY_DIFFER and saved[name] != value:
            option = "--exact" if name == "algorithm" else flag(name)
            raise UserError(
                f"{option} is {value} here and {saved[name]} in {folder}; a resumed "
                f"run keeps its settings: leave {option} out"
            )
    now = {name: given[name] for name in MAY_DIFFER if name in given}
    options = Options(**{**saved, "steps": None, **now, "resume": True})
    return options, folder
