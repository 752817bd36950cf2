"""Training as a whole: it learns, it can be stopped, it says what is wrong."""

import csv
import json

import numpy as np
import pytest
from pictures import layout, write_zip

from npalexnet import datasets, evaluate, softmax_cross_entropy, train
from npalexnet.datasets.augment import generator, training_batch
from npalexnet.datasets.batches import shuffled
from npalexnet.net.optim import SGD, sgd_update
from npalexnet.parallel import Ranks
from npalexnet.training.folder import COLUMNS, Log, read_config, read_log
from npalexnet.training.options import Config, Options
from npalexnet.training.setup import make_network, set_up
from npalexnet.weights import checkpoint


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder to run in, with a tiny data set beside it."""
    write_zip(tmp_path / "tiny.zip", layout(train=8, val=4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return train.main(["--data", "tiny.zip", "--batch", "5", *arguments])


def resume(*arguments):
    return train.main(["--resume", *arguments])


def rows(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def same_runs(one, two):
    """Weights, velocity, and every column of the log but the two about time."""
    for a, b in zip(rows(one), rows(two), strict=True):
        for name in COLUMNS:
            if name not in ("images_per_s", "seconds"):
                assert a[name] == b[name], name
    for file in ("last.npz", "best.npz"):
        with np.load(one / file) as a, np.load(two / file) as b:
            assert set(a.files) == set(b.files)
            for name in a.files:
                if name != "about":
                    assert (a[name] == b[name]).all(), name


def test_sixteen_pictures_are_learned_by_heart():
    data = datasets.load("emoji", limit=20)
    graph, _ = make_network(Options().decide(), data)
    pixels, labels = data.train.pixels[:16], data.train.labels[:16]
    x = graph.prepare(pixels)
    sgd = SGD(graph.params, lr=0.01)
    for step in range(250):
        logits = graph.forward(x, train=True, rng=np.random.default_rng(step))
        graph.backward(softmax_cross_entropy(logits, labels)[1])
        sgd.step()
    loss, _ = softmax_cross_entropy(graph.forward(x), labels)
    assert loss < 0.01


def test_a_log_is_read_as_it_was_written(tmp_path):
    row = {name: number for number, name in enumerate(COLUMNS, 1)}
    log = Log(tmp_path, 2)
    log.add(**row)
    log.add(**row | {"step": 2})
    found = read_log(tmp_path)
    assert [row["step"] for row in found] == ["1", "2"]
    assert found[0] == {name: str(number) for name, number in row.items()}


def test_a_run_is_what_its_parts_do_one_after_the_other(place):
    """Two epochs by hand, with a drop of the rate and a last batch of one picture."""
    how = "--epochs 2 --drops 1 --batch 23 --seed 3 --weight-decay 0.5 --out run"
    run(*how.split())
    config = Config(**read_config(place / "run"))
    one = set_up(config, place / "unused", Ranks())
    graph, pictures = one.network.graph, one.data.train
    velocity = {name: 0 * p.data for name, p in graph.params.items()}
    step = 0
    for epoch, lr in ((0, 0.01), (1, 0.001)):
        for numbers in shuffled(24, 23, 3, epoch):
            x = training_batch(
                pictures.pixels[numbers],
                numbers,
                graph.input,
                3,
                epoch,
                True,
                one.colours,
            )
            logits = graph.forward(x, train=True, rng=generator(3, "dropout", step))
            _, dlogits = softmax_cross_entropy(logits, pictures.labels[numbers])
            graph.backward(dlogits)
            for name, p in graph.params.items():
                p.data, velocity[name] = sgd_update(
                    p.data, velocity[name], p.grad, lr * p.lr, 0.9, 0.5 * p.decay
                )
            step += 1
    assert step == 4
    learned = checkpoint.load(place / "run" / "last.npz")
    for name, p in graph.params.items():
        np.testing.assert_allclose(learned.params[name].data, p.data, 1e-4, 1e-6)
    assert rows(place / "run")[-1]["lr"] == "0.001"


def test_a_run_leaves_its_folder_as_promised(place, capsys):
    assert run("--epochs", "2") == 0
    folder = place / "runs" / "own-small"
    names = {p.name for p in folder.iterdir()}
    files = "config.json log.csv last.npz best.npz curves.png filters.png filters.gif"
    assert names == set(files.split())
    assert (folder / "log.csv").read_text().splitlines()[0] == ",".join(COLUMNS)
    first, second = rows(folder)
    assert (first["step"], first["epoch"], second["epoch"]) == ("5", "1", "2")
    for name in ("train_acc", "val_top1", "val_top5"):
        assert 0 <= float(second[name]) <= 1
    assert float(second["seconds"]) > float(first["seconds"]) > 0
    assert json.loads((folder / "config.json").read_text())["batch"] == 5
    said = capsys.readouterr().out
    assert any("runs/own-small" in line for line in said.splitlines()[:3])
    evaluate_it, predict_it = said.splitlines()[-2:]
    assert evaluate_it.endswith("python -m npalexnet.evaluate runs/own-small")
    assert predict_it.endswith("python -m npalexnet.predict runs/own-small PICTURE...")
    assert run("--epochs", "1") == 0
    assert (place / "runs" / "own-small-2" / "last.npz").exists()


def test_two_epochs_and_resume_to_four_are_four_epochs(place):
    run("--epochs", "4", "--drops", "3", "--out", "whole")
    run("--epochs", "2", "--drops", "3", "--out", "parts")
    resume("--epochs", "4", "--out", "parts")
    same_runs(place / "whole", place / "parts")


def test_a_run_stopped_inside_an_epoch_ends_with_the_same_weights(place):
    run("--epochs", "2", "--out", "whole")
    run("--epochs", "2", "--steps", "3", "--out", "parts")
    assert rows(place / "parts")[-1]["epoch"] == "0.6"
    resume("--steps", "7", "--out", "parts")
    resume("--out", "parts")
    assert [row["step"] for row in rows(place / "parts")] == ["3", "5", "7", "10"]
    with np.load("whole/last.npz") as a, np.load("parts/last.npz") as b:
        for name in a.files:
            if name != "about":
                assert (a[name] == b[name]).all(), name
    assert (
        rows(place / "whole")[-1]["val_loss"] == rows(place / "parts")[-1]["val_loss"]
    )


def test_plateau_survives_a_resume(place):
    options = (
        "--schedule",
        "plateau",
        "--lr",
        "1e-9",
    )  # no progress: every epoch stalls
    run("--epochs", "9", "--out", "whole", *options)
    run("--epochs", "3", "--out", "parts", *options)
    resume("--epochs", "9", "--out", "parts")
    same_runs(place / "whole", place / "parts")
    assert float(rows(place / "whole")[-1]["lr"]) < 2e-10


def test_rows_after_the_checkpoint_are_dropped_on_resume(place):
    run("--epochs", "2", "--out", "a")
    with open("a/log.csv", "a") as file:
        file.write("11,2.2,1,1,1,1,1,0.01,1,1\n")
    resume("--epochs", "3", "--out", "a")
    assert [row["step"] for row in rows(place / "a")] == ["5", "10", "15"]


def test_the_same_seed_is_the_same_run_and_another_is_not(place):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        run("--epochs", "1", "--seed", seed, "--out", name)
    same_runs(place / "a", place / "b")
    assert rows(place / "a")[0]["loss"] != rows(place / "c")[0]["loss"]


def test_switches_reach_the_network_and_the_checkpoint(place):
    run("--epochs", "1", "--no-lrn", "--dropout", "0", "--out", "a")
    assert evaluate.main(["a"]) == 0
    from npalexnet import load

    assert not {"norm1", "drop6"} & set(load("a/last.npz").layers)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "nowhere"], "nowhere: no such file or folder"),
        (["--subset", "nothing"], "invalid choice: 'nothing'"),
        (["--variant", "nothing"], "invalid choice: 'nothing'"),
        (["--batch", "0"], "--batch must be at least 1"),
        (["--epochs", "x"], "invalid int value: 'x'"),
        (["--batch", "100000000"], "--batch"),
        (["--groups", "2"], "groups=2 changes nothing in small"),
        (["--classes", "99"], "choose 1 to 10"),
        (["--resume"], "no run of emoji with small"),
        (["--resume", "--out", "nowhere"], "nowhere: expected a run folder"),
    ],
)
def test_mistakes_end_in_one_line_with_status_2_and_leave_nothing(
    place, capsys, arguments, says
):
    try:
        status = train.main(arguments)
    except SystemExit as stop:
        status = stop.code
    lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert len(lines) == 1
    assert says in lines[0]
    assert [p.name for p in place.iterdir()] == ["tiny.zip"]


def test_a_folder_with_a_run_is_not_written_into(place, capsys):
    run("--epochs", "1", "--out", "a")
    before = (place / "a" / "last.npz").read_bytes()
    assert run("--epochs", "1", "--out", "a") == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (place / "a" / "last.npz").read_bytes() == before


def test_only_length_and_threads_may_differ_on_resume(place, capsys):
    run("--epochs", "1", "--out", "a")
    assert resume("--out", "a", "--lr", "0.1") == 2
    assert "leave --lr out" in capsys.readouterr().err
    assert resume("--out", "a", "--epochs", "1", "--drops", "18,26") == 0
    assert "nothing left to do" in capsys.readouterr().out


def test_a_diverging_loss_stops_with_what_to_try(place, capsys):
    assert run("--lr", "1e6", "--epochs", "3", "--out", "a") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--lr 100000" in line


def test_evaluate_ends_with_the_promised_line(place, capsys):
    run("--epochs", "1")
    capsys.readouterr()
    for arguments in (
        [],
        ["runs/own-small", "--ten-crop"],
        ["runs/own-small/last.npz"],
    ):
        assert evaluate.main(arguments) == 0
        words = capsys.readouterr().out.splitlines()[-1].split()
        assert words[::2] == ["top1", "top5", "n"]
        assert words[5] == "12"
        assert float(words[3]) == 1  # three classes: always among the first five
    assert evaluate.main(["nowhere"]) == 2


def test_frozen_layers_stay_and_the_others_learn(place, capsys):
    run("--epochs", "1", "--out", "a")
    options = ["--weights", "a/best.npz", "--freeze", "conv", "--epochs", "4"]
    assert run(*options, "--out", "whole") == 0
    assert "weights of conv1, conv2, conv3, conv4, conv5, fc6, fc7;" in (
        capsys.readouterr().out
    )
    from npalexnet import load

    before, after = load("a/best.npz").params, load("whole/last.npz").params
    for name, param in after.items():
        same = (param.data == before[name].data).all()
        assert same == name.startswith("conv"), name
    run(*options, "--steps", "7", "--out", "parts")
    resume("--out", "parts")
    with np.load("whole/last.npz") as a, np.load("parts/last.npz") as b:
        assert "velocity.fc6.w" in a.files
        assert "velocity.conv1.w" not in a.files
        for name in a.files:
            if name != "about":
                assert (a[name] == b[name]).all(), name


def test_weights_of_another_network_are_named(place, capsys):
    run("--epochs", "1", "--out", "a")
    arguments = ["--weights", "a/best.npz", "--epochs", "1", "--groups", "1"]
    assert run(*arguments, "--out", "b") == 2
    error = capsys.readouterr().err
    assert "a/best.npz does not fit the variant small: conv2.w: expected" in error
    assert not (place / "b").exists()
    assert run("--weights", "nowhere.pth", "--epochs", "1") == 2
    assert "nowhere.pth: no such file" in capsys.readouterr().err
