"""Networks of your own, in the language of alexnet.py: a list without input sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from npalexnet.layers.layer import Shape
from npalexnet.net.blueprint import (
    PAPER_STD,
    Conv,
    Description,
    Full,
    Named,
    make_layers,
)
from npalexnet.net.graph import Graph
from npalexnet.net.naming import numbered


def build(
    layers: Sequence[Description | Named],
    input_shape: Shape,
    classes: int,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float32,
    algorithm: str = "auto",
) -> Graph:
    """A network of your own, ready to learn: a list of layers without input sizes.

        build([Conv(32, 5, pad=2), Act(), Pool(), Flat(), Full(0)], (3, 32, 32), 10)

    Args:
        layers: first layer first, each a description, or (name, description). Without
            names each kind is counted from 1: conv1, act1, pool1, conv2.
        input_shape: of one image, (C, H, W); or (D,) for a row of numbers.
        classes: how many kinds of pictures to tell apart; `Full(0)` has as many units.
        seed: of the starting weights; each layer draws its own, from seed and name.
        dtype: float32, or float64 for checks.
        algorithm: of the convolutions; see layers/conv.py.

    Starting weights, unless a description says so itself, have He's standard deviation
    (see SMALL in alexnet.py for the reason), but for the last Full, which has 0.01.

    Raises:
        ValueError: a layer does not fit, two have one name, or the last one does not
            end in one number for each class.
    """
    described = with_names(layers)
    fulls = [name for name, d in described if isinstance(d, Full)]
    scaled: list[Named] = [
        (name, replace(d, std=PAPER_STD if name in fulls[-1:] else "he"))
        if isinstance(d, Conv | Full) and d.std is None
        else (name, d)
        for name, d in described
    ]
    made = make_layers(scaled, input_shape, classes, seed, algorithm)
    graph = Graph(made, input_shape, dtype)
    name, shape = list(graph.output_shapes.items())[-1]
    if shape != (classes,):
        raise ValueError(
            f"the last layer, {name}, ends in {shape}, and must end in ({classes},), a "
            f"number for each class: let the list end with Full(0)"
        )
    return graph


def with_names(layers: Sequence[Description | Named]) -> list[Named]:
    """A list of layers, of which some or all have no names yet, with names.

    Raises:
        ValueError: two layers have one name, or something else is in the list.
    """
    pairs = [each if isinstance(each, tuple) else ("", each) for each in layers]
    for place, pair in enumerate(pairs, 1):
        if len(pair) != 2 or not isinstance(pair[1], Description):
            raise ValueError(
                f"number {place} in the list of layers is {pair[-1]!r}; expected Conv, "
                "Full, Norm, MapNorm, Pool, Act, Drop or Flat, with its brackets"
            )
    kinds = numbered(type(d).__name__.lower() for _, d in pairs)
    named = [(name or usual, d) for (name, d), usual in zip(pairs, kinds, strict=True)]
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"two layers are called {twice}; give one another name")
    return named
