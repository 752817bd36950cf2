"""START HERE. AlexNet and its variants, as lists of layers: sizes, std, biases.

    graph = alexnet("paper")         the network of Krizhevsky, Sutskever, Hinton (2012)
    graph = alexnet("small", 20)     the same for 64 x 64 pictures and 20 classes

Several networks are called AlexNet, and few of them are the same:

    paper      the NIPS paper of 2012, as it is written
    code2012   what was really run to get the paper's results
    caffe      Caffe's replication (BVLC), whose biases start at 0.1
    caffenet   Caffe's second network, which pools before it normalises
    owt        "One weird trick" (2014), one column; the AlexNet of torchvision
    column     the paper's control: what one column can do by itself
    small      for pictures of 64 x 64, to be trained on a laptop

Each is a list below, to be read from top to bottom: one line per layer, and beside it
the shape of its output (channels x height x width). No line says how large its input
is; `alexnet` walks down the list and finds out.

    python -m npalexnet.summary --variant all        shows them side by side
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.layers.layer import Shape
from npalexnet.net.blueprint import (
    Act,
    Conv,
    Drop,
    Flat,
    Full,
    MapNorm,
    Named,
    Norm,
    Pool,
    Variant,
    build_graph,
    switches,
    with_switches,
)
from npalexnet.net.graph import Graph
from npalexnet.system.names import did_you_mean

# NIPS 2012, as written: section 3.5 and Fig. 2; starting weights and biases section 5.
# The text says 224 pixels; 55 positions at stride 4 need 227. "Equal learning rate for
# all layers": biases learn and decay like weights.
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
    mean=(127.3, 119.7, 104.9),  # from the code of 2012; Caffe's differs
    std=1,
    measured="picture",
)

# What was run in 2012, according to the code that was released in 2025 (github.com/
# computerhistory/AlexNet-Source-Code): layers/layers-145.cfg, and layer-params-145.cfg,
# whose log has the errors that the paper reports for one network. The two columns a and
# b, one on each GPU, are two groups here. It is not quite what the paper says:
#   - pictures of 224 x 224, and windows that reach over the right and the lower edge:
#     three more rows and columns, of zeros, give the same 55 positions;
#   - in layer 1, LRN comes before ReLU, and ReLU after pooling (in layer 5, too: to
#     swap pooling and ReLU changes nothing, to swap LRN and ReLU does);
#   - LRN does not see the other column, and its alpha is divided by its size;
#   - the second LRN is followed by same-map normalisation (cnorm2 there);
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
# it keeps, and its pictures are BGR: so `npalexnet.load` doubles the trained weights of
# fc7 and fc8, and reverses the input channels of conv1.
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

# Caffe's second network: models/bvlc_reference_caffenet/train_val.prototxt. It pools
# before it normalises, so LRN has a quarter of the work; and its biases start at 1.
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
# ±1/√inputs, PyTorch's default. Its dropout, too, doubles what it keeps, so
# `npalexnet.load` doubles the trained weights of fc6 and fc7.
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
# its top-1 error is 1.7 points higher): one column, but with conv5 and the fully
# connected layers as wide as in both columns together, or it would have half the
# parameters. Read it beside PAPER. As in the paper's own run of it (layers-145-half.cfg
# in the code of 2012), biases learn twice as fast and do not decay.
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
# The paper's starting weights, std 0.01 everywhere, do not learn here. With its ReLU, a
# layer multiplies the size of the signal by about std · √(inputs of a unit / 2). The
# paper's conv2 to fc7 have 1200 to 9216 inputs, a factor of 0.24 to 0.68, and their
# signal starts out large, as pixels of ±60 grey levels. Here conv1 to fc7 have 75 to
# 1152 inputs, a factor of 0.06 to 0.24: after seven layers a few millionths are left,
# and the loss stays flat at ln(classes).
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
    input_shape: Shape | None = None,
    dtype: npt.DTypeLike = np.float32,
    algorithm: str = "auto",
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
            them apart; None keeps the variant's own.
        dropout: rate of every dropout layer; 0 leaves them out; None keeps the
            variant's own.
        activation: "relu" or "tanh".
        lrn_groups: response normalisation looks only inside each of this many groups of
            maps, 2 for the columns of two GPUs; None keeps the variant's own.
        input_shape: of one image, (C, H, W), C 1 for grey pictures; None keeps the
            variant's own. A network of other layers: `build`.
        dtype: float32, or float64 for checks.
        algorithm: how convolutions are done: "auto", each in the faster way; "sum", as
            the paper says; "winograd", with the fewest multiplications. All three are
            the same up to rounding; see layers/winograd.py.

    Raises:
        ValueError: an unknown variant or activation, a switch that changes nothing, or
            an input of which too little is left for some layer; says which.
    """
    chosen = {
        "lrn": lrn,
        "overlap": overlap,
        "groups": groups,
        "dropout": dropout,
        "activation": activation,
        "lrn_groups": lrn_groups,
    }
    found, layers = described(variant, **chosen)
    graph = build_graph(found, layers, classes, seed, dtype, input_shape, algorithm)
    graph.about = {"variant": variant, **chosen}
    return graph


SWITCHES: dict[str, Any] = {
    "lrn": True,
    "overlap": True,
    "groups": None,
    "dropout": None,
    "activation": "relu",
    "lrn_groups": None,
}


def described(variant: str, **chosen: Any) -> tuple[Variant, list[Named]]:
    """A variant by its name, and its layers with the switches of `alexnet` applied.

    Raises:
        ValueError: an unknown variant, or a switch that changes nothing in it.
    """
    if variant not in VARIANTS:
        raise ValueError(
            f"unknown variant {variant!r}; there are: {', '.join(VARIANTS)}"
            + did_you_mean(str(variant), VARIANTS)
            + did_you_mean(variant, VARIANTS)
        )
    found = VARIANTS[variant]
    return found, with_switches(variant, found.layers, switches(**chosen))


def outline(
    variant: str,
    classes: int = 1000,
    dtype: npt.DTypeLike = np.float32,
    **chosen: Any,
) -> Graph:
    """The same network with all weights zero: every shape and count, in no time.

    `chosen` are the switches of `alexnet`.
    """
    found, layers = described(variant, **chosen)
    blank = [
        (name, replace(d, std=0.0) if isinstance(d, Conv | Full) else d)
        for name, d in layers
    ]
    graph = build_graph(found, blank, classes, dtype=dtype)
    graph.about = {"variant": variant, **SWITCHES, **chosen}
    return graph
