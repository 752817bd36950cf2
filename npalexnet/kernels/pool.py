"""For layers/pool.py: window place by window place, so that the inner loop is a row.

The obvious order, window by window, asks "is this larger?" nine times and guesses wrong
often. Here the first pixels of all windows of a row are compared with the second
pixels, then with the third...: no branch, one straight loop.
"""

from __future__ import annotations

import numpy as np

from npalexnet.kernels.compile import kernel


@kernel
def maxpool_forward(y, winner, x, k, stride):
    images, channels, out_h, out_w = y.shape
    for n in range(images):
        for c in range(channels):
            for p in range(out_h):
                best, place = y[n, c, p], winner[n, c, p]
                pixels = x[n, c, p * stride]
                for q in range(out_w):
                    best[q] = pixels[q * stride]
                    place[q] = 0
                for i in range(k):
                    pixels = x[n, c, p * stride + i]
                    for j in range(k):
                        here = np.uint8(i * k + j)
                        for q in range(out_w):
                            value = pixels[q * stride + j]
                            larger = value > best[q]
                            best[q] = value if larger else best[q]
                            place[q] = here if larger else place[q]


@kernel
def maxpool_backward(dx, dy, winner, k, stride):
    images, channels, out_h, out_w = dy.shape
    for n in range(images):
        for c in range(channels):
            dx[n, c] = 0
            for p in range(out_h):
                for q in range(out_w):
                    place = np.int64(winner[n, c, p, q])
                    i = place // k
                    j = place - i * k
                    dx[n, c, p * stride + i, q * stride + j] += dy[n, c, p, q]
