"""What all figures share: colours, a white sheet, and the small pieces drawn on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from npalexnet.layers.layer import Array
from npalexnet.system.files import write_whole

# Pairs that colour-blind readers tell apart.
BLUE, ORANGE = "#2f7ebc", "#e2711d"
GREEN, PURPLE = "#4c956c", "#8f6bb0"
# Light enough for black letters on them.
PALE_BLUE, PALE_ORANGE = "#a8cbe6", "#f6b26b"
GREY = "#9aa5b1"
YELLOW = "#ffd60a"


def new_figure(
    width: float,
    height: float,
    title: str = "",
    layout: Literal["constrained"] | None = "constrained",
) -> Figure:
    """An empty white figure.

    Without the white, the dark theme of a notebook would shine through.

    Args:
        width: in inches.
        height: in inches.
        title: above everything else; none if empty.
        layout: "constrained" makes room for all words; None leaves axes where they
            are put.
    """
    figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def write(figure: Figure, path: Path) -> None:
    """Write a figure as PNG with 150 dots per inch, whole or not at all.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    write_whole(path, lambda file: figure.savefig(file, dpi=150, format="png"))


def show(axes: Axes, picture: Array, **how: Any) -> None:
    """Draw a picture (H, W) or (H, W, 3) as large as its axes, without ticks.

    `how` goes to matplotlib's `imshow`: the colours of a map (H, W), and their range.
    """
    axes.imshow(picture, **how)
    axes.set_axis_off()


def columns_for(filters: int) -> int:
    """How many filters stand side by side."""
    return 16 if filters > 64 else 12 if filters > 32 else 8


def shorten(text: str, most: int) -> str:
    """The text, cut to `most` characters, of which the last one then is "…"."""
    return text if len(text) <= most else text[: most - 1] + "…"


def frame(axes: Axes, box: Sequence[int]) -> None:
    """Draw a frame around some pixels, visible on light and on dark ones.

    Args:
        axes: where a picture is shown.
        box: top, left, bottom, right, in pixels; the last two are outside.
    """
    top, left, bottom, right = box
    corner, width, height = (left - 0.5, top - 0.5), right - left, bottom - top
    for colour, line in (("black", 2.6), (YELLOW, 1.3)):
        axes.add_patch(
            Rectangle(corner, width, height, fill=False, edgecolor=colour, lw=line)
        )


def beside(axes: Axes, text: str) -> None:
    """Write to the left of a picture."""
    axes.text(
        -0.08,
        0.5,
        text,
        transform=axes.transAxes,
        ha="right",
        va="center",
        fontsize=8,
        parse_math=False,
    )
