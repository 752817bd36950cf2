"""Where Numba is missing: the same answers, every derivative right, the judge at work.

    python tests/without_numba.py

starts itself a second time with Numba and threads hidden, and compares the two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

VARIANTS = {"small": (3, 56, 56), "code2012": (3, 79, 79)}


def hide() -> None:
    """Let `import numba` fail in this process, and no thread start."""

    def refuse(self: Thread) -> None:
        raise RuntimeError("can't start new thread")

    sys.modules["numba"] = None  # type: ignore[assignment]
    Thread.start = refuse  # type: ignore[method-assign]


def answers() -> dict[str, Any]:
    """Two training steps of two networks, whose layers are all kinds that there are."""
    import npalexnet

    found: dict[str, Any] = {}
    for variant, shape in VARIANTS.items():
        graph = npalexnet.alexnet(variant, 5, input_shape=shape)
        sgd = npalexnet.SGD(graph.params, lr=0.001)
        x = 30 * np.random.default_rng(0).standard_normal((5, *shape))
        for step in range(2):
            rng = np.random.default_rng(step)
            loss, _ = npalexnet.train_step(graph, sgd, x, np.arange(5), rng)
            found[f"{variant} loss {step}"] = loss
        for name, param in graph.params.items():
            found[f"{variant} gradient {name}"] = param.grad
            found[f"{variant} velocity {name}"] = sgd.velocity[name]
        found[f"{variant} y"] = graph.forward(x)
    return found


def fitted() -> None:
    """`fit` and `predict` work, on made-up pictures."""
    from npalexnet import Act, Conv, Flat, Full, Pool, build, fit

    x = np.random.default_rng(0).integers(0, 256, (20, 12, 12, 3)).astype(np.uint8)
    chain = [Conv(8, 3), Act(), Pool(), Flat(), Full(0)]
    graph = build(chain, (3, 12, 12), 2)
    history = fit(
        graph, x, [0, 1] * 10, epochs=3, batch=5, augment=True, validation=0.2
    )
    assert len(history) == 3 and graph.predict(x).shape == (20, 2)


def checked() -> None:
    """The derivatives are right, their mutants are caught, and the judge is just."""
    from npalexnet import gradcheck, layers

    assert gradcheck.main([]) == 0
    assert gradcheck.main(["--mutant"]) == 0
    pair = layers.maxpool_forward, layers.maxpool_backward
    assert gradcheck.judge("maxpool", *pair)
    wrong = (
        layers.maxpool_forward,
        lambda dy, cache: -layers.maxpool_backward(dy, cache),
    )
    assert not gradcheck.judge("maxpool", *wrong)


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """What differs by more than rounding, relative to the largest number."""
    assert set(here) == set(there)
    found = []
    for name in here:
        a, b = np.asarray(here[name]), np.asarray(there[name])
        off = float(np.abs(a - b).max() / np.abs(b).max())
        if not off < 1e-4:
            found.append(f"{name}: off by {off:.1e}")
    return found


def hidden(out: str) -> None:
    """What the second process does."""
    hide()
    np.savez(out, **answers())
    fitted()
    checked()


def main() -> int:
    """Start the second process, do the same, and compare."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "answers.npz")
        done = subprocess.run(
            [sys.executable, __file__, out], capture_output=True, text=True
        )
        if done.returncode:
            print(done.stdout[-2000:], done.stderr, sep="\n")
            return 1
        with np.load(out) as there:
            found = differences(answers(), there)
    for notice in ("Numba cannot be used here", "no threads here"):
        if done.stderr.count(notice) != 1:
            found.append(f"said {done.stderr.count(notice)} times: {notice}")
    print("\n".join(found) or "without Numba: the same answers")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(hidden(sys.argv[1]) if len(sys.argv) > 1 else main())
