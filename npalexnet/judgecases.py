"""What the judge tries out: for each exercise its trials, and the usual suspects.

A suspect is a mistake, computed: what would come out if somebody made it. The judge
compares, and says which one it sees. Sizes are all different wherever they can be, so
that no two mistakes look alike and a wrong factor can be named ("3 is the number of
images"); numbers are such that every term counts, as in gradcases.py.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from npalexnet import layers as L
from npalexnet.gradcases import away_from_zero, distinct
from npalexnet.judge import Again, Exercise, Known, Trial, Wrong, normal
from npalexnet.layers.layer import Array
from npalexnet.layers.lrn import window_sums
from npalexnet.layers.windows import windows
from npalexnet.loss import softmax, softmax_cross_entropy


def in_float32(trial: Trial) -> Trial:
    """The same in float32: nothing may come back in float64."""
    arrays = {
        name: a.astype(np.float32) if a.dtype.kind == "f" else a
        for name, a in trial.arrays.items()
    }
    return Trial("float32", arrays, trial.settings)


def pair(
    forward: Callable[..., Any], backward: Callable[..., Any], gradients: str
) -> Callable[[Trial, Array | None], dict[str, Any]]:
    """The right results of a reference pair."""

    def right(trial: Trial, found: Array | None) -> dict[str, Any]:
        y, cache = forward(*trial.arrays.values(), **trial.settings)
        dy = normal(*y.shape).astype(y.dtype)
        values = backward(dy, cache)
        values = values if isinstance(values, tuple) else (values,)
        named = dict(zip(gradients.split(), values, strict=True))
        return {"y": y, "dy": dy, "cache": cache, **named}

    return right


def both(gradients: str) -> dict[str, tuple[str, ...]]:
    """The functions of an exercise that has a forward and a backward."""
    return {"forward": ("y",), "backward": tuple(gradients.split())}


# ------------------------------------------------------------------------- linear


def linear() -> Exercise:
    """Sheet 1: a fully connected layer."""

    def trial(says: str, n: int, d: int, m: int) -> Trial:
        return Trial(says, {"x": normal(n, d), "w": normal(m, d), "b": normal(m)})

    trials = [
        trial("one image", 1, 5, 3),
        trial("four images", 4, 5, 3),
        trial("as many units as inputs", 4, 5, 5),
    ]
    return Exercise(
        "npalexnet/layers/linear.py",
        both("dx dw db"),
        {"y": "image unit", "dx": "image input", "dw": "unit input", "db": "unit"},
        pair(L.linear_forward, L.linear_backward, "dx dw db"),
        [*trials, in_float32(trials[1])],
        {
            "y": {
                "The bias is missing.": lambda t: t.y - t.b,
                "w is used the wrong way round: w[m, d] belongs to unit m and "
                "input d. It fits only because there are as many units as "
                "inputs.": lambda t: t.x @ t.w + t.b if square(t) else t.y,
            },
            "dx": {
                "w is used the wrong way round. It fits only because there are "
                "as many units as inputs.": lambda t: (
                    t.dy @ t.w.T if square(t) else t.dx
                ),
                "Only one unit sends something back. Each input went into all "
                "units, and collects from all of them.": lambda t: (
                    t.dy[:, -1:] * t.w[-1]
                ),
            },
            "dw": {
                **over_images("w", lambda t, n: t.dy[n].T @ t.x[n]),
            },
            "db": {
                **over_images("b", lambda t, n: t.dy[n].sum(0)),
                "It is added up over the units. There is one bias for each "
                "unit, and all images use it.": lambda t: t.dy.sum(1),
                "dy is missing: this counts how often b was used, not how much "
                "the loss minds.": lambda t: np.full(t.b.shape, float(len(t.dy))),
            },
        },
    )


def square(t: Known) -> bool:
    """As many units as inputs: a transposed w fits."""
    return t.w.shape[0] == t.w.shape[1]


def over_images(name: str, part: Callable[[Known, slice], Array]) -> dict[str, Wrong]:
    """Mistakes in adding up over the batch; `part` is the gradient of some images."""
    collects = f"All images use {name}, and it collects from all of them."
    return {
        f"Only the first image is counted. {collects}": lambda t: part(t, slice(0, 1)),
        "Only the last image is left, the others were overwritten. "
        + collects: lambda t: part(t, slice(-1, None)),
        "It is the mean over the images, and should be the sum: the loss has taken "
        "the mean already, so it is inside dy.": lambda t: (
            part(t, slice(None)) / len(t.x)
        ),
    }


# ------------------------------------------------------------------- relu and tanh


def relu() -> Exercise:
    """Sheet 2, first half."""
    rng = np.random.default_rng(0)
    with_zeros = away_from_zero((4, 5), rng)
    with_zeros[1:3, ::2] = 0
    trials = [
        Trial("a matrix of both signs", {"x": away_from_zero((4, 5), rng)}),
        Trial("maps of several images", {"x": away_from_zero((2, 3, 4, 5), rng)}),
        Trial("some inputs are exactly 0", {"x": with_zeros}),
    ]
    return Exercise(
        "npalexnet/layers/relu.py",
        both("dx"),
        {"y": "", "dx": ""},
        pair(L.relu_forward, L.relu_backward, "dx"),
        [*trials, in_float32(trials[1])],
        {
            "y": {
                "Nothing is cut off: y is x.": lambda t: t.x,
                "This is the absolute value of x.": lambda t: np.abs(t.x),
                "The wrong half is kept: the negative one.": lambda t: np.minimum(
                    t.x, 0
                ),
                "This says where x is positive (0 or 1), not "
                "what x is there.": lambda t: (t.x > 0) * 1.0,
                "This is one maximum over a whole axis. ReLU looks at each "
                "number by itself.": lambda t: t.x.max(0),
            },
            "dx": {
                "It asks whether dy is positive. Ask whether x was: dy may "
                "have any sign.": lambda t: np.where(t.dy > 0, t.dy, 0),
                "It asks for both, x positive and dy positive. dy may have any "
                "sign.": lambda t: np.where((t.dy > 0) & (t.x > 0), t.dy, 0),
                "Everything goes back. Where y did not move, x "
                "gets nothing.": lambda t: t.dy,
                "This is the slope alone. dy, what the loss makes of y, is "
                "missing.": lambda t: (t.x > 0) * 1.0,
                "dy is multiplied by y, not by the slope of y.": lambda t: t.dy * t.y,
                "The wrong half goes back: where x was negative.": lambda t: np.where(
                    t.x < 0, t.dy, 0
                ),
                "Right but for the inputs that are exactly 0. There is no "
                "slope there; by agreement it is 0.": lambda t: np.where(
                    t.x >= 0, t.dy, 0
                ),
                "Right but for the inputs that are exactly 0. There is no "
                "slope there; by agreement it is "
                "0, not a half.": lambda t: t.dy * (np.sign(t.x) + 1) / 2,
            },
        },
    )


def tanh() -> Exercise:
    """Sheet 2, second half."""
    trials = [
        Trial("a matrix", {"x": normal(4, 5)}),
        Trial("maps of several images", {"x": normal(2, 3, 4, 5)}),
    ]
    loud = Trial(
        "large inputs", {"x": np.array([[-1000.0, -20, -1, 0], [1, 20, 700, 1000]])}
    )
    return Exercise(
        "npalexnet/layers/tanh.py",
        both("dx"),
        {"y": "", "dx": ""},
        pair(L.tanh_forward, L.tanh_backward, "dx"),
        [*trials, loud, in_float32(trials[1])],
        {
            "y": {
                "This is the logistic function, between 0 and 1. tanh lies "
                "between -1 and 1.": lambda t: (1 + np.tanh(t.x / 2)) / 2,
                "Right for small x, NaN for large: an exponential overflows, "
                "and infinity by infinity is NaN. NumPy has a function that is "
                "safe.": lambda t: naive_tanh(t.x),
                "Right but for very negative x, where it is NaN: an "
                "exponential overflows. NumPy has a function "
                "that is safe.": lambda t: naive_tanh(t.x, -1),
                "Right but for very positive x, where it is NaN: an "
                "exponential overflows. NumPy has a function "
                "that is safe.": lambda t: naive_tanh(t.x, 1),
            },
            "dx": {
                "A square is missing in the slope.": lambda t: t.dy * (1 - t.y),
                "The slope is computed from x where it should be from y, or "
                "the other way round.": lambda t: t.dy * (1 - t.x**2),
                "tanh is applied twice: what it is applied to "
                "is y already.": lambda t: t.dy * (1 - np.tanh(t.y) ** 2),
                "A sign inside the slope is wrong.": lambda t: t.dy * (1 + t.y**2),
                "This is the slope alone. dy, what the loss makes of y, is "
                "missing.": lambda t: 1 - t.y**2,
                "This is the slope of the logistic function.": lambda t: (
                    t.dy * t.y * (1 - t.y)
                ),
                "Everything goes back; the slope is missing.": lambda t: t.dy,
            },
        },
    )


def naive_tanh(x: Array, sign: int = 0) -> Array:
    """tanh with exponentials that overflow: on both sides, or for one sign of x."""
    if sign:
        e = np.exp(2 * sign * x)
        return sign * (e - 1) / (e + 1)
    up, down = np.exp(x), np.exp(-x)
    return (up - down) / (up + down)


# ------------------------------------------------------------------------ softmax


def right_softmax(trial: Trial, found: Array | None) -> dict[str, Any]:
    """What the loss is, and its gradient."""
    loss, dlogits = softmax_cross_entropy(**trial.arrays)
    return {"loss": loss, "dlogits": dlogits}


def losses(t: Known) -> Array:
    """The loss of each image, without any care for large logits."""
    e = np.exp(t.logits)
    return -np.log(e / e.sum(1, keepdims=True))[np.arange(len(e)), t.labels]


def onehot(t: Known) -> Array:
    """1 at each image's label, 0 elsewhere: (N, C)."""
    return np.eye(t.logits.shape[1])[t.labels]


def naive_softmax(t: Known) -> Array:
    """Probabilities by the bare formula: overflows with large logits."""
    e = np.exp(t.logits)
    return e / e.sum(1, keepdims=True)


def safe_softmax_then_log(t: Known) -> Array:
    """The largest is subtracted, but the logarithm meets a probability of 0."""
    return -np.log(softmax(t.logits)[np.arange(len(t.labels)), t.labels]).mean()


def softmax_exercise() -> Exercise:
    """Sheet 3: softmax with cross-entropy."""

    def trial(says: str, logits: Array, *labels: int) -> Trial:
        return Trial(says, {"logits": logits, "labels": np.array(labels)})

    loud = np.array([[1000.0, 998, 999, 990], [-3000, -3001, -3000, -2999]])
    trials = [
        trial("five images, four classes", normal(5, 4), 3, 0, 2, 2, 1),
        trial("as many images as classes", normal(3, 3), 2, 0, 1),
        trial("logits of 1000 and of -3000", loud, 1, 3),
        trial("it is sure, and wrong", np.array([[0.0, 2000], [800, -300]]), 0, 1),
    ]
    return Exercise(
        "npalexnet/loss.py",
        {"softmax_cross_entropy": ("loss", "dlogits")},
        {"loss": "", "dlogits": "image class"},
        right_softmax,
        [*trials, in_float32(trials[1])],
        {
            "loss": {
                "exp does not overflow any more, but the right class has a "
                "probability so small that it is 0 in the computer, and its "
                "logarithm is minus infinity. Which form of log softmax never "
                "takes exp and then log of the "
                "same number?": safe_softmax_then_log,
                "Right for small logits, but exp(1000) is more than a float "
                "can hold, and infinity by infinity is NaN. What happens to "
                "the probabilities if the same number is subtracted from a "
                "whole row of logits?": lambda t: losses(t).mean(),
                "It is the sum over the images, and should be the mean.": lambda t: (
                    t.loss * len(t.labels)
                ),
                "It is the loss of each image; their mean is asked for.": losses,
                "It is the mean probability of the right classes: the "
                "logarithm is missing, and the sign.": lambda t: np.exp(
                    -losses(t)
                ).mean(),
                "It is one minus a probability. The cross-entropy is a "
                "logarithm.": lambda t: 1 - np.exp(-losses(t)).mean(),
                "The mean is taken over images and classes. Only the right "
                "class of each image counts, and there are as many of those as "
                "images.": lambda t: t.loss / t.logits.shape[1],
                "The probabilities add up to 1 over the images. They should "
                "over the classes, row by row.": lambda t: columns_loss(t),
                "It is minus the mean of the right logits: the sum of the "
                "exponentials is missing.": lambda t: (
                    -t.logits[np.arange(len(t.labels)), t.labels].mean()
                ),
            },
            "dlogits": {
                "exp(1000) is more than a float can hold, and infinity by "
                "infinity is NaN. What happens to the probabilities if the "
                "same number is subtracted from a whole "
                "row of logits?": lambda t: (
                    (naive_softmax(t) - onehot(t)) / len(t.labels)
                ),
                "It belongs to the sum over the images. The loss is their "
                "mean, and each image has its "
                "share in it.": lambda t: t.dlogits * len(t.labels),
                "These are the probabilities, shared out over the images. What "
                "is right is not subtracted yet.": lambda t: (
                    softmax(t.logits) / len(t.labels)
                ),
                "These are the probabilities. What is right is not subtracted "
                "yet.": lambda t: softmax(t.logits),
                "Only the right class moves. The others raise the loss, too: "
                "their exponentials stand in the sum.": lambda t: t.dlogits * onehot(t),
                "1 is subtracted in a whole column, or from all rows. Each "
                "image has one right class of its own.": lambda t: (
                    every_label_everywhere(t)
                ),
            },
        },
    )


def columns_loss(t: Known) -> Array:
    """The loss with probabilities that add up over images, not classes."""
    e = np.exp(t.logits)
    return -np.log(e / e.sum(0))[np.arange(len(e)), t.labels].mean()


def every_label_everywhere(t: Known) -> Array:
    """dlogits[:, labels] -= 1 in place of dlogits[rows, labels] -= 1."""
    p = softmax(t.logits)
    p[:, t.labels] -= 1
    return p / len(p)


# ---------------------------------------------------------------------------- sgd


def right_sgd(trial: Trial, found: Array | None) -> dict[str, Any]:
    """One step of the paper's update rule."""
    t = SimpleNamespace(**trial.arrays, **trial.settings)
    v = t.momentum * t.v - t.decay * t.lr * t.w - t.lr * t.g
    return {"new_v": v, "new_w": t.w + v}


def sgd() -> Exercise:
    """Sheet 4: the update rule."""
    w, v, g = normal(3, 3, 4)

    def trial(says: str, *settings: float) -> Trial:
        names = ("lr", "momentum", "decay")
        settings_by_name = dict(zip(names, settings, strict=True))
        return Trial(says, {"w": w, "v": v, "g": g}, settings_by_name)

    trials = [
        trial("plain descent: momentum 0, decay 0", 0.1, 0.0, 0.0),
        trial("momentum 0.9", 0.1, 0.9, 0.0),
        trial("weight decay 0.2", 0.1, 0.9, 0.2),
        trial("another learning rate", 0.3, 0.9, 0.2),
    ]
    return Exercise(
        "npalexnet/optim.py",
        {"update": ("new_v", "new_w")},
        {"new_v": "row column", "new_w": "row column"},
        right_sgd,
        [*trials, in_float32(trials[2])],
        {
            "new_v": {
                "It goes uphill: the gradient has the wrong sign.": lambda t: (
                    t.new_v + 2 * t.lr * t.g
                ),
                "The learning rate is not in it. In the paper's rule it is "
                "inside the velocity.": lambda t: (
                    t.momentum * t.v - t.decay * t.w - t.g
                ),
                "This is another rule, where v collects plain gradients and "
                "the learning rate comes at the end (PyTorch's). In the "
                "paper's rule it is inside the velocity.": lambda t: (
                    t.momentum * t.v + t.decay * t.w + t.g
                ),
                "The old velocity is missing: momentum keeps a "
                "share of it.": lambda t: t.new_v - t.momentum * t.v,
                "The whole old velocity is kept. Momentum is the share that is "
                "kept.": lambda t: t.new_v + (1 - t.momentum) * t.v,
                "The gradient is multiplied by 1 - momentum: a running mean. "
                "The paper adds the whole step.": lambda t: (
                    t.momentum * t.v - (1 - t.momentum) * t.lr * t.g
                ),
                "Weight decay is missing.": lambda t: t.new_v + t.decay * t.lr * t.w,
                "Weight decay has the wrong sign: it pushes weights away from "
                "zero.": lambda t: t.new_v + 2 * t.decay * t.lr * t.w,
                "Weight decay is not multiplied by the learning rate.": lambda t: (
                    t.new_v - t.decay * (1 - t.lr) * t.w
                ),
                "Momentum also weakens the new step. It is a share of the OLD "
                "velocity.": lambda t: (
                    t.momentum * (t.v - t.decay * t.lr * t.w - t.lr * t.g)
                ),
            },
            "new_w": {
                "w moves along the old velocity. The new one is meant.": lambda t: (
                    t.w + t.v
                ),
                "The new velocity is subtracted. Its sign is "
                "in it already.": lambda t: t.w - t.new_v,
                "The learning rate is used twice. It is in the velocity "
                "already.": lambda t: t.w + t.lr * t.new_v,
                "w goes down the gradient alone, without the velocity.": lambda t: (
                    t.w - t.lr * t.g
                ),
                "w has not moved. (If it moves in place, it does so in the "
                "caller's array: return a new one.)": lambda t: t.w,
                "This is the step alone, without w.": lambda t: t.new_v,
                "Right without weight decay: it acts, as everything does, "
                "through the velocity.": lambda t: t.w + t.new_v + t.decay * t.lr * t.w,
            },
        },
    )


# --------------------------------------------------------------------------- conv


def conv_settings(t: Known, **changed: Any) -> dict[str, Any]:
    """Stride, pad and groups of a trial, some of them changed."""
    return {"stride": t.stride, "pad": t.pad, "groups": t.groups} | changed


def conv_with(t: Known, x: Array, w: Array, **changed: Any) -> Array:
    """Forward with another input, filter or setting."""
    return L.conv2d_forward(x, w, t.b, **conv_settings(t, **changed))[0]


def conv_dw(t: Known, images: slice) -> Array:
    """The weights' gradient from some images only."""
    cache = (t.x[images], t.w, t.stride, t.pad, t.groups)
    return L.conv2d_backward(t.dy[images], cache)[1]


def conv_dx(t: Known, w: Array, dy: Array) -> Array:
    """The input's gradient with another filter, or another dy."""
    return L.conv2d_backward(dy, (t.x, w, t.stride, t.pad, t.groups))[0]


def steps_of_one(t: Known) -> Array:
    """Forward with windows at (p, q), as many as there should be."""
    return conv_with(t, t.x, t.w, stride=1)[..., : t.y.shape[2], : t.y.shape[3]]


def at_steps_of_one(t: Known) -> tuple[Array, Array, Array]:
    """The gradients with windows at (p, q), not at (p·stride, q·stride)."""
    full = conv_with(t, t.x, t.w, stride=1)
    dy = np.zeros_like(full)
    dy[..., : t.y.shape[2], : t.y.shape[3]] = t.dy
    return L.conv2d_backward(dy, (t.x, t.w, 1, t.pad, t.groups))


def overwritten(t: Known) -> Array:
    """dx with = where += should be: the last window that saw a pixel is left."""
    n, f, p, q = t.dy.shape
    (_, cg, k, _), g = t.w.shape, t.groups
    dv = np.einsum(
        "ngfpq,gfcij->ngcpqij",
        t.dy.reshape(n, g, f // g, p, q),
        t.w.reshape(g, f // g, cg, k, k),
    ).reshape(n, g * cg, p, q, k, k)
    return assigned(dv, t.x.shape, t.stride, t.pad)


def assigned(
    dv: Array, shape: tuple[int, ...], stride: int, pad: int, wins: Array | bool = True
) -> Array:
    """Windows written one over the other; only where `wins` is true."""
    (n, c, h, w), (p, q, k) = shape, dv.shape[2:5]
    dx = np.zeros((n, c, h + 2 * pad, w + 2 * pad), dv.dtype)
    wins = np.broadcast_to(np.asarray(wins), dv.shape)
    for a in range(p):
        for b in range(q):
            top, left = a * stride, b * stride
            window = dx[:, :, top : top + k, left : left + k]
            window[...] = np.where(wins[:, :, a, b], dv[:, :, a, b], window)
    return dx[:, :, pad : pad + h, pad : pad + w]


def padded_dx(t: Known) -> Array:
    """dx with the padding still around it."""
    x = np.pad(t.x, ((0, 0), (0, 0), (t.pad, t.pad), (t.pad, t.pad)))
    return L.conv2d_backward(t.dy, (x, t.w, t.stride, 0, t.groups))[0]


def unpadded_dw(t: Known) -> Array:
    """dw whose windows start at the pixel (0, 0), not in the padding."""
    x = np.pad(t.x, ((0, 0), (0, 0), (0, 2 * t.pad), (0, 2 * t.pad)))
    return L.conv2d_backward(t.dy, (x, t.w, t.stride, 0, t.groups))[1]


def first_group_only(t: Known) -> Array:
    """Every filter looks at the first group's channels."""
    x = np.tile(t.x[:, : t.w.shape[1]], (1, t.groups, 1, 1))
    return conv_with(t, x, t.w)


def into_first_group(t: Known) -> Array:
    """All groups' dx added into the first group's channels."""
    n, c, h, w = t.x.shape
    dx = np.zeros_like(t.dx)
    dx[:, : c // t.groups] = t.dx.reshape(n, t.groups, -1, h, w).sum(1)
    return dx


def dw_of_first_group(t: Known) -> Array:
    """All filters' dw against the first group's channels."""
    x = np.tile(t.x[:, : t.w.shape[1]], (1, t.groups, 1, 1))
    return L.conv2d_backward(t.dy, (x, t.w, t.stride, t.pad, t.groups))[1]


def last_place(t: Known) -> Array:
    """dw with = where += should be: the last place of the last image is left."""
    dy = np.zeros_like(t.dy)
    dy[-1, :, -1, -1] = t.dy[-1, :, -1, -1]
    return L.conv2d_backward(dy, t.cache)[1]


def conv() -> Exercise:
    """Sheet 5: convolution."""

    def trial(
        says: str, x: tuple[int, ...], w: tuple[int, ...], *settings: int
    ) -> Trial:
        names = ("stride", "pad", "groups")
        arrays = {"x": normal(*x), "w": normal(*w), "b": normal(w[0])}
        return Trial(says, arrays, dict(zip(names, settings, strict=True)))

    trials = [
        trial(
            "one window as large as the picture", (1, 1, 3, 3), (1, 1, 3, 3), 1, 0, 1
        ),
        trial("one channel, one filter", (1, 1, 5, 6), (1, 1, 3, 3), 1, 0, 1),
        trial("two channels, five filters", (1, 2, 5, 6), (5, 2, 3, 3), 1, 0, 1),
        trial("three images", (3, 2, 4, 5), (5, 2, 3, 3), 1, 0, 1),
        trial("stride 2, and a row left over", (3, 2, 6, 7), (5, 2, 3, 3), 2, 0, 1),
        trial("padding of 1", (3, 2, 3, 4), (5, 2, 3, 3), 1, 1, 1),
        trial("two groups", (3, 4, 3, 4), (6, 2, 2, 2), 1, 0, 2),
        trial("stride, padding and groups", (3, 6, 6, 5), (4, 3, 3, 3), 2, 1, 2),
    ]
    flip = np.s_[..., ::-1, ::-1]
    return Exercise(
        "npalexnet/layers/conv.py",
        both("dx dw db"),
        {
            "y": "image filter row column",
            "dx": "image channel row column",
            "dw": "filter channel row column",
            "db": "filter",
        },
        pair(L.conv2d_forward, L.conv2d_backward, "dx dw db"),
        [*trials, in_float32(trials[-1])],
        {
            "y": {
                "The bias is missing.": lambda t: t.y - t.b[:, None, None],
                "The filter is flipped. That is how mathematicians convolve; "
                "here it lies on the picture as it is.": lambda t: conv_with(
                    t, t.x, t.w[flip]
                ),
                "Rows and columns of the filter are exchanged.": lambda t: conv_with(
                    t, t.x, t.w.swapaxes(-1, -2)
                ),
                "Only the first channel is looked at. A filter has a slice for "
                "each channel, and their matches add up.": lambda t: conv_with(
                    t, t.x[:, :: t.w.shape[1]], t.w[:, :1]
                ),
                "Only the last channel is left: = where += should be.": lambda t: (
                    conv_with(t, t.x[:, t.w.shape[1] - 1 :: t.w.shape[1]], t.w[:, -1:])
                ),
                "The bias is added once for each channel. It belongs to the "
                "filter, once at each place.": lambda t: (
                    t.y + (t.w.shape[1] - 1) * t.b[:, None, None]
                ),
                "The stride is not used: the windows move by one pixel.": lambda t: (
                    conv_with(t, t.x, t.w, stride=1)
                ),
                "There are as many windows as there should be, but they move "
                "by one pixel, not by the stride.": steps_of_one,
                "The padding is not used.": lambda t: (
                    conv_with(t, t.x, t.w, pad=0) if min(t.x.shape[2:]) > 2 else t.y
                ),
                "There is padding behind the picture only; half of it belongs "
                "before.": lambda t: conv_with(t, t.x, t.w, pad=(0, 2 * t.pad)),
                "The groups are mixed: all filters look at the channels of the "
                "first group.": first_group_only,
            },
            "dx": {
                "= where += should be: where windows overlap, a pixel has only "
                "what the last window sent. It collects from all windows that "
                "saw it.": overwritten,
                "The filter is flipped. In a formula with sums over dx's own "
                "places it must be, but not in yours.": lambda t: conv_dx(
                    t, t.w[flip], t.dy
                ),
                "Rows and columns of the filter are exchanged.": lambda t: conv_dx(
                    t, t.w.swapaxes(-1, -2), t.dy
                ),
                "Only the last filter sends something back: = where += should "
                "be. All filters looked at this pixel.": lambda t: (
                    conv_dx(t, t.w[-1:], t.dy[:, -1:]) if t.groups == 1 else t.dx
                ),
                "The padding is still around it. Those zeros were not in x.": padded_dx,
                "The windows move by one pixel, not by the stride.": lambda t: (
                    at_steps_of_one(t)[0]
                ),
                "The groups are mixed: everything went into the channels of "
                "the first group.": into_first_group,
            },
            "dw": {
                **over_images("w", conv_dw),
                "Only one place is left: = where += should be. A weight is "
                "used at every place of every image, and collects from all of "
                "them.": last_place,
                "It is the mean over images and places. A weight is used at "
                "each of them, and collects the sum.": lambda t: (
                    t.dw / (len(t.y) * t.y.shape[2] * t.y.shape[3])
                ),
                "It is flipped: rows and columns run backwards.": lambda t: t.dw[flip],
                "The windows move by one pixel, not by the stride.": lambda t: (
                    at_steps_of_one(t)[1]
                ),
                "The windows are those of x without its padding before the "
                "first pixel.": unpadded_dw,
                "The groups are mixed: all filters are paired with the "
                "channels of the first group.": dw_of_first_group,
            },
            "db": {
                **over_images("b", lambda t, n: t.dy[n].sum((0, 2, 3))),
                "It is the mean over images and places. b is added at each of "
                "them, and collects the sum.": lambda t: t.dy.mean((0, 2, 3)),
                "It is added up over the images, but not over the places: b is "
                "added at every place.": lambda t: t.dy.sum(0),
                "It is added up over the places, but not over the images: all "
                "images use b.": lambda t: t.dy.sum((2, 3)),
                "This is dy itself. There is one bias for each filter, and it "
                "collects from every place of "
                "every image.": lambda t: t.dy,
            },
        },
    )


# ------------------------------------------------------------------------ maxpool


def pool_windows(t: Known) -> Array:
    """(N, C, P, Q, K, K)."""
    return windows(t.x, t.kernel, t.stride)


def is_largest(t: Known) -> Array:
    """Which pixels of each window equal its maximum: more than one in a tie."""
    return pool_windows(t) == t.y[..., None, None]


def given_to(t: Known, share: Array) -> Array:
    """dx when each window gives dy times share (N, C, P, Q, K, K) to its pixels."""
    return L.add_windows(share * t.dy[..., None, None], t.x.shape, t.stride)


def last_largest(t: Known) -> Array:
    """As the layer, but the last of equal pixels wins."""
    k2 = t.kernel**2
    v = pool_windows(t).reshape(*t.y.shape, k2)
    last = k2 - 1 - v[..., ::-1].argmax(-1)
    share = (np.arange(k2) == last[..., None]).reshape(*t.y.shape, t.kernel, t.kernel)
    return given_to(t, share)


def first_largest(t: Known) -> Array:
    """Which pixel of each window wins: one each."""
    k2 = t.kernel**2
    first = pool_windows(t).reshape(*t.y.shape, k2).argmax(-1)
    share = np.arange(k2) == first[..., None]
    return share.reshape(*t.y.shape, t.kernel, t.kernel)


def paid_once(t: Known) -> Array:
    """= where += should be: a pixel that wins twice is paid once."""
    wins = first_largest(t)
    return assigned(wins * t.dy[..., None, None], t.x.shape, t.stride, 0, wins)


def window_written(t: Known) -> Array:
    """= where += should be, for the whole window: losers wipe out what others won."""
    return assigned(first_largest(t) * t.dy[..., None, None], t.x.shape, t.stride, 0)


def hanging_over(t: Known) -> Array:
    """The last windows hang over the edge (ceil), as in Caffe."""
    k, s = t.kernel, t.stride
    rest = [(0, 0), (0, 0)]
    rest += [(0, -(n - k) % s) for n in t.x.shape[2:]]
    x = np.pad(t.x, rest, constant_values=-np.inf)
    return L.maxpool_forward(x, k, s)[0]


def maxpool() -> Exercise:
    """Sheet 6: max-pooling."""
    rng = np.random.default_rng(0)

    def trial(says: str, shape: tuple[int, ...], kernel: int, stride: int) -> Trial:
        x = distinct(shape, rng) - 0.6 * np.prod(shape)
        return Trial(says, {"x": x}, {"kernel": kernel, "stride": stride})

    ties = np.maximum(distinct((2, 3, 7, 5), rng) - 120, 0) // 20
    trials = [
        trial("one map, windows side by side", (1, 1, 4, 6), 2, 2),
        trial("two images of three maps", (2, 3, 4, 6), 2, 2),
        trial("windows that overlap: kernel 3, stride 2", (2, 3, 5, 7), 3, 2),
        trial("a row and a column left over", (2, 3, 6, 8), 3, 2),
        Trial("equal pixels, as after a ReLU", {"x": ties}, {"kernel": 3, "stride": 2}),
    ]
    words = "image channel row column"
    return Exercise(
        "npalexnet/layers/pool.py",
        both("dx"),
        {"y": words, "dx": words},
        pair(L.maxpool_forward, L.maxpool_backward, "dx"),
        [*trials, in_float32(trials[-1])],
        {
            "y": {
                "This is the mean of each window.": lambda t: pool_windows(t).mean(
                    (-1, -2)
                ),
                "Negative windows become 0: the search for the largest started "
                "at 0, and everything there is less.": lambda t: np.maximum(t.y, 0),
                "This is which place of the window won, not what "
                "stands there.": lambda t: (
                    pool_windows(t).reshape(*t.y.shape, -1).argmax(-1)
                ),
                "The windows move by one pixel, not by the stride.": lambda t: windows(
                    t.x, t.kernel
                ).max((-1, -2)),
                "There are as many windows as there should be, but they move "
                "by one pixel, not by the stride.": lambda t: windows(
                    t.x, t.kernel
                ).max((-1, -2))[..., : t.y.shape[2], : t.y.shape[3]],
                "The last windows hang over the edge. Here only windows that "
                "fit are counted.": hanging_over,
            },
            "dx": {
                "= where += should be: a pixel that is the largest of several "
                "windows is paid by one of them only. It "
                "collects from all.": paid_once,
                "= where += should be, for a whole window: it wipes out what "
                "its pixels have got from other windows.": window_written,
                "dy is shared out evenly over the window. Only the largest "
                "moves y, so it gets everything.": lambda t: given_to(
                    t, np.full(first_largest(t).shape, t.kernel**-2.0)
                ),
                "Every pixel of the window gets dy. Only the "
                "largest moves y.": lambda t: given_to(
                    t, np.ones(first_largest(t).shape)
                ),
                "This counts which pixels win. dy, what the loss makes of y, "
                "is missing.": lambda t: L.add_windows(
                    first_largest(t) * 1.0, t.x.shape, t.stride
                ),
                "Where two pixels of a window are equally large, both get all "
                "of dy. Then more comes back than went in; by agreement the "
                "first in reading order wins.": lambda t: given_to(t, is_largest(t)),
                "Where pixels of a window are equally large, they share dy. By "
                "agreement the first in reading "
                "order wins all.": lambda t: given_to(
                    t,
                    is_largest(t) / is_largest(t).sum((-1, -2), keepdims=True),
                ),
                "Where two pixels of a window are equally large, the last one "
                "gets dy. By agreement it is the first in "
                "reading order.": last_largest,
            },
        },
    )


# ---------------------------------------------------------------------------- lrn


def lrn_with(t: Known, **changed: Any) -> Array:
    """Forward with some settings changed."""
    settings = {"size": t.size, "alpha": t.alpha, "beta": t.beta, "k": t.k}
    return L.lrn_forward(t.x, **(settings | changed))[0]


def lrn_sums(t: Known, v: Array) -> Array:
    """Sums over each map's window, as they should be."""
    return window_sums(v, t.size, 1)


def scale(t: Known) -> Array:
    """s of the layer: k + α Σ x²."""
    return t.k + t.alpha * lrn_sums(t, t.x**2)


def from_sums(t: Known, sums: Array) -> Array:
    """y, if these were the sums of squares."""
    return t.x * (t.k + t.alpha * sums) ** -t.beta


def round_the_corner(t: Known, v: Array) -> Array:
    """Window sums in which the last map is the neighbour of the first."""
    half = t.size // 2
    return np.sum([np.roll(v, by, axis=1) for by in range(-half, half + 1)], axis=0)


def over_space(t: Known) -> Array:
    """Sums over a square of the same map, as SameMapNorm does."""
    half = t.size // 2
    return windows(t.x**2, t.size, 1, half).sum((-1, -2))


def second(t: Known) -> Array:
    """The second term of dx, as it must be subtracted."""
    ratio = lrn_sums(t, t.dy * t.y / scale(t))
    return 2 * t.alpha * t.beta * t.x * ratio


def first(t: Known) -> Array:
    """The first term of dx."""
    return t.dy * scale(t) ** -t.beta


def lrn() -> Exercise:
    """Sheet 7: local response normalisation."""

    def trial(says: str, *shape: int, size: int, **more: float) -> Trial:
        x = {"x": 1.5 * normal(*shape)}
        return Trial(
            says, x, {"size": size, "alpha": 0.3, "beta": 0.75, "k": 2.0} | more
        )

    trials = [
        trial("a window of three maps", 1, 7, 2, 2, size=3),
        trial("two images, a window of five maps", 2, 8, 3, 4, size=5),
        trial("another k and beta", 2, 8, 3, 4, size=5, beta=0.6, k=1.3),
        trial("a window wider than all maps", 2, 3, 3, 4, size=7),
    ]
    words = "image channel row column"
    return Exercise(
        "npalexnet/layers/lrn.py",
        both("dx"),
        {"y": words, "dx": words},
        pair(L.lrn_forward, L.lrn_backward, "dx"),
        [*trials, in_float32(trials[2])],
        {
            "y": {
                "It is multiplied by s^beta. Loud neighbours should make it "
                "quieter.": lambda t: t.x * scale(t) ** t.beta,
                "The exponent beta is missing.": lambda t: t.x / scale(t),
                "The exponent is 1/2, and should be beta.": lambda t: (
                    t.x / np.sqrt(scale(t))
                ),
                "k is missing.": lambda t: lrn_with(t, k=0),
                "k is 1, whatever is asked for.": lambda t: lrn_with(t, k=1.0),
                "alpha is missing.": lambda t: lrn_with(t, alpha=1.0),
                "alpha is divided by the size of the window. Caffe and PyTorch "
                "do so; the paper's alpha multiplies "
                "the plain sum.": lambda t: lrn_with(t, alpha=t.alpha / t.size),
                "The squares are missing: the maps themselves "
                "are added up.": lambda t: from_sums(t, lrn_sums(t, t.x)),
                "A map does not count in its own window. It does.": lambda t: from_sums(
                    t, lrn_sums(t, t.x**2) - t.x**2
                ),
                "The sum goes over all maps. Only the window's are meant.": lambda t: (
                    from_sums(t, (t.x**2).sum(1, keepdims=True))
                ),
                "The border is wrong, the inside right: the last map is taken "
                "for a neighbour of the first. There the window should just be "
                "smaller.": lambda t: from_sums(t, round_the_corner(t, t.x**2)),
                "The window lies on the pixels of one map. It should go across "
                "the maps, at one pixel.": lambda t: from_sums(t, over_space(t)),
                "The window starts at the map itself: only later neighbours "
                "count. The map should be in its middle.": lambda t: from_sums(
                    t, one_sided(t, t.x**2)
                ),
                "The window is `size` wide to either side. It is `size` wide "
                "in all.": lambda t: from_sums(
                    t, window_sums(t.x**2, 2 * t.size + 1, 1)
                ),
                "The last map of the window is left out: size // 2 to the "
                "right must be included.": lambda t: from_sums(
                    t, without_last(t, t.x**2)
                ),
            },
            "dx": {
                "The second term is missing: x also stands in s, its own and "
                "its neighbours', and so moves their y.": first,
                "The second term has the wrong sign: a louder neighbour makes "
                "y quieter.": lambda t: t.dx + 2 * second(t),
                "The second term is half of what it should be: the derivative "
                "of a square.": lambda t: t.dx + second(t) / 2,
                "beta is missing in the second term: the "
                "derivative of a power.": lambda t: t.dx + second(t) * (1 - 1 / t.beta),
                "alpha is missing in the second term.": lambda t: (
                    t.dx + second(t) * (1 - 1 / t.alpha)
                ),
                "The neighbours are missing in the second term: x moves only "
                "its own s in it. It moves the s of every map whose window it "
                "is in.": lambda t: (
                    first(t) - 2 * t.alpha * t.beta * t.x * t.dy * t.y / scale(t)
                ),
                "The first term is missing: what x does to its own y when s "
                "stays.": lambda t: -second(t),
                "In the second term the sum is taken over the neighbours' x, "
                "and dy and s are those of the map itself. It is the other way "
                "round: whose s moves, and whose y then?": lambda t: (
                    first(t)
                    - 2
                    * t.alpha
                    * t.beta
                    * t.dy
                    * scale(t) ** (-t.beta - 1)
                    * t.x
                    * lrn_sums(t, t.x)
                ),
                "In the second term y is not divided by s: the power falls by "
                "one.": lambda t: (
                    first(t) - 2 * t.alpha * t.beta * t.x * lrn_sums(t, t.dy * t.y)
                ),
                "The sum of the second term goes round the corner: the last "
                "map is taken for a neighbour "
                "of the first.": lambda t: (
                    first(t)
                    - 2
                    * t.alpha
                    * t.beta
                    * t.x
                    * round_the_corner(t, t.dy * t.y / scale(t))
                ),
            },
        },
    )


def one_sided(t: Known, v: Array) -> Array:
    """Window sums in which only the maps from c on count."""
    return np.sum([shifted(v, step) for step in range(t.size)], axis=0)


def without_last(t: Known, v: Array) -> Array:
    """range(c - half, c + half): the right end is missing."""
    half = t.size // 2
    return sum((shifted(v, step) for step in range(-half, half)), np.zeros_like(v))


def shifted(v: Array, step: int) -> Array:
    """v[:, c + step] at c, and 0 where there is no such map."""
    c = v.shape[1]
    out = np.zeros_like(v)
    out[:, max(0, -step) : c - max(0, step)] = v[
        :, min(c, max(0, step)) : c + min(0, step)
    ]
    return out


# ------------------------------------------------------------------------ dropout


def right_dropout(trial: Trial, found: Array | None) -> dict[str, Any]:
    """The mask is anybody's: it is read off what was found."""
    (x,) = trial.arrays.values()
    keep = 1 - trial.settings["rate"]
    dy = normal(*x.shape).astype(x.dtype)
    fits = found is not None and found.shape == x.shape
    mask = (found != 0) if found is not None and fits else np.ones(x.shape, bool)
    factor = mask.astype(x.dtype) if trial.settings["train"] else x.dtype.type(keep)
    return {"y": x * factor, "dy": dy, "dx": dy * factor, "mask": mask, "keep": keep}


def doubt_dropout(t: Known, y: Array, again: Again) -> str | None:
    """Is the mask drawn as it should be?"""
    if not t.train:
        return None
    kept, wanted = float(t.mask.mean()), t.keep
    if kept == 1:
        return "Nothing is dropped."
    if (t.mask == t.mask[:1]).all() or (t.mask == t.mask[:, :1]).all():
        return (
            "Whole rows or columns are dropped together. Each neuron of each image "
            "draws for itself."
        )
    if not np.array_equal(again(rng=np.random.default_rng(1)) != 0, t.mask):
        return (
            "Two calls with equal generators drop different neurons: the mask does not "
            "come from the `rng` that is given. Nobody could repeat this run."
        )
    if np.array_equal(again(rng=np.random.default_rng(2)) != 0, t.mask):
        return (
            "The same neurons are dropped with every generator: draw the mask from "
            "the `rng` that is given, and do not make one of your own."
        )
    if abs(kept - wanted) > 0.05:
        hint = ""
        if abs(kept - (1 - wanted)) < 0.05:
            hint = " `rate` is the probability of being dropped, not of being kept."
        return (
            f"{1 - kept:.0%} of the neurons are dropped, where rate is {t.rate}.{hint}"
        )
    return None


def dropout() -> Exercise:
    """Sheet 8: dropout."""
    x = {"x": away_from_zero((40, 50), np.random.default_rng(0))}

    def trial(says: str, rate: float, train: bool) -> Trial:
        rng = np.random.default_rng(1)
        return Trial(says, x, {"rate": rate, "rng": rng, "train": train})

    trials = [
        trial("training, rate 0.3", 0.3, True),
        trial("test, rate 0.3", 0.3, False),
        trial("training, rate 0.8", 0.8, True),
    ]
    return Exercise(
        "npalexnet/layers/dropout.py",
        both("dx"),
        {"y": "image neuron", "dx": "image neuron"},
        right_dropout,
        [*trials, in_float32(trials[0])],
        {
            "y": {
                "Those who stay are divided by 1 - rate. That is today's way "
                "(inverted dropout). The paper leaves them as they are, and "
                "weakens all at test time.": lambda t: t.y / t.keep if t.train else t.y,
                "Those who stay are multiplied by 1 - rate. In training they "
                "stay as they are; only the test weakens.": lambda t: (
                    t.y * t.keep if t.train else t.y
                ),
                "This is the mask. x is missing.": lambda t: (
                    t.mask * 1.0 if t.train else t.y
                ),
                "At test time y is x. In training each neuron was there only "
                "part of the time; now all are, and the next layer hears too "
                "much. A factor is missing.": lambda t: t.x if not t.train else t.y,
                "At test time it is multiplied by rate, the share that is "
                "dropped.": lambda t: t.x * t.rate if not t.train else t.y,
                "At test time the factor is used twice.": lambda t: (
                    t.x * t.keep**2 if not t.train else t.y
                ),
                "At test time neurons are still dropped. `train` is False: "
                "nobody stays at home.": lambda t: (
                    t.x * t.mask if not t.train and not t.mask.all() else t.y
                ),
            },
            "dx": {
                "The mask is forgotten on the way back: a neuron that was "
                "dropped did not move y.": lambda t: t.dy if t.train else t.dx,
                "It is divided by 1 - rate, but y was not.": lambda t: (
                    t.dx / t.keep if t.train else t.dx
                ),
                "This is the mask. dy is missing.": lambda t: (
                    t.mask * 1.0 if t.train else t.dx
                ),
                "dy is multiplied by y, not by what x was multiplied with.": lambda t: (
                    t.dy * t.y
                ),
                "The wrong ones get dy: those that were dropped.": lambda t: (
                    t.dy * ~t.mask if t.train else t.dx
                ),
                "At test time the factor of y is missing in dx.": lambda t: (
                    t.dy if not t.train else t.dx
                ),
                "At test time the factor is used twice.": lambda t: (
                    t.dx * t.keep if not t.train else t.dx
                ),
            },
        },
        doubt_dropout,
    )


EXERCISES: dict[str, Exercise] = {
    "linear": linear(),
    "relu": relu(),
    "tanh": tanh(),
    "softmax": softmax_exercise(),
    "sgd": sgd(),
    "conv": conv(),
    "maxpool": maxpool(),
    "lrn": lrn(),
    "dropout": dropout(),
}
