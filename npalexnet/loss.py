"""How wrong is the network? Softmax and cross-entropy together; top-1 and top-5.

Softmax turns the last layer's outputs (logits) into probabilities, and the
cross-entropy is how surprised one is by the right answer (paper section 3.5: the
multinomial logistic regression objective):

    probability[n, c] = exp(logits[n, c]) / Σ_d exp(logits[n, d])
    loss              = mean over n of -log probability[n, label[n]]

Shapes: logits (N, C), labels (N,) whole numbers in [0, C), loss a number.

Backward: the two together have a derivative that could not be simpler. For each image,
∂(-log p[label])/∂logits = p - onehot(label): what was said minus what is right. The
mean over the batch divides it by N.

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
    """Probabilities (N, C) from logits (N, C)."""
    return np.exp(log_softmax(logits))


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """(loss, dlogits), the mean over the batch; any dtype, complex too.

    Raises:
        ValueError: a label is no class, or the shapes do not fit.
    """
    labels = np.asarray(labels)
    n, classes = logits.shape
    if labels.shape != (n,):
        raise ValueError(f"{n} rows of logits need {n} labels, not {labels.shape}")
    if n == 0 or labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"labels must lie in 0 to {classes - 1}, and be at least one")
    log_p = log_softmax(logits)  # (N, C)
    rows = np.arange(n)
    loss = -log_p[rows, labels].mean()
    dlogits = np.exp(log_p)
    dlogits[rows, labels] -= 1
    return loss, dlogits / n


def in_top(scores: Array, labels: Array, k: int) -> npt.NDArray[np.bool_]:
    """For each row: is the right class among the k highest scores? (N,) of bool.

    A tie counts against us: a class with the same score as the right one goes first.
    """
    right = scores[np.arange(len(labels)), labels]
    others_above = (scores >= right[:, None]).sum(1) - 1
    return np.asarray((others_above < k) & np.isfinite(right))
