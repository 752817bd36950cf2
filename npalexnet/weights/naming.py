"""Whose weights are these? From other people's names to ours, and into a network.

    graph = load("alexnet-owt-7be5be79.pth")       the whole network, ready to predict
    graph = trunk("alexnet-owt-7be5be79.pth")      conv1 to pool5: features, no classes
    arrays = read("alexnet-owt-7be5be79.pth")      {"conv1.w": (64, 3, 11, 11), ...}
    put(graph, arrays, layers=["conv1", "conv2"])  some of them into a network of yours

The names and shapes say which AlexNet it is. torchvision's network is `owt`, Caffe's
are `caffe` and `caffenet`; with them come the mean (and std) of their pixels and, for
1,000 classes, ImageNet's class names.

What has to be changed
    torchvision: names only. Its filters are (F, C, K, K) and its matrices (M, D), like
    ours, and its flatten runs over channels, rows, columns, like ours.
    Caffe: the same, but its pictures are blue-green-red, so the channels of conv1's
    filters are turned round: w[:, ::-1].
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from npalexnet.alexnet import VARIANTS, Conv, Full, alexnet
from npalexnet.errors import UserError
from npalexnet.graph import Graph
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


class Found(NamedTuple):
    """What a file of weights holds.

    Attributes:
        arrays: by our names.
        called: our names to the file's, where they differ.
        maker: whose names they are: torchvision, caffe or npalexnet.
        variant: which network the file says it is, or "".
    """

    arrays: dict[str, Array]
    called: dict[str, str]
    maker: str
    variant: str


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


def find(path: Path) -> Found:
    """The weights in a file, whoever wrote it.

    Raises:
        UserError: there are none, or the file is damaged, or unsafe.
    """
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
            with raw.Zip(path) as archive:
                names = {n.removesuffix(".npy"): n for n in archive.names}
                about = None
                if "about" in names:
                    about = str(raw.npy(archive.read(names["about"])))
                    names = {n: full for n, full in names.items() if known(n)}
                arrays = {n: raw.npy(archive.read(f)) for n, f in names.items()}
            return from_names(arrays, about)
        raise UserError(f"expected one of {', '.join(KINDS)}, found something else")
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except raw.DAMAGED as error:
        raise UserError(
            f"{path}: expected a whole file of the kind {form}, found something else "
            f"({type(error).__name__}: {error!s:.200}); download or copy it again"
        ) from None


def known(name: str) -> bool:
    """Is this an array of AlexNet, by our names or torchvision's?"""
    return name in OURS or LEARNED.fullmatch(name) is not None


def from_names(arrays: Mapping[str, Array], about: str | None = None) -> Found:
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
    maker = "torchvision" if called and about is None else "npalexnet"
    return Found(ours, called, maker, variant)


def from_caffe(net: caffemodel.Net) -> Found:
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
    return Found(arrays, {}, "caffe", "caffe" if norm_first else "caffenet")


# ----------------------------------------------------- our checkpoints as .safetensors


def write_safetensors(file: IO[bytes], arrays: Mapping[str, Array], about: str) -> None:
    """Write what `npalexnet.save` saves.

    `owt` gets torchvision's names, and the mean colour of the input is written as a
    text: so PyTorch finds just the arrays that its own AlexNet has.
    """
    texts = {"format": "pt", OWN: about}
    tensors = {}
    torchvision = json.loads(about)["about"].get("variant") == "owt"
    for name, array in arrays.items():
        if name.startswith("input.") and array.size <= 3:
            texts[name] = json.dumps(array.tolist())
        else:
            tensors[THEIRS.get(name, name) if torchvision else name] = array
    safetensors.write(file, tensors, texts)


def read_safetensors(path: Path) -> dict[str, Array]:
    """Read what `write_safetensors` wrote: arrays by our names, and "about".

    Raises:
        one of raw.DAMAGED: it is damaged.
    """
    tensors, texts = safetensors.read(path)
    arrays = {OURS.get(name, name): array for name, array in tensors.items()}
    for name, text in texts.items():
        if name.startswith("input."):
            arrays[name] = np.array(json.loads(text), float)
    arrays["about"] = np.array(texts[OWN])
    return arrays


# ----------------------------------------------------------------- which network


def filters(variant: str) -> dict[str, Shape]:
    """The shapes of a variant's filters, by name."""
    shapes: dict[str, Shape] = {}
    channels = 3
    for name, d in VARIANTS[variant].layers:
        if isinstance(d, Conv):
            shapes[f"{name}.w"] = (d.filters, channels // d.groups, d.kernel, d.kernel)
            channels = d.filters
    return shapes


def variant_of(found: Found) -> str:
    """Which AlexNet these weights are of.

    Raises:
        UserError: of none, or several have these shapes.
    """
    if found.variant in VARIANTS:
        return found.variant
    if found.maker == "torchvision":
        return "owt"
    shapes = {name: array.shape for name, array in found.arrays.items()}
    fit = [v for v in VARIANTS if filters(v).items() <= shapes.items()]
    if len(fit) == 1:
        return fit[0]
    if not fit:
        some = ", ".join(f"{n} {s}" for n, s in shapes.items() if n.endswith("w"))
        raise UserError(f"the filters are of no AlexNet known here: {some:.300}")
    raise UserError(
        f"the filters fit several networks ({', '.join(fit)}); make the one that it is "
        "by graph = alexnet(NAME), then weights.put(graph, weights.read(FILE))"
    )


def build(found: Found, variant: str) -> Graph:
    """The network of these weights, with as many classes, its weights not yet in."""
    *_, before, last = [
        (name, d) for name, d in VARIANTS[variant].layers if isinstance(d, Full)
    ]
    w = found.arrays.get(f"{last[0]}.w")
    fits = w is not None and w.ndim == 2 and w.shape[1] == before[1].units and len(w)
    classes = len(w) if fits and w is not None else 1000  # if not, `put` says why
    return alexnet(variant, classes)


# ------------------------------------------------------------------ into a network


def mistakes(
    graph: Graph, arrays: Mapping[str, Array], wanted: Iterable[str]
) -> dict[str, str]:
    """What is wrong with each array that is, in words."""
    found = {}
    for name in wanted:
        expected = graph.params[name].data.shape
        if name not in arrays:
            found[name] = f"expected with shape {expected}, is missing"
            continue
        array = arrays[name]
        if array.shape != expected:
            found[name] = f"expected shape {expected}, found {array.shape}"
        elif array.dtype.kind not in "fiub":
            found[name] = f"expected numbers, found {array.dtype}"
        elif array.dtype.kind == "f" and not np.isfinite(array).all():
            found[name] = "expected numbers, found infinity or NaN among them"
    return found


def put(
    graph: Graph,
    arrays: Mapping[str, Array],
    layers: Iterable[str] | None = None,
    called: Mapping[str, str] | None = None,
) -> None:
    """Copy weights into a network: all of them or, if one does not fit, none.

    Args:
        graph: the network.
        arrays: by our names, from `read`.
        layers: the layers to fill, as ["conv1", "conv2"]; other arrays are left out.
            None: all layers, and there must be no other array.
        called: how the file calls the arrays, for messages.

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
    wrong = mistakes(graph, arrays, wanted)
    if layers is None:
        for name in arrays:
            if name not in wanted:
                wrong[name] = f"not expected, found with shape {arrays[name].shape}"
    if wrong:
        theirs = called or {}
        said = [
            f"{name} ({theirs[name]}): {what}" if name in theirs else f"{name}: {what}"
            for name, what in wrong.items()
        ]
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        raise UserError("; ".join(said[:3]) + more)
    for name in wanted:
        with np.errstate(over="ignore"):
            graph.params[name].data = arrays[name]


def read(path: str | Path) -> dict[str, Array]:
    """The weights in a file, by our names: {"conv1.w": (F, C, K, K), ...}.

    They are views of the file: `put` copies them. Caffe's are turned to red-green-blue.

    Raises:
        UserError: there are none, or the file is damaged, or unsafe.
    """
    return find(Path(path)).arrays


def load(path: str | Path) -> Graph:
    """The network in a file of weights that somebody else wrote.

    `graph.about["source"]` says what it is. `graph.input` is what these weights were
    trained with; with 1,000 classes it has ImageNet's names of them.

    Raises:
        UserError: there is none, or the file is damaged, or unsafe; an array is
            missing, too many, of another shape, or not finite.
    """
    found = find(Path(path))
    try:
        variant = variant_of(found)
        if not any(name.startswith("fc") for name in found.arrays):
            raise UserError(
                f"it holds filters of {variant} alone and cannot tell classes apart; "
                "npalexnet.weights.trunk(FILE) makes a network for their features, and "
                "npalexnet.train --weights FILE trains the rest"
            )
        graph = build(found, variant)
        put(graph, found.arrays, called=found.called)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    classes = graph.output_shapes[next(reversed(graph.layers))][0]
    if classes == 1000:
        graph.input = graph.input._replace(classes=imagenet_classes())
    graph.about["source"] = source(found, variant, path)
    return graph


def trunk(path: str | Path) -> Graph:
    """The convolutional half of the network in a file: all layers before flatten.

    Its output is the features (N, 256, 6, 6), or what the variant has. The file may
    hold the filters alone.

    Raises:
        UserError: as `load` does.
    """
    found = find(Path(path))
    try:
        variant = variant_of(found)
        whole = alexnet(variant, classes=1)
        names = list(whole.layers)
        layers = {n: whole.layers[n] for n in names[: names.index("flatten")]}
        graph = Graph(layers, whole.input_shape)
        put(graph, found.arrays, [n for n in layers if layers[n].params], found.called)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    graph.input = whole.input
    graph.about = {**whole.about, "source": source(found, variant, path)}
    return graph


def source(found: Found, variant: str, path: str | Path) -> str:
    """One line: what these weights are, and where they are from."""
    makers = {"torchvision": "torchvision's AlexNet", "caffe": "Caffe's AlexNet"}
    maker = makers.get(found.maker, "AlexNet")
    if variant == "caffenet":
        maker = "Caffe's CaffeNet"
    return f"{maker} (variant {variant}), from {Path(path).name}"


def imagenet_classes() -> tuple[str, ...]:
    """ImageNet's 1,000 classes in words, in the order of torchvision and Caffe."""
    from npalexnet.datasets import embedded

    text = embedded("imagenet-classes.txt").read_text("utf-8")
    return tuple(line.split("\t")[1] for line in text.splitlines())
