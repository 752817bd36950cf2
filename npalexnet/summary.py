"""A network at a glance: layers, shapes, parameters, multiply-adds, memory.

python -m npalexnet.summary --variant paper
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from npalexnet import cli

if TYPE_CHECKING:
    from npalexnet.graph import Graph


def table(graph: Graph, batch: int) -> str:
    """One line a layer, and below it what training with this batch needs."""
    rows: list[tuple[str, ...]] = [
        ("layer", "output", "parameters", "multiply-adds", "kept an image")
    ]
    rows.append(("input", _times(graph.input_shape), "", "", ""))
    shape = graph.input_shape
    totals = [0, 0, 0]
    for name, layer in graph.layers.items():
        counts = (
            sum(p.data.size for p in layer.params.values()),
            layer.multiply_adds(shape),
            graph.kept_bytes(name),
        )
        totals = [a + b for a, b in zip(totals, counts, strict=True)]
        shape = graph.output_shapes[name]
        rows.append((name, _times(shape), *_cells(*counts)))
    rows.append(("total", "", *_cells(*totals)))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < 2 else f"{cell:>{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    lines = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    need = graph.memory(batch)
    parts = " + ".join(f"{bytes_text(n)} {what}" for what, n in need.items())
    total = bytes_text(sum(need.values()))
    lines.append(f"Training with a batch of {batch} needs {parts} = {total}.")
    return "\n".join(line.rstrip() for line in lines)


def bytes_text(count: float) -> str:
    """A number of bytes as a person would say it: 698 MB."""
    units = ["bytes", "kB", "MB", "GB", "TB"]
    while count >= 999.5 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.3g} {units[0]}"


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _cells(parameters: int, multiply_adds: int, kept: int) -> tuple[str, ...]:
    return (
        f"{parameters:,}" if parameters else "",
        f"{multiply_adds:,}" if multiply_adds else "",
        bytes_text(kept) if kept else "",
    )


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    from npalexnet.alexnet import VARIANTS, alexnet

    parser = cli.Parser(
        prog="python -m npalexnet.summary",
        description="Show a network: shapes, parameters, multiply-adds and memory.",
    )
    parser.add_argument(
        "--variant", default="paper", choices=VARIANTS, help="(default: paper)"
    )
    parser.add_argument(
        "--classes", type=int, default=1000, metavar="N", help="(default: 1000)"
    )
    parser.add_argument(
        "--batch", type=int, default=128, metavar="N", help="(default: 128)"
    )
    args = parser.parse_args(argv)

    def command() -> int:
        print(alexnet(args.variant, args.classes).summary(args.batch))
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
