"""Winograd's convolution: the same sums, with fewer multiplications.

Neighbouring windows share most of their pixels, and the sum (layers/conv.py) multiplies
each of them anew. Two outputs of a filter of three weights, in one dimension,

    y0 = x0·w0 + x1·w1 + x2·w2
    y1 = x1·w0 + x2·w1 + x3·w2

are 6 multiplications. Winograd does them with 4, one for each m:

    m0 = (x0 - x2) · w0                   m1 = (x1 + x2) · (w0 + w1 + w2) / 2
    m3 = (x3 - x1) · w2                   m2 = (x2 - x1) · (w0 - w1 + w2) / 2

    y0 = m0 + m1 + m2                     y1 = m1 - m2 + m3

What is made of the weights alone is made once, and serves all places of all images.
With x = 5 1 2 3 and w = 1 2 3 the products are m0 = 3·1 = 3, m1 = 3·3 = 9, m2 = 1·1 = 1
and m3 = 2·3 = 6, so y0 = 3 + 9 + 1 = 13 and y1 = 9 - 1 + 6 = 14; and 5 + 2 + 6 and
1 + 4 + 9 are the same.

Where it comes from
    Polynomials. A product s(z) = u(z)·w(z) of m and of r coefficients has m + r - 1 = t
    coefficients, so t of its values say all about it, and a value of the product is a
    product of values: t multiplications where the schoolbook has m·r. Evaluate both at
    t points, multiply, interpolate (Toom 1963, Cook 1966):

        s = B [(A u) ⊙ (G w)]      A (t, m) and G (t, r) evaluate, B (t, t) interpolates

    The points are small whole numbers, to keep the arithmetic light: 0, 1, -1, 2, -2
    and "infinity", where the value of a polynomial is its leading coefficient.
    As a map from u to s, the schoolbook says s[i + j] += w[i] · u[j]. A filter goes the
    other way, y[j] += w[i] · x[i + j], from t pixels to m outputs: the transpose. And a
    product of matrices is transposed by transposing each, in the opposite order:

        y = Aᵀ [(G w) ⊙ (Bᵀ x)]                                    F(m, r), 1-D

    Above are F(2, 3) and the points 0, 1, -1 and infinity.

In two dimensions
    Rows, then columns: a tile x (t, t) gives m·m outputs y, with t·t multiplications.

        y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A

    F(4x4, 3x3) needs 36 where the sum needs 144. Tiles overlap by r - 1 pixels: they
    are the windows of side t, every m pixels.

All channels
    Let U = G w Gᵀ (F, C, t, t) and V = Bᵀ x B (N, C, tiles, t, t). Going back is
    linear, so the sum over the channels comes first, and each of the t·t points is a
    product of matrices, (F, C) by (C, tiles):

        M = Σ_c U ⊙ V        y = Aᵀ M A + b

Backward, because each step is linear: the three transposes, last step first.
    dM = A dy Aᵀ                       the outputs of a tile went through Aᵀ
    dU = Σ_n,tiles dM ⊙ V              dw = Gᵀ dU G
    dV = Σ_f dM ⊙ U                    dx = add_windows(B dV Bᵀ)       tiles overlap
    db = Σ_npq dy                      as in the sum

Kept for backward
    U and V, which are (t/r)² times as large as w and (t/m)² times as large as x.

Why tiles do not grow without end
    They save more, but large points raised to high powers are large numbers that cancel
    each other, and rounding does not cancel. Largest error in float32, of the largest
    value; 256 channels, 13 x 13, 3 x 3:

        tile          products for 36 outputs      y           dx          dw
        the sum                324               4.2e-07     3.6e-07     3.5e-07
        F(2x2, 3x3)            144               5.5e-07     5.9e-07     4.5e-07
        F(4x4, 3x3)             81               1.0e-05     8.9e-06     3.7e-06
        F(6x6, 3x3)             64               1.5e-05     1.5e-05     5.5e-06
        F(8x8, 3x3)             56               3.8e-03     2.5e-03     5.4e-04

Source: S. Winograd, Arithmetic Complexity of Computations (1980); A. Lavin and S. Gray,
Fast Algorithms for Convolutional Neural Networks (2015, arXiv 1509.09308), whose names
A, B, G are kept here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.layers.windows import Pad, add_windows, output_side, pad_sides, windows

# Small ones first; a point and its negative share half of their arithmetic.
POINTS = tuple(map(Fraction, "0 1 -1 2 -2 1/2 -1/2 4 -4 1/4 -1/4".split()))


def polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of Π (z - root), the constant first.

    Example:
        (z - 1)(z - 2) = 2 - 3z + z²

        >>> [int(c) for c in polynomial([Fraction(1), Fraction(2)])]
        [2, -3, 1]
    """
    zero, c = [Fraction(0)], [Fraction(1)]
    for root in roots:  # (z - root) · c: one place up, less root times c
        c = [up - root * same for up, same in zip(zero + c, c + zero, strict=True)]
    return c


def winograd_matrices(m: int, r: int) -> tuple[Array, Array, Array]:
    """A (t, m), B (t, t) and G (t, r) of F(m, r), exactly, with t = m + r - 1.

    A polynomial s of t coefficients is found again from its values at the points a and
    from its leading coefficient (Lagrange):

        s(z) = Σ_a  s(a) / Π_o (a - o) · Π_o (z - o)  +  leading · Π_a (z - a)

    o runs over the other points. The columns of B are the polynomials in z, so they are
    whole where the points are; the numbers below the fraction bar are divided out of G.

    Args:
        m: outputs of a tile, in one direction.
        r: weights of a filter, in one direction.

    Returns:
        Arrays of `Fraction`; `.astype(float)` makes numbers of them.

    Raises:
        ValueError: m or r is less than 1, or there are not enough points for both.

    Example:
        F(2, 3), whose four products stand in this module's docstring. Bᵀ says what is
        added to what of x, and G what is made of w:

        >>> A, B, G = winograd_matrices(2, 3)
        >>> B.T.astype(int).tolist()
        [[-1, 0, 1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]]
        >>> G.astype(float).tolist()
        [[-1.0, 0.0, 0.0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.0, 0.0, 1.0]]
        >>> A.T.astype(int).tolist()
        [[1, 1, 1, 0], [0, 1, -1, 1]]
    """
    t = m + r - 1
    if min(m, r) < 1 or t - 1 > len(POINTS):
        raise ValueError(
            f"F({m}, {r}): m and r must be at least 1, and m + r at most "
            f"{len(POINTS) + 2}"
        )
    points = POINTS[: t - 1]
    a, g, b = [], [], []
    for point in points:
        others = [o for o in points if o != point]
        below = prod((point - o for o in others), start=Fraction(1))
        a.append([point**j for j in range(m)])
        g.append([point**j / below for j in range(r)])
        b.append([*polynomial(others), Fraction(0)])
    leading = [Fraction(0)] * (t - 1) + [Fraction(1)]
    return (
        np.array([*a, leading[-m:]], object),
        np.array([*b, polynomial(points)], object).T,
        np.array([*g, leading[-r:]], object),
    )


def winograd_forward(
    x: Array,
    w: Array,
    b: Array,
    stride: int = 1,
    pad: Pad = 0,
    groups: int = 1,
    m: int = 2,
) -> tuple[Array, Any]:
    """What `conv2d_forward` returns, with t·t multiplications for m·m outputs.

    Args:
        x: images, (N, C, H, W).
        w: filters, (F, C/groups, K, K).
        b: one bias per filter, (F,).
        stride: must be 1: windows that lie apart have no pixels to share.
        pad: rows and columns of zeros around x, or (before, after); not negative.
        groups: parts of the channels that do not see each other; divides C and F.
        m: outputs of a tile in each direction; t = m + K - 1.

    Returns:
        (y, cache): y (N, F, P, Q); the cache is for `winograd_backward`.

    Raises:
        ValueError: stride is not 1, m is too large, no window fits into x, or the
            shapes do not fit each other.

    Source:
        Lavin and Gray 2015, section 4.

    Example:
        The filter of `conv2d_forward`'s example, "right minus left?":

        >>> x = np.array([[[[0.0, 0, 1, 1]] * 4]])  # (1, 1, 4, 4), four equal rows
        >>> w = np.array([[[[-1.0, 1], [-1, 1]]]])  # (1, 1, 2, 2)
        >>> y, cache = winograd_forward(x, w, np.array([0.0]))
        >>> y[0, 0].tolist()
        [[0.0, 2.0, 0.0], [0.0, 2.0, 0.0], [0.0, 2.0, 0.0]]
    """
    if stride != 1:
        raise ValueError(f"Winograd's convolution needs stride=1, and got {stride}")
    k, before = w.shape[-1], pad_sides(pad)[0]
    p, q = (output_side(side, k, 1, pad) for side in x.shape[2:])
    A, B, G = (matrix.astype(x.dtype) for matrix in winograd_matrices(m, k))
    tiles_p, tiles_q = -(-p // m), -(-q // m)  # rounded up
    x_padded = padded(x, before, tiles_p * m + k - 1, tiles_q * m + k - 1)
    V = B.T @ windows(x_padded, len(B), m) @ B  # (N, C, tiles, T, T)
    U = G @ w @ G.T  # (F, C/G, T, T)
    v, u = by_group(V, 1, groups), by_group(U, 0, groups)
    # (N, G, C/G, tiles, T, T) -c- (G, F/G, C/G, T, T) -> (N, G, F/G, tiles, T, T)
    M = np.einsum("ngcpquv,gfcuv->ngfpquv", v, u, optimize=True)
    y_tiles = A.T @ M.reshape(len(x), len(w), *M.shape[3:]) @ A  # (N, F, tiles, m, m)
    y = add_windows(y_tiles, (len(x), len(w), tiles_p * m, tiles_q * m), m)
    return y[:, :, :p, :q] + b[:, None, None], (U, V, A, B, G, x.shape, before, groups)


def winograd_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    """From ∂loss/∂y to the gradients of the input, the filters and the biases.

    Args:
        dy: (N, F, P, Q).
        cache: what `winograd_forward` returned.

    Returns:
        (dx, dw, db): shaped like x (N, C, H, W), w (F, C/groups, K, K) and b (F,).

    Source:
        derived in this module's docstring.

    Example:
        As in `conv2d_backward`: dw is the window that one output saw, dx the filter,
        laid where it lay.

        >>> x = np.array([[[[0.0, 0, 1, 1]] * 4]])
        >>> w = np.array([[[[-1.0, 1], [-1, 1]]]])
        >>> y, cache = winograd_forward(x, w, np.array([0.0]))
        >>> dy = np.array([[[[0.0, 1, 0], [0, 0, 0], [0, 0, 0]]]])
        >>> dx, dw, db = winograd_backward(dy, cache)
        >>> dw[0, 0].tolist(), db.tolist()
        ([[0.0, 1.0], [0.0, 1.0]], [1.0])
        >>> dx[0, 0].astype(int).tolist()
        [[0, -1, 1, 0], [0, -1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    """
    U, V, A, B, G, x_shape, before, groups = cache
    (t, m), (tiles_p, tiles_q), (h, w) = A.shape, V.shape[2:4], x_shape[2:]
    dM = A @ windows(padded(dy, 0, tiles_p * m, tiles_q * m), m, m) @ A.T
    v, u, dm = by_group(V, 1, groups), by_group(U, 0, groups), by_group(dM, 1, groups)
    # (N, G, F/G, tiles, T, T) -npq- (N, G, C/G, tiles, T, T) -> (G, F/G, C/G, T, T)
    dU = np.einsum("ngfpquv,ngcpquv->gfcuv", dm, v, optimize=True)
    # (N, G, F/G, tiles, T, T) -f- (G, F/G, C/G, T, T) -> (N, G, C/G, tiles, T, T)
    dV = np.einsum("ngfpquv,gfcuv->ngcpquv", dm, u, optimize=True)
    dw = G.T @ dU.reshape(U.shape) @ G
    dx_tiles = B @ dV.reshape(V.shape) @ B.T
    sides = tiles_p * m + t - m, tiles_q * m + t - m
    dx = add_windows(dx_tiles, (*x_shape[:2], *sides), m)
    return dx[:, :, before : before + h, before : before + w], dw, dy.sum((0, 2, 3))


def by_group(array: Array, axis: int, groups: int) -> Array:
    """An axis of channels or filters as two: (..., C, ...) as (..., G, C/G, ...)."""
    shape = array.shape
    return array.reshape(*shape[:axis], groups, -1, *shape[axis + 1 :])


def padded(x: Array, before: int, high: int, wide: int) -> Array:
    """x (N, C, H, W) in a frame of zeros of (high, wide), `before` from its corner."""
    h, w = x.shape[2:]
    after = (before, high - before - h), (before, wide - before - w)
    return np.pad(x, ((0, 0), (0, 0), *after))
