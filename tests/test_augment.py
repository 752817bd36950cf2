"""Crops, mirrors and colours follow from (seed, epoch, picture) alone."""

import numpy as np
import pytest

from npalexnet import datasets
from npalexnet.datasets import augment
from npalexnet.datasets.batches import prefetch, shuffled
from npalexnet.datasets.input import Input

INPUT = Input(64, 56, np.zeros(3), np.array(1.0), ())


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3)).astype(np.uint8)


def places(x, picture):
    """Where in the picture a crop was taken from, and whether it was mirrored."""
    for mirrored in (False, True):
        view = x[:, :, ::-1] if mirrored else x
        for top in range(9):
            for left in range(9):
                if (view[:, 0, 0] == picture[top, left]).all() and (
                    view == picture[top : top + 56, left : left + 56].transpose(2, 0, 1)
                ).all():
                    return top, left, mirrored
    return None


def test_each_picture_is_a_crop_of_itself_and_half_are_mirrored(pixels):
    numbers = np.arange(40)
    x = augment.training_batch(pixels, numbers, INPUT, seed=1, epoch=0)
    found = [places(x[i], pixels[i]) for i in range(40)]
    assert None not in found
    assert len({(top, left) for top, left, _ in found}) > 20
    assert {top for top, _, _ in found} >= {0, 8}  # the edges are reached
    assert 10 < sum(mirrored for *_, mirrored in found) < 30


def test_what_is_drawn_follows_from_seed_epoch_and_picture(pixels):
    def make(numbers, seed=1, epoch=3):
        return augment.training_batch(pixels[numbers], numbers, INPUT, seed, epoch)

    together = make(np.arange(40))
    assert (make(np.array([7, 3])) == together[[7, 3]]).all()
    assert (make(np.arange(40), epoch=4) != together).any()
    assert (make(np.arange(40), seed=2) != together).any()


def test_without_augmentation_it_is_the_central_crop(pixels):
    x = augment.training_batch(
        pixels, np.arange(40), INPUT, 1, 0, crop_and_mirror=False
    )
    assert (x == pixels[:, 4:60, 4:60].transpose(0, 3, 1, 2)).all()


def test_a_mean_picture_is_cropped_with_the_picture(pixels):
    mean = pixels[0].astype(float)
    same = np.repeat(pixels[:1], 5, 0)
    x = augment.training_batch(same, np.arange(5), INPUT._replace(mean=mean), 1, 0)
    assert (x == 0).all()


def test_small_pictures_are_brought_to_the_side_of_the_network(pixels):
    x = augment.training_batch(pixels[:, :28, :28], np.arange(40), INPUT, 1, 0)
    assert x.shape == (40, 3, 56, 56)


def test_colour_noise_moves_the_main_axis_by_5_to_20_grey_levels():
    seen = datasets.statistics(datasets.load("emoji").train.pixels)
    colours = augment.colour_pca(seen)
    rng = np.random.default_rng(0)
    drawn = np.stack([colours.draw(rng) for _ in range(4000)])
    along = drawn @ seen.colour_axes.T
    assert 5 < along[:, 0].std() < 20
    assert along.std(0) == pytest.approx(0.1 * seen.colour_std, rel=0.05)


def test_colour_noise_is_the_same_for_all_pixels_of_a_picture(pixels):
    colours = augment.ColourPCA(np.array([50.0, 20, 5]), np.eye(3))
    plain, noisy = (
        augment.training_batch(pixels, np.arange(40), INPUT, 1, 0, True, c)
        for c in (None, colours)
    )
    moved = (noisy - plain).reshape(40, 3, -1)
    assert np.ptp(moved, axis=2).max() < 1e-3
    assert moved.std() > 1


def test_ten_crops_are_corners_centre_and_mirrors(pixels):
    views = augment.ten_crops(pixels[:2], INPUT)
    assert views.shape == (10, 2, 3, 56, 56)
    found = [places(view[1], pixels[1]) for view in views]
    assert found == [
        (top, left, mirrored)
        for top, left in ((0, 0), (0, 8), (4, 4), (8, 0), (8, 8))
        for mirrored in (False, True)
    ]


@pytest.mark.parametrize(("side", "edge"), [(8, 1), (9, 1), (10, 2)])
def test_the_centre_is_in_the_middle_or_half_a_pixel_above_and_left(side, edge):
    rows = np.arange(side, dtype=np.uint8)
    pixels = np.stack(np.broadcast_arrays(rows[:, None], rows, 7), -1)[None]
    given = Input(side, 6, np.zeros(3), np.array(1.0), ())
    colours = augment.ColourPCA(np.zeros(3), np.eye(3))
    for x in (
        given.normalise(given.crop_centre(pixels))[0],
        augment.training_batch(pixels, np.zeros(1, int), given, 0, 0, False)[0],
        augment.training_batch(pixels, np.zeros(1, int), given, 0, 0, False, colours)[
            0
        ],
        augment.ten_crops(pixels, given)[4, 0],
    ):
        assert x[0, :, 0].tolist() == list(range(edge, edge + 6))
        assert x[1, 0].tolist() == list(range(edge, edge + 6))


def test_each_of_the_ten_crops_loses_its_own_part_of_the_mean_picture(pixels):
    mean = pixels[0].astype(float)
    given = INPUT._replace(mean=mean, std=np.array(2.0))
    assert not augment.ten_crops(pixels[:1], given).any()
    plain = augment.ten_crops(pixels[1:2], INPUT) - augment.ten_crops(pixels[:1], INPUT)
    assert np.allclose(augment.ten_crops(pixels[1:2], given), plain / 2)


def test_colour_noise_moves_red_where_the_axis_is_red(pixels):
    red = augment.ColourPCA(np.array([50.0]), np.array([[1.0, 0, 0]]))
    how = dict(seed=1, epoch=0, crop_and_mirror=False)
    plain = augment.training_batch(pixels, np.arange(40), INPUT, **how)
    noisy = augment.training_batch(pixels, np.arange(40), INPUT, **how, colours=red)
    moved = np.abs(noisy - plain).max((2, 3))
    assert (moved[:, 0] > 0).all() and not moved[:, 1:].any()


def test_half_of_the_pictures_are_mirrored_and_every_crop_is_as_likely():
    """Of 3,000, where 0.4 or 0.6 would be eleven standard deviations away."""
    count = 3000
    small = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1).repeat(3, -1)
    given = Input(4, 3, np.zeros(3), np.array(1.0), ())
    pixels = np.broadcast_to(small, (count, 4, 4, 3))
    x = augment.training_batch(pixels, np.arange(count), given, seed=0, epoch=0)[:, 0]
    mirrored = x[:, 0, 0] > x[:, 0, 2]
    assert abs(mirrored.mean() - 0.5) < 0.03
    corner = np.where(mirrored, x[:, 0, 2], x[:, 0, 0])
    seen, often = np.unique(corner, return_counts=True)
    assert seen.tolist() == [0, 1, 4, 5]
    assert np.abs(often / count - 0.25).max() < 0.03


@pytest.mark.parametrize(
    ("count", "sizes"), [(8, [4, 4]), (9, [4, 4, 1]), (7, [4, 3]), (3, [3]), (1, [1])]
)
def test_no_picture_is_left_out_however_many_are_left_over(count, sizes):
    batches = shuffled(count, 4, seed=0, epoch=0)
    assert [len(batch) for batch in batches] == sizes
    assert sorted(np.concatenate(batches)) == list(range(count))


def test_every_epoch_shows_every_picture_once_in_its_own_order():
    first, again, second = (shuffled(10, 4, 0, epoch) for epoch in (0, 0, 1))
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert sorted(np.concatenate(first)) == list(range(10))
    assert (np.concatenate(first) == np.concatenate(again)).all()
    assert (np.concatenate(first) != np.concatenate(second)).any()


def test_batches_are_prepared_one_ahead_and_in_order():
    made = []
    batches = [np.array([i]) for i in range(4)]

    def make(batch):
        made.append(int(batch[0]))
        return int(batch[0])

    got = []
    for value in prefetch(make, batches):
        got.append(value)
        assert len(made) <= value + 2  # this one, and at most one more
    assert got == made == [0, 1, 2, 3]


def test_an_error_in_the_loader_arrives_in_the_loop():
    def make(batch):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(prefetch(make, [np.array([0])]))
