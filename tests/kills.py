"""Kill training at random moments, go on, and see that it ends as if nothing had been.

    python tests/kills.py --count 1000 --seed 1
    python tests/kills.py --count 100 --seed 1 --ranks 2 --minutes 10

A chain is one run with settings drawn by seed and number: once unbroken, and once
killed by SIGKILL again and again, resumed each time, until it comes to its end. Then
weights, velocity, state and log must be equal, bit for bit. Checkpoints are written far
more often than usual, so that many a kill hits the writing of one, and the network is
small, so that there can be many kills.

In one process, each attempt is forked from this process, which has loaded everything:
so an attempt begins in no time. On several ranks each attempt is an mpiexec of its own,
and the kill hits one rank, all of them, or mpiexec.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pictures import layout, write_zip
from shrunk import shrink

from npalexnet import train
from npalexnet.training import folder as runs
from npalexnet.training import loop
from npalexnet.weights import checkpoint

SECONDS = 60.0  # after which an attempt hangs
MOST_KILLS = 12  # of one chain; then it is left to end
TIMES = ("images_per_s", "seconds")  # of the log: the clock's, different in each run
CLOCK = ("seconds", "training_seconds", "phases")  # the same, of the state
SHARED = ("images", "columns", "hybrid")

# Sends a signal, and returns when nothing of the attempt is alive any more.
Kill = Callable[[], None]


class Attempt:
    """A training run that was started in one process, by fork.

    Args:
        options: of the command.
        save_every: seconds between checkpoints inside an epoch.
        said: the file that gets what it says.
    """

    def __init__(self, options: list[str], save_every: float, said: Path) -> None:
        self.pid = os.fork()
        if self.pid == 0:
            status = 70
            try:
                out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
                os.dup2(out, 1)
                os.dup2(out, 2)
                loop.SAVE_EVERY = save_every
                status = train.main(options)
                sys.stdout.flush()
            finally:
                os._exit(status)

    def ended(self, seconds: float) -> int | None:
        """Wait so long for its end: the exit status, or None if it goes on."""
        end = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() >= end:
                return None
            time.sleep(0.002)

    def kill(self, rng: random.Random) -> str:
        """SIGKILL; returns what was hit."""
        os.kill(self.pid, signal.SIGKILL)
        return "the process"


class AttemptOnRanks:
    """The same, on several ranks that mpiexec starts."""

    def __init__(
        self, options: list[str], save_every: float, said: Path, ranks: int
    ) -> None:
        self.pids = said.with_suffix(".pids")
        shutil.rmtree(self.pids, ignore_errors=True)
        self.pids.mkdir()
        mpiexec = Path(sys.executable).with_name("mpiexec")
        rank = [sys.executable, __file__, "--as-rank", str(self.pids), str(save_every)]
        with said.open("wb") as file:
            self.process = subprocess.Popen(
                [mpiexec, "-n", str(ranks), *rank, *options],
                stdout=file,
                stderr=file,
                start_new_session=True,  # mpiexec cleans up in its own group
            )

    def ended(self, seconds: float) -> int | None:
        """Wait so long for its end: the exit status, or None if it goes on."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        end = time.monotonic() + SECONDS
        while any(alive(int(p.name)) for p in self.pids.iterdir()):
            if time.monotonic() > end:
                return None
            time.sleep(0.01)
        return status

    def kill(self, rng: random.Random) -> str:
        """SIGKILL to a rank, to all, or to mpiexec; returns what was hit."""
        ranks = sorted(int(p.name) for p in self.pids.iterdir())
        which = rng.choice(["a rank", "a rank", "all ranks", "mpiexec"])
        hit = {"a rank": ranks[:1], "all ranks": ranks, "mpiexec": []}[which]
        if which == "a rank" and ranks:
            hit = [rng.choice(ranks)]
        for pid in hit or [self.process.pid]:
            if hit == [] or alive(pid):
                os.kill(pid, signal.SIGKILL)
        return which


def alive(pid: int) -> bool:
    """Is there such a process?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def as_rank(pids: str, save_every: str, *options: str) -> int:
    """What mpiexec starts: training that tells its number first."""
    (Path(pids) / str(os.getpid())).touch()
    shrink()
    loop.SAVE_EVERY = float(save_every)
    return train.main(list(options))


def settings(rng: random.Random, ranks: int) -> list[str]:
    """The options of a run, drawn."""
    said = ["--data", "tiny.zip", "--threads", "1", "--seed", str(rng.randrange(100))]
    said += ["--batch", str(rng.choice([3, 4, 5, 24]))]
    said += ["--epochs", str(rng.randint(2, 12)), "--lr", "0.001"]
    if rng.random() < 0.3:
        said += ["--schedule", "plateau"]
    elif rng.random() < 0.5:
        said += ["--drops", "1,3"]
    for option in (["--no-augment"], ["--no-colour"], ["--dropout", "0"]):
        said += option if rng.random() < 0.2 else []
    if rng.random() < 0.3:
        said += ["--steps", str(rng.randint(1, 20))]
    if ranks > 1:
        said += ["--parallel", rng.choice(SHARED[: 3 if ranks == 2 else 1])]
    return said


def kept(path: Path) -> dict[str, Any]:
    """What a checkpoint holds, but for the times."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    about = json.loads(str(arrays.pop("about")))
    for name in CLOCK:
        about["extra"].get("state", {}).pop(name, None)
    about["extra"].pop("config")
    return arrays | {"about": about}


def differences(one: Path, two: Path) -> list[str]:
    """In what two runs differ: names of columns, arrays and files."""
    found = []
    rows = []
    for folder in (one, two):
        with (folder / "log.csv").open(newline="") as file:
            rows.append(list(csv.DictReader(file)))
    if len(rows[0]) != len(rows[1]):
        found.append(f"{len(rows[0])} and {len(rows[1])} rows")
    for a, b in zip(*rows, strict=False):
        found += [n for n in a if n not in TIMES and a[n] != b[n]]
    for name in ("last.npz", "best.npz"):
        a, b = kept(one / name), kept(two / name)
        found += [] if a.keys() == b.keys() else [f"{name}: other arrays"]
        same = (n for n in a.keys() & b.keys())
        found += [f"{name}: {n}" for n in same if not np.array_equal(a[n], b[n])]
    files = [{p.name for p in folder.iterdir()} for folder in (one, two)]
    found += sorted(files[0] ^ files[1])
    return sorted(set(found))


def moment(folder: Path) -> str:
    """Where in the run the kill came, as far as the folder tells."""
    if not (folder / "config.json").exists():
        return "before the run had a folder"
    if list(folder.glob(".*.part")):
        return "while a file was written"
    if not (folder / "last.npz").exists():
        return "before the first checkpoint"
    state = checkpoint.load_all(folder / "last.npz")[1]["state"]
    last = max((int(row["step"]) for row in runs.read_log(folder)), default=0)
    if last > state["step"] or (last == state["step"] and state["row_due"]):
        return "between a row and its checkpoint"
    if (folder / "filters.png").exists():
        return "after the last step"
    return "elsewhere"


class Chains:
    """Chains of kills in one folder, and what came of them.

    Args:
        place: an empty folder.
        seed: says which settings and moments.
        ranks: of each run.
    """

    def __init__(self, place: Path, seed: int, ranks: int) -> None:
        self.place, self.seed, self.ranks = place, seed, ranks
        self.moments: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()
        self.chains, self.findings = 0, 0

    @property
    def kills(self) -> int:
        """How many there were."""
        return sum(self.hit.values())

    def start(self, options: list[str], save_every: float) -> Any:
        """An attempt."""
        said = self.place / "said"
        if self.ranks > 1:
            return AttemptOnRanks(options, save_every, said, self.ranks)
        return Attempt(options, save_every, said)

    def found(self, number: int, what: str, options: list[str]) -> None:
        """Say what went wrong in a chain."""
        self.findings += 1
        print(f"seed {self.seed}, chain {number}: {what}\n  {' '.join(options)}")
        print(f"  {(self.place / 'said').read_text()[-2000:]}", flush=True)

    def chain(self, number: int, most: int) -> None:
        """An unbroken run, and the same one killed at most so often."""
        rng = random.Random(f"{self.seed}/{number}/{self.ranks}")
        options = settings(rng, self.ranks)
        for name in ("whole", "killed"):
            shutil.rmtree(self.place / name, ignore_errors=True)
        began = time.monotonic()
        status = self.start([*options, "--out", "whole"], 1000).ended(SECONDS)
        length = time.monotonic() - began
        if status != 0:
            self.found(number, f"the unbroken run ends with {status}", options)
            return
        self.chains += 1
        folder, kills = self.place / "killed", 0
        while True:
            resume = (folder / "config.json").exists()
            command = ["--resume", "--threads", "1"] if resume else options
            for name in ("--steps", "--parallel"):  # these may differ: said again
                if resume and name in options:
                    command = [*command, name, options[options.index(name) + 1]]
            attempt = self.start(
                [*command, "--out", "killed"], rng.choice([0.0, 0.05, 1000])
            )
            more = kills < min(MOST_KILLS, most)
            status = attempt.ended(rng.uniform(0, 0.6 * length) if more else SECONDS)
            if status is None:
                hit = attempt.kill(rng)
                if attempt.ended(SECONDS) is None or not more:
                    self.found(number, "it hangs", options)
                    return
                kills += 1
                self.hit[hit] += 1
                self.moments[moment(folder)] += 1
            elif status == 0:
                break
            else:
                self.found(number, f"it ends with {status}", options)
                return
        different = differences(self.place / "whole", folder)
        if different:
            self.found(number, f"other than unbroken: {different}", options)

    def told(self) -> str:
        """How many kills there were, and where they hit."""
        where = "\n".join(f"{n:6d} {what}" for what, n in self.moments.most_common())
        return (
            f"{self.kills} kills in {self.chains} chains on {self.ranks} "
            f"rank{'s' * (self.ranks > 1)}, {self.findings} findings; they hit "
            f"{dict(self.hit)}\n{where}"
        )


def kill_often(
    count: int, seed: int, ranks: int = 1, minutes: float = 1e9, start: int = 0
) -> Chains:
    """So many kills, or as many as there is time for; returns what came of them."""
    end = time.monotonic() + 60 * minutes
    before = Path.cwd()
    shrink()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.chdir(place)
        try:
            write_zip(place / "tiny.zip", layout(train=8, val=4))
            chains = Chains(place, seed, ranks)
            # loads the kernels, and matplotlib, once for all who are forked
            first = ["--data", "tiny.zip", "--threads", "1", "--epochs", "1"]
            with (place / "said").open("w") as said:
                out = os.dup(1)
                os.dup2(said.fileno(), 1)
                try:
                    train.main([*first, "--out", "first"])
                    sys.stdout.flush()
                finally:
                    os.dup2(out, 1)
            number = start
            while chains.kills < count and time.monotonic() < end:
                chains.chain(number, count - chains.kills)
                number += 1
        finally:
            os.chdir(before)
    return chains


def main() -> int:
    """The command line; the exit status says whether anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="so many kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--ranks", type=int, default=1, help="processes of mpiexec")
    parser.add_argument("--minutes", type=float, default=1e9, help="at most so many")
    given = parser.parse_args()
    chains = kill_often(
        given.count, given.seed, given.ranks, given.minutes, given.start
    )
    print(chains.told())
    return bool(chains.findings)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--as-rank"]:
        sys.exit(as_rank(*sys.argv[2:]))
    sys.exit(main())
