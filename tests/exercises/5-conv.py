"""A solution of notebooks/exercises/5-conv.ipynb: one place after another."""

import numpy as np


def forward(x, w, b, stride=1, pad=0, groups=1):
    n, _, high, wide = x.shape
    f, cg, k, _ = w.shape
    fg = f // groups
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    places = (high + 2 * pad - k) // stride + 1, (wide + 2 * pad - k) // stride + 1
    y = np.zeros((n, f, *places), x.dtype)
    for g in range(groups):
        wg = w[g * fg : (g + 1) * fg]
        for p in range(places[0]):
            for q in range(places[1]):
                top, left = p * stride, q * stride
                window = xp[:, g * cg : (g + 1) * cg, top : top + k, left : left + k]
                match = window.reshape(n, -1) @ wg.reshape(fg, -1).T
                y[:, g * fg : (g + 1) * fg, p, q] = match
    y += b[:, None, None]
    return y, (x.shape, xp, w, stride, pad, groups)


def backward(dy, cache):
    x_shape, xp, w, stride, pad, groups = cache
    n, _, high, wide = x_shape
    f, cg, k, _ = w.shape
    fg = f // groups
    dxp = np.zeros_like(xp)
    dw = np.zeros_like(w)
    for g in range(groups):
        own = slice(g * cg, (g + 1) * cg)
        filters = slice(g * fg, (g + 1) * fg)
        wg = w[filters].reshape(fg, -1)
        for p in range(dy.shape[2]):
            for q in range(dy.shape[3]):
                i, j = p * stride, q * stride
                window = xp[:, own, i : i + k, j : j + k]
                d = dy[:, filters, p, q]
                dw[filters] += (d.T @ window.reshape(n, -1)).reshape(fg, cg, k, k)
                dxp[:, own, i : i + k, j : j + k] += (d @ wg).reshape(n, cg, k, k)
    dx = dxp[:, :, pad : pad + high, pad : pad + wide]
    db = dy.sum(axis=(0, 2, 3))
    return dx, dw, db
