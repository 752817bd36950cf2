"""How the patients of the clinic were trained: a small network, a recipe, one fault.

Every patient is this network, trained on emoji of 32 x 32 pixels by this loop. A recipe
as it stands is healthy; an illness is a recipe with one line changed.

                             3 x 32 x 32
    conv1 5x5, stride 2     24 x 16 x 16    relu1
    pool1                   24 x  7 x  7
    conv2 3x3               48 x  7 x  7    relu2
    pool2                   48 x  3 x  3
    fc3                           64        relu3, drop3
    fc4                           10
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet import datasets
from npalexnet.layers import (
    Array,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
)
from npalexnet.layers.layer import Workspace
from npalexnet.net import SGD, Graph, in_top_k, train_step
from npalexnet.net.loss import softmax_cross_entropy

SIDE = 32
BATCH = 64
EVERY = 8  # the training loss is noted as the mean over so many steps


@dataclass(frozen=True)
class Recipe:
    """How to train a network; what each line should be is what it is by default.

    Attributes:
        lr: learning rate.
        epochs: how often every training picture is shown.
        right_labels: does every picture keep its own label?
        minus_mean: is the training set's mean subtracted from every picture?
        channels: "RGB", the order in which the validation pictures' channels come; the
            training pictures come in RGB.
        dropout_at_test: are units left out while the network is tested?
        wrong_gradient: does conv2's backward leave the sign of dw turned round?
        bias: where the biases of conv2 start.
        leak: are the validation pictures among the training pictures?
        shuffle: do the classes come mixed in every epoch?
        fc4_std: standard deviation of fc4's starting weights.
    """

    lr: float = 0.01
    epochs: int = 8
    right_labels: bool = True
    minus_mean: bool = True
    channels: str = "RGB"
    dropout_at_test: bool = False
    wrong_gradient: bool = False
    bias: float = 0.0
    leak: bool = False
    shuffle: bool = True
    fc4_std: float = 0.01

    def treated(self, **treatment: Any) -> Recipe:
        """The same with some lines changed."""
        return replace(self, **treatment)


class WrongConv2d(Conv2d):
    """A convolution whose backward has dw with the wrong sign."""

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        dw = ws.grads["w"]  # holds the sum over earlier blocks of images
        np.negative(dw, out=dw)
        dx = super().backward(dy, cache, ws)
        np.negative(dw, out=dw)
        return dx


def network(recipe: Recipe, seed: int = 0, dtype: npt.DTypeLike = np.float32) -> Graph:
    """The network before its training."""
    rng = np.random.default_rng([seed, 1])

    def he(inputs: int) -> float:
        return float(np.sqrt(2 / inputs))

    second = WrongConv2d if recipe.wrong_gradient else Conv2d
    layers = {
        "conv1": Conv2d(3, 24, 5, stride=2, pad=2, std=he(75), rng=rng),
        "relu1": ReLU(),
        "pool1": MaxPool(),
        "conv2": second(24, 48, 3, pad=1, std=he(216), bias=recipe.bias, rng=rng),
        "relu2": ReLU(),
        "pool2": MaxPool(),
        "flatten": Flatten(),
        "fc3": Linear(432, 64, std=he(432), rng=rng),
        "relu3": ReLU(),
        "drop3": Dropout(0.5),
        "fc4": Linear(64, 10, std=recipe.fc4_std, rng=rng),
    }
    return Graph(layers, input_shape=(3, SIDE, SIDE), dtype=dtype)


@dataclass(frozen=True)
class Data:
    """What a recipe shows to the network, as network input x (N, 3, 32, 32)."""

    x: Array
    labels: Array
    val_x: Array
    val_labels: Array
    names: tuple[str, ...]


@cache
def emoji() -> tuple[datasets.DataSet, Array, Array]:
    """The data set, and its pictures (N, 3, 32, 32) in grey levels."""
    data = datasets.load("emoji", side=SIDE)
    train, val = (
        part.pixels.transpose(0, 3, 1, 2).astype(np.float32)
        for part in (data.train, data.val)
    )
    return data, train, val


def data_of(recipe: Recipe, seed: int = 0) -> Data:
    """The pictures and labels as this recipe has them."""
    data, train, val = emoji()
    labels = data.train.labels
    if not recipe.right_labels:
        labels = np.random.default_rng([seed, 2]).permutation(labels)
    if recipe.leak:
        train = np.concatenate([train, val])
        labels = np.concatenate([labels, data.val.labels])
    mean = data.train.pixels.mean((0, 1, 2), dtype=float) if recipe.minus_mean else 0
    std = data.train.pixels.std(dtype=float)

    def as_input(pixels: Array) -> Array:
        centred = pixels - np.reshape(mean, (-1, 1, 1)).astype(np.float32)
        return np.ascontiguousarray(centred / np.float32(std))

    tested = as_input(val)
    if recipe.channels == "BGR":
        tested = np.ascontiguousarray(tested[:, ::-1])
    names = tuple(data.classes)
    return Data(as_input(train), labels, tested, data.val.labels, names)


def order(recipe: Recipe, labels: Array, epoch: int, seed: int = 0) -> Array:
    """In which order an epoch shows the training pictures."""
    mixed = np.random.default_rng([seed, 3, epoch]).permutation(len(labels))
    return mixed if recipe.shuffle else mixed[np.argsort(labels[mixed], kind="stable")]


def test(
    graph: Graph, recipe: Recipe, data: Data, seed: int = 0
) -> tuple[float, float]:
    """Loss and top-1 on the validation pictures, as this recipe tests."""
    rng = np.random.default_rng([seed, 4])
    logits = graph.forward(data.val_x, train=recipe.dropout_at_test, rng=rng)
    loss, _ = softmax_cross_entropy(logits, data.val_labels)
    return float(loss), float(in_top_k(logits, data.val_labels, 1).mean())


def train(recipe: Recipe, seed: int = 0) -> tuple[Graph, dict[str, Array]]:
    """Train a network by a recipe.

    Returns:
        The network, and its log: `step`, `loss` and `train_acc` (means over the last
        few steps), and `epoch`, `val_loss` and `val_acc`, beginning before training.
    """
    graph, data = network(recipe, seed), data_of(recipe, seed)
    sgd = SGD(graph.params, lr=recipe.lr)
    steps, tests = [], [test(graph, recipe, data, seed)]
    with np.errstate(all="ignore"):  # a patient may overflow
        for epoch in range(recipe.epochs):
            shown = order(recipe, data.labels, epoch, seed)
            for first in range(0, len(shown), BATCH):
                batch = shown[first : first + BATCH]
                rng = np.random.default_rng([seed, 5, epoch, first])
                done = train_step(graph, sgd, data.x[batch], data.labels[batch], rng)
                steps.append((done[0], done[1] / len(batch)))
            tests.append(test(graph, recipe, data, seed))
    whole = len(steps) // EVERY * EVERY
    loss, right = np.array(steps[:whole]).reshape(-1, EVERY, 2).mean(1).T
    val_loss, val_acc = np.array(tests).T
    log = {
        "step": np.arange(1, len(loss) + 1) * EVERY,
        "loss": loss,
        "train_acc": right,
        "epoch": np.arange(len(tests)),
        "val_loss": val_loss,
        "val_acc": val_acc,
    }
    return graph, {name: column.astype(np.float32) for name, column in log.items()}
