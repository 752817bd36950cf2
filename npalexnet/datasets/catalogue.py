"""Which data sets there are, by name, and how each is read.

    load("emoji", side=64)                              embedded, always there
    load("tiny-imagenet", side=64)                      downloaded once
    load("own", Path("my-photographs"), side=64)        one folder per class

Pictures are kept as bytes, at their own size or at the network's, whichever is smaller.
How a data set may be laid out on the disk: layouts.py; how a file becomes a picture:
pictures.py; where downloads and decoded pictures are kept: download.py and cache.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from npalexnet.datasets import cache, layouts
from npalexnet.datasets.download import (
    FASHION_MNIST,
    TINY_IMAGENET,
    Remote,
    data_folder,
    fetch,
)
from npalexnet.datasets.labels import Labels
from npalexnet.datasets.layouts import Files, Listing
from npalexnet.datasets.pictures import Pixels
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError
from npalexnet.system.names import did_you_mean, printable

FEW_TO_TEST = 100  # validation pictures, below which an accuracy says little


class Subset(NamedTuple):
    """A data set with a name, and how `small` trains on it unless told otherwise."""

    says: str
    epochs: int
    drops: tuple[int, ...]
    embedded: str = ""  # file in data/
    remote: tuple[Remote, ...] = ()  # what is downloaded
    installed: str = ""  # where the operating system's package puts it
    layout: str = "tiny-imagenet"  # what --data must hold; "" for any
    classes: tuple[str, ...] = ()  # names, where the layout has none


CLOTHES = "T-shirt trouser pullover dress coat sandal shirt sneaker bag boot"

SUBSETS = {
    "emoji": Subset(
        "2,506 drawings, 10 classes, 64 x 64 (embedded)", 14, (9, 12), "emoji64.zip"
    ),
    "fashion": Subset(
        "5,000 grey photographs of clothes, 10 classes, 28 x 28 (embedded)",
        8,
        (5, 7),
        "fashion-mini.zip",
    ),
    "fashion-mnist": Subset(
        "all 60,000 of them (31 MB are downloaded, once)",
        8,
        (5, 7),
        remote=FASHION_MNIST,
        installed="/usr/share/datasets/fashion-mnist",
        layout="idx",
        classes=tuple(CLOTHES.split()),
    ),
    "tiny-imagenet": Subset(
        "100,000 photographs, 200 classes, 64 x 64 (248 MB are downloaded, once)",
        30,
        (18, 26),
        remote=TINY_IMAGENET,
    ),
    "own": Subset(
        "your own pictures, with --data: one folder per class",
        30,
        (18, 26),
        layout="",
    ),
}


class Pictures(NamedTuple):
    """Pictures and their classes.

    Attributes:
        pixels: (N, side, side, 3) uint8 RGB.
        labels: (N,) indices of their classes.
        names: (N,) file names, for messages and figures.
    """

    pixels: Pixels
    labels: Labels
    names: tuple[str, ...]


@dataclass(frozen=True)
class DataSet:
    """A training and a validation set, and the names of their classes.

    Attributes:
        bad: pictures that could not be read and were left out, each with its cause.
    """

    train: Pictures
    val: Pictures
    classes: tuple[str, ...]
    bad: list[str] = field(default_factory=list)


# ---------------------------------------------------------------- by name


def embedded(file: str) -> Path:
    """A file that comes with the package: from the installed package, or a checkout."""
    here = Path(__file__).parent.parent
    for folder in (here / "data", here.parent / "data"):
        if (folder / file).exists():
            return folder / file
    raise UserError(f"{file} did not come with this package; install npalexnet again")


def find(subset: str, path: Path | None = None) -> Path:
    """Where the pictures of a data set are; downloads them if need be.

    Raises:
        UserError: an unknown name; no path, and nothing to download.
    """
    if subset not in SUBSETS:
        raise UserError(
            f"--subset {subset}: unknown; there are: {', '.join(SUBSETS)}"
            + did_you_mean(subset, SUBSETS)
        )
    about = SUBSETS[subset]
    if path is not None:
        return path
    if about.embedded:
        return embedded(about.embedded)
    if about.installed and layouts.where_idx(Path(about.installed)):
        return Path(about.installed)
    if not about.remote:
        raise UserError(
            f"--subset {subset} needs its pictures: give their zip or folder "
            "with --data PATH"
        )
    folder = data_folder() / subset
    fetch(about.remote, folder)
    one = len(about.remote) == 1
    return folder / about.remote[0].file if one else folder


def load(
    subset: str = "emoji",
    path: Path | None = None,
    side: int = 64,
    classes: int | None = None,
    limit: int | None = None,
    *,
    train: bool = True,
    split: bool = True,
    skip_bad: bool = False,
) -> DataSet:
    """A data set by its name; see `SUBSETS`.

    Args:
        subset: the name.
        path: where its pictures are; only `own` needs one.
        side: pictures are kept as squares of this side, or smaller if they are.
        classes: only this many classes, the first ones; None for all.
        limit: at most this many training pictures, spread evenly over the classes.
        train: False reads the validation pictures alone; `train` is then empty.
        split: False holds out nothing where a folder says of no picture that it is for
            validation: all are.
        skip_bad: leave out pictures that cannot be read, rather than stop.

    Raises:
        UserError: an unknown name, or data that are not as they should be.
    """
    source = Source(find(subset, path))
    about, layout = SUBSETS[subset], layouts.recognise(source)
    if about.layout not in ("", layout):
        wanted = {
            "tiny-imagenet": "Tiny ImageNet's layout, with wnids.txt at its top or one "
            "folder down",
            "idx": "MNIST's layout, with train-images-idx3-ubyte.gz in it",
        }
        raise UserError(
            f"{source.path}: expected a {source.kind} in {wanted[about.layout]}, found "
            f"{len(source.names())} other files; for pictures of your own leave out "
            f"--subset {subset}"
        )
    if layout == "idx":
        return _from_idx(source, about.classes, classes, limit, train)
    listing: Listing = (
        layouts.folders(source, split=split)
        if layout == "folders"
        else layouts.tiny_imagenet(source)
    )
    number = _checked(source, classes, len(listing.classes))
    names = listing.classes[:number]
    for note in listing.notes if train else []:
        print(printable(f"{source.path}: {note}"))
    bad: list[str] = []

    def read(files: Files) -> Pictures:
        decoded = cache.cached_pictures(source, files, side, skip_bad)
        bad.extend(decoded.bad)
        kept = [files[i] for i in decoded.kept]
        labels = np.array([label for _, label in kept], np.int64)
        return Pictures(decoded.pixels, labels, tuple(name for name, _ in kept))

    val = read(_some(listing.val, number, None))
    _warn_of_few(source, len(val.labels))
    learn = read(_some(listing.train, number, limit)) if train else nothing(val)
    return DataSet(learn, val, names, bad)


def _warn_of_few(source: Source, count: int) -> None:
    """Say what an accuracy is worth that was measured on a few pictures."""
    if count < FEW_TO_TEST:
        chance = 100 * (0.25 / count) ** 0.5  # one standard deviation, at its largest
        print(
            printable(
                f"{source.path}: {count} validation pictures are few: by chance alone, "
                f"an accuracy measured on them is off by {chance:.0f} points or more "
                "one time in three"
            )
        )


def nothing(like: Pictures) -> Pictures:
    """An empty set of pictures of the same size."""
    return Pictures(like.pixels[:0], like.labels[:0], ())


def _checked(source: Source, classes: int | None, there: int) -> int:
    """How many classes: those asked for, or all.

    Raises:
        UserError: there are not so many.
    """
    if classes is not None and not 1 <= classes <= there:
        raise UserError(
            f"--classes {classes}: {source.path} has {there} classes; "
            f"choose 1 to {there}"
        )
    return there if classes is None else classes


def _some(files: Files, classes: int, limit: int | None) -> Files:
    """Only the first classes, at most `limit` pictures in all, equally many of each."""
    most = [len(files)] * classes
    if limit is not None:  # the first classes get one more if there is a remainder
        most = [(limit + classes - 1 - label) // classes for label in range(classes)]
    seen = [0] * classes
    some: Files = []
    for name, label in files:
        if label < classes and seen[label] < most[label]:
            seen[label] += 1
            some.append((name, label))
    return some


def _from_idx(
    source: Source,
    names: tuple[str, ...],
    classes: int | None,
    limit: int | None,
    train: bool,
) -> DataSet:
    """MNIST's layout as a data set."""
    parts = {}
    read = {part: layouts.read_idx(source, part) for part in ("val", "train")}
    there = 1 + max(int(labels.max()) for _, labels in read.values())
    if there > len(names or range(there)):
        raise UserError(
            f"{source.path}: a label is {there - 1}; expected labels of {len(names)} "
            "classes, from 0; get the files again, or leave out --subset"
        )
    number = _checked(source, classes, there)
    for part, (grey, labels) in read.items():
        all_files = [(str(i), int(label)) for i, label in enumerate(labels)]
        most = limit if part == "train" else None
        files = _some(all_files, number, most) if train or part == "val" else []
        which = np.array([int(name) for name, _ in files], np.int64)
        pixels = np.repeat(grey[which][..., None], 3, axis=3)
        shown = tuple(layouts.idx_name(part, i) for i in which)
        parts[part] = Pictures(pixels, labels[which], shown)
    names = names or tuple(str(i) for i in range(number))
    return DataSet(parts["train"], parts["val"], names[:number])
