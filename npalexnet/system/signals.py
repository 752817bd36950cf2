"""Ctrl-C outside of training: one line at any moment, and no traceback.

While a command is still importing (`end_quietly`), nothing has been begun that could be
left half done: the process ends there and then. Later (`as_exceptions`) Ctrl-C is the
usual KeyboardInterrupt, of which the command makes a line. While a network is trained,
training/interruption.py lets the step be finished first.

SIGTERM ends a process at once, as it does every other program; but for training, again,
which saves. An exception in its place might come inside of a callback of Python's own,
where it would be lost, and the process would go on.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def end_quietly() -> None:
    """Let Ctrl-C end a command that is still importing, in one line.

    Where npalexnet is imported by another program, or Ctrl-C means something else
    already, nothing is changed.
    """
    command = sys.argv[:1] == ["-m"] and any("npalexnet" in w for w in sys.orig_argv)
    if command and _is_main_thread():
        _exchange(signal.SIGINT, signal.default_int_handler, _end)


@contextmanager
def as_exceptions() -> Iterator[None]:
    """While this lasts, Ctrl-C raises KeyboardInterrupt, as usual."""
    if not _is_main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    _exchange(signal.SIGINT, _end, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def name_of(number: int) -> str:
    """What a person calls a signal: Ctrl-C, SIGTERM."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def _is_main_thread() -> bool:
    """Only there can Python say what a signal does."""
    return threading.current_thread() is threading.main_thread()


def _exchange(number: int, old: object, new: object) -> None:
    if signal.getsignal(number) is old:
        signal.signal(number, new)  # type: ignore[arg-type]


def _end(number: int, frame: object) -> None:
    os.write(2, b"stopped\n")
    os._exit(128 + number)
