"""What the commands have in common: options from a dataclass, errors in one line."""

from __future__ import annotations

import argparse
import os
import sys
import typing
import warnings
from collections.abc import Callable
from dataclasses import Field, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, NoReturn

from npalexnet.system import signals
from npalexnet.system.errors import Stopped, UserError
from npalexnet.system.files import refused
from npalexnet.system.names import check_path, did_you_mean, printable


def typed(command: str) -> str:
    """How a command is typed by whoever typed this one, so that it can be copied.

    `npalexnet train` for those who did so: their `python` may be another one, that
    knows nothing of the package. `python -m npalexnet.train` for all others: there
    `npalexnet` may not be on the path.
    """
    if Path(sys.argv[0]).stem == "npalexnet":
        return f"npalexnet {command}"
    return f"python -m npalexnet.{command}"


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like every other error.

    Options are typed in full: `--epoch` might be `--epochs` today, and something else
    in a year.
    """

    def __init__(self, **how: Any) -> None:
        super().__init__(allow_abbrev=False, **how)

    def error(self, message: str) -> NoReturn:
        """Print the line, and exit with status 2."""
        _, found, words = message.partition("unrecognized arguments: ")
        if found and words.startswith("-"):
            option = words.split()[0].split("=")[0]
            message += did_you_mean(option, self._option_string_actions)
        self.exit(2, f"error: {printable(message)}; see {self.prog} --help\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Is it among the choices of an option? argparse's own words, and a guess."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            known = map(str, action.choices or ())
            error.message += did_you_mean(str(value), known)
            raise

    def add_threads(self) -> None:
        """The option --threads; `threads_to_use` reads it."""
        self.add_argument("--threads", type=int, metavar="N", help="threads to use")


def threads_to_use(args: argparse.Namespace) -> int | None:
    """The value of --threads, or None if it was not given.

    Raises:
        UserError: it is less than 1.
    """
    count: int | None = args.threads
    if count is not None and count < 1:
        raise UserError(f"--threads must be at least 1, and is {count}")
    return count


def path(text: str) -> str:
    """The type of options and words that name a file or folder: never empty."""
    try:
        return check_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def option(
    default: Any,
    says: str,
    choices: tuple[str, ...] | None = None,
    show: str = "",
    no: str = "",
    switch: tuple[str, str] | None = None,
) -> Any:
    """A field of a dataclass that is also an option of the command line.

    Args:
        default: the value when the option is not given.
        says: its help.
        choices: what may be given.
        show: what the help shows as the default, if not `default` itself.
        no: the help of `--no-NAME`, for a bool that is True by default.
        switch: (name, value): `--name` stands alone on the command line, and means
            this value.
    """
    metadata = {"says": says, "choices": choices, "show": show, "no": no}
    metadata["switch"] = switch
    return field(default=default, metadata=metadata)


def flag(name: str) -> str:
    """A field's name on the command line: lrn_groups becomes --lrn-groups."""
    return "--" + name.replace("_", "-")


def whole_numbers(text: str) -> tuple[int, ...]:
    """ "12,17" as (12, 17); an empty text as ()."""
    return tuple(int(part) for part in text.split(",") if part.strip())


def add_options(parser: Parser, options: type) -> None:
    """One option for each field of a dataclass; one that is not given sets nothing.

    A bool that is True by default becomes `--no-NAME`.
    """
    types = typing.get_type_hints(options)
    for f in fields(options):
        if types[f.name] is bool or f.metadata["switch"]:
            _add_switch(parser, f)
        else:
            _add_value(parser, f, types[f.name])


def _add_switch(parser: Parser, f: Field[Any]) -> None:
    """A bool: `--NAME`, or `--no-NAME`; or a switch that means a value."""
    if f.metadata["switch"]:
        name, value = f.metadata["switch"]
        parser.add_argument(
            flag(name),
            action="store_const",
            const=value,
            dest=f.name,
            default=argparse.SUPPRESS,
            help=f.metadata["says"],
        )
        return
    on = f.default is True
    parser.add_argument(
        flag(f"no_{f.name}" if on else f.name),
        action="store_false" if on else "store_true",
        dest=f.name,
        default=argparse.SUPPRESS,
        help=f.metadata["no"] if on else f.metadata["says"],
    )


METAVARS = {int: "N", float: "X", str: "NAME"}
PATHS = ("data", "weights")  # made absolute, and kept


def _add_value(parser: Parser, f: Field[Any], kind: Any) -> None:
    """An option with a value: a number, a name, a path, or numbers with commas."""
    if isinstance(kind, UnionType):  # "int | None"
        kind = next(t for t in typing.get_args(kind) if t is not type(None))
    parse: Callable[[str], Any] = kind
    metavar = METAVARS.get(kind, "N,N")
    if typing.get_origin(kind) is tuple:
        parse = whole_numbers
    if f.name in (*PATHS, "out"):
        parse, metavar = path, "PATH"
    choices = f.metadata["choices"]
    show = f.metadata["show"] or f.default
    says = f.metadata["says"]
    parser.add_argument(
        flag(f.name),
        type=parse,
        dest=f.name,
        default=argparse.SUPPRESS,
        choices=choices,
        metavar=None if choices else metavar,
        help=says if show is None else f"{says} (default: {show})",
    )


def run(command: Callable[[], int]) -> int:
    """Run a command; an error that the user can mend becomes one line and exit 2.

    Names that the terminal has no letters for are shown with escapes; and what Pillow
    remarks about a picture that it could read after all is not shown.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.filterwarnings("ignore", module="PIL")
    with signals.as_exceptions():
        try:
            status = command()
            sys.stdout.flush()
            return status
        except UserError as error:
            return _say(f"error: {error}", 2)
        except Stopped as stopped:
            return 128 + stopped.signal
        except KeyboardInterrupt:
            return _say("stopped", 130)
        except BrokenPipeError:  # `... | head`: nobody is listening any more
            return _give_up_output()
        except MemoryError as error:
            why = f" ({error})" if str(error) else ""
            return _say(
                f"error: not enough memory{why}; close other programs, or choose a "
                "smaller network or --batch",
                2,
            )
        except OSError as error:
            known = refused(error)
            if known is None:
                raise
            _give_up_output()
            return _say(f"error: {known}", 2)


def _say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


def _give_up_output() -> int:
    """Drop what cannot be printed, which Python would try again at its end."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
