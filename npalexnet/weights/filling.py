"""Which network do these weights belong to? And into it.

    put(graph, arrays, layers=["conv1", "conv2"])  some of them into a network of yours
    graph = backbone("alexnet-owt-7be5be79.pth")   conv1 to pool5: features, no classes

A whole network out of another software's file is made by `load_foreign`, which
`npalexnet.load` calls. With torchvision's and Caffe's weights come the mean (and std)
of the pixels that they were trained with and, for 1,000 classes, ImageNet's class
names.

Dropout differs. PyTorch's and Caffe's, of rate r, divides by 1 - r in training and does
nothing in a test; ours, the paper's (section 4.2), multiplies by 1 - r in a test. So
the matrix behind a dropout is divided by 1 - r on its way in, and multiplied on its way
out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet.alexnet import VARIANTS, outline
from npalexnet.datasets.catalogue import embedded
from npalexnet.layers import Conv2d
from npalexnet.layers.layer import Array, Shape
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.weights import formats, raw
from npalexnet.weights.limits import one_line
from npalexnet.weights.names import Weights

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


# -------------------------------------------------------- from a file, in one step


def load_foreign(path: str | Path) -> Graph:
    """The network in a file of weights that another software wrote.

    `graph.about["source"]` says what it is. `graph.input` is what these weights were
    trained with; with 1,000 classes it has ImageNet's names of them.

    Raises:
        UserError: there is none, or the file is damaged, or unsafe; an array is
            missing, too many, of another shape, or not finite.
    """
    weights = formats.read(path)
    try:
        variant = variant_of(weights)
        if not any(name.startswith("fc") for name in weights):
            raise UserError(
                f"it holds filters of {variant} alone and cannot tell classes apart; "
                "npalexnet.weights.backbone(FILE) makes a network for their features, "
                "and npalexnet.train --weights FILE trains the rest"
            )
        classes = count_classes(weights, variant)
        graph = outline(variant, classes)
        put(graph, weights)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    names = imagenet_classes() if classes == 1000 else ()
    graph.input = graph.input._replace(classes=names, measured=True)
    graph.about["source"] = source(weights, variant, path)
    return graph


def backbone(path: str | Path) -> Graph:
    """The convolutional half of the network in a file: all layers before flatten.

    Its output is the features, (N, 256, 6, 6) in all but `small`. The file may hold
    the filters alone.

    Raises:
        UserError: as `load_foreign` does.
    """
    weights = formats.read(path)
    try:
        variant = variant_of(weights)
        whole = outline(variant, classes=1)
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
    text = embedded("imagenet-classes.txt").read_text("utf-8")
    return tuple(line.split("\t")[1] for line in text.splitlines())
