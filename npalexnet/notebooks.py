"""A copy of the course that is yours: ten notebooks, and the exercise sheets.

python -m npalexnet.notebooks my-course

The same command, given again after an update of npalexnet, replaces what you have not
changed, and leaves alone what you have.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from npalexnet.system import cli
from npalexnet.system.course import Copied, copy_course


def report(copied: Copied, folder: Path) -> str:
    """What became of the files, and how they are opened."""
    counts = {
        "copied": copied.new,
        "updated": copied.updated,
        "up to date already": copied.same,
        "left alone, for they were changed": copied.changed,
    }
    lines = [
        f"{folder}: "
        + ", ".join(f"{len(files)} {what}" for what, files in counts.items() if files)
    ]
    lines += [f"  yours: {folder / path}" for path in copied.changed]
    if copied.changed:
        lines.append("to have one of these anew, rename yours, and run this again")
    if find_spec("jupyterlab") is None:
        lines.append(f"first, once:    {sys.executable} -m pip install jupyterlab")
    lines.append(f"to open them:   {sys.executable} -m jupyterlab {folder}")
    lines.append("or open the folder in VS Code, with the Python above as the kernel")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("notebooks"),
        description="Copy the course, notebooks and exercise sheets, into a folder. A "
        "copy that you changed is never written over; unchanged ones are updated.",
    )
    parser.add_argument(
        "folder", type=cli.path, metavar="DIR", help="where to; made if need be"
    )
    args = parser.parse_args(argv)

    def command() -> int:
        folder = Path(args.folder)
        print(report(copy_course(folder), folder))
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
