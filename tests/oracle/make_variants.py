"""Write variants.npz: what PyTorch says of the large networks of alexnet.py.

Each network is written down again here from its source, with PyTorch's own modules and
names of layers as in npalexnet, so that a mistake in one list is not made in the other.
Weights and pictures come from formula.py. Dropout is as at test time: it halves. All
arithmetic is float64. README.md says what is in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as fn
from formula import norm_and_slope, parameter, pixels
from make_oracle import POSITIONS, case_rng
from torch import Tensor, nn

Arrays = dict[str, Any]
Layers = list[tuple[str, nn.Module]]

HERE = Path(__file__).resolve().parent
LABELS = (3, 700)


class Halve(nn.Module):
    """The paper's dropout at test time."""

    def forward(self, x: Tensor) -> Tensor:
        return x / 2


class ColumnNorm(nn.Module):
    """cmrnorm of cuda-convnet, once for each half of the maps."""

    def forward(self, x: Tensor) -> Tensor:
        halves = x.chunk(2, dim=1)
        done = [fn.local_response_norm(h, 5, 1e-4, 0.75, 2.0) for h in halves]
        return torch.cat(done, dim=1)


class SquareNorm(nn.Module):
    """rnorm of cuda-convnet: over squares of 5 x 5 in each map, scale 0.001 / 25."""

    def forward(self, x: Tensor) -> Tensor:
        # the mean over 25 places, zeros beyond the edge counted as places
        mean = fn.avg_pool2d(x * x, 5, stride=1, padding=2, count_include_pad=True)
        return x * (1 + 0.001 * mean) ** -0.75


def paper_norm() -> nn.Module:
    """PyTorch divides alpha by the size of the window; the paper does not."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def caffe_norm() -> nn.Module:
    """Caffe divides alpha by the size of the window, as PyTorch does."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


def pool() -> nn.Module:
    """Max-pool, windows of 3, 2 apart."""
    return nn.MaxPool2d(3, 2)


def classifier() -> Layers:
    """Return the fully connected layers of all networks but owt."""
    return [
        ("flatten", nn.Flatten()),
        ("fc6", nn.Linear(9216, 4096)),
        ("relu6", nn.ReLU()),
        ("drop6", Halve()),
        ("fc7", nn.Linear(4096, 4096)),
        ("relu7", nn.ReLU()),
        ("drop7", Halve()),
        ("fc8", nn.Linear(4096, 1000)),
    ]


def paper() -> Layers:
    """NIPS 2012, section 3.5."""
    return [
        ("conv1", nn.Conv2d(3, 96, 11, stride=4)),
        ("relu1", nn.ReLU()),
        ("norm1", paper_norm()),
        ("pool1", pool()),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        ("norm2", paper_norm()),
        ("pool2", pool()),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=2)),
        ("relu5", nn.ReLU()),
        ("pool5", pool()),
        *classifier(),
    ]


def code2012() -> Layers:
    """layers-145.cfg and layer-params-145.cfg of the code released in 2025."""
    return [
        ("edge", nn.ZeroPad2d((0, 3, 0, 3))),  # left, right, top, bottom
        ("conv1", nn.Conv2d(3, 96, 11, stride=4)),
        ("norm1", ColumnNorm()),
        ("pool1", pool()),
        ("relu1", nn.ReLU()),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        ("norm2", ColumnNorm()),
        ("samemap2", SquareNorm()),
        ("pool2", pool()),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=2)),
        ("pool5", pool()),
        ("relu5", nn.ReLU()),
        *classifier(),
    ]


def caffe() -> Layers:
    """models/bvlc_alexnet/train_val.prototxt of Caffe."""
    return [
        ("conv1", nn.Conv2d(3, 96, 11, stride=4)),
        ("relu1", nn.ReLU()),
        ("norm1", caffe_norm()),
        ("pool1", pool()),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        ("norm2", caffe_norm()),
        ("pool2", pool()),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=2)),
        ("relu5", nn.ReLU()),
        ("pool5", pool()),
        *classifier(),
    ]


def caffenet() -> Layers:
    """models/bvlc_reference_caffenet/train_val.prototxt of Caffe."""
    return [
        ("conv1", nn.Conv2d(3, 96, 11, stride=4)),
        ("relu1", nn.ReLU()),
        ("pool1", pool()),
        ("norm1", caffe_norm()),
        ("conv2", nn.Conv2d(96, 256, 5, padding=2, groups=2)),
        ("relu2", nn.ReLU()),
        ("pool2", pool()),
        ("norm2", caffe_norm()),
        ("conv3", nn.Conv2d(256, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 384, 3, padding=1, groups=2)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(384, 256, 3, padding=1, groups=2)),
        ("relu5", nn.ReLU()),
        ("pool5", pool()),
        *classifier(),
    ]


def owt() -> Layers:
    """torchvision/models/alexnet.py: its features, then its classifier."""
    return [
        ("conv1", nn.Conv2d(3, 64, 11, stride=4, padding=2)),
        ("relu1", nn.ReLU()),
        ("pool1", pool()),
        ("conv2", nn.Conv2d(64, 192, 5, padding=2)),
        ("relu2", nn.ReLU()),
        ("pool2", pool()),
        ("conv3", nn.Conv2d(192, 384, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(384, 256, 3, padding=1)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(256, 256, 3, padding=1)),
        ("relu5", nn.ReLU()),
        ("pool5", pool()),
        ("flatten", nn.Flatten()),
        ("drop6", Halve()),
        ("fc6", nn.Linear(256 * 6 * 6, 4096)),
        ("relu6", nn.ReLU()),
        ("drop7", Halve()),
        ("fc7", nn.Linear(4096, 4096)),
        ("relu7", nn.ReLU()),
        ("fc8", nn.Linear(4096, 1000)),
    ]


def column() -> Layers:
    """NIPS 2012, section 3.2 and its footnote: half of the kernels, on one GPU."""
    return [
        ("conv1", nn.Conv2d(3, 48, 11, stride=4)),
        ("relu1", nn.ReLU()),
        ("norm1", paper_norm()),
        ("pool1", pool()),
        ("conv2", nn.Conv2d(48, 128, 5, padding=2)),
        ("relu2", nn.ReLU()),
        ("norm2", paper_norm()),
        ("pool2", pool()),
        ("conv3", nn.Conv2d(128, 192, 3, padding=1)),
        ("relu3", nn.ReLU()),
        ("conv4", nn.Conv2d(192, 192, 3, padding=1)),
        ("relu4", nn.ReLU()),
        ("conv5", nn.Conv2d(192, 256, 3, padding=1)),
        ("relu5", nn.ReLU()),
        ("pool5", pool()),
        *classifier(),
    ]


NETWORKS = {
    "paper": (paper, 227),
    "code2012": (code2012, 224),
    "caffe": (caffe, 227),
    "caffenet": (caffenet, 227),
    "owt": (owt, 224),
    "column": (column, 227),
}


def predict_probabilities(layers: Layers, side: int) -> Arrays:
    """Run one network forward and backward; return what the test compares."""
    out: Arrays = {}
    for name, layer in layers:
        layer.double()
        for key, p in layer.named_parameters():
            values = parameter(f"{name}.{key[0]}", tuple(p.shape))
            p.data = torch.tensor(values, dtype=torch.float64)
    images = torch.tensor(pixels(side), dtype=torch.float64, requires_grad=True)
    x = images
    for name, layer in layers:
        x = layer(x)
        if name == "edge":
            continue
        said = x.detach().numpy()
        out[f"shape/{name}"] = np.array(said.shape)
        out[f"mean_rms/{name}"] = np.array([said.mean(), np.sqrt((said**2).mean())])
    loss = fn.cross_entropy(x, torch.tensor(LABELS))
    torch.autograd.backward(loss)
    out["logits"], out["loss"] = x.detach().numpy(), loss.detach().numpy()
    gradients = {"dx": images.grad}
    for name, layer in layers:
        for key, p in layer.named_parameters():
            gradients[f"{name}.{key[0]}"] = p.grad
    for name, gradient in gradients.items():
        assert gradient is not None
        g = gradient.numpy()
        drawn = case_rng(name).integers(0, g.size, 50 * POSITIONS)
        places = drawn[np.flatnonzero(g.ravel()[drawn])][:POSITIONS]
        assert len(places) == POSITIONS
        out[f"grad/{name}/places"] = places
        out[f"grad/{name}/values"] = g.ravel()[places]
        out[f"grad/{name}/norm_slope"] = np.array(norm_and_slope(name, g))
    return out


def main() -> None:
    """Write variants.npz beside this script."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    found: Arrays = {}
    for name, (make, side) in NETWORKS.items():
        layers = make()
        for key, array in predict_probabilities(layers, side).items():
            found[f"{name}/{key}"] = array
        parameters = sum(p.numel() for _, m in layers for p in m.parameters())
        print(f"{name}: {parameters:,} parameters, loss {found[f'{name}/loss']:.4f}")
    path = HERE / "variants.npz"
    np.savez_compressed(path, **found)
    print(f"{path.name}: {len(found)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
