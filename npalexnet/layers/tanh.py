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

from npalexnet.layers.layer import Array, Layer, Workspace


def tanh_forward(x: Array) -> tuple[Array, Any]:
    """The hyperbolic tangent of each number.

    Args:
        x: any shape.

    Returns:
        (y, cache): y shaped like x, in [-1, 1]; the cache is for `tanh_backward`.

    Source:
        paper 3.1, as what ReLU is compared with.

    Example:
        tanh(ln 2) = (2 - 1/2) / (2 + 1/2), and at 10 there is nothing left to gain:

        >>> y, cache = tanh_forward(np.array([0, np.log(2), 10]))
        >>> y.round(3).tolist()
        [0.0, 0.6, 1.0]
    """
    y = np.tanh(x)
    return y, y


def tanh_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x.

    Args:
        dy: shaped like x.
        cache: what `tanh_forward` returned.

    Returns:
        dx, shaped like x.

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        The slopes are 1 - 0², 1 - 0.6² and, at 10, nearly none:

        >>> y, cache = tanh_forward(np.array([0, np.log(2), 10]))
        >>> tanh_backward(np.array([1, 1, 1]), cache).round(3).tolist()
        [1.0, 0.64, 0.0]
    """
    y = cache
    return dy * (1 - y * y)


class Tanh(Layer):
    """y = tanh(x)."""

    needs_input = False

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        y = np.tanh(x, out=ws.output(x.shape))
        return y, y

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        dx = np.multiply(cache, cache, out=ws.temporary("dx", dy.shape))
        np.subtract(1, dx, out=dx)
        return np.multiply(dy, dx, out=dx)
