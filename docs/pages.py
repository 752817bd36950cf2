"""What Sphinx does with our files: copies, lists, links them, and keeps formulas.

Texts and notebooks link to files of the repository, so that they can be read there,
too. On the site such a link becomes one to the page that the file has here.
"""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx

from npalexnet import explore
from npalexnet.training.folder import SHIPPED

DOCS = Path(__file__).parent
ROOT = DOCS.parent
PACKAGE = ROOT / "npalexnet"

# columns with space between them, or something that is equal to something
FORMULA = re.compile(r"\S {2,}\S|^ *(\S+|\S+\[.*?\]) *[=←≈]")


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx, because conf.py lists this file among its extensions."""
    copy_course()
    copy_mathjax()
    write_explorer()
    write_api()
    app.connect("source-read", link_here)
    app.connect("autodoc-process-docstring", keep_formulas, priority=600)
    app.connect("autodoc-process-signature", name_aliases)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def copy_course() -> None:
    """The notebooks, into docs/course, where Sphinx can find them."""
    shutil.rmtree(DOCS / "course", ignore_errors=True)
    shutil.copytree(
        ROOT / "notebooks",
        DOCS / "course",
        ignore=shutil.ignore_patterns(".ipynb_checkpoints"),
    )
    pictures = DOCS / "static" / "notebooks"
    shutil.copytree(DOCS / "notebooks", pictures, dirs_exist_ok=True)


def copy_mathjax() -> None:
    """MathJax as one file that needs no fonts, so that no CDN is asked for it."""
    found = find_spec("sphinx-mathjax-offline")
    if found is None or found.origin is None:
        raise SystemExit("MathJax is not installed: pip install --editable '.[docs]'")
    (DOCS / "static").mkdir(exist_ok=True)
    mathjax = Path(found.origin).parent / "static" / "mathjax" / "tex-svg.js"
    shutil.copy(mathjax, DOCS / "static")


def write_explorer() -> None:
    """The small network that comes with the package, as a page to be touched."""
    (DOCS / "beside").mkdir(exist_ok=True)
    network, page = ROOT / "data" / SHIPPED, DOCS / "beside" / "explorer.html"
    if explore.main([str(network), "--out", str(page), "--no-open"]) != 0:
        raise SystemExit("the explorer could not be written")


def write_api() -> None:
    """A page for `import npalexnet`, and one per room: what it is for, its modules."""
    folder = DOCS / "api"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_page(folder / "alexnet.md", "alexnet.py", "", ["alexnet"])
    commands = sorted(
        path.stem
        for path in PACKAGE.glob("*.py")
        if path.stem != "alexnet" and not path.stem.startswith("_")
    )
    write_page(folder / "commands.md", "The commands", "", commands, members=False)
    for room in sorted(path.parent for path in PACKAGE.glob("*/__init__.py")):
        says = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8")))
        modules = [
            path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
            for path in sorted(room.rglob("*.py"))
            if path.stem != "__init__"
        ]
        write_page(folder / f"{room.name}.md", f"{room.name}/", says or "", modules)


def write_page(
    path: Path, title: str, says: str, modules: Iterable[str], members: bool = True
) -> None:
    lines = [f"# {title}", "", says, ""]
    for module in modules:
        name = module.split(".", 1)[-1].replace(".", "/")
        lines += [
            f"## {name}.py",
            "```{eval-rst}",
            f".. automodule:: npalexnet.{module}",
            *(["   :members:", "   :show-inheritance:"] if members else []),
            "```",
            "",
        ]
    path.write_text("\n".join(lines), "utf-8")


def link_here(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to files of the repository become links to pages of the site."""
    up = "../" * page.count("/")
    text = source[0]
    text = re.sub(r"\]\((?:\.\./)+docs/", f"]({up}", text)
    text = re.sub(r"\]\((?:\.\./)+notebooks/", f"]({up}course/", text)
    text = text.replace('src="../docs/', 'src="../_static/')

    def api(link: re.Match[str]) -> str:
        name = link[1]
        known = name == "alexnet" or (PACKAGE / name).is_dir()
        return f"]({up}api/{name if known else 'commands'}.md)"

    ours = r"\]\((?:\.\./)+npalexnet/(\w+)(?:\.py|/[\w./]*)?\)"
    source[0] = re.sub(ours, api, text)


def keep_formulas(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Indented formulas of a docstring stay as they are written, line by line.

    Our docstrings are plain text. To Sphinx they are reStructuredText, where an
    indented line goes on with the one before, and a star begins emphasis.
    """
    if what not in ("module", "class"):
        lines[:] = [line if ">>>" in line else escaped(line) for line in lines]
        return
    kept: list[str] = []
    for block in blocks(lines):
        indented = block[0].startswith("    ")
        if indented and any(map(FORMULA.search, block)):
            kept += ["", ".. code-block:: none", "", *block, ""]
        elif indented and not block[0].lstrip().startswith(">>>"):
            kept += ["", *map(escaped, block), ""]
        else:
            kept += map(escaped, block)
    lines[:] = kept


def name_aliases(
    app: Sphinx,
    what: str,
    name: str,
    obj: object,
    options: object,
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """`Array` instead of what Sphinx makes of it inside a tuple."""
    forward = re.compile(r"TypeAliasForwardRef\('(\w+)'\)")
    return (
        signature and forward.sub(r"\1", signature),
        returns and forward.sub(r"\1", returns),
    )


def blocks(lines: Iterable[str]) -> list[list[str]]:
    """Neighbouring lines that are all indented, or all not."""
    found: list[list[str]] = []
    for line in lines:
        indented = line.startswith("    ")
        if found and (not line or found[-1][0].startswith("    ") == indented):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def escaped(line: str) -> str:
    return re.sub(r"(?<![\\`])([*|])", r"\\\1", line)
