"""Decoded pictures on disk, so that a large data set is decoded only once.

A cache is a folder in `data_folder()/cache` with two files: `pixels`, the bytes of one
array (N, side, side, 3), mapped into memory rather than read, and about.json.
It is written under another name and renamed when it is complete. Its name is a checksum
of everything that it depends on: every file's name, size and CRC (in a folder: time of
change), the side, and the code that decodes. So a changed zip, or changed code, makes a
new cache, and an old one can be deleted at any time.

Disks forget, and a power cut leaves zeros: about.json has a checksum of each block of
pictures, and one of itself. They are held to the files when the cache is opened, on all
cores; a cache that is damaged is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import __version__ as pillow_version
from tqdm import tqdm

from npalexnet.datasets import pictures
from npalexnet.datasets.download import check_room, data_folder
from npalexnet.datasets.layouts import Files
from npalexnet.datasets.pictures import Pixels, decode, size_of, to_square
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError
from npalexnet.system.lock import Lock
from npalexnet.system.machine import usable_cpus
from npalexnet.system.workers import workers

# Data sets of fewer bytes are decoded anew each time: that takes a second or two.
ALWAYS_DECODED = 10_000_000
AT_A_TIME = 512


class Decoded(NamedTuple):
    """Pictures that could be read, and what became of the others.

    Attributes:
        pixels: (N, side, side, 3) uint8 RGB.
        kept: indices of their files (N,).
        bad: for each of the others, its name and what is wrong with it.
    """

    pixels: Pixels
    kept: list[int]
    bad: list[str]


def cached_pictures(
    source: Source, files: Files, side: int, skip_bad: bool = False
) -> Decoded:
    """Read pictures at their own size or at `side`, whichever is smaller.

    Args:
        source: the zip or folder.
        files: the pictures' names and classes.
        side: of the squares.
        skip_bad: leave out what cannot be read, rather than stop.

    Raises:
        UserError: a picture cannot be read; no room for the cache.
    """
    if not files:
        raise UserError(f"{source.path}: no pictures were found in it")
    names = [name for name, _ in files]
    missing = next((n for n in names if not source.has(n)), None)
    if missing is not None and not skip_bad:
        source.read(missing)  # raises
    there = [n for n in names if source.has(n)]
    identities = [source.identity(n) for n in there]
    side = _own_side(source, there, side)
    if sum(size for _, size in identities) < ALWAYS_DECODED:
        return _in_memory(source, names, side, skip_bad)

    key = hashlib.sha256(Path(pictures.__file__).read_bytes())
    said = [pillow_version, side, skip_bad, len(names), there, identities]
    key.update(json.dumps(said).encode())
    folder = data_folder() / "cache" / key.hexdigest()[:24]
    try:
        return _opened(folder, len(names), side)
    except FileNotFoundError:
        pass
    except DAMAGED as error:
        print(f"the decoded pictures in {folder} are damaged ({error}): once more")
        shutil.rmtree(folder, ignore_errors=True)
    _write(folder, source, names, side, skip_bad)
    try:
        return _opened(folder, len(names), side)
    except DAMAGED as error:
        raise _no_cache(
            folder.parent, f"what was written is not there: {error}"
        ) from None


# What opening a damaged cache may raise.
DAMAGED = (OSError, ValueError, KeyError, TypeError, RecursionError)


def _opened(folder: Path, count: int, side: int) -> Decoded:
    """A cache that is there and whole.

    Args:
        folder: of the cache.
        count: pictures that it was made from.
        side: of its pictures.

    Raises:
        FileNotFoundError: there is none.
        one of DAMAGED: it is damaged.
    """
    if not folder.exists():
        raise FileNotFoundError(folder)
    for name in ("about.json", "pixels"):
        if not (folder / name).is_file():
            raise ValueError(f"{name} is no file")
    about = json.loads((folder / "about.json").read_bytes())
    kept, bad, blocks = about["kept"], about["bad"], about["blocks"]
    if about["sum"] != _sum_of(kept, bad, blocks):
        raise ValueError("about.json is not what was written")
    picture = side * side * 3
    if (folder / "pixels").stat().st_size != len(kept) * picture:
        raise ValueError("pixels has another size")
    shape = len(kept), side, side, 3
    pixels = np.memmap(folder / "pixels", np.uint8, "r", shape=shape)

    def sum_at(lo: int) -> int:
        return zlib.crc32(pixels[lo : lo + AT_A_TIME].data)

    starts = range(0, len(kept), AT_A_TIME)
    with workers(usable_cpus(), "check") as pool:
        found = pool.map(sum_at, starts)
        wrong = sum(a != b for a, b in zip(found, blocks, strict=True))
    if wrong:
        raise ValueError(f"{wrong} of {len(blocks)} blocks are not what was written")
    return Decoded(pixels, kept, bad)


def _sum_of(*said: object) -> int:
    """A checksum of what about.json says."""
    return zlib.crc32(json.dumps(said).encode())


def _no_cache(folder: Path, why: str | None) -> UserError:
    return UserError(
        f"the cache in {folder} could not be written ({why}); make room, or name "
        "another folder in the environment variable NPALEXNET_DATA"
    )


def _own_side(source: Source, names: list[str], side: int) -> int:
    """The side of small square pictures, of which a sample is looked at; else `side`.

    Only squares of one size may be kept as they are, and enlarged when they are used:
    of other pictures that would be another square than the one of the whole picture.
    """
    sizes = set()
    for name in names[:: 1 + len(names) // 20]:
        with suppress(UserError):  # said when it is its turn
            sizes.add(size_of(source.read(name)))
    sizes.discard((0, 0))
    (width, height), *others = [*sizes] or [(side, side)]
    return min(side, width) if width == height and not others else side


def _squares(
    source: Source, names: list[str], side: int
) -> Iterator[tuple[int, Pixels | UserError]]:
    """Each picture in turn, or what is wrong with it; decoded on all cores."""

    def one(i: int) -> tuple[int, Pixels | UserError]:
        try:
            picture = decode(source.read(names[i]), source.where(names[i]), side)
            return i, np.asarray(to_square(picture, side))
        except UserError as error:
            return i, error

    bar = tqdm(
        total=len(names),
        unit="picture",
        desc="reading",
        leave=False,
        disable=not sys.stderr.isatty() or len(names) < 2000,
    )
    with workers(usable_cpus(), "decode") as pool, bar:
        for lo in range(0, len(names), AT_A_TIME):
            block = range(lo, min(lo + AT_A_TIME, len(names)))
            yield from pool.map(one, block)
            bar.update(len(block))


def _good(
    source: Source, names: list[str], side: int, skip_bad: bool, bad: list[str]
) -> Iterator[tuple[int, Pixels]]:
    """The pictures that can be read; the others are added to `bad`, or stop it all."""
    for i, square in _squares(source, names, side):
        if isinstance(square, UserError):
            if not skip_bad:
                raise UserError(f"{square}, or leave such files out with --skip-bad")
            bad.append(str(square))
        else:
            yield i, square


def _in_memory(source: Source, names: list[str], side: int, skip_bad: bool) -> Decoded:
    bad: list[str] = []
    found = list(_good(source, names, side, skip_bad, bad))
    if not found:
        raise UserError(f"{source.path}: none of its pictures can be read; {bad[0]}")
    return Decoded(np.stack([p for _, p in found]), [i for i, _ in found], bad)


def _write(
    folder: Path, source: Source, names: list[str], side: int, skip_bad: bool
) -> None:
    """Decode everything into a new cache.

    The array is written from front to back, never through a memory map: a full disk is
    then an error, and not the end of the process.
    """
    size = len(names) * side * side * 3
    check_room(folder.parent, size, f"the cache of {len(names):,} decoded pictures")
    print(
        f"decoding {len(names):,} pictures, once, into {size / 1e6:,.0f} MB in "
        f"{folder.parent} (about {1 + len(names) // 8000} s if they are small)",
        flush=True,
    )
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    bad: list[str] = []
    kept: list[int] = []
    blocks: list[int] = []
    try:
        _clear_away(folder.parent)
        part.mkdir()
        with Lock(part), (part / "pixels").open("wb") as file:
            good = _good(source, names, side, skip_bad, bad)
            while some := list(islice(good, AT_A_TIME)):
                block = b"".join(square.tobytes() for _, square in some)
                file.write(block)
                blocks.append(zlib.crc32(block))
                kept += [i for i, _ in some]
            if not kept:
                raise UserError(f"{source.path}: none of its pictures can be read")
            file.flush()
            os.fsync(file.fileno())
            about: dict[str, Any] = {"kept": kept, "bad": bad, "blocks": blocks}
            about["sum"] = _sum_of(*about.values())
            (part / "about.json").write_text(json.dumps(about))
            if not folder.exists():  # another process may have been faster
                part.rename(folder)
    except OSError as error:
        raise _no_cache(folder.parent, error.strerror) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _clear_away(caches: Path) -> None:
    """Remove what processes left half-written that were killed."""
    for part in caches.glob("*.part"):
        with suppress(UserError), Lock(part) as lock:
            if lock.held:
                shutil.rmtree(part, ignore_errors=True)
