"""One training run on several processes: by images, by columns, or by both.

AlexNet was trained on two GPUs, because one of 3 GB could not hold it. Each held one
column of the network, and they talked only at certain layers (paper 3.5, Fig. 2). Here
a process, a "rank" in the language of MPI, takes the place of a GPU, on this machine or
on several:

    plan.py     who holds what, what must be exchanged, how many bytes that is
    ranks.py    the exchange itself: what MPI is asked to do, and what it sent
    part.py     one rank's shard of a piece of the network
    graph.py    a Graph whose work is split over the ranks
    network.py  what training needs from a network, whole or split

Three schemes:

    columns   each rank holds its column: half of the filters, half of the units, and
              sees all images. The paper's network.
    images    each rank holds the whole network and takes its shard of the batch. The
              gradients are added up.
    hybrid    Krizhevsky's "One weird trick" (2014): convolutional layers by images,
              fully connected layers by units, just as net/threads.py splits them over
              the cores of one process; `Layer.parallel_over` says which a layer is.

Layers know nothing about this. All ranks walk through the same training loop, with the
same seed; after a forward pass each holds the outputs for the WHOLE batch. So loss and
gradient are those of a single process, even when the last batch is short, and nothing
needs rescaling.
"""

from npalexnet.parallel.graph import ParallelGraph
from npalexnet.parallel.network import Network, OneProcess
from npalexnet.parallel.plan import SCHEMES, predicted, shard_layer
from npalexnet.parallel.ranks import Ranks, first_speaks, started_often, world

__all__ = [
    "SCHEMES",
    "Network",
    "OneProcess",
    "ParallelGraph",
    "Ranks",
    "first_speaks",
    "predicted",
    "shard_layer",
    "started_often",
    "world",
]
