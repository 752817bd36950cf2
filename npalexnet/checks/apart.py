"""Somebody's functions at arm's length: they run in another process, the judge in ours.

Marks must not depend on what is marked. Code that stands in one process with the judge
can replace the judge, print what the judge prints, or leave. So the functions of a
notebook stay in a process of their own (servant.py), with a limit of time and memory,
and no code of theirs is run in ours. What comes over is numbers, and they are believed
only as far as numbers go: the judge compares them with those of the package.

    with Apart(Path("anna/2-relu.ipynb")) as anna:
        solved, text = verdict("relu", *anna.functions(["forward", "backward"]))

Nobody is locked in: the code may read and write files with the rights of whoever
started this.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from queue import Empty as Nothing
from queue import Queue
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.checks.servant import READY, SIZE
from npalexnet.layers.layer import Array

SECONDS = 60  # for a notebook and all questions about it
MEGABYTES = 1000
MOST_BYTES = 20_000_000  # of an answer
SERVANT = [sys.executable, "-m", "npalexnet.checks.servant"]
HOUSE = Path(__file__).parent.parent.parent  # what must be found by its Python


class Gone(BaseException):
    """The process answers no more; the text says why.

    It is no Exception: the judge would take it for one of the function's.
    """


class NotStarted(Exception):
    """The process did not come as far as somebody's code."""


class Result:
    """Something that a function returned; it stays where it is.

    Args:
        number: what it is called there.
        array: the array that it is, or None.
    """

    def __init__(self, number: int, array: Array | None) -> None:
        self.number, self.array = number, array

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> Array:
        """For np.asarray; an array of objects, if it is none."""
        return np.array(self.array, dtype)


class Apart:
    """A notebook in a process of its own.

    Args:
        sheet: the notebook's file.
        seconds: how long it may take, with all that is asked of it later.
        megabytes: how much memory it may take.

    Raises:
        Gone: it came to no end, or ended the process.
        NotStarted: it is not the notebook's fault.
    """

    def __init__(
        self, sheet: Path, seconds: float = SECONDS, megabytes: int = MEGABYTES
    ) -> None:
        self.seconds, self.until = seconds, time.monotonic() + seconds
        self.given: list[Sequence[Array]] = []  # for each result, what it was made of
        one_thread = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"], "1")
        found_at = [str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [*SERVANT, str(sheet.resolve()), str(megabytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=sheet.anchor or os.sep,  # nothing there that could be imported
            env=os.environ
            | one_thread
            | {"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join(found_at)},
            start_new_session=True,
        )
        self.heard: Queue[bytes | None] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        """Wait until the notebook has run."""
        try:
            if self._answer() != READY:
                raise Gone
        except Gone as gone:
            raise NotStarted(str(gone)) from None
        names = self._answer()
        self.callables = set(filter(None, names if isinstance(names, list) else []))

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, and those that it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    # ------------------------------------------------------------------- asking it

    def functions(self, names: Sequence[str]) -> list[Function]:
        """Stand-ins for its functions, to be called from here."""
        return [Function(self, name) for name in names]

    def shut(self, module: str) -> None:
        """From now on it cannot call the functions of this module of the package."""
        self._ask(module)

    def call(self, name: str, given: Sequence[Any], settings: dict[str, Any]) -> Any:
        """Call one of its functions; see `Servant.call`.

        The arrays that are given here become what they are there afterwards.

        Raises:
            NotImplementedError: it raised that.
            RuntimeError: it raised something else, or its answer is none.
            Gone: it does not answer.
        """
        arrays = [v for v in given if isinstance(v, np.ndarray)]
        for value in given:
            if isinstance(value, Result):
                arrays += self.given[value.number]
        sent = [v.number if isinstance(v, Result) else v for v in given]
        answer = self._ask((name, sent, settings))
        try:
            if answer.get("raised") == "NotImplementedError":
                raise NotImplementedError
            if "raised" in answer:
                raise RuntimeError(f"it raised {answer['raised']}")
            several = "several" in answer
            leaves = answer["several"] if several else [answer["one"]]
            results = [self._result(leaf, arrays) for leaf in leaves]
            for array, after in zip(arrays, answer["after"], strict=True):
                np.copyto(array, unpacked(after).reshape(array.shape), casting="no")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RuntimeError(f"its answer makes no sense ({error})") from None
        return tuple(results) if several else results[0]

    def _result(self, leaf: Any, arrays: Sequence[Array]) -> Any:
        """One result, as `Servant.leaf` tells it."""
        if leaf is None or leaf == "...":
            return None if leaf is None else ...
        number = len(self.given)
        if leaf["number"] != number:
            raise ValueError("a result with another number")
        self.given.append(arrays)
        return Result(number, unpacked(leaf) if "data" in leaf else None)

    def _ask(self, request: Any) -> Any:
        """Send a request (far less than a pipe holds, so this cannot block)."""
        assert self.process.stdin is not None
        message = pickle.dumps(request)
        try:
            self.process.stdin.write(len(message).to_bytes(SIZE, "big") + message)
            self.process.stdin.flush()
        except OSError:
            raise Gone("ended its process") from None
        return self._answer()

    def _answer(self) -> Any:
        """The next answer; any JSON.

        Raises:
            Gone: none came in time, the process ended, or it sent something else.
        """
        try:
            message = self.heard.get(timeout=max(0, self.until - time.monotonic()))
        except Nothing:
            raise Gone(f"no end in {self.seconds:g} s") from None
        if message is None:
            raise Gone("ended its process")
        try:
            return json.loads(message)
        except (ValueError, RecursionError):
            raise Gone("sent nonsense") from None

    def _listen(self) -> None:
        """Put what comes from the process into `heard`; None at the end.

        In a thread, because a pipe may stay open, and silent, after its process ended.
        """
        assert self.process.stdout is not None
        with self.process.stdout as file:
            while len(head := file.read(SIZE)) == SIZE:
                size = int.from_bytes(head, "big")
                if size > MOST_BYTES:
                    break
                message = file.read(size)
                if len(message) < size:
                    break
                self.heard.put(message)
        self.heard.put(None)


class Function:
    """A function over there, to be called like one.

    Args:
        apart: where it is.
        name: what it is called there.
    """

    def __init__(self, apart: Apart, name: str) -> None:
        self.apart, self.__name__ = apart, name

    def __call__(self, *given: Any, **settings: Any) -> Any:
        """Its results; whatever goes wrong over there is a RuntimeError here."""
        return self.apart.call(self.__name__, given, settings)


def unpacked(said: Any) -> Array:
    """The array that `servant.packed` made this of.

    Raises:
        ValueError, TypeError, KeyError: it is none.
    """
    if not re.fullmatch(r"[<>|]?[biuf]\d{1,2}", said["dtype"]):
        raise ValueError("no array of numbers")
    data = base64.b64decode(said["data"])
    return np.frombuffer(data, said["dtype"]).reshape(said["shape"]).copy()
