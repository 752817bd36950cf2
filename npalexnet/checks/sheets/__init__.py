"""The exercise sheets, as the judge knows them: one file for each exercise.

A sheet file holds, in this order,

    its trials      from the simplest call to the richest, the last one in float32
    its suspects    the mistakes that people make with this layer, one function each;
                    its docstring is what the learner reads (see exercise.py)
    EXERCISE        both of them, with the functions of the package that are right

Sizes are all different wherever they can be, so that no two mistakes look alike and a
wrong factor can be named ("3 is the number of images"); numbers are such that every
term counts, as in gradcases.py. tests/test_judge.py sees to it that each suspect is
told from what is right and from all suspects before it.

batch_sums.py and overwritten.py hold what several sheets share.
"""

from __future__ import annotations

from npalexnet.checks.exercise import Exercise
from npalexnet.checks.sheets import (
    conv,
    dropout,
    linear,
    lrn,
    maxpool,
    relu,
    sgd,
    softmax,
    tanh,
)

EXERCISES: dict[str, Exercise] = {
    "linear": linear.EXERCISE,
    "relu": relu.EXERCISE,
    "tanh": tanh.EXERCISE,
    "softmax": softmax.EXERCISE,
    "sgd": sgd.EXERCISE,
    "conv": conv.EXERCISE,
    "maxpool": maxpool.EXERCISE,
    "lrn": lrn.EXERCISE,
    "dropout": dropout.EXERCISE,
}
