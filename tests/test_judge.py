"""The judge accepts what is right, names what is wrong, and never falls over."""

import pytest

from npalexnet import layers as L
from npalexnet.gradcheck import judge
from npalexnet.judge import Trial
from npalexnet.judgecases import EXERCISES
from npalexnet.loss import softmax_cross_entropy

PAIRS = {
    "linear": (L.linear_forward, L.linear_backward),
    "relu": (L.relu_forward, L.relu_backward),
    "tanh": (L.tanh_forward, L.tanh_backward),
    "conv": (L.conv2d_forward, L.conv2d_backward),
    "maxpool": (L.maxpool_forward, L.maxpool_backward),
    "lrn": (L.lrn_forward, L.lrn_backward),
    "dropout": (L.dropout_forward, L.dropout_backward),
}
SUSPECTS = [
    (layer, result, says)
    for layer, exercise in EXERCISES.items()
    for result, mistakes in exercise.suspects.items()
    for says in mistakes
]


def update(w, v, g, lr, momentum, decay):
    new_v = momentum * v - decay * lr * w - lr * g
    return new_v, w + new_v


def right(layer):
    """The package's own functions, as somebody's solution."""
    if layer == "softmax":
        return (softmax_cross_entropy,)
    return (update,) if layer == "sgd" else PAIRS[layer]


def with_mistake(layer, result, says):
    """The right functions, but for one result that a suspect gives."""
    exercise = EXERCISES[layer]
    wrong = exercise.suspects[result][says]
    names = list(exercise.trials[0].arrays)

    def answers(arrays, settings, y=None):
        return exercise.known(
            Trial("", dict(zip(names, arrays, strict=True)), settings), y
        )

    def one(*arrays, **settings):
        t = answers(arrays, settings)
        values = vars(t) | {result: wrong(t)}
        return tuple(values[name] for name in exercise.results)

    def forward(*arrays, **settings):
        train = {"train": True} if layer == "dropout" else {}  # then y tells the mask
        y, _ = PAIRS[layer][0](*arrays, **settings | train)
        t = answers(arrays, settings, y)
        return (wrong(t) if result == "y" else t.y), t

    def backward(dy, t):
        values = vars(t) | ({} if result == "y" else {result: wrong(t)})
        gradients = tuple(values[name] for name in exercise.results[1:])
        return gradients if len(gradients) > 1 else gradients[0]

    return (forward, backward) if layer in PAIRS else (one,)


def said(capsys):
    """What was printed, on one line."""
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("layer", EXERCISES)
def test_the_package_solves_its_own_exercises(layer, capsys):
    assert judge(layer, *right(layer)) is True
    out = said(capsys)
    assert "SOLVED" in out and EXERCISES[layer].file in out and "WRONG" not in out


@pytest.mark.parametrize(("layer", "result", "says"), SUSPECTS)
def test_every_suspect_is_told_from_the_right_and_from_all_others(
    layer, result, says, capsys
):
    assert judge(layer, *with_mistake(layer, result, says)) is False
    assert f"{result} WRONG: {says}" in said(capsys)
