"""Read and write .safetensors: a table of contents in JSON, then the numbers.

    8 bytes     length of the table, little-endian
    table       {"conv1.w": {"dtype": "F32", "shape": [96, 3, 11, 11],
                             "data_offsets": [0, 139392]}, ...}
    numbers     one array after the other, without gaps

Offsets count from the end of the table. "__metadata__" in the table may hold texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.weights import raw
from npalexnet.weights.limits import LONGEST_JSON, parse

DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": raw.BFLOAT16,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "BOOL": "|u1",
    "U8": "|u1",
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


def read(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays by name, as views of the file, and the texts of its metadata.

    Raises:
        one of raw.DAMAGED: the file is not as its table says.
    """
    data = raw.as_bytes(raw.mapped(path))
    size = int(raw.part(data, 0, 8).view("<u8")[0])
    if size > LONGEST_JSON:
        raise ValueError(f"a table of {size} bytes is too long")
    table = parse(raw.part(data, 8, size).tobytes(), once)
    metadata = table.pop("__metadata__", {})
    data = data[8 + size :]
    arrays, end = {}, 0
    for name, entry in sorted(table.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        if not all(type(n) is int for n in (start, stop, *entry["shape"])):
            raise ValueError(f"{name} has a place or a shape that is no whole number")
        if start != end:
            raise ValueError(f"{name} begins at {start}, where {end} is expected")
        here = raw.part(data, start, stop - start)
        arrays[name] = raw.shaped(here, DTYPES[entry["dtype"]], tuple(entry["shape"]))
        end = stop
    if end != len(data):
        raise ValueError(f"{end} bytes of numbers were expected, there are {len(data)}")
    if not all(isinstance(text, str) for text in metadata.values()):
        raise ValueError("its metadata are not texts")
    return arrays, metadata


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object as a dictionary, in which no name may come twice."""
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name comes twice in its table")
    return dict(pairs)


def write(
    file: IO[bytes], arrays: Mapping[str, Array], metadata: Mapping[str, str]
) -> None:
    """Write arrays by name, and texts, into an open file.

    Raises:
        KeyError: an array has a dtype that the format does not know.
    """
    table: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    little = {
        name: a.astype(a.dtype.newbyteorder("<"), copy=False)
        for name, a in arrays.items()
    }
    for name, array in little.items():
        table[name] = {
            "dtype": NAMES[array.dtype.str],
            "shape": array.shape,
            "data_offsets": (end, end + array.nbytes),
        }
        end += array.nbytes
    text = json.dumps(table).encode()
    text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8
    file.write(len(text).to_bytes(8, "little") + text)
    for array in little.values():
        file.write(np.ascontiguousarray(array).data)
