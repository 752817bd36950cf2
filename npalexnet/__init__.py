"""npalexnet: AlexNet by hand, in NumPy. Start reading at npalexnet/alexnet.py."""

from npalexnet import layers
from npalexnet.alexnet import alexnet
from npalexnet.checkpoint import load, save
from npalexnet.graph import Graph
from npalexnet.loss import softmax_cross_entropy
from npalexnet.optim import SGD

__all__ = ["SGD", "Graph", "alexnet", "layers", "load", "save", "softmax_cross_entropy"]
