"""Windows and their adjoint: cutting squares out, and adding them back in."""

import numpy as np
import pytest
from helpers import agree, few, grids, numbers
from hypothesis import given

from npalexnet.layers.windows import add_windows, output_side, windows


def test_windows_by_hand():
    x = np.arange(1, 10).reshape(1, 1, 3, 3)  # 1 2 3 / 4 5 6 / 7 8 9
    v = windows(x, 2)[0, 0]
    assert v.shape == (2, 2, 2, 2)
    assert v[0, 0].tolist() == [[1, 2], [4, 5]]
    assert v[0, 1].tolist() == [[2, 3], [5, 6]]
    assert v[1, 0].tolist() == [[4, 5], [7, 8]]
    assert v[1, 1].tolist() == [[5, 6], [8, 9]]


def test_add_windows_by_hand():
    """Windows of ones: each pixel counts the windows that it lies in."""
    counts = add_windows(np.ones((1, 1, 2, 2, 2, 2)), (1, 1, 3, 3))[0, 0]
    assert counts.tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_pad_has_a_side_before_and_a_side_after():
    x = np.array([[[[5]]]])
    v = windows(x, 2, pad=(0, 1))[0, 0]
    assert v.tolist() == [[[[5, 0], [0, 0]]]]
    v = windows(x, 2, pad=(1, 0))[0, 0]
    assert v.tolist() == [[[[0, 0], [0, 5]]]]


@given(few, few, grids())
def test_add_windows_is_the_adjoint_of_windows(n, c, grid):
    h, w, kernel, stride, pad = grid
    x = numbers(n, c, h, w)
    cut = windows(x, kernel, stride, pad)
    v = numbers(*cut.shape, seed=1)
    back = add_windows(v, x.shape, stride, pad)
    assert back.shape == x.shape
    scale = np.linalg.norm(cut) * np.linalg.norm(v)
    assert abs(np.sum(cut * v) - np.sum(x * back)) <= 1e-13 * scale


@given(few, few, grids())
def test_each_window_is_where_the_formula_says(n, c, grid):
    h, w, kernel, stride, pad = grid
    before, after = (pad, pad) if isinstance(pad, int) else pad
    x = numbers(n, c, h, w)
    padded = np.zeros((n, c, h + before + after, w + before + after))
    padded[:, :, before : before + h, before : before + w] = x
    v = windows(x, kernel, stride, pad)
    p_count, q_count = (output_side(side, kernel, stride, pad) for side in (h, w))
    assert v.shape == (n, c, p_count, q_count, kernel, kernel)
    for p, q, i, j in np.ndindex(v.shape[2:]):
        expected = padded[:, :, p * stride + i, q * stride + j]
        assert np.array_equal(v[:, :, p, q, i, j], expected)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "pad", "expected"),
    [
        (227, 11, 4, 0, 55),  # conv1 of the paper
        (224, 11, 4, (0, 3), 55),  # the same from 224 pixels
        (55, 3, 2, 0, 27),
        (27, 5, 1, 2, 27),
        (5, 2, 2, 0, 2),  # the last column is left out
        (3, 3, 7, 0, 1),  # a stride beyond the edge: one window
    ],
)
def test_output_side_is_known_for_famous_sizes(side, kernel, stride, pad, expected):
    assert output_side(side, kernel, stride, pad) == expected


def test_windows_without_pad_are_a_view():
    x = numbers(2, 3, 5, 4)
    assert np.shares_memory(windows(x, 3, 2), x)


@pytest.mark.parametrize(("kernel", "pad"), [(4, 0), (6, 1), (6, (0, 2))])
def test_windows_that_do_not_fit_raise(kernel, pad):
    with pytest.raises(ValueError, match="does not fit"):
        output_side(3, kernel, 1, pad)
    with pytest.raises(ValueError):
        windows(numbers(1, 1, 3, 9), kernel, 1, pad)


def test_complex_numbers_are_cut_and_added_too():
    x = numbers(2, 2, 4, 5) + 1j * numbers(2, 2, 4, 5, seed=1)
    v = windows(x, 3, 2, (0, 1))
    back = add_windows(v, x.shape, 2, (0, 1))
    agree(back.real, add_windows(v.real, x.shape, 2, (0, 1)), 0)
    agree(back.imag, add_windows(v.imag, x.shape, 2, (0, 1)), 0)
