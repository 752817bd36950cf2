"""Same-map normalisation: loud surroundings make a place quieter (the 2012 code).

Where local response normalisation (lrn.py) lets the maps compete at one place, this
layer lets the places of one map compete: a value is divided by a measure of what the
same map says in a small square around it. The paper does not mention it, but the code
that made its results has one, after the second LRN layer.

Shapes
    x, y, s, dy, dx: all (N, C, H, W).

Forward, with the window |h′ - h| ≤ size//2, |w′ - w| ≤ size//2, cut off at the edges of
the map:
    s[h, w] = k + α Σ_h′w′ x[h′, w′]²
    y[h, w] = x[h, w] · s[h, w]^-β

Backward
    x moves y in two ways, by itself and through s; and through s it moves each place
    that has x in its window. If a sees b, b sees a: so the windows of forward serve
    backward, too. With ∂s[h′, w′]/∂x[h, w] = 2α x[h, w]:
    dx[h, w] = dy[h, w] · s[h, w]^-β
               - 2αβ · x[h, w] · Σ_h′w′ dy[h′, w′] · y[h′, w′] / s[h′, w′]

Kept for backward
    x and s. Where s overflows (in float32 from |x| of about 1e19 on), y and dx are 0,
    to which they tend if β is larger than 1/2.

Conventions of others
    cuda-convnet calls the layer `rnorm` (cnorm2a and cnorm2b in layers-145.cfg). It
    divides its scale by size², so its scale=0.001 is α = 0.001 / 25 = 4e-5 here, where
    α always multiplies the plain sum; its k is 1. "Same map" is cuda-convnet's word.
    Others call this within-channel LRN: in Caffe it is the layer LRN with norm_region:
    WITHIN_CHANNEL.

Fast: kernels/samemap.py.
"""

from __future__ import annotations

from typing import Any

from npalexnet.kernels import samemap as kernels
from npalexnet.layers.layer import Array, Layer, Shape, Workspace
from npalexnet.layers.plain import by_reference
from npalexnet.layers.windows import windows


def square_sums(v: Array, size: int) -> Array:
    """Sum v (N, C, H, W) over the square around each place."""
    return windows(v, size, stride=1, pad=size // 2).sum((-2, -1))


def samemap_norm_forward(
    x: Array, size: int = 5, alpha: float = 4e-5, beta: float = 0.75, k: float = 1.0
) -> tuple[Array, Any]:
    """Divide each value by a measure of what its own map says around it.

    Args:
        x: (N, C, H, W), floating point.
        size: side of a window, odd.
        alpha: multiplies the plain sum of squares.
        beta: the exponent.
        k: what the sum is added to, positive.

    Returns:
        (y, cache): y (N, C, H, W); the cache is for `samemap_norm_backward`.

    Raises:
        ValueError: size is even, and the map larger than one pixel.

    Source:
        not in the paper; cuda-convnet, the code of 2012 (layers-145.cfg).

    Example:
        One map, and y = x / (1 + sum of squares). The 1 in the middle has two loud
        neighbours and is left with 0.1; each 2 has the 1 next to it, and is left with
        2/6:

        >>> import numpy as np
        >>> x = np.array([[[[2.0, 0, 0], [0, 1, 0], [0, 0, 2]]]])
        >>> y, cache = samemap_norm_forward(x, size=3, alpha=1, beta=1, k=1)
        >>> y[0, 0].round(3).tolist()
        [[0.333, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 0.333]]
    """
    s = k + alpha * square_sums(x * x, size)
    y = x * s**-beta
    return y, (x, y, s, size, alpha, beta)


def samemap_norm_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x, through each value itself and through its neighbours.

    Args:
        dy: (N, C, H, W).
        cache: what `samemap_norm_forward` returned.

    Returns:
        dx, (N, C, H, W).

    Source:
        not in the paper; derived in this module's docstring.

    Example:
        The loss listens to the place in the middle, y = 1/10. Its own x has slope
        1/10 - 2 · 1 · y/10; that of its neighbours is negative, for they weaken it:

        >>> import numpy as np
        >>> x = np.array([[[[2.0, 0, 0], [0, 1, 0], [0, 0, 2]]]])
        >>> y, cache = samemap_norm_forward(x, size=3, alpha=1, beta=1, k=1)
        >>> dy = np.array([[[[0.0, 0, 0], [0, 1, 0], [0, 0, 0]]]])
        >>> samemap_norm_backward(dy, cache)[0, 0].round(3).tolist()
        [[-0.04, 0.0, 0.0], [0.0, 0.08, 0.0], [0.0, 0.0, -0.04]]
    """
    x, y, s, size, alpha, beta = cache
    sums = square_sums(dy * y / s, size)
    return dy * s**-beta - 2 * alpha * beta * x * sums


@by_reference(samemap_norm_forward, samemap_norm_backward, "size", "alpha", "beta", "k")
class SameMapNorm(Layer):
    """Response normalisation inside each map; the defaults are the 2012 code's.

    Args:
        size: side of a window, odd.
        alpha: multiplies the plain sum of squares.
        beta: the exponent.
        k: what the sum is added to, positive.

    Raises:
        ValueError: size is not odd and positive, or k is not positive.
    """

    needs_output = False

    def __init__(
        self, size: int = 5, alpha: float = 4e-5, beta: float = 0.75, k: float = 1.0
    ) -> None:
        super().__init__()
        if size % 2 == 0 or size < 1:
            raise ValueError(f"size must be odd, and is {size}")
        if k <= 0:
            raise ValueError(f"k must be positive, and is {k}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def settings(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("size", "alpha", "beta", "k")}

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(
                f"SameMapNorm expects (C, H, W) for one image, and got {shape}"
            )
        return shape

    def window(self) -> tuple[int, int, int]:
        return self.size, 1, self.size // 2

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        super().reserve(ws, shape)
        ws.saved("s", shape)
        self._scratch(shape, ws)

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        maps = (-1, *x.shape[2:])
        y, s = ws.output(x.shape), ws.saved("s", x.shape)
        number = x.dtype.type
        kernels.samemap_norm_forward(
            *(a.reshape(maps) for a in (y, s)),
            *self._scratch(x.shape, ws),
            x.reshape(maps),
            self.size,
            number(self.alpha),
            number(self.beta),
            number(self.k),
        )
        return y, (x, s)

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x, s = cache
        maps = (-1, *x.shape[2:])
        dx = ws.temporary("dx", x.shape)
        number = x.dtype.type
        kernels.samemap_norm_backward(
            dx.reshape(maps),
            *self._scratch(x.shape, ws),
            *(a.reshape(maps) for a in (dy, x, s)),
            self.size,
            number(self.alpha),
            number(self.beta),
        )
        return dx

    def _scratch(self, shape: Shape, ws: Workspace) -> tuple[Array, Array]:
        """Room for one map with its frame, and for its sums; see kernels/samemap.py."""
        h, wide = shape[2], shape[3] + self.size - 1
        framed = ws.scratch("framed", ((h + self.size - 1) * wide,))
        return framed, ws.scratch("sums", (2, h * wide))
