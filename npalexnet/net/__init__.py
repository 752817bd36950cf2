"""A network: how it is written down, run forward and backward, trained and inspected.

In here: the chain of layers (graph), how it is run (engine, threads), a layer on paper
(blueprint, own), loss, update rule and the training step, and numbers about a network
(table, comparison, inside). Not in here: the mathematics of a layer (layers/), files of
weights (weights/), figures (figures/).
"""

from npalexnet.net.engine import Engine
from npalexnet.net.graph import Graph, chain_backward, chain_forward
from npalexnet.net.loss import in_top_k, log_softmax, softmax, softmax_cross_entropy
from npalexnet.net.optim import SGD, ReduceLROnPlateau, sgd_update, step_decay
from npalexnet.net.step import train_step
from npalexnet.net.threads import get_threads, set_threads

__all__ = [
    "SGD",
    "Engine",
    "Graph",
    "ReduceLROnPlateau",
    "chain_backward",
    "chain_forward",
    "get_threads",
    "in_top_k",
    "log_softmax",
    "set_threads",
    "sgd_update",
    "softmax",
    "softmax_cross_entropy",
    "step_decay",
    "train_step",
]
