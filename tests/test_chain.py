"""The chain: its truth, the engine that runs it, and threads, all equal."""

import numpy as np
import pytest

from npalexnet import SGD, Graph, alexnet, train_step
from npalexnet.layers import Conv2d, Dropout, Flatten, Linear, MaxPool, ReLU, Workspace
from npalexnet.layers.layer import Layer
from npalexnet.net import threads
from npalexnet.net.graph import chain_backward, chain_forward, sample_masks


def network(dtype=np.float32):
    graph = alexnet("small", 10, dtype=dtype)
    for name in ("norm1", "norm2"):
        graph.layers[name].alpha = 0.01  # so that its second term counts
    return graph


def batch(graph, images, seed=0):
    rng = np.random.default_rng(seed)
    shape = graph.output_shapes["fc8"]
    x = rng.standard_normal((images, *graph.input_shape)).astype(graph.dtype)
    return x, rng.standard_normal((images, *shape)).astype(graph.dtype)


def by_graph(graph, x, dy):
    """y, dx and all gradients, with masks that are drawn from a fixed seed."""
    y = graph.forward(x, train=True, rng=np.random.default_rng(1))
    dx = graph.backward(dy, need_dx=True)
    return [y, dx, *(p.grad.copy() for p in graph.params.values())]


def by_truth(graph, x, dy):
    inputs = graph.engine.input_shapes
    shapes = {name: (len(x), *inputs[name]) for name in graph.layers}
    masks = sample_masks(graph.layers, shapes, np.random.default_rng(1))
    y, cache = chain_forward(graph.layers, x, True, masks)
    dx = chain_backward(graph.layers, dy, cache)
    return [y, dx, *(p.grad.copy() for p in graph.params.values())]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("images", [1, 2, 7, 40])
def test_a_graph_does_what_the_chain_says(images, count):
    """In float64, to rounding: the sums over the images are in another order."""
    threads.set_threads(count)
    graph = network(np.float64)
    x, dy = batch(graph, images)
    for found, right in zip(
        by_graph(graph, x, dy), by_truth(graph, x, dy), strict=True
    ):
        scale = np.abs(right).max()
        assert np.abs(found - right).max() <= 1e-12 * scale


def test_one_block_on_one_thread_is_the_chain_bit_for_bit():
    threads.set_threads(1)
    graph = network()
    x, dy = batch(graph, 3)
    with threads.one_thread_blas():
        truth = by_truth(graph, x, dy)
    for found, right in zip(by_graph(graph, x, dy), truth, strict=True):
        assert np.array_equal(found, right)


@pytest.mark.parametrize("count", [1, 2])
def test_the_same_threads_give_the_same_bits(count):
    threads.set_threads(count)
    x, dy = batch(network(), 37)
    first, second = (by_graph(network(), x, dy) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b)


def test_backward_stops_at_the_first_layer_that_learns():
    class Never(Layer):
        def backward(self, dy, cache, ws):
            raise AssertionError("nobody needs this gradient")

    layers = {"first": Never(), "flatten": Flatten(), "fc": Linear(12, 3)}
    graph = Graph(layers, (3, 2, 2))
    graph.forward(np.ones((4, 3, 2, 2)))
    assert graph.backward(np.ones((4, 3))) is None
    assert graph.params["fc.w"].grad.any()
    graph.forward(np.ones((4, 3, 2, 2)))
    with pytest.raises(AssertionError, match="nobody needs"):
        graph.backward(np.ones((4, 3)), need_dx=True)


@pytest.mark.parametrize("layer", [Conv2d(3, 4, 3), Linear(12, 3)])
def test_a_gradient_that_nobody_needs_is_empty(layer):
    """So that who reads it all the same stumbles over its shape."""
    x = np.ones((2, 3, 5, 5) if isinstance(layer, Conv2d) else (2, 12), np.float32)
    y, cache = layer.forward(x, Workspace())
    grads = {key: np.zeros_like(p.data) for key, p in layer.params.items()}
    assert layer.backward(y, cache, Workspace(grads=grads, need_dx=False)).size == 0


def test_an_empty_chain_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        Graph({}, (3, 8, 8))


def test_dropout_without_its_mask_says_what_is_missing():
    with pytest.raises(ValueError, match="needs a mask"):
        Dropout(0.5).forward(np.ones((2, 3), np.float32), Workspace(), train=True)


def test_a_training_step_learns():
    layers = {
        "conv": Conv2d(1, 4, 3, std=0.5, rng=np.random.default_rng(0)),
        "relu": ReLU(),
        "pool": MaxPool(2, 2),
        "flatten": Flatten(),
        "fc": Linear(36, 2, rng=np.random.default_rng(1)),
    }
    graph = Graph(layers, (1, 8, 8))
    sgd = SGD(graph.params, lr=0.1)
    x = np.random.default_rng(2).standard_normal((20, 1, 8, 8))
    labels = (x.mean((1, 2, 3)) > 0).astype(int)
    x[labels == 1] += 1
    first, right = train_step(graph, sgd, x, labels)
    assert first == pytest.approx(np.log(2), rel=0.2)
    assert 0 <= right <= 20
    for _ in range(50):
        last, right = train_step(graph, sgd, x, labels)
    assert last < first / 5
    assert right >= 19
