"""npalexnet beside PyTorch, in one process, one after the other, again and again.

    pip install --editable '.[bench]'
    python -m benchmarks.step                      everything, twenty minutes
    python -m benchmarks.step --only paper --rounds 3
    python -m benchmarks.step --only paper --alone torch

Machines are shared and change their speed from minute to minute, so only what was
measured in the same minutes can be compared: each round runs every candidate twice and
times the second run, the median over the rounds counts, and the rate of a plain matrix
product is taken in the same rounds. PyTorch must have its threads (ours hold BLAS at
one only while they work, and never touch OpenMP): this is asserted, and PyTorch's time
is compared with its time alone in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

CANDIDATES = {
    "npalexnet": {},
    "torch": {"channels_last": False, "compiled": False},
    "torch channels_last": {"channels_last": True, "compiled": False},
    "torch.compile": {"channels_last": False, "compiled": True},
    "torch.compile channels_last": {"channels_last": True, "compiled": True},
}
# name: variant, switches, batch, what is timed
WORK: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "paper": ("paper", {}, 128, "step"),
    "paper without LRN": ("paper", {"lrn": False}, 128, "step"),
    "owt": ("owt", {}, 128, "step"),
    "small": ("small", {}, 128, "step"),
    "paper forward 64": ("paper", {}, 64, "forward"),
    "paper forward 1": ("paper", {}, 1, "forward"),
}


def make(name: str, candidate: str, threads: int) -> Callable[[], None]:
    """What is to be timed: a function without arguments."""
    from npalexnet import SGD, alexnet, train_step
    from npalexnet.net import threads as our_threads

    variant, switches, batch, what = WORK[name]
    our_threads.set_threads(threads)
    graph = alexnet(variant, 1000, **switches)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *graph.input_shape), np.float32)
    labels = rng.integers(0, 1000, batch)
    if candidate != "npalexnet":
        import torch

        from benchmarks.peer import Peer

        torch.set_num_threads(threads)
        peer = Peer(graph, x, labels, **CANDIDATES[candidate])

        def timed_peer() -> None:
            assert torch.get_num_threads() == threads, "somebody took PyTorch's threads"
            getattr(peer, what)()

        return timed_peer
    sgd = SGD(graph.params)

    def step() -> None:
        train_step(graph, sgd, x, labels, rng)

    def forward() -> None:
        graph.forward(x, keep=False)

    return step if what == "step" else forward


def seconds(work: Callable[[], None]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def gflops(threads: int) -> float:
    """The machine's own rate: a 4096 x 4096 matrix product in float32."""
    from threadpoolctl import threadpool_limits

    a = np.ones((4096, 4096), np.float32)
    out = np.empty_like(a)
    with threadpool_limits(threads, user_api="blas"):
        best = min(seconds(lambda: np.matmul(a, a, out=out)) for _ in range(3))
    return 2 * 4096**3 / best / 1e9


def peak_memory() -> float:
    """This process's largest memory so far, in GB (Linux).

    `resource.getrusage` would not do: a process inherits its parent's peak.
    """
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def operations(name: str) -> float:
    """Floating point operations that the plain algorithm needs for what is timed."""
    from npalexnet import alexnet

    variant, switches, batch, what = WORK[name]
    graph = alexnet(variant, 1000, **switches)
    total = 0
    for i, cost in enumerate(graph.costs().values()):
        passes = 1 if what == "forward" else 2 if i == 0 else 3
        total += 2 * passes * cost.multiply_adds
    return float(total * batch)


def forget_compiled() -> None:
    """Start torch.compile afresh: it gives up after eight networks in one process."""
    import torch

    torch._dynamo.reset()


def measure(name: str, rounds: int, threads: int, skip: set[str]) -> dict[str, float]:
    """Median seconds of each candidate, and "limit", what sgemm alone would take."""
    forget_compiled()
    works = {c: make(name, c, threads) for c in CANDIDATES if c not in skip}
    for work in works.values():  # compile, allocate, warm the caches
        work()
        work()
    times: dict[str, list[float]] = {candidate: [] for candidate in works}
    rates = []
    repeat = max(1, round(0.2 / seconds(works["npalexnet"])))
    for _ in range(rounds):
        for candidate, work in works.items():
            work()  # not timed: it brings back what the others drove out
            times[candidate].append(median(seconds(work) for _ in range(repeat)))
        rates.append(gflops(threads))
    found = {candidate: median(t) for candidate, t in times.items()}
    found["limit"] = operations(name) / median(rates) / 1e9
    return found


def report(name: str, found: dict[str, float]) -> None:
    """Print one table."""
    batch, ours = WORK[name][2], found["npalexnet"]
    print(f"\n{name}, batch {batch}, {WORK[name][3]}")
    for candidate, t in found.items():
        what, ratio = candidate, t / ours
        says = "" if candidate == "npalexnet" else f"ours is {ratio:.2f} x as fast"
        if candidate == "limit":
            what, says = "the products, at sgemm's rate", f"we reach {ratio:.0%} of it"
        speed = f"{1000 * t:9.1f} ms {batch / t:9.1f} images/s"
        print(f"  {what:<30} {speed}  {says}", flush=True)
    peers = {c: t for c, t in found.items() if c.startswith("torch")}
    eager = min(t for c, t in peers.items() if "compile" not in c) / ours
    best = min(peers.values()) / ours
    print(
        f"  against PyTorch's best eager {eager:.2f} x, against its best {best:.2f} x"
    )


def alone(name: str, candidate: str, threads: int, rounds: int) -> dict[str, float]:
    """Time and peak memory of one candidate in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.step", "--alone", candidate]
    command += ["--only", name, "--threads", str(threads), "--rounds", str(rounds)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(out.splitlines()[-1])
    return result


def start_up() -> None:
    """Seconds from the command to the first step, kernel cache cold and warm."""
    with tempfile.TemporaryDirectory() as folder:
        for says in ("empty kernel cache", "warm"):
            command = [sys.executable, "-m", "npalexnet.train", "--steps", "1"]
            command += ["--limit", "640", "--out", f"{folder}/{says.split()[0]}"]
            environment = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/cache"}
            began = time.perf_counter()
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, env=environment
            )
            assert process.stdout is not None
            for line in process.stdout:
                if line.lstrip().startswith("epoch"):  # the first step comes next
                    break
            passed = time.perf_counter() - began
            print(f"train to its first step, {says}: {passed:.1f} s")
            process.communicate()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.step",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=WORK, help="one row of the table")
    parser.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="(default: 2)")
    parser.add_argument("--no-compile", action="store_true", help="no torch.compile")
    parser.add_argument("--skip", choices=CANDIDATES, nargs="*", default=[])
    parser.add_argument("--alone", choices=CANDIDATES, help="time nothing but this one")
    args = parser.parse_args()
    if args.alone:
        if args.only is None:
            parser.error("--alone needs --only: which row?")
        work = make(args.only, args.alone, args.threads)
        work()
        work()
        t = median(seconds(work) for _ in range(args.rounds))
        print(json.dumps({"seconds": t, "peak_gb": peak_memory()}))
        return

    skip = {c for c in CANDIDATES if "compile" in c and args.no_compile}
    skip |= set(args.skip)
    print(f"{args.threads} threads; sgemm {gflops(args.threads):.0f} GFLOP/s")
    for name in [args.only] if args.only else WORK:
        found = measure(name, args.rounds, args.threads, skip)
        report(name, found)
        if name == "paper" and not args.skip:
            by_itself(name, found, args.threads)
    if not args.only:
        print()
        start_up()


def by_itself(name: str, found: dict[str, float], threads: int) -> None:
    """Each side alone in a process: is its time the same, and what memory is needed?"""
    eager = min(("torch", "torch channels_last"), key=lambda c: found[c])
    for candidate in ("npalexnet", eager):
        a = alone(name, candidate, threads, 3)
        same = a["seconds"] / found[candidate]
        print(
            f"  {candidate} alone in a process: {1000 * a['seconds']:.1f} ms, "
            f"{same:.2f} of its time here; peak memory {a['peak_gb']:.2f} GB",
            flush=True,
        )
        if candidate == eager and not 0.9 < same < 1.1:
            raise SystemExit("not fair: PyTorch alone differs by a tenth; run again")
    one, two = (alone(name, "npalexnet", t, 3)["seconds"] for t in (1, threads))
    print(f"  npalexnet, {threads} threads against 1: {one / two:.2f} x", flush=True)


if __name__ == "__main__":
    main()
