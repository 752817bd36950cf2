"""Sheet 3: softmax with cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.checks.exercise import Exercise, Known, Trial, normal
from npalexnet.layers.layer import Array
from npalexnet.net.loss import softmax, softmax_cross_entropy


def trial(says: str, logits: Array, *labels: int) -> Trial:
    """Logits (N, C), and the label of each image."""
    return Trial(says, {"logits": logits, "labels": np.array(labels)})


LOUD = np.array([[1000.0, 998, 999, 990], [-3000, -3001, -3000, -2999]])
TRIALS = [
    trial("five images, four classes", normal(5, 4), 3, 0, 2, 2, 1),
    trial("as many images as classes", normal(3, 3), 2, 0, 1),
    trial("logits of 1000 and of -3000", LOUD, 1, 3),
    trial("it is sure, and wrong", np.array([[0.0, 2000], [800, -300]]), 0, 1),
]


def right(trial: Trial, found: Array | None) -> dict[str, Any]:
    """What the loss is, and its gradient."""
    loss, dlogits = softmax_cross_entropy(**trial.arrays)
    return {"loss": loss, "dlogits": dlogits}


def of_labels(t: Known, v: Array) -> Array:
    """The number of each image's right class: (N,) of v (N, C)."""
    return v[np.arange(len(t.labels)), t.labels]


def naive_softmax(t: Known) -> Array:
    """Probabilities by the bare formula: overflows with large logits."""
    e = np.exp(t.logits)
    return e / e.sum(1, keepdims=True)


def naive_losses(t: Known) -> Array:
    """The loss of each image, without any care for large logits."""
    return -np.log(of_labels(t, naive_softmax(t)))


def onehot(t: Known) -> Array:
    """1 at each image's label, 0 elsewhere: (N, C)."""
    return np.eye(t.logits.shape[1])[t.labels]


# --------------------------------------------------------------------- a wrong loss


def log_of_zero(t: Known) -> Array:
    """exp does not overflow any more, but the right class has a probability so small
    that it is 0 in the computer, and its logarithm is minus infinity. Which form of log
    softmax never takes exp and then log of the same number?"""
    return -np.log(of_labels(t, softmax(t.logits))).mean()


def overflows(t: Known) -> Array:
    """Right for small logits, but exp(1000) is more than a float can hold, and infinity
    by infinity is NaN. What happens to the probabilities if the same number is
    subtracted from a whole row of logits?"""
    return naive_losses(t).mean()


def sum_over_images(t: Known) -> Array:
    """It is the sum over the images, and should be the mean."""
    return t.loss * len(t.labels)


def loss_of_each_image(t: Known) -> Array:
    """It is the loss of each image; their mean is asked for."""
    return naive_losses(t)


def mean_probability(t: Known) -> Array:
    """It is the mean probability of the right classes: the logarithm is missing, and
    the sign."""
    return np.exp(-naive_losses(t)).mean()


def one_minus_probability(t: Known) -> Array:
    """It is one minus a probability. The cross-entropy is a logarithm."""
    return 1 - np.exp(-naive_losses(t)).mean()


def mean_over_classes(t: Known) -> Array:
    """The mean is taken over images and classes. Only the right class of each image
    counts, and there are as many of those as images."""
    return t.loss / t.logits.shape[1]


def softmax_of_columns(t: Known) -> Array:
    """The probabilities add up to 1 over the images. They should over the classes, row
    by row."""
    e = np.exp(t.logits)
    return -np.log(of_labels(t, e / e.sum(0))).mean()


def right_logits_alone(t: Known) -> Array:
    """It is minus the mean of the right logits: the sum of the exponentials is
    missing."""
    return -of_labels(t, t.logits).mean()


# ------------------------------------------------------------------ a wrong dlogits


def dlogits_overflows(t: Known) -> Array:
    """exp(1000) is more than a float can hold, and infinity by infinity is NaN. What
    happens to the probabilities if the same number is subtracted from a whole row of
    logits?"""
    return (naive_softmax(t) - onehot(t)) / len(t.labels)


def of_the_sum(t: Known) -> Array:
    """It belongs to the sum over the images. The loss is their mean, and each image has
    its share in it."""
    return t.dlogits * len(t.labels)


def shared_probabilities(t: Known) -> Array:
    """These are the probabilities, shared out over the images. What is right is not
    subtracted yet."""
    return softmax(t.logits) / len(t.labels)


def probabilities(t: Known) -> Array:
    """These are the probabilities. What is right is not subtracted yet."""
    return softmax(t.logits)


def right_class_only(t: Known) -> Array:
    """Only the right class moves. The others raise the loss, too: their exponentials
    stand in the sum."""
    return t.dlogits * onehot(t)


def whole_columns(t: Known) -> Array:
    """1 is subtracted in a whole column, or from all rows. Each image has one right
    class of its own."""
    p = softmax(t.logits)
    p[:, t.labels] -= 1
    return p / len(p)


EXERCISE = Exercise(
    file="npalexnet/net/loss.py",
    functions={"softmax_cross_entropy": ("loss", "dlogits")},
    axes={"loss": "", "dlogits": "image class"},
    right=right,
    trials=[*TRIALS, TRIALS[1].in_float32()],
    suspects={
        "loss": [
            log_of_zero,
            overflows,
            sum_over_images,
            loss_of_each_image,
            mean_probability,
            one_minus_probability,
            mean_over_classes,
            softmax_of_columns,
            right_logits_alone,
        ],
        "dlogits": [
            dlogits_overflows,
            of_the_sum,
            shared_probabilities,
            probabilities,
            right_class_only,
            whole_columns,
        ],
    },
)
