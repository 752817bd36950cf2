"""A layer on paper: what it is, before anything is known about its input.

A network is written down as a list of descriptions (alexnet.py, or a list of your own),
and no line of it says how large its input is: `make_layers` walks down the list, and
builds each layer to fit the output of the one before. A switch ("no overlap", "tanh in
place of ReLU") is a rule that is applied to every description in a list.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod, sqrt

import numpy as np
import numpy.typing as npt

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
from npalexnet.net.graph import Graph

# Standard deviation of the starting weights, or "he", or "uniform"; None: as in the
# paper, or as `build` in own.py says.
Std = float | str | None
PAPER_STD = 0.01


@dataclass(frozen=True)
class Conv:
    """A convolution; see layers/conv.py. Its starting weights: see `in_numbers`."""

    filters: int
    kernel: int
    stride: int = 1
    pad: Pad = 0
    groups: int = 1
    std: Std = None
    bias: float = 0.0
    algorithm: str = "auto"

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
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
            self.algorithm,
        )
        return uniform(layer, inputs, rng) if self.std == "uniform" else layer


@dataclass(frozen=True)
class Full:
    """A fully connected layer; `units=0` means one for each class."""

    units: int
    std: Std = None
    bias: float = 0.0

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        if len(shape) != 1:
            raise ValueError(
                f"Full expects a row of numbers for one image, and got {shape}; "
                "put Flat() before it"
            )
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

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return LRN(self.size, self.alpha, self.beta, self.k, self.groups)


@dataclass(frozen=True)
class MapNorm:
    """Same-map normalisation; see layers/samemap.py."""

    size: int = 5
    alpha: float = 4e-5
    beta: float = 0.75
    k: float = 1.0

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return SameMapNorm(self.size, self.alpha, self.beta, self.k)


@dataclass(frozen=True)
class Pool:
    """Max-pooling; see layers/pool.py."""

    kernel: int = 3
    stride: int = 2

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return MaxPool(self.kernel, self.stride)


@dataclass(frozen=True)
class Act:
    """The activation function: "relu" or "tanh"."""

    function: str = "relu"

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return {"relu": ReLU, "tanh": Tanh}[self.function]()


@dataclass(frozen=True)
class Drop:
    """Dropout; see layers/dropout.py."""

    rate: float = 0.5

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return Dropout(self.rate)


@dataclass(frozen=True)
class Flat:
    """From maps to one row of numbers per image; see layers/flatten.py."""

    def make(self, shape: Shape, rng: np.random.Generator) -> Layer:
        return Flatten()


Description = Conv | Full | Norm | MapNorm | Pool | Act | Drop | Flat
Named = tuple[str, Description]


@dataclass(frozen=True)
class Variant:
    """One of the networks called AlexNet.

    Attributes:
        layers: name and description, first layer first.
        side: pictures are resized to squares of this side, in pixels.
        crop: side of the part of the square that the network sees, in pixels.
        mean: what is subtracted from the pixels, until a training set gives its own.
        std: what the difference is divided by: one number, or one for each channel.
        measured: what is measured on a training set: "picture", its mean picture;
            "colour", its mean colour and one std; "nothing", mean and std stay as here.
        bias_lr: the learning rate of biases is this many times that of weights.
        bias_decay: and their weight decay this many times that of weights.
    """

    layers: tuple[Named, ...]
    side: int
    crop: int
    mean: tuple[float, float, float]
    std: float | tuple[float, float, float]
    measured: str
    bias_lr: float = 1.0
    bias_decay: float = 1.0


def in_numbers(std: Std, inputs: int) -> float:
    """The standard deviation with which the layer draws its weights.

    "he" keeps the size of the signal through a ReLU layer; for "uniform" the layer
    draws nothing, `uniform` does. None is the paper's 0.01; `build` chooses anew.
    """
    if std == "he":
        return sqrt(2 / inputs)
    if std is None:
        return PAPER_STD
    return 0.0 if std == "uniform" else float(std)


def uniform(layer: Layer, inputs: int, rng: np.random.Generator) -> Layer:
    """Draw all parameters uniformly from ±1/√inputs: a std of 1/√(3 inputs)."""
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

    A rule returns None to leave a layer out.
    """
    if activation not in ("relu", "tanh"):
        raise ValueError(f"activation must be relu or tanh, and is {activation!r}")

    def no_lrn(d: Description) -> Description | None:
        return None if isinstance(d, Norm | MapNorm) else d

    def no_overlap(d: Description) -> Description | None:
        return Pool(2, 2) if isinstance(d, Pool) else d

    def other_groups(d: Description) -> Description | None:
        if isinstance(d, Conv | Norm) and d.groups > 1:
            return replace(d, groups=groups or d.groups)
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


def with_switches(
    name: str, layers: Sequence[Named], rules: Mapping[str, Rule]
) -> list[Named]:
    """A variant's list of layers, with some switches applied.

    Args:
        name: of the variant, for the message.
        layers: its list.
        rules: from `switches`.

    Raises:
        ValueError: a switch changes nothing in this variant.
    """
    described = list(layers)
    for switch, rule in rules.items():
        changed = [(layer, rule(d)) for layer, d in described]
        if changed == described:
            raise ValueError(f"{switch} changes nothing in {name}; leave it out")
        described = [(layer, d) for layer, d in changed if d is not None]
    return described


def build_graph(
    variant: Variant,
    described: Sequence[Named],
    classes: int,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float32,
    input_shape: Shape | None = None,
    algorithm: str = "auto",
) -> Graph:
    """A variant as a network, ready to learn.

    Args:
        variant: gives the size of the pictures, and the multipliers of the biases.
        described: its list of layers, with the switches applied.
        classes: units of the last layer.
        seed: of the starting weights; each layer draws its own, from seed and name.
        dtype: float32, or float64 for checks.
        input_shape: of one image, (C, H, W); None for the variant's own. Pictures are
            then resized in proportion.
        algorithm: of the convolutions; see layers/conv.py.

    Raises:
        ValueError: classes is less than 1, or a layer does not fit; says which.
    """
    shape = (3, variant.crop, variant.crop) if input_shape is None else input_shape
    layers = make_layers(described, shape, classes, seed, algorithm)
    for layer in layers.values():
        if "b" in layer.params:
            layer.params["b"].lr = variant.bias_lr
            layer.params["b"].decay = variant.bias_decay
    graph = Graph(layers, shape, dtype)
    given = graph.input
    mean, std = np.array(variant.mean), np.array(variant.std)
    if given.mean.shape != mean.shape:  # not RGB
        mean, std = np.full(given.mean.shape, mean.mean()), np.array(std.mean())
    side = round(given.crop * variant.side / variant.crop)
    graph.input = given._replace(side=side, mean=mean, std=std)
    return graph


def make_layers(
    described: Sequence[Named],
    input_shape: Shape,
    classes: int,
    seed: int,
    algorithm: str = "auto",
) -> dict[str, Layer]:
    """Walk down the list, and build each layer to fit the output of the one before.

    `algorithm` is for the convolutions that do not name one themselves.

    Raises:
        ValueError: classes is less than 1, or a layer does not fit; says which.
    """
    if classes < 1:
        raise ValueError(f"classes must be at least 1, and is {classes}")
    layers: dict[str, Layer] = {}
    shape = tuple(input_shape)
    for name, description in described:
        if isinstance(description, Full) and description.units == 0:
            description = replace(description, units=classes)
        if isinstance(description, Conv) and description.algorithm == "auto":
            description = replace(description, algorithm=algorithm)
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        try:
            layer = layers[name] = description.make(shape, rng)
            shape = layer.output_shape(shape)
        except ValueError as error:
            seen = "" if str(shape) in str(error) else f"; its input is {shape}"
            raise ValueError(f"{name}: {error}{seen}") from None
    return layers
