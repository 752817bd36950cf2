"""Sphinx's settings for the site that `make docs` builds."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

project = "npalexnet"
author = copyright = "the npalexnet contributors"
release = version = installed_version("npalexnet")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "pages",
]
exclude_patterns = ["README.md"]

html_title = "npalexnet"
html_theme = "furo"
html_static_path = ["static"]
html_extra_path = ["beside"]  # explorer.html
html_copy_source = False
html_show_copyright = False
mathjax_path = "tex-svg.js"

nb_execution_mode = "off"  # the outputs are the ones that the notebooks are stored with
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_type_aliases = {name: name for name in ("Array", "Mask", "Pixels", "Shape")}
python_use_unqualified_type_names = True
napoleon_use_ivar = True  # otherwise the attributes of a dataclass are listed twice
napoleon_custom_sections = ["Source"]
