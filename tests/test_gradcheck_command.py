"""`python -m npalexnet.gradcheck`: what it prints, and how it ends."""

import dataclasses

import pytest

from npalexnet import gradcheck
from npalexnet.checks import cases
from npalexnet.layers import linear_backward

(LINEAR,) = (case for case in cases() if case.name == "linear")


@pytest.mark.parametrize("argv", [[], ["--mutant"], ["relu", "linear", "--mutant"]])
def test_the_command_exits_with_0_if_all_is_as_it_should_be(argv, capsys):
    assert gradcheck.main(argv) == 0
    out = capsys.readouterr().out
    assert "MISSED" not in out and "WRONG" not in out
    assert ("caught" in out) == ("--mutant" in argv)
    assert ("conv" in out) == ("relu" not in argv)


def linear_case(monkeypatch, **changes):
    """Let the command know one case only, with these changes."""
    changed = dataclasses.replace(LINEAR, **changes)
    monkeypatch.setattr(gradcheck, "cases", lambda: [changed])


def test_the_command_exits_with_1_if_a_mutant_is_missed(monkeypatch, capsys):
    linear_case(monkeypatch, mutants={"w": ("none at all", linear_backward)})
    assert gradcheck.main(["--mutant"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_the_command_exits_with_1_if_a_derivative_is_wrong(monkeypatch, capsys):
    linear_case(monkeypatch, backward=LINEAR.mutants["b"][1])
    assert gradcheck.main([]) == 1
    assert "WRONG  db" in capsys.readouterr().out


def test_an_unknown_layer_is_one_line_and_exit_2(capsys):
    assert gradcheck.main(["convolution"]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1
    assert "convolution" in said.err and "conv, dropout" in said.err
