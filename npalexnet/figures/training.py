"""What came of training: the curves of one run, and what an ablation found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from npalexnet.figures.style import BLUE, ORANGE, new_figure
from npalexnet.layers.layer import Array

Rows = Sequence[Mapping[str, Any]]  # of log.csv: column to text or number, per epoch


def curves(
    rows: Rows,
    title: str = "",
    training: str = "training, with dropout and augmentation",
) -> Figure:
    """Loss and accuracy over the epochs.

    Dotted lines mark where the learning rate changed.

    Args:
        rows: of log.csv, as `training.folder.read_log` gives them, or `fit`.
        title: above the figure.
        training: what is said of the curve that is no validation.
    """
    figure = new_figure(9, 3.6, title)
    loss, accuracy = figure.subplots(1, 2)
    labels = (training, "validation")
    _draw_curves(loss, rows, ("loss", "val_loss"), labels)
    _draw_curves(accuracy, rows, ("train_acc", "val_top1"), labels, factor=100)
    loss.set_ylabel("loss (nats)")
    accuracy.set_ylabel("accuracy (%)")
    for epoch, rate in _rate_changes(rows):
        for axes in (loss, accuracy):
            axes.axvline(epoch, color="grey", ls=":", lw=1)
        note, place = f"lr {rate:g}", (epoch, 3)
        accuracy.annotate(
            note, place, ha="right", fontsize=7, color="grey", rotation=90
        )
    accuracy.set_ylim(0, 100)
    loss.set_ylim(bottom=0)
    if rows:
        loss.legend(frameon=False, fontsize=8)
    return figure


def chart(
    log: Mapping[str, Array], beside: Mapping[str, Array], title: str = ""
) -> Figure:
    """The curves of a patient of the clinic, those of the healthy network in grey.

    Args:
        log: of a `Patient`: `step`, `loss`, `train_acc`; `epoch`, `val_loss`,
            `val_acc`.
        beside: the log of the healthy one.
        title: above the figure.
    """
    figure = new_figure(9, 2.8, title)
    loss, accuracy = figure.subplots(1, 2)
    steps_per_epoch = beside["step"][-1] / beside["epoch"][-1]
    for axes, (trained, tested), factor in (
        (loss, ("loss", "val_loss"), 1),
        (accuracy, ("train_acc", "val_acc"), 100),
    ):
        for run, colours in ((beside, ("#cccccc", "#999999")), (log, (BLUE, ORANGE))):
            steps = run["step"] / steps_per_epoch
            axes.plot(steps, factor * run[trained], color=colours[0], lw=1.2)
            axes.plot(run["epoch"], factor * run[tested], "o-", color=colours[1], ms=3)
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    loss.set(ylabel="loss (nats)", ylim=(0, 3.5))
    accuracy.set(ylabel="accuracy (%)", ylim=(0, 100))
    lines = accuracy.get_lines()
    accuracy.legend(
        [lines[2], lines[3], lines[1]],
        ["training, with dropout", "validation", "healthy"],
        frameon=False,
        fontsize=8,
        loc="upper left",
    )
    return figure


def _draw_curves(
    axes: Axes,
    rows: Rows,
    columns: tuple[str, str],
    labels: tuple[str, str],
    factor: float = 1,
) -> None:
    """One quantity over the epochs, in training and in validation.

    Args:
        axes: where to draw.
        rows: of log.csv.
        columns: name of the quantity in training, and in validation.
        labels: what they are called; one that was never measured is left out.
        factor: what to multiply it by; 100 turns a fraction into per cent.
    """
    for column, colour, label in zip(columns, (BLUE, ORANGE), labels, strict=True):
        measured = [row for row in rows if row[column] not in ("", None)]
        if not measured:
            continue
        epochs = [float(row["epoch"]) for row in measured]
        values = [factor * float(row[column]) for row in measured]
        marker = "o" if len(epochs) < 40 else None
        axes.plot(epochs, values, color=colour, marker=marker, ms=3.5, label=label)
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _rate_changes(rows: Rows) -> list[tuple[float, float]]:
    """(epochs before it, new learning rate) of each change of the learning rate."""
    rates = [float(row["lr"]) for row in rows]
    return [
        (float(row["epoch"]) - 1, rate)
        for row, rate, before in zip(rows[1:], rates[1:], rates, strict=False)
        if rate != before
    ]


def changes(
    labels: Sequence[str], bars: Sequence[tuple[float, float]], title: str = ""
) -> Figure:
    """What an ablation found: how far the validation top-1 moves without each idea.

    Args:
        labels: what was done in place of each idea.
        bars: for each, the change in percentage points, and its standard error.
        title: above the figure.
    """
    figure = new_figure(8, 1.0 + 0.42 * len(labels), title)
    axes = figure.subplots()
    values, errors = np.array(bars).reshape(-1, 2).T
    colours = [BLUE if value >= 0 else ORANGE for value in values]
    places = np.arange(len(labels))
    axes.barh(places, values, xerr=errors, color=colours, capsize=3, height=0.62)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.set_xlabel("change of validation top-1 without the idea (points ± one s.e.)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
    return figure
