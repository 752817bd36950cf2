"""`train --parallel` as a user meets it: one run, whoever shares its work."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import on_ranks
import pytest
from pictures import layout, write_zip
from test_parallel import MPIEXEC, needs_mpi

from npalexnet import load, train
from npalexnet.parallel import first_speaks
from npalexnet.system.errors import UserError
from npalexnet.training.options import Options
from npalexnet.weights import checkpoint


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to run in, with a tiny data set beside it."""
    write_zip(tmp_path / "tiny.zip", layout(train=8, val=4))  # 24 pictures to learn
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Short steps, so that rounding stays rounding: see test_parallel.py.
RUN = "--data tiny.zip --batch 5 --epochs 3 --lr 0.0001 --threads 1".split()


def start(ranks, *options, program=("-m", "npalexnet.train")):
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *program, *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def on_several(ranks, *options):
    """Train on so many ranks: (status, output, lines that begin with error:)."""
    process = start(ranks, *options)
    out, err = process.communicate(timeout=120)
    lines = [s for s in err.splitlines() if s.startswith("error:")]
    return process.returncode, out, lines


def same_run(found, expected):
    """The same log, and the same weights, up to rounding."""
    rows = [list(csv.DictReader((f / "log.csv").open())) for f in (found, expected)]
    for a, b in zip(*rows, strict=True):
        assert (a["step"], a["epoch"], a["lr"]) == (b["step"], b["epoch"], b["lr"])
        for name in ("loss", "val_loss", "train_acc", "val_top1"):
            assert float(a[name]) == pytest.approx(float(b[name]), rel=1e-4), name
    with np.load(found / "last.npz") as a, np.load(expected / "last.npz") as b:
        assert a.files == b.files
        for name in a.files:
            if name.endswith(".w") and not name.startswith("velocity"):
                difference = np.linalg.norm(a[name] - b[name])
                assert difference < 1e-4 * np.linalg.norm(b[name]), name
            elif name != "about":
                assert a[name].shape == b[name].shape, name


def test_columns_keep_lrn_inside_and_say_so(place, capsys):
    assert train.main([*RUN, "--parallel", "columns", "--steps", "1"]) == 0
    assert "its own column only" in capsys.readouterr().out
    folder = place / "runs" / "own-small"
    assert '"lrn_groups": 2' in (folder / "config.json").read_text()
    norms = [x for n, x in load(folder / "last.npz").layers.items() if "norm" in n]
    assert [norm.groups for norm in norms] == [2, 2]


@pytest.mark.parametrize(
    ("given", "lrn_groups"),
    [
        ({"variant": "small"}, 2),
        ({"variant": "code2012"}, None),  # it has them
        ({"variant": "owt"}, None),  # it has no LRN
        ({"variant": "small", "lrn": False}, None),
        ({"variant": "small", "lrn_groups": 4}, 4),
    ],
)
def test_lrn_groups_are_set_where_they_are_needed(given, lrn_groups):
    assert Options(**given, parallel="columns").decide().lrn_groups == lrn_groups


def test_a_run_with_lrn_across_columns_is_not_resumed_in_columns():
    with pytest.raises(UserError, match="looks across the columns"):
        Options(parallel="columns", resume=True, out="a").decide()


def test_only_the_first_rank_speaks(monkeypatch, capsys):
    for rank in "01":
        monkeypatch.setenv("PMI_RANK", rank)
        with first_speaks(errors=True):
            print(f"rank {rank}")
            print(f"error of rank {rank}", file=sys.stderr)
        with first_speaks():
            print(f"error of rank {rank}, too", file=sys.stderr)
    said = capsys.readouterr()
    assert said.out == "rank 0\n"
    assert said.err.splitlines() == [
        "error of rank 0",
        "error of rank 0, too",
        "error of rank 1, too",
    ]


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize(
    ("ranks", "scheme"), [(2, "columns"), (2, "images"), (3, "images"), (3, "hybrid")]
)
def test_a_run_on_several_ranks_is_the_run_of_one(place, ranks, scheme):
    options = [*RUN, "--parallel", scheme, "--out"]
    assert train.main([*options, "one"]) == 0
    status, out, errors = on_several(ranks, *options, "several")
    assert (status, errors) == (0, [])
    assert out.count("run folder: several") == 1  # rank 0 alone speaks
    names = {p.name for p in (place / "one").iterdir()}
    assert {p.name for p in (place / "several").iterdir()} == names
    same_run(place / "several", place / "one")
    assert train.main(["--resume", "--out", "several", "--epochs", "4"]) == 0


@pytest.mark.slow
@needs_mpi
def test_a_rank_is_killed_and_others_go_on_from_the_checkpoint(place):
    assert train.main([*RUN, "--out", "whole"]) == 0
    options = [*RUN, "--parallel", "images", "--out", "killed"]
    began = time.monotonic()
    process = start(2, *options, program=(on_ranks.__file__, "die", "8"))
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert time.monotonic() - began < 30
    assert "Traceback" not in err
    state = checkpoint.load_all(place / "killed" / "last.npz")[1]["state"]
    # In the middle of the second epoch; rank 0 may have been at work on the last one.
    assert state["step"] in (6, 7)
    resume = ["--resume", "--out", "killed", "--parallel", "hybrid"]
    status, out, errors = on_several(3, *resume)
    assert (status, errors) == (0, [])
    assert "3 processes share the work: hybrid" in out
    same_run(place / "killed", place / "whole")


@pytest.mark.slow
@needs_mpi
def test_a_signal_stops_all_ranks_after_the_same_step(place):
    options = [*RUN, "--epochs", "9999", "--parallel", "columns", "--out", "a"]
    process = start(2, *options)
    for line in process.stdout:
        if line.lstrip().startswith("2  "):  # the second epoch is in the log
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "and saved; go on with" in out
    assert "error:" not in err
    status, _, errors = on_several(2, "--resume", "--out", "a", "--epochs", "3")
    assert (status, errors) == (0, [])


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "error: mpiexec started 3 processes; say how"),
        (["--parallel", "rows"], "error: argument --parallel: invalid choice: 'rows'"),
        (["--parallel", "columns"], "error: --parallel columns: a network has two"),
        (["--parallel", "images", "--data", "no"], "no: no such file or folder"),
        (["--parallel", "images", "--resume", "--out", "no"], "error: no: expected a"),
        (["--parallel", "hybrid", "--lr", "1e9"], "error: the loss at step"),
    ],
)
def test_mistakes_on_several_ranks_are_one_line(place, options, says):
    given = [*RUN, *options] if "--resume" not in options else options
    status, _, errors = on_several(3, *given)
    assert status == 2
    assert len(errors) == 1
    assert says in errors[0]
