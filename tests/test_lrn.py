"""Local response normalisation: by hand, gradient, kernel against reference, edges."""

import numpy as np
import pytest
from helpers import agree, few, machine, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import LRN, lrn_backward, lrn_forward


def column(*values):
    """One pixel of several maps: (1, C, 1, 1)."""
    return np.array(values, float).reshape(1, -1, 1, 1)


def test_lrn_by_hand():
    settings = {"size": 3, "alpha": 1.0, "beta": 1.0, "k": 1.0}
    x, dy = column(1, 2, 2), column(1, 0, 0)
    y, cache = lrn_forward(x, **settings)
    # s = 1 + 1 + 4, 1 + 1 + 4 + 4, 1 + 4 + 4; y = x / s
    agree(y, column(1 / 6, 2 / 10, 2 / 9))
    # y[0] = x0 / (1 + x0² + x1²): its slopes are (6 - 2) / 36, -4 / 36 and 0
    agree(lrn_backward(dy, cache), column(1 / 9, -1 / 9, 0))
    y_found, dx_found, _ = machine(LRN(**settings), x, dy)
    agree(y_found, y)
    agree(dx_found, column(1 / 9, -1 / 9, 0))


def test_without_alpha_it_only_multiplies_by_a_constant():
    x, dy = numbers(2, 4, 3, 2), numbers(2, 4, 3, 2, seed=1)
    y, cache = lrn_forward(x, alpha=0, beta=0.75, k=2)
    agree(y, x * 2**-0.75)
    agree(lrn_backward(dy, cache), dy * 2**-0.75)


def test_a_window_of_one_map_sees_only_itself():
    x = numbers(2, 4, 3, 2)
    y, _ = lrn_forward(x, size=1, alpha=0.3, beta=0.5, k=1)
    agree(y, x / np.sqrt(1 + 0.3 * x**2))


def test_a_window_wider_than_all_maps_sees_all_maps():
    x = numbers(2, 4, 3, 2)
    y, _ = lrn_forward(x, size=9, alpha=0.3, beta=0.5, k=1)
    agree(y, x / np.sqrt(1 + 0.3 * (x**2).sum(1, keepdims=True)))


def test_two_groups_are_two_normalisations_side_by_side():
    x, dy = numbers(2, 8, 3, 2), numbers(2, 8, 3, 2, seed=1)
    y, cache = lrn_forward(x, alpha=0.3, groups=2)
    left, left_cache = lrn_forward(x[:, :4], alpha=0.3)
    right, right_cache = lrn_forward(x[:, 4:], alpha=0.3)
    agree(y, np.concatenate([left, right], 1))
    halves = [lrn_backward(dy[:, :4], left_cache), lrn_backward(dy[:, 4:], right_cache)]
    agree(lrn_backward(dy, cache), np.concatenate(halves, 1))


def test_alpha_multiplies_the_plain_sum_not_the_mean():
    y, _ = lrn_forward(column(1, 1, 1, 1, 1), size=5, alpha=0.1, beta=1, k=2)
    agree(y[0, 2, 0, 0], 1 / 2.5)


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_the_gradient_is_right_where_every_term_counts(beta):
    findings = check(
        lambda x: lrn_forward(x, 3, 0.5, beta, 1.0, 2),
        lrn_backward,
        {"x": numbers(2, 8, 2, 3)},
        complex_step,  # so the reference accepts complex numbers, too
    )
    for finding in findings:
        assert finding.error < 1e-12, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(
    shape=st.tuples(few, st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
    groups=few,
    size=st.sampled_from([1, 3, 5, 7]),
    alpha=st.sampled_from([0.0, 0.01, 0.3, 2.0]),
    beta=st.sampled_from([0.75, 0.5, 1.0]),
    k=st.sampled_from([1.0, 2.0]),
)
def test_kernel_equals_reference(dtype, shape, groups, size, alpha, beta, k):
    n, c, h, w = shape
    settings = {"size": size, "alpha": alpha, "beta": beta, "k": k, "groups": groups}
    x = numbers(n, c * groups, h, w)
    dy = numbers(*x.shape, seed=1)
    y, cache = lrn_forward(x, **settings)
    y_found, dx_found, _ = machine(LRN(**settings), x, dy, dtype=dtype)
    agree(y_found, y)
    agree(dx_found, lrn_backward(dy, cache))


@pytest.mark.parametrize("loud", [1e12, 1e15, 1e18, 1e20, 1e36])
@pytest.mark.parametrize("beta", [0.75, 1.0])
def test_loud_inputs_are_quietened_and_not_made_nan(loud, beta):
    """Squares, then √s·√√s, then s itself overflow in float32; the answer nears 0."""
    x = loud * (1.5 + numbers(2, 6, 5, 4) % 1)
    x[0, :, 2:] = 1  # beside loud ones, and by themselves
    y, cache = lrn_forward(x, beta=beta)
    dx = lrn_backward(np.ones_like(x), cache)
    y_found, dx_found, _ = machine(LRN(beta=beta), x, np.ones_like(x), dtype=np.float32)
    agree(y_found, y)
    agree(dx_found, dx)
    with np.errstate(over="ignore"):
        y, cache = lrn_forward(x.astype(np.float32), beta=beta)
        agree(y, y_found)
        dx = lrn_backward(np.ones_like(x), cache)
        agree(dx.astype(np.float32), dx_found)


def test_nan_spreads_to_the_neighbours_and_no_further():
    x = column(*range(8))
    x[0, 4] = np.nan
    y, _ = lrn_forward(x)
    y_found, _, _ = machine(LRN(), x, np.ones_like(x))
    expected = [False, False, True, True, True, True, True, False]
    assert np.isnan(y).ravel().tolist() == expected
    assert np.isnan(y_found).ravel().tolist() == expected


@pytest.mark.parametrize("size", [2, 4])
def test_an_even_window_is_refused(size):
    with pytest.raises(ValueError, match="size must be odd"):
        LRN(size)


@pytest.mark.parametrize("shape", [(5, 3, 3), (4, 9), (36,)])
def test_an_input_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="LRN expects"):
        LRN(groups=2).output_shape(shape)
