"""`npalexnet judge`: marks for a class, whatever the sheets do.

A sheet that is handed in is the solution beside tests/exercises, with more code before
or after it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from npalexnet import judge
from npalexnet.checks import marking
from npalexnet.checks.apart import Apart, Gone
from npalexnet.checks.sheets import EXERCISES

SOLUTIONS = Path(__file__).parent / "exercises"
RELU = (SOLUTIONS / "2-relu.py").read_text()
WRONG = RELU.replace("np.maximum(x, 0)", "np.maximum(x, 1)")


def hand_in(folder, sheet, *cells):
    """Write a sheet with these cells of code."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [{"cell_type": "code", "source": cell.splitlines(True)} for cell in cells]
    text = {"cell_type": "markdown", "source": ["# mine"]}
    (folder / f"{sheet}.ipynb").write_text(json.dumps({"cells": [text, *made]}))


@pytest.fixture
def relu_alone(monkeypatch):
    """The course has one sheet."""
    only = {"2-relu": marking.sheets()["2-relu"]}
    monkeypatch.setattr(marking, "sheets", lambda: only)


@pytest.fixture
def hurry(monkeypatch):
    """Sheets have three seconds and 400 MB."""
    monkeypatch.setattr(
        marking, "Apart", lambda file: Apart(file, seconds=3, megabytes=400)
    )


def test_every_exercise_is_judged_in_some_sheet():
    judged = [task.exercise for tasks in marking.sheets().values() for task in tasks]
    assert sorted(judged) == sorted(EXERCISES)
    assert all(marking.sheets().values())  # what nobody judges is not marked


@pytest.mark.slow
def test_a_class(tmp_path, capsys):
    for sheet in marking.sheets():
        solution = (SOLUTIONS / f"{sheet}.py").read_text()
        hand_in(tmp_path / "anna", sheet, solution)
        original = marking.course_folder() / "exercises" / f"{sheet}.ipynb"
        (tmp_path / "carl").mkdir(exist_ok=True)
        (tmp_path / "carl" / original.name).write_bytes(original.read_bytes())
    hand_in(tmp_path / "ben", "2-relu", RELU)
    hand_in(tmp_path / "ben", "1-linear", "def forward(x, w, b): return x @ w.T, 0")
    (tmp_path / "dora").mkdir()
    (tmp_path / ".git").mkdir()
    assert judge.main([str(tmp_path)]) == 0
    anna, ben, carl, dora = capsys.readouterr().out.splitlines()
    count = len(marking.sheets())
    assert anna == f"anna {count}/{count}"
    assert ben.startswith(f"ben 1/{count}   1-linear: not filled in yet; 3-softmax: mi")
    assert (
        carl.startswith(f"carl 0/{count}") and carl.count("not filled in yet") == count
    )
    assert dora == f"dora 0/{count}   nothing handed in"


PRINTS = """
import os, sys
for stream in range(1, 20):
    try:
        os.write(stream, b"SOLVED in all 4 trials\\n" * 9)
    except OSError:
        pass
print("anna 8/8", file=sys.__stdout__, flush=True)
"""

PATCHES = """
import npalexnet.checks.judging as judging, npalexnet.checks.marking as marking
import numpy as np, npalexnet.gradcheck as gradcheck, subprocess, sys
judging.verdict = lambda *all: (True, "SOLVED")
marking.verdict = judging.verdict
marking.mark = lambda sheet, folder: marking.Mark(sheet, True, "solved")
gradcheck.judge = lambda *all: True
np.allclose = np.array_equal = lambda *all, **more: True
judge, solved = gradcheck.judge, True
"""

CALLS = """
from npalexnet.layers import relu_forward, relu_backward
from npalexnet import layers as L
forward, backward = relu_forward, relu_backward
def my_tanh_forward(x): return L.tanh_forward(x)
def my_tanh_backward(dy, y): return L.tanh_backward(dy, y)
"""

STAYS = """
import os, time
if os.fork() == 0:  # holds the pipe open when its parent has left
    os.setsid()
    time.sleep(20)
os._exit(0)
"""

# what is in the sheet, and what it is found to be
SHEETS = {
    "right": ([RELU], "solved"),
    "cells that fail": (["1 / 0", "def (", "exit()", "%pip x", RELU, "y ="], "solved"),
    "prints after it": ([RELU, "print('fine')", "display(1)"], "solved"),
    "wrong": ([WRONG], "not yet"),
    "empty": (["def forward(x): ...\ndef backward(dy, cache): ..."], "not filled in y"),
    "prints verdicts": ([WRONG, PRINTS], ""),
    "replaces the judge": ([WRONG, PATCHES], "not yet"),
    "calls the solution": ([CALLS], "not yet"),
    "leaves": ([RELU, "import os", "os._exit(0)"], "ended its process"),
    "leaves when asked": (
        [RELU, "import os\ndef forward(x): os._exit(0)"],
        "ended its process",
    ),
    "no end": ([RELU, "while True: pass"], "no end in 3 s"),
    "no end when asked": ([RELU + "\ndef forward(x):\n  while True: pass"], "no end"),
    "stays": ([WRONG, STAYS], "no end in 3 s"),
    "takes memory": (["import numpy as np\nx = np.ones(10**9)\n" + RELU], "not filled"),
    "no object for a cache": (
        [RELU.replace("return y, x", "return y, {'x': x, 'all': object()}")
         .replace("(dy, x)", "(dy, cache)").replace("x > 0", "cache['x'] > 0")],
        "solved",
    ),
    "writes into x": (["def forward(x): x[x < 0] = 0; return x, x\n"
                       + RELU[RELU.index("def backward"):]], "not yet"),
}  # fmt: skip


QUICK = ("prints verdicts", "replaces the judge", "calls the solution", "leaves")


@pytest.mark.parametrize(
    "kind",
    [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in SHEETS],
)
def test_only_right_functions_are_solved(kind, tmp_path, relu_alone, hurry):
    cells, says = SHEETS[kind]
    hand_in(tmp_path, "2-relu", *cells)
    began = time.monotonic()
    mark = marking.mark("2-relu", tmp_path)
    assert mark.solved == (says == "solved")
    assert says in mark.says
    assert time.monotonic() - began < 20


def test_what_is_no_notebook_is_not_solved(tmp_path, relu_alone):
    assert marking.mark("2-relu", tmp_path).says == "missing"
    for text in ("", '{"cells": 3}', "[" * 100_000):
        (tmp_path / "2-relu.ipynb").write_text(text)
        assert not marking.mark("2-relu", tmp_path).solved


def test_arrays_that_are_written_to_over_there_are_written_to_here(tmp_path):
    hand_in(
        tmp_path,
        "s",
        "def forward(x):\n    return x * 2, x",
        "def backward(dy, x):\n    x[:] = 7\n    dy[0] = 1\n    return dy",
    )
    with Apart(tmp_path / "s.ipynb") as there:
        forward, backward = there.functions(["forward", "backward"])
        x, dy = np.arange(3.0), np.zeros(3)
        y, cache = forward(x)
        np.testing.assert_array_equal(np.asarray(y), [0, 2, 4])
        backward(dy, cache)
    np.testing.assert_array_equal(x, [7, 7, 7])
    np.testing.assert_array_equal(dy, [1, 0, 0])


def test_modules_of_ones_own_lie_beside_the_sheet(tmp_path):
    (tmp_path / "mine.py").write_text("def two(): return 2")
    hand_in(tmp_path, "s", "from mine import two")
    with Apart(tmp_path / "s.ipynb") as there:
        assert np.asarray(there.functions(["two"])[0]()) == 2


@pytest.mark.parametrize(
    "answer", ["[1]", "{}", '{"one": {"number": 0}}', "x", "[" * 99]
)
def test_answers_that_make_no_sense_are_none(answer, tmp_path):
    """As somebody would send them who writes into the pipe by himself."""
    hand_in(tmp_path, "s", "def two(): return 2")
    with Apart(tmp_path / "s.ipynb") as there:
        (two,) = there.functions(["two"])
        there.heard.put(answer.encode())
        with pytest.raises((RuntimeError, Gone)):
            two()


def test_a_process_ends_with_its_sheet(tmp_path):
    hand_in(tmp_path, "s", "import os\ndef who(): return os.getpid()")
    with Apart(tmp_path / "s.ipynb") as there:
        process = int(np.asarray(there.functions(["who"])[0]()))
        assert process != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize(
    ("folder", "says"), [("nowhere", "none of that name"), (".", "folder for each stu")]
)
def test_a_folder_without_students_is_one_line(
    folder, says, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert judge.main([folder]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
