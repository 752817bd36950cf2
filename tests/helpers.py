"""Short words that the layer tests share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

from npalexnet.layers import Array, Layer
from npalexnet.layers.windows import Pad, pad_sides
from npalexnet.net.graph import Graph

TOLERANCE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}


def numbers(*shape: int, seed: int = 0) -> Array:
    """Standard normal numbers, the same ones every time."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def agree(found: Array, expected: Any, tolerance: float | None = None) -> None:
    """Same shape, and equal up to rounding relative to the LARGEST expected value.

    How much rounding is allowed follows from the dtype of what was found. What goes in
    has the size of 1; where large terms cancel, rounding is still that of the terms.
    """
    expected = np.asarray(expected)
    assert found.shape == expected.shape
    if tolerance is None:
        tolerance = TOLERANCE[found.dtype]
    largest = float(np.abs(expected).max(initial=1))
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * largest)


def full_of_nan(size: int, dtype: np.dtype[Any]) -> Array:
    """Memory as a layer may find it: nothing in it may be read before it is written."""
    return np.full(size, np.nan if dtype.kind == "f" else 255, dtype)


def machine(
    layer: Layer,
    x: Array,
    dy: Array,
    params: Mapping[str, Array] | None = None,
    dtype: Any = np.float64,
    **how: Any,
) -> tuple[Array, Array, dict[str, Array]]:
    """(y, dx, gradients by name) of a layer's machine, as a chain of one layer."""
    graph = Graph({"layer": layer}, x.shape[1:], dtype)
    graph.engine.allocate = full_of_nan
    for name, values in (params or {}).items():
        graph.params[f"layer.{name}"].data = values
    y = graph.forward(x, **how)
    dx = graph.backward(dy, need_dx=True)
    assert dx is not None
    assert y.dtype == dx.dtype == dtype
    return y, dx, {name: param.grad for name, param in layer.params.items()}


few = st.integers(1, 3)
pads = st.integers(0, 3) | st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def grids(
    draw: st.DrawFn, pads: st.SearchStrategy[Pad] = pads
) -> tuple[int, int, int, int, Pad]:
    """(H, W, kernel, stride, pad) such that at least one window fits."""
    kernel, stride, pad = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(pads)
    least = max(1, kernel - sum(pad_sides(pad)))
    h, w = (draw(st.integers(least, least + 7)) for _ in range(2))
    return h, w, kernel, stride, pad


no_pad = st.just(0)
