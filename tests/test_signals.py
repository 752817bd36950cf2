"""Ctrl-C and SIGTERM at any moment: a line, nothing lost, and never a traceback."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import layout, write_zip
from test_train import resume, run, same_runs

from npalexnet.system import cli
from npalexnet.training import loop, start
from npalexnet.training.interruption import Interruption

TOP = Path(__file__).parents[1]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to run in, with a tiny data set beside it."""
    write_zip(tmp_path / "tiny.zip", layout(train=8, val=4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def heard():
    """A test that is run in the background is deaf to Ctrl-C, unless told otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("command", ["train", "predict", "summary"])
def test_ctrl_c_while_a_command_is_imported_is_one_line(tmp_path, command):
    (tmp_path / "PIL").mkdir()
    slow = "import time; print('@importing', flush=True); time.sleep(60)"
    (tmp_path / "PIL" / "__init__.py").write_text(slow)
    process = subprocess.Popen(
        [sys.executable, "-m", f"npalexnet.{command}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{TOP}"},
    )
    assert process.stdout.readline() == "@importing\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert (process.returncode, err) == (130, "stopped\n")
    assert time.monotonic() - began < 1


def test_another_program_keeps_its_own_ctrl_c(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import npalexnet, signal\n"
        "assert signal.getsignal(2) is signal.default_int_handler\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mine"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TOP)},
    )
    assert done.returncode == 0


def test_ctrl_c_before_anything_is_trained_is_one_line(capsys):
    def command():
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    assert cli.run(command) == 130
    assert capsys.readouterr().err == "stopped\n"


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "the output: No space left"),
        (OSError(errno.EMFILE, "Too many open files", "a.png"), "a.png: Too many open"),
        (PermissionError(errno.EACCES, "Permission denied", "a"), "a: Permission"),
        (MemoryError("Unable to allocate 9 GiB"), "not enough memory (Unable to"),
    ],
)
def test_what_the_machine_refuses_is_one_line(error, says, capsys):
    def command():
        raise error

    assert cli.run(command) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {says}")
    assert "; " in line


def test_a_full_disk_for_what_is_printed_is_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "npalexnet.summary"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: the output: No space left on device; make room")
    assert done.returncode == 2


def answer(capsys):
    """What was said, once the thread that answers a signal has come to its end."""
    said = ""
    for _ in range(100):
        said += capsys.readouterr().out
        if "a second one ends at once" in said:
            break
        time.sleep(0.01)
    return said


def when(monkeypatch, room, name, number=signal.SIGTERM):
    """The first call of a function begins with a signal."""
    plain = getattr(room, name)

    def interrupted(*arguments):
        monkeypatch.setattr(room, name, plain)
        signal.raise_signal(number)
        return plain(*arguments)

    monkeypatch.setattr(room, name, interrupted)


@pytest.mark.parametrize(
    ("room", "name", "says"),
    [
        (start, "warm_up", "SIGTERM: loading the kernels, then saving; a second one"),
        (loop, "make_row", "SIGTERM: saving; a second one"),
        (loop, "evaluate", "SIGTERM: saving; a second one"),
    ],
)
def test_sigterm_is_answered_saves_and_loses_nothing(
    place, monkeypatch, capsys, room, name, says
):
    run("--epochs", "2", "--out", "whole")
    when(monkeypatch, room, name)
    assert run("--epochs", "2", "--out", "parts") == 143
    said = answer(capsys)
    assert said.count(says) == 1
    assert "go on with: python -m npalexnet.train --resume --out parts" in said
    assert resume("--out", "parts") == 0
    same_runs(place / "whole", place / "parts")


def test_a_test_of_the_network_ends_where_it_is_asked_to(place, monkeypatch):
    """Ten thousand pictures may take minutes; a queue of jobs gives seconds."""
    batches = []

    def slow(network, pictures):
        for _ in range(3):
            batches.append(len(batches))
            network.forward(network.prepare(pictures.pixels), keep=False)
            signal.raise_signal(signal.SIGTERM)

    run("--epochs", "1", "--out", "whole")
    plain = loop.evaluate
    monkeypatch.setattr(loop, "evaluate", slow)
    assert run("--epochs", "1", "--out", "parts") == 143
    assert batches == [0, 1]
    assert not (place / "parts" / "best.npz").exists()
    monkeypatch.setattr(loop, "evaluate", plain)
    assert resume("--out", "parts") == 0
    same_runs(place / "whole", place / "parts")


def test_a_signal_while_figures_are_drawn_ends_as_usual(place, monkeypatch, capsys):
    when(monkeypatch, start, "draw_pictures", signal.SIGINT)
    assert run("--epochs", "1", "--out", "a") == 0
    said = answer(capsys)
    assert "Ctrl-C: all is saved, drawing the figures; a second one" in said
    assert (place / "a" / "filters.png").exists()


def test_figures_that_a_kill_prevented_are_drawn_on_resume(place):
    run("--epochs", "1", "--out", "a")
    for name in ("curves.png", "filters.png"):
        (place / "a" / name).unlink()
    assert resume("--out", "a") == 0
    assert (place / "a" / "curves.png").exists()
    assert (place / "a" / "filters.png").exists()


def test_a_signal_that_is_ignored_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup and `&` do
    with Interruption() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked == 0
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_a_second_signal_ends_as_usual():
    with Interruption() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
