"""Build ``fashion-mini.zip``: a small part of Fashion-MNIST, 28x28 grey PNG.

The pictures come from Debian's package dataset-fashion-mnist: read where it is
installed, or else fetched with ``apt-get download`` and unpacked with
``dpkg-deb -x`` (no root needed). The first 500 training and the first 100 test
pictures of each class are taken.

    python build_fashion.py --out fashion-mini.zip

The same package and the same library versions give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

try:
    import numpy as np
    from PIL import Image
except ImportError as missing:
    sys.exit(f"error: {missing}: run 'pip install numpy pillow'")

NAME = "fashion-mini"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
FOLDER = "usr/share/datasets/fashion-mnist"
SIDE = 28
TRAIN_EACH = 500
VAL_EACH = 100
TIMESTAMP = (2020, 1, 1, 0, 0, 0)
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
NOTICE = (
    "Fashion-MNIST, first 500 train / 100 test images of each class."
    " (c) 2017 Zalando SE, MIT licence.\n"
)
# The four files of Fashion-MNIST, uncompressed.
SHA256 = {
    "train-images-idx3-ubyte": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte": (
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"
    ),
    "t10k-images-idx3-ubyte": (
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"
    ),
    "t10k-labels-idx1-ubyte": (
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"
    ),
}


class BuildError(Exception):
    """A failure whose message names the fix, in one line."""


def run(command: list[str], cwd: Path, fix: str) -> None:
    """Run a command quietly; if it fails, say what to do."""
    if shutil.which(command[0]) is None:
        raise BuildError(f"no {command[0]} on this system: {fix}")
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed: {fix}")


def fetch(folder: Path) -> Path:
    """Fetch Debian's package, unpack it below ``folder``, return its data."""
    print(f"fetching {DEBIAN_PACKAGE}", flush=True)
    run(
        ["apt-get", "download", DEBIAN_PACKAGE],
        folder,
        "run 'apt-get update' as root, or name the data's folder with --source",
    )
    (deb,) = folder.glob("*.deb")
    run(["dpkg-deb", "-x", deb.name, "."], folder, "install dpkg, then try again")
    return folder / FOLDER


def read_idx(folder: Path, name: str) -> np.ndarray:
    """Read one gzipped IDX file of bytes and check its sum."""
    path = folder / f"{name}.gz"
    try:
        data = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise BuildError(f"{path} is missing: see --source in --help") from None
    except (EOFError, gzip.BadGzipFile):
        raise BuildError(f"{path} is damaged: fetch it again") from None
    if hashlib.sha256(data).hexdigest() != SHA256[name]:
        raise BuildError(f"{path} is not Fashion-MNIST as published: fetch it again")
    ndim = data[3]
    shape = np.frombuffer(data, ">u4", ndim, 4).astype(int)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def first_of_each(labels: np.ndarray, count: int) -> list[np.ndarray]:
    """For every class the positions of its first ``count`` pictures."""
    return [np.flatnonzero(labels == k)[:count] for k in range(len(CLASSES))]


def png(pixels: np.ndarray) -> bytes:
    """Encode one grey picture as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def write_zip(path: Path, folder: Path) -> None:
    """Write the stored zip in Tiny ImageNet's layout, under a temporary name."""
    wnids = [f"f{label:08d}" for label in range(len(CLASSES))]
    words = [f"{w}\t{word}\n" for w, word in zip(wnids, CLASSES, strict=True)]
    files: dict[str, bytes] = {
        "wnids.txt": "".join(f"{w}\n" for w in wnids).encode(),
        "words.txt": "".join(words).encode(),
        "NOTICE.txt": NOTICE.encode(),
    }
    images = read_idx(folder, "train-images-idx3-ubyte")
    labels = read_idx(folder, "train-labels-idx1-ubyte")
    for wnid, rows in zip(wnids, first_of_each(labels, TRAIN_EACH), strict=True):
        for i, row in enumerate(rows):
            files[f"train/{wnid}/images/{wnid}_{i}.PNG"] = png(images[row])
    print(f"train   {len(CLASSES)} x {TRAIN_EACH} pictures")
    images = read_idx(folder, "t10k-images-idx3-ubyte")
    labels = read_idx(folder, "t10k-labels-idx1-ubyte")
    boxes: list[str] = []
    for wnid, rows in zip(wnids, first_of_each(labels, VAL_EACH), strict=True):
        for row in rows:
            file = f"val_{len(boxes)}.PNG"
            files[f"val/images/{file}"] = png(images[row])
            boxes.append(f"{file}\t{wnid}\t0\t0\t{SIDE - 1}\t{SIDE - 1}\n")
    files["val/val_annotations.txt"] = "".join(boxes).encode()
    print(f"val     {len(CLASSES)} x {VAL_EACH} pictures")

    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(f"{NAME}/{name}", TIMESTAMP)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    part.replace(path)


def build(out: Path, source: Path | None) -> None:
    """Find or fetch the data and write the set."""
    installed = Path("/") / FOLDER
    if source is None and installed.is_dir():
        source = installed
    if source is not None:
        print(f"reading {source}")
        write_zip(out, source)
    else:
        with tempfile.TemporaryDirectory() as folder:
            write_zip(out, fetch(Path(folder)))
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    print(f"wrote   {out}, {out.stat().st_size:,} bytes, sha256 {digest}")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description="Build fashion-mini.zip from Debian's dataset-fashion-mnist."
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=here / f"{NAME}.zip",
        help="the zip to write (default: fashion-mini.zip beside this script)",
    )
    parser.add_argument(
        "--source",
        type=Path,
        help="folder with Fashion-MNIST's four *-ubyte.gz files"
        f" (default: /{FOLDER}, or else fetch the Debian package)",
    )
    args = parser.parse_args(argv)
    try:
        build(args.out, args.source)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}: check --out, --source and space", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
