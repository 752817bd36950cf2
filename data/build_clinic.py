"""Train the patients of the clinic, and write them: clinic.npz.

    python data/build_clinic.py         two minutes

Twelve runs of the same small network on emoji: a healthy one, and eleven with one line
of the recipe changed (npalexnet/checks/clinic/). Weights are kept in half precision.
Other machines round otherwise, and give other last digits.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from npalexnet.checks.clinic.illnesses import ILLNESSES
from npalexnet.checks.clinic.patient import HEALTHY, LETTERS
from npalexnet.checks.clinic.recipe import Recipe, train
from npalexnet.system.files import write_whole

FILE = Path(__file__).parent / "clinic.npz"

# Who lies in which bed; drawn once, so that the letters tell nothing.
BEDS = (
    "labels shuffled",
    "wrong gradient",
    "dropout left on at the test",
    "learning rate too low",
    "test pictures in the training set",
    "last layer starts too large",
    "mean not subtracted",
    "dead ReLUs",
    "channels swapped at the test",
    "classes not mixed",
    "learning rate too high",
)


def main() -> None:
    arrays = {}
    for name, illness in ((HEALTHY, HEALTHY), *zip(LETTERS, BEDS, strict=True)):
        change = {} if illness == HEALTHY else ILLNESSES[illness].change
        graph, log = train(Recipe(**change))
        arrays[f"{name}/illness"] = np.array(illness)
        for key, param in graph.params.items():
            arrays[f"{name}/{key}"] = param.data.astype(np.float16)
        for key, column in log.items():
            arrays[f"{name}/{key}"] = column
        print(f"{name:8}{illness:36}{log['val_acc'][-1]:4.0%} right", flush=True)
    memory = io.BytesIO()
    np.savez_compressed(memory, allow_pickle=False, **arrays)
    write_whole(FILE, lambda file: file.write(memory.getvalue()))
    print(f"{FILE.name}: {FILE.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
