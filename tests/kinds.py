"""A small picture of every kind that Pillow writes, and of some that it only reads.

For tests/fuzz_data.py, which damages them: `python tests/kinds.py FOLDER` writes them.
"""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MADE = {
    "png": ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"],
    "jpg": ["RGB", "L", "CMYK"],
    "gif": ["RGB", "L", "P"],
    "bmp": ["RGB", "L", "P", "1"],
    "tif": ["RGB", "RGBA", "L", "P", "CMYK", "I;16", "F", "1", "LAB"],
    "webp": ["RGB", "RGBA"],
    "avif": ["RGB", "RGBA"],
    "jp2": ["RGB", "L", "RGBA"],
    "ico": ["RGBA", "P"],
    "dds": ["RGB", "RGBA", "L"],
    "mpo": ["RGB"],
    "tga": ["RGB", "RGBA", "L", "P"],
    "ppm": ["RGB", "L", "1"],
    "pcx": ["RGB", "L", "P"],
    "sgi": ["RGB", "L"],
    "qoi": ["RGB", "RGBA"],
    "im": ["RGB", "L"],
    "spider": ["F"],
    "xbm": ["1"],
    "msp": ["1"],
}


def of_mode(mode: str, seed: int) -> Image.Image:
    """A picture of 20 x 14 soft pixels."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    image = Image.fromarray(small).resize((20, 14), Image.Resampling.BICUBIC)
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    if mode == "LAB":
        return Image.merge("LAB", image.split())
    if mode in ("RGBA", "LA"):
        image = image.convert(mode)
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image.convert(mode)


def hand_made() -> dict[str, bytes]:
    """Pictures that Pillow reads and does not write, and bombs."""
    psd = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 14, 20, 8, 3) + bytes(12)
    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    png = of_file("png", "RGB")
    rows = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + head
    icon = struct.pack("<HHHBBBBHHII", 0, 1, 1, 20, 14, 0, 0, 1, 32, len(png), 22)
    fli = struct.pack("<IHHHHHHI", 150, 0xAF11, 1, 20, 14, 8, 3, 5)
    return {
        "plain.psd": psd + b"\0\0" + bytes(range(210)) * 4,
        "bomb.png": checksums_mended(rows + bytes(4) + png[33:]),
        "icon.ico": checksums_mended(icon + png[:16] + rows[16:24] + png[24:]),
        "film.fli": fli.ljust(128, b"\0") + struct.pack("<IHH8x", 22, 0xF1FA, 0),
        "eps.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n",
        "empty.png": b"",
    }


def of_file(kind: str, mode: str, **how: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    extra = {"gif", "tif", "webp", "png", "avif", "mpo"}
    if kind in extra and how.pop("film", False):
        how |= {"save_all": True, "append_images": [of_mode(mode, 1), of_mode(mode, 2)]}
    names = {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}
    name = names.get(kind, kind.upper())
    if kind == "mpo":
        how |= {"save_all": True, "append_images": [of_mode(mode, 1)]}
    of_mode(mode, 0).save(out, name, **how)
    return out.getvalue()


@cache
def whole_pictures() -> dict[str, bytes]:
    """Small pictures of all kinds, by name."""
    turned = Image.Exif()
    turned[0x0112] = 6
    found = hand_made()

    def add(name: str, mode: str = "RGB", **how: Any) -> None:
        """One more, if this Pillow can write it."""
        with contextlib.suppress(OSError, KeyError, ValueError):
            found[name] = of_file(name.rpartition(".")[2], mode, **how)

    for kind, modes in MADE.items():
        for mode in modes:
            add(f"{mode}.{kind}", mode)
    for kind in ("jpg", "png", "webp", "avif", "tif", "mpo"):
        add(f"turned.{kind}", exif=turned)
    for kind in ("gif", "png", "webp", "tif", "avif"):
        add(f"film.{kind}", film=True)
    for way in ("jpeg", "tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma"):
        add(f"{way}.tif", compression=way)
    add("group4.tif", "1", compression="group4")
    add("scans.jpg", progressive=True)
    add("clear.gif", "P", transparency=3)
    add("clear.png", "P", transparency=bytes(range(200)))
    add("still.webp", lossless=True)
    return found


def checksums_mended(data: bytes) -> bytes:
    """The sizes in a PNG, or in an icon that holds one, are believed again."""
    changed, at = bytearray(data), data.find(b"IHDR")
    while 0 <= at < len(data) - 21:
        check = zlib.crc32(data[at : at + 17])
        changed[at + 17 : at + 21] = struct.pack(">I", check)
        at = data.find(b"IHDR", at + 1)
    return bytes(changed)


if __name__ == "__main__":
    for name, data in whole_pictures().items():
        (Path(sys.argv[1]) / name).write_bytes(data)
