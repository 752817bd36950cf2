"""A trained network as one page in the browser, forward and backward.

python -m npalexnet.explore                              the newest run
python -m npalexnet.explore runs/emoji-small --out page.html
python -m npalexnet.explore net.npz --data my-photographs

The page is one HTML file that needs nothing else: no server, no network. Without any
run it shows the small network that comes with the package.
"""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import numpy as np

from npalexnet.datasets import catalogue
from npalexnet.datasets.catalogue import Pictures
from npalexnet.explorer import Page, page
from npalexnet.net.graph import Graph
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.machine import bytes_text
from npalexnet.training.evaluation import pictures_for, validation_set
from npalexnet.training.folder import SHIPPED, read_config
from npalexnet.training.prediction import ask

MOST_BYTES = 200_000_000  # what a browser still opens without trouble


def validation_pictures(
    path: Path, graph: Graph, data: str | None
) -> tuple[Pictures, tuple[str, ...]]:
    """Pictures for a network, and the names of their classes.

    Args:
        path: the network's file.
        graph: the network.
        data: where the pictures are; None for those of the network's own run.

    Raises:
        UserError: it has no run, and no pictures were given.
    """
    if (path.parent / "config.json").exists():
        return validation_set(read_config(path.parent), data)
    if data is not None:
        return pictures_for(graph, data)
    if path.name == SHIPPED:
        found = catalogue.load("emoji", train=False)
        return found.val, found.classes
    raise UserError(
        f"{path}: there is no run beside it that says which pictures it knows; say "
        "where they are with --data PATH, one folder for each class"
    )


def film_of(path: Path) -> bytes:
    """The film that a run leaves of its first filters; empty if there is none."""
    film = path.parent / "filters.gif"
    is_run = (path.parent / "config.json").exists()
    return film.read_bytes() if is_run and film.exists() else b""


def network_page(
    graph: Graph,
    found: Pictures,
    classes: tuple[str, ...],
    count: int,
    bits: int,
    film: bytes,
) -> Page:
    """The page with at most `count` pictures, evenly chosen among those found."""
    last = len(found.labels) - 1
    some = np.unique(np.linspace(0, last, min(last + 1, count)).astype(int))
    known = graph.input.classes or classes
    labels = [classes[found.labels[i]] for i in some]
    return page(
        graph,
        found.pixels[some],
        [known.index(label) if label in known else None for label in labels],
        names=[found.names[i] for i in some],
        bits=bits,
        film=film,
    )


def check_size(made: Page, bits: int) -> str:
    """The size of a page in words.

    Raises:
        UserError: it is too large for a browser.
    """
    size = len(made.text.encode("utf-8"))
    said = bytes_text(size)
    if size > MOST_BYTES:
        smaller = "fewer --pictures" if bits == 8 else "--bits 8, or fewer --pictures"
        raise UserError(
            f"the page would have {said}, more than {bytes_text(MOST_BYTES)}, which "
            f"browsers do not like; take {smaller}"
        )
    return said


def other_size(weights: int, bits: int) -> str:
    """What the other choice of --bits would change, in words."""
    other = 24 - bits
    change = bytes_text(weights * abs(other - bits) / 8 * 4 / 3)  # in base64
    return f"--bits {other}: {change} {'less' if other < bits else 'more'}"


def can_open() -> bool:
    """Is there a screen for a browser?"""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("explore"),
        description="Write a trained network as one page in the browser, and open it.",
    )
    parser.add_argument(
        "run",
        nargs="?",
        type=cli.path,
        metavar="RUN",
        help="run folder or network's file; the newest run if none, else the small "
        "network that comes with the package",
    )
    parser.add_argument(
        "--data", type=cli.path, metavar="PATH", help="where the pictures are now"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("explorer.html"),
        metavar="FILE",
        help="the page to write (default: explorer.html)",
    )
    parser.add_argument(
        "--pictures",
        type=int,
        default=100,
        metavar="N",
        help="validation pictures in the page (default: 100)",
    )
    parser.add_argument(
        "--bits",
        type=int,
        default=16,
        choices=(16, 8),
        help="of each weight in the page (default: 16)",
    )
    parser.add_argument(
        "--no-open", action="store_true", help="write the page, and do not open it"
    )
    args = parser.parse_args(argv)

    def command() -> int:
        if args.pictures < 1:
            raise UserError(f"--pictures must be at least 1, and is {args.pictures}")
        asked = ask(args.run)
        graph, path = asked.graph, asked.path
        print(asked.says)
        found, classes = validation_pictures(path, graph, args.data)
        film = film_of(path)
        made = network_page(graph, found, classes, args.pictures, args.bits, film)
        size = check_size(made, args.bits)
        made.save(args.out)
        weights = sum(p.data.size for p in graph.params.values())
        print(f"{weights:,} weights, in {args.bits} bits each")
        print(f"wrote {args.out}, {size} ({other_size(weights, args.bits)})")
        if not args.no_open and can_open():
            webbrowser.open(args.out.resolve().as_uri())
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
