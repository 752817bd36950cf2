"""Networks side by side, in text: how the variants called AlexNet differ."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from npalexnet.net.blueprint import PAPER_STD, Drop, Norm, Variant
from npalexnet.net.graph import Graph
from npalexnet.net.table import times, total
from npalexnet.system.machine import bytes_text

LEGEND = """\
Below each layer that learns are the layers that follow it, in order; norm is local
response normalisation (LRN), samemap is same-map normalisation, drop is dropout.
96@11/4 g2: 96 filters of 11 x 11 with stride 4, in 2 separate groups.
he: std √(2/inputs of a unit); uniform: weights and biases uniform in ±1/√inputs.
memory: what training with a batch of {batch} needs."""


def comparison(
    variants: Mapping[str, Variant], graphs: Mapping[str, Graph], batch: int = 128
) -> str:
    """Variants side by side: a label of 15 characters, then 12 for each variant.

    Args:
        variants: by name.
        graphs: the network of each.
        batch: images in a training step; the memory depends on it.
    """
    lists = [dict(variant.layers) for variant in variants.values()]
    networks = [graphs[name] for name in variants]
    learned = [name for name, layer in networks[0].layers.items() if layer.params]
    rows: list[tuple[Any, ...]] = [("", *variants)]
    rows.append(("input", *(times(graph.input_shape[1:]) for graph in networks)))
    for name in learned:
        rows.append(())
        rows += _one_layer(name, lists, networks)
    rows.append(())
    rows += [
        ("LRN size, k", *_of_first(lists, Norm, "{0.size}, {0.k:g}")),
        ("    alpha", *_of_first(lists, Norm, "{0.alpha:g}")),
        ("    beta", *_of_first(lists, Norm, "{0.beta:g}")),
        ("    groups", *_of_first(lists, Norm, "{0.groups}")),
        ("dropout", *_of_first(lists, Drop, "{0.rate:g}")),
        (),
        ("starting std of the weights, and starting bias",),
    ]
    rows += [(f"    {name}", *(_start(v[name]) for v in lists)) for name in learned]
    rows.append(())
    costs = [total(graph.costs().values()) for graph in networks]
    memory = [sum(graph.memory(batch).values()) for graph in networks]
    rows += [
        ("biases learn x", *(f"{v.bias_lr:g}" for v in variants.values())),
        ("biases decay x", *(f"{v.bias_decay:g}" for v in variants.values())),
        ("parameters", *(f"{cost.parameters:,}" for cost in costs)),
        ("multiply-adds", *(f"{cost.multiply_adds:,}" for cost in costs)),
        ("memory", *(bytes_text(count) for count in memory)),
    ]
    lines = [_line(*row) for row in rows]
    return "\n".join([*lines, "", LEGEND.format(batch=batch)])


def _line(label: str = "", *cells: object) -> str:
    """A row of the table."""
    text = "".join(f"{cell!s:<12}" for cell in cells)
    return f"{label:<15}{text}".rstrip()


def _one_layer(
    name: str, lists: list[dict[str, Any]], networks: list[Graph]
) -> list[tuple[str, ...]]:
    """The rows of a layer that learns: its size, its padding, and what follows it."""
    units = [graph.output_shapes[name][0] for graph in networks]
    sizes = (_size(v[name], count) for v, count in zip(lists, units, strict=True))
    rows: list[tuple[str, ...]] = [(name, *sizes)]
    if name == "conv1":
        rows.append(("  padding", *(str(v[name].pad).strip("()") for v in lists)))
    for followers in zip_longest(*(_after(v, name) for v in lists), fillvalue=""):
        rows.append(("", *(f"  {follower}" for follower in followers)))
    return rows


def _of_first(lists: list[dict[str, Any]], kind: type, text: str) -> list[str]:
    """What `text` says of the first description of this kind, in each variant."""
    found = (next((d for d in v.values() if type(d) is kind), None) for v in lists)
    return ["" if d is None else text.format(d) for d in found]


def _size(d: Any, units: int) -> str:
    """The size of a learned layer in a few characters: 96@11/4 g2, or 4096."""
    if hasattr(d, "units"):
        return str(units)
    stride = f"/{d.stride}" if d.stride > 1 else ""
    groups = f" g{d.groups}" if d.groups > 1 else ""
    return f"{d.filters}@{d.kernel}{stride}{groups}"


def _start(d: Any) -> str:
    std = PAPER_STD if d.std is None else d.std
    return "uniform" if std == "uniform" else f"{std}, {d.bias:g}"


def _after(described: dict[str, Any], name: str) -> list[str]:
    """The layers between this learned layer and the next one."""
    names = list(described)
    after = names[names.index(name) + 1 :]
    learned = (i for i, n in enumerate(after) if hasattr(described[n], "std"))
    return [n for n in after[: next(learned, None)] if n != "flatten"]
