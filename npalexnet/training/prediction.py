"""What `predict` does: which network is asked, which files, what it answers, as JSON.

    network = ask(None)  # the newest run, else the network that comes with the package
    for answer in network.answers(pictures_of(["photographs", "cat.png"])):
        print(answer.picture, answer.likeliest(5))

`npalexnet predict` is this, printed.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet.datasets.pictures import Pixels, read_squares, suffixes
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole
from npalexnet.system.names import printable
from npalexnet.training.evaluation import predict_probabilities
from npalexnet.training.folder import SHIPPED, network_of
from npalexnet.weights import load

NETWORKS = (".npz", ".pth", ".pt", ".safetensors", ".caffemodel")
FIGURE = "predictions-"  # begins the name of a figure that was given none
BATCH = 64  # pictures that are in memory at a time


def split(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """RUN and what else was said: the first word is RUN if it is a run or a network.

    A run is a folder with a config.json; a network is a file that ends as one.

    Raises:
        UserError: no picture is left.
    """
    first = Path(words[0])
    is_run = os.path.exists(first / "config.json") or first.suffix.lower() in NETWORKS
    run, rest = (words[0], words[1:]) if is_run else (None, words)
    if not rest:
        raise UserError(f"{run} is a network; add the pictures that it should look at")
    return run, list(rest)


def pictures_of(words: Sequence[str]) -> list[str]:
    """The files that are meant: pictures, all below a folder, or all of a pattern.

    Args:
        words: a file, a folder, or a pattern such as `photographs/*.png`, for which
            the shell (or, in a notebook, nobody) has not looked up the files.

    Raises:
        UserError: a folder or pattern without a picture; says which.
    """
    found = []
    for word in words:
        if os.path.isdir(word):
            found += _below(word)
        elif not os.path.exists(word) and glob.has_magic(word):
            found += _pattern(word)
        else:
            found.append(word)  # if it is no picture, reading it says so
    return found


def _below(folder: str) -> list[str]:
    """The pictures in a folder and in the folders below it, by name.

    What an earlier `npalexnet predict` drew there is left out.
    """
    inside = [path.relative_to(folder) for path in Path(folder).rglob("*")]
    names = [
        path
        for path in sorted(inside)
        if path.suffix.lower() in suffixes()
        and not any(part.startswith(".") for part in path.parts)
        and not path.name.startswith(FIGURE)
        and (folder / path).is_file()
    ]
    if not names:
        raise UserError(
            f"{folder}: expected pictures in this folder, found none (and no "
            "config.json, which would make it a run); give another folder"
        )
    return [str(folder / path) for path in names]


def _pattern(word: str) -> list[str]:
    """The files that a pattern stands for, by name."""
    names = [name for name in sorted(glob.glob(word, recursive=True)) if _is_file(name)]
    if not names:
        raise UserError(
            f"{word}: expected pictures, found nothing of that name; "
            "give the file of a picture, a folder or another pattern"
        )
    return names


def _is_file(name: str) -> bool:
    return Path(name).is_file()


@dataclass(frozen=True)
class Answer:
    """What a network says about one picture.

    Attributes:
        picture: its file.
        pixels: what was made of it, (side, side, 3) uint8 RGB.
        probabilities: of each class, (classes,).
        classes: their names.
    """

    picture: str
    pixels: Pixels
    probabilities: Array
    classes: Sequence[str]

    def likeliest(self, k: int = 5) -> list[tuple[str, float]]:
        """The k likeliest classes, likeliest first: name and probability 0..1."""
        order = np.argsort(-self.probabilities, kind="stable")[:k]
        return [(self.classes[i], float(self.probabilities[i])) for i in order]

    def as_json(self, k: int = 5) -> str:
        """{"picture": ..., "top": [{"class": ..., "probability": ...}, ...]}."""
        top = [
            {"class": name, "probability": round(probability, 6)}
            for name, probability in self.likeliest(k)
        ]
        return json.dumps({"picture": self.picture, "top": top})


@dataclass(frozen=True)
class Asked:
    """A network that is asked what is in pictures.

    Attributes:
        graph: the network.
        path: its file.
        came_along: is it the one that comes with the package?
    """

    graph: Graph
    path: Path
    came_along: bool

    @property
    def name(self) -> str:
        """What it is called: its run's folder, or its file without the ending."""
        if (self.path.parent / "config.json").exists():
            return self.path.resolve().parent.name
        return self.path.stem

    @property
    def says(self) -> str:
        """What it is, for a person."""
        about: dict[str, Any] = self.graph.about
        what = about.get("source") or about.get("variant", "a network")
        known = printable(f"{self.path}: {what}, {len(self.classes)} classes")
        if not self.came_along:
            return known
        return (
            f"{known}\nno run of your own was found in runs/, so this is the small "
            f"network that comes with npalexnet; it knows {', '.join(self.classes)}"
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes; their numbers if it knows no names."""
        *_, (count,) = self.graph.output_shapes.values()
        return self.graph.input.names(count)

    def answers(self, files: Sequence[str], ten_crop: bool = False) -> Iterator[Answer]:
        """An answer for each picture, in order.

        Args:
            files: pictures, in any format that Pillow reads.
            ten_crop: look at each ten times: corners, centre, mirrored.

        Raises:
            UserError: a file is missing, or is not a picture; says which.
        """
        for lo in range(0, len(files), BATCH):
            some = files[lo : lo + BATCH]
            pixels = read_squares(some, self.graph.input.picture_side())
            rows = predict_probabilities(self.graph, pixels, ten_crop)
            for file, square, row in zip(some, pixels, rows, strict=True):
                yield Answer(file, square, row, self.classes)


def ask(run: str | None) -> Asked:
    """The network that is meant: RUN's, the newest run's, or the one that comes along.

    Args:
        run: a run's folder, a network's file, or None.

    Raises:
        UserError: there is no such run, or its file cannot be read.
    """
    path = network_of(run)
    return Asked(load(path), path, run is None and path.name == SHIPPED)


# ------------------------------------------------------------------------ the figure


def free_name(network: str) -> Path:
    """predictions-NETWORK.png, or with -2, -3, ... if that is there already."""
    path, number = Path(f"{FIGURE}{network}.png"), 1
    while path.exists():
        number += 1
        path = Path(f"{FIGURE}{network}-{number}.png")
    return path


def figure_format(out: Path, pictures: Sequence[str]) -> str:
    """The format of a figure that is to be written, "png" for example.

    Raises:
        UserError: no figure can be written in it, or `out` is one of the pictures.
    """
    from matplotlib.figure import Figure

    formats = Figure().canvas.get_supported_filetypes()
    kind = out.suffix.lower().lstrip(".")
    if kind not in formats:
        raise UserError(f"--out {out}: its name must end in .png, .pdf, .svg or .jpg")
    if out.resolve() in (Path(picture).resolve() for picture in pictures):
        raise UserError(
            f"{out} is one of the pictures, and would be overwritten; "
            "choose another name with --out"
        )
    return kind


def write_figure(out: Path, answers: Sequence[Answer], pictures: Sequence[str]) -> None:
    """Draw answers beside their pictures.

    Raises:
        UserError: as `figure_format`; or the file cannot be written.
    """
    from npalexnet import figures

    kind = figure_format(out, pictures)
    figure = figures.top5(
        np.stack([answer.pixels for answer in answers]),
        np.stack([answer.probabilities for answer in answers]),
        answers[0].classes,
        titles=[printable(Path(answer.picture).name) for answer in answers],
    )
    write_whole(out, lambda file: figure.savefig(file, format=kind, dpi=150))
