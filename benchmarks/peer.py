"""The same networks in PyTorch, to be measured beside ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from npalexnet import layers as L
from npalexnet.net.graph import Graph

Array = np.ndarray[Any, Any]


def torch_layer(layer: Any) -> nn.Module:
    """PyTorch's layer for one of ours, with the same weights."""
    module: nn.Module
    if isinstance(layer, L.Conv2d):
        module = nn.Conv2d(
            layer.in_channels,
            layer.filters,
            layer.kernel,
            layer.stride,
            layer.pad,
            groups=layer.groups,
        )
    elif isinstance(layer, L.Linear):
        module = nn.Linear(layer.inputs, layer.units)
    elif isinstance(layer, L.LRN):
        alpha = layer.alpha * layer.size  # PyTorch divides by the size
        module = nn.LocalResponseNorm(layer.size, alpha, layer.beta, layer.k)
    elif isinstance(layer, L.MaxPool):
        module = nn.MaxPool2d(layer.kernel, layer.stride)
    elif isinstance(layer, L.Dropout):
        module = nn.Dropout(layer.rate)
    else:
        module = {L.ReLU: nn.ReLU, L.Tanh: nn.Tanh, L.Flatten: nn.Flatten}[
            type(layer)
        ]()
    with torch.no_grad():
        for name, param in zip(("weight", "bias"), layer.params.values(), strict=False):
            getattr(module, name).copy_(torch.from_numpy(param.data))
    return module


def build(graph: Graph) -> nn.Sequential:
    """The whole network."""
    return nn.Sequential(*(torch_layer(layer) for layer in graph.layers.values()))


class Peer:
    """One way to run a network in PyTorch.

    Args:
        graph: ours, whose layers and weights are taken.
        x: input (N, 3, H, W), float32.
        labels: (N,).
        channels_last: PyTorch's other memory layout.
        compiled: run by torch.compile.
    """

    def __init__(
        self,
        graph: Graph,
        x: Array,
        labels: Array,
        channels_last: bool = False,
        compiled: bool = False,
    ) -> None:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = build(graph).to(memory_format=layout)
        self.x = torch.from_numpy(x).contiguous(memory_format=layout)
        self.labels = torch.from_numpy(labels)
        self.run: Callable[..., Any] = torch.compile(self.net) if compiled else self.net
        weights = [p for n, p in self.net.named_parameters() if n.endswith("weight")]
        biases = [p for n, p in self.net.named_parameters() if n.endswith("bias")]
        first = next(iter(graph.params.values()))
        bias = next(p for name, p in graph.params.items() if name.endswith(".b"))
        self.optimiser = torch.optim.SGD(
            [
                {"params": weights, "weight_decay": 5e-4 * first.decay},
                {
                    "params": biases,
                    "lr": 0.01 * bias.lr,
                    "weight_decay": 5e-4 * bias.decay,
                },
            ],
            lr=0.01,
            momentum=0.9,
        )

    def step(self) -> None:
        """One training step."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(self.run(self.x), self.labels)
        loss.backward()
        self.optimiser.step()

    def forward(self) -> None:
        """Forward alone, in test mode."""
        self.net.eval()
        with torch.inference_mode():
            self.run(self.x)
