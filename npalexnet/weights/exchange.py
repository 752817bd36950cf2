"""A checkpoint of ours as .safetensors, which other software can read, too.

tensors     what `save` saves, by our names; `owt`, whose layers and sizes are those
            of torchvision's AlexNet, by torchvision's names and for its dropout
metadata    "npalexnet", what `describe` says of the network; "input.mean" and
            "input.std", unless they are pictures
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.weights import formats, safetensors
from npalexnet.weights.filling import kept_by_dropout
from npalexnet.weights.limits import parse
from npalexnet.weights.names import OURS, THEIRS


def write(file: IO[bytes], arrays: Mapping[str, Array], about: str) -> None:
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
    described = parse(about)
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


def read(path: Path) -> dict[str, Array]:
    """Read what `write` wrote: arrays by our names, and "about".

    Raises:
        one of raw.DAMAGED: it is damaged.
    """
    tensors, texts = safetensors.read(path)
    kept = kept_by_dropout(parse(texts[formats.OWN])["layers"])
    arrays = {}
    for name, tensor in tensors.items():
        ours = OURS.get(name, name)
        if name in OURS and ours in kept:
            with np.errstate(all="ignore"):
                tensor = tensor / tensor.dtype.type(kept[ours])
        arrays[ours] = tensor
    for name, text in texts.items():
        if name.startswith("input."):
            arrays[name] = np.array(parse(text), float)
    arrays["about"] = np.array(texts[formats.OWN])
    return arrays
