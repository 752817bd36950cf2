"""Never the same picture twice: crop, mirror, colour; and ten crops for the test.

Paper section 4.1. A network with more weights than pictures learns its pictures by
heart. So each time a picture is shown it is changed a little, in ways that do not
change what it shows:

    crop     56 x 56 out of 64 x 64 (227 out of 256), anywhere
    mirror   left to right, half of the time
    colour   a slightly different light: see `ColourPCA`

At test time nothing is random: the network sees the central crop or, better and ten
times as slow, the four corners and the centre with their mirror images, and the
probabilities of the ten are averaged.

Randomness here is a function, not a state: what happens to picture 17 in epoch 3
follows from (seed, epoch, picture) alone. So no state is saved, and a run that was
stopped and resumed, or split over several threads, shows exactly the same pictures.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import Input
from npalexnet.datasets.moments import Statistics
from npalexnet.datasets.pictures import Pixels
from npalexnet.layers.layer import Array


def generator(seed: int, purpose: str, *when: int) -> np.random.Generator:
    """The random numbers for one purpose at one moment: always the same ones."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), *when])


class ColourPCA(NamedTuple):
    """The colour noise of section 4.1, as the 2012 code made it.

    The colours of a data set vary most along one direction, roughly from dark to light.
    Each time a picture is shown, all its pixels are moved by the same amount along each
    of the three principal axes of the training set's RGB covariance: by 0.1 · N(0, 1)
    standard deviations.

    The text says "eigenvalues". Those are variances: with a standard deviation of 120
    grey levels, 0.1 · 14,400 = 1,440 levels, a hundred times too strong. The code
    that won in 2012 took the square roots, and so does this.

    Attributes:
        std: standard deviations along the axes, in grey levels (C,).
        axes: one axis per row (C, C).
        strength: 0.1 in the paper; 0 for none.
    """

    std: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    strength: float = 0.1

    def draw(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """What is added to every pixel of one picture (C,), in grey levels."""
        along = self.strength * rng.standard_normal(len(self.std)) * self.std
        return along @ self.axes


def colour_pca(statistics: Statistics) -> ColourPCA:
    """The colour noise that fits a training set."""
    return ColourPCA(statistics.colour_std, statistics.colour_axes)


def training_batch(
    pixels: Array,
    numbers: npt.NDArray[np.int64],
    graph_input: Input,
    seed: int,
    epoch: int,
    crop_and_mirror: bool = True,
    colours: ColourPCA | None = None,
) -> Array:
    """Augmented pictures as network input.

    Args:
        pixels: (N, H, W, 3) uint8 RGB, of any side; or what else `as_pixels` gives. An
            array, which has the crop's side already, is mirrored and coloured only.
        numbers: indices of the pictures in their data set (N,): together with seed and
            epoch, they decide every random choice.
        graph_input: side and crop, mean and std.
        seed: of the run.
        epoch: from 0.
        crop_and_mirror: False shows the central crop, never mirrored.
        colours: the colour noise; None for no noise.

    Returns:
        (N, C, crop, crop) float32.
    """
    if not crop_and_mirror and colours is None:
        return graph_input.x(pixels)
    crop = graph_input.crop
    levels = graph_input.square(pixels)
    count, side, _, channels = levels.shape
    mean = np.asarray(graph_input.mean, np.float32)
    if mean.ndim == 3 and len(mean) > side:  # an array, and a mean picture around it
        mean = mean[graph_input.centre(), graph_input.centre()]
    mean = np.broadcast_to(mean, (side, side, channels))
    x = np.empty((count, crop, crop, channels), np.float32)
    for i, number in enumerate(numbers):
        rng = generator(seed, "augment", epoch, int(number))
        top, left = rng.integers(0, side - crop + 1, 2)
        mirrored = rng.random() < 0.5
        if not crop_and_mirror:
            top, left, mirrored = (side - crop) // 2, (side - crop) // 2, False
        rows, columns = slice(top, top + crop), slice(left, left + crop)
        step = -1 if mirrored else 1
        np.subtract(levels[i, rows, columns], mean[rows, columns], out=x[i, :, ::step])
        if colours is not None:
            x[i] += colours.draw(rng).astype(np.float32)
    x /= np.asarray(graph_input.std, np.float32)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def ten_crops(pixels: Pixels, graph_input: Input) -> Array:
    """Corners, centre and their mirror images as input: (10, N, C, crop, crop).

    Args:
        pixels: (N, side, side, 3) uint8 RGB, of any side.
        graph_input: side and crop, mean and std.
    """
    side, crop = graph_input.side, graph_input.crop
    levels = graph_input.square(pixels)
    mean = np.broadcast_to(graph_input.mean, levels.shape[1:])
    far, middle = side - crop, (side - crop) // 2
    views = []
    for top, left in ((0, 0), (0, far), (middle, middle), (far, 0), (far, far)):
        window = slice(top, top + crop), slice(left, left + crop)
        x = graph_input.normalise(levels[:, window[0], window[1]], mean[window])
        views += [x, x[..., ::-1]]
    return np.stack(views)
