"""How far a run has come: what it needs to go on, and where its time went.

Everything that is needed to go on is in last.npz: weights, velocity, and `TrainState`.
Random numbers are functions of seed, epoch and step, so there is no generator to save.
That is why a run that is killed, at any moment, and resumed ends as if nothing had
happened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from time import perf_counter
from typing import Any

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.net.optim import ReduceLROnPlateau
from npalexnet.net.step import Trainable

PHASES = ("data", "forward", "backward", "update", "validation", "saving")


@dataclass
class TrainState:
    """Where a run is: all that is needed to go on, besides weights and velocity.

    Attributes:
        step: steps done.
        lr: the learning rate of the last step.
        loss, right, seen, training_seconds: sums since the last row of the log.
        row_due: an epoch, or the run, has ended and is not yet in the log.
        seconds: since the first step began, added up over resumes.
        best_top1: the best top-1 of all validations so far.
        plateau: the state of `ReduceLROnPlateau`.
        phases: seconds spent in each phase.
    """

    step: int = 0
    lr: float = 0.0
    loss: float = 0.0
    right: int = 0
    seen: int = 0
    training_seconds: float = 0.0
    row_due: bool = False
    seconds: float = 0.0
    best_top1: float = -1.0
    plateau: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @staticmethod
    def from_file(said: Any) -> TrainState:
        """A state that was saved.

        Raises:
            ValueError: it is damaged, or no state.
        """
        begun = TrainState(plateau=vars(ReduceLROnPlateau(0.1)))
        if not (alike(said, vars(begun)) or alike(said, vars(TrainState()))):
            raise ValueError("it does not say how far a run has come")
        state = TrainState(**said)
        if state.row_due and state.seen == 0:
            raise ValueError("it says that a row is due, of no pictures")
        return state

    def count(self, loss: float, right: int, seen: int) -> None:
        """Add one step to the sums."""
        self.step += 1
        self.loss += loss * seen
        self.right += right
        self.seen += seen

    def spend(self, phase: str, seconds: float) -> None:
        """Charge time to a phase."""
        self.phases[phase] += seconds
        self.seconds += seconds
        if phase not in ("validation", "saving"):
            self.training_seconds += seconds

    @property
    def first_unlogged(self) -> int:
        """The first step whose row of the log is still to be written."""
        return self.step if self.row_due else self.step + 1

    def new_row(self) -> None:
        """Start counting for the next row of the log."""
        self.loss, self.right, self.seen, self.training_seconds = 0.0, 0, 0, 0.0
        self.row_due = False


def alike(value: Any, usual: Any) -> bool:
    """Is a value from a file of the same kind as this one, and a possible number?"""
    if isinstance(usual, dict):
        same = isinstance(value, dict) and value.keys() == usual.keys()
        return same and all(alike(value[name], usual[name]) for name in usual)
    if isinstance(usual, float) and type(value) is float:
        return not isnan(value)
    kinds = (int,) if isinstance(usual, float) else (type(usual),)
    return type(value) in kinds and 0 <= value < 2**62


class Stopwatch:
    """Charges the time since the last call to one phase of the run."""

    def __init__(self, state: TrainState) -> None:
        self.state, self.last = state, perf_counter()

    def __call__(self, phase: str) -> None:
        """Charge the time since the last call to this phase."""
        now = perf_counter()
        self.state.spend(phase, now - self.last)
        self.last = now


class Timed:
    """A network that tells a stopwatch when forward and backward are done.

    Args:
        network: does the work.
        watch: charges the time to "forward" and "backward".
    """

    def __init__(self, network: Trainable, watch: Stopwatch) -> None:
        self.network, self.watch = network, watch

    def forward(
        self,
        x: Array,
        train: bool = False,
        keep: bool = True,
        *,
        rng: np.random.Generator | None = None,
    ) -> Array:
        """The network's own forward."""
        return self.network.forward(x, train, keep, rng=rng)

    def backward(self, dy: Array) -> None:
        """The network's own backward; the time before it went to forward and loss."""
        self.watch("forward")
        self.network.backward(dy)
        self.watch("backward")
