"""How a chain is run: in blocks of images, with which arrays. No mathematics here.

    stage   neighbouring layers that are run together, as many images at a time
    range   the images of one thread                     (lo, hi)
    block   a few images of a range, that go through ALL layers of the stage while they
            are in the processor's cache                 (lo, hi)

Layers that look at one image at a time (conv, relu, pool...) make a stage together. A
layer that is parallel over features (Linear) is a stage by itself, with one range and
one block: the whole batch. So one pair of functions runs both kinds.

Each thread has its own images, its own arrays, and its own sums of weight gradients; at
the end the sums are added up in the order of the threads, so that the same number of
threads gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, NamedTuple

import numpy as np

from npalexnet.layers.layer import (
    Allocate,
    Array,
    Layer,
    Shape,
    Workspace,
    allocate,
    serial_for,
)
from npalexnet.net import threads

BLOCK_BYTES = 2**22  # of a block's largest array: about what a core's cache holds
MOST_IMAGES = 16  # in a block
MOST_BY_TILES = 64  # where a convolution is done by Winograd's tiles

Range = tuple[int, int]


class Stage(NamedTuple):
    """Neighbouring layers that are run together."""

    names: tuple[str, ...]
    parallel_over: str  # "batch" or "features", see Layer.parallel_over


@dataclass
class Batch:
    """One batch on its way through the chain.

    Attributes:
        images: how many.
        train: dropout drops.
        keep: a backward follows.
        ranges: the images of each thread.
        masks: by layer, drawn for the whole batch.
    """

    images: int
    train: bool
    keep: bool
    ranges: list[Range]
    masks: Mapping[str, Array] = field(default_factory=dict)


class Engine:
    """Runs the stages of a chain.

    Args:
        layers: name to layer, first layer first.
        input_shape: of one image.
        dtype: of all arrays.
        stores: where the arrays live between calls, one for each thread.
        copies_input: the caller may change x before backward reads it.
        allocate: makes the arrays; memory.py has one that only counts.

    Raises:
        ValueError: a layer does not fit behind the one before it; says which.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        input_shape: Shape,
        dtype: np.dtype[Any],
        stores: list[dict[Any, Array]] | None = None,
        copies_input: bool = True,
        allocate: Allocate = allocate,
    ) -> None:
        self.layers, self.dtype, self.copies_input = layers, dtype, copies_input
        self.input_shapes: dict[str, Shape] = {}
        self.output_shapes: dict[str, Shape] = {}
        shape = input_shape
        for name, layer in layers.items():
            self.input_shapes[name] = shape
            try:
                shape = self.output_shapes[name] = layer.output_shape(shape)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        self.first = next(iter(layers))
        self.saves_output = outputs_to_save(layers)
        self.stores: list[dict[Any, Array]] = [] if stores is None else stores
        self.allocate = allocate

    # ----------------------------------------------------------- how it is split

    def names(self, until: str | None = None) -> list[str]:
        """The layers of the chain, up to and with `until`.

        Raises:
            ValueError: no layer is called so.
        """
        names = list(self.layers)
        if until is None:
            return names
        if until not in self.layers:
            raise ValueError(
                f"no layer is called {until!r}; there are: {', '.join(names)}"
            )
        return names[: names.index(until) + 1]

    def stages(self, until: str | None = None) -> list[Stage]:
        """The same layers in stages."""
        names = self.names(until)
        stages: list[Stage] = []
        for over, run in groupby(names, lambda name: self.layers[name].parallel_over):
            if over == "features":
                stages += [Stage((name,), over) for name in run]
            else:
                stages += [Stage(part, over) for part in self.parts(tuple(run))]
        return stages

    def parts(self, names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Cut a run of layers where a convolution by tiles wants a block twice as big.

        The images shrink on their way. And each block takes all weights to the points
        of the tiles and back, which weighs the less the more images there are in it.
        """
        first = 0
        for i, name in enumerate(names):
            so_far = names[first:i]
            if not so_far or not self.by_tiles(name):
                continue
            if self.block_size((name,)) >= 2 * self.block_size(so_far):
                yield so_far
                first = i
        yield names[first:]

    def batch(
        self, images: int, train: bool, keep: bool, masks: Mapping[str, Array]
    ) -> Batch:
        """A batch, its images divided over the threads.

        Too few to divide, and one range has them all: then layers divide their own
        work.
        """
        count = threads.get_threads()
        ranges = threads.split_range(images, count if images >= count else 1)
        self.stores += [{} for _ in range(len(ranges) - len(self.stores))]
        return Batch(images, train, keep, ranges, masks)

    def ranges(self, stage: Stage, batch: Batch) -> list[Range]:
        """The images of each thread that works on a stage."""
        alone = stage.parallel_over == "features"
        return [(0, batch.images)] if alone else batch.ranges

    def blocks(self, stage: Stage, lo: int, hi: int) -> list[Range]:
        """Images lo..hi in blocks of `block_size`."""
        if stage.parallel_over == "features":
            return [(lo, hi)]
        size = self.block_size(stage.names)
        return [(a, min(a + size, hi)) for a in range(lo, hi, size)]

    def block_size(self, names: tuple[str, ...]) -> int:
        """Images whose largest array in these layers is about `BLOCK_BYTES`."""
        largest = max(prod(self.output_shapes[name]) for name in names)
        fit = BLOCK_BYTES // (largest * self.dtype.itemsize)
        most = MOST_BY_TILES if any(map(self.by_tiles, names)) else MOST_IMAGES
        return max(1, min(most, fit))

    def by_tiles(self, name: str) -> bool:
        """Is this layer done by another algorithm than the sum?"""
        how = self.layers[name].how(self.input_shapes[name], self.dtype)
        return how not in ("", "sum")

    def each_block(
        self, stage: Stage, batch: Batch, work: Callable[[int, int, slice], Any]
    ) -> list[list[Any]]:
        """work(thread, block, images) on every block; its results [thread][block]."""
        ranges = self.ranges(stage, batch)
        found: list[list[Any]] = [[] for _ in ranges]

        def one_thread(thread: int, lo: int, hi: int) -> None:
            for block, (a, b) in enumerate(self.blocks(stage, lo, hi)):
                found[thread].append(work(thread, block, slice(a, b)))

        threads.run([partial(one_thread, t, *ends) for t, ends in enumerate(ranges)])
        return found

    # ------------------------------------------------------------- how it is run

    def forward(self, stage: Stage, x: Array, batch: Batch) -> tuple[Array, Any]:
        """(y, cache) of a stage. The cache is [thread][block][layer]."""
        last, whole = stage.names[-1], stage.parallel_over == "features"
        y = None if whole else self.stage_output(stage, batch)
        outputs: dict[str, Array] = {}

        def work(thread: int, block: int, images: slice) -> list[Any]:
            v, caches = x[images], []
            if self.copies_input and stage.names[0] == self.first:
                mine = self.workspace(self.first, batch, thread, block)
                v = mine.saved("x", v.shape)
                v[...] = x[images]
            into = None if y is None else y[images]
            for name in stage.names:
                place = into if name == last else None
                ws = self.workspace(name, batch, thread, block, stage, place)
                mask = batch.masks[name][images] if name in batch.masks else None
                v, cache = self.layers[name].forward(v, ws, batch.train, mask)
                caches.append(cache)
            if y is None:
                outputs[last] = v
            elif v is not into:
                y[images] = v
            return caches if batch.keep else []

        caches = self.each_block(stage, batch, work)
        return (outputs[last] if y is None else y), caches

    def backward(
        self, stage: Stage, dy: Array, caches: Any, batch: Batch, need_dx: bool
    ) -> Array:
        """∂loss/∂(input of the stage), layer by layer, last layer first.

        Fills the `grad` of the stage's parameters. Without `need_dx` it goes back only
        to the first layer that has parameters, and what it returns means nothing.
        """
        names = stage.names if need_dx else self.from_first_learned(stage.names)
        grads = [
            self.gradients(names, batch, thread, zeros=stage.parallel_over == "batch")
            for thread in range(len(self.ranges(stage, batch)))
        ]
        dx = self.stage_dx(stage, batch) if need_dx else None
        results: dict[str, Array] = {}

        def work(thread: int, block: int, images: slice) -> None:
            v = dy[images]
            for name in reversed(names):
                ws = self.workspace(name, batch, thread, block, stage)
                ws.grads = grads[thread][name]
                ws.need_dx = need_dx or name != names[0]
                cache = caches[thread][block][stage.names.index(name)]
                v = self.layers[name].backward(v, cache, ws)
            if dx is not None:
                dx[images] = v
            results["dx"] = v

        self.each_block(stage, batch, work)
        self.add_up(grads)
        return results.get("dx", dy) if dx is None else dx

    def add_up(self, grads: list[dict[str, dict[str, Array]]]) -> None:
        """Add the other threads' gradients to the first one's, thread by thread."""
        for others in grads[1:]:
            for name, arrays in others.items():
                for key, array in arrays.items():
                    self.layers[name].params[key].grad += array

    def from_first_learned(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """The layers from the first one on that has parameters; none if none has."""
        learned = [i for i, name in enumerate(names) if self.layers[name].params]
        return names[learned[0] :] if learned else ()

    # ------------------------------------------------------------ arrays of a stage

    def stage_output(self, stage: Stage, batch: Batch) -> Array:
        """Where the threads put together what the last layer of a stage returns."""
        name = stage.names[-1]
        shape = batch.images, *self.output_shapes[name]
        return self.workspace(name, batch).saved("stage", shape)

    def stage_dx(self, stage: Stage, batch: Batch) -> Array | None:
        """The same for ∂loss/∂(input); a layer by itself returns its own array."""
        if stage.parallel_over == "features":
            return None
        name = stage.names[0]
        shape = batch.images, *self.input_shapes[name]
        return self.workspace(name, batch).temporary("stage dx", shape)

    def gradients(
        self, names: tuple[str, ...], batch: Batch, thread: int, zeros: bool
    ) -> dict[str, dict[str, Array]]:
        """Where a thread sums its gradients; for the first it is Param.grad itself."""
        found: dict[str, dict[str, Array]] = {}
        for name in names:
            ws = self.workspace(name, batch, thread)
            found[name] = {}
            for key, param in self.layers[name].params.items():
                own = param.grad
                if thread > 0:
                    own = ws.temporary(f"grad {key}", param.data.shape)
                if zeros:
                    own[...] = 0
                found[name][key] = own
        return found

    def workspace(
        self,
        name: str,
        batch: Batch,
        thread: int = 0,
        block: int = 0,
        stage: Stage | None = None,
        into: Array | None = None,
    ) -> Workspace:
        """What a layer gets its arrays from, for one block on one thread.

        `into` is where its output goes, if the stage ends with this layer.
        """
        alone = stage is not None and len(self.ranges(stage, batch)) == 1
        return Workspace(
            self.stores[thread],
            self.dtype,
            name,
            block if batch.keep else None,
            self.saves_output[name] and batch.keep,
            parallel_for=threads.parallel_for if alone else serial_for,
            one_picture=batch.images == 1 and not batch.keep,
            into=into,
            allocate=self.allocate,
        )

    def held(self) -> int:
        """Bytes of all arrays that have been handed out, and are kept for reuse."""
        return sum(a.nbytes for store in self.stores for a in store.values())


def outputs_to_save(layers: Mapping[str, Layer]) -> dict[str, bool]:
    """Whose output will be read by a backward: its own, or the next layer's."""
    saved, next_reads_it = {}, False
    for name in reversed(list(layers)):
        layer = layers[name]
        saved[name] = layer.needs_output or next_reads_it
        next_reads_it = layer.needs_input
    return saved
