"""What a run says while it works: a bar in a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from math import log, nan
from time import monotonic
from typing import Any

from tqdm import tqdm

HEADER = (
    " epoch   step    loss  train acc  val loss  val top-1  val top-5      lr  img/s"
)


FLAT = (
    "the loss stays at ln(classes) = {:.3f}: the network still gives each of the {} "
    "classes the same probability. Give it some epochs; if it stays there: --lr {:g}, "
    "or --variant small, whose starting weights are made for small pictures; or the "
    "labels are wrong"
)


def duration(seconds: float) -> str:
    """A time as a person would say it: 45 s, 1 min 40 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


class Progress:
    """Tells how a run is getting on.

    Args:
        step: where the run starts.
        last_step: where it will end.
        every: seconds between plain lines, where there is no terminal for a bar.
    """

    def __init__(self, step: int, last_step: int, every: float = 30) -> None:
        self.first_step, self.last_step, self.every = step, last_step, every
        self.began = self.said = monotonic()
        self.hinted = False
        self.bar = tqdm(
            total=last_step,
            initial=step,
            unit="step",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            leave=False,
            smoothing=0,  # the average: validation is part of the time that is left
        )
        print(HEADER, flush=True)

    def step(self, state: Any, steps_per_epoch: int) -> None:
        """To be called after each step."""
        loss, accuracy = state.loss / state.seen, state.right / state.seen
        speed = state.seen / state.training_seconds
        self.bar.set_postfix_str(
            f"loss {loss:.3f}, acc {accuracy:.2f}, {speed:.0f} img/s", refresh=False
        )
        self.bar.update()
        now = monotonic()
        if self.bar.disable and now - self.said > self.every:
            self.said = now
            passed = (now - self.began) / (state.step - self.first_step)
            left = duration(passed * (self.last_step - state.step))
            print(
                f"{state.step / steps_per_epoch:6.2f} {state.step:6d} {loss:7.3f} "
                f"{accuracy:10.3f}  {speed:.0f} images/s, {left} left",
                flush=True,
            )

    def row(self, row: dict[str, Any], classes: int) -> None:
        """To be called after each row of the log.

        Args:
            row: as in the log.
            classes: how many classes there are.
        """
        known: dict[str, Any] = {
            key: nan if value is None else value for key, value in row.items()
        }
        form = (
            "{epoch:6.4g} {step:6d} {loss:7.3f} {train_acc:10.3f} {val_loss:9.3f} "
            "{val_top1:10.3f} {val_top5:10.3f} {lr:7.2g} {images_per_s:6.0f}"
        )
        line = form.format(**known).replace("nan", "  -")
        self.said = monotonic()
        with tqdm.external_write_mode():
            print(line, flush=True)
            chance = log(classes)
            flat = abs(row["loss"] - chance) < 0.01 * chance
            if flat and row["train_acc"] < 1.5 / classes and not self.hinted:
                self.hinted = True
                print(FLAT.format(chance, classes, 3 * row["lr"]), flush=True)

    def close(self) -> None:
        """Take the bar away."""
        self.bar.close()


class Silent(Progress):
    """Says nothing."""

    def __init__(self) -> None:
        pass

    def step(self, state: Any, steps_per_epoch: int) -> None:
        """A step is done."""

    def row(self, row: dict[str, Any], classes: int) -> None:
        """A row is written."""

    def close(self) -> None:
        """That was all."""
