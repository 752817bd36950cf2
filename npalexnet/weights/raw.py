"""Bytes of a file as arrays, without copying them, and never beyond the file's end.

A file of weights is looked at through a memory map: an array read from it is a view of
the file, and takes no memory of its own until somebody touches it. Everything that a
file says of itself (where an array begins, how large it is) is checked against the
file's size first: a wrong number must end in an error, not in a gigabyte.
"""

from __future__ import annotations

import ast
import io
import mmap
import re
import struct
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.layers.layer import Array, Shape

Bytes = npt.NDArray[np.uint8]
DType = str | np.dtype[Any]

# Whatever Python, NumPy and zipfile raise over bytes that make no sense. The kinds have
# no end (a zip alone: RuntimeError, NotImplementedError, zlib.error, ...), and one that
# was forgotten would be a traceback for somebody whose file is broken.
DAMAGED = (Exception,)

MOST_AXES = 8  # of an array: with a million of them, their product alone takes hours
MOST_DIRECTORY = 2**20  # bytes of a zip's list of members
MOST_HEADER = 4000  # characters of the line that says what is in an .npy
CHUNK = 2**14  # bytes that are unpacked at a time, to at most 1032 times as many

# The line before the numbers of an .npy is read as Python, without operators: a long
# row of them is more than Python's own parser can bear. Python 2 wrote 96 as 96L.
HARMLESS = re.compile(r"[\w\s{}\[\](),:'\"<>|=.]*")
LONG = re.compile(r"(?<=\d)L(?=[,)])")

# NumPy has no bfloat16, which is the upper half of a float32. The readers of formats
# that have it call it so; `numbers` makes float32 of it.
BFLOAT16 = "bfloat16"


def mapped(path: Path) -> mmap.mmap:
    """A file as bytes in memory, read only.

    Raises:
        OSError, ValueError: there is no such file, or it is empty.
    """
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def as_bytes(file: mmap.mmap) -> Bytes:
    """All bytes of a mapped file as an array."""
    return np.frombuffer(file, np.uint8)


def forget(array: Array) -> None:
    """Release the pages that reading a memory-mapped array brought into RAM.

    The array stays usable: whoever looks at it again reads the file again. An array
    that is no view of a mapped file is left alone.
    """
    owner: Any = array
    while owner is not None and not isinstance(owner, mmap.mmap):
        more = "obj" if isinstance(owner, memoryview) else "base"
        owner = getattr(owner, more, None)
    if owner is not None and hasattr(owner, "madvise"):  # Windows has it not
        owner.madvise(mmap.MADV_DONTNEED)


def part(data: Bytes, start: int, size: int) -> Bytes:
    """`size` bytes from `start` on.

    Raises:
        ValueError: they do not lie inside the data.
    """
    if start < 0 or size < 0 or start + size > len(data):
        raise ValueError(
            f"bytes {start} to {start + size} were expected, there are {len(data)}"
        )
    return data[start : start + size]


def numbers(data: Bytes, dtype: DType) -> Array:
    """Bytes as a row of numbers.

    Args:
        data: (n * itemsize,), the bytes.
        dtype: NumPy's type of the numbers or its name, "<f4" say; or `BFLOAT16`.

    Returns:
        (n,), a view of the bytes; for `BFLOAT16`, a copy in float32.

    Raises:
        ValueError: the last number is not whole.
    """
    if isinstance(dtype, str) and dtype == BFLOAT16:
        upper = data.view("<u2").astype("<u4")
        upper <<= 16
        return upper.view("<f4")
    return data.view(dtype)


def itemsize(dtype: DType) -> int:
    """How many bytes one number takes in the file; `dtype` as for `numbers`."""
    if isinstance(dtype, str) and dtype == BFLOAT16:
        return 2
    return np.dtype(dtype).itemsize


def shaped(data: Bytes, dtype: DType, shape: Shape) -> Array:
    """Bytes as an array of a given shape, last axis fastest.

    Args:
        data: (n,), the bytes.
        dtype: as for `numbers`.
        shape: of the array; of at most `MOST_AXES` axes.

    Raises:
        ValueError: such an array takes more than n bytes, or fewer; or the shape is
            impossible.
    """
    if len(shape) > MOST_AXES:
        raise ValueError(f"an array has {len(shape)} axes")
    if not all(type(n) is int for n in shape):  # the product of texts is a long text
        raise TypeError("a shape holds something else than whole numbers")
    need = prod(shape) * itemsize(dtype)
    if min(shape, default=0) < 0 or need != len(data):
        raise ValueError(
            f"shape {shape} of {dtype} needs {need} bytes, not {len(data)}"
        )
    return numbers(data, dtype).reshape(shape)


class Directory(io.FileIO):
    """A zip file while its list of members is read, which must not be endless."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's; zipfile asks for the whole list at once.

        Raises:
            ValueError: it is too long.
        """
        if size is None or size < 0:
            here = self.tell()
            size = self.seek(0, io.SEEK_END) - here
            self.seek(here)
        if size > MOST_DIRECTORY:
            raise ValueError(f"a list of its members in {size} bytes is too long")
        return super().read(size) or b""


class Zip:
    """A zip file, whose members are read as views: they must not be compressed.

    With `may_unpack` they may: Deflate, as `np.savez_compressed` has it. Weights are
    noise, and such a file unpacks to hardly more than its own size; but a long row of
    zeros unpacks to a thousand times its size, and a bomb is made of them. So all that
    is read from one file may be three times as large as the file, and 100 MB larger.
    With the file itself, that stays below the memory that limits.py promises.

    Args:
        path: of the file.
        may_unpack: take compressed members, too.

    Attributes:
        names: of the members.

    Raises:
        one of DAMAGED: it is no zip, or its members overlap.
    """

    def __init__(self, path: Path, may_unpack: bool = False) -> None:
        with Directory(path) as file, zipfile.ZipFile(file) as archive:
            self._members = {info.filename: info for info in archive.infolist()}
        self._may_unpack = may_unpack
        self._data = as_bytes(mapped(path))
        self._room = 3 * len(self._data) + 100_000_000
        self.names = list(self._members)
        # else a few bytes might be read, and held to their checksum, again and again
        if sum(i.compress_size for i in self._members.values()) > len(self._data):
            raise ValueError("its members are larger than the file")

    def read(self, name: str) -> Bytes:
        """The bytes of a member, held to its checksum.

        Raises:
            KeyError: there is none of this name.
            ValueError, zlib.error: it is damaged, or too large.
        """
        info = self._members[name]
        head = part(self._data, info.header_offset, 30).tobytes()
        if head[:4] != b"PK\3\4" or info.flag_bits & 1:
            raise ValueError(f"{name} is encrypted, or not where the zip says")
        name_size, extra_size = struct.unpack("<HH", head[26:])
        start = info.header_offset + 30 + name_size + extra_size
        data = part(self._data, start, info.compress_size)
        if info.compress_type == zipfile.ZIP_DEFLATED and self._may_unpack:
            self._room -= info.file_size
            if self._room < 0 or info.file_size > 1032 * len(data):
                raise ValueError("it unpacks to much more than weights would")
            data = unpack(data, info.file_size)
        elif info.compress_type != zipfile.ZIP_STORED or info.file_size != len(data):
            raise ValueError(f"{name} is compressed")
        if zlib.crc32(data.data) != info.CRC:
            raise ValueError(f"the checksum of {name} is wrong")
        return data


def unpack(data: Bytes, size: int) -> Bytes:
    """What was packed by Deflate, into memory that is taken only as it is filled.

    Raises:
        ValueError: it is not as long as `size` says.
        zlib.error: it is damaged.
    """
    whole, end = np.empty(size, np.uint8), 0
    deflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(0, len(data), CHUNK):
        piece = np.frombuffer(
            deflate.decompress(data[start : start + CHUNK].data), np.uint8
        )
        if end + len(piece) > size:
            break
        whole[end : end + len(piece)] = piece
        end += len(piece)
    if end != size or not deflate.eof:
        raise ValueError(f"it does not unpack to {size} bytes")
    return whole


def npy(data: Bytes) -> Array:
    """A member of an .npz file as an array.

    In front of the numbers stands a line as Python would write it:
    {'descr': '<f4', 'fortran_order': False, 'shape': (96, 3, 11, 11), }

    Raises:
        ValueError: it is no .npy, or holds Python objects, which are not read.
        one of DAMAGED: the line is another one.
    """
    magic, major = data[:6].tobytes(), int(data[6])
    if magic != b"\x93NUMPY" or major not in (1, 2, 3):
        raise ValueError("it is no .npy")
    start = 10 if major == 1 else 12
    size = int.from_bytes(part(data, 8, start - 8).tobytes(), "little")
    if size > MOST_HEADER:
        raise ValueError(f"a line of {size} bytes before its numbers is too long")
    line = part(data, start, size).tobytes().decode("utf-8" if major == 3 else "latin1")
    if not HARMLESS.fullmatch(line):
        raise ValueError("before its numbers stands something else than their shape")
    said = ast.literal_eval(LONG.sub("", line).strip())
    dtype, shape = np.lib.format.descr_to_dtype(said["descr"]), said["shape"]
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    fortran = said["fortran_order"] is True
    numbers = data[start + size :]
    array = shaped(numbers, dtype, shape[::-1] if fortran else shape)
    return array.T if fortran else array


def text(array: Array) -> str:
    """The text in an array without axes, as "about" is kept in our checkpoints.

    Raises:
        TypeError: it holds something else.
    """
    if array.shape or array.dtype.kind != "U":
        raise TypeError(f"a text is expected, {array.dtype} found")
    return str(array)


def npz(path: Path) -> dict[str, Array]:
    """All arrays of an .npz file, by name.

    Raises:
        one of DAMAGED: it is damaged.
    """
    archive, arrays = Zip(path, may_unpack=True), {}
    for name in archive.names:
        arrays[name.removesuffix(".npy")] = array = npy(archive.read(name))
        forget(array)
    return arrays
