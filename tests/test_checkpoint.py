"""Checkpoints: everything comes back, nothing is half-written, no pickle is read."""

import numpy as np
import pytest

import npalexnet
from npalexnet.layers import Conv2d, Flatten, Linear, MaxPool, ReLU
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.weights import checkpoint


def test_a_network_comes_back_with_all_that_belongs_to_it(tmp_path):
    graph = npalexnet.alexnet("small", 3, dropout=0.3, groups=1)
    classes = ("cat", "dog", "ärger")
    mean = np.array([1.5, 2, 3])
    graph.input = graph.input._replace(mean=mean, std=np.array(7.0), classes=classes)
    path = tmp_path / "net.npz"
    npalexnet.save(path, graph, velocity={"v": np.ones(3)}, step=12, note="x")
    back, extra = checkpoint.load_all(path)
    assert extra["step"] == 12
    assert (extra["velocity"]["v"] == 1).all()
    assert back.about == graph.about
    assert back.input.classes == classes
    assert (back.input.mean == mean).all()
    assert list(back.layers) == list(graph.layers)
    for name, p in graph.params.items():
        assert (p.data == back.params[name].data).all()
        assert (p.lr, p.decay) == (back.params[name].lr, back.params[name].decay)
    x = np.random.default_rng(0).standard_normal((2, 3, 56, 56))
    assert (graph.forward(x) == back.forward(x)).all()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_an_empty_dictionary_comes_back(tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    npalexnet.save(path, npalexnet.alexnet("small", 2), notes={}, deep={"a": {}})
    assert checkpoint.load_all(path)[1] == {"notes": {}, "deep": {"a": {}}}


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("input", {"mean": np.ones(3)}),
        ("about", "a text"),
        ("conv1", {"w": np.zeros((64, 3, 7, 7))}),
        ("conv1", {"seen": np.ones(3)}),
        ("features", {"0.weight": np.zeros((64, 3, 11, 11))}),  # torchvision's conv1.w
    ],
)
def test_nothing_is_saved_by_a_name_of_the_networks_own(tmp_path, suffix, name, value):
    path = tmp_path / f"net.{suffix}"
    graph = npalexnet.alexnet("small", 2)
    npalexnet.save(path, graph, features={"conv5": np.ones(3)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"^save\(\.\.\., {name}=\.\.\.\): "):
        npalexnet.save(path, graph, **{name: value})
    assert path.read_bytes() == before


def test_any_chain_of_our_layers_comes_back(tmp_path):
    graph = Graph(
        {
            "c": Conv2d(2, 4, 3, pad=(0, 1)),
            "r": ReLU(),
            "p": MaxPool(2, 2),
            "f": Flatten(),
            "l": Linear(16, 2),
        },
        (2, 5, 5),
        np.float64,
    )
    npalexnet.save(tmp_path / "net.npz", graph)
    back = npalexnet.load(tmp_path / "net.npz")
    assert back.dtype == np.float64
    x = np.random.default_rng(0).standard_normal((3, 2, 5, 5))
    assert (graph.forward(x) == back.forward(x)).all()


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "net.npz"
    npalexnet.save(path, npalexnet.alexnet("small", 2))
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"net\.npz: expected a checkpoint"):
            npalexnet.load(path)


def test_other_files_are_refused_in_one_line(tmp_path):
    other = tmp_path / "other.npz"
    np.savez(other, a=np.ones(3))
    for path in (other, tmp_path / "missing.npz"):
        with pytest.raises(UserError) as error:
            npalexnet.load(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_pickles_are_not_read(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, about=np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match=r"evil\.npz"):
        npalexnet.load(path)


def test_a_write_that_fails_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "net.npz"
    npalexnet.save(path, npalexnet.alexnet("small", 2, seed=1))
    before = path.read_bytes()

    def no_room(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_npz", no_room)
    with pytest.raises(UserError, match="No space left on device"):
        npalexnet.save(path, npalexnet.alexnet("small", 2, seed=2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.npz"]
