"""How much a stranger's file may ask for before it is refused.

A short file can describe something enormous. A dictionary may hold another twice, that
one a third twice, and so on: thirty lines that would print as a billion. No reader here
believes a file, and what must hold for every one of them is said here:

    a file that is refused    takes at most 2 s (if it is small), and at most four
                              times its own size and 200 MB of memory
    a file that is loaded     takes at most four times the network, and 200 MB

So each reader counts its steps, holds sizes to the bytes that are there before it takes
memory, and cuts a stranger's words before it repeats them. The numbers are far above
what any file of an AlexNet needs: sixteen arrays are read in about a thousand steps.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

MOST_STEPS = 300_000  # of one file: about a second
LONGEST_JSON = 2**23  # bytes; each may become four, a dozen times over
MOST_JSON_VALUES = 300_000


class Steps:
    """Counts what is done for one file, and stops it.

    Args:
        most: so many are allowed.
    """

    def __init__(self, most: int = MOST_STEPS) -> None:
        self.left = most

    def take(self) -> None:
        """One more.

        Raises:
            ValueError: it is one too many.
        """
        self.left -= 1
        if self.left < 0:
            raise ValueError("it has more pieces than any file of weights needs")


def parse(
    text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """`json.loads`, of a text of bounded length and with a bounded number of values.

    Args:
        text: in JSON.
        pairs: makes a dictionary of the pairs of an object.

    Raises:
        ValueError: it is too long, or no JSON.
        RecursionError: it is nested too deeply.
    """
    if len(text) > LONGEST_JSON:
        raise ValueError(f"a text of {len(text)} bytes in JSON is too long")
    # each value but the first stands behind one of these; some are inside of words
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if sum(map(raw.count, (b",", b"[", b"{"))) > MOST_JSON_VALUES:
        raise ValueError("a text in JSON has too many values")
    return json.loads(text, object_pairs_hook=pairs)


def short(value: object) -> str:
    """A stranger's value in a few words: never `repr`, which might fill the memory."""
    return value[:80] if isinstance(value, str) else f"a {type(value).__name__}"


def one_line(said: object) -> str:
    """A message that may hold a stranger's words, without what would move a cursor."""
    return "".join(c if c.isprintable() else "?" for c in str(said))
