"""Local response normalisation: loud neighbours make a neuron quieter (paper 3.3).

At each place of the picture the maps compete: a value is divided by a measure of what
the maps on either side of it say at the same place. The idea is borrowed from lateral
inhibition between real neurons. In the paper it lowered the error by 1.4 points.

Shapes
    x, y, s, dy, dx: all (N, C, H, W).

Forward, with the window c′ ∈ [c - size//2, c + size//2], cut off at the first and last
map:
    s[c] = k + α Σ_c′ x[c′]²
    y[c] = x[c] · s[c]^-β

Backward
    x[c] moves y[c] in two ways, by itself and through s[c]; and through s it moves each
    neighbour that has c in its window. With ∂s[c′]/∂x[c] = 2α x[c]:
    dx[c] = dy[c] · s[c]^-β - 2αβ · x[c] · Σ_c′ dy[c′] · y[c′] / s[c′]
    The second term is small with the paper's α = 1e-4 (0.06 % of dx), so a check must
    choose a larger α, or it would not notice if the term were missing.

Kept for backward
    x and s. The kernels keep x alone, and make s again: it would take as much memory
    as x. Where s overflows (in float32 from |x| of about 1e19 on), y and dx are 0, to
    which they tend if β is larger than 1/2.

Groups
    groups = 2 keeps the window inside each half of the maps, as on the two GPUs.

Conventions of others, for α = 1e-4 written down
    paper: α Σ x², k = 2        2012 code: (α/5) Σ x², k = 2, inside each GPU's half
    Caffe and PyTorch: (α/size) Σ x², k = 1 unless told otherwise
    Here α always multiplies the plain sum: for a Caffe network pass alpha=1e-4/5, k=1.

Fast: kernels/lrn.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.kernels import lrn as kernels
from npalexnet.layers.layer import Array, Layer, Shape, Workspace
from npalexnet.layers.plain import by_reference


def window_sums(v: Array, size: int, groups: int) -> Array:
    """Sum v (N, C, H, W) over each channel's window, group by group."""
    n, c, h, w = v.shape
    half = size // 2
    v = v.reshape(n, groups, c // groups, h, w)
    v = np.pad(v, ((0, 0), (0, 0), (half, half), (0, 0), (0, 0)))
    v = np.lib.stride_tricks.sliding_window_view(v, size, axis=2)
    return v.sum(-1).reshape(n, c, h, w)


def lrn_forward(
    x: Array,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
    groups: int = 1,
) -> tuple[Array, Any]:
    """Divide each value by a measure of what nearby maps say at the same place.

    Args:
        x: (N, C, H, W), floating point.
        size: maps in a window, odd.
        alpha: multiplies the plain sum of squares.
        beta: the exponent.
        k: what the sum is added to, positive.
        groups: the window does not cross from one part of the maps into the next;
            divides C.

    Returns:
        (y, cache): y (N, C, H, W); the cache is for `lrn_backward`.

    Raises:
        ValueError: size is even, or groups does not divide C.

    Source:
        paper 3.3.

    Example:
        One place, three maps, and y = x / (1 + sum of squares). The 1 in the middle is
        left with 0.5 among silent neighbours, and with 0.1 among loud ones:

        >>> plain = dict(size=3, alpha=1, beta=1, k=1)
        >>> silent = np.array([0.0, 1, 0]).reshape(1, 3, 1, 1)
        >>> lrn_forward(silent, **plain)[0].ravel().tolist()
        [0.0, 0.5, 0.0]
        >>> loud = np.array([2.0, 1, 2]).reshape(1, 3, 1, 1)
        >>> lrn_forward(loud, **plain)[0].ravel().round(3).tolist()
        [0.333, 0.1, 0.333]
    """
    s = k + alpha * window_sums(x * x, size, groups)
    y = x * s**-beta
    return y, (x, y, s, size, alpha, beta, groups)


def lrn_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x, through each value itself and through its neighbours.

    Args:
        dy: (N, C, H, W).
        cache: what `lrn_forward` returned.

    Returns:
        dx, (N, C, H, W).

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        The loss listens to the map in the middle, y = 1/10. Its own x has slope
        1/10 - 2 · 1 · y/10; that of the neighbours is negative, for they weaken it:

        >>> x = np.array([2.0, 1, 2]).reshape(1, 3, 1, 1)
        >>> y, cache = lrn_forward(x, size=3, alpha=1, beta=1, k=1)
        >>> dy = np.array([0.0, 1, 0]).reshape(1, 3, 1, 1)
        >>> lrn_backward(dy, cache).ravel().round(3).tolist()
        [-0.04, 0.08, -0.04]
    """
    x, y, s, size, alpha, beta, groups = cache
    sums = window_sums(dy * y / s, size, groups)
    return dy * s**-beta - 2 * alpha * beta * x * sums


@by_reference(lrn_forward, lrn_backward, "size", "alpha", "beta", "k", "groups")
class LRN(Layer):
    """Local response normalisation across maps; the defaults are the paper's.

    Args:
        size: maps in a window, odd.
        alpha: multiplies the plain sum of squares.
        beta: the exponent.
        k: what the sum is added to, positive.
        groups: the window does not cross from one part of the maps into the next.

    Raises:
        ValueError: size is not odd and positive, or k or groups is not positive.
    """

    needs_output = False

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        groups: int = 1,
    ) -> None:
        super().__init__()
        if size % 2 == 0 or size < 1:
            raise ValueError(f"size must be odd, and is {size}")
        if k <= 0 or groups < 1:
            raise ValueError(f"k and groups must be positive, and are {k} and {groups}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.groups = groups

    def settings(self) -> dict[str, Any]:
        names = ("size", "alpha", "beta", "k", "groups")
        return {name: getattr(self, name) for name in names}

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3 or shape[0] % self.groups:
            raise ValueError(
                f"LRN expects (C, H, W) with C a multiple of groups={self.groups}, "
                f"and got {shape}"
            )
        return shape

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        super().reserve(ws, shape)
        _, c, h, w = shape
        ws.scratch("ratio", (c // self.groups, h * w))

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        n, c, h, w = x.shape
        maps = (n * self.groups, c // self.groups, h * w)
        y = ws.output(x.shape)
        number = x.dtype.type
        kernels.lrn_forward(
            y.reshape(maps),
            x.reshape(maps),
            self.size,
            number(self.alpha),
            number(self.beta),
            number(self.k),
        )
        return y, x

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x = cache
        n, c, h, w = x.shape
        maps = (n * self.groups, c // self.groups, h * w)
        dx = ws.temporary("dx", x.shape)
        ratio = ws.scratch("ratio", (c // self.groups, h * w))
        number = x.dtype.type
        kernels.lrn_backward(
            dx.reshape(maps),
            ratio,
            dy.reshape(maps),
            x.reshape(maps),
            self.size,
            number(self.alpha),
            number(self.beta),
            number(self.k),
        )
        return dx
