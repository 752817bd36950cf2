"""Figures: each function takes arrays and numbers, and returns a matplotlib Figure.

In here: how a thing is drawn, and what is written beside it. Not in here: finding out
what there is to draw (net/inside.py, training/), and any file but the PNG that `write`
writes and the GIF of `write_film`. matplotlib takes long to import: other rooms import
this one where they draw.

    training.py   curves of a run, changes that an ablation found
    blocks.py     the network, block by block
    units.py      filters, activations, pictures that excite a unit
    answers.py    five likeliest classes, confusion, nearest neighbours
    evidence.py   occlusion, saliency
    lesson.py     tables with their numbers, maps, windows, curves: for the course
    page.py       a figure in a notebook: words for it, sliders
    film.py       filters coming out of noise
    style.py      what all of them share

Figures are made without a screen (no pyplot), so they work in a command, in a test and
in a notebook alike: `figure` as the last line of a cell shows it (after
`%matplotlib inline`), `write(figure, path)` writes it. No file has the name of a
function: `figures.network` is always the function.
"""

from npalexnet.figures.answers import confusion, neighbours, top5
from npalexnet.figures.blocks import network
from npalexnet.figures.evidence import occlusion, saliency
from npalexnet.figures.film import write_film
from npalexnet.figures.lesson import bars, lines, maps, numbers, sliding
from npalexnet.figures.page import described, slide
from npalexnet.figures.style import write
from npalexnet.figures.training import changes, chart, curves
from npalexnet.figures.units import activations, filters, top_activations

__all__ = [
    "activations",
    "bars",
    "changes",
    "chart",
    "confusion",
    "curves",
    "described",
    "filters",
    "lines",
    "maps",
    "neighbours",
    "network",
    "numbers",
    "occlusion",
    "saliency",
    "slide",
    "sliding",
    "top5",
    "top_activations",
    "write",
    "write_film",
]
