"""For layers/samemap.py: a map in a frame of zeros, added up in long straight runs.

The sum over a square is a sum over its rows of the sums over its columns: 5 + 5
additions where there were 25. Each map is first copied into `framed`, with half a
window of zeros on every side, so that no window has to look out for the edge. Seen as
one line, a step down is then a step of one framed row, a step to the right is a step of
1, and both sums run over the whole map at once. (Row by row, 27 places at a time, took
twice as long.) The power and what is loud: as in kernels/lrn.py.
"""

from __future__ import annotations

import numpy as np

from npalexnet.kernels.compile import kernel_in_order, piece


@piece
def power(scale, beta, one):
    """scale^-beta, as in kernels/lrn.py."""
    if beta == 0.75:
        root = np.sqrt(scale)
        answer = one / (root * np.sqrt(root))
    else:
        answer = scale**-beta
    return answer if scale != np.inf else one - one


@piece
def add_squares(squares, columns, framed, size, wide):
    """For each place of a map the sum over the square around it, from framed."""
    columns[:] = 0
    for down in range(size):
        run = framed[down * wide : down * wide + columns.size]
        for i in range(columns.size):
            columns[i] += run[i]
    squares[:] = 0
    for right in range(size):
        run = columns[right : right + squares.size]
        for i in range(squares.size):
            squares[i] += run[i]


@kernel_in_order
def samemap_norm_forward(y, s, framed, sums, x, size, alpha, beta, k):
    """y and s from x, all (maps, H, W).

    Scratch: framed ((H + size - 1) · (W + size - 1)), sums (2, H · (W + size - 1)).
    """
    maps, h, w = x.shape
    half, wide = size // 2, w + size - 1
    one = x.dtype.type(1)
    columns = sums[0]
    squares = sums[1, : h * wide - (size - 1)]
    framed[:] = 0
    for m in range(maps):
        for i in range(h):
            pixels = x[m, i]
            inside = framed[(i + half) * wide + half : (i + half) * wide + half + w]
            for j in range(w):
                inside[j] = pixels[j] * pixels[j]
        add_squares(squares, columns, framed, size, wide)
        for i in range(h):
            run = squares[i * wide : i * wide + w]
            pixels, scales, answers = x[m, i], s[m, i], y[m, i]
            for j in range(w):
                scale = k + alpha * run[j]
                scales[j] = scale
                answers[j] = pixels[j] * power(scale, beta, one)


@kernel_in_order
def samemap_norm_backward(dx, framed, sums, dy, x, s, size, alpha, beta):
    """dx from dy, x, s, all (maps, H, W); scratch as in forward."""
    maps, h, w = x.shape
    half, wide = size // 2, w + size - 1
    one = x.dtype.type(1)
    slope = alpha * beta + alpha * beta
    columns = sums[0]
    squares = sums[1, : h * wide - (size - 1)]
    framed[:] = 0
    for m in range(maps):
        for i in range(h):
            pixels, scales, moved, dys = x[m, i], s[m, i], dx[m, i], dy[m, i]
            inside = framed[(i + half) * wide + half : (i + half) * wide + half + w]
            for j in range(w):
                scale = scales[j]
                moved[j] = dys[j] * power(scale, beta, one)
                share = moved[j] * pixels[j] / scale  # dy · y / s
                inside[j] = share if scale != np.inf else one - one
        add_squares(squares, columns, framed, size, wide)
        for i in range(h):
            run = squares[i * wide : i * wide + w]
            pixels, moved = x[m, i], dx[m, i]
            for j in range(w):
                moved[j] -= slope * pixels[j] * run[j]
