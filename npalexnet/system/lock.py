"""One process at a time in a folder: a lock that ends with its process."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from npalexnet.system.errors import UserError


class Lock:
    """A folder that one process has to itself, until `release` or its own end.

    The lock is the operating system's, so a process that was killed leaves none. Where
    there are none (a network drive without locks), the folder is taken unguarded.

    Args:
        folder: which must exist.

    Attributes:
        held: False if another process has it.

    Raises:
        UserError: the folder cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        try:
            import fcntl
        except ImportError:
            self.held = self._take_file(folder)
            return
        try:
            self._handle = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be opened ({error.strerror}); choose another folder"
            ) from None
        self.held = True
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.held = False
        except OSError:  # no locks on this drive
            pass

    def _take_file(self, folder: Path) -> bool:
        """Windows locks files, not folders."""
        try:
            msvcrt: Any = __import__("msvcrt")
        except ImportError:
            return True
        try:
            self._handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
            msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Let others in."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *error: object) -> None:
        self.release()
