"""Names in messages: shown on one line, and "did you mean ...?" for a wrong one.

A name may hold anything: a line break, bytes that are no text in any alphabet, a
sequence that clears the terminal. What is shown holds none of these. And who mistypes
a name is told which one there is.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

# Control and surrogate characters, ends of lines, and marks that turn the direction of
# writing; the joiners, which Persian and many emoji need, are left alone.
UNSEEN = ("Cc", "Cs", "Zl", "Zp", "Cf")
JOINERS = "\u200c\u200d"
LONGEST = 1000  # characters of a message


def printable(text: str, most: int = LONGEST) -> str:
    r"""The text on one line, without what would move a cursor; `\n` where one was.

    Args:
        text: anything, also with bytes that are no text (as Python reads them).
        most: so many characters; of a longer text, begin and end are kept.

    Examples:
        >>> printable("two\nlines and \x1b[31mred")
        'two\\nlines and \\x1b[31mred'
    """
    text = _cut(text, most)
    if text.isprintable():
        return text
    shown = (
        c.encode("unicode_escape").decode()
        if unicodedata.category(c) in UNSEEN and c not in JOINERS
        else c
        for c in text
    )
    return _cut("".join(shown), most)


def _cut(text: str, most: int) -> str:
    """The text, without its middle if it is too long."""
    end = most // 3
    return text if len(text) <= most else text[: most - end - 5] + " ... " + text[-end:]


def nearest(said: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if there is one."""
    names = {name.lower(): name for name in known}
    found = get_close_matches(said[:100].lower(), names, 1)
    return names[found[0]] if found else None


def did_you_mean(said: str, known: Iterable[str]) -> str:
    """Words to add to a message: " (did you mean emoji?)", or "".

    Args:
        said: what was typed.
        known: what would have been right.
    """
    meant = nearest(said, known)
    return "" if meant is None else f" (did you mean {meant}?)"


def did_you_mean_path(path: Path) -> str:
    """The same for a path that is not there, and what lies beside it."""
    if os.path.lexists(path):
        return ""
    try:
        beside = [other.name for other in islice(path.parent.iterdir(), 10_000)]
    except (OSError, ValueError):
        return ""
    meant = nearest(path.name, beside)
    return "" if meant is None else f" (did you mean {path.parent / meant}?)"


def is_address(text: str) -> bool:
    """Is this an address on the internet, rather than a file?"""
    return re.match(r"[a-z][a-z0-9+.-]+:/", text, re.IGNORECASE) is not None


def check_path(text: str) -> str:
    """A path as it was typed, if it can be one.

    Raises:
        ValueError: it is empty, or an address on the internet.
    """
    if not text:
        raise ValueError("expected the name of a file or folder, found nothing")
    if is_address(text):
        raise ValueError(
            f"{text} is an address on the internet; download it first, then give the "
            "name of the file"
        )
    return text
