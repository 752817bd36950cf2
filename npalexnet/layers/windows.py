"""Sliding windows and their adjoint: the one idea behind convolution and pooling.

A convolution and a max-pool look at the same thing: small squares of the picture, K
pixels wide, one every `stride` pixels. `windows` shows them all at once, as a view that
copies nothing:

    windows(x)[n, c, p, q, i, j] = x[n, c, p * stride + i, q * stride + j]

Going backward, each pixel collects what all windows that saw it send back. That is
`add_windows`. Where windows overlap a pixel is in several of them, so contributions
must be ADDED; writing `=` for `+=` here is the classic bug of hand-made pooling.

The field's names for the two are unfold (or im2col) and fold (or col2im).

They are adjoint maps, which is also how they are tested:

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

    Args:
        side: pixels along the axis.
        kernel: side of a window, in pixels.
        stride: pixels from one window to the next, at least 1.
        pad: zeros on either side, or (before, after); not negative.

    Returns:
        (side + before + after - kernel) // stride + 1, at least 1.

    Raises:
        ValueError: not even one fits.

    Example:
        conv1 of the paper, whose 224 pixels need 3 more for 55 places:

        >>> output_side(224, 11, 4), output_side(224, 11, 4, pad=(0, 3))
        (54, 55)
    """
    room = side + sum(pad_sides(pad)) - kernel
    if room < 0:
        raise ValueError(
            f"a window of {kernel} does not fit into a side of {side} with pad {pad}"
        )
    return room // stride + 1


def windows(x: Array, kernel: int, stride: int = 1, pad: Pad = 0) -> Array:
    """All windows of x, padded with zeros; without padding a view that copies nothing.

    Args:
        x: (N, C, H, W).
        kernel: side K of a window, in pixels.
        stride: pixels from one window to the next, at least 1.
        pad: rows and columns of zeros around x, or (before, after); not negative.

    Returns:
        (N, C, P, Q, K, K), read only.

    Raises:
        ValueError: not even one window fits.

    Example:
        >>> x = np.array([[[[1, 2, 3], [4, 5, 6]]]])  # (1, 1, 2, 3)
        >>> v = windows(x, 2)  # (1, 1, 1, 2, 2, 2): one row of two windows
        >>> v[0, 0, 0].tolist()
        [[[1, 2], [4, 5]], [[2, 3], [5, 6]]]
    """
    sides = pad_sides(pad)
    if sides != (0, 0):
        x = np.pad(x, ((0, 0), (0, 0), sides, sides))
    v = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(2, 3))
    return v[:, :, ::stride, ::stride]


def add_windows(v: Array, shape: Shape, stride: int = 1, pad: Pad = 0) -> Array:
    """Lay windows where `windows` takes them from, and add them up.

    Args:
        v: (N, C, P, Q, K, K).
        shape: of the result, (N, C, H, W), without the padding.
        stride: pixels from one window to the next, as given to `windows`.
        pad: as given to `windows`; what falls on the padding is left out.

    Returns:
        (N, C, H, W): 0 where no window reaches.

    Raises:
        ValueError: so many windows do not fit into `shape`.

    Example:
        Windows of ones count how many windows see each pixel:

        >>> v = np.ones((1, 1, 2, 2, 2, 2), int)  # 2 x 2 windows, each of 2 x 2 pixels
        >>> add_windows(v, (1, 1, 3, 3))[0, 0].tolist()
        [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    """
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
