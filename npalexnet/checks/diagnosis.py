"""Is a result right, up to rounding? If not: a known mistake, or how does it differ?

`difference` compares what was found with what is right. If they differ it looks, in
this order, at

    suspects    the mistakes that people make (exercise.py): is it what one of them
                gives?
    form        another shape, or axes that are not added up; NaN
    numbers     a factor, a sign, axes that are exchanged, wrong on the border only

and says what it sees in a sentence or two, never how the right line reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from npalexnet.checks.exercise import Exercise, Known, sentence
from npalexnet.checks.instruments import compare
from npalexnet.layers.layer import Array


def same(found: Array, right: Array) -> bool:
    """Equal shapes, and equal numbers up to rounding; NaN equals NaN."""
    if found.shape != right.shape:
        return False
    single = min(found.dtype.itemsize, right.dtype.itemsize) < 8
    single &= found.dtype.kind == "f"
    finite = np.abs(right[np.isfinite(right)])
    scale = float(finite.max(initial=0)) or 1.0
    tolerance = scale * (1e-4 if single else 1e-9)
    return np.allclose(found, right, rtol=0, atol=tolerance, equal_nan=True)


def difference(exercise: Exercise, t: Known, name: str, found: Array) -> str | None:
    """What is wrong with this result, or None."""
    right = np.asarray(getattr(t, name))
    if same(found, right):
        return other_dtype(name, found, right)
    for suspect in exercise.suspects[name]:
        wrong = suspect(t)
        if wrong is not None and same(found, np.asarray(wrong)):
            return sentence(suspect)
    if found.shape != right.shape:
        return other_shape(t, name, found, right)
    if not np.isfinite(found).all():
        return not_finite(name, found)
    return other_numbers(t, name, found.astype(float), right.astype(float))


def other_dtype(name: str, found: Array, right: Array) -> str | None:
    """Right numbers in another dtype than the input has: says so, or None."""
    if right.ndim == 0 or found.dtype == right.dtype:
        return None
    return (
        f"The numbers are right, but {name} is {found.dtype} where the input is "
        f"{right.dtype}, and so will be whatever is computed from it. np.zeros and its "
        "like make float64 unless they are given a dtype."
    )


def other_shape(t: Known, name: str, found: Array, right: Array) -> str:
    """Of a result with the wrong shape: what it is, and what may have happened."""
    array = name[1:]
    gradient = name.startswith("d") and hasattr(t, array)
    says = f"Its shape is {found.shape} and should be {right.shape}"
    says += f", that of {array}." if gradient else "."
    if found.ndim == 2 and same(found.T, right):
        return f"{says} The numbers are right, but rows and columns are exchanged."
    for axes in subsets(found.ndim):
        if same(found.sum(axes), right):
            return (
                f"{says} The single numbers are right, but not added up yet: what is "
                "used more than once collects from each use."
            )
    others = [k for k in vars(t) if hasattr(t, f"d{k}") and k != array]
    others = [k for k in others if np.shape(getattr(t, k)) == found.shape]
    if gradient and others:
        return f"{says} It has the shape of {others[0]}: mind the order of the results."
    return says


def subsets(count: int) -> Iterator[tuple[int, ...]]:
    """(0,), (1,), (0, 1), ...: some of the first numbers, at least one of them."""
    sizes = range(1, min(count, 6) + 1)
    return itertools.chain.from_iterable(
        itertools.combinations(range(count), size) for size in sizes
    )


def not_finite(name: str, found: Array) -> str:
    """How many numbers are NaN or infinite, and where the first one is."""
    bad = ~np.isfinite(found)
    at = np.unravel_index(int(bad.argmax()), bad.shape)
    place = list(map(int, at))
    return (
        f"{bad.sum()} of its {bad.size} numbers are NaN or infinite, first at {place}."
    )


def other_numbers(t: Known, name: str, found: Array, right: Array) -> str:
    """A factor, a sign, an exchange of axes, a place; always where it is worst."""
    if not found.any():
        return f"{name} is zero everywhere."
    says = factor(t, name, found, right) or places(t, name, found, right)
    if right.ndim == 4 and right.shape[-1] == right.shape[-2]:
        if same(found.swapaxes(-1, -2), right):
            says = "The last two axes, row and column, are exchanged."
        if same(found[..., ::-1, ::-1], right):
            says = "It is upside down: rows and columns run backwards."
    worst = compare(name, found, right)
    at = f" at {list(worst.where)}" if worst.where else ""
    return f"{says} Worst{at}: yours {worst.claimed:.4g}, right {worst.found:.4g}."


def factor(t: Known, name: str, found: Array, right: Array) -> str | None:
    """Is it the right one times a number?"""
    ratio = float((found * right).sum() / max((right * right).sum(), 1e-300))
    if not ratio or not same(found, ratio * right):
        return None
    count = abs(ratio) if abs(ratio) > 1 else 1 / abs(ratio)
    whole = abs(count - round(count)) < 1e-6
    if right.size < 3 and not whole:
        return None  # one number is always a multiple of another
    if abs(ratio + 1) < 1e-6:
        return f"Its sign is wrong: your {name} is -1 times the right one."
    sign = "-" if ratio < 0 else ""
    times = f"{count:.1f}" if whole else f"{abs(ratio):.4g}"
    if whole and abs(ratio) < 1:
        times = f"1/{count:.0f}"
    says = f"Your {name} is {sign}{times} times the right one."
    words = [
        plural(axis)
        for result, axes in t.axes.items()
        for axis, size in zip(axes.split(), np.shape(getattr(t, result)), strict=False)
        if whole and size == round(count)
    ]
    if words:
        says += f" {count:.0f} is the number of {' and of '.join(dict.fromkeys(words))}"
        says += " in this trial."
    return says


def plural(word: str) -> str:
    """The word for more than one: "place", "places"."""
    return word + ("es" if word.endswith("s") else "s")


def places(t: Known, name: str, found: Array, right: Array) -> str:
    """Where are the wrong numbers?"""
    scale = float(np.abs(right).max()) or 1.0
    wrong = np.abs(found - right) > 1e-4 * scale
    count = f"{wrong.sum()} of {wrong.size} numbers are wrong"
    for axis, word in enumerate(t.axes[name].split()):
        along = wrong.any(tuple(a for a in range(wrong.ndim) if a != axis))
        bad, good = np.flatnonzero(along), np.flatnonzero(~along)
        if len(good):
            return (
                f"{count}: right where {word} is {listed(good)}, wrong where it is "
                f"{listed(bad)}."
            )
    inner = (..., slice(1, -1), slice(1, -1))
    if wrong.ndim == 4 and wrong[inner].size and not wrong[inner].any():
        return f"{count}: the inside is right, the border is wrong."
    return f"{count}."


def listed(indices: Array) -> str:
    """Numbers with commas between them."""
    return ", ".join(map(str, indices))
