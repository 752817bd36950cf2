"""Sheet 2, first half: ReLU."""

from __future__ import annotations

import numpy as np

from npalexnet import layers as L
from npalexnet.checks.exercise import (
    Exercise,
    Known,
    Trial,
    forward_and_backward,
    right_by,
)
from npalexnet.checks.instruments import away_from_zero
from npalexnet.layers.layer import Array


def trials() -> list[Trial]:
    """Matrices and maps; in the last trial some inputs lie on the kink."""
    rng = np.random.default_rng(0)
    with_zeros = away_from_zero((4, 5), rng)
    with_zeros[1:3, ::2] = 0
    found = [
        Trial("a matrix of both signs", {"x": away_from_zero((4, 5), rng)}),
        Trial("maps of several images", {"x": away_from_zero((2, 3, 4, 5), rng)}),
        Trial("some inputs are exactly 0", {"x": with_zeros}),
    ]
    return [*found, found[1].in_float32()]


# ------------------------------------------------------------------------ a wrong y


def nothing_cut_off(t: Known) -> Array:
    """Nothing is cut off: y is x."""
    return t.x


def absolute_value(t: Known) -> Array:
    """This is the absolute value of x."""
    return np.abs(t.x)


def negative_half(t: Known) -> Array:
    """The wrong half is kept: the negative one."""
    return np.minimum(t.x, 0)


def is_positive(t: Known) -> Array:
    """This says where x is positive (0 or 1), not what x is there."""
    return (t.x > 0) * 1.0


def maximum_of_an_axis(t: Known) -> Array:
    """This is one maximum over a whole axis. ReLU looks at each number by itself."""
    return t.x.max(0)


# ----------------------------------------------------------------------- a wrong dx


def asks_dy(t: Known) -> Array:
    """It asks whether dy is positive. Ask whether x was: dy may have any sign."""
    return np.where(t.dy > 0, t.dy, 0)


def asks_both(t: Known) -> Array:
    """It asks for both, x positive and dy positive. dy may have any sign."""
    return np.where((t.dy > 0) & (t.x > 0), t.dy, 0)


def everything_goes_back(t: Known) -> Array:
    """Everything goes back. Where y did not move, x gets nothing."""
    return t.dy


def slope_alone(t: Known) -> Array:
    """This is the slope alone. dy, what the loss makes of y, is missing."""
    return (t.x > 0) * 1.0


def times_y(t: Known) -> Array:
    """dy is multiplied by y, not by the slope of y."""
    return t.dy * t.y


def where_negative(t: Known) -> Array:
    """The wrong half goes back: where x was negative."""
    return np.where(t.x < 0, t.dy, 0)


def slope_1_at_0(t: Known) -> Array:
    """Right but for the inputs that are exactly 0. There is no slope there; by
    agreement it is 0."""
    return np.where(t.x >= 0, t.dy, 0)


def slope_half_at_0(t: Known) -> Array:
    """Right but for the inputs that are exactly 0. There is no slope there; by
    agreement it is 0, not a half."""
    return t.dy * (np.sign(t.x) + 1) / 2


EXERCISE = Exercise(
    file="npalexnet/layers/relu.py",
    functions=forward_and_backward("dx"),
    axes={"y": "", "dx": ""},
    right=right_by(L.relu_forward, L.relu_backward, "dx"),
    trials=trials(),
    suspects={
        "y": [
            nothing_cut_off,
            absolute_value,
            negative_half,
            is_positive,
            maximum_of_an_axis,
        ],
        "dx": [
            asks_dy,
            asks_both,
            everything_goes_back,
            slope_alone,
            times_y,
            where_negative,
            slope_1_at_0,
            slope_half_at_0,
        ],
    },
)
