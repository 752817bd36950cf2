"""Layer by layer: milliseconds, GFLOP/s, and how near that is to the machine's limits.

    python -m benchmarks.layers                        prints a table
    python -m benchmarks.layers --picture roofline.png

One thread, one block of images, each layer by itself. The roofline says what can be
hoped for: a layer that does few operations for each byte that it reads or writes is
limited by memory, and no cleverness with arithmetic helps it; one that does many is
limited by the rate of sgemm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from math import prod
from statistics import median
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from benchmarks.step import gflops
from npalexnet import alexnet
from npalexnet.layers.layer import Workspace
from npalexnet.net import threads
from npalexnet.net.graph import Graph


class Row(NamedTuple):
    """One layer: seconds, operations and bytes for one image, forward and backward."""

    name: str
    seconds: tuple[float, float]
    operations: tuple[float, float]
    bytes: tuple[float, float]


def timed(work: Callable[[], object], repeat: int) -> float:
    """Median seconds of a call."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times[1:])


def measure(graph: Graph, images: int, repeat: int) -> list[Row]:
    """Time every layer of a network on a block of images."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((images, *graph.input_shape), np.float32)
    rows = []
    with threads.one_thread_blas():
        for i, (name, layer) in enumerate(graph.layers.items()):
            grads = {key: np.zeros_like(p.data) for key, p in layer.params.items()}
            need_dx = i > 0
            ws = Workspace(layer=name, grads=grads, need_dx=need_dx)
            mask = layer.sample_mask(rng, x.shape)
            y, cache = layer.forward(x, ws, True, mask)
            dy = np.ones_like(y)

            def forward(layer=layer, x=x, ws=ws, mask=mask):  # type: ignore
                return layer.forward(x, ws, True, mask)

            def backward(layer=layer, dy=dy, cache=cache, ws=ws):  # type: ignore
                return layer.backward(dy, cache, ws)

            seconds = (
                timed(forward, repeat) / images,
                timed(backward, repeat) / images,
            )
            work = 2.0 * layer.multiply_adds(x.shape[1:])
            weights = sum(p.data.nbytes for p in layer.params.values()) / images
            moved = 4.0 * (prod(x.shape[1:]) + prod(y.shape[1:]))
            if not work:  # a few operations a number, so that it has a place
                work = float(prod(x.shape[1:]))
            rows.append(
                Row(
                    name,
                    seconds,
                    (work, work * (2 if layer.params and need_dx else 1)),
                    (moved + weights, 1.5 * moved + 2 * weights),
                )
            )
            x = y.copy()
    return rows


def copy_rate() -> float:
    """Bytes a second that a plain copy reads and writes, one thread."""
    a = np.ones(2**25, np.float32)
    b = np.empty_like(a)
    return 2 * a.nbytes / min(timed(lambda: np.copyto(b, a), 4) for _ in range(3))


def roofline(rows: list[Row], peak: float, copy: float, title: str) -> Figure:
    """Operations a second against operations a byte, with the two limits."""
    figure = Figure(figsize=(8, 5), layout="constrained", facecolor="white")
    axes = figure.subplots()
    intensity = np.logspace(-1.5, 3.5, 100)
    axes.loglog(intensity, np.minimum(peak, copy * intensity) / 1e9, "k-", lw=1.5)
    axes.text(1500, peak / 1e9 * 1.1, "sgemm", ha="right")
    axes.text(0.05, copy * 0.05 / 1e9 * 1.5, "a plain copy", rotation=33)
    for way, marker, colour in ((0, "o", "#2f7ebc"), (1, "^", "#e2711d")):
        for row in rows:
            if row.seconds[way] < 2e-6:
                continue
            x = row.operations[way] / row.bytes[way]
            y = row.operations[way] / row.seconds[way] / 1e9
            axes.plot(x, y, marker, color=colour, ms=6)
            if way == 0:
                axes.annotate(row.name, (x, y), (5, -9), textcoords="offset points",
                              fontsize=7)  # fmt: skip
    axes.plot([], [], "o", color="#2f7ebc", label="forward")
    axes.plot([], [], "^", color="#e2711d", label="backward")
    axes.set(xlabel="operations for each byte read or written", ylabel="GFLOP/s")
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.layers")
    parser.description = "Time every layer by itself, on one thread."
    parser.add_argument("--variant", default="paper", help="(default: paper)")
    parser.add_argument("--images", type=int, default=4, help="in a block (default: 4)")
    parser.add_argument("--repeat", type=int, default=10, help="(default: 10)")
    parser.add_argument("--picture", metavar="FILE", help="write the roofline as PNG")
    args = parser.parse_args()
    threads.set_threads(1)
    rows = measure(alexnet(args.variant), args.images, args.repeat)
    print("layer     forward ms  GFLOP/s   backward ms  GFLOP/s")
    for row in rows:
        f, b = row.seconds
        speeds = [o / t / 1e9 for o, t in zip(row.operations, row.seconds, strict=True)]
        if row.name.startswith(("conv", "fc")):
            print(f"{row.name:<9} {1000 * f:10.3f} {speeds[0]:8.1f} "
                  f"{1000 * b:13.3f} {speeds[1]:8.1f}")  # fmt: skip
        else:
            print(f"{row.name:<9} {1000 * f:10.3f} {'':8} {1000 * b:13.3f}")
    total = [1000 * sum(row.seconds[way] for row in rows) for way in (0, 1)]
    print(f"all       {total[0]:10.3f} {'':8} {total[1]:13.3f}")
    peak, copy = 1e9 * gflops(1), copy_rate()
    print(f"sgemm {peak / 1e9:.0f} GFLOP/s, copy {copy / 1e9:.0f} GB/s")
    if args.picture:
        what = f"{args.variant}, {args.images} images a block, one thread"
        roofline(rows, peak, copy, what).savefig(args.picture, dpi=150)


if __name__ == "__main__":
    main()
