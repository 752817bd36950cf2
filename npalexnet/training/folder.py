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
import math
import os
import time
import typing
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from npalexnet.datasets.catalogue import embedded
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.files import cannot_write, read_regular, write_whole
from npalexnet.system.lock import Lock
from npalexnet.system.names import did_you_mean_path
from npalexnet.training.options import Options
from npalexnet.weights.limits import one_line, short

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
    with Lock(folder) as lock:
        if not lock.held:
            raise UserError(
                f"another run is at work in {folder}; wait for it, or choose another "
                "folder with --out"
            )
        for part in folder.glob(".*.part"):
            with suppress(OSError):
                part.unlink()
        yield


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
        try:
            written = (folder / needed).stat().st_mtime
            config = read_config(folder)
        except (OSError, UserError):  # damaged: it must not get in the way of others
            continue
        fits = subset in (None, config["subset"])
        if fits and variant in (None, config["variant"]):
            # a run from the future was written before the clock was put back
            found.append((written <= time.time() + 1, written, folder))
    if not found:
        which = "" if subset is None else f" of {subset} with {variant}"
        raise UserError(
            f"no run{which} was found in {RUNS}/; start with: {cli.typed('train')}"
        )
    return max(found)[-1]


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

    One that does not say by which algorithm is of a run from before there was a choice:
    by the sum.

    Raises:
        UserError: it is missing, damaged, or of another version.
    """
    path = folder / "config.json"
    wanted = f"{folder}: expected a run folder with a config.json"
    try:
        saved = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        why = one_line(f"{error!s:.200}")
        raise UserError(f"{wanted} ({why}); give another folder") from None
    if not isinstance(saved, dict):
        raise UserError(f"{wanted}, found something else in it; give another folder")
    names = {option.name for option in fields(Options)}
    unknown = one_line(", ".join(sorted(saved.keys() - names))[:200])
    if unknown:
        raise UserError(
            f"{path} has options that are not known here ({unknown}); "
            "use the version of npalexnet that wrote it, or give another folder"
        )
    options = asdict(Options()) | {"algorithm": "sum"} | saved
    kinds = typing.get_type_hints(Options)
    for name, value in options.items():
        if isinstance(value, list):
            options[name] = value = tuple(value)
        if not fits_option(value, kinds[name]):
            raise UserError(
                f"{path} is damaged: {name} is {one_line(short(value))}; mend it, or "
                "give another folder"
            )
    return options


def fits_option(value: object, kind: Any) -> bool:
    """May an option of this type have this value, which comes from a file?"""
    parts = typing.get_args(kind) if typing.get_origin(kind) is not tuple else ()
    if parts:  # "int | None"
        return any(fits_option(value, part) for part in parts)
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(fits_option(v, int) for v in value)
    if kind is float:
        return type(value) in (int, float) and abs(value) < math.inf  # type: ignore
    if kind is int:
        return type(value) is int and abs(value) < 2**63
    if kind is str:
        return isinstance(value, str) and value.isprintable() and len(value) < 5000
    return type(value) is kind


def read_text(path: Path, most: int = 2**24) -> str:
    """The text of a file that may be damaged, or no file.

    Raises:
        OSError, ValueError: it is missing, no regular file, too long, or no text.
    """
    return read_regular(path, most).decode("utf-8")


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

    Raises:
        UserError: a line is damaged.
    """
    path = folder / "log.csv"
    if not path.exists():
        return []
    mend = "mend or remove that line (without the file, a resumed run begins a new one)"
    try:
        whole, _, _ = read_text(path).rpartition("\n")
    except (OSError, ValueError) as error:
        why = one_line(f"{error!s:.200}")
        raise UserError(f"{path} cannot be read ({why}); move it away") from None
    rows = []
    for number, line in enumerate(whole.split("\n"), 1):
        cells = line.split(",")
        if number == 1:
            good = cells == COLUMNS or not whole
        else:
            good = len(cells) == len(COLUMNS) and is_row(cells)
            rows.append(dict(zip(COLUMNS, cells, strict=False)))
        if not good:
            what = "the names of the columns" if number == 1 else "a row of numbers"
            raise UserError(
                f"{path}, line {number}: expected {what}, found "
                f"{one_line(line[:80])!r}; {mend}"
            )
    return rows


def is_row(cells: list[str]) -> bool:
    """Are these the cells of a row: a step, and numbers or nothing?"""
    step = cells[0].isascii() and cells[0].isdigit() and len(cells[0]) < 18
    try:
        return step and all(math.isfinite(float(c)) for c in cells[1:] if c)
    except ValueError:
        return False
