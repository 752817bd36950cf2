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
from npalexnet.layers.layer import Array, Layer, Workspace
from npalexnet.layers.plain import by_reference


def relu_forward(x: Array) -> tuple[Array, Any]:
    """Each number where it is positive, else 0.

    Args:
        x: any shape, real numbers.

    Returns:
        (y, cache): y shaped like x, 0 or larger; the cache is for `relu_backward`.

    Source:
        paper 3.1.

    Example:
        >>> y, cache = relu_forward(np.array([-2, 0, 3]))
        >>> y.tolist()
        [0, 0, 3]
    """
    y = np.where(x <= 0, np.zeros_like(x), x)  # written with <= so that NaN stays NaN
    return y, y


def relu_backward(dy: Array, cache: Any) -> Array:
    """From ∂loss/∂y to ∂loss/∂x: unchanged where x was positive, else 0.

    Args:
        dy: shaped like x.
        cache: what `relu_forward` returned.

    Returns:
        dx, shaped like x.

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        >>> y, cache = relu_forward(np.array([-2, 0, 3]))
        >>> relu_backward(np.array([10, 20, 30]), cache).tolist()
        [0, 0, 30]
    """
    y = cache
    return np.where(y > 0, dy, np.zeros_like(dy))


@by_reference(relu_forward, relu_backward)
class ReLU(Layer):
    """y = max(0, x)."""

    needs_input = False

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        y = ws.output(x.shape)
        kernels.relu_forward(y.reshape(-1), x.reshape(-1))
        return y, y

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        dx = ws.temporary("dx", dy.shape)
        kernels.relu_backward(dx.reshape(-1), dy.reshape(-1), cache.reshape(-1))
        return dx
