"""What can be measured on a patient of the clinic, each as one number.

The reader measures with his own lines; these are the checker's, for comparison.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from npalexnet.checks.clinic.patient import Patient
from npalexnet.checks.clinic.recipe import emoji
from npalexnet.net import softmax_cross_entropy


class Finding(NamedTuple):
    """A measurement: in words, by code, and how near a reader must come to it."""

    says: str
    measure: Callable[[Patient], float]
    tolerance: float  # absolute for numbers below 1, relative above

    def agree(self, one: float, two: float) -> bool:
        """Are two values the same, as far as this measurement goes?"""
        return abs(one - two) <= self.tolerance * max(1, abs(two))


def moved(p: Patient) -> float:
    """How far training carried conv1's filters, in units of their own size."""
    before = p.start.params["conv1.w"].data
    after = p.graph.params["conv1.w"].data
    return float(np.linalg.norm(after - before) / np.linalg.norm(before))


def labels_that_fit(p: Patient) -> float:
    """Of the first 20 pictures of batch(0): found again in the data set by pixels."""
    x, labels = p.batch(0)
    known = {row.tobytes(): t for row, t in zip(*_right_pictures(p), strict=True)}
    fit = [
        known[row.tobytes()] == t for row, t in zip(x[:20], labels[:20], strict=True)
    ]
    return float(np.mean(fit))


def _right_pictures(p: Patient) -> tuple[np.ndarray, np.ndarray]:
    """The training pictures of this patient, with the labels of the data set."""
    data, _, _ = emoji()
    x, _ = p.training()
    labels = np.concatenate([data.train.labels, data.val.labels])
    return x, labels[: len(x)]


def mean_of_x(p: Patient) -> float:
    """The mean of the first batch; 0 if the mean was subtracted."""
    return float(p.batch(0)[0].mean())


def red_minus_blue(p: Patient) -> float:
    """The 90th percentile of red minus blue, as tested: emoji are often yellow."""
    x, _ = p.test()
    return float(np.percentile(x[:, 0] - x[:, 2], 90))


def answers_that_change(p: Patient) -> float:
    """Tested twice: the share of pictures whose likeliest class changes."""
    x, _ = p.test()
    one, two = p.answers(x, seed=1), p.answers(x, seed=2)
    return float((one.argmax(1) != two.argmax(1)).mean())


def claimed_over_found(p: Patient) -> float:
    """Where dw of conv2 is largest: what backward says, over finite differences."""
    graph = p.start_in(np.float64)
    x, labels = p.batch(0)
    w = graph.params["conv2.w"]

    def loss() -> float:
        return float(softmax_cross_entropy(graph.forward(x), labels)[0])

    _, dlogits = softmax_cross_entropy(graph.forward(x), labels)
    graph.backward(dlogits)
    place = np.unravel_index(np.abs(w.grad).argmax(), w.grad.shape)
    claimed, h = w.grad[place], 1e-6
    w.data[place] += h
    up = loss()
    w.data[place] -= 2 * h
    down = loss()
    w.data[place] += h
    found = (up - down) / (2 * h)
    return float(claimed / found) if found else 1.0


def silent_at_the_start(p: Patient) -> float:
    """The share of zeros in relu2 before training."""
    relu2 = p.start.activations(p.test()[0], ["relu2"])["relu2"]
    return float((relu2 == 0).mean())


def test_pictures_in_training(p: Patient) -> float:
    """The share of test pictures that training showed, pixel by pixel."""
    shown = {row.tobytes() for row in p.training()[0]}
    return float(np.mean([row.tobytes() in shown for row in p.test()[0]]))


def classes_in_the_first_batch(p: Patient) -> float:
    """How many classes the first batch has."""
    return float(len(set(p.batch(0)[1].tolist())))


def size_of_the_first_answers(p: Patient) -> float:
    """The standard deviation of the logits before training."""
    return float(p.start.forward(p.test()[0]).std())


FINDINGS = {
    "how far conv1 moved": Finding(
        "‖w after training - w before‖ / ‖w before‖, w = conv1's filters", moved, 0.1
    ),
    "labels that fit": Finding(
        "of the first 20 pictures of batch(0): the share whose label fits, by eye",
        labels_that_fit,
        0.15,
    ),
    "mean of x": Finding("mean of the numbers of batch(0)", mean_of_x, 0.2),
    "red minus blue at the test": Finding(
        "the 90th percentile of channel 0 minus channel 2, over test()",
        red_minus_blue,
        0.1,
    ),
    "answers that change": Finding(
        "the share of test() with another likeliest class in a second answer",
        answers_that_change,
        0.1,
    ),
    "claimed over found in conv2": Finding(
        "one entry of conv2.w.grad, over the same by finite differences",
        claimed_over_found,
        0.1,
    ),
    "silent in relu2 at the start": Finding(
        "the share of zeros in relu2 of the network before training, over test()",
        silent_at_the_start,
        0.1,
    ),
    "test pictures among the training pictures": Finding(
        "the share of test() that is in training(), pixel by pixel",
        test_pictures_in_training,
        0.1,
    ),
    "classes in the first batch": Finding(
        "how many different labels batch(0) has", classes_in_the_first_batch, 0.5
    ),
    "size of the first answers": Finding(
        "standard deviation of the logits before training, over test()",
        size_of_the_first_answers,
        0.1,
    ),
}
