"""Train a network on pictures. The loop itself is in training/loop.py.

python -m npalexnet.train                                     emoji, two minutes
python -m npalexnet.train --subset tiny-imagenet              photographs, an hour
python -m npalexnet.train --resume --epochs 20                go on with the newest run
"""

from __future__ import annotations

import sys

from npalexnet.parallel import Ranks, first_speaks, started_often, world
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.training.options import Options
from npalexnet.training.start import resumed, train

__all__ = ["main", "train"]


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("train"),
        description="Train a network on pictures.",
        epilog="With no options: the small AlexNet on emoji, about two minutes. Its "
        "folder then holds log.csv, figures, and checkpoints for evaluate and "
        "predict. Ctrl-C saves before it stops; --resume goes on. Downloads and "
        "decoded pictures are kept in the folder that the environment variable "
        "NPALEXNET_DATA names, else in ~/.cache/npalexnet.",
    )
    cli.add_options(parser, Options)
    with first_speaks(errors=True):
        given = Options.completed(vars(parser.parse_args(argv)))

    def command(ranks: Ranks) -> int:
        options, folder = Options(**given), None
        if options.resume:
            options, folder = ranks.broadcast_from_root(lambda: resumed(given))
        if ranks.size > 1 and options.parallel is None:
            raise UserError(
                f"mpiexec started {ranks.size} processes; say how they share the work: "
                "--parallel images, columns or hybrid"
            )
        train(options.decide(), ranks, resume=folder)
        return 0

    def on_all_ranks() -> int:
        ranks = world() if "parallel" in given or started_often() else Ranks()
        return ranks.run(lambda: command(ranks))

    with first_speaks():
        return cli.run(on_all_ranks)


if __name__ == "__main__":
    sys.exit(main())
