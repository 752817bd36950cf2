"""From a configuration to a run that is ready: pictures, network, starting weights."""

from __future__ import annotations

from pathlib import Path

from npalexnet import weights
from npalexnet.alexnet import VARIANTS, alexnet
from npalexnet.datasets.augment import ColourPCA, colour_pca
from npalexnet.datasets.catalogue import DataSet, load
from npalexnet.datasets.moments import measured_input, statistics
from npalexnet.net.graph import Graph
from npalexnet.parallel import Network, OneProcess, ParallelGraph, Ranks
from npalexnet.system.errors import UserError
from npalexnet.training.fits import check_fits
from npalexnet.training.options import Config
from npalexnet.training.trainer import Trainer


def make_network(config: Config, data: DataSet) -> tuple[Graph, ColourPCA]:
    """The network that a configuration asks for, and the colour noise of its pictures.

    The mean (and std) of the network's input are measured on the training set.

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
            algorithm=config.algorithm,
        )
    except ValueError as error:
        raise UserError(str(error)) from None
    seen = statistics(data.train.pixels)
    graph.input = graph.input._replace(classes=data.classes)
    measured = VARIANTS[config.variant].measured
    if config.weights is not None:
        fill(graph, Path(config.weights))  # keeps the input that these were trained on
    else:
        graph.input = measured_input(graph.input, seen, measured)
    return graph, colour_pca(seen)


def fill(graph: Graph, path: Path) -> None:
    """Take the weights of all layers from a file, except for the last layer.

    The last layer tells other classes apart, and starts anew; so does one that the file
    does not have.

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


def set_up(config: Config, folder: Path, ranks: Ranks) -> Trainer:
    """Read the pictures and build the network, or this rank's shard of it.

    Raises:
        UserError: something is wrong with the pictures, or options do not go together.
    """
    where = Path(config.data) if config.data else None
    side = VARIANTS[config.variant].side
    data = ranks.one_per_machine_first(
        lambda: load(
            config.subset,
            where,
            side,
            config.classes,
            config.limit,
            skip_bad=config.skip_bad,
        )
    )
    graph, colours = make_network(config, data)
    network: Network = OneProcess(graph)
    if ranks.size > 1:
        if config.freeze is not None:
            raise UserError("--freeze works in one process only; start without mpiexec")
        if config.parallel == "columns" and ranks.size > 2:
            raise UserError(
                "--parallel columns: a network has two, and mpiexec started "
                f"{ranks.size} processes; start it with mpiexec -n 2, or choose images "
                "or hybrid"
            )
        network = ParallelGraph(graph, config.parallel or "", ranks)
    check_fits(network, config.batch)
    return Trainer(config, folder, data, network, colours, ranks)
