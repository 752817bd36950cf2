"""Is my layer right, and if not, which mistake is it? The judge of the exercise sheets.

    solved = judge("conv", forward, backward)

Each exercise is a row of trials, from the simplest call of a layer to the richest: one
image, two images, a stride, padding, groups, float32 (see judgecases.py). In each trial
the answers are compared with those of the package, whose own derivatives are checked by
gradcheck.py. At the first difference the judge stops and looks for its name:

    suspects    What would come out if the bias were forgotten, if the filter were
                flipped, if = stood where += should? A list of mistakes that people
                make, each computed; is it what we see?
    form        not filled in, too few results, another shape or dtype, NaN, an input
                that was written to, an exception (with the line where it happened)
    numbers     a factor, a sign, transposed, wrong on the border only
    kinship     y is wrong: is dx at least the derivative of that y?

It says what is wrong, not how the right line reads. Whatever the judged code does, the
answer is a text and a bool, never an exception. (A loop without end must be
interrupted by hand.)
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from npalexnet.gradcheck import compare
from npalexnet.layers.layer import Array

Function = Callable[..., Any]
Arrays = Mapping[str, Array]


# ------------------------------------------------------------------- an exercise


@dataclass(frozen=True)
class Trial:
    """One call.

    Attributes:
        says: what is new about it, "two images".
        arrays: the arrays of forward, in order.
        settings: its other arguments, by name.
    """

    says: str
    arrays: Arrays
    settings: Mapping[str, Any] = field(default_factory=dict)


Known = SimpleNamespace  # a trial's arrays, settings and right results, by name
Wrong = Callable[[Known], Array]  # what a mistake would give
Again = Callable[..., Array]  # forward once more, with some settings changed: its y


def no_doubt(t: Known, y: Array, again: Again) -> str | None:
    """Nothing but y needs to be looked at."""
    return None


@dataclass(frozen=True)
class Exercise:
    """What the judge must know of one layer.

    Attributes:
        file: where the package does it.
        functions: name of each function to be written, and its results.
        axes: result to what its axes count, "image unit".
        right: the right results, and dy, from (trial, what was found as y).
        trials: from simple to rich.
        suspects: for each result the mistakes that people make. Each is said in a
            sentence or two that do not give the answer away, and computed.
        doubt: what else may be wrong with a y whose numbers fit.
    """

    file: str
    functions: Mapping[str, tuple[str, ...]]
    axes: Mapping[str, str]
    right: Callable[[Trial, Array | None], dict[str, Any]]
    trials: Sequence[Trial]
    suspects: Mapping[str, Mapping[str, Wrong]]
    doubt: Callable[[Known, Array, Again], str | None] = no_doubt

    @property
    def results(self) -> list[str]:
        """All results, in order."""
        return [name for names in self.functions.values() for name in names]

    def known(self, trial: Trial, y: Array | None = None) -> Known:
        """All that is known of a trial."""
        return SimpleNamespace(
            **trial.arrays, **trial.settings, **self.right(trial, y), axes=self.axes
        )


# ----------------------------------------------------------------- what is found


class Complaint(Exception):
    """Something is wrong; the text says what."""


class Empty(Complaint):
    """Nothing is there yet to be judged."""

    def __init__(self) -> None:
        super().__init__("not filled in yet")


@dataclass(frozen=True)
class Row:
    """The judgement of one result: "ok", "WRONG", "empty" or "waits", and why."""

    state: str
    says: str = ""


def row(find: Callable[[], str | None]) -> Row:
    """`find` as a row: it returns a complaint, raises one, or returns None."""
    try:
        says = find()
    except Empty as empty:
        return Row("empty", str(empty))
    except Complaint as complaint:
        says = str(complaint)
    return Row("WRONG", says) if says else Row("ok")


# ------------------------------------------------------- calling somebody's code


def call(function: Function, given: Arrays | Mapping[str, Any], **more: Any) -> Any:
    """function(*given, **more); whatever goes wrong is a Complaint.

    Raises:
        Complaint: it raised something, or wrote into what it was given.
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
    """Complain if an argument is not what it was."""
    for name, array in before.items():
        now = given[name]
        if now.shape != array.shape or now.tobytes() != array.tobytes():
            raise Complaint(
                f"{name_of(function)} writes into {name}, which others still need. "
                "Make a new array and leave the arguments as they are."
            )


def name_of(function: Function) -> str:
    """What the student calls it, for messages."""
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
        Complaint: there are more or fewer.
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
        Complaint: it is none.
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


# ------------------------------------------------------ what is wrong with numbers


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
    for says, suspect in exercise.suspects[name].items():
        if same(found, np.asarray(suspect(t))):
            return says
    if found.shape != right.shape:
        return other_shape(t, name, found, right)
    if not np.isfinite(found).all():
        return not_finite(name, found)
    return other_numbers(t, name, found.astype(float), right.astype(float))


def judged(exercise: Exercise, t: Known, name: str, value: Any) -> Row:
    """One result, as somebody's function returned it."""
    return row(lambda: difference(exercise, t, name, as_array(name, value)))


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


# ---------------------------------------------------------------------- a trial

Rows = dict[str, Row]

FORGETS = (
    "Right, but only directly after its own forward: another forward in between "
    "changes it. What backward needs belongs into the cache, not into a variable "
    "outside."
)


def try_one(exercise: Exercise, trial: Trial, functions: Sequence[Function]) -> Rows:
    """A trial of one function that returns all results."""
    (function,), names = functions, exercise.results
    try:
        value = call(function, copies(trial.arrays), **trial.settings)
        values = several(function, value, names)
    except Complaint as complaint:
        return stopped_at(complaint, names)
    t = exercise.known(trial)
    rows: Rows = {}
    for name, value in zip(names, values, strict=True):
        found = judged(exercise, t, name, value)
        wrong = [earlier for earlier, r in rows.items() if r.state == "WRONG"]
        if wrong and found.state == "WRONG":
            found = Row("waits", f"look again when {wrong[0]} is right")
        rows[name] = found
    return rows


def try_pair(exercise: Exercise, trial: Trial, functions: Sequence[Function]) -> Rows:
    """A trial of forward and backward."""
    return Pair(exercise, trial, *functions).judge()


def stopped_at(complaint: Complaint, names: Sequence[str]) -> Rows:
    """The rows of a function that gave no results at all."""
    if isinstance(complaint, Empty):
        return {name: Row("empty", str(complaint)) for name in names}
    waits = dict.fromkeys(names[1:], Row("waits", "not judged"))
    return {names[0]: Row("WRONG", str(complaint))} | waits


def normal(*shape: int) -> Array:
    """Standard normal numbers, the same ones every time."""
    return np.random.default_rng(shape).standard_normal(shape)


def copies(arrays: Arrays) -> dict[str, Array]:
    """So that nobody can write into the originals."""
    return {name: array.copy() for name, array in arrays.items()}


class Pair:
    """Somebody's forward and backward in one trial."""

    def __init__(
        self, exercise: Exercise, trial: Trial, forward: Function, backward: Function
    ) -> None:
        self.exercise, self.trial = exercise, trial
        self.forward, self.backward = forward, backward
        self.gradients = exercise.results[1:]

    def judge(self) -> Rows:
        """Forward, then backward: a row for each result."""
        given = copies(self.trial.arrays)
        try:
            y, cache = self.run_forward(given)
        except Complaint as complaint:
            return stopped_at(complaint, ["y"]) | self.before_forward()
        t = self.exercise.known(self.trial, y)
        rows = {"y": row(lambda: self.wrong_with_y(t, y))}
        if rows["y"].state != "ok":
            if y.shape != t.y.shape:
                t.dy = np.ones(y.shape)
            return rows | self.run_backward(t, given, cache, self.kinship)
        with contextlib.suppress(Complaint):  # another batch may go by in between
            self.run_forward({name: -a for name, a in self.trial.arrays.items()})
        return rows | self.forgetful(t, self.run_backward(t, given, cache, self.judged))

    def run_forward(self, arrays: Arrays, **settings: Any) -> tuple[Array, Any]:
        """(y, cache), with some settings changed."""
        value = call(self.forward, arrays, **dict(self.trial.settings) | settings)
        y, cache = several(self.forward, value, ("y", "cache"))
        return as_array("y", y), cache

    def wrong_with_y(self, t: Known, y: Array) -> str | None:
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
            return stopped_at(empty, self.gradients)
        except Complaint:
            pass  # it needs its cache
        return dict.fromkeys(self.gradients, Row("waits", "needs forward's cache"))

    def run_backward(
        self,
        t: Known,
        given: Arrays,
        cache: Any,
        judged: Callable[[Known, str, Any], Row],
    ) -> Rows:
        """The rows of all gradients."""
        try:
            value = call(self.backward, {"dy": t.dy.copy(), "cache": cache})
            untouched(self.backward, given, self.trial.arrays)
            values = several(self.backward, value, self.gradients)
        except Complaint as complaint:
            return stopped_at(complaint, self.gradients)
        pairs = zip(self.gradients, values, strict=True)
        return {name: judged(t, name, value) for name, value in pairs}

    def judged(self, t: Known, name: str, value: Any) -> Row:
        return judged(self.exercise, t, name, value)

    def kinship(self, t: Known, name: str, value: Any) -> Row:
        """A gradient when y is wrong: right all the same, or belonging to that y?"""
        if t.dy.shape == t.y.shape:
            found = self.judged(t, name, value)
            if found.state != "WRONG":
                return found
        try:
            claimed = as_array(name, value)
            if self.belongs(t, name[1:], claimed):
                return Row("waits", "the derivative of your y; mend y first")
        except Complaint as complaint:
            return Row("WRONG", str(complaint))
        wrong = "neither right nor the derivative of your y"
        return Row("waits", f"{wrong}; look again when y is right")

    def belongs(self, t: Known, array: str, claimed: Array) -> bool:
        """Is this the derivative of whatever forward does? Along three directions."""
        right_shape = np.shape(self.trial.arrays[array])
        if claimed.shape != right_shape:
            return False
        for u in normal(3, *right_shape):
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
            directly = self.run_backward(
                t, given, self.run_forward(given)[1], self.judged
            )
        except Complaint:
            return rows
        if any(r.state != "ok" for r in directly.values()):
            return rows
        return dict.fromkeys(rows, Row("WRONG", FORGETS))


# -------------------------------------------------------------------- the verdict


def judge(layer: str, *functions: Function) -> bool:
    """Judge the functions of an exercise and print the verdict; is all right?

    Args:
        layer: which exercise: conv, dropout, linear, lrn, maxpool, relu, sgd, softmax
            or tanh.
        functions: forward and backward; for softmax and sgd the one function.
    """
    from npalexnet.judgecases import EXERCISES

    if layer not in EXERCISES:
        print(f"No exercise is called {layer!r}; there are: {', '.join(EXERCISES)}.")
        return False
    exercise = EXERCISES[layer]
    expected = tuple(exercise.functions)
    if len(functions) != len(expected) or not all(map(callable, functions)):
        print(f"Call the judge with functions: judge({layer!r}, {', '.join(expected)})")
        return False
    try_out = try_pair if len(functions) == 2 else try_one
    with np.errstate(all="ignore"):
        for number, trial in enumerate(exercise.trials, 1):
            rows = try_out(exercise, trial, functions)
            states = {r.state for r in rows.values()}
            if not states <= {"ok", "empty"}:
                print(
                    f"{layer}, trial {number} of {len(exercise.trials)}: {trial.says}"
                )
                break
            if "ok" not in states:
                break
    print_rows(rows)
    print(verdict(exercise, rows))
    return states == {"ok"}


def print_rows(rows: Rows) -> None:
    """One paragraph for each result."""
    width = max(map(len, rows))
    for name, r in rows.items():
        says = r.state + (": " + r.says if r.says and r.state == "WRONG" else "")
        says = (r.says or "not judged") if r.state in ("empty", "waits") else says
        head = f"  {name:<{width}}  "
        for paragraph in says.split("\n"):
            print(
                textwrap.fill(
                    paragraph,
                    79,
                    initial_indent=head,
                    subsequent_indent=" " * len(head),
                )
            )
            head = " " * len(head)


def verdict(exercise: Exercise, rows: Rows) -> str:
    """The last line."""
    trials = f"all {len(exercise.trials)} trials"
    states = [r.state for r in rows.values()]
    if set(states) == {"ok"}:
        said = "; ".join(trial.says for trial in exercise.trials)
        return textwrap.fill(
            f"SOLVED in {trials}: {said}. Now compare with {exercise.file}.", 79
        )
    if set(states) == {"empty"}:
        return (
            "NOT FILLED IN YET: put your code where the dots are, run its cell, "
            "then this one."
        )
    parts: Mapping[str, tuple[str, ...]] = exercise.functions
    if len(parts) == 1:
        parts = {name: (name,) for name in rows}
    by_part = {
        part: {rows[name].state for name in names} for part, names in parts.items()
    }
    good = [part for part, found in by_part.items() if found == {"ok"}]
    empty = [part for part, found in by_part.items() if found == {"empty"}]
    bad = [part for part, found in by_part.items() if "WRONG" in found]
    says = [f"{' and '.join(good)} right"] if good else []
    says += [f"{' and '.join(bad)} not right yet"] if bad else []
    says += [f"{' and '.join(empty)} not filled in yet"] if empty else []
    if not bad:
        says[0] += f" in {trials}"
    return f"{'NOT YET' if bad else 'HALF WAY'}: {', '.join(says)}."
