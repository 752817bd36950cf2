"""Dropout as in the paper: 0/1 masks in training, weaker neurons at test time."""

import numpy as np
import pytest
from helpers import machine, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import Dropout, ReLU, dropout_backward, dropout_forward
from npalexnet.net.graph import Graph

shapes = st.lists(st.integers(1, 6), min_size=2, max_size=4).map(tuple)


def rng(seed=0):
    return np.random.default_rng(seed)


class FixedDraw:
    """A random generator that is not: it always draws these numbers."""

    def __init__(self, *values):
        self.values = values

    def random(self, shape, dtype):
        return np.array(self.values, dtype).reshape(shape)


def test_dropout_by_hand():
    x, dy = np.array([[1.0, 2, 3, 4]]), np.array([[5.0, 6, 7, 8]])
    draw = FixedDraw(0.1, 0.6, 0.5, 0.9)  # below the rate of one half: stay at home
    y, cache = dropout_forward(x, 0.5, draw)
    assert y.tolist() == [[0, 2, 3, 4]]
    assert dropout_backward(dy, cache).tolist() == [[0, 6, 7, 8]]
    y_found, dx_found, _ = machine(Dropout(0.5), x, dy, train=True, rng=draw)
    assert y_found.tolist() == [[0, 2, 3, 4]]
    assert dx_found.tolist() == [[0, 6, 7, 8]]


def test_survivors_are_not_rescaled():
    x = numbers(4, 50)
    y, _ = dropout_forward(x, 0.3, rng())
    assert set(np.unique(y / x)) == {0.0, 1.0}


def test_at_test_time_all_neurons_work_at_reduced_strength():
    x, dy = numbers(3, 7), numbers(3, 7, seed=1)
    y, cache = dropout_forward(x, 0.25, rng(), train=False)
    y_found, dx_found, _ = machine(Dropout(0.25), x, dy, train=False)
    assert np.array_equal(y, 0.75 * x) and np.array_equal(y_found, y)
    assert np.array_equal(dropout_backward(dy, cache), 0.75 * dy)
    assert np.array_equal(dx_found, 0.75 * dy)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_mean_over_many_masks_is_what_test_time_says(rate):
    x = np.ones((100, 1000))
    y, _, _ = machine(Dropout(rate), x, x, train=True, rng=rng())
    spread = np.sqrt(rate * (1 - rate) / x.size)
    assert abs(y.mean() - (1 - rate)) < 5 * spread


def test_each_image_and_each_step_has_its_own_mask():
    graph = Graph({"dropout": Dropout()}, (200,))
    x, one = np.ones((2, 200)), rng()
    first, second = (graph.forward(x, train=True, rng=one) for _ in range(2))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, second)
    # and without a generator each pass draws from a fresh one
    first, second = (graph.forward(x, train=True) for _ in range(2))
    assert not np.array_equal(first, second)


def test_the_same_seed_gives_the_same_mask():
    graph = Graph({"dropout": Dropout()}, (200,))
    x = numbers(3, 200)
    first, second = (graph.forward(x, train=True, rng=rng(7)) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_gradient_is_right_while_the_mask_is_held_fast():
    def forward(x):
        return dropout_forward(x, 0.4, rng())

    x = {"x": numbers(3, 20)}
    # by a complex step, so the reference accepts complex numbers, too
    (finding,) = check(forward, dropout_backward, x, complex_step)
    assert finding.error < 1e-14, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(shapes, st.sampled_from([0.0, 0.2, 0.5, 0.9]))
def test_machine_equals_reference_with_the_same_seed(dtype, shape, rate):
    x, dy = (numbers(*shape, seed=seed).astype(dtype) for seed in (0, 1))
    y, cache = dropout_forward(x, rate, rng(3))
    y_found, dx_found, _ = machine(
        Dropout(rate), x, dy, dtype=dtype, train=True, rng=rng(3)
    )
    assert y.dtype == dtype
    assert np.array_equal(y_found, y)
    assert np.array_equal(dx_found, dropout_backward(dy, cache))


@pytest.mark.parametrize("train", [False, True])
def test_a_rate_of_zero_changes_nothing(train):
    x = numbers(3, 50)
    y, dx, _ = machine(Dropout(0), x, x, train=train)
    assert np.array_equal(y, x) and np.array_equal(dx, x)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_a_rate_outside_of_zero_to_one_is_refused(rate):
    with pytest.raises(ValueError, match="rate must lie in"):
        Dropout(rate)


def test_only_the_mask_is_kept_where_nobody_else_needs_the_output():
    graph = Graph([Dropout(), ReLU()], (8,))
    assert graph.costs()["drop1"].saved == 8  # bytes; with the output it would be 40
