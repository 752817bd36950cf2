"""Read PyTorch's .pth and .pt without PyTorch, and without running what is in them.

A .pth file holds a pickle, and a pickle is a program that may call any function of any
Python module. To "load" a pickle is to run it, and a stranger's may delete your files.
But the program that rebuilds a dictionary of weights needs few instructions, and these
functions:

    collections.OrderedDict()                an empty dictionary
    torch._utils._rebuild_tensor_v2(...)     a tensor: which storage, which part of it
    torch._utils._rebuild_parameter(...)     the same, marked as learned
    torch.FloatStorage                       no function: the type of some numbers

So stackmachine.py is a machine with nothing else in it. A name that is not in the list
is refused before anything happens, and those in the list stand for a few lines of our
own.

The numbers themselves are no pickle. There are two containers:

    zip      (since PyTorch 1.6)  TOP/data.pkl, the program; TOP/data/KEY, the numbers
    legacy   five pickles one after the other: a magic number, a version, the machine's
             byte order, the program, the list of keys; then for each key, in the order
             of the list, 8 bytes with the count of numbers, and the numbers
"""

from __future__ import annotations

import io
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from npalexnet.layers.layer import Array, Shape
from npalexnet.system.errors import UserError
from npalexnet.weights import raw, stackmachine
from npalexnet.weights.limits import short
from npalexnet.weights.stackmachine import Machine, Name

MAGIC = 0x1950A86A20F9469CFC6C

STORAGES = {
    "torch DoubleStorage": "<f8",
    "torch FloatStorage": "<f4",
    "torch HalfStorage": "<f2",
    "torch BFloat16Storage": raw.BFLOAT16,
    "torch LongStorage": "<i8",
    "torch IntStorage": "<i4",
    "torch ShortStorage": "<i2",
    "torch CharStorage": "|i1",
    "torch ByteStorage": "|u1",
    "torch BoolStorage": "|b1",
}
# Tensors may share a storage, as tied weights do. But each may be copied by whoever
# gets it: all together they have at most so many times the numbers that are there.
MOST_SHARED = 2


class Storage(NamedTuple):
    """A row of numbers in the file, still to be read."""

    key: str
    dtype: str
    size: int


class Tensor(NamedTuple):
    """A part of a storage: number (i, j) is at offset + i·strides[0] + j·strides[1]."""

    storage: Storage
    offset: int
    shape: Shape
    strides: Shape

    def cut(self, storage: Array) -> Array:
        """The tensor as a view of its storage, in which no number comes twice.

        Raises:
            ValueError: it does not lie inside, or a number comes twice.
        """
        if min((self.offset, *self.shape, *self.strides)) < 0:
            raise ValueError(f"a tensor has shape {self.shape}, strides {self.strides}")
        size, reach = prod(self.shape), 0
        if size == 0:
            return np.empty(self.shape, storage.dtype)
        # the shortest strides first: each must step over all that is inside of it
        for stride, n in sorted(zip(self.strides, self.shape, strict=True)):
            if n > 1 and stride <= reach:
                raise ValueError(
                    f"a tensor {self.shape} with strides {self.strides} repeats numbers"
                )
            reach += (n - 1) * stride
        if self.offset + reach >= len(storage):
            raise ValueError(
                f"a tensor {self.shape} reaches beyond its storage of {len(storage)}"
            )
        return np.lib.stride_tricks.as_strided(
            storage[self.offset :],
            self.shape,
            [stride * storage.itemsize for stride in self.strides],
            writeable=False,
        )


def rebuild_tensor(
    storage: Storage, offset: int, shape: Shape, strides: Shape, *unused: Any
) -> Tensor:
    """What stands for PyTorch's function of this name; nothing is read yet.

    Raises:
        TypeError: it has no storage, too many axes, or no whole numbers.
    """
    if not isinstance(storage, Storage):
        raise TypeError(f"a tensor has {short(storage)} as its storage")
    if not (type(shape) is tuple and type(strides) is tuple):
        raise TypeError("a tensor has no shape, or no strides")
    if len(shape) > raw.MOST_AXES or len(shape) != len(strides):
        raise TypeError(f"a tensor has {len(shape)} axes, {len(strides)} strides")
    if not all(type(n) is int for n in (offset, *shape, *strides)):
        raise TypeError("the place of a tensor is given in other than whole numbers")
    return Tensor(storage, offset, shape, strides)


def rebuild_parameter(tensor: Tensor, *unused: Any) -> Tensor:
    """What stands for PyTorch's function of this name: a tensor, as it is.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"a parameter is {short(tensor)}")
    return tensor


CALLS: stackmachine.Calls = {
    **dict.fromkeys(STORAGES),
    "collections OrderedDict": stackmachine.ordered_dict,
    "torch._utils _rebuild_tensor": rebuild_tensor,
    "torch._utils _rebuild_tensor_v2": rebuild_tensor,
    "torch._utils _rebuild_parameter": rebuild_parameter,
}


def storage(said: Any) -> Storage:
    """What PyTorch says of a storage: "storage", type, key, device, count of numbers.

    Raises:
        TypeError, ValueError: it says something else.
    """
    if type(said) is not tuple or len(said) not in (5, 6):
        raise TypeError(f"a storage is described by {short(said)}")
    kind, dtype, key, _, count, *view = said
    if type(kind) is not str or kind != "storage" or any(view):
        raise ValueError(f"a storage of an unknown kind, {short(kind)}")
    if not (isinstance(dtype, Name) and type(key) is str and type(count) is int):
        raise TypeError("a storage without a type, a key or a size")
    return Storage(key, STORAGES[dtype.text], count)


def run(file: IO[bytes]) -> Any:
    """Run one pickle; the file is left behind its last byte.

    Raises:
        UserError, or one of raw.DAMAGED: as `Machine.run` does.
    """
    return Machine(file, CALLS, storage).run()


def tensors(value: Any) -> dict[str, Tensor]:
    """The tensors of a state_dict, which may lie inside a checkpoint of training.

    Raises:
        UserError: there are none.
    """
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    found = {}
    if isinstance(value, dict):
        found = {str(k): v for k, v in value.items() if isinstance(v, Tensor)}
    if not found:
        raise UserError(
            "expected a dictionary of tensors, as torch.save(model.state_dict(), FILE) "
            f"writes, found {'one without' if isinstance(value, dict) else 'none'}"
        )
    return found


def read(path: Path) -> dict[str, Array]:
    """Arrays by the names of a state_dict, as views of the file.

    Raises:
        UserError: it holds something else than weights.
        one of raw.DAMAGED: it is damaged.
    """
    with path.open("rb") as file:
        start = file.read(2)
    return read_zip(path) if start == b"PK" else read_legacy(path)


def read_zip(path: Path) -> dict[str, Array]:
    """The zip container."""
    archive = raw.Zip(path)
    (program,) = (n for n in archive.names if n.split("/")[1:] == ["data.pkl"])
    top = program.removesuffix("data.pkl")
    if f"{top}byteorder" in archive.names:
        order = archive.read(f"{top}byteorder")[:20].tobytes()
        if order != b"little":
            raise ValueError(f"its byte order is {order!r}, not little")
    code = archive.read(program)
    if len(code) > stackmachine.MOST_BYTES:
        raise ValueError(f"its pickle of {len(code)} bytes is too long")
    found = tensors(run(io.BytesIO(code.tobytes())))
    storages: dict[Storage, Array] = {}
    for storage in {tensor.storage for tensor in found.values()}:
        data = archive.read(f"{top}data/{storage.key}")
        storages[storage] = raw.shaped(data, storage.dtype, (storage.size,))
    return views(found, storages)


def read_legacy(path: Path) -> dict[str, Array]:
    """The older container."""
    data = raw.as_bytes(raw.mapped(path))
    file = io.BytesIO(data[: stackmachine.MOST_BYTES].tobytes())
    mentioned: dict[str | int, Storage] = {}

    def mention(said: Any) -> Storage:
        found = storage(said)
        mentioned[found.key] = found
        return found

    machine = Machine(file, CALLS, mention)
    if machine.run() != MAGIC:
        raise ValueError("it does not begin with PyTorch's number")
    machine.run()
    if machine.run()["little_endian"] is not True:
        raise ValueError("its byte order is not little")
    found = tensors(machine.run())
    keys, start = machine.run(), file.tell()
    if type(keys) is not list:
        raise TypeError(f"its list of storages is {short(keys)}")
    storages: dict[Storage, Array] = {}
    for key in keys:
        here = mentioned[stackmachine.key(key)]
        count = int(raw.part(data, start, 8).view("<u8")[0])
        size = count * raw.itemsize(here.dtype)
        storages[here] = raw.numbers(raw.part(data, start + 8, size), here.dtype)
        start += 8 + size
    return views(found, storages)


def views(found: dict[str, Tensor], storages: dict[Storage, Array]) -> dict[str, Array]:
    """Tensors as arrays, views of their storages.

    Raises:
        KeyError: a storage is not there.
        ValueError: a tensor does not fit into its storage, or they share too much.
    """
    arrays = {n: tensor.cut(storages[tensor.storage]) for n, tensor in found.items()}
    total = sum(array.nbytes for array in arrays.values())
    there = sum(storage.nbytes for storage in storages.values())
    if total > MOST_SHARED * there:
        raise ValueError(f"its tensors have {total} bytes, but {there} are there")
    return arrays
