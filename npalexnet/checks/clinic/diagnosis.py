"""Is this the illness, is it proved, and does the treatment help?

    diagnose(
        patient("C"),
        illness="learning rate too low",
        evidence={"how far conv1 moved": 0.002},
        treatment={"lr": 0.01},
    )

The name alone is a guess, and does not pass: several illnesses have the same curves.
What proves one is a number that was measured on the network or on its pictures. And a
treatment is tried: the network is trained anew, which takes about ten seconds.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from types import EllipsisType
from typing import Any

from npalexnet.checks.clinic.findings import FINDINGS
from npalexnet.checks.clinic.illnesses import ILLNESSES
from npalexnet.checks.clinic.patient import HEALTHY, Patient, patient
from npalexnet.checks.clinic.recipe import Recipe, train

CURED = 0.55  # top-1 on the validation pictures; the healthy network reaches 0.65
AMOUNTS = ("lr", "epochs", "bias", "fc4_std")  # several values of these are healthy


def diagnose(
    patient: Patient,
    illness: str | EllipsisType = ...,
    evidence: Mapping[str, float] | EllipsisType = ...,
    treatment: Mapping[str, Any] | EllipsisType = ...,
) -> bool:
    """Say what is wrong with a diagnosis, or that the patient is cured.

    Args:
        patient: who was examined.
        illness: one of `ILLNESSES`.
        evidence: findings, of `FINDINGS`, with the number that was measured.
        treatment: lines of `Recipe` with what they should be.

    Returns:
        Is it the illness, is it proved, and did the treatment help?
    """
    if illness is ... or evidence is ... or treatment is ...:
        says = _to_fill_in(illness, evidence, treatment)
    else:
        says = (
            _unknown(illness, evidence, treatment)
            or _measured_wrongly(patient, evidence)
            or _another_illness(patient, illness, evidence)
            or _not_proved(illness, evidence)
            or _not_cured(patient, treatment)
        )
    print(textwrap.fill(f"Patient {patient.name}: {says or 'cured.'}", 88))
    return not says


def _to_fill_in(illness: object, evidence: object, treatment: object) -> str:
    given = {"illness": illness, "evidence": evidence, "treatment": treatment}
    empty = " and ".join(name for name, value in given.items() if value is ...)
    return f"fill in {empty}. Look at its curves first, then measure."


def _unknown(
    illness: str, evidence: Mapping[str, float], treatment: Mapping[str, Any]
) -> str:
    """Names that there are not."""
    for given, known, what in (
        ([illness], ILLNESSES, "illness"),
        (evidence, FINDINGS, "finding"),
        (treatment, asdict(Recipe()), "line of the recipe"),
    ):
        for name in given:
            if name not in known:
                return f"no {what} is called {name!r}. There are: {', '.join(known)}."
    return ""


def _measured_wrongly(patient: Patient, evidence: Mapping[str, float]) -> str:
    for name, given in evidence.items():
        found = measured(patient.name)[name]
        if not FINDINGS[name].agree(float(given), found):
            return (
                f"{name}: you say {given:.3g}. Measured here, it is another number. "
                f"What is asked for: {FINDINGS[name].says}."
            )
    return ""


def _another_illness(
    patient: Patient, illness: str, evidence: Mapping[str, float]
) -> str:
    """What speaks against the illness, and what was overlooked."""
    (line, wrong), (proof, would_be) = (
        next(iter(ILLNESSES[illness].change.items())),
        (ILLNESSES[illness].proof, ILLNESSES[illness].says),
    )
    if getattr(patient._recipe, line) == wrong:
        return ""
    found, usual = measured(patient.name)[proof], measured(HEALTHY)[proof]
    if FINDINGS[proof].agree(found, usual):
        against = (
            f"with {illness!r}, {would_be}. But here, {proof!r} is {found:.3g}; in the "
            f"healthy network it is {usual:.3g}."
        )
    else:
        against = (
            f"{proof!r} is {found:.3g}, and in the healthy network {usual:.3g}, so "
            f"something is wrong; but it is not {illness!r}. It may be a consequence."
        )
    overlooked = [name for name in unusual(patient) if name not in {*evidence, proof}]
    if overlooked:
        return f"{against} Did you measure {overlooked[0]!r}?"
    return f"{against} What does the number that you have say by itself?"


def _not_proved(illness: str, evidence: Mapping[str, float]) -> str:
    proof = ILLNESSES[illness].proof
    if proof in evidence:
        return ""
    given = " and ".join(map(repr, evidence)) or "no finding"
    return (
        f"it may be {illness!r}, but {given} does not prove it: other illnesses look "
        "the same. Which number would be unusual with this illness alone?"
    )


def _not_cured(patient: Patient, treatment: Mapping[str, Any]) -> str:
    """Train by the treated recipe, and look."""
    recipe = patient._recipe.treated(**treatment)
    log = train(recipe)[1]
    reached = float(log["val_acc"][-1])
    amounts = {line: getattr(Recipe(), line) for line in AMOUNTS}
    honest = recipe.treated(**amounts) == Recipe()
    says = f"treated so, it ends at {reached:.0%} right; the healthy one at 65 %"
    if honest and reached >= CURED:
        print(f"Patient {patient.name}: {says}.")
        return ""
    if reached >= CURED:
        return f"{says}. A good number; but the cause is still there."
    return f"{says}. The illness is named and proved, but not mended."


@cache
def measured(name: str) -> dict[str, float]:
    """All findings of a patient."""
    examined = patient(name)
    return {name: finding.measure(examined) for name, finding in FINDINGS.items()}


def unusual(patient: Patient) -> list[str]:
    """The findings that are not as in the healthy network."""
    mine, usual = measured(patient.name), measured(HEALTHY)
    return [
        name
        for name, finding in FINDINGS.items()
        if not finding.agree(mine[name], usual[name])
    ]
