"""Winograd's convolution: by hand, the matrices exactly, equal to the sum, rounding."""

from fractions import Fraction

import numpy as np
import pytest
from helpers import agree, few, numbers, pads
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import (
    conv2d_backward,
    conv2d_forward,
    winograd_backward,
    winograd_forward,
    winograd_matrices,
)
from npalexnet.layers.windows import pad_sides


def test_two_outputs_of_three_weights_by_hand():
    A, B, G = winograd_matrices(2, 3)
    x, w = np.array([5, 1, 2, 3]), np.array([1, 2, 3])
    # the first product has both signs turned around: (x2 - x0) · (-w0)
    assert (B.T @ x).tolist() == [-3, 3, 1, 2] and (G @ w).tolist() == [-1, 3, 1, 3]
    products = (G @ w) * (B.T @ x)
    assert products.tolist() == [3, 9, 1, 6]
    assert (A.T @ products).tolist() == [5 * 1 + 1 * 2 + 2 * 3, 1 * 1 + 2 * 2 + 3 * 3]


@pytest.mark.parametrize("r", [1, 2, 3, 5])
@pytest.mark.parametrize("m", [1, 2, 3, 4, 6, 7])
def test_the_matrices_are_exact(m, r):
    A, B, G = winograd_matrices(m, r)
    t = m + r - 1
    assert A.shape == (t, m) and B.shape == (t, t) and G.shape == (t, r)
    x = [Fraction(n) for n in range(3, 3 + t)]
    w = [Fraction(1, n) for n in range(2, 2 + r)]
    found = A.T @ ((G @ w) * (B.T @ x))
    assert found.tolist() == [sum(w[i] * x[j + i] for i in range(r)) for j in range(m)]


@given(
    few, few, few, few, st.integers(1, 5), st.integers(1, 4),
    st.integers(0, 9), st.integers(0, 9), pads,
)  # fmt: skip
def test_equal_to_the_sum(n, groups, channels, filters, k, m, high, wide, pad):
    least = max(1, k - sum(pad_sides(pad)))
    x = numbers(n, channels * groups, least + high, least + wide)
    w, b = numbers(filters * groups, channels, k, k), numbers(filters * groups)
    y, cache = conv2d_forward(x, w, b, 1, pad, groups)
    y_found, winograd_cache = winograd_forward(x, w, b, 1, pad, groups, m)
    dy = numbers(*y.shape, seed=1)
    agree(y_found, y, 1e-9)
    both = conv2d_backward(dy, cache), winograd_backward(dy, winograd_cache)
    for right, found in zip(*both, strict=True):
        agree(found, right, 1e-9)


def test_the_gradient_is_right_with_uneven_pad_and_three_groups():
    arrays = {"x": numbers(2, 3, 6, 5), "w": numbers(6, 1, 3, 3), "b": numbers(6)}
    findings = check(
        lambda x, w, b: winograd_forward(x, w, b, 1, (0, 2), 3, 4),
        winograd_backward,
        arrays,
        complex_step,
    )
    for finding in findings:
        assert finding.error < 1e-12, finding


def test_rounding_grows_with_the_tile_and_then_explodes():
    """The table in the docstring, with fewer channels."""
    x, w, b = numbers(2, 64, 13, 13), numbers(16, 64, 3, 3), np.zeros(16)
    dy = numbers(2, 16, 13, 13, seed=1)
    y, cache = conv2d_forward(x, w, b, pad=1)
    right = y, *conv2d_backward(dy, cache)[:2]
    worst = {}
    for m in (2, 4, 6, 8):
        single = (array.astype(np.float32) for array in (x, w, b))
        y32, cache = winograd_forward(*single, pad=1, m=m)
        found = y32, *winograd_backward(dy.astype(np.float32), cache)[:2]
        assert {array.dtype for array in found} == {np.dtype(np.float32)}
        worst[m] = max(
            np.abs(a - b).max() / np.abs(b).max()
            for a, b in zip(found, right, strict=True)
        )
    assert worst[2] < 2e-6 < worst[4] < 2e-5 and worst[6] < 5e-5
    assert worst[8] > 2e-4


def test_what_cannot_be_done_is_refused():
    x, w, b = numbers(1, 1, 9, 9), numbers(1, 1, 3, 3), numbers(1)
    with pytest.raises(ValueError, match="needs stride=1, and got 2"):
        winograd_forward(x, w, b, 2)
    with pytest.raises(ValueError, match="m \\+ r at most 13"):
        winograd_forward(x, w, b, m=11)
