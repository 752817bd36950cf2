"""What a run says at the screen: the table, the bar, the time that is left."""

import io
import os
import shutil
import sys

import pytest

from npalexnet.training import progress
from npalexnet.training.progress import Progress, columns_for
from npalexnet.training.state import TrainState

ROW = dict(epoch=1, step=30, loss=1.1, train_acc=0.3, val_loss=1.2, val_top1=0.3)
ROW |= dict(val_top5=1.0, lr=0.01, images_per_s=123.0)


class Terminal(io.StringIO):
    """Shows what is written, as a terminal would."""

    def isatty(self):
        return True


def terminal(monkeypatch):
    """A terminal of 60 columns, for both kinds of output."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    size = os.terminal_size((60, 24))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: size)
    return screen


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand: clock[0] seconds."""
    now = [100.0]
    monkeypatch.setattr(progress, "monotonic", lambda: now[0])
    return now


def test_the_header_stands_above_the_bar_and_rows_fit(monkeypatch):
    screen = terminal(monkeypatch)
    said = Progress(0, 60)
    said.row(ROW | {"loss": 2.5}, 3)
    said.close()
    text = screen.getvalue()
    assert text.index("epoch") < text.index("0/60")
    lines = [s.rpartition("\r")[2] for s in text.splitlines()]
    header, row = (s for s in lines if "epoch" in s or "2.5" in s)
    assert max(len(header), len(row)) <= 60
    assert len(header) == len(row)
    assert "top-1" in header


@pytest.mark.parametrize("width", [200, 80, 79, 78, 60, 45, 30, 1])
def test_as_many_columns_as_there_is_room_for(width):
    shown = columns_for(width)
    length = sum(len(c.title) + 1 for c in shown) - 1
    assert length <= max(width, 10)
    assert (len(shown) == 9) == (width >= 79)
    for column in progress.COLUMNS:
        assert len(f"{ROW[column.name]:{column.form}}") == len(column.title)


def test_a_file_gets_all_columns(capsys):
    Progress(0, 60)
    assert len(capsys.readouterr().out.split()) == 13  # "train acc" is two words


def test_time_that_was_said_wrongly_is_corrected_once(clock, capsys):
    said = Progress(0, 60, expected=131)
    clock[0] += 39
    said.row(ROW, 3)
    said.row(ROW | {"step": 31}, 3)
    assert capsys.readouterr().out.count("as measured, 39 s are left") == 1
    for expected in (78, 70, 90):
        said = Progress(0, 60, expected)
        clock[0] += 39
        said.row(ROW, 3)
    assert "as measured" not in capsys.readouterr().out


def test_time_that_is_left_follows_what_is_measured(clock, capsys):
    said = Progress(100, 160, every=30)
    state = TrainState(step=110, loss=1, right=1, seen=1)
    clock[0] += 31
    said.step(state, 10)
    assert "2 min 35 s left" in capsys.readouterr().out


@pytest.mark.parametrize(("step", "hints"), [(1, 0), (19, 0), (20, 1)])
def test_the_first_steps_always_have_a_loss_of_chance(step, hints, capsys):
    said = Progress(0, 60)
    for more in (0, 1):
        said.row(ROW | {"step": step + more, "loss": 1.0986}, 3)
    count = capsys.readouterr().out.count("stays at ln(classes) = 1.099")
    assert count == (hints or step == 19)
