"""Where Numba is missing, a layer's reference pair does the work of its machine.

In a browser (Pyodide), on a rare platform, or with a Python that Numba does not know
yet, everything works, slower, with the same answers. A machine that calls kernels
names its references, and which of its settings they want:

    @by_reference(maxpool_forward, maxpool_backward, "kernel", "stride")
    class MaxPool(Layer):
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from npalexnet.kernels.compile import compiler
from npalexnet.layers.layer import Array, Layer, Workspace

Machine = TypeVar("Machine", bound=type[Layer])


def by_reference(
    forward: Callable[..., Any], backward: Callable[..., Any], *settings: str
) -> Callable[[Machine], Machine]:
    """Let the references stand in for a machine's own forward and backward.

    Args:
        forward: (x, *parameters, **settings) -> (y, cache).
        backward: (dy, cache) -> dx, or (dx, a gradient for each parameter).
        settings: attributes of the machine that forward wants by name.
    """

    def choose(machine: Machine) -> Machine:
        fast_forward, fast_backward = machine.forward, machine.backward

        @wraps(fast_forward)
        def either_forward(
            self: Layer,
            x: Array,
            ws: Workspace,
            train: bool = False,
            mask: Array | None = None,
        ) -> tuple[Array, Any]:
            if compiler() is not None:
                return fast_forward(self, x, ws, train, mask)
            learned = [param.data for param in self.params.values()]
            return forward(x, *learned, **{s: getattr(self, s) for s in settings})

        @wraps(fast_backward)
        def either_backward(self: Layer, dy: Array, cache: Any, ws: Workspace) -> Array:
            if compiler() is not None:
                return fast_backward(self, dy, cache, ws)
            if not self.params:
                return backward(dy, cache)
            dx, *grads = backward(dy, cache)
            for name, grad in zip(self.params, grads, strict=True):
                ws.grads[name] += grad  # all of them are parallel over the batch
            return dx

        setattr(machine, "forward", either_forward)  # noqa: B010 (for mypy)
        setattr(machine, "backward", either_backward)  # noqa: B010
        return machine

    return choose
