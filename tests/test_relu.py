"""ReLU, and the tanh that it replaced."""

import numpy as np
import pytest
from helpers import agree, machine, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step, differences
from npalexnet.layers import (
    ReLU,
    Tanh,
    relu_backward,
    relu_forward,
    tanh_backward,
    tanh_forward,
)

shapes = st.lists(st.integers(1, 5), min_size=2, max_size=4).map(tuple)


def test_relu_by_hand():
    x, dy = np.array([[-2.0, -0.5, 0.5, 3]]), np.array([[1.0, 2, 3, 4]])
    y, cache = relu_forward(x)
    y_found, dx_found, _ = machine(ReLU(), x, dy)
    assert y.tolist() == y_found.tolist() == [[0, 0, 0.5, 3]]
    assert relu_backward(dy, cache).tolist() == dx_found.tolist() == [[0, 0, 3, 4]]


def test_at_zero_the_slope_is_taken_as_zero():
    x = np.array([[0.0, -0.0, 5e-324]])  # and the smallest number that is not zero
    _, cache = relu_forward(x)
    _, dx_found, _ = machine(ReLU(), x, np.ones((1, 3)))
    assert relu_backward(np.ones((1, 3)), cache).tolist() == [[0, 0, 1]]
    assert dx_found.tolist() == [[0, 0, 1]]


@given(shapes)
def test_relu_of_x_minus_relu_of_minus_x_is_x(shape):
    x = numbers(*shape)
    assert np.array_equal(relu_forward(x)[0] - relu_forward(-x)[0], x)


def test_the_gradient_of_relu_is_right_on_both_sides_of_zero():
    x = np.array([[-3.0, -1, 1, 2], [1, -1, -2, 4]])
    (finding,) = check(relu_forward, relu_backward, {"x": x}, differences)
    assert finding.error < 1e-14, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(shapes)
def test_kernel_of_relu_equals_reference(dtype, shape):
    x, dy = (numbers(*shape, seed=seed).astype(dtype) for seed in (0, 1))
    y, cache = relu_forward(x)
    y_found, dx_found, _ = machine(ReLU(), x, dy, dtype=dtype)
    assert np.array_equal(y_found, y)
    assert np.array_equal(dx_found, relu_backward(dy, cache))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_and_infinity_pass_through_the_kernel_of_relu(dtype):
    """A network that diverges must be seen to diverge."""
    x = np.array([[np.nan, np.inf, -np.inf, 1]])
    y, _, _ = machine(ReLU(), x, np.ones((1, 4)), dtype=dtype)
    np.testing.assert_array_equal(y, [[np.nan, np.inf, 0, 1]])


def test_nan_passes_through_the_reference_of_relu():
    y, _ = relu_forward(np.array([np.nan, 1, -1]))
    np.testing.assert_array_equal(y, [np.nan, 1, 0])


def test_tanh_by_hand():
    x, dy = np.array([[0.0, np.log(2)]]), np.array([[5.0, 25]])
    y, cache = tanh_forward(x)
    # tanh(ln 2) = (2 - 1/2) / (2 + 1/2) = 0.6, and its slope is 1 - 0.36
    agree(y, [[0, 0.6]])
    agree(tanh_backward(dy, cache), [[5, 16]])
    y_found, dx_found, _ = machine(Tanh(), x, dy)
    agree(y_found, [[0, 0.6]])
    agree(dx_found, [[5, 16]])


def test_the_gradient_of_tanh_is_right():
    x = {"x": numbers(3, 4)}
    # by a complex step, so the reference accepts complex numbers, too
    (finding,) = check(tanh_forward, tanh_backward, x, complex_step)
    assert finding.error < 1e-14, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(shapes)
def test_machine_of_tanh_equals_reference(dtype, shape):
    x, dy = numbers(*shape), numbers(*shape, seed=1)
    y, cache = tanh_forward(x)
    y_found, dx_found, _ = machine(Tanh(), x, dy, dtype=dtype)
    agree(y_found, y)
    agree(dx_found, tanh_backward(dy, cache))


def test_far_from_zero_tanh_is_flat_and_relu_is_not():
    x, dy = np.array([[40.0]]), np.ones((1, 1))
    assert machine(Tanh(), x, dy)[1].item() == 0
    assert machine(ReLU(), x, dy)[1].item() == 1
