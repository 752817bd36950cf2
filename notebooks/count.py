"""What a reader does in each notebook: `python notebooks/count.py`.

Cells, predictions (tagged `predict`), cells to change (tagged `change`), the lines of
the longest code cell, and words of text.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def cells(notebook: Path) -> list[dict[str, Any]]:
    """The cells of a notebook, each source as one text."""
    found = json.loads(notebook.read_text("utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in found]


def code(notebook: Path) -> list[dict[str, Any]]:
    """The code cells of a notebook."""
    return [cell for cell in cells(notebook) if cell["cell_type"] == "code"]


def tagged(notebook: Path, tag: str) -> list[str]:
    """The sources of all cells with this tag."""
    return [
        cell["source"]
        for cell in cells(notebook)
        if tag in cell["metadata"].get("tags", [])
    ]


def counts(notebook: Path) -> dict[str, int]:
    """The numbers of one notebook."""
    found = cells(notebook)
    text = [c["source"] for c in found if c["cell_type"] == "markdown"]
    return {
        "cells": len(found),
        "predict": len(tagged(notebook, "predict")),
        "change": len(tagged(notebook, "change")),
        "longest": max(len(cell["source"].splitlines()) for cell in code(notebook)),
        "words": sum(len(source.split()) for source in text),
    }


def number(notebook: Path) -> int:
    """The number in front of its name: 10 comes after 9."""
    return int(notebook.name.partition("-")[0])


def main() -> None:
    """Print a line for each notebook."""
    print(f"{'':<32}{'cells':>7}{'predict':>9}{'change':>8}{'longest':>9}{'words':>7}")
    for notebook in sorted(HERE.glob("*.ipynb"), key=number):
        c = counts(notebook)
        says = f"{c['cells']:>7}{c['predict']:>9}{c['change']:>8}{c['longest']:>9}"
        print(f"{notebook.stem:<32}{says}{c['words']:>7,}")


if __name__ == "__main__":
    main()
