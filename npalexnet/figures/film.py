"""A film: the first layer's filters, epoch after epoch, as a GIF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from npalexnet.figures.style import columns_for
from npalexnet.layers.layer import Array
from npalexnet.system.files import write_whole

CELL = 30  # pixels, about, for the side of a filter
CAPTION = 16  # pixels for a line of words
MILLISECONDS = 250  # for a frame; the last one stays for two seconds


def sheet(filters: Array, words: str) -> Image.Image:
    """One frame: filters (F, K, K, 3 or 1) in bytes, side by side, and a line below."""
    count, k = filters.shape[:2]
    columns = columns_for(count)
    rows, zoom = -(-count // columns), max(1, CELL // k)
    cell = k * zoom + 2
    page = np.full((rows * cell + CAPTION, columns * cell, 3), 255, np.uint8)
    large = filters.repeat(zoom, 1).repeat(zoom, 2)  # one channel fills all three
    for i, picture in enumerate(large):
        top, left = cell * (i // columns) + 1, cell * (i % columns) + 1
        page[top : top + k * zoom, left : left + k * zoom] = picture
    image = Image.fromarray(page)
    ImageDraw.Draw(image).text((2, rows * cell + 2), words, fill="black")
    return image


def write_film(frames: Sequence[Array], epochs: Sequence[int], path: Path) -> None:
    """Write frames as a GIF that repeats for ever, whole or not at all.

    Args:
        frames: (F, K, K, 3 or 1) uint8 each, as `training.film.frame` makes them.
        epochs: after how many epochs each was taken.
        path: of the file.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    first, *others = (
        sheet(filters, f"epoch {epoch}")
        for filters, epoch in zip(frames, epochs, strict=True)
    )
    shown = [MILLISECONDS] * len(others) + [2000]
    write_whole(
        path,
        lambda file: first.save(
            file, "GIF", save_all=True, append_images=others, duration=shown, loop=0
        ),
    )
