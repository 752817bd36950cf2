"""npalexnet: AlexNet by hand, in NumPy. Start reading at npalexnet/alexnet.py."""

# ruff: noqa: E402 (what happens on Ctrl-C is said before the long imports)

from __future__ import annotations

from npalexnet.system.signals import end_quietly

end_quietly()

# isort: split
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from npalexnet import datasets, layers
from npalexnet.alexnet import alexnet
from npalexnet.net.blueprint import (
    Act,
    Conv,
    Drop,
    Flat,
    Full,
    MapNorm,
    Norm,
    Pool,
)
from npalexnet.net.graph import Graph
from npalexnet.net.loss import softmax_cross_entropy
from npalexnet.net.optim import SGD
from npalexnet.net.own import build
from npalexnet.net.step import train_step
from npalexnet.weights import load, save

if TYPE_CHECKING:
    from npalexnet.training.fit import fit

__all__ = [
    "SGD",
    "Act",
    "Conv",
    "Drop",
    "Flat",
    "Full",
    "Graph",
    "MapNorm",
    "Norm",
    "Pool",
    "__version__",
    "alexnet",
    "build",
    "datasets",
    "figures",
    "fit",
    "layers",
    "load",
    "save",
    "softmax_cross_entropy",
    "train_step",
]

__version__ = version("npalexnet")


def __getattr__(name: str) -> Any:
    """What takes long to import is imported when it is first asked for."""
    if name == "figures":
        return import_module("npalexnet.figures")
    if name == "fit":
        return import_module("npalexnet.training.fit").fit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
