"""The command predict: what is in these pictures, and how sure is the network?

python -m npalexnet.predict cat.jpg dog.png                     the newest run
python -m npalexnet.predict runs/emoji-small photographs --ten-crop
python -m npalexnet.predict 'photographs/*.jpg' --top 3 --json

In Python: `Graph.top`, or training/prediction.py, which does what is only said here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from npalexnet.net import threads
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.names import printable
from npalexnet.training.prediction import (
    NETWORKS,
    Answer,
    ask,
    figure_format,
    free_name,
    pictures_of,
    split,
    write_figure,
)

MOST_DRAWN = 24


def table(likeliest: Sequence[tuple[str, float]], block: str, width: int = 30) -> str:
    """Classes and probabilities as lines: percent, bar, name.

    Args:
        likeliest: (name, probability 0..1), likeliest first.
        block: what bars are made of.
        width: of a bar of 100 %, in characters.
    """
    return "\n".join(
        f"  {100 * share:5.1f} %  {block * round(width * share):<{width}}  "
        f"{printable(name)}"
        for name, share in likeliest
    )


def can_print(text: str) -> bool:
    """Does the terminal know these characters?"""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def tell(answers: Iterator[Answer], top: int) -> list[Answer]:
    """Print a table for each answer; the first few are returned, to be drawn."""
    block = "█" if can_print("█") else "#"
    first = []
    for number, answer in enumerate(answers):
        print(f"{printable(answer.picture)}\n{table(answer.likeliest(top), block)}")
        if number < MOST_DRAWN:
            first.append(answer)
    return first


def tell_json(answers: Iterator[Answer], top: int) -> list[Answer]:
    """The same as JSON: a list with an object for each picture."""
    found = list(answers)
    lines = ",\n ".join(answer.as_json(top) for answer in found)
    print(f"[{lines}]")
    return found[:MOST_DRAWN]


def arguments(argv: list[str] | None) -> argparse.Namespace:
    """What was typed."""
    parser = cli.Parser(
        prog=cli.typed("predict"),
        usage="%(prog)s [RUN] PICTURE... [--top K] [--json] [--ten-crop] [--out FILE] "
        "[--threads N]",
        description="Say what is in pictures: the likeliest classes of each.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        type=cli.path,
        metavar="PICTURE",
        help="pictures in any usual format, folders of them, or patterns ('*.png'). If "
        "the first is a run's folder or a network's file "
        f"({', '.join(NETWORKS)}), that network is asked; else the newest run; else a "
        "small one that comes with the package and knows ten kinds of emoji",
    )
    parser.add_argument(
        "--top",
        type=int,
        default=5,
        metavar="K",
        help="so many classes of each picture (default: 5; the figure shows five)",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a list of {picture, top: [{class, probability}]} and nothing else; "
        "a figure is drawn only if --out names it",
    )
    parser.add_argument(
        "--ten-crop",
        action="store_true",
        help="look at each picture ten times: corners, centre, mirrored",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="the figure to write (default: predictions-NETWORK.png, or -2 if it is "
        "there already)",
    )
    parser.add_threads()
    return parser.parse_intermixed_args(argv)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    args = arguments(argv)

    def command() -> int:
        if args.top < 1:
            raise UserError(f"--top must be at least 1, and is {args.top}")
        run, words = split(args.words)
        pictures = pictures_of(words)
        if args.out is not None:
            figure_format(args.out, pictures)
        count = cli.threads_to_use(args)
        if count is not None:
            threads.set_threads(count)
        network = ask(run)
        print(network.says, file=sys.stderr if args.json else sys.stdout)
        answers = network.answers(pictures, args.ten_crop)
        first = (tell_json if args.json else tell)(answers, args.top)
        if args.json and args.out is None:
            return 0
        out = args.out or free_name(network.name)
        verb = "replaced" if out.exists() else "wrote"
        write_figure(out, first, pictures)
        only = f" (the first {MOST_DRAWN})" if len(pictures) > MOST_DRAWN else ""
        print(f"{verb} {out}{only}", file=sys.stderr if args.json else sys.stdout)
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
