"""One training step: show a batch, measure the error, send it back, move the weights.

    loss, right = train_step(graph, sgd, x, labels, rng)

These lines are all that training is. What stands around them in training/loop.py says
which batch comes next, what time it took, and where the weights are saved.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.net.loss import in_top_k, softmax_cross_entropy


class Trainable(Protocol):
    """What a step needs of a network: a Graph, or one that several processes share."""

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
    """What a step needs of an optimiser."""

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
        graph: the network; its `Param.grad` are overwritten.
        sgd: moves its parameters.
        x: the batch (N, *input_shape).
        labels: its classes (N,).
        rng: where dropout masks are drawn from.

    Returns:
        The mean loss of the batch, before the step, and how many of its images were
        given their right class.

    Raises:
        ValueError: the shapes do not fit, or a label is no class.
    """
    logits = graph.forward(x, train=True, rng=rng)
    loss, dlogits = softmax_cross_entropy(logits, labels)
    graph.backward(dlogits)
    sgd.step()
    return float(loss), int(in_top_k(logits, labels, 1).sum())
