"""Somebody's notebook in a process of its own, which calls its functions when asked.

    python -m npalexnet.checks.servant SHEET.ipynb MEGABYTES

This is the far side of apart.py. The process gives up what it could do harm with by
accident: memory beyond its limit, the standard streams. Then it runs the notebook cell
by cell; a cell that fails is left, as in Jupyter. After that it answers calls.

Requests are pickles, for they come from us. Answers are JSON, for they come from
somebody's code: whoever reads them must not run what is in them. A result stays here,
under a number; what is sent is the array that it is, if it is one. So a cache may be
anything.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import IO, Any

import numpy as np

from npalexnet.layers.layer import Array

SIZE = 8  # bytes that say how long a message is
READY, DONE = "ready", "done"


# ---------------------------------------------------------------------- the messages


def send(file: IO[bytes], message: bytes) -> None:
    """Its length, then the message."""
    file.write(len(message).to_bytes(SIZE, "big") + message)
    file.flush()


def receive(file: IO[bytes]) -> bytes | None:
    """The next message, or None at the end."""
    head = file.read(SIZE)
    return file.read(int.from_bytes(head, "big")) if len(head) == SIZE else None


def packed(array: Array) -> dict[str, Any]:
    """An array as JSON can hold it."""
    data = base64.b64encode(array.tobytes()).decode()
    return {"dtype": array.dtype.str, "shape": array.shape, "data": data}


# ----------------------------------------------------------------------- the notebook


def limit_memory(megabytes: int) -> None:
    """Take no more than this; where the system knows no limit (Windows), nothing."""
    try:
        import resource
    except ImportError:
        return
    most = megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def plain_python(source: str) -> str:
    """A cell without the lines that only Jupyter understands: %matplotlib, !ls."""
    try:
        compile(source, "cell", "exec")
    except (SyntaxError, ValueError):
        lines = source.splitlines()
        for i, line in enumerate(lines):
            bare = line.lstrip()
            if bare.startswith(("%", "!")):
                lines[i] = line[: len(line) - len(bare)] + "pass"
        return "\n".join(lines)
    return source


def run_cells(sheet: Path) -> dict[str, Any]:
    """Run a notebook; the variables that are there at its end.

    What it shows is shown to nobody, and its judge is content with nothing: the cells
    that wait for a verdict need not be run.
    """
    gradcheck = import_module("npalexnet.gradcheck")  # by this name sheets import it
    vars(gradcheck)["judge"] = lambda *functions, **settings: False
    main = ModuleType("__main__")
    sys.modules["__main__"] = main
    names = vars(main)
    names["display"] = lambda *things, **settings: None
    for cell in json.loads(sheet.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.suppress(BaseException):
                exec(plain_python("".join(cell["source"])), names)
    return names


def shut(module: str) -> None:
    """Make the functions and classes of a module useless: they are the solution."""

    def shut_down(*given: Any, **settings: Any) -> None:
        raise RuntimeError("the exercise is to write this, not to call it")

    members = list(vars(import_module(module)).values())
    for kind in [m for m in members if isinstance(m, type)]:
        members += vars(kind).values()
    for member in members:
        if isinstance(member, FunctionType) and member.__module__ == module:
            with contextlib.suppress(ValueError):  # a closure cannot be replaced
                member.__code__ = shut_down.__code__


# -------------------------------------------------------------------------- the calls


class Servant:
    """Answers calls of a notebook's functions.

    Args:
        names: its variables.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names
        self.results: list[tuple[Any, Sequence[Any]]] = []  # and what it was made of

    def callables(self) -> list[str]:
        """The names that can be called."""
        return [name for name, value in self.names.items() if callable(value)]

    def call(self, name: str, given: Sequence[Any], settings: dict[str, Any]) -> Any:
        """Call a function.

        Args:
            name: of the function.
            given: arrays; a number is the result of that number.
            settings: its other arguments.

        Returns:
            What it returned, or "raised"; and all arrays that it was given, now or when
            the results that it was given were made, as they are afterwards.
        """
        arrays = [v for v in given if isinstance(v, np.ndarray)]
        arguments = []
        for value in given:
            if isinstance(value, int):
                value, older = self.results[value]
                arrays += older
            arguments.append(value)
        answer: dict[str, Any]
        try:
            value = self.names[name](*arguments, **settings)
            if isinstance(value, tuple | list):
                answer = {"several": [self.leaf(v, arrays) for v in value]}
            else:
                answer = {"one": self.leaf(value, arrays)}
        except BaseException as error:
            answer = {"raised": type(error).__name__}
        return answer | {"after": [packed(array) for array in arrays]}

    def leaf(self, value: Any, arrays: Sequence[Array]) -> Any:
        """One result: nothing, dots, or its number with the array that it is."""
        if value is None or value is ...:
            return None if value is None else "..."
        self.results.append((value, arrays))
        said: dict[str, Any] = {"number": len(self.results) - 1}
        try:
            array = np.asarray(value)
        except Exception:
            return said
        return said | (packed(array) if array.dtype.kind in "biuf" else {})


def main() -> None:
    """Run the notebook, then serve until nobody asks any more."""
    sheet, megabytes = Path(sys.argv[1]), int(sys.argv[2])
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    limit_memory(megabytes)
    send(answers, json.dumps(READY).encode())
    os.chdir(sheet.parent)
    sys.path.insert(0, "")  # modules of one's own, beside the notebook
    servant = Servant(run_cells(sheet))
    send(answers, json.dumps(servant.callables()).encode())
    while (message := receive(requests)) is not None:
        request = pickle.loads(message)
        if isinstance(request, str):
            shut(request)
            answer = DONE
        else:
            answer = servant.call(*request)
        send(answers, json.dumps(answer).encode())


if __name__ == "__main__":
    main()
