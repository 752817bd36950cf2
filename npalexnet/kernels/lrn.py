"""For layers/lrn.py: pixels in the inner loop, maps in the outer, no general power.

Neighbouring pixels lie side by side in memory, neighbouring maps far apart, so a loop
over pixels runs at full SIMD width and a loop over maps would not. A power costs twenty
times a square root; the exponent is nearly always 3/4, and s^-3/4 = 1 / (√s · √√s).
"""

from __future__ import annotations

import numpy as np

from npalexnet.kernels.compile import kernel


@kernel
def lrn_forward(y, s, x, size, alpha, beta, k):
    """y and s from x, all (images·groups, C, pixels)."""
    images, channels, pixels = x.shape
    half = size // 2
    one = x.dtype.type(1)
    for n in range(images):
        for c in range(channels):
            sums = s[n, c]
            sums[:] = 0
            for near in range(max(0, c - half), min(channels, c + half + 1)):
                for i in range(pixels):
                    sums[i] += x[n, near, i] * x[n, near, i]
            if beta == 0.75:
                for i in range(pixels):
                    scale = k + alpha * sums[i]
                    sums[i] = scale
                    root = np.sqrt(scale)
                    y[n, c, i] = x[n, c, i] * (one / (root * np.sqrt(root)))
            else:
                for i in range(pixels):
                    sums[i] = k + alpha * sums[i]
                    y[n, c, i] = x[n, c, i] * sums[i] ** -beta


@kernel
def lrn_backward(dx, dy, x, s, ratio, size, alpha, beta):
    """dx from dy, x, s, all (images·groups, C, pixels); ratio (C, pixels): scratch."""
    images, channels, pixels = x.shape
    half = size // 2
    one = x.dtype.type(1)
    slope = alpha * beta + alpha * beta
    for n in range(images):
        for c in range(channels):
            for i in range(pixels):
                scale = s[n, c, i]
                if beta == 0.75:
                    root = np.sqrt(scale)
                    power = one / (root * np.sqrt(root))
                else:
                    power = scale**-beta
                dx[n, c, i] = dy[n, c, i] * power
                ratio[c, i] = dx[n, c, i] * x[n, c, i] / scale  # dy · y / s
        for c in range(channels):
            for near in range(max(0, c - half), min(channels, c + half + 1)):
                for i in range(pixels):
                    dx[n, c, i] -= slope * x[n, c, i] * ratio[near, i]
