"""Where pictures come from.

    load("emoji", side=64)                              embedded, always there
    load("tiny-imagenet", Path("tiny-imagenet-200.zip"), side=64)

Everything is read in one layout, that of Tiny ImageNet, from a folder or straight from
a zip, which is never unpacked (100,000 small files cost a minute to open and a second
to read as one zip):

    wnids.txt                     one class a line, in the order of the classes
    words.txt                     class, tab, its name in words
    train/CLASS/images/*          training pictures
    val/images/*                  validation pictures, all in one folder, and
    val/val_annotations.txt       file, tab, class (, tab, box)

The validation folder is flat: its labels are in the annotations, not in folder names.
Some pictures are grey: all are turned to RGB. They are kept as bytes, at their own size
or at the network's, whichever is smaller.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from npalexnet.errors import UserError

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Subset(NamedTuple):
    """A data set with a name, and how `small` trains on it unless told otherwise."""

    says: str
    epochs: int
    drops: tuple[int, ...]
    embedded: str = ""  # file in data/


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
    "tiny-imagenet": Subset(
        "100,000 photographs, 200 classes, 64 x 64 (give its zip or folder by --data)",
        30,
        (18, 26),
    ),
    "own": Subset("your own pictures, in the same layout, by --data", 30, (18, 26)),
}


class Pictures(NamedTuple):
    """Pictures and their classes.

    Attributes:
        pixels: (N, side, side, 3) uint8 RGB.
        labels: (N,) numbers of classes.
        names: (N,) file names, for messages and figures.
    """

    pixels: Pixels
    labels: Labels
    names: tuple[str, ...]


@dataclass(frozen=True)
class DataSet:
    """A training and a validation set, and the names of their classes."""

    train: Pictures
    val: Pictures
    classes: tuple[str, ...]


# ------------------------------------------------------------------ zip or folder


class Source:
    """The files of a folder or of a zip, by their name from the layout's top."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            names = (p for p in path.rglob("*") if p.is_file())
            self._names = {p.relative_to(path).as_posix() for p in names}
        elif path.exists():
            try:
                self._zip = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as error:
                raise UserError(
                    f"{path}: expected a whole zip file or a folder, found neither "
                    f"({error}); download or copy it again"
                ) from None
            self._names = {n for n in self._zip.namelist() if not n.endswith("/")}
        else:
            raise UserError(
                f"{path}: no such file or folder; --data must name the zip or the "
                "folder that holds the pictures"
            )
        self.top = self._find_top()

    def _find_top(self) -> str:
        """The folder that holds wnids.txt: here, or one down."""
        if "wnids.txt" in self._names:
            return ""
        tops = sorted(n.split("/")[0] for n in self._names if n.endswith("/wnids.txt"))
        for top in tops:
            if f"{top}/wnids.txt" in self._names:
                return top + "/"
        kind = "zip" if self._zip else "folder"
        found = (
            "nothing in it" if not self._names else f"{len(self._names)} other files"
        )
        raise UserError(
            f"{self.path}: expected a {kind} in Tiny ImageNet's layout, with wnids.txt "
            f"at its top or one folder down, found {found}; give another --data"
        )

    def names(self, folder: str) -> list[str]:
        """Names of the files below a folder, sorted."""
        start = self.top + folder
        return sorted(n[len(self.top) :] for n in self._names if n.startswith(start))

    def read(self, name: str) -> bytes:
        """The bytes of a file."""
        full = self.top + name
        if full not in self._names:
            raise UserError(
                f"{self.path}: {full} is missing; download or copy the data again"
            )
        try:
            if self._zip is not None:
                return self._zip.read(full)
            return (self.path / full).read_bytes()
        except (OSError, zipfile.BadZipFile, EOFError) as error:
            raise UserError(
                f"{self.path}: {full} cannot be read ({error}); "
                "download or copy the data again"
            ) from None

    def lines(self, name: str) -> list[list[str]]:
        """The lines of a text file, cut at tabs; empty lines are left out."""
        text = self.read(name).decode("utf-8", "replace")
        return [line.split("\t") for line in text.splitlines() if line.strip()]


# ------------------------------------------------------------------- pictures


def to_square(picture: Image.Image, side: int) -> Image.Image:
    """Paper section 2: shorter side to `side`, then the central square."""
    picture = picture.convert("RGB")
    width, height = picture.size
    if width == height == side:
        return picture
    shorter = min(width, height)
    left, top = (width - shorter) / 2, (height - shorter) / 2
    box = (left, top, left + shorter, top + shorter)
    return picture.resize((side, side), Image.Resampling.BILINEAR, box)


def resize_all(pixels: Pixels, side: int) -> Pixels:
    """Pictures (N, H, W, 3) as squares (N, side, side, 3)."""
    squares = [np.asarray(to_square(Image.fromarray(p), side)) for p in pixels]
    return np.stack(squares)


def decode(data: bytes, name: str) -> Image.Image:
    """A picture from the bytes of a file.

    Raises:
        UserError: they are no whole picture; says which file, and why.
    """
    try:
        picture = Image.open(io.BytesIO(data))
        picture.load()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        cause = "no known picture format" if "cannot identify" in str(error) else error
        raise UserError(
            f"{name}: expected a picture, found something else ({cause}); "
            "replace or remove it"
        ) from None
    return picture


def read_pictures(
    source: Source, files: Sequence[tuple[str, int]], side: int
) -> Pictures:
    """Read files, given as (name, class), at their own size or at `side` if smaller."""
    if not files:
        raise UserError(f"{source.path}: no pictures were found in it")
    first = decode(source.read(files[0][0]), files[0][0])
    side = min(side, *first.size)
    pixels = np.empty((len(files), side, side, 3), np.uint8)
    for i, (name, _) in enumerate(files):
        full = f"{source.path}: {source.top}{name}"
        pixels[i] = np.asarray(to_square(decode(source.read(name), full), side))
    labels = np.array([label for _, label in files], np.int64)
    return Pictures(pixels, labels, tuple(name for name, _ in files))


def class_names(source: Source, wnids: Sequence[str]) -> tuple[str, ...]:
    """Names in words: the first of each class in words.txt, all of them if in doubt."""
    words: dict[str, str] = {}
    if source.names("words.txt"):
        words = {line[0]: line[-1] for line in source.lines("words.txt")}
    full = [words.get(w, w).strip() for w in wnids]
    short = [name.split(",")[0].strip() for name in full]
    return tuple(
        s if short.count(s) == 1 else f for s, f in zip(short, full, strict=True)
    )


def read_tiny_imagenet(
    path: Path, side: int, classes: int | None = None, limit: int | None = None
) -> DataSet:
    """Read Tiny ImageNet's layout, from a zip or a folder.

    Args:
        path: of the zip or folder.
        side: pictures are kept as squares of this side, or smaller if they are.
        classes: only the first so many classes.
        limit: at most so many training pictures, evenly over the classes.

    Raises:
        UserError: something is not as the layout says.
    """
    source = Source(path)
    all_wnids = [line[0].strip() for line in source.lines("wnids.txt")]
    if classes is not None and not 1 <= classes <= len(all_wnids):
        raise UserError(
            f"--classes {classes}: {path} has {len(all_wnids)} classes; "
            f"choose 1 to {len(all_wnids)}"
        )
    wnids = all_wnids[:classes]
    number = {wnid: i for i, wnid in enumerate(wnids)}

    by_class: dict[str, list[str]] = {wnid: [] for wnid in all_wnids}
    for name in source.names("train/"):
        parts = name.split("/")
        if len(parts) == 4 and parts[1] in by_class and parts[2] == "images":
            by_class[parts[1]].append(name)
    train: list[tuple[str, int]] = []
    for wnid in wnids:
        names = by_class[wnid]
        if not names:
            raise UserError(
                f"{path}: class {wnid} has no training pictures in "
                f"{source.top}train/{wnid}/images; add some, or take it from wnids.txt"
            )
        most = None if limit is None else max(1, limit // len(wnids))
        train += [(name, number[wnid]) for name in names[:most]]

    val: list[tuple[str, int]] = []
    for file, wnid, *_ in source.lines("val/val_annotations.txt"):
        if wnid not in by_class:
            raise UserError(
                f"{path}: val/val_annotations.txt gives {file} the class {wnid}, "
                "which is not in wnids.txt; mend one of the two files"
            )
        if wnid in number:
            val.append((f"val/images/{file}", number[wnid]))
    return DataSet(
        read_pictures(source, train, side),
        read_pictures(source, val, side),
        class_names(source, wnids),
    )


# ---------------------------------------------------------------- by name


def embedded(file: str) -> Path:
    """A file that comes with the package: from the installed package, or a checkout."""
    here = Path(__file__).parent
    for folder in (here / "data", here.parent / "data"):
        if (folder / file).exists():
            return folder / file
    raise UserError(f"{file} did not come with this package; install npalexnet again")


def load(
    subset: str = "emoji",
    path: Path | None = None,
    side: int = 64,
    classes: int | None = None,
    limit: int | None = None,
) -> DataSet:
    """A data set by its name; see `SUBSETS`.

    Args:
        subset: the name.
        path: where its pictures lie; embedded sets need none.
        side: pictures are kept as squares of this side, or smaller if they are.
        classes: only the first so many classes.
        limit: at most so many training pictures, evenly over the classes.

    Raises:
        UserError: an unknown name, or data that are not as they should be.
    """
    if subset not in SUBSETS:
        raise UserError(f"--subset {subset}: unknown; there are: {', '.join(SUBSETS)}")
    if path is None:
        if not SUBSETS[subset].embedded:
            raise UserError(
                f"--subset {subset} needs its pictures: give their zip or folder "
                "by --data PATH"
            )
        path = embedded(SUBSETS[subset].embedded)
    return read_tiny_imagenet(path, side, classes, limit)


# -------------------------------------------------------------- statistics


class Statistics(NamedTuple):
    """What a training set looks like on average, in grey levels 0..255.

    Attributes:
        mean: mean colour (3,).
        std: one standard deviation over all pixels and channels.
        mean_picture: (side, side, 3).
        colour_std: standard deviations along `colour_axes`, largest first (3,).
        colour_axes: the directions in which colours vary most, as rows (3, 3).
    """

    mean: npt.NDArray[np.float64]
    std: float
    mean_picture: npt.NDArray[np.float64]
    colour_std: npt.NDArray[np.float64]
    colour_axes: npt.NDArray[np.float64]


def statistics(pixels: Pixels) -> Statistics:
    """Measure a training set (N, side, side, 3), in one pass of small portions."""
    count = len(pixels)
    sums = np.zeros(pixels.shape[1:])
    products = np.zeros((3, 3))
    for lo in range(0, count, 100):
        part = pixels[lo : lo + 100].astype(np.float64)
        sums += part.sum(0)
        colours = part.reshape(-1, 3)
        products += colours.T @ colours
    mean_picture = sums / count
    mean = mean_picture.mean((0, 1))
    places = count * pixels.shape[1] * pixels.shape[2]
    covariance = products / places - np.outer(mean, mean)
    std = float(np.sqrt(np.trace(products) / places / 3 - mean.mean() ** 2))
    variances, axes = np.linalg.eigh(covariance)
    order = np.argsort(variances)[::-1]
    colour_std = np.sqrt(np.maximum(variances[order], 0))
    return Statistics(mean, std, mean_picture, colour_std, axes.T[order])
