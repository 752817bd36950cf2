"""For net/optim.py: `sgd_update` in one pass, where NumPy would make seven."""

from __future__ import annotations

from npalexnet.kernels.compile import kernel


@kernel
def update(w, v, g, momentum, pull, rate):
    """w and v from themselves and the gradient g, all (size,)."""
    for i in range(w.size):
        v[i] = momentum * v[i] - pull * w[i] - rate * g[i]
        w[i] += v[i]
