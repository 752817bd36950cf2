"""A patient of the clinic: what can be looked at before anything is measured."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from npalexnet import datasets
from npalexnet.checks.clinic.illnesses import ILLNESSES
from npalexnet.checks.clinic.recipe import (
    BATCH,
    Data,
    Recipe,
    data_of,
    network,
    order,
)
from npalexnet.layers import Array
from npalexnet.net import Graph, softmax
from npalexnet.system.errors import UserError

HEALTHY = "healthy"
LETTERS = "ABCDEFGHIJK"


class Patient:
    """A training run that is over.

    Attributes:
        name: A to K, or "healthy".
        log: `step`, `loss`, `train_acc`, and per epoch `epoch`, `val_loss`, `val_acc`,
            which begin before training.
        start: the network before training.
        graph: the network afterwards.
        names: of the ten classes.
    """

    def __init__(
        self, name: str, recipe: Recipe, log: Mapping[str, Array], graph: Graph
    ) -> None:
        self.name, self.log, self.graph = name, dict(log), graph
        self.start = network(recipe)
        self._recipe = recipe

    @property
    def names(self) -> tuple[str, ...]:
        return self._data().names

    def batch(self, number: int = 0) -> tuple[Array, Array]:
        """A batch of the first epoch as it was shown: x (64, 3, 32, 32), labels (64,).

        Args:
            number: which one, from 0.
        """
        data = self._data()
        shown = order(self._recipe, data.labels, epoch=0)
        rows = shown[number * BATCH :][:BATCH]
        return data.x[rows], data.labels[rows]

    def training(self) -> tuple[Array, Array]:
        """All training pictures as the network got them: x and labels."""
        data = self._data()
        return data.x, data.labels

    def test(self) -> tuple[Array, Array]:
        """All validation pictures as the network got them: x and labels."""
        data = self._data()
        return data.val_x, data.val_labels

    def start_in(self, dtype: npt.DTypeLike) -> Graph:
        """The network before training in another dtype: float64 for derivatives."""
        return network(self._recipe, dtype=dtype)

    def answers(self, x: Array, seed: int = 0) -> Array:
        """What it answers when it is tested: probabilities (N, 10)."""
        rng = np.random.default_rng(seed)
        training = self._recipe.dropout_at_test
        return softmax(self.graph.forward(x, train=training, rng=rng))

    def _data(self) -> Data:
        return data_of(self._recipe)


def patient(name: str) -> Patient:
    """Patient "A" to "K", or the one that is "healthy".

    Raises:
        UserError: no patient has this name.
    """
    if name != HEALTHY and name not in LETTERS:
        raise UserError(f"no patient {name!r}; there are A to K, and {HEALTHY!r}")
    with np.load(datasets.embedded("clinic.npz")) as file:
        columns = {
            key.partition("/")[2]: file[key]
            for key in file.files
            if key.partition("/")[0] == name
        }
    illness = str(columns.pop("illness"))
    recipe = Recipe(**ILLNESSES[illness].change) if illness != HEALTHY else Recipe()
    graph = network(recipe)
    for key, param in graph.params.items():
        param.data = columns.pop(key).astype(param.data.dtype)
    return Patient(name, recipe, columns, graph)
