"""A machine that gives little: no home, no folder for kernels, a BLAS of its own."""

from types import SimpleNamespace

import numpy as np
import pytest

from npalexnet.datasets import download
from npalexnet.kernels import compile as kernels
from npalexnet.net import threads
from npalexnet.training.report import tell_ready


def test_without_a_home_downloads_go_to_the_folder_for_temporary_files(monkeypatch):
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # nobody's home
    for named in ("", "~/data"):
        monkeypatch.setenv("NPALEXNET_DATA", named)
        assert not str(download.data_folder()).startswith("~")


def test_a_kernel_that_cannot_be_kept_is_compiled_all_the_same(monkeypatch):
    import numba

    plain = numba.njit

    def nowhere(*function, **how):
        if how.get("cache"):

            def fail(function):
                raise RuntimeError("cannot cache function: no locator available")

            return fail
        return plain(*function, **how)

    def twice(y, x):
        for i in range(len(x)):
            y[i] = 2 * x[i]

    monkeypatch.setattr(numba, "njit", nowhere)
    y = np.empty(3)
    kernels.kernel(twice)(y, np.arange(3.0))
    assert (y == [0, 2, 4]).all()


@pytest.mark.parametrize("libraries", [[], ["openblas"]])
def test_a_blas_that_cannot_be_limited_is_said_once(monkeypatch, capsys, libraries):
    pool = SimpleNamespace(blas=SimpleNamespace(lib_controllers=libraries), count=2)
    monkeypatch.setattr(threads, "_the_pool", lambda: pool)
    pictures = SimpleNamespace(labels=np.zeros(10))
    run = SimpleNamespace(
        data=SimpleNamespace(train=pictures, val=pictures),
        state=SimpleNamespace(step=0),
        ranks=SimpleNamespace(size=1),
        **{"last_step": 4, "steps_per_epoch": 2, "batch": 5},
    )
    assert tell_ready(run, 1.0, 0.5) > 2
    said = capsys.readouterr().out
    assert said.count("cannot be limited") == (not libraries)
