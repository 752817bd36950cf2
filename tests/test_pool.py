"""Max-pooling: by hand, its gradient, the kernel against the reference, edges."""

import numpy as np
import pytest
from helpers import agree, few, grids, machine, no_pad, numbers
from hypothesis import given

from npalexnet.gradcheck import check
from npalexnet.layers import MaxPool, maxpool_backward, maxpool_forward


def both(x, dy, kernel=3, stride=2):
    """(y, dx) from the reference, and the same from the machine."""
    y, cache = maxpool_forward(x, kernel, stride)
    dx = maxpool_backward(dy, cache)
    y_found, dx_found, _ = machine(MaxPool(kernel, stride), x, dy)
    return (y, dx), (y_found, dx_found)


def test_pool_by_hand():
    x = np.array([[[[1.0, 5, 2, 0], [3, 4, 8, 7]]]])
    dy = np.array([[[[10.0, 20]]]])
    for y, dx in both(x, dy, 2, 2):
        assert y.tolist() == [[[[5, 8]]]]
        assert dx.tolist() == [[[[0, 10, 0, 0], [0, 0, 20, 0]]]]


def test_a_pixel_that_wins_four_windows_gets_the_sum():
    """The classic mistake is `=` for `+=`: it would leave 4 in the middle."""
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 1  # the one pixel that all four windows of 3, 2 apart, share
    dy = np.array([[[[1.0, 2], [3, 4]]]])
    for y, dx in both(x, dy):
        assert y.tolist() == [[[[1, 1], [1, 1]]]]
        assert dx[0, 0, 2, 2] == 10
        assert np.count_nonzero(dx) == 1


@given(few, few, grids(no_pad))
def test_pooling_a_constant_gives_the_constant(n, c, grid):
    h, w, kernel, stride, _ = grid
    x = np.full((n, c, h, w), -2.5)
    y, _ = maxpool_forward(x, kernel, stride)
    assert (y == -2.5).all()


@given(few, few, grids(no_pad))
def test_no_gradient_is_lost_or_made(n, c, grid):
    h, w, kernel, stride, _ = grid
    x = numbers(n, c, h, w)
    y, cache = maxpool_forward(x, kernel, stride)
    dy = np.random.default_rng(0).integers(-9, 9, y.shape).astype(float)
    assert maxpool_backward(dy, cache).sum() == dy.sum()


def test_the_gradient_is_right_when_windows_overlap_by_two():
    x = np.random.default_rng(0).permutation(2 * 2 * 5 * 6).reshape(2, 2, 5, 6)
    findings = check(
        lambda x: maxpool_forward(x, 3, 1), maxpool_backward, {"x": x.astype(float)}
    )
    for finding in findings:
        assert finding.error < 1e-12, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("ties", [False, True])
@given(few, few, grids(no_pad))
def test_kernel_equals_reference(dtype, ties, n, c, grid):
    h, w, kernel, stride, _ = grid
    x = numbers(n, c, h, w).astype(dtype)
    if ties:  # -2, -1, 0, 1, 2: hardly a window without one
        x = np.round(x)
    y, cache = maxpool_forward(x, kernel, stride)
    dy = numbers(*y.shape, seed=1)
    y_found, dx_found, _ = machine(MaxPool(kernel, stride), x, dy, dtype=dtype)
    assert np.array_equal(y_found, y)
    agree(dx_found, maxpool_backward(dy, cache))


def test_of_equal_pixels_the_first_in_reading_order_wins():
    x = np.array([[[[0.0, 0, 0], [0, 7, 7], [7, 7, 0]]]])
    for y, dx in both(x, np.array([[[[5.0]]]])):
        assert y.tolist() == [[[[7]]]]
        assert dx[0, 0].tolist() == [[0, 0, 0], [0, 5, 0], [0, 0, 0]]


def test_in_a_constant_map_the_corner_of_each_window_wins():
    for y, dx in both(np.full((1, 1, 5, 5), 3.0), np.ones((1, 1, 2, 2))):
        assert (y == 3).all()
        assert np.argwhere(dx[0, 0]).tolist() == [[0, 0], [0, 2], [2, 0], [2, 2]]


def test_what_no_window_reaches_gets_no_gradient():
    for y, dx in both(numbers(2, 2, 6, 8), np.ones((2, 2, 2, 3))):
        assert y.shape == (2, 2, 2, 3)
        assert not dx[:, :, 5:].any() and not dx[..., 7:].any()


def test_negative_maps_are_not_pooled_to_zero():
    x = -1 - np.abs(numbers(1, 2, 5, 5))
    for y, _ in both(x, np.ones((1, 2, 2, 2))):
        assert (y <= -1).all()


def test_the_last_place_of_the_largest_window_fits_into_its_byte():
    x = np.zeros((1, 1, 16, 16))
    x[0, 0, 15, 15] = 1
    for y, dx in both(x, np.full((1, 1, 1, 1), 2.0), 16, 1):
        assert y.item() == 1
        assert dx[0, 0, 15, 15] == 2 and np.count_nonzero(dx) == 1


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (2, 2)])
def test_nan_anywhere_in_a_window_comes_out(place):
    """A network that diverges must be seen to diverge."""
    x = np.zeros((1, 1, 3, 3))
    x[0, 0][place] = np.nan
    for y, _ in both(x, np.ones((1, 1, 1, 1))):
        assert np.isnan(y).all()


@pytest.mark.parametrize("kernel", [0, 17])
def test_windows_must_have_1_to_16_pixels_a_side(kernel):
    with pytest.raises(ValueError, match="kernel must lie in 1 to 16"):
        MaxPool(kernel)


@pytest.mark.parametrize("shape", [(3, 2, 9), (3, 9, 2), (12,)])
def test_an_input_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError):
        MaxPool().output_shape(shape)
