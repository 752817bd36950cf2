"""The fully connected layer: every unit sees every input (paper 3.5).

Three of them end AlexNet. They hold 96 % of its weights and do 8 % of its work: a
filter is used at hundreds of places of the picture, these weights only once.

Shapes
    x (N, D)   w (M, D)   b (M,)   y (N, M)

Forward     y[n, m] = b[m] + Σ_d x[n, d] · w[m, d]              y = x wᵀ + b
Backward    dx[n, d] = Σ_m dy[n, m] · w[m, d]                   dx = dy w
            dw[m, d] = Σ_n dy[n, m] · x[n, d]                   dw = dyᵀ x
            db[m]    = Σ_n dy[n, m]

Because y is linear in each of x, w and b. Every image uses the same w and b, so their
gradients are sums over the images; every unit uses the same x, so its gradient is a sum
over the units.

Kept for backward
    x.

Fast: BLAS. The work is divided by units in y, dw and db, and by inputs in dx, so that
nothing has to be added up afterwards.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Param, Shape, Workspace, gaussian


def linear_forward(x: Array, w: Array, b: Array) -> tuple[Array, Any]:
    """Every unit's weighted sum of all inputs, and its bias.

    Args:
        x: (N, D).
        w: weights, one row per unit, (M, D).
        b: one bias per unit, (M,).

    Returns:
        (y, cache): y (N, M); the cache is for `linear_backward`.

    Raises:
        ValueError: the shapes do not fit each other.

    Source:
        paper 3.5.

    Example:
        Three units: the first input, the second, and their sum with a bias of 10:

        >>> w = np.array([[1, 0], [0, 1], [1, 1]])
        >>> y, cache = linear_forward(np.array([[3, 4]]), w, np.array([0, 0, 10]))
        >>> y.tolist()
        [[3, 4, 17]]
    """
    # (N, D) -d- (D, M) -> (N, M)
    return x @ w.T + b, (x, w)


def linear_backward(dy: Array, cache: Any) -> tuple[Array, Array, Array]:
    """From ∂loss/∂y to the gradients of the input, the weights and the biases.

    Args:
        dy: (N, M).
        cache: what `linear_forward` returned.

    Returns:
        (dx, dw, db): shaped like x (N, D), w (M, D) and b (M,).

    Source:
        not written out in the paper; derived in this module's docstring.

    Example:
        dx is dy times the weights, dw holds x once per unit, times that unit's dy:

        >>> w = np.array([[1, 0], [0, 1], [1, 1]])
        >>> y, cache = linear_forward(np.array([[3, 4]]), w, np.array([0, 0, 10]))
        >>> dx, dw, db = linear_backward(np.array([[1, 0, 2]]), cache)
        >>> dx.tolist()
        [[3, 2]]
        >>> dw.tolist(), db.tolist()
        ([[3, 4], [0, 0], [6, 8]], [1, 0, 2])
    """
    x, w = cache
    # (N, M) -m- (M, D) -> (N, D)
    dx = dy @ w
    # (M, N) -n- (N, D) -> (M, D)
    dw = dy.T @ x
    return dx, dw, dy.sum(0)


class Linear(Layer):
    """A fully connected layer.

    Args:
        inputs: inputs D.
        units: outputs M.
        std: weights are drawn from N(0, std²).
        bias: the biases start at this value.
        rng: where the weights are drawn from.
    """

    parallel_over = "features"
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
        self, x: Array, ws: Workspace, train: bool = False, mask: Array | None = None
    ) -> tuple[Array, Any]:
        w, b = self.params["w"].data, self.params["b"].data
        y = ws.output((len(x), self.units))

        def some_units(lo: int, hi: int) -> None:
            # (N, D) -d- (D, some M) -> (N, some M)
            np.matmul(x, w[lo:hi].T, out=y[:, lo:hi])
            y[:, lo:hi] += b[lo:hi]

        ws.parallel_for(self.units, some_units)
        return y, x

    def backward(self, dy: Array, cache: Any, ws: Workspace) -> Array:
        x, w = cache, self.params["w"].data
        dw, db = ws.grads["w"], ws.grads["b"]

        def some_units(lo: int, hi: int) -> None:
            # (some M, N) -n- (N, D) -> (some M, D)
            np.matmul(dy[:, lo:hi].T, x, out=dw[lo:hi])
            np.sum(dy[:, lo:hi], axis=0, out=db[lo:hi])

        ws.parallel_for(self.units, some_units)
        dx = ws.temporary("dx", x.shape if ws.need_dx else (0,))
        if not ws.need_dx:
            return dx

        def some_inputs(lo: int, hi: int) -> None:
            # (N, M) -m- (M, some D) -> (N, some D)
            np.matmul(dy, w[:, lo:hi], out=dx[:, lo:hi])

        ws.parallel_for(self.inputs, some_inputs)
        return dx
