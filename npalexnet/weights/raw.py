"""Bytes of a file as arrays, without copying them, and never beyond the file's end.

A file of weights is looked at through a memory map: an array read from it is a view of
the file, and takes no memory of its own until somebody touches it. Everything that a
file says of itself (where an array begins, how large it is) is checked against the
file's size first: a wrong number must end in an error, not in a gigabyte.
"""

from __future__ import annotations

import io
import mmap
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

# Whatever Python and NumPy raise over bytes that make no sense.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

MOST = 2**30  # bytes that a compressed file may unpack to; AlexNet has 2**28
MOST_AXES = 8  # of an array: with a million of them, their product alone takes hours

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


def numbers(data: Bytes, dtype: str) -> Array:
    """Bytes as a row of numbers.

    Args:
        data: (n * itemsize,), the bytes.
        dtype: NumPy's name of the numbers' type, "<f4" say, or `BFLOAT16`.

    Returns:
        (n,), a view of the bytes; for `BFLOAT16`, a copy in float32.

    Raises:
        ValueError: the last number is not whole.
    """
    if dtype == BFLOAT16:
        upper = data.view("<u2").astype("<u4")
        return (upper << 16).view("<f4")
    return data.view(dtype)


def itemsize(dtype: str) -> int:
    """How many bytes one number takes in the file; `dtype` as for `numbers`."""
    return 2 if dtype == BFLOAT16 else np.dtype(dtype).itemsize


def shaped(data: Bytes, dtype: str, shape: Shape) -> Array:
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
    need = prod(shape) * itemsize(dtype)
    if min(shape, default=0) < 0 or need != len(data):
        raise ValueError(
            f"shape {shape} of {dtype} needs {need} bytes, not {len(data)}"
        )
    return numbers(data, dtype).reshape(shape)


class Zip:
    """A zip file, whose members are read as views: they must not be compressed.

    With `may_unpack` they may, and are unpacked to at most `MOST` bytes in all.
    """

    def __init__(self, path: Path, may_unpack: bool = False) -> None:
        self._may_unpack = may_unpack
        self._file = zipfile.ZipFile(path)
        self._data = as_bytes(mapped(path))
        self.names = self._file.namelist()

    def __enter__(self) -> Zip:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def read(self, name: str) -> Bytes:
        """The bytes of a member, held to its checksum.

        Raises:
            ValueError, zipfile.BadZipFile, zlib.error: it is damaged, or too large.
        """
        info = self._file.getinfo(name)
        if info.compress_type == zipfile.ZIP_DEFLATED and self._may_unpack:
            size = sum(other.file_size for other in self._file.infolist())
            if size > MOST:
                raise ValueError(f"it unpacks to {size} bytes")
            with self._file.open(info) as file:  # read() would unpack without a limit
                return np.frombuffer(file.read(info.file_size), np.uint8)
        head = part(self._data, info.header_offset, 30).tobytes()
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        if head[:4] != b"PK\3\4" or not plain:
            raise ValueError(f"{name} is compressed, or not where the zip says")
        name_size, extra_size = struct.unpack("<HH", head[26:])
        start = info.header_offset + 30 + name_size + extra_size
        data = part(self._data, start, info.file_size)
        if zlib.crc32(data.data) != info.CRC:
            raise ValueError(f"the checksum of {name} is wrong")
        return data


def npy(data: Bytes) -> Array:
    """A member of an .npz file as an array.

    Raises:
        ValueError: it is no .npy, or holds Python objects, which are not read.
    """
    file = io.BytesIO(data[:65536].tobytes())
    version = np.lib.format.read_magic(file)
    readers: dict[Any, Any] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    shape, fortran, dtype = readers[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not read")
    array = shaped(data[file.tell() :], dtype.str, shape[::-1] if fortran else shape)
    return array.T if fortran else array
