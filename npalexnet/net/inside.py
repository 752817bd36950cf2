"""Receptive fields, top activations, occlusion, saliency: what was learned, in numbers.

    receptive_field   which pixels a unit sees
    top_activations   the pictures, and the places in them, that excite a unit most
    occlusion         what happens to the answer when a part is covered
    saliency          which pixels would change the answer (a gradient)
    features          the last hidden layer's output: pictures as points in a space
    neighbours        the nearest of these points (paper 6.1, Fig. 4 right)

All of them show the network what `Graph.prepare` makes of a picture: its central crop.
`Graph.input.crop_centre` gives the same crop in bytes, to be drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.pictures import Pixels
from npalexnet.layers import Dropout
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.net.loss import softmax

Box = tuple[int, int, int, int]  # top, left, bottom, right; the last two are exclusive
Numbers = npt.NDArray[np.int64]


# ------------------------------------------------------------- what a unit sees


class Field(NamedTuple):
    """The receptive field of a layer's units: the pixels that their output depends on.

    Attributes:
        size: side of the square that one unit sees, in pixels.
        jump: pixels from one unit's square to the next one's.
        start: first row (and column) of the first unit's square; negative where it
            begins in the padding.
    """

    size: int
    jump: int
    start: int

    def box(self, row: int, column: int, height: int, width: int) -> Box:
        """What a unit sees of a picture of height x width."""
        top, left = self.start + row * self.jump, self.start + column * self.jump
        bottom, right = min(top + self.size, height), min(left + self.size, width)
        return max(top, 0), max(left, 0), bottom, right


def receptive_field(graph: Graph, layer: str) -> Field:
    """Follow the windows from the picture up to a layer.

    A window of K units sees (K - 1) · jump pixels more than one unit; a stride makes
    the jump that many times longer; padding moves the first window out of the picture.

    Raises:
        ValueError: no layer has this name, or its units have no place in the picture.
    """
    if layer not in graph.layers:
        raise ValueError(f"no layer is called {layer!r}")
    if len(graph.output_shapes[layer]) != 3:
        raise ValueError(f"the units of {layer} have no place: each sees everything")
    size, jump, start = 1, 1, 0
    for name, machine in graph.layers.items():
        kernel, stride, before = machine.window()
        size += (kernel - 1) * jump
        start -= before * jump
        jump *= stride
        if name == layer:
            break
    return Field(size, jump, start)


# -------------------------------------------------------- what excites a unit


class TopActivations(NamedTuple):
    """The pictures that excite some units of a layer most, strongest first.

    Attributes:
        layer: its name.
        units: the units, or maps, that were asked for (U,).
        pictures: indices of the pictures (U, T).
        values: how strongly the unit answers to each of them (U, T).
        boxes: what the unit sees at the place of its strongest answer: top, left,
            bottom, right (U, T, 4), in pixels of `Input.crop_centre`.
    """

    layer: str
    units: Numbers
    pictures: Numbers
    values: Array
    boxes: Numbers


def top_activations(
    graph: Graph,
    pixels: Pixels,
    layer: str,
    units: Sequence[int],
    top: int = 9,
    batch: int = 64,
) -> TopActivations:
    """Find the pictures that excite units most, and where in the picture.

    Args:
        graph: the network.
        pixels: (N, H, W, 3) uint8 RGB.
        layer: name of any layer.
        units: indices of units, or of channels in a convolutional layer.
        top: pictures for each unit.
        batch: pictures at a time.

    Raises:
        ValueError: no such layer or unit.
    """
    wanted = np.array(units, np.int64)
    shape = graph.output_shapes.get(layer, (0,))
    if len(wanted) == 0 or wanted.min() < 0 or wanted.max() >= shape[0]:
        raise ValueError(f"{layer} has units 0 to {shape[0] - 1}; asked for {units}")
    values, places = [], []
    for x in _prepared(graph, pixels, batch):
        y = graph.forward(x, keep=False, until=layer)[:, wanted]
        y = y.reshape(len(y), len(wanted), -1)  # (N, U, places)
        values.append(y.max(2))
        places.append(y.argmax(2))
    all_values, all_places = np.concatenate(values).T, np.concatenate(places).T
    order = np.argsort(-all_values, axis=1, kind="stable")[:, :top]
    at = np.take_along_axis(all_places, order, 1)
    height, width = graph.input_shape[1:]
    if len(shape) == 3:
        field = receptive_field(graph, layer)
        boxes = [
            [field.box(p // shape[2], p % shape[2], height, width) for p in row]
            for row in at
        ]
    else:
        boxes = [[(0, 0, height, width)] * at.shape[1]] * len(at)
    found = np.take_along_axis(all_values, order, 1)
    return TopActivations(layer, wanted, order, found, np.array(boxes, np.int64))


# ---------------------------------------------------------- where it looks


class Occlusion(NamedTuple):
    """How a class's probability changed when a square of the picture was covered.

    Attributes:
        before: the probability with nothing covered.
        after: the probability with the square at each place (P, Q).
        starts: first rows (and columns) of the squares (P,), in pixels.
        size: side of the square, in pixels.
    """

    before: float
    after: Array
    starts: Numbers
    size: int

    def lost(self) -> npt.NDArray[np.float64]:
        """For each pixel, the probability lost, as a mean over the squares covering it.

        Negative where covering helped. Its shape (H, W) is that of the network's input.
        """
        side = int(self.starts[-1]) + self.size
        total, count = np.zeros((2, side, side))
        for p, top in enumerate(self.starts):
            for q, left in enumerate(self.starts):
                square = slice(top, top + self.size), slice(left, left + self.size)
                total[square] += self.before - self.after[p, q]
                count[square] += 1
        return total / np.maximum(count, 1)

    def worst(self) -> Box:
        """The square that cost most probability when it was covered."""
        p, q = np.unravel_index(self.after.argmin(), self.after.shape)
        top, left = int(self.starts[p]), int(self.starts[q])
        return top, left, top + self.size, left + self.size


def occlusion(
    graph: Graph,
    x: Array,
    label: int,
    size: int | None = None,
    stride: int | None = None,
    batch: int = 64,
) -> Occlusion:
    """Cover one square of a picture after another, and ask the network each time.

    As Zeiler and Fergus (2014) did. The cover is 0 in the network's input, which stands
    for the mean colour, or the mean picture.

    Args:
        graph: the network.
        x: one picture as input (3, H, W), square.
        label: the class whose probability is watched.
        size: side of the square in pixels; a quarter of the picture if left out.
        stride: pixels from one place to the next; side / 18 if left out.
        batch: covered pictures at a time.

    Raises:
        ValueError: the square is larger than the picture, or a number is too small.
    """
    side = x.shape[-1]
    size = side // 4 if size is None else size
    stride = max(1, side // 18) if stride is None else stride
    if not 1 <= size <= side or stride < 1:
        raise ValueError(
            f"size must lie in 1 to {side} and stride be at least 1; "
            f"they are {size} and {stride}"
        )
    last = side - size
    starts = np.unique([*range(0, last + 1, stride), last])
    places = [(top, left) for top in starts for left in starts]
    before = softmax(graph.forward(x[None], keep=False))[0, label]
    after = []
    for lo in range(0, len(places), batch):
        part = places[lo : lo + batch]
        covered = np.repeat(x[None], len(part), axis=0)
        for picture, (top, left) in zip(covered, part, strict=True):
            picture[:, top : top + size, left : left + size] = 0
        after.append(softmax(graph.forward(covered, keep=False))[:, label])
    grid = np.concatenate(after).reshape(len(starts), len(starts))
    return Occlusion(float(before), grid, starts.astype(np.int64), size)


def saliency(graph: Graph, x: Array, labels: Sequence[int] | Numbers) -> Array:
    """∂(score of a class)/∂x: how a small change of each pixel would change the answer.

    The score is the class's logit, before softmax: a gradient of the probability would
    also show what speaks for other classes, and vanishes where the network is sure
    (Simonyan, Vedaldi, Zisserman 2013). Dropout is off. This is a full backward pass:
    it overwrites `Param.grad`.

    Args:
        graph: the network.
        x: pictures as input (N, 3, H, W).
        labels: for each picture the class whose score is asked about (N,).

    Returns:
        (N, 3, H, W), logit per unit of the input.
    """
    y = graph.forward(x)
    dy = np.zeros_like(y)
    dy[np.arange(len(y)), np.asarray(labels)] = 1
    return graph.run_back(dy, need_dx=True).copy()


def saliency_map(dx: Array) -> Array:
    """A gradient as one map per picture: at each pixel, the largest |dx| of 3 colours.

    (N, 3, H, W) to (N, H, W), nothing negative.
    """
    return np.abs(dx).max(1)


def mass_inside(weights: Array, box: Box) -> float:
    """The share of a map (H, W) without negative values that lies inside a box.

    For a map that is the same everywhere, it is the box's share of the area.
    """
    top, left, bottom, right = box
    total = float(weights.sum(dtype=np.float64))
    inside = float(weights[top:bottom, left:right].sum(dtype=np.float64))
    return inside / total if total > 0 else 0.0


# ------------------------------------------------------- what it finds similar


def last_hidden(graph: Graph) -> str:
    """The name of the last hidden layer: the one before the last, dropout aside."""
    names = list(graph.layers)[:-1]
    while len(names) > 1 and isinstance(graph.layers[names[-1]], Dropout):
        names.pop()
    return names[-1]


def features(
    graph: Graph, pixels: Pixels, layer: str | None = None, batch: int = 128
) -> Array:
    """A layer's output for pictures, one row of features per picture (N, D).

    Args:
        graph: the network.
        pixels: (N, H, W, 3) uint8 RGB.
        layer: the last hidden one if left out: relu7 in AlexNet, 4096 numbers.
        batch: pictures at a time.
    """
    until = last_hidden(graph) if layer is None else layer
    parts = [
        graph.forward(x, keep=False, until=until).reshape(len(x), -1)
        for x in _prepared(graph, pixels, batch)
    ]
    return np.concatenate(parts)


def neighbours(
    points: Array, queries: Array, count: int = 6
) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """The nearest points of each query, by Euclidean distance, nearest first.

    Args:
        points: (N, D), the features of many pictures.
        queries: (Q, D), the features of some.
        count: how many neighbours for each query.

    Returns:
        indices of the points (Q, count), and their distances (Q, count).
    """
    a, b = queries.astype(np.float64), points.astype(np.float64)
    squares = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)  # |a - b|²
    nearest = np.argsort(squares, axis=1, kind="stable")[:, :count]
    distances = np.stack(
        [np.linalg.norm(b[i] - q, axis=1) for i, q in zip(nearest, a, strict=True)]
    )
    return nearest, distances


def _prepared(graph: Graph, pixels: Pixels, batch: int) -> Iterator[Array]:
    """Pictures as input, one batch after another."""
    for lo in range(0, len(pixels), batch):
        yield graph.prepare(pixels[lo : lo + batch])
