"""From the bytes of a file to a square of RGB bytes, as section 2 of the paper says.

Whatever Pillow opens is turned upright (a telephone notes down how it was held), put
on white where it is transparent, made RGB, shrunk until its shorter side fits, and
cropped to the central square.

First shrunk, then cropped: so the paper writes, so the 2014 code of its author did
(cuda-convnet2, make-data), and so torchvision's `Resize` and `CenterCrop` do, whose
rounding is followed here to the pixel. Caffe's recipe for ImageNet squeezed each
picture to 256 x 256 instead, whatever its shape. All variants are given the same
squares here; who compares `caffe` and `caffenet` with Caffe, on pictures that are not
square, should squeeze them first.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from npalexnet.datasets.source import MOST_BYTES
from npalexnet.system.errors import UserError
from npalexnet.system.files import read_regular
from npalexnet.system.names import check_path, did_you_mean_path

Pixels = npt.NDArray[np.uint8]

# A small file can unfold to more pixels than fit into memory. A uniform PNG has about
# 350 pixels per byte; a file that claims 2,000 was made to do harm, or has no end.
MOST_PIXELS = 100_000_000
PIXELS_PER_BYTE = 2000
FEW_PIXELS = 10_000_000  # any file may have as many
MOST_SLENDER = 100  # longer side over shorter side
MOST_SCANS = 100  # of a JPEG: each is a pass over all pixels; a usual one has ten

SCAN = b"\xff\xda"  # begins a scan
ICON = b"\0\0\1\0"  # begins a file of icons

# Pillow would start another program to draw EPS and WMF. Of the others it knows but the
# name, or another picture is inside, whose size is not known before it is unpacked.
NOT_READ = "EPS WMF BUFR GRIB HDF5 MPEG IPTC ICNS BLP".split()

_large = threading.Lock()  # held while a picture of more than FEW_PIXELS is decoded


@cache
def formats() -> tuple[str, ...]:
    """The formats that are read, by Pillow's names."""
    Image.init()
    return tuple(name for name in Image.ID if name not in NOT_READ)


@cache
def suffixes() -> tuple[str, ...]:
    """How names of pictures end: ".jpg" and so on."""
    known = Image.registered_extensions().items()
    return tuple(end for end, name in known if name in (*formats(), "MPO"))


def decode(data: bytes, name: str, side: int | None = None) -> Image.Image:
    """A picture from the bytes of a file, upright and RGB.

    It takes at most about 12 bytes of memory for each pixel; pictures of more than ten
    million pixels are decoded one at a time, whatever the number of threads.

    Args:
        data: the bytes.
        name: of the file, for the message.
        side: what it will be shrunk to; a large JPEG is then decoded at a half, a
            quarter or an eighth of its size, see `_draft`.

    Raises:
        UserError: the bytes are not a complete picture, or one with too many pixels;
            says which file, and why.
    """
    try:
        if data.startswith(ICON):
            _check_icon(data)
        picture = Image.open(io.BytesIO(data), formats=formats())
        _check_size(*picture.size, data)
        if picture.format in ("JPEG", "MPO") and data.count(SCAN) > MOST_SCANS:
            raise UserError("a JPEG in more scans than anybody needs")
        if side is not None:
            _draft(picture, side)
        with _large if prod(picture.size) > FEW_PIXELS else nullcontext():
            picture.load()
            ImageOps.exif_transpose(picture, in_place=True)
            return to_rgb(picture)
    except Exception as error:  # Pillow's errors over broken files are of all kinds
        if isinstance(error, UserError):
            cause = str(error)
        elif isinstance(error, UnidentifiedImageError):
            cause = "no known picture format" if data else "the file is empty"
        else:
            cause = str(error) or type(error).__name__
        raise UserError(
            f"{name}: expected a picture, found something else ({cause}); "
            "replace or remove it"
        ) from None


def _draft(picture: Image.Image, side: int) -> None:
    """Let a JPEG be decoded at a fraction of its size, which is four times as fast.

    Only where that is still four times the side, and where the fraction is a whole
    number of pixels: the square is then within two grey levels of the one from the
    whole picture. (Else the picture would be stretched by part of a pixel, and edges
    would be off by twenty.)
    """
    width, height = picture.size
    for part in (8, 4, 2):
        exact = width % part == height % part == 0
        if exact and min(width, height) >= 4 * side * part:
            picture.draft("RGB", (width // part, height // part))
            return


def _check_size(width: int, height: int, data: bytes) -> None:
    """Refuse a file before its pixels are unpacked.

    Raises:
        UserError: too many pixels, too many for its bytes, or a line of them.
    """
    most = min(MOST_PIXELS, FEW_PIXELS + PIXELS_PER_BYTE * len(data))
    if width * height > most:
        raise UserError(
            f"{width} x {height} pixels in {len(data):,} bytes; at most {most:,} are "
            "read, because a small file can unfold to more than fits into memory"
        )
    _check_slender(width, height)


def _check_icon(data: bytes) -> None:
    """Refuse an icon by its inside, which Pillow unpacks as soon as it opens the file.

    After six bytes, there are 16 for each picture inside; the last four say where.

    Raises:
        UserError: one of them is too large.
        whatever Pillow raises.
    """
    table = data[6 : 6 + 16 * int.from_bytes(data[4:6], "little")]
    for place in {table[i + 12 : i + 16] for i in range(0, len(table), 16)}:
        inside = io.BytesIO(data[int.from_bytes(place, "little") :])
        _check_size(*Image.open(inside, formats=("PNG", "DIB")).size, data)


def _check_slender(width: int, height: int) -> None:
    """A line of a million pixels would be enlarged beyond the memory.

    Raises:
        UserError: it is empty, or far longer than wide.
    """
    short, long = sorted((width, height))
    if short < 1 or long > MOST_SLENDER * short:
        raise UserError(
            f"{width} x {height} pixels: no square can be cut out of its middle"
        )


def size_of(data: bytes) -> tuple[int, int]:
    """Width and height of a picture, without decoding it; 0 and 0 if it is none."""
    if data.startswith(ICON):
        return 0, 0
    try:
        return Image.open(io.BytesIO(data), formats=formats()).size
    except Exception:  # `decode` says what is wrong with it
        return 0, 0


def to_rgb(picture: Image.Image) -> Image.Image:
    """Any picture as RGB: 16-bit grey scaled to 8, transparent parts on white."""
    if picture.mode == "RGB":
        return picture
    if picture.mode.startswith("I"):
        grey = np.clip(np.asarray(picture), 0, 65535).astype(np.uint32)
        scaled = ((grey + 128) // 257).astype(np.uint8)  # 65535 becomes 255
        return Image.fromarray(scaled).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")


def to_square(picture: Image.Image, side: int) -> Image.Image:
    """Paper section 2: shorter side to `side`, then the central square.

    The longer side, and where the square begins, are rounded as torchvision's `Resize`
    and `CenterCrop` round them.

    Args:
        picture: of any size and mode.
        side: of the square, in pixels.

    Raises:
        UserError: the picture is empty, or a hundred times longer than wide.
    """
    picture = to_rgb(picture)
    width, height = picture.size
    _check_slender(width, height)
    shorter = min(width, height)
    wide, high = side * width // shorter, side * height // shorter
    if shorter != side:
        picture = picture.resize((wide, high), Image.Resampling.BILINEAR)
    left, top = round((wide - side) / 2), round((high - side) / 2)
    if wide == high:
        return picture
    return picture.crop((left, top, left + side, top + side))


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


def read_squares(files: Sequence[str | Path], side: int) -> Pixels:
    """Pictures from files, as squares (N, side, side, 3).

    Raises:
        UserError: a file is missing, or is not a picture; says which.
    """
    squares = []
    for file in map(str, files):
        try:
            data = read_regular(Path(check_path(file)), MOST_BYTES)
        except OSError as error:
            near = did_you_mean_path(Path(file))
            raise UserError(
                f"{file}: expected a picture, and it cannot be read "
                f"({error.strerror}){near}; give the file of a picture"
            ) from None
        except ValueError as error:
            raise UserError(str(error)) from None
        squares.append(to_square(decode(data, file, side), side))
    return np.stack([np.asarray(square) for square in squares])
