"""A training run: what it trains, how far it has come, how that is saved and restored.

Everything that going on needs is in last.npz: weights, velocity, and `State`. Random
numbers are functions of seed, epoch and step, so there is no generator to save. That is
why a run that was killed at any moment and resumed ends as if nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet import checkpoint, datasets, weights
from npalexnet.alexnet import VARIANTS, alexnet
from npalexnet.augment import Colours, colours_of, training_batch
from npalexnet.batches import Numbers
from npalexnet.config import Config
from npalexnet.datasets import DataSet
from npalexnet.errors import UserError
from npalexnet.evaluate import Result
from npalexnet.graph import Graph, Input
from npalexnet.layers.layer import Array
from npalexnet.memory import check_fits
from npalexnet.optim import SGD, Plateau, steps
from npalexnet.parallel import ParallelGraph, Ranks
from npalexnet.pictures import resize_all

PHASES = ("data", "forward", "backward", "update", "validation", "saving")


@dataclass
class State:
    """Where a run is: all that going on needs, besides weights and velocity.

    Attributes:
        step: steps done.
        lr: the learning rate of the last one.
        loss, right, seen, training_seconds: sums since the last row of the log.
        row_due: an epoch, or the run, has ended and is not yet in the log.
        seconds: since the first step began, added up over resumes.
        best_top1: of all validations so far.
        plateau: of the schedule.
        phases: seconds spent in each phase.
    """

    step: int = 0
    lr: float = 0.0
    loss: float = 0.0
    right: int = 0
    seen: int = 0
    training_seconds: float = 0.0
    row_due: bool = False
    seconds: float = 0.0
    best_top1: float = -1.0
    plateau: dict[str, Any] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    def count(self, loss: float, right: int, seen: int) -> None:
        """Take in one step."""
        self.step += 1
        self.loss += loss * seen
        self.right += right
        self.seen += seen

    def spend(self, phase: str, seconds: float) -> None:
        """Book time on a phase."""
        self.phases[phase] += seconds
        self.seconds += seconds
        if phase not in ("validation", "saving"):
            self.training_seconds += seconds

    def new_row(self) -> None:
        """Start counting for the next row of the log."""
        self.loss, self.right, self.seen, self.training_seconds = 0.0, 0, 0, 0.0
        self.row_due = False


class Run:
    """A training run: the folder, the network, and how far it has come.

    On several ranks each has its own, with its share of the network; rank 0's alone
    reads and writes the folder.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        data: DataSet,
        graph: Graph | ParallelGraph,
        colours: Colours,
        ranks: Ranks,
    ) -> None:
        assert config.batch and config.epochs and config.drops is not None
        self.config, self.folder, self.data, self.graph = config, folder, data, graph
        self.colours = colours if config.colour else None
        self.ranks = ranks
        self.frozen: Graph | None = None
        self.learning: Graph | ParallelGraph = graph
        if isinstance(graph, Graph):
            self.frozen, self.learning = cut(graph, config.freeze)
        self.sgd = SGD(
            self.learning.params, config.lr, config.momentum, config.weight_decay
        )
        self.state = State(lr=config.lr)
        self.plateau = Plateau(config.lr)
        self.batch, self.drops = config.batch, config.drops
        self.steps_an_epoch = math.ceil(len(data.train.labels) / config.batch)
        self.last_step = config.epochs * self.steps_an_epoch
        if config.steps is not None:
            self.last_step = min(self.last_step, config.steps)

    def make_batch(self, epoch: int) -> Callable[[Numbers], tuple[Array, Array]]:
        """What turns numbers of pictures into (x, labels) in this epoch.

        On several ranks, x is this rank's share, and labels are those of all.
        """

        def make(numbers: Numbers) -> tuple[Array, Array]:
            mine = numbers[self.graph.share(len(numbers))]
            x = training_batch(
                self.data.train.pixels[mine],
                mine,
                self.graph.input,
                self.config.seed,
                epoch,
                self.config.augment,
                self.colours,
            )
            return x, self.data.train.labels[numbers]

        return make

    def learning_rate(self, epoch: int) -> float:
        """The rate in this epoch (from 0)."""
        if self.config.schedule == "plateau":
            return self.plateau.lr
        return steps(self.config.lr, self.drops, epoch)

    def save_best(self, result: Result) -> None:
        """Write best.npz, if it is."""
        if result.top1 > self.state.best_top1:
            self.state.best_top1 = result.top1
            self._write("best.npz", val_top1=result.top1)

    def save(self) -> None:
        """Write last.npz: all that going on needs."""
        self.state.plateau = self.plateau.state()
        self._write("last.npz", velocity=self.sgd.velocity, state=vars(self.state))

    def _write(self, name: str, **extra: Any) -> None:
        path, config = self.folder / name, asdict(self.config)
        if isinstance(self.graph, ParallelGraph):
            self.graph.save(path, **extra, config=config)
        else:
            checkpoint.save(path, self.graph, **extra, config=config)

    def restore(self) -> None:
        """Take weights, velocity and state from last.npz.

        A run that was killed before its first checkpoint has none, and starts again.

        Raises:
            UserError: it is damaged, or of another network.
        """
        graph, velocity = None, {}

        def read() -> tuple[Input, dict[str, Any]] | None:
            nonlocal graph, velocity
            path = self.folder / "last.npz"
            if not path.exists():
                return None
            graph, extra = checkpoint.load_all(path)
            for name in self.graph.params:
                theirs = graph.params.get(name)
                fits = self.graph.whole_shape(name)
                if theirs is None or theirs.data.shape != fits:
                    raise UserError(
                        f"{path} holds another network than {self.folder}/config.json "
                        f"says: {name} does not fit; choose the right folder by --out"
                    )
            velocity = extra["velocity"]
            return graph.input, extra["state"]

        found = self.ranks.from_first(read)
        if found is None:
            return
        for name, param in self.graph.params.items():
            values = graph.params[name].data if graph else None
            param.data = self.graph.rows(name, self.ranks.spread(values))
            if name in self.sgd.velocity:
                values = self.ranks.spread(velocity.get(name))
                self.sgd.velocity[name][...] = self.graph.rows(name, values)
        self.graph.input, state = found
        self.state = State(**state)
        self.plateau = Plateau(**self.state.plateau)


def build(config: Config, data: DataSet) -> tuple[Graph, Colours]:
    """The network that a configuration asks for, its input measured on the training
    set.

    Raises:
        UserError: a switch that changes nothing in this variant, and the like.
    """
    try:
        graph = alexnet(
            config.variant,
            len(data.classes),
            config.seed,
            lrn=config.lrn,
            overlap=config.overlap,
            groups=config.groups,
            dropout=config.dropout,
            activation=config.activation,
            lrn_groups=config.lrn_groups,
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    seen = datasets.statistics(data.train.pixels)
    graph.input = graph.input._replace(classes=data.classes)
    measured = VARIANTS[config.variant].measured
    if config.weights is not None:
        fill(graph, Path(config.weights))  # and keep the input that these are made for
    elif measured == "picture":
        picture = seen.mean_picture.clip(0, 255).round().astype(np.uint8)[None]
        mean = resize_all(picture, graph.input.side)[0].astype(np.float64)
        graph.input = graph.input._replace(mean=mean)
    elif measured == "colour":
        graph.input = graph.input._replace(mean=seen.mean, std=np.array(seen.std))
    return graph, colours_of(seen)


def fill(graph: Graph, path: Path) -> None:
    """Take weights from a file: of every layer that is in it, but not of the last.

    The last layer tells other classes apart, and starts anew.

    Raises:
        UserError: the file holds no weights, or those of another network.
    """
    found = weights.read(path)
    last = list(graph.params)[-1].rpartition(".")[0]
    named = {name.rpartition(".")[0] for name in found} - {last}
    layers = [n for n, layer in graph.layers.items() if layer.params and n in named]
    try:
        weights.put(graph, found, layers)
    except UserError as error:
        variant = graph.about["variant"]
        raise UserError(
            f"{path} does not fit the variant {variant}: {error}; choose another "
            "--variant or --weights"
        ) from None
    print(f"{path}: weights of {', '.join(layers)}; the others start anew")


def cut(graph: Graph, freeze: str | None) -> tuple[Graph | None, Graph]:
    """A network as (what stays as it is, what learns).

    "conv": all before flatten stays. Its part is a chain of its own, through which a
    batch goes once, forwards, as in a test.
    """
    if freeze is None:
        return None, graph
    names = list(graph.layers)
    at = names.index("flatten")
    trunk = {name: graph.layers[name] for name in names[:at]}
    head = {name: graph.layers[name] for name in names[at:]}
    features = graph.output_shapes[names[at - 1]]
    return (
        Graph(trunk, graph.input_shape, graph.dtype),
        Graph(head, features, graph.dtype),
    )


def prepare(config: Config, folder: Path, ranks: Ranks) -> Run:
    """Read the pictures and build the network, or this rank's share of it.

    Raises:
        UserError: something is wrong with the pictures, or does not go together.
    """
    where = Path(config.data) if config.data else None
    side = VARIANTS[config.variant].side
    data = ranks.first_here(
        lambda: datasets.load(
            config.subset,
            where,
            side,
            config.classes,
            config.limit,
            skip_bad=config.skip_bad,
        )
    )
    whole, colours = build(config, data)
    graph: Graph | ParallelGraph = whole
    if ranks.size > 1:
        if config.freeze is not None:
            raise UserError("--freeze works in one process only; start without mpiexec")
        if config.parallel == "columns" and ranks.size > 2:
            raise UserError(
                "--parallel columns: a network has two, and mpiexec started "
                f"{ranks.size} processes; start it by mpiexec -n 2, or choose images "
                "or hybrid"
            )
        graph = ParallelGraph(whole, config.parallel or "", ranks)
    assert config.batch is not None
    check_fits(graph, config.batch)
    return Run(config, folder, data, graph, colours, ranks)
