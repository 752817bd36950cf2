"""One training step: show a batch, measure the error, send it back, move the weights.

    loss, right = train_step(graph, sgd, x, labels, rng)

This is all that training is. The code around it, in training/loop.py, decides which
batch comes next, takes the time, and saves the weights.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.net.loss import in_top_k, softmax_cross_entropy


class Trainable(Protocol):
    """What a step needs from a network: a Graph, or one split over processes."""

    def forward(
        self,
        x: Array,
        train: bool = ...,
        keep: bool = ...,
        *,
        rng: np.random.Generator | None = ...,
    ) -> Array: ...

    def backward(self, dy: Array) -> object: ...


class Optimiser(Protocol):
    """What a step needs from an optimiser."""

    def step(self) -> None: ...


def train_step(
    graph: Trainable,
    sgd: Optimiser,
    x: Array,
    labels: Array,
    rng: np.random.Generator | None = None,
) -> tuple[float, int]:
    """Learn from one batch.

    Args:
        graph: the network; every `Param.grad` is overwritten.
        sgd: moves its parameters.
        x: the batch (N, *input_shape).
        labels: its classes (N,).
        rng: where dropout masks are drawn from.

    Returns:
        The mean loss of the batch, before the step, and how many of its images were
        classified correctly.

    Raises:
        ValueError: the shapes do not fit, or a label is not a class.
    """
    logits = graph.forward(x, train=True, rng=rng)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    graph.backward(dlogits)
    sgd.step()
    return float(loss), int(in_top_k(logits, labels, 1).sum())
