"""The chain: a network is a list of layers, run forward, then backward.

    graph = Graph({"conv1": Conv2d(3, 96, 11, stride=4), "relu1": ReLU(), ...})
    y = graph.forward(x)             each layer's output is the next one's input
    loss, dy = softmax_cross_entropy(y, labels)
    graph.backward(dy)               the chain rule, last layer first; fills Param.grad

How it is run. Layers that look at one image at a time (conv, relu, pool...) follow each
other in stages. A stage takes a block of a few images through ALL its layers before the
next few, so they stay in the processor's cache. Each thread has its own share of the
images, its own arrays, and its own sums of weight gradients; at the end the sums are
added up in the order of the threads. A Linear layer is a stage by itself: it takes the
whole batch, and divides its units (threads.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet import threads
from npalexnet.layers.layer import Array, Layer, Memory, Param, Shape, serially


class Input(NamedTuple):
    """What turns pixels into the network's input: x = (pixel - mean) / std.

    Attributes:
        side: pictures are prepared as squares of this side.
        crop: the part of the square that the network sees.
        mean: grey levels 0..255, one for each channel (3,), or a picture
            (side, side, 3).
        std: grey levels, one number or one for each channel.
        classes: names of the classes, or ().
    """

    side: int
    crop: int
    mean: Array
    std: Array
    classes: tuple[str, ...]

    def centre(self) -> slice:
        """Rows (and columns) of the central crop."""
        edge = (self.side - self.crop) // 2
        return slice(edge, edge + self.crop)

    def normalise(self, pixels: Array, mean: Array | None = None) -> Array:
        """Pixels (N, crop, crop, 3) to input (N, 3, crop, crop) in float32.

        `mean` is what to subtract, if not the central crop of the mean picture.
        """
        if mean is None:
            mean = self.mean
            if mean.ndim == 3:
                mean = mean[self.centre(), self.centre()]
        x = (pixels - mean.astype(np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(x.transpose(0, 3, 1, 2), np.float32)


class Stage(NamedTuple):
    """Neighbouring layers that are run together."""

    names: tuple[str, ...]
    divided: str  # "images" or "units", see Layer.divided


class Kept(NamedTuple):
    """What backward needs to know of the forward pass that went before."""

    images: int
    stages: list[Stage]
    shares: list[tuple[int, int]]  # which images each thread has
    caches: list[Any]  # one entry a stage: see _forward_images and _forward_units


class Graph:
    """A chain of layers.

    Args:
        layers: name to layer, first layer first; one layer is a chain, too.
        input_shape: shape of one image's input, (3, 227, 227) say.
        dtype: float32, or float64 for checks.

    Raises:
        ValueError: a layer does not fit behind the one before it.
    """

    # What comes in is the caller's, who may change it; what goes out becomes the
    # caller's, to keep. A part of a network (parallel/graph.py) need not copy either.
    copies = True

    def __init__(
        self,
        layers: Mapping[str, Layer],
        input_shape: Shape = (3, 227, 227),
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        self.layers = dict(layers)
        self.input_shape = tuple(input_shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.about: dict[str, Any] = {}  # variant and switches, see alexnet.py
        self.output_shapes: dict[str, Shape] = {}
        shape = self.input_shape
        for name, layer in self.layers.items():
            try:
                shape = self.output_shapes[name] = layer.output_shape(shape)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            for param in layer.params.values():
                param.astype(self.dtype)
        self.params: dict[str, Param] = {
            f"{name}.{key}": param
            for name, layer in self.layers.items()
            for key, param in layer.params.items()
        }
        side = self.input_shape[-1]
        self.input = Input(side, side, np.zeros(3), np.ones(()), ())
        self._keeps_output = self._find_outputs_to_keep()
        self._stores: list[dict[Any, Array]] = []  # one for each thread
        self._kept: Kept | None = None

    # ---------------------------------------------------------------- forward

    def forward(
        self,
        x: npt.ArrayLike,
        train: bool = False,
        keep: bool = True,
        until: str | None = None,
        rng: np.random.Generator | None = None,
    ) -> Array:
        """Run the chain on a batch.

        Args:
            x: (N, *input_shape), any real dtype; never written to.
            train: dropout drops (True), or weakens (False). Nothing else.
            keep: remember what backward needs; False saves that memory.
            until: stop after this layer, and return its output.
            rng: where dropout masks are drawn from; a fresh one if left out.

        Returns:
            (N, *output_shape) in the graph's dtype, the caller's to keep.

        Raises:
            ValueError: x has another shape, or `until` names no layer.
        """
        v = np.asarray(x)
        self._check_input(v)
        names = self._names_until(until)
        noise = self._draw(names, len(v), rng) if train else {}
        stages = self._stages(names)
        shares = threads.cut(len(v), threads.get_threads())
        if len(v) < threads.get_threads():
            shares = [(0, len(v))]  # too few to share out: layers divide their own work
        self._stores += [{} for _ in range(len(shares) - len(self._stores))]
        if keep:
            self._kept = None
        caches = []
        with threads.one_thread_blas():
            for stage in stages:
                run = (
                    self._forward_units
                    if stage.divided == "units"
                    else partial(self._forward_images, shares)
                )
                v, cache = run(stage, v, train, keep, noise)
                caches.append(cache)
        if keep:
            self._kept = Kept(len(v), stages, shares, caches)
        return np.array(v, self.dtype) if self.copies else v

    def _forward_units(
        self, stage: Stage, x: Array, train: bool, keep: bool, noise: dict[str, Array]
    ) -> tuple[Array, Any]:
        """The one layer of a stage, on the whole batch. The cache is the layer's."""
        (name,) = stage.names
        mem = self._memory(name, keep=keep, share=threads.share)
        if self.copies and name == next(iter(self.layers)):
            own = mem.keep("x", x.shape)
            own[...] = x
            x = own
        return self.layers[name].forward(x, mem, train, noise.get(name))

    def _forward_images(
        self,
        shares: list[tuple[int, int]],
        stage: Stage,
        x: Array,
        train: bool,
        keep: bool,
        noise: dict[str, Array],
    ) -> tuple[Array, Any]:
        """A stage's layers, block by block. The cache: [share][block][layer]."""
        shape = (len(x), *self.output_shapes[stage.names[-1]])
        y = self._memory(stage.names[-1], keep=keep).keep("stage", shape)
        first = next(iter(self.layers))
        caches: list[list[list[Any]]] = [[] for _ in shares]

        def one_share(thread: int, lo: int, hi: int) -> None:
            for block, (a, b) in enumerate(self._blocks(stage, lo, hi)):
                remember: list[Any] = []
                at: dict[str, Any] = {"thread": thread, "block": block, "keep": keep}
                v = x[a:b]
                if self.copies and stage.names[0] == first:
                    mem = self._memory(first, **at)
                    v = mem.keep("x", v.shape)
                    v[...] = x[a:b]
                for name in stage.names:
                    mem = self._memory(name, share=self._inner_share(shares), **at)
                    part = noise[name][a:b] if name in noise else None
                    v, cache = self.layers[name].forward(v, mem, train, part)
                    remember.append(cache)
                y[a:b] = v
                if keep:
                    caches[thread].append(remember)

        threads.run([partial(one_share, t, *ends) for t, ends in enumerate(shares)])
        return y, caches

    # --------------------------------------------------------------- backward

    def backward(self, dy: npt.ArrayLike, need_dx: bool = False) -> Array | None:
        """Go back through the latest forward pass that was kept.

        Fills `grad` of every parameter that took part: overwrites, never accumulates.

        Args:
            dy: ∂loss/∂y, of the shape that forward returned.
            need_dx: also compute ∂loss/∂x.

        Returns:
            ∂loss/∂x in the graph's dtype if asked for, else None.

        Raises:
            RuntimeError: no forward pass was kept, or it was used already.
            ValueError: dy has another shape than forward's result.
        """
        kept = self._kept
        if kept is None:
            raise RuntimeError(
                "backward needs a forward pass: call forward(x) with keep=True first; "
                "each forward allows one backward"
            )
        last = kept.stages[-1].names[-1]
        v: Array | None = np.asarray(dy, self.dtype)
        assert v is not None
        if v.shape != (kept.images, *self.output_shapes[last]):
            wanted = (kept.images, *self.output_shapes[last])
            raise ValueError(
                f"dy must be {wanted}, like forward's result; is {v.shape}"
            )
        self._kept = None
        with threads.one_thread_blas():
            for i in reversed(range(len(kept.stages))):
                stage, cache = kept.stages[i], kept.caches[i]
                further = need_dx or i > 0
                assert v is not None
                if stage.divided == "units":
                    v = self._backward_units(stage, v, cache, further)
                else:
                    v = self._backward_images(kept.shares, stage, v, cache, further)
        if not need_dx or v is None:
            return None
        return np.array(v, self.dtype) if self.copies else v

    def _backward_units(
        self, stage: Stage, dy: Array, cache: Any, need_dx: bool
    ) -> Array | None:
        (name,) = stage.names
        layer = self.layers[name]
        grads = {key: param.grad for key, param in layer.params.items()}
        mem = self._memory(name, grads=grads, share=threads.share)
        return layer.backward(dy, cache, mem, need_dx)

    def _backward_images(
        self,
        shares: list[tuple[int, int]],
        stage: Stage,
        dy: Array,
        caches: list[list[list[Any]]],
        need_dx: bool,
    ) -> Array | None:
        first = next(iter(self.layers))
        dx = None
        if need_dx:
            before = self._shape_before(stage.names[0])
            dx = self._memory(stage.names[0]).pass_on("stage dx", (len(dy), *before))
        grads = [self._partial_grads(stage, thread) for thread in range(len(shares))]

        def one_share(thread: int, lo: int, hi: int) -> None:
            for arrays in grads[thread].values():
                for array in arrays.values():
                    array[...] = 0
            for block, (a, b) in enumerate(self._blocks(stage, lo, hi)):
                v: Array | None = dy[a:b]
                for name, cache in zip(
                    reversed(stage.names), reversed(caches[thread][block]), strict=True
                ):
                    mem = self._memory(
                        name,
                        thread=thread,
                        block=block,
                        grads=grads[thread][name],
                        share=self._inner_share(shares),
                    )
                    assert v is not None
                    further = need_dx or name != first
                    v = self.layers[name].backward(v, cache, mem, further)
                if dx is not None:
                    dx[a:b] = v

        threads.run([partial(one_share, t, *ends) for t, ends in enumerate(shares)])
        for others in grads[1:]:
            for name, arrays in others.items():
                for key, array in arrays.items():
                    self.layers[name].params[key].grad += array
        return dx

    # ------------------------------------------------------- looking at the chain

    def activations(
        self, x: npt.ArrayLike, names: Iterable[str] | None = None
    ) -> dict[str, Array]:
        """What each layer says to x, in test mode: name to output, as copies.

        This is also the plainest way to run a chain: one layer after the other.

        Raises:
            ValueError: a name is no layer of this graph.
        """
        wanted = list(self.layers) if names is None else list(names)
        last = max((self._names_until(name) for name in wanted), key=len, default=())
        v = np.array(x, self.dtype)
        self._check_input(v)
        found = {}
        with threads.one_thread_blas():
            for name in last:
                mem = Memory(dtype=self.dtype, share=threads.share)
                v, _ = self.layers[name].forward(v, mem)
                if name in wanted:
                    found[name] = v.copy()
        return {name: found[name] for name in wanted}

    def prepare(self, pictures: npt.NDArray[np.uint8]) -> Array:
        """Turn pictures (N, H, W, 3), uint8 RGB, into this network's input.

        Shorter side to `input.side`, central square, central crop, minus mean, by std.
        Pictures that already have the side of the crop are taken as they are.
        """
        crop, side = self.input.crop, self.input.side
        if pictures.shape[1:] == (crop, crop, 3):
            return self.input.normalise(pictures).astype(self.dtype, copy=False)
        if pictures.shape[1:] != (side, side, 3):
            from npalexnet.pictures import resize_all

            pictures = resize_all(pictures, side)
        centre = self.input.centre()
        x = self.input.normalise(pictures[:, centre, centre])
        return x.astype(self.dtype, copy=False)

    # What a network that is divided over ranks (parallel/graph.py) answers otherwise.

    def share(self, images: int) -> slice:
        """Which images of a batch this process must bring: all of them."""
        return slice(0, images)

    def whole_shape(self, name: str) -> Shape:
        """The shape of a parameter, of which this process may hold a share."""
        return self.params[name].data.shape

    def rows(self, name: str, array: Array) -> Array:
        """This process's share of an array of that shape: all of it."""
        return array

    def memory(self, batch: int) -> dict[str, int]:
        """Bytes that a training step needs: parameters, and what a batch keeps."""
        weights = sum(p.data.nbytes for p in self.params.values())
        image = sum(self.kept_bytes(name) for name in self.layers)
        image += prod(self.input_shape) * self.dtype.itemsize  # a copy of the input,
        for stage in self._stages(tuple(self.layers)):  # and of each stage's output
            if stage.divided == "images":
                image += prod(self.output_shapes[stage.names[-1]]) * self.dtype.itemsize
        return {
            "for weights, gradients and velocity": 3 * weights,
            "for the batch": batch * image,
        }

    def summary(self, batch: int = 128) -> str:
        """A table: layer, output shape, parameters, multiply-adds, memory kept."""
        from npalexnet.summary import table

        return table(self, batch)

    def kept_bytes(self, name: str) -> int:
        """Bytes that a layer keeps for backward, for one image."""
        layer, itemsize = self.layers[name], self.dtype.itemsize
        kept = layer.kept_bytes(self._shape_before(name), itemsize)
        if self._keeps_output[name]:
            kept += prod(self.output_shapes[name]) * itemsize
        return kept

    # ---------------------------------------------------------------- the inside

    def _names_until(self, until: str | None) -> tuple[str, ...]:
        names = tuple(self.layers)
        if until is None:
            return names
        if until not in self.layers:
            raise ValueError(
                f"no layer is called {until!r}; there are: {', '.join(names)}"
            )
        return names[: names.index(until) + 1]

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[1:] != self.input_shape or len(x) == 0:
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"the input must be (N, {wanted}), and is {x.shape}")
        if np.iscomplexobj(x):
            raise ValueError("the input must be real, and is complex")

    def _stages(self, names: tuple[str, ...]) -> list[Stage]:
        """Neighbours that are divided over images make a stage; a Linear is one."""
        stages: list[Stage] = []
        for divided, run in groupby(names, lambda name: self.layers[name].divided):
            run_names = tuple(run)
            if divided == "units":
                stages += [Stage((name,), divided) for name in run_names]
            else:
                stages.append(Stage(run_names, divided))
        return stages

    def _blocks(self, stage: Stage, lo: int, hi: int) -> list[tuple[int, int]]:
        """Cut images lo..hi into blocks whose largest array is about 4 MB."""
        largest = max(prod(self.output_shapes[name]) for name in stage.names)
        size = max(1, min(16, 2**22 // (largest * self.dtype.itemsize)))
        return [(a, min(a + size, hi)) for a in range(lo, hi, size)]

    def _memory(
        self,
        name: str,
        thread: int = 0,
        block: int | None = 0,
        keep: bool = True,
        grads: dict[str, Array] | None = None,
        share: Any = serially,
    ) -> Memory:
        return Memory(
            self._stores[thread],
            self.dtype,
            name,
            block if keep else None,
            self._keeps_output[name] and keep,
            grads,
            share,
        )

    def _inner_share(self, shares: list[tuple[int, int]]) -> Any:
        """How a layer of a stage may divide its own work: not, if images are shared."""
        return threads.share if len(shares) == 1 else serially

    def _draw(
        self, names: tuple[str, ...], images: int, rng: np.random.Generator | None
    ) -> dict[str, Array]:
        """Draw for the whole batch, in the order of the layers."""
        rng = np.random.default_rng() if rng is None else rng
        noise = {}
        for name in names:
            shape = (images, *self._shape_before(name))
            drawn = self.layers[name].draw(rng, shape)
            if drawn is not None:
                noise[name] = drawn
        return noise

    def _shape_before(self, name: str) -> Shape:
        names = list(self.layers)
        i = names.index(name)
        return self.output_shapes[names[i - 1]] if i else self.input_shape

    def _partial_grads(self, stage: Stage, thread: int) -> dict[str, dict[str, Array]]:
        """Where a thread sums its gradients; for the first it is Param.grad itself."""
        grads: dict[str, dict[str, Array]] = {}
        for name in stage.names:
            mem = self._memory(name, thread)
            grads[name] = {
                key: param.grad
                if thread == 0
                else mem.pass_on(f"grad {key}", param.data.shape)
                for key, param in self.layers[name].params.items()
            }
        return grads

    def _find_outputs_to_keep(self) -> dict[str, bool]:
        """Whose output will be read by a backward: its own, or the next layer's."""
        keep = {}
        next_reads_it = False
        for name, layer in reversed(self.layers.items()):
            keep[name] = layer.needs_output or next_reads_it
            next_reads_it = layer.needs_input
        return keep
