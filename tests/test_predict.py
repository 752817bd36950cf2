"""python -m npalexnet.predict: which network, which pictures, and what it says."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from npalexnet import Graph, datasets, predict, softmax_cross_entropy
from npalexnet.datasets.input import Input
from npalexnet.layers import Flatten, Linear
from npalexnet.net.optim import SGD
from npalexnet.training import folder
from npalexnet.training.options import Options
from npalexnet.training.setup import make_network
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


def said(capsys):
    """{picture: class that comes first} of what was printed."""
    lines = capsys.readouterr().out.splitlines()
    return {
        line: below.split()[-1]
        for line, below in pairwise(lines)
        if "%" in below and "%" not in line
    }


def test_each_picture_gets_its_table_and_the_figure_opens(place, capsys):
    assert predict.main(["colours.npz", "b.png", "r.png", "g.png"]) == 0
    assert said(capsys) == {"b.png": "blue", "r.png": "red", "g.png": "green"}
    with Image.open("predictions.png") as figure:
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


def test_run_is_a_folder_or_a_file_of_a_network_else_a_picture(place):
    (place / "run").mkdir()
    assert predict.split(["run", "a.png"]) == ("run", ["a.png"])
    assert predict.split(["x.PTH", "a.png"]) == ("x.PTH", ["a.png"])
    assert predict.split(["a.png", "b.png"]) == (None, ["a.png", "b.png"])


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


def test_without_any_run_the_network_that_comes_along_knows_emoji(
    place, capsys, monkeypatch
):
    """A network of 16 emoji learned by heart, in float16, stands in for it."""
    data = datasets.load("emoji", limit=20)
    graph, _ = make_network(Options().decide(), data)
    pixels, labels = data.train.pixels[:16], data.train.labels[:16]
    x, sgd = graph.prepare(pixels), SGD(graph.params, lr=0.01)
    for step in range(100):
        logits = graph.forward(x, train=True, rng=np.random.default_rng(step))
        graph.backward(softmax_cross_entropy(logits, labels)[1])
        sgd.step()
    checkpoint.save("whole.npz", graph)
    with np.load("whole.npz") as whole:
        arrays = {name: whole[name] for name in whole.files}
    for name in graph.params:
        arrays[name] = arrays[name].astype(np.float16)
    np.savez("half.npz", **arrays)
    shipped = {folder.SHIPPED: place / "half.npz"}
    monkeypatch.setattr(folder, "embedded", shipped.get)

    right = {}
    for i in range(0, 16, 3):
        Image.fromarray(pixels[i]).save(f"{i}.png")
        right[f"{i}.png"] = data.classes[labels[i]]
    assert predict.main(list(right)) == 0
    assert said(capsys) == right


def test_bars_are_as_long_as_the_percentages():
    lines = predict.table(np.array([0.1, 0.6, 0.3]), "abc", width=10, block="#")
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
        (["colours.npz", "."], ".: expected a picture"),
        (["nowhere.npz", "r.png"], "nowhere.npz: no such run"),
        ([".", "r.png"], "holds no checkpoint"),
        (["colours.npz", "r.png", "--out", "r.png"], "r.png is one of the pictures"),
        (["colours.npz", "r.png", "--out", "a.xyz"], "must end in .png"),
        (["colours.npz", "r.png", "--out", "no/p.png"], "no/p.png could not be"),
        ([], "required"),
    ],
)
def test_mistakes_end_in_one_line_with_status_2(place, capsys, arguments, says):
    (place / "text.png").write_text("no picture")
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
    from npalexnet import datasets, evaluate, load

    graph = load(datasets.embedded("emoji-small.npz"))
    data = datasets.load("emoji", train=False)
    assert graph.input.classes == data.classes
    assert evaluate.evaluate(graph, data.val).top1 > 0.6
