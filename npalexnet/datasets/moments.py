"""What a training set looks like on average: mean colour, mean picture, colour axes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import ARRAYS_ONLY, Input
from npalexnet.datasets.pictures import resize_all, to_channels
from npalexnet.layers.layer import Array
from npalexnet.system.errors import UserError

ROUNDING = 1e-6  # of the mean: what is left of a spread of nothing


class Statistics(NamedTuple):
    """What a training set looks like on average, in grey levels 0..255.

    Attributes:
        mean: mean colour (C,).
        std: one standard deviation over all pixels and channels.
        mean_picture: (H, W, C).
        colour_std: standard deviations along `colour_axes`, largest first (C,).
        colour_axes: the directions in which colours vary most, as rows (C, C).
    """

    mean: npt.NDArray[np.float64]
    std: float
    mean_picture: npt.NDArray[np.float64]
    colour_std: npt.NDArray[np.float64]
    colour_axes: npt.NDArray[np.float64]


def statistics(pixels: Array, scale: float = 1.0) -> Statistics:
    """Measure a training set in one pass, 100 pictures at a time.

    Args:
        pixels: (N, H, W, C).
        scale: grey levels in one unit of it.
    """
    count, *_, channels = pixels.shape
    sums = np.zeros(pixels.shape[1:])
    products = np.zeros((channels, channels))
    for lo in range(0, count, 100):
        part = scale * pixels[lo : lo + 100].astype(np.float64)
        sums += part.sum(0)
        colours = part.reshape(-1, channels)
        products += colours.T @ colours
    mean_picture = sums / count
    mean = mean_picture.mean((0, 1))
    places = count * pixels.shape[1] * pixels.shape[2]
    covariance = products / places - np.outer(mean, mean)
    variance = np.trace(products) / places / channels - mean.mean() ** 2
    std = float(np.sqrt(max(variance, 0)))
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1]
    colour_std = np.sqrt(np.maximum(variances[order], 0))
    return Statistics(mean, std, mean_picture, colour_std, axes.T[order])


def measured_input(given: Input, seen: Statistics, what: str) -> Input:
    """A network's input, with the mean (and std) of a training set.

    Args:
        given: the input before.
        seen: the training set.
        what: "picture", its mean picture; "colour", its mean colour and its std;
            "nothing" leaves both as they are. See `Variant.measured`.

    Raises:
        UserError: all pixels have one colour, so nothing can be learned from them.
    """
    if what == "nothing":
        return given
    if seen.colour_std.max() <= ROUNDING * np.abs(seen.mean).max():
        raise UserError(
            "all pictures have the same colour, everywhere: there is nothing to learn; "
            "look at the files, or at the array x"
        )
    if what == "colour":
        return given._replace(mean=seen.mean, std=np.array(seen.std))
    mean = seen.mean_picture
    if given.side != ARRAYS_ONLY and len(mean) == given.crop < given.side:
        edge = given.side - given.crop  # arrays: what the network sees, no more
        around = (edge // 2, edge - edge // 2)
        mean = np.pad(mean, (around, around, (0, 0)), mode="edge")
    elif len(mean) != given.side != ARRAYS_ONLY:
        picture = mean.clip(0, 255).round().astype(np.uint8)[None]
        squares = to_channels(resize_all(picture, given.side), mean.shape[-1])
        mean = squares[0].astype(np.float64)
    return given._replace(mean=mean)
