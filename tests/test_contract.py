"""What every layer promises, alone and in between: what goes in and comes out."""

import numpy as np
import pytest
from contract import CHAINS, LAYERS, batch, build, same_bits, step
from helpers import agree, numbers

from npalexnet.layers import Linear, Workspace
from npalexnet.net.graph import Graph

# On two threads, 37 images are several blocks on each.
pytestmark = pytest.mark.usefixtures("two_threads")


@pytest.fixture(params=CHAINS)
def graph(request):
    return build(request.param)


def test_inputs_are_never_written_to(graph):
    x, dy = batch(graph)
    before = x.tobytes(), dy.tobytes()
    step(graph, x, dy)
    graph.forward(x, keep=False)
    graph.activations(x)
    assert (x.tobytes(), dy.tobytes()) == before


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_by_itself_writes_neither_to_x_nor_to_dy(name):
    """In a chain x is somebody's kept output, and dy may be the caller's."""
    make, shape = LAYERS[name]
    layer = make()
    for param in layer.params.values():
        param.astype(np.float64)
    x, dy = numbers(5, *shape), numbers(5, *layer.output_shape(shape), seed=1)
    before = x.tobytes(), dy.tobytes()
    mask = layer.sample_mask(np.random.default_rng(0), x.shape)
    grads = {key: param.grad for key, param in layer.params.items()}
    ws = Workspace(dtype=np.float64, grads=grads)
    _, cache = layer.forward(x, ws, True, mask)
    layer.backward(dy, cache, ws)
    assert (x.tobytes(), dy.tobytes()) == before


def test_read_only_inputs_are_accepted(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    x.flags.writeable = dy.flags.writeable = False
    same_bits(step(graph, x, dy), expected)


def test_results_are_the_callers_to_keep(graph):
    (x, dy), (x2, dy2) = batch(graph), batch(graph, seed=1)
    y = graph.forward(x, train=True)
    dx = graph.backward(dy, need_dx=True)
    before = y.copy(), dx.copy()
    y2 = graph.forward(x2, train=True)
    dx2 = graph.backward(dy2, need_dx=True)
    graph.forward(x2, keep=False)
    for one, other in [(y, y2), (dx, dx2), (x, y), (x, dx), (dy, dx)]:
        assert not np.shares_memory(one, other)
    assert np.array_equal(y, before[0]) and np.array_equal(dx, before[1])


def test_spoiling_a_result_does_not_disturb_backward(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    y = graph.forward(x, train=True, rng=np.random.default_rng(0))
    y[...] = np.nan
    dx = graph.backward(dy, need_dx=True)
    assert np.array_equal(dx, expected["dx"])
    dx[...] = np.nan
    same_bits(step(graph, x, dy), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float16, np.float32])
def test_any_real_dtype_goes_in_and_the_dtype_of_the_graph_comes_out(graph, dtype):
    _, dy = batch(graph)
    x = (
        np.random.default_rng(0)
        .integers(0, 200, (37, *graph.input_shape))
        .astype(dtype)
    )
    found = step(graph, x, dy.astype(np.float32))
    expected = step(graph, x.astype(np.float64), dy.astype(np.float32).astype(float))
    assert all(array.dtype == np.float64 for array in found.values())
    same_bits(found, expected)


def test_float64_goes_into_a_graph_in_float32(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    graph = Graph(graph.layers, graph.input_shape, np.float32)
    for name, array in step(graph, x, dy).items():
        assert array.dtype == np.float32
        agree(array, expected[name], 1e-4)


def test_arrays_with_gaps_are_accepted(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    gaps = np.zeros((2 * len(x), *x.shape[1:]))
    gaps[::2] = x
    same_bits(step(graph, gaps[::2], dy), expected)
    same_bits(step(graph, np.asfortranarray(x), dy), expected)
    backwards = step(graph, x, dy[::-1].copy()[::-1])
    for name, array in step(graph, x, np.asfortranarray(dy)).items():
        agree(array, expected[name])  # BLAS may add in another order
        agree(backwards[name], expected[name])


def test_the_input_may_change_between_forward_and_backward(graph):
    x, dy = batch(graph)
    expected = step(graph, x, dy)
    graph.forward(x, train=True, rng=np.random.default_rng(0))
    x[...] = np.nan
    assert np.array_equal(graph.backward(dy, need_dx=True), expected["dx"])
    for name, param in graph.params.items():
        assert np.array_equal(param.grad, expected[name])


def test_new_values_are_copied_into_the_parameter():
    param = Graph({"fc": Linear(3, 2)}, (3,)).params["fc.w"]
    array, values = param.data, numbers(2, 3)
    param.data = values
    assert param.data is array and array.dtype == np.float32
    agree(array, values)
    values[...] = 7
    assert not (param.data == 7).any()
    for wrong in (numbers(3, 2), numbers(3), 1.0):
        with pytest.raises(ValueError, match=r"this parameter has shape \(2, 3\)"):
            param.data = wrong
