"""Whose weights are these? From other people's names to ours, and into a network.

    graph = load("alexnet-owt-7be5be79.pth")       the whole network, ready to predict
    graph = trunk("alexnet-owt-7be5be79.pth")      conv1 to pool5: features, no classes
    arrays = read("alexnet-owt-7be5be79.pth")      {"conv1.w": (64, 3, 11, 11), ...}
    put(graph, arrays, layers=["conv1", "conv2"])  some of them into a network of yours

The names and shapes say which AlexNet it is. torchvision's network is `owt`, Caffe's
are `caffe` and `caffenet`; with them come the mean (and std) of their pixels and, for
1,000 classes, ImageNet's class names.

What has to be changed
    Names. Filters are (F, C, K, K) and matrices (M, D) everywhere, and flatten runs
    over channels, rows, columns: these stay.
    Caffe's pictures are blue-green-red: conv1's channels are turned round, w[:, ::-1].
    PyTorch's and Caffe's dropout of rate r divides by 1 - r in training and does
    nothing in a test; ours, the paper's, multiplies by 1 - r in a test. So the matrix
    behind a dropout is divided by 1 - r on its way in, and multiplied on its way out.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from npalexnet.alexnet import VARIANTS, outline
from npalexnet.errors import UserError
from npalexnet.graph import Graph
from npalexnet.layers import Conv2d
from npalexnet.layers.layer import Array, Shape
from npalexnet.weights import caffemodel, raw, safetensors, torchfile

TORCHVISION = {
    "conv1": "features.0",
    "conv2": "features.3",
    "conv3": "features.6",
    "conv4": "features.8",
    "conv5": "features.10",
    "fc6": "classifier.1",
    "fc7": "classifier.4",
    "fc8": "classifier.6",
}
OURS = {
    f"{theirs}.{long}": f"{ours}.{short}"
    for ours, theirs in TORCHVISION.items()
    for short, long in (("w", "weight"), ("b", "bias"))
}
THEIRS = {ours: theirs for theirs, ours in OURS.items()}
LEARNED = re.compile(r"(conv|fc)\d+\.[wb]")  # our names; a checkpoint holds more

KINDS = {
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".caffemodel": "caffemodel",
    ".pth": "torch",
    ".pt": "torch",
}


class Weights(dict[str, Array]):
    """Arrays by our names, and whose they are.

    Attributes:
        maker: torchvision, caffe or npalexnet. The first two have another dropout than
            ours; `put` sees to that.
        variant: which network the file says it is, or "".
        called: our names to the file's, where they differ.
    """

    def __init__(
        self,
        arrays: Mapping[str, Array],
        maker: str,
        variant: str = "",
        called: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(arrays)
        self.maker, self.variant = maker, variant
        self.called = dict(called or {})


OWN = "npalexnet"  # among the texts of a .safetensors: what `save` says of the network


# ------------------------------------------------------------------- from a file


def kind(path: Path) -> str:
    """How a file is written: a value of `KINDS`, or "".

    A name that says nothing is no matter, then the first bytes decide.

    Raises:
        OSError: it cannot be read.
    """
    if path.suffix in KINDS:
        return KINDS[path.suffix]
    with path.open("rb") as file:
        head = file.read(9)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return "torch" if is_torch(archive.namelist()) else "npz"
    if head[:1] == b"\x80":  # a pickle
        return "torch"
    if head[8:] == b"{":
        return "safetensors"
    return "caffemodel" if head[:1] in (b"\n", b"\x12") else ""  # its fields 1 and 2


def is_torch(names: Iterable[str]) -> bool:
    """Are these the members of a zip that PyTorch wrote?"""
    return any(name.split("/")[1:] == ["data.pkl"] for name in names)


def is_own(path: Path) -> bool:
    """Did `npalexnet.save` write this file? Also true of a damaged .npz."""
    try:
        if kind(path) == "safetensors":
            return OWN in safetensors.read(path)[1]
        if kind(path) == "npz":
            with raw.Zip(path) as archive:
                return "about.npy" in archive.names
    except raw.DAMAGED:
        return path.suffix not in KINDS or path.suffix == ".npz"
    return kind(path) == ""


def read(path: str | Path) -> Weights:
    """The weights in a file by our names, {"conv1.w": (F, C, K, K), ...}, for `put`.

    They are views of the file, and keep its numbers but for the order of conv1's
    colours.

    Raises:
        UserError: there are none, or the file is damaged, or unsafe.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give one of {', '.join(KINDS)}")
    form = "weights"
    try:
        form = kind(path) or form
        if form == "caffemodel":
            return from_caffe(caffemodel.read(path))
        if form == "torch":
            return from_names(torchfile.read(path))
        if form == "safetensors":
            arrays, texts = safetensors.read(path)
            return from_names(arrays, texts.get(OWN))
        if form == "npz":
            with raw.Zip(path, may_unpack=True) as archive:
                names = {n.removesuffix(".npy"): n for n in archive.names}
                about = None
                if "about" in names:
                    about = str(raw.npy(archive.read(names["about"])))
                    names = {n: full for n, full in names.items() if known(n)}
                arrays = {n: raw.npy(archive.read(f)) for n, f in names.items()}
            return from_names(arrays, about)
        raise UserError(f"expected one of {', '.join(KINDS)}, found something else")
    except UserError as error:
        raise UserError(f"{path}: {one_line(error)}") from None
    except raw.DAMAGED as error:
        why = one_line(f"{type(error).__name__}: {error!s:.200}")
        raise UserError(
            f"{path}: expected a whole file of the kind {form}, found something else "
            f"({why}); download or copy it again"
        ) from None


def one_line(said: object) -> str:
    """A message that may hold a stranger's words, without what would move a cursor."""
    return "".join(c if c.isprintable() else "?" for c in str(said))


def known(name: str) -> bool:
    """Is this an array of AlexNet, by our names or torchvision's?"""
    return name in OURS or LEARNED.fullmatch(name) is not None


def from_names(arrays: Mapping[str, Array], about: str | None = None) -> Weights:
    """Arrays with torchvision's names or ours.

    Args:
        arrays: by the names in the file. "module.", which PyTorch's wrappers for
            several GPUs put in, is left out.
        about: what `npalexnet.save` wrote about the network; then what else it saved
            is left out, too.

    Raises:
        UserError: not one of the names is known.
    """
    arrays = {name.replace("module.", ""): array for name, array in arrays.items()}
    if not any(known(name) for name in arrays):
        some = ", ".join(list(arrays)[:3])
        raise UserError(
            "expected the arrays of an AlexNet, features.0.weight (torchvision) or "
            f"conv1.w, found other names: {some:.200}"
        )
    variant = ""
    if about is not None:
        variant = str(json.loads(about)["about"].get("variant", ""))
        arrays = {name: array for name, array in arrays.items() if known(name)}
    called = {OURS[name]: name for name in arrays if name in OURS}
    ours = {OURS.get(name, name): array for name, array in arrays.items()}
    return Weights(ours, "torchvision" if called else "npalexnet", variant, called)


def from_caffe(net: caffemodel.Net) -> Weights:
    """Caffe's arrays: names, blue-green-red, and which of Caffe's two networks.

    `caffe` normalises, then pools; `caffenet` pools first.
    """
    arrays = {}
    for layer, blobs in net.blobs.items():
        # a network trained on from ImageNet calls its last layer fc8_flickr, say
        name = "fc8" if layer.startswith("fc8") else layer
        for key, array in zip("wbcdefgh", blobs, strict=False):
            arrays[f"{name}.{key}"] = array
    if "conv1.w" in arrays and arrays["conv1.w"].ndim == 4:
        arrays["conv1.w"] = arrays["conv1.w"][:, ::-1]
    if "norm1" in net.layers and "pool1" in net.layers:
        norm_first = net.layers.index("norm1") < net.layers.index("pool1")
    elif net.name.lower() in ("alexnet", "caffenet"):
        norm_first = net.name.lower() == "alexnet"
    else:
        raise UserError(
            "expected Caffe's AlexNet or CaffeNet, with layers norm1 and pool1, found "
            f"{net.name:.40} with {', '.join(net.layers):.200}"
        )
    return Weights(arrays, "caffe", "caffe" if norm_first else "caffenet")


# ----------------------------------------------------- our checkpoints as .safetensors


def write_safetensors(file: IO[bytes], arrays: Mapping[str, Array], about: str) -> None:
    """Write what `npalexnet.save` saves.

    `owt` is written for PyTorch: torchvision's names, its dropout, and just the arrays
    that its own AlexNet has; the mean colour of the input is written as a text.
    """
    texts = {"format": "pt", OWN: about}
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
    kept = kept_by_dropout(json.loads(texts[OWN])["layers"])
    arrays = {}
    for name, array in tensors.items():
        ours = OURS.get(name, name)
        if name in OURS and ours in kept:
            array = array / array.dtype.type(kept[ours])
        arrays[ours] = array
    for name, text in texts.items():
        if name.startswith("input."):
            arrays[name] = np.array(json.loads(text), float)
    arrays["about"] = np.array(texts[OWN])
    return arrays


# ----------------------------------------------------------------- which network


def variant_of(weights: Weights) -> str:
    """Which AlexNet these are the weights of.

    Raises:
        UserError: of none, or several have filters of these shapes.
    """
    if weights.variant in VARIANTS:
        return weights.variant
    if weights.maker == "torchvision":
        return "owt"
    shapes = {name: array.shape for name, array in weights.items()}
    fit = [v for v in VARIANTS if filters(outline(v)).items() <= shapes.items()]
    if len(fit) == 1:
        return fit[0]
    if not fit:
        some = ", ".join(f"{n} {s}" for n, s in shapes.items() if n.endswith("w"))
        raise UserError(f"the filters are of no AlexNet known here: {some:.300}")
    raise UserError(
        f"the filters fit several networks ({', '.join(fit)}); make the one that it is "
        "by graph = alexnet(NAME), then weights.put(graph, weights.read(FILE))"
    )


def filters(graph: Graph) -> dict[str, Shape]:
    """The shapes of a network's filters, by name."""
    return {
        f"{name}.w": layer.params["w"].data.shape
        for name, layer in graph.layers.items()
        if isinstance(layer, Conv2d)
    }


def blank(variant: str, classes: int) -> Graph:
    """`alexnet(variant, classes)` before its weights are drawn: that takes a second."""
    graph = outline(variant, classes)
    graph.about = {
        "variant": variant,
        "lrn": True,
        "overlap": True,
        "groups": None,
        "dropout": None,
        "activation": "relu",
    }
    return graph


def count_classes(weights: Weights, variant: str) -> int:
    """As many as the last layer has rows; 1000 if it cannot belong to this variant."""
    name, last = list(outline(variant, classes=1).params.items())[-2]
    w = weights.get(name, np.empty(0))
    fits = w.ndim == 2 and w.shape[1:] == last.data.shape[1:]
    return len(w) if fits and len(w) else 1000


# ------------------------------------------------------------------ into a network


def put(
    graph: Graph, weights: Mapping[str, Array], layers: Iterable[str] | None = None
) -> None:
    """Copy weights into a network: all of them or, if one does not fit, none.

    Args:
        graph: the network.
        weights: from `read`; or a dictionary of arrays by our names, made for our
            dropout.
        layers: the layers to fill, as ["conv1", "conv2"]; other arrays are left out.
            None: all layers, and there must be no other array.

    Raises:
        UserError: an array is missing, too many, of another shape, or not finite.
        ValueError: a layer of `layers` is not in the network, or learns nothing.
    """
    wanted = list(graph.params)
    if layers is not None:
        chosen = list(layers)
        wanted = [name for name in wanted if name.rpartition(".")[0] in chosen]
        idle = set(chosen) - {name.rpartition(".")[0] for name in wanted}
        if idle:
            raise ValueError(f"no layers with weights: {', '.join(sorted(idle))}")
    wrong = mistakes(graph, weights, wanted)
    if layers is None:
        for name in weights:
            if name not in wanted:
                wrong[name] = f"not expected, found with shape {weights[name].shape}"
    if wrong:
        called = weights.called if isinstance(weights, Weights) else {}
        said = [
            f"{name} ({called[name]}): {what}" if name in called else f"{name}: {what}"
            for name, what in wrong.items()
        ]
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        raise UserError(one_line("; ".join(said[:3]) + more))
    foreign = isinstance(weights, Weights) and weights.maker != "npalexnet"
    kept = kept_by_dropout(chain(graph)) if foreign else {}
    for name in wanted:
        with np.errstate(over="ignore"):
            graph.params[name].data = weights[name]
        raw.forget(weights[name])
        if name in kept:
            graph.params[name].data /= kept[name]


def mistakes(
    graph: Graph, weights: Mapping[str, Array], wanted: Iterable[str]
) -> dict[str, str]:
    """What is wrong with each array that is, in words."""
    found = {}
    for name in wanted:
        expected = graph.params[name].data.shape
        if name not in weights:
            found[name] = f"expected with shape {expected}, is missing"
            continue
        array = weights[name]
        if array.shape != expected:
            found[name] = f"expected shape {expected}, found {array.shape}"
        elif array.dtype.kind not in "fiu":
            found[name] = f"expected numbers, found {array.dtype}"
        elif not finite(array):
            found[name] = "expected numbers, found infinity or NaN among them"
    return found


def finite(array: Array) -> bool:
    """Is there no infinity and no NaN? Looks without making an array of answers."""
    with np.errstate(all="ignore"):
        total = array.sum(dtype=np.float64)
    raw.forget(array)
    return bool(np.isfinite(total))


def chain(graph: Graph) -> list[dict[str, Any]]:
    """The layers in the words of a checkpoint's "about"."""
    return [
        {"name": name, "layer": type(layer).__name__, "settings": layer.settings()}
        for name, layer in graph.layers.items()
    ]


def kept_by_dropout(layers: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """For each matrix behind a dropout of rate r, 1 - r."""
    kept, share = {}, 1.0
    for entry in layers:
        if entry["layer"] == "Dropout":
            share *= 1 - entry["settings"]["rate"]
        elif entry["layer"] == "Linear":
            if share != 1:
                kept[f"{entry['name']}.w"] = share
            share = 1.0
    return kept


def load(path: str | Path) -> Graph:
    """The network in a file of weights that somebody else wrote.

    `graph.about["source"]` says what it is. `graph.input` is what these weights were
    trained with; with 1,000 classes it has ImageNet's names of them.

    Raises:
        UserError: there is none, or the file is damaged, or unsafe; an array is
            missing, too many, of another shape, or not finite.
    """
    weights = read(path)
    try:
        variant = variant_of(weights)
        if not any(name.startswith("fc") for name in weights):
            raise UserError(
                f"it holds filters of {variant} alone and cannot tell classes apart; "
                "npalexnet.weights.trunk(FILE) makes a network for their features, and "
                "npalexnet.train --weights FILE trains the rest"
            )
        classes = count_classes(weights, variant)
        graph = blank(variant, classes)
        put(graph, weights)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if classes == 1000:
        graph.input = graph.input._replace(classes=imagenet_classes())
    graph.about["source"] = source(weights, variant, path)
    return graph


def trunk(path: str | Path) -> Graph:
    """The convolutional half of the network in a file: all layers before flatten.

    Its output is the features, (N, 256, 6, 6) in all but `small`. The file may hold
    the filters alone.

    Raises:
        UserError: as `load` does.
    """
    weights = read(path)
    try:
        variant = variant_of(weights)
        whole = blank(variant, classes=1)
        names = list(whole.layers)
        layers = {n: whole.layers[n] for n in names[: names.index("flatten")]}
        graph = Graph(layers, whole.input_shape)
        put(graph, weights, [n for n in layers if layers[n].params])
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    graph.input = whole.input
    graph.about = {**whole.about, "source": source(weights, variant, path)}
    return graph


def source(weights: Weights, variant: str, path: str | Path) -> str:
    """One line: what these weights are, and where they are from."""
    whose = {"torchvision": "torchvision's ", "caffe": "Caffe's "}
    name = "CaffeNet" if variant == "caffenet" else "AlexNet"
    return (
        f"{whose.get(weights.maker, '')}{name} (variant {variant}), "
        f"from {Path(path).name}"
    )


def imagenet_classes() -> tuple[str, ...]:
    """ImageNet's 1,000 classes in words, in the order of torchvision and Caffe."""
    from npalexnet.datasets import embedded

    text = embedded("imagenet-classes.txt").read_text("utf-8")
    return tuple(line.split("\t")[1] for line in text.splitlines())
