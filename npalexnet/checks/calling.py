"""Calling somebody's code: whatever it does, the answer is a result or a Complaint.

The judge calls functions that may raise, leave the interpreter, write into what they
are given, return nothing, too little, or something that is no array at all. (A loop
without end must be interrupted by hand.)
"""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from npalexnet.layers.layer import Array

Function = Callable[..., Any]
Arrays = Mapping[str, Array]


class Complaint(Exception):
    """Something is wrong; the text says what."""


class Empty(Complaint):
    """Nothing is there yet to be judged."""

    def __init__(self) -> None:
        super().__init__("not filled in yet")


def copies(arrays: Arrays) -> dict[str, Array]:
    """So that nobody can write into the originals."""
    return {name: array.copy() for name, array in arrays.items()}


def call(function: Function, given: Mapping[str, Any], **more: Any) -> Any:
    """function(*given, **more); whatever goes wrong is a Complaint.

    Args:
        function: somebody's.
        given: its arrays, in order, and "cache", which it may change.
        more: its settings; it gets copies of them.

    Raises:
        Empty: it raised NotImplementedError.
        Complaint: it raised something else, or wrote into what it was given.
    """
    before = {name: v.copy() for name, v in given.items() if name != "cache"}
    try:
        result = function(*given.values(), **copy.deepcopy(more))
    except NotImplementedError:
        raise Empty from None
    except (Exception, SystemExit) as error:
        raise Complaint(stopped(error, function, given, more)) from None
    untouched(function, given, before)
    return result


def untouched(function: Function, given: Arrays, before: Arrays) -> None:
    """Are the arrays that were given what they were?

    Raises:
        Complaint: one of them has other numbers, or another shape.
    """
    for name, array in before.items():
        now = given[name]
        if now.shape != array.shape or now.tobytes() != array.tobytes():
            raise Complaint(
                f"{name_of(function)} writes into {name}, which others still need. "
                "Make a new array and leave the arguments as they are."
            )


def name_of(function: Function) -> str:
    """What its author calls it, for messages."""
    return getattr(function, "__name__", "your function")


def stopped(
    error: BaseException,
    function: Function,
    given: Mapping[str, Any],
    more: Mapping[str, Any],
) -> str:
    """Which exception, in which line of whose code, with which arguments."""
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    says = f"{name_of(function)} stopped with {what}"
    frames = traceback.extract_tb(error.__traceback__)[1:]  # [0] is the judge
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    own = [frame for frame in frames if frame.filename == file] or frames[:1]
    if own:
        says += f"\nin line {own[-1].lineno} of your code:  {own[-1].line}"
    shapes = [f"{k} {np.shape(v)}" for k, v in given.items() if k != "cache"]
    settings = [f"{k}={v}" for k, v in more.items() if k != "rng"]
    return f"{says}\nwhere the arguments are {', '.join(shapes + settings)}"


def several(function: Function, value: Any, names: Sequence[str]) -> list[Any]:
    """What a function returned, one value for each name.

    Raises:
        Empty: it returned None, or dots.
        Complaint: there are more values or fewer.
    """
    if value is None or value is ...:
        raise Empty
    if len(names) == 1:
        value = value if isinstance(value, tuple) else (value,)
    count = len(value) if isinstance(value, tuple | list) else 1
    if count != len(names):
        results = "result" if len(names) == 1 else "results"
        raise Complaint(
            f"{name_of(function)} must return {len(names)} {results}: "
            f"{', '.join(names)}. Yours returns {count}."
        )
    return list(value)


def as_array(name: str, value: Any) -> Array:
    """A result as an array of real numbers.

    Raises:
        Empty: it is None, or dots.
        Complaint: it is no such array.
    """
    if value is None or value is ...:
        raise Empty
    try:
        array = np.asarray(value)
    except Exception:
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        raise Complaint(
            f"{name} must be an array of real numbers; yours is of type "
            f"{type(value).__name__}, dtype {array.dtype}."
        )
    return array
