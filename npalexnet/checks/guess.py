"""What a reader's guess says about his thinking: the cells tagged `predict`.

Before a result the course asks for a guess:

    guess = ...  # YOUR GUESS: a whole number
    discuss("numbers in a picture", guess)

As long as the dots stand there `discuss` says what to fill in. A right guess is told
why it is right. A wrong one that people often make is told what it overlooks, any other
one gets a hint; neither is told the answer, which the notebook shows in its next cell.
The questions stand in guesses/, away from the reader's line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Guess = float | str | tuple[float, ...]


@dataclass(frozen=True)
class Question:
    """One prediction: what is right, and what people think instead.

    Attributes:
        wanted: what a guess looks like, "a whole number", "a shape like (5, 5)".
        answer: a number, a tuple of numbers, or a word.
        because: why it is right.
        thoughts: wrong guess to what that thought overlooks.
        hint: for all other guesses.
        within: a guess that is off by this share of the answer is right, too.
    """

    wanted: str
    answer: Guess
    because: str
    thoughts: Mapping[Any, str]
    hint: str
    within: float = 0.0

    def reply(self, guess: object) -> str:
        """What to say to a guess."""
        if guess is ...:
            return (
                f"Your turn: put {self.wanted} in place of the dots, and run this "
                "cell again."
            )
        plain = _plain(guess)
        if _kind(plain) != _kind(self.answer):
            return f"This asks for {self.wanted}, and you wrote {guess!r}."
        if _same(plain, self.answer, self.within):
            return f"Right. {self.because}"
        for thought, overlooks in self.thoughts.items():
            if _same(plain, thought, self.within / 2):
                return f"Not yet. {overlooks}"
        return f"Not yet. {self.hint}"


def _plain(guess: object) -> object:
    """Lists and arrays as tuples, NumPy's numbers as Python's, words without case."""
    if isinstance(guess, np.ndarray | np.generic):
        guess = guess.tolist()
    if isinstance(guess, bool):
        return "yes" if guess else "no"
    if isinstance(guess, str):
        return guess.strip().lower()
    if isinstance(guess, list | tuple):
        return tuple(_plain(part) for part in guess)
    return guess


def _kind(guess: object) -> str:
    """The kind of a guess: guesses of different kinds cannot be compared."""
    if isinstance(guess, tuple):
        return "numbers" if all(_kind(part) == "number" for part in guess) else "other"
    if isinstance(guess, str):
        return "word"
    return "number" if isinstance(guess, int | float) else "other"


def _same(guess: Any, other: Any, within: float) -> bool:
    """Are two guesses the same, numbers up to a share of the second one?"""
    if _kind(guess) != _kind(other):
        return False
    if isinstance(guess, str):
        return guess == other
    if isinstance(guess, tuple):
        return len(guess) == len(other) and all(
            _same(a, b, within) for a, b in zip(guess, other, strict=True)
        )
    return math.isclose(guess, other, rel_tol=0, abs_tol=within * abs(other) + 1e-9)
