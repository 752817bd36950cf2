"""Read PyTorch's .pth and .pt without PyTorch, and without running what is in them.

A .pth file holds a pickle, and a pickle is a program: for a small stack machine whose
instruction GLOBAL fetches any function of any Python module, and REDUCE calls it. To
"load" a pickle is to run it, and a stranger's may delete your files. But the program
that rebuilds a dictionary of weights needs few instructions, and these functions:

    collections.OrderedDict()                an empty dictionary
    torch._utils._rebuild_tensor_v2(...)     a tensor: which storage, which part of it
    torch._utils._rebuild_parameter(...)     the same, marked as learned
    torch.FloatStorage                       no function: the type of some numbers

So `run` here is that stack machine with nothing else in it. A name that is not in the
list is refused before anything happens, and those in the list stand for four lines of
our own. `python -m pickletools` prints such a program.

The numbers themselves are no pickle. There are two containers:

    zip      (since PyTorch 1.6)  TOP/data.pkl, the program; TOP/data/KEY, the numbers
    legacy   five pickles one after the other: a magic number, a version, the machine's
             byte order, the program, the list of keys; then for each key, in the order
             of the list, 8 bytes with the count of numbers, and the numbers
"""

from __future__ import annotations

import io
import mmap
import pickletools
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from npalexnet.layers.layer import Array, Shape
from npalexnet.system.errors import UserError
from npalexnet.weights import raw

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


class Name(NamedTuple):
    """What GLOBAL puts on the stack here: a name in the list, and nothing behind it."""

    text: str  # "module name"


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
        """The tensor as a view of its storage.

        Raises:
            ValueError: it does not lie inside.
        """
        places = (self.offset, *self.shape, *self.strides)
        if not all(type(n) is int and n >= 0 for n in places) or (
            len(self.shape) != len(self.strides)
        ):
            raise ValueError(f"a tensor has shape {self.shape}, strides {self.strides}")
        size = prod(self.shape)
        last = self.offset + sum(
            (n - 1) * stride for n, stride in zip(self.shape, self.strides, strict=True)
        )
        if size > len(storage) or (size and last >= len(storage)):
            raise ValueError(
                f"a tensor {self.shape} reaches beyond its storage of {len(storage)}"
            )
        if size == 0:
            return np.empty(self.shape, storage.dtype)
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
        TypeError: it has no storage, or too many axes.
    """
    if not isinstance(storage, Storage) or len(shape) > raw.MOST_AXES:
        raise TypeError(f"a tensor without a storage, or with {len(shape)} axes")
    return Tensor(storage, offset, tuple(shape), tuple(strides))


def ordered_dict(pairs: Any = ()) -> dict[Any, Any]:
    """Empty, or (from Python 2) of a list of pairs.

    The list is used up: copied again and again it would fill the memory.
    """
    found = dict(pairs)
    if pairs:
        pairs.clear()
    return found


CALLS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": ordered_dict,
    "torch._utils _rebuild_tensor": rebuild_tensor,
    "torch._utils _rebuild_tensor_v2": rebuild_tensor,
    "torch._utils _rebuild_parameter": lambda tensor, *unused: tensor,
}


def run(file: IO[bytes] | mmap.mmap, storages: dict[str, Storage] | None = None) -> Any:
    """Run one pickle, on a stack machine that can only build plain values.

    Args:
        file: is left behind the pickle's last byte.
        storages: gets those that the pickle mentions, by their keys.

    Raises:
        UserError: it wants something else than plain values and tensors.
        one of raw.DAMAGED: it is no pickle, or not a whole one.
    """
    stack: list[Any] = []
    below: list[list[Any]] = []  # what lies under each MARK
    memo: dict[int, Any] = {}

    def to_mark() -> list[Any]:
        nonlocal stack
        items, stack = stack, below.pop()
        return items

    def name(text: str) -> None:
        if text not in CALLS and text not in STORAGES:
            raise UserError(
                f"it names {text.replace(' ', '.')}, which no file of weights needs; "
                "nothing of it was run; save the weights alone, by "
                "torch.save(model.state_dict(), FILE)"
            )
        stack.append(Name(text))

    value: Any
    for code, value, _ in pickletools.genops(file):  # type: ignore[arg-type]
        match code.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(code.name == "NEWTRUE")
            case (
                "BININT" | "BININT1" | "BININT2" | "LONG1" | "LONG4" | "INT" | "LONG"
                | "BINFLOAT" | "FLOAT" | "STRING" | "BINSTRING" | "SHORT_BINSTRING"
                | "BINUNICODE" | "SHORT_BINUNICODE" | "BINUNICODE8" | "UNICODE"
            ):  # fmt: skip
                stack.append(value)
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_TUPLE":
                stack.append(())
            case "MARK":
                below.append(stack)
                stack = []
            case "TUPLE":
                items = to_mark()
                stack.append(tuple(items))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(code.name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "LIST":
                items = to_mark()
                stack.append(items)
            case "DICT":
                items = to_mark()
                stack.append(dict(zip(items[::2], items[1::2], strict=True)))
            case "APPEND":
                stack[-2].append(stack.pop())
            case "APPENDS":
                items = to_mark()
                stack[-1].extend(items)
            case "SETITEM":
                item = stack.pop()
                key = stack.pop()
                stack[-1][key] = item
            case "SETITEMS":
                items = to_mark()
                stack[-1].update(zip(items[::2], items[1::2], strict=True))
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[value] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[value])
            case "GLOBAL":
                name(value)
            case "STACK_GLOBAL":
                item = stack.pop()
                name(f"{stack.pop()} {item}")
            case "REDUCE":
                arguments = stack.pop()
                stack.append(CALLS[stack.pop().text](*arguments))
            case "BUILD":  # attributes of an OrderedDict, such as PyTorch's versions
                stack.pop()
            case "BINPERSID":
                kind, dtype, key, _, count, *view = stack.pop()
                if kind != "storage" or any(view):
                    raise ValueError(f"a storage of an unknown kind, {kind!r:.80}")
                stack.append(Storage(key, STORAGES[dtype.text], count))
                if storages is not None:
                    storages[key] = stack[-1]
            case other:
                raise UserError(
                    f"its pickle has the instruction {other}, which no file of weights "
                    "needs; nothing of it was run"
                )
    raise EOFError("a pickle does not end")


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
    file = raw.mapped(path)
    return read_zip(path) if file[:2] == b"PK" else read_legacy(file)


def read_zip(path: Path) -> dict[str, Array]:
    """The zip container."""
    with raw.Zip(path) as archive:
        (program,) = (n for n in archive.names if n.split("/")[1:] == ["data.pkl"])
        top = program.removesuffix("data.pkl")
        if f"{top}byteorder" in archive.names:
            order = archive.read(f"{top}byteorder").tobytes()
            if order != b"little":
                raise ValueError(f"its byte order is {order!r:.20}, not little")
        found = tensors(run(io.BytesIO(archive.read(program).tobytes())))
        storages: dict[Storage, Array] = {}
        for storage in {tensor.storage for tensor in found.values()}:
            data = archive.read(f"{top}data/{storage.key}")
            storages[storage] = raw.shaped(data, storage.dtype, (storage.size,))
    return {
        name: tensor.cut(storages[tensor.storage]) for name, tensor in found.items()
    }


def read_legacy(file: mmap.mmap) -> dict[str, Array]:
    """The older container."""
    if run(file) != MAGIC:
        raise ValueError("it does not begin with PyTorch's number")
    run(file)
    if run(file)["little_endian"] is not True:
        raise ValueError("its byte order is not little")
    mentioned: dict[str, Storage] = {}
    found = tensors(run(file, mentioned))
    keys = run(file)
    data, start = raw.as_bytes(file), file.tell()
    storages: dict[Storage, Array] = {}
    for key in keys:
        storage = mentioned[key]
        count = int(raw.part(data, start, 8).view("<u8")[0])
        size = count * raw.itemsize(storage.dtype)
        here = raw.part(data, start + 8, size)
        storages[storage] = raw.numbers(here, storage.dtype)
        start += 8 + size
    return {
        name: tensor.cut(storages[tensor.storage]) for name, tensor in found.items()
    }
