"""ReLU, the rectified linear unit: y = max(0, x) (paper 3.1, Fig. 1).

A neuron that may stay silent. Where its input is positive the slope is 1, whatever the
input: the gradient passes unshrunk, while tanh flattens out and lets it fade. In the
paper's Fig. 1 a network with ReLU reaches the same training error six times sooner.

Shapes
    x, y, dy, dx: any, all the same.

Forward     y = x where x > 0, else 0
Backward    dx = dy where x > 0, else 0

Because y follows x where x > 0 and does not move at all elsewhere. At x = 0 the slope
is not defined; 0 is taken, as everywhere.

Kept for backward
    y: it is positive exactly where x was.

Fast: kernels/relu.py, one pass over memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.kernels import relu as kernels
from npalexnet.layers.layer import Array, Layer, Memory


def relu_forward(x: Array) -> tuple[Array, Any]:
    y = np.where(x <= 0, np.zeros_like(x), x)  # asked so, NaN stays NaN
    return y, y


def relu_backward(dy: Array, cache: Any) -> Array:
    y = cache
    return np.where(y > 0, dy, np.zeros_like(dy))


class ReLU(Layer):
    """y = max(0, x)."""

    needs_input = False

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        y = mem.output(x.shape)
        kernels.relu_forward(y.reshape(-1), x.reshape(-1))
        return y, y

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        dx = mem.pass_on("dx", dy.shape)
        kernels.relu_backward(dx.reshape(-1), dy.reshape(-1), cache.reshape(-1))
        return dx
