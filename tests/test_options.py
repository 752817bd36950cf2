"""What a user says, and what is decided of it; config.json; options that cannot be."""

import json

import pytest

from npalexnet import ablate, evaluate, predict, train
from npalexnet.system.cli import flag
from npalexnet.system.errors import UserError
from npalexnet.training.folder import newest, read_config
from npalexnet.training.options import Config, Options


def test_a_configuration_has_everything_decided():
    config = Options().decide()
    assert isinstance(config, Config)
    assert (config.epochs, config.batch, config.drops) == (14, 64, (9, 12))
    said = Options(variant="owt", epochs=2, drops=(), batch=7).decide()
    assert (said.epochs, said.batch, said.drops) == (2, 7, ())


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"lrn_groups": 0}, "--lrn-groups must be at least 1, and is 0"),
        ({"momentum": 2.0}, r"--momentum must be in \[0, 1\), and is 2.0"),
        ({"momentum": -0.1}, "--momentum must be in"),
        ({"weight_decay": -1.0}, r"--weight-decay must be in \[0, 1\), and is -1.0"),
        ({"lr": float("nan")}, "--lr must be above 0"),
        ({"seed": -1}, "--seed must not be negative"),
        ({"subset": "cats"}, "--subset cats: unknown; there are: emoji"),
        ({"variant": "vgg"}, "--variant vgg: unknown; there are: paper"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_that_was_typed(said, complaint):
    with pytest.raises(UserError, match=complaint):
        Options(**said).decide()


def test_a_field_as_it_is_typed():
    assert flag("lrn_groups") == "--lrn-groups"


@pytest.mark.parametrize("command", [evaluate, predict])
def test_no_threads_is_one_line(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(["picture.png", "--threads", "0"]) == 2
    assert capsys.readouterr().err == "error: --threads must be at least 1, and is 0\n"


BAD_CONFIGS = {
    "unknown option": ('{"subset": "emoji", "colour_blind": 1}', "not known here"),
    "a list": ("[1, 2]", "found something else in it"),
    "a number": ("5", "found something else in it"),
    "no JSON": ("{", "expected a run folder with a config.json"),
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_a_config_that_is_none(name, tmp_path, capsys, monkeypatch):
    text, complaint = BAD_CONFIGS[name]
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "emoji-small"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_config(folder)
    assert train.main(["--resume", "--out", "runs/emoji-small"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    with pytest.raises(UserError, match="no run was found"):
        newest(needed="config.json")  # the damaged one is passed over


def test_a_config_without_a_subset_means_the_default(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"variant": "owt"}))
    config = read_config(tmp_path)
    assert (config["subset"], config["variant"]) == ("emoji", "owt")


def test_help_of_a_switch_says_what_the_switch_does(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--no-lrn leave out local response normalisation" in said
    assert "--no-colour no colour noise" in said


def test_one_seed_has_no_standard_error():
    from npalexnet.training.ablation import WHOLE, Outcome, compare, table

    outcome = Outcome(0.5, 0.9, 1.0, 10.0, (2.0, 1.0))
    text = table(compare({WHOLE: [outcome], "lrn": [outcome]}, None))
    assert "+0.0" in text
    assert "nan" not in text and "±" not in text
    assert ablate.__doc__
