"""Write a file whole or not at all; read one that is a file, and no pipe."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import IO

from npalexnet.system.errors import UserError

# What mends it, when the operating system refuses.
MENDS = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EFBIG: "make room on the disk",
    errno.EMFILE: "allow more open files with ulimit -n",
    errno.ENFILE: "close other programs",
    errno.ENOMEM: "close other programs",
    errno.EAGAIN: "close other programs",
    errno.EIO: "check the disk",
    errno.EROFS: "choose a place where you may write",
    errno.EACCES: "choose a place that is open to you",
    errno.EPERM: "choose a place that is open to you",
}

# Seconds to wait for whoever has a file open: Windows replaces none that is.
PATIENCE = (0.1, 0.3, 1.0)


def refused(error: OSError) -> UserError | None:
    """The error to show for what only the machine can be at fault for, else None."""
    if error.errno not in MENDS:
        return None
    what = error.filename or "the output"
    return UserError(f"{what}: {error.strerror}; {MENDS[error.errno]}")


def cannot_write(path: Path, error: OSError) -> UserError:
    """The error to raise when the disk is full, or a folder cannot be written to."""
    return UserError(
        f"{path} could not be written ({error.strerror or error}); make room or choose "
        "another folder with --out; what was there before is unharmed"
    )


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file under another name, flush it to the disk, then rename it.

    So at any moment `path` holds the old file or the new one, never half of one.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def replace(part: Path, path: Path) -> None:
    """`os.replace`, with patience where somebody has the file open.

    Raises:
        OSError: it stays open, or there is another reason.
    """
    for seconds in PATIENCE:
        try:
            os.replace(part, path)
            return
        except PermissionError:
            sleep(seconds)
    os.replace(part, path)


def read_regular(path: Path, most: int) -> bytes:
    """The bytes of a file that has an end: a device or a pipe might not.

    Args:
        path: of the file.
        most: so many bytes it may have.

    Raises:
        OSError: it cannot be read, is no file, or is too large.
    """

    def at_once(name: str, flags: int) -> int:
        """Open without waiting for whoever might write into a pipe."""
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=at_once) as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "it is a device or a pipe, and not a file")
        if about.st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes")
        return file.read(about.st_size)
