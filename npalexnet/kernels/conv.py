"""For layers/conv.py: windows to columns of a matrix, and back.

Copies are made row by row, so that the inner loop runs along memory; the edge of the
picture is found once a row, never once a pixel.
"""

from __future__ import annotations

from npalexnet.kernels.compile import kernel


@kernel
def im2col(cols, x, stride, before):
    """cols (C, K, K, B, P, Q) from x (B, C, H, W), zeros where a window hangs over."""
    channels, k, _, images, out_h, out_w = cols.shape
    h, w = x.shape[2:]
    for c in range(channels):
        for i in range(k):
            for j in range(k):
                shift = j - before
                # the places q whose pixel q * stride + shift lies inside the row
                first = min(out_w, max(0, -(shift // stride)))
                last = max(first, min(out_w, (w - 1 - shift) // stride + 1))
                for n in range(images):
                    for p in range(out_h):
                        row = cols[c, i, j, n, p]
                        y = p * stride + i - before
                        if y < 0 or y >= h:
                            row[:] = 0
                            continue
                        pixels = x[n, c, y]
                        row[:first] = 0
                        row[last:] = 0
                        if stride == 1:
                            for q in range(first, last):
                                row[q] = pixels[q + shift]
                        else:
                            for q in range(first, last):
                                row[q] = pixels[q * stride + shift]


@kernel
def col2im(dx, cols, stride, before):
    """dx (B, C, H, W): each pixel adds up what its windows in cols send back."""
    channels, k, _, images, out_h, out_w = cols.shape
    h, w = dx.shape[2:]
    for n in range(images):
        for c in range(channels):
            dx[n, c] = 0
            for i in range(k):
                for j in range(k):
                    shift = j - before
                    first = min(out_w, max(0, -(shift // stride)))
                    last = max(first, min(out_w, (w - 1 - shift) // stride + 1))
                    for p in range(out_h):
                        y = p * stride + i - before
                        if y < 0 or y >= h:
                            continue
                        row = cols[c, i, j, n, p]
                        pixels = dx[n, c, y]
                        if stride == 1:
                            for q in range(first, last):
                                pixels[q + shift] += row[q]
                        else:
                            for q in range(first, last):
                                pixels[q * stride + shift] += row[q]


@kernel
def images_from_rows(y, rows, b):
    """y (B, F, P, Q) from rows (F, B·P·Q) of a matrix product, and the bias b (F,)."""
    images, filters, out_h, out_w = y.shape
    for n in range(images):
        for f in range(filters):
            at = n * out_h * out_w
            for p in range(out_h):
                for q in range(out_w):
                    y[n, f, p, q] = rows[f, at + q] + b[f]
                at += out_w


@kernel
def rows_from_images(rows, dy):
    """rows (F, B·P·Q) from dy (B, F, P, Q): the images side by side."""
    images, filters, out_h, out_w = dy.shape
    for n in range(images):
        for f in range(filters):
            at = n * out_h * out_w
            for p in range(out_h):
                for q in range(out_w):
                    rows[f, at + q] = dy[n, f, p, q]
                at += out_w
