"""For layers/lrn.py: pixels in the inner loop, maps in the outer, no general power.

Neighbouring pixels lie side by side in memory, neighbouring maps far apart, so a loop
over pixels runs at full SIMD width and a loop over maps would not. A power costs twenty
times a square root; the exponent is nearly always 3/4, and s^-3/4 = 1 / (√s · √√s).

Loud inputs must not become NaN. √s · √√s is computed in this order: the compiler would
make √(s·√s) of it, which is infinite from s = 1e26 on. And where s itself is infinite
(in float32 from x = 1e19 on), its square root, which the processor only estimates, and
then improves, would come out as NaN; so there the answer, 0, is put in.
"""

from __future__ import annotations

import numpy as np

from npalexnet.kernels.compile import kernel_in_order, piece


@piece
def power(scale, beta, one):
    """scale^-beta; `one` is 1 in the dtype of scale."""
    if beta == 0.75:
        root = np.sqrt(scale)
        answer = one / (root * np.sqrt(root))
    else:
        answer = scale**-beta
    return answer if scale != np.inf else one - one


@piece
def scales(s, maps, c, half, alpha, k):
    """s (pixels,) = k + alpha · the sum of squares of the maps (C, pixels) near c."""
    s[:] = 0
    for near in range(max(0, c - half), min(len(maps), c + half + 1)):
        for i in range(len(s)):
            s[i] += maps[near, i] * maps[near, i]
    for i in range(len(s)):
        s[i] = k + alpha * s[i]


@kernel_in_order
def lrn_forward(y, x, size, alpha, beta, k):
    """y from x, both (images·groups, C, pixels). A row of y first holds its s."""
    images, channels, pixels = x.shape
    half = size // 2
    one = x.dtype.type(1)
    for n in range(images):
        for c in range(channels):
            here, values = y[n, c], x[n, c]
            scales(here, x[n], c, half, alpha, k)
            for i in range(pixels):
                here[i] = values[i] * power(here[i], beta, one)


@kernel_in_order
def lrn_backward(dx, ratio, dy, x, size, alpha, beta, k):
    """dx from dy and x, all (images·groups, C, pixels); ratio (C, pixels): scratch.

    ratio first holds s, which is made again: x is in the cache, and s of a whole batch
    would take as much memory as x. (In one loop over c instead of two: five times as
    slow, without SIMD.)
    """
    images, channels, pixels = x.shape
    half = size // 2
    one = x.dtype.type(1)
    slope = alpha * beta + alpha * beta
    for n in range(images):
        for c in range(channels):
            scales(ratio[c], x[n], c, half, alpha, k)
        for c in range(channels):
            for i in range(pixels):
                scale = ratio[c, i]
                dx[n, c, i] = dy[n, c, i] * power(scale, beta, one)
                share = dx[n, c, i] * x[n, c, i] / scale  # dy · y / s
                ratio[c, i] = share if scale != np.inf else one - one
        for c in range(channels):
            for near in range(max(0, c - half), min(channels, c + half + 1)):
                for i in range(pixels):
                    dx[n, c, i] -= slope * x[n, c, i] * ratio[near, i]
