"""A little training on the ranks of mpiexec. No test by itself; see test_parallel.py.

python on_ranks.py steps FOLDER SCHEME...   train; rank 0 writes what it found
python on_ranks.py fail WHO HOW             ranks that raise, or die
python on_ranks.py die STEP OPTION...       npalexnet.train; rank 1 dies in that step
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from npalexnet import SGD, alexnet, softmax_cross_entropy
from npalexnet.datasets.augment import generator
from npalexnet.datasets.batches import shuffled
from npalexnet.layers import LRN
from npalexnet.net import threads
from npalexnet.net.graph import Graph, sample_masks
from npalexnet.parallel import ParallelGraph, Ranks, world
from npalexnet.parallel.part import Part
from npalexnet.system.errors import UserError

# Batches of 18, 18 and 1: the last leaves most ranks without an image. 10 classes and
# 1024 units are not divisible by 3.
PICTURES, BATCH, STEPS, CLASSES = 37, 18, 20, 10
# A short step in float32: see test_parallel.py.
RATE = {"float32": 0.001, "float64": 0.01}

# Dropout, dtype.
CASES = ((False, "float64"), (True, "float64"), (False, "float32"))


def network(columns: bool, dropout: bool, dtype: str) -> Graph:
    """A small AlexNet, with LRN inside the columns or across them."""
    graph = alexnet("small", CLASSES, dropout=None if dropout else 0, dtype=dtype)
    for layer in graph.layers.values():
        if isinstance(layer, LRN):
            layer.alpha = 0.01  # so that it matters which neighbours it sees
            layer.groups = 2 if columns else 1
    return graph


def train(graph: Graph | ParallelGraph, steps: int = STEPS) -> dict[str, Any]:
    """A few steps on random pictures: losses, a test at the end, what was learned.

    The same pictures and the same loop for a graph and a divided one.
    """
    threads.set_threads(1)
    parallel = isinstance(graph, ParallelGraph)
    sgd = SGD(graph.params, lr=RATE[graph.dtype.name])
    rng = np.random.default_rng(7)
    x = rng.standard_normal((PICTURES, *graph.input_shape)).astype(graph.dtype)
    labels = rng.integers(0, CLASSES, PICTURES)
    losses = []
    for step in range(steps):
        numbers = shuffled(PICTURES, BATCH, 0, step // 3)[step % 3]
        mine = numbers[graph.shard(len(numbers))] if parallel else numbers
        logits = graph.forward(x[mine], train=True, rng=generator(0, "masks", step))
        loss, dlogits = softmax_cross_entropy(logits, labels[numbers])
        graph.backward(dlogits)
        sgd.step()
        losses.append(loss)
    mine = graph.shard(PICTURES) if parallel else slice(None)
    tested = graph.forward(x[mine], keep=False)
    said = {"losses": np.array(losses), "tested": tested}
    velocity: dict[str, Any] | None = sgd.velocity
    whole: Graph | None = None if parallel else graph
    if parallel:
        velocity, whole = graph.collect(sgd.velocity), graph.whole()
    if whole is not None and velocity is not None:
        said |= {name: param.data for name, param in whole.params.items()}
        said |= {f"velocity.{name}": v for name, v in velocity.items()}
    return said


def draw_own_masks(part, batch, rng):
    mine = part.ranks.shard(batch)
    images = mine.stop - mine.start if part.axis == 0 else batch
    inputs = part.chain.engine.input_shapes
    shapes = {name: (images, *shape) for name, shape in inputs.items()}
    return sample_masks(part.chain.layers, shapes, rng)


def keep_own_rows(ranks, x, axis, what):
    mine = ranks.shard(x.shape[axis])
    return np.ascontiguousarray(x[mine] if axis == 0 else x[:, mine])


def gather_in_order_of_arrival(ranks, x, axis, count, what):
    moved = np.ascontiguousarray(np.moveaxis(x, axis, 0))
    whole = all_gather(ranks, moved, 0, count, what)
    return whole.reshape(*x.shape[:axis], count, *x.shape[axis + 1 :])


def mean_of_ranks(ranks, x, what):
    add_up(ranks, x, what)
    x /= ranks.size


all_gather, add_up = Ranks.all_gather, Ranks.all_reduce

# Mistakes that somebody would make: name to scheme, and what is put in whose place.
MUTANTS: dict[str, tuple[str, type, str, Any]] = {
    "gradients-not-added": ("images", Ranks, "all_reduce", lambda ranks, x, what: None),
    "gradients-averaged": ("images", Ranks, "all_reduce", mean_of_ranks),
    "own-masks-for-images": ("images", Part, "_masks", draw_own_masks),
    "own-masks-for-units": ("hybrid", Part, "_masks", draw_own_masks),
    "own-rows-not-added": ("hybrid", Ranks, "reduce_scatter", keep_own_rows),
    "own-column-not-added": ("columns", Ranks, "reduce_scatter", keep_own_rows),
    "maps-mixed-up": ("columns", Ranks, "all_gather", gather_in_order_of_arrival),
}


def count(scheme: str, ranks: Ranks) -> dict[str, int]:
    """Bytes that all ranks send in one training step of 17 images."""
    graph = ParallelGraph(network(scheme == "columns", True, "float32"), scheme, ranks)
    images = 17
    ranks.sent.clear()
    x = np.zeros((images, *graph.input_shape), np.float32)[graph.shard(images)]
    y = graph.forward(x, train=True, rng=generator(0, "masks"))
    graph.backward(np.ones_like(y))
    return {" ".join(key): n for key, n in ranks.sent_by_all().items()}


def steps(folder: Path, schemes: list[str]) -> int:
    """All schemes that were asked for, in all cases; on two ranks the mutants, too."""
    ranks = world()
    for scheme in schemes:
        for dropout, dtype in CASES:
            whole = network(scheme == "columns", dropout, dtype)
            found = train(ParallelGraph(whole, scheme, ranks))
            if ranks.rank == 0:
                np.savez(folder / f"{scheme}-{dropout}-{dtype}.npz", **found)
        sent = count(scheme, ranks)
        if ranks.rank == 0:
            np.savez(folder / f"{scheme}-sent.npz", **sent)
    for name, (scheme, owner, attribute, mistake) in MUTANTS.items():
        if ranks.size == 2:
            right = getattr(owner, attribute)
            setattr(owner, attribute, mistake)
            whole = network(scheme == "columns", True, "float64")
            found = train(ParallelGraph(whole, scheme, ranks), steps=5)
            setattr(owner, attribute, right)
            if ranks.rank == 0:
                np.savez(folder / f"{name}.npz", **found)
    return 0


def fail(who: str, how: str) -> int:
    """Exchange for ever, until the ranks `who` ("1", "all") fail."""
    ranks = world()
    for i in range(10**9):
        ranks.all_reduce(np.ones(1000), ("nothing", "gradients"))
        if i == 100 and who in ("all", str(ranks.rank)):
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if how == "mended":
                raise UserError("no such file; give another")
            raise RuntimeError("a bug\non two lines")
    return 0


def die(step: int, options: list[str]) -> int:
    """Train, with a checkpoint after every step, until rank 1 is killed in one."""
    from npalexnet import train as command
    from npalexnet.training import loop, start

    forward, warm_up = ParallelGraph.forward, start.warm_up
    steps_begun = 0

    def warm_up_uncounted(run: Any) -> tuple[float, float]:
        nonlocal steps_begun
        steps_begun, took = -9, warm_up(run)  # it takes fewer than nine
        steps_begun = 0
        return took

    def forward_or_die(graph: ParallelGraph, *args: Any, **how: Any) -> Any:
        nonlocal steps_begun
        steps_begun += how.get("train", args[1] if len(args) > 1 else False)
        if steps_begun == step and graph.ranks.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return forward(graph, *args, **how)

    ParallelGraph.forward = forward_or_die  # type: ignore[method-assign]
    start.warm_up = warm_up_uncounted
    loop.SAVE_EVERY = 0.0
    return command.main(options)


if __name__ == "__main__":
    what, first, *rest = sys.argv[1:]
    if what == "die":
        sys.exit(die(int(first), rest))
    if what == "steps":
        sys.exit(world().run(lambda: steps(Path(first), rest)))
    sys.exit(world().run(lambda: fail(first, *rest)))
