"""Files as other people's software writes them, made here: whole networks, and lies.

The writers know nothing of the readers in npalexnet/weights: what a real library writes
is in oracle/weights, and these follow it.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable, Mapping
from math import prod, sqrt
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

OWT = {
    "features.0": (64, 3, 11, 11),
    "features.3": (192, 64, 5, 5),
    "features.6": (384, 192, 3, 3),
    "features.8": (256, 384, 3, 3),
    "features.10": (256, 256, 3, 3),
    "classifier.1": (4096, 9216),
    "classifier.4": (4096, 4096),
    "classifier.6": (1000, 4096),
}
CAFFE = {
    "conv1": (96, 3, 11, 11),
    "conv2": (256, 48, 5, 5),
    "conv3": (384, 256, 3, 3),
    "conv4": (384, 192, 3, 3),
    "conv5": (256, 192, 3, 3),
    "fc6": (4096, 9216),
    "fc7": (4096, 4096),
    "fc8": (1000, 4096),
}
PERIOD = 999_983  # a prime: no two rows of a matrix are equal


def parameter(name: str, shape: tuple[int, ...]) -> Array:
    """Normal numbers that keep the size of the signal; repeated, to be quick."""
    rng = np.random.default_rng(list(name.encode()))
    scale = 0.1 if len(shape) == 1 else sqrt(2 / prod(shape[1:]))
    drawn = rng.standard_normal(min(prod(shape), PERIOD)) * scale
    return np.resize(drawn.astype(np.float32), shape)


def torchvision_arrays() -> dict[str, Array]:
    """A whole AlexNet of torchvision's: 61,100,840 numbers."""
    return {
        f"{name}.{key}": parameter(f"{name}.{key}", s)
        for name, shape in OWT.items()
        for key, s in (("weight", shape), ("bias", shape[:1]))
    }


def caffe_arrays() -> dict[str, Array]:
    """A whole AlexNet of Caffe's: 60,965,224 numbers."""
    return {
        f"{name}.{key}": parameter(f"{name}.{key}", s)
        for name, shape in CAFFE.items()
        for key, s in (("w", shape), ("b", shape[:1]))
    }


def picture() -> Array:
    """A picture (256, 256, 3), in bytes, whose colours differ."""
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (8, 8, 3)) * [1.0, 0.8, 0.5]
    return np.kron(coarse, np.ones((32, 32, 1))).astype(np.uint8)


# ------------------------------------------------------------------------ PyTorch


def text(value: str) -> bytes:
    """The instruction BINUNICODE."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    """BININT, or LONG1 where that is too small."""
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def named(module: str, name: str) -> bytes:
    """GLOBAL: fetch a function."""
    return f"c{module}\n{name}\n".encode()


def numbers(values: Iterable[int]) -> bytes:
    """A tuple of whole numbers."""
    return b"(" + b"".join(number(n) for n in values) + b"t"


def tensor(
    key: str,
    shape: Iterable[int],
    strides: Iterable[int],
    size: int,
    offset: int = 0,
    storage: str = "FloatStorage",
    function: bytes = named("torch._utils", "_rebuild_tensor_v2"),
) -> bytes:
    """The instructions that rebuild a tensor."""
    place = b"(" + text("storage") + named("torch", storage) + text(key) + text("cpu")
    place += number(size) + b"tQ"
    rest = number(offset) + numbers(shape) + numbers(strides) + b"\x89"
    return (
        function + b"(" + place + rest + named("collections", "OrderedDict") + b")RtR"
    )


def program(items: Mapping[str, bytes]) -> bytes:
    """A pickle that builds a dictionary."""
    pairs = b"".join(text(name) + value for name, value in items.items())
    return b"\x80\x02" + named("collections", "OrderedDict") + b")R(" + pairs + b"u."


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Of an array that lies in a row."""
    return tuple(prod(shape[i + 1 :]) for i in range(len(shape)))


def write_zip(
    path: Path, pickle: bytes, storages: Mapping[str, Array], compress: int = 0
) -> None:
    """PyTorch's zip container."""
    with zipfile.ZipFile(path, "w", compress) as archive:
        archive.writestr("net/data.pkl", pickle)
        archive.writestr("net/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"net/data/{key}", array.data)
        archive.writestr("net/version", "3\n")


def write_torch(path: Path, arrays: Mapping[str, Array]) -> None:
    """A state_dict, each array with a storage of its own."""
    tensors = {
        name: tensor(str(i), a.shape, strides(a.shape), a.size)
        for i, (name, a) in enumerate(arrays.items())
    }
    storages = {str(i): array for i, array in enumerate(arrays.values())}
    write_zip(path, program(tensors), storages)


# -------------------------------------------------------------------------- Caffe


def varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def field(number: int, data: bytes) -> bytes:
    """A field of bytes: a text, a message, packed numbers."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(array: Array) -> bytes:
    """An array with the shape in front."""
    shape = field(1, b"".join(varint(n) for n in array.shape))
    return field(7, shape) + field(5, array.tobytes())


def write_caffe(path: Path, arrays: Mapping[str, Array], pool_first: bool) -> None:
    """A .caffemodel of Caffe's AlexNet, or CaffeNet, without a name."""
    order = ["pool1", "norm1"] if pool_first else ["norm1", "pool1"]
    with path.open("wb") as file:
        for name in ["data", "conv1", "relu1", *order, *list(CAFFE)[1:]]:
            layer = field(1, name.encode())
            for key in "wb":
                if f"{name}.{key}" in arrays:
                    layer += field(7, blob(arrays[f"{name}.{key}"]))
            file.write(field(100, layer))
