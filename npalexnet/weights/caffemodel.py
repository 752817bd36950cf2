"""Read Caffe's .caffemodel: a message of Google's Protocol Buffers.

A message is a row of fields: a number that says which field and how it is stored, then
its value. A value is a varint (seven bits a byte, the lowest first; the eighth bit says
that another byte follows), or 4 or 8 bytes, or a length and so many bytes, which may be
a message in turn. Fields that nobody asks for are skipped by their length, so these few
are all that is needed to know (caffe.proto):

    NetParameter   1 name, 100 layer; 2 layers, as it was before 2014
    layer          1 name, 2 type, 7 blobs
    layers         4 name, 5 type, 6 blobs; or all in field 1: 1 name, 2 type, 50 blobs
    blob           7 shape (1 dim), 5 data, 8 double_data; 1 to 4 num, channels, height
                   and width, the shape as it was
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from npalexnet.layers.layer import Array, Shape
from npalexnet.weights import raw
from npalexnet.weights.limits import Steps
from npalexnet.weights.raw import Bytes

LONGEST_NAME = 1000  # bytes
MOST_LAYERS = 10_000


class Net(NamedTuple):
    """What is read from a .caffemodel.

    Attributes:
        name: of the network.
        layers: names of all layers, in their order; those that learn nothing, too.
        blobs: weights and bias of each layer that has them.
    """

    name: str
    layers: list[str]
    blobs: dict[str, list[Array]]


def varint(data: Bytes, at: int) -> tuple[int, int]:
    """The whole number that begins at a place, and the place behind it."""
    value = 0
    for i in range(10):
        byte = int(data[at + i])
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value & (2**64 - 1), at + i + 1
    raise ValueError("a varint has more than ten bytes")


def fields(data: Bytes, steps: Steps) -> Iterator[tuple[int, int | Bytes]]:
    """The fields of a message: number, and value.

    Args:
        data: the message.
        steps: one is taken for each field.

    Raises:
        ValueError, IndexError: it is no message, not a whole one, or has too many.
    """
    at = 0
    while at < len(data):
        steps.take()
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            whole, at = varint(data, at)
            yield number, whole
            continue
        if kind == 2:
            size, at = varint(data, at)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise ValueError(f"field {number} is stored in an unknown way, {kind}")
        yield number, raw.part(data, at, size)
        at += size


def message(value: int | Bytes) -> Bytes:
    """A value that must be bytes: a text, a message, numbers."""
    if isinstance(value, int):
        raise ValueError("a number stands where a message should be")
    return value


def text(value: int | Bytes) -> str:
    """A value that must be a name."""
    name = message(value)
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a name of {len(name)} bytes is too long")
    return name.tobytes().decode()


def varints(value: int | Bytes, steps: Steps) -> list[int]:
    """One whole number, or several that are stored together; a step for each."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        steps.take()
        number, at = varint(value, at)
        found.append(number)
    return found


def blob(data: Bytes, steps: Steps) -> Array:
    """An array.

    Raises:
        ValueError: its shape does not fit its numbers.
    """
    shape: list[int] | None = None
    old: dict[int, int] = {}
    numbers: dict[int, Bytes | bytearray] = {}
    for field, value in fields(data, steps):
        if field in (1, 2, 3, 4) and isinstance(value, int):
            old[field] = value
        elif field in (5, 8):
            piece = message(value)
            before = numbers.setdefault(field, piece)
            if before is not piece:  # they may come in pieces, even one by one
                if not isinstance(before, bytearray):
                    before = numbers[field] = bytearray(before)
                before.extend(piece)
        elif field == 7:
            inner = fields(message(value), steps)
            shape = [n for f, v in inner if f == 1 for n in varints(v, steps)]
    if shape is None:
        shape = [old.get(axis, 0) for axis in (1, 2, 3, 4)]
    field, dtype = (8, "<f8") if 8 in numbers else (5, "<f4")
    found = np.frombuffer(numbers.get(field, b""), np.uint8)
    return raw.shaped(found, dtype, tuple(shape))


def layer(data: Bytes, name: int, blobs: int, steps: Steps) -> tuple[str, list[Array]]:
    """Name and arrays of a layer, given the numbers of these fields."""
    called, arrays = "", []
    for field, value in fields(data, steps):
        if field == name:
            called = text(value)
        elif field == blobs:
            arrays.append(blob(message(value), steps))
        elif field == 1:  # of `layers`, and the oldest way to describe one
            called, arrays = layer(message(value), 1, 50, steps)
    return called, arrays


def read(path: Path) -> Net:
    """Read a .caffemodel; the arrays are views of the file.

    Raises:
        one of raw.DAMAGED: it is damaged, or something else.
    """
    net, steps = Net("", [], {}), Steps()
    for field, value in fields(raw.as_bytes(raw.mapped(path)), steps):
        if field == 1:
            net = net._replace(name=text(value))
        elif field in (2, 100):
            name, blobs = (4, 6) if field == 2 else (1, 7)
            called, arrays = layer(message(value), name, blobs, steps)
            net.layers.append(called)
            if len(net.layers) > MOST_LAYERS:
                raise ValueError("it has too many layers")
            if arrays:
                net.blobs[called] = [squeeze(a, i) for i, a in enumerate(arrays)]
    if not net.blobs:
        raise ValueError("it has no layer with weights")
    return net


def squeeze(array: Array, which: int) -> Array:
    """Take away the ones that an old shape has in front: every shape had four numbers.

    Blob 0 is a matrix (1, 1, M, D) or filters (F, C, K, K), blob 1 a bias (1, 1, 1, M).
    """
    shape: Shape = array.shape
    wanted = 1 if which else 2
    if len(shape) == 4 and set(shape[: 4 - wanted]) == {1}:
        return array.reshape(shape[4 - wanted :])
    return array
