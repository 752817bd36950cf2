"""What `help()` says: its examples run, and nothing public goes without words."""

from __future__ import annotations

import ast
import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import npalexnet
from npalexnet import layers

PACKAGE = Path(npalexnet.__file__).parent

MODULES = [
    found.name
    for found in pkgutil.walk_packages(npalexnet.__path__, "npalexnet.")
    if not found.name.endswith("__main__")
]

PAIRS = "conv2d winograd maxpool lrn samemap_norm relu tanh dropout linear"
REFERENCES = [
    f"{name}_{way}" for name in PAIRS.split() for way in ("forward", "backward")
]


@pytest.mark.parametrize("name", ["npalexnet", *MODULES])
def test_examples_give_what_they_say(name):
    assert doctest.testmod(import_module(name)).failed == 0


@pytest.mark.parametrize("name", REFERENCES)
def test_every_reference_function_has_an_example(name):
    (found,) = doctest.DocTestFinder(recurse=False).find(getattr(layers, name))
    assert found.examples


def test_everything_public_has_a_docstring():
    """Read from the source: a dataclass without a docstring gives itself one."""
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        if "kernels" in path.relative_to(PACKAGE).parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        public = [
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
        ]
        silent += [
            f"{path.relative_to(PACKAGE)}: {node.name}"
            for node in public
            if not ast.get_docstring(node)
        ]
    assert not silent, "no docstring: " + ", ".join(silent)
