"""Pictures of what happens: each function returns a matplotlib figure.

Figures are made without a screen (no pyplot), so they work in a command, in a test and
in a notebook alike: `figure` as the last line of a cell shows it,
`figure.savefig(path)` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from npalexnet.files import write_whole
from npalexnet.graph import Graph
from npalexnet.layers.layer import Array

# Two colours that colour-blind readers tell apart, on white and on black.
TRAIN, VALIDATION = "#2f7ebc", "#e2711d"
# The two columns of grouped layers.
COLUMNS = "#4c956c", "#8f6bb0"


def write(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    write_whole(path, lambda file: figure.savefig(file, dpi=150, format="png"))


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


def network(graph: Graph) -> Figure:
    """The network from left to right, and what each layer weighs and works.

    Above, what comes out of each convolutional and fully connected layer (after its
    ReLU, normalisation and pooling): as high as its maps, as wide as they are many, in
    two columns where two groups do not see each other. Below, each layer's share of the
    parameters and of the multiply-adds.
    """
    learned = [name for name, layer in graph.layers.items() if layer.params]
    figure = Figure(figsize=(11, 5.2), layout="constrained", facecolor="white")
    top, below = figure.subplots(2, 1, height_ratios=[2.1, 1])
    _draw_blocks(top, graph, learned)

    shape, parameters, work = graph.input_shape, [], []
    for name, layer in graph.layers.items():
        if layer.params:
            parameters.append(sum(p.data.size for p in layer.params.values()))
            work.append(layer.multiply_adds(shape))
        shape = graph.output_shapes[name]
    places = np.arange(len(learned))
    for values, offset, colour, says in (
        (parameters, -0.2, TRAIN, "parameters"),
        (work, 0.2, VALIDATION, "multiply-adds"),
    ):
        share = 100 * np.array(values) / sum(values)
        bars = below.bar(places + offset, share, 0.38, color=colour)
        bars.set_label(f"{says}: {sum(values):,} in all")
        for place, value in zip(places, share, strict=True):
            text = f"{value:.0f}" if value >= 1 else f"{value:.1f}"
            below.text(place + offset, value + 1, text, ha="center", fontsize=8)
    below.set_xticks(places, learned)
    below.set_ylabel("share (%)")
    below.set_ylim(0, 75)
    below.spines[["top", "right"]].set_visible(False)
    below.legend(frameon=False, fontsize=9)
    return figure


def _draw_blocks(axes: Any, graph: Graph, learned: Sequence[str]) -> None:
    """The upper half of `network`."""
    names = list(graph.layers)
    ends = [names.index(name) - 1 for name in learned[1:]] + [len(names) - 1]
    steps = [("input", graph.input_shape, 1, "")]
    for name, end in zip(learned, ends, strict=True):
        while (
            graph.output_shapes[names[end]][1:] == ()
            and len(graph.output_shapes[name]) == 3
        ):
            end -= 1  # before Flatten
        groups = getattr(graph.layers[name], "groups", 1)
        others = [
            n.rstrip("0123456789") for n in names[names.index(name) + 1 : end + 1]
        ]
        shape = graph.output_shapes[names[end]]
        steps.append((name, shape, groups, ", ".join(others)))
    x = 0.0
    side = graph.input_shape[-1]
    for name, shape, groups, also in steps:
        if len(shape) == 3:
            height = 1.6 * (shape[1] / side) ** 0.5
            width = 0.12 + shape[0] / 900
        else:
            height, width = 1.1 * (shape[0] / 4096) ** 0.5 + 0.25, 0.16
        for g in range(groups):
            low = -height / 2 + (g - (groups - 1) / 2) * (height + 0.12)
            colour = "#9aa5b1" if name == "input" else COLUMNS[g % 2]
            depth = 0.12 if len(shape) == 3 else 0.05
            face = [(x, low), (x + width, low), (x + width, low + height)]
            face.append((x, low + height))
            upper = [(x, low + height), (x + depth, low + height + depth)]
            upper += [(x + width + depth, low + height + depth), face[2]]
            right = [face[1], (x + width + depth, low + depth), upper[2], face[2]]
            for corners, alpha in ((face, 0.85), (upper, 0.55), (right, 0.7)):
                axes.add_patch(
                    Polygon(corners, facecolor=colour, alpha=alpha, edgecolor="white")
                )
        size = " x ".join(map(str, shape))
        middle = x + width / 2
        axes.text(middle, -1.3, f"{name}\n{size}", ha="center", fontsize=9)
        axes.text(middle, -1.45, also, ha="center", fontsize=7, color="grey")
        x += max(width, 0.62) + 0.75
    axes.set_xlim(-0.4, x - 0.6)
    axes.set_ylim(-1.55, 1.05)
    axes.set_aspect("equal")
    axes.set_axis_off()
