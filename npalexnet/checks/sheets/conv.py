"""Sheet 5: convolution."""

from __future__ import annotations

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
from npalexnet.checks.sheets.batch_sums import over_images
from npalexnet.checks.sheets.overwritten import assign_windows
from npalexnet.layers.layer import Array, Shape

FLIP = np.s_[..., ::-1, ::-1]


def trial(says: str, x: Shape, w: Shape, stride: int, pad: int, groups: int) -> Trial:
    """Shapes of x (N, C, H, W) and w (F, C/groups, K, K), and the settings."""
    arrays = {"x": normal(*x), "w": normal(*w, purpose="w"), "b": normal(w[0])}
    return Trial(says, arrays, {"stride": stride, "pad": pad, "groups": groups})


TRIALS = [
    trial("one window as large as the picture", (1, 1, 3, 3), (1, 1, 3, 3), 1, 0, 1),
    trial("one channel, one filter", (1, 1, 5, 6), (1, 1, 3, 3), 1, 0, 1),
    trial("two channels, five filters", (1, 2, 5, 6), (5, 2, 3, 3), 1, 0, 1),
    trial("three images", (3, 2, 4, 5), (5, 2, 3, 3), 1, 0, 1),
    trial("stride 2, and a row left over", (3, 2, 6, 7), (5, 2, 3, 3), 2, 0, 1),
    trial("padding of 1", (3, 2, 3, 4), (5, 2, 3, 3), 1, 1, 1),
    trial("two groups", (3, 4, 3, 4), (6, 2, 2, 2), 1, 0, 2),
    trial("stride, padding and groups", (3, 6, 6, 5), (4, 3, 3, 3), 2, 1, 2),
]


def y_with(t: Known, x: Array, w: Array, **changed: Any) -> Array:
    """Forward with another input, filter or setting."""
    settings = {"stride": t.stride, "pad": t.pad, "groups": t.groups} | changed
    return L.conv2d_forward(x, w, t.b, **settings)[0]


def gradients_with(
    t: Known, x: Array, w: Array, dy: Array, **changed: int
) -> tuple[Array, Array, Array]:
    """(dx, dw, db) with another input, filter, dy or setting."""
    settings = {"stride": t.stride, "pad": t.pad, "groups": t.groups} | changed
    return L.conv2d_backward(dy, (x, w, *settings.values()))


def only_first_group(t: Known) -> Array:
    """x, with the first group's channels in the place of every other group's."""
    return np.tile(t.x[:, : t.w.shape[1]], (1, t.groups, 1, 1))


# ------------------------------------------------------------------------ a wrong y


def no_bias(t: Known) -> Array:
    """The bias is missing."""
    return t.y - t.b[:, None, None]


def flipped(t: Known) -> Array:
    """The filter is flipped. That is how mathematicians convolve; here it lies on the
    picture as it is."""
    return y_with(t, t.x, t.w[FLIP])


def transposed(t: Known) -> Array:
    """Rows and columns of the filter are exchanged."""
    return y_with(t, t.x, t.w.swapaxes(-1, -2))


def first_channel(t: Known) -> Array:
    """Only the first channel is looked at. A filter has a slice for each channel, and
    their matches add up."""
    return y_with(t, t.x[:, :: t.w.shape[1]], t.w[:, :1])


def last_channel(t: Known) -> Array:
    """Only the last channel is left: = where += should be."""
    channels = t.w.shape[1]
    return y_with(t, t.x[:, channels - 1 :: channels], t.w[:, -1:])


def bias_per_channel(t: Known) -> Array:
    """The bias is added once for each channel. It belongs to the filter, once at each
    place."""
    return t.y + (t.w.shape[1] - 1) * t.b[:, None, None]


def no_stride(t: Known) -> Array:
    """The stride is not used: the windows move by one pixel."""
    return y_with(t, t.x, t.w, stride=1)


def steps_of_one(t: Known) -> Array:
    """There are as many windows as there should be, but they move by one pixel, not by
    the stride."""
    return no_stride(t)[..., : t.y.shape[2], : t.y.shape[3]]


def no_padding(t: Known) -> Array | None:
    """The padding is not used."""
    fits = min(t.x.shape[2:]) >= t.w.shape[-1]
    return y_with(t, t.x, t.w, pad=0) if fits else None


def padding_behind(t: Known) -> Array:
    """There is padding behind the picture only; half of it belongs before."""
    return y_with(t, t.x, t.w, pad=(0, 2 * t.pad))


def groups_mixed(t: Known) -> Array:
    """The groups are mixed: all filters look at the channels of the first group."""
    return y_with(t, only_first_group(t), t.w)


# ----------------------------------------------------------------------- a wrong dx


def overwritten(t: Known) -> Array:
    """= where += should be: where windows overlap, a pixel has only what the last
    window sent. It collects from all windows that saw it."""
    n, f, p, q = t.dy.shape
    (_, cg, k, _), g = t.w.shape, t.groups
    dy = t.dy.reshape(n, g, f // g, p, q)
    w = t.w.reshape(g, f // g, cg, k, k)
    dv = np.einsum("ngfpq,gfcij->ngcpqij", dy, w).reshape(n, g * cg, p, q, k, k)
    return assign_windows(dv, t.x.shape, t.stride, t.pad)


def dx_flipped(t: Known) -> Array:
    """The filter is flipped. In a formula with sums over dx's own places it must be,
    but not in yours."""
    return gradients_with(t, t.x, t.w[FLIP], t.dy)[0]


def dx_transposed(t: Known) -> Array:
    """Rows and columns of the filter are exchanged."""
    return gradients_with(t, t.x, t.w.swapaxes(-1, -2), t.dy)[0]


def last_filter(t: Known) -> Array | None:
    """Only the last filter sends something back: = where += should be. All filters
    looked at this pixel."""
    if t.groups > 1:
        return None
    return gradients_with(t, t.x, t.w[-1:], t.dy[:, -1:])[0]


def padding_still_there(t: Known) -> Array:
    """The padding is still around it. Those zeros were not in x."""
    x = np.pad(t.x, ((0, 0), (0, 0), (t.pad, t.pad), (t.pad, t.pad)))
    return gradients_with(t, x, t.w, t.dy, pad=0)[0]


def gradients_in_steps_of_one(t: Known) -> tuple[Array, Array, Array]:
    """The gradients with windows at (p, q), not at (p·stride, q·stride)."""
    dy = np.zeros_like(no_stride(t))
    dy[..., : t.y.shape[2], : t.y.shape[3]] = t.dy
    return gradients_with(t, t.x, t.w, dy, stride=1)


def dx_steps_of_one(t: Known) -> Array:
    """The windows move by one pixel, not by the stride."""
    return gradients_in_steps_of_one(t)[0]


def into_first_group(t: Known) -> Array:
    """The groups are mixed: everything went into the channels of the first group."""
    n, c, h, w = t.x.shape
    dx = np.zeros_like(t.dx)
    dx[:, : c // t.groups] = t.dx.reshape(n, t.groups, -1, h, w).sum(1)
    return dx


# ----------------------------------------------------------------------- a wrong dw


def dw_of(t: Known, images: slice) -> Array:
    """The weights' gradient from some images only."""
    return gradients_with(t, t.x[images], t.w, t.dy[images])[1]


def last_place(t: Known) -> Array:
    """Only one place is left: = where += should be. A weight is used at every place of
    every image, and collects from all of them."""
    dy = np.zeros_like(t.dy)
    dy[-1, :, -1, -1] = t.dy[-1, :, -1, -1]
    return gradients_with(t, t.x, t.w, dy)[1]


def dw_mean_of_places(t: Known) -> Array:
    """It is the mean over images and places. A weight is used at each of them, and
    collects the sum."""
    return t.dw / (len(t.y) * t.y.shape[2] * t.y.shape[3])


def upside_down(t: Known) -> Array:
    """It is flipped: rows and columns run backwards."""
    return t.dw[FLIP]


def dw_steps_of_one(t: Known) -> Array:
    """The windows move by one pixel, not by the stride."""
    return gradients_in_steps_of_one(t)[1]


def no_padding_before(t: Known) -> Array:
    """The windows are those of x without its padding before the first pixel."""
    x = np.pad(t.x, ((0, 0), (0, 0), (0, 2 * t.pad), (0, 2 * t.pad)))
    return gradients_with(t, x, t.w, t.dy, pad=0)[1]


def dw_groups_mixed(t: Known) -> Array:
    """The groups are mixed: all filters are paired with the channels of the first
    group."""
    return gradients_with(t, only_first_group(t), t.w, t.dy)[1]


# ----------------------------------------------------------------------- a wrong db


def db_of(t: Known, images: slice) -> Array:
    """The biases' gradient from some images only."""
    return t.dy[images].sum((0, 2, 3))


def db_mean_of_places(t: Known) -> Array:
    """It is the mean over images and places. b is added at each of them, and collects
    the sum."""
    return t.dy.mean((0, 2, 3))


def not_over_places(t: Known) -> Array:
    """It is added up over the images, but not over the places: b is added at every
    place."""
    return t.dy.sum(0)


def not_over_images(t: Known) -> Array:
    """It is added up over the places, but not over the images: all images use b."""
    return t.dy.sum((2, 3))


def dy_itself(t: Known) -> Array:
    """This is dy itself. There is one bias for each filter, and it collects from every
    place of every image."""
    return t.dy


EXERCISE = Exercise(
    file="npalexnet/layers/conv.py",
    functions=forward_and_backward("dx dw db"),
    axes={
        "y": "image filter row column",
        "dx": "image channel row column",
        "dw": "filter channel row column",
        "db": "filter",
    },
    right=right_by(L.conv2d_forward, L.conv2d_backward, "dx dw db"),
    trials=[*TRIALS, TRIALS[-1].in_float32()],
    suspects={
        "y": [
            no_bias,
            flipped,
            transposed,
            first_channel,
            last_channel,
            bias_per_channel,
            no_stride,
            steps_of_one,
            no_padding,
            padding_behind,
            groups_mixed,
        ],
        "dx": [
            overwritten,
            dx_flipped,
            dx_transposed,
            last_filter,
            padding_still_there,
            dx_steps_of_one,
            into_first_group,
        ],
        "dw": [
            *over_images("w", dw_of),
            last_place,
            dw_mean_of_places,
            upside_down,
            dw_steps_of_one,
            no_padding_before,
            dw_groups_mixed,
        ],
        "db": [
            *over_images("b", db_of),
            db_mean_of_places,
            not_over_places,
            not_over_images,
            dy_itself,
        ],
    },
)
