"""Max-pooling with windows that overlap (paper 3.4).

Each window is represented by its largest value: that an edge is present matters more
than exactly where. AlexNet's windows are 3 wide and 2 apart, so neighbours share a row.
The paper found this to overfit a little less than windows side by side (error 0.4
points lower).

Shapes
    x (N, C, H, W)   y (N, C, P, Q)     P = (H - K) // stride + 1: windows must fit

Forward
    y[n, c, p, q] = max over i, j of x[n, c, p·stride + i, q·stride + j]

Backward
    Only the winner moves y, and y moves as the winner does: all of dy[n, c, p, q] goes
    to that one pixel. A pixel can win in several overlapping windows, and then what it
    gets from each is ADDED. (`=` in place of `+=` is right only if windows do not
    overlap.) If two pixels of a window are equal, the first in reading order wins.

Kept for backward
    which place of the window won.

Conventions of others
    Caffe and cuda-convnet let the last window hang over the edge (ceil); PyTorch and
    this file leave it out (floor). On the paper's sizes, 55 → 27 → 13 → 6, both agree.

Fast: kernels/pool.py keeps the winner as one byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.kernels import pool as kernels
from npalexnet.layers.layer import Array, Layer, Shape, Workspace
from npalexnet.layers.plain import by_reference
from npalexnet.layers.windows import add_windows, output_side, windows


def maxpool_forward(x: Array, kernel: int = 3, stride: int = 2) -> tuple[Array, Any]:
    """The largest value of every window of every map.

    Args:
        x: (N, C, H, W), real numbers; NaN counts as the largest.
        kernel: side K of a window, at least 1.
        stride: pixels from one window to the next, at least 1.

    Returns:
        (y, cache): y (N, C, P, Q) with P = (H - K) // stride + 1, and Q likewise from
        W; the cache is for `maxpool_backward`.

    Raises:
        ValueError: no window fits into x.

    Source:
        paper 3.4.

    Example:
        Two windows, the left and the right three columns:

        >>> x = np.array([[[[1, 2, 3, 4, 5], [5, 9, 1, 1, 1], [0, 0, 0, 0, 8]]]])
        >>> y, cache = maxpool_forward(x)
        >>> y[0, 0].tolist()
        [[9, 8]]
    """
    v = windows(x, kernel, stride)  # (N, C, P, Q, K, K)
    v = v.reshape(*v.shape[:4], kernel * kernel)
    winner = v.argmax(-1)[..., None]  # (N, C, P, Q, 1): the first largest
    y = np.take_along_axis(v, winner, -1)[..., 0]
    return y, (x.shape, winner, kernel, stride)


def maxpool_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x: each window's gradient goes to its winner.

    Args:
        dy: (N, C, P, Q).
        cache: what `maxpool_forward` returned.

    Returns:
        dx, shaped like x (N, C, H, W).

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        The column in the middle is in both windows, its 9 wins both, and gets 1 + 10:

        >>> x = np.array([[[[1, 0, 2, 0, 1], [0, 3, 9, 4, 0], [1, 0, 2, 0, 1]]]])
        >>> y, cache = maxpool_forward(x)
        >>> y[0, 0].tolist()
        [[9, 9]]
        >>> maxpool_backward(np.array([[[[1, 10]]]]), cache)[0, 0].tolist()
        [[0, 0, 0, 0, 0], [0, 0, 11, 0, 0], [0, 0, 0, 0, 0]]
    """
    x_shape, winner, kernel, stride = cache
    dv = np.zeros((*dy.shape, kernel * kernel), dy.dtype)
    np.put_along_axis(dv, winner, dy[..., None], -1)
    return add_windows(dv.reshape(*dy.shape, kernel, kernel), x_shape, stride)


@by_reference(maxpool_forward, maxpool_backward, "kernel", "stride")
class MaxPool(Layer):
    """The largest value of each window.

    Args:
        kernel: side K of a window, at most 16.
        stride: pixels from one window to the next; less than `kernel` overlaps.

    Raises:
        ValueError: kernel or stride is out of its range.
    """

    needs_input = False
    needs_output = False

    def __init__(self, kernel: int = 3, stride: int = 2) -> None:
        super().__init__()
        if not 1 <= kernel <= 16:  # so that the winner's place fits into one byte
            raise ValueError(f"kernel must lie in 1 to 16, and is {kernel}")
        if stride < 1:
            raise ValueError(f"stride must be at least 1, and is {stride}")
        self.kernel, self.stride = kernel, stride

    def settings(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "stride": self.stride}

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(
                f"MaxPool expects (C, H, W) for one image, and got {shape}"
            )
        c, h, w = shape
        return (
            c,
            output_side(h, self.kernel, self.stride),
            output_side(w, self.kernel, self.stride),
        )

    def window(self) -> tuple[int, int, int]:
        return self.kernel, self.stride, 0

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        super().reserve(ws, shape)
        ws.saved("winner", (shape[0], *self.output_shape(shape[1:])), np.uint8)
        ws.scratch("line", (5, shape[3]))

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        y = ws.output((len(x), *self.output_shape(x.shape[1:])))
        winner = ws.saved("winner", y.shape, np.uint8)
        line = ws.scratch("line", (5, x.shape[3]))
        kernels.maxpool_forward(y, winner, line, x, self.kernel, self.stride)
        return y, (x.shape, winner)

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x_shape, winner = cache
        dx = ws.temporary("dx", x_shape)
        kernels.maxpool_backward(dx, dy, winner, self.kernel, self.stride)
        return dx
