"""From the bytes of a file to a square of RGB bytes, as section 2 of the paper says.

Whatever Pillow opens is turned upright (a telephone notes down how it was held), put
on white where it is transparent, made RGB, shrunk until its shorter side fits, and
cropped to the central square.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from npalexnet.system.errors import UserError

Pixels = npt.NDArray[np.uint8]

# A small file can unfold to more pixels than fit into memory.
MOST_PIXELS = 100_000_000


def decode(data: bytes, name: str, side: int | None = None) -> Image.Image:
    """A picture from the bytes of a file, upright and RGB.

    Args:
        data: the bytes.
        name: of the file, for the message.
        side: what it will be shrunk to. A JPEG several times as large is decoded at a
            half, a quarter or an eighth of its size, which is much faster.

    Raises:
        UserError: the bytes are not a complete picture, or one with too many pixels;
            says which file, and why.
    """
    try:
        picture = Image.open(io.BytesIO(data))
        width, height = picture.size
        if width * height > MOST_PIXELS:
            raise UserError(
                f"{name}: {width} x {height} pixels; at most {MOST_PIXELS:,} are read, "
                "because a small file can unfold to more than fits into memory; shrink "
                "or remove it"
            )
        if side is not None:
            picture.draft("RGB", (2 * side, 2 * side))
        picture.load()
        return to_rgb(ImageOps.exif_transpose(picture))
    except (
        UnidentifiedImageError,
        Image.DecompressionBombError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        MemoryError,
    ) as error:
        if isinstance(error, UserError):
            raise
        if isinstance(error, UnidentifiedImageError):
            cause = "no known picture format" if data else "the file is empty"
        else:
            cause = str(error) or type(error).__name__
        raise UserError(
            f"{name}: expected a picture, found something else ({cause}); "
            "replace or remove it"
        ) from None


def shorter_side(data: bytes) -> int:
    """The shorter side of a picture, in pixels, without decoding; 0 if it is none."""
    try:
        return min(Image.open(io.BytesIO(data)).size)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return 0


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any picture as RGB: 16-bit grey scaled to 8, transparent parts on white."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.float64)
        scaled = np.clip(grey / 257, 0, 255).round().astype(np.uint8)
        return Image.fromarray(scaled).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def to_square(picture: Image.Image, side: int) -> Image.Image:
    """Paper section 2: shorter side to `side`, then the central square."""
    picture = to_rgb(picture)
    width, height = picture.size
    if width == height == side:
        return picture
    shorter = min(width, height)
    left, top = (width - shorter) / 2, (height - shorter) / 2
    box = (left, top, left + shorter, top + shorter)
    return picture.resize((side, side), Image.Resampling.BILINEAR, box)


def resize_all(pixels: Pixels, side: int) -> Pixels:
    """Pictures (N, H, W, 3 or 1), RGB or grey, as squares (N, side, side, 3)."""
    grey = pixels.shape[-1] == 1
    pictures = (Image.fromarray(p[..., 0] if grey else p) for p in pixels)
    return np.stack([np.asarray(to_square(picture, side)) for picture in pictures])


def to_channels(pixels: Pixels, channels: int) -> Pixels:
    """Pictures (N, H, W, 1 or 3) as grey ones (N, H, W, 1), or as RGB (N, H, W, 3).

    Grey is Pillow's: 0.299 R + 0.587 G + 0.114 B (ITU-R 601), rounded.
    """
    if pixels.shape[-1] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, -1)
    weights = np.array([19595, 38470, 7471], np.uint32)  # of 65536
    grey = (pixels.astype(np.uint32) @ weights + 32768) >> 16
    return grey.astype(np.uint8)[..., None]


def read_squares(files: Sequence[str], side: int) -> Pixels:
    """Pictures from files, as squares (N, side, side, 3).

    Raises:
        UserError: a file is missing, or is not a picture; says which.
    """
    squares = []
    for file in files:
        try:
            data = Path(file).read_bytes()
        except OSError as error:
            raise UserError(
                f"{file}: expected a picture, and it cannot be read "
                f"({error.strerror}); give the file of a picture"
            ) from None
        squares.append(to_square(decode(data, file, side), side))
    return np.stack([np.asarray(square) for square in squares])
