"""What a network answers: likeliest classes, confusions, pictures held to be alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from npalexnet.figures.style import (
    ORANGE,
    PALE_BLUE,
    PALE_ORANGE,
    new_figure,
    shorten,
    show,
)
from npalexnet.layers.layer import Array

# --------------------------------------------------------------------------- top5


def top5(
    pictures: Array,
    probabilities: Array,
    classes: Sequence[str],
    labels: Sequence[int] | Array | None = None,
    titles: Sequence[str] | None = None,
) -> Figure:
    """Pictures, and beside each its five likeliest classes (paper Fig. 4, left).

    Args:
        pictures: (N, H, W, 3) uint8 RGB.
        probabilities: (N, classes), 0..1.
        classes: names of the classes.
        labels: the right classes (N,): written above, their bars in another colour.
        titles: above each picture, if there are no labels.
    """
    n = len(pictures)
    columns = min(n, 2 if n <= 8 else 3)
    rows = -(-n // columns)
    figure = new_figure(4.4 * columns, 1.75 * rows)
    grid: Any = figure.subplots(
        rows, 2 * columns, squeeze=False, width_ratios=[1, 1.7] * columns
    )
    figure.set_layout_engine("constrained", w_pad=0.08)  # inches
    cells = grid.reshape(rows * columns, 2)
    for axes in cells[n:].flat:
        axes.set_axis_off()
    for i, (left, right) in enumerate(cells[:n]):
        show(left, pictures[i])
        label = None if labels is None else int(labels[i])
        title = "" if titles is None else titles[i]
        if label is not None:
            title = classes[label]
        right.set_title(shorten(title, 34), fontsize=9, loc="left", parse_math=False)
        _draw_likeliest(right, probabilities[i], classes, label)
    return figure


def _draw_likeliest(
    axes: Axes, probabilities: Array, classes: Sequence[str], label: int | None
) -> None:
    """One picture's five likeliest classes as bars, the likeliest above.

    Args:
        axes: where to draw.
        probabilities: (classes,), 0..1.
        classes: names of the classes.
        label: the right class, if it is known.
    """
    order = np.argsort(-probabilities, kind="stable")[:5]
    for place, c in enumerate(order):
        right = label is not None and c == label
        share = float(probabilities[c])
        axes.barh(place, share, 0.8, color=PALE_ORANGE if right else PALE_BLUE)
        mark = "\N{CHECK MARK} " if right else ""
        axes.text(
            0.02,
            place,
            mark + shorten(classes[c], 30),
            va="center",
            fontsize=8,
            fontweight="bold" if right else "normal",
            parse_math=False,
        )
        says = f"{100 * share:.0f} %"
        axes.text(1.2, place, says, va="center", ha="right", fontsize=8)
    axes.set(xlim=(0, 1.2), ylim=(4.6, -0.6), xticks=[], yticks=[])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


# ---------------------------------------------------------------------- confusion


def confusion(counts: Array, classes: Sequence[str], title: str = "") -> Figure:
    """How often each class is taken for each: true classes down, guesses across.

    There is one row per true class, and one column per guess. Colours are shares of a
    row, so that the diagonal shows how many of each class are right. Up to 20 classes
    there are numbers, in per cent; beyond, there is no room for names, and the most
    frequent confusions are listed beside.

    Args:
        counts: (classes, classes), of `training.evaluation.confusion`.
        classes: names of the classes.
        title: above the figure.
    """
    n = len(classes)
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    if n <= 20:
        figure = new_figure(2.8 + 0.45 * n, 2.2 + 0.4 * n, title)
        axes = figure.subplots()
        _draw_shares(figure, axes, shares, PowerNorm(1, 0, 100))
        _write_shares(axes, counts, shares, classes)
    else:
        figure = new_figure(11, 6, title)
        axes, words = figure.subplots(1, 2, width_ratios=[1.5, 1])
        # a confusion is rarely more than a few per cent here: lift the faint colours
        _draw_shares(figure, axes, shares, PowerNorm(0.5, 0, 100))
        _list_confusions(words, shares, classes)
    return figure


def _draw_shares(figure: Figure, axes: Axes, shares: Array, norm: PowerNorm) -> None:
    """Shares (true class, guessed class), in per cent, as colours."""
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=[0, 5, 20, 50, 100])
    bar.set_label("share of the true class (%)")
    axes.set(xlabel="guessed class", ylabel="true class")


def _write_shares(
    axes: Axes, counts: Array, shares: Array, classes: Sequence[str]
) -> None:
    """Class names along the axes, with how many pictures; percentages in the cells."""
    names = [shorten(name, 22) for name in classes]
    sums = counts.sum(1)
    rows = [f"{name} ({int(s)})" for name, s in zip(names, sums, strict=True)]
    axes.set_xticks(range(len(names)), names, rotation=90, parse_math=False)
    axes.set_yticks(range(len(names)), rows, parse_math=False)
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share > 60 else "black",
        )


def _list_confusions(axes: Axes, shares: Array, classes: Sequence[str]) -> None:
    """The 20 most frequent confusions, one line each."""
    axes.set_axis_off()
    axes.text(0, 1, "most frequent confusions", va="top", fontweight="bold")
    for i, (share, row, column) in enumerate(_confusions(shares)[:20]):
        axes.text(
            0,
            0.95 - 0.046 * i,
            f"{share:3.0f} % of  {shorten(classes[row], 22)}  \N{RIGHTWARDS ARROW}  "
            f"{shorten(classes[column], 22)}",
            va="top",
            fontsize=8,
            parse_math=False,
            in_layout=False,
        )


def _confusions(shares: Array) -> list[tuple[float, int, int]]:
    """(share, true class, guessed class), the largest first, right answers left out."""
    wrong = [
        (float(shares[row, column]), int(row), int(column))
        for row, column in np.argwhere(shares > 0)
        if row != column
    ]
    return sorted(wrong, key=lambda found: -found[0])


# --------------------------------------------------------------------- neighbours


def neighbours(
    queries: Array,
    found: Array,
    query_names: Sequence[str] | None = None,
    found_names: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Pictures, and those that the network holds to be most alike (Fig. 4, right).

    Args:
        queries: (Q, H, W, 3) uint8 RGB.
        found: (Q, K, H, W, 3) uint8 RGB, nearest first.
        query_names: classes of the queries (Q,).
        found_names: classes of the others (Q, K); another class than the query's is
            marked.
    """
    rows, columns = found.shape[:2]
    figure = new_figure(1.05 * (columns + 1.3), 1.25 * rows + 0.3)
    grid: Any = figure.subplots(
        rows, columns + 2, squeeze=False, width_ratios=[1, 0.15, *[1] * columns]
    )
    for q, (query, gap, *others) in enumerate(grid):
        gap.set_axis_off()
        show(query, queries[q])
        if query_names is not None:
            _name(query, query_names[q], fontweight="bold")
        for k, axes in enumerate(others):
            show(axes, found[q, k])
            if found_names is None:
                continue
            name = found_names[q][k]
            if query_names is not None and name != query_names[q]:
                _name(axes, name, color=ORANGE, style="italic")
            else:
                _name(axes, name)
    return figure


def _name(axes: Axes, name: str, **how: Any) -> None:
    """The class of a small picture, above it."""
    axes.set_title(shorten(name, 16), fontsize=7, pad=2, parse_math=False, **how)
