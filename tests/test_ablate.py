"""With and without each idea: pairs, their differences, and what they cannot tell."""

import csv
import math

import pytest
from pictures import layout, write_zip

from npalexnet import ablate
from npalexnet.training.ablation import IDEAS, WHOLE, Outcome, compare, table


@pytest.fixture
def place(tmp_path, monkeypatch):
    write_zip(tmp_path / "tiny.zip", layout(train=6, val=4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    options = "--subset own --data tiny.zip --epochs 2 --drops 1 --batch 6"
    return ablate.main([*options.split(), *arguments])


def result(top1, loss=1.0, losses=(3.0, 2.0, 1.0)):
    return Outcome(top1, 1.0, loss, 10.0, losses)


def test_differences_are_of_pairs():
    found = {
        WHOLE: [result(0.50), result(0.60), result(0.70)],
        "lrn": [result(0.48), result(0.59), result(0.67)],
    }
    whole, lrn = compare(found, None)
    assert whole.change == whole.error == 0
    assert lrn.change == pytest.approx(-2)
    # of -2, -1, -3: standard deviation 1; the spread over seeds, 10, does not count
    assert lrn.error == pytest.approx(1 / math.sqrt(3))
    assert "-2.0 ± 0.6" in table([whole, lrn])


def test_epochs_to_a_loss():
    found = {
        WHOLE: [result(0.5, 1.0, (3.0, 2.0, 1.0)), result(0.5, 2.0, (4.0, 3.0, 2.0))],
        "relu": [result(0.5, 2.5, (4.0, 3.5, 2.5)), result(0.5, 2.5, (4.0, 3.5, 2.5))],
    }
    whole, relu = compare(found, None)  # held to the worst seed: 2.0
    assert whole.epochs == 2.5
    assert relu.epochs == math.inf
    assert "not reached" in table([relu])
    assert compare(found, 3.5)[1].epochs == 2


def test_the_command_leaves_table_and_picture_and_goes_on(place, capsys):
    assert run("--ideas", "lrn", "--seeds", "2") == 0
    out = capsys.readouterr().out
    assert "4 runs" in out
    assert IDEAS["lrn"].says in out
    assert IDEAS["lrn"].paper in out
    folder = place / "runs" / "ablation"
    with (folder / "ablation.csv").open() as file:
        names = [row["name"] for row in csv.DictReader(file)]
    assert names == [WHOLE, "lrn"]
    assert (folder / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    before = (folder / "lrn-1" / "log.csv").read_text()
    assert run("--ideas", "lrn,groups", "--seeds", "2") == 0
    assert (folder / "lrn-1" / "log.csv").read_text() == before
    assert (folder / "groups-1" / "last.npz").exists()


def test_other_settings_in_the_same_folder_are_refused(place, capsys):
    run("--ideas", "lrn", "--seeds", "1")
    assert run("--ideas", "lrn", "--seeds", "1", "--limit", "6") == 2
    assert "was trained with limit None, not 6" in capsys.readouterr().err
    assert run("--ideas", "magic") == 2
    assert "there are: relu, lrn" in capsys.readouterr().err


def test_every_idea_changes_the_network_or_its_pictures(place):
    from npalexnet import alexnet
    from npalexnet.training.options import Options

    plain = Options()
    for idea in IDEAS.values():
        assert all(getattr(plain, k) != v for k, v in idea.without.items())
        switches = {
            k: v for k, v in idea.without.items() if k not in ("augment", "colour")
        }
        alexnet("small", 10, **switches)  # raises if it changes nothing
