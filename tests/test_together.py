"""Ranks that are threads: a divided network learns what an undivided one learns.

The same comparison over real MPI, with AlexNet itself, is in test_parallel.py; it is
slow. Here a small network has one of everything, and batches that leave ranks without
an image.
"""

import numpy as np
import pytest
from helpers import numbers
from together import together

from npalexnet import SGD, Graph, softmax_cross_entropy
from npalexnet.datasets.augment import generator
from npalexnet.layers import LRN, Conv2d, Dropout, Flatten, Linear, MaxPool, ReLU
from npalexnet.parallel import ParallelGraph, Ranks
from npalexnet.parallel.plan import predicted, shard_layer

BATCHES = (7, 1, 2, 7)  # with one image most ranks have none, then all have some again
CASES = [(2, "columns"), (2, "images"), (3, "images"), (2, "hybrid"), (3, "hybrid")]


def network():
    """Units that three ranks cannot share evenly; biases that learn otherwise."""
    graph = Graph(
        {
            "conv1": Conv2d(3, 4, 3, pad=1),
            "relu1": ReLU(),
            "norm1": LRN(alpha=0.1, groups=2),
            "pool1": MaxPool(),
            "conv2": Conv2d(4, 6, 3, groups=2),
            "relu2": ReLU(),
            "flatten": Flatten(),
            "fc3": Linear(6, 5),
            "relu3": ReLU(),
            "drop3": Dropout(0.5),
            "fc4": Linear(5, 4),
        },
        (3, 8, 8),
        np.float64,
    )
    for name, param in graph.params.items():
        param.data = 0.5 * numbers(*param.data.shape, seed=len(name))
        if name.endswith(".b"):
            param.lr, param.decay = 2.0, 0.0
    return graph


def train(graph, whole=False):
    """Losses, and what was learned: the whole arrays, on rank 0."""
    sgd = SGD(graph.params, lr=0.05, weight_decay=0.1)
    losses = []
    for step, count in enumerate(BATCHES):
        x, labels = numbers(count, 3, 8, 8, seed=step), np.arange(count) % 4
        mine = slice(0, count) if whole else graph.shard(count)
        rng = generator(0, "masks", step)
        logits = graph.forward(x[mine], train=True, rng=rng)
        loss, dlogits = softmax_cross_entropy(logits, labels)
        graph.backward(dlogits)
        sgd.step()
        losses.append(loss)
    values = {name: p.data for name, p in graph.params.items()}
    if whole:
        return losses, values, sgd.velocity
    return losses, graph.collect(values), graph.collect(sgd.velocity)


@pytest.fixture(scope="module")
def undivided():
    return train(network(), whole=True)


@pytest.mark.parametrize(("size", "scheme"), CASES)
def test_many_ranks_learn_what_one_process_learns(size, scheme, undivided):
    def rank(ranks):
        graph = ParallelGraph(network(), scheme, ranks)
        return train(graph), dict(ranks.sent)

    found = together(size, rank)
    losses, values, velocity = undivided
    for (those, *_), _ in found:  # every rank says the same
        assert those == pytest.approx(losses, rel=1e-12)
    (_, found_values, found_velocity), _ = found[0]
    for name in values:
        np.testing.assert_allclose(found_values[name], values[name], 1e-11, 1e-13)
        np.testing.assert_allclose(found_velocity[name], velocity[name], 1e-11, 1e-13)
    assert all(rest[1] is None and rest[2] is None for rest, _ in found[1:])
    promised = {}
    for count in BATCHES:
        for what, sent in predicted(network(), scheme, size, count).items():
            promised[what] = promised.get(what, 0) + sent
    sent = {what: sum(s.get(what, 0) for _, s in found) for what in promised}
    assert sent == promised


def test_the_whole_network_comes_together_on_rank_0():
    expected = network()
    first, second = together(
        2, lambda ranks: ParallelGraph(network(), "hybrid", ranks).whole()
    )
    assert second is None
    for name, param in expected.params.items():
        assert np.array_equal(first.params[name].data, param.data)


def test_what_the_ranks_bring_must_be_the_shards_of_one_batch():
    def rank(ranks):
        graph = ParallelGraph(network(), "images", ranks)
        graph.forward(numbers(2 + ranks.rank, 3, 8, 8), train=False)  # 2 and 3: right
        graph.forward(numbers(3 - ranks.rank, 3, 8, 8), train=False)  # 3 and 2: wrong

    with pytest.raises(ValueError, match=r"not the shards of one batch: .* \[3, 2\]"):
        together(2, rank)


def test_a_shard_learns_as_fast_as_the_whole_did():
    graph = network()
    for name in ("conv1", "fc3"):
        shard = shard_layer(graph.layers[name], 1, 2)
        assert (shard.params["b"].lr, shard.params["b"].decay) == (2.0, 0.0)
        assert (shard.params["w"].lr, shard.params["w"].decay) == (1.0, 1.0)


def test_each_forward_of_a_divided_network_allows_one_backward():
    graph = ParallelGraph(network(), "images", Ranks())
    graph.forward(numbers(2, 3, 8, 8), train=False)
    graph.backward(np.ones((2, 4)))
    with pytest.raises(RuntimeError, match="keep=True"):
        graph.backward(np.ones((2, 4)))
    graph.forward(numbers(2, 3, 8, 8), train=False, keep=False)
    with pytest.raises(RuntimeError, match="keep=True"):
        graph.backward(np.ones((2, 4)))
