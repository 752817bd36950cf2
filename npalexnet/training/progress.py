"""What a run says while it works: a bar, rows, and the time that is left."""

from __future__ import annotations

import shutil
import sys
from math import log
from time import monotonic
from typing import Any, NamedTuple

from tqdm import tqdm


class Column(NamedTuple):
    """A column of the table: its title, as wide as its numbers, and what is in it."""

    title: str
    name: str  # in log.csv
    form: str
    rank: int  # where there is not room for all, those of the lowest ranks are shown

    def cell(self, value: float | None) -> str:
        """A number, or what stands for one that was not measured, as wide as all."""
        return f"{'-':>{len(self.title)}}" if value is None else f"{value:{self.form}}"


COLUMNS = (
    Column(" epoch", "epoch", "6.4g", 1),
    Column("  step", "step", "6d", 5),
    Column("   loss", "loss", "7.3f", 1),
    Column(" train acc", "train_acc", "10.3f", 3),
    Column(" val loss", "val_loss", "9.3f", 4),
    Column(" val top-1", "val_top1", "10.3f", 1),
    Column(" val top-5", "val_top5", "10.3f", 6),
    Column("     lr", "lr", "7.2g", 2),
    Column(" img/s", "images_per_s", "6.0f", 2),
)

# Steps after which a loss of ln(classes) is worth a word: every run begins with it.
FLAT_AFTER = 20
FLAT = (
    "the loss stays at ln(classes) = {:.3f}: the network still gives each of the {} "
    "classes the same probability. Give it some epochs; if it stays there: --lr {:g}, "
    "or --variant small (in Python: build), whose starting weights are made for small "
    "pictures; or the labels are wrong"
)


def duration(seconds: float) -> str:
    """A time as a person would say it: 45 s, 1 min 40 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def columns_for(width: int) -> list[Column]:
    """The columns that a line of so many characters has room for, in their order."""
    shown = list(COLUMNS)
    while sum(len(c.title) + 1 for c in shown) - 1 > width and len(shown) > 1:
        shown.remove(max(shown, key=lambda c: c.rank))
    return shown


class Progress:
    """Tells how a run is getting on.

    Args:
        step: where the run starts.
        last_step: where it will end.
        expected: seconds that it was said to take.
        every: seconds between plain lines, where there is no terminal for a bar.
    """

    def __init__(
        self, step: int, last_step: int, expected: float = 0, every: float = 30
    ) -> None:
        self.first_step, self.last_step, self.every = step, last_step, every
        self.began = self.said = monotonic()
        self.expected, self.hinted = expected, False
        wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else 1000
        self.columns = columns_for(wide)
        print(" ".join(c.title for c in self.columns), flush=True)
        self.bar = tqdm(
            total=last_step,
            initial=step,
            unit="step",
            disable=not sys.stderr.isatty(),
            dynamic_ncols=True,
            leave=False,
            smoothing=0,  # the average: validation is part of the time that is left
        )

    def left(self, step: int) -> float:
        """Seconds that are left, if it goes on as it went so far."""
        passed = (monotonic() - self.began) / max(1, step - self.first_step)
        return passed * (self.last_step - step)

    def step(self, state: Any, steps_per_epoch: int) -> None:
        """To be called after each step."""
        loss, accuracy = state.loss / state.seen, state.right / state.seen
        speed = state.seen / max(state.training_seconds, 1e-9)
        self.bar.set_postfix_str(
            f"loss {loss:.3f}, acc {accuracy:.2f}, {speed:.0f} img/s", refresh=False
        )
        self.bar.update()
        now = monotonic()
        if self.bar.disable and now - self.said > self.every:
            self.said = now
            print(
                f"{state.step / steps_per_epoch:6.2f} {state.step:6d} {loss:7.3f} "
                f"{accuracy:10.3f}  {speed:.0f} images/s, "
                f"{duration(self.left(state.step))} left",
                flush=True,
            )

    def row(self, row: dict[str, Any], classes: int) -> None:
        """To be called after each row of the log.

        Args:
            row: as in the log.
            classes: how many classes there are.
        """
        self.said = monotonic()
        with tqdm.external_write_mode():
            print(" ".join(c.cell(row[c.name]) for c in self.columns), flush=True)
            self._correct(row["step"])
            chance = log(classes)
            flat = abs(row["loss"] - chance) < 0.01 * chance
            flat = flat and row["train_acc"] < 1.5 / classes
            if flat and row["step"] >= FLAT_AFTER and not self.hinted:
                self.hinted = True
                print(FLAT.format(chance, classes, 3 * row["lr"]), flush=True)

    def _correct(self, step: int) -> None:
        """After the first row: how long it takes, if that was said wrongly."""
        left, expected = self.left(step), self.expected
        self.expected = 0
        whole = left + monotonic() - self.began
        if left > 10 and expected and not 0.8 < whole / expected < 1.25:
            print(f"as measured, {duration(left)} are left", flush=True)

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
