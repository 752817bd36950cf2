"""Which file shows what: the layouts in which people keep labelled pictures.

Tiny ImageNet's, in a zip or a folder, at the top or one folder down:

    wnids.txt                     one class per line, in the order of the classes
    words.txt                     class, tab, its name in words
    train/CLASS/images/*          training pictures
    val/images/*                  validation pictures, all in one folder, and
    val/val_annotations.txt       file, tab, class (, tab, box)

The validation folder is flat: its labels are in the annotations, not in folder names.
Whoever takes it for one folder per class never gets beyond chance.

One folder per class, for pictures of your own, in a zip or a folder:

    cat/*  dog/*                  to be split here, or
    train/cat/*  train/dog/*      and val/cat/*  val/dog/*

MNIST's, in a folder: four files, `train-images-idx3-ubyte.gz` and so on.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.pictures import suffixes
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError
from npalexnet.system.names import printable

Files = list[tuple[str, int]]  # name, index of its class

IDX = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "val": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
# Grey levels that a file of MNIST's layout may unfold to, whatever its size: a real one
# unfolds to five times its bytes.
FEW_BYTES, TIMES_LARGER = 50_000_000, 100
LONGEST_NAME = 200  # of a class, in characters
# One picture in five is held out for validation, if the layout does not say which.
KEPT_BACK = 0.2


@dataclass(frozen=True)
class Listing:
    """The pictures of a data set: which file, which class, and what it is used for.

    Attributes:
        train: pictures to learn from.
        val: pictures to be tested on.
        classes: names, in the order of their indices.
        notes: what a user should be told about how they were found.
    """

    train: Files
    val: Files
    classes: tuple[str, ...]
    notes: list[str] = field(default_factory=list)


def recognise(source: Source) -> str:
    """Which layout: "tiny-imagenet", "idx" or "folders"; steps down to where it is."""
    names = source.names()
    tops = ["", *sorted({n.split("/")[0] + "/" for n in names if "/" in n})]
    for top in tops:
        if source.has(top + "wnids.txt"):
            source.below(top)
            return "tiny-imagenet"
    for top in tops:
        if source.has(top + IDX["train"][0]):
            source.below(top)
            return "idx"
    return "folders"


def tiny_imagenet(source: Source) -> Listing:
    """Tiny ImageNet's layout.

    Raises:
        UserError: a class without pictures, an annotation of an unknown class.
    """
    path = source.path
    wnids = [line[0].strip() for line in source.lines("wnids.txt")]
    number = {wnid: i for i, wnid in enumerate(wnids)}
    if len(number) < 2 or len(number) < len(wnids):
        raise UserError(
            f"{source.where('wnids.txt')}: expected two classes or more, each once, "
            f"found {len(number)} in {len(wnids)} lines; mend it"
        )
    train: Files = []
    found = set()
    for name in source.names("train/"):
        parts = name.split("/")
        if len(parts) == 4 and parts[1] in number and parts[2] == "images":
            found.add(parts[1])
            train.append((name, number[parts[1]]))
    for wnid in wnids:
        if wnid not in found:
            raise UserError(
                f"{path}: class {wnid} has no training pictures in "
                f"{source.top}train/{wnid}/images; add some, or remove it from "
                "wnids.txt"
            )
    val: Files = []
    for line in source.lines("val/val_annotations.txt"):
        file, wnid = line[0], line[1] if len(line) > 1 else ""
        if wnid not in number:
            raise UserError(
                f"{path}: val/val_annotations.txt gives {file} the class {wnid!r}, "
                "which is not in wnids.txt; mend one of the two files"
            )
        val.append((f"val/images/{file}", number[wnid]))
    train.sort(key=lambda file: file[1])  # stable: names stay in order
    return Listing(train, val, class_names(source, wnids))


def class_names(source: Source, wnids: Sequence[str]) -> tuple[str, ...]:
    """Names in words: the first of each class in words.txt, all if it is not unique."""
    words: dict[str, str] = {}
    if source.has("words.txt"):
        words = {line[0]: line[-1] for line in source.lines("words.txt")}
    full = [words.get(w, w).strip() for w in wnids]
    short = [name.split(",")[0].strip() for name in full]
    counts = Counter(short)
    return shown(s if counts[s] == 1 else f for s, f in zip(short, full, strict=True))


def shown(classes: Iterable[str]) -> tuple[str, ...]:
    """Names of classes as they can be printed, drawn and kept; not too long."""
    return tuple(printable(name, LONGEST_NAME) for name in classes)


def folders(source: Source, seed: int = 0, split: bool = True) -> Listing:
    """One folder per class, split here when there is no val/.

    The split holds out the same pictures every time, whatever the seed of a run: so
    runs can be compared, and a resumed run is tested on what it has not learned from.

    Args:
        source: the folder or zip.
        seed: of the split.
        split: False holds out nothing where there is no val/: all are for testing.

    Raises:
        UserError: no class folders, an empty one, one with too few pictures to split.
    """
    pictures = [n for n in source.names() if n.lower().endswith(suffixes())]
    if not pictures:
        what = "nothing in it" if not source.names() else "no pictures"
        raise UserError(
            f"{source.path}: expected a {source.kind} with one folder of pictures for "
            f"each class, or Tiny ImageNet's layout (wnids.txt at its top or one "
            f"folder down), found {what}; give another --data"
        )
    _enter(source, pictures)
    pictures = [n for n in source.names() if n.lower().endswith(suffixes())]
    others = len(source.names()) - len(pictures)
    notes = [f"{others} files that are not pictures were left out"] if others else []
    tops = source.folders()
    val_top = next((t for t in ("val", "valid", "validation") if t in tops), None)
    by_class = _by_class(source, pictures, "train/" if "train" in tops else "")
    classes = tuple(sorted(by_class))
    number = {name: i for i, name in enumerate(classes)}
    train = [(file, number[c]) for c in classes for file in by_class[c]]
    if "train" not in tops or val_top is None:
        if not split:
            return Listing([], train, shown(classes), notes)
        train, val = _split(source, by_class, classes, seed)
        notes.append(_says_split(train, val))
        return Listing(train, val, shown(classes), notes)
    val = []
    for c, files in sorted(_by_class(source, pictures, f"{val_top}/").items()):
        if c not in number:
            raise UserError(
                f"{source.path}: {val_top}/{c} has no counterpart train/{c}; add it, "
                "or remove this one"
            )
        val += [(file, number[c]) for file in files]
    return Listing(train, val, shown(classes), notes)


def _enter(source: Source, pictures: Sequence[str]) -> None:
    """Step down as long as everything is in one folder that cannot be a class."""
    while True:
        parts = [name[len(source.top) :].split("/") for name in pictures]
        first = {p[0] for p in parts}
        if len(first) > 1 or max(map(len, parts)) < 3 or first == {"train"}:
            return
        source.below(source.top + first.pop() + "/")


def _by_class(
    source: Source, pictures: Sequence[str], below: str
) -> dict[str, list[str]]:
    """The pictures of each class folder in `below`."""
    by_class: dict[str, list[str]] = {name: [] for name in source.folders(below)}
    loose = []
    for name in pictures:
        if name.startswith(below):
            folder, _, rest = name[len(below) :].partition("/")
            if rest:
                by_class[folder].append(name)
            else:
                loose.append(name)
    where = source.where(below)
    if loose:
        raise UserError(
            f"{where}: expected one folder for each class, found pictures that lie "
            f"beside them ({loose[0]}); move them into the folder of their class"
        )
    for name, files in by_class.items():
        if not files:
            raise UserError(
                f"{source.where(below + name)}: this class has no pictures; add some, "
                "or remove the folder"
            )
    if len(by_class) < 2:
        raise UserError(
            f"{where}: expected a folder for each of two classes or more, found "
            f"{len(by_class)}; a network can only learn to tell things apart"
        )
    return by_class


def _split(
    source: Source, by_class: dict[str, list[str]], classes: Sequence[str], seed: int
) -> tuple[Files, Files]:
    """Hold out one in five pictures of each class, at least one."""
    train: Files = []
    val: Files = []
    for number, name in enumerate(classes):
        files = by_class[name]
        if len(files) < 2:
            raise UserError(
                f"{source.path}: class {name} has one picture, and needs at least two: "
                "one to learn from and one to be tested on; add more, or remove it"
            )
        rng = np.random.default_rng([seed, zlib.crc32(_bytes(name))])
        kept = set(rng.permutation(len(files))[: max(1, int(KEPT_BACK * len(files)))])
        train += [(f, number) for i, f in enumerate(files) if i not in kept]
        val += [(f, number) for i, f in enumerate(files) if i in kept]
    return train, val


def _bytes(name: str) -> bytes:
    """A name's bytes, of whatever alphabet."""
    return name.encode("utf-8", "surrogatepass")


def _says_split(train: Files, val: Files) -> str:
    return (
        f"there is no val/ folder: {len(val):,} of {len(train) + len(val):,} pictures, "
        "drawn from each class, are held out for validation"
    )


def read_idx(
    source: Source, part: str
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """MNIST's layout: grey pictures (N, H, W) and labels (N,).

    Args:
        source: the folder.
        part: "train" or "val".

    Raises:
        UserError: a file is missing or not of this kind.
    """
    arrays = []
    for name, dims in zip(IDX[part], (3, 1), strict=True):
        where = source.where(name)
        packed = source.read(name)
        most = FEW_BYTES + TIMES_LARGER * len(packed)
        start = 4 + 4 * dims
        try:
            with gzip.open(io.BytesIO(packed)) as file:
                head = file.read(start)
                shape = tuple(int(n) for n in np.frombuffer(head[4:], ">u4"))
                data = file.read(min(prod(shape), most) + 1)
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise UserError(
                f"{where}: expected a gzip file ({error}); get it again"
            ) from None
        whole = len(shape) == dims and 0 < len(data) == prod(shape)
        if head[:4] != bytes((0, 0, 8, dims)) or not whole:
            raise UserError(
                f"{where}: expected bytes in {dims} dimensions in the IDX format, "
                "found something else; get it again"
            )
        arrays.append(np.frombuffer(data, np.uint8).reshape(shape))
    if len(arrays[0]) != len(arrays[1]):
        raise UserError(
            f"{source.path}: {len(arrays[0])} {part} pictures and {len(arrays[1])} "
            "labels; get the files again"
        )
    return arrays[0], arrays[1].astype(np.int64)


def idx_name(part: str, number: int) -> str:
    """The name of a picture that has no file of its own."""
    return f"{part}/{number:05d}"


def where_idx(path: Path) -> bool:
    """Does this folder hold MNIST's four files?"""
    return all((path / name).exists() for pair in IDX.values() for name in pair)
