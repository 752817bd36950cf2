"""The mistake of = where += should be: windows written one over the other."""

from __future__ import annotations

import numpy as np

from npalexnet.layers.layer import Array, Shape


def assign_windows(
    v: Array, shape: Shape, stride: int, pad: int = 0, wins: Array | bool = True
) -> Array:
    """`layers.add_windows` that assigns: where windows overlap, the last one is left.

    Args:
        v: windows (N, C, P, Q, K, K).
        shape: (N, C, H, W) of the result.
        stride: pixels from one window to the next.
        pad: rows and columns around the result that are cut off.
        wins: of the shape of v; only where it is true anything is written.
    """
    (n, c, h, w), (p, q, k) = shape, v.shape[2:5]
    x = np.zeros((n, c, h + 2 * pad, w + 2 * pad), v.dtype)
    wins = np.broadcast_to(np.asarray(wins), v.shape)
    for a in range(p):
        for b in range(q):
            top, left = a * stride, b * stride
            window = x[:, :, top : top + k, left : left + k]
            window[...] = np.where(wins[:, :, a, b], v[:, :, a, b], window)
    return x[:, :, pad : pad + h, pad : pad + w]
