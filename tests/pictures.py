"""Makes small data sets in Tiny ImageNet's layout, for the tests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, side: int = 64, kind: str = "JPEG", mode: str = "RGB") -> bytes:
    """A file with a picture of soft random colours; the class shows in its hue."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
    image = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    image.convert(mode).save(out, kind)
    return out.getvalue()


def layout(
    classes: int = 3, train: int = 4, val: int = 2, side: int = 64
) -> dict[str, bytes]:
    """File name to content."""
    wnids = [f"n{9 - c:02d}" for c in range(classes)]  # not sorted, as in the real one
    files = {
        "wnids.txt": "\n".join(wnids).encode(),
        "words.txt": "".join(f"{w}\tname {w}, other\n" for w in wnids).encode(),
        "test/images/test_0.JPEG": picture(99, side),
    }
    annotations = []
    for c, wnid in enumerate(wnids):
        files[f"train/{wnid}/{wnid}_boxes.txt"] = b""
        for i in range(train):
            name = f"train/{wnid}/images/{wnid}_{i}.JPEG"
            files[name] = picture(100 * c + i, side, mode="L" if i == 1 else "RGB")
        for i in range(val):
            name = f"val_{i * classes + c}.JPEG"
            files[f"val/images/{name}"] = picture(100 * c + 50 + i, side)
            annotations.append(f"{name}\t{wnid}\t0\t0\t9\t9\n")
    files["val/val_annotations.txt"] = "".join(annotations).encode()
    return files


def write_zip(path: Path, files: dict[str, bytes], top: str = "tiny/") -> Path:
    """The files as a stored zip."""
    with zipfile.ZipFile(path, "w") as out:
        for name, content in files.items():
            out.writestr(top + name, content)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    """The files as a folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path
