"""The notebooks as a workshop: what a reader does in them, and what he sees then."""

from __future__ import annotations

import json
import re

import pytest
from course import (
    CHANGE,
    COURSE,
    WORKSHOPS,
    Running,
    count,
    looks_different,
    needed,
    variants,
)

# Those that are a workshop already: how many predictions they ask for.
PREDICTIONS = {
    "1-tour": 8,
    "2-convolution": 8,
    "3-gradients": 8,
    "4-relu": 4,
    "5-pooling-and-normalisation": 4,
    "6-against-overfitting": 5,
    "7-training": 5,
    "8-looking-inside": 5,
    "9-which-alexnet": 4,
}
DONE = [path for path in COURSE if path.stem in PREDICTIONS]


@pytest.mark.parametrize("path", DONE, ids=lambda path: path.stem)
def test_a_reader_predicts_and_changes(path):
    found = count.counts(path)
    assert found["predict"] >= PREDICTIONS[path.stem]
    assert found["change"] >= found["predict"]
    assert found["longest"] <= 25


@pytest.mark.parametrize("path", DONE, ids=lambda path: path.stem)
def test_every_picture_has_words(path):
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            assert "image/png" not in data, "use figures.described"
            for tag in re.findall(r"<img [^>]*>", "".join(data.get("text/html", ""))):
                assert re.search(r'alt="[^"]{20,}"', tag)


@pytest.mark.parametrize("path", COURSE, ids=lambda path: path.stem)
def test_it_is_stored_executed_and_without_widgets(path):
    notebook = json.loads(path.read_text("utf-8"))
    assert "widgets" not in notebook["metadata"]
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    numbers = [cell["execution_count"] for cell in code]
    assert numbers == list(range(1, len(code) + 1)), "run it from top to bottom"


@pytest.mark.parametrize("path", DONE, ids=lambda path: path.stem)
def test_a_cell_to_change_says_what_to_try(path):
    for source in count.tagged(path, "change"):
        assert len(variants(source)) == 3
    marked = [c["source"] for c in count.cells(path) if CHANGE.search(c["source"])]
    assert marked == count.tagged(path, "change")


def test_a_change_without_an_effect_is_noticed():
    text = {"output_type": "stream", "text": "5\n"}
    assert not looks_different([text], [dict(text)])
    assert looks_different([text], [text | {"text": "6\n"}])
    with pytest.raises(AssertionError, match="one line to change"):
        variants("x = 1\nprint(x)")
    with pytest.raises(AssertionError, match="nothing new"):
        variants("x = 1  # CHANGE: try 2, then 2")


def test_only_cells_that_are_built_on_are_run():
    sources = ["import a", "b = a.c", "d = 1", "def e():\n    return b", "f = 2", "e()"]
    cells = [{"source": source} for source in sources]
    assert needed(cells, cells[-1:]) == [cells[k] for k in (0, 1, 3, 5)]


@pytest.mark.slow
@pytest.mark.parametrize("path", WORKSHOPS, ids=lambda path: path.stem)
def test_every_change_is_seen(path):
    """Each marked line with both values: three outputs, no two of them alike."""
    notebook, code = Running(path), count.code(path)
    changes = [cell for cell in code if "change" in cell["metadata"].get("tags", [])]
    with notebook.client.setup_kernel():
        for cell in needed(code, changes):
            if cell not in changes:
                notebook.run(cell["source"])
                continue
            as_it_is, first, second = variants(cell["source"])
            tried = [notebook.run(source) for source in (first, second, as_it_is)]
            for one, other in ((0, 1), (0, 2), (1, 2)):
                assert looks_different(tried[one], tried[other]), cell["source"]
            assert not looks_different(tried[2], notebook.run(as_it_is)), (
                f"the same line shows something else each time:\n{cell['source']}"
            )
