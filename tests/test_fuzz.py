"""Damaged files of weights are loaded or refused: a few hundred of fuzz_weights.py."""

import pytest
from fuzz_weights import Rng, damaged, fuzz, whole_files


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_damaged_files_are_loaded_or_refused(seed):
    assert fuzz(seed, range(400)) == []


def test_the_same_number_is_the_same_file():
    files = whole_files()
    assert damaged(Rng("1/7"), files) == damaged(Rng("1/7"), files)
    assert damaged(Rng("1/7"), files) != damaged(Rng("1/8"), files)
