"""What an answer rests on: the parts of a picture that it depends on most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from npalexnet.figures.style import frame, new_figure, shorten, show
from npalexnet.layers.layer import Array
from npalexnet.net.inside import Occlusion


def occlusion(picture: Array, found: Occlusion, name: str = "the class") -> Figure:
    """Where the network looks: what covering a part of the picture costs.

    From left to right: the picture, the picture with the cover that costs most, and for
    each pixel the probability that covers over it cost.

    Args:
        picture: (crop, crop, 3) uint8 RGB, of `Input.crop_centre`.
        found: of `inside.occlusion`.
        name: of the class whose probability was watched.
    """
    figure = new_figure(9.8, 3.1)
    whole, covered, places = panels = figure.subplots(1, 3)
    show(whole, picture)
    says = f"{shorten(name, 24)}: {100 * found.before:.0f} %"
    whole.set_title(says, fontsize=9, parse_math=False)

    top, left, bottom, right = found.worst()
    grey = picture.copy()
    grey[top:bottom, left:right] = 128
    show(covered, grey)
    after = 100 * float(found.after.min())
    covered.set_title(f"with the costliest cover: {after:.0f} %", fontsize=9)

    lost = 100 * found.lost()
    show(places, picture.mean(2), cmap="gray", vmin=0, vmax=255)
    largest = max(float(np.abs(lost).max()), 1)  # less than a point is nothing
    image = places.imshow(lost, cmap="RdBu_r", vmin=-largest, vmax=largest, alpha=0.65)
    places.set_title(f"covers of {found.size} x {found.size} pixels", fontsize=9)
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
        pictures: (N, crop, crop, 3) uint8 RGB, of `Input.crop_centre`.
        maps: (N, crop, crop), of `inside.saliency_map`; each is drawn from 0 to its own
            largest value.
        names: above the pictures, the classes that were asked for.
        boxes: top, left, bottom, right of a frame in each.
    """
    n = len(pictures)
    figure = new_figure(1.6 * n + 0.9, 3.6)
    grid: Any = figure.subplots(2, n, squeeze=False)
    for i, (above, below) in enumerate(grid.T):
        show(above, pictures[i])
        shares = maps[i] / (maps[i].max() + 1e-30)
        show(below, shares, cmap="magma", vmin=0, vmax=1)
        if names is not None:
            above.set_title(shorten(names[i], 18), fontsize=9, parse_math=False)
        if boxes is not None:
            frame(above, boxes[i])
            frame(below, boxes[i])
    bar = figure.colorbar(
        grid[1, 0].images[0],  # all maps have the same range
        ax=grid[1].tolist(),
        ticks=[0, 1],
        fraction=0.15 / n,
        pad=0.01,
    )
    bar.ax.set_yticklabels(["0", "largest"], fontsize=8)
    bar.set_label("|∂score / ∂pixel|", fontsize=8)
    return figure
