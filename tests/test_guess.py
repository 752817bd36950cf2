"""What the course says to a guess: the right one, wrong ones, and none at all."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from course import COURSE, GUESS, NAME, count

from npalexnet import layers as L
from npalexnet import softmax_cross_entropy
from npalexnet.alexnet import VARIANTS, outline
from npalexnet.checks.guess import Question
from npalexnet.checks.guesses import QUESTIONS
from npalexnet.checks.guesses import gradients as G
from npalexnet.gradcheck import discuss
from npalexnet.system.errors import UserError

CELLS = {
    name: source
    for path in COURSE
    for source in count.tagged(path, "predict")
    for name in NAME.findall(source)
}


def said(name, guess=None):
    """What the notebook's own cell prints, with a guess in place of the dots."""
    source = CELLS[name]
    if guess is not None:
        source, found = GUESS.subn(lambda _: f"guess = {guess!r}", source)
        assert found == 1
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(source, {"discuss": discuss})
    return printed.getvalue().strip()


def test_every_cell_asks_one_question_and_every_question_is_asked():
    cells = [s for path in COURSE for s in count.tagged(path, "predict")]
    assert all(len(NAME.findall(source)) == 1 for source in cells)
    assert len(cells) == len(CELLS), "a question is asked twice"
    assert set(CELLS) == set(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_without_a_guess_the_cell_says_what_to_fill_in(name):
    assert QUESTIONS[name].wanted in said(name)
    assert not said(name).startswith(("Right", "Not yet"))


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_right_guess_is_told_why(name):
    question = QUESTIONS[name]
    assert said(name, question.answer) == f"Right. {question.because}"


@pytest.mark.parametrize("name", QUESTIONS)
def test_wrong_guesses_that_people_make_are_told_what_they_overlook(name):
    question = QUESTIONS[name]
    assert len(question.thoughts) >= 2
    heard = [said(name, thought) for thought in question.thoughts]
    assert heard == [f"Not yet. {words}" for words in question.thoughts.values()]
    assert len(set(heard)) == len(heard)


@pytest.mark.parametrize("name", QUESTIONS)
def test_any_other_guess_gets_a_hint(name):
    question = QUESTIONS[name]
    kinds = {str: "something else", tuple: (123.456,) * 3}
    other = kinds.get(type(question.answer), 123.456)
    assert said(name, other) == f"Not yet. {question.hint}"
    assert question.hint not in question.thoughts.values()


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_guess_of_another_kind_is_told_what_is_asked(name):
    question = QUESTIONS[name]
    other = 7 if isinstance(question.answer, str) else "seven"
    assert said(name, other).startswith(f"This asks for {question.wanted}")


def shape(y):
    return y[0][0].shape


def conv(side, maps, filters, kernel, **how):
    x = np.zeros((1, maps, side, side))
    return L.conv2d_forward(
        x, np.zeros((filters, maps, kernel, kernel)), np.zeros(filters), **how
    )


def answer(window):
    w = np.array([[[[-1, 0, 1]] * 3]])
    return int(L.conv2d_forward(np.array([[window]]), w, np.zeros(1))[0][0, 0, 0, 0])


def learned(layer):
    return sum(param.data.size for param in layer.params.values())


def by_hand():
    """The gradients of the convolution that notebook 3 writes out: dx, dw, db."""
    x, w, dy = (a[None, None] for a in (G.PICTURE, G.FILTER, G.DY))
    _, cache = L.conv2d_forward(x, w, np.zeros(1))
    return [gradient.squeeze() for gradient in L.conv2d_backward(dy, cache)]


def descent(x):
    """(loss, dw1, dw2) of notebook 3's two layers, by moving the weights."""

    def loss(w1, w2):
        return (w2 * max(0, w1 * x) - 1) ** 2

    h, here = 1e-7, loss(2, 0.5)
    return here, (loss(2 + h, 0.5) - here) / h, (loss(2, 0.5 + h) - here) / h


def winner_collects():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 9
    _, cache = L.maxpool_forward(x)
    return L.maxpool_backward(np.array([[[[1.0, 2], [3, 4]]]]), cache)[0, 0, 2, 2]


def overwritten():
    dx = np.zeros(3)
    dx[[1, 1, 1]] += [10, 20, 30]
    return dx[1]


def logits_of(*probabilities):
    return np.log(np.array([probabilities]))


# The same answers from the package's own layers.
FOUND = {
    "side of a map": lambda: shape(conv(5, 1, 1, 3))[1],
    "after relu": lambda: L.relu_forward(np.array([-2, 3, -0.5, 0, 4]))[0],
    "windows side by side": lambda: shape(
        L.maxpool_forward(np.zeros((1, 1, 55, 55)), 2)
    )[1],
    "side after pooling": lambda: shape(L.maxpool_forward(np.zeros((1, 1, 7, 7))))[1],
    "numbers in a row": lambda: np.zeros((256, 6, 6)).ravel().size,
    "parameters of fc": lambda: learned(L.Linear(4, 3)),
    "shape after conv1": lambda: shape(conv(227, 3, 96, 11, stride=4)),
    "parameters of conv1": lambda: learned(L.Conv2d(3, 96, 11)),
    "one window by hand": lambda: answer([[10, 10, 60], [10, 10, 60], [10, 20, 60]]),
    "a flat window": lambda: answer([[200] * 3] * 3),
    "a map of the ambulance": lambda: shape(conv(64, 1, 1, 3))[1],
    "weights of a colour filter": lambda: L.Conv2d(3, 64, 11).params["w"].data[0].size,
    "shape of y": lambda: conv(64, 3, 8, 5)[0].shape,
    "parameters of eight filters": lambda: learned(L.Conv2d(3, 8, 5)),
    "windows at stride 2": lambda: shape(conv(9, 1, 1, 3, stride=2))[1],
    "pad that keeps the size": lambda: next(
        pad for pad in range(9) if shape(conv(64, 1, 1, 5, pad=pad))[1] == 64
    ),
    "the slope of a large input": lambda: L.relu_backward(
        np.ones(1), L.relu_forward(np.array([20.0]))[1]
    )[0],
    "half of the gates": lambda: np.sqrt(np.mean(np.repeat([1.0, 0.0], 500) ** 2)),
    "a pixel that wins four times": winner_collects,
    "windows of a pixel": lambda: L.add_windows(
        np.ones((1, 1, 6, 6, 3, 3)), (1, 1, 13, 13), 2
    )[0, 0, 4, 4],
    "three additions to one place": overwritten,
    "views of a drawing": lambda: (
        2 * L.windows(np.zeros((1, 1, 64, 64)), 56)[0, 0, ..., 0, 0].size
    ),
    "the loss by hand": lambda: descent(3)[0],
    "what a slope says": lambda: round(descent(3)[1], 4) * 0.01,
    "the slope of w2": lambda: round(descent(3)[2], 4),
    "a shut gate": lambda: descent(-3)[1],
    "one dw of a filter": lambda: by_hand()[1][1, 2],
    "one dx of a picture": lambda: by_hand()[0][2, 2],
    "the slope of a bias": lambda: by_hand()[2],
    "places of one weight": lambda: conv(13, 1, 1, 3)[0].size,
    "before training": lambda: softmax_cross_entropy(np.zeros((1, 1000)), [7])[0],
    "slopes of the logits": lambda: softmax_cross_entropy(
        logits_of(0.7, 0.2, 0.1), [1]
    )[1][0],
    "the paper's 224": lambda: shape(conv(224, 1, 1, 11, stride=4))[1],
    "all windows at once": lambda: L.windows(np.zeros((1, 3, 8, 8)), 3).shape,
    "weights with two groups": lambda: (
        L.Conv2d(96, 256, 5, groups=2).params["w"].data[0].size
    ),
    "networks of one size": lambda: [
        sum(cost.parameters for cost in outline(name).costs().values())
        for name in VARIANTS
    ].count(60_965_224),
    "227 for 224": lambda: shape(
        L.maxpool_forward(conv(227, 1, 1, 11, stride=4, pad=2)[0])
    )[1],
    "caffe's s": lambda: round(
        L.lrn_forward(np.full((1, 1, 1, 1), 1e5**0.5), alpha=2e-5, k=1.0)[0].item()
        ** (-1 / 0.75)
        * 1e5 ** (0.5 / 0.75),
        6,
    ),
}


def alone(x, neighbour=0.0):
    """LRN's answer of a map with one neighbour."""
    return L.lrn_forward(np.array([x, neighbour]).reshape(1, 2, 1, 1))[0][0, 0, 0, 0]


def test_lrn_answers_as_the_course_says():
    assert alone(100.0, 300.0) < alone(100.0)
    assert alone(400.0) < alone(200.0) > alone(100.0)
    assert round(alone(200.0)) == 52 and round(alone(400.0)) == 46


@pytest.mark.parametrize("name", FOUND)
def test_the_answer_is_what_the_layers_say(name):
    reply = QUESTIONS[name].reply(FOUND[name]())
    assert reply.startswith("Right."), reply


QUESTION = Question("a shape", (2, 3), "so.", {(3, 2): "turned", (2,): "short"}, "?")


@pytest.mark.parametrize(
    "guess",
    [(2, 3), [2, 3], np.array([2, 3]), (2.0, np.int64(3)), np.zeros((2, 3)).shape],
)
def test_a_guess_may_be_written_as_a_list_or_an_array(guess):
    assert QUESTION.reply(guess) == "Right. so."


@pytest.mark.parametrize("guess", [None, print, {2: 3}, ("2", 3), 1j, float])
def test_what_is_no_guess_is_told_so(guess):
    assert QUESTION.reply(guess).startswith("This asks for a shape, and you wrote")


def test_numbers_near_enough_are_right_and_words_may_be_capitals():
    near = Question("a number", 100, "so.", {50: "half", 200: "twice"}, "?", 0.05)
    assert near.reply(104).startswith("Right")
    assert near.reply(106) == "Not yet. ?"
    assert near.reply(float("nan")) == "Not yet. ?"
    assert near.reply(51) == "Not yet. half"
    word = Question("'yes' or 'no'", "no", "so.", {"yes": "why", "maybe": "hm"}, "?")
    assert word.reply(" No ").startswith("Right")
    assert word.reply(False).startswith("Right")
    assert word.reply(True) == "Not yet. why"


def test_a_question_that_is_not_there():
    with pytest.raises(UserError, match="no question is called 'nothing'"):
        discuss("nothing", 3)
