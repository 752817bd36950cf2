"""Write layers.npz and small.npz: expected values computed by PyTorch autograd.

All inputs come from seeded NumPy generators and all arithmetic is float64. The
project's tests read the two files and so need no PyTorch. Run this script again
only to change the cases; README.md names the version of PyTorch.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as fn
from formula import all_weights
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
Arrays = dict[str, Any]

HERE = Path(__file__).resolve().parent
POSITIONS = 20
ZERO_OR_NOT = 5


# The functions under test, written with PyTorch.


def conv2d(
    x: Tensor,
    w: Tensor,
    b: Tensor,
    stride: int = 1,
    pad: int | tuple[int, int] = 0,
    groups: int = 1,
) -> Tensor:
    """Convolve; `pad` is one number or (before, after) for both axes."""
    before, after = (pad, pad) if isinstance(pad, int) else pad
    padded = fn.pad(x, (before, after, before, after))
    return fn.conv2d(padded, w, b, stride=stride, groups=groups)


def maxpool(x: Tensor, kernel: int = 3, stride: int = 2) -> Tensor:
    """Max-pool without padding, output size rounded down."""
    return fn.max_pool2d(x, kernel, stride)


def lrn(
    x: Tensor,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
    groups: int = 1,
) -> Tensor:
    """Normalise across channels; `alpha` multiplies the plain sum of squares.

    PyTorch divides alpha by the size of the window, so it is given alpha * size.
    """
    parts = [
        fn.local_response_norm(part, size, alpha=alpha * size, beta=beta, k=k)
        for part in x.chunk(groups, dim=1)
    ]
    return torch.cat(parts, dim=1)


def samemap_norm(
    x: Tensor,
    size: int = 5,
    alpha: float = 4e-5,
    beta: float = 0.75,
    k: float = 1.0,
) -> Tensor:
    """Normalise within each map over a size x size window clipped to the map."""
    channels = x.shape[1]
    ones = torch.ones(channels, 1, size, size, dtype=x.dtype)
    sums = fn.conv2d(x * x, ones, padding=size // 2, groups=channels)
    return x / (k + alpha * sums) ** beta


# Plain NumPy loops: a second opinion on the conventions above.


def check_maxpool(arrays: Arrays, kernel: int = 3, stride: int = 2) -> None:
    """Compare y and dx with loops in which the first maximum of a window wins."""
    x, dy = arrays["x"], arrays["dy"]
    y = np.empty_like(dy)
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        rows = slice(i * stride, i * stride + kernel)
        cols = slice(j * stride, j * stride + kernel)
        window = x[n, c, rows, cols]
        p, q = np.unravel_index(np.argmax(window), window.shape)
        y[n, c, i, j] = window[p, q]
        dx[n, c, i * stride + p, j * stride + q] += dy[n, c, i, j]
    np.testing.assert_array_equal(arrays["y"], y)
    np.testing.assert_allclose(arrays["dx"], dx, rtol=0, atol=1e-14)


def check_lrn(
    arrays: Arrays,
    size: int = 5,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 2.0,
    groups: int = 1,
) -> None:
    """Compare y with the formula, one channel at a time."""
    x = arrays["x"]
    per_group = x.shape[1] // groups
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        first = c // per_group * per_group
        low = max(first, c - size // 2)
        high = min(first + per_group, c + size // 2 + 1)
        total = (x[:, low:high] ** 2).sum(axis=1)
        y[:, c] = x[:, c] / (k + alpha * total) ** beta
    np.testing.assert_allclose(arrays["y"], y, rtol=1e-13)


def check_samemap_norm(
    arrays: Arrays,
    size: int = 5,
    alpha: float = 4e-5,
    beta: float = 0.75,
    k: float = 1.0,
) -> None:
    """Compare y with the formula, one place of the map at a time."""
    x = arrays["x"]
    half = size // 2
    y = np.empty_like(x)
    for i, j in np.ndindex(x.shape[2:]):
        rows = slice(max(0, i - half), i + half + 1)
        cols = slice(max(0, j - half), j + half + 1)
        total = (x[:, :, rows, cols] ** 2).sum(axis=(2, 3))
        y[:, :, i, j] = x[:, :, i, j] / (k + alpha * total) ** beta
    np.testing.assert_allclose(arrays["y"], y, rtol=1e-13)


# layers.npz


def case_rng(key: str) -> np.random.Generator:
    """Return a generator seeded by the name of a case."""
    return np.random.default_rng(list(key.encode()))


def run_case(
    forward: Callable[..., Tensor],
    inputs: Arrays,
    settings: dict[str, Any],
    rng: np.random.Generator,
) -> Arrays:
    """Run one case forward and backward; return inputs, dy, y and gradients."""
    tensors = {
        name: torch.tensor(value, requires_grad=True) for name, value in inputs.items()
    }
    y = forward(*tensors.values(), **settings)
    dy = rng.standard_normal(tuple(y.shape))
    torch.autograd.backward(y, torch.tensor(dy))
    arrays = dict(inputs)
    arrays["dy"] = dy
    arrays["y"] = y.detach().numpy()
    for name, tensor in tensors.items():
        assert tensor.grad is not None
        arrays[f"d{name}"] = tensor.grad.numpy()
    return arrays


def store(
    out: Arrays, key: str, arrays: Arrays, settings: dict[str, Any] | None = None
) -> None:
    """Put one case into `out`, with its settings as a JSON string."""
    for name, value in arrays.items():
        out[f"{key}/{name}"] = value
    out[f"{key}/settings"] = np.array(json.dumps(settings or {}, sort_keys=True))


def conv_cases(out: Arrays) -> None:
    """Add the convolution cases: case, shape of x, filters, kernel, settings."""
    cases: list[tuple[str, tuple[int, ...], int, int, dict[str, Any]]] = [
        ("plain_k3", (2, 3, 7, 5), 4, 3, {}),
        ("k1", (2, 5, 4, 6), 3, 1, {}),
        ("k1_stride2", (1, 3, 6, 5), 4, 1, {"stride": 2}),
        ("k3_pad1", (3, 2, 5, 8), 5, 3, {"pad": 1}),
        ("k3_stride2_untiled", (2, 2, 8, 6), 3, 3, {"stride": 2}),
        ("k5_pad2_groups2", (2, 4, 6, 9), 6, 5, {"pad": 2, "groups": 2}),
        ("k5_stride2_pad1", (2, 3, 12, 10), 4, 5, {"stride": 2, "pad": 1}),
        (
            "k3_stride3_pad2_groups3",
            (2, 6, 9, 7),
            3,
            3,
            {"stride": 3, "pad": 2, "groups": 3},
        ),
        ("k3_pad1_groups4", (1, 4, 5, 6), 8, 3, {"pad": 1, "groups": 4}),
        ("k11_stride4_pad03", (1, 3, 24, 20), 4, 11, {"stride": 4, "pad": (0, 3)}),
        (
            "k5_stride2_pad21_groups2",
            (2, 4, 7, 8),
            4,
            5,
            {"stride": 2, "pad": (2, 1), "groups": 2},
        ),
        ("k5_one_output", (1, 2, 5, 5), 3, 5, {}),
    ]
    for case, shape, filters, kernel, settings in cases:
        key = f"conv2d/{case}"
        rng = case_rng(key)
        depth = shape[1] // settings.get("groups", 1)
        inputs = {
            "x": rng.standard_normal(shape),
            "w": rng.standard_normal((filters, depth, kernel, kernel)),
            "b": rng.standard_normal(filters),
        }
        store(out, key, run_case(conv2d, inputs, settings, rng), settings)


def pool_input(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return an input for max-pooling of the named kind."""
    if kind == "integers":
        return rng.integers(-1, 3, shape).astype(np.float64)
    if kind == "negative":
        return -1.0 - rng.random(shape)
    x = rng.standard_normal(shape)
    if kind == "constant":
        x[:, 0] = 0.0
        x[:, 1:, : shape[2] // 2 + 1, 1:] = 1.5
        x[-1, -1] = -2.0
    return x


def pool_cases(out: Arrays) -> None:
    """Add the max-pool cases; ties go to the first maximum in row-major order."""
    cases: list[tuple[str, str, tuple[int, ...], dict[str, Any]]] = [
        ("default_3_2", "normal", (2, 3, 7, 9), {}),
        ("k3_s2_untiled", "normal", (1, 2, 8, 6), {"kernel": 3, "stride": 2}),
        ("k2_s2_untiled", "normal", (2, 2, 5, 6), {"kernel": 2, "stride": 2}),
        ("k3_s1", "normal", (2, 2, 6, 5), {"kernel": 3, "stride": 1}),
        ("k3_s2_negative", "negative", (1, 3, 6, 7), {"kernel": 3, "stride": 2}),
        ("k3_s2_ties", "integers", (2, 3, 9, 7), {"kernel": 3, "stride": 2}),
        ("k3_s1_ties", "integers", (1, 2, 6, 7), {"kernel": 3, "stride": 1}),
        ("k2_s2_ties", "integers", (2, 2, 6, 5), {"kernel": 2, "stride": 2}),
        ("k3_s2_constant", "constant", (2, 3, 8, 7), {"kernel": 3, "stride": 2}),
        ("k3_s2_one_output", "normal", (1, 2, 3, 4), {"kernel": 3, "stride": 2}),
    ]
    for case, kind, shape, settings in cases:
        key = f"maxpool/{case}"
        rng = case_rng(key)
        inputs = {"x": pool_input(kind, shape, rng)}
        arrays = run_case(maxpool, inputs, settings, rng)
        check_maxpool(arrays, **settings)
        store(out, key, arrays, settings)


def lrn_cases(out: Arrays) -> None:
    """Add the cases of normalisation across channels: case, shape, settings."""
    cases: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("default", (2, 8, 3, 4), {}),
        ("alpha03", (2, 9, 3, 2), {"alpha": 0.3}),
        ("alpha03_k1_size3", (1, 7, 4, 3), {"alpha": 0.3, "k": 1.0, "size": 3}),
        ("alpha03_groups2", (2, 8, 2, 3), {"alpha": 0.3, "groups": 2}),
        (
            "alpha03_k1_size3_groups2",
            (1, 6, 3, 4),
            {"alpha": 0.3, "k": 1.0, "size": 3, "groups": 2},
        ),
        ("alpha03_few_channels", (2, 3, 2, 4), {"alpha": 0.3}),
        ("alpha03_few_channels_groups2", (1, 4, 3, 2), {"alpha": 0.3, "groups": 2}),
        ("alpha03_one_channel", (2, 1, 3, 2), {"alpha": 0.3}),
        ("alpha03_beta05", (1, 6, 2, 3), {"alpha": 0.3, "beta": 0.5}),
    ]
    for case, shape, settings in cases:
        key = f"lrn/{case}"
        rng = case_rng(key)
        arrays = run_case(lrn, {"x": rng.standard_normal(shape)}, settings, rng)
        check_lrn(arrays, **settings)
        store(out, key, arrays, settings)


def samemap_cases(out: Arrays) -> None:
    """Add the cases of normalisation within a map: case, shape, settings."""
    cases: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
        ("default", (2, 3, 6, 8), {}),
        ("alpha03", (2, 2, 7, 6), {"alpha": 0.3}),
        ("alpha03_k2_size3", (1, 3, 5, 7), {"alpha": 0.3, "k": 2.0, "size": 3}),
        ("alpha03_small_map", (2, 2, 3, 2), {"alpha": 0.3}),
        ("alpha03_one_place", (1, 3, 1, 1), {"alpha": 0.3, "beta": 0.5}),
    ]
    for case, shape, settings in cases:
        key = f"samemap_norm/{case}"
        rng = case_rng(key)
        x = rng.standard_normal(shape)
        arrays = run_case(samemap_norm, {"x": x}, settings, rng)
        check_samemap_norm(arrays, **settings)
        store(out, key, arrays, settings)


def simple_cases(out: Arrays) -> None:
    """Add the cases of relu, tanh, linear and softmax_cross_entropy."""
    functions: list[tuple[str, Callable[..., Tensor]]] = [
        ("relu", torch.relu),
        ("tanh", torch.tanh),
    ]
    for layer, function in functions:
        for case, shape, scale in [
            ("maps", (2, 3, 4, 5), 1.0),
            ("rows", (1, 17), 3.0),
            ("with_zeros", (3, 8), 1.0),
        ]:
            key = f"{layer}/{case}"
            rng = case_rng(key)
            x = scale * rng.standard_normal(shape)
            if case == "with_zeros":
                x[:, ::3] = 0.0
            store(out, key, run_case(function, {"x": x}, {}, rng))

    for case, n, m, d in [
        ("wide", 3, 7, 5),
        ("one_row", 1, 4, 6),
        ("one_out", 4, 1, 3),
    ]:
        key = f"linear/{case}"
        rng = case_rng(key)
        inputs = {
            "x": rng.standard_normal((n, d)),
            "w": rng.standard_normal((m, d)),
            "b": rng.standard_normal(m),
        }
        store(out, key, run_case(fn.linear, inputs, {}, rng))

    for case, n, classes, scale, shift in [
        ("plain", 5, 7, 2.0, 0.0),
        ("one_row", 1, 10, 1.0, 0.0),
        ("large_logits", 4, 6, 400.0, 1000.0),
        ("very_negative", 3, 5, 2.0, -1000.0),
    ]:
        key = f"softmax_cross_entropy/{case}"
        rng = case_rng(key)
        logits = scale * rng.standard_normal((n, classes)) + shift
        labels = rng.integers(0, classes, n)
        tensor = torch.tensor(logits, requires_grad=True)
        loss = fn.cross_entropy(tensor, torch.tensor(labels))
        torch.autograd.backward(loss)
        assert tensor.grad is not None
        arrays = {
            "x": logits,
            "labels": labels,
            "y": loss.detach().numpy(),
            "dx": tensor.grad.numpy(),
        }
        store(out, key, arrays)


def make_layers() -> Arrays:
    """Return the contents of layers.npz."""
    out: Arrays = {}
    conv_cases(out)
    pool_cases(out)
    lrn_cases(out)
    samemap_cases(out)
    simple_cases(out)
    return out


# small.npz


def small_forward(x: Tensor, p: dict[str, Tensor]) -> dict[str, Tensor]:
    """Run `small` without dropout; return the output of each layer, by name."""
    acts: dict[str, Tensor] = {}
    h = x

    def keep(name: str, value: Tensor) -> Tensor:
        acts[name] = value
        return value

    h = keep("conv1", conv2d(h, p["conv1.w"], p["conv1.b"], stride=2, pad=1))
    h = keep("relu1", torch.relu(h))
    h = keep("norm1", lrn(h, size=5, alpha=1e-4, beta=0.75, k=2.0))
    h = keep("pool1", maxpool(h, kernel=3, stride=2))
    h = keep("conv2", conv2d(h, p["conv2.w"], p["conv2.b"], pad=2, groups=2))
    h = keep("relu2", torch.relu(h))
    h = keep("norm2", lrn(h, size=5, alpha=1e-4, beta=0.75, k=2.0))
    h = keep("pool2", maxpool(h, kernel=3, stride=2))
    h = keep("conv3", conv2d(h, p["conv3.w"], p["conv3.b"], pad=1))
    h = keep("relu3", torch.relu(h))
    h = keep("conv4", conv2d(h, p["conv4.w"], p["conv4.b"], pad=1, groups=2))
    h = keep("relu4", torch.relu(h))
    h = keep("conv5", conv2d(h, p["conv5.w"], p["conv5.b"], pad=1, groups=2))
    h = keep("relu5", torch.relu(h))
    h = keep("pool5", maxpool(h, kernel=3, stride=2))
    h = keep("flatten", h.flatten(1))
    h = keep("fc6", fn.linear(h, p["fc6.w"], p["fc6.b"]))
    h = keep("relu6", torch.relu(h))
    h = keep("fc7", fn.linear(h, p["fc7.w"], p["fc7.b"]))
    h = keep("relu7", torch.relu(h))
    keep("fc8", fn.linear(h, p["fc8.w"], p["fc8.b"]))
    return acts


def fingerprint(out: Arrays, key: str, gradient: Array) -> None:
    """Store the norm of a gradient and its values at fixed flat positions.

    Dead units make many gradients exactly zero, so all the positions but
    ZERO_OR_NOT are drawn from the values that are not zero.
    """
    rng = case_rng(key)
    flat = gradient.ravel()
    alive = np.flatnonzero(flat)
    drawn = rng.choice(alive, min(POSITIONS - ZERO_OR_NOT, alive.size), replace=False)
    rest = np.setdiff1d(np.arange(flat.size), drawn)
    others = rng.choice(rest, min(POSITIONS - drawn.size, rest.size), replace=False)
    positions = np.sort(np.concatenate([drawn, others])).astype(np.int64)
    out[f"{key}/norm"] = np.array(np.linalg.norm(flat))
    out[f"{key}/positions"] = positions
    out[f"{key}/values"] = flat[positions]


def make_small() -> Arrays:
    """Return the contents of small.npz."""
    rng = case_rng("small")
    x = rng.standard_normal((3, 3, 56, 56))
    labels = rng.integers(0, 10, 3)
    params = {
        name: torch.tensor(value, requires_grad=True)
        for name, value in all_weights().items()
    }
    assert sum(p.numel() for p in params.values()) == 2_163_914
    images = torch.tensor(x, requires_grad=True)
    acts = small_forward(images, params)
    loss = fn.cross_entropy(acts["fc8"], torch.tensor(labels))
    torch.autograd.backward(loss)

    out: Arrays = {
        "x": x,
        "labels": labels,
        "logits": acts["fc8"].detach().numpy(),
        "loss": loss.detach().numpy(),
    }
    for name, value in acts.items():
        out[f"shape/{name}"] = np.array(value.shape, dtype=np.int64)
        out[f"mean/{name}"] = np.array(value.detach().numpy().mean())
        out[f"rms/{name}"] = np.array(np.sqrt((value.detach().numpy() ** 2).mean()))
    for name, tensor in [*params.items(), ("x", images)]:
        assert tensor.grad is not None
        key = "dx" if name == "x" else f"grad/{name}"
        fingerprint(out, key, tensor.grad.numpy())
    return out


def main() -> None:
    """Write both files beside this script."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, arrays in [("layers", make_layers()), ("small", make_small())]:
        path = HERE / f"{name}.npz"
        np.savez_compressed(path, **arrays)
        print(f"{path.name}: {len(arrays)} arrays, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
