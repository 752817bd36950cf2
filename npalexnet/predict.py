"""What is in these pictures? The five likeliest classes, and how sure the network is.

python -m npalexnet.predict cat.jpg dog.png                     the newest run
python -m npalexnet.predict runs/emoji-small cat.jpg --ten-crop
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from npalexnet.datasets.pictures import read_squares
from npalexnet.layers.layer import Array
from npalexnet.net import threads
from npalexnet.net.graph import Graph
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole
from npalexnet.system.names import printable
from npalexnet.training.evaluation import predict_probabilities
from npalexnet.training.folder import network_of
from npalexnet.weights import load

NETWORKS = (".npz", ".pth", ".pt", ".safetensors", ".caffemodel")
MOST_DRAWN = 24


def split(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """RUN and IMAGEs: the first word is RUN if it is a folder or a network's file.

    Raises:
        UserError: no picture is left.
    """
    first = Path(words[0])
    is_run = first.is_dir() or first.suffix.lower() in NETWORKS
    run, images = (words[0], words[1:]) if is_run else (None, words)
    if not images:
        raise UserError(f"{run} is a network; add the pictures that it should look at")
    return run, list(images)


def names_of(graph: Graph, classes: int) -> tuple[str, ...]:
    """The names of a network's classes; their numbers if it knows no names."""
    return graph.input.classes or tuple(f"class {i}" for i in range(classes))


def table(row: Array, classes: Sequence[str], width: int = 30, block: str = "█") -> str:
    """The five likeliest classes, likeliest first: percent, bar, name.

    Args:
        row: one picture's probabilities (classes,).
        classes: their names.
        width: of a bar of 100 %, in characters.
        block: what bars are made of.
    """
    lines = []
    for i in np.argsort(-row, kind="stable")[:5]:
        bar = block * round(width * float(row[i]))
        lines.append(f"  {100 * row[i]:5.1f} %  {bar:<{width}}  {classes[i]}")
    return "\n".join(lines)


def can_print(text: str) -> bool:
    """Does the terminal know these characters?"""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def check_out(out: Path, images: Sequence[str]) -> str:
    """The format of the figure to be written, "png" for example.

    Raises:
        UserError: no figure can be written in it, or `out` is one of the pictures.
    """
    from matplotlib.figure import Figure

    formats = Figure().canvas.get_supported_filetypes()
    kind = out.suffix.lower().lstrip(".")
    if kind not in formats:
        raise UserError(f"--out {out}: its name must end in .png, .pdf, .svg or .jpg")
    if out.resolve() in (Path(image).resolve() for image in images):
        raise UserError(
            f"{out} is one of the pictures, and would be overwritten; "
            "choose another name with --out"
        )
    return kind


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("predict"),
        usage="%(prog)s [RUN] IMAGE... [--ten-crop] [--out FILE] [--threads N]",
        description="Say what is in pictures: the five likeliest classes of each.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        type=cli.path,
        metavar="IMAGE",
        help="pictures in any usual format. If the first is a run folder or a "
        f"network's file ({', '.join(NETWORKS)}), that network is asked; else the "
        "newest run; else a small one that comes with the package and knows ten kinds "
        "of emoji",
    )
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="look at each picture ten times: corners, centre, mirrored",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("predictions.png"),
        metavar="FILE",
        help="the figure to write (default: predictions.png)",
    )
    parser.add_threads()
    args = parser.parse_intermixed_args(argv)

    def command() -> int:
        run, images = split(args.words)
        kind = check_out(args.out, images)
        path = network_of(run)
        count = cli.threads_to_use(args)
        if count is not None:
            threads.set_threads(count)
        graph = load(path)
        pixels = read_squares(images, graph.input.picture_side())
        probabilities = predict_probabilities(graph, pixels, args.ten_crop)
        classes = names_of(graph, probabilities.shape[1])
        what = graph.about.get("source") or graph.about.get("variant", "a network")
        print(f"{path}: {what}, {len(classes)} classes")
        block = "█" if can_print("█") else "#"
        for image, row in zip(images, probabilities, strict=True):
            print(f"{printable(image)}\n{table(row, classes, block=block)}")

        from npalexnet import figures

        shown = slice(MOST_DRAWN)
        titles = [printable(Path(image).name) for image in images[shown]]
        figure = figures.top5(
            pixels[shown], probabilities[shown], classes, titles=titles
        )
        verb = "replaced" if args.out.exists() else "wrote"
        write_whole(args.out, lambda file: figure.savefig(file, format=kind, dpi=150))
        only = f" (the first {MOST_DRAWN})" if len(images) > MOST_DRAWN else ""
        print(f"{verb} {args.out}{only}")
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
