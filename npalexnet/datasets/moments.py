"""What a training set looks like on average: mean colour, mean picture, colour axes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.pictures import Pixels


class Statistics(NamedTuple):
    """What a training set looks like on average, in grey levels 0..255.

    Attributes:
        mean: mean colour (3,).
        std: one standard deviation over all pixels and channels.
        mean_picture: (side, side, 3).
        colour_std: standard deviations along `colour_axes`, largest first (3,).
        colour_axes: the directions in which colours vary most, as rows (3, 3).
    """

    mean: npt.NDArray[np.float64]
    std: float
    mean_picture: npt.NDArray[np.float64]
    colour_std: npt.NDArray[np.float64]
    colour_axes: npt.NDArray[np.float64]


def statistics(pixels: Pixels) -> Statistics:
    """Measure a training set (N, side, side, 3) in one pass, 100 pictures at a time."""
    count = len(pixels)
    sums = np.zeros(pixels.shape[1:])
    products = np.zeros((3, 3))
    for lo in range(0, count, 100):
        part = pixels[lo : lo + 100].astype(np.float64)
        sums += part.sum(0)
        colours = part.reshape(-1, 3)
        products += colours.T @ colours
    mean_picture = sums / count
    mean = mean_picture.mean((0, 1))
    places = count * pixels.shape[1] * pixels.shape[2]
    covariance = products / places - np.outer(mean, mean)
    std = float(np.sqrt(np.trace(products) / places / 3 - mean.mean() ** 2))
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1]
    colour_std = np.sqrt(np.maximum(variances[order], 0))
    return Statistics(mean, std, mean_picture, colour_std, axes.T[order])
