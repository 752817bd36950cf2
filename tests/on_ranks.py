"""A little training, on one process or on the ranks of mpiexec. No test by itself.

python on_ranks.py FOLDER SCHEME...     each scheme's steps; rank 0 writes SCHEME.npz

`train` trains a small network on random pictures, the same ones for every number of
ranks, and returns all that a test wants to compare.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from npalexnet import SGD, alexnet, softmax_cross_entropy, threads
from npalexnet.augment import generator
from npalexnet.batches import shuffled
from npalexnet.graph import Graph
from npalexnet.layers import LRN
from npalexnet.parallel import ParallelGraph, Ranks, world

PICTURES, BATCH, STEPS, CLASSES = 50, 18, 20, 10  # batches of 18, 18 and 14


def network(columns: bool, dropout: bool, dtype: str) -> Graph:
    """A small AlexNet, with LRN inside the columns or across them."""
    graph = alexnet("small", CLASSES, dropout=None if dropout else 0, dtype=dtype)
    for layer in graph.layers.values():
        if isinstance(layer, LRN):
            layer.alpha = 0.01  # so that it matters which neighbours it sees
            layer.groups = 2 if columns else 1
    return graph


def train(
    scheme: str, ranks: Ranks, dropout: bool, dtype: str, last_batch: int = 14
) -> dict[str, np.ndarray]:
    """Losses of 20 steps, an evaluation, final weights and velocity (on rank 0)."""
    threads.set_threads(1)
    graph = ParallelGraph(network(scheme == "columns", dropout, dtype), scheme, ranks)
    sgd = SGD(graph.params, lr=0.01)
    rng = np.random.default_rng(7)
    count = PICTURES - 14 + last_batch
    x = rng.standard_normal((count, *graph.input_shape)).astype(dtype)
    labels = rng.integers(0, CLASSES, count)
    losses = []
    for step in range(STEPS):
        epoch, within = divmod(step, 3)
        numbers = shuffled(count, BATCH, 0, epoch)[within]
        mine = numbers[graph.share(len(numbers))]
        logits = graph.forward(x[mine], True, rng=generator(0, "dropout", step))
        loss, dlogits = softmax_cross_entropy(logits, labels[numbers])
        graph.backward(dlogits)
        sgd.step()
        losses.append(loss)
    tested = graph.forward(x[graph.share(count)], keep=False)
    velocity = graph.collect(sgd.velocity)
    whole = graph.whole()
    if whole is None or velocity is None:
        return {}
    return {
        "losses": np.array(losses),
        "tested": tested,
        **{name: p.data for name, p in whole.params.items()},
        **{f"velocity.{name}": v for name, v in velocity.items()},
    }


def main(folder: Path, schemes: list[str]) -> int:
    """All schemes that were asked for, with dropout and without."""
    ranks = world()
    for scheme in schemes:
        for dropout in (False, True):
            for dtype in ("float32", "float64"):
                found = train(scheme, ranks, dropout, dtype)
                if ranks.rank == 0:
                    name = f"{scheme}-{dropout}-{dtype}-{ranks.size}.npz"
                    np.savez(folder / name, **found)
    return 0


if __name__ == "__main__":
    sys.exit(world().run(lambda: main(Path(sys.argv[1]), sys.argv[2:])))
