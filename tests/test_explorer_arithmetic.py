"""The page's numbers are Graph's: every activation, every gradient, in a browser."""

import numpy as np
import pytest
from browser import Opened, chromium
from helpers import numbers

import npalexnet
from npalexnet import Graph, datasets, softmax_cross_entropy
from npalexnet.datasets import embedded
from npalexnet.explorer import pack, page
from npalexnet.layers import (
    LRN,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    SameMapNorm,
    Tanh,
)
from npalexnet.net.graph import chain_backward, chain_forward

pytestmark = pytest.mark.browser

TOLERANCE = 1e-4  # of the largest value


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def rounded(graph, bits):
    """The same network, with the weights that the page has."""
    for param in graph.params.values():
        param.data = pack.rounded(param.data, bits)
    return graph


def every_layer(bits):
    """A network with every layer, all settings unlike the defaults."""
    rng = np.random.default_rng(0)
    layers = {
        "conv1": Conv2d(3, 8, 5, stride=2, pad=(0, 3), std=0.2, bias=0.1, rng=rng),
        "norm1": LRN(size=3, alpha=0.3, beta=0.6, k=1.5, groups=2),
        "relu1": ReLU(),
        "pool1": MaxPool(3, 2),
        "conv2": Conv2d(8, 12, 3, pad=1, groups=2, std=0.2, rng=rng),
        "tanh2": Tanh(),
        "samemap2": SameMapNorm(size=3, alpha=0.2, beta=0.5, k=1.2),
        "pool2": MaxPool(2, 2),
        "drop2": Dropout(0.25),
        "flatten": Flatten(),
        "fc3": Linear(12 * 3 * 3, 20, std=0.2, rng=rng),
        "relu3": ReLU(),
        "drop3": Dropout(0.5),
        "fc4": Linear(20, 5, std=0.3, bias=0.1, rng=rng),
    }
    return rounded(Graph(layers, (3, 26, 26)), bits), layers


def near(found, expected, what):
    assert found.shape == expected.shape, what
    largest = np.abs(expected).max()
    assert np.abs(found - expected).max() <= TOLERANCE * largest, what


def check_forward(opened, graph, x, i):
    found = opened.arrays(f"activations({i})")
    expected = graph.activations(x[i : i + 1])
    assert list(found) == list(expected)
    for name, y in expected.items():
        near(found[name], y[0], f"picture {i}, {name}")
    return found


def check_backward(opened, graph, x, i, label, outputs):
    """Each gradient against what follows from the page's own next one.

    So flat backgrounds do no harm: their windows tie, and where rounding then chooses
    another winner is not a matter of right or wrong.
    """
    found = opened.arrays(f"gradients({i}, {label})")
    names = list(graph.layers)
    assert set(found) == {"input", *names}
    # in float64, for p - 1 of a sure network has few digits left in float32
    logits = outputs[names[-1]][None].astype(np.float64)
    _, dlogits = softmax_cross_entropy(logits, np.array([label]))
    near(found[names[-1]], dlogits[0], f"picture {i}, loss")
    before = [x[i], *(outputs[name] for name in names)]
    for here, name, y in zip(["input", *names], names, before, strict=False):
        one = {name: graph.layers[name]}
        _, cache = chain_forward(one, y[None])
        dx = chain_backward(one, found[name][None], cache)
        near(found[here], dx[0], f"picture {i}, ∂loss/∂{here}")
    return found


@pytest.mark.parametrize("bits", [16, 8])
def test_every_layer(browser, tmp_path, bits):
    graph, _ = every_layer(bits)
    x, labels = numbers(4, 3, 26, 26).astype(np.float32), [0, 3, 4, 2]
    page(graph, x, labels, bits=bits).save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    for i, label in enumerate(labels):
        outputs = check_forward(opened, graph, x, i)
        found = check_backward(opened, graph, x, i, label, outputs)
        y = graph.forward(x[i : i + 1])  # noise never ties: the whole way at once
        _, dlogits = softmax_cross_entropy(y, np.array([label]))
        dx = graph.backward(dlogits, need_dx=True)
        near(found["input"], dx[0], f"picture {i}, all the way back")
    assert opened.complaints == []


def test_emoji_on_twenty_pictures(browser, tmp_path):
    graph = npalexnet.load(embedded("emoji-small.npz"))
    val = datasets.load("emoji", train=False).val
    some = slice(0, 480, 24)
    pixels, labels = val.pixels[some], val.labels[some]
    page(graph, pixels, labels, names=val.names[some]).save(tmp_path / "page.html")
    rounded(graph, 16)
    x = graph.prepare(pixels)
    opened = Opened(browser, tmp_path / "page.html")
    listed = opened.page.evaluate("window.npalexnet.pictures")
    assert [p["index"] for p in listed] == list(range(20))
    assert [p["label"] for p in listed] == labels.tolist()
    assert [p["name"] for p in listed] == list(val.names[some])
    for i, label in enumerate(labels):
        outputs = check_forward(opened, graph, x, i)
        check_backward(opened, graph, x, i, int(label), outputs)
    assert opened.complaints == [] and opened.requests == []


def test_mean_picture_and_std_of_each_channel(browser, tmp_path):
    """A mean picture is cropped in the page as it is in NumPy."""
    layers = {"flatten": Flatten(), "fc": Linear(3 * 36, 4, std=0.1)}
    graph = Graph(layers, (3, 6, 6))
    rng = np.random.default_rng(0)
    mean, std = rng.uniform(50, 200, (9, 9, 3)), np.array([50.0, 60, 70])
    graph.input = graph.input._replace(side=9, crop=6, mean=mean, std=std)
    pixels = rng.integers(0, 256, (3, 9, 9, 3)).astype(np.uint8)
    page(graph, pixels).save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    for i, x in enumerate(graph.prepare(pixels)):
        near(opened.arrays(f"activations({i})")["flatten"], x.ravel(), "x")


def test_mutants_are_noticed(browser, tmp_path):
    """The comparison itself: one weight changed in Python, and it says so."""
    graph, _ = every_layer(16)
    x = numbers(1, 3, 26, 26).astype(np.float32)
    page(graph, x, [1]).save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    outputs = check_forward(opened, graph, x, 0)
    for name in ("conv1.w", "conv2.w", "fc3.w", "fc4.w"):
        data = graph.params[name].data
        data *= 1.01
        with pytest.raises(AssertionError):
            check_backward(opened, graph, x, 0, 1, outputs)
        data /= np.float32(1.01)
