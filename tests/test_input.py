"""From pixels to input: every way in begins with the same square."""

import numpy as np
import pytest

from npalexnet import alexnet, datasets
from npalexnet.datasets.input import Input
from npalexnet.datasets.pictures import resize_all


def one_input(side=8, crop=6):
    mean = np.arange(side * side * 3, dtype=float).reshape(side, side, 3) % 97
    return Input(side, crop, mean, np.array(50.0), ())


@pytest.mark.parametrize("shape", [(6, 6), (8, 8), (5, 5), (16, 16), (12, 9)])
def test_a_test_sees_the_scale_that_training_saw(shape):
    """Also pictures that have the crop's side already, which need no cutting."""
    given = one_input()
    pixels = np.random.default_rng(0).integers(0, 256, (3, *shape, 3)).astype(np.uint8)
    graph = alexnet("small", 2)
    graph.input = given
    tested = graph.prepare(pixels)
    trained = datasets.training_batch(pixels, np.arange(3), given, 0, 0, False)
    assert np.abs(tested - trained).max() < 1e-6
    centre = datasets.ten_crops(pixels, given)[4]
    assert np.array_equal(tested, centre)
    shown = given.crop_centre(pixels)
    assert np.array_equal(given.normalise(shown), tested)


def test_a_picture_of_the_crops_side_is_enlarged_first():
    given = one_input()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 6, 6, 3)).astype(np.uint8)
    enlarged = resize_all(pixels, 8)
    assert np.array_equal(given.crop_centre(pixels), enlarged[:, 1:7, 1:7])
    assert not np.array_equal(given.crop_centre(pixels), pixels)
