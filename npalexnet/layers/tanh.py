"""tanh: the neuron that ReLU replaced (paper 3.1).

It squeezes every input into (-1, 1). Far from zero its slope is almost nothing, and a
gradient that passes through several such layers fades away. It is here so that you can
see that for yourself: `alexnet("small", activation="tanh")`.

Shapes
    x, y, dy, dx: any, all the same.

Forward     y = tanh(x)
Backward    dx = dy · (1 - y²), because tanh′ = 1 - tanh²

Kept for backward
    y: the slope is told by the output alone.

No kernel: NumPy's own tanh is fast, and no variant uses this layer unless asked to.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Memory


def tanh_forward(x: Array) -> tuple[Array, Any]:
    y = np.tanh(x)
    return y, y


def tanh_backward(dy: Array, cache: Any) -> Array:
    y = cache
    return dy * (1 - y * y)


class Tanh(Layer):
    """y = tanh(x)."""

    needs_input = False

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        y = np.tanh(x, out=mem.output(x.shape))
        return y, y

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        if not need_dx:
            return None
        dx = np.multiply(cache, cache, out=mem.pass_on("dx", dy.shape))
        np.subtract(1, dx, out=dx)
        return np.multiply(dy, dx, out=dx)
