"""From pixels to a network's input: square, crop, subtract the mean, divide.

    x = (scale · given - mean) / std

Paper section 2: shorter side to 256, the central square, minus the mean picture of the
training set. A network carries the mean and std that its weights were trained with, as
`Graph.input`, and a checkpoint saves them with the weights. So `fit`, `Graph.predict`
and the commands all turn what they are given into x here, and in the same way.

What may be given is either pictures, in bytes (uint8) or as files, of any size; or
arrays of another dtype, that have the network's own size. Bytes are grey levels 0..255;
an array says how many grey levels its unit is worth: `scale`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet.datasets.pictures import read_squares, resize_all, to_channels
from npalexnet.layers.layer import Array, Shape
from npalexnet.system.errors import UserError

ARRAYS_ONLY = 0  # as the side of pictures

# Grey levels that no array has which is of the right unit.
FAR_ABOVE = 20 * 255
# Mean grey level of a training set above which nothing in it stays below 1.
TOO_DARK = 10


@dataclass(frozen=True, eq=False)
class Input:
    """What turns pixels into x = (scale · pixel - mean) / std.

    Unpacks into (side, crop, mean, std, classes).

    Attributes:
        side: pictures are resized to squares of this side, in pixels; 0 for a network
            that takes arrays only, because its input is no grey or RGB square.
        crop: side of the part of the square that the network sees, in pixels.
        mean: grey levels 0..255, one for each channel (C,), or a picture
            (side, side, C).
        std: grey levels, one number or one for each channel.
        classes: names of the classes, or ().
        scale: grey levels in one unit of an array: 255 for floats within 0..1. None
            where that is not known (standardised arrays, say): mean and std are then in
            the arrays' own unit, and pictures are refused.
        measured: mean, std and scale belong to trained weights; `fit` keeps them.
    """

    side: int
    crop: int
    mean: Array
    std: Array
    classes: tuple[str, ...]
    scale: float | None = 1.0
    measured: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter((self.side, self.crop, self.mean, self.std, self.classes))

    def _replace(self, **changed: Any) -> Input:
        """The same, with some attributes changed."""
        return replace(self, **changed)

    # ------------------------------------------------------------ from pixels to x

    def x(self, pixels: Array) -> Array:
        """Network input in float32 of pixels, as `as_pixels` gives them."""
        return self.normalise(self.crop_centre(pixels))

    def square(self, pixels: Array) -> Array:
        """Grey levels of what is given: pictures of any size as (N, side, side, C).

        Arrays, which have the network's own size, are only multiplied by `scale`.

        Raises:
            UserError: pictures, for a network that does not know what they are worth.
        """
        if pixels.dtype != np.uint8:
            scale = np.float32(1 if self.scale is None else self.scale)
            return np.multiply(pixels, scale, dtype=np.float32)
        self.check_bytes()
        if self.side == ARRAYS_ONLY:
            return pixels
        if pixels.shape[1:3] != (self.side, self.side):
            pixels = resize_all(pixels, self.side)
        return to_channels(pixels, self.mean.shape[-1])

    def crop_centre(self, pixels: Array) -> Array:
        """What a network sees of pictures (N, H, W, 3) in tests: (N, crop, crop, C).

        Training, tests, ten crops and predictions all begin with `square`, so that a
        network is tested at the scale at which it was trained.
        """
        squares = self.square(pixels)
        if self.side == ARRAYS_ONLY or squares.shape[1] == self.crop:
            return squares
        return squares[:, self.centre(), self.centre()]

    def normalise(self, levels: Array, mean: Array | None = None) -> Array:
        """Grey levels (N, crop, crop, C) to input (N, C, crop, crop) in float32.

        `mean` is subtracted; if left out, the mean colour, or the central crop of the
        mean picture.
        """
        if mean is None:
            mean = self.mean
            if mean.ndim == 3 and self.side != ARRAYS_ONLY:
                mean = mean[self.centre(), self.centre()]
        x = (levels - mean.astype(np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(np.moveaxis(x, -1, 1), np.float32)

    def centre(self) -> slice:
        """Rows (and columns) of the central crop."""
        edge = (self.side - self.crop) // 2
        return slice(edge, edge + self.crop)

    # ---------------------------------------------------------- what may be given

    def picture_side(self) -> int:
        """The side at which this network's pictures are to be read, in pixels.

        Raises:
            UserError: it takes no pictures.
        """
        if self.side == ARRAYS_ONLY:
            raise UserError(
                "this network takes arrays only, because its input is no square of one "
                "or three channels; give it arrays, in Python: graph.predict(x)"
            )
        self.check_bytes()
        return self.side

    def check_bytes(self) -> None:
        """Refuse grey levels where nobody knows what they are worth.

        Raises:
            UserError: `scale` is None.
        """
        if self.scale is None:
            raise UserError(
                "this network was trained on arrays outside 0..255, so what the grey "
                "levels of a picture are in their unit is not known; give arrays of "
                "that unit, or train on pictures, or with fit(..., scale=GREY LEVELS)"
            )

    def check_unit(self, pixels: Array) -> None:
        """Refuse an array that is plainly of another unit than the trained one.

        Raises:
            UserError: it is; says which unit is wanted.
        """
        if pixels.dtype == np.uint8 or self.scale is None or not self.measured:
            return
        low, high = self.scale * float(pixels.min()), self.scale * float(pixels.max())
        wanted = f"this network sees black to white in 0..{255 / self.scale:g}"
        if high > FAR_ABOVE or low < -255:
            raise UserError(
                f"x reaches from {low / self.scale:g} to {high / self.scale:g}, and "
                f"{wanted} (graph.input.scale is {self.scale:g}); give x in that unit, "
                "or pictures in bytes (uint8)"
            )
        if self.scale == 1 and 0 < high <= 1 and np.mean(self.mean) > TOO_DARK:
            raise UserError(
                f"x lies within 0..1, and {wanted} (graph.input.scale is 1); give "
                "255 * x, or pictures in bytes (uint8)"
            )

    def names(self, count: int) -> tuple[str, ...]:
        """The names of the classes; their numbers, if no names are known."""
        return self.classes or tuple(f"class {i}" for i in range(count))


def plain_input(input_shape: Shape) -> Input:
    """The input of a network that knows nothing of its pictures yet: x = pixel."""
    channels = input_shape[0]
    square = len(input_shape) == 3 and input_shape[1] == input_shape[2]
    side = input_shape[1] if square and channels in (1, 3) else ARRAYS_ONLY
    return Input(side, side, np.zeros(channels), np.ones(()), ())


def as_array(x: object, given: Input) -> Array:
    """What `Graph.predict` is given, as an array: files of pictures are read.

    Raises:
        UserError: a file cannot be read, or the network takes no pictures.
    """
    if isinstance(x, str | Path):
        x = [x]
    if isinstance(x, Sequence) and len(x) > 0 and isinstance(x[0], str | Path):
        return read_squares([str(path) for path in x], given.picture_side())
    return np.asarray(x)


def as_pixels(x: Array, input_shape: Shape, first: str = "the network") -> Array:
    """What was given, with its channels last: a view, in the dtype that it has.

    Args:
        x: pictures (N, H, W, 3), or grey ones (N, H, W), in bytes, of any size; or
            arrays (N, *input_shape) of any real dtype, which may leave out the axis of
            a single channel.
        input_shape: of one image, (C, H, W), or (D,).
        first: name of the first layer, for the message.

    Returns:
        (N, H, W, C), or (N, D).

    Raises:
        UserError: x is none of these; says what to do.
    """
    shape = x.shape[1:]
    if len(x.shape) and x.shape[0] == 0:
        raise UserError("x holds no image: there must be at least one")
    if x.dtype.kind not in "biuf":
        raise UserError(f"x must hold real numbers, and holds {x.dtype}")
    if x.dtype == np.uint8 and plain_input(input_shape).side != ARRAYS_ONLY:
        if len(shape) == 3 and shape[-1] in (1, 3) and shape != input_shape:
            return x
        if len(shape) == 2:
            return x[..., None]
    if x.ndim > 1 and shape == input_shape:
        return np.moveaxis(x, 1, -1)
    if len(shape) == 2 and (1, *shape) == input_shape:
        return x[..., None]
    raise UserError(misfit(x, input_shape, first))


def misfit(x: Array, input_shape: Shape, first: str) -> str:
    """The line that says why x cannot go into a network, and what to do about it."""
    wanted = ", ".join(map(str, input_shape))
    found = f"x is {x.shape} of {x.dtype}, and {first} takes arrays (N, {wanted})"
    takes_pictures = plain_input(input_shape).side != ARRAYS_ONLY
    if takes_pictures:
        found += ", or pictures (N, H, W, 3) or (N, H, W) in bytes (uint8)"
    if x.ndim > 1 and input_shape in (x.shape, (1, *x.shape)):
        return f"{found}; one image alone is x[None]"
    if takes_pictures and x.dtype == np.uint8 and x.ndim == 4 and x.shape[3] == 4:
        return f"{found}; without transparency they are x[..., :3]"
    if x.ndim == 2 and x.shape[1] == prod(input_shape):
        return f"{found}; try x.reshape(-1, {wanted})"
    if x.ndim == 4 and (x.shape[3], *x.shape[1:3]) == input_shape:
        return f"{found}; try x.transpose(0, 3, 1, 2)"
    if len(input_shape) == 1 and x.ndim > 2 and prod(x.shape[1:]) == input_shape[0]:
        return f"{found}; try x.reshape(len(x), -1)"
    if x.ndim not in (3, 4):
        return found
    fitting = x.shape[1:] if x.ndim == 4 else (1, *x.shape[1:])
    return f"{found}; a network for such images has input_shape={fitting}"


def scale_of(x: Array) -> float | None:
    """Grey levels in one unit of x: 1 in bytes, 255 within 0..1, 1 within 0..255.

    None if x reaches further: then it holds no grey levels.
    """
    if x.dtype == np.uint8:
        return 1.0
    low, high = float(x.min()), float(x.max())
    if low < 0 or high > 255:
        return None
    return 255.0 if high <= 1 else 1.0


def check_finite(x: Array) -> None:
    """Refuse NaN and infinity.

    Raises:
        UserError: says in which image.
    """
    if x.dtype.kind != "f":
        return
    for lo in range(0, len(x), 256):
        good = np.isfinite(x[lo : lo + 256].reshape(len(x[lo : lo + 256]), -1)).all(1)
        if not good.all():
            raise UserError(
                f"x holds NaN or infinity, first in image {lo + int(good.argmin())}; "
                "leave such images out, or set those numbers to 0"
            )
