"""How the page is put together: modules into one script, arrays into text.

A page that is opened from the disk may not load modules from other files. So the
modules are joined: each becomes a function that is called once and hands out what it
exports. Only two forms are understood, and they are all that is needed:

    import { a, b } from "./file.js";
    export function name ...            (or async function, class, const)
"""

from __future__ import annotations

import base64
import re
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError

HERE = Path(__file__).parent
IMPORT = re.compile(r'^import (\{[^}]*\}) from "(\.[^"]+)";\n', re.M)
EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.M)


def join(entry: str) -> str:
    """One script out of a module and all that it imports, each of them once.

    Args:
        entry: of the module, seen from this folder: "network/worker.js".

    Raises:
        ValueError: modules import each other in a circle, or in another form.
    """
    done: dict[str, str] = {}
    open_: list[str] = []

    def add(path: Path) -> None:
        name = path.relative_to(HERE).as_posix()
        if name in open_:
            raise ValueError(f"modules import each other: {' > '.join(open_)} > {name}")
        if name in done:
            return
        open_.append(name)
        text = path.read_text("utf-8")
        for _, target in IMPORT.findall(text):
            add((path.parent / target).resolve())

        def bind(found: re.Match[str]) -> str:
            target = (path.parent / found[2]).resolve().relative_to(HERE).as_posix()
            return f'const {found[1]} = modules["{target}"];\n'

        names = ", ".join(name for _, name in EXPORT.findall(text))
        body = EXPORT.sub(r"\1 \2", IMPORT.sub(bind, text))
        if re.search(r"^(import|export)\b", body, re.M):
            raise ValueError(f"{name} imports or exports in a form that is not known")
        done[open_.pop()] = (
            f'modules["{name}"] = (() => {{\n{body}return {{ {names} }};\n}})();\n'
        )

    add((HERE / entry).resolve())
    return '"use strict";\nconst modules = {};\n' + "".join(done.values())


class Packed(NamedTuple):
    """An array as text: its name and shape, in how many bits, and base64."""

    name: str
    shape: tuple[int, ...]
    bits: int
    text: str

    def said(self) -> dict[str, Any]:
        """What the page must know to unpack it."""
        return {"name": self.name, "shape": self.shape, "bits": self.bits}


def text_of(data: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(data).decode("ascii")


def eight_bits(w: Array) -> tuple[Array, Array]:
    """Whole numbers -127..127 (M, ...) in int8, and a float32 scale for each row (M,).

    >>> whole, scale = eight_bits(np.array([[0.5, -1.0], [0.0, 0.0]]))
    >>> whole.tolist(), (scale * 127).tolist()
    ([[64, -127], [0, 0]], [1.0, 127.0])
    """
    largest = np.abs(w).reshape(len(w), -1).max(1)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    whole = np.rint(w / scale.reshape(-1, *[1] * (w.ndim - 1)))
    return whole.clip(-127, 127).astype(np.int8), scale


def packed(name: str, w: Array, bits: int) -> Packed:
    """An array in 32, 16 or 8 bits a number; network/unpack.js reads it.

    Raises:
        UserError: a number is too large for 16 bits, or is none.
    """
    if bits == 8 and w.ndim > 1:
        whole, scale = eight_bits(w)
        data = scale.astype("<f4").tobytes() + whole.tobytes()
        return Packed(name, w.shape, 8, text_of(data))
    bits = 32 if bits == 32 else 16
    if bits == 16 and not np.abs(w).max(initial=0) <= np.finfo(np.float16).max:
        raise UserError(
            f"{name}: expected numbers up to 65,504, which fit into 16 bits, found "
            f"{np.abs(w).max():.3g}; this network has diverged: show another one"
        )
    data = np.ascontiguousarray(w, f"<f{bits // 8}").tobytes()
    return Packed(name, w.shape, bits, text_of(data))


def rounded(w: Array, bits: int) -> Array:
    """The numbers that the page has for an array: as they are after `packed`."""
    if bits == 8 and w.ndim > 1:
        whole, scale = eight_bits(w)
        spread = scale.reshape(-1, *[1] * (w.ndim - 1))
        return (whole.astype(np.float32) * spread).astype(w.dtype)
    return w.astype(np.float16).astype(w.dtype)


def packed_network(graph: Graph, bits: int) -> list[Packed]:
    """All parameters of a network, and the mean and std of its input."""
    arrays = [packed(name, p.data, bits) for name, p in graph.params.items()]
    given = graph.input
    std = np.atleast_1d(np.asarray(given.std))
    mean = np.asarray(given.mean)
    return [*arrays, packed("input.mean", mean, 32), packed("input.std", std, 32)]


def packed_pictures(pictures: Array) -> str:
    """Pictures as they are, bytes or float32, compressed without loss."""
    kind = "|u1" if pictures.dtype == np.uint8 else "<f4"
    return text_of(zlib.compress(np.ascontiguousarray(pictures, kind).tobytes(), 9))
