"""What units answer to: weights of the first layer, activations, favourite pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from npalexnet.figures.style import (
    BLUE,
    beside,
    columns_for,
    frame,
    new_figure,
    show,
)
from npalexnet.layers.layer import Array
from npalexnet.net.inside import TopActivations
from npalexnet.net.table import times

# ------------------------------------------------------------------------ filters


def filters(w: Array, title: str = "") -> Figure:
    """A first layer's filters as small colour pictures (paper Fig. 3).

    Each is stretched by itself so that its largest weight is full colour, and zero is
    grey.

    Args:
        w: weights (F, 3, K, K).
        title: above the figure.
    """
    f = len(w)
    columns = columns_for(f)
    rows = -(-f // columns)
    figure = new_figure(columns * 0.55, rows * 0.55 + 0.4, title)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[f:]:
        axes.set_axis_off()
    for axes, weights in zip(grid.flat, w, strict=False):
        picture = weights.transpose(1, 2, 0)
        show(axes, 0.5 + 0.5 * picture / (np.abs(picture).max() + 1e-12))
    return figure


# -------------------------------------------------------------------- activations

# Inches: words to the left, the side of a map, and from one map to the next one.
MARGIN, CELL, STEP = 1.15, 0.62, 0.68


def activations(
    maps: Mapping[str, Array], picture: Array | None = None, most: int = 16
) -> Figure:
    """The activations of some layers for one picture, one row per layer.

    Of a layer's maps the `most` strongest are shown, in their order, with their
    numbers. One layer's maps share their colours: from black, 0, to light, the layer's
    largest; where there are negative values, before a ReLU, from blue over white, 0, to
    red. A layer without maps is a row of bars, one per unit.

    Args:
        maps: layer to activation, (C, P, Q) or (D,), as
            `{n: y[0] for n, y in graph.activations(x, names).items()}` gives them.
        picture: (H, W, 3) uint8 RGB, shown above.
        most: how many maps of a layer.
    """
    heights = [0.9 if values.ndim == 3 else 1.25 for values in maps.values()]
    top = 0.25 if picture is None else 1.75
    width, height = MARGIN + STEP * most, top + sum(heights) + 0.1
    figure = new_figure(width, height, layout=None)
    if picture is not None:
        show(_place(figure, MARGIN, 0.1, 1.4, 1.4), picture)
    for (name, values), tall in zip(maps.items(), heights, strict=True):
        _describe(_place(figure, 0.05, top, MARGIN, CELL), name, values)
        if values.ndim == 1:
            across = width - MARGIN - 0.4
            _draw_units(_place(figure, MARGIN + 0.25, top, across, tall - 0.45), values)
        else:
            _draw_maps(figure, top, values, most)
        top += tall
    return figure


def _place(figure: Figure, left: float, top: float, across: float, down: float) -> Axes:
    """Axes at a place given in inches from the figure's upper left corner."""
    width, height = figure.get_size_inches()
    return figure.add_axes(
        (left / width, 1 - (top + down) / height, across / width, down / height)
    )


def _describe(axes: Axes, name: str, values: Array) -> None:
    """A layer's name, shape, smallest and largest value, in words."""
    axes.set_axis_off()
    shape = times(values.shape)
    says = f"{name}\n{shape}\n{float(values.min()):.3g} to {float(values.max()):.3g}"
    axes.text(0, 0.5, says, va="center", fontsize=7.5, parse_math=False)


def _draw_units(axes: Axes, values: Array) -> None:
    """The activation of a layer without maps (D,), one bar per unit."""
    axes.bar(np.arange(len(values)), values, 0.8, color=BLUE)
    axes.axhline(0, color="black", lw=0.5)
    axes.set_xlim(-1, len(values))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("unit", fontsize=7, labelpad=1)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_maps(figure: Figure, top: float, values: Array, most: int) -> None:
    """The `most` strongest of a layer's maps (C, P, Q), `top` inches down."""
    low, high = float(values.min()), float(values.max())
    colours: dict[str, Any] = {"cmap": "magma", "vmin": 0, "vmax": high}
    if low < 0:
        edge = max(high, -low)
        colours = {"cmap": "RdBu_r", "vmin": -edge, "vmax": edge}
    peaks = values.max((1, 2))
    strongest = np.sort(np.argsort(-peaks, kind="stable")[:most])
    for i, unit in enumerate(strongest):
        axes = _place(figure, MARGIN + i * STEP, top, CELL, CELL)
        show(axes, values[unit], **colours)
        axes.set_title(str(unit), fontsize=7, pad=2)


# ---------------------------------------------------------------- top_activations


def top_activations(pictures: Array, found: TopActivations) -> Figure:
    """The pictures that excite units most, one row per unit, strongest first.

    A frame marks what the unit sees of the picture at the place where it answers most;
    there is none where that is all of it. Below, the strength of the answer.

    Args:
        pictures: all that were searched, (N, crop, crop, 3), of `Input.crop_centre`.
        found: of `inside.top_activations`.
    """
    rows, columns = found.pictures.shape
    side = pictures.shape[1]
    title = f"what excites {found.layer}"
    figure = new_figure(0.9 + 1.05 * columns, 0.4 + 1.25 * rows, title)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for u, i in np.ndindex(rows, columns):
        axes = grid[u, i]
        show(axes, pictures[found.pictures[u, i]])
        box = [int(edge) for edge in found.boxes[u, i]]
        if box != [0, 0, side, side]:
            frame(axes, box)
        axes.text(
            0.5,
            -0.03,
            f"{found.values[u, i]:.3g}",
            transform=axes.transAxes,
            ha="center",
            va="top",
            fontsize=7,
        )
        if i == 0:
            beside(axes, f"unit {found.units[u]}")
    return figure
