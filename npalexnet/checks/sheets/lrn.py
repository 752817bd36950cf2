"""Sheet 7: local response normalisation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

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
from npalexnet.layers.lrn import window_sums
from npalexnet.layers.samemap import square_sums


def trial(says: str, *shape: int, size: int, **more: float) -> Trial:
    """x (N, C, H, W) and a window of `size` maps; with this α every term counts."""
    settings = {"size": size, "alpha": 0.3, "beta": 0.75, "k": 2.0} | more
    return Trial(says, {"x": 1.5 * normal(*shape)}, settings)


TRIALS = [
    trial("a window of three maps", 1, 7, 2, 2, size=3),
    trial("two images, a window of five maps", 2, 8, 3, 4, size=5),
    trial("another k and beta", 2, 8, 3, 4, size=5, beta=0.6, k=1.3),
    trial("a window wider than all maps", 2, 3, 3, 4, size=7),
]


def over_window(t: Known, v: Array) -> Array:
    """Sums over each map's window, as they should be."""
    return window_sums(v, t.size, groups=1)


def shifted_sums(v: Array, steps: Iterable[int]) -> Array:
    """Sums over the maps c + step, for each step; what is no map counts 0."""
    steps = list(steps)
    reach, maps = max(map(abs, steps)), v.shape[1]
    framed = np.pad(v, ((0, 0), (reach, reach), (0, 0), (0, 0)))
    return np.sum([framed[:, reach + s : reach + s + maps] for s in steps], axis=0)


def round_the_corner(t: Known, v: Array) -> Array:
    """Window sums in which the last map is the neighbour of the first."""
    half = t.size // 2
    return np.sum([np.roll(v, by, axis=1) for by in range(-half, half + 1)], axis=0)


def scale(t: Known) -> Array:
    """s of the layer: k + α Σ x²."""
    return t.k + t.alpha * over_window(t, t.x**2)


# ------------------------------------------------------------------------ a wrong y


def y_with(t: Known, **changed: Any) -> Array:
    """Forward with some settings changed."""
    settings = {"size": t.size, "alpha": t.alpha, "beta": t.beta, "k": t.k}
    return L.lrn_forward(t.x, **(settings | changed))[0]


def y_from(t: Known, sums: Array) -> Array:
    """y, if these were the sums of squares."""
    return t.x * (t.k + t.alpha * sums) ** -t.beta


def multiplied(t: Known) -> Array:
    """It is multiplied by s^beta. Loud neighbours should make it quieter."""
    return t.x * scale(t) ** t.beta


def no_beta(t: Known) -> Array:
    """The exponent beta is missing."""
    return t.x / scale(t)


def square_root(t: Known) -> Array:
    """The exponent is 1/2, and should be beta."""
    return t.x / np.sqrt(scale(t))


def no_k(t: Known) -> Array:
    """k is missing."""
    return y_with(t, k=0)


def k_is_1(t: Known) -> Array:
    """k is 1, whatever is asked for."""
    return y_with(t, k=1.0)


def no_alpha(t: Known) -> Array:
    """alpha is missing."""
    return y_with(t, alpha=1.0)


def alpha_by_size(t: Known) -> Array:
    """alpha is divided by the size of the window. Caffe and PyTorch do so; the paper's
    alpha multiplies the plain sum."""
    return y_with(t, alpha=t.alpha / t.size)


def no_squares(t: Known) -> Array:
    """The squares are missing: the maps themselves are added up."""
    return y_from(t, over_window(t, t.x))


def without_itself(t: Known) -> Array:
    """A map does not count in its own window. It does."""
    return y_from(t, over_window(t, t.x**2) - t.x**2)


def over_all_maps(t: Known) -> Array:
    """The sum goes over all maps. Only the window's are meant."""
    return y_from(t, (t.x**2).sum(1, keepdims=True))


def y_round_the_corner(t: Known) -> Array:
    """The border is wrong, the inside right: the last map is taken for a neighbour of
    the first. There the window should just be smaller."""
    return y_from(t, round_the_corner(t, t.x**2))


def over_pixels(t: Known) -> Array:
    """The window lies on the pixels of one map. It should go across the maps, at one
    pixel."""
    return y_from(t, square_sums(t.x**2, t.size))


def later_maps_only(t: Known) -> Array:
    """The window starts at the map itself: only later neighbours count. The map should
    be in its middle."""
    return y_from(t, shifted_sums(t.x**2, range(t.size)))


def twice_as_wide(t: Known) -> Array:
    """The window is `size` wide to either side. It is `size` wide in all."""
    return y_from(t, window_sums(t.x**2, 2 * t.size + 1, groups=1))


def without_last(t: Known) -> Array:
    """The last map of the window is left out: size // 2 to the right must be
    included."""
    half = t.size // 2
    return y_from(t, shifted_sums(t.x**2, range(-half, half)))


# ----------------------------------------------------------------------- a wrong dx


def first(t: Known) -> Array:
    """The first term of dx."""
    return t.dy * scale(t) ** -t.beta


def second(t: Known, sums: Array) -> Array:
    """The second term of dx, if these were its sums."""
    return 2 * t.alpha * t.beta * t.x * sums


def right_second(t: Known) -> Array:
    """The second term as it must be subtracted."""
    return second(t, over_window(t, t.dy * t.y / scale(t)))


def no_second_term(t: Known) -> Array:
    """The second term is missing: x also stands in s, its own and its neighbours', and
    so moves their y."""
    return first(t)


def second_term_added(t: Known) -> Array:
    """The second term has the wrong sign: a louder neighbour makes y quieter."""
    return first(t) + right_second(t)


def half_of_second_term(t: Known) -> Array:
    """The second term is half of what it should be: the derivative of a square."""
    return first(t) - right_second(t) / 2


def no_beta_in_second_term(t: Known) -> Array:
    """beta is missing in the second term: the derivative of a power."""
    return first(t) - right_second(t) / t.beta


def no_alpha_in_second_term(t: Known) -> Array:
    """alpha is missing in the second term."""
    return first(t) - right_second(t) / t.alpha


def no_neighbours(t: Known) -> Array:
    """The neighbours are missing in the second term: x moves only its own s in it. It
    moves the s of every map whose window it is in."""
    return first(t) - second(t, t.dy * t.y / scale(t))


def no_first_term(t: Known) -> Array:
    """The first term is missing: what x does to its own y when s stays."""
    return -right_second(t)


def sum_of_neighbours_x(t: Known) -> Array:
    """In the second term the sum is taken over the neighbours' x, and dy and s are
    those of the map itself. It is the other way round: whose s moves, and whose y
    then?"""
    own = t.dy * scale(t) ** (-t.beta - 1)
    return first(t) - second(t, own * over_window(t, t.x))


def y_not_divided(t: Known) -> Array:
    """In the second term y is not divided by s: the power falls by one."""
    return first(t) - second(t, over_window(t, t.dy * t.y))


def dx_round_the_corner(t: Known) -> Array:
    """The sum of the second term goes round the corner: the last map is taken for a
    neighbour of the first."""
    return first(t) - second(t, round_the_corner(t, t.dy * t.y / scale(t)))


EXERCISE = Exercise(
    file="npalexnet/layers/lrn.py",
    functions=forward_and_backward("dx"),
    axes=dict.fromkeys(("y", "dx"), "image channel row column"),
    right=right_by(L.lrn_forward, L.lrn_backward, "dx"),
    trials=[*TRIALS, TRIALS[2].in_float32()],
    suspects={
        "y": [
            multiplied,
            no_beta,
            square_root,
            no_k,
            k_is_1,
            no_alpha,
            alpha_by_size,
            no_squares,
            without_itself,
            over_all_maps,
            y_round_the_corner,
            over_pixels,
            later_maps_only,
            twice_as_wide,
            without_last,
        ],
        "dx": [
            no_second_term,
            second_term_added,
            half_of_second_term,
            no_beta_in_second_term,
            no_alpha_in_second_term,
            no_neighbours,
            no_first_term,
            sum_of_neighbours_x,
            y_not_divided,
            dx_round_the_corner,
        ],
    },
)
