"""Sheet 8: dropout."""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.checks.exercise import (
    Again,
    Exercise,
    Known,
    Trial,
    forward_and_backward,
    normal,
)
from npalexnet.checks.instruments import away_from_zero
from npalexnet.layers.layer import Array

X = away_from_zero((40, 50), np.random.default_rng(0))


def trial(says: str, rate: float, train: bool) -> Trial:
    """x has no zeros: a 0 in y is a neuron that was dropped."""
    rng = np.random.default_rng(1)
    return Trial(says, {"x": X}, {"rate": rate, "rng": rng, "train": train})


TRIALS = [
    trial("training, rate 0.3", 0.3, True),
    trial("test, rate 0.3", 0.3, False),
    trial("training, rate 0.8", 0.8, True),
]


def right(trial: Trial, found: Array | None) -> dict[str, Any]:
    """The mask is anybody's: it is read off what was found."""
    (x,) = trial.arrays.values()
    keep = 1 - trial.settings["rate"]
    dy = normal(*x.shape, purpose="dy").astype(x.dtype)
    fits = found is not None and found.shape == x.shape
    mask = (found != 0) if found is not None and fits else np.ones(x.shape, bool)
    factor = mask.astype(x.dtype) if trial.settings["train"] else x.dtype.type(keep)
    return {"y": x * factor, "dy": dy, "dx": dy * factor, "mask": mask, "keep": keep}


def doubt(t: Known, y: Array, again: Again) -> str | None:
    """Is the mask drawn as it should be?"""
    if not t.train:
        return None
    kept, wanted = float(t.mask.mean()), t.keep
    if kept == 1:
        return "Nothing is dropped."
    if (t.mask == t.mask[:1]).all() or (t.mask == t.mask[:, :1]).all():
        return (
            "Whole rows or columns are dropped together. Each neuron of each image "
            "draws for itself."
        )
    if not np.array_equal(again(rng=np.random.default_rng(1)) != 0, t.mask):
        return (
            "Two calls with equal generators drop different neurons: the mask does not "
            "come from the `rng` that is given. Nobody could repeat this run."
        )
    if np.array_equal(again(rng=np.random.default_rng(2)) != 0, t.mask):
        return (
            "The same neurons are dropped with every generator: draw the mask from "
            "the `rng` that is given, and do not make one of your own."
        )
    if abs(kept - wanted) > 0.05:
        hint = ""
        if abs(kept - (1 - wanted)) < 0.05:
            hint = " `rate` is the probability of being dropped, not of being kept."
        return (
            f"{1 - kept:.0%} of the neurons are dropped, where rate is {t.rate}.{hint}"
        )
    return None


# ------------------------------------------------------------------------ a wrong y


def inverted(t: Known) -> Array | None:
    """Those who stay are divided by 1 - rate. That is today's way (inverted dropout).
    The paper leaves them as they are, and weakens all at test time."""
    return t.y / t.keep if t.train else None


def weakened_in_training(t: Known) -> Array | None:
    """Those who stay are multiplied by 1 - rate. In training they stay as they are;
    only the test weakens."""
    return t.y * t.keep if t.train else None


def mask_alone(t: Known) -> Array | None:
    """This is the mask. x is missing."""
    return t.mask * 1.0 if t.train else None


def not_weakened_at_test(t: Known) -> Array | None:
    """At test time y is x. In training each neuron was there only part of the time; now
    all are, and the next layer hears too much. A factor is missing."""
    return None if t.train else t.x


def times_rate_at_test(t: Known) -> Array | None:
    """At test time it is multiplied by rate, the share that is dropped."""
    return None if t.train else t.x * t.rate


def factor_twice_at_test(t: Known) -> Array | None:
    """At test time the factor is used twice."""
    return None if t.train else t.x * t.keep**2


def dropped_at_test(t: Known) -> Array | None:
    """At test time neurons are still dropped. `train` is False: nobody stays at
    home."""
    return None if t.train or t.mask.all() else t.x * t.mask


# ----------------------------------------------------------------------- a wrong dx


def no_mask(t: Known) -> Array | None:
    """The mask is forgotten on the way back: a neuron that was dropped did not move
    y."""
    return t.dy if t.train else None


def dx_inverted(t: Known) -> Array | None:
    """It is divided by 1 - rate, but y was not."""
    return t.dx / t.keep if t.train else None


def dx_mask_alone(t: Known) -> Array | None:
    """This is the mask. dy is missing."""
    return t.mask * 1.0 if t.train else None


def times_y(t: Known) -> Array:
    """dy is multiplied by y, not by what x was multiplied with."""
    return t.dy * t.y


def dropped_ones(t: Known) -> Array | None:
    """The wrong ones get dy: those that were dropped."""
    return t.dy * ~t.mask if t.train else None


def dx_not_weakened_at_test(t: Known) -> Array | None:
    """At test time the factor of y is missing in dx."""
    return None if t.train else t.dy


def dx_factor_twice_at_test(t: Known) -> Array | None:
    """At test time the factor is used twice."""
    return None if t.train else t.dx * t.keep


EXERCISE = Exercise(
    file="npalexnet/layers/dropout.py",
    functions=forward_and_backward("dx"),
    axes={"y": "image neuron", "dx": "image neuron"},
    right=right,
    trials=[*TRIALS, TRIALS[0].in_float32()],
    suspects={
        "y": [
            inverted,
            weakened_in_training,
            mask_alone,
            not_weakened_at_test,
            times_rate_at_test,
            factor_twice_at_test,
            dropped_at_test,
        ],
        "dx": [
            no_mask,
            dx_inverted,
            dx_mask_alone,
            times_y,
            dropped_ones,
            dx_not_weakened_at_test,
            dx_factor_twice_at_test,
        ],
    },
    doubt=doubt,
)
