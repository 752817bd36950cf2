"""Sheet 1: a fully connected layer."""

from __future__ import annotations

import numpy as np

from npalexnet import layers as L
from npalexnet.checks.exercise import (
    Exercise,
    Known,
    Trial,
    forward_and_backward,
    normal,
    right_by,
)
from npalexnet.checks.sheets.batch_sums import over_images
from npalexnet.layers.layer import Array


def trial(says: str, n: int, d: int, m: int) -> Trial:
    """A batch of n images, d inputs, m units."""
    return Trial(
        says, {"x": normal(n, d), "w": normal(m, d, purpose="w"), "b": normal(m)}
    )


TRIALS = [
    trial("one image", 1, 5, 3),
    trial("four images", 4, 5, 3),
    trial("as many units as inputs", 4, 5, 5),
]


def square(t: Known) -> bool:
    """As many units as inputs: a transposed w fits."""
    return t.w.shape[0] == t.w.shape[1]


# ------------------------------------------------------------------------ a wrong y


def no_bias(t: Known) -> Array:
    """The bias is missing."""
    return t.y - t.b


def transposed(t: Known) -> Array | None:
    """w is used the wrong way round: w[m, d] belongs to unit m and input d. It fits
    only because there are as many units as inputs."""
    return t.x @ t.w + t.b if square(t) else None


# ----------------------------------------------------------------------- a wrong dx


def dx_transposed(t: Known) -> Array | None:
    """w is used the wrong way round. It fits only because there are as many units as
    inputs."""
    return t.dy @ t.w.T if square(t) else None


def from_one_unit(t: Known) -> Array:
    """Only one unit sends something back. Each input went into all units, and collects
    from all of them."""
    return t.dy[:, -1:] * t.w[-1]


# ---------------------------------------------------------------- a wrong dw, or db


def dw_of(t: Known, images: slice) -> Array:
    """The weights' gradient from some images only."""
    return t.dy[images].T @ t.x[images]


def db_of(t: Known, images: slice) -> Array:
    """The biases' gradient from some images only."""
    return t.dy[images].sum(0)


def over_units(t: Known) -> Array:
    """It is added up over the units. There is one bias for each unit, and all images
    use it."""
    return t.dy.sum(1)


def counted(t: Known) -> Array:
    """dy is missing: this counts how often b was used, not how much the loss minds."""
    return np.full(t.b.shape, float(len(t.dy)))


EXERCISE = Exercise(
    file="npalexnet/layers/linear.py",
    functions=forward_and_backward("dx dw db"),
    axes={"y": "image unit", "dx": "image input", "dw": "unit input", "db": "unit"},
    right=right_by(L.linear_forward, L.linear_backward, "dx dw db"),
    trials=[*TRIALS, TRIALS[1].in_float32()],
    suspects={
        "y": [no_bias, transposed],
        "dx": [dx_transposed, from_one_unit],
        "dw": over_images("w", dw_of),
        "db": [*over_images("b", db_of), over_units, counted],
    },
)
