"""Write a file whole or not at all; what is said when the disk is full."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from npalexnet.system.errors import UserError


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
        os.replace(part, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        part.unlink(missing_ok=True)
