"""Networks of one's own: names, shapes, starting weights, and what is refused."""

import numpy as np
import pytest

import npalexnet
from npalexnet import (
    Act,
    Conv,
    Drop,
    Flat,
    Full,
    Graph,
    MapNorm,
    Norm,
    Pool,
    alexnet,
    build,
    layers,
)

LIST = [
    Conv(8, 5, pad=2),
    Act(),
    Norm(),
    Pool(),
    Conv(16, 3, pad=1),
    Act("tanh"),
    MapNorm(),
    Pool(2, 2),
    Flat(),
    Full(20),
    Act(),
    Drop(),
    Full(0),
]


def test_each_kind_is_counted_from_1():
    graph = build(LIST, input_shape=(3, 32, 32), classes=10)
    names = (
        "conv1 act1 norm1 pool1 conv2 act2 mapnorm1 pool2 flat1 full1 act3 drop1 full2"
    )
    assert list(graph.layers) == names.split()
    assert graph.output_shapes["pool2"] == (16, 7, 7)
    assert graph.output_shapes["full2"] == (10,)


def test_names_of_ones_own_and_none_may_be_mixed():
    pairs = [("first", Conv(4, 3)), Act(), ("flatten", Flat()), ("out", Full(0))]
    graph = build(pairs, (1, 8, 8), 2)
    assert list(graph.layers) == ["first", "act1", "flatten", "out"]
    with pytest.raises(ValueError, match="two layers are called act1"):
        build([("act1", Conv(4, 3)), Act(), Flat(), Full(0)], (1, 8, 8), 2)


def test_a_graph_of_layers_names_them_likewise():
    chain = [
        layers.Conv2d(3, 4, 3),
        layers.ReLU(),
        layers.LRN(),
        layers.SameMapNorm(),
        layers.MaxPool(),
        layers.Tanh(),
        layers.Dropout(),
        layers.Flatten(),
        layers.Linear(36, 5),
        layers.ReLU(),
    ]
    names = "conv1 relu1 norm1 mapnorm1 pool1 tanh1 drop1 flat1 full1 relu2"
    graph = Graph(chain, (3, 9, 9))
    assert list(graph.layers) == names.split()
    assert list(graph.params) == ["conv1.w", "conv1.b", "full1.w", "full1.b"]

    class Doubled(layers.Layer):
        pass

    assert list(Graph([Doubled(), Doubled()], (2,)).layers) == ["doubled1", "doubled2"]


def test_starting_weights_are_hes_but_for_the_last():
    chain = [Conv(64, 5), Act(), Flat(), Full(100), Act(), Full(50, std=0.5), Full(0)]
    params = build(chain, (3, 16, 16), 40).params
    for name, std in {
        "conv1.w": np.sqrt(2 / 75),
        "full1.w": np.sqrt(2 / (64 * 144)),
        "full2.w": 0.5,
        "full3.w": 0.01,
    }.items():
        assert params[name].data.std() == pytest.approx(std, rel=0.05), name
    assert {(p.lr, p.decay) for p in params.values()} == {(1, 1)}
    assert not any(p.data.any() for name, p in params.items() if name.endswith(".b"))


def test_the_seed_decides_the_weights():
    def weights(seed):
        return build(LIST, (3, 32, 32), 10, seed).params["conv1.w"].data

    assert np.array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("chain", "shape", "says"),
    [
        ([Flat(), Full(3)], (1, 8, 8), r"full1.*\(3,\).*\(10,\).*Full\(0\)"),
        ([Conv(4, 3)], (1, 8, 8), r"conv1.*\(4, 6, 6\).*\(10,\)"),
        ([Full(0)], (1, 8, 8), r"full1.*\(1, 8, 8\).*put Flat\(\) before it"),
        ([Pool(), Pool(), Flat(), Full(0)], (1, 4, 4), r"pool2.*3.*\(1, 1, 1\)"),
        ([Conv(4, 3, groups=2)], (3, 8, 8), "conv1: groups=2 must divide"),
        ([Conv(4, 3), Act, Flat(), Full(0)], (3, 8, 8), "number 2.*with its brackets"),
        ([layers.ReLU()], (3, 8, 8), "number 1.*expected Conv"),
        ([Conv(4, 3)], (64,), r"conv1.*\(64,\)"),
        ([], (1, 8, 8), "at least one layer"),
    ],
)
def test_what_does_not_fit_names_layer_shape_and_fix(chain, shape, says):
    with pytest.raises(ValueError, match=says) as error:
        build(chain, shape, 10)
    assert "\n" not in str(error.value)


def test_at_least_one_class():
    with pytest.raises(ValueError, match="classes must be at least 1"):
        build([Flat(), Full(0)], (1, 8, 8), 0)


def test_a_row_of_numbers_is_an_input_too():
    graph = build([Full(8), Act(), Full(0)], input_shape=(64,), classes=3)
    assert graph.forward(np.zeros((2, 64))).shape == (2, 3)
    assert graph.input.side == 0


@pytest.mark.parametrize(
    ("shape", "side", "mean"),
    [((3, 64, 64), 73, 3), ((1, 112, 112), 128, 1), ((3, 56, 56), 64, 3)],
)
def test_a_variant_for_pictures_of_another_size(shape, side, mean):
    graph = alexnet("small", 7, input_shape=shape)
    assert graph.input_shape == shape
    assert (graph.input.side, graph.input.crop) == (side, shape[1])
    assert graph.input.mean.shape == (mean,)
    assert graph.params["conv1.b"].lr == 2
    x = graph.prepare(np.full((2, 50, 40, 3), 200, np.uint8))
    assert x.shape == (2, *shape)
    assert np.allclose(x, (200 - 128) / 64)


def test_the_size_of_the_variant_is_still_the_same_network():
    usual, said = alexnet("small", 7), alexnet("small", 7, input_shape=(3, 56, 56))
    assert all(
        np.array_equal(p.data, said.params[name].data)
        for name, p in usual.params.items()
    )


def test_a_picture_too_small_for_a_variant_names_the_layer_where_it_ends():
    with pytest.raises(ValueError, match=r"^pool5: .*\(256, 2, 2\)"):
        alexnet("paper", 10, input_shape=(3, 64, 64))


def test_a_checkpoint_holds_a_network_of_ones_own(tmp_path):
    graph = build(LIST, (3, 32, 32), 10)
    x = np.random.default_rng(0).standard_normal((2, 3, 32, 32))
    npalexnet.save(tmp_path / "own.npz", graph)
    back = npalexnet.load(tmp_path / "own.npz")
    assert list(back.layers) == list(graph.layers)
    assert np.array_equal(back.forward(x), graph.forward(x))
