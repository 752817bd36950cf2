"""A network at a glance: layers, shapes, parameters, multiply-adds, memory.

python -m npalexnet.summary --variant paper
python -m npalexnet.summary --variant all      the networks called AlexNet, side by side
"""

from __future__ import annotations

from npalexnet.alexnet import VARIANTS, outline
from npalexnet.net.comparison import comparison
from npalexnet.system import cli
from npalexnet.system.errors import UserError


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("summary"),
        description="Show a network: shapes, parameters, multiply-adds and memory.",
    )
    parser.add_argument(
        "--variant",
        default="paper",
        choices=[*VARIANTS, "all"],
        help="which network; all: all of them side by side (default: paper)",
    )
    parser.add_argument(
        "--classes", type=int, default=1000, metavar="N", help="(default: 1000)"
    )
    parser.add_argument(
        "--batch", type=int, default=128, metavar="N", help="(default: 128)"
    )
    args = parser.parse_args(argv)

    def command() -> int:
        for name in ("classes", "batch"):
            value = getattr(args, name)
            if value < 1:
                raise UserError(f"--{name} must be at least 1, and is {value}")
        if args.variant == "all":
            graphs = {name: outline(name, args.classes) for name in VARIANTS}
            print(comparison(VARIANTS, graphs, args.batch))
        else:
            print(outline(args.variant, args.classes).summary(args.batch))
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
