"""Sliding windows and their adjoint: the one idea behind convolution and pooling.

A convolution and a max-pool look at the same thing: small squares of the picture, K
pixels wide, one every `stride` pixels. `windows` shows them all at once, as a view that
copies nothing:

    windows(x)[n, c, p, q, i, j] = x[n, c, p * stride + i, q * stride + j]

Going backward, each pixel collects what all windows that saw it send back. That is
`add_windows`. Where windows overlap a pixel is in several of them, so contributions
must be ADDED; writing `=` for `+=` here is the classic bug of hand-made pooling.

The two are adjoint maps, which is also how they are tested:

    ⟨windows(x), v⟩ = ⟨x, add_windows(v)⟩     for every x and v

Shapes: x (N, C, H, W), windows (N, C, P, Q, K, K), with
P = (H + before + after - K) // stride + 1, and Q likewise: windows that do not fit
are left out.
"""

from __future__ import annotations

import numpy as np

from npalexnet.layers.layer import Array, Shape

Pad = int | tuple[int, int]


def pad_sides(pad: Pad) -> tuple[int, int]:
    """(before, after) for a pad given as one number or as two."""
    return (pad[0], pad[1]) if isinstance(pad, tuple) else (pad, pad)


def output_side(side: int, kernel: int, stride: int, pad: Pad = 0) -> int:
    """How many windows fit along one axis.

    Raises:
        ValueError: not even one fits.
    """
    room = side + sum(pad_sides(pad)) - kernel
    if room < 0:
        raise ValueError(
            f"a window of {kernel} does not fit into a side of {side} with pad {pad}"
        )
    return room // stride + 1


def windows(x: Array, kernel: int, stride: int = 1, pad: Pad = 0) -> Array:
    """All windows of x (N, C, H, W), padded with zeros: (N, C, P, Q, K, K)."""
    sides = pad_sides(pad)
    if sides != (0, 0):
        x = np.pad(x, ((0, 0), (0, 0), sides, sides))
    v = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return v[:, :, ::stride, ::stride]


def add_windows(v: Array, shape: Shape, stride: int = 1, pad: Pad = 0) -> Array:
    """Add windows (N, C, P, Q, K, K) into an array of `shape` (N, C, H, W)."""
    n, c, h, w = shape
    _, _, p, q, kernel, _ = v.shape
    before, after = pad_sides(pad)
    x = np.zeros((n, c, h + before + after, w + before + after), v.dtype)
    for i in range(kernel):
        for j in range(kernel):
            x[:, :, i : i + p * stride : stride, j : j + q * stride : stride] += v[
                ..., i, j
            ]
    return x[:, :, before : before + h, before : before + w]
