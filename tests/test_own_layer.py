"""A layer of your own: it needs forward, backward, and nothing else."""

import numpy as np
import pytest
from contract import Scale, batch, build, step
from helpers import agree, numbers

from npalexnet.gradcheck import check, direction
from npalexnet.layers import Conv2d, Flatten, Layer, Linear, MaxPool, ReLU
from npalexnet.net.graph import Graph

pytestmark = pytest.mark.usefixtures("two_threads")


def test_a_layer_that_overrides_nothing_changes_nothing():
    graph = build("nothing, alone")
    x, dy = batch(graph)
    found = step(graph, x, dy)
    assert np.array_equal(found["y"], x) and np.array_equal(found["dx"], dy)


def test_scale_by_hand_over_many_blocks():
    """The gradient of a shared number is the sum over all images of all blocks."""
    graph = Graph({"scale": Scale(2)}, (2, 1, 1), np.float64)
    x = np.arange(80.0).reshape(40, 2, 1, 1)
    y = graph.forward(x)
    assert np.array_equal(y, x * np.array([0.5, 2]).reshape(1, 2, 1, 1))
    graph.backward(np.ones_like(y))
    # 0 + 2 + ... + 78 and 1 + 3 + ... + 79
    assert graph.params["scale.scale"].grad.tolist() == [1560, 1600]


def test_a_network_with_an_own_layer_has_the_right_gradients():
    graph = build("scale, in between")
    x, dy = batch(graph)
    for name in graph.params:
        finding = direction(graph, x, name, dy, np.random.default_rng(0))
        assert finding.error < 1e-6, finding


def whole_gradient_is_right(layers, shape):
    """Compare dx of a chain with what moving each pixel does; several blocks."""
    graph = Graph(layers, shape, np.float64)
    for param in graph.params.values():
        param.data = 0.5 * numbers(*param.data.shape)
    *_, last = graph.output_shapes.values()
    x, dy = numbers(40, *shape), numbers(40, *last, seed=1)
    for name in graph.params:
        finding = direction(graph, x, name, dy, np.random.default_rng(0))
        assert finding.error < 1e-6, finding
    u = numbers(*x.shape, seed=2)
    graph.forward(x)
    claimed = np.sum(graph.backward(dy, need_dx=True) * u)
    moved = [graph.forward(x + h * u, keep=False) for h in (1e-7, -1e-7)]
    found = np.sum((moved[0] - moved[1]) * dy) / 2e-7
    assert claimed == pytest.approx(found, rel=1e-6)


@pytest.mark.parametrize("before", [MaxPool, ReLU, Layer, lambda: Conv2d(2, 2, 2)])
def test_an_own_layer_may_read_its_input_after_any_layer(before):
    shape = (2, 5, 6)
    whole_gradient_is_right({"before": before(), "own": Scale(2)}, shape)


@pytest.mark.parametrize(
    "before",
    [ReLU, Layer, MaxPool, lambda: Conv2d(2, 2, 2)],
)
def test_an_own_layer_may_read_its_input_after_a_flatten(before):
    """Flatten copies nothing: what it hands on belongs to the layer before it."""
    layer, shape = before(), (2, 5, 6)
    rows = int(np.prod(layer.output_shape(shape)))
    layers = {"before": layer, "flatten": Flatten(), "own": Scale(rows)}
    whole_gradient_is_right(layers, shape)


class Wide(Layer):
    """An own layer on the whole batch that answers in float64, whatever it was told."""

    parallel_over = "features"

    def forward(self, x, ws, train=False, mask=None):
        return 2 * x.astype(np.float64), None

    def backward(self, dy, cache, ws):
        return 2 * dy


def test_a_layer_that_answers_in_another_dtype_spoils_nothing():
    x, dy = numbers(6, 5), numbers(6, 3)
    layers = {"fc1": Linear(5, 4, 0.5), "wide": Wide(), "fc2": Linear(4, 3, 0.5)}
    graph = Graph(layers, (5,), np.float32)
    exact = Graph(
        {"fc1": Linear(5, 4), "wide": Wide(), "fc2": Linear(4, 3)}, (5,), np.float64
    )
    for name, param in graph.params.items():
        exact.params[name].data = param.data
    found, expected = step(graph, x, dy), step(exact, x, dy)
    for name, array in found.items():
        assert array.dtype == np.float32
        agree(array, expected[name])


def test_the_last_layer_may_answer_in_another_dtype():
    graph = Graph({"wide": Wide()}, (5,), np.float32)
    assert graph.forward(numbers(6, 5)).dtype == np.float32


def test_an_own_pair_of_functions_can_be_checked():
    def forward(x, w):
        return x * w, (x, w)

    def backward(dy, cache):
        x, w = cache
        return dy * w, dy * x

    for finding in check(forward, backward, {"x": numbers(2, 3), "w": numbers(2, 3)}):
        assert finding.error < 1e-12
