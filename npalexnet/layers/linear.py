"""The fully connected layer: every unit sees every input (paper 3.5).

Three of them end AlexNet. They hold 96 % of its weights and do 8 % of its work: a
filter is used at hundreds of places of the picture, these weights only once.

Shapes
    x (N, D)   w (M, D)   b (M,)   y (N, M)

Forward     y[n, m] = b[m] + Σ_d x[n, d] · w[m, d]              y = x wᵀ + b
Backward    dx[n, d] = Σ_m dy[n, m] · w[m, d]                   dx = dy w
            dw[m, d] = Σ_n dy[n, m] · x[n, d]                   dw = dyᵀ x
            db[m]    = Σ_n dy[n, m]

Because y is linear in each of x, w and b; what is used by several, w and b by every
image and x by every unit, collects the gradient from all of them.

Kept for backward
    x.

Fast: BLAS. The work is divided by units in y, dw and db, and by inputs in dx, so that
nothing has to be added up afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Memory, Param, Shape, gaussian


def linear_forward(x: Array, w: Array, b: Array) -> tuple[Array, Any]:
    return x @ w.T + b, (x, w)


def linear_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    x, w = cache
    return dy @ w, dy.T @ x, dy.sum(0)


class Linear(Layer):
    """A fully connected layer.

    Args:
        inputs: inputs D.
        units: outputs M.
        std: weights are drawn from N(0, std²).
        bias: the biases start at this value.
        rng: where the weights are drawn from.
    """

    divided = "units"
    needs_output = False

    def __init__(
        self,
        inputs: int,
        units: int,
        std: float = 0.01,
        bias: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        super().__init__()
        self.inputs, self.units = inputs, units
        w = gaussian((units, inputs), std, rng)
        b = np.full(units, bias, np.float32)
        self.params = {"w": Param(w), "b": Param(b)}

    def settings(self) -> dict[str, Any]:
        return {"inputs": self.inputs, "units": self.units}

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (self.inputs,):
            hint = "; put a Flatten before it" if len(shape) > 1 else ""
            raise ValueError(
                f"Linear expects ({self.inputs},) for one image, and got {shape}{hint}"
            )
        return (self.units,)

    def multiply_adds(self, shape: Shape) -> int:
        return self.inputs * self.units

    def forward(
        self, x: Array, mem: Memory, train: bool = False, noise: Array | None = None
    ) -> tuple[Array, Any]:
        w, b = self.params["w"].data, self.params["b"].data
        y = mem.output((len(x), self.units))

        def some_units(lo: int, hi: int) -> None:
            np.matmul(x, w[lo:hi].T, out=y[:, lo:hi])
            y[:, lo:hi] += b[lo:hi]

        mem.share(self.units, some_units)
        return y, x

    def backward(
        self, dy: Array, cache: Any, mem: Memory, need_dx: bool = True
    ) -> Array | None:
        x, w = cache, self.params["w"].data
        dw, db = mem.grads["w"], mem.grads["b"]

        def some_units(lo: int, hi: int) -> None:
            np.matmul(dy[:, lo:hi].T, x, out=dw[lo:hi])
            np.sum(dy[:, lo:hi], axis=0, out=db[lo:hi])

        mem.share(self.units, some_units)
        if not need_dx:
            return None
        dx = mem.pass_on("dx", x.shape)

        def some_inputs(lo: int, hi: int) -> None:
            np.matmul(dy, w[:, lo:hi], out=dx[:, lo:hi])

        mem.share(self.inputs, some_inputs)
        return dx
