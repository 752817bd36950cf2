"""Runs that are killed, stopped, or run out of disk: nothing is lost."""

import os
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
from npalexnet.system import files, machine
from npalexnet.system.errors import UserError
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


def damaged(place, name, change):
    """A finished run in a/, of whose files one was changed."""
    run("--epochs", "1", "--out", "a")
    path = place / "a" / name
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (b"[]", "found something else in it"),
        (b"\xff\xfe{", "give another folder"),
        (b"[" * 100_000, "give another folder"),
        (b'{"batch": "5"}', "a/config.json is damaged: batch is 5"),
        (b'{"batch": true}', "is damaged: batch is a bool"),
        (b'{"lr": NaN}', "is damaged: lr is a float"),
        (b'{"drops": [1, "x"]}', "is damaged: drops is a tuple"),
        (b'{"data": "a\\u0000"}', "is damaged: data is a"),
        (b'{"colours": 3}', "options that are not known here (colours)"),
    ],
)
def test_a_damaged_configuration_is_named(place, capsys, said, says):
    (place / "a").mkdir()
    (place / "a" / "config.json").write_bytes(said)
    assert resume("--out", "a") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert says in error


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda log: log.split(b"\n", 1)[1], "line 1: expected the names of"),
        (lambda log: log.replace(b"5,1,", b"5,1,1,"), "line 2: expected a row of"),
        (lambda log: log.replace(b"5,1,", b"5,x,"), "line 2: expected a row of"),
        (lambda log: log + b"\0\0\0\n", "line 3: expected a row of numbers"),
        (lambda log: log + b"\xff\n", "log.csv cannot be read"),
    ],
)
def test_a_damaged_log_is_named(place, capsys, change, says):
    damaged(place, "log.csv", change)
    assert resume("--out", "a", "--epochs", "2") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert says in error
    (place / "a" / "log.csv").unlink()
    assert resume("--out", "a", "--epochs", "2") == 0
    assert [row["step"] for row in rows(place / "a")] == ["10"]


def test_best_in_the_place_of_last_is_named(place, capsys):
    run("--epochs", "1", "--out", "a")
    (place / "a" / "best.npz").replace(place / "a" / "last.npz")
    assert resume("--epochs", "2", "--out", "a") == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert "a/last.npz is not a run to go on with" in error


def test_a_damaged_run_touches_no_other(place, capsys):
    run("--epochs", "1")
    (place / "runs" / "zz").mkdir()
    for text in ("[]", '{"batch": []}', "{", '{"subset": {}}'):
        (place / "runs" / "zz" / "config.json").write_text(text)
        (place / "runs" / "zz" / "last.npz").write_text(text)
        capsys.readouterr()
        assert resume("--data", "tiny.zip") == 0
        assert "runs/own-small" in capsys.readouterr().out


def test_the_newest_run_is_not_one_from_before_the_clock_was_put_back(place):
    for name in ("old", "new"):
        run("--epochs", "1", "--out", f"runs/{name}")
    tomorrow = time.time() + 86_400
    os.utime(place / "runs" / "old" / "last.npz", (tomorrow, tomorrow))
    assert runs.newest() == runs.RUNS / "new"


def test_without_fcntl_a_run_is_locked_by_a_file_or_not_at_all(place, monkeypatch):
    (place / "a").mkdir()
    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", None)
    with runs.alone_in(place / "a"), runs.alone_in(place / "a"):
        pass

    class Windows:
        LK_NBLCK, free = 2, True

        def locking(self, handle, kind, count):
            if not self.free:
                raise OSError(13, "Permission denied")
            self.free = False

    monkeypatch.setitem(sys.modules, "msvcrt", Windows())
    with (
        runs.alone_in(place / "a"),
        pytest.raises(UserError, match="another run is at work"),
        runs.alone_in(place / "a"),
    ):
        pass


def test_a_drive_without_locks_is_no_other_run(place, monkeypatch):
    def unknown(*_):
        raise OSError(95, "Operation not supported")

    (place / "a").mkdir()
    monkeypatch.setattr("fcntl.flock", unknown)
    with runs.alone_in(place / "a"):
        pass


def test_a_file_that_somebody_has_open_is_replaced_when_it_is_closed(
    place, monkeypatch
):
    """As on Windows, where an open file cannot be replaced."""
    plain, tries = os.replace, []

    def open_for_a_while(*paths):
        tries.append(paths)
        if len(tries) < still_open:
            raise PermissionError(13, "Access is denied")
        plain(*paths)

    monkeypatch.setattr(files.os, "replace", open_for_a_while)
    monkeypatch.setattr(files, "PATIENCE", (0, 0, 0))
    still_open = 3
    files.write_whole(place / "a", lambda file: file.write(b"new"))
    assert (place / "a").read_bytes() == b"new"
    tries, still_open = [], 99
    with pytest.raises(UserError, match="Access is denied"):
        files.write_whole(place / "a", lambda file: file.write(b"newer"))
    assert (place / "a").read_bytes() == b"new"


def test_where_proc_is_missing_nothing_is_refused(monkeypatch):
    def missing(*_):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    assert machine.free_memory() is None
    assert machine.usable_cpus() >= 1
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert machine.usable_cpus() >= 1
