"""From labels as people write them, numbers or names, to the numbers of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.augment import generator
from npalexnet.system.errors import UserError

Labels = npt.NDArray[np.int64]


def as_labels(
    labels: npt.ArrayLike, images: int, outputs: int, known: tuple[str, ...] = ()
) -> tuple[Labels, tuple[str, ...]]:
    """The class of each image as a number, and the names of the classes.

    Args:
        labels: (N,) whole numbers in [0, outputs), in any dtype; or names.
        images: how many there are, N.
        outputs: how many classes the network tells apart.
        known: their names, if it has learned them before; names are then looked up
            here, and else sorted, one for each output.

    Returns:
        (N,) numbers, and the names; () if neither labels nor network have any.

    Raises:
        UserError: the labels do not fit; says which, and what to do.
    """
    found = np.asarray(labels)
    if found.shape != (images,):
        hint = "; give labels.argmax(1)" if found.shape == (images, outputs) else ""
        hint = "; give labels.reshape(-1)" if found.shape == (images, 1) else hint
        raise UserError(
            f"labels are {found.shape}, and must be ({images},), one for each "
            f"image{hint}"
        )
    if found.dtype.kind == "O" and not any(isinstance(v, str | bytes) for v in found):
        found = np.array(found.tolist())
    if found.dtype.kind not in "USO":
        return _from_numbers(found, outputs), known
    for i, name in enumerate(found):
        if not isinstance(name, str | bytes):
            raise UserError(
                f"labels must be whole numbers or names, and that of image {i} is "
                f"{name!r}"
            )
    return _from_names([_text(name) for name in found], outputs, known)


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def _from_names(
    names: Sequence[str], outputs: int, known: tuple[str, ...]
) -> tuple[Labels, tuple[str, ...]]:
    """Names, looked up among those that are known or, else, among themselves."""
    classes = known or tuple(sorted(set(names)))
    if len(classes) != outputs:
        some = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
        raise UserError(
            f"labels name {len(classes)} classes ({some}), and the network ends in "
            f"{outputs} outputs; build it with classes={len(classes)}"
        )
    number = {name: i for i, name in enumerate(classes)}
    for i, name in enumerate(names):
        if name not in number:
            some = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
            raise UserError(
                f"label {name!r} of image {i} is none of the network's {len(classes)} "
                f"classes ({some}); correct it, or build a new network for these labels"
            )
    return np.array([number[name] for name in names], np.int64), classes


def _from_numbers(found: npt.NDArray[Any], outputs: int) -> Labels:
    """Whole numbers in their range."""
    if found.dtype.kind not in "biuf":
        raise UserError(f"labels must be whole numbers or names, and are {found.dtype}")
    bad = np.flatnonzero(~(np.isfinite(found) & (found == np.floor(found))))
    if len(bad):
        raise UserError(
            f"labels must be whole numbers or names, and that of image {bad[0]} is "
            f"{found[bad[0]]}"
        )
    outside = np.flatnonzero((found < 0) | (found >= outputs))
    if len(outside):
        low, high = int(found.min()), int(found.max())
        fix = f"build the network with classes={high + 1}"
        if low == 1 and high == outputs:
            fix = "give labels - 1"
        elif low < 0:
            fix = "leave out images without a label"
        raise UserError(
            f"labels must lie in 0 to {outputs - 1}, the network's {outputs} classes, "
            f"and that of image {outside[0]} is {int(found[outside[0]])}; {fix}"
        )
    return found.astype(np.int64)


def hold_out(labels: Labels, share: float, seed: int) -> tuple[Labels, Labels]:
    """Numbers of the images to learn from, and of those held out for validation.

    Of each class the same share is held out, at least one and never all. The draw is a
    function of seed and class.

    Raises:
        UserError: share is not between 0 and 1, or no class has two images.
    """
    if not 0 < share < 1:
        raise UserError(
            f"validation must be a share between 0 and 1, or (x, labels), and is "
            f"{share}"
        )
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        here = np.flatnonzero(labels == label)
        count = min(len(here) - 1, max(1, round(share * len(here))))
        order = generator(seed, "validation", int(label)).permutation(len(here))
        held[here[order[:count]]] = True
    if not held.any():
        raise UserError(
            "no class has two images, so none can be held out for validation; give "
            "more images, or validation=None"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)
