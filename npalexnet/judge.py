"""Mark the exercise sheets of a class: a line for each student.

python -m npalexnet.judge handed-in

    anna 8/8
    ben 5/8   3-softmax: not yet; 6-maxpool: missing; 7-lrn: no end in 60 s

handed-in/anna/2-relu.ipynb is Anna's second sheet: the names of the sheets stay as they
are. What a sheet prints, or does to the judge, changes nothing; see checks/apart.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from npalexnet.checks.apart import MEGABYTES, SECONDS, NotStarted
from npalexnet.checks.marking import Mark, mark_all
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.names import printable


def line(student: str, marks: Sequence[Mark]) -> str:
    """A student's line: how many are solved, and what the others lack."""
    solved = sum(mark.solved for mark in marks)
    lacks = "; ".join(f"{m.sheet}: {m.says}" for m in marks if not m.solved)
    if {mark.says for mark in marks} == {"missing"}:
        lacks = "nothing handed in"
    return f"{printable(student)} {solved}/{len(marks)}   {lacks}".rstrip()


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("judge"),
        description="Mark exercise sheets, FOLDER/STUDENT/SHEET.ipynb, the names of "
        "the sheets unchanged. Prints a line for each student.",
        epilog=f"Each sheet runs in a process of its own, with {SECONDS} s and "
        f"{MEGABYTES} MB of memory, but with your rights: of a class that you do not "
        "trust, judge the sheets in a container. Exit status 0 when all were judged.",
    )
    parser.add_argument(
        "folder",
        type=cli.path,
        metavar="FOLDER",
        help="it holds a folder a student",
    )
    args = parser.parse_args(argv)

    def command() -> int:
        try:
            for student, marks in mark_all(Path(args.folder)):
                print(line(student, marks), flush=True)
        except NotStarted as error:
            raise UserError(
                f"no process could be started for a sheet ({error}); is there memory "
                "left? try again"
            ) from None
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
