"""Whose weights are these? From other people's names of the arrays to ours.

The names and shapes say which AlexNet it is. torchvision's network is `owt`, Caffe's
are `caffe` and `caffenet`.

    ours      torchvision           Caffe
    conv1.w   features.0.weight     blob 0 of layer conv1    filters (F, C, K, K)
    conv1.b   features.0.bias       blob 1 of layer conv1    biases (F,)
    fc6.w     classifier.1.weight   blob 0 of layer fc6      matrix (M, D)
    fc6.b     classifier.1.bias     blob 1 of layer fc6      biases (M,)

The shapes are the same everywhere, and flatten runs over channels, rows, columns in all
three. Caffe's pictures are blue-green-red: the channels of its conv1 are turned round,
w[:, ::-1]. Dropout differs, too; that is for filling.py, which knows the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from npalexnet.layers.layer import Array
from npalexnet.system.errors import UserError
from npalexnet.weights import caffemodel
from npalexnet.weights.limits import parse

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
        variant = str(parse(about)["about"].get("variant", ""))
        arrays = {name: array for name, array in arrays.items() if known(name)}
    called = {OURS[name]: name for name in arrays if name in OURS}
    ours = {OURS.get(name, name): array for name, array in arrays.items()}
    return Weights(ours, "torchvision" if called else "npalexnet", variant, called)


def from_caffe(net: caffemodel.Net) -> Weights:
    """Caffe's arrays: names, blue-green-red, and which of Caffe's two networks.

    `caffe` normalises, then pools; `caffenet` pools first. A layer has weights and
    biases. Any further blob is handed on as "conv1.blob2", which no network has, so
    that `put` refuses it.

    Raises:
        UserError: neither the layers nor the name are those of AlexNet or CaffeNet.
    """
    arrays = {}
    for layer, blobs in net.blobs.items():
        # a network trained on from ImageNet calls its last layer fc8_flickr, say
        name = "fc8" if layer.startswith("fc8") else layer
        for i, array in enumerate(blobs):
            key = ("w", "b")[i] if i < 2 else f"blob{i}"
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
            f"{net.name:.40} with {', '.join(net.layers[:20]):.200}"
        )
    return Weights(arrays, "caffe", "caffe" if norm_first else "caffenet")
