"""Sheet 4: the update rule."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from npalexnet.checks.exercise import Exercise, Known, Trial, normal
from npalexnet.layers.layer import Array

W, V, G = normal(3, 3, 4)


def trial(says: str, lr: float, momentum: float, decay: float) -> Trial:
    """One step, with these settings."""
    settings = {"lr": lr, "momentum": momentum, "decay": decay}
    return Trial(says, {"w": W, "v": V, "g": G}, settings)


TRIALS = [
    trial("plain descent: momentum 0, decay 0", 0.1, 0.0, 0.0),
    trial("momentum 0.9", 0.1, 0.9, 0.0),
    trial("weight decay 0.2", 0.1, 0.9, 0.2),
    trial("another learning rate", 0.3, 0.9, 0.2),
]


def right_step(trial: Trial, found: Array | None) -> dict[str, Any]:
    """One step of the paper's update rule (section 5)."""
    t = SimpleNamespace(**trial.arrays, **trial.settings)
    v = t.momentum * t.v - t.decay * t.lr * t.w - t.lr * t.g
    return {"new_v": v, "new_w": t.w + v}


# -------------------------------------------------------------------- a wrong new_v


def uphill(t: Known) -> Array:
    """It goes uphill: the gradient has the wrong sign."""
    return t.new_v + 2 * t.lr * t.g


def no_learning_rate(t: Known) -> Array:
    """The learning rate is not in it. In the paper's rule it is inside the velocity."""
    return t.momentum * t.v - t.decay * t.w - t.g


def plain_gradients(t: Known) -> Array:
    """This is another rule, where v collects plain gradients and the learning rate
    comes at the end (PyTorch's). In the paper's rule it is inside the velocity."""
    return t.momentum * t.v + t.decay * t.w + t.g


def no_old_velocity(t: Known) -> Array:
    """The old velocity is missing: momentum keeps a share of it."""
    return t.new_v - t.momentum * t.v


def whole_old_velocity(t: Known) -> Array:
    """The whole old velocity is kept. Momentum is the share that is kept."""
    return t.new_v + (1 - t.momentum) * t.v


def running_mean(t: Known) -> Array:
    """The gradient is multiplied by 1 - momentum: a running mean. The paper adds the
    whole step."""
    return t.momentum * t.v - (1 - t.momentum) * t.lr * t.g


def no_decay(t: Known) -> Array:
    """Weight decay is missing."""
    return t.new_v + t.decay * t.lr * t.w


def growth(t: Known) -> Array:
    """Weight decay has the wrong sign: it pushes weights away from zero."""
    return t.new_v + 2 * t.decay * t.lr * t.w


def decay_without_rate(t: Known) -> Array:
    """Weight decay is not multiplied by the learning rate."""
    return t.new_v - t.decay * (1 - t.lr) * t.w


def momentum_of_everything(t: Known) -> Array:
    """Momentum also weakens the new step. It is a share of the OLD velocity."""
    return t.momentum * (t.v - t.decay * t.lr * t.w - t.lr * t.g)


# -------------------------------------------------------------------- a wrong new_w


def along_old_velocity(t: Known) -> Array:
    """w moves along the old velocity. The new one is meant."""
    return t.w + t.v


def velocity_subtracted(t: Known) -> Array:
    """The new velocity is subtracted. Its sign is in it already."""
    return t.w - t.new_v


def rate_twice(t: Known) -> Array:
    """The learning rate is used twice. It is in the velocity already."""
    return t.w + t.lr * t.new_v


def gradient_alone(t: Known) -> Array:
    """w goes down the gradient alone, without the velocity."""
    return t.w - t.lr * t.g


def not_moved(t: Known) -> Array:
    """w has not moved. (If it moves in place, it does so in the caller's array: return
    a new one.)"""
    return t.w


def step_alone(t: Known) -> Array:
    """This is the step alone, without w."""
    return t.new_v


def without_decay(t: Known) -> Array:
    """Right without weight decay: it acts, as everything does, through the velocity."""
    return t.w + t.new_v + t.decay * t.lr * t.w


EXERCISE = Exercise(
    file="npalexnet/net/optim.py",
    functions={"update": ("new_v", "new_w")},
    axes={"new_v": "row column", "new_w": "row column"},
    right=right_step,
    trials=[*TRIALS, TRIALS[2].in_float32()],
    suspects={
        "new_v": [
            uphill,
            no_learning_rate,
            plain_gradients,
            no_old_velocity,
            whole_old_velocity,
            running_mean,
            no_decay,
            growth,
            decay_without_rate,
            momentum_of_everything,
        ],
        "new_w": [
            along_old_velocity,
            velocity_subtracted,
            rate_twice,
            gradient_alone,
            not_moved,
            step_alone,
            without_decay,
        ],
    },
)
