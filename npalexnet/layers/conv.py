"""Convolution: the same small filter at every place (paper 3.5, Fig. 2).

A filter is a picture of what it looks for. It is laid on every window of the input;
multiplying and adding up says how well the window matches. One filter gives one map of
matches, F filters give F maps. The weights are shared by all places, so a filter that
has learned to see an edge sees it everywhere.

Shapes
    x (N, C, H, W)   w (F, C/groups, K, K)   b (F,)   y (N, F, P, Q)

Groups
    With groups = 2 the first half of the filters sees only the first half of the
    channels, the second half only the second. AlexNet ran on two GPUs, and in conv2,
    conv4 and conv5 each filter sees only the maps of its own GPU. Two groups halve the
    weights and the work.

Forward
    y[n, f, p, q] = b[f] + Σ_cij  x[n, c, p·stride + i, q·stride + j] · w[f, c, i, j]

Backward, because y is linear in each of x, w and b:
    db[f]          = Σ_npq dy[n, f, p, q]                 b is added at every place
    dw[f, c, i, j] = Σ_npq dy[n, f, p, q] · window(x)     w is used at every place
    dx             = add_windows(Σ_f dy[n, f, p, q] · w[f, c, i, j])
                                       a pixel collects from each window that saw it

Kept for backward
    x, and the weights themselves. The windows are not kept: for conv1 they are 363
    numbers where a pixel of the input was 3, and cutting them again is cheap.

Conventions of others
    Mathematicians call this correlation: a true convolution would flip the filter.
    Every deep learning library leaves the flip out. cuda-convnet counted windows that
    hang over the edge (224 pixels made 55 places); here, as in Caffe and PyTorch, a
    window must fit, and 224 needs `pad=(0, 3)` for the same 55.

Fast: kernels/conv.py copies the windows of a few images into the columns of a matrix
(im2col), and one matrix product does the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from npalexnet.kernels import conv as kernels
from npalexnet.layers.layer import Array, Layer, Memory, Param, Shape, gaussian
from npalexnet.layers.windows import Pad, add_windows, output_side, pad_sides, windows


def conv2d_forward(
    x: Array, w: Array, b: Array, stride: int = 1, pad: Pad = 0, groups: int = 1
) -> tuple[Array, Any]:
    n = len(x)
    f, cg, k, _ = w.shape
    v = windows(x, k, stride, pad)  # (N, C, P, Q, K, K)
    p, q = v.shape[2:4]
    v = v.reshape(n, groups, cg, p, q, k, k)
    wg = w.reshape(groups, f // groups, cg, k, k)
    y = np.einsum("ngcpqij,gfcij->ngfpq", v, wg, optimize=True)
    y = y.reshape(n, f, p, q) + b[:, None, None]
    return y, (x, w, stride, pad, groups)


def conv2d_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, w, stride, pad, groups = cache
    n, f, p, q = dy.shape
    cg, k = w.shape[1:3]
    v = windows(x, k, stride, pad).reshape(n, groups, cg, p, q, k, k)
    wg = w.reshape(groups, f // groups, cg, k, k)
    dyg = dy.reshape(n, groups, f // groups, p, q)
    db = dy.sum((0, 2, 3))  # (F,)
    dw = np.einsum("ngcpqij,ngfpq->gfcij", v, dyg, optimize=True)
    dv = np.einsum("ngfpq,gfcij->ngcpqij", dyg, wg, optimize=True)
    dx = add_windows(dv.reshape(n, groups * cg, p, q, k, k), x.shape, stride, pad)
    return dx, dw.reshape(w.shape), db


def flat(y: Array) -> Array:
    """(N, F, P, Q) as (N, F, P·Q)."""
    return y.reshape(*y.shape[:2], -1)


def blocks(y: Array) -> Iterator[tuple[int, int]]:
    """Cut images so that one matrix product has about 700 columns.

    Where maps are small (13 x 13 = 169 places) one image is too narrow a matrix to keep
    BLAS busy; several side by side were 5 to 10 % faster.
    """
    step = max(1, 700 // (y.shape[2] * y.shape[3]))
    for lo in range(0, len(y), step):
        yield lo, min(lo + step, len(y))


class Conv2d(Layer):
    """Convolution with square filters.

    Args:
        in_channels: channels C of the input.
        filters: filters F, the channels of the output.
        kernel: side K of a filter, in pixels.
        stride: pixels from one window to the next.
        pad: rows and columns of zeros around the input, or (before, after).
        groups: C and F are cut into this many parts that do not see each other.
        std: weights are drawn from N(0, std²).
        bias: the biases start at this value.
        rng: where the weights are drawn from.

    Raises:
        ValueError: groups does not divide in_channels and filters, or a number is
            too small.
    """

    needs_output = False

    def __init__(
        self,
        in_channels: int,
        filters: int,
        kernel: int,
        stride: int = 1,
        pad: Pad = 0,
        groups: int = 1,
        std: float = 0.01,
        bias: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        if min(in_channels, filters, kernel, stride, groups) < 1:
            raise ValueError(
                "channels, filters, kernel, stride and groups are at least 1"
            )
        if min(pad_sides(pad)) < 0:
            raise ValueError(f"pad must not be negative, and is {pad}")
        if in_channels % groups or filters % groups:
            raise ValueError(
                f"groups={groups} must divide both in_channels={in_channels} "
                f"and filters={filters}"
            )
        self.in_channels, self.filters, self.kernel = in_channels, filters, kernel
        self.stride, self.pad, self.groups = stride, pad, groups
        w = gaussian((filters, in_channels // groups, kernel, kernel), std, rng)
        b = np.full(filters, bias, np.float32)
        self.params = {"w": Param(w), "b": Param(b)}

    def settings(self) -> dict[str, Any]:
        names = ("in_channels", "filters", "kernel", "stride", "pad", "groups")
        return {name: getattr(self, name) for name in names}

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3 or shape[0] != self.in_channels:
            raise ValueError(
                f"Conv2d expects ({self.in_channels}, H, W) for one image, "
                f"and got {shape}"
            )
        p, q = (output_side(n, self.kernel, self.stride, self.pad) for n in shape[1:])
        return self.filters, p, q

    def multiply_adds(self, shape: Shape) -> int:
        _, p, q = self.output_shape(shape)
        return self.params["w"].data.size * p * q

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        w, b = self.params["w"].data, self.params["b"].data
        y = mem.output((len(x), *self.output_shape(x.shape[1:])))
        for lo, hi in blocks(y):
            cols = self._columns(x[lo:hi], y.shape, mem)
            rows = mem.scratch("rows", (self.filters, cols.shape[-1]))

            def some_filters(
                first: int, last: int, cols: Array = cols, rows: Array = rows
            ) -> None:
                for g, f in self._filters_by_group(first, last):
                    np.matmul(w[f].reshape(f.stop - f.start, -1), cols[g], out=rows[f])

            mem.share(self.filters, some_filters)
            kernels.images_from_rows(flat(y[lo:hi]), rows, b)
        return y, x

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        x, w, g = cache, self.params["w"].data, self.groups
        wg = w.reshape(g, self.filters // g, -1)  # (G, F/G, C/G·K·K)
        dw, db = mem.grads["w"].reshape(wg.shape), mem.grads["b"]
        dx = mem.pass_on("dx", x.shape) if need_dx else None
        for lo, hi in blocks(dy):
            cols = self._columns(x[lo:hi], dy.shape, mem)  # (G, C/G·K·K, B·P·Q)
            rows = mem.scratch("rows", (self.filters, cols.shape[-1]))
            kernels.rows_from_images(rows, db, flat(dy[lo:hi]))
            rows = rows.reshape(g, self.filters // g, -1)  # (G, F/G, B·P·Q)
            dw_here = mem.scratch("dw", dw.shape)
            dw += np.matmul(rows, cols.transpose(0, 2, 1), out=dw_here)
            if dx is not None:
                dcols = np.matmul(wg.transpose(0, 2, 1), rows, out=cols)
                phases = self._phases(hi - lo, dy.shape, mem)
                kernels.col2im(phases, self._by_window(dcols, dy.shape), self.stride)
                before = pad_sides(self.pad)[0]
                kernels.images_from_phases(dx[lo:hi], phases, self.stride, before)
        return dx

    def _columns(self, x: Array, y_shape: Shape, mem: Memory) -> Array:
        """The windows of x as the columns of a matrix: (G, C/G·K·K, B·P·Q)."""
        p, q = y_shape[2:]
        rows = self.in_channels * self.kernel**2 // self.groups
        cols = mem.scratch("cols", (self.groups, rows, len(x) * p * q))
        by_window = self._by_window(cols, y_shape)
        phases = self._phases(len(x), y_shape, mem)
        kernels.phases_from_images(phases, x, self.stride, pad_sides(self.pad)[0])

        def some_channels(lo: int, hi: int) -> None:
            kernels.im2col(by_window, phases, self.stride, lo, hi)

        mem.share(self.in_channels, some_channels)
        return cols

    def _phases(self, images: int, y_shape: Shape, mem: Memory) -> Array:
        """Room for the padded input, sorted by phase; see kernels/conv.py."""
        s, more = self.stride, (self.kernel - 1) // self.stride
        high, wide = y_shape[2] + more, y_shape[3] + more
        return mem.scratch("phases", (images, self.in_channels, s, s, high, wide))

    def _by_window(self, cols: Array, y_shape: Shape) -> Array:
        """The same columns with every axis by itself: (C, K, K, B, P, Q)."""
        k, (p, q) = self.kernel, y_shape[2:]
        return cols.reshape(self.in_channels, k, k, -1, p, q)

    def _filters_by_group(self, first: int, last: int) -> Iterator[tuple[int, slice]]:
        """Cut a range of filters where one group ends and the next begins."""
        size = self.filters // self.groups
        for g in range(first // size, (last - 1) // size + 1):
            yield g, slice(max(first, g * size), min(last, (g + 1) * size))
