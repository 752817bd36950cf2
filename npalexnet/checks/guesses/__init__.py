"""The questions of the course, one file for each notebook that asks them.

    tour.py           1 · A tour
    convolution.py    2 · Convolution
    gradients.py      3 · Gradients
    relu.py           4 · ReLU
    pooling.py        5 · Pooling and normalisation
    overfitting.py    6 · Against overfitting
    training.py       7 · Training
    inside.py         8 · Looking inside
    which.py          9 · Which AlexNet?

An answer is computed where it can be, so that a reader sees where it comes from.
"""

from __future__ import annotations

from npalexnet.checks.guess import Question
from npalexnet.checks.guesses import (
    convolution,
    gradients,
    inside,
    overfitting,
    pooling,
    relu,
    tour,
    training,
    which,
)
from npalexnet.system.errors import UserError

QUESTIONS: dict[str, Question] = {
    name: question
    for notebook in (
        tour,
        convolution,
        gradients,
        relu,
        pooling,
        overfitting,
        training,
        inside,
        which,
    )
    for name, question in notebook.QUESTIONS.items()
}


def discuss(question: str, guess: object = ...) -> None:
    """Print what a guess says about the reader's thinking.

    Args:
        question: its name, as the notebook has it.
        guess: the reader's; `...` as long as there is none.

    Raises:
        UserError: there is no such question.
    """
    if question not in QUESTIONS:
        raise UserError(
            f"no question is called {question!r}; leave the name in this line as it "
            "was, and change only the line of your guess"
        )
    print(QUESTIONS[question].reply(guess))
