"""A network as a file, and weights out of other people's files.

    graph = load("alexnet-owt-7be5be79.pth")       the whole network, ready to predict
    save("net.npz", graph)                         a checkpoint, which load opens, too
    graph = backbone("alexnet-owt-7be5be79.pth")   conv1 to pool5: features, no classes
    arrays = read("alexnet-owt-7be5be79.pth")      {"conv1.w": (64, 3, 11, 11), ...}
    put(graph, arrays, layers=["conv1", "conv2"])  some of them into a network of yours

    file              written by                        reader
    .pth .pt          PyTorch: torch.save               torchfile.py
    .safetensors      Hugging Face, and npalexnet.save  safetensors.py
    .caffemodel       Caffe                             caffemodel.py
    .npz              NumPy, and npalexnet.save         raw.py

In here: our checkpoints (checkpoint, exchange), which format a file is in (formats),
whose names its arrays have (names), which AlexNet they belong to, and into it
(filling); a reader for each format, a machine for PyTorch's pickles (stackmachine), and
how much a file may ask for (limits). No reader runs anything that is in a file, none
believes what a file says of its own size, and none needs the software that wrote it.
Not in here: how a network is built or run (alexnet.py, net/), downloads (datasets/),
the folder of a training run (training/).
"""

from npalexnet.weights.checkpoint import load, save
from npalexnet.weights.filling import backbone, put
from npalexnet.weights.formats import read

__all__ = ["backbone", "load", "put", "read", "save"]
