"""The clinic: what proves each illness, and what a wrong diagnosis is told."""

import numpy as np
import pytest

from npalexnet.checks.clinic import FINDINGS, ILLNESSES, Recipe, diagnose, patient
from npalexnet.checks.clinic.diagnosis import measured, unusual
from npalexnet.checks.clinic.patient import HEALTHY, LETTERS
from npalexnet.checks.clinic.recipe import train
from npalexnet.system.errors import UserError


def illness_of(letter):
    recipe = patient(letter)._recipe
    (found,) = (
        name
        for name, illness in ILLNESSES.items()
        if recipe == Recipe(**illness.change)
    )
    return found


ANSWERS = {letter: illness_of(letter) for letter in LETTERS}


def evidence(letter, *names):
    return {name: measured(letter)[name] for name in names}


def mended(illness):
    return {line: getattr(Recipe(), line) for line in ILLNESSES[illness].change}


def test_every_illness_has_one_patient():
    assert sorted(ANSWERS.values()) == sorted(ILLNESSES)


@pytest.mark.parametrize("letter", LETTERS)
def test_what_proves_an_illness_is_unusual(letter):
    assert ILLNESSES[ANSWERS[letter]].proof in unusual(patient(letter))
    assert unusual(patient(HEALTHY)) == []


@pytest.mark.parametrize("letter", LETTERS)
def test_wrong_names_and_names_alone_do_not_pass(letter, capsys):
    p, right = patient(letter), ANSWERS[letter]
    others = [name for name in ILLNESSES if name != right]
    for wrong in others:
        proof = ILLNESSES[wrong].proof
        assert not diagnose(p, wrong, evidence(letter, proof), mended(wrong))
        says = " ".join(capsys.readouterr().out.split())
        assert "But here" in says or "It may be a consequence" in says
        assert right not in says
    assert not diagnose(p, right, {}, mended(right))
    assert "does not prove it" in " ".join(capsys.readouterr().out.split())


def test_a_number_that_was_not_measured_does_not_pass(capsys):
    p = patient("A")
    assert not diagnose(p, ANSWERS["A"], {"labels that fit": 0.9}, {})
    assert "Measured here, it is another number" in capsys.readouterr().out


def test_names_that_there_are_not(capsys):
    p = patient("A")
    for given in (
        ("flu", {}, {}),
        (ANSWERS["A"], {"x": 1}, {}),
        (ANSWERS["A"], {}, {"x": 1}),
    ):
        assert not diagnose(p, *given)
        assert "There are" in capsys.readouterr().out
    with pytest.raises(UserError, match="no patient 'Z'"):
        patient("Z")


def test_what_is_not_filled_in_is_asked_for(capsys):
    assert not diagnose(patient("A"), illness="labels shuffled")
    assert "fill in evidence and treatment" in capsys.readouterr().out


def test_some_curves_are_alike():
    """Some stay near ln 10: their networks tell them apart, not their curves."""
    flat = [
        p for p in LETTERS if abs(patient(p).log["loss"][2:] - np.log(10)).max() < 0.1
    ]
    assert len(flat) >= 3
    assert len({tuple(unusual(patient(p))) for p in flat}) == len(flat)


@pytest.mark.slow
@pytest.mark.parametrize("letter", LETTERS)
def test_the_right_treatment_cures(letter):
    illness = ANSWERS[letter]
    proof = evidence(letter, ILLNESSES[illness].proof)
    assert diagnose(patient(letter), illness, proof, {"epochs": 3, **mended(illness)})


@pytest.mark.slow
def test_a_wrong_treatment_is_no_cure(capsys):
    proof = evidence("G", "mean of x")
    assert not diagnose(patient("G"), "mean not subtracted", proof, {"epochs": 1})
    assert "not mended" in capsys.readouterr().out
    assert not diagnose(patient("G"), "mean not subtracted", proof, {"lr": 0.02})
    assert "the cause is still there" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_the_patients_are_what_the_recipe_gives():
    _, log = train(Recipe(epochs=2))
    kept = patient(HEALTHY).log
    np.testing.assert_allclose(log["loss"], kept["loss"][: len(log["loss"])], atol=0.05)
    assert set(FINDINGS) >= {illness.proof for illness in ILLNESSES.values()}
