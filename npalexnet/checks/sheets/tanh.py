"""Sheet 2, second half: tanh."""

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
from npalexnet.layers.layer import Array

TRIALS = [
    Trial("a matrix", {"x": normal(4, 5)}),
    Trial("maps of several images", {"x": normal(2, 3, 4, 5)}),
    Trial("large inputs", {"x": np.array([[-1000.0, -20, -1, 0], [1, 20, 700, 1000]])}),
]


# ------------------------------------------------------------------------ a wrong y


def logistic(t: Known) -> Array:
    """This is the logistic function, between 0 and 1. tanh lies between -1 and 1."""
    return (1 + np.tanh(t.x / 2)) / 2


def overflows(t: Known) -> Array:
    """Right for small x, NaN for large: an exponential overflows, and infinity by
    infinity is NaN. NumPy has a function that is safe."""
    up, down = np.exp(t.x), np.exp(-t.x)
    return (up - down) / (up + down)


def overflows_below(t: Known) -> Array:
    """Right but for very negative x, where it is NaN: an exponential overflows. NumPy
    has a function that is safe."""
    e = np.exp(-2 * t.x)
    return (1 - e) / (1 + e)


def overflows_above(t: Known) -> Array:
    """Right but for very positive x, where it is NaN: an exponential overflows. NumPy
    has a function that is safe."""
    e = np.exp(2 * t.x)
    return (e - 1) / (e + 1)


# ----------------------------------------------------------------------- a wrong dx


def no_square(t: Known) -> Array:
    """A square is missing in the slope."""
    return t.dy * (1 - t.y)


def slope_from_x(t: Known) -> Array:
    """The slope is computed from x where it should be from y, or the other way
    round."""
    return t.dy * (1 - t.x**2)


def tanh_twice(t: Known) -> Array:
    """tanh is applied twice: what it is applied to is y already."""
    return t.dy * (1 - np.tanh(t.y) ** 2)


def plus_square(t: Known) -> Array:
    """A sign inside the slope is wrong."""
    return t.dy * (1 + t.y**2)


def slope_alone(t: Known) -> Array:
    """This is the slope alone. dy, what the loss makes of y, is missing."""
    return 1 - t.y**2


def slope_of_logistic(t: Known) -> Array:
    """This is the slope of the logistic function."""
    return t.dy * t.y * (1 - t.y)


def no_slope(t: Known) -> Array:
    """Everything goes back; the slope is missing."""
    return t.dy


EXERCISE = Exercise(
    file="npalexnet/layers/tanh.py",
    functions=forward_and_backward("dx"),
    axes={"y": "", "dx": ""},
    right=right_by(L.tanh_forward, L.tanh_backward, "dx"),
    trials=[*TRIALS, TRIALS[1].in_float32()],
    suspects={
        "y": [logistic, overflows, overflows_below, overflows_above],
        "dx": [
            no_square,
            slope_from_x,
            tanh_twice,
            plus_square,
            slope_alone,
            slope_of_logistic,
            no_slope,
        ],
    },
)
