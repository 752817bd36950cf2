"""The networks are the paper's, layer by layer, number by number."""

import numpy as np
import pytest

from npalexnet import alexnet
from npalexnet.alexnet import outline

# paper section 3.5 and Fig. 2: weights, parameters, multiply-adds an image
PAPER = {
    "conv1": ((96, 3, 11, 11), 34_944, 105_415_200, (96, 55, 55)),
    "conv2": ((256, 48, 5, 5), 307_456, 223_948_800, (256, 27, 27)),
    "conv3": ((384, 256, 3, 3), 885_120, 149_520_384, (384, 13, 13)),
    "conv4": ((384, 192, 3, 3), 663_936, 112_140_288, (384, 13, 13)),
    "conv5": ((256, 192, 3, 3), 442_624, 74_760_192, (256, 13, 13)),
    "fc6": ((4096, 9216), 37_752_832, 37_748_736, (4096,)),
    "fc7": ((4096, 4096), 16_781_312, 16_777_216, (4096,)),
    "fc8": ((1000, 4096), 4_097_000, 4_096_000, (1000,)),
}
NAMES = (
    "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 "
    "relu5 pool5 flatten fc6 relu6 drop6 fc7 relu7 drop7 fc8"
).split()


@pytest.fixture(scope="module")
def paper():
    return alexnet("paper")


def input_shape(graph, name):
    names = list(graph.layers)
    i = names.index(name)
    return graph.output_shapes[names[i - 1]] if i else graph.input_shape


def test_paper_has_its_layers_in_order(paper):
    assert list(paper.layers) == NAMES
    assert paper.input_shape == (3, 227, 227)


@pytest.mark.parametrize("name", PAPER)
def test_each_layer_of_paper_has_its_shape_parameters_and_work(paper, name):
    weights, parameters, multiply_adds, output = PAPER[name]
    layer = paper.layers[name]
    assert layer.params["w"].data.shape == weights
    assert sum(p.data.size for p in layer.params.values()) == parameters
    assert layer.multiply_adds(input_shape(paper, name)) == multiply_adds
    assert paper.output_shapes[name] == output


def test_paper_has_60_965_224_parameters_and_724_million_multiply_adds(paper):
    assert sum(p.data.size for p in paper.params.values()) == 60_965_224
    total = paper.summary().splitlines()[-2]
    assert "60,965,224" in total
    assert "724,406,816" in total


def test_paper_starts_as_section_5_says(paper):
    for name, p in paper.params.items():
        assert (p.lr, p.decay) == (1, 1)  # "an equal learning rate for all layers"
        if name.endswith(".w"):
            assert p.data.std() == pytest.approx(0.01, rel=0.02)
        else:
            layer = name.split(".")[0]
            ones = layer in ("conv2", "conv4", "conv5", "fc6", "fc7")
            assert (p.data == (1 if ones else 0)).all()


def test_small_has_2_163_914_parameters_with_10_classes():
    graph = alexnet("small", 10)
    assert sum(p.data.size for p in graph.params.values()) == 2_163_914
    assert graph.output_shapes["conv1"] == (48, 27, 27)
    assert graph.output_shapes["pool5"] == (128, 2, 2)
    assert {(p.lr, p.decay) for n, p in graph.params.items() if n.endswith(".b")} == {
        (2, 0)
    }
    w = graph.params["conv3.w"].data
    assert w.std() == pytest.approx(np.sqrt(2 / (128 * 9)), rel=0.02)
    assert graph.params["fc8.w"].data.std() == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(
    ("switch", "gone"),
    [
        ({"lrn": False}, {"norm1", "norm2"}),
        ({"dropout": 0}, {"drop6", "drop7"}),
        ({"overlap": False}, set()),
        ({"groups": 1}, set()),
        ({"activation": "tanh"}, set()),
    ],
)
def test_a_switch_leaves_the_other_layers_weights_as_they_were(switch, gone):
    usual, other = alexnet("small", 10), alexnet("small", 10, **switch)
    assert set(usual.layers) - set(other.layers) == gone
    same = [
        name
        for name, p in usual.params.items()
        if p.data.shape == other.params[name].data.shape
    ]
    assert len(same) >= 10
    for name in same:
        assert (usual.params[name].data == other.params[name].data).all()


def test_switches_change_what_they_say():
    assert alexnet("small", overlap=False).layers["pool1"].kernel == 2
    assert alexnet("small", groups=1).layers["conv2"].groups == 1
    assert alexnet("small", dropout=0.3).layers["drop6"].rate == 0.3
    tanh = alexnet("small", activation="tanh").layers["relu1"]
    assert type(tanh).__name__ == "Tanh"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"variant": "nin"}, "unknown variant 'nin'; there are: paper, "),
        ({"variant": "small", "groups": 2}, "groups=2 changes nothing in small"),
        ({"variant": "small", "dropout": 0.5}, "dropout=0.5 changes nothing"),
        ({"variant": "small", "activation": "gelu"}, "relu or tanh"),
        ({"variant": "small", "classes": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_is_said(arguments, says):
    with pytest.raises(ValueError, match=says):
        alexnet(**arguments)


def test_seed_decides_the_weights():
    first, again, other = (alexnet("small", 10, seed=s) for s in (1, 1, 2))
    assert (first.params["conv1.w"].data == again.params["conv1.w"].data).all()
    assert (first.params["conv1.w"].data != other.params["conv1.w"].data).any()


def test_the_paper_std_of_0_01_does_not_learn_in_small():
    """The claim beside SMALL: the signal shrinks to nothing on its way."""
    graph = alexnet("small", 10)
    for name, p in graph.params.items():
        if name.endswith(".w"):
            p.data = np.random.default_rng(0).standard_normal(p.data.shape) * 0.01
    x = np.random.default_rng(1).standard_normal((8, 3, 56, 56))
    size = {n: a.std() for n, a in graph.activations(x, ["conv1", "fc7"]).items()}
    assert size["fc7"] < 1e-4 * size["conv1"]
    healthy = alexnet("small", 10).activations(x, ["conv1", "fc7"])
    assert healthy["fc7"].std() > 0.1 * healthy["conv1"].std()


def test_an_outline_says_what_the_network_says_of_itself():
    """So a file of weights and a network of ours carry the same switches."""
    for switches in ({}, {"lrn": False}, {"lrn_groups": 2}):
        known = outline("paper", 3, **switches).about
        assert known == alexnet("small", 3, **switches).about | {"variant": "paper"}


def test_the_package_hands_on_the_function():
    import npalexnet
    from npalexnet.alexnet import VARIANTS

    assert npalexnet.alexnet is alexnet
    assert "paper" in VARIANTS
