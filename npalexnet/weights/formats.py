"""Which format is a file of weights in? And its arrays, by our names.

    arrays = read("alexnet-owt-7be5be79.pth")      {"conv1.w": (64, 3, 11, 11), ...}

The suffix says which format it is or, if it says nothing, the first bytes. How each
format is read: caffemodel.py, torchfile.py, safetensors.py and, for .npz, raw.py. What
the names in it mean: names.py.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from npalexnet.layers.layer import Array
from npalexnet.system.errors import UserError
from npalexnet.weights import caffemodel, raw, safetensors, torchfile
from npalexnet.weights.limits import one_line
from npalexnet.weights.names import Weights, from_caffe, from_names, known

KINDS = {
    ".npz": "npz",
    ".safetensors": "safetensors",
    ".caffemodel": "caffemodel",
    ".pth": "torch",
    ".pt": "torch",
}
OWN = "npalexnet"  # among the texts of a .safetensors: what `save` says of the network


def kind(path: Path) -> str:
    """How a file is written: a value of `KINDS`, or "".

    If the suffix is unknown, the file's first bytes decide.

    Raises:
        OSError: it cannot be read.
    """
    if path.suffix in KINDS:
        return KINDS[path.suffix]
    with path.open("rb") as file:
        head = file.read(9)
    if zipfile.is_zipfile(path):
        return "torch" if is_torch(raw.Zip(path).names) else "npz"
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
            return "about.npy" in raw.Zip(path).names
    except raw.DAMAGED:
        return path.suffix not in KINDS or path.suffix == ".npz"
    return kind(path) == ""


def read(path: str | Path) -> Weights:
    """Read the weights in a file by our names, {"conv1.w": (F, C, K, K), ...}.

    They are for `put`. They are views of the file, and keep its numbers but for the
    order of conv1's colours.

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
            return from_names(*npz_arrays(path))
        raise UserError(f"expected one of {', '.join(KINDS)}, found something else")
    except UserError as error:
        raise UserError(f"{path}: {one_line(error)}") from None
    except raw.DAMAGED as error:
        why = one_line(f"{type(error).__name__}: {error!s:.200}")
        raise UserError(
            f"{path}: expected a whole file of the kind {form}, found something else "
            f"({why}); download or copy it again"
        ) from None


def npz_arrays(path: Path) -> tuple[dict[str, Array], str | None]:
    """The arrays of an .npz by its names, and the "about" of a checkpoint, or None.

    Of a checkpoint, only the arrays of AlexNet are read: it may hold much more.

    Raises:
        one of raw.DAMAGED: it is damaged.
    """
    archive = raw.Zip(path, may_unpack=True)
    members = {name.removesuffix(".npy"): name for name in archive.names}
    about = None
    if "about" in members:
        about = raw.text(raw.npy(archive.read(members["about"])))
        members = {n: member for n, member in members.items() if known(n)}
    arrays = {n: raw.npy(archive.read(member)) for n, member in members.items()}
    return arrays, about
