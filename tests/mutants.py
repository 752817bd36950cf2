"""Are the tests any good? Break the package in one place, and see whether they notice.

    make mutants N=600 SEED=0
    python tests/mutants.py --count 60 --rooms layers kernels

A mutant is the package with one small mistake: a comparison that takes in its edge, a
sign turned round, a constant that is one too large, a slice that loses its first or
last entry. The places are drawn at random, an equal share from each room, and inside a
room from each module by its size; the same seed draws the same mutants. Each is made in
a copy of the repository, in a temporary folder, and faces the tests of its module: the
quick ones, about ten seconds in all. A test that fails, or hangs, has caught it.

What survives is printed, to be looked at by a person: either a test is missing, or the
mutant is equivalent, which needs a reason. docs/mutants.md has what became of them.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import hypothesis  # noqa: F401  (imported here, once, for all forks)
import matplotlib.figure  # noqa: F401
import numba  # noqa: F401
import PIL.Image  # noqa: F401
import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("layers", "kernels", "net", "datasets", "training", "parallel")
SLOWEST, TOGETHER = 2.0, 10.0  # seconds that one test, and all of a module, may take
HANGS = 120.0  # seconds after which they are stopped

# Which files have a module's tests, beside the one that is called as the module is.
TESTS = {
    "layers": "contract steps own_layer chain",
    "layers/layer": "graph",
    "layers/samemap": "variants",
    "kernels": "contract",
    "kernels/optim": "train",
    "kernels/compile": "conv",
    "net": "graph chain steps",
    "net/blueprint": "alexnet variants",
    "net/comparison": "variants",
    "net/engine": "contract",
    "net/memory": "options",
    "net/optim": "train",
    "net/table": "alexnet",
    "net/threads": "contract optim",
    "datasets": "datasets layouts source",
    "datasets/augment": "input",
    "datasets/batches": "augment train",
    "datasets/download": "",
    "datasets/input": "augment predict",
    "datasets/moments": "augment",
    "datasets/pictures": "input predict",
    "training": "options progress fit train",
    "training/ablation": "ablate",
    "training/evaluation": "predict figures",
    "training/fits": "checkpoint",
    "parallel": "together parallel parallel_train",
}

# Tests that call every kernel, so that Numba compiles it before anything is timed.
COMPILES = "conv pool lrn samemap relu optim".split()

COMPARISONS = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
SIGNS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
}


class Mutant(NamedTuple):
    """One mistake in one line of a module.

    Attributes:
        module: "layers/conv", say.
        line: its number, from 1.
        old, new: the line, right and wrong.
        text: the whole module, mistake and all.
    """

    module: str
    line: int
    old: str
    new: str
    text: str

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line}: {self.old}   ->   {self.new}"


def path_of(module: str, root: Path = ROOT) -> Path:
    return root / "npalexnet" / f"{module}.py"


# ---------------------------------------------------------------- what can be broken


def worth_breaking(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only say something: types, messages, docstrings."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not isinstance(
                child, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom
            ):
                yield child
                yield from worth_breaking(child)


def mutants(module: str) -> list[Mutant]:
    """Every mistake that can be made in a module, in the order of the text."""
    source = path_of(module).read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def begin(node: ast.expr) -> int:
        return starts[node.lineno - 1] + node.col_offset

    def end(node: ast.expr) -> int:
        return starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)

    found: list[Mutant] = []

    def replace(start: int, stop: int, new: str) -> None:
        line = source.count(b"\n", 0, start)
        broken = (source[:start] + new.encode() + source[stop:]).decode()
        old = source.decode().splitlines()[line].strip()
        now = broken.splitlines()[line].strip()
        found.append(Mutant(module, line + 1, old, now, broken))

    def operator(lo: int, hi: int, old: str, new: str) -> None:
        at = source.find(old.encode(), lo, hi)
        if at >= 0:
            replace(at, at + len(old), new)

    for node in worth_breaking(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            for i, op in enumerate(node.ops):
                operator(end(sides[i]), begin(sides[i + 1]), *COMPARISONS[type(op)])
        elif isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            if isinstance(node.right, ast.JoinedStr) or said(node.right):
                continue  # a path or a sentence, put together
            operator(end(node.left), begin(node.right), *SIGNS[type(node.op)])
        elif isinstance(node, ast.AugAssign) and type(node.op) in SIGNS:
            operator(end(node.target), begin(node.value), *SIGNS[type(node.op)])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
            replace(begin(node), begin(node.operand), "")
        elif isinstance(node, ast.Constant):
            for new in constants(node.value):
                replace(begin(node), end(node), new)
        elif isinstance(node, ast.Subscript):
            bounds = node.slice
            parts = bounds.elts if isinstance(bounds, ast.Tuple) else [bounds]
            for part in parts:
                if isinstance(part, ast.Slice) and part.step is None:
                    lower, upper = part.lower, part.upper
                    if lower is None:
                        replace(begin(part), begin(part), "1")
                    else:
                        replace(begin(lower), end(lower), f"{text(lower)} + 1")
                    if upper is None:
                        replace(end(part), end(part), "-1")
                    else:
                        replace(begin(upper), end(upper), f"{text(upper)} - 1")
    return [mutant for mutant in found if compiles(mutant)]


def said(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def text(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"


def constants(value: object) -> list[str]:
    """What may stand in the place of a constant."""
    if isinstance(value, bool):
        return [str(not value)]
    if isinstance(value, int):
        return [str(value + 1), str(value - 1)]
    if isinstance(value, float):
        return [repr(2 * value if value else 1.0)]
    return []


def compiles(mutant: Mutant) -> bool:
    try:
        compile(mutant.text, mutant.module, "exec")
    except SyntaxError:
        return False
    return True


def drawn(rooms: list[str], count: int, seed: int) -> list[Mutant]:
    """The sample: an equal share from each room, from each module by its size."""
    shares = []
    for room in rooms:
        rng = random.Random(f"{seed} {room}")
        files = sorted((ROOT / "npalexnet" / room).glob("*.py"))
        modules = [f"{room}/{f.stem}" for f in files if f.stem != "__init__"]
        places = {module: mutants(module) for module in modules}
        total, share = sum(map(len, places.values())), count // len(rooms)
        chosen: list[Mutant] = []
        for some in places.values():
            size = max(1, round(share * len(some) / total))
            chosen += rng.sample(some, min(size, len(some)))
        rng.shuffle(chosen)
        shares.append(chosen[:share])
    longest = max(map(len, shares))
    return [s[i] for i in range(longest) for s in shares if i < len(s)]


# ------------------------------------------------------------------- what notices it


class Copy:
    """A copy of the repository, in which one module at a time is broken."""

    def __init__(self, folder: Path) -> None:
        self.root, self.spare = folder / "copy", folder / "compiled"
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
        )
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.root / name)
        self.compiled = self.root / "npalexnet" / "kernels" / "__pycache__"
        self.times: dict[str, dict[str, float]] = {}  # file: test: seconds
        self.pytest(*(f"tests/test_{name}.py" for name in COMPILES))

    def pytest(self, *arguments: str, seconds: float = 600) -> int:
        """The exit code of the tests; -1 if they take longer.

        They run in a fork of this process, which has imported what takes long to
        import, but nothing of the package.
        """
        process = os.fork()
        if process == 0:
            os.setsid()
            os.chdir(self.root)
            sys.path.insert(0, str(self.root))
            os.environ.update(CI="1", PYTHONPATH=str(self.root))
            for number in (1, 2):
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)
            quiet = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
            os._exit(pytest.main([*quiet, *arguments]))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done, status = os.waitpid(process, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(process, signal.SIGKILL)
        os.waitpid(process, 0)
        return -1

    def timed(self, file: str) -> dict[str, float]:
        """Each test of a file that passes while nothing is broken, and its seconds."""
        if file not in self.times:
            report = self.root / "report.xml"
            self.pytest(file, f"--junitxml={report}", f"--timeout={3 * SLOWEST}")
            self.times[file] = {
                f"{file}::{case.get('name')}": float(case.get("time", 0))
                for case in ET.parse(report).iter("testcase")
                if case.find("failure") is None and case.find("error") is None
            }
        return self.times[file]

    def tests(self, module: str) -> list[str]:
        """The tests of a module, without the slow ones, `TOGETHER` seconds in all."""
        names = [Path(module).name]
        for key in (module, module.partition("/")[0]):
            names += TESTS.get(key, "").split()
        chosen, total = [], 0.0
        for name in dict.fromkeys(names):
            file = f"tests/test_{name}.py"
            if (self.root / file).exists():
                for test, seconds in self.timed(file).items():
                    if seconds < SLOWEST and total + seconds < TOGETHER:
                        chosen.append(test)
                        total += seconds
        return chosen

    def notices(self, mutant: Mutant) -> bool:
        """Does a test fail (or hang) with this mistake?"""
        tests = self.tests(mutant.module)
        path = path_of(mutant.module, self.root)
        kernel = mutant.module.startswith("kernels/")
        if kernel:  # Numba would throw away what it has compiled
            shutil.copytree(self.compiled, self.spare)
        right, stat = path.read_bytes(), path.stat()
        path.write_text(mutant.text)
        try:
            return self.pytest("-x", *tests, seconds=HANGS) != 0
        finally:
            path.write_bytes(right)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
            if kernel:
                shutil.rmtree(self.compiled)
                self.spare.rename(self.compiled)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=600, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--rooms", nargs="+", choices=ROOMS, default=list(ROOMS))
    parser.add_argument("--start", type=int, default=1, help="go on with this one")
    parser.add_argument("--list", action="store_true", help="say which, break nothing")
    options = parser.parse_args()
    sample = drawn(options.rooms, options.count, options.seed)
    if options.list:
        print(*sample, sep="\n")
        return
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for number, mutant in enumerate(sample, 1):
            if number < options.start:
                continue
            caught = copy.notices(mutant)
            survived += not caught
            verdict = "caught" if caught else "SURVIVED"
            print(f"{number:>4} {verdict:<8}  {mutant}", flush=True)
    print(f"{len(sample) - options.start + 1} mutants, {survived} survived")


if __name__ == "__main__":
    main()
