"""The interface of every layer (Layer), and the objects it works with.

    Param       one learned array, its gradient, and two multipliers
    Workspace   hands out arrays, by how long they must live
    Layer       forward, backward, and the shape of what comes out

A layer is two pure NumPy functions, the mathematics, and one thin class, the machine.
This file is about the machines. A layer owns its parameters and nothing else: what a
forward pass wants to remember for the backward pass it returns as a `cache`, and the
arrays that it writes into it asks from a `Workspace`. So a layer knows nothing of
threads, of the batch that its images were taken from, or of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Work = Callable[[int, int], None]
ParallelFor = Callable[[int, Work], None]
Allocate = Callable[[int, "np.dtype[Any]"], Array]


class Param:
    """A learned array with its gradient.

    Args:
        data: the starting values.
        lr: multiplies the learning rate of this array.
        decay: multiplies the weight decay of this array.
    """

    def __init__(self, data: Array, lr: float = 1.0, decay: float = 1.0) -> None:
        self._data = data
        self.grad: Array = np.zeros(data.shape, data.dtype)
        self.lr = lr
        self.decay = decay

    @property
    def data(self) -> Array:
        """The values. Assigning copies into the array that is already there.

        Raises:
            ValueError: the new values have another shape.
        """
        return self._data

    @data.setter
    def data(self, values: npt.ArrayLike) -> None:
        values = np.asarray(values)
        if values.shape != self._data.shape:
            raise ValueError(
                f"this parameter has shape {self._data.shape}, "
                f"the new values have shape {values.shape}"
            )
        self._data[...] = values

    def astype(self, dtype: npt.DTypeLike) -> None:
        """Turn values and gradient into another dtype, in new arrays."""
        if self._data.dtype != np.dtype(dtype):
            self._data = self._data.astype(dtype)
            self.grad = self.grad.astype(dtype)


def gaussian(
    shape: Shape, std: float, rng: np.random.Generator | None
) -> npt.NDArray[np.float32]:
    """Draw weights from N(0, std²), as the paper does (section 5).

    `std=0` makes zeros and draws nothing.
    """
    if std == 0:
        return np.zeros(shape, np.float32)
    rng = np.random.default_rng() if rng is None else rng
    w = rng.standard_normal(shape, np.float32)
    w *= np.float32(std)
    return w


def serial_for(count: int, work: Work) -> None:
    """Do `work(lo, hi)` on range(count) in one piece, on the thread that asks."""
    work(0, count)


def allocate(size: int, dtype: np.dtype[Any]) -> Array:
    """Memory for `size` numbers, uninitialised."""
    return np.empty(size, dtype)


class Workspace:
    """Arrays for one layer and one block of images, handed out by lifetime.

        saved(name, shape)      until the backward pass of this block is over
        output(shape)           what forward returns: saved if somebody's backward will
                                read it, else temporary
        temporary(name, shape)  what backward returns: until the next layer has used it
        scratch(name, shape)    dead when the call returns; all layers share it

    All come uninitialised, and the same call gets the same array again in the next
    step: a steady training step allocates nothing large.

    Args:
        store: where the arrays live between calls (one for each thread).
        dtype: of the arrays, unless a call says otherwise.
        layer: name of the layer, so that layers do not meet.
        block: number of the block of images, or None if no backward follows.
        saves_output: does somebody's backward read what this layer's forward returns?
        grads: one array for each parameter; see `Layer.backward`.
        need_dx: does anybody read what this layer's backward returns?
        parallel_for: how a layer's own loop may be divided over threads.
        one_picture: the whole batch is one image, and no backward follows.
        into: what `output` returns, if the place is already there.
        allocate: makes the arrays; net/memory.py has one that only counts.
    """

    def __init__(
        self,
        store: dict[tuple[Any, ...], Array] | None = None,
        dtype: npt.DTypeLike = np.float32,
        layer: str = "",
        block: int | None = 0,
        saves_output: bool = True,
        grads: dict[str, Array] | None = None,
        need_dx: bool = True,
        parallel_for: ParallelFor = serial_for,
        one_picture: bool = False,
        into: Array | None = None,
        allocate: Allocate = allocate,
    ) -> None:
        self._store = {} if store is None else store
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._layer = layer
        self._block = block
        self._saves_output = saves_output
        self.grads = {} if grads is None else grads
        self.need_dx = need_dx
        self.parallel_for = parallel_for
        self.one_picture = one_picture
        self._into = into
        self._allocate = allocate

    def saved(
        self, name: str, shape: Shape, dtype: npt.DTypeLike | None = None
    ) -> Array:
        """An array that lives until this block's backward pass is over."""
        return self._array((self._layer, self._block, name), shape, dtype)

    def output(self, shape: Shape) -> Array:
        """The array that forward returns."""
        if self._into is not None and self._into.shape == shape:
            return self._into
        if self._saves_output:
            return self.saved("y", shape)
        return self.temporary("y", shape)

    def temporary(self, name: str, shape: Shape) -> Array:
        """An array that lives until the next layer has used it."""
        return self._array((self._layer, name), shape, None)

    def scratch(
        self, name: str, shape: Shape, dtype: npt.DTypeLike | None = None
    ) -> Array:
        """An array that is dead when the call returns."""
        return self._array((name,), shape, dtype)

    def _array(
        self, key: tuple[Any, ...], shape: Shape, dtype: npt.DTypeLike | None
    ) -> Array:
        wanted = self.dtype if dtype is None else np.dtype(dtype)
        size = prod(shape)
        flat = self._store.get(key)
        if flat is None or flat.size < size or flat.dtype != wanted:
            flat = self._store[key] = self._allocate(size, wanted)
        return flat[:size].reshape(shape)


class Layer:
    """What every layer offers; also a layer that changes nothing.

    The defaults are safe for a layer of your own: override `forward`, `backward`, and
    `output_shape` if the shape changes.

    Attributes:
        params: learned arrays by name, `{"w": ..., "b": ...}` or empty.
        parallel_over: "batch": each image is worked on by itself, so a batch can be
            split into blocks of images. "features": the layer wants the whole batch at
            once and splits its own work with `ws.parallel_for`.
        needs_input: backward reads the input of forward, which must then be saved.
        needs_output: backward reads the output of forward, which must then be saved.
            A layer that hands on its input, or a view of it, says True to both.
    """

    parallel_over = "batch"
    needs_input = True
    needs_output = True

    def __init__(self) -> None:
        self.params: dict[str, Param] = {}

    def output_shape(self, shape: Shape) -> Shape:
        """The shape of one image's output, for one image's input shape.

        Raises:
            ValueError: the layer cannot take an input of this shape.
        """
        return shape

    def window(self) -> tuple[int, int, int]:
        """(kernel, stride, pad before) of what one output sees of the input's map."""
        return 1, 1, 0

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-adds for one image of this input shape; 0 if not worth counting."""
        return 0

    def how(self, shape: Shape, dtype: np.dtype[Any]) -> str:
        """By which algorithm, for one image of this input shape, if there are many."""
        return ""

    def reserve(self, ws: Workspace, shape: Shape) -> None:
        """Ask for every array that forward and backward ask for, and compute nothing.

        This is how memory is counted before it is taken. A layer that asks for more
        than its output and its dx adds what it asks for.

        Args:
            ws: as forward and backward get it.
            shape: of the input, with the batch: (N, ...).
        """
        ws.output((shape[0], *self.output_shape(shape[1:])))
        if ws.need_dx:
            ws.temporary("dx", shape)

    def settings(self) -> dict[str, Any]:
        """The arguments that make this layer again, weights aside."""
        return {}

    def sample_mask(self, rng: np.random.Generator, shape: Shape) -> Array | None:
        """What this layer draws at random for a batch of inputs of shape (N, ...)."""
        return None

    def forward(
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        """From x, never written to, to (y, cache).

        Args:
            x: (N, ...).
            ws: for all arrays that are written to.
            train: dropout drops (True), or weakens (False).
            mask: these images' part of `sample_mask`.
        """
        return x, None

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        """From ∂loss/∂y to ∂loss/∂x.

        Gradients of parameters go into `ws.grads[name]`. A layer that is parallel over
        the batch is called many times a step and ADDS to them; one that is parallel
        over features is called once and WRITES them.

        Where `ws.need_dx` is False nobody reads the result: it need not be computed.
        """
        return dy

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.settings().items())
        return f"{type(self).__name__}({inside})"
