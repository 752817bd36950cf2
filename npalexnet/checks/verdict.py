"""The verdict: a row for each result, and what is said about them all.

y   ok
dx  WRONG: Your dx is 2.0 times the right one.
dw  not filled in yet
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from npalexnet.checks.calling import Complaint, Empty
from npalexnet.checks.exercise import Exercise


@dataclass(frozen=True)
class Row:
    """What was found out about one result.

    Attributes:
        state: "ok", "WRONG", "empty" (nothing is there yet) or "waits" (something else
            must be right first).
        says: why.
    """

    state: str
    says: str = ""


Rows = dict[str, Row]  # result to its row


def row(find: Callable[[], str | None]) -> Row:
    """`find` as a row: it returns what is wrong, or None, or raises a Complaint."""
    try:
        says = find()
    except Complaint as complaint:
        return row_of(complaint)
    return Row("WRONG", says) if says else Row("ok")


def row_of(complaint: Complaint) -> Row:
    """What is not filled in is not wrong."""
    return Row("empty" if isinstance(complaint, Empty) else "WRONG", str(complaint))


def row_lines(rows: Rows) -> list[str]:
    """One paragraph for each result, in lines of at most 79 characters."""
    width = max(map(len, rows))
    lines = []
    for name, r in rows.items():
        says = r.state + (": " + r.says if r.says and r.state == "WRONG" else "")
        says = (r.says or "not judged") if r.state in ("empty", "waits") else says
        head = f"  {name:<{width}}  "
        for paragraph in says.split("\n"):
            lines += textwrap.wrap(
                paragraph, 79, initial_indent=head, subsequent_indent=" " * len(head)
            ) or [head]
            head = " " * len(head)
    return lines


def last_line(exercise: Exercise, rows: Rows) -> str:
    """SOLVED, HALF WAY, NOT YET or NOT FILLED IN YET, and which functions are right."""
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
