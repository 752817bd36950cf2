"""A machine that gives little: no home, no folder for compiled kernels."""

import numpy as np

from npalexnet.datasets import download
from npalexnet.kernels import compile as kernels


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
