"""The promise that every layer keeps, and the two things it is given to keep it.

A layer is two pure NumPy functions, the mathematics, and one thin class, the machine.
This file is about the machines. A layer owns its parameters and nothing else: what a
forward pass wants to remember for the backward pass it returns as a `cache`, and the
arrays that it writes into it asks from a `Memory`. So a layer knows nothing of
threads, of the batch that its images were cut from, or of its neighbours.

    Param    one learned array, its gradient, and two multipliers
    Memory   hands out arrays, by how long they must live
    Layer    forward, backward, and the shape of what comes out
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Work = Callable[[int, int], None]


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
        """The values. Assigning copies into the array that is already there."""
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


def serially(count: int, work: Work) -> None:
    """Do `work(lo, hi)` on all of `range(count)` at once: the plain way to share."""
    work(0, count)


class Memory:
    """Arrays for one layer and one block of images, handed out by lifetime.

        keep(name, shape)      until the backward pass of this block is over
        output(shape)          what forward returns: kept if somebody's backward will
                               read it, else until the next layer has used it
        pass_on(name, shape)   what backward returns: until the next layer has used it
        scratch(name, shape)   dead when the call returns; all layers share it

    All come uninitialised, and the same call gets the same array again in the next
    step: a steady training step allocates nothing large.

    Args:
        store: where the arrays live between calls (one for each thread).
        dtype: of the arrays, unless a call says otherwise.
        layer: name of the layer, so that layers do not meet.
        block: number of the block of images, or None if no backward follows.
        keeps_output: does somebody's backward read what this layer's forward returns?
        grads: one array for each parameter; see `Layer.backward`.
        share: how a layer's own loop may be divided; see `threads.share`.
    """

    def __init__(
        self,
        store: dict[tuple[Any, ...], Array] | None = None,
        dtype: npt.DTypeLike = np.float32,
        layer: str = "",
        block: int | None = 0,
        keeps_output: bool = True,
        grads: dict[str, Array] | None = None,
        share: Callable[[int, Work], None] = serially,
    ) -> None:
        self._store = {} if store is None else store
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._layer = layer
        self._block = block
        self._keeps_output = keeps_output
        self.grads = {} if grads is None else grads
        self.share = share

    def keep(
        self, name: str, shape: Shape, dtype: npt.DTypeLike | None = None
    ) -> Array:
        """An array that lives until this block's backward pass is over."""
        return self._array((self._layer, self._block, name), shape, dtype)

    def output(self, shape: Shape) -> Array:
        """The array that forward returns."""
        if self._keeps_output:
            return self.keep("y", shape)
        return self.pass_on("y", shape)

    def pass_on(self, name: str, shape: Shape) -> Array:
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
        size = 1
        for n in shape:
            size *= n
        flat = self._store.get(key)
        if flat is None or flat.size < size or flat.dtype != wanted:
            flat = self._store[key] = np.empty(size, wanted)
        return flat[:size].reshape(shape)


class Layer:
    """What every layer promises; also a layer that changes nothing.

    The defaults are safe for a layer of your own: override `forward`, `backward`, and
    `output_shape` if the shape changes.

    Attributes:
        params: learned arrays by name, `{"w": ..., "b": ...}` or empty.
        divided: "images": each image is worked on by itself, so a batch can be cut
            into blocks of images. "units": the layer wants the whole batch at once and
            cuts its own work with `mem.share`.
        needs_input: backward reads the input of forward, which must then be kept.
        needs_output: backward reads the output of forward, which must then be kept.
            A layer that hands on its input, or a view of it, says True to both.
    """

    divided = "images"
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

    def multiply_adds(self, shape: Shape) -> int:
        """Multiply-adds for one image of this input shape; 0 if not worth counting."""
        return 0

    def kept_bytes(self, shape: Shape, itemsize: int) -> int:
        """Bytes kept for backward for one image, besides inputs and outputs."""
        return 0

    def settings(self) -> dict[str, Any]:
        """The arguments that make this layer again, weights aside."""
        return {}

    def draw(self, rng: np.random.Generator, shape: Shape) -> Array | None:
        """What this layer draws at random for a batch, of shape (N, ...)."""
        return None

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        """From x, never written to, to (y, cache). `noise` is this block of `draw`."""
        return x, None

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        """From ∂loss/∂y to ∂loss/∂x, or None where it is not needed.

        Gradients of parameters go into `mem.grads[name]`. A layer divided over images
        is called many times a step and ADDS to them; a layer divided over units is
        called once and WRITES them.
        """
        return dy

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v!r}" for k, v in self.settings().items())
        return f"{type(self).__name__}({inside})"
