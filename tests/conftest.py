"""What all tests share: calm hypothesis, honest floating point, threads put back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from npalexnet.net import engine, threads

# tests/oracle/formula.py stands beside the data that it belongs to, in no package
sys.path.insert(0, str(Path(__file__).parent / "oracle"))

# No deadline, because the first call of a kernel waits for the compiler. CI draws the
# same shapes every time; at home new ones are drawn, and a failing one is remembered.
settings.register_profile(
    "npalexnet", deadline=None, max_examples=25, derandomize="CI" in os.environ
)
settings.load_profile("npalexnet")


@pytest.fixture(autouse=True)
def honest_numbers() -> Iterator[None]:
    """NumPy must not divide by zero, overflow or invent a NaN, unless a test says so.

    Underflow is allowed: exp(-1000) is 0 in every softmax.
    """
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        yield


@pytest.fixture(autouse=True)
def data_kept_apart(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Downloads and caches of the tests go to a folder that is thrown away."""
    folder = tmp_path_factory.getbasetemp() / "npalexnet-data"
    monkeypatch.setenv("NPALEXNET_DATA", str(folder))


@pytest.fixture(autouse=True)
def threads_put_back() -> Iterator[None]:
    """However many threads a test asks for, the next one finds the usual number."""
    before = threads.get_threads()
    yield
    if threads.get_threads() != before:
        threads.set_threads(before)


@pytest.fixture
def set_threads() -> Callable[[int], None]:
    """`threads.set_threads`, which `threads_put_back` undoes."""
    return threads.set_threads


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads, on any machine, each with several blocks of a batch of 37."""
    threads.set_threads(2)
    monkeypatch.setattr(engine, "MOST_BY_TILES", engine.MOST_IMAGES)
