"""An exercise: what is asked, with what it is tried, and which mistakes people make.

This is what the judge (judging.py) and the exercise sheets (sheets/) both know. A sheet
fills in an `Exercise`; the judge runs its trials.

A suspect is a mistake, computed: what would come out if somebody made it. It is a
function, and its docstring is what the learner is told:

    def no_bias(t: Known) -> Array:
        "The bias is missing."
        return t.y - t.b
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from npalexnet.datasets.augment import generator
from npalexnet.layers.layer import Array

Known = SimpleNamespace  # a trial's arrays, settings and right results, by name
Suspect = Callable[[Known], Array | None]  # None: it cannot be made in this trial
Again = Callable[..., Array]  # forward once more, with some settings changed: its y


@dataclass(frozen=True)
class Trial:
    """One call.

    Attributes:
        says: what is new about it, "two images".
        arrays: the arrays of forward, in order.
        settings: its other arguments, by name.
    """

    says: str
    arrays: Mapping[str, Array]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def in_float32(self) -> Trial:
        """The same in float32: nothing may come back in float64."""
        arrays = {
            name: a.astype(np.float32) if a.dtype.kind == "f" else a
            for name, a in self.arrays.items()
        }
        return Trial("float32", arrays, self.settings)


def no_doubt(t: Known, y: Array, again: Again) -> str | None:
    """Nothing but the numbers of y needs to be looked at."""
    return None


@dataclass(frozen=True)
class Exercise:
    """What the judge must know of one layer.

    Attributes:
        file: where the package does it.
        functions: name of each function to be written, and its results.
        axes: result to what its axes count, "image unit".
        right: the right results, and dy, from (trial, what was found as y).
        trials: from simple to rich.
        suspects: for each result the mistakes that people make; the first that fits is
            named. Their docstrings do not give the answer away.
        doubt: what else may be wrong with a y whose numbers fit.
    """

    file: str
    functions: Mapping[str, tuple[str, ...]]
    axes: Mapping[str, str]
    right: Callable[[Trial, Array | None], dict[str, Any]]
    trials: Sequence[Trial]
    suspects: Mapping[str, Sequence[Suspect]]
    doubt: Callable[[Known, Array, Again], str | None] = no_doubt

    @property
    def results(self) -> list[str]:
        """All results, in order."""
        return [name for names in self.functions.values() for name in names]

    def known(self, trial: Trial, y: Array | None = None) -> Known:
        """All that is known of a trial: arrays, settings, right results, `axes`."""
        return SimpleNamespace(
            **trial.arrays, **trial.settings, **self.right(trial, y), axes=self.axes
        )


def sentence(suspect: Suspect) -> str:
    """What a learner is told if it was this mistake: the docstring, on one line.

    `python -OO` removes docstrings; then it is the name of the function.
    """
    name = getattr(suspect, "__name__", "a known mistake").replace("_", " ")
    return " ".join((suspect.__doc__ or f"{name}.").split())


def normal(*shape: int, purpose: str = "array") -> Array:
    """Standard normal numbers, the same ones every time, and others for each purpose.

    An x and a dy of one shape must differ: else a backward that takes one for the other
    would pass.
    """
    return generator(0, f"exercise {purpose}", *shape).standard_normal(shape)


# ------------------------------------------- an exercise with a forward and a backward


def forward_and_backward(gradients: str) -> dict[str, tuple[str, ...]]:
    """The functions to be written; `gradients` is what backward returns, "dx dw"."""
    return {"forward": ("y",), "backward": tuple(gradients.split())}


def right_by(
    forward: Callable[..., Any], backward: Callable[..., Any], gradients: str
) -> Callable[[Trial, Array | None], dict[str, Any]]:
    """The right results, by the functions of the package."""

    def right(trial: Trial, found: Array | None) -> dict[str, Any]:
        y, cache = forward(*trial.arrays.values(), **trial.settings)
        dy = normal(*y.shape, purpose="dy").astype(y.dtype)
        values = backward(dy, cache)
        values = values if isinstance(values, tuple) else (values,)
        named = dict(zip(gradients.split(), values, strict=True))
        return {"y": y, "dy": dy, "cache": cache, **named}

    return right
