"""Winograd's convolution as the machine does it: where, and with which arrays.

The mathematics is in winograd.py, the transforms are in kernels/winograd.py. Between
them, here, stand the products: with numbers of one point of all tiles side by side,

    U (T·T, F, C)    V (T·T, C, tiles)    M (T·T, F, tiles) = U V

are T·T matrix products, and BLAS does them at nearly its full rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npalexnet.kernels import winograd as kernels
from npalexnet.layers.layer import Array, Shape, Workspace
from npalexnet.layers.winograd import winograd_matrices

ALGORITHMS = ("auto", "sum", "winograd")


class Tiles(NamedTuple):
    """F(m x m, r x r): tiles of m·m outputs, filters of r·r weights."""

    m: int
    r: int

    @property
    def points(self) -> int:
        """How many, in one direction: T."""
        return self.m + self.r - 1

    def products(self, places: Shape) -> int:
        """Multiplications for a map of so many places, for each weight of U."""
        return self.points**2 * prod(-(-side // self.m) for side in places)

    def __str__(self) -> str:
        return f"F({self.m}x{self.m}, {self.r}x{self.r})"


# What there are kernels for: 6 points and 8. By r.
KNOWN = {3: (Tiles(4, 3), Tiles(6, 3)), 5: (Tiles(4, 5),)}


def choose(
    algorithm: str,
    kernel: int,
    stride: int,
    seen: int,
    places: Shape,
    dtype: np.dtype[Any],
) -> Tiles | None:
    """The tiles by which a convolution is done, or None for the sum.

    "winograd" wherever there are kernels for it: filters of 3 x 3 and 5 x 5, stride 1,
    and at most 500 places in a row. "auto" where it is faster, too: in float32, for
    filters that see at least 16 channels, where it saves half of the products of the
    sum. (Checks in float64 are of the sum, unless told otherwise.)

    Of two kinds of tiles the smaller one, unless the larger one saves a quarter of its
    products: F(6x6, 3x3) covers a map of 6 x 6 with one tile, for example.

    Args:
        algorithm: one of `ALGORITHMS`.
        kernel, stride: of the convolution.
        seen: channels that a filter sees.
        places: of the output map, (P, Q).
        dtype: of the arrays.
    """
    known = KNOWN.get(kernel, ())
    if algorithm == "sum" or stride > 1 or not known or max(places) > 500:
        return None
    tiles = known[0]
    for larger in known[1:]:
        if larger.products(places) <= 0.75 * tiles.products(places):
            tiles = larger
    if algorithm == "winograd":
        return tiles
    saved = kernel**2 * prod(places) / tiles.products(places)
    faster = seen >= 16 and saved >= 2
    return tiles if faster and dtype == np.float32 else None


class Tiling:
    """A convolution of some images by tiles.

    Args:
        tiles: from `choose`.
        x_shape, w_shape, y_shape: of the images, filters and outputs.
        before: pixels of zeros above and to the left.
        groups: parts of the channels that do not see each other.
        ws: for the arrays in between, all of them scratch.
    """

    def __init__(
        self,
        tiles: Tiles,
        x_shape: Shape,
        w_shape: Shape,
        y_shape: Shape,
        before: int,
        groups: int,
        ws: Workspace,
    ) -> None:
        self.tiles, self.before = tiles, before
        self.groups, self.ws, self.images = groups, ws, x_shape[0]
        self.channels, self.filters = x_shape[1], w_shape[0]
        self.down, self.along = (-(-side // tiles.m) for side in y_shape[2:])
        _, _, G = winograd_matrices(*tiles)
        # G is A's rows, each divided by a number of its own, which is exact here
        self.scale = np.array([*G[:-1, 0], 1]).astype(ws.dtype)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of images: no run may be longer than `kernels.PHASE`."""
        step = max(1, kernels.PHASE // (self.along + 1))
        for lo in range(0, self.images, step):
            yield lo, min(lo + step, self.images)

    def arrays(self, images: int) -> tuple[Array, Array, Array, Array]:
        """U, V, M and the kernels' own scratch, for so many images."""
        t, ws = self.tiles.points, self.ws
        columns = self.down * self.along * images
        rows = self.down * self.tiles.m + 3 * t
        return (
            ws.scratch("U", (t * t, self.filters, self.channels // self.groups)),
            ws.scratch("V", (t * t, self.channels, columns)),
            ws.scratch("M", (t * t, self.filters, columns)),
            ws.scratch("lines", (rows * kernels.LINE,)),
        )

    def reserve(self) -> None:
        """Ask for all arrays; see `Layer.reserve`."""
        lo, hi = next(self.ranges())
        self.arrays(hi - lo)

    def by_group(self, array: Array) -> Array:
        """(T·T, rows, columns) as (T·T, G, rows/G, columns)."""
        t2, rows, columns = array.shape
        return array.reshape(t2, self.groups, rows // self.groups, columns)

    def forward(self, y: Array, x: Array, w: Array, b: Array) -> None:
        """y from x, w and b."""
        m, t, along = self.tiles.m, self.tiles.points, self.along
        for lo, hi in self.ranges():
            U, V, M, lines = self.arrays(hi - lo)
            if lo == 0:
                kernels.weights_to_points(U, lines, w, self.scale, t)
            kernels.pixels_to_points(V, lines, x[lo:hi], m, t, along, self.before)
            u, v, products = map(self.by_group, (U, V, M))
            # (T·T, G, F/G, C/G) -c- (T·T, G, C/G, tiles) -> (T·T, G, F/G, tiles)
            np.matmul(u, v, out=products)
            kernels.points_to_outputs(y[lo:hi], lines, M, b, m, t, along)

    def backward(
        self, dx: Array | None, dw: Array, db: Array, dy: Array, x: Array, w: Array
    ) -> None:
        """Write dx, unless it is None, and add to dw and db.

        dU takes the place of U, and dV that of V, so each is made when it is needed.
        """
        m, t, along = self.tiles.m, self.tiles.points, self.along
        for lo, hi in self.ranges():
            U, V, M, lines = self.arrays(hi - lo)
            kernels.pixels_to_points(V, lines, x[lo:hi], m, t, along, self.before)
            kernels.outputs_to_points(M, db, lines, dy[lo:hi], m, t, along)
            u, v, dm = map(self.by_group, (U, V, M))
            # (T·T, G, F/G, tiles) -tiles- (T·T, G, tiles, C/G) -> (T·T, G, F/G, C/G)
            np.matmul(dm, v.transpose(0, 1, 3, 2), out=u)
            kernels.points_to_weights(dw, lines, U, self.scale, t)
            if dx is None:
                continue
            kernels.weights_to_points(U, lines, w, self.scale, t)
            # (T·T, G, C/G, F/G) -f- (T·T, G, F/G, tiles) -> (T·T, G, C/G, tiles)
            np.matmul(u.transpose(0, 1, 3, 2), dm, out=v)
            kernels.points_to_pixels(dx[lo:hi], lines, V, m, t, along, self.before)
