"""Which AlexNet? Each variant against its source: layers, shapes, starts, switches."""

import json
import time
from io import BytesIO

import numpy as np
import pytest

import npalexnet
from npalexnet import figures, softmax_cross_entropy, summary
from npalexnet.alexnet import VARIANTS, alexnet, outline
from npalexnet.net.comparison import comparison
from npalexnet.weights import checkpoint

BIG = ("paper", "code2012", "caffe", "caffenet", "owt", "column")

# name: parameters with 1000 classes, multiply-adds an image, side of the input
COUNTS = {
    "paper": (60_965_224, 724_406_816, 227),
    "code2012": (60_965_224, 724_406_816, 224),
    "caffe": (60_965_224, 724_406_816, 227),
    "caffenet": (60_965_224, 724_406_816, 227),
    "owt": (61_100_840, 714_188_480, 224),
    "column": (59_798_312, 391_514_384, 227),
    "small": (3_178_664, 36_116_368, 56),
}
USUAL = (
    "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 "
    "relu5 pool5 flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8"
)
ORDER = {
    "paper": USUAL,
    "code2012": "conv1 norm1 pool1 relu1 conv2 relu2 norm2 samemap2 pool2 conv3 relu3 "
    "conv4 relu4 conv5 pool5 relu5 flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8",
    "caffe": USUAL,
    "caffenet": "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2 conv3 relu3 conv4 "
    "relu4 conv5 relu5 pool5 flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8",
    "owt": "conv1 relu1 pool1 conv2 relu2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 "
    "pool5 flatten drop6 fc6 relu6 drop7 fc7 relu7 fc8",
    "column": USUAL,
    "small": USUAL,
}
# shape of what conv1, pool1, conv2, pool2, conv3, conv4, conv5 and pool5 say
PAPER_SHAPES = "96x55 96x27 256x27 256x13 384x13 384x13 256x13 256x6"
SHAPES = {
    "paper": PAPER_SHAPES,
    "code2012": PAPER_SHAPES,
    "caffe": PAPER_SHAPES,
    "caffenet": PAPER_SHAPES,
    "owt": "64x55 64x27 192x27 192x13 384x13 256x13 256x13 256x6",
    "column": "48x55 48x27 128x27 128x13 192x13 192x13 256x13 256x6",
    "small": "48x27 48x13 128x13 128x6 192x6 192x6 128x6 128x2",
}
# std and bias of the start: conv1 to conv5, fc6 to fc8
PAPER_STDS, PAPER_BIASES = 8 * [0.01], [0, 1, 0, 1, 1, 1, 1, 0]
CAFFE_STDS = [0.01, 0.01, 0.01, 0.01, 0.01, 0.005, 0.005, 0.01]
STARTS = {
    "paper": (PAPER_STDS, PAPER_BIASES),
    "code2012": ([0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01], PAPER_BIASES),
    "caffe": (CAFFE_STDS, [0, 0.1, 0, 0.1, 0.1, 0.1, 0.1, 0]),
    "caffenet": (CAFFE_STDS, PAPER_BIASES),
    "column": (PAPER_STDS, PAPER_BIASES),
}
# size, alpha, beta, k, groups
LRN = {
    "paper": (5, 1e-4, 0.75, 2, 1),
    "code2012": (5, 2e-5, 0.75, 2, 2),
    "caffe": (5, 2e-5, 0.75, 1, 1),
    "caffenet": (5, 2e-5, 0.75, 1, 1),
    "column": (5, 1e-4, 0.75, 2, 1),
    "small": (5, 1e-4, 0.75, 2, 1),
}


@pytest.fixture(scope="module", params=VARIANTS)
def drawn(request):
    """(name, graph) of each variant with 10 classes, its weights drawn."""
    return request.param, alexnet(request.param, 10)


def test_there_are_seven():
    assert set(VARIANTS) == set(COUNTS) == set(ORDER) == set(SHAPES) == {*BIG, "small"}


@pytest.mark.parametrize("name", VARIANTS)
def test_counts_order_and_shapes(name):
    graph = outline(name)
    parameters, work, side = COUNTS[name]
    assert graph.input_shape == (3, side, side)
    assert sum(p.data.size for p in graph.params.values()) == parameters
    total = graph.summary().splitlines()[-2]
    assert f"{parameters:,}" in total and f"{work:,}" in total
    assert list(graph.layers) == ORDER[name].split()
    looked_at = "conv1 pool1 conv2 pool2 conv3 conv4 conv5 pool5".split()
    found = [graph.output_shapes[layer] for layer in looked_at]
    assert [f"{c}x{h}" for c, h, _ in found] == SHAPES[name].split()
    assert all(h == w for _, h, w in found)
    width = 1024 if name == "small" else 4096
    units = [graph.output_shapes[layer] for layer in ("fc6", "fc7", "fc8")]
    assert units == [(width,), (width,), (1000,)]


@pytest.mark.parametrize("name", VARIANTS)
def test_groups_padding_and_constants(name):
    layers = outline(name).layers
    columns = {"owt": 1, "column": 1}.get(name, 2)
    for conv in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        apart = columns if conv in ("conv2", "conv4", "conv5") else 1
        assert layers[conv].groups == apart
    pad = {"code2012": (0, 3), "owt": 2, "small": 1}.get(name, 0)
    assert layers["conv1"].pad == pad
    found = [tuple(n.settings().values()) for k, n in layers.items() if "norm" in k]
    assert found == (2 * [LRN[name]] if name in LRN else [])
    pools = [p for k, p in layers.items() if k.startswith("pool")]
    assert [(p.kernel, p.stride) for p in pools] == 3 * [(3, 2)]
    assert {d.rate for k, d in layers.items() if k.startswith("drop")} == {0.5}
    if name == "code2012":
        settings = {"size": 5, "alpha": 4e-5, "beta": 0.75, "k": 1}
        assert layers["samemap2"].settings() == settings


@pytest.mark.parametrize("name", VARIANTS)
def test_input_and_multipliers(name):
    graph = outline(name)
    side, crop, mean, std, classes = graph.input
    assert (crop, classes) == (COUNTS[name][2], ())
    assert side == (64 if name == "small" else 256)
    if name == "owt":  # torchvision's constants, on 0..255
        np.testing.assert_allclose(mean, [123.675, 116.28, 103.53])
        np.testing.assert_allclose(std, [58.395, 57.12, 57.375])
        x = graph.prepare(np.full((1, 256, 256, 3), 200, np.uint8))
        expected = (200 - np.array([123.675, 116.28, 103.53])) / [58.395, 57.12, 57.375]
        np.testing.assert_allclose(x.mean((0, 2, 3)), expected, rtol=1e-5)
    elif name != "small":
        assert std == 1
    learn_and_decay = (1, 1) if name in ("paper", "owt") else (2, 0)
    for key, param in graph.params.items():
        wanted = learn_and_decay if key.endswith(".b") else (1, 1)
        assert (param.lr, param.decay) == wanted


def test_the_start_is_that_of_the_source(drawn):
    name, graph = drawn
    layers = [layer for layer in graph.layers.values() if layer.params]
    if name == "owt":  # PyTorch's default: uniform in ±1/√inputs, biases too
        for layer in layers:
            w, b = (layer.params[key].data for key in "wb")
            limit = 1 / np.sqrt(w[0].size)
            for array in (w, b):
                assert np.abs(array).max() <= limit * (1 + 1e-6)
            assert np.abs(w).max() > 0.99 * limit and np.abs(b).max() > 0.7 * limit
            assert w.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
            assert b.min() < 0 < b.max()
            assert abs(w.mean()) < 4 * w.std() / np.sqrt(w.size)
    elif name != "small":  # for small see test_alexnet.py
        for layer, std, bias in zip(layers, *STARTS[name], strict=True):
            assert layer.params["w"].data.std() == pytest.approx(std, rel=0.02)
            assert (layer.params["b"].data == np.float32(bias)).all()


def test_a_small_step_lowers_the_loss_by_what_the_gradient_says(drawn):
    """To first order a step of -lr · gradient lowers the loss by lr · |gradient|²."""
    name, graph = drawn
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, *graph.input_shape), np.float32)
    x *= 1 if name in ("owt", "small") else 60
    before = {key: p.data.copy() for key, p in graph.params.items()}
    labels = np.array([3, 7])
    sgd = npalexnet.SGD(graph.params, lr=1, momentum=0, weight_decay=0)

    def loss_and_slope():
        loss, dlogits = softmax_cross_entropy(graph.forward(x), labels)
        graph.backward(dlogits)
        squares = (p.lr * np.sum(p.grad**2, dtype=float) for p in graph.params.values())
        return float(loss), sum(squares)

    loss, slope = loss_and_slope()
    sgd.lr = 0.01 * loss / slope  # lower it by one percent
    sgd.step()
    lower, _ = loss_and_slope()
    assert lower < loss
    assert loss - lower == pytest.approx(0.01 * loss, rel=0.15)
    for key, p in graph.params.items():
        p.data = before[key]


# what each switch leaves out, or "error" where it changes nothing
LEFT_OUT = {
    "paper": {"lrn": "norm1 norm2", "dropout": "drop6 drop7"},
    "code2012": {"lrn": "norm1 norm2 samemap2", "dropout": "drop6 drop7"},
    "caffe": {"lrn": "norm1 norm2", "dropout": "drop6 drop7"},
    "caffenet": {"lrn": "norm1 norm2", "dropout": "drop6 drop7"},
    "owt": {"lrn": "error", "groups": "error", "dropout": "drop6 drop7"},
    "column": {"lrn": "norm1 norm2", "groups": "error", "dropout": "drop6 drop7"},
    "small": {"lrn": "norm1 norm2", "dropout": "drop6 drop7"},
}
SWITCHES = {
    "lrn": False,
    "overlap": False,
    "groups": 1,
    "dropout": 0,
    "activation": "tanh",
}


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("name", VARIANTS)
def test_switches(name, switch):
    """Each does what it says, and nothing else; one that does nothing is an error."""
    value = SWITCHES[switch]
    left_out = LEFT_OUT[name].get(switch, "")
    if left_out == "error":
        says = f"{switch}={value} changes nothing in {name}; leave it out"
        with pytest.raises(ValueError, match=says):
            alexnet(name, **{switch: value})
        return
    usual, other = outline(name), outline(name, **{switch: value})
    assert [n for n in usual.layers if n not in other.layers] == left_out.split()
    assert [n for n in usual.layers if n in other.layers] == list(other.layers)
    changed = {
        n for n in other.layers if repr(usual.layers[n]) != repr(other.layers[n])
    }
    expected = {
        "overlap": {"pool1", "pool2", "pool5"},
        "groups": {"conv2", "conv4", "conv5"},
        "activation": {n for n in usual.layers if n.startswith("relu")},
    }.get(switch, set())
    if (name, switch) == ("code2012", "groups"):
        expected |= {"norm1", "norm2"}  # which do not see the other column either
    if (name, switch) == ("small", "overlap"):
        expected |= {"fc6"}  # pool5 leaves 3 x 3 places where there were 2 x 2
    assert changed == expected


def test_the_usual_value_of_a_switch_changes_nothing_and_is_an_error():
    for name in VARIANTS:
        with pytest.raises(ValueError, match=r"dropout=0\.5 changes nothing"):
            outline(name, dropout=0.5)
        assert repr(outline(name, lrn=True).layers) == repr(outline(name).layers)


def test_switches_leave_the_other_weights_as_they_were():
    usual = alexnet("code2012", 10)
    other = alexnet("code2012", 10, groups=1, lrn=False, dropout=0)
    for key in ("conv1.w", "conv3.w", "fc6.w", "fc7.w", "fc8.w", "conv2.b"):
        assert np.array_equal(usual.params[key].data, other.params[key].data)
    assert other.params["conv2.w"].data.shape[1] == 96


def test_an_outline_is_the_network_without_its_numbers(drawn):
    name, graph = drawn
    drawn_with_numbers, empty = (
        {**checkpoint.describe(g), "about": {}} for g in (graph, outline(name, 10))
    )
    assert empty == drawn_with_numbers
    assert not any(p.data.any() for k, p in outline(name).params.items() if ".w" in k)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_checkpoint_describes_each_variant_whole(name):
    """Through JSON, where pairs turn into lists, and back."""
    graph = outline(name)
    described = checkpoint.describe(graph)
    back = checkpoint.rebuild(json.loads(json.dumps(described)))
    assert checkpoint.describe(back)["layers"] == described["layers"]
    assert repr(back.layers) == repr(graph.layers)
    assert back.output_shapes == graph.output_shapes


@pytest.mark.parametrize("name", ["code2012", "owt"])
def test_a_checkpoint_of_a_large_variant_says_the_same_again(name, tmp_path):
    graph = outline(name, 3, activation="tanh")
    rng = np.random.default_rng(0)
    for param in graph.params.values():  # not all alike, and not slow
        param.data = np.resize(rng.standard_normal(9973), param.data.shape) / 50
    npalexnet.save(tmp_path / "net.npz", graph)
    back = npalexnet.load(tmp_path / "net.npz")
    assert back.input.side == 256 and np.array_equal(back.input.std, graph.input.std)
    x = rng.standard_normal((1, 3, 224, 224))
    y = graph.forward(x)
    assert len(set(y[0])) == 3
    assert np.array_equal(back.forward(x), y)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_picture_of_each_variant_can_be_drawn(name):
    graph = outline(name)
    figure = figures.network(graph)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    for layer in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        assert any(text.startswith(f"{layer}\n") for text in texts)
    after_conv5 = {"code2012": "pool, relu", "owt": "relu, pool, drop"}
    assert texts.count(after_conv5.get(name, "relu, pool")) >= 1
    file = BytesIO()
    figure.savefig(file, format="png")
    assert file.tell() > 10_000


def test_side_by_side(capsys):
    began = time.perf_counter()
    assert summary.main(["--variant", "all"]) == 0
    assert time.perf_counter() - began < 5  # no weights are drawn for it
    said = capsys.readouterr().out
    graphs = {name: outline(name) for name in VARIANTS}
    assert said.rstrip() == comparison(VARIANTS, graphs).rstrip()
    lines = said.splitlines()
    assert max(map(len, lines)) <= 100
    starts = [lines[0].index(name) for name in VARIANTS]

    def cells(line):
        ends = [*starts[1:], 100]
        return [line[a:b].strip() for a, b in zip(starts, ends, strict=True)]

    rows = {line[: starts[0]].strip(): cells(line) for line in lines[1:]}
    assert rows["parameters"] == [f"{COUNTS[name][0]:,}" for name in VARIANTS]
    assert rows["multiply-adds"] == [f"{COUNTS[name][1]:,}" for name in VARIANTS]
    assert rows["input"] == [
        f"{COUNTS[name][2]} x {COUNTS[name][2]}" for name in VARIANTS
    ]
    assert rows["padding"] == ["0", "0, 3", "0", "0", "2", "0", "1"]
    assert rows["alpha"] == [
        "0.0001",
        "2e-05",
        "2e-05",
        "2e-05",
        "",
        "0.0001",
        "0.0001",
    ]
    assert rows["LRN size, k"] == ["5, 2", "5, 2", "5, 1", "5, 1", "", "5, 2", "5, 2"]
    assert rows["dropout"] == 7 * ["0.5"]
    assert rows["biases decay x"] == ["1", "0", "0", "0", "1", "0", "0"]
    column = {
        name: [cells(line)[i] for line in lines] for i, name in enumerate(VARIANTS)
    }
    for name, expected in ORDER.items():
        found = [cell for cell in column[name] if cell.rstrip("1234567") in FOLLOWERS]
        assert found == [
            n for n in expected.split() if n.rstrip("1234567") in FOLLOWERS
        ]
    assert "256@5 g2" in column["code2012"] and "192@5" in column["owt"]
    assert column["caffe"].count("0.005, 0.1") == 2
    assert column["owt"].count("uniform") == 8


FOLLOWERS = ("relu", "norm", "pool", "samemap", "drop")


def test_all_side_by_side_with_other_numbers(capsys):
    assert summary.main(["--variant", "all", "--classes", "10", "--batch", "64"]) == 0
    said = capsys.readouterr().out
    assert "2,163,914" in said and "a batch of 64" in said
    assert summary.main(["--classes", "0"]) == 2
    assert "--classes must be at least 1, and is 0" in capsys.readouterr().err
