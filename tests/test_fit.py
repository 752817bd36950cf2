"""fit: the command's loop on arrays; and what it says to what cannot be right."""

import os
import re
import signal

import numpy as np
import pytest
from helpers import agree
from pictures import layout, write_zip
from PIL import Image

import npalexnet
from npalexnet import Act, Conv, Flat, Full, Pool, alexnet, build, datasets, fit, train
from npalexnet.alexnet import outline
from npalexnet.datasets.pictures import to_channels
from npalexnet.training.folder import COLUMNS

CHAIN = [Conv(8, 3, pad=1), Act(), Pool(2, 2), Flat(), Full(16), Act(), Full(0)]


def digits(count=90, classes=3, seed=0):
    """Floats (N, 8, 8) within 0..16 that show their classes, and these."""
    rng = np.random.default_rng(seed)
    drawn = np.random.default_rng(99).integers(0, 17, (classes, 8, 8))
    labels = np.arange(count) % classes
    x = drawn[labels] + rng.normal(0, 3, (count, 8, 8))
    return np.clip(x.round(), 0, 16), labels


def network(classes=3, shape=(1, 8, 8), seed=0):
    return build(CHAIN, shape, classes, seed)


def quick(graph, x, labels, **how):
    return fit(graph, x, labels, **{"epochs": 1, "progress": False, **how})


def test_an_own_network_learns_own_arrays(capsys):
    x, labels = digits()
    graph = network()
    history = fit(graph, x, labels, epochs=4, batch=16, validation=digits(30, seed=1))
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert list(history[0]) == COLUMNS
    assert history[-1]["val_top1"] > 0.9 and history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["step"] == 4 * 6
    assert (graph.predict(x).argmax(1) == labels).mean() > 0.9
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["epoch", "step"]
    assert lines[-1].split()[:2] == ["4", "24"]
    assert len(history.plot().axes) == 2


def test_without_validation_nothing_is_measured_and_nothing_said(capsys):
    x, labels = digits(12)
    (row,) = quick(network(), x, labels)
    assert [row[name] for name in ("val_loss", "val_top1", "val_top5")] == 3 * [None]
    assert row["train_acc"] >= 0
    assert capsys.readouterr().out == ""


def test_fit_prints_a_dash_for_what_was_not_measured(capsys):
    x, labels = digits(12)
    history = fit(network(), x, labels, epochs=1)
    assert " - " in capsys.readouterr().out.splitlines()[-1]
    loss, _ = history.plot().axes
    (label,) = [text.get_text() for text in loss.get_legend().get_texts()]
    assert label == "training, while it learns"


def test_fit_is_the_command_without_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("npalexnet.training.start.draw_pictures", lambda run: None)
    write_zip(tmp_path / "tiny.zip", layout(train=4, val=2))
    options = "--data tiny.zip --batch 5 --epochs 2 --drops 1 --out run --limit 11"
    assert train.main(options.split()) == 0
    trained = npalexnet.load("run/last.npz")
    data = datasets.load("own", tmp_path / "tiny.zip", 64, limit=11)
    graph = alexnet("small", 3)
    history = fit(
        graph,
        data.train.pixels,
        data.train.labels,
        epochs=2,
        batch=5,
        drops=[1],
        augment=True,
        validation=(data.val.pixels, data.val.labels),
        progress=False,
    )
    for name, param in trained.params.items():
        assert np.array_equal(param.data, graph.params[name].data), name
    assert np.array_equal(graph.input.mean, trained.input.mean)
    log = (tmp_path / "run" / "log.csv").read_text().splitlines()[-1].split(",")
    assert float(log[4]) == pytest.approx(history[-1]["val_loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("unit", "scale", "said"),
    [(1 / 255, 255, None), (1, 1, None), (0.25, 4, 4), (-0.1, None, None)],
)
def test_scale_is_what_a_unit_is_worth(unit, scale, said, tmp_path):
    x = digits(12)[0] * 15 * unit
    graph = network()
    quick(graph, x, digits(12)[1], scale=said)
    assert graph.input.scale == scale and graph.input.measured
    shown = x * (scale or 1)
    assert graph.input.mean == pytest.approx(shown.mean())
    assert graph.input.std == pytest.approx(shown.std())
    inside = graph.prepare(x)
    assert abs(inside.mean()) < 1e-5 and inside.std() == pytest.approx(1, abs=1e-4)
    npalexnet.save(tmp_path / "net.npz", graph)
    back = npalexnet.load(tmp_path / "net.npz")
    assert back.input.scale == scale
    assert np.array_equal(back.predict(x), graph.predict(x))


def test_bytes_are_grey_levels_whatever_the_arrays_were():
    levels = np.random.default_rng(0).integers(0, 256, (12, 8, 8)).astype(np.uint8)
    graph = network()
    quick(graph, levels / 255, np.arange(12) % 3)
    assert graph.input.scale == 255
    same = graph.predict(levels / 255)
    assert np.abs(graph.predict(levels) - same).max() < 1e-6
    colours = np.repeat(levels[..., None], 3, -1)
    assert np.abs(graph.predict(colours) - same).max() < 1e-6
    assert np.abs(graph.predict((levels / 255)[:, None]) - same).max() < 1e-6


def test_a_network_that_was_fitted_or_loaded_keeps_its_input(tmp_path):
    x, labels = digits(12)
    graph = network()
    quick(graph, x, labels, scale=15)
    before = graph.input
    quick(graph, x / 2, labels)
    npalexnet.save(tmp_path / "net.npz", graph)
    loaded = npalexnet.load(tmp_path / "net.npz")
    quick(loaded, x / 2, labels)
    for given in (graph.input, loaded.input):
        assert (given.mean, given.std, given.scale) == (before.mean, before.std, 15)


def test_what_a_variant_measures():
    levels = np.random.default_rng(0).integers(0, 256, (4, 3, 64, 64))
    small = alexnet("small", 2, input_shape=(3, 64, 64))
    quick(small, levels / 255, [0, 1, 0, 1])
    assert small.input.mean == pytest.approx(levels.mean((0, 2, 3)), rel=1e-6)
    assert small.input.std == pytest.approx(levels.std(), rel=1e-6)


def test_a_mean_picture_of_arrays_has_what_the_network_sees_in_its_middle():
    from npalexnet.training.fit import measure

    graph = outline("code2012", 2)
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 224, 224)).astype(np.float32)
    given, _ = measure(graph, x, None)
    assert given.mean.shape == (256, 256, 3)
    graph.input = given
    assert graph.prepare(x).mean(0) == pytest.approx(0, abs=1e-3)
    owt = outline("owt", 2)
    assert np.array_equal(measure(owt, x, None)[0].mean, owt.input.mean)


NAMES = np.array(["cat", "dog", "emu"])


@pytest.mark.parametrize(
    "kind", [np.uint8, np.float64, bool, object, "names", "bytes", "objects", "list"]
)
def test_labels_as_numbers_or_names(kind):
    x, numbers = digits(12)
    labels = {
        "names": NAMES[numbers],
        "bytes": NAMES[numbers].astype("S"),
        "objects": NAMES[numbers].astype(object),
        "list": numbers.tolist(),
    }.get(kind)
    if labels is None:
        labels = (numbers % 2 if kind is bool else numbers).astype(kind)
    numbers = numbers % 2 if kind is bool else numbers
    one, other = network(), network()
    quick(one, x, labels)
    quick(other, x, numbers)
    assert np.array_equal(one.params["full2.w"].data, other.params["full2.w"].data)
    named = isinstance(kind, str) and kind != "list"
    assert one.input.classes == (tuple(NAMES) if named else ())
    (row,) = one.top(x[:1], 2)
    best = one.predict(x[:1])[0].argsort()[::-1][:2]
    assert [name for name, _ in row] == [
        NAMES[i] if named else f"class {i}" for i in best
    ]


def test_known_names_are_looked_up():
    x, numbers = digits(12)
    graph = network()
    quick(graph, x, NAMES[numbers])
    quick(graph, x[:2], ["emu", "cat"])
    assert graph.input.classes == tuple(NAMES)
    with pytest.raises(ValueError, match=r"label 'eel' of image 1.*cat, dog, emu"):
        quick(graph, x[:2], ["emu", "eel"])


X, NUMBERS = digits(12)


@pytest.mark.parametrize(
    ("x", "labels", "how", "says"),
    [
        (X, NUMBERS + 1, {}, "0 to 2.*image 2 is 3; give labels - 1"),
        (X, NUMBERS * 2, {}, "image 2 is 4; build the network with classes=5"),
        (X, NUMBERS - 1, {}, "image 0 is -1; leave out"),
        (X, NUMBERS + 0.5, {}, "whole numbers or names, and that of image 0 is 0.5"),
        (X, np.eye(3)[NUMBERS], {}, r"give labels.argmax\(1\)"),
        (X, NUMBERS[:5], {}, r"labels are \(5,\), and must be \(12,\)"),
        (X, np.ones(12), {}, "all labels are 1.*two or more"),
        (X, NAMES[NUMBERS % 2], {}, r"2 classes \(cat, dog\).*classes=2"),
        (X / [[np.nan]], NUMBERS, {}, "NaN or infinity, first in image 0"),
        (X.reshape(12, 64), NUMBERS, {}, r"conv1.*x.reshape\(-1, 1, 8, 8\)"),
        (X[0], NUMBERS[:1], {}, r"conv1 takes arrays \(N, 1, 8, 8\).*x\[None\]"),
        (np.zeros((12, 8, 8, 4), np.uint8), NUMBERS, {}, r"x\[..., :3\]"),
        (X, np.array([0, "a", None] * 4, object), {}, "image 0 is 0"),
        (X, NUMBERS, {"epochs": 1.5}, "epochs must be a whole number, and is 1.5"),
        (X, NUMBERS, {"validation": (X,)}, "has 1 parts"),
        (X[..., None], NUMBERS, {}, r"x.transpose\(0, 3, 1, 2\)"),
        (X[:, :7], NUMBERS, {}, r"\(12, 7, 8\).*input_shape=\(1, 7, 8\)"),
        (X[:0], NUMBERS[:0], {}, "no image"),
        (X.astype(complex), NUMBERS, {}, "real numbers, and holds complex"),
        (np.zeros((12, 8, 8)), NUMBERS, {}, "there is nothing to learn"),
        (X, NUMBERS, {"batch": 0}, "^batch must be at least 1, and is 0"),
        (X, NUMBERS, {"epochs": 0}, "^epochs must be at least 1"),
        (X, NUMBERS, {"lr": 0}, "^lr must be above 0"),
        (X, NUMBERS, {"weight_decay": 2}, "^weight_decay must be"),
        (X, NUMBERS, {"validation": 1.5}, "share between 0 and 1"),
        (X, NUMBERS, {"validation": (X[:2], [0, 9])}, "image 1 is 9"),
        (X, NUMBERS, {"scale": -1}, "scale must be above 0"),
        (X.astype(np.uint8), NUMBERS, {"scale": 16}, "x is in bytes"),
        (X, NUMBERS, {"scale": 1000}, "reaches from 0 to 16.* 0..0.255"),
    ],
)
def test_what_cannot_be_right_is_one_line_and_changes_nothing(x, labels, how, says):
    graph = network()
    before = graph.input, graph.params["conv1.w"].data.copy()
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=says) as error:
        quick(graph, x, labels, **how)
    assert "\n" not in str(error.value)
    assert graph.input is before[0]
    assert np.array_equal(graph.params["conv1.w"].data, before[1])


def test_a_network_that_ends_in_maps_is_refused():
    graph = npalexnet.Graph([npalexnet.layers.ReLU()], (1, 8, 8))
    with pytest.raises(ValueError, match=r"ends in relu1 with \(1, 8, 8\).*Flat"):
        quick(graph, X, NUMBERS)
    with pytest.raises(ValueError, match="ends in relu1"):
        graph.predict(X)


def test_another_unit_than_the_trained_one_is_refused():
    levels = np.random.default_rng(0).integers(0, 256, (12, 8, 8)).astype(np.uint8)
    graph = network()
    quick(graph, levels, NUMBERS)
    with pytest.raises(ValueError, match=r"within 0..1.*255 \* x"):
        graph.predict(levels / 255)
    other = network()
    quick(other, levels / 255, NUMBERS)
    with pytest.raises(ValueError, match=r"black to white in 0..1 "):
        other.predict(levels.astype(float))
    with pytest.raises(ValueError, match="reaches from -3"):
        other.predict(np.linspace(-3, 3, 64).reshape(1, 8, 8))
    with pytest.raises(ValueError, match="scale is 1 here"):
        quick(other, levels / 255, NUMBERS, scale=1)


def test_counts_are_no_grey_levels_of_another_unit():
    """Small numbers, of which a single image may have none above 1."""
    x = np.random.default_rng(0).integers(0, 4, (12, 64))
    graph = build([Full(8), Act(), Full(0)], (64,), 3)
    quick(graph, x, NUMBERS)
    assert graph.input.scale == 1
    assert graph.predict(np.minimum(x[:1], 1)).shape == (1, 3)
    assert graph.predict(100 * x[:1]).shape == (1, 3)


def test_a_share_is_held_out_evenly_and_by_seed():
    from npalexnet.datasets.labels import hold_out

    labels = np.array([0] * 10 + [1] * 20 + [2])
    learned, held = hold_out(labels, 0.3, seed=1)
    assert np.bincount(labels[held], minlength=3).tolist() == [3, 6, 0]
    assert sorted([*learned, *held]) == list(range(31))
    assert np.array_equal(held, hold_out(labels, 0.3, seed=1)[1])
    assert not np.array_equal(held, hold_out(labels, 0.3, seed=2)[1])
    (row,) = quick(network(), X, NUMBERS, validation=0.25)
    assert row["val_top1"] in (0, 1 / 3, 2 / 3, 1)


def test_the_same_seed_is_the_same_training_and_augmentation_changes_it():
    def weights(**how):
        graph = network()
        quick(graph, X, NUMBERS, batch=4, **how)
        return graph.params["conv1.w"].data

    assert np.array_equal(weights(seed=3), weights(seed=3))
    assert not np.array_equal(weights(seed=3), weights(seed=4))
    assert np.array_equal(weights(augment=False), weights())
    assert not np.array_equal(weights(augment=True), weights())


def test_a_callback_sees_each_row_and_may_end_the_training():
    seen = []

    def callback(row, graph):
        seen.append((row["epoch"], graph.predict(X[:1]).shape))
        return row["epoch"] == 2

    history = quick(network(), X, NUMBERS, epochs=5, callback=callback)
    assert seen == [(1, (1, 3)), (2, (1, 3))] and len(history) == 2


def test_ctrl_c_returns_what_there_is(capsys):
    def callback(row, graph):
        if row["epoch"] == 2:
            os.kill(os.getpid(), signal.SIGINT)

    usual = signal.getsignal(signal.SIGINT)
    history = fit(network(), X, NUMBERS, epochs=50, callback=callback)
    assert len(history) == 2
    assert re.search(r"stopped after step [23];", capsys.readouterr().out)
    assert signal.getsignal(signal.SIGINT) is usual


def test_rows_of_numbers():
    graph = build([Full(8), Act(), Full(0)], (64,), 3)
    quick(graph, X.reshape(12, 64), NUMBERS)
    assert graph.predict(X.reshape(12, 64)).shape == (12, 3)
    with pytest.raises(ValueError, match=r"reshape\(len\(x\), -1\)"):
        graph.predict(X)
    with pytest.raises(ValueError, match="arrays only"):
        graph.predict("some.png")
    with pytest.raises(ValueError, match="needs square images"):
        quick(graph, X.reshape(12, 64), NUMBERS, augment=True)


def test_a_network_that_is_not_square_takes_arrays():
    graph = build(CHAIN, (3, 8, 6), 3)
    x = np.random.default_rng(0).random((12, 3, 8, 6))
    quick(graph, x, NUMBERS)
    assert graph.predict(x).shape == (12, 3)
    with pytest.raises(ValueError, match=r"\(N, 3, 8, 6\)"):
        graph.predict(np.zeros((1, 8, 6, 3), np.uint8))


def test_pictures_of_any_size_are_brought_to_the_networks():
    wide = np.random.default_rng(0).integers(0, 256, (12, 20, 30, 3)).astype(np.uint8)
    graph = build(CHAIN, (3, 8, 8), 3)
    quick(graph, wide, NUMBERS, augment=True)
    assert graph.input.scale == 1
    assert graph.predict(wide).shape == (12, 3)
    swapped = np.ascontiguousarray(wide[:, :8, :8].transpose(0, 3, 1, 2))
    same = graph.predict(wide[:, :8, :8])
    assert np.array_equal(graph.predict(swapped), same)


def test_grey_is_pillows():
    rgb = np.random.default_rng(0).integers(0, 256, (1, 50, 50, 3)).astype(np.uint8)
    expected = np.asarray(Image.fromarray(rgb[0]).convert("L"))
    assert np.array_equal(to_channels(rgb, 1)[0, ..., 0], expected)
    assert np.array_equal(to_channels(to_channels(rgb, 1), 3)[0, ..., 2], expected)


@pytest.fixture
def saved(tmp_path, monkeypatch):
    """A network that was fitted on floats, saved; and the same pictures as files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("npalexnet.evaluate.draw", lambda *a: None)
    x, numbers = digits(12)
    graph = network()
    fit(graph, x, NAMES[numbers], epochs=12, batch=4, scale=255 / 16, progress=False)
    npalexnet.save("digits.npz", graph)
    levels = (x * (255 / 16)).round().astype(np.uint8)
    for i, (picture, number) in enumerate(zip(levels, numbers, strict=True)):
        folder = tmp_path / "pictures" / NAMES[number]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i:02d}.png")
    return graph, x, levels, numbers


def test_a_checkpoint_is_answered_alike_in_python_and_by_the_commands(saved, capsys):
    from npalexnet import evaluate, predict

    graph, x, levels, numbers = saved
    usual = graph.predict(x)
    files = [f"pictures/{NAMES[n]}/{i:02d}.png" for i, n in enumerate(numbers)]
    for given in (levels, files):
        assert np.abs(npalexnet.load("digits.npz").predict(given) - usual).max() < 0.02
    assert np.array_equal(graph.predict(levels), graph.predict(files))
    agree(graph.predict(files[0]), graph.predict(files)[:1])

    assert predict.main(["digits.npz", *files, "--out", "out.png"]) == 0
    said = capsys.readouterr().out
    for file, row in zip(files, graph.top(files, 1), strict=True):
        name, probability = row[0]
        assert re.search(
            rf"{file}\n +{100 * probability:.1f} % +\S+ +{name}", said, flags=re.M
        )

    assert evaluate.main(["digits.npz", "--data", "pictures"]) == 0
    right = (graph.predict(files).argmax(1) == numbers).mean()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"top1 {right:.3f} top5 1.000 n 12"


def test_evaluate_of_a_checkpoint_alone_asks_for_pictures(saved, capsys):
    from npalexnet import evaluate

    assert evaluate.main(["digits.npz"]) == 2
    assert "--data PATH" in capsys.readouterr().err
    os.rename("pictures/cat", "pictures/cow")
    assert evaluate.main(["digits.npz", "--data", "pictures"]) == 2
    assert "'cow'" in capsys.readouterr().err


def test_folders_are_the_classes_of_a_network_without_names(saved, capsys):
    from npalexnet import evaluate

    _, x, _, numbers = saved
    graph = network()
    fit(graph, x, numbers, epochs=12, batch=4, scale=255 / 16, progress=False)
    npalexnet.save("numbers.npz", graph)
    for name, number in {"cat": "0", "dog": "1", "emu": "2"}.items():
        os.rename(f"pictures/{name}", f"pictures/{number}")
    assert evaluate.main(["numbers.npz", "--data", "pictures"]) == 0
    right = (graph.predict(x).argmax(1) == numbers).mean()
    assert f"top1 {right:.3f}" in capsys.readouterr().out.splitlines()[-1]
    assert right > 0.9
    os.rename("pictures/2", "pictures/3")
    assert evaluate.main(["numbers.npz", "--data", "pictures"]) == 2
    assert "image 8 is 3" in capsys.readouterr().err


def test_pictures_are_refused_where_their_unit_is_not_known(saved, capsys):
    from npalexnet import evaluate, predict

    _, x, levels, numbers = saved
    graph = network()
    quick(graph, (x - x.mean()) / x.std(), numbers)
    npalexnet.save("standardised.npz", graph)
    for given in (levels, "pictures/cat/00.png"):
        with pytest.raises(ValueError, match=r"fit\(..., scale=") as error:
            graph.predict(given)
        assert "\n" not in str(error.value)
    for command in (
        lambda: predict.main(["standardised.npz", "pictures/cat/00.png"]),
        lambda: evaluate.main(["standardised.npz", "--data", "pictures"]),
    ):
        assert command() == 2
        assert capsys.readouterr().err.count("\n") == 1
