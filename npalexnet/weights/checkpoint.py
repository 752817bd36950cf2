"""Save and load a network: one .npz file, no pickle, written whole or not at all.

`load` opens other people's files, too: see filling.py. And `save` writes .safetensors
when the file is to be called so, which PyTorch's users can read.

In the file: every parameter by its name ("conv1.w"); the mean and std of the input; and
"about", a text in JSON with the layers and their settings, so that the network can be
built again from the file alone. `save(..., velocity=sgd.velocity, step=100)` keeps
more: groups of arrays as "velocity.conv1.w", everything else inside "about".
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from npalexnet import layers
from npalexnet.datasets.input import Input
from npalexnet.layers.layer import Array, Layer, Shape
from npalexnet.layers.tiles import ALGORITHMS
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole
from npalexnet.weights import exchange, filling, formats, raw
from npalexnet.weights.limits import one_line, parse, short
from npalexnet.weights.names import known

FORMAT = 1
DTYPES = ("float16", "float32", "float64")
RESERVED = ("about", "input")  # names in the file that are not a layer's


def describe(graph: Graph) -> dict[str, Any]:
    """Everything but the numbers: layers, settings, multipliers, input, variant."""
    return {
        "format": FORMAT,
        "layers": [
            {
                "name": name,
                "layer": type(layer).__name__,
                "settings": layer.settings(),
                "multipliers": {k: (p.lr, p.decay) for k, p in layer.params.items()},
            }
            for name, layer in graph.layers.items()
        ],
        "input_shape": graph.input_shape,
        "dtype": graph.dtype.name,
        "side": graph.input.side,
        "crop": graph.input.crop,
        "classes": graph.input.classes,
        "scale": graph.input.scale,
        "about": graph.about,
    }


def rebuild(described: dict[str, Any]) -> Graph:
    """The graph of `describe`, with all weights zero."""
    chain: dict[str, Layer] = {}
    for entry in described["layers"]:
        kind = getattr(layers, entry["layer"], None)
        if not (isinstance(kind, type) and issubclass(kind, Layer)):
            raise UserError(f"it holds a layer of a kind not known: {entry['layer']}")
        settings = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in entry["settings"].items()
        }
        if entry["multipliers"]:
            settings["std"] = 0
        layer = kind(**settings)
        for key, (lr, decay) in entry["multipliers"].items():
            layer.params[key].lr, layer.params[key].decay = lr, decay
        chain[entry["name"]] = layer
    graph = Graph(chain, tuple(described["input_shape"]), described["dtype"])
    graph.about = described["about"]
    return graph


def save(path: str | Path, graph: Graph, **extra: Any) -> None:
    """Write a network, and whatever else is given, into one .npz file.

    Args:
        path: of the file; it is replaced in one moment, or not at all. Called
            *.safetensors, it is written in that format, `owt` with torchvision's names.
        graph: the network.
        extra: dictionaries of arrays, or anything that JSON can say. Not by the names
            "about" and "input", nor by that of a layer with parameters: these belong
            to the network.

    Raises:
        UserError: the file cannot be written.
        ValueError: a name in `extra` is one of the network's own.
    """
    values = {name: p.data for name, p in graph.params.items()}
    write(path, describe(graph), values, graph.input, extra)


class Pieces(NamedTuple):
    """An array that arrives a few rows at a time, when it is written."""

    shape: Shape
    dtype: np.dtype[Any]
    rows: Iterator[Array]


def write(
    path: str | Path,
    described: dict[str, Any],
    values: Mapping[str, Array | Pieces],
    given: Input,
    extra: Mapping[str, Any],
) -> None:
    """Write a network that is given as its parts; `save` does so with a graph's.

    Training on several ranks calls it, where no rank holds the whole network: an array
    may be given as `Pieces`, whose rows are fetched one after the other while the file
    is written. Only an .npz can be written so.

    Args:
        path: of the file.
        described: what `describe` says of the network.
        values: its parameters, by name.
        given: its `Graph.input`.
        extra: as for `save`; its arrays may be in pieces, too.

    Raises:
        UserError: the file cannot be written.
        ValueError: a name in `extra` is one of the network's own.
    """
    refuse_own_names(extra, values)
    arrays: dict[str, Any] = dict(values)
    arrays["input.mean"], arrays["input.std"] = given.mean, given.std
    said: dict[str, Any] = {}
    for key, value in extra.items():
        # an empty dictionary has no array to be found by: it is said in JSON
        if value and is_arrays(value):
            arrays |= {f"{key}.{name}": array for name, array in value.items()}
        else:
            said[key] = value
    about = json.dumps({**described, "extra": said})

    def write_all(file: IO[bytes]) -> None:
        if Path(path).suffix == ".safetensors":
            exchange.write(file, arrays, about)
            return
        write_npz(file, {**arrays, "about": np.array(about)})

    write_whole(Path(path), write_all)


def is_arrays(value: object) -> bool:
    """Is this a dictionary that holds arrays alone?"""
    return isinstance(value, dict) and all(
        isinstance(v, np.ndarray | Pieces) for v in value.values()
    )


def refuse_own_names(extra: Mapping[str, Any], values: Iterable[str]) -> None:
    """Hold what is saved beside a network apart from the network.

    Args:
        extra: as for `save`.
        values: the names of the network's parameters, "conv1.w".

    Raises:
        ValueError: something in `extra` would be written, or read again, as a part of
            the network.
    """
    for key, value in extra.items():
        start = f"{key}."
        arrays = value if is_arrays(value) else {}
        if (
            key in RESERVED
            or any(name.startswith(start) for name in values)
            or any(known(start + name) for name in arrays)
        ):
            raise ValueError(
                f"save(..., {key}=...): expected another name; by this one the file "
                "holds a part of the network itself"
            )


def write_npz(file: IO[bytes], arrays: Mapping[str, Array | Pieces]) -> None:
    """`np.savez`, of arrays that may be in pieces."""
    with zipfile.ZipFile(file, "w") as out:
        for name, array in arrays.items():
            with out.open(f"{name}.npy", "w", force_zip64=True) as member:
                if isinstance(array, np.ndarray):
                    npy.write_array(member, array, allow_pickle=False)
                    continue
                descr = npy.dtype_to_descr(array.dtype)
                header = {"descr": descr, "fortran_order": False, "shape": array.shape}
                npy.write_array_header_1_0(member, header)
                for rows in array.rows:
                    member.write(np.ascontiguousarray(rows).data)


def load(path: str | Path) -> Graph:
    """Read a network that `save` wrote, or torchvision, or Caffe.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    return load_all(path)[0]


def load_all(path: str | Path) -> tuple[Graph, dict[str, Any]]:
    """Read a network and everything that was saved with it: (graph, extra).

    `extra` is empty if another software wrote the file.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; give a checkpoint (.npz) or a run folder"
        )
    if not formats.is_own(path):
        return filling.load_foreign(path), {}
    try:
        return load_own(path)
    except raw.DAMAGED as e:
        why = one_line(f"{type(e).__name__}: {e!s:.200}")
        raise UserError(
            f"{path}: expected a checkpoint of npalexnet, found something else "
            f"({why}); it may be cut short: use another one"
        ) from None


def load_own(path: Path) -> tuple[Graph, dict[str, Any]]:
    """`load_all`, of a file that `save` wrote.

    Raises:
        UserError: it is of another format.
        one of raw.DAMAGED: it is damaged, or something else.
    """
    own = exchange.read if formats.kind(path) == "safetensors" else raw.npz
    arrays = own(path)
    described = parse(raw.text(arrays.pop("about")))
    extra: dict[str, Any] = described.pop("extra")
    if described["format"] != FORMAT:
        raise UserError(f"its format is {short(described['format'])}, not {FORMAT}")
    check(described, extra, arrays)
    graph = rebuild(described)
    for name, param in graph.params.items():
        array = arrays.pop(name)
        param.data = array
        raw.forget(array)
    mean, std = own_copy(arrays.pop("input.mean")), own_copy(arrays.pop("input.std"))
    classes = tuple(described["classes"])
    graph.input = Input(
        described["side"],
        described["crop"],
        mean,
        std,
        classes,
        described.get("scale", 1.0),  # older files have none: bytes, one unit each
        measured=True,
    )
    for name, array in arrays.items():
        group, _, key = name.partition(".")
        extra.setdefault(group, {})[key] = own_copy(array)
    return graph, extra


def own_copy(array: Array) -> Array:
    """An array that needs the file no longer, which may be replaced by a new one."""
    if array.flags.writeable:
        return array
    copy = array.copy("K")
    raw.forget(array)
    return copy


def check(
    described: Mapping[str, Any], extra: object, arrays: Mapping[str, Array]
) -> None:
    """Hold what a file says of a network to the arrays in it, before it is built.

    Args:
        described: as from `describe`, but it may be anybody's.
        extra: what else was saved.
        arrays: all that are in the file.

    Raises:
        ValueError, or another of raw.DAMAGED: they do not agree.
    """
    for entry in described["layers"]:
        shapes = learned(entry)
        multipliers = entry["multipliers"]
        settings = dict(entry["settings"])
        word = settings.pop("algorithm", "auto")
        plain = [*settings.values(), *multipliers.values()]
        parts = [n for v in plain for n in (v if isinstance(v, list) else [v])]
        right = all(map(is_number, parts)) and word in ALGORITHMS
        if multipliers.keys() != shapes.keys() or not right:
            raise ValueError("a layer with settings that no layer has")
        for key, shape in shapes.items():
            array = arrays[f"{entry['name']}.{key}"]
            if array.shape != shape or array.dtype.kind not in "fiu":
                raise ValueError(f"{key} of a layer is {array.dtype}{array.shape}")
    sizes = [described["side"], described["crop"], *described["input_shape"]]
    texts = [entry["name"] for entry in described["layers"]] + described["classes"]
    said_right = (
        described["dtype"] in DTYPES
        and all(type(n) is int for n in sizes)
        and len(sizes) <= 2 + raw.MOST_AXES
        and all(type(text) is str for text in texts)
        and is_scale(described.get("scale", 1.0))
        and isinstance(described["about"], dict)
        and isinstance(extra, dict)
        and all(arrays[f"input.{n}"].dtype.kind in "fiu" for n in ("mean", "std"))
    )
    if not said_right:
        raise ValueError("what it says of its network makes no sense")


def learned(entry: Mapping[str, Any]) -> dict[str, Shape]:
    """The shapes of a layer's parameters, out of its settings alone."""
    given = entry["settings"]
    if entry["layer"] == "Linear":
        units = given["units"]
        return {"w": (units, given["inputs"]), "b": (units,)}
    if entry["layer"] == "Conv2d":
        count, kernel = given["filters"], given["kernel"]
        seen = given["in_channels"] // given.get("groups", 1)
        return {"w": (count, seen, kernel, kernel), "b": (count,)}
    return {}


def is_scale(value: object) -> bool:
    """Is this what `Input.scale` may be: a positive finite number, or None?"""
    return value is None or (isinstance(value, int | float) and 0 < value < inf)


def is_number(value: object) -> bool:
    """Is this a number, and nothing that % or * could make something large of?"""
    return isinstance(value, int | float)
