"""Where Numba or threads are missing: the references and the caller do the work."""

import threading
from importlib import import_module

import numpy as np
import pytest
from helpers import agree, machine, numbers

from npalexnet import SGD, Act, Conv, Flat, Full, Pool, build, fit
from npalexnet.kernels import compile as compiling
from npalexnet.layers import LRN, Conv2d, MaxPool, Param, ReLU, SameMapNorm, plain
from npalexnet.net import optim, threads
from npalexnet.system import workers as working


@pytest.fixture
def no_numba(monkeypatch):
    """Numba is missing, for whoever asks after this."""

    def hide():
        for module in (plain, optim):
            monkeypatch.setattr(module, "compiler", lambda: None)

    return hide


LAYERS = {
    "conv": (lambda: Conv2d(4, 6, 3, 2, (0, 1), 2, rng=np.random.default_rng(0)), 4),
    "pool": (lambda: MaxPool(3, 2), 4),
    "relu": (ReLU, 4),
    "lrn": (lambda: LRN(3, 0.3, 0.6, 1.5, 2), 4),
    "samemap": (lambda: SameMapNorm(3, 0.3, 0.6, 1.5), 4),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_reference_is_the_machine(name, no_numba, monkeypatch):
    make, channels = LAYERS[name]
    x = numbers(5, channels, 8, 7)
    y = machine(make(), x, np.zeros((5, *make().output_shape(x.shape[1:]))))[0]
    dy = numbers(*y.shape, seed=1)
    usual = machine(make(), x, dy)
    no_numba()
    called = []
    kernels = import_module(f"npalexnet.kernels.{name}")
    for kernel, function in list(vars(kernels).items()):
        if hasattr(function, "__wrapped__"):
            monkeypatch.setattr(kernels, kernel, lambda *a, k=kernel: called.append(k))
    y, dx, grads = machine(make(), x, dy)
    assert not called
    agree(y, usual[0])
    agree(dx, usual[1])
    assert grads.keys() == usual[2].keys()
    for key, grad in grads.items():
        agree(grad, usual[2][key])


def test_the_update_rule_is_the_machine(no_numba):
    def moved():
        param = Param(numbers(7).astype(np.float32), lr=2, decay=0.5)
        sgd = SGD({"w": param}, lr=0.1)
        for step in range(3):
            param.grad[...] = numbers(7, seed=step)
            sgd.step()
        return param.data

    usual = moved()
    no_numba()
    agree(moved(), usual)


def test_a_numba_that_cannot_be_used_is_said_once(monkeypatch, capsys):
    monkeypatch.setitem(compiling.sys.modules, "numba", None)
    compiling.compiler.cache_clear()
    try:
        assert compiling.compiler() is None and compiling.compiler() is None
    finally:
        compiling.compiler.cache_clear()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "plain NumPy does its work" in said


@pytest.fixture
def no_threads(monkeypatch):
    """No thread starts; `can_start_threads` finds out anew."""

    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    working.can_start_threads.cache_clear()
    yield
    working.can_start_threads.cache_clear()


def test_without_threads_the_caller_does_all_the_work(no_threads, capsys):
    assert threads.default_threads() == 1
    threads.set_threads(3)
    seen = []
    threads.parallel_for(10, lambda lo, hi: seen.append((lo, hi)))
    assert sorted(seen) == [(0, 3), (3, 6), (6, 10)]
    graph = build([Conv(4, 3), Act(), Pool(), Flat(), Full(0)], (1, 8, 8), 2)
    x = np.random.default_rng(0).random((8, 8, 8))
    assert len(fit(graph, x, [0, 1] * 4, epochs=2, batch=3, progress=False)) == 2
    assert capsys.readouterr().err.count("no threads here") == 1


def test_what_a_caller_does_fails_like_what_a_thread_does():
    with working.InCaller() as pool:
        assert pool.submit(divmod, 7, 2).result() == (3, 1)
        assert list(pool.map(abs, [-1, 2])) == [1, 2]
        with pytest.raises(KeyError):
            pool.submit({}.__getitem__, "x").result()
