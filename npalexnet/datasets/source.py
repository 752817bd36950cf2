"""The files of a data set, from a folder or straight from a zip.

A zip is never unpacked: 100,000 small files cost a minute and a half to open one by
one, and a second to read as one zip. So nothing in it can be written anywhere either;
a member whose name would leave the archive is refused all the same, because somebody
made it on purpose.

Names are those that a folder would have: `./cat//0.png` and `cat\\0.png` in a zip are
`cat/0.png`. Of two members with one name the last counts, as when a zip is unpacked.
Links to folders are followed, but not round in circles.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path, PurePosixPath

from npalexnet.system.errors import UserError
from npalexnet.system.files import read_regular
from npalexnet.system.names import did_you_mean_path

# A file that unfolds to more is neither a picture nor a list.
MOST_BYTES = 200_000_000
MOST_FILES = 2_000_000  # links can make endless ones of a few folders
MOST_DEPTH = 50  # folders in one another

USUAL = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


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
        self.kind = "folder" if os.path.isdir(path) else "zip"
        self._names: set[str] = set()
        self._folders: set[str] = set()
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._zip: zipfile.ZipFile | None = None
        if os.path.isdir(path):
            self._walk()
        elif os.path.exists(path):
            self._open_zip()
        else:
            raise UserError(
                f"{path}: no such file or folder{did_you_mean_path(path)}; --data must "
                "name the zip or the folder that holds the pictures"
            )

    def _walk(self) -> None:
        """List every file and folder below a folder, behind links too."""
        todo: list[tuple[str, list[tuple[int, int]]]] = [("", [])]
        while todo:
            folder, above = todo.pop()
            try:
                about = os.stat(self.path / folder)
                with os.scandir(self.path / folder) as entries:
                    found = [(e.name, _is_folder(e)) for e in entries]
            except OSError as error:
                raise UserError(
                    f"{self.path / folder} cannot be read ({error.strerror}); allow "
                    "it, or remove the folder"
                ) from None
            here = about.st_dev, about.st_ino
            if here in above:  # a link led back to where it came from
                continue
            for name, is_folder in found:
                if name.startswith("."):
                    continue  # left behind by a program
                if is_folder:
                    self._folders.add(folder + name)
                    todo.append((f"{folder}{name}/", [*above, here]))
                else:
                    self._names.add(folder + name)
            self._check_count()

    def _check_count(self) -> None:
        """Stop where a few links make a folder endless.

        Raises:
            UserError: there are too many files.
        """
        if len(self._names) + len(self._folders) > MOST_FILES:
            raise UserError(
                f"{self.path}: more than {MOST_FILES:,} files; give a smaller --data"
            )

    def _open_zip(self) -> None:
        """List every file and folder of a zip."""
        path = self.path
        try:
            if not path.is_file():
                raise OSError("it is a device or a pipe")
            self._zip = zipfile.ZipFile(path)
        except Exception as error:  # zipfile's errors are of many kinds
            raise UserError(
                f"{path}: expected a whole zip file or a folder, found neither "
                f"({error}); download or copy it again"
            ) from None
        for info in self._zip.infolist():
            plain = info.filename.replace("\\", "/")
            name = PurePosixPath(plain)
            if name.is_absolute() or ".." in name.parts or re.match("[a-zA-Z]:", plain):
                raise UserError(
                    f"{path}: the member {info.filename!r} would leave the archive; "
                    "do not trust this file: get it from elsewhere"
                )
            if len(name.parts) > MOST_DEPTH:
                raise UserError(
                    f"{path}: a member lies in {len(name.parts)} folders; move the "
                    "pictures up"
                )
            junk = any(p.startswith(".") or p == "__MACOSX" for p in name.parts)
            if junk or not name.parts:
                continue
            if not plain.endswith("/"):
                self._names.add(str(name))
                self._members[str(name)] = info
            else:
                self._folders.add(str(name))
            self._folders |= {str(parent) for parent in name.parents} - {"."}
        self._check_count()

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
            info = self._members[self.top + name]
            return info.CRC, info.file_size
        try:
            about = os.stat(self.path / (self.top + name))
        except OSError:  # a link that leads nowhere: `read` says so
            return 0, 0
        return about.st_mtime_ns, about.st_size

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
            if self._zip is not None:
                return self._read_member(self._members[full])
            return read_regular(self.path / full, MOST_BYTES)
        except Exception as error:  # zipfile's errors are of many kinds
            cause = error.strerror if isinstance(error, OSError) else None
            raise UserError(
                f"{self.where(name)} cannot be read ({cause or error}); "
                "download or copy the data again"
            ) from None

    def _read_member(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, never more than the zip says that it has.

        Raises:
            ValueError: it is too large, or packed in an unusual way; whatever zipfile
                raises.
        """
        assert self._zip is not None
        if info.file_size > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        if info.compress_type not in USUAL:  # Python unpacks these without a limit
            raise ValueError("it is packed otherwise than by Deflate; pack it so")
        with self._zip.open(info) as file:
            return file.read(info.file_size)

    def lines(self, name: str) -> list[list[str]]:
        """The lines of a text file, split at tabs; empty lines are left out."""
        text = self.read(name).decode("utf-8-sig", "replace")
        return [line.split("\t") for line in text.splitlines() if line.strip()]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Is it a folder, or a link to one? Links that lead nowhere are none."""
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()
