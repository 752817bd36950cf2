"""Pictures of what happens: each function returns a matplotlib figure.

Figures are made without a screen (no pyplot), so they work in a command, in a test and
in a notebook alike: `figure` as the last line of a cell shows it (after
`%matplotlib inline`), `write(figure, path)` writes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from npalexnet.files import write_whole
from npalexnet.graph import Graph
from npalexnet.inside import Occlusion, Strongest
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


def changes(
    labels: Sequence[str], bars: Sequence[tuple[float, float]], title: str = ""
) -> Figure:
    """What an ablation found: how far the validation top-1 moves without each idea.

    Args:
        labels: what was done in place of the idea.
        bars: change in points, and its standard error.
        title: above the picture.
    """
    height = 1.0 + 0.42 * len(labels)
    figure = Figure(figsize=(8, height), layout="constrained", facecolor="white")
    axes = figure.subplots()
    values, errors = np.array(bars).reshape(-1, 2).T
    colours = [TRAIN if value >= 0 else VALIDATION for value in values]
    places = np.arange(len(labels))
    axes.barh(places, values, xerr=errors, color=colours, capsize=3, height=0.62)
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.axvline(0, color="black", lw=0.8)
    axes.set_xlabel("change of validation top-1 without the idea (points ± one s.e.)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.3)
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
        others = [
            n.rstrip("0123456789")
            for n in names[names.index(name) + 1 : end + 1]
            if n != "flatten"
        ]
        while (
            graph.output_shapes[names[end]][1:] == ()
            and len(graph.output_shapes[name]) == 3
        ):
            end -= 1  # before Flatten
        groups = getattr(graph.layers[name], "groups", 1)
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


# ------------------------------------------------------------ answers to pictures

# Bars light enough for black letters on them; the right answer's is orange.
GUESS, RIGHT = "#a8cbe6", "#f6b26b"


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
        probabilities: (N, classes).
        classes: names of the classes.
        labels: the right classes (N,): written above, their bars in another colour.
        titles: above each picture, if there are no labels.
    """
    n = len(pictures)
    columns = min(n, 2 if n <= 8 else 3)
    rows = -(-n // columns)
    figure = _figure(4.4 * columns, 1.75 * rows)
    grid: Any = figure.subplots(
        rows, 2 * columns, squeeze=False, width_ratios=[1, 1.7] * columns
    )
    figure.set_layout_engine("constrained", w_pad=0.08)  # inches
    cells = grid.reshape(rows * columns, 2)
    for axes in cells[n:].flat:
        axes.set_axis_off()
    for i, (left, right) in enumerate(cells[:n]):
        _show(left, pictures[i])
        order = np.argsort(-probabilities[i], kind="stable")[:5]
        title = titles[i] if titles is not None else ""
        if labels is not None:
            title = classes[labels[i]]
        right.set_title(_short(title, 34), fontsize=9, loc="left", parse_math=False)
        for place, c in enumerate(order):
            is_right = labels is not None and c == labels[i]
            share = float(probabilities[i, c])
            colour = RIGHT if is_right else GUESS
            right.barh(place, share, 0.8, color=colour)
            mark = "\N{CHECK MARK} " if is_right else ""
            right.text(
                0.02,
                place,
                mark + _short(classes[c], 30),
                va="center",
                fontsize=8,
                fontweight="bold" if is_right else "normal",
                parse_math=False,
            )
            right.text(
                1.2, place, f"{100 * share:.0f} %", va="center", ha="right", fontsize=8
            )
        right.set(xlim=(0, 1.2), ylim=(4.6, -0.6), xticks=[], yticks=[])
        right.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def confusion(counts: Array, classes: Sequence[str], title: str = "") -> Figure:
    """What each class is taken for: a row a true class, a column a guess.

    Colours are shares of a row, so that the diagonal shows how many of each class are
    right. Up to 20 classes there are numbers, in per cent; beyond, there is no room for
    names, and the most frequent confusions are listed beside.

    Args:
        counts: (classes, classes), of `evaluate.confusion`.
        classes: names of the classes.
        title: above the picture.
    """
    n = len(classes)
    sums = counts.sum(1, keepdims=True)
    shares = 100 * counts / np.maximum(sums, 1)
    small = n <= 20
    if small:
        figure = _figure(2.8 + 0.45 * n, 2.2 + 0.4 * n)
        axes: Any = figure.subplots()
    else:
        figure = _figure(11, 6)
        axes, beside = figure.subplots(1, 2, width_ratios=[1.5, 1])
        beside.set_axis_off()
        beside.text(0, 1, "most frequent confusions", va="top", fontweight="bold")
        for i, (share, row, column) in enumerate(_confusions(shares)[:20]):
            beside.text(
                0,
                0.95 - 0.046 * i,
                f"{share:3.0f} % of  {_short(classes[row], 22)}  \N{RIGHTWARDS ARROW}  "
                f"{_short(classes[column], 22)}",
                va="top",
                fontsize=8,
                parse_math=False,
                in_layout=False,
            )
    # beyond 20 classes a confusion is rarely more than a few per cent: lift the faint
    norm = PowerNorm(1 if small else 0.5, 0, 100)
    image = axes.imshow(shares, cmap="Blues", norm=norm, interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, shrink=0.8, ticks=[0, 5, 20, 50, 100])
    bar.set_label("share of the true class (%)")
    axes.set(xlabel="guessed class", ylabel="true class")
    if small:
        names = [_short(name, 22) for name in classes]
        rows = [f"{name} ({int(s)})" for name, s in zip(names, sums[:, 0], strict=True)]
        axes.set_xticks(range(n), names, rotation=90, parse_math=False)
        axes.set_yticks(range(n), rows, parse_math=False)
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
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _confusions(shares: Array) -> list[tuple[float, int, int]]:
    """(share, true, guessed), the largest first, the diagonal left out."""
    wrong = [
        (float(shares[row, column]), int(row), int(column))
        for row, column in np.argwhere(shares > 0)
        if row != column
    ]
    return sorted(wrong, key=lambda found: -found[0])


# ---------------------------------------------------------------- looking inside


def activations(
    maps: Mapping[str, Array], picture: Array | None = None, most: int = 16
) -> Figure:
    """What layers say to one picture, a row a layer.

    Of a layer's maps the `most` strongest are shown, in their order, with their
    numbers. One layer's maps share their colours: from black, 0, to light, the layer's
    largest; where there are negative values, before a ReLU, from blue over white, 0, to
    red. A layer without places is a row of bars.

    Args:
        maps: layer to activation, (C, P, Q) or (D,), as
            `{n: y[0] for n, y in graph.activations(x, names).items()}` gives them.
        picture: (H, W, 3) uint8 RGB, shown above.
        most: maps of a layer.
    """
    margin, cell = 1.15, 0.62  # inches: words to the left, and a map
    width = margin + (cell + 0.06) * most
    heights = [0.9 if values.ndim == 3 else 1.25 for values in maps.values()]
    over = 0.25 if picture is None else 1.75
    height = over + sum(heights) + 0.1
    figure = Figure(figsize=(width, height), facecolor="white")

    def place(left: float, top: float, across: float, down: float) -> Any:
        """Axes at a place that is given in inches from the upper left corner."""
        where = (left / width, 1 - (top + down) / height, across / width, down / height)
        return figure.add_axes(where)

    if picture is not None:
        _show(place(margin, 0.1, 1.4, 1.4), picture)
    for (name, values), tall in zip(maps.items(), heights, strict=True):
        label = place(0.05, over, margin, cell)
        label.set_axis_off()
        shape = " x ".join(map(str, values.shape))
        low, high = float(values.min()), float(values.max())
        says = f"{name}\n{shape}\n{low:.3g} to {high:.3g}"
        label.text(0, 0.5, says, va="center", fontsize=7.5, parse_math=False)
        if values.ndim == 1:
            axes = place(margin + 0.25, over, width - margin - 0.4, tall - 0.45)
            axes.bar(np.arange(len(values)), values, 0.8, color=TRAIN)
            axes.axhline(0, color="black", lw=0.5)
            axes.set_xlim(-1, len(values))
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.set_xlabel("unit", fontsize=7, labelpad=1)
            axes.tick_params(labelsize=7)
            axes.spines[["top", "right"]].set_visible(False)
        else:
            peaks = values.max((1, 2))
            chosen = np.sort(np.argsort(-peaks, kind="stable")[:most])
            how: dict[str, Any] = {"cmap": "magma", "vmin": 0, "vmax": high}
            if low < 0:
                edge = max(high, -low)
                how = {"cmap": "RdBu_r", "vmin": -edge, "vmax": edge}
            for i, unit in enumerate(chosen):
                axes = place(margin + i * (cell + 0.06), over, cell, cell)
                _show(axes, values[unit], **how)
                axes.set_title(str(unit), fontsize=7, pad=2)
        over += tall
    return figure


def strongest(pictures: Array, found: Strongest) -> Figure:
    """The pictures that excite units most, a row a unit, strongest first.

    A frame marks what the unit sees of the picture at the place where it answers most;
    there is none where that is all of it. Below, the strength of the answer.

    Args:
        pictures: all that were searched, (N, crop, crop, 3), of `inside.seen`.
        found: of `inside.strongest`.
    """
    rows, columns = found.pictures.shape
    side = pictures.shape[1]
    figure = _figure(0.9 + 1.05 * columns, 0.4 + 1.25 * rows)
    grid: Any = figure.subplots(rows, columns, squeeze=False)
    for u, i in np.ndindex(rows, columns):
        axes = grid[u, i]
        _show(axes, pictures[found.pictures[u, i]])
        top, left, bottom, right = (int(edge) for edge in found.boxes[u, i])
        if (top, left, bottom, right) != (0, 0, side, side):
            _frame(axes, (top, left, bottom, right))
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
            _beside(axes, f"unit {found.units[u]}")
    figure.suptitle(f"what excites {found.layer}", fontsize=10)
    return figure


def occlusion(picture: Array, found: Occlusion, name: str = "the class") -> Figure:
    """Where the network looks: what covering a part of the picture costs.

    Args:
        picture: (crop, crop, 3) uint8 RGB, of `inside.seen`.
        found: of `inside.occlusion`.
        name: of the class whose probability was watched.
    """
    figure = _figure(9.8, 3.1)
    whole, covered, map_axes = panels = figure.subplots(1, 3)
    top, left, bottom, right = found.worst()
    says = f"{_short(name, 24)}: {100 * found.before:.0f} %"
    _show(whole, picture)
    whole.set_title(says, fontsize=9, parse_math=False)
    grey = picture.copy()
    grey[top:bottom, left:right] = 128
    _show(covered, grey)
    after = 100 * float(found.after.min())
    covered.set_title(f"with the costliest cover: {after:.0f} %", fontsize=9)
    lost = 100 * found.lost()
    _show(map_axes, picture.mean(2), cmap="gray", vmin=0, vmax=255)
    largest = max(float(np.abs(lost).max()), 1)  # less than a point is nothing
    image = map_axes.imshow(
        lost, cmap="RdBu_r", vmin=-largest, vmax=largest, alpha=0.65
    )
    map_axes.set_title(f"covers of {found.size} x {found.size} pixels", fontsize=9)
    bar = figure.colorbar(image, ax=panels.tolist(), fraction=0.03, pad=0.01)
    bar.set_label("probability lost by covering (points)", fontsize=8)
    return figure


def saliency(
    pictures: Array,
    maps: Array,
    names: Sequence[str] | None = None,
    boxes: Sequence[Sequence[int]] | None = None,
) -> Figure:
    """Pictures, and below each which of its pixels would change the answer most.

    Args:
        pictures: (N, crop, crop, 3) uint8 RGB, of `inside.seen`.
        maps: (N, crop, crop), of `inside.strength`; each is drawn from 0 to its own
            largest value.
        names: above the pictures, the classes that were asked for.
        boxes: top, left, bottom, right of a frame in each.
    """
    n = len(pictures)
    figure = _figure(1.6 * n + 0.9, 3.6)
    grid: Any = figure.subplots(2, n, squeeze=False)
    for i in range(n):
        _show(grid[0, i], pictures[i])
        image = grid[1, i].imshow(
            maps[i] / (maps[i].max() + 1e-30), cmap="magma", vmin=0, vmax=1
        )
        grid[1, i].set_axis_off()
        if names is not None:
            grid[0, i].set_title(_short(names[i], 18), fontsize=9, parse_math=False)
        if boxes is not None:
            for axes in grid[:, i]:
                _frame(axes, boxes[i])
    bar = figure.colorbar(
        image, ax=grid[1].tolist(), ticks=[0, 1], fraction=0.15 / n, pad=0.01
    )
    bar.ax.set_yticklabels(["0", "largest"], fontsize=8)
    bar.set_label("|∂score / ∂pixel|", fontsize=8)
    return figure


def neighbours(
    queries: Array,
    found: Array,
    query_names: Sequence[str] | None = None,
    found_names: Sequence[Sequence[str]] | None = None,
) -> Figure:
    """Pictures, and those that the network holds to be most alike (Fig. 4, right).

    Args:
        queries: (Q, H, W, 3) uint8 RGB.
        found: (Q, K, H, W, 3), nearest first.
        query_names: classes of the queries.
        found_names: classes of the others; another class than the query's is marked.
    """
    rows, columns = found.shape[:2]
    figure = _figure(1.05 * (columns + 1.3), 1.25 * rows + 0.3)
    grid: Any = figure.subplots(
        rows, columns + 2, squeeze=False, width_ratios=[1, 0.15, *[1] * columns]
    )
    for q in range(rows):
        grid[q, 1].set_axis_off()
        _show(grid[q, 0], queries[q])
        if query_names is not None:
            name = _short(query_names[q], 16)
            grid[q, 0].set_title(
                name, fontsize=7, pad=2, fontweight="bold", parse_math=False
            )
        for k in range(columns):
            axes = grid[q, k + 2]
            _show(axes, found[q, k])
            if found_names is None:
                continue
            name = found_names[q][k]
            other = query_names is not None and name != query_names[q]
            axes.set_title(
                _short(name, 16),
                fontsize=7,
                pad=2,
                color=VALIDATION if other else "black",
                style="italic" if other else "normal",
                parse_math=False,
            )
    return figure


# ------------------------------------------------------------------ shared pieces


def _figure(width: float, height: float) -> Figure:
    """A white figure, in inches: dark themes of notebooks must not shine through."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _show(axes: Any, picture: Array, **how: Any) -> None:
    """A picture without axes, as large as its place."""
    axes.imshow(picture, **how)
    axes.set_axis_off()


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _frame(axes: Any, box: Sequence[int]) -> None:
    """A frame around pixels top, left, bottom, right; seen on light and on dark."""
    top, left, bottom, right = box
    corner, width, height = (left - 0.5, top - 0.5), right - left, bottom - top
    for colour, line in (("black", 2.6), ("#ffd60a", 1.3)):
        axes.add_patch(
            Rectangle(corner, width, height, fill=False, edgecolor=colour, lw=line)
        )


def _beside(axes: Any, text: str) -> None:
    """Words to the left of a picture."""
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
