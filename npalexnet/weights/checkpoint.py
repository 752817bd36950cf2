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
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from npalexnet import layers
from npalexnet.datasets.input import Input
from npalexnet.layers.layer import Array, Layer, Shape
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole
from npalexnet.weights import filling, formats, safetensors
from npalexnet.weights.filling import kept_by_dropout
from npalexnet.weights.names import OURS, THEIRS, known
from npalexnet.weights.raw import DAMAGED

FORMAT = 1
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
            write_safetensors(file, arrays, about)
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
        if formats.kind(path) == "safetensors":
            arrays = read_safetensors(path)
        else:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        described = json.loads(str(arrays.pop("about")))
        extra: dict[str, Any] = described.pop("extra")
        if described["format"] != FORMAT:
            raise UserError(f"its format is {described['format']}, not {FORMAT}")
        graph = rebuild(described)
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


# ----------------------------------------------------------------- as .safetensors


def write_safetensors(file: IO[bytes], arrays: Mapping[str, Array], about: str) -> None:
    """Write what `save` saves, as a .safetensors.

    `owt` is written for PyTorch: torchvision's names, its dropout, and just the arrays
    that its own AlexNet has; the mean colour of the input is written as a text.

    Args:
        file: open for writing.
        arrays: by our names; the parameters, the input's, and groups of extra ones.
        about: what `describe` says, in JSON.
    """
    texts = {"format": "pt", formats.OWN: about}
    tensors = {}
    described = json.loads(about)
    torchvision = described["about"].get("variant") == "owt"
    kept = kept_by_dropout(described["layers"]) if torchvision else {}
    for name, array in arrays.items():
        if name.startswith("input.") and array.size <= 3:
            texts[name] = json.dumps(array.tolist())
            continue
        if name in kept:
            array = array * array.dtype.type(kept[name])
        tensors[THEIRS.get(name, name) if torchvision else name] = array
    safetensors.write(file, tensors, texts)


def read_safetensors(path: Path) -> dict[str, Array]:
    """Read what `write_safetensors` wrote: arrays by our names, and "about".

    Raises:
        one of raw.DAMAGED: it is damaged.
    """
    tensors, texts = safetensors.read(path)
    kept = kept_by_dropout(json.loads(texts[formats.OWN])["layers"])
    arrays = {}
    for name, tensor in tensors.items():
        ours = OURS.get(name, name)
        if name in OURS and ours in kept:
            tensor = tensor / tensor.dtype.type(kept[ours])
        arrays[ours] = tensor
    for name, text in texts.items():
        if name.startswith("input."):
            arrays[name] = np.array(json.loads(text), float)
    arrays["about"] = np.array(texts[formats.OWN])
    return arrays
