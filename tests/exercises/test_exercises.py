"""The exercise sheets as they are on disk: they run, and can be solved and failed.

Beside this file stands a solution of each sheet, in plain NumPy. A sheet is run cell by
cell, like in Jupyter: as it is, with the solution in the place of the dots, and with
solutions into which a mistake was put.
"""

import ast
import contextlib
import io
import json
import linecache
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest

from npalexnet.checks.sheets import EXERCISES

HERE = Path(__file__).parent
SHEETS = sorted((HERE.parents[1] / "notebooks" / "exercises").glob("[0-9]*.ipynb"))
SOLUTIONS = {path.stem: path.read_text() for path in sorted(HERE.glob("[0-9]*.py"))}
GRADIENTS = ("dx", "dw", "db")

# sheet, right code, wrong code, where the judge sees it, and what it says
MISTAKES = [
    ("1-linear", " + b", "", "y", "The bias is missing"),
    ("1-linear", "x @ w.T", "x @ w", "y", "stopped with ValueError"),
    ("1-linear", "dy.T @ x", "x.T @ dy", "dw", "rows and columns are exchanged"),
    ("1-linear", "dy.T @ x", "dy.T @ x / len(x)", "dw", "the mean over the images"),
    ("1-linear", "dy.sum(axis=0)", "dy[0]", "db", "Only the first image is counted"),
    ("1-linear", "dy.sum(axis=0)", "dy", "db", "not added up yet"),
    ("1-linear", "dx = dy @ w", "dx = 2 * dy @ w", "dx", "2.0 times the right one"),
    ("1-linear", "return dx, dw, db", "return dx, dw", "dx", "must return 3 results"),
    ("2-relu", "np.maximum(x, 0)", "np.max(x, 0)", "y", "maximum over a whole axis"),
    ("2-relu", "np.maximum(x, 0)", "abs(x)", "y", "the absolute value"),
    ("2-relu", "dy * (x > 0)", "dy * (dy > 0)", "dx", "Ask whether x was"),
    ("2-relu", "dy * (x > 0)", "dy * (x >= 0)", "dx", "exactly 0"),
    ("2-relu", "dy * (x > 0)", "-dy * (x > 0)", "dx", "Its sign is wrong"),
    ("2-relu", "dx = dy * (x > 0)", "dy[x <= 0] = 0; dx = dy", "dx", "writes into dy"),
    ("2-relu", "y = np.maximum(x, 0)", "x[x < 0] = 0; y = x", "y", "writes into x"),
    ("2-relu", "y**2", "y", "dx", "A square is missing"),
    ("2-relu", "y**2", "np.tanh(y) ** 2", "dx", "tanh is applied twice"),
    (
        "2-relu",
        "np.tanh(x)",
        "(np.exp(2 * x) - 1) / (np.exp(2 * x) + 1)",
        "y",
        "an exponential overflows",
    ),
    (
        "3-softmax",
        "z = logits - logits.max(axis=1, keepdims=True)",
        "z = logits",
        "loss",
        "exp(1000) is more than a float can hold",
    ),
    (
        "3-softmax",
        "log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))",
        "log_p = np.log(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))",
        "loss",
        "its logarithm is minus infinity",
    ),
    (
        "3-softmax",
        "    dlogits = dlogits / len(logits)\n",
        "",
        "dlogits",
        "belongs to the sum over the images",
    ),
    ("3-softmax", "].mean()", "].sum()", "loss", "should be the mean"),
    ("3-softmax", "loss = -", "loss = ", "loss", "Its sign is wrong"),
    (
        "3-softmax",
        "    dlogits[rows, labels] -= 1\n",
        "",
        "dlogits",
        "What is right is not subtracted",
    ),
    (
        "3-softmax",
        "dlogits[rows, labels]",
        "dlogits[:, labels]",
        "dlogits",
        "in a whole column",
    ),
    ("4-sgd", " - lr * g", " + lr * g", "new_v", "It goes uphill"),
    ("4-sgd", "w + new_v", "w + v", "new_w", "along the old velocity"),
    ("4-sgd", "decay * lr * w", "decay * w", "new_v", "not multiplied by the learning"),
    ("4-sgd", " - decay * lr * w", "", "new_v", "Weight decay is missing"),
    ("4-sgd", "new_w = w + new_v", "w += new_v; new_w = w", "new_v", "writes into w"),
    (
        "4-sgd",
        "new_v = momentum * v - decay * lr * w - lr * g\n    new_w = w + new_v",
        "new_v = momentum * v + decay * w + g\n    new_w = w - lr * new_v",
        "new_v",
        "PyTorch's",
    ),
    ("5-conv", "    y += b[:, None, None]\n", "", "y", "The bias is missing"),
    (
        "5-conv",
        "wg.reshape",
        "wg[..., ::-1, ::-1].reshape",
        "y",
        "The filter is flipped",
    ),
    (
        "5-conv",
        "top, left = p * stride, q * stride",
        "top, left = p, q",
        "y",
        "they move by one pixel",
    ),
    (
        "5-conv",
        "window = xp[:, g * cg : (g + 1) * cg,",
        "window = xp[:, :cg,",
        "y",
        "The groups are mixed",
    ),
    ("5-conv", "+= (d @ wg)", "= (d @ wg)", "dx", "where windows overlap"),
    ("5-conv", "dw[filters] +=", "dw[filters] =", "dw", "Only one place is left"),
    ("5-conv", "axis=(0, 2, 3)", "axis=(0)", "db", "but not over the places"),
    ("5-conv", "dy.sum(axis=(0, 2, 3))", "dy", "db", "This is dy itself"),
    (
        "5-conv",
        "dxp[:, :, pad : pad + high, pad : pad + wide]",
        "dxp",
        "dx",
        "padding is still around it",
    ),
    (
        "5-conv",
        "dxp[:, :, pad : pad + high, pad : pad + wide]",
        "dxp[:, :, pad:-pad, pad:-pad]",
        "dx",
        "Its shape is (1, 1, 0, 0) and should be (1, 1, 3, 3)",
    ),
    (
        "5-conv",
        "(n, f, *places), x.dtype",
        "(n, f, *places)",
        "y",
        "y is float64 where",
    ),
    (
        "5-conv",
        "    dx = dxp",
        "    dxp[:, :, pad], dxp[..., pad] = 0, 0\n    dx = dxp",
        "dx",
        "the inside is right",
    ),
    ("6-maxpool", "+= dy[", "= dy[", "dx", "is paid by one of them only"),
    (
        "6-maxpool",
        "        row, column = divmod(int(window.argmax()), kernel)\n"
        "        dx[n, c, i + row, j + column] += dy[n, c, p, q]\n",
        "        wins = window == window.max()\n"
        "        dx[n, c, i : i + kernel, j : j + kernel] += wins * dy[n, c, p, q]\n",
        "dx",
        "both get all of dy",
    ),
    (
        "6-maxpool",
        ".max(axis=(2, 3))",
        ".mean(axis=(2, 3))",
        "y",
        "This is the mean of",
    ),
    (
        "6-maxpool",
        ".max(axis=(2, 3))",
        ".max(axis=(2, 3), initial=0)",
        "y",
        "Negative windows become 0",
    ),
    ("6-maxpool", "+= dy[n, c, p, q]", "+= 1", "dx", "counts which pixels win"),
    ("7-lrn", "direct - through_s", "direct", "dx", "The second term is missing"),
    ("7-lrn", "direct - through_s", "direct + through_s", "dx", "the wrong sign"),
    ("7-lrn", "2 * alpha * beta", "alpha * beta", "dx", "derivative of a square"),
    (
        "7-lrn",
        "window_sum(dy * y / s, size)",
        "dy * y / s",
        "dx",
        "neighbours are missing",
    ),
    (
        "7-lrn",
        "k + alpha * window",
        "k + alpha / size * window",
        "y",
        "divided by the size",
    ),
    (
        "7-lrn",
        "max(0, c - half) : c + half + 1",
        "c - half : c + half + 1",
        "y",
        "wrong where it is 0",
    ),
    ("7-lrn", "x**2", "x", "y", "The squares are missing"),
    (
        "8-dropout",
        " if train else 1 - rate",
        " if train else 1",
        "y",
        "A factor is missing",
    ),
    ("8-dropout", ">= rate if", "< rate if", "y", "not of being kept"),
    (
        "8-dropout",
        "rng.random(x.shape) >= rate if train else 1 - rate",
        "(rng.random(x.shape) >= rate) / (1 - rate) if train else 1",
        "y",
        "That is today's way",
    ),
    ("8-dropout", "dx = dy * factor", "dx = dy", "dx", "The mask is forgotten"),
    ("8-dropout", "dy * factor", "dy * factor * factor", "dx", "factor is used twice"),
    (
        "8-dropout",
        "rng.random(x.shape) >= rate if train else 1 - rate",
        "rng.random(x.shape) >= rate",
        "y",
        "nobody stays at home",
    ),
    (
        "8-dropout",
        "rng.random(x.shape) >= rate if",
        "__import__('numpy').random.rand(*x.shape) >= rate if",
        "y",
        "does not come from the `rng`",
    ),
]


def cells(sheet, kind="code"):
    found = json.loads(sheet.read_text())["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def functions(code):
    """Name to arguments, of each function that a text defines."""
    return {
        node.name: ast.unparse(node.args)
        for node in ast.parse(code).body
        if isinstance(node, ast.FunctionDef)
    }


def is_blank(cell):
    """Is this a cell to be filled in?"""
    return "= ...\n" in source(cell)


def run(sheet, answer=None, pictures=True):
    """Run a sheet, with an answer in the place of the blank cells.

    Without pictures only the imports, the answer and the judge are run. Returns what
    was printed, one text for each cell, and the variables.
    """
    printed, names = [], {"__name__": "__main__"}
    matplotlib.use("Agg")
    for number, cell in enumerate(cells(sheet)):
        code = source(cell)
        if number and not (pictures or is_blank(cell) or " = judge(" in code):
            continue
        if answer is not None and is_blank(cell):
            code, answer = answer, ""  # all of it in the first such cell
        file = f"{sheet.stem}, cell {number}"
        linecache.cache[file] = (len(code), None, code.splitlines(True), file)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, file, "exec"), names)
        printed.append(out.getvalue())
        plt.close("all")
    return printed, names


@pytest.fixture(autouse=True)
def show_nothing(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda: None)
    with matplotlib.rc_context():
        yield


def name_of(value):
    return value.stem if isinstance(value, Path) else None


each_sheet = pytest.mark.parametrize("sheet", SHEETS, ids=name_of)


def test_every_exercise_has_a_sheet_and_every_sheet_a_solution():
    assert [sheet.stem for sheet in SHEETS] == list(SOLUTIONS)
    judged = [
        node.args[0].value
        for sheet in SHEETS
        for cell in cells(sheet)
        for node in ast.walk(ast.parse(source(cell)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "judge"
    ]
    assert sorted(judged) == sorted(EXERCISES)


@each_sheet
def test_an_empty_sheet_runs_and_prints_what_is_stored_in_it(sheet):
    printed, _ = run(sheet)
    stored = [
        "".join(
            "".join(output["text"])
            for output in cell["outputs"]
            if output["output_type"] == "stream"
        )
        for cell in cells(sheet)
    ]
    assert printed == stored
    verdicts = [text for text in printed if text]
    assert len(verdicts) == (2 if sheet.stem == "2-relu" else 1)
    assert all("NOT FILLED IN YET" in text for text in verdicts)


@each_sheet
def test_stored_outputs_have_no_errors_and_tell_nothing_of_a_machine(sheet):
    whole = json.loads(sheet.read_text())
    assert whole["metadata"] == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for cell in whole["cells"]:
        assert cell["metadata"] == {}
        for output in cell.get("outputs", []):
            assert output["output_type"] in ("stream", "execute_result")
    assert "/home/" not in sheet.read_text() and "/tmp/" not in sheet.read_text()


@each_sheet
def test_a_sheet_is_solved_by_its_solution(sheet):
    printed, _ = run(sheet, SOLUTIONS[sheet.stem])
    text = "".join(printed)
    assert text.count("SOLVED in all") == (2 if sheet.stem == "2-relu" else 1)
    assert "NOT" not in text and "HALF WAY" not in text


@each_sheet
def test_a_solution_fills_the_blank_cells_and_imports_nothing_but_numpy(sheet):
    blanks = {}
    for cell in filter(is_blank, cells(sheet)):
        blanks |= functions(source(cell))
    solution = functions(SOLUTIONS[sheet.stem])
    assert set(blanks) <= set(solution) <= set(blanks) | {"window_sum"}
    for name, arguments in blanks.items():
        if "backward" not in name:  # what is kept may be called by its name
            assert solution[name] == arguments
    for node in ast.walk(ast.parse(SOLUTIONS[sheet.stem])):
        if isinstance(node, ast.Import | ast.ImportFrom):
            assert ast.unparse(node) == "import numpy as np"


@each_sheet
def test_what_was_computed_by_hand_is_right(sheet):
    _, names = run(sheet, SOLUTIONS[sheet.stem])
    ex = names["ex"]

    def agree(found, expected):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)

    if sheet.stem == "3-softmax":
        loss, dlogits = names["softmax_cross_entropy"](ex.logits, ex.labels)
        agree(loss, ex.loss)
        agree(dlogits, ex.dlogits)
    elif sheet.stem == "4-sgd":
        new_v, new_w = names["update"](ex.w, ex.v, ex.g, **ex.settings)
        agree(new_v, ex.new_v)
        agree(new_w, ex.new_w)
    elif sheet.stem == "8-dropout":
        agree(ex.x * ex.mask, ex.y)
        agree(names["backward"](ex.dy, ex.mask), ex.dx)
        y, cache = names["forward"](ex.x, ex.rate, None, train=False)
        agree(y, ex.test_y)
        agree(names["backward"](ex.dy, cache), ex.test_dx)
    else:
        arrays = [getattr(ex, name) for name in ("x", "w", "b") if hasattr(ex, name)]
        y, cache = names["forward"](*arrays, **getattr(ex, "settings", {}))
        agree(y, ex.y)
        gradients = names["backward"](ex.dy, cache)
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        for name, gradient in zip(GRADIENTS, gradients, strict=False):
            agree(gradient, getattr(ex, name))


@pytest.mark.parametrize(("sheet", "right", "wrong", "result", "says"), MISTAKES)
def test_a_wrong_answer_is_told_what_is_wrong(sheet, right, wrong, result, says):
    solution = SOLUTIONS[sheet]
    assert right in solution
    (path,) = (path for path in SHEETS if path.stem == sheet)
    printed, _ = run(path, solution.replace(right, wrong), pictures=False)
    text = "".join(printed)
    assert "NOT YET" in text
    line = " ".join(text.split()).split("NOT YET")[0].split(f"{result} WRONG: ")[1]
    assert says in line


def test_every_sheet_has_at_least_three_wrong_answers():
    for sheet in SHEETS:
        assert sum(mistake[0] == sheet.stem for mistake in MISTAKES) >= 3


@each_sheet
def test_a_sheet_reads_as_sheets_do(sheet):
    texts = [source(cell) for cell in cells(sheet, "markdown")]
    number = int(sheet.stem[0])
    assert texts[0].startswith(f"# Exercise {number} · ")
    assert "*Before:*" in texts[0] and "*Time:*" in texts[0]
    everything = "\n".join(texts)
    assert "## By hand" in everything and "<details><summary>Hint" in everything
    assert "Now compare with `npalexnet/" in texts[-1]
    for file in {exercise.file for exercise in EXERCISES.values()}:
        assert (HERE.parents[1] / file).exists()
