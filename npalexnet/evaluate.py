"""How good is it? Top-1 and top-5 on pictures that were not trained on.

python -m npalexnet.evaluate                     the newest run
python -m npalexnet.evaluate runs/emoji-small --ten-crop
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npalexnet import augment, checkpoint, cli, datasets, runs
from npalexnet.alexnet import VARIANTS
from npalexnet.datasets import Pictures
from npalexnet.graph import Graph
from npalexnet.layers.layer import Array
from npalexnet.loss import in_top, log_softmax


class Result(NamedTuple):
    """What an evaluation found: mean loss, fractions right, probabilities (N, C)."""

    loss: float
    top1: float
    top5: float
    probabilities: Array


def evaluate(
    graph: Graph, pictures: Pictures, ten_crop: bool = False, batch: int = 256
) -> Result:
    """Test a network.

    Args:
        graph: the network.
        pictures: what to test it on.
        ten_crop: average the probabilities of ten crops (paper 4.1), not just the
        centre.
        batch: pictures at a time; changes the memory needed, not the answer.
    """
    parts = []
    for lo in range(0, len(pictures.labels), batch):
        pixels = pictures.pixels[lo : lo + batch]
        if ten_crop:
            views = augment.ten_crops(pixels, graph.input)
        else:
            views = graph.prepare(pixels)[None]
        logits = (graph.forward(x, keep=False) for x in views)
        parts.append(np.mean([np.exp(log_softmax(y)) for y in logits], axis=0))
    probabilities = np.concatenate(parts)
    labels = pictures.labels
    right = probabilities[np.arange(len(labels)), labels]
    with np.errstate(divide="ignore"):  # a probability of 0 is a loss of infinity
        loss = -np.log(right.astype(np.float64)).mean()
    top1, top5 = (in_top(probabilities, labels, k).mean() for k in (1, 5))
    return Result(float(loss), float(top1), float(top5), probabilities)


def class_table(result: Result, pictures: Pictures, classes: tuple[str, ...]) -> str:
    """For each class: how many pictures, how many right, what they are taken for."""
    guesses = result.probabilities.argmax(1)
    width = max(len("class"), *(len(name) for name in classes))
    lines = [f"{'class':<{width}}  pictures  top-1  most often taken for"]
    for i, name in enumerate(classes):
        mine = guesses[pictures.labels == i]
        wrong = np.bincount(mine[mine != i], minlength=len(classes))
        taken = classes[int(wrong.argmax())] if wrong.any() else ""
        share = f"{(mine == i).mean():5.2f}" if len(mine) else "     "
        lines.append(f"{name:<{width}}  {len(mine):>8}  {share}  {taken}".rstrip())
    return "\n".join(lines)


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
        print(class_table(result, pictures, classes))
        how = "ten crops" if args.ten_crop else "centre crop"
        print(f"loss {result.loss:.4f} ({how})")
        n = len(pictures.labels)
        print(f"top1 {result.top1:.3f} top5 {result.top5:.3f} n {n}")
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
