"""What the commands have in common: options from a dataclass, errors in one line."""

from __future__ import annotations

import argparse
import sys
import typing
from collections.abc import Callable
from dataclasses import MISSING, field, fields
from types import UnionType
from typing import Any, NoReturn

from npalexnet.errors import Stopped, UserError


class Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Print the line, and exit with status 2."""
        self.exit(2, f"error: {message}; see {self.prog} --help\n")


def option(
    default: Any, says: str, choices: tuple[str, ...] | None = None, show: str = ""
) -> Any:
    """A field of a dataclass that is also an option of the command line.

    Args:
        default: the value when the option is not given.
        says: its help.
        choices: what may be given.
        show: what the help shows as the default, if not `default` itself.
    """
    metadata = {"says": says, "choices": choices, "show": show}
    if isinstance(default, list):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def whole_numbers(text: str) -> tuple[int, ...]:
    """ "12,17" as (12, 17); an empty text as ()."""
    return tuple(int(part) for part in text.split(",") if part.strip())


def add_options(parser: Parser, options: type) -> None:
    """One option for each field of a dataclass; what is not given is left out.

    A bool that is True by default becomes `--no-NAME`.
    """
    types = typing.get_type_hints(options)
    for f in fields(options):
        says, choices = f.metadata["says"], f.metadata["choices"]
        default = None if f.default is MISSING else f.default
        show: Any = f.metadata["show"] or ("" if default is None else default)
        flag = "--" + f.name.replace("_", "-")
        common: dict[str, Any] = {"dest": f.name, "default": argparse.SUPPRESS}
        kind = types[f.name]
        if kind is bool and default is True:
            flag = "--no-" + f.name.replace("_", "-")
            parser.add_argument(flag, action="store_false", help=says, **common)
        elif kind is bool:
            parser.add_argument(flag, action="store_true", help=says, **common)
        else:
            if isinstance(kind, UnionType):
                kind = next(t for t in typing.get_args(kind) if t is not type(None))
            parse: Callable[[str], Any] = kind
            meta: str | None = {int: "N", float: "X", str: "NAME"}.get(kind, "N,N")
            if typing.get_origin(kind) is tuple:
                parse = whole_numbers
            if show != "":
                says += f" (default: {show})"
            meta = (
                None if choices else ("PATH" if f.name in ("data", "weights") else meta)
            )
            parser.add_argument(
                flag, type=parse, choices=choices, metavar=meta, help=says, **common
            )


def run(command: Callable[[], int]) -> int:
    """Run a command; an error that is the user's to mend becomes one line, exit 2."""
    try:
        return command()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except Stopped as stopped:
        return 128 + stopped.signal
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head`: nobody reads on
        sys.stderr.close()
        return 1
