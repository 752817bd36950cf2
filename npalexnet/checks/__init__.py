"""Is a derivative right, and if not, which mistake is it?

In here
    instruments.py   three ways to compare a backward with its forward
    case.py          one check: a backward, and mutants of it that must be seen
    gradcases.py     the cases and mutants of every layer
    judging.py       the judge of the exercise sheets; it calls somebody's functions
                     (calling.py), says what is wrong with a result (diagnosis.py) and
                     prints the verdict (verdict.py)
    marking.py       the judge for a class; somebody's code stays in another process,
                     of which apart.py is our side and servant.py the far one
    exercise.py      what the judge must know of an exercise, and
    sheets/          all exercises, with the mistakes that people make
    clinic/          training runs that are ill, and what proves each illness
    guess.py         what a reader's guess says about his thinking, and
    guesses/         the questions that the notebooks ask

Not in here: mathematics. What is right is computed by the functions of layers/ and
net/loss.py, and the commands (`python -m npalexnet.gradcheck`) are outside. A file of
this room may read net/ and what is below, never training/ or weights/.

The judge itself and `discuss` are handed on by `npalexnet.gradcheck`.
"""

from npalexnet.checks.case import Case
from npalexnet.checks.gradcases import cases
from npalexnet.checks.instruments import (
    Finding,
    away_from_zero,
    central_differences,
    check,
    compare,
    complex_step,
    directional_derivative,
    distinct,
    small_differences,
)

__all__ = [
    "Case",
    "Finding",
    "away_from_zero",
    "cases",
    "central_differences",
    "check",
    "compare",
    "complex_step",
    "directional_derivative",
    "distinct",
    "small_differences",
]
