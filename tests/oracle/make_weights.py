"""Write weights/: small files by PyTorch, safetensors, protobuf; what is in them.

`expected.npz` holds the same arrays, as those libraries gave them to NumPy, under
FILE/NAME; and logits.npz what PyTorch says of three whole networks that the tests write
by themselves (foreign.py): a picture goes in as torchvision's or Caffe's own scripts
prepare it. README.md says how to run this.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as fn
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from safetensors.torch import save_file
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import foreign

FOLDER = Path(__file__).resolve().parent / "weights"
Field = descriptor_pb2.FieldDescriptorProto
expected: dict[str, Any] = {}


def expect(file: str, arrays: dict[str, Any]) -> None:
    """Note what a file holds."""
    for name, array in arrays.items():
        if isinstance(array, Tensor):
            array = array.detach()
            array = array.float() if array.dtype == torch.bfloat16 else array
            array = array.numpy()
        expected[f"{file}/{name}"] = array


def numbers(*shape: int) -> Tensor:
    """Standard normal numbers, the same ones every time."""
    return torch.from_numpy(np.random.default_rng([*shape]).standard_normal(shape))


# ------------------------------------------------------------------------ PyTorch


def torch_files() -> None:
    """The two containers, each with every way in which a tensor may lie in it."""
    long = numbers(40).float()
    state: OrderedDict[str, Tensor] = OrderedDict(
        float=numbers(2, 3, 5, 5).float(),
        double=numbers(4, 2),
        half=numbers(7).half(),
        bfloat16=numbers(9).bfloat16(),
        long=torch.arange(-3, 3),
        int=torch.arange(5, dtype=torch.int32),
        byte=torch.arange(250, 256, dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 3),
        transposed=numbers(3, 4).float().t(),
        all_of_it=long,
        part_of_it=long[5:37:3],
        parameter=nn.Parameter(numbers(3, 3).float()),
    )
    state._metadata = OrderedDict({"": {"version": 1}})  # type: ignore[attr-defined]
    for file, zipped, protocol in (
        ("zip.pth", True, 2),
        ("zip4.pth", True, 4),
        ("legacy.pth", False, 2),
    ):
        torch.save(
            state,
            FOLDER / file,
            _use_new_zipfile_serialization=zipped,
            pickle_protocol=protocol,
        )
        expect(file, state)
    # as pytorch/examples saves a training, with an optimiser that is not wanted
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)
    layer(numbers(4, 3).float()).sum().backward()
    optimizer.step()
    training = {
        "epoch": 3,
        "arch": "alexnet",
        "best_acc1": torch.tensor(12.5),
        "state_dict": {f"module.{k}": v for k, v in layer.state_dict().items()},
        "optimizer": optimizer.state_dict(),
    }
    for file, zipped in (("training.pth", True), ("training-legacy.pth", False)):
        torch.save(training, FOLDER / file, _use_new_zipfile_serialization=zipped)
        expect(file, training["state_dict"])  # type: ignore[arg-type]
    torch.save(nn.Linear(2, 2), FOLDER / "module.pth")  # not weights alone: refused
    file = "arrays.safetensors"
    plain = {k: v.contiguous().clone() for k, v in state.items() if k != "parameter"}
    save_file(plain, FOLDER / file, {"format": "pt"})
    expect(file, plain)


# -------------------------------------------------------------------------- Caffe


def caffe_messages(packed: bool) -> dict[str, Any]:
    """The part of caffe.proto that a file of weights uses, as classes."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"caffe{packed}.proto", package=f"caffe{packed}", syntax="proto2"
    )

    def message(name: str, *fields: tuple[str, int, Any, bool]) -> None:
        m = file.message_type.add(name=name)
        for field, number, kind, repeated in fields:
            f = m.field.add(name=field, number=number)
            f.label = Field.LABEL_REPEATED if repeated else Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                f.type, f.type_name = Field.TYPE_MESSAGE, f".{file.package}.{kind}"
            else:
                f.type = kind
            if repeated and kind in (
                Field.TYPE_FLOAT,
                Field.TYPE_DOUBLE,
                Field.TYPE_INT64,
            ):
                f.options.packed = packed

    number, text = Field.TYPE_INT64, Field.TYPE_STRING
    message("BlobShape", ("dim", 1, number, True))
    message(
        "BlobProto",
        ("shape", 7, "BlobShape", False),
        ("data", 5, Field.TYPE_FLOAT, True),
        ("diff", 6, Field.TYPE_FLOAT, True),
        ("double_data", 8, Field.TYPE_DOUBLE, True),
        ("num", 1, number, False),
        ("channels", 2, number, False),
        ("height", 3, number, False),
        ("width", 4, number, False),
    )
    message("Convolution", ("num_output", 1, Field.TYPE_UINT32, False))
    message(
        "V0LayerParameter",
        ("name", 1, text, False),
        ("type", 2, text, False),
        ("blobs", 50, "BlobProto", True),
    )
    message(
        "V1LayerParameter",
        ("layer", 1, "V0LayerParameter", False),
        ("bottom", 2, text, True),
        ("top", 3, text, True),
        ("name", 4, text, False),
        ("type", 5, Field.TYPE_INT32, False),
        ("blobs", 6, "BlobProto", True),
        ("blobs_lr", 7, Field.TYPE_FLOAT, True),
        ("convolution_param", 10, "Convolution", False),
    )
    message(
        "LayerParameter",
        ("name", 1, text, False),
        ("type", 2, text, False),
        ("bottom", 3, text, True),
        ("top", 4, text, True),
        ("blobs", 7, "BlobProto", True),
        ("convolution_param", 106, "Convolution", False),
    )
    message(
        "NetParameter",
        ("name", 1, text, False),
        ("layers", 2, "V1LayerParameter", True),
        ("input", 3, text, True),
        ("input_dim", 4, Field.TYPE_INT32, True),
        ("layer", 100, "LayerParameter", True),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        m.name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f"{file.package}.{m.name}")
        )
        for m in file.message_type
    }


def caffe_files() -> None:
    """Three generations of the format, and the ways to store numbers and shapes."""
    arrays = {
        "conv1": (numbers(4, 3, 2, 2).float().numpy(), numbers(4).float().numpy()),
        "fc8_flickr": (numbers(1, 4).float().numpy(), numbers(1).float().numpy()),
    }
    for file, generation, packed in (
        ("v0.caffemodel", 0, True),
        ("v1.caffemodel", 1, True),
        ("new.caffemodel", 2, True),
        ("unpacked.caffemodel", 2, False),
        ("double.caffemodel", 3, True),
    ):
        messages = caffe_messages(packed)
        net = messages["NetParameter"](name="AlexNet", input=["data"])
        net.input_dim.extend([10, 3, 227, 227])
        for name, type0, type1 in (
            ("conv1", "conv", 4),
            ("relu1", "relu", 18),
            ("norm1", "lrn", 15),
            ("pool1", "pool", 17),
            ("fc8_flickr", "innerproduct", 14),
        ):
            if generation == 0:
                layer = net.layers.add(bottom=["data"], top=[name]).layer
                layer.name, layer.type = name, type0
            elif generation == 1:
                layer = net.layers.add(bottom=["data"], top=[name], name=name)
                layer.type = type1
                layer.blobs_lr.extend([1, 2])
            else:
                layer = net.layer.add(bottom=["data"], top=[name], name=name)
                layer.type = type0
            if type0 == "conv" and generation:
                layer.convolution_param.num_output = 4
            for array in arrays.get(name, ()):
                blob = layer.blobs.add()
                numbers_ = blob.double_data if generation == 3 else blob.data
                numbers_.extend(array.ravel().tolist())
                blob.diff.extend([0.0] * 3)
                if generation < 2:
                    shape = (1,) * (4 - array.ndim) + array.shape
                    blob.num, blob.channels, blob.height, blob.width = shape
                else:
                    blob.shape.dim.extend(array.shape)
        (FOLDER / file).write_bytes(net.SerializeToString())
        for name, (w, b) in arrays.items():
            kind = np.float64 if generation == 3 else np.float32
            expect(file, {f"{name}.w": w.astype(kind), f"{name}.b": b.astype(kind)})


# ------------------------------------------------------------------ whole networks


class TorchvisionAlexNet(nn.Module):
    """The layers of torchvision/models/alexnet.py, with its names."""

    def __init__(self) -> None:
        super().__init__()
        relu, pool = nn.ReLU(), nn.MaxPool2d(3, 2)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), relu, pool,
            nn.Conv2d(64, 192, 5, padding=2), relu, pool,
            nn.Conv2d(192, 384, 3, padding=1), relu,
            nn.Conv2d(384, 256, 3, padding=1), relu,
            nn.Conv2d(256, 256, 3, padding=1), relu, pool,
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(9216, 4096), relu,
            nn.Dropout(), nn.Linear(4096, 4096), relu,
            nn.Linear(4096, 1000),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def torchvision_logits() -> np.ndarray:
    """torchvision's way: 0 to 1, minus mean, by std, red-green-blue, 224."""
    model = TorchvisionAlexNet().eval()
    state = {k: torch.from_numpy(v) for k, v in foreign.torchvision_arrays().items()}
    model.load_state_dict(state)
    picture = foreign.picture()[16:240, 16:240] / 255
    x = (picture - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        return model.double()(torch.from_numpy(x.transpose(2, 0, 1)[None])).numpy()


def caffe_logits(pool_first: bool) -> np.ndarray:
    """Caffe's way: 0 to 255, minus mean, blue-green-red, 227; its dropout is idle."""
    arrays = {
        k: torch.from_numpy(v).double() for k, v in foreign.caffe_arrays().items()
    }
    picture = foreign.picture()[14:241, 14:241].astype(float)
    x = torch.from_numpy((picture - [122.7, 116.7, 104.0])[..., ::-1].copy())
    x = x.permute(2, 0, 1)[None]

    def conv(x: Tensor, n: int, **how: int) -> Tensor:
        return fn.relu(fn.conv2d(x, arrays[f"conv{n}.w"], arrays[f"conv{n}.b"], **how))

    def pool_and_norm(x: Tensor) -> Tensor:
        if pool_first:
            return fn.local_response_norm(fn.max_pool2d(x, 3, 2), 5, 1e-4, 0.75, 1.0)
        return fn.max_pool2d(fn.local_response_norm(x, 5, 1e-4, 0.75, 1.0), 3, 2)

    def full(x: Tensor, n: int) -> Tensor:
        return fn.linear(x, arrays[f"fc{n}.w"], arrays[f"fc{n}.b"])

    x = pool_and_norm(conv(x, 1, stride=4))
    x = pool_and_norm(conv(x, 2, padding=2, groups=2))
    x = conv(x, 3, padding=1)
    x = conv(x, 4, padding=1, groups=2)
    x = fn.max_pool2d(conv(x, 5, padding=1, groups=2), 3, 2)
    x = fn.relu(full(x.flatten(1), 6))
    return full(fn.relu(full(x, 7)), 8).numpy()


def main() -> None:
    """Write everything."""
    FOLDER.mkdir(exist_ok=True)
    torch_files()
    caffe_files()
    np.savez_compressed(FOLDER / "expected.npz", **expected)
    np.savez_compressed(
        FOLDER / "logits.npz",
        owt=torchvision_logits(),
        caffe=caffe_logits(pool_first=False),
        caffenet=caffe_logits(pool_first=True),
    )
    for path in sorted(FOLDER.iterdir()):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
