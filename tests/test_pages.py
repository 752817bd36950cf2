"""The check of the built pages sees what it is there for; formulas stay as written."""

import importlib.util
from pathlib import Path

import pytest

from docs.check import faults

GOOD = '<p id="here"><a href="#here">x</a><img src="a.png" alt="Two filters"></p>'
FAULTS = {
    "links to nothing": '<a href="gone.html">x</a>',
    "links to no such place": '<a href="#gone">x</a>',
    "asks another host": '<script src="https://example.org/x.js"></script>',
    "without words": '<img src="a.png">',
    "has a picture without words": '<img src="a.png" alt="a.png">',
}


def pages(folder: Path, more: str) -> list[str]:
    (folder / "a.png").write_bytes(b"")
    (folder / "index.html").write_text(GOOD + more)
    return list(faults(folder))


def test_good_pages_have_no_fault(tmp_path):
    assert (
        pages(tmp_path, '<a href="https://example.org">a link may lead out</a>') == []
    )


@pytest.mark.parametrize("says", FAULTS)
def test_every_fault_is_seen(says, tmp_path):
    (found,) = pages(tmp_path, FAULTS[says])
    assert says in found


@pytest.mark.skipif(
    importlib.util.find_spec("sphinx") is None, reason="needs the extra docs (Sphinx)"
)
def test_formulas_stay_line_by_line():
    from docs.pages import keep_formulas

    lines = ["Forward", "    y = a * b", "    z = |c|", "Words", "    about *that*"]
    keep_formulas(None, "module", "", None, None, lines)  # type: ignore[arg-type]
    text = "\n".join(lines)
    assert ".. code-block:: none\n\n    y = a * b\n    z = |c|\n" in text
    assert r"    about \*that\*" in text
