"""The chain as a whole: gradients through all layers, memory, summary, preparation."""

from math import prod

import numpy as np
import pytest

from npalexnet import Graph, alexnet, softmax_cross_entropy
from npalexnet.alexnet import outline
from npalexnet.datasets.input import Input
from npalexnet.gradcheck import directional_derivative
from npalexnet.layers import Conv2d, Flatten, Linear, MaxPool, ReLU
from npalexnet.net import memory, threads


def test_every_parameter_array_of_paper_has_the_right_gradient():
    graph = alexnet("paper", dtype=np.float64)
    rng = np.random.default_rng(0)
    x = 50 * rng.standard_normal((1, 3, 227, 227))
    dy = rng.standard_normal((1, 1000))
    found = [
        directional_derivative(graph, x, n, dy, rng, mask_seed=1) for n in graph.params
    ]
    assert len(found) == 16
    assert max(found, key=lambda f: f.error).error < 1e-5


def test_the_gradient_of_the_input_is_right_too():
    graph = alexnet("small", 10, dropout=0, dtype=np.float64)
    rng = np.random.default_rng(0)
    x, u = rng.standard_normal((2, 2, 3, 56, 56))
    labels = np.array([3, 7])
    _, dlogits = softmax_cross_entropy(graph.forward(x), labels)
    dx = graph.backward(dlogits, need_dx=True)
    h = 1e-7
    above, below = (
        softmax_cross_entropy(graph.forward(x + s * u), labels)[0] for s in (h, -h)
    )
    assert np.sum(dx * u) == pytest.approx((above - below) / (2 * h), rel=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize(
    ("variant", "images"), [("small", 1), ("small", 5), ("small", 33), ("code2012", 2)]
)
def test_memory_is_counted_before_it_is_taken(variant, images, count):
    """To the byte: all arrays that a training step asks for, and dropout's masks."""
    threads.set_threads(count)
    graph = outline(variant, 10)
    promised = graph.memory(images)["for the batch"]
    y = graph.forward(np.zeros((images, *graph.input_shape)), train=True)
    graph.backward(np.ones_like(y))
    masks = 2 * images * graph.output_shapes["fc6"][0]
    assert graph.engine.held() + masks == promised
    assert graph.engine.held() > images * 4 * prod(graph.output_shapes["conv1"])


def test_memory_of_many_images_grows_evenly(monkeypatch):
    threads.set_threads(2)
    graph = outline("small", 10)
    counted = [graph.memory(n)["for the batch"] for n in (64, 512, 1024)]
    monkeypatch.setattr(memory, "MANY", 256)  # two full blocks on each thread
    assert [graph.memory(n)["for the batch"] for n in (64, 512, 1024)] == counted


def test_a_steady_step_allocates_nothing_large():
    import tracemalloc

    graph = alexnet("small", 10)
    x = np.zeros((32, 3, 56, 56), np.float32)

    def step():
        y = graph.forward(x, train=True, rng=np.random.default_rng(0))
        graph.backward(np.ones_like(y))

    step()
    step()
    tracemalloc.start()
    step()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20  # the masks of dropout, and small things


def test_evaluation_needs_far_less_memory_than_training():
    kept, free = alexnet("small", 10), alexnet("small", 10)
    x = np.zeros((512, 3, 56, 56), np.float32)
    kept.forward(x)
    free.forward(x, keep=False)

    assert free.engine.held() < 0.6 * kept.engine.held()


def test_a_layer_that_does_not_fit_is_named():
    with pytest.raises(ValueError, match=r"fc: Linear expects .* put a Flatten"):
        Graph({"fc": Linear(12, 3)}, (3, 2, 2))
    with pytest.raises(ValueError, match=r"conv: Conv2d expects \(4, H, W\)"):
        Graph({"conv": Conv2d(4, 2, 3)}, (3, 8, 8))
    with pytest.raises(ValueError, match="pool: a window of 3 does not fit"):
        Graph({"pool": MaxPool(3, 2)}, (1, 2, 2))


def test_wrong_inputs_are_refused_in_words():
    graph = Graph({"relu": ReLU(), "flat": Flatten()}, (1, 2, 2))
    with pytest.raises(ValueError, match=r"must be \(N, 1, 2, 2\)"):
        graph.forward(np.zeros((1, 2, 2)))
    with pytest.raises(ValueError, match="must be"):
        graph.forward(np.zeros((0, 1, 2, 2)))
    with pytest.raises(ValueError, match="no layer is called 'conv9'"):
        graph.forward(np.zeros((1, 1, 2, 2)), until="conv9")
    graph.forward(np.zeros((1, 1, 2, 2)))
    with pytest.raises(ValueError, match="dy must be"):
        graph.backward(np.zeros((1, 3)))


def test_prepare_takes_the_centre_and_subtracts_the_mean():
    graph = Graph({"relu": ReLU()}, (3, 2, 2))
    mean = np.arange(48.0).reshape(4, 4, 3)
    graph.input = Input(4, 2, mean, np.array(2.0), ())
    pictures = np.full((1, 4, 4, 3), 100, np.uint8)
    x = graph.prepare(pictures)
    assert x.shape == (1, 3, 2, 2)
    assert x[0, 1, 0, 0] == (100 - mean[1, 1, 1]) / 2
    side, crop, got, std, classes = graph.input
    assert (side, crop, float(std), classes) == (4, 2, 2.0, ())
    assert got is mean


def test_prepare_scales_the_shorter_side_and_cuts_the_middle():
    graph = Graph({"relu": ReLU()}, (3, 4, 4))
    wide = np.zeros((1, 8, 24, 3), np.uint8)
    wide[:, :, 8:16] = 200  # only the middle third is bright
    x = graph.prepare(wide)
    assert x.shape == (1, 3, 4, 4)
    assert (x[..., 1:-1] == 200).all()


def test_the_summary_by_hand():
    graph = Graph([Conv2d(1, 2, 3), ReLU(), Flatten(), Linear(8, 3)], (1, 4, 4))
    lines = [" ".join(line.split()) for line in graph.summary(batch=5).splitlines()]
    rule = lines[1]
    assert lines[:-1] == [
        "layer output how parameters multiply-adds saved per image",
        rule,
        "input 1 x 4 x 4",
        "conv1 2 x 2 x 2 sum 20 72",
        "relu1 2 x 2 x 2 32 bytes",
        "flat1 8",
        "full1 3 27 24",
        rule,
        "total 47 96 32 bytes",
    ]
    assert lines[-1].startswith("Training with a batch of 5 needs 564 bytes for")
    assert {cost.multiply_adds for cost in graph.costs().values()} == {72, 0, 24}
