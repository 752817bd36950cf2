"""From a file on the disk to x, a network's input.

In here: which data sets there are, how their files may be laid out, how a file becomes
a square of pixels, where downloads and decoded pictures are kept, what a training set
looks like on average, augmentation, and batches. Not in here: anything that knows about
networks.
"""

from npalexnet.datasets.augment import (
    ColourPCA,
    colour_pca,
    generator,
    ten_crops,
    training_batch,
)
from npalexnet.datasets.batches import prefetch, shuffled
from npalexnet.datasets.catalogue import (
    SUBSETS,
    DataSet,
    Pictures,
    Subset,
    embedded,
    find,
    load,
)
from npalexnet.datasets.input import Input
from npalexnet.datasets.moments import Statistics, statistics
from npalexnet.datasets.pictures import Pixels, decode, resize_all, to_square

__all__ = [
    "SUBSETS",
    "ColourPCA",
    "DataSet",
    "Input",
    "Pictures",
    "Pixels",
    "Statistics",
    "Subset",
    "colour_pca",
    "decode",
    "embedded",
    "find",
    "generator",
    "load",
    "prefetch",
    "resize_all",
    "shuffled",
    "statistics",
    "ten_crops",
    "to_square",
    "training_batch",
]
