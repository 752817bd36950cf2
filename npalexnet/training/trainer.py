"""A training run: what it trains, on what, and how it is saved and restored."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet.datasets.augment import ColourPCA, training_batch
from npalexnet.datasets.batches import Numbers
from npalexnet.datasets.catalogue import DataSet
from npalexnet.datasets.input import Input, as_pixels
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.net.optim import SGD, ReduceLROnPlateau, step_decay
from npalexnet.parallel import Network, OneProcess, Ranks
from npalexnet.system.errors import UserError
from npalexnet.training.evaluation import Result
from npalexnet.training.film import Film
from npalexnet.training.options import Config
from npalexnet.training.state import TrainState
from npalexnet.weights import checkpoint


class Trainer:
    """A training run: the folder, the network, and how far it has come.

    On several ranks, each has a Trainer with its shard of the network; only that of
    rank 0 reads and writes the folder.

    Attributes:
        film: how the filters of the first layer came about.
        callback: is told each row of the log; what is true ends the training.
    """

    def __init__(
        self,
        config: Config,
        folder: Path,
        data: DataSet,
        network: Network,
        colours: ColourPCA,
        ranks: Ranks,
    ) -> None:
        self.config, self.folder, self.data = config, folder, data
        self.network, self.ranks = network, ranks
        self.colours = colours if config.colour else None
        self.frozen, self.learning = split_frozen(network, config.freeze)
        self.sgd = SGD(
            self.learning.params, config.lr, config.momentum, config.weight_decay
        )
        self.state = TrainState(lr=config.lr)
        self.film = Film()
        self.callback: Callable[[dict[str, Any]], object] | None = None
        self.plateau = ReduceLROnPlateau(config.lr)
        self.batch, self.drops = config.batch, config.drops
        self.steps_per_epoch = math.ceil(len(data.train.labels) / config.batch)
        self.last_step = config.epochs * self.steps_per_epoch
        if config.steps is not None:
            self.last_step = min(self.last_step, config.steps)

    def make_batch(self, epoch: int) -> Callable[[Numbers], tuple[Array, Array]]:
        """A function from indices of pictures to (x, labels), for this epoch.

        On several ranks, x is this rank's shard; labels are those of the whole batch.
        """

        def make(numbers: Numbers) -> tuple[Array, Array]:
            mine = numbers[self.network.shard(len(numbers))]
            given = self.data.train.pixels[mine]
            x = training_batch(
                as_pixels(given, self.network.input_shape),
                mine,
                self.network.input,
                self.config.seed,
                epoch,
                self.config.augment,
                self.colours,
            )
            return x, self.data.train.labels[numbers]

        return make

    def learning_rate(self, epoch: int) -> float:
        """The learning rate in this epoch (from 0)."""
        if self.config.schedule == "plateau":
            return self.plateau.lr
        return step_decay(self.config.lr, self.drops, epoch)

    def save_best(self, result: Result) -> None:
        """Write best.npz, if this is the best result so far."""
        if result.top1 > self.state.best_top1:
            self.state.best_top1 = result.top1
            self._write("best.npz", val_top1=result.top1)

    def save(self) -> None:
        """Write last.npz: all that is needed to go on."""
        self.state.plateau = self.plateau.state()
        film, state = self.film.arrays(), vars(self.state)
        self._write("last.npz", velocity=self.sgd.velocity, state=state, film=film)

    def _write(self, name: str, **extra: Any) -> None:
        self.network.save(self.folder / name, **extra, config=asdict(self.config))

    def restore(self) -> None:
        """Take weights, velocity and state from last.npz.

        A run that was killed before its first checkpoint has none, and starts again.

        Raises:
            UserError: the file is damaged, or holds another network.
        """
        graph, velocity = None, {}

        def read() -> tuple[Input, TrainState, Film] | None:
            nonlocal graph, velocity
            path = self.folder / "last.npz"
            if not path.exists():
                return None
            graph, extra = checkpoint.load_all(path)
            velocity = extra.get("velocity", {})
            try:
                state = TrainState.from_file(extra.get("state"))
            except ValueError as error:
                raise UserError(
                    f"{path} is not a run to go on with ({error}); bring the right "
                    "file back, or start again with another --out"
                ) from None
            for name in self.network.params:
                theirs = graph.params.get(name)
                fits = self.network.whole_shape(name)
                if theirs is None or theirs.data.shape != fits:
                    raise UserError(
                        f"{path} holds another network than {self.folder}/config.json "
                        f"says: {name} does not fit; choose the right folder with --out"
                    )
                if name in self.sgd.velocity and not self._moves(name, velocity):
                    raise UserError(
                        f"{path} has no velocity for {name}; bring the right file "
                        "back, or start again with another --out"
                    )
            return graph.input, state, Film.of(extra.get("film"))

        found = self.ranks.broadcast_from_root(read)
        if found is None:
            return
        for name, param in self.network.params.items():
            values = graph.params[name].data if graph else None
            param.data = self.network.rows(name, self.ranks.broadcast(values))
            if name in self.sgd.velocity:
                values = self.ranks.broadcast(velocity.get(name))
                self.sgd.velocity[name][...] = self.network.rows(name, values)
        self.network.input, self.state, self.film = found
        if self.state.plateau:
            self.plateau = ReduceLROnPlateau(**self.state.plateau)

    def _moves(self, name: str, velocity: Any) -> bool:
        """Does a saved velocity have an array that fits this parameter?"""
        array = velocity.get(name) if isinstance(velocity, dict) else None
        return (
            isinstance(array, np.ndarray)
            and array.shape == self.network.whole_shape(name)
            and array.dtype.kind == "f"
        )


def split_frozen(network: Network, freeze: str | None) -> tuple[Graph | None, Any]:
    """Split a network into (the frozen layers, the layers that learn).

    "conv" freezes everything before flatten. The frozen layers become a chain of their
    own, through which a batch only goes forward, as in a test.
    """
    if freeze is None or not isinstance(network, OneProcess):
        return None, network
    graph = network.graph
    names = list(graph.layers)
    at = names.index("flatten")
    frozen = {name: graph.layers[name] for name in names[:at]}
    learning = {name: graph.layers[name] for name in names[at:]}
    features = graph.output_shapes[names[at - 1]]
    return (
        Graph(frozen, graph.input_shape, graph.dtype),
        Graph(learning, features, graph.dtype),
    )
