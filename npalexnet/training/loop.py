"""The training loop: `train_epochs` and `train_epoch` can be read aloud.

What one step does is in net/step.py. Here is which batch comes next, what is written
down after an epoch, and when a run is saved. A stopwatch (state.py) takes the time, and
an interruption (interruption.py) tells whether somebody has pressed Ctrl-C.
"""

from __future__ import annotations

from time import monotonic, perf_counter
from typing import Any, Protocol

import numpy as np

from npalexnet.datasets.augment import generator
from npalexnet.datasets.batches import prefetch, shuffled
from npalexnet.layers.layer import Param
from npalexnet.net.optim import SGD
from npalexnet.net.step import train_step
from npalexnet.system.errors import UserError
from npalexnet.training.evaluation import Result, evaluate
from npalexnet.training.interruption import Asked, Heeding, Interruption
from npalexnet.training.progress import Progress
from npalexnet.training.state import Stopwatch, Timed
from npalexnet.training.trainer import Trainer

# Seconds between checkpoints inside an epoch.
SAVE_EVERY = 300.0

# Seconds of a step that is not done a second time only to be measured.
PATIENCE = 2.0

DIVERGED = (
    "the loss at step {} is {}: the steps are too large. Start again with a tenth of "
    "the learning rate ({:g} now): --lr {:g}, or lr in fit"
)


class Rows(Protocol):
    """Where the rows go: log.csv, or a list."""

    def add(self, **row: Any) -> None: ...


def train_epochs(
    run: Trainer, log: Rows | None, progress: Progress, stop: Interruption
) -> None:
    """Train to the end: epoch after epoch, each with a row in the log and a checkpoint.

    Args:
        run: what to train, on what, and where it starts.
        log: gets a row after each epoch; None on all ranks but rank 0.
        progress: is told about each step and each epoch.
        stop: is asked after each step whether to end here.

    Raises:
        UserError: the loss is no longer a number; the disk is full.
    """
    state, watch = run.state, Stopwatch(run.state)
    if not run.film.epochs:
        run.film.take(run.network, state.step // run.steps_per_epoch)
    while state.step < run.last_step or state.row_due:
        if not state.row_due:
            train_epoch(run, progress, stop, watch)
        stop.doing = "saving"
        try:
            stop.heed(run.ranks)
            tested = len(run.data.val.labels) > 0
            network = Heeding(run.network, stop, run.ranks)
            result = evaluate(network, run.data.val) if tested else None
        except Asked:  # in the epoch, or in this test: it is done again on resume
            run.save()
            return
        epoch, inside = divmod(state.step, run.steps_per_epoch)
        if result and not inside:
            run.plateau.after_epoch(1 - result.top1)
        watch("validation")
        if not inside:
            run.film.take(run.network, epoch)
        row = make_row(run, result)
        if log is not None:
            log.add(**row)
        state.new_row()
        if result:
            run.save_best(result)
        run.save()
        watch("saving")
        progress.row(row, len(run.data.classes))
        if run.callback is not None and run.callback(row):
            return


def train_epoch(
    run: Trainer, progress: Progress, stop: Interruption, watch: Stopwatch
) -> None:
    """Show a batch, measure the error, send it back, move every weight; repeat.

    Raises:
        UserError: the loss is no longer a number.
    """
    state, seed = run.state, run.config.seed
    stop.doing = "finishing this step, then saving"
    epoch, done = divmod(state.step, run.steps_per_epoch)
    state.lr = run.sgd.lr = run.learning_rate(epoch)
    batches = shuffled(len(run.data.train.labels), run.batch, seed, epoch)[done:]
    batches = batches[: run.last_step - state.step]
    network, saved = Timed(run.learning, watch), monotonic()

    for x, labels in prefetch(run.make_batch(epoch), batches):
        watch("data")
        if run.frozen is not None:
            x = run.frozen.forward(x, keep=False)
        rng = generator(seed, "dropout", state.step)
        loss, right = train_step(network, run.sgd, x, labels, rng)
        watch("update")
        if not np.isfinite(loss):
            raise UserError(DIVERGED.format(state.step, loss, state.lr, state.lr / 10))
        state.count(loss, right, len(labels))
        ends_epoch = state.step % run.steps_per_epoch == 0
        state.row_due = ends_epoch or state.step == run.last_step
        progress.step(state, run.steps_per_epoch)
        due = monotonic() - saved > SAVE_EVERY
        asked, save = run.ranks.all_reduce_max(stop.asked, due)
        if asked:
            break
        if save:
            run.save()
            saved = monotonic()
            watch("saving")


def make_row(run: Trainer, result: Result | None) -> dict[str, Any]:
    """A row of log.csv; None is what was not measured."""
    state = run.state
    return {
        "step": state.step,
        "epoch": state.step / run.steps_per_epoch,
        "loss": state.loss / state.seen,
        "train_acc": state.right / state.seen,
        "val_loss": result.loss if result else None,
        "val_top1": result.top1 if result else None,
        "val_top5": result.top5 if result else None,
        "lr": state.lr,
        "images_per_s": state.seen / max(state.training_seconds, 1e-9),
        "seconds": state.seconds,
    }


def warm_up(run: Trainer) -> tuple[float, float]:
    """Compile the kernels, then time a step that changes nothing: seconds of each.

    The second of two such steps tells how long one takes, unless they are slow.
    """
    numbers = np.arange(min(run.batch, len(run.data.train.labels)))
    x, labels = run.make_batch(0)(numbers)
    nothing = SGD({"nothing": Param(np.zeros(1, run.network.dtype))})

    def one_step(count: int) -> float:
        began = perf_counter()
        mine = run.network.shard(count)
        v = x[: mine.stop - mine.start]
        if run.frozen is not None:
            v = run.frozen.forward(v, keep=False)
        rng = generator(0, "warm-up")
        train_step(run.learning, nothing, v, labels[:count], rng)
        return perf_counter() - began

    began = perf_counter()
    one_step(min(run.ranks.size, len(numbers)))  # one image per rank
    compiled = perf_counter() - began
    first = one_step(len(numbers))  # takes its memory, which no other step does
    return compiled, first if first > PATIENCE else one_step(len(numbers))
