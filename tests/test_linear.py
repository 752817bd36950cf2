"""The fully connected layer, and Flatten, which leads to it."""

import numpy as np
import pytest
from helpers import agree, machine, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import Flatten, Linear, linear_backward, linear_forward
from npalexnet.net.graph import Graph


def test_linear_by_hand():
    x = np.array([[1.0, 2], [0, 1]])  # two images of two numbers
    params = {"w": np.array([[3.0, 4], [5, 6], [0, -1]]), "b": np.array([0.5, 0, 1])}
    dy = np.array([[1.0, 0, 2], [0, 3, 0]])
    y, cache = linear_forward(x, **params)
    dx, dw, db = linear_backward(dy, cache)
    y_found, dx_found, grads = machine(Linear(2, 3), x, dy, params)
    # first image, first unit: 1·3 + 2·4 + 0.5
    assert y.tolist() == y_found.tolist() == [[11.5, 17, -1], [4.5, 6, 0]]
    # first image: 1·(3, 4) + 2·(0, -1); second: 3·(5, 6)
    assert dx.tolist() == dx_found.tolist() == [[3, 2], [15, 18]]
    # first unit: 1·(1, 2); second: 3·(0, 1); third: 2·(1, 2)
    assert dw.tolist() == grads["w"].tolist() == [[1, 2], [0, 3], [2, 4]]
    assert db.tolist() == grads["b"].tolist() == [1, 3, 2]


def test_without_bias_the_layer_is_linear():
    w, zero = numbers(4, 5), np.zeros(4)
    x, z = numbers(3, 5), numbers(3, 5, seed=1)
    whole, _ = linear_forward(2 * x - 3 * z, w, zero)
    agree(whole, 2 * linear_forward(x, w, zero)[0] - 3 * linear_forward(z, w, zero)[0])


def test_backward_is_the_adjoint_of_forward_in_x_and_in_w():
    x, w, dy = numbers(3, 5), numbers(4, 5), numbers(3, 4)
    y, cache = linear_forward(x, w, np.zeros(4))
    dx, dw, _ = linear_backward(dy, cache)
    agree(np.sum(x * dx), np.sum(y * dy))
    agree(np.sum(w * dw), np.sum(y * dy))


def test_the_gradient_is_right_with_more_units_than_inputs():
    arrays = {"x": numbers(3, 2), "w": numbers(5, 2), "b": numbers(5)}
    # by a complex step, so the reference accepts complex numbers, too
    for finding in check(linear_forward, linear_backward, arrays, complex_step):
        assert finding.error < 1e-13, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 9))
def test_machine_equals_reference(dtype, n, inputs, units):
    x, params = numbers(n, inputs), {"w": numbers(units, inputs), "b": numbers(units)}
    dy = numbers(n, units, seed=1)
    y, cache = linear_forward(x, **params)
    dx, dw, db = linear_backward(dy, cache)
    y_found, dx_found, grads = machine(Linear(inputs, units), x, dy, params, dtype)
    agree(y_found, y)
    agree(dx_found, dx)
    agree(grads["w"], dw)
    agree(grads["b"], db)


def test_fewer_units_than_threads_are_fine(set_threads):
    set_threads(5)
    x, params = numbers(7, 3), {"w": numbers(2, 3), "b": numbers(2)}
    dy = numbers(7, 2, seed=1)
    y, cache = linear_forward(x, **params)
    y_found, dx_found, grads = machine(Linear(3, 2), x, dy, params)
    agree(y_found, y)
    agree(dx_found, linear_backward(dy, cache)[0])
    agree(grads["w"], linear_backward(dy, cache)[1])


@pytest.mark.parametrize("shape", [(4,), (6,), ()])
def test_another_number_of_inputs_is_refused(shape):
    with pytest.raises(ValueError, match=r"Linear expects \(5,\)"):
        Linear(5, 2).output_shape(shape)


def test_a_forgotten_flatten_is_named():
    with pytest.raises(ValueError, match="put a Flatten before it"):
        Graph({"fc": Linear(12, 2)}, (3, 2, 2))


def test_weights_are_drawn_with_the_std_and_biases_start_where_told():
    layer = Linear(300, 200, std=0.02, bias=1.0, rng=np.random.default_rng(0))
    w, b = layer.params["w"].data, layer.params["b"].data
    assert w.shape == (200, 300) and (b == 1).all()
    assert abs(w.std() / 0.02 - 1) < 0.02 and abs(w.mean()) < 0.001
    assert not Linear(3, 4, std=0).params["w"].data.any()


def test_flatten_by_hand():
    x = np.arange(8.0).reshape(1, 2, 2, 2)  # row by row, map after map
    y, dx, _ = machine(Flatten(), x, 10 * np.arange(8.0).reshape(1, 8))
    assert y.tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert dx.tolist() == [[[[0, 10], [20, 30]], [[40, 50], [60, 70]]]]


@given(st.lists(st.integers(1, 5), min_size=2, max_size=4).map(tuple))
def test_flatten_goes_back_to_the_old_shape(shape):
    x = numbers(*shape)
    flat = x.reshape(shape[0], -1)
    y, dx, _ = machine(Flatten(), x, flat)
    assert np.array_equal(y, flat) and np.array_equal(dx, x)
