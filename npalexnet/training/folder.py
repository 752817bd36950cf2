"""The folder of a training run: what is in it, and which one is meant.

config.json    every option, as it was decided at the start
log.csv        one line per epoch, and one where --steps ends the run
last.npz       weights, velocity and everything else that is needed to go on
best.npz       weights of the epoch with the best validation top-1
curves.png     loss and accuracy over time
filters.png    what the first layer has learned to look for
filters.gif    the same as a film, a frame an epoch
confusion.png  what each class is taken for (evaluate)
top5.png       some answers in full (evaluate)
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from npalexnet.datasets.catalogue import embedded
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.files import cannot_write, write_whole
from npalexnet.system.names import did_you_mean_path
from npalexnet.training.options import Options

RUNS = Path("runs")
SHIPPED = "emoji-small.npz"  # in data/: for users who have no run of their own yet
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
                "choose another folder with --out"
            )
    else:
        name = f"{subset}-{variant}"
        folder, number = RUNS / name, 1
        while True:
            try:
                make_folder(folder, new=True)
                return folder
            except FileExistsError:  # perhaps made by a run that started just now
                number += 1
                folder = RUNS / f"{name}-{number}"
    make_folder(folder)
    return folder


def make_folder(folder: Path, new: bool = False) -> None:
    """Make a folder, or say in one line why not.

    Raises:
        FileExistsError: it must be new, and is there already.
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=not new)
    except OSError as error:
        if new and isinstance(error, FileExistsError) and folder.is_dir():
            raise
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); choose another with --out"
        ) from None


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder while this one writes into it.

    The lock is the operating system's: it ends with the process, however that ends.
    Files that a killed run left half-written are cleared away.

    Raises:
        UserError: another run is at work in it.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(
                f"another run is at work in {folder}; wait for it, or choose another "
                "folder with --out"
            ) from None
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)


def newest(
    subset: str | None = None, variant: str | None = None, needed: str = "last.npz"
) -> Path:
    """The folder of the run that was written to last.

    Args:
        subset: only runs on this data set.
        variant: only runs of this network.
        needed: only folders with this file.

    Raises:
        UserError: there is none.
    """
    found = []
    for folder in RUNS.glob("*"):
        if not (folder / needed).exists():
            continue
        try:
            config = read_config(folder)
        except UserError:  # a damaged run must not get in the way of the others
            continue
        fits = subset in (None, config["subset"])
        if fits and variant in (None, config["variant"]):
            found.append(folder)
    if not found:
        which = "" if subset is None else f" of {subset} with {variant}"
        raise UserError(
            f"no run{which} was found in {RUNS}/; start with: {cli.typed('train')}"
        )
    return max(found, key=lambda folder: (folder / needed).stat().st_mtime)


def checkpoint_of(run: str | None) -> Path:
    """The checkpoint that RUN means: the file, or the best of the folder or newest run.

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
        raise UserError(
            f"{path}: no such run{did_you_mean_path(path)}; give a run folder or a "
            "checkpoint"
        )
    return path


def network_of(run: str | None) -> Path:
    """The file of the network: of RUN, of the newest run, or the one in data/."""
    if run is None and not any(RUNS.glob("*/last.npz")):
        return embedded(SHIPPED)
    return checkpoint_of(run)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write config.json."""
    text = json.dumps(config, indent=2) + "\n"
    write_whole(folder / "config.json", lambda file: file.write(text.encode()))


def read_config(folder: Path) -> dict[str, Any]:
    """Read config.json: the options of a run, as `Options` has them.

    Raises:
        UserError: it is missing, damaged, or of another version.
    """
    wanted = f"{folder}: expected a run folder with a config.json"
    try:
        saved = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{wanted} ({error}); give another folder") from None
    if not isinstance(saved, dict):
        raise UserError(f"{wanted}, found something else in it; give another folder")
    names = {option.name for option in fields(Options)}
    unknown = ", ".join(sorted(saved.keys() - names))
    if unknown:
        raise UserError(
            f"{folder}/config.json has options that are not known here ({unknown:.200})"
            "; use the version of npalexnet that wrote it, or give another folder"
        )
    options = asdict(Options()) | saved
    return {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}


class Log:
    """log.csv: a single header, and no row twice, however often the run is resumed.

    Args:
        folder: of the run.
        first_dropped: rows of this step and later ones were written after the
            checkpoint; they are dropped, because they will be written again.
    """

    def __init__(self, folder: Path, first_dropped: int) -> None:
        self.path = folder / "log.csv"
        rows = [r for r in read_log(folder) if int(r["step"]) < first_dropped]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_whole(self.path, lambda file: file.write(text.getvalue().encode()))

    def add(self, **row: Any) -> None:
        """Add a row; a column left out stays empty.

        Raises:
            UserError: the disk is full.
        """
        text = {key: _cell(value) for key, value in row.items()}
        try:
            with self.path.open("a", newline="") as file:
                csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(self.path, error) from None


def _cell(value: Any) -> str:
    if value is None:  # not measured
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def read_log(folder: Path) -> list[dict[str, str]]:
    """The rows of log.csv, as text; none if there is no log yet.

    A last line without a line end was broken off by a kill or a full disk, and is no
    row.
    """
    path = folder / "log.csv"
    if not path.exists():
        return []
    whole, _, _ = path.read_text().rpartition("\n")
    return [row for row in csv.DictReader(io.StringIO(whole)) if row["step"]]
