"""Damaged files are read or refused: some hundreds of what the fuzzers make."""

import random

import fuzz_data
import fuzz_runs
import pytest
from fuzz_weights import Rng, damaged, fuzz, whole_files


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_files_are_loaded_or_refused(seed):
    assert fuzz(seed, range(400)) == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_pictures_and_data_sets_are_read_or_refused(seed):
    assert fuzz_data.fuzz(seed, range(100)) == []


def test_damaged_run_folders_and_caches_are_used_or_refused():
    assert fuzz_runs.fuzz(1, range(1, 21)) == []


def test_the_same_number_is_the_same_file():
    files = whole_files()
    assert damaged(Rng("1/7"), files) == damaged(Rng("1/7"), files)
    assert damaged(Rng("1/7"), files) != damaged(Rng("1/8"), files)
    some = [fuzz_data.some_picture(random.Random(n)) for n in (7, 7, 8)]
    assert some[0] == some[1] != some[2]


def test_the_fuzzer_of_data_notices_what_is_wrong(monkeypatch, tmp_path):
    """A reader that raises, prints an escape, or says nothing of the file."""
    (tmp_path / "a.png").write_bytes(b"x")

    def fault(use):
        return fuzz_data.fault(tmp_path / "a.png", use, Rng(0))

    def raises(path, rng):
        raise fuzz_data.UserError("it does not work")

    assert fault(lambda path, rng: None) is None
    assert "ZeroDivisionError" in fault(lambda path, rng: 1 / 0)
    assert "prints" in fault(lambda path, rng: print("\x1b[2J"))
    assert "says" in fault(raises)
    assert "MB" in fault(lambda path, rng: bytearray(400_000_000).count(0))
