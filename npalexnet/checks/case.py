"""One derivative and how it is checked: the reference, its mutants, and the machine.

A mutant is a backward with a plausible mistake in it, which the check must see. The
machine of a layer (kernels and all) is checked as a one-layer graph in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from npalexnet.checks.instruments import (
    Backward,
    Forward,
    Method,
    central_differences,
    complex_step,
    small_differences,
)
from npalexnet.layers.layer import Array, Layer
from npalexnet.net.graph import Graph

Mutation = Callable[[Array, Any, Array], Array]  # (dy, cache, right one): wrong one


@dataclass(frozen=True)
class Case:
    """One check.

    Attributes:
        name: the layer, and "(kernel)" for the machine.
        says: in one sentence, what is compared.
        forward, backward: the pair.
        arrays: where it is checked, away from kinks.
        method: the instrument.
        tolerance: a larger relative error is a wrong derivative.
        mutants: array name to (the mistake, a backward that makes it).
    """

    name: str
    says: str
    forward: Forward
    backward: Backward
    arrays: Mapping[str, Array]
    method: Method = central_differences
    tolerance: float = 1e-10
    mutants: Mapping[str, tuple[str, Backward]] = field(default_factory=dict)


def machine(layer: Layer, arrays: Mapping[str, Array]) -> tuple[Forward, Backward]:
    """A layer's machine, in float64, as a pair of functions like its reference."""
    x = arrays["x"]
    graph = Graph({"layer": layer}, x.shape[1:], np.float64)

    def forward(*values: Array) -> tuple[Array, Any]:
        for (name, _), value in zip(arrays.items(), values, strict=True):
            if name != "x":
                graph.params[f"layer.{name}"].data = value
        rng = np.random.default_rng(0)
        return graph.forward(values[0], train=True, rng=rng), None

    def backward(dy: Array, cache: Any) -> tuple[Array, ...]:
        dx = graph.run_back(dy, need_dx=True).copy()
        others = (graph.params[f"layer.{name}"].grad for name in arrays if name != "x")
        return (dx, *(grad.copy() for grad in others))

    return forward, backward


def change(backward: Backward, index: int, how: Mutation) -> Backward:
    """A backward whose result number `index` is how(dy, cache, right result)."""

    def mutant(dy: Array, cache: Any) -> Any:
        right = backward(dy, cache)
        if not isinstance(right, tuple):
            return how(dy, cache, right)
        wrong = list(right)
        wrong[index] = how(dy, cache, right[index])
        return tuple(wrong)

    return mutant


def reference_and_machine(
    name: str,
    says: str,
    forward: Forward,
    backward: Backward,
    layer: Layer | None,
    arrays: Mapping[str, Array],
    mutants: Mapping[str, tuple[str, Mutation]],
    method: Method = central_differences,
) -> list[Case]:
    """The case of a reference with its mutants, and that of its layer, if it has one.

    Args:
        name: of the layer.
        says: in one sentence, what is compared.
        forward, backward: the reference.
        layer: the machine, with the same settings.
        arrays: where both are checked, away from kinks; "x" is the input, the others
            are parameters of the layer.
        mutants: array name to (the mistake, how the gradient comes out with it).
        method: the reference's instrument.
    """
    wrong = {
        array: (mistake, change(backward, list(arrays).index(array), how))
        for array, (mistake, how) in mutants.items()
    }
    reference = Case(name, says, forward, backward, arrays, method, mutants=wrong)
    if layer is None:
        return [reference]
    smooth = method is complex_step  # which kernels do not understand
    kernel = Case(
        f"{name} (kernel)",
        f"the same for the machine, {layer}",
        *machine(layer, arrays),
        arrays,
        small_differences if smooth else method,
        1e-7 if smooth else 1e-10,
    )
    return [reference, kernel]
