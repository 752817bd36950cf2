"""Save and load a network: one .npz file, no pickle, written whole or not at all.

`load` opens other people's files, too: see weights/. And `save` writes .safetensors
when the file is to be called so, which PyTorch's users can read.

In the file: every parameter by its name ("conv1.w"); the mean and std of the input; and
"about", a text in JSON with the layers and their settings, so that the network can be
built again from the file alone. `save(..., velocity=sgd.velocity, step=100)` keeps
more: groups of arrays as "velocity.conv1.w", everything else inside "about".
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from npalexnet import layers, weights
from npalexnet.errors import UserError
from npalexnet.files import write_whole
from npalexnet.graph import Graph, Input
from npalexnet.layers.layer import Array, Layer, Shape
from npalexnet.weights import naming
from npalexnet.weights.raw import DAMAGED

FORMAT = 1


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
        "about": graph.about,
    }


def build(described: dict[str, Any]) -> Graph:
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
        extra: dictionaries of arrays, or anything that JSON can say.

    Raises:
        UserError: the file cannot be written.
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
    """`save`, of a network that need not be in one piece.

    Args:
        path: of the file.
        described: what `describe` says of the network.
        values: its parameters.
        given: its `Graph.input`.
        extra: as for `save`; arrays may be in pieces, too.

    Raises:
        UserError: the file cannot be written.
    """
    arrays: dict[str, Any] = dict(values)
    arrays["input.mean"], arrays["input.std"] = given.mean, given.std
    said: dict[str, Any] = {}
    for key, value in extra.items():
        if isinstance(value, dict) and all(
            isinstance(v, np.ndarray | Pieces) for v in value.values()
        ):
            arrays |= {f"{key}.{name}": array for name, array in value.items()}
        else:
            said[key] = value
    about = json.dumps({**described, "extra": said})

    def write_all(file: IO[bytes]) -> None:
        if Path(path).suffix == ".safetensors":
            naming.write_safetensors(file, arrays, about)
            return
        write_npz(file, {**arrays, "about": np.array(about)})

    write_whole(Path(path), write_all)


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
    """Read a network that `save` wrote, or torchvision, or Caffe; see weights/.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    return load_all(path)[0]


def load_all(path: str | Path) -> tuple[Graph, dict[str, Any]]:
    """Read a network and everything that was saved with it: (graph, extra)."""
    path = Path(path)
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; give a checkpoint (.npz) or a run folder"
        )
    if not naming.is_own(path):
        return weights.load(path), {}
    try:
        if naming.kind(path) == "safetensors":
            arrays = naming.read_safetensors(path)
        else:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        described = json.loads(str(arrays.pop("about")))
        extra: dict[str, Any] = described.pop("extra")
        if described["format"] != FORMAT:
            raise UserError(f"its format is {described['format']}, not {FORMAT}")
        graph = build(described)
        for name, param in graph.params.items():
            param.data = arrays.pop(name)
        mean, std = arrays.pop("input.mean"), arrays.pop("input.std")
        classes = tuple(described["classes"])
        graph.input = Input(described["side"], described["crop"], mean, std, classes)
    except DAMAGED as e:
        raise UserError(
            f"{path}: expected a checkpoint of npalexnet, found something else "
            f"({type(e).__name__}: {e}); it may be cut short: use another one"
        ) from None
    for name, array in arrays.items():
        group, _, key = name.partition(".")
        extra.setdefault(group, {})[key] = array
    return graph, extra
