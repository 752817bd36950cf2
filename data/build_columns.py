"""Train two columns on photographs, and write their first filters: columns-conv1.npz.

    python data/build_columns.py                needs Tiny ImageNet (248 MB)
    python data/build_columns.py --data ZIP     takes one that is already there

Five runs of five minutes. The network is `small` with a first layer like the paper's:
filters of 11x11, which start at std 0.01, so that the noise of the start does not hide
what is learned. Four runs have two columns that meet in conv3 (and differ in the seed),
the fifth has none. Other machines round otherwise, and give other last digits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from npalexnet import datasets, weights
from npalexnet.alexnet import SMALL, VARIANTS, Conv
from npalexnet.system.files import write_whole
from npalexnet.train import train
from npalexnet.training.options import Options

HERE = Path(__file__).parent

CLASSES = """
n01882714 n01917289 n01984695 n02094433 n02124075 n02837789 n02988304 n03026506
n03250847 n03763968 n03902125 n03976657 n04133789 n04275548 n04285008 n04532670
n04540053 n04596742 n07615774 n07768694
""".split()  # koala, coral, lobster, terrier, cat, bikini, CD player, stocking, ...

RUNS = {
    "start 0": Options(seed=0, lrn_groups=2),
    "start 1": Options(seed=1, lrn_groups=2),
    "start 2": Options(seed=2, lrn_groups=2),
    "start 3": Options(seed=3, lrn_groups=2),
    "no columns": Options(seed=0, groups=1),
}


def twenty_classes(source: Path, target: Path) -> None:
    """Copy the pictures of `CLASSES` to another zip of the same layout."""
    with zipfile.ZipFile(source) as whole, zipfile.ZipFile(target, "w") as part:
        top = whole.namelist()[0].split("/")[0] + "/"
        notes = whole.read(top + "val/val_annotations.txt").decode().splitlines()
        kept = [line for line in notes if line.split("\t")[1] in CLASSES]
        val = {line.split("\t")[0] for line in kept}
        part.writestr("wnids.txt", "\n".join(CLASSES))
        part.writestr("val/val_annotations.txt", "\n".join(kept))
        for name in whole.namelist():
            parts = name.removeprefix(top).split("/")
            wanted = parts[0] == "train" and len(parts) > 1 and parts[1] in CLASSES
            if (wanted or parts[-1] in val) and not name.endswith("/"):
                part.writestr("/".join(parts), whole.read(name))


def main() -> int:
    """Train five times, write the filters."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="the zip of Tiny ImageNet")
    parser.add_argument("--out", type=Path, default=HERE / "columns-conv1.npz")
    args = parser.parse_args()
    first = Conv(48, 11, stride=2, pad=4)
    VARIANTS["small11"] = replace(
        SMALL,
        layers=tuple((n, first if n == "conv1" else d) for n, d in SMALL.layers),
    )
    filters = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "twenty.zip"
        twenty_classes(args.data or datasets.find("tiny-imagenet"), pictures)
        for name, different in RUNS.items():
            config = replace(
                different,
                subset="tiny-imagenet",
                data=str(pictures),
                variant="small11",
                epochs=16,
                drops=(11, 14),
                batch=64,
                out=str(Path(folder) / name),
            )
            best = weights.read(train(config.decide()) / "best.npz")
            filters[name] = best["conv1.w"].astype(np.float16)
    write_whole(args.out, lambda out: np.savez(out, **filters))  # type: ignore[arg-type]
    return 0


if __name__ == "__main__":
    sys.exit(main())
