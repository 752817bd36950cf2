"""The clinic: training runs that are ill, to be examined, named and mended.

In here
    recipe.py      the network, its training, and what may be wrong with it
    illnesses.py   which illnesses there are, and the finding that proves each
    findings.py    what can be measured on a patient
    patient.py     a patient: its curves, its network, its pictures
    diagnosis.py   is this the illness, is it proved, and does the treatment help?

The patients are real runs; data/build_clinic.py trains them.
"""

from npalexnet.checks.clinic.diagnosis import diagnose
from npalexnet.checks.clinic.findings import FINDINGS
from npalexnet.checks.clinic.illnesses import ILLNESSES
from npalexnet.checks.clinic.patient import Patient, patient
from npalexnet.checks.clinic.recipe import Recipe

__all__ = ["FINDINGS", "ILLNESSES", "Patient", "Recipe", "diagnose", "patient"]
