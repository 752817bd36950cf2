"""Names in messages: one line, no cursor moved, and what was probably meant."""

import subprocess
import sys

import pytest
from PIL import Image
from test_predict import place  # noqa: F401  (a fixture)

from npalexnet import alexnet, evaluate, gradcheck, predict, summary, train
from npalexnet.system.errors import UserError
from npalexnet.system.names import did_you_mean, did_you_mean_path, printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.png", "cat.png"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\x1b]0;title\x07\x9b2J", "\\x1b]0;title\\x07\\x9b2J"),
        ("caf\udce9", "caf\\udce9"),
        ("png.\u202egpj", "png.\\u202egpj"),  # would be read from right to left
        ("naïve 猫 🐧 می\u200cخواهم", "naïve 猫 🐧 می\u200cخواهم"),
    ],
)
def test_what_moves_a_cursor_is_shown_as_an_escape(name, shown):
    assert printable(name) == shown
    assert printable(printable(name)) == shown
    assert str(UserError(name)) == shown


def test_a_long_message_keeps_its_begin_and_its_end():
    said = str(UserError("first " + "\n" * 5000 + " what mends it"))
    assert len(said) == 1000
    assert said.startswith("first ") and said.endswith(" what mends it")


def test_what_was_probably_meant(tmp_path):
    assert did_you_mean("emojy", ["fashion", "emoji"]) == " (did you mean emoji?)"
    assert did_you_mean("Relu", ["relu", "conv"]) == " (did you mean relu?)"
    assert did_you_mean("x", ["fashion", "emoji"]) == ""
    (tmp_path / "pictures.zip").touch()
    meant = did_you_mean_path(tmp_path / "picture.zip")
    assert meant == f" (did you mean {tmp_path}/pictures.zip?)"
    assert did_you_mean_path(tmp_path / "no" / "where") == ""
    assert did_you_mean_path(tmp_path / "pictures.zip") == ""  # it is there


ARGUMENTS = {
    "an option": (train, ["--epoch", "3"], "did you mean --epochs?"),
    "an option with =": (train, ["--sed=3"], "did you mean --seed?"),
    "a data set": (train, ["--subset", "emojy"], "did you mean emoji?"),
    "a variant": (summary, ["--variant", "papr"], "did you mean paper?"),
    "a layer": (gradcheck, ["cnov"], "did you mean conv?"),
    "a run": (evaluate, ["colour.npz"], "did you mean colours.npz?"),
    "a picture": (predict, ["colours.npz", "R.png"], "did you mean r.png?"),
    "data": (train, ["--data", "pet", "--epochs", "1"], "did you mean"),
    "no data": (train, ["--data", ""], "--data: expected the name of a file or folder"),
    "no data now": (evaluate, ["--data", ""], "expected the name of a file or folder"),
    "no out": (train, ["--out", ""], "--out: expected the name of a file or folder"),
    "no weights": (train, ["--weights", ""], "--weights: expected the name"),
    "no picture": (predict, [""], "expected the name of a file or folder"),
    "an address": (predict, ["https://a.org/cat.png"], "download it first"),
    "data elsewhere": (train, ["--data", "http://a.org/x.zip"], "download it first"),
    "a long name": (predict, ["colours.npz", "x" * 5000], "give the file of a picture"),
    "a long option": (train, ["--" + "x" * 5000], "unrecognized"),
    "an escape": (predict, ["colours.npz", "\x1b[2J\n"], "\\x1b[2J\\n: expected"),
    "an odd option": (train, ["--\x1b[2J\n"], "--\\x1b[2J\\n"),
}


@pytest.mark.parametrize("what", ARGUMENTS)
def test_a_slip_is_one_line_that_helps(place, what, capsys):  # noqa: F811
    (place / "pets").mkdir()
    command, arguments, says = ARGUMENTS[what]
    try:
        status = command.main(arguments)
    except SystemExit as stop:
        status = stop.code
    said = capsys.readouterr().err
    assert status == 2
    assert said.count("\n") == 1 and said.endswith("\n")
    assert says in said
    assert len(said) < 1100 and "\x1b" not in said


def test_an_unknown_variant_says_which_was_meant():
    with pytest.raises(ValueError, match=r"did you mean paper\?"):
        alexnet("papre")


def test_names_of_classes_in_a_stranger_s_network_are_shown_so():
    shown = predict.table([("\x1b[2J", 0.9), ("two\nlines", 0.1)], "#")
    assert "\\x1b[2J" in shown and "two\\nlines" in shown
    assert "\x1b" not in shown and shown.count("\n") == 1


def test_predict_prints_any_name_in_any_terminal(place):  # noqa: F811
    """In a terminal that knows ASCII only, too, and with bytes that are no text."""
    names = ["clear\x1b[2J\n.png", "猫.png", "caf\udce9.png"]
    for name in names:
        Image.open("r.png").save("x.png")
        (place / "x.png").rename(place / name)
    done = subprocess.run(
        [sys.executable, "-m", "npalexnet.predict", "colours.npz", *names],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    lines = done.stdout.decode("ascii").splitlines()
    assert [lines[1], lines[5]] == ["clear\\x1b[2J\\n.png", "\\u732b.png"]
    assert lines[9] == "caf\\udce9.png"
