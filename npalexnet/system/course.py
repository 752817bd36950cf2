"""Where the course is, and copies of it that belong to whoever learns from them.

A copy that somebody has changed is never written over, however often it is asked for.
What was copied is noted down beside the copies, in `.npalexnet.json`, by its sha256: a
file that still has the sum that is noted down was not changed, and may be replaced by a
newer one. Where the note is lost, every file that differs counts as changed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole

NOTE = ".npalexnet.json"
PACKAGE = Path(__file__).parent.parent


def course_folder() -> Path:
    """The notebooks that came with the package: installed, or in a checkout.

    Raises:
        UserError: they did not come along.
    """
    for folder in (PACKAGE / "course", PACKAGE.parent / "notebooks"):
        if (folder / "exercises").is_dir():
            return folder
    raise UserError("the notebooks did not come with this package; install it again")


def course_files(course: Path) -> list[Path]:
    """What of the course is copied, relative to its folder: all but the page about it,
    whose pictures are elsewhere, and what programs leave behind."""
    files = [path.relative_to(course) for path in sorted(course.rglob("*"))]
    return [
        path
        for path in files
        if (course / path).is_file()
        and path.name != "README.md"
        and not any(part.startswith((".", "__")) for part in path.parts)
    ]


@dataclass
class Copied:
    """What became of each file.

    Attributes:
        new: it was not there.
        updated: it was there, unchanged, and older.
        same: it is the newest already.
        changed: somebody changed it, and it was left alone.
    """

    new: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    same: list[Path] = field(default_factory=list)
    changed: list[Path] = field(default_factory=list)


def copy_course(target: Path) -> Copied:
    """Copy the course, or bring an earlier copy up to date.

    Args:
        target: a folder; it is made if need be.

    Raises:
        UserError: the folder cannot be made or written to, or is the course itself.
    """
    course = course_folder()
    if target.resolve().is_relative_to(course.resolve()):
        raise UserError(f"{target} is where the course comes from; give another folder")
    noted = read_note(target)
    copied = Copied()
    try:
        for path in course_files(course):
            _copy(course / path, target / path, path, noted, copied)
        if copied.new or copied.updated:
            text = json.dumps(noted, indent=1, sort_keys=True) + "\n"
            write_whole(target / NOTE, lambda file: file.write(text.encode()))
    except OSError as error:
        raise UserError(
            f"{target} cannot be written to ({error.strerror}); give another folder"
        ) from None
    return copied


def _copy(
    source: Path, target: Path, name: Path, noted: dict[str, str], copied: Copied
) -> None:
    """Copy one file, unless what is there must stay."""
    data = source.read_bytes()
    wanted, key = hashlib.sha256(data).hexdigest(), name.as_posix()
    found = None
    if target.exists() or target.is_symlink():
        there = target.read_bytes() if target.is_file() else b""
        found = hashlib.sha256(there).hexdigest()
    if found == wanted:
        copied.same.append(name)
    elif found is None or found == noted.get(key):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, lambda file: file.write(data))
        (copied.new if found is None else copied.updated).append(name)
    else:
        copied.changed.append(name)
        return
    noted[key] = wanted


def read_note(folder: Path) -> dict[str, str]:
    """What was copied into a folder: name to sha256; nothing where no note is."""
    try:
        noted = json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}
