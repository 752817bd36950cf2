"""START HERE. AlexNet: five convolutional layers, three fully connected ones.

    graph = alexnet("paper")         the network of Krizhevsky, Sutskever, Hinton (2012)
    graph = alexnet("small", 20)     the same for 64 x 64 pictures and 20 classes

Several networks are called AlexNet. Each is a list below, to be read from top to
bottom: one line a layer, and beside it the shape of what comes out (channels x height x
width). No line says how large its input is; `alexnet` walks down the list and finds
out.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod, sqrt

import numpy as np
import numpy.typing as npt

from npalexnet.graph import Graph, Input
from npalexnet.layers import LRN, Conv2d, Dropout, Flatten, Linear, MaxPool, ReLU, Tanh
from npalexnet.layers.layer import Layer, Shape
from npalexnet.layers.windows import Pad

Std = float | str  # standard deviation of the starting weights, or "he"


@dataclass(frozen=True)
class Conv:
    """A convolution; see layers/conv.py."""

    filters: int
    kernel: int
    stride: int = 1
    pad: Pad = 0
    groups: int = 1
    std: Std = 0.01
    bias: float = 0.0

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        std = he(self.std, shape[0] // self.groups * self.kernel**2)
        return Conv2d(
            shape[0],
            self.filters,
            self.kernel,
            self.stride,
            self.pad,
            self.groups,
            std,
            self.bias,
            rng,
        )


@dataclass(frozen=True)
class Full:
    """A fully connected layer; `units=0` means one for each class."""

    units: int
    std: Std = 0.01
    bias: float = 0.0

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        inputs = prod(shape)
        return Linear(inputs, self.units, he(self.std, inputs), self.bias, rng)


@dataclass(frozen=True)
class Norm:
    """Local response normalisation; see layers/lrn.py."""

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0
    groups: int = 1

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return LRN(self.size, self.alpha, self.beta, self.k, self.groups)


@dataclass(frozen=True)
class Pool:
    """Max-pooling; see layers/pool.py."""

    kernel: int = 3
    stride: int = 2

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return MaxPool(self.kernel, self.stride)


@dataclass(frozen=True)
class Act:
    """The neuron's response: "relu" or "tanh"."""

    function: str = "relu"

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return {"relu": ReLU, "tanh": Tanh}[self.function]()


@dataclass(frozen=True)
class Drop:
    """Dropout; see layers/dropout.py."""

    rate: float = 0.5

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return Dropout(self.rate)


@dataclass(frozen=True)
class Flat:
    """From maps to rows of numbers; see layers/flatten.py."""

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return Flatten()


Description = Conv | Full | Norm | Pool | Act | Drop | Flat


@dataclass(frozen=True)
class Variant:
    """One of the networks called AlexNet.

    Attributes:
        layers: name and description, first layer first.
        side: pictures are prepared as squares of this side.
        crop: the part of it that the network sees.
        mean: what is subtracted from the pixels, until a training set gives its own.
        std: what the rest is divided by.
        mean_picture: the training set gives a mean picture (else a mean colour, and
            one std).
        bias_lr: biases learn this many times faster than weights.
        bias_decay: and decay this many times faster.
    """

    layers: tuple[tuple[str, Description], ...]
    side: int
    crop: int
    mean: tuple[float, float, float]
    std: float
    mean_picture: bool
    bias_lr: float = 1.0
    bias_decay: float = 1.0


# NIPS 2012, as written: section 3.5 and Fig. 2; starting weights and biases section 5.
# The text says 224 pixels; 55 places at stride 4 need 227. "Equal learning rate for all
# layers": biases learn and decay like weights.
PAPER = Variant(
    (
        #                                                                  3 x 227 x 227
        ("conv1", Conv(96, 11, stride=4)),  #                              96 x 55 x 55
        ("relu1", Act()),
        ("norm1", Norm()),
        ("pool1", Pool()),  #                                              96 x 27 x 27
        ("conv2", Conv(256, 5, pad=2, groups=2, bias=1)),  #               256 x 27 x 27
        ("relu2", Act()),
        ("norm2", Norm()),
        ("pool2", Pool()),  #                                              256 x 13 x 13
        ("conv3", Conv(384, 3, pad=1)),  #                                 384 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(384, 3, pad=1, groups=2, bias=1)),  #               384 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, groups=2, bias=1)),  #               256 x 13 x 13
        ("relu5", Act()),
        ("pool5", Pool()),  #                                              256 x 6 x 6
        ("flatten", Flat()),  #                                            9216
        ("fc6", Full(4096, bias=1)),  #                                    4096
        ("relu6", Act()),
        ("drop6", Drop()),
        ("fc7", Full(4096, bias=1)),  #                                    4096
        ("relu7", Act()),
        ("drop7", Drop()),
        ("fc8", Full(0)),  #                                               classes
    ),
    side=256,
    crop=227,
    mean=(127.3, 119.7, 104.9),  # ImageNet's mean colour
    std=1,
    mean_picture=True,
)

# The paper's topology for pictures of 64 x 64, about a twentieth of the work.
#
# The paper's starting weights, std 0.01 everywhere, do not learn here. Through a ReLU,
# a layer multiplies the size of the signal by about std · √(inputs of a unit / 2). The
# paper's conv2 to fc7 have 1200 to 9216 inputs, a factor of 0.24 to 0.68, and pixels of
# ±60 grey levels to begin with. Here conv1 to fc7 have 75 to 1152 inputs, 0.06 to 0.24:
# after seven layers a few millionths are left, and the loss stays flat at ln(classes).
# He's std = √(2 / inputs) (2015) makes the factor 1. The last layer alone starts small,
# std 0.01, so that the first loss is ln(classes).
SMALL = Variant(
    (
        #                                                                  3 x 56 x 56
        ("conv1", Conv(48, 5, stride=2, pad=1, std="he")),  #              48 x 27 x 27
        ("relu1", Act()),
        ("norm1", Norm()),
        ("pool1", Pool()),  #                                              48 x 13 x 13
        ("conv2", Conv(128, 5, pad=2, groups=2, std="he")),  #             128 x 13 x 13
        ("relu2", Act()),
        ("norm2", Norm()),
        ("pool2", Pool()),  #                                              128 x 6 x 6
        ("conv3", Conv(192, 3, pad=1, std="he")),  #                       192 x 6 x 6
        ("relu3", Act()),
        ("conv4", Conv(192, 3, pad=1, groups=2, std="he")),  #             192 x 6 x 6
        ("relu4", Act()),
        ("conv5", Conv(128, 3, pad=1, groups=2, std="he")),  #             128 x 6 x 6
        ("relu5", Act()),
        ("pool5", Pool()),  #                                              128 x 2 x 2
        ("flatten", Flat()),  #                                            512
        ("fc6", Full(1024, std="he")),  #                                  1024
        ("relu6", Act()),
        ("drop6", Drop()),
        ("fc7", Full(1024, std="he")),  #                                  1024
        ("relu7", Act()),
        ("drop7", Drop()),
        ("fc8", Full(0)),  #                                               classes
    ),
    side=64,
    crop=56,
    mean=(128, 128, 128),
    std=64,
    mean_picture=False,
    bias_lr=2,
    bias_decay=0,
)

VARIANTS = {"paper": PAPER, "small": SMALL}


def he(std: Std, inputs: int) -> float:
    """The std in numbers: "he" keeps the size of the signal through a ReLU layer."""
    return sqrt(2 / inputs) if std == "he" else float(std)


Rule = Callable[[Description], Description | None]


def switches(
    lrn: bool = True,
    overlap: bool = True,
    groups: int | None = None,
    dropout: float | None = None,
    activation: str = "relu",
) -> dict[str, Rule]:
    """The switches that are set, each as a rule: description in, description out.

    A rule answers None to leave a layer out.
    """

    def no_lrn(d: Description) -> Description | None:
        return None if isinstance(d, Norm) else d

    def no_overlap(d: Description) -> Description | None:
        return Pool(2, 2) if isinstance(d, Pool) else d

    def other_groups(d: Description) -> Description | None:
        if isinstance(d, Conv) and d.groups > 1:
            assert groups is not None
            return replace(d, groups=groups)
        return d

    def other_dropout(d: Description) -> Description | None:
        if isinstance(d, Drop):
            return Drop(dropout) if dropout else None
        return d

    def other_activation(d: Description) -> Description | None:
        return Act(activation) if isinstance(d, Act) else d

    rules: dict[str, Rule] = {}
    if not lrn:
        rules["lrn=False"] = no_lrn
    if not overlap:
        rules["overlap=False"] = no_overlap
    if groups is not None:
        rules[f"groups={groups}"] = other_groups
    if dropout is not None:
        rules[f"dropout={dropout}"] = other_dropout
    if activation != "relu":
        rules[f"activation={activation!r}"] = other_activation
    return rules


def alexnet(
    variant: str = "paper",
    classes: int = 1000,
    seed: int = 0,
    *,
    lrn: bool = True,
    overlap: bool = True,
    groups: int | None = None,
    dropout: float | None = None,
    activation: str = "relu",
    dtype: npt.DTypeLike = np.float32,
) -> Graph:
    """Build a network, ready to learn.

    Args:
        variant: which AlexNet; a name in `VARIANTS`.
        classes: how many kinds of pictures to tell apart.
        seed: of the starting weights. Each layer draws its own, so a switch leaves the
            weights of the other layers as they were.
        lrn: False leaves out local response normalisation.
        overlap: False pools with windows of 2, side by side.
        groups: 1 joins the two columns; None is as the variant has it.
        dropout: rate of every dropout; 0 leaves them out; None is as the variant has
        it.
        activation: "relu" or "tanh".
        dtype: float32, or float64 for checks.

    Raises:
        ValueError: an unknown variant or activation, or a switch that changes nothing.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"unknown variant {variant!r}; there are: {', '.join(VARIANTS)}"
        )
    if activation not in ("relu", "tanh"):
        raise ValueError(f"activation must be relu or tanh, and is {activation!r}")
    if classes < 1:
        raise ValueError(f"classes must be at least 1, and is {classes}")
    v = VARIANTS[variant]
    described: list[tuple[str, Description]] = list(v.layers)
    for switch, rule in switches(lrn, overlap, groups, dropout, activation).items():
        changed = [(name, rule(d)) for name, d in described]
        if changed == described:
            raise ValueError(f"{switch} changes nothing in {variant}")
        described = [(name, d) for name, d in changed if d is not None]

    layers: dict[str, Layer] = {}
    shape: Shape = (3, v.crop, v.crop)
    for name, description in described:
        if isinstance(description, Full) and description.units == 0:
            description = replace(description, units=classes)
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        layers[name] = description.build(shape, rng)
        shape = layers[name].output_shape(shape)
        if "b" in layers[name].params:
            layers[name].params["b"].lr = v.bias_lr
            layers[name].params["b"].decay = v.bias_decay

    graph = Graph(layers, (3, v.crop, v.crop), dtype)
    graph.input = Input(v.side, v.crop, np.array(v.mean), np.array(v.std), ())
    graph.about = {
        "variant": variant,
        "lrn": lrn,
        "overlap": overlap,
        "groups": groups,
        "dropout": dropout,
        "activation": activation,
    }
    return graph


def needs_mean_picture(graph: Graph) -> bool:
    """Does this network subtract a mean picture, rather than a mean colour?"""
    return bool(graph.about) and VARIANTS[graph.about["variant"]].mean_picture
