"""Does the network look at the thing, or at what is around it?

    python -m benchmarks.saliency RUN --data tiny-imagenet-200.zip

Tiny ImageNet says where in a validation picture the thing is: a box. A gradient says
which pixels would change the score of the right class. How much of it lies inside?

A map that knows nothing has as much of its mass inside as the box has of the area. But
things are mostly in the middle, and so are gradients, because a pixel in the middle is
seen by more windows than one at the edge. So there are two more candidates, which know
where the middle is and nothing else: the map of ANOTHER picture, and the map that the
same network made before it learned anything.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from npalexnet import alexnet, datasets, load
from npalexnet.datasets import layouts
from npalexnet.datasets.augment import generator
from npalexnet.datasets.source import Source
from npalexnet.layers.layer import Array
from npalexnet.net import inside, threads
from npalexnet.net.graph import Graph
from npalexnet.net.inside import Box
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.training import folder as runs


def read_boxes(path: Path, side: int, crop: int) -> dict[str, Box]:
    """Where the thing is, in pixels of the central crop, by the picture's name.

    Boxes that do not reach into the crop are left out.

    Args:
        path: of the zip or folder.
        side: of the pictures and of the coordinates in the file.
        crop: side of what the network sees.
    """
    boxes: dict[str, Box] = {}
    edge = (side - crop) // 2
    files = Source(path)
    layouts.recognise(files)  # finds the layout's top
    for file, _, *numbers in files.lines("val/val_annotations.txt"):
        if len(numbers) != 4:
            raise UserError(f"{path}: expected a box for {file}, found {numbers}")
        x0, y0, x1, y1 = (int(n) - edge for n in numbers)  # x1, y1 are still inside
        top, bottom = np.clip((y0, y1 + 1), 0, crop)
        left, right = np.clip((x0, x1 + 1), 0, crop)
        if top < bottom and left < right:
            boxes[f"val/images/{file}"] = int(top), int(left), int(bottom), int(right)
    return boxes


def maps_of(graph: Graph, x: Array, labels: Array, batch: int = 50) -> Array:
    """Saliency for the right class, (N, crop, crop)."""
    parts = [
        inside.saliency_map(
            inside.saliency(graph, x[lo : lo + batch], labels[lo:][:batch])
        )
        for lo in range(0, len(x), batch)
    ]
    return np.concatenate(parts)


def points(differences: Array) -> str:
    """Mean and standard error of differences between shares, in points."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return f"{100 * differences.mean():+5.1f} ± {100 * error:.1f} points"


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog="python -m benchmarks.saliency",
        description="How much of the saliency lies on the thing that is shown?",
    )
    parser.add_argument("run", metavar="RUN", help="run folder or checkpoint")
    parser.add_argument(
        "--data", type=Path, required=True, metavar="PATH", help="Tiny ImageNet's zip"
    )
    parser.add_argument(
        "--pictures", type=int, default=1000, metavar="N", help="(default: 1000)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    parser.add_argument("--threads", type=int, metavar="N", help="threads to use")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="draw six of them")
    args = parser.parse_args(argv)

    def command() -> int:
        if args.pictures < 20:
            raise UserError(f"--pictures must be at least 20, and is {args.pictures}")
        if args.threads is not None:
            threads.set_threads(args.threads)
        graph = load(runs.checkpoint_of(args.run))
        classes = len(graph.input.classes)
        side, crop = graph.input.side, graph.input.crop
        pictures = datasets.load(
            "tiny-imagenet", args.data, side, classes=classes, train=False
        ).val
        boxes = read_boxes(args.data, side, crop)
        order = generator(args.seed, "saliency").permutation(len(pictures.labels))
        chosen = [i for i in order if pictures.names[i] in boxes][: args.pictures]
        x, labels = graph.prepare(pictures.pixels[chosen]), pictures.labels[chosen]
        where = [boxes[pictures.names[i]] for i in chosen]

        trained = maps_of(graph, x, labels)
        blank = alexnet(classes=classes, **graph.about)
        found = {
            "area of the box": np.ones_like(trained),
            "saliency": trained,
            "saliency of another picture": np.roll(trained, 1, axis=0),
            "saliency before learning": maps_of(blank, x, labels),
        }
        shares = {
            name: np.array(list(map(inside.mass_inside, maps, where)))
            for name, maps in found.items()
        }
        area = shares["area of the box"]
        gain = shares["saliency"] - shares["saliency of another picture"]
        right = (graph.forward(x, keep=False).argmax(1) == labels).mean()
        print(f"{len(chosen)} validation pictures, {100 * right:.0f} % named right")
        for says, which in (
            ("all", area <= 1),
            ("boxes of less than half the picture", area < 0.5),
        ):
            print(f"\n{says} ({which.sum()})\n{'':29} inside   more than the area")
            for name, share in shares.items():
                print(f"{name:29} {100 * share[which].mean():4.1f} %", end="")
                known = name == "area of the box"
                print("" if known else f"   {points((share - area)[which])}")
            print(f"saliency, more than of another picture: {points(gain[which])}")
        if args.draw:
            from npalexnet import figures

            names = [graph.input.classes[c] for c in labels[:6]]
            shown = graph.input.crop_centre(pictures.pixels[chosen[:6]])
            figure = figures.saliency(shown, trained[:6], names, where[:6])
            figure.savefig(args.draw, dpi=130)
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
