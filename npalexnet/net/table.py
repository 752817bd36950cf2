"""The summary of a network as a text table; it prints, and counts nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from npalexnet.layers.layer import Shape
from npalexnet.system.machine import bytes_text


class Cost(NamedTuple):
    """What a layer costs.

    Attributes:
        parameters: how many numbers it learns.
        multiply_adds: per image, forward.
        saved: bytes kept for backward, per image.
    """

    parameters: int
    multiply_adds: int
    saved: int


HEADER = ("layer", "output", "how", "parameters", "multiply-adds", "saved per image")


def layer_table(
    input_shape: Shape,
    output_shapes: Mapping[str, Shape],
    hows: Mapping[str, str],
    costs: Mapping[str, Cost],
    batch: int,
    memory: Mapping[str, int],
) -> str:
    """One line per layer, and below them what training with this batch size needs.

    Args:
        input_shape: of one image.
        output_shapes: of one image, by layer.
        hows: by which algorithm, by layer.
        costs: by layer; from `Graph.costs`.
        batch: images in a step.
        memory: bytes, by what they are for; from `Graph.memory`.
    """
    cells: list[tuple[str, ...]] = [HEADER, ("input", times(input_shape), *4 * [""])]
    for name, cost in costs.items():
        shape = times(output_shapes[name])
        cells.append((name, shape, hows[name], *_cells(cost)))
    cells.append(("total", "", "", *_cells(total(costs.values()))))
    widths = [max(len(row[i]) for row in cells) for i in range(len(HEADER))]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < 3 else f"{cell:>{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    rule = "-" * len(lines[0])
    lines = [lines[0], rule, *lines[1:-1], rule, lines[-1]]
    parts = " + ".join(f"{bytes_text(n)} {what}" for what, n in memory.items())
    need = bytes_text(sum(memory.values()))
    lines.append(f"Training with a batch of {batch} needs {parts} = {need}.")
    return "\n".join(line.rstrip() for line in lines)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum of costs."""
    parameters, multiply_adds, saved = zip(*costs, strict=True)
    return Cost(sum(parameters), sum(multiply_adds), sum(saved))


def times(shape: Shape) -> str:
    """A shape as one says it: 96 x 55 x 55."""
    return " x ".join(map(str, shape))


def _cells(cost: Cost) -> tuple[str, str, str]:
    """A cost in three cells, empty where it is zero."""
    return (
        f"{cost.parameters:,}" if cost.parameters else "",
        f"{cost.multiply_adds:,}" if cost.multiply_adds else "",
        bytes_text(cost.saved) if cost.saved else "",
    )
