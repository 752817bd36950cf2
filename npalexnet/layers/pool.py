"""Max-pooling with windows that overlap (paper 3.4).

Each window of a map is summed up by its largest value: that the edge is there matters,
its exact place less so. AlexNet's windows are 3 wide and 2 apart, so neighbours share a
row. The paper found this to overfit a little less than windows side by side (error 0.4
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
from npalexnet.layers.layer import Array, Layer, Memory, Shape
from npalexnet.layers.windows import add_windows, output_side, windows


def maxpool_forward(x: Array, kernel: int = 3, stride: int = 2) -> tuple[Array, Any]:
    v = windows(x, kernel, stride)  # (N, C, P, Q, K, K)
    v = v.reshape(*v.shape[:4], kernel * kernel)
    winner = v.argmax(-1)[..., None]  # (N, C, P, Q, 1): the first largest
    y = np.take_along_axis(v, winner, -1)[..., 0]
    return y, (x.shape, winner, kernel, stride)


def maxpool_backward(dy: Array, cache: Any) -> Array:
    x_shape, winner, kernel, stride = cache
    dv = np.zeros((*dy.shape, kernel * kernel), dy.dtype)
    np.put_along_axis(dv, winner, dy[..., None], -1)
    return add_windows(dv.reshape(*dy.shape, kernel, kernel), x_shape, stride)


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

    def kept_bytes(self, shape: Shape, itemsize: int) -> int:
        c, p, q = self.output_shape(shape)
        return c * p * q

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        y = mem.output((len(x), *self.output_shape(x.shape[1:])))
        winner = mem.keep("winner", y.shape, np.uint8)
        line = mem.scratch("line", (5, x.shape[3]))
        kernels.maxpool_forward(y, winner, line, x, self.kernel, self.stride)
        return y, (x.shape, winner)

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        x_shape, winner = cache
        dx = mem.pass_on("dx", x_shape)
        kernels.maxpool_backward(dx, dy, winner, self.kernel, self.stride)
        return dx
