"""For layers/relu.py: one pass, no mask in memory."""

from __future__ import annotations

from npalexnet.kernels.compile import kernel


@kernel
def relu_forward(y, x):
    zero = x.dtype.type(0)
    for i in range(x.size):
        # asked this way round, NaN passes through instead of turning into 0
        y[i] = zero if x[i] <= zero else x[i]


@kernel
def relu_backward(dx, dy, y):
    zero = dy.dtype.type(0)
    for i in range(dy.size):
        dx[i] = dy[i] if y[i] > zero else zero
