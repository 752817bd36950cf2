"""The layers of AlexNet, one file each: the mathematics, and the machine.

Products of arrays carry a comment with the shapes, and between dashes the axes that
meet, which are multiplied and summed over:

    # (N, D) -d- (D, M) -> (N, M)
"""

from npalexnet.layers.conv import Conv2d, conv2d_backward, conv2d_forward
from npalexnet.layers.dropout import Dropout, dropout_backward, dropout_forward
from npalexnet.layers.flatten import Flatten
from npalexnet.layers.layer import Array, Layer, Param, Workspace
from npalexnet.layers.linear import Linear, linear_backward, linear_forward
from npalexnet.layers.lrn import LRN, lrn_backward, lrn_forward
from npalexnet.layers.pool import MaxPool, maxpool_backward, maxpool_forward
from npalexnet.layers.relu import ReLU, relu_backward, relu_forward
from npalexnet.layers.samemap import (
    SameMapNorm,
    samemap_norm_backward,
    samemap_norm_forward,
)
from npalexnet.layers.tanh import Tanh, tanh_backward, tanh_forward
from npalexnet.layers.windows import add_windows, windows
from npalexnet.layers.winograd import (
    winograd_backward,
    winograd_forward,
    winograd_matrices,
)

__all__ = [
    "LRN",
    "Array",
    "Conv2d",
    "Dropout",
    "Flatten",
    "Layer",
    "Linear",
    "MaxPool",
    "Param",
    "ReLU",
    "SameMapNorm",
    "Tanh",
    "Workspace",
    "add_windows",
    "conv2d_backward",
    "conv2d_forward",
    "dropout_backward",
    "dropout_forward",
    "linear_backward",
    "linear_forward",
    "lrn_backward",
    "lrn_forward",
    "maxpool_backward",
    "maxpool_forward",
    "relu_backward",
    "relu_forward",
    "samemap_norm_backward",
    "samemap_norm_forward",
    "tanh_backward",
    "tanh_forward",
    "windows",
    "winograd_backward",
    "winograd_forward",
    "winograd_matrices",
]
