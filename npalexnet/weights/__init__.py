"""Weights from elsewhere: other people's files, read safely and without their software.

    file              written by                        reader
    .pth .pt          PyTorch: torch.save               torchfile.py
    .safetensors      Hugging Face, and npalexnet.save  safetensors.py
    .caffemodel       Caffe                             caffemodel.py
    .npz              NumPy, and npalexnet.save         raw.py

None of them runs anything that is in the file, and none believes what a file says of
its own size. What the arrays mean, and which AlexNet they are of, is in naming.py.
"""

from npalexnet.weights.naming import load, put, read, trunk

__all__ = ["load", "put", "read", "trunk"]
