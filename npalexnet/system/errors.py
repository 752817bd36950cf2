"""The one kind of error that the user can mend; and a run that was stopped."""

from __future__ import annotations

from npalexnet.system.names import printable


class UserError(ValueError):
    """Says in one line what was expected, what was found, and how to mend it.

    Commands print it without a traceback and exit with status 2. The line stays one,
    and short, whatever names of files and words of strangers are in it.

    Args:
        message: the line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class Stopped(Exception):
    """A run was stopped by Ctrl-C or SIGTERM, after it saved what it had.

    Args:
        signal: the number of the signal; commands exit with status 128 + this.
    """

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal
