"""The folder of a training run: what is in it, and which one is meant.

config.json    every option, as it was decided at the start
log.csv        one line an epoch
last.npz       weights, velocity and everything else that going on needs
best.npz       weights of the epoch with the best validation top-1
curves.png     loss and accuracy over time
filters.png    what the first layer has learned to look for
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from npalexnet.errors import UserError

RUNS = Path("runs")
COLUMNS = [
    "step",
    "epoch",
    "loss",
    "train_acc",
    "val_loss",
    "val_top1",
    "val_top5",
    "lr",
    "images_per_s",
    "seconds",
]


def new_folder(subset: str, variant: str, out: str | None) -> Path:
    """A folder for a new run: `out`, or the first free runs/SUBSET-VARIANT[-N].

    Raises:
        UserError: `out` holds a run already.
    """
    if out is not None:
        folder = Path(out)
        if (folder / "config.json").exists():
            raise UserError(
                f"{folder} already holds a run; go on with it by adding --resume, or "
                "choose another folder by --out"
            )
    else:
        name = f"{subset}-{variant}"
        folder, number = RUNS / name, 1
        while folder.exists():
            number += 1
            folder = RUNS / f"{name}-{number}"
    make_folder(folder)
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, or say in one line why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); choose another by --out"
        ) from None


def newest(subset: str | None = None, variant: str | None = None) -> Path:
    """The run that was written to last, of this data set and variant if given.

    Raises:
        UserError: there is none.
    """
    found = []
    for folder in RUNS.glob("*"):
        if (folder / "last.npz").exists():
            config = read_config(folder)
            if subset in (None, config["subset"]) and variant in (
                None,
                config["variant"],
            ):
                found.append(folder)
    if not found:
        which = "" if subset is None else f" of {subset} with {variant}"
        raise UserError(
            f"no finished checkpoint{which} was found in {RUNS}/; "
            "start with: python -m npalexnet.train"
        )
    return max(found, key=lambda folder: (folder / "last.npz").stat().st_mtime)


def checkpoint_of(run: str | None) -> Path:
    """The checkpoint that a RUN argument means: a file, a folder's best, the newest.

    Raises:
        UserError: there is no such run.
    """
    path = newest() if run is None else Path(run)
    if path.is_dir():
        for name in ("best.npz", "last.npz"):
            if (path / name).exists():
                return path / name
        raise UserError(f"{path} holds no checkpoint; give another folder or a file")
    if not path.exists():
        raise UserError(f"{path}: no such run; give a run folder or a checkpoint")
    return path


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write config.json."""
    from npalexnet.checkpoint import write_whole

    text = json.dumps(config, indent=2) + "\n"
    write_whole(folder / "config.json", lambda file: file.write(text.encode()))


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json.

    Raises:
        UserError: it is missing or damaged.
    """
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folder}: expected a run folder with a config.json ({error}); "
            "give another folder"
        ) from None
    return config


class Log:
    """log.csv: one header for ever, and no row twice.

    Args:
        folder: of the run.
        upto: rows of later steps are dropped: they were written after the checkpoint
            from which the run goes on, and will be written again.
    """

    def __init__(self, folder: Path, upto: int = 0) -> None:
        self.path = folder / "log.csv"
        rows = [row for row in read_log(folder) if int(row["step"]) <= upto]
        part = self.path.with_suffix(".part")
        with part.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        part.replace(self.path)

    def add(self, **row: Any) -> None:
        """Add a row; a column left out stays empty."""
        text = {key: _cell(value) for key, value in row.items()}
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(text)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def read_log(folder: Path) -> list[dict[str, str]]:
    """The rows of log.csv, as text; none if there is no log yet."""
    path = folder / "log.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["step"]]
