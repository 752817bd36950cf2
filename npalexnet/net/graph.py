"""The chain: a network is a list of layers, run forward, then backward.

    graph = Graph({"conv1": Conv2d(3, 96, 11, stride=4), "relu1": ReLU(), ...})
    y = graph.forward(x)             each layer's output is the next one's input
    loss, dy = softmax_cross_entropy(y, labels)
    graph.backward(dy)               the chain rule, last layer first; fills Param.grad

The chain is written twice. `chain_forward` and `chain_backward` are the reference: all
of backpropagation, one layer after the other. `Graph` does the same fast, stage by
stage. A stage is a run of neighbouring layers that are worked on together: each Linear
is one by itself, and so are the layers between two of them. How a stage is split into
blocks of images, spread over threads and given its arrays is in engine.py. Tests check
that the two agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from threading import get_ident
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import as_array, as_pixels, plain_input
from npalexnet.layers.layer import Array, Layer, Param, Shape, Workspace
from npalexnet.net import threads
from npalexnet.net.engine import Batch, Engine, Stage
from npalexnet.net.loss import softmax
from npalexnet.net.memory import saved_per_image, step_memory
from npalexnet.net.naming import kind, numbered
from npalexnet.net.table import Cost, layer_table

Layers = Mapping[str, Layer]
Masks = Mapping[str, Array]


def chain_forward(
    layers: Layers, x: Array, train: bool = False, masks: Masks | None = None
) -> tuple[Array, Any]:
    """Each layer's output is the next one's input. The cache: what each one remembers.

    Args:
        layers: name to layer, first layer first.
        x: (N, ...), in the dtype of the parameters.
        train: dropout drops some neurons (True), or multiplies all by 1 - rate (False).
        masks: layer to dropout mask, which says what is kept (see `sample_masks`).

    Returns:
        y (N, ...), and the cache for `chain_backward`.
    """
    cache = {}
    for name, layer in layers.items():
        ws = Workspace(dtype=x.dtype)
        x, cache[name] = layer.forward(x, ws, train, (masks or {}).get(name))
    return x, cache


def chain_backward(layers: Layers, dy: Array, cache: Any) -> Array:
    """The chain rule, last layer first: from ∂loss/∂(output) to ∂loss/∂(input).

    Fills `grad` of every parameter on the way, and returns dx, of the shape of x.
    """
    for name in reversed(list(layers)):
        layer = layers[name]
        grads = {key: param.grad for key, param in layer.params.items()}
        for grad in grads.values():
            grad[...] = 0  # backward adds to it
        dy = layer.backward(dy, cache[name], Workspace(dtype=dy.dtype, grads=grads))
    return dy


def sample_masks(
    layers: Layers, shapes: Mapping[str, Shape], rng: np.random.Generator
) -> dict[str, Array]:
    """Draw the dropout masks of a whole batch, layer by layer: layer to mask.

    Args:
        layers: those that may need a mask, in order.
        shapes: of their inputs, batch axis included.
        rng: where the masks are drawn from.
    """
    drawn = {n: layer.sample_mask(rng, shapes[n]) for n, layer in layers.items()}
    return {name: mask for name, mask in drawn.items() if mask is not None}


class Tape(NamedTuple):
    """What backward needs to know about the forward pass before it."""

    batch: Batch
    stages: list[Stage]
    caches: list[Any]  # one for each stage: [thread][block of images][layer]
    owner: int  # the Python thread that ran it


class Graph:
    """A chain of layers.

    Args:
        layers: name to layer, first layer first; or a list, whose layers are then
            called conv1, relu1, pool1, conv2. One layer is a chain, too.
        input_shape: shape of one image's input, for example (3, 227, 227).
        dtype: float32, or float64 for checks.

    Attributes:
        layers: name to layer, in order.
        params: "layer.array", as in "conv1.w", to its Param.
        output_shapes: layer to the shape of one image's output.
        input: how pixels are resized, cropped and scaled to x; see datasets/input.py.
        about: which variant this is, and its switches; see alexnet.py.

    Raises:
        ValueError: there is no layer, or one does not fit the output of the one before.
    """

    def __init__(
        self,
        layers: Layers | Sequence[Layer],
        input_shape: Shape = (3, 227, 227),
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        if not layers:
            raise ValueError("a graph needs at least one layer")
        if not isinstance(layers, Mapping):
            layers = dict(zip(numbered(map(kind, layers)), layers, strict=True))
        self.layers = dict(layers)
        self.input_shape = tuple(input_shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self.engine = Engine(self.layers, self.input_shape, self.dtype)
        self.output_shapes = self.engine.output_shapes
        self.params: dict[str, Param] = {
            f"{name}.{key}": param
            for name, layer in self.layers.items()
            for key, param in layer.params.items()
        }
        for param in self.params.values():
            param.astype(self.dtype)
        self.input = plain_input(self.input_shape)
        self.about: dict[str, Any] = {}
        self._tape: Tape | None = None

    # ---------------------------------------------------- forward, and backward

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
            train: dropout drops some neurons (True), or multiplies all by 1 - rate
                (False); nothing else changes.
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
        masks: dict[str, Array] = {}
        if train:
            rng = np.random.default_rng() if rng is None else rng
            asked = {name: self.layers[name] for name in self.engine.names(until)}
            inputs = self.engine.input_shapes
            shapes = {name: (len(v), *inputs[name]) for name in asked}
            masks = sample_masks(asked, shapes, rng)
        with threads.one_thread_blas():  # no other Python thread until y is copied
            return np.array(self.run(v, train, keep, until, masks), self.dtype)

    def run(
        self, x: Array, train: bool, keep: bool, until: str | None, masks: Masks
    ) -> Array:
        """`forward` without checks and copies: y is overwritten by the next call."""
        stages = self.engine.stages(until)
        caches = []
        with threads.one_thread_blas():
            batch = self.engine.batch(len(x), train, keep, masks)
            if keep:
                self._tape = None
            for stage in stages:
                x, cache = self.engine.forward(stage, x, batch)
                caches.append(cache)
            if keep:
                self._tape = Tape(batch, stages, caches, get_ident())
        return x

    def backward(self, dy: npt.ArrayLike, need_dx: bool = False) -> Array | None:
        """Go back through the latest forward pass that was kept.

        Fills `grad` of every parameter that took part: overwrites, never accumulates
        (the engine sets them to zero, then the layers add up over the blocks).

        Args:
            dy: ∂loss/∂y, of the shape that forward returned.
            need_dx: also compute ∂loss/∂x.

        Returns:
            ∂loss/∂x in the graph's dtype if asked for, else None.

        Raises:
            RuntimeError: no forward pass was kept, or it was used already, or it ran on
                another Python thread.
            ValueError: dy has another shape than forward's result.
        """
        v = np.asarray(dy, self.dtype)
        with threads.one_thread_blas():
            tape = self._latest()
            last = tape.stages[-1].names[-1]
            shape = (tape.batch.images, *self.output_shapes[last])
            if v.shape != shape:
                raise ValueError(
                    f"dy must be {shape}, like forward's result; is {v.shape}"
                )
            dx = self.run_back(v, need_dx)
            return np.array(dx, self.dtype) if need_dx else None

    def run_back(self, dy: Array, need_dx: bool) -> Array:
        """`backward` without checks and copies.

        What it returns is dx, overwritten by the next call; without `need_dx` it means
        nothing, for layers before the first one with parameters are left out.
        """
        with threads.one_thread_blas():
            batch, stages, caches, _ = self._latest()
            self._tape = None
            for i in reversed(range(len(stages))):
                need_stage_dx = need_dx or self._learns(stages[:i])
                dy = self.engine.backward(
                    stages[i], dy, caches[i], batch, need_stage_dx
                )
        return dy

    def _latest(self) -> Tape:
        """What the latest forward pass that was kept left for this backward."""
        if self._tape is None:
            raise RuntimeError(
                "backward needs a forward pass: call forward(x) with keep=True first; "
                "each forward allows one backward"
            )
        if self._tape.owner != get_ident():
            raise RuntimeError(
                "the latest forward pass ran on another Python thread: keep a step on "
                "one thread, or give each thread a Graph of its own"
            )
        return self._tape

    def _learns(self, stages: list[Stage]) -> bool:
        """Is there a parameter in these stages?"""
        return any(self.layers[n].params for stage in stages for n in stage.names)

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[1:] != self.input_shape or len(x) == 0:
            wanted = ", ".join(map(str, self.input_shape))
            raise ValueError(f"the input must be (N, {wanted}), and is {x.shape}")
        if np.iscomplexobj(x):
            raise ValueError("the input must be real, and is complex")

    # ------------------------------------------------------------- what is in it?

    def predict(self, x: object, batch: int = 128) -> Array:
        """How probable is each class? (N, classes), each row adding up to 1.

        Args:
            x: pictures (N, H, W, 3), or grey ones (N, H, W), in bytes; arrays
                (N, *input_shape), in the unit that the network was trained on; or a
                file of a picture, or a list of files.
            batch: images at a time; it changes the memory needed, not the answer.

        Raises:
            UserError: x is none of these; says what to do.
            ValueError: the network does not end in one number for each class.
        """
        name, shape = list(self.output_shapes.items())[-1]
        if len(shape) != 1:
            raise ValueError(
                f"the network ends in {name} with {shape}, and must end in one number "
                "for each class"
            )
        if batch < 1:
            raise ValueError(f"batch must be at least 1, and is {batch}")
        given = as_array(x, self.input)
        pixels = as_pixels(given, self.input_shape, next(iter(self.layers)))
        self.input.check_unit(pixels)
        parts = (pixels[lo : lo + batch] for lo in range(0, len(pixels), batch))
        outputs = (self.forward(self.input.x(part), keep=False) for part in parts)
        return np.concatenate([softmax(y) for y in outputs])

    def top(self, x: object, k: int = 5) -> list[list[tuple[str, float]]]:
        """The k likeliest classes of each image, likeliest first: (name, probability).

        `x` is as for `predict`. A class without a name is called "class 3".
        """
        probabilities = self.predict(x)
        names = self.input.names(probabilities.shape[1])
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
        return [
            [(names[i], float(row[i])) for i in order]
            for row, order in zip(probabilities, best, strict=True)
        ]

    # -------------------------------------------------------- looking at the chain

    def activations(
        self, x: npt.ArrayLike, names: Iterable[str] | None = None
    ) -> dict[str, Array]:
        """Each layer's output for x, in test mode: name to output, as copies.

        Raises:
            ValueError: a name is no layer of this graph, or x has another shape.
        """
        wanted = list(self.layers) if names is None else list(names)
        needed = max((self.engine.names(name) for name in wanted), key=len, default=[])
        v = np.array(x, self.dtype)
        self._check_input(v)
        found = {}
        with threads.one_thread_blas():
            for name in needed:
                ws = Workspace(dtype=self.dtype, parallel_for=threads.parallel_for)
                v, _ = self.layers[name].forward(v, ws)
                if name in wanted:
                    found[name] = v.copy()
        return {name: found[name] for name in wanted}

    def prepare(self, given: Array) -> Array:
        """Turn pictures or arrays, as `predict` takes them, into this network's input.

        Of pictures: resize the shorter side to `input.side`, take the central square
        and of that the central crop. Of both: subtract the mean, divide by the std.
        """
        pixels = as_pixels(given, self.input_shape, next(iter(self.layers)))
        return self.input.x(pixels).astype(self.dtype, copy=False)

    def memory(self, batch: int) -> dict[str, int]:
        """Bytes that a training step with this batch size takes, and what for."""
        weights = sum(p.data.nbytes for p in self.params.values())
        return {
            "for weights, gradients and velocity": 3 * weights,
            "for the batch": step_memory(self.engine, batch),
        }

    def costs(self) -> dict[str, Cost]:
        """What each layer costs: parameters, multiply-adds, bytes saved per image."""
        return {
            name: Cost(
                sum(p.data.size for p in layer.params.values()),
                layer.multiply_adds(self.engine.input_shapes[name]),
                saved_per_image(self.engine, name),
            )
            for name, layer in self.layers.items()
        }

    def summary(self, batch: int = 128) -> str:
        """A table: layer, shape, algorithm, parameters, multiply-adds, memory."""
        memory = self.memory(batch)
        hows = {
            name: layer.how(self.engine.input_shapes[name], self.dtype)
            for name, layer in self.layers.items()
        }
        return layer_table(
            self.input_shape, self.output_shapes, hows, self.costs(), batch, memory
        )
