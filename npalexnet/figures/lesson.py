"""Drawings of the course: small tables with their numbers, maps, windows, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from npalexnet.figures.style import BLUE, GREEN, GREY, ORANGE, PURPLE, frame, new_figure
from npalexnet.layers.layer import Array
from npalexnet.layers.windows import output_side

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, GREY)
MOST = 12  # columns of a table whose numbers can be read

# ------------------------------------------------------------------- tables and maps


def numbers(
    tables: Mapping[str, Array],
    *,
    frames: Mapping[str, Sequence[int]] | None = None,
    signs: Sequence[str] = (),
    size: float = 2.6,
) -> Figure:
    """Small tables side by side, every number written on its colour.

    A table of more than 12 columns is shown without its numbers.

    Whole bytes (uint8) are grey levels, black 0 to white 255. Other numbers are red
    above 0, blue below it, darkest where a table has its largest; NaN is a "?".

    Args:
        tables: title to (rows, columns).
        frames: title to (top, left, bottom, right), framed; the last two are outside.
        signs: what stands between two tables, "×" or "=".
        size: inches of one table.
    """
    figure = new_figure(size * len(tables), size + 0.35)
    grid: Any = figure.subplots(1, len(tables), squeeze=False)
    for i, (axes, (title, table)) in enumerate(
        zip(grid[0], tables.items(), strict=True)
    ):
        how, drawn = _colours(table, 1.5 * float(np.nanmax(np.abs(table))))
        image = axes.imshow(drawn, **how)
        written = table if table.shape[1] <= MOST else np.empty((0, 0))
        for (row, column), value in np.ndenumerate(written):
            shade = image.to_rgba(np.array([[drawn[row, column]]]))[0, 0, :3]
            axes.text(
                column,
                row,
                "?" if np.isnan(value) else f"{float(value):.4g}".replace("-", "−"),
                ha="center",
                va="center",
                fontsize=9 if table.shape[1] < 8 else 7,
                color="white" if np.dot(shade, (0.3, 0.6, 0.1)) < 0.5 else "black",
            )
        axes.set_title(title, fontsize=10)
        axes.set(xticks=[], yticks=[])
        if i < len(signs):
            axes.text(
                1.07, 0.5, signs[i], transform=axes.transAxes, fontsize=15, va="center"
            )
        if frames and title in frames:
            frame(axes, frames[title])
    return figure


def maps(
    pictures: Mapping[str, Array],
    *,
    limit: float | None = None,
    frames: Mapping[str, Sequence[int]] | None = None,
    columns: int = 5,
    size: float = 2.1,
) -> Figure:
    """Pictures and maps side by side: what is to be seen, without the numbers.

    Whole bytes (uint8) are pictures, (H, W, 3) in colour or (H, W) in grey. Other
    numbers (H, W) are maps: red above 0, blue below it, white at 0.

    Args:
        pictures: title to array.
        limit: the number in full colour, for all maps; each its own largest if None.
        frames: title to (top, left, bottom, right), framed; the last two are outside.
        columns: how many stand in a row.
        size: inches of one picture.
    """
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    figure = new_figure(size * columns, (size + 0.3) * rows)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (title, picture) in zip(grid.flat, pictures.items(), strict=False):
        how, drawn = _colours(picture, limit)
        axes.imshow(drawn, **how)
        axes.set_title(title, fontsize=9)
        if frames and title in frames:
            frame(axes, frames[title])
    return figure


def _colours(table: Array, limit: float | None) -> tuple[dict[str, Any], Array]:
    """How imshow is to colour a table, and the table without NaN."""
    if table.dtype == np.uint8:
        return {"cmap": "gray", "vmin": 0, "vmax": 255}, table
    drawn = np.nan_to_num(table.astype(float))
    edge = limit or float(np.abs(drawn).max()) or 1.0
    return {"cmap": "RdBu_r", "vmin": -edge, "vmax": edge}, drawn


# -------------------------------------------------------- windows on a line of pixels


def sliding(side: int, kernel: int, stride: int = 1, pad: int = 0) -> Figure:
    """One line of pixels, and below it every window that fits on it.

    Args:
        side: how many pixels.
        kernel: how many of them a window is wide.
        stride: how many pixels one window is from the next.
        pad: zeros at each end.
    """
    count = output_side(side, kernel, stride, pad) if side + 2 * pad >= kernel else 0
    figure = new_figure(7.5, 1.3 + 0.22 * count)
    axes: Axes = figure.subplots()
    for pixel in range(-pad, side + pad):
        look: dict[str, Any] = {"fc": "#d0d0d0", "ec": "grey"}
        if not 0 <= pixel < side:
            look = {"fc": "white", "ec": "grey", "hatch": "////"}
        axes.add_patch(Rectangle((pixel, 0.1), 1, 0.9, lw=0.5, **look))
    for line in range(count):
        left = line * stride - pad
        axes.barh(-line - 0.5, kernel, 0.6, left=left, color=BLUE)
    axes.set(xlim=(-pad - 0.5, side + pad + 0.5), ylim=(-count - 0.2, 1.2), yticks=[])
    axes.set_xlabel("pixel")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(
        f"{side} pixels, windows of {kernel}, stride {stride}, pad {pad}: "
        f"{count} windows fit",
        fontsize=10,
    )
    return figure


# -------------------------------------------------------------------- bars and curves


def bars(
    series: Mapping[str, Mapping[str, float]], *, label: str, form: str = "{:.0f}"
) -> Figure:
    """Bars side by side, one group for each name, one colour for each series.

    Args:
        series: what a colour means, to name and height.
        label: of the upright axis, with the unit.
        form: how a height is written above its bar.
    """
    names = list(next(iter(series.values())))
    figure = new_figure(max(6.0, 0.9 * len(names)), 3.2)
    axes: Axes = figure.subplots()
    wide = 0.8 / len(series)
    for i, (says, heights) in enumerate(series.items()):
        places = np.arange(len(names)) + wide * (i - (len(series) - 1) / 2)
        drawn = axes.bar(
            places, list(heights.values()), 0.92 * wide, color=COLOURS[i], label=says
        )
        axes.bar_label(drawn, [form.format(h) for h in heights.values()], fontsize=8)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylabel(label)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure


def lines(
    curves: Mapping[str, tuple[Array, Array]],
    *,
    across: str,
    up: str,
    log: str = "",
    points: bool = False,
) -> Figure:
    """Curves in one picture.

    Args:
        curves: label to (x, y).
        across: label of the horizontal axis, with the unit.
        up: label of the upright axis, with the unit.
        log: axes that count in powers of ten: "", "x", "y" or "xy".
        points: mark each point.
    """
    figure = new_figure(7.0, 3.3)
    axes: Axes = figure.subplots()
    for i, (label, (x, y)) in enumerate(curves.items()):
        style = "o-" if points else "-"
        axes.plot(x, y, style, ms=4, color=COLOURS[i % len(COLOURS)], label=label)
    axes.set(xlabel=across, ylabel=up)
    if "x" in log:
        axes.set_xscale("log")
    if "y" in log:
        axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axes.legend(frameon=False, fontsize=9)
    return figure
