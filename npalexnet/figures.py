"""Pictures of what happens: each function returns a matplotlib figure.

Figures are made without a screen (no pyplot), so they work in a command, in a test and
in a notebook alike: `figure` as the last line of a cell shows it,
`figure.savefig(path)` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from npalexnet.layers.layer import Array

# Two colours that colour-blind readers tell apart, on white and on black.
TRAIN, VALIDATION = "#2f7ebc", "#e2711d"


def curves(rows: Sequence[Mapping[str, str]], title: str = "") -> Figure:
    """Loss and accuracy over the epochs.

    Args:
        rows: of log.csv, as `runs.read_log` gives them.
        title: above the picture.
    """

    def column(name: str) -> tuple[list[float], list[float]]:
        said = [row for row in rows if row[name] != ""]
        return [float(r["epoch"]) for r in said], [float(r[name]) for r in said]

    figure = Figure(figsize=(9, 3.6), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    for axes, train, val, label in (
        (left, "loss", "val_loss", "loss (nats)"),
        (right, "train_acc", "val_top1", "accuracy (%)"),
    ):
        factor = 100 if axes is right else 1
        for name, colour, says in (
            (train, TRAIN, "training, with dropout and augmentation"),
            (val, VALIDATION, "validation"),
        ):
            epochs, values = column(name)
            values = [factor * v for v in values]
            marker = "o" if len(epochs) < 40 else None
            axes.plot(epochs, values, color=colour, marker=marker, ms=3.5, label=says)
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    rates = [float(row["lr"]) for row in rows]
    for row, before in zip(rows[1:], rates, strict=False):
        if float(row["lr"]) != before:
            where = float(row["epoch"]) - 1
            for axes in (left, right):
                axes.axvline(where, color="grey", ls=":", lw=1)
            note = f"lr {float(row['lr']):g}"
            right.annotate(
                note, (where, 3), ha="right", fontsize=7, color="grey", rotation=90
            )
    right.set_ylim(0, 100)
    left.set_ylim(bottom=0)
    left.legend(frameon=False, fontsize=8)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def filters(w: Array, title: str = "") -> Figure:
    """A first layer's filters (F, 3, K, K) as small colour pictures (paper Fig. 3).

    Each is stretched by itself so that its largest weight is full colour, and zero is
    grey.
    """
    f = len(w)
    columns = 16 if f > 64 else 12 if f > 32 else 8
    rows = -(-f // columns)
    figure = Figure(
        figsize=(columns * 0.55, rows * 0.55 + 0.4),
        layout="constrained",
        facecolor="white",
    )
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    for i, ax in enumerate(axes.flat):
        ax.set_axis_off()
        if i < f:
            picture = w[i].transpose(1, 2, 0)
            ax.imshow(0.5 + 0.5 * picture / (np.abs(picture).max() + 1e-12))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
