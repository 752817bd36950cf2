"""What every layer promises, alone and in between: calls in any order."""

import numpy as np
import pytest
from contract import CHAINS, batch, build, same_bits, step
from helpers import agree

# On two threads, 37 images are several blocks on each.
pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture(params=CHAINS)
def graph(request):
    return build(request.param)


def test_two_steps_give_the_gradient_of_one(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    for param in graph.params.values():
        param.grad[...] = np.nan  # nothing of it may be left
    same_bits(step(graph, x, dy), expected)


def test_a_short_batch_in_between_changes_nothing(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy, train=False)
    for images in (1, 5):
        short = step(graph, x[:images], dy[:images], train=False)
        agree(short["y"], expected["y"][:images])
        agree(short["dx"], expected["dx"][:images])
        same_bits(step(graph, x, dy, train=False), expected)


def test_gradients_of_a_batch_are_the_sum_of_its_parts(graph):
    x, dy = batch(graph)
    whole = step(graph, x, dy, train=False)
    first = step(graph, x[:20], dy[:20], train=False)
    rest = step(graph, x[20:], dy[20:], train=False)
    for name in graph.params:
        agree(whole[name], first[name] + rest[name])


@pytest.mark.parametrize("count", [1, 3, 5])
def test_any_number_of_threads_gives_the_same_result(graph, set_threads, count):
    for images in (3, 37):  # with 5 threads, 3 images are too few to share out
        x, dy = batch(graph, images)
        set_threads(2)
        expected = step(graph, x, dy)
        set_threads(count)
        found = step(graph, x, dy)
        for name in expected:
            agree(found[name], expected[name])
        same_bits(step(graph, x, dy), found)


def test_threads_may_change_between_forward_and_backward(graph, set_threads):
    x, dy = batch(graph)
    expected = step(graph, x, dy, train=False)
    graph.forward(x)
    set_threads(3)
    agree(graph.backward(dy, need_dx=True), expected["dx"])


def test_backward_needs_a_forward_that_was_kept_and_only_one(graph):
    x, dy = batch(graph)
    with pytest.raises(RuntimeError, match="backward needs a forward pass"):
        graph.backward(dy)
    graph.forward(x, keep=False)
    with pytest.raises(RuntimeError, match="keep=True"):
        graph.backward(dy)
    graph.forward(x)
    graph.backward(dy)
    with pytest.raises(RuntimeError, match="each forward allows one backward"):
        graph.backward(dy)


def test_looking_in_between_does_not_disturb_backward(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    graph.forward(x, train=True, rng=np.random.default_rng(0))
    other, _ = batch(graph, 50, seed=1)
    graph.forward(other, keep=False)
    graph.forward(other[:3], train=True, keep=False)
    graph.activations(other)
    assert np.array_equal(graph.backward(dy, need_dx=True), expected["dx"])
    for name, param in graph.params.items():
        assert np.array_equal(param.grad, expected[name])


def test_without_dx_the_gradients_are_the_same(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy, train=False)
    graph.forward(x)
    assert graph.backward(dy) is None
    for name, param in graph.params.items():
        assert np.array_equal(param.grad, expected[name])


def test_forward_until_a_layer_agrees_with_activations(graph):
    x, _ = batch(graph)
    said = graph.activations(x)
    assert list(said) == list(graph.layers)
    for name, activation in said.items():
        assert activation.shape == (len(x), *graph.output_shapes[name])
        agree(graph.forward(x, until=name, keep=False), activation)
        agree(graph.forward(x, until=name), activation)
    agree(graph.forward(x), activation)


def test_a_forward_that_failed_allows_no_backward(graph):
    """The arrays of the forward before it are overwritten."""
    x, dy = batch(graph)
    graph.forward(x)
    layer = list(graph.layers.values())[-1]

    def fails(*_):
        raise OSError("no more")

    layer.forward = fails
    with pytest.raises(OSError):
        graph.forward(x)
    del layer.forward
    with pytest.raises(RuntimeError, match="backward needs a forward pass"):
        graph.backward(dy)
