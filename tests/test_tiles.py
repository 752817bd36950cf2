"""Winograd's tiles in the machine: equal to the sum, where chosen, rounding."""

import json

import numpy as np
import pytest
from helpers import agree, few, machine, numbers, pads
from hypothesis import given
from hypothesis import strategies as st

import npalexnet
from npalexnet import Graph, alexnet
from npalexnet.alexnet import VARIANTS, outline
from npalexnet.layers import Conv2d, conv2d_backward, conv2d_forward
from npalexnet.layers.tiles import KNOWN, Tiles, choose
from npalexnet.layers.windows import pad_sides
from npalexnet.layers.winograd import winograd_matrices
from npalexnet.system.errors import UserError
from npalexnet.training.folder import read_config
from npalexnet.training.options import Options
from npalexnet.training.start import resumed

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
TILES = [tiles for kinds in KNOWN.values() for tiles in kinds]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(
    few, few, few, few, st.sampled_from([3, 5]), st.integers(0, 15),
    st.integers(0, 15), pads,
)  # fmt: skip
def test_machine_equals_reference(
    dtype, n, groups, channels, filters, kernel, high, wide, pad
):
    least = max(1, kernel - sum(pad_sides(pad)))
    settings = {"pad": pad, "groups": groups}
    x = numbers(n, channels * groups, least + high, least + wide)
    params = {
        "w": numbers(filters * groups, channels, kernel, kernel),
        "b": numbers(filters * groups),
    }
    y, cache = conv2d_forward(x, **params, **settings)
    dy = numbers(*y.shape, seed=1)
    right = (y, *conv2d_backward(dy, cache))
    layer = Conv2d(
        channels * groups, filters * groups, kernel, **settings, algorithm="winograd"
    )
    y, dx, grads = machine(layer, x, dy, params, dtype)
    for found, expected in zip((y, dx, grads["w"], grads["b"]), right, strict=True):
        agree(found, expected, 1e-9 if dtype == np.float64 else 1e-4)


@pytest.mark.parametrize("images", [1, 70])
def test_more_images_than_a_run_can_hold(images, set_threads):
    set_threads(1)
    x, dy = numbers(images, 2, 11, 30), numbers(images, 3, 11, 30, seed=1)
    params = {"w": numbers(3, 2, 3, 3), "b": numbers(3)}
    layers = [Conv2d(2, 3, 3, pad=1, algorithm=a) for a in ("sum", "winograd")]
    (y, dx, grads), (y2, dx2, grads2) = (machine(c, x, dy, params) for c in layers)
    for found, right in ((y2, y), (dx2, dx), (grads2["w"], grads["w"])):
        agree(found, right, 1e-9)
    graph = Graph({"conv": layers[1]}, (2, 11, 30), np.float64)
    agree(graph.activations(x)["conv"], y, 1e-9)  # all images at once


@pytest.mark.parametrize("tiles", TILES, ids=str)
def test_weights_are_scaled_by_one_number_for_each_point(tiles):
    """The kernels evaluate, as A does, and then scale; G does both at once."""
    A, _, G = winograd_matrices(*tiles)
    common = min(tiles)
    scale = np.array([*G[:-1, 0], 1])
    assert (G[:-1, :common] == (A * scale[:, None])[:-1, :common]).all()
    assert tiles.points in (6, 8)


def convolutions():
    """Every convolution of every variant that is done by tiles, once."""
    found = {}
    for variant in VARIANTS:
        graph = outline(variant)
        for name, layer in graph.layers.items():
            shape = graph.engine.input_shapes[name]
            if isinstance(layer, Conv2d) and layer.tiles(shape, SINGLE):
                found.setdefault((repr(layer), shape), (layer, shape))
    return found.values()


@pytest.mark.parametrize(("layer", "shape"), convolutions(), ids=str)
def test_rounding_is_small_on_every_layer_of_every_variant(layer, shape):
    """At most 1e-4 of the largest value, in float32, forward and backward."""
    settings = layer.settings()
    x = np.maximum(numbers(3, *shape), 0)
    dy = numbers(3, *layer.output_shape(shape), seed=1)
    w = numbers(*layer.params["w"].data.shape)
    params = {"w": w / np.sqrt(w[0].size), "b": numbers(layer.filters)}
    sums = machine(Conv2d(**settings, std=0, algorithm="sum"), x, dy, params)
    tiles = machine(Conv2d(**settings, std=0), x, dy, params, np.float32)
    (y, dx, grads), (y2, dx2, grads2) = sums, tiles
    pairs = [(y2, y), (dx2, dx), *((grads2[key], grads[key]) for key in "wb")]
    errors = [np.abs(a - b).max() / np.abs(b).max() for a, b in pairs]
    assert 1e-7 < max(errors) < 5e-5


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("paper", "sum F(4x4, 5x5) F(4x4, 3x3) F(4x4, 3x3) F(4x4, 3x3)"),
        ("owt", "sum F(4x4, 5x5) F(4x4, 3x3) F(4x4, 3x3) F(4x4, 3x3)"),
        ("small", "sum F(4x4, 5x5) F(6x6, 3x3) F(6x6, 3x3) F(6x6, 3x3)"),
    ],
)
def test_summary_says_how(variant, expected):
    lines = outline(variant).summary().splitlines()
    start = lines[0].index("how")
    found = [line[start : start + 11].strip() for line in lines if "conv" in line[:5]]
    assert " ".join(found) == expected


def test_the_rule():
    usual = ("auto", 3, 1, 64, (13, 13), SINGLE)
    assert choose(*usual) == Tiles(4, 3)
    for place, other in enumerate(("sum", 7, 2, 8, (600, 600), DOUBLE)):
        changed = [*usual]
        changed[place] = other
        assert choose(*changed) is None, other
    assert choose("auto", 3, 1, 64, (2, 2), SINGLE) is None  # a tile for 4 places
    assert choose("winograd", 3, 1, 1, (2, 2), DOUBLE) == Tiles(4, 3)
    assert choose("winograd", 1, 1, 64, (13, 13), SINGLE) is None
    with pytest.raises(ValueError, match="auto, sum, winograd, and not 'fft'"):
        Conv2d(3, 4, 3, algorithm="fft")


def test_one_picture_is_done_by_the_sum_and_how_many_share_it_does_not_matter(
    set_threads,
):
    graphs = [alexnet("small", 10, algorithm=a) for a in ("auto", "sum")]
    x = numbers(3, 3, 56, 56)
    by_tiles, by_sum = (graph.forward(x, keep=False) for graph in graphs)
    assert np.abs(by_tiles - by_sum).max() > 0
    agree(by_tiles, by_sum, 1e-4)
    alone = [graph.forward(x[:1], keep=False) for graph in graphs]
    assert np.array_equal(*alone)
    # a backward follows: as in a batch, of which this may be one process's share
    assert not np.array_equal(graphs[0].forward(x[:1]), alone[0])
    for count in (1, 3):
        set_threads(count)
        agree(graphs[0].forward(x, keep=False), by_tiles)


def test_the_choice_is_remembered(tmp_path):
    for algorithm in ("auto", "sum", "winograd"):
        graph = alexnet("small", 10, algorithm=algorithm)
        npalexnet.save(tmp_path / "net.npz", graph)
        back = npalexnet.load(tmp_path / "net.npz")
        assert back.layers["conv3"].algorithm == algorithm
        x = numbers(2, 3, 56, 56)
        assert np.array_equal(back.forward(x), graph.forward(x))
    rest = npalexnet.Flat(), npalexnet.Full(0)
    for own, found in (("auto", "sum"), ("winograd", "winograd")):
        layers = [npalexnet.Conv(4, 3, algorithm=own), *rest]
        graph = npalexnet.build(layers, (1, 8, 8), 3, algorithm="sum")
        assert graph.layers["conv1"].algorithm == found


def test_a_run_of_before_goes_on_by_the_sum(tmp_path):
    """Its config.json does not say; --exact may be said to it, and changes nothing."""
    (tmp_path / "config.json").write_text(json.dumps({"variant": "small"}))
    assert read_config(tmp_path)["algorithm"] == "sum"
    for said in ({}, {"algorithm": "sum"}):
        options, _ = resumed({"out": str(tmp_path), "resume": True, **said})
        assert options.algorithm == "sum"
    assert Options().decide().algorithm == "auto"
    (tmp_path / "config.json").write_text(json.dumps({"algorithm": "auto"}))
    with pytest.raises(UserError, match="leave --exact out"):
        resumed({"out": str(tmp_path), "algorithm": "sum"})
