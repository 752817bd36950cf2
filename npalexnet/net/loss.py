"""How wrong is the network? Softmax and cross-entropy together; top-1 and top-5.

Softmax turns the last layer's outputs (logits) into probabilities, and the
cross-entropy is how surprised one is by the right answer (paper section 3.5: the
multinomial logistic regression objective):

    probability[n, c] = exp(logits[n, c]) / Σ_d exp(logits[n, d])
    loss              = mean over n of -log probability[n, label[n]]

Shapes: logits (N, C), labels (N,) whole numbers in [0, C), loss a number.

Backward: the two together have a derivative that could not be simpler. For each image,
∂(-log p[label])/∂logits = p - onehot(label): prediction minus target. The mean over the
batch divides it by N.

A network that knows nothing says 1/C for every class: its loss is ln C, 2.30 for ten
classes and 6.91 for a thousand. A loss that stays there is the classic sign that
nothing is being learned.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from npalexnet.layers.layer import Array


def log_softmax(logits: Array) -> Array:
    """log of the softmax of each row; the largest is subtracted so that exp is safe."""
    shifted = logits - logits.real.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))


def softmax(logits: Array) -> Array:
    """Probabilities (N, C), each row adding up to 1, from logits (N, C).

    Source: paper 3.5.

    >>> softmax(np.log([[1, 2, 1]])).round(3).tolist()
    [[0.25, 0.5, 0.25]]
    """
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """The loss, the mean over the batch, and its gradient; any dtype, complex too.

    Args:
        logits: (N, C).
        labels: (N,), whole numbers in [0, C).

    Returns:
        (loss, dlogits): a number, and ∂loss/∂logits (N, C).

    Raises:
        ValueError: a label is not a class, or the shapes do not fit.

    Source:
        paper 3.5.

    Example:
        One image, whose class 1 is given a probability of 1/2: the loss is ln 2.

        >>> loss, dlogits = softmax_cross_entropy(np.log([[1, 2, 1]]), np.array([1]))
        >>> round(float(loss), 3)
        0.693
        >>> dlogits.round(3).tolist()
        [[0.25, -0.5, 0.25]]
    """
    labels = np.asarray(labels)
    n, classes = logits.shape
    if labels.shape != (n,):
        raise ValueError(f"{n} rows of logits need {n} labels, not {labels.shape}")
    if n == 0 or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels must lie in 0 to {classes - 1}, and there must be at least one"
        )
    log_p = log_softmax(logits)  # (N, C)
    rows = np.arange(n)
    loss = -log_p[rows, labels].mean()
    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    return loss, dlogits / n


def in_top_k(scores: Array, labels: Array, k: int) -> npt.NDArray[np.bool_]:
    """For each row: is the right class among the k highest scores?

    A tie counts against us: a class with the same score as the right one is put first.

    Args:
        scores: (N, C), logits or probabilities.
        labels: (N,), whole numbers in [0, C).
        k: how many guesses are allowed, at least 1.

    Returns:
        (N,) of bool; False where the right class's score is not finite.

    Source:
        paper 2: top-1 and top-5 error rates.

    Example:
        Two images with the same scores: class 1 is the first guess, class 2 the second.

        >>> scores = np.array([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
        >>> in_top_k(scores, np.array([1, 2]), k=1).tolist()
        [True, False]
        >>> in_top_k(scores, np.array([1, 2]), k=2).tolist()
        [True, True]
    """
    right = scores[np.arange(len(labels)), labels]
    others_above = (scores >= right[:, None]).sum(1) - 1
    return np.asarray((others_above < k) & np.isfinite(right))
