"""A network at a glance: layers, shapes, parameters, multiply-adds, memory.

python -m npalexnet.summary --variant paper
python -m npalexnet.summary --variant all      the networks called AlexNet, side by side
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from npalexnet import cli
from npalexnet.errors import UserError

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


LEGEND = """\
Below each layer that learns stands what follows it, in this order; norm is local
response normalisation (LRN), samemap is same-map normalisation, drop is dropout.
96@11/4 g2: 96 filters of 11 x 11, 4 pixels apart, in 2 groups that are kept apart.
he: std √(2/inputs of a unit); uniform: weights and biases uniform in ±1/√inputs.
memory: of training with a batch of {batch}."""


def comparison(classes: int = 1000, batch: int = 128) -> str:
    """All variants side by side, in 100 columns."""
    from npalexnet.alexnet import VARIANTS, Drop, Norm, outline

    lists: list[dict[str, Any]] = [dict(v.layers) for v in VARIANTS.values()]
    graphs = [outline(name, classes) for name in VARIANTS]
    learned = [name for name, layer in graphs[0].layers.items() if layer.params]
    lines: list[str] = []

    def row(label: str, cells: Iterable[Any]) -> None:
        text = "".join(f"{cell!s:<12}" for cell in cells)
        lines.append(f"{label:<15}{text}".rstrip())

    def of_first(kind: type, text: str) -> list[str]:
        """What `text` says of the first description of this kind, in each variant."""
        found = (next((d for d in v.values() if type(d) is kind), None) for v in lists)
        return ["" if d is None else text.format(d) for d in found]

    row("", VARIANTS)
    row("input", (_times(graph.input_shape[1:]) for graph in graphs))
    for name in learned:
        lines.append("")
        row(name, (_size(v[name], classes) for v in lists))
        if name == "conv1":
            row("  padding", (str(v[name].pad).strip("()") for v in lists))
        for followers in zip_longest(*(_after(v, name) for v in lists), fillvalue=""):
            row("", (f"  {follower}" for follower in followers))
    lines.append("")
    row("LRN size, k", of_first(Norm, "{0.size}, {0.k:g}"))
    row("    alpha", of_first(Norm, "{0.alpha:g}"))
    row("    beta", of_first(Norm, "{0.beta:g}"))
    row("    groups", of_first(Norm, "{0.groups}"))
    row("dropout", of_first(Drop, "{0.rate:g}"))
    lines += ["", "starting std of the weights, and starting bias"]
    for name in learned:
        row(f"    {name}", (_start(v[name]) for v in lists))
    lines.append("")
    row("biases learn x", (f"{v.bias_lr:g}" for v in VARIANTS.values()))
    row("biases decay x", (f"{v.bias_decay:g}" for v in VARIANTS.values()))
    row("parameters", (f"{_parameters(graph):,}" for graph in graphs))
    row("multiply-adds", (f"{_multiply_adds(graph):,}" for graph in graphs))
    row("memory", (bytes_text(sum(g.memory(batch).values())) for g in graphs))
    return "\n".join([*lines, "", LEGEND.format(batch=batch)])


def _size(d: Any, classes: int) -> str:
    """A layer that learns in a few letters: 96@11/4 g2, or 4096."""
    if hasattr(d, "units"):
        return str(d.units or classes)
    stride = f"/{d.stride}" if d.stride > 1 else ""
    groups = f" g{d.groups}" if d.groups > 1 else ""
    return f"{d.filters}@{d.kernel}{stride}{groups}"


def _start(d: Any) -> str:
    return "uniform" if d.std == "uniform" else f"{d.std}, {d.bias:g}"


def _after(described: dict[str, Any], name: str) -> list[str]:
    """What stands between this layer that learns and the next one."""
    names = list(described)
    after = names[names.index(name) + 1 :]
    learned = (i for i, n in enumerate(after) if hasattr(described[n], "std"))
    return [n for n in after[: next(learned, None)] if n != "flatten"]


def _parameters(graph: Graph) -> int:
    return sum(p.data.size for p in graph.params.values())


def _multiply_adds(graph: Graph) -> int:
    shapes = [graph.input_shape, *graph.output_shapes.values()]
    pairs = zip(graph.layers.values(), shapes, strict=False)
    return sum(layer.multiply_adds(shape) for layer, shape in pairs)


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
    from npalexnet.alexnet import VARIANTS, outline

    parser = cli.Parser(
        prog="python -m npalexnet.summary",
        description="Show a network: shapes, parameters, multiply-adds and memory.",
    )
    parser.add_argument(
        "--variant",
        default="paper",
        choices=[*VARIANTS, "all"],
        help="which network; all: side by side, how they differ (default: paper)",
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
            print(comparison(args.classes, args.batch))
        else:
            print(outline(args.variant, args.classes).summary(args.batch))
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
