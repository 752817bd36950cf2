"""From pixels to a network's input: square, crop, subtract the mean, divide.

    x = (pixel - mean) / std

Paper section 2: shorter side to 256, the central square, minus the mean picture of the
training set. A network carries the mean and std that its weights were trained with, as
`Graph.input`, and a checkpoint saves them with the weights.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from npalexnet.datasets.pictures import Pixels, resize_all
from npalexnet.layers.layer import Array


class Input(NamedTuple):
    """What turns pixels into the network's input: x = (pixel - mean) / std.

    Attributes:
        side: pictures are resized to squares of this side, in pixels.
        crop: side of the part of the square that the network sees, in pixels.
        mean: grey levels 0..255, one for each channel (3,), or a picture
            (side, side, 3).
        std: grey levels, one number or one for each channel.
        classes: names of the classes, or ().
    """

    side: int
    crop: int
    mean: Array
    std: Array
    classes: tuple[str, ...]

    def centre(self) -> slice:
        """Rows (and columns) of the central crop."""
        edge = (self.side - self.crop) // 2
        return slice(edge, edge + self.crop)

    def square(self, pixels: Pixels) -> Pixels:
        """Pictures (N, H, W, 3) of any size as squares (N, side, side, 3)."""
        if pixels.shape[1:] == (self.side, self.side, 3):
            return pixels
        return resize_all(pixels, self.side)

    def crop_centre(self, pixels: Pixels) -> Pixels:
        """What a network sees of pictures (N, H, W, 3) in tests: (N, crop, crop, 3).

        Training, tests, ten crops and predictions all begin with `square`, so that a
        network is tested at the scale at which it was trained.
        """
        return self.square(pixels)[:, self.centre(), self.centre()]

    def normalise(self, pixels: Array, mean: Array | None = None) -> Array:
        """Pixels (N, crop, crop, 3) to input (N, 3, crop, crop) in float32.

        `mean` is subtracted; if left out, the mean colour, or the central crop of the
        mean picture.
        """
        if mean is None:
            mean = self.mean
            if mean.ndim == 3:
                mean = mean[self.centre(), self.centre()]
        x = (pixels - mean.astype(np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)
