"""Looking inside: the numbers, on networks small enough to know the answer."""

import numpy as np
import pytest
from helpers import numbers

from npalexnet import Graph, alexnet
from npalexnet.datasets.input import Input
from npalexnet.layers import (
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    ReLU,
)
from npalexnet.net import inside


def looks_at(top, left, side=8, size=3, classes=2):
    """A network whose class 1 is the light in one square, and class 0 never moves."""
    graph = Graph(
        {"flatten": Flatten(), "fc": Linear(3 * side**2, classes, std=0)},
        (3, side, side),
        np.float64,
    )
    w = np.zeros((classes, 3, side, side))
    w[1, :, top : top + size, left : left + size] = 0.1
    graph.params["fc.w"].data = w.reshape(classes, -1)
    graph.input = Input(side, side, np.zeros(3), np.ones(()), ("no", "yes"))
    return graph


def test_the_place_of_an_answer_is_found_on_a_map_that_is_no_square():
    graph = Graph({"conv": Conv2d(1, 1, 1, std=0, bias=0.0)}, (1, 3, 5), np.float64)
    graph.params["conv.w"].data = np.ones((1, 1, 1, 1))
    x = np.zeros((1, 1, 3, 5))
    x[0, 0, 2, 3] = 1
    found = inside.top_activations(graph, x, "conv", [0], top=1)
    assert found.boxes.tolist() == [[[2, 3, 3, 4]]]


# ------------------------------------------------------------- receptive fields


def test_receptive_fields_of_the_paper_by_hand():
    graph = alexnet("paper", 2)
    sizes = {"conv1": 11, "pool1": 19, "conv2": 51, "pool2": 67}
    sizes |= {"conv3": 99, "conv4": 131, "conv5": 163, "pool5": 195}
    found = {name: inside.receptive_field(graph, name) for name in sizes}
    assert {name: field.size for name, field in found.items()} == sizes
    assert [found[name].jump for name in ("conv1", "pool1", "pool5")] == [4, 8, 32]
    assert found["conv2"].start == -2 * 8  # two of pool1's places before the picture
    assert inside.receptive_field(graph, "norm1") == found["conv1"]


CHAIN = {
    "conv1": Conv2d(3, 4, 3, stride=2, pad=(0, 2), std=0.5),
    "pool1": MaxPool(3, 2),
    "relu": ReLU(),
    "conv2": Conv2d(4, 2, 3, pad=1, std=0.5),
}


@pytest.mark.parametrize("layer", CHAIN)
def test_a_unit_moves_with_the_pixels_of_its_field_and_with_no_other(layer):
    graph = Graph({**CHAIN, "flatten": Flatten()}, (3, 31, 31), np.float64)
    field = inside.receptive_field(graph, layer)
    shape = graph.output_shapes[layer]
    for row, column in ((0, 0), (2, 1), (shape[1] - 1, shape[2] - 1)):
        moved = np.zeros((31, 31), bool)
        for seed in range(30):  # where max-pool chooses, one picture does not show all
            graph.forward(numbers(1, 3, 31, 31, seed=seed), until=layer)
            dy = np.zeros((1, *shape))
            dy[0, :, row, column] = numbers(shape[0])
            moved |= (graph.backward(dy, need_dx=True)[0] != 0).any(0)
        rows, columns = np.flatnonzero(moved.any(1)), np.flatnonzero(moved.any(0))
        box = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
        assert field.box(row, column, 31, 31) == box


def test_a_normalisation_inside_each_map_sees_its_window():
    class InsideMaps(Layer):
        def window(self):
            return 5, 1, 2

    graph = Graph({"conv": Conv2d(1, 1, 3, 2), "norm": InsideMaps()}, (1, 15, 15))
    field = inside.receptive_field(graph, "norm")
    assert field == (3 + 4 * 2, 2, -2 * 2)


def test_units_without_a_place_have_no_field():
    graph = alexnet("small", 2)
    with pytest.raises(ValueError, match="fc6 have no place"):
        inside.receptive_field(graph, "fc6")
    with pytest.raises(ValueError, match="no layer is called 'conv9'"):
        inside.receptive_field(graph, "conv9")


# ------------------------------------------------------------------- strongest


def light_network(side=9):
    """conv 3 x 3, stride 2, pad 1: unit 0 answers to light, unit 1 to darkness."""
    conv = Conv2d(3, 2, 3, stride=2, pad=1, std=0)
    graph = Graph({"conv": conv, "flatten": Flatten()}, (3, side, side))
    conv.params["w"].data = np.array([1, -1])[:, None, None, None] * np.ones(
        (2, 3, 3, 3)
    )
    graph.input = Input(side, side, np.full(3, 100.0), np.ones(()), ())
    return graph


def test_strongest_finds_the_pictures_and_the_places():
    graph = light_network()
    pixels = np.full((5, 9, 9, 3), 100, np.uint8)
    pixels[3, 4, 6] = 250  # the middle of the window of unit (2, 3)
    pixels[1, 0, 0] = 200  # a corner: its window begins in the padding
    pixels[4, 8, 8] = 0
    found = inside.top_activations(graph, pixels, "conv", [0, 1], top=2, batch=2)
    assert found.pictures[0].tolist() == [3, 1]
    assert found.pictures[1, 0] == 4
    assert found.values[0].tolist() == [450, 300]
    assert found.values[1, 0] == 300
    assert found.boxes[0].tolist() == [[3, 5, 6, 8], [0, 0, 2, 2]]
    assert found.boxes[1, 0].tolist() == [7, 7, 9, 9]


def test_strongest_of_units_without_a_place_sees_the_whole_picture():
    graph = looks_at(0, 0)
    pixels = np.zeros((3, 8, 8, 3), np.uint8)
    pixels[2] = 9
    found = inside.top_activations(graph, pixels, "fc", [1], top=1)
    assert found.pictures.tolist() == [[2]]
    assert found.boxes.tolist() == [[[0, 0, 8, 8]]]


@pytest.mark.parametrize(("layer", "units"), [("fc", [2]), ("fc", []), ("fc9", [0])])
def test_units_that_are_not_there(layer, units):
    with pytest.raises(ValueError, match="has units 0 to"):
        inside.top_activations(
            looks_at(0, 0), np.zeros((1, 8, 8, 3), np.uint8), layer, units
        )


# ---------------------------------------------------- occlusion and saliency


@pytest.mark.parametrize(("top", "left"), [(0, 0), (5, 0), (0, 5), (5, 5)])
def test_occlusion_finds_the_corner_that_the_network_looks_at(top, left):
    graph = looks_at(top, left)
    x = np.ones((3, 8, 8))
    before = x.copy()
    found = inside.occlusion(graph, x, 1, size=3, stride=2, batch=3)
    assert found.starts.tolist() == [0, 2, 4, 5]  # the last one reaches the edge
    assert found.before == pytest.approx(1 / (1 + np.exp(-2.7)))
    at = found.starts.tolist().index(top), found.starts.tolist().index(left)
    assert found.after[at] == pytest.approx(0.5)
    assert found.worst() == (top, left, top + 3, left + 3)
    far = found.after[-1 if top == 0 else 0, -1 if left == 0 else 0]
    assert far == pytest.approx(found.before)
    assert (x == before).all()


def test_what_is_lost_is_averaged_over_the_squares_that_cover_a_pixel():
    after = np.array([[0.1, 0.5], [0.9, 0.7]])
    found = inside.Occlusion(0.9, after, np.array([0, 1]), 2)
    lost = found.lost()
    assert lost.shape == (3, 3)
    assert lost[0] == pytest.approx([0.8, (0.8 + 0.4) / 2, 0.4])
    assert lost[1, 1] == pytest.approx((0.8 + 0.4 + 0 + 0.2) / 4)
    assert lost[2] == pytest.approx([0, 0.1, 0.2])


def test_occlusion_covers_every_pixel_unless_told_otherwise():
    found = inside.occlusion(looks_at(0, 0, side=57), np.ones((3, 57, 57)), 1)
    assert found.lost().shape == (57, 57)
    assert found.size == 14


@pytest.mark.parametrize(("size", "stride"), [(9, 1), (0, 1), (3, 0)])
def test_a_square_that_cannot_be(size, stride):
    with pytest.raises(ValueError, match="size must lie in 1 to 8"):
        inside.occlusion(looks_at(0, 0), np.ones((3, 8, 8)), 1, size, stride)


def test_saliency_is_the_slope_of_the_score():
    graph = alexnet("small", 5, dtype=np.float64)  # with its dropout: it must be off
    x = numbers(2, 3, 56, 56)
    labels = [3, 1]
    dx = inside.saliency(graph, x, labels)
    assert dx.shape == x.shape
    u, h = numbers(2, 3, 56, 56, seed=1), 1e-7
    above, below = (graph.forward(x + s * u)[[0, 1], labels] for s in (h, -h))
    slopes = (above - below) / (2 * h)
    assert (dx * u).sum((1, 2, 3)) == pytest.approx(slopes, rel=1e-5)


def test_strength_is_the_largest_colour():
    dx = np.zeros((1, 3, 1, 2))
    dx[0, :, 0, 0], dx[0, :, 0, 1] = (1, -3, 2), (0, 0.5, 0)
    assert inside.saliency_map(dx).tolist() == [[[3, 0.5]]]


def test_mass_inside_a_box():
    weights = np.zeros((4, 4))
    weights[0, 0], weights[2, 3] = 3, 1
    assert inside.mass_inside(weights, (0, 0, 2, 2)) == 0.75
    assert inside.mass_inside(weights, (0, 2, 3, 4)) == 0.25
    assert inside.mass_inside(weights, (2, 0, 4, 3)) == 0
    assert inside.mass_inside(np.ones((4, 4)), (1, 0, 3, 4)) == 8 / 16
    assert inside.mass_inside(np.zeros((4, 4)), (0, 0, 2, 2)) == 0


# ------------------------------------------------------------------ neighbours


def test_the_last_hidden_layer_is_what_the_last_layer_reads():
    assert inside.last_hidden(alexnet("paper", 2)) == "relu7"
    assert inside.last_hidden(alexnet("small", 2, activation="tanh")) == "relu7"
    assert inside.last_hidden(looks_at(0, 0)) == "flatten"
    graph = Graph({"drop": Dropout(), "flatten": Flatten()}, (1, 1, 1))
    assert inside.last_hidden(graph) == "drop"


@pytest.mark.parametrize("layer", [None, "conv3"])
def test_features_are_the_activations_in_any_batch(layer):
    graph = alexnet("small", 3)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 64, 64, 3)).astype(np.uint8)
    found = inside.features(graph, pixels, layer, batch=2)
    name = layer or "relu7"
    expected = graph.activations(graph.prepare(pixels), [name])[name]
    np.testing.assert_allclose(found, expected.reshape(5, -1), rtol=1e-4, atol=1e-5)
    assert expected.std() > 0


def test_the_nearest_neighbour_of_a_picture_is_itself():
    graph = alexnet("small", 3)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3)).astype(np.uint8)
    points = inside.features(graph, pixels)
    nearest, distances = inside.neighbours(points, points[[4, 1]], count=3)
    assert nearest[:, 0].tolist() == [4, 1]
    assert (distances[:, 0] == 0).all()
    assert (np.diff(distances) > 0).all()


def test_neighbours_by_hand():
    points = np.array([[0.0, 0], [3, 4], [1, 0], [-2, 0]])
    nearest, distances = inside.neighbours(points, np.array([[0.0, 0]]), count=3)
    assert nearest.tolist() == [[0, 2, 3]]
    assert distances.tolist() == [[0, 1, 2]]


# ----------------------------------------------------------------------- seen


def test_seen_is_what_prepare_makes_of_pictures_before_the_mean():
    graph = alexnet("small", 2)
    for side in (40, 56, 64, 80):
        pixels = np.random.default_rng(side).integers(0, 256, (2, side, side, 3))
        pixels = pixels.astype(np.uint8)
        crops = graph.input.crop_centre(pixels)
        assert crops.shape == (2, 56, 56, 3)
        assert crops.dtype == np.uint8
        expected = graph.input.normalise(crops)
        assert (graph.prepare(pixels) == expected).all()
