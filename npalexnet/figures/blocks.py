"""A network from left to right, as a row of blocks, and what its layers cost."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from npalexnet.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, new_figure
from npalexnet.layers.layer import Shape
from npalexnet.net.graph import Graph
from npalexnet.net.table import times


def network(graph: Graph) -> Figure:
    """The network from left to right, and the parameters and work of each layer.

    Above, the output of each convolutional and fully connected layer, after its ReLU,
    normalisation and pooling: the larger its maps the higher a block is, the more maps
    the wider. Where groups do not see each other (paper Fig. 2: two GPUs), each has a
    block of its own. Below, each layer's share of the parameters and multiply-adds.
    """
    figure = new_figure(11, 5.2)
    above, below = figure.subplots(2, 1, height_ratios=[2.1, 1])
    _draw_blocks(above, _blocks(graph), side=graph.input_shape[-1])
    _draw_costs(below, graph)
    return figure


# ------------------------------------------------------------------ above: blocks


class Block(NamedTuple):
    """The input, or a layer with parameters and those that follow it up to the next.

    Attributes:
        name: of the layer.
        shape: of one image's output at the end of the block.
        groups: into how many parts the layer is divided.
        after: kinds of the layers that follow, "relu, norm, pool".
    """

    name: str
    shape: Shape
    groups: int
    after: str


def _blocks(graph: Graph) -> list[Block]:
    """The blocks of a network, the input first."""
    names, shapes = list(graph.layers), graph.output_shapes
    starts = [i for i, name in enumerate(names) if graph.layers[name].params]
    blocks = [Block("input", graph.input_shape, 1, "")]
    for start, end in pairwise([*starts, len(names)]):
        name, *following = names[start:end]
        kinds = [n.rstrip("0123456789") for n in following if n != "flatten"]
        # maps are drawn as maps: Flatten behind the last pooling changes no block
        alike = [n for n in names[start:end] if len(shapes[n]) == len(shapes[name])]
        groups = getattr(graph.layers[name], "groups", 1)
        blocks.append(Block(name, shapes[alike[-1]], groups, ", ".join(kinds)))
    return blocks


def _draw_blocks(axes: Axes, blocks: list[Block], side: int) -> None:
    """The upper half of `network`; `side` of the input, in pixels."""
    x = 0.0
    for block in blocks:
        width, height, depth = _size(block.shape, side)
        for group in range(block.groups):
            middle = (group - (block.groups - 1) / 2) * (height + 0.12)
            colour = GREY if block.name == "input" else (GREEN, PURPLE)[group % 2]
            _draw_cuboid(axes, (x, middle - height / 2), (width, height, depth), colour)
        name = f"{block.name}\n{times(block.shape)}"
        axes.text(x + width / 2, -1.3, name, ha="center", fontsize=9)
        axes.text(
            x + width / 2, -1.45, block.after, ha="center", fontsize=7, color="grey"
        )
        x += max(width, 0.62) + 0.75
    axes.set_xlim(-0.4, x - 0.6)
    axes.set_ylim(-1.55, 1.05)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _size(shape: Shape, side: int) -> tuple[float, float, float]:
    """Width, height and depth of a block; roots, so that small maps can be seen."""
    if len(shape) == 3:
        return 0.12 + shape[0] / 900, 1.6 * (shape[1] / side) ** 0.5, 0.12
    return 0.16, 1.1 * (shape[0] / 4096) ** 0.5 + 0.25, 0.05


def _draw_cuboid(
    axes: Axes,
    corner: tuple[float, float],
    size: tuple[float, float, float],
    colour: str,
) -> None:
    """A box with its front, its upper and its right face.

    Args:
        axes: where to draw.
        corner: x and y of the front's lower left corner.
        size: width, height, depth.
        colour: of all faces.
    """
    width, height, depth = size
    left, low = corner
    right, high = left + width, low + height
    front = [(left, low), (right, low), (right, high), (left, high)]
    behind = [(x + depth, y + depth) for x, y in front]
    upper = [front[3], behind[3], behind[2], front[2]]
    beside = [front[1], behind[1], behind[2], front[2]]
    for face, alpha in ((front, 0.85), (upper, 0.55), (beside, 0.7)):
        axes.add_patch(Polygon(face, facecolor=colour, alpha=alpha, edgecolor="white"))


# ------------------------------------------------------------------- below: costs


def _draw_costs(axes: Axes, graph: Graph) -> None:
    """The lower half of `network`: shares of the layers that have parameters."""
    costs = {name: cost for name, cost in graph.costs().items() if cost.parameters}
    parameters = [cost.parameters for cost in costs.values()]
    work = [cost.multiply_adds for cost in costs.values()]
    _draw_shares(axes, parameters, -0.2, BLUE, "parameters")
    _draw_shares(axes, work, 0.2, ORANGE, "multiply-adds")
    axes.set_xticks(np.arange(len(costs)), list(costs))
    axes.set_ylabel("share (%)")
    axes.set_ylim(0, 75)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)


def _draw_shares(
    axes: Axes, values: list[int], offset: float, colour: str, what: str
) -> None:
    """One bar per layer: its share of the sum, in per cent."""
    share = 100 * np.array(values) / sum(values)
    places = np.arange(len(values)) + offset
    bars = axes.bar(places, share, 0.38, color=colour)
    bars.set_label(f"{what}: {sum(values):,} in all")
    for place, value in zip(places, share, strict=True):
        text = f"{value:.0f}" if value >= 1 else f"{value:.1f}"
        axes.text(place, value + 1, text, ha="center", fontsize=8)
