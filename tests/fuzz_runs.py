"""Damage run folders and caches in many ways, and see that each is used or refused.

    python tests/fuzz_runs.py --count 2000 --seed 1
    python tests/fuzz_runs.py --seed 1 --start 417 --count 1

Beside a whole run lies a second one, in which a file or two are damaged, missing,
exchanged, or no files any more. Then the commands are called as a user would, in this
process: each must do its work, or end with status 2 and one line on stderr, and the
whole run must stay as it is, and be found by a bare `--resume`.

A cache of decoded pictures is damaged likewise. Whatever was done to it, the pictures
that are loaded must be right, pixel for pixel.

The same seed and number make the same damage.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np
from fuzz_weights import (
    MOST_SECONDS,
    SECONDS,
    Finding,
    Rng,
    exchanged,
    plain,
    zip_again,
)
from pictures import layout, write_zip
from shrunk import shrink

from npalexnet import datasets, evaluate, figures, predict, train
from npalexnet.datasets import cache

RUN = ("config.json", "log.csv", "last.npz", "best.npz")
CACHE = ("about.json", "pixels")
LINES = (
    "",
    ",",
    "a,b",
    "1,2,3,4,5,6,7,8,9,10,11",
    "\0" * 40,
    "6,1,nan,,,,,,,",
    "é\x1b[2J",
)


# ------------------------------------------------------------------------- damage


def in_config(rng: Rng, data: bytes) -> bytes:
    """A value in a file of JSON is another one."""
    return json.dumps(exchanged(rng, json.loads(data))).encode()


def in_lines(rng: Rng, data: bytes) -> bytes:
    """A line of a text is missing, another one, there twice, or elsewhere."""
    lines = data.decode().split("\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines[at] = rng.choice(LINES)
    elif kind == 2:
        lines.insert(at, rng.choice([*lines, *LINES]))
    elif kind == 3:
        rng.shuffle(lines)
    else:
        cells = lines[at].split(",")
        cells[rng.randrange(len(cells))] = rng.choice(["", "x", "inf", "1e999", "-1"])
        lines[at] = ",".join(cells)
    return "\n".join(lines).encode()


def zeroed(rng: Rng, data: bytes) -> bytes:
    """A part is zeros, as after a power cut."""
    start = rng.randrange(len(data))
    stop = min(len(data), start + int(2 ** rng.uniform(0, 14)))
    return data[:start] + bytes(stop - start) + data[stop:]


def no_file(rng: Rng, path: Path) -> None:
    """Something else stands where the file was, or nothing."""
    path.unlink()
    kind = rng.randrange(6)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(rng.choice(["nowhere", path.name, "/dev/zero", "/dev/null"]))
    elif kind == 2:
        os.mkfifo(path)
    elif kind == 3:
        path.touch()


def damage(rng: Rng, folder: Path, names: Iterable[str]) -> str:
    """Do something to one or two of the files; returns to which."""
    hit = rng.sample([*names], rng.choice([1, 1, 1, 2]))
    for name in hit:
        path = folder / name
        if rng.random() < 0.1:
            no_file(rng, path)
            continue
        if rng.random() < 0.1:
            shutil.copyfile(folder / rng.choice([*names]), folder / "other")
            (folder / "other").replace(path)
            continue
        kinds = [plain, zeroed]
        if name.endswith(".npz"):
            kinds += [zip_again] * 4
        elif name.endswith(".json"):
            kinds += [in_config] * 5
        elif name.endswith(".csv"):
            kinds += [in_lines] * 3
        path.write_bytes(rng.choice(kinds)(rng, path.read_bytes()))
    return " and ".join(hit)


# ---------------------------------------------------------------------- run folders


def call(command: Any, *words: str) -> str | None:
    """What is wrong with how a command ends, or None."""
    out, err = io.StringIO(), io.StringIO()
    start = time.process_time()
    said = " ".join(words)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = command.main([*words])
    except SystemExit as stop:
        status = stop.code
    except BaseException:
        return f"{said}: {traceback.format_exc()[-900:]}"
    lines = err.getvalue().splitlines()
    one_line = len(lines) == 1 and lines[0].startswith("error: ") and status == 2
    if not one_line and (status, lines) != (0, []):
        return f"{said}: status {status}, {err.getvalue()[-300:]!r}"
    if one_line and (len(lines[0]) > 1000 or not lines[0].isprintable()):
        return f"{said}: says {lines[0]!r:.300}"
    seconds = time.process_time() - start
    return f"{said} takes {seconds:.1f} s" if seconds > 2 * SECONDS else None


class Runs:
    """A folder with a whole run, and its twin that is damaged again and again."""

    def __init__(self) -> None:
        write_zip(Path("tiny.zip"), layout(train=4, val=2))
        (Path("cat.png")).write_bytes(layout()["test/images/test_0.JPEG"])
        options = "--data tiny.zip --batch 5 --epochs 2 --lr 0.001 --threads 1".split()
        with redirect_stdout(io.StringIO()):
            train.main(options)
        Path("runs/own-small").rename("whole")
        self.whole = {p.name: p.read_bytes() for p in Path("whole").iterdir()}

    def try_one(self, rng: Rng) -> tuple[str, list[str]]:
        """Damage the twin, and use it: (what was damaged, what is wrong)."""
        shutil.rmtree("runs", ignore_errors=True)
        shutil.copytree("whole", "runs/whole")
        shutil.copytree("whole", "runs/twin")
        name = damage(rng, Path("runs/twin"), RUN)
        future = time.time() - 5  # the twin is the newer one
        os.utime("runs/whole/last.npz", (future, future))
        os.utime("runs/whole/config.json", (future, future))
        found = [
            call(evaluate, "runs/twin"),
            call(predict, "runs/twin", "cat.png", "--out", "p.png"),
            call(train, "--resume", "--out", "runs/twin", "--epochs", "3"),
            call(train, "--resume", "--out", "runs/twin", "--epochs", "3"),
            call(train, "--resume", "--data", "tiny.zip"),
            call(evaluate),
        ]
        for path in Path("runs/whole").iterdir():
            if path.suffix == ".npz" and path.read_bytes() != self.whole[path.name]:
                found.append(f"{path} was touched")
        shutil.rmtree("runs/twin")
        found.append(call(train, "--resume", "--data", "tiny.zip", "--epochs", "2"))
        return name, [what for what in found if what]


# --------------------------------------------------------------------------- caches


class Caches:
    """A data set whose decoded pictures are cached, and damaged again and again."""

    def __init__(self) -> None:
        self.zip = write_zip(Path("cached.zip"), layout(train=40, val=2, side=16))
        self.folder = cache.data_folder() / "cache"
        with redirect_stdout(io.StringIO()):
            self.right = datasets.load("own", self.zip)
        with self.always():
            datasets.load("own", self.zip)
        self.whole = {
            path.relative_to(self.folder): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    @contextmanager
    def always(self) -> Iterator[None]:
        """Even so small a data set is cached, in small blocks."""
        with (
            patch.object(cache, "ALWAYS_DECODED", 0),
            patch.object(cache, "AT_A_TIME", 32),
            redirect_stdout(io.StringIO()),
        ):
            yield

    def try_one(self, rng: Rng) -> tuple[str, list[str]]:
        """Damage the cache, and load: (what was damaged, what is wrong)."""
        shutil.rmtree(self.folder)
        for name, data in self.whole.items():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
        entry = rng.choice(sorted(self.folder.iterdir()))
        name = damage(rng, entry, CACHE)
        found = []
        for _ in range(2):
            try:
                with self.always():
                    data = datasets.load("own", self.zip)
                for mine, theirs in (
                    (data.train, self.right.train),
                    (data.val, self.right.val),
                ):
                    if not np.array_equal(mine.pixels, theirs.pixels):
                        found.append("other pixels")
                    if not np.array_equal(mine.labels, theirs.labels):
                        found.append("other labels")
            except BaseException:
                found.append(traceback.format_exc()[-900:])
        left = {p.name for p in self.folder.iterdir()}
        if left != {name.parts[0] for name in self.whole}:
            found.append(f"it leaves {sorted(left)}")
        return f"cache: {name}", found


# ------------------------------------------------------------------------- the whole


def fuzz(seed: int, numbers: Iterable[int]) -> list[Finding]:
    """Use damaged run folders and caches; returns what went wrong.

    Args:
        seed: says which damage.
        numbers: of the damages; every fourth is done to a cache.
    """
    found, before = [], Path.cwd()
    drawn = {name: MagicMock() for name in "curves filters confusion top5".split()}
    with (
        tempfile.TemporaryDirectory() as folder,
        np.errstate(all="ignore"),
        patch.dict("npalexnet.alexnet.VARIANTS"),
        patch.dict(os.environ, NPALEXNET_DATA=str(Path(folder) / "data")),
    ):
        os.chdir(folder)
        try:
            shrink()
            runs, caches = Runs(), Caches()
            for number in numbers:
                rng = random.Random(f"{seed}/{number}/runs")
                faulthandler.dump_traceback_later(2 * MOST_SECONDS, exit=True)
                kind = caches if number % 4 == 3 else runs
                # drawing takes longer than all the rest: only now and then
                quickly = patch.multiple(figures, **drawn)
                with quickly if number % 20 else nullcontext():
                    name, wrong = kind.try_one(rng)
                found += [Finding(number, name, what) for what in wrong]
                faulthandler.cancel_dump_traceback_later()
        finally:
            os.chdir(before)
    return found


def main() -> int:
    """The command line; the exit status says whether anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="so many damages")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    given = parser.parse_args()
    found = fuzz(given.seed, range(given.start, given.start + given.count))
    for finding in found:
        print(f"seed {given.seed}, damage {finding.number} ({finding.name}): ", end="")
        print(finding.what)
    print(f"{given.count} damaged run folders and caches, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
