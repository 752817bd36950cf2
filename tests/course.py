"""The notebooks of the course, for the tests: their cells, and how to run them."""

from __future__ import annotations

import base64
import importlib.util
import io
import re
import symtable
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"

spec = importlib.util.spec_from_file_location("count", NOTEBOOKS / "count.py")
assert spec is not None and spec.loader is not None
count = importlib.util.module_from_spec(spec)
spec.loader.exec_module(count)

COURSE = sorted(NOTEBOOKS.glob("*.ipynb"), key=count.number)
WORKSHOPS = [path for path in COURSE if count.tagged(path, "change")]

GUESS = re.compile(r"^guess = \.\.\.", flags=re.M)
NAME = re.compile(r'^discuss\("([^"]+)", guess\)$', flags=re.M)
CHANGE = re.compile(r"^( *\w+ = )(.+?)  # CHANGE: try (.+), then (.+)$", flags=re.M)


def variants(source: str) -> list[str]:
    """A cell to change: as it stands, and with each of the two values to be tried."""
    lines = CHANGE.findall(source)
    assert len(lines) == 1, f"one line to change, not {len(lines)}, in:\n{source}"
    start, value, first, second = lines[0]
    assert len({value, first, second}) == 3, f"nothing new is tried in: {lines[0]}"
    return [
        CHANGE.sub(lambda _, v=v: f"{start}{v}", source) for v in (value, first, second)
    ]


def needed(cells: list[dict], wanted: list[dict]) -> list[dict]:
    """Those of the code cells that are wanted, and all that they build on, in order.

    A cell is built on if it gives a value to a name that is read later.
    """
    read: set[str] = set()
    kept = []
    for cell in reversed(cells):
        scope = symtable.symtable(cell["source"], "cell", "exec")
        made = {
            name.get_name()
            for name in scope.get_symbols()
            if name.is_assigned() or name.is_imported()
        }
        if cell in wanted or made & read:
            kept.append(cell)
            read |= global_names(scope) - made
    return kept[::-1]


def global_names(scope: symtable.SymbolTable) -> set[str]:
    """Names of the notebook that a scope reads, those of its functions included."""
    top = scope.get_type() == "module"
    read = {
        name.get_name()
        for name in scope.get_symbols()
        if name.is_referenced() and (top or name.is_global())
    }
    return read.union(*map(global_names, scope.get_children()))


def seen(outputs: list[dict]) -> tuple[str, list[np.ndarray]]:
    """What a cell shows: its text, and its pictures."""
    text, pictures = "", []
    for output in outputs:
        assert output["output_type"] != "error", "\n".join(output.get("traceback", []))
        data = output.get("data", {})
        html = data.get("text/html", "")
        for png in re.findall(r'src="data:image/png;base64,([^"]+)"', html):
            picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
            pictures.append(np.asarray(picture, float))
        if not html:
            text += output.get("text", "") + data.get("text/plain", "")
    return text, pictures


def looks_different(one: list[dict], other: list[dict]) -> bool:
    """Would a reader see that these outputs are not the same?

    Other text, or pictures that differ in two pixels of a thousand.
    """
    (text, pictures), (other_text, other_pictures) = seen(one), seen(other)
    if text != other_text or len(pictures) != len(other_pictures):
        return True
    return any(
        a.shape != b.shape or (np.abs(a - b).max(2) > 20).mean() > 0.002
        for a, b in zip(pictures, other_pictures, strict=True)
    )


class Running:
    """A notebook that is being run, cell by cell, in a kernel of its own."""

    def __init__(self, path: Path) -> None:
        self.notebook = nbformat.read(path, 4)
        self.client = NotebookClient(
            self.notebook,
            timeout=120,
            resources={"metadata": {"path": str(path.parent)}},
        )

    def run(self, source: str) -> list[dict]:
        """The outputs of a cell with this source, neighbouring texts as one."""
        cell = nbformat.v4.new_code_cell(source)
        self.client.nb.cells.append(cell)
        index = len(self.client.nb.cells) - 1
        self.client.execute_cell(cell, index)
        return list(cell.outputs)
