"""Sheet 6: max-pooling."""

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
from npalexnet.checks.instruments import distinct
from npalexnet.checks.sheets.overwritten import assign_windows
from npalexnet.layers.layer import Array, Shape
from npalexnet.layers.windows import windows


def trials() -> list[Trial]:
    """All pixels differ, but for the last trial, where many are 0."""
    rng = np.random.default_rng(0)

    def trial(says: str, shape: Shape, kernel: int, stride: int) -> Trial:
        x = distinct(shape, rng) - 0.6 * np.prod(shape)
        return Trial(says, {"x": x}, {"kernel": kernel, "stride": stride})

    ties = np.maximum(distinct((2, 3, 7, 5), rng) - 120, 0) // 20
    found = [
        trial("one map, windows side by side", (1, 1, 4, 6), 2, 2),
        trial("two images of three maps", (2, 3, 4, 6), 2, 2),
        trial("windows that overlap: kernel 3, stride 2", (2, 3, 5, 7), 3, 2),
        trial("a row and a column left over", (2, 3, 6, 8), 3, 2),
        Trial("equal pixels, as after a ReLU", {"x": ties}, {"kernel": 3, "stride": 2}),
    ]
    return [*found, found[-1].in_float32()]


def pool_windows(t: Known) -> Array:
    """The windows of x: (N, C, P, Q, K, K)."""
    return windows(t.x, t.kernel, t.stride)


def as_rows(t: Known) -> Array:
    """The windows with their pixels in reading order: (N, C, P, Q, K²)."""
    return pool_windows(t).reshape(*t.y.shape, -1)


def is_largest(t: Known) -> Array:
    """Which pixels of each window equal its maximum: more than one in a tie."""
    return pool_windows(t) == t.y[..., None, None]


def winners(t: Known, last: bool = False) -> Array:
    """Which pixel of each window wins, the first or the last of equal ones: one each,
    (N, C, P, Q, K, K)."""
    rows = as_rows(t)
    count = rows.shape[-1]
    place = count - 1 - rows[..., ::-1].argmax(-1) if last else rows.argmax(-1)
    return (np.arange(count) == place[..., None]).reshape(pool_windows(t).shape)


def given_to(t: Known, share: Array) -> Array:
    """dx when each window gives dy times share (N, C, P, Q, K, K) to its pixels."""
    return L.add_windows(share * t.dy[..., None, None], t.x.shape, t.stride)


# ------------------------------------------------------------------------ a wrong y


def mean(t: Known) -> Array:
    """This is the mean of each window."""
    return pool_windows(t).mean((-1, -2))


def at_least_zero(t: Known) -> Array:
    """Negative windows become 0: the search for the largest started at 0, and
    everything there is less."""
    return np.maximum(t.y, 0)


def place_of_the_winner(t: Known) -> Array:
    """This is which place of the window won, not what stands there."""
    return as_rows(t).argmax(-1)


def no_stride(t: Known) -> Array:
    """The windows move by one pixel, not by the stride."""
    return windows(t.x, t.kernel).max((-1, -2))


def steps_of_one(t: Known) -> Array:
    """There are as many windows as there should be, but they move by one pixel, not by
    the stride."""
    return no_stride(t)[..., : t.y.shape[2], : t.y.shape[3]]


def hanging_over(t: Known) -> Array:
    """The last windows hang over the edge. Here only windows that fit are counted."""
    rest = [(0, -(side - t.kernel) % t.stride) for side in t.x.shape[2:]]
    x = np.pad(t.x, [(0, 0), (0, 0), *rest], constant_values=-np.inf)
    return L.maxpool_forward(x, t.kernel, t.stride)[0]


# ----------------------------------------------------------------------- a wrong dx


def paid_once(t: Known) -> Array:
    """= where += should be: a pixel that is the largest of several windows is paid by
    one of them only. It collects from all."""
    wins = winners(t)
    dv = wins * t.dy[..., None, None]
    return assign_windows(dv, t.x.shape, t.stride, wins=wins)


def window_written(t: Known) -> Array:
    """= where += should be, for a whole window: it wipes out what its pixels have got
    from other windows."""
    return assign_windows(winners(t) * t.dy[..., None, None], t.x.shape, t.stride)


def shared_evenly(t: Known) -> Array:
    """dy is shared out evenly over the window. Only the largest moves y, so it gets
    everything."""
    return given_to(t, np.full(pool_windows(t).shape, t.kernel**-2.0))


def everybody_gets_dy(t: Known) -> Array:
    """Every pixel of the window gets dy. Only the largest moves y."""
    return given_to(t, np.ones(pool_windows(t).shape))


def counted(t: Known) -> Array:
    """This counts which pixels win. dy, what the loss makes of y, is missing."""
    return L.add_windows(winners(t) * 1.0, t.x.shape, t.stride)


def ties_get_all(t: Known) -> Array:
    """Where two pixels of a window are equally large, both get all of dy. Then more
    comes back than went in; by agreement the first in reading order wins."""
    return given_to(t, is_largest(t))


def ties_share(t: Known) -> Array:
    """Where pixels of a window are equally large, they share dy. By agreement the first
    in reading order wins all."""
    return given_to(t, is_largest(t) / is_largest(t).sum((-1, -2), keepdims=True))


def last_of_ties(t: Known) -> Array:
    """Where two pixels of a window are equally large, the last one gets dy. By
    agreement it is the first in reading order."""
    return given_to(t, winners(t, last=True))


EXERCISE = Exercise(
    file="npalexnet/layers/pool.py",
    functions=forward_and_backward("dx"),
    axes=dict.fromkeys(("y", "dx"), "image channel row column"),
    right=right_by(L.maxpool_forward, L.maxpool_backward, "dx"),
    trials=trials(),
    suspects={
        "y": [
            mean,
            at_least_zero,
            place_of_the_winner,
            no_stride,
            steps_of_one,
            hanging_over,
        ],
        "dx": [
            paid_once,
            window_written,
            shared_evenly,
            everybody_gets_dy,
            counted,
            ties_get_all,
            ties_share,
            last_of_ties,
        ],
    },
)
