"""Names for layers that were given none: each kind is counted from 1.

conv1 relu1 pool1 conv2 relu2 pool2 flat1 full1
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from npalexnet.layers.layer import Layer

KINDS = {
    "Conv2d": "conv",
    "Linear": "full",
    "LRN": "norm",
    "SameMapNorm": "mapnorm",
    "MaxPool": "pool",
    "Dropout": "drop",
    "Flatten": "flat",
}


def kind(layer: Layer) -> str:
    """What a layer is called before it is numbered; one of your own by its class."""
    name = type(layer).__name__
    return KINDS.get(name, name.lower())


def numbered(kinds: Iterable[str]) -> list[str]:
    """Names, one for each kind in the list.

    >>> numbered(["conv", "relu", "conv", "relu"])
    ['conv1', 'relu1', 'conv2', 'relu2']
    """
    seen: Counter[str] = Counter()
    names = []
    for each in kinds:
        seen[each] += 1
        names.append(f"{each}{seen[each]}")
    return names
