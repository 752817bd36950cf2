"""How good is it? Mean loss, top-1 and top-5, and what each class is taken for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from npalexnet.alexnet import VARIANTS
from npalexnet.datasets import augment, catalogue
from npalexnet.datasets.catalogue import Pictures
from npalexnet.datasets.input import Input
from npalexnet.datasets.labels import Labels, as_labels
from npalexnet.datasets.pictures import Pixels, to_channels
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.net.loss import in_top_k, softmax


class Classifier(Protocol):
    """What an evaluation needs: a Graph, or one split over several processes."""

    @property
    def input(self) -> Input: ...

    def prepare(self, pictures: Pixels) -> Array: ...

    def forward(self, x: Array, train: bool = ..., keep: bool = ...) -> Array: ...


class Result(NamedTuple):
    """What an evaluation found: mean loss, fractions right, probabilities (N, C)."""

    loss: float
    top1: float
    top5: float
    probabilities: Array


def predict_probabilities(
    graph: Classifier,
    pixels: Pixels,
    ten_crop: bool = False,
    batch: int = 256,
) -> Array:
    """Class probabilities (N, classes) of pictures; each row adds up to 1.

    Args:
        graph: the network.
        pixels: (N, H, W, 3) uint8 RGB.
        ten_crop: average the probabilities of ten crops (paper 4.1), instead of
            looking at the central one.
        batch: pictures at a time; it changes the memory needed, not the answer.
    """
    parts = []
    for lo in range(0, len(pixels), batch):
        part = pixels[lo : lo + batch]
        if ten_crop:
            views = augment.ten_crops(part, graph.input)
        else:
            views = graph.prepare(part)[None]
        logits = (graph.forward(x, keep=False) for x in views)
        parts.append(np.mean([softmax(y) for y in logits], axis=0))
    return np.concatenate(parts)


def evaluate(
    graph: Classifier,
    pictures: Pictures,
    ten_crop: bool = False,
    batch: int = 256,
) -> Result:
    """Test a network.

    Args:
        graph: the network.
        pictures: what to test it on.
        ten_crop, batch: as for `predict_probabilities`.
    """
    probabilities = predict_probabilities(graph, pictures.pixels, ten_crop, batch)
    labels = pictures.labels
    right = probabilities[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):  # a probability of 0 is a loss of infinity
        loss = -np.log(right.astype(np.float64)).mean()
    top1, top5 = (in_top_k(probabilities, labels, k).mean() for k in (1, 5))
    return Result(float(loss), float(top1), float(top5), probabilities)


def confusion(result: Result, labels: Labels) -> npt.NDArray[np.int64]:
    """How often each class is taken for each: (true class, guessed class), counts."""
    counts = np.zeros(2 * (result.probabilities.shape[1],), np.int64)
    np.add.at(counts, (labels, result.probabilities.argmax(1)), 1)
    return counts


def class_table(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """For each class: how many pictures, which fraction is right, what it is taken for.

    Args:
        counts: from `confusion`.
        classes: names of the classes.
    """
    width = max(len("class"), *(len(name) for name in classes))
    lines = [f"{'class':<{width}}  pictures  top-1  most often taken for"]
    for i, (name, row) in enumerate(zip(classes, counts, strict=True)):
        count, right = row.sum(), row[i]
        wrong = np.where(np.arange(len(row)) == i, 0, row)
        taken = classes[int(wrong.argmax())] if wrong.any() else ""
        share = f"{right / count:5.2f}" if count else "     "
        lines.append(f"{name:<{width}}  {count:>8}  {share}  {taken}".rstrip())
    return "\n".join(lines)


def draw(
    folder: Path,
    graph: Graph,
    result: Result,
    pictures: Pictures,
    classes: Sequence[str],
    shown: int = 8,
) -> None:
    """Write confusion.png and top5.png into a run's folder.

    top5.png shows a fixed random sample, so that right and wrong answers appear in
    their natural proportion.

    Raises:
        UserError: the folder cannot be written to.
    """
    from npalexnet import figures

    n = len(pictures.labels)
    few = np.sort(augment.generator(0, "examples").permutation(n)[:shown])
    title = f"{n} validation pictures, top-1 {100 * result.top1:.0f} %"
    for name, figure in {
        "confusion.png": figures.confusion(
            confusion(result, pictures.labels), classes, title
        ),
        "top5.png": figures.top5(
            to_channels(graph.input.crop_centre(pictures.pixels[few]), 3),
            result.probabilities[few],
            classes,
            pictures.labels[few],
        ),
    }.items():
        figures.write(figure, folder / name)


def pictures_for(graph: Graph, data: str) -> tuple[Pictures, tuple[str, ...]]:
    """Pictures to test a network on that has no run beside it, and its class names.

    Args:
        graph: the network. If it knows no names of classes, the folders are its
            classes in their order, or by their numbers.
        data: the pictures: those for validation, or all if none are marked so.

    Raises:
        UserError: the network takes no pictures, or tells other classes apart.
    """
    side = graph.input.picture_side()
    found = catalogue.load("own", Path(data), side, train=False, split=False)
    *_, shape = graph.output_shapes.values()
    names = np.array(found.classes)
    labels: Array = names[found.val.labels]
    if not graph.input.classes:
        numbered = all(name.isdecimal() for name in found.classes)
        labels = labels.astype(np.int64) if numbered else found.val.labels
    numbers, _ = as_labels(labels, len(labels), shape[0], graph.input.classes)
    return found.val._replace(labels=numbers), graph.input.names(shape[0])


def validation_set(
    config: dict[str, Any], data: str | None = None
) -> tuple[Pictures, tuple[str, ...]]:
    """The validation pictures and class names of a run.

    Args:
        config: the run's config.json.
        data: where its pictures are now, if they have moved since.
    """
    where = data or config["data"]
    found = catalogue.load(
        config["subset"],
        Path(where) if where else None,
        VARIANTS[config["variant"]].side,
        config["classes"],
        train=False,
        skip_bad=config.get("skip_bad", False),
    )
    return found.val, found.classes
