"""START HERE. AlexNet: five convolutional layers, three fully connected ones.

    graph = alexnet("paper")         the network of Krizhevsky, Sutskever, Hinton (2012)
    graph = alexnet("small", 20)     the same for 64 x 64 pictures and 20 classes

Several networks are called AlexNet, and few of them are the same:

    paper      the NIPS paper of 2012, as it is written
    code2012   what the code ran that made the paper's results
    caffe      Caffe's replication (BVLC), whose biases start at 0.1
    caffenet   Caffe's other one, which pools before it normalises
    owt        "One weird trick" (2014), one column; the AlexNet of torchvision
    column     the paper's control: what one column can do by itself
    small      for pictures of 64 x 64, to be trained on a laptop

Each is a list below, to be read from top to bottom: one line a layer, and beside it the
shape of what comes out (channels x height x width). No line says how large its input
is; `alexnet` walks down the list and finds out.

    python -m npalexnet.summary --variant all        shows them side by side
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.graph import Graph, Input
from npalexnet.layers import (
    LRN,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool,
    ReLU,
    SameMapNorm,
    Tanh,
)
from npalexnet.layers.layer import Layer, Shape
from npalexnet.layers.windows import Pad

Std = float | str  # standard deviation of the starting weights, or "he", or "uniform"


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
        inputs = shape[0] // self.groups * self.kernel**2
        layer = Conv2d(
            shape[0],
            self.filters,
            self.kernel,
            self.stride,
            self.pad,
            self.groups,
            in_numbers(self.std, inputs),
            self.bias,
            rng,
        )
        return uniform(layer, inputs, rng) if self.std == "uniform" else layer


@dataclass(frozen=True)
class Full:
    """A fully connected layer; `units=0` means one for each class."""

    units: int
    std: Std = 0.01
    bias: float = 0.0

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        inputs = prod(shape)
        std = in_numbers(self.std, inputs)
        layer = Linear(inputs, self.units, std, self.bias, rng)
        return uniform(layer, inputs, rng) if self.std == "uniform" else layer


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
class MapNorm:
    """Same-map normalisation; see layers/samemap.py."""

    size: int = 5
    alpha: float = 4e-5
    beta: float = 0.75
    k: float = 1.0

    def build(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return SameMapNorm(self.size, self.alpha, self.beta, self.k)


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


Description = Conv | Full | Norm | MapNorm | Pool | Act | Drop | Flat


@dataclass(frozen=True)
class Variant:
    """One of the networks called AlexNet.

    Attributes:
        layers: name and description, first layer first.
        side: pictures are prepared as squares of this side.
        crop: the part of it that the network sees.
        mean: what is subtracted from the pixels, until a training set gives its own.
        std: what the rest is divided by: one number, or one for each channel.
        measured: what a training set gives: its mean "picture"; its mean "colour" and
            one std; "nothing", mean and std are as they stand here.
        bias_lr: biases learn this many times faster than weights.
        bias_decay: and decay this many times faster.
    """

    layers: tuple[tuple[str, Description], ...]
    side: int
    crop: int
    mean: tuple[float, float, float]
    std: float | tuple[float, float, float]
    measured: str
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
    mean=(127.3, 119.7, 104.9),  # of the code of 2012; Caffe's is another
    std=1,
    measured="picture",
)

# What was run in 2012, as the code says that was released in 2025 (github.com/
# computerhistory/AlexNet-Source-Code): layers/layers-145.cfg, and layer-params-145.cfg,
# whose log has the errors that the paper reports for one network. The two columns a and
# b, a GPU each, are two groups here. It is not quite what the paper says:
#   - pictures of 224, and windows that hang over the right and the lower edge: three
#     rows and columns of zeros make the same 55 places;
#   - in layer 1, LRN comes before ReLU, which comes after pooling (in layer 5, too:
#     pooling and ReLU may change places, LRN and ReLU may not);
#   - LRN does not see the other column, and its alpha is divided by its size;
#   - the second one is followed by same-map normalisation (cnorm2 there);
#   - conv3 to conv5 start with std 0.03;
#   - biases learn twice as fast (epsB 0.02, epsW 0.01), and do not decay.
LRN_2012 = Norm(alpha=1e-4 / 5, groups=2)  # scale=0.0001, size=5, pow=0.75, minDiv=2
CODE2012 = Variant(
    (
        #                                                                  3 x 224 x 224
        ("conv1", Conv(96, 11, stride=4, pad=(0, 3))),  #                  96 x 55 x 55
        ("norm1", LRN_2012),
        ("pool1", Pool()),  #                                              96 x 27 x 27
        ("relu1", Act()),
        ("conv2", Conv(256, 5, pad=2, groups=2, bias=1)),  #               256 x 27 x 27
        ("relu2", Act()),
        ("norm2", LRN_2012),
        ("samemap2", MapNorm()),  # scale=0.001, size=5, pow=0.75
        ("pool2", Pool()),  #                                              256 x 13 x 13
        ("conv3", Conv(384, 3, pad=1, std=0.03)),  #                       384 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(384, 3, pad=1, groups=2, std=0.03, bias=1)),  #     384 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, groups=2, std=0.03, bias=1)),  #     256 x 13 x 13
        ("pool5", Pool()),  #                                              256 x 6 x 6
        ("relu5", Act()),
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
    crop=224,
    mean=(127.3, 119.7, 104.9),
    std=1,
    measured="picture",
    bias_lr=2,
    bias_decay=0,
)

# Caffe's replication: models/bvlc_alexnet/train_val.prototxt in github.com/BVLC/caffe.
# Its readme says why biases start at 0.1: with the paper's 1 the loss stayed flat. LRN
# divides alpha by its size, and k is 1, Caffe's default. Caffe's dropout doubles what
# it leaves over, and its pictures are BGR: `npalexnet.load` doubles the trained weights
# of fc7 and fc8, and turns the channels of conv1 round.
LRN_CAFFE = Norm(alpha=1e-4 / 5, k=1)
CAFFE = Variant(
    (
        #                                                                  3 x 227 x 227
        ("conv1", Conv(96, 11, stride=4)),  #                              96 x 55 x 55
        ("relu1", Act()),
        ("norm1", LRN_CAFFE),
        ("pool1", Pool()),  #                                              96 x 27 x 27
        ("conv2", Conv(256, 5, pad=2, groups=2, bias=0.1)),  #             256 x 27 x 27
        ("relu2", Act()),
        ("norm2", LRN_CAFFE),
        ("pool2", Pool()),  #                                              256 x 13 x 13
        ("conv3", Conv(384, 3, pad=1)),  #                                 384 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(384, 3, pad=1, groups=2, bias=0.1)),  #             384 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, groups=2, bias=0.1)),  #             256 x 13 x 13
        ("relu5", Act()),
        ("pool5", Pool()),  #                                              256 x 6 x 6
        ("flatten", Flat()),  #                                            9216
        ("fc6", Full(4096, std=0.005, bias=0.1)),  #                       4096
        ("relu6", Act()),
        ("drop6", Drop()),
        ("fc7", Full(4096, std=0.005, bias=0.1)),  #                       4096
        ("relu7", Act()),
        ("drop7", Drop()),
        ("fc8", Full(0)),  #                                               classes
    ),
    side=256,
    crop=227,
    mean=(122.7, 116.7, 104.0),  # of ilsvrc_2012_mean.npy, which Caffe gives
    std=1,
    measured="picture",
    bias_lr=2,
    bias_decay=0,
)

# Caffe's other one: models/bvlc_reference_caffenet/train_val.prototxt. It pools before
# it normalises, so LRN has a quarter of the work; and its biases start at 1.
CAFFENET = Variant(
    (
        #                                                                  3 x 227 x 227
        ("conv1", Conv(96, 11, stride=4)),  #                              96 x 55 x 55
        ("relu1", Act()),
        ("pool1", Pool()),  #                                              96 x 27 x 27
        ("norm1", LRN_CAFFE),
        ("conv2", Conv(256, 5, pad=2, groups=2, bias=1)),  #               256 x 27 x 27
        ("relu2", Act()),
        ("pool2", Pool()),  #                                              256 x 13 x 13
        ("norm2", LRN_CAFFE),
        ("conv3", Conv(384, 3, pad=1)),  #                                 384 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(384, 3, pad=1, groups=2, bias=1)),  #               384 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, groups=2, bias=1)),  #               256 x 13 x 13
        ("relu5", Act()),
        ("pool5", Pool()),  #                                              256 x 6 x 6
        ("flatten", Flat()),  #                                            9216
        ("fc6", Full(4096, std=0.005, bias=1)),  #                         4096
        ("relu6", Act()),
        ("drop6", Drop()),
        ("fc7", Full(4096, std=0.005, bias=1)),  #                         4096
        ("relu7", Act()),
        ("drop7", Drop()),
        ("fc8", Full(0)),  #                                               classes
    ),
    side=256,
    crop=227,
    mean=(122.7, 116.7, 104.0),  # of ilsvrc_2012_mean.npy, which Caffe gives
    std=1,
    measured="picture",
    bias_lr=2,
    bias_decay=0,
)

# "One weird trick for parallelizing convolutional neural networks" (Krizhevsky 2014,
# arXiv 1404.5997) has a single column; layers, starting weights and pixels here are
# torchvision's (torchvision/models/alexnet.py, whose conv4 has 256 filters where the
# text says 384): no LRN, dropout in front of fc6 and fc7, weights and biases uniform in
# ±1/√inputs, PyTorch's default. Its dropout, too, doubles what it leaves over, and
# `npalexnet.load` the trained weights of fc6 and fc7.
OWT = Variant(
    (
        #                                                                  3 x 224 x 224
        ("conv1", Conv(64, 11, stride=4, pad=2, std="uniform")),  #        64 x 55 x 55
        ("relu1", Act()),
        ("pool1", Pool()),  #                                              64 x 27 x 27
        ("conv2", Conv(192, 5, pad=2, std="uniform")),  #                  192 x 27 x 27
        ("relu2", Act()),
        ("pool2", Pool()),  #                                              192 x 13 x 13
        ("conv3", Conv(384, 3, pad=1, std="uniform")),  #                  384 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(256, 3, pad=1, std="uniform")),  #                  256 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, std="uniform")),  #                  256 x 13 x 13
        ("relu5", Act()),
        ("pool5", Pool()),  #                                              256 x 6 x 6
        ("flatten", Flat()),  #                                            9216
        ("drop6", Drop()),
        ("fc6", Full(4096, std="uniform")),  #                             4096
        ("relu6", Act()),
        ("drop7", Drop()),
        ("fc7", Full(4096, std="uniform")),  #                             4096
        ("relu7", Act()),
        ("fc8", Full(0, std="uniform")),  #                                classes
    ),
    side=256,
    crop=224,
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
    std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
    measured="nothing",
)

# Are two columns better than one? The paper's control (section 3.2 and its footnote;
# 1.7 points of top-1 error worse): one column, but conv5 and the fully connected layers
# as wide as both together, or it would have half the parameters. Read it beside PAPER.
# As in the run that was compared (layers-145-half.cfg in the code of 2012), biases
# learn twice as fast and do not decay.
COLUMN = Variant(
    (
        #                                                                  3 x 227 x 227
        ("conv1", Conv(48, 11, stride=4)),  #                              48 x 55 x 55
        ("relu1", Act()),
        ("norm1", Norm()),
        ("pool1", Pool()),  #                                              48 x 27 x 27
        ("conv2", Conv(128, 5, pad=2, bias=1)),  #                         128 x 27 x 27
        ("relu2", Act()),
        ("norm2", Norm()),
        ("pool2", Pool()),  #                                              128 x 13 x 13
        ("conv3", Conv(192, 3, pad=1)),  #                                 192 x 13 x 13
        ("relu3", Act()),
        ("conv4", Conv(192, 3, pad=1, bias=1)),  #                         192 x 13 x 13
        ("relu4", Act()),
        ("conv5", Conv(256, 3, pad=1, bias=1)),  #                         256 x 13 x 13
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
    mean=(127.3, 119.7, 104.9),
    std=1,
    measured="picture",
    bias_lr=2,
    bias_decay=0,
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
    measured="colour",
    bias_lr=2,
    bias_decay=0,
)

VARIANTS = {
    "paper": PAPER,
    "code2012": CODE2012,
    "caffe": CAFFE,
    "caffenet": CAFFENET,
    "owt": OWT,
    "column": COLUMN,
    "small": SMALL,
}


def in_numbers(std: Std, inputs: int) -> float:
    """The std of the weights as the layer draws them.

    "he" keeps the size of the signal through a ReLU layer; for "uniform" the layer
    draws nothing, `uniform` does.
    """
    if std == "he":
        return sqrt(2 / inputs)
    return 0.0 if std == "uniform" else float(std)


def uniform(layer: Layer, inputs: int, rng: np.random.Generator) -> Layer:
    """Draw all parameters uniform in ±1/√inputs: a std of 1/√(3 inputs)."""
    for param in layer.params.values():
        u = rng.random(param.data.shape, np.float32)
        u *= 2
        u -= 1
        u /= np.float32(sqrt(inputs))
        param.data = u
    return layer


Rule = Callable[[Description], Description | None]


def switches(
    lrn: bool = True,
    overlap: bool = True,
    groups: int | None = None,
    dropout: float | None = None,
    activation: str = "relu",
    lrn_groups: int | None = None,
) -> dict[str, Rule]:
    """The switches that are set, each as a rule: description in, description out.

    A rule answers None to leave a layer out.
    """
    if activation not in ("relu", "tanh"):
        raise ValueError(f"activation must be relu or tanh, and is {activation!r}")

    def no_lrn(d: Description) -> Description | None:
        return None if isinstance(d, Norm | MapNorm) else d

    def no_overlap(d: Description) -> Description | None:
        return Pool(2, 2) if isinstance(d, Pool) else d

    def other_groups(d: Description) -> Description | None:
        if isinstance(d, Conv | Norm) and d.groups > 1:
            assert groups is not None
            return replace(d, groups=groups)
        return d

    def other_lrn_groups(d: Description) -> Description | None:
        return replace(d, groups=lrn_groups or 1) if isinstance(d, Norm) else d

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
    if lrn_groups is not None:
        rules[f"lrn_groups={lrn_groups}"] = other_lrn_groups
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
    lrn_groups: int | None = None,
    dtype: npt.DTypeLike = np.float32,
) -> Graph:
    """Build a network, ready to learn.

    Args:
        variant: which AlexNet; a name in `VARIANTS`.
        classes: how many kinds of pictures to tell apart.
        seed: of the starting weights. Each layer draws its own, so a switch leaves the
            weights of the other layers as they were.
        lrn: False leaves out response normalisation, across maps and inside them.
        overlap: False pools with windows of 2, side by side.
        groups: 1 joins the two columns, in convolutions and normalisations that keep
            them apart; None is as the variant has it.
        dropout: rate of every dropout; 0 leaves them out; None is as the variant has
            it.
        activation: "relu" or "tanh".
        lrn_groups: response normalisation keeps so many parts of the maps apart, 2 for
            the columns of two GPUs; None is as the variant has it.
        dtype: float32, or float64 for checks.

    Raises:
        ValueError: an unknown variant or activation, or a switch that changes nothing.
    """
    chosen = {
        "lrn": lrn,
        "overlap": overlap,
        "groups": groups,
        "dropout": dropout,
        "activation": activation,
        "lrn_groups": lrn_groups,
    }
    described = with_switches(variant, **chosen)
    graph = build(VARIANTS[variant], described, classes, seed, dtype)
    graph.about = {"variant": variant, **chosen}
    return graph


def with_switches(variant: str, **chosen: Any) -> list[tuple[str, Description]]:
    """A variant's list of layers, after the switches of `alexnet`."""
    if variant not in VARIANTS:
        raise ValueError(
            f"unknown variant {variant!r}; there are: {', '.join(VARIANTS)}"
        )
    described = list(VARIANTS[variant].layers)
    for switch, rule in switches(**chosen).items():
        changed = [(name, rule(d)) for name, d in described]
        if changed == described:
            raise ValueError(f"{switch} changes nothing in {variant}; leave it out")
        described = [(name, d) for name, d in changed if d is not None]
    return described


def build(
    v: Variant,
    described: Sequence[tuple[str, Description]],
    classes: int,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float32,
) -> Graph:
    """Walk down the list, and build each layer for what comes out of the one before."""
    if classes < 1:
        raise ValueError(f"classes must be at least 1, and is {classes}")
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
    return graph


def outline(
    variant: str,
    classes: int = 1000,
    dtype: npt.DTypeLike = np.float32,
    **chosen: Any,
) -> Graph:
    """The same network with all weights zero: every shape and count, in no time.

    `chosen` are the switches of `alexnet`.
    """
    blank = [
        (name, replace(d, std=0.0) if isinstance(d, Conv | Full) else d)
        for name, d in with_switches(variant, **chosen)
    ]
    return build(VARIANTS[variant], blank, classes, dtype=dtype)
