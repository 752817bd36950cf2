"""What README and CONTRIBUTING show can be typed: code, commands, links."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "notebooks/README.md"]
PAGES += sorted(f"docs/{page.name}" for page in (TOP / "docs").glob("*.md"))


def blocks(page, kind):
    text = (TOP / page).read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, flags=re.M | re.S)


CODE = [(page, code) for page in PAGES for code in blocks(page, "python")]


# In the place of scikit-learn, which is not needed for anything else: made-up digits.
SKLEARN = """
import numpy as np

def load_digits(return_X_y):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 1797)
    drawn = rng.integers(0, 17, (10, 64))[labels]
    return np.clip(drawn + rng.normal(0, 4, drawn.shape).round(), 0, 16), labels
"""


@pytest.mark.parametrize(("page", "code"), CODE)
def test_code_runs(page, code, tmp_path):
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn" / "datasets.py").write_text(SKLEARN)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@cache
def help_of(command):
    done = subprocess.run(
        [sys.executable, "-m", command, "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def commands():
    """(page, command, options) wherever a page types one, in a block or in a line."""
    for page in PAGES:
        text = (TOP / page).read_text()
        for said in re.findall(r"python -m (npalexnet[.]\w+)([^`#\n]*)", text):
            yield page, said[0], tuple(re.findall(r"--[a-z][a-z-]*", said[1]))


@pytest.mark.parametrize(("page", "command", "options"), sorted(set(commands())))
def test_commands_are_known_with_their_options(page, command, options):
    for option in options:
        assert option in help_of(command), f"{page}: {command} has no {option}"


def test_the_pages_show_something():
    assert len(CODE) >= 1
    assert len(set(commands())) > 12


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    text = (TOP / page).read_text()
    links = re.findall(r"\]\(([^)#]+)[^)]*\)|src=\"([^\"]+)\"", text)
    for target in (a or b for a, b in links):
        built = target == "explorer.html"  # `make docs` writes it beside the page
        if not built and not re.match(r"[a-z]+:", target):
            assert ((TOP / page).parent / target).exists(), f"{page}: {target}"


def test_the_map_shows_the_rooms_that_there_are():
    text = (TOP / "CONTRIBUTING.md").read_text()
    shown = re.findall(r"^  (\w+)/ ", text, flags=re.M)
    rooms = {path.parent.name for path in (TOP / "npalexnet").glob("*/__init__.py")}
    assert set(shown) == rooms
