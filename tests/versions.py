"""The promise of pyproject.toml, tried: the oldest of everything, and the newest.

    make versions
    python tests/versions.py oldest --pytest tests/test_conv.py

Makes two environments under build/versions and runs the tests in each: Python 3.10 with
the lowest version of every dependency that pyproject.toml allows, and Python 3.13 with
the newest of all. An interpreter is looked for as `python3.10` on the path, then among
pyenv's and uv's; one that is not there is skipped, and named. (This script itself needs
Python 3.11, which reads TOML.)
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import tomllib

ROOT = Path(__file__).parents[1]
WHICH = {"oldest": "3.10", "newest": "3.13"}
TOOLS = ("ruff", "mypy", "nbmake")  # of the tests' dependencies, not needed to run them


def interpreter(version: str) -> str | None:
    """The newest Python 3.10.* (say) on this machine."""
    found = shutil.which(f"python{version}")
    if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
        return found
    home = Path.home()
    places = [
        *home.glob(f".pyenv/versions/{version}.*/bin/python"),
        *home.glob(f".local/share/uv/python/cpython-{version}.*/bin/python"),
    ]
    numbers = {place: re.findall(r"\d+", place.parts[-3]) for place in places}
    newest = max(numbers, key=lambda p: [int(n) for n in numbers[p]], default=None)
    return None if newest is None else str(newest)


def dependencies(which: str) -> list[str]:
    """What pip is told: "numpy==1.26" of the oldest, "numpy>=1.26" of the newest.

    Raises:
        ValueError: a dependency has no lower bound.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = []
    for needed in project["dependencies"] + project["optional-dependencies"]["test"]:
        if ">=" not in needed:
            raise ValueError(f"{needed} has no lower bound")
        if name(needed) not in TOOLS:
            found.append(needed.replace(">=", "==") if which == "oldest" else needed)
    return found


def name(needed: str) -> str:
    """Of "numpy>=1.26", numpy."""
    return re.split(r"[^\w-]", needed, maxsplit=1)[0]


def environment(which: str, python: str) -> Path:
    """The Python of an environment, made anew if the dependencies have changed."""
    folder = ROOT / "build" / "versions" / which
    inside, made = folder / "bin" / "python", folder / "made"
    wanted = "\n".join([python, *dependencies(which)])
    if not made.exists() or made.read_text() != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        pip = [str(inside), "-m", "pip", "install", "--quiet", "--upgrade"]
        subprocess.run(
            [*pip, "--editable", str(ROOT), *dependencies(which)], check=True
        )
        made.write_text(wanted)
    return inside


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("which", nargs="*", help="oldest, newest (default: both)")
    parser.add_argument("--pytest", nargs=argparse.REMAINDER, default=[], metavar="...")
    options = parser.parse_args()
    failed = False
    for which in options.which or WHICH:
        python = interpreter(WHICH[which])
        if python is None:
            print(f"{which}: skipped, there is no Python {WHICH[which]} here")
            continue
        inside = environment(which, python)
        listed = "import sys, importlib.metadata as m; print(sys.version.split()[0], *("
        listed += "f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
        names = map(name, dependencies(which))
        print(f"{which}: Python", flush=True, end=" ")
        subprocess.run([str(inside), "-c", listed, *names], check=True)
        spread = [
            "--numprocesses",
            "auto",
            "--maxprocesses",
            "4",
            "--dist",
            "loadscope",
        ]
        tests = [str(inside), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*tests, *(options.pytest or spread)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        failed |= done.returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
