"""For layers/relu.py: one pass, no mask in memory."""

from __future__ import annotations

from npalexnet.kernels.compile import kernel


@kernel
def relu_forward(y, x):
    """y from x, both (size,)."""
    zero = x.dtype.type(0)
    for i in range(x.size):
        # written with <= so that NaN stays NaN
        y[i] = zero if x[i] <= zero else x[i]


@kernel
def relu_backward(dx, dy, y):
    """dx from dy and y, all (size,)."""
    zero = dy.dtype.type(0)
    for i in range(dy.size):
        dx[i] = dy[i] if y[i] > zero else zero
