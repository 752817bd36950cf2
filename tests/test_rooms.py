"""The house: imports go down from room to room, and never in a circle."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import npalexnet

HOUSE = Path(npalexnet.__file__).parent
# From the top floor down; CONTRIBUTING says what each room is for.
ROOMS = (
    "explorer training parallel weights checks figures net datasets layers kernels "
    "system"
)
FLOORS = {room: floor for floor, room in enumerate(ROOMS.split())}
COMMANDS = -1  # files at the top, but for alexnet.py, which stands just above net/


def floor_of(module):
    """The floor of "npalexnet.room.file"; smaller is higher."""
    _, *rest = module.split(".")
    if rest[:1] == ["alexnet"]:
        return FLOORS["net"] - 0.5
    return FLOORS.get(rest[0], COMMANDS) if rest else COMMANDS


def modules(house):
    """Every module of a copy of the package: name to file."""
    found = {}
    for file in sorted(house.rglob("*.py")):
        parts = ("npalexnet", *file.relative_to(house).with_suffix("").parts)
        found[".".join(p for p in parts if p != "__init__")] = file
    return found


def imports(name, file, known):
    """Modules of the house that a file imports, anywhere in it."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        targets = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]).rstrip(".")
            whole = [f"{base}.{alias.name}" for alias in node.names]
            targets = [t if t in known else base for t in whole]
        yield from (t for t in targets if t in known)


def upward(house):
    """All imports that climb, as "who imports whom"."""
    known = modules(house)
    return [
        f"{name} imports {target}"
        for name, file in known.items()
        for target in imports(name, file, known)
        if name.count(".") > 0 and floor_of(target) < floor_of(name)
    ]


def circles(house):
    """Modules that import each other, through however many others."""
    known = modules(house)
    graph = {
        name: {t for t in imports(name, file, known) if t != "npalexnet"}
        for name, file in known.items()
    }
    for name, targets in graph.items():  # a file sees its own room while it is made
        targets -= {name.rpartition(".")[0], name}
    done, path, found = set(), [], []

    def visit(name):
        if name in path:
            found.append(" > ".join([*path[path.index(name) :], name]))
        elif name not in done:
            path.append(name)
            for target in sorted(graph[name]):
                visit(target)
            done.add(path.pop())

    for name in graph:
        visit(name)
    return found


def test_every_folder_is_a_room_that_says_what_it_is_for():
    folders = {f.parent.name for f in HOUSE.glob("*/__init__.py")}
    assert folders == FLOORS.keys()
    for folder in folders:
        tree = ast.parse((HOUSE / folder / "__init__.py").read_text())
        assert len(ast.get_docstring(tree).split()) > 12


def test_imports_go_down():
    assert upward(HOUSE) == []


def test_there_is_no_circle():
    assert circles(HOUSE) == []


@pytest.mark.parametrize(
    "line",
    [
        "from npalexnet.net.graph import Graph",
        "import npalexnet.training.loop",
        "from npalexnet import weights",
        "if TYPE_CHECKING:\n    from npalexnet.net.graph import Graph",
        "def late():\n    from npalexnet.train import main",
        "from ..net import graph",
    ],
)
def test_one_import_upward_is_seen(tmp_path, line):
    house = tmp_path / "npalexnet"
    shutil.copytree(HOUSE, house, ignore=shutil.ignore_patterns("data", "__pycache__"))
    with (house / "datasets" / "pictures.py").open("a") as file:
        file.write(f"\n{line}\n")
    assert len(upward(house)) == 1
    assert "npalexnet.datasets.pictures imports" in upward(house)[0]


def test_one_circle_is_seen(tmp_path):
    house = tmp_path / "npalexnet"
    shutil.copytree(HOUSE, house, ignore=shutil.ignore_patterns("data", "__pycache__"))
    with (house / "net" / "loss.py").open("a") as file:
        file.write("\nfrom npalexnet.net.step import train_step\n")
    assert upward(house) == []
    assert any("npalexnet.net.loss" in circle for circle in circles(house))


EVERY = """
import importlib, os, sys
for name in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(f"{name}: {type(error).__name__}: {error}", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""


def test_every_module_can_be_imported_first():
    names = [name for name in modules(HOUSE) if not name.endswith("__main__")]
    script = "import numpy, numba, PIL.Image, matplotlib.figure, tqdm, pooch\n" + EVERY
    done = subprocess.run(
        [sys.executable, "-c", script, *names], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def exported():
    known = modules(HOUSE)
    rooms = [name for name, file in known.items() if file.name == "__init__.py"]
    return [name for name in rooms if name.count(".") <= 1]


@pytest.mark.parametrize("room", exported())
def test_all_is_what_can_be_got(room):
    script = (
        f"import {room} as room\n"
        "names = getattr(room, '__all__', [])\n"
        "missing = [n for n in names if not hasattr(room, n)]\n"
        "assert not missing, missing\n"
        "assert len(names) == len(set(names)), 'a name stands twice'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
