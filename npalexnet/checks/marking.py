"""Marking: which sheets somebody has solved, without believing what the sheets say.

The judge tries the functions of a notebook out while they run in another process; see
apart.py for why. Which functions belong to which exercise is read from the course's own
sheet, never from the one that is handed in. The package's functions that an exercise is
to write are shut to it: to call them solves nothing.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from npalexnet.checks.apart import Apart, Gone
from npalexnet.checks.judging import verdict
from npalexnet.checks.servant import plain_python
from npalexnet.checks.sheets import EXERCISES
from npalexnet.system.course import course_folder
from npalexnet.system.errors import UserError
from npalexnet.system.machine import usable_cpus


@dataclass(frozen=True)
class Task:
    """A call of the judge in a sheet: the exercise, and the functions to be written."""

    exercise: str
    functions: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """One sheet of one student: is it solved, and if not, how far is it?"""

    sheet: str
    solved: bool
    says: str


@cache
def sheets() -> dict[str, tuple[Task, ...]]:
    """The course's sheets by name, and what is judged in each: something, at least."""
    files = sorted((course_folder() / "exercises").glob("*.ipynb"))
    found = {file.stem: tuple(tasks(file)) for file in files}
    return {sheet: judged for sheet, judged in found.items() if judged}


def tasks(sheet: Path) -> Iterator[Task]:
    """The calls of the judge in a sheet: judge("relu", forward, backward)."""
    for cell in json.loads(sheet.read_text("utf-8"))["cells"]:
        if cell["cell_type"] != "code":
            continue
        for node in ast.walk(ast.parse(plain_python("".join(cell["source"])))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "judge":
                exercise, *functions = node.args
                names = tuple(ast.unparse(function) for function in functions)
                yield Task(ast.literal_eval(exercise), names)


def mark(sheet: str, folder: Path) -> Mark:
    """Judge one sheet.

    Args:
        sheet: its name, "2-relu".
        folder: the student's.

    Raises:
        NotStarted: no fault of the sheet's.
    """
    file = folder / f"{sheet}.ipynb"
    if not file.is_file():
        return Mark(sheet, False, "missing")
    try:
        with Apart(file) as student:
            for task in sheets()[sheet]:
                if not student.callables.issuperset(task.functions):
                    return Mark(sheet, False, "not filled in yet")
                student.shut(module_of(task.exercise))
                functions = student.functions(task.functions)
                solved, text = verdict(task.exercise, *functions)
                if not solved:
                    says = text.splitlines()[-1].partition(":")[0]
                    return Mark(sheet, False, says.lower())
    except Gone as gone:
        return Mark(sheet, False, str(gone))
    return Mark(sheet, True, "solved")


def module_of(exercise: str) -> str:
    """Where the package does what an exercise asks for: "npalexnet.layers.relu"."""
    return EXERCISES[exercise].file.removesuffix(".py").replace("/", ".")


def mark_all(folder: Path) -> Iterator[tuple[str, Sequence[Mark]]]:
    """Judge the sheets of all students, some at a time: (student, marks) in order.

    Args:
        folder: with a folder for each student, which holds the sheets.

    Raises:
        UserError: there is no such folder, or no student in it.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder}: expected a folder with a folder of sheets for each student, "
            "found none of that name; give another"
        )
    students = sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith((".", "__"))
    )
    if not students:
        raise UserError(
            f"{folder}: expected a folder for each student, as in "
            f"{folder / 'anna' / next(iter(sheets()))}.ipynb, found none; give another"
        )
    with ThreadPoolExecutor(usable_cpus()) as pool:
        found = [
            pool.map(partial(mark, folder=student), sheets()) for student in students
        ]
        for student, marks in zip(students, found, strict=True):
            yield student.name, list(marks)
