"""How good is it? Top-1 and top-5 on pictures that were not trained on.

python -m npalexnet.evaluate                     the newest run
python -m npalexnet.evaluate runs/emoji-small --ten-crop

Beside the numbers it leaves two pictures in the run's folder: confusion.png, what each
class is taken for, and top5.png, some answers in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet import augment, checkpoint, cli, datasets, runs
from npalexnet.alexnet import VARIANTS
from npalexnet.datasets import Labels, Pictures
from npalexnet.errors import UserError
from npalexnet.graph import Graph
from npalexnet.layers.layer import Array
from npalexnet.loss import in_top, softmax
from npalexnet.parallel import ParallelGraph
from npalexnet.pictures import Pixels


class Result(NamedTuple):
    """What an evaluation found: mean loss, fractions right, probabilities (N, C)."""

    loss: float
    top1: float
    top5: float
    probabilities: Array


def answers(
    graph: Graph | ParallelGraph,
    pixels: Pixels,
    ten_crop: bool = False,
    batch: int = 256,
) -> Array:
    """What a network says to pictures: probabilities (N, classes), each row adds to 1.

    Args:
        graph: the network.
        pixels: (N, H, W, 3) uint8 RGB.
        ten_crop: average the probabilities of ten crops (paper 4.1), not just the
        centre.
        batch: pictures at a time; changes the memory needed, not the answer.
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
    graph: Graph | ParallelGraph,
    pictures: Pictures,
    ten_crop: bool = False,
    batch: int = 256,
) -> Result:
    """Test a network.

    Args:
        graph: the network.
        pictures: what to test it on.
        ten_crop, batch: as for `answers`.
    """
    probabilities = answers(graph, pictures.pixels, ten_crop, batch)
    labels = pictures.labels
    right = probabilities[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):  # a probability of 0 is a loss of infinity
        loss = -np.log(right.astype(np.float64)).mean()
    top1, top5 = (in_top(probabilities, labels, k).mean() for k in (1, 5))
    return Result(float(loss), float(top1), float(top5), probabilities)


def confusion(result: Result, labels: Labels) -> npt.NDArray[np.int64]:
    """How often each class is taken for each: (true class, guessed class), counts."""
    counts = np.zeros(2 * (result.probabilities.shape[1],), np.int64)
    np.add.at(counts, (labels, result.probabilities.argmax(1)), 1)
    return counts


def class_table(counts: npt.NDArray[np.int64], classes: Sequence[str]) -> str:
    """For each class: how many pictures, how many right, what they are taken for.

    Args:
        counts: of `confusion`.
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

    The pictures of top5.png are drawn by lot, always the same ones, so that right and
    wrong answers are in it as they fall.

    Raises:
        UserError: the folder cannot be written to.
    """
    from npalexnet import figures, inside

    n = len(pictures.labels)
    few = np.sort(augment.generator(0, "examples").permutation(n)[:shown])
    title = f"{n} validation pictures, top-1 {100 * result.top1:.0f} %"
    for name, figure in {
        "confusion.png": figures.confusion(
            confusion(result, pictures.labels), classes, title
        ),
        "top5.png": figures.top5(
            inside.seen(graph, pictures.pixels[few]),
            result.probabilities[few],
            classes,
            pictures.labels[few],
        ),
    }.items():
        figures.write(figure, folder / name)


def validation_set(
    config: dict[str, Any], data: str | None = None
) -> tuple[Pictures, tuple[str, ...]]:
    """The validation pictures and class names of a run.

    Args:
        config: the run's config.json.
        data: where its pictures lie now, if not where they lay.
    """
    where = data or config["data"]
    found = datasets.load(
        config["subset"],
        Path(where) if where else None,
        VARIANTS[config["variant"]].side,
        config["classes"],
        train=False,
        skip_bad=config.get("skip_bad", False),
    )
    return found.val, found.classes


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog="python -m npalexnet.evaluate",
        description="Test a trained network on its validation pictures.",
    )
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="run folder or checkpoint; newest if none"
    )
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="show each picture ten times: corners, centre, mirrored (slower, better)",
    )
    parser.add_argument("--data", metavar="PATH", help="where the pictures lie now")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use")
    args = parser.parse_args(argv)

    def command() -> int:
        from npalexnet import threads

        if args.threads is not None:
            threads.set_threads(args.threads)
        path = runs.checkpoint_of(args.run)
        config = runs.read_config(path.parent)
        print(f"{path}: {config['variant']} trained on {config['subset']}")
        graph = checkpoint.load(path)
        pictures, classes = validation_set(config, args.data)
        result = evaluate(graph, pictures, args.ten_crop)
        print(class_table(confusion(result, pictures.labels), classes))
        try:
            draw(path.parent, graph, result, pictures, classes)
            names = (path.parent / "confusion.png", path.parent / "top5.png")
            print("pictures:", *names)
        except UserError as error:  # somebody else's run: the numbers are still good
            print(f"no pictures: {error}")
        how = "ten crops" if args.ten_crop else "centre crop"
        print(f"loss {result.loss:.4f} ({how})")
        n = len(pictures.labels)
        print(f"top1 {result.top1:.3f} top5 {result.top5:.3f} n {n}")
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
