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
(im2col), and one matrix product does the rest. Where the same can be had with fewer
multiplications, it is: see layers/winograd.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from npalexnet.kernels import conv as kernels
from npalexnet.layers.layer import Array, Layer, Param, Shape, Workspace, gaussian
from npalexnet.layers.plain import by_reference
from npalexnet.layers.tiles import ALGORITHMS, Tiles, Tiling, choose
from npalexnet.layers.windows import Pad, add_windows, output_side, pad_sides, windows


def conv2d_forward(
    x: Array, w: Array, b: Array, stride: int = 1, pad: Pad = 0, groups: int = 1
) -> tuple[Array, Any]:
    """How well every filter matches every window of every image.

    Args:
        x: images, (N, C, H, W).
        w: filters, (F, C/groups, K, K).
        b: one bias per filter, (F,).
        stride: pixels from one window to the next, at least 1.
        pad: rows and columns of zeros around x, or (before, after); not negative.
        groups: parts of the channels that do not see each other; divides C and F.

    Returns:
        (y, cache): y (N, F, P, Q) with P = (H + before + after - K) // stride + 1, and
        Q likewise from W; the cache is for `conv2d_backward`.

    Raises:
        ValueError: no window fits into x, or the shapes do not fit each other.

    Source:
        paper 3.5; groups: 3.2 and Fig. 2.

    Example:
        The filter asks "right minus left?", and finds the step from 0 to 1:

        >>> x = np.array([[[[0, 0, 1, 1]] * 4]])  # (1, 1, 4, 4), four equal rows
        >>> w = np.array([[[[-1, 1], [-1, 1]]]])  # (1, 1, 2, 2)
        >>> y, cache = conv2d_forward(x, w, np.array([0]))
        >>> y[0, 0].tolist()
        [[0, 2, 0], [0, 2, 0], [0, 2, 0]]
    """
    n = len(x)
    f, cg, k, _ = w.shape
    v = windows(x, k, stride, pad)  # (N, C, P, Q, K, K)
    p, q = v.shape[2:4]
    v = v.reshape(n, groups, cg, p, q, k, k)
    wg = w.reshape(groups, f // groups, cg, k, k)
    # (N, G, C/G, P, Q, K, K) -cij- (G, F/G, C/G, K, K) -> (N, G, F/G, P, Q)
    y = np.einsum("ngcpqij,gfcij->ngfpq", v, wg, optimize=True)
    y = y.reshape(n, f, p, q) + b[:, None, None]
    return y, (x, w, stride, pad, groups)


def conv2d_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    """From ∂loss/∂y to the gradients of the input, the filters and the biases.

    Args:
        dy: (N, F, P, Q).
        cache: what `conv2d_forward` returned.

    Returns:
        (dx, dw, db): shaped like x (N, C, H, W), w (F, C/groups, K, K) and b (F,).

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        The loss listens to one output only, the top one of the middle column. So dw is
        the window that this output saw, and dx is the filter, laid where it lay:

        >>> x = np.array([[[[0, 0, 1, 1]] * 4]])
        >>> w = np.array([[[[-1, 1], [-1, 1]]]])
        >>> y, cache = conv2d_forward(x, w, np.array([0]))
        >>> dy = np.array([[[[0, 1, 0], [0, 0, 0], [0, 0, 0]]]])
        >>> dx, dw, db = conv2d_backward(dy, cache)
        >>> dw[0, 0].tolist(), db.tolist()
        ([[0, 1], [0, 1]], [1])
        >>> dx[0, 0].tolist()
        [[0, -1, 1, 0], [0, -1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    x, w, stride, pad, groups = cache
    n, f, p, q = dy.shape
    cg, k = w.shape[1:3]
    v = windows(x, k, stride, pad).reshape(n, groups, cg, p, q, k, k)
    wg = w.reshape(groups, f // groups, cg, k, k)
    dyg = dy.reshape(n, groups, f // groups, p, q)
    db = dy.sum((0, 2, 3))  # (F,)
    # (N, G, C/G, P, Q, K, K) -npq- (N, G, F/G, P, Q) -> (G, F/G, C/G, K, K)
    dw = np.einsum("ngcpqij,ngfpq->gfcij", v, dyg, optimize=True)
    # (N, G, F/G, P, Q) -f- (G, F/G, C/G, K, K) -> (N, G, C/G, P, Q, K, K)
    dv = np.einsum("ngfpq,gfcij->ngcpqij", dyg, wg, optimize=True)
    dx = add_windows(dv.reshape(n, groups * cg, p, q, k, k), x.shape, stride, pad)
    return dx, dw.reshape(w.shape), db


def flat(y: Array) -> Array:
    """(N, F, P, Q) as (N, F, P·Q)."""
    return y.reshape(*y.shape[:2], -1)


def matrix_ranges(y_shape: Shape) -> Iterator[tuple[int, int]]:
    """Ranges of images, so that one matrix product has about 700 columns.

    Where maps are small (13 x 13 = 169 places) one image is too narrow a matrix to keep
    BLAS busy; several side by side were 5 to 10 % faster.
    """
    images, _, p, q = y_shape
    step = max(1, 700 // (p * q))
    for lo in range(0, images, step):
        yield lo, min(lo + step, images)


@by_reference(conv2d_forward, conv2d_backward, "stride", "pad", "groups")
class Conv2d(Layer):
    """Convolution with square filters.

    Args:
        in_channels: channels C of the input.
        filters: filters F, the channels of the output.
        kernel: side K of a filter, in pixels.
        stride: pixels from one window to the next.
        pad: rows and columns of zeros around the input, or (before, after).
        groups: C and F are split into this many parts that do not see each other.
        std: weights are drawn from N(0, std²).
        bias: the biases start at this value.
        rng: where the weights are drawn from.
        algorithm: "sum", or "winograd" wherever that can be; "auto": the faster one,
            as layers/tiles.py says.

    Raises:
        ValueError: groups does not divide in_channels and filters, a number is too
            small, or the algorithm is not known.
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
        algorithm: str = "auto",
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
        if algorithm not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            raise ValueError(f"algorithm is one of {known}, and not {algorithm!r}")
        self.stride, self.pad, self.groups = stride, pad, groups
        self.algorithm = algorithm
        w = gaussian((filters, in_channels // groups, kernel, kernel), std, rng)
        b = np.full(filters, bias, np.float32)
        self.params = {"w": Param(w), "b": Param(b)}

    def settings(self) -> dict[str, Any]:
        names = ("in_channels", "filters", "kernel", "stride", "pad", "groups")
        found = {name: getattr(self, name) for name in names}
        if self.algorithm != "auto":
            found["algorithm"] = self.algorithm
        return found

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3 or shape[0] != self.in_channels:
            raise ValueError(
                f"Conv2d expects ({self.in_channels}, H, W) for one image, "
                f"and got {shape}"
            )
        p, q = (output_side(n, self.kernel, self.stride, self.pad) for n in shape[1:])
        return self.filters, p, q

    def window(self) -> tuple[int, int, int]:
        return self.kernel, self.stride, pad_sides(self.pad)[0]

    def multiply_adds(self, shape: Shape) -> int:
        _, p, q = self.output_shape(shape)
        return self.params["w"].data.size * p * q

    def how(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        return str(self.tiles(shape, dtype) or "sum")

    def tiles(self, shape: Shape, dtype: np.dtype[Any]) -> Tiles | None:
        """Winograd's tiles for one image's input shape, or None for the sum."""
        seen, places = self.in_channels // self.groups, self.output_shape(shape)[1:]
        return choose(self.algorithm, self.kernel, self.stride, seen, places, dtype)

    def tiling(self, x_shape: Shape, ws: Workspace) -> Tiling | None:
        """How Winograd's tiles do it, or None: then it is done by the sum, below."""
        tiles = self.tiles(x_shape[1:], ws.dtype)
        if tiles is None or ws.one_picture:
            return None
        y_shape = x_shape[0], *self.output_shape(x_shape[1:])
        before, w_shape = pad_sides(self.pad)[0], self.params["w"].data.shape
        return Tiling(tiles, x_shape, w_shape, y_shape, before, self.groups, ws)

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        super().reserve(ws, shape)
        tiling = self.tiling(shape, ws)
        if tiling is not None:
            tiling.reserve()
            return
        y_shape = shape[0], *self.output_shape(shape[1:])
        lo, hi = next(matrix_ranges(y_shape))
        self._columns_array(hi - lo, y_shape, ws)
        self._phases(hi - lo, y_shape, ws)
        ws.scratch("rows", (self.filters, (hi - lo) * prod(y_shape[2:])))
        ws.scratch("dw", self.params["w"].data.shape)

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        w, b = self.params["w"].data, self.params["b"].data
        y = ws.output((len(x), *self.output_shape(x.shape[1:])))
        tiling = self.tiling(x.shape, ws)
        if tiling is not None:
            tiling.forward(y, x, w, b)
            return y, x
        for lo, hi in matrix_ranges(y.shape):
            cols = self._columns(x[lo:hi], y.shape, ws)
            rows = ws.scratch("rows", (self.filters, cols.shape[-1]))

            some_filters = partial(self._product, rows, w, cols)
            ws.parallel_for(self.filters, some_filters)
            kernels.unpack_add_bias(flat(y[lo:hi]), rows, b)
        return y, x

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x, w, g = cache, self.params["w"].data, self.groups
        wg = w.reshape(g, self.filters // g, -1)  # (G, F/G, C/G·K·K)
        dw, db = ws.grads["w"].reshape(wg.shape), ws.grads["b"]
        dx = ws.temporary("dx", x.shape if ws.need_dx else (0,))
        tiling = self.tiling(x.shape, ws)
        if tiling is not None:
            dw = ws.grads["w"]
            tiling.backward(dx if ws.need_dx else None, dw, db, dy, x, w)
            return dx
        for lo, hi in matrix_ranges(dy.shape):
            cols = self._columns(x[lo:hi], dy.shape, ws)  # (G, C/G·K·K, B·P·Q)
            rows = ws.scratch("rows", (self.filters, cols.shape[-1]))
            kernels.pack_dy_sum_bias(rows, db, flat(dy[lo:hi]))
            rows = rows.reshape(g, self.filters // g, -1)  # (G, F/G, B·P·Q)
            dw_here = ws.scratch("dw", dw.shape)
            # (G, F/G, B·P·Q) -bpq- (G, B·P·Q, C/G·K·K) -> (G, F/G, C/G·K·K)
            dw += np.matmul(rows, cols.transpose(0, 2, 1), out=dw_here)
            if ws.need_dx:
                # (G, C/G·K·K, F/G) -f- (G, F/G, B·P·Q) -> (G, C/G·K·K, B·P·Q)
                dcols = np.matmul(wg.transpose(0, 2, 1), rows, out=cols)
                phases = self._phases(hi - lo, dy.shape, ws)
                kernels.col2im(phases, self._by_window(dcols, dy.shape), self.stride)
                before = pad_sides(self.pad)[0]
                kernels.depth_to_space(dx[lo:hi], phases, self.stride, before)
        return dx

    def _columns(self, x: Array, y_shape: Shape, ws: Workspace) -> Array:
        """The windows of x as the columns of a matrix: (G, C/G·K·K, B·P·Q)."""
        cols = self._columns_array(len(x), y_shape, ws)
        by_window = self._by_window(cols, y_shape)
        phases = self._phases(len(x), y_shape, ws)
        kernels.space_to_depth(phases, x, self.stride, pad_sides(self.pad)[0])

        def some_channels(lo: int, hi: int) -> None:
            kernels.im2col(by_window, phases, self.stride, lo, hi)

        ws.parallel_for(self.in_channels, some_channels)
        return cols

    def _columns_array(self, images: int, y_shape: Shape, ws: Workspace) -> Array:
        """Room for the columns."""
        p, q = y_shape[2:]
        rows = self.in_channels * self.kernel**2 // self.groups
        return ws.scratch("cols", (self.groups, rows, images * p * q))

    def _product(
        self, rows: Array, w: Array, cols: Array, first: int, last: int
    ) -> None:
        """Filters first to last times the columns of their group, into rows."""
        for g, f in self._filters_by_group(first, last):
            # (some F, C/G·K·K) -cij- (C/G·K·K, B·P·Q) -> (some F, B·P·Q)
            np.matmul(w[f].reshape(f.stop - f.start, -1), cols[g], out=rows[f])

    def _phases(self, images: int, y_shape: Shape, ws: Workspace) -> Array:
        """Room for the padded input in the order of space_to_depth."""
        s, more = self.stride, (self.kernel - 1) // self.stride
        high, wide = y_shape[2] + more, y_shape[3] + more
        return ws.scratch("phases", (images, self.in_channels, s, s, high, wide))

    def _by_window(self, cols: Array, y_shape: Shape) -> Array:
        """The same columns with every axis by itself: (C, K, K, B, P, Q)."""
        k, (p, q) = self.kernel, y_shape[2:]
        return cols.reshape(self.in_channels, k, k, -1, p, q)

    def _filters_by_group(self, first: int, last: int) -> Iterator[tuple[int, slice]]:
        """Split a range of filters where one group ends and the next begins."""
        size = self.filters // self.groups
        for g in range(first // size, (last - 1) // size + 1):
            yield g, slice(max(first, g * size), min(last, (g + 1) * size))
