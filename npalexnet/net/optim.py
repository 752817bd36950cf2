"""How the network learns: the paper's update rule, verbatim, and its learning rate.

Section 5. With momentum 0.9, weight decay 0.0005 and learning rate ε, for each weight
w, where g = ∂loss/∂w is the mean over the batch:

    v ← 0.9 · v - 0.0005 · ε · w - ε · g
    w ← w + v

Momentum: v is a ball that rolls downhill and keeps nine tenths of its speed. Decay:
each step pulls every weight a little towards zero.

The learning rate is INSIDE the velocity. When ε drops, the speed that the ball already
has stays and dies away over the next twenty steps. PyTorch multiplies by ε at the end
instead (w ← w - ε · v), so there a drop acts at once; between drops the two are the
same.

The learning rate, section 5 again: start at 0.01, divide by 10 whenever the validation
error stops improving, three times in all. `step_decay` drops at epochs that are fixed
beforehand; `ReduceLROnPlateau` watches the validation error as the authors did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from npalexnet.kernels import optim as kernels
from npalexnet.kernels.compile import compiler
from npalexnet.layers.layer import Array, Param
from npalexnet.net import threads


def sgd_update(
    w: Array,
    v: Array,
    g: Array,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
) -> tuple[Array, Array]:
    """The rule, as it is written above; `SGD` runs it in one pass, in place.

    Args:
        w, v, g: weights, velocity and ∂loss/∂w, of one shape; none is written to.
        lr: learning rate ε.
        momentum: share of the velocity that is kept.
        weight_decay: how strongly the weights are pulled towards zero.

    Returns:
        The new weights and the new velocity.

    >>> sgd_update(np.array([1.0]), np.array([0.0]), np.array([2.0]), lr=0.25)
    (array([0.499875]), array([-0.500125]))
    """
    v = momentum * v - weight_decay * lr * w - lr * g
    return w + v, v


class SGD:
    """Stochastic gradient descent with momentum and weight decay: `sgd_update`, fast.

    Args:
        params: name to parameter, as `Graph.params`.
        lr: learning rate ε; may be assigned at any time.
        momentum: share of the velocity that is kept in each step.
        weight_decay: how strongly each step pulls the weights towards zero.

    Attributes:
        velocity: name to array, v.

    Example:
        One weight of 1, whose gradient is 2. The first step is 0.1 · 2 long; the second
        is nine tenths of that, and another 0.2:

        >>> w = Param(np.array([1.0]))
        >>> w.grad[:] = 2
        >>> sgd = SGD({"w": w}, lr=0.1, momentum=0.9, weight_decay=0)
        >>> sgd.step()
        >>> sgd.velocity["w"].round(3).tolist(), w.data.round(3).tolist()
        ([-0.2], [0.8])
        >>> sgd.step()
        >>> sgd.velocity["w"].round(3).tolist(), w.data.round(3).tolist()
        ([-0.38], [0.42])
    """

    def __init__(
        self,
        params: Mapping[str, Param],
        lr: float = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
    ) -> None:
        self.params = dict(params)
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocity: dict[str, Array] = {
            name: np.zeros(p.data.shape, p.data.dtype) for name, p in params.items()
        }

    def step(self) -> None:
        """Move every parameter once, along the gradients that backward left."""
        for name, p in self.params.items():
            rate = self.lr * p.lr
            decay = self.weight_decay * p.decay
            w, v, g = p.data.reshape(-1), self.velocity[name].reshape(-1), p.grad
            self._update(w, v, g.reshape(-1), rate, decay)

    def _update(self, w: Array, v: Array, g: Array, rate: float, decay: float) -> None:
        number = w.dtype.type
        momentum, pull, rate_ = (
            number(self.momentum),
            number(decay * rate),
            number(rate),
        )

        def part(lo: int, hi: int) -> None:
            here = w[lo:hi], v[lo:hi], g[lo:hi]
            if compiler() is None:
                w[lo:hi], v[lo:hi] = sgd_update(*here, rate, self.momentum, decay)
            else:
                kernels.update(*here, momentum, pull, rate_)

        if w.size < 100_000:  # not worth waking another thread
            part(0, w.size)
        else:
            threads.parallel_for(w.size, part)


def step_decay(start: float, drops: Sequence[int], epoch: int) -> float:
    """The learning rate in this epoch (from 0): divided by 10 after each of `drops`.

    >>> step_decay(0.01, (12, 17), 11), step_decay(0.01, (12, 17), 12)
    (0.01, 0.001)
    """
    return start / 10 ** sum(epoch >= drop for drop in drops)


@dataclass
class ReduceLROnPlateau:
    """Divide the learning rate by 10 when the validation error has stopped improving.

    Attributes:
        lr: the learning rate now.
        patience: the rate drops after this many epochs in a row without a new best.
        drops_left: how many more times the rate may drop.
        best: the lowest validation error so far.
        waited: epochs since then, or since the last drop.
    """

    lr: float
    patience: int = 3
    drops_left: int = 3
    best: float = float("inf")
    waited: int = 0

    def after_epoch(self, error: float) -> float:
        """Take an epoch's validation error; return the learning rate from now on."""
        if error < self.best:
            self.best, self.waited = error, 0
        else:
            self.waited += 1
        if self.waited >= self.patience and self.drops_left > 0:
            self.lr /= 10
            self.drops_left -= 1
            self.waited = 0
        return self.lr

    def state(self) -> dict[str, Any]:
        """Everything to be saved; `ReduceLROnPlateau(**state)` goes on from there."""
        return dict(vars(self))
