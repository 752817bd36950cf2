"""The files of a data set, from a folder or straight from a zip.

A zip is never unpacked: 100,000 small files cost a minute and a half to open one by
one, and a second to read as one zip. So nothing in it can be written anywhere either;
a member whose name would leave the archive is refused all the same, because somebody
made it on purpose.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path, PurePosixPath

from npalexnet.system.errors import UserError

# A file that unfolds to more is neither a picture nor a list.
MOST_BYTES = 500_000_000


class Source:
    """A folder or a zip, seen as files whose names start at a common top.

    Args:
        path: of the folder or zip.

    Attributes:
        top: the part of each name that is left out: "" or "folder/".
        identity: what tells whether a file is still the same: CRC and size in a zip,
            time of change and size in a folder.

    Raises:
        UserError: there is no such path, or it is not a complete zip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.top = ""
        self.kind = "folder" if path.is_dir() else "zip"
        self._names: set[str] = set()
        self._folders: set[str] = set()
        self._zip: zipfile.ZipFile | None = None
        if path.is_dir():
            for found in path.rglob("*"):
                inside = found.relative_to(path)
                if not any(part.startswith(".") for part in inside.parts):
                    where = self._folders if found.is_dir() else self._names
                    where.add(inside.as_posix())
        elif path.exists():
            self._open_zip(path)
        else:
            raise UserError(
                f"{path}: no such file or folder; --data must name the zip or the "
                "folder that holds the pictures"
            )

    def _open_zip(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise UserError(
                f"{path}: expected a whole zip file or a folder, found neither "
                f"({error}); download or copy it again"
            ) from None
        for info in self._zip.infolist():
            name = PurePosixPath(info.filename.replace("\\", "/"))
            if name.is_absolute() or ".." in name.parts or ":" in info.filename:
                raise UserError(
                    f"{path}: the member {info.filename!r} would leave the archive; "
                    "do not trust this file: get it from elsewhere"
                )
            if any(p.startswith(".") or p == "__MACOSX" for p in name.parts):
                continue  # left behind by a program
            (self._folders if info.is_dir() else self._names).add(str(name))
            self._folders |= {str(parent) for parent in name.parents} - {"."}

    def below(self, top: str) -> None:
        """From now on, names are relative to this folder: "" or "folder/"."""
        self.top = top

    def names(self, folder: str = "") -> list[str]:
        """Names of the files below a folder ("" or "folder/"), sorted."""
        start = self.top + folder
        return sorted(n[len(self.top) :] for n in self._names if n.startswith(start))

    def folders(self, folder: str = "") -> list[str]:
        """Names of the folders just below a folder ("" or "folder/"), sorted."""
        start = self.top + folder
        inside = (n[len(start) :] for n in self._folders if n.startswith(start))
        return sorted(n for n in inside if n and "/" not in n)

    def has(self, name: str) -> bool:
        """Is there such a file?"""
        return self.top + name in self._names

    def where(self, name: str) -> str:
        """A file or folder in words, for messages."""
        if self._zip is not None:
            return f"{self.path}: {self.top}{name}"
        return str(self.path / (self.top + name))

    def identity(self, name: str) -> tuple[int, int]:
        """Two numbers that change when the file does; the second is its size."""
        if self._zip is not None:
            info = self._zip.getinfo(self.top + name)
            return info.CRC, info.file_size
        stat = (self.path / (self.top + name)).stat()
        return stat.st_mtime_ns, stat.st_size

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            UserError: it is missing, damaged, or far too large.
        """
        full = self.top + name
        if full not in self._names:
            raise UserError(
                f"{self.where(name)} is missing; download or copy the data again"
            )
        try:
            if self.identity(name)[1] > MOST_BYTES:
                raise UserError(
                    f"{self.where(name)} has more than {MOST_BYTES:,} bytes; shrink "
                    "or remove it"
                )
            if self._zip is not None:
                return self._zip.read(full)
            return (self.path / full).read_bytes()
        except (
            OSError,
            zipfile.BadZipFile,
            EOFError,
            NotImplementedError,
            RuntimeError,
            zlib.error,
        ) as error:
            raise UserError(
                f"{self.where(name)} cannot be read ({error}); "
                "download or copy the data again"
            ) from None

    def lines(self, name: str) -> list[list[str]]:
        """The lines of a text file, split at tabs; empty lines are left out."""
        text = self.read(name).decode("utf-8", "replace")
        return [line.split("\t") for line in text.splitlines() if line.strip()]
