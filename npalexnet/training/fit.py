"""`fit`: train on arrays, in Python. The command's own loop, without its folder.

graph = build([Conv(32, 3), Act(), Pool(), Flat(), Full(0)], (3, 32, 32), 10)
history = fit(graph, x, labels, epochs=5, validation=0.2)
history.plot()
graph.predict(x[:3])
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.alexnet import VARIANTS
from npalexnet.datasets.augment import colour_pca
from npalexnet.datasets.catalogue import DataSet, Pictures, nothing
from npalexnet.datasets.input import (
    ARRAYS_ONLY,
    Input,
    as_pixels,
    check_finite,
    scale_of,
)
from npalexnet.datasets.labels import as_labels, hold_out
from npalexnet.datasets.moments import Statistics, measured_input, statistics
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.parallel import OneProcess, Ranks
from npalexnet.system.errors import UserError
from npalexnet.training.film import Film
from npalexnet.training.fits import check_fits
from npalexnet.training.interruption import Interruption
from npalexnet.training.loop import train_epochs, warm_up
from npalexnet.training.options import Config
from npalexnet.training.progress import Progress, Silent
from npalexnet.training.trainer import Trainer

Row = dict[str, Any]
Pair = tuple[npt.ArrayLike, npt.ArrayLike]


class History(list[Row]):
    """What `fit` returns: one row an epoch, with the columns of a run's log.csv.

    Accuracies are fractions 0..1; None is what was not measured.
    """

    def __init__(self) -> None:
        super().__init__()
        self._film = Film()

    def add(self, **row: Any) -> None:
        """One more row."""
        self.append(row)

    def plot(self, title: str = "") -> Any:
        """Loss and accuracy over the epochs, as a matplotlib Figure."""
        from npalexnet import figures

        return figures.curves(self, title, training="training, while it learns")

    def film(self, path: str | Path) -> None:
        """Write how the first layer's filters came out of noise, as a GIF.

        Raises:
            UserError: the network does not begin with a convolution.
        """
        self._film.write(Path(path))


def fit(
    graph: Graph,
    x: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    epochs: int = 10,
    batch: int = 128,
    lr: float = 0.01,
    drops: Sequence[int] = (),
    momentum: float = 0.9,
    weight_decay: float = 5e-4,
    validation: Pair | float | None = None,
    augment: bool | None = None,
    scale: float | None = None,
    seed: int = 0,
    callback: Callable[[Row, Graph], object] | None = None,
    progress: bool = True,
) -> History:
    """Train a network on pictures or arrays, and return what happened.

    Args:
        graph: the network; its weights are changed, and `graph.input` is measured on x,
            unless it was trained or loaded before.
        x: pictures (N, H, W, 3), or grey ones (N, H, W), in bytes (uint8), of any size;
            or arrays (N, *input_shape) of any real dtype.
        labels: (N,), whole numbers 0..classes-1 in any dtype; or names, which
            `graph.input.classes` then keeps, sorted.
        epochs: how often every image is shown.
        batch: images per step.
        lr: learning rate at the start.
        drops: epochs after which it is divided by 10.
        momentum, weight_decay: of `SGD`.
        validation: (x, labels) to test on after each epoch; or a share between 0 and 1
            that is held out, evenly over the classes.
        augment: True shows each picture cropped, mirrored and coloured at random, as
            the command does.
        scale: grey levels in one unit of x, if x is no bytes. Left out: 255 if x lies
            within 0..1, 1 within 0..255, else not known (see `Input`).
        seed: of every random draw.
        callback: called with (row, graph) after each epoch; True ends the training.
        progress: print a line after each epoch.

    Ctrl-C ends the training after the step, and what was learned so far is kept.

    Raises:
        UserError: what is given does not fit; says what to do. Nothing is changed then.
    """
    for name, value in {"epochs": epochs, "batch": batch, "seed": seed}.items():
        if not isinstance(value, int | np.integer):
            raise UserError(f"{name} must be a whole number, and is {value!r}")
    options = {"epochs": epochs, "batch": batch, "drops": tuple(drops), "lr": lr}
    options |= {"momentum": momentum, "weight_decay": weight_decay, "seed": seed}
    noisy = bool(augment)
    config = Config("own", augment=noisy, colour=noisy, **options)  # type: ignore[arg-type]
    config.check(said=str)
    data, names = gather(graph, x, labels, validation, seed)
    given, seen = measure(graph, data.train.pixels, scale)
    if noisy and given.side == ARRAYS_ONLY:
        raise UserError(
            f"augment=True needs square images of 1 or 3 channels, and the network "
            f"takes {graph.input_shape}; leave it out"
        )
    network = OneProcess(graph)
    check_fits(network, min(batch, len(data.train.labels)))
    before, graph.input = graph.input, given._replace(classes=names)
    run = Unsaved(config, Path(), data, network, colour_pca(seen), Ranks())
    if callback is not None:
        run.callback = lambda row: callback(row, graph)
    try:
        return learn(run, progress)
    except BaseException:
        if run.state.step == 0:
            graph.input = before
        raise


class CtrlC(Interruption):
    """Ctrl-C alone: SIGTERM is not `fit`'s to catch."""

    def __init__(self) -> None:
        super().__init__(signal.SIGINT)

    def _answer(self) -> None:
        self.doing = "finishing this step"  # nothing is saved
        super()._answer()


class Unsaved(Trainer):
    """A training run without a folder."""

    def _write(self, name: str, **extra: Any) -> None:
        """Nothing is saved."""


def learn(run: Trainer, progress: bool) -> History:
    """The loop itself, with its messages and its answer to Ctrl-C."""
    history = History()
    history._film = run.film
    with CtrlC() as stop:
        warm_up(run)
        told = Progress(0, run.last_step) if progress else Silent()
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # the loop looks itself
                train_epochs(run, history, told, stop)
        finally:
            told.close()
    if stop.asked and progress:
        print(f"stopped after step {run.state.step}; what was learned so far is kept")
    return history


def gather(
    graph: Graph,
    x: npt.ArrayLike,
    labels: npt.ArrayLike,
    validation: Pair | float | None,
    seed: int,
) -> tuple[DataSet, tuple[str, ...]]:
    """What is given, checked, as a data set; and the names of the classes, or ()."""
    name, shape = list(graph.output_shapes.items())[-1]
    if len(shape) != 1:
        raise UserError(
            f"the network ends in {name} with {shape}, and must end in one number for "
            "each class: Flatten and Linear, or Flat() and Full(0)"
        )
    images = images_for(graph, x)
    numbers, names = as_labels(labels, len(images), shape[0], graph.input.classes)
    if len(np.unique(numbers)) < 2:
        raise UserError(
            f"all labels are {names[numbers[0]] if names else numbers[0]}; a network "
            "can only learn to tell classes apart: give images of two or more"
        )
    train = Pictures(images, numbers, ())
    if validation is None or validation is False:
        val = nothing(train)
    elif isinstance(validation, int | float):
        learned, held = hold_out(numbers, float(validation), seed)
        val = Pictures(images[held], numbers[held], ())
        train = Pictures(images[learned], numbers[learned], ())
    else:
        if len(validation) != 2:
            raise UserError(
                f"validation must be a share between 0 and 1, or (x, labels), and has "
                f"{len(validation)} parts"
            )
        val_x, val_labels = validation
        tested = images_for(graph, val_x)
        number, _ = as_labels(val_labels, len(tested), shape[0], names)
        val = Pictures(tested, number, ())
    classes = names or tuple(map(str, range(shape[0])))
    return DataSet(train, val, classes), names


def images_for(graph: Graph, x: npt.ArrayLike) -> Array:
    """What is given, if the network can take it; pictures as squares of its side."""
    images = np.asarray(x)
    pixels = as_pixels(images, graph.input_shape, next(iter(graph.layers)))
    check_finite(pixels)
    graph.input.check_unit(pixels)
    if images.dtype == np.uint8 and graph.input.side != ARRAYS_ONLY:
        return graph.input.square(pixels)
    return images


def measure(
    graph: Graph, images: Array, scale: float | None
) -> tuple[Input, Statistics]:
    """The network's input for these images, and what they look like on average.

    Raises:
        UserError: `scale` is impossible, or is already settled.
    """
    given = graph.input
    pixels = as_pixels(images, graph.input_shape)
    if scale is not None:
        if not 0 < scale < np.inf:
            raise UserError(f"scale must be above 0, and is {scale}")
        if images.dtype == np.uint8 and scale != 1:
            raise UserError(
                f"scale={scale:g} is for arrays, and x is in bytes, which are grey "
                "levels; leave it out, or give x.astype(float)"
            )
        if given.measured and scale != given.scale:
            raise UserError(
                f"scale is {scale:g} here, and the network was trained with "
                f"{given.scale}; leave it out, or train a new network"
            )
    if not given.measured:
        worth = scale_of(pixels) if scale is None else float(scale)
        given = given._replace(scale=worth, measured=True)
        given.check_unit(pixels)
    channels = pixels.shape[-1] if pixels.ndim > 2 else 1
    rows = pixels if pixels.ndim == 4 else pixels.reshape(len(pixels), 1, -1, channels)
    seen = statistics(rows, given.scale or 1.0)
    if graph.input.measured:
        return given, seen
    variant = graph.about.get("variant")
    what = VARIANTS[variant].measured if variant in VARIANTS else "colour"
    if given.scale is None and what == "nothing":  # constants are in grey levels
        what = "colour"
    return measured_input(given, seen, what), seen
