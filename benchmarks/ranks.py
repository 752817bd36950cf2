"""Two ranks of one thread beside one process of two threads; and what ranks send.

    pip install --editable '.[mpi]'
    python -m benchmarks.ranks                      speed and memory, ten minutes
    python -m benchmarks.ranks --bytes              bytes by layer: sent and predicted
    python -m benchmarks.ranks --wire               beside what the network card counts
    python -m benchmarks.ranks --picture FILE.png   which scheme sends least

The two candidates cannot live in one process, so each round starts one after the other
and compares them with each other only; the median over the rounds counts. The columns
are compared with the same network in one process, LRN inside its columns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from npalexnet import SGD, alexnet, softmax_cross_entropy
from npalexnet.datasets.augment import generator
from npalexnet.layers import LRN
from npalexnet.net import threads
from npalexnet.net.graph import Graph
from npalexnet.parallel import SCHEMES, ParallelGraph, predicted, world

VARIANT, CLASSES = "paper", 1000


def network(scheme: str) -> Graph:
    """The network that is timed; in columns, LRN looks at its own column only."""
    graph = alexnet(VARIANT, CLASSES)
    for layer in graph.layers.values():
        if isinstance(layer, LRN) and scheme == "columns":
            layer.groups = 2
    return graph


def rank_main(scheme: str, batch: int, steps: int, count: int) -> None:
    """What each rank does; rank 0 prints a line of JSON."""
    from benchmarks.step import peak_memory

    ranks = world()
    threads.set_threads(count)
    graph: Graph | ParallelGraph = network(scheme)
    mine = slice(None)
    if ranks.size > 1:
        graph = ParallelGraph(network(scheme), scheme, ranks)
        mine = graph.shard(batch)
    sgd = SGD(graph.params)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((batch, *graph.input_shape), np.float32)[mine].copy()
    labels = rng.integers(0, CLASSES, batch)

    def step(number: int) -> float:
        ranks.all_reduce_max(0)  # all begin at the same time
        began = time.perf_counter()
        y = graph.forward(x, train=True, rng=generator(0, "masks", number))
        graph.backward(softmax_cross_entropy(y, labels)[1])
        sgd.step()
        ranks.all_reduce_max(0)
        return time.perf_counter() - began

    step(0)
    ranks.sent.clear()
    before = bytes_on_loopback()
    times = [step(1 + i) for i in range(steps)]
    time.sleep(0.1)
    wire = bytes_on_loopback() - before
    sent = {" ".join(key): n // steps for key, n in ranks.sent_by_all().items()}
    peak = peak_memory()
    if ranks.comm is not None:
        peak = max(ranks.comm.allgather(peak))
    if ranks.rank == 0:
        found = {"seconds": median(times), "peak_gb": peak, "sent": sent}
        print(json.dumps({**found, "wire": wire // steps}))


def bytes_on_loopback() -> int:
    """Bytes that this machine has sent to itself, by its network device (Linux)."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        device, _, numbers = line.partition(":")
        if device.strip() == "lo":
            return int(numbers.split()[8])
    return 0


def start(
    ranks: int, count: int, scheme: str, batch: int, steps: int = 2, **environment: str
) -> dict[str, Any]:
    """Run `rank_main` on so many ranks of so many threads."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [str(mpiexec), "-n", str(ranks)] if ranks > 1 else []
    command += [sys.executable, "-m", "benchmarks.ranks", "--on", scheme]
    command += ["--batch", str(batch), "--steps", str(steps), "--threads", str(count)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def speed(batch: int, rounds: int, schemes: list[str]) -> None:
    """Time and memory of two ranks beside one process."""
    for scheme in schemes:
        pairs = [
            (start(1, 2, scheme, batch), start(2, 1, scheme, batch))
            for _ in range(rounds)
        ]
        one, two = (median(f["seconds"] for f in side) for side in zip(*pairs))  # noqa: B905
        ratio = median(a["seconds"] / b["seconds"] for a, b in pairs)
        memory = [max(f["peak_gb"] for f in side) for side in zip(*pairs)]  # noqa: B905
        print(
            f"{scheme:8} {VARIANT}, batch {batch}: one process {one:.2f} s, two ranks "
            f"{two:.2f} s, {ratio:.2f} x as fast; peak memory {memory[0]:.2f} GB, "
            f"a rank {memory[1]:.2f} GB, {memory[1] / memory[0]:.0%}",
            flush=True,
        )


def table(batch: int, ranks: int, schemes: list[str]) -> None:
    """Bytes of a step, layer by layer: sent and predicted."""
    for scheme in schemes:
        sent = start(ranks, 1, scheme, batch, steps=1)["sent"]
        said = {
            " ".join(key): n
            for key, n in predicted(network(scheme), scheme, ranks, batch).items()
        }
        print(f"\n{scheme}, {ranks} ranks, batch {batch}   sent         predicted")
        for name in said | sent:
            print(f"  {name:<20} {sent.get(name, 0):>14,} {said.get(name, 0):>14,}")
        total = sum(sent.values()), sum(said.values())
        same = "equal" if sent == said else "NOT EQUAL"
        print(f"  {'all':<20} {total[0]:>14,} {total[1]:>14,}  {same}", flush=True)


# MPICH over TCP, as between machines, not through shared memory.
OVER_TCP = {
    "MPIR_CVAR_NOLOCAL": "1",
    "MPIR_CVAR_CH4_NETMOD": "ofi",
    "FI_PROVIDER": "tcp",
}


def wire(batch: int, schemes: list[str]) -> None:
    """What is predicted beside what the network device counts, headers included."""
    points = json.loads(WIRE.read_text()) if WIRE.exists() else []
    for scheme in schemes:
        for ranks in (2,) if scheme == "columns" else (2, 3):
            counted = start(ranks, 1, scheme, batch, **OVER_TCP)["wire"]
            said = sum(predicted(network(scheme), scheme, ranks, batch).values())
            print(
                f"{scheme:8} {ranks} ranks, batch {batch}: a step sends "
                f"{said / 1e6:.1f} MB as predicted, {counted / 1e6:.1f} MB as counted, "
                f"{counted / said:.3f} x",
                flush=True,
            )
            point = {"scheme": scheme, "ranks": ranks, "batch": batch}
            points = [p for p in points if {**p, **point} != p]
            points.append({**point, "bytes": counted})
    lines = ",\n".join(json.dumps(p) for p in sorted(points, key=str))
    WIRE.write_text(f"[\n{lines}\n]\n")


# What `--wire` counted; `--picture` draws it.
WIRE = Path(__file__).with_name("wire.json")

# Colours that colour-blind readers tell apart.
COLOURS = {"columns": "#4c956c", "images": "#2f7ebc", "hybrid": "#e2711d"}


def picture(path: str) -> None:
    """Draw which scheme sends least, by batch size and number of machines."""
    from matplotlib.figure import Figure

    graph = network("columns")

    def megabytes(scheme: str, machines: int, batch: int) -> float:
        total = sum(predicted(graph, scheme, machines, batch).values())
        return total / machines / 1e6

    figure = Figure(figsize=(10, 4.2), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    batches = np.unique(np.geomspace(8, 16384, 300).astype(int))
    places = {"columns": (-4, 3, "right"), "images": (0, 5, "center")}
    for machines, style in ((2, "-"), (16, "--")):
        for scheme in SCHEMES if machines == 2 else ("images", "hybrid"):
            line = [megabytes(scheme, machines, int(b)) for b in batches]
            left.plot(batches, line, style, color=COLOURS[scheme], lw=1.8)
            at = {"columns": 4000, "images": 20, "hybrid": 20}[scheme]
            x, y, side = places.get(scheme, places["images"])
            left.annotate(
                f"{scheme}, {machines}",
                (at, megabytes(scheme, machines, at)),
                xytext=(x, y),
                textcoords="offset points",
                color=COLOURS[scheme],
                fontsize=9,
                ha=side,
            )
    for point in json.loads(WIRE.read_text()):
        if point["ranks"] == 2:
            where = point["batch"], point["bytes"] / 2 / 1e6
            left.plot(*where, "o", color=COLOURS[point["scheme"]], ms=6)
    left.set(xscale="log", yscale="log", ylabel="MB that a machine sends in a step")
    left.set(xlabel="pictures in a step, over all machines")
    left.set_title("scheme, machines; dots: counted on two ranks", fontsize=10)
    left.yaxis.set_major_formatter("{x:,.0f}")
    left.grid(alpha=0.3)

    machines = np.arange(2, 65)
    each = np.unique(np.geomspace(4, 4096, 240).astype(int))
    best = np.zeros((len(machines), len(each)))
    for i, count in enumerate(machines):
        names = SCHEMES if count == 2 else ("images", "hybrid")
        for j, pictures in enumerate(each):
            total = int(count * pictures)
            least = min(names, key=lambda s: megabytes(s, int(count), total))
            best[i, j] = SCHEMES.index(least)
    from matplotlib.colors import ListedColormap

    colours = ListedColormap([COLOURS[s] for s in SCHEMES])
    edges = np.append(machines - 0.5, 64.5)
    sides = np.append(each, each[-1] * 1.03)
    right.pcolormesh(sides, edges, best, cmap=colours, vmin=0, vmax=2, alpha=0.75)
    right.set(xscale="log", yscale="log", xlabel="pictures in a step, for each machine")
    right.set(ylabel="machines", yticks=[2, 4, 8, 16, 32, 64])
    right.set_yticklabels(["2", "4", "8", "16", "32", "64"])
    right.minorticks_off()
    right.text(12, 12, "hybrid", ha="center", color="white", fontsize=12)
    right.text(1500, 12, "images", ha="center", color="white", fontsize=12)
    right.text(9, 2, "columns", ha="center", va="center", color="white", fontsize=9)
    right.set_title("which sends least", fontsize=10)
    for axes in (left, right):
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ranks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=SCHEMES, help="one scheme")
    parser.add_argument("--batch", type=int, default=128, help="(default: 128)")
    parser.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    parser.add_argument("--bytes", action="store_true", help="bytes by layer")
    parser.add_argument("--ranks", type=int, default=2, help="for --bytes (default: 2)")
    parser.add_argument("--wire", action="store_true", help="ask the network device")
    parser.add_argument("--picture", metavar="PATH", help="draw which sends least")
    parser.add_argument("--on", choices=SCHEMES, help=argparse.SUPPRESS)
    parser.add_argument("--steps", type=int, default=2, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    schemes = [args.only] if args.only else list(SCHEMES)
    if args.on:
        rank_main(args.on, args.batch, args.steps, args.threads)
    elif args.picture:
        picture(args.picture)
    elif args.bytes:
        table(args.batch, args.ranks, schemes)
    elif args.wire:
        wire(args.batch, schemes)
    else:
        speed(args.batch, args.rounds, schemes)


if __name__ == "__main__":
    main()
