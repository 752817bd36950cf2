"""python -m npalexnet.predict: which network, which pictures, and what it says."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from npalexnet import Graph, datasets, load, predict
from npalexnet.datasets.input import Input
from npalexnet.layers import Flatten, Linear
from npalexnet.training.prediction import ask, pictures_of, split
from npalexnet.weights import checkpoint


def colour_network(classes=("red", "green", "blue")):
    """Answers with the colour of a picture of 8 x 8, and is very sure."""
    graph = Graph({"flatten": Flatten(), "fc": Linear(3 * 36, 3)}, (3, 6, 6))
    graph.params["fc.w"].data = np.kron(np.eye(3), np.ones(36)) / 360
    graph.params["fc.b"].data = np.zeros(3)
    graph.input = Input(8, 6, np.array([128.0] * 3), np.array(1.0), classes)
    return graph


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder with a network that knows colours, and pictures of three."""
    monkeypatch.chdir(tmp_path)
    checkpoint.save("colours.npz", colour_network())
    for name, colour in (("r", "red"), ("g", "lime"), ("b", "blue")):
        Image.new("RGB", (30, 20), colour).save(f"{name}.png")
    return tmp_path


def first_answers(out):
    """{picture: class that comes first} of what was printed."""
    lines = out.splitlines()
    return {
        line: below.split()[-1]
        for line, below in pairwise(lines)
        if "%" in below and "%" not in line
    }


def said(capsys):
    """The same of what was printed since this was asked last."""
    return first_answers(capsys.readouterr().out)


def test_each_picture_gets_its_table_and_the_figure_opens(place, capsys):
    assert predict.main(["colours.npz", "b.png", "r.png", "g.png"]) == 0
    assert said(capsys) == {"b.png": "blue", "r.png": "red", "g.png": "green"}
    with Image.open("predictions-colours.png") as figure:
        figure.load()
        assert min(figure.size) > 200


def test_options_may_stand_between_the_pictures(place, capsys):
    arguments = ["r.png", "--ten-crop", "g.png", "--out", "p.pdf"]
    assert predict.main(["colours.npz", *arguments]) == 0
    assert said(capsys) == {"r.png": "red", "g.png": "green"}
    assert (place / "p.pdf").read_bytes().startswith(b"%PDF")


def test_ten_crops_see_what_the_centre_does_not(place, capsys):
    picture = Image.new("RGB", (8, 8), (90, 0, 0))
    picture.paste((0, 255, 0), (0, 0, 8, 1))  # outside the central 6 x 6
    picture.save("edge.png")
    rows = {}
    for how in ([], ["--ten-crop"]):
        predict.main(["colours.npz", "edge.png", *how])
        rows[bool(how)] = capsys.readouterr().out.splitlines()[2:4]
    assert rows[False] != rows[True]


def test_run_is_a_folder_with_a_run_or_a_file_of_a_network_else_a_picture(place):
    (place / "run").mkdir()
    assert split(["run", "a.png"]) == (None, ["run", "a.png"])
    (place / "run" / "config.json").touch()
    assert split(["run", "a.png"]) == ("run", ["a.png"])
    assert split(["x.PTH", "a.png"]) == ("x.PTH", ["a.png"])
    assert split(["a.png", "b.png"]) == (None, ["a.png", "b.png"])


def test_folders_and_patterns_are_all_their_pictures(place, capsys):
    more = place / "more" / "below"
    more.mkdir(parents=True)
    (place / "r.png").rename(more / "r.png")
    (more / ".hidden.png").touch()
    (more / "notes.txt").touch()
    (more / "predictions-colours.png").touch()  # drawn by an earlier command
    (place / "[g].png").write_bytes((place / "g.png").read_bytes())
    assert pictures_of(["more", "[g].png"]) == ["more/below/r.png", "[g].png"]
    assert pictures_of(["?.png"]) == ["b.png", "g.png"]
    assert pictures_of(["**/r.*"]) == ["more/below/r.png"]
    assert predict.main(["colours.npz", "more", "?.png"]) == 0
    right = {"more/below/r.png": "red", "b.png": "blue", "g.png": "green"}
    assert said(capsys) == right


def test_more_pictures_than_fit_at_a_time(place, capsys, monkeypatch):
    monkeypatch.setattr("npalexnet.training.prediction.BATCH", 2)
    assert predict.main(["colours.npz", "."]) == 0
    assert said(capsys) == {"b.png": "blue", "g.png": "green", "r.png": "red"}


def test_a_figure_that_is_there_is_left_alone_unless_it_is_named(place, capsys):
    for _ in range(3):
        assert predict.main(["colours.npz", "r.png"]) == 0
    written = sorted(path.name for path in place.glob("predictions*"))
    assert written == [f"predictions-colours{n}.png" for n in ("-2", "-3", "")]
    assert capsys.readouterr().out.endswith("wrote predictions-colours-3.png\n")
    assert predict.main(["colours.npz", "r.png", "--out", written[0]]) == 0
    assert f"replaced {written[0]}" in capsys.readouterr().out


def test_json_is_all_that_is_printed(place, capsys):
    assert predict.main(["colours.npz", "r.png", "b.png", "--json", "--top", "2"]) == 0
    out, err = capsys.readouterr()
    red, blue = json.loads(out)
    assert (red["picture"], blue["picture"]) == ("r.png", "b.png")
    assert [len(answer["top"]) for answer in (red, blue)] == [2, 2]
    assert red["top"][0]["class"] == "red" and blue["top"][0]["class"] == "blue"
    assert 1 >= red["top"][0]["probability"] > red["top"][1]["probability"] >= 0
    assert "colours.npz" in err
    assert not list(place.glob("predictions*"))
    assert predict.main(["colours.npz", "r.png", "--json", "--out", "p.png"]) == 0
    json.loads(capsys.readouterr().out)
    assert (place / "p.png").exists()
    (place / "r.png").write_text("no picture")
    assert predict.main(["colours.npz", "b.png", "r.png", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_so_many_classes_are_shown_as_were_asked_for(place, capsys):
    for top, lines in ((1, 1), (2, 2), (99, 3)):
        assert predict.main(["colours.npz", "r.png", "--top", str(top)]) == 0
        assert capsys.readouterr().out.count(" % ") == lines


def test_the_command_answers_as_the_graph_does(place):
    network = ask("colours.npz")
    (answer,) = network.answers(["g.png"])
    assert [answer.likeliest(3)] == network.graph.top("g.png", 3)


def test_the_newest_run_is_asked_and_a_folder_means_its_best(place, capsys):
    folder = place / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"subset": "own", "variant": "small"}')
    checkpoint.save(folder / "last.npz", colour_network(("x", "y", "z")))
    checkpoint.save(folder / "best.npz", colour_network())
    for run in ([], ["runs/mine"]):
        assert predict.main([*run, "g.png"]) == 0
        assert said(capsys) == {"g.png": "green"}


def test_classes_without_names_are_numbered(place, capsys):
    checkpoint.save("nameless.npz", colour_network(()))
    assert predict.main(["nameless.npz", "b.png"]) == 0
    assert said(capsys) == {"b.png": "2"}  # "class 2"


def test_without_any_run_the_network_that_comes_along_answers_and_says_so(
    place, capsys
):
    pictures = datasets.load("emoji", train=False).val.pixels[::60]
    files = [f"{i}.png" for i in range(len(pictures))]
    for file, pixels in zip(files, pictures, strict=True):
        Image.fromarray(pixels).save(file)
    assert predict.main(files) == 0
    out = capsys.readouterr().out
    assert "the small network that comes with npalexnet; it knows" in out
    shipped = load(datasets.embedded("emoji-small.npz"))
    expected = [top[0][0].split()[-1] for top in shipped.top(pictures, 1)]
    assert list(first_answers(out).values()) == expected
    assert (place / "predictions-emoji-small.png").exists()


def test_bars_are_as_long_as_the_percentages():
    likeliest = [("b", 0.6), ("c", 0.3), ("a", 0.1)]
    lines = predict.table(likeliest, block="#", width=10)
    assert [line.split() for line in lines.splitlines()] == [
        ["60.0", "%", "######", "b"],
        ["30.0", "%", "###", "c"],
        ["10.0", "%", "#", "a"],
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["colours.npz"], "colours.npz is a network; add the pictures"),
        (["colours.npz", "nowhere.png"], "nowhere.png: expected a picture"),
        (["colours.npz", "r.png", "text.png"], "text.png: expected a picture"),
        (["colours.npz", "empty"], "empty: expected pictures in this folder, found"),
        (["colours.npz", "*.gif"], "*.gif: expected pictures, found nothing"),
        (["colours.npz", "r.png", "--top", "0"], "--top must be at least 1, and is 0"),
        (["empty/text.png", "r.png"], "empty/text.png: expected a picture"),
        (["nowhere.npz", "r.png"], "nowhere.npz: no such run"),
        (["lost", "r.png"], "holds no checkpoint"),
        (["colours.npz", "r.png", "--out", "r.png"], "r.png is one of the pictures"),
        (["colours.npz", "r.png", "--out", "a.xyz"], "must end in .png"),
        (["colours.npz", "r.png", "--out", "no/p.png"], "no/p.png could not be"),
        ([], "required"),
    ],
)
def test_mistakes_end_in_one_line_with_status_2(place, capsys, arguments, says):
    (place / "text.png").write_text("no picture")
    (place / "empty").mkdir()
    (place / "lost").mkdir()
    (place / "lost" / "config.json").write_text("{}")
    before = (place / "r.png").read_bytes()
    try:
        status = predict.main(arguments)
    except SystemExit as stop:
        status = stop.code
    lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert len(lines) == 1
    assert says in lines[0]
    assert (place / "r.png").read_bytes() == before


def test_a_terminal_that_knows_no_blocks_gets_other_bars(place):
    command = [sys.executable, "-m", "npalexnet.predict", "colours.npz", "r.png"]
    package = Path(predict.__file__).parent.parent
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(package)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "###" in done.stdout


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_help_does_not_wait_for_numba_or_matplotlib(command):
    code = (
        "import sys\n"
        f"from npalexnet import {command}\n"
        f"try: {command}.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numba', 'llvmlite', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_network_that_comes_along_knows_its_emoji():
    from npalexnet import evaluate

    graph = load(datasets.embedded("emoji-small.npz"))
    data = datasets.load("emoji", train=False)
    assert graph.input.classes == data.classes
    assert evaluate.evaluate(graph, data.val).top1 > 0.6
