"""The list of illnesses: the change of each to the recipe, and what proves it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Illness(NamedTuple):
    """One thing that may be wrong with a training run.

    Attributes:
        change: the line of the recipe that was changed.
        proof: the finding by which it is told from all others.
        says: what that finding would look like, in words.
    """

    change: dict[str, Any]
    proof: str
    says: str


ILLNESSES = {
    "learning rate too high": Illness(
        {"lr": 0.15},
        "how far conv1 moved",
        "the weights would have been thrown far from where they began",
    ),
    "learning rate too low": Illness(
        {"lr": 1e-5},
        "how far conv1 moved",
        "the weights would still be where they began",
    ),
    "labels shuffled": Illness(
        {"right_labels": False},
        "labels that fit",
        "about one label in ten would fit its picture",
    ),
    "mean not subtracted": Illness(
        {"minus_mean": False},
        "mean of x",
        "the mean of the input would be far from 0",
    ),
    "channels swapped at the test": Illness(
        {"channels": "BGR"},
        "red minus blue at the test",
        "red and blue would have changed places between training and test",
    ),
    "dropout left on at the test": Illness(
        {"dropout_at_test": True},
        "answers that change",
        "the same pictures, tested twice, would get other answers",
    ),
    "wrong gradient": Illness(
        {"wrong_gradient": True},
        "claimed over found in conv2",
        "backward and finite differences would not agree",
    ),
    "dead ReLUs": Illness(
        {"bias": -20.0},
        "silent in relu2 at the start",
        "almost nothing would come out of relu2, and that before training",
    ),
    "test pictures in the training set": Illness(
        {"leak": True},
        "test pictures among the training pictures",
        "pictures of the test would be found among the training pictures",
    ),
    "classes not mixed": Illness(
        {"shuffle": False},
        "classes in the first batch",
        "a batch would hold one class or two",
    ),
    "last layer starts too large": Illness(
        {"fc4_std": 3.0},
        "size of the first answers",
        "the logits before training would be far too large",
    ),
}
