"""Runs that are killed, stopped, or run out of disk: nothing is lost."""

import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pictures import layout, write_zip
from test_train import resume, rows, run, same_runs

from npalexnet import train
from npalexnet.training import folder as runs
from npalexnet.training import loop
from npalexnet.weights import checkpoint

TESTS = Path(__file__).parent


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to run in, with a tiny data set beside it."""
    write_zip(tmp_path / "tiny.zip", layout(train=8, val=4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(*arguments, module=False):
    program = ["-m", "npalexnet.train"] if module else [str(TESTS / "long_run.py")]
    return subprocess.Popen(
        [sys.executable, "-u", *program, *arguments, "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(process, what, times):
    """Read until the process has said @what so often; False if it ended before."""
    for line in process.stdout:
        if line == f"@{what}\n":
            times -= 1
            if times == 0:
                return True
    return False


def saved(folder):
    """(step, row_due) of the last checkpoint; (0, False) if there is none."""
    path = folder / "last.npz"
    if not path.exists():
        return 0, False
    state = checkpoint.load_all(path)[1]["state"]
    return state["step"], state["row_due"]


@pytest.mark.slow
def test_a_run_killed_twenty_times_ends_like_one_that_was_not(place):
    length = ["--data", "tiny.zip", "--batch", "4", "--epochs", "60", "--drops", "40"]
    began = time.monotonic()
    whole = start(*length, "--out", "whole", module=True)
    whole.communicate()
    print(f"unbroken: {time.monotonic() - began:.0f} s")

    rng = np.random.default_rng(0)
    moments = ["checkpoint"] * 7 + ["row"] * 5 + ["step"] * 8
    killed = Counter()
    folder = place / "killed"
    command = [*length, "--out", "killed"]
    for kind in rng.permutation(moments):
        process = start(*command)
        if kind == "step":
            assert until(process, "step", 1)
            time.sleep(rng.uniform(0, 1.2))
        else:
            assert until(process, kind, int(rng.integers(1, 5)))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, "it ended before it was killed"
        half_written = list(folder.glob(".*.part"))
        if kind == "checkpoint":
            assert half_written, "not inside the writing of a checkpoint"
        if kind == "row":
            last_row = int(runs.read_log(folder)[-1]["step"])
            step, due = saved(folder)
            assert last_row > step or due, "not between row and checkpoint"
            assert not half_written
        killed[kind] += 1
        command = ["--resume", "--out", "killed"]
    assert sum(killed.values()) == 20
    assert killed["checkpoint"] >= 5
    assert killed["row"] >= 3
    assert 0 < saved(folder)[0] < 360, "the kills are spread over the run"

    process = start("--resume", "--out", "killed", module=True)
    process.communicate()
    assert process.returncode == 0
    same_runs(place / "whole", folder)
    steps = [row["step"] for row in rows(folder)]
    assert steps == [str(6 * epoch) for epoch in range(1, 61)]
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize(("number", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_finishes_the_step_saves_and_says_how_to_go_on(place, number, status):
    process = start("--data", "tiny.zip", "--batch", "4", "--epochs", "3", "--out", "a")
    assert until(process, "step", 8)
    process.send_signal(getattr(signal, number))
    out, err = process.communicate()
    assert process.returncode == status
    assert err == ""
    last = out.splitlines()[-1]
    assert last.startswith("stopped after step")
    assert last.endswith("go on with: python -m npalexnet.train --resume --out a")
    stopped = saved(place / "a")[0]
    assert f"after step {stopped}," in last
    assert 8 <= stopped < 18
    assert resume("--out", "a") == 0
    train.main("--data tiny.zip --batch 4 --epochs 3 --threads 1 --out b".split())
    same_runs(place / "a", place / "b")


def test_a_signal_while_it_is_tested_keeps_the_row_for_later(place, monkeypatch):
    """The steps of the epoch are done, the validation is not."""
    plain = loop.evaluate

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return plain(*arguments)

    run("--epochs", "2", "--out", "whole")
    monkeypatch.setattr(loop, "evaluate", interrupted)
    assert run("--epochs", "2", "--out", "parts") == 130
    monkeypatch.setattr(loop, "evaluate", plain)
    assert resume("--out", "parts") == 0
    same_runs(place / "whole", place / "parts")


@pytest.fixture
def limit_files():
    """limit_files(n): no file may grow beyond n bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda n: resource.setrlimit(resource.RLIMIT_FSIZE, (n, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_last_checkpoint_whole(place, limit_files, capsys):
    run("--epochs", "2", "--out", "whole")
    run("--epochs", "1", "--out", "a")
    before = (place / "a" / "last.npz").read_bytes()
    limit_files(1_000_000)
    assert resume("--epochs", "2", "--out", "a") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "could not be written (File too large); make room" in error
    assert "what was there before is unharmed" in error
    assert (place / "a" / "last.npz").read_bytes() == before
    assert not list((place / "a").glob(".*"))
    limit_files(resource.RLIM_INFINITY)
    assert resume("--epochs", "2", "--out", "a") == 0
    same_runs(place / "whole", place / "a")


def test_a_row_cut_short_by_a_full_disk_is_no_row(place, limit_files, monkeypatch):
    run("--epochs", "2", "--out", "whole")
    run("--epochs", "1", "--out", "a")
    plain = runs.Log.add

    def limited(log, **row):
        limit_files(log.path.stat().st_size + 10)
        plain(log, **row)

    monkeypatch.setattr(runs.Log, "add", limited)
    assert resume("--epochs", "2", "--out", "a") == 2
    monkeypatch.setattr(runs.Log, "add", plain)
    limit_files(resource.RLIM_INFINITY)
    assert not (place / "a" / "log.csv").read_text().endswith("\n")
    assert len(runs.read_log(place / "a")) == 1
    assert resume("--epochs", "2", "--out", "a") == 0
    same_runs(place / "whole", place / "a")


def test_a_folder_that_cannot_be_written_into(place, capsys):
    assert run("--epochs", "1", "--out", "/proc/nothing/here") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "/proc/nothing/here cannot be made" in error
    assert "--out" in error
    assert run("--epochs", "1", "--out", "/proc") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "/proc/config.json could not be written" in error


def test_two_runs_into_one_folder(place, capsys):
    run("--epochs", "1", "--out", "a")
    with runs.alone_in(place / "a"):
        assert resume("--epochs", "2", "--out", "a") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "another run is at work in a" in error
    assert resume("--epochs", "2", "--out", "a") == 0


def test_a_checkpoint_cut_short_is_named(place, capsys):
    run("--epochs", "1", "--out", "a")
    path = place / "a" / "last.npz"
    path.write_bytes(path.read_bytes()[:100_000])
    assert resume("--epochs", "2", "--out", "a") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "a/last.npz: expected a checkpoint of npalexnet" in error


def test_a_checkpoint_of_another_network_is_named(place, capsys):
    run("--epochs", "1", "--out", "a")
    run("--epochs", "1", "--out", "b", "--groups", "1")
    (place / "b" / "last.npz").replace(place / "a" / "last.npz")
    assert resume("--epochs", "2", "--out", "a") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "holds another network" in error
    assert "conv2.w does not fit" in error


def test_a_run_killed_before_its_first_checkpoint_starts_again(place):
    run("--epochs", "1", "--out", "whole")
    run("--epochs", "1", "--out", "a")
    for name in ("last.npz", "best.npz", "log.csv"):
        (place / "a" / name).unlink()
    assert resume("--out", "a") == 0
    same_runs(place / "whole", place / "a")


def test_a_loss_that_stays_at_chance_gets_a_hint(place, capsys):
    run("--lr", "1e-9", "--epochs", "3", "--out", "a")
    out = capsys.readouterr().out
    assert out.count("the loss stays at ln(classes) = 1.099") <= 1
    path = write_zip(place / "ten.zip", layout(classes=10, train=4, val=1))
    options = "--lr 1e-9 --epochs 4 --batch 8 --no-augment --dropout 0".split()
    train.main(["--data", str(path), *options])
    out = capsys.readouterr().out
    assert out.count("the loss stays at ln(classes) = 2.303") == 1


def test_the_end_says_where_the_time_went(place, capsys):
    run("--epochs", "1", "--out", "a")
    out = capsys.readouterr().out
    for phase in ("data", "forward", "backward", "update", "validation", "saving"):
        assert f"{phase} " in out
    assert "% of the time was spent waiting for data" in out
