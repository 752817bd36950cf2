"""Who holds what, what must be exchanged, and how many bytes that is. No MPI here.

A layer's work can be split over the ranks in two ways:

    by images   every rank has all weights and its shard of the batch. Its images give
                one summand of the gradient of ALL weights: an all-reduce adds them up.
    by units    every rank has its shard of the units (filters, in a convolution) and
                the whole batch. The gradient of its weights is complete. But a unit
                that looks at all units of the layer before needs what other ranks
                hold: on the way forward an all-gather puts the outputs together, on
                the way back a reduce-scatter adds up the gradients of all who used
                them.

A scheme says for each layer which of the two it is; the rest follows. An exchange is
needed where a layer's inputs are on other ranks. Split by units, that is so for a layer
with weights that sees all units (conv3 and the fully connected ones), but not for one
whose groups stay on their rank (conv2, conv4, conv5), nor where each unit works by
itself (ReLU, pooling, dropout). LRN looks at neighbouring maps, so its groups must stay
on their rank, too.

How many bytes? For a whole array of B bytes, of which each of R ranks holds a shard:

    all-gather       each shard goes to R - 1 other ranks:               (R - 1) · B
    reduce-scatter   each rank sends all of it but its own shard:        (R - 1) · B
    all-reduce       a reduce-scatter, then an all-gather:           2 · (R - 1) · B

This is what all ranks together send; no way of doing it sends less.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple

from npalexnet.layers import LRN, Conv2d, Linear
from npalexnet.layers.layer import Array, Layer
from npalexnet.net.graph import Graph
from npalexnet.net.threads import split_range
from npalexnet.system.errors import UserError

SCHEMES = ("columns", "images", "hybrid")

BATCH_AXIS, FEATURE_AXIS = (
    0,
    1,
)  # the axes of an activation (N, C, ...) that can be split
AXES = {"batch": BATCH_AXIS, "features": FEATURE_AXIS}


class Piece(NamedTuple):
    """Neighbouring layers between which nothing is exchanged.

    Attributes:
        names: of the layers.
        parallel_over: "batch" or "features": how their work is split over the ranks.
        gathers: the axis along which the ranks' shards of the input are put together
            before the first layer; None if each rank holds what it needs.
    """

    names: tuple[str, ...]
    parallel_over: str
    gathers: int | None


def shard_of(count: int, rank: int, size: int) -> slice:
    """This rank's shard of range(count); it may be empty."""
    shards = split_range(count, size)
    return slice(*shards[rank]) if rank < len(shards) else slice(count, count)


def parallel_over(layer: Layer, scheme: str, before: str) -> str:
    """How a layer's work is split, if that of the layer before it is split so."""
    if scheme == "hybrid":
        return "features" if "features" in (layer.parallel_over, before) else "batch"
    return {"columns": "features", "images": "batch"}[scheme]


def stays_inside(layer: Layer, size: int) -> bool:
    """Do the units on a rank look only at units on the same rank?"""
    if isinstance(layer, Conv2d | LRN):
        return layer.groups % size == 0
    return not layer.params


def plan(graph: Graph, scheme: str, size: int) -> list[Piece]:
    """Split a network into pieces, for this many ranks.

    A layer that takes the whole batch at once (`Layer.parallel_over`) begins a piece of
    its own even if nothing is exchanged, so that its gradient is complete early.

    Raises:
        UserError: this network cannot be split in this way.
    """
    if scheme not in SCHEMES:
        raise UserError(f"unknown scheme {scheme!r}; there are: {', '.join(SCHEMES)}")
    how = "features" if scheme == "columns" else "batch"
    holds: int | None = (
        None if how == "features" else BATCH_AXIS
    )  # None: the whole input
    pieces: list[Piece] = []
    for name, layer in graph.layers.items():
        how = parallel_over(layer, scheme, how)
        gathers = None
        if how == "features" and size > 1:
            wants_all = bool(layer.params) and not stays_inside(layer, size)
            if holds == BATCH_AXIS:
                gathers = BATCH_AXIS
            elif holds == FEATURE_AXIS and wants_all:
                gathers = FEATURE_AXIS
            check_units(name, layer, size, holds is None and not wants_all)
        if not pieces or gathers is not None or layer.parallel_over == "features":
            pieces.append(Piece((name,), how, gathers))
        else:
            pieces[-1] = pieces[-1]._replace(names=(*pieces[-1].names, name))
        holds = AXES[how]
    return pieces


def check_units(name: str, layer: Layer, size: int, sees_input: bool) -> None:
    """Refuse what cannot be split by units.

    Raises:
        UserError: says which layer and why.
    """
    why = ""
    if sees_input:
        why = "the first layer must see all of the input"
    elif isinstance(layer, LRN) and layer.groups % size:
        why = f"its window crosses from rank to rank; it needs groups={size}"
    elif isinstance(layer, Conv2d) and layer.groups > 1 and layer.groups % size:
        why = f"it has {layer.groups} groups; start as many ranks"
    elif isinstance(layer, Conv2d) and layer.filters % size:
        why = f"its {layer.filters} filters cannot be split evenly"
    elif layer.params and not isinstance(layer, Conv2d | Linear):
        why = f"nothing is known about the parameters of a {type(layer).__name__}"
    if why:
        raise UserError(f"{name} cannot be split over {size} ranks by units: {why}")


def shard_layer(layer: Layer, rank: int, size: int) -> Layer:
    """The layer that holds a rank's shard of a layer's units, and their weights.

    A layer without parameters is its own shard: it works on each unit by itself.
    """
    if size == 1:
        return layer
    settings: dict[str, Any] = layer.settings()
    mine: Layer
    if isinstance(layer, LRN):
        return LRN(**{**settings, "groups": layer.groups // size})
    if isinstance(layer, Conv2d):
        units = shard_of(layer.filters, rank, size)
        settings["filters"] = units.stop - units.start
        if stays_inside(layer, size):
            settings["groups"] = layer.groups // size
            settings["in_channels"] = layer.in_channels // size
        mine = Conv2d(**settings, std=0)
    elif isinstance(layer, Linear):
        units = shard_of(layer.units, rank, size)
        mine = Linear(layer.inputs, units.stop - units.start, std=0)
    else:
        return layer
    for key, param in layer.params.items():
        own = mine.params[key]
        own.astype(param.data.dtype)
        own.data = param.data[units]
        own.lr, own.decay = param.lr, param.decay
    return mine


Bytes = dict[tuple[str, str], int]  # (layer, "forward" | "backward" | "gradients")

# Exchanges that belong to no layer: how many images each rank brings, 8 bytes each, and
# the outputs of the last layer.
BATCH, OUTPUT = "(batch)", "(output)"


def predicted(graph: Graph, scheme: str, size: int, batch: int) -> Bytes:
    """Bytes that all ranks together send in a training step, by layer and direction.

    Args:
        graph: the network, whole.
        scheme: one of `SCHEMES`.
        size: number of ranks.
        batch: images in a step, over all ranks.
    """
    found: Bytes = {}
    others, item = size - 1, graph.dtype.itemsize
    if others and scheme != "columns":
        found[BATCH, "forward"] = others * 8 * size
    for piece in plan(graph, scheme, size):
        first = piece.names[0]
        if piece.gathers is not None:
            whole = batch * prod(graph.engine.input_shapes[first]) * item
            found[first, "forward"] = found[first, "backward"] = others * whole
        if piece.parallel_over == "batch" and others:
            for name in piece.names:
                weights = sizes(graph.layers[name].params.values())
                if weights:
                    found[name, "gradients"] = 2 * others * weights * item
    if others:
        *_, last = graph.output_shapes.values()
        found[OUTPUT, "forward"] = others * batch * prod(last) * item
    return found


def sizes(params: Iterable[Any]) -> int:
    """How many numbers there are in all of these parameters."""
    return sum(p.data.size for p in params)


def shard_rows(
    graph: Graph, pieces: Iterable[Piece], rank: int, size: int
) -> dict[str, slice | None]:
    """For each parameter the rows that this rank holds; None for all of them."""
    cuts: dict[str, slice | None] = {}
    for piece in pieces:
        for name in piece.names:
            for key, param in graph.layers[name].params.items():
                by_units = piece.parallel_over == "features" and size > 1
                rows = shard_of(len(param.data), rank, size) if by_units else None
                cuts[f"{name}.{key}"] = rows
    return cuts


def rows_of(array: Array, rows: slice | None) -> Array:
    """A rank's rows of an array."""
    return array if rows is None else array[rows]
