"""`npalexnet COMMAND`: the list, names mistyped, and how commands name each other."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import npalexnet
from npalexnet.__main__ import COMMANDS, main
from npalexnet.system import cli

TOP = Path(npalexnet.__file__).parent


def test_every_command_is_in_the_list_and_has_a_main(capsys):
    modules = {
        path.stem
        for path in TOP.glob("*.py")
        if "\ndef main(argv" in path.read_text() and not path.stem.startswith("_")
    }
    assert modules == set(COMMANDS)
    assert main([]) == 0
    listed = capsys.readouterr().out
    for name, says in COMMANDS.items():
        assert f"npalexnet.{name} " in listed and says in listed


def test_a_command_gets_the_words_after_it(capsys):
    assert main(["summary", "--variant", "small"]) == 0
    by_name = capsys.readouterr().out
    assert import_module("npalexnet.summary").main(["--variant", "small"]) == 0
    assert capsys.readouterr().out == by_name
    assert "conv5" in by_name


@pytest.mark.parametrize(
    ("word", "guess"),
    [("trian", "did you mean train?"), ("EVALUATE", "evaluate?"), ("--version", "")],
)
def test_an_unknown_command_is_one_line_with_a_guess(word, guess, capsys):
    assert main([word, "--help"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    assert f"no command is called {word}" in err and guess in err
    assert ("did you mean" in err) == bool(guess)


@pytest.mark.parametrize("started", ["/usr/bin/npalexnet", "npalexnet.exe"])
def test_commands_are_named_as_this_one_was_typed(started, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [started])
    assert cli.typed("train") == "npalexnet train"
    main(["--help"])
    assert "  npalexnet predict " in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert capsys.readouterr().out.startswith("usage: npalexnet predict ")


def test_help_takes_less_than_a_second():
    """Of the processor's time, because others may be at work."""
    for name in COMMANDS:
        before = sum(os.times()[2:4])
        words = [sys.executable, "-m", "npalexnet", name, "--help"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert f"npalexnet.{name}" in done.stdout
        assert sum(os.times()[2:4]) - before < 1, name
