"""The film of the filters: a frame an epoch, the same one however a run is resumed."""

import json

import numpy as np
import pytest
from pictures import layout, write_zip
from PIL import Image

from npalexnet import Act, Conv, Flat, Full, build, figures, fit, train
from npalexnet.figures import style
from npalexnet.training.film import Film, frame


@pytest.fixture
def place(tmp_path, monkeypatch):
    write_zip(tmp_path / "tiny.zip", layout(train=3, val=1))
    monkeypatch.chdir(tmp_path)
    for name in ("curves", "filters"):  # drawn elsewhere, and slowly
        monkeypatch.setattr(figures, name, lambda *a: style.new_figure(1, 1))
    return tmp_path


def run(*arguments):
    assert train.main(["--data", "tiny.zip", "--batch", "5", *arguments]) == 0


def test_a_resumed_run_leaves_the_film_of_an_unbroken_one(place):
    run("--epochs", "3", "--out", "whole")
    run("--steps", "3", "--epochs", "3", "--out", "parts")  # in the second epoch
    assert train.main(["--resume", "--epochs", "3", "--out", "parts"]) == 0
    whole, parts = (place / name / "filters.gif" for name in ("whole", "parts"))
    assert whole.read_bytes() == parts.read_bytes()
    with Image.open(whole) as film:
        assert film.n_frames == 4 and film.size[0] == 12 * 32
    with np.load(place / "whole" / "last.npz") as saved:
        assert saved["film.epochs"].tolist() == [0, 1, 2, 3]
        assert saved["film.frames"].shape == (4, 48, 5, 5, 3)
        assert np.array_equal(saved["film.frames"][-1], frame(saved["conv1.w"]))


def test_the_film_of_an_older_run_starts_where_it_is_resumed(place):
    run("--epochs", "1", "--out", "old")
    with np.load("old/last.npz") as saved:
        arrays = {k: saved[k] for k in saved.files if not k.startswith("film.")}
    assert len(arrays) < len(saved.files)
    np.savez("old/last.npz", **arrays)
    assert train.main(["--resume", "--epochs", "2", "--out", "old"]) == 0
    with np.load("old/last.npz") as saved:
        assert saved["film.epochs"].tolist() == [1, 2]
        assert "film" not in json.loads(str(saved["about"]))["extra"]


@pytest.mark.parametrize(
    "arrays",
    [
        None,
        {},
        {"epochs": np.array([1]), "frames": np.zeros((2, 1, 3, 3, 3), np.uint8)},
        {"epochs": np.array([1]), "frames": np.zeros((1, 3, 3, 3), np.uint8)},
        {"epochs": np.array([1]), "frames": np.zeros((1, 1, 3, 3, 3))},
        {"epochs": np.array([1.5]), "frames": np.zeros((1, 1, 3, 3, 3), np.uint8)},
    ],
)
def test_a_damaged_film_is_an_empty_one(arrays):
    assert Film.of(arrays).frames == Film.of(arrays).epochs == []


def test_fit_leaves_a_film(tmp_path):
    x = np.random.default_rng(0).random((6, 8, 8))
    graph = build([Conv(4, 3), Act(), Flat(), Full(0)], (1, 8, 8), 2)
    history = fit(graph, x, [0, 1] * 3, epochs=2, progress=False)
    history.film(tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert film.n_frames == 3
    flat = build([Flat(), Full(0)], (1, 8, 8), 2)
    history = fit(flat, x, [0, 1] * 3, epochs=1, progress=False)
    with pytest.raises(ValueError, match="does not begin with a convolution"):
        history.film(tmp_path / "none.gif")
    assert not (tmp_path / "none.gif").exists()


def test_a_frame_shows_each_filter_in_full_colour():
    w = np.zeros((2, 3, 2, 2))
    w[0, 0, 0, 1], w[1, 2, 1, 0] = 0.001, -7
    shown = frame(w)
    assert shown[0, 0, 1].tolist() == [255, 128, 128]
    assert shown[1, 1, 0].tolist() == [128, 128, 0]
    assert frame(np.ones((5, 7, 3, 3))).shape == (5, 3, 3, 1)
    sheet = np.asarray(figures.film.sheet(shown, "epoch 0"))
    assert (sheet[1 : 1 + 15, 16:31] == [255, 128, 128]).all()
