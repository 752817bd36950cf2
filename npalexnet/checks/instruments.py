"""Is my derivative right? Three ways to find out, for every layer and for your own.

A backward pass claims: "if this number moves a little, the loss moves so much". That
can be tried. Forward is run with the number moved, and what comes out is compared:

    central_differences     move it up and down by h:  (f(x + h) - f(x - h)) / 2h
                            Most layers are linear in each argument, where central
                            differences have no truncation error; a large h then
                            minimises rounding. Whether it is so is tried out: where
                            two large steps disagree, a small one is taken.
    complex_step            move it by a tiny imaginary h:  Im f(x + ih) / h
                            Nothing is subtracted: h = 1e-30 works, and all digits are
                            right. For smooth functions (LRN, softmax) that accept
                            complex numbers. It is blind to |x| and the like, which
                            have no complex derivative; that is noticed, and said.
    directional_derivative  move a whole array along one random direction u, and ask
                            backward for the sum of all its claims times u. Two forward
                            passes, however many weights: this is how the whole network
                            is checked.

At a kink (ReLU at 0, two equal pixels under a max) there is no derivative to compare
with, so the inputs are chosen away from kinks, not drawn and hoped for.

A check that cannot fail is worth nothing. Each array of each layer therefore has a
mutant, a backward with a plausible mistake in it, which the same check must catch:

    python -m npalexnet.gradcheck
    python -m npalexnet.gradcheck conv lrn --mutant

For a layer of your own, as a pair of functions in the manner of `npalexnet.layers`:

    for finding in check(my_forward, my_backward, {"x": x, "w": w}):
        print(finding)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from npalexnet.datasets.augment import generator
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph

Forward = Callable[..., tuple[Array, Any]]
Backward = Callable[[Array, Any], Any]
Method = Callable[[Forward, Mapping[str, Array], Array, str], Array]


# ------------------------------------------------------------- the three instruments


LARGE, SMALL = 0.25, 1e-5  # steps, for what is straight and for what is not


def central_differences(
    forward: Forward,
    arrays: Mapping[str, Array],
    dy: Array,
    name: str,
    h: float | None = None,
) -> Array:
    """∂⟨dy, y⟩/∂arrays[name], entry by entry, by central differences.

    Args:
        forward: takes the arrays in their order, returns (y, cache).
        arrays: name to array, float64.
        dy: how much each entry of y counts.
        name: of the array to move.
        h: how far. If left out: far, where half as far gives the same answer, because
            forward is straight there; else 1e-5.
    """
    moved = {key: array.copy() for key, array in arrays.items()}
    a = moved[name] = np.array(arrays[name], np.float64)
    found = np.empty(a.shape)

    def slope(at: tuple[int, ...], h: float) -> tuple[float, float]:
        """The difference over 2h, and how much of it rounding may have made."""
        middle = a[at]
        a[at] = middle + h
        above = np.asarray(forward(*moved.values())[0])
        a[at] = middle - h
        below = np.asarray(forward(*moved.values())[0])
        a[at] = middle
        rounding = 100 * np.finfo(above.dtype).eps * np.abs(above * dy).sum() / h
        return float(np.sum(above * dy) - np.sum(below * dy)) / (2 * h), rounding

    for at in np.ndindex(a.shape):
        if h is not None:
            found[at], _ = slope(at, h)
            continue
        found[at], _ = slope(at, LARGE)
        half, rounding = slope(at, LARGE / 2)
        if not abs(found[at] - half) <= rounding:
            found[at], _ = slope(at, SMALL)
    return found


def small_differences(
    forward: Forward, arrays: Mapping[str, Array], dy: Array, name: str
) -> Array:
    """`central_differences` with a small step, for smooth functions that curve."""
    return central_differences(forward, arrays, dy, name, h=SMALL)


def complex_step(
    forward: Forward,
    arrays: Mapping[str, Array],
    dy: Array,
    name: str,
    h: float = 1e-30,
) -> Array:
    """∂⟨dy, y⟩/∂arrays[name], entry by entry, by a step in the imaginary direction.

    f(x + ih) = f(x) + ih f′(x) - h² f″(x)/2 ...: the imaginary part is h f′(x), and no
    two nearly equal numbers are subtracted. `forward` must accept complex arrays.

    Raises:
        ValueError: forward has no complex derivative (it takes an absolute value, say):
            a real step along some direction gives another answer than an imaginary one.
    """
    moved = {key: array.astype(complex) for key, array in arrays.items()}
    a = moved[name]
    found = np.empty(a.shape)
    for at in np.ndindex(a.shape):
        middle = a[at]
        a[at] = middle + 1j * h
        found[at] = np.sum(forward(*moved.values())[0] * dy).imag / h
        a[at] = middle
    refuse_if_not_analytic(forward, arrays, dy, name)
    return found


def refuse_if_not_analytic(
    forward: Forward, arrays: Mapping[str, Array], dy: Array, name: str
) -> None:
    """Compare an imaginary step with a real one, along one direction.

    The derivative of |x| in the imaginary direction is 0 at every x, so `complex_step`
    would call a backward right that returns 0.

    Raises:
        ValueError: they differ.
    """
    u = generator(0, "gradcheck direction").standard_normal(arrays[name].shape)

    def weighted(step: complex) -> Array:
        a = arrays[name]
        return forward(*({**arrays, name: a + step * u}).values())[0] * dy

    with np.errstate(all="ignore"):
        imaginary = float(np.sum(weighted(1e-30j).imag)) / 1e-30
        above, below = weighted(SMALL), weighted(-SMALL)
        real = float(np.sum(above) - np.sum(below)) / (2 * SMALL)
        size = max(abs(real), abs(imaginary), float(np.abs(above).sum()) * SMALL)
    if not abs(real - imaginary) <= 1e-4 * size:
        raise ValueError(
            f"complex_step cannot check {name}: a real step moves the result by "
            f"{real:.6g}, an imaginary one by {imaginary:.6g}, so forward has no "
            "complex derivative (it takes an absolute value, a real part, a maximum "
            "or a conjugate); use small_differences"
        )


def directional_derivative(
    graph: Graph,
    x: Array,
    name: str,
    dy: Array,
    rng: np.random.Generator,
    step: float = 1e-7,
    mask_seed: int | None = None,
) -> Finding:
    """One number for one whole array of a network: ⟨dy, J u⟩ against ⟨Jᵀ dy, u⟩.

    Args:
        graph: in float64.
        x: its input.
        name: of the parameter, "conv3.w" say.
        dy: how much each entry of the output counts.
        rng: draws the direction u.
        step: how far to go, relative to the size of the array. Small: a network has
            thousands of ReLUs and maxima, and each has a kink that must not be crossed.
        mask_seed: of the dropout masks; None is test mode.
    """

    def forward() -> Array:
        if mask_seed is None:
            return graph.forward(x)
        return graph.forward(x, train=True, rng=np.random.default_rng(mask_seed))

    param = graph.params[name]
    forward()
    graph.backward(dy)
    u = rng.standard_normal(param.data.shape)
    claimed = float(np.sum(param.grad * u))
    h = step * (float(np.abs(param.data).max()) or 1.0)
    w = param.data.copy()
    param.data = w + h * u
    above = forward()
    param.data = w - h * u
    below = forward()
    param.data = w
    found = float(np.sum((above - below) * dy)) / (2 * h)
    error = abs(claimed - found) / max(abs(found), 1e-300)
    return Finding(name, error, (), claimed, found)


# ----------------------------------------------------------------- the comparison


@dataclass(frozen=True)
class Finding:
    """How far a claimed gradient is from the one that was found by trying.

    Attributes:
        array: whose gradient, "x" or "w".
        error: largest |claimed - found|, relative to the largest |found|.
        where: index of the entry where that is.
        claimed: what backward says there.
        found: what forward shows there.
    """

    array: str
    error: float
    where: tuple[int, ...]
    claimed: float
    found: float

    def __str__(self) -> str:
        at = ", ".join(map(str, self.where))
        return (
            f"d{self.array:<7} worst relative error {self.error:.1e} at [{at}]: "
            f"claimed {self.claimed:+.6f}, found {self.found:+.6f}"
        )


def compare(array: str, claimed: Array, found: Array) -> Finding:
    """The worst place of a claimed gradient.

    Raises:
        ValueError: the claimed gradient has another shape than the array.
    """
    claimed = np.asarray(claimed)
    if claimed.shape != found.shape:
        raise ValueError(
            f"d{array} must have the shape of {array}, {found.shape}; "
            f"it has {claimed.shape}"
        )
    gap = np.asarray(np.abs(claimed - found))
    gap[np.isnan(gap)] = np.inf
    where = np.unravel_index(int(gap.argmax()), gap.shape) if gap.size else ()
    scale = max(float(np.abs(found).max(initial=0)), 1e-300)
    place = tuple(int(i) for i in where)
    return Finding(
        array,
        float(gap.max(initial=0)) / scale,
        place,
        float(claimed[place]),
        float(found[place]),
    )


def check(
    forward: Forward,
    backward: Backward,
    arrays: Mapping[str, Array],
    method: Method = central_differences,
    seed: int = 0,
) -> list[Finding]:
    """Compare a backward with its forward, for every array, at every entry.

    Args:
        forward: takes the arrays in their order, returns (y, cache).
        backward: takes (dy, cache), returns the gradients in the same order; one array
            if there is only one.
        arrays: name to array, float64, away from kinks.
        method: `central_differences`, `small_differences` or `complex_step`.
        seed: of dy, which is drawn from a stream of its own: it never equals an array
            that somebody has drawn from `default_rng(seed)`.

    Raises:
        ValueError: backward returns too few gradients, or one of a wrong shape; or
            `method` cannot be used for this forward.
    """
    y, cache = forward(*arrays.values())
    dy = generator(seed, "gradcheck dy").standard_normal(np.shape(y))
    gradients = backward(dy, cache)
    if not isinstance(gradients, tuple | list):
        gradients = (gradients,)
    if len(gradients) != len(arrays):
        raise ValueError(
            f"backward must return {len(arrays)} gradients, one each for "
            f"{', '.join(arrays)}; it returns {len(gradients)}"
        )
    return [
        compare(name, gradient, method(forward, arrays, dy, name))
        for name, gradient in zip(arrays, gradients, strict=True)
    ]


def distinct(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Whole numbers in random order: all different, so no maximum is ever a tie."""
    return rng.permutation(int(np.prod(shape))).reshape(shape).astype(float)


def away_from_zero(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Numbers of both signs, at least 1 away from ReLU's kink."""
    return rng.choice([-1.0, 1.0], shape) * (1 + rng.random(shape))
