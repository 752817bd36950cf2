"""Is my layer right, and if not, which mistake is it? The judge of the exercise sheets.

    solved = judge("conv", forward, backward)

Each exercise is a row of trials, from the simplest call of a layer to the richest: one
image, two images, a stride, padding, groups, float32 (see sheets/). In each trial the
answers are compared with those of the package, whose own derivatives are checked by
gradcheck.py. At the first difference the judge stops and says what it is:

    calling.py      not filled in, too few results, an input that was written to, an
                    exception (with the line where it happened)
    diagnosis.py    a known mistake; another shape or dtype, NaN; a factor, a sign,
                    transposed, wrong on the border only
    here            y is wrong: is dx at least the derivative of that y? Is dx right
                    only if no other forward came in between?

It says what is wrong, not how the right line reads. Whatever the judged code does, the
answer is a text and a bool, never an exception. (A loop without end must be
interrupted by hand.)
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from npalexnet.checks.calling import (
    Arrays,
    Complaint,
    Empty,
    Function,
    as_array,
    call,
    copies,
    several,
    untouched,
)
from npalexnet.checks.diagnosis import difference
from npalexnet.checks.exercise import Exercise, Known, Trial, normal
from npalexnet.checks.sheets import EXERCISES
from npalexnet.checks.verdict import Row, Rows, last_line, row, row_lines, row_of
from npalexnet.layers.layer import Array

FORGETS = (
    "Right, but only directly after its own forward: another forward in between "
    "changes it. What backward needs belongs into the cache, not into a variable "
    "outside."
)


def judge(layer: str, *functions: Function) -> bool:
    """Judge the functions of an exercise and print the verdict; is all right?

    Args:
        layer: which exercise: conv, dropout, linear, lrn, maxpool, relu, sgd, softmax
            or tanh.
        functions: forward and backward; for softmax and sgd the one function.
    """
    solved, text = verdict(layer, *functions)
    print(text)
    return solved


def verdict(layer: str, *functions: Function) -> tuple[bool, str]:
    """Is all right, and what is there to be said? `judge` prints it."""
    if layer not in EXERCISES:
        there_are = ", ".join(EXERCISES)
        return False, f"No exercise is called {layer!r}; there are: {there_are}."
    exercise = EXERCISES[layer]
    expected = tuple(exercise.functions)
    if len(functions) != len(expected) or not all(map(callable, functions)):
        call_it = f"judge({layer!r}, {', '.join(expected)})"
        return False, f"Call the judge with functions: {call_it}"
    try_out = try_pair if len(functions) == 2 else try_one
    lines = []
    with np.errstate(all="ignore"):
        for number, trial in enumerate(exercise.trials, 1):
            rows = try_out(exercise, trial, functions)
            states = {r.state for r in rows.values()}
            if not states <= {"ok", "empty"}:
                count = len(exercise.trials)
                lines = [f"{layer}, trial {number} of {count}: {trial.says}"]
                break
            if "ok" not in states:
                break
    lines += [*row_lines(rows), last_line(exercise, rows)]
    return states == {"ok"}, "\n".join(lines)


# ---------------------------------------------------------------------- one trial


def try_one(exercise: Exercise, trial: Trial, functions: Sequence[Function]) -> Rows:
    """A trial of one function that returns all results."""
    (function,), names = functions, exercise.results
    try:
        value = call(function, copies(trial.arrays), **trial.settings)
        values = several(function, value, names)
    except Complaint as complaint:
        return no_results(complaint, names)
    t = exercise.known(trial)
    rows: Rows = {}
    for name, value in zip(names, values, strict=True):
        found = compared(exercise, t, name, value)
        wrong = [earlier for earlier, r in rows.items() if r.state == "WRONG"]
        if wrong and found.state == "WRONG":
            found = Row("waits", f"look again when {wrong[0]} is right")
        rows[name] = found
    return rows


def try_pair(exercise: Exercise, trial: Trial, functions: Sequence[Function]) -> Rows:
    """A trial of forward and backward."""
    return Pair(exercise, trial, *functions).rows()


def compared(exercise: Exercise, t: Known, name: str, value: Any) -> Row:
    """One result, as somebody's function returned it, beside the right one."""
    return row(lambda: difference(exercise, t, name, as_array(name, value)))


def no_results(complaint: Complaint, names: Sequence[str]) -> Rows:
    """The rows of a function that gave no results at all."""
    if isinstance(complaint, Empty):
        return {name: row_of(complaint) for name in names}
    waits = dict.fromkeys(names[1:], Row("waits", "not judged"))
    return {names[0]: row_of(complaint)} | waits


class Pair:
    """Somebody's forward and backward in one trial."""

    def __init__(
        self, exercise: Exercise, trial: Trial, forward: Function, backward: Function
    ) -> None:
        self.exercise, self.trial = exercise, trial
        self.forward, self.backward = forward, backward
        self.gradients = exercise.results[1:]

    def rows(self) -> Rows:
        """Forward, then backward: a row for each result."""
        given = copies(self.trial.arrays)
        try:
            y, cache = self.run_forward(given)
        except Complaint as complaint:
            return no_results(complaint, ["y"]) | self.before_forward()
        t = self.exercise.known(self.trial, y)
        rows = {"y": row(lambda: self.wrong_with_y(t, y))}
        if rows["y"].state != "ok":
            if y.shape != t.y.shape:
                t.dy = np.ones(y.shape)
            return rows | self.run_backward(t, given, cache, self.kinship)
        with contextlib.suppress(Complaint):  # another batch may go by in between
            self.run_forward({name: -a for name, a in self.trial.arrays.items()})
        found = self.run_backward(t, given, cache, self.compared)
        return rows | self.forgetful(t, found)

    def run_forward(self, arrays: Arrays, **settings: Any) -> tuple[Array, Any]:
        """(y, cache), with some settings changed; raises a Complaint."""
        value = call(self.forward, arrays, **dict(self.trial.settings) | settings)
        y, cache = several(self.forward, value, ("y", "cache"))
        return as_array("y", y), cache

    def run_backward(
        self,
        t: Known,
        given: Arrays,
        cache: Any,
        look_at: Callable[[Known, str, Any], Row],
    ) -> Rows:
        """The rows of all gradients, by `look_at(t, name, value)`."""
        try:
            value = call(self.backward, {"dy": t.dy.copy(), "cache": cache})
            untouched(self.backward, given, self.trial.arrays)
            values = several(self.backward, value, self.gradients)
        except Complaint as complaint:
            return no_results(complaint, self.gradients)
        pairs = zip(self.gradients, values, strict=True)
        return {name: look_at(t, name, value) for name, value in pairs}

    def wrong_with_y(self, t: Known, y: Array) -> str | None:
        """What is wrong with y, or None; raises a Complaint."""

        def again(**settings: Any) -> Array:
            return self.run_forward(copies(self.trial.arrays), **settings)[0]

        says = difference(self.exercise, t, "y", y)
        return says or self.exercise.doubt(t, y, again)

    def before_forward(self) -> Rows:
        """backward cannot be judged without forward; but is there one?"""
        t = self.exercise.known(self.trial)
        try:
            value = call(self.backward, {"dy": t.dy.copy(), "cache": None})
            values = several(self.backward, value, self.gradients)
            for name, value in zip(self.gradients, values, strict=True):
                as_array(name, value)
        except Empty as empty:
            return no_results(empty, self.gradients)
        except Complaint:
            pass  # it needs its cache
        return dict.fromkeys(self.gradients, Row("waits", "needs forward's cache"))

    def compared(self, t: Known, name: str, value: Any) -> Row:
        """A gradient when y is right."""
        return compared(self.exercise, t, name, value)

    def kinship(self, t: Known, name: str, value: Any) -> Row:
        """A gradient when y is wrong: right all the same, or belonging to that y?"""
        if t.dy.shape == t.y.shape:
            found = self.compared(t, name, value)
            if found.state != "WRONG":
                return found
        try:
            if self.belongs(t, name[1:], as_array(name, value)):
                return Row("waits", "the derivative of your y; mend y first")
        except Complaint as complaint:
            return row_of(complaint)
        wrong = "neither right nor the derivative of your y"
        return Row("waits", f"{wrong}; look again when y is right")

    def belongs(self, t: Known, array: str, claimed: Array) -> bool:
        """Is this the derivative of whatever forward does? Along three directions."""
        right_shape = np.shape(self.trial.arrays[array])
        if claimed.shape != right_shape:
            return False
        for u in normal(3, *right_shape, purpose="direction"):
            sums = []
            for h in (1e-6, -1e-6):
                moved = copies(self.trial.arrays)
                moved[array] = moved[array] + h * u
                y = self.run_forward(moved)[0]
                if y.shape != t.dy.shape:
                    return False  # today this, tomorrow that
                sums.append(float(np.sum(y * t.dy)))
            gap = abs((sums[0] - sums[1]) / 2e-6 - float(np.sum(claimed * u)))
            if not gap <= 1e-5 * max(float(np.linalg.norm(claimed)), 1.0):
                return False
        return True

    def forgetful(self, t: Known, rows: Rows) -> Rows:
        """Is it the forward in between that made backward wrong?"""
        if all(r.state != "WRONG" for r in rows.values()):
            return rows
        try:
            given = copies(self.trial.arrays)
            cache = self.run_forward(given)[1]
            directly = self.run_backward(t, given, cache, self.compared)
        except Complaint:
            return rows
        if any(r.state != "ok" for r in directly.values()):
            return rows
        return dict.fromkeys(rows, Row("WRONG", FORGETS))
