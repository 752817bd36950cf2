"""A figure in a notebook: its words, its sliders, and the drawings of the course."""

from __future__ import annotations

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from npalexnet import figures
from npalexnet.figures import page


def test_a_described_figure_has_words_and_is_shown_once():
    figure, _ = plt.subplots(figsize=(5, 2))
    shown = figures.described(figure, 'dark < light, "left"')
    data = shown._repr_mimebundle_()
    assert 'alt="dark &lt; light, &quot;left&quot;"' in data["text/html"]
    assert 'width="400"' in data["text/html"]
    assert data["text/plain"] == repr(shown) == 'dark < light, "left"'
    assert shown.png.startswith(b"\x89PNG")
    assert figure.number not in plt.get_fignums()


def test_a_figure_without_words_is_refused():
    with pytest.raises(ValueError, match="say in a sentence"):
        figures.described(figures.sliding(5, 3), " ")


class Display:
    """Stands for IPython's display: keeps what was shown."""

    def __init__(self):
        self.shown = []

    def __call__(self, what, display_id=False):
        self.shown.append(what)
        return self

    def update(self, what):
        self.shown[0] = what


@pytest.fixture
def display(monkeypatch):
    display = Display()
    monkeypatch.setattr(pytest.importorskip("IPython.display"), "display", display)
    return display


def test_a_page_gets_the_still_picture_alone(display):
    figures.slide(lambda n: figures.sliding(9, n), "nine pixels", n=(1, 5, 1, 3))
    (still,) = display.shown
    assert still.words == "nine pixels"


def test_a_slider_draws_again(display, monkeypatch):
    pytest.importorskip("ipywidgets", reason="sliders need `.[notebooks]`")
    monkeypatch.setattr(page, "_somebody_is_there", lambda: True)
    drawn = []

    def draw(n, shift):
        drawn.append((n, shift))
        return figures.sliding(9, n)

    figures.slide(draw, "nine pixels", n=(1, 5, 1, 3), shift=(0, 1, 0.5, 0))
    before, box = display.shown
    n, shift = box.children
    n.value = 5
    shift.value = 0.5
    assert drawn == [(3, 0), (5, 0), (5, 0.5)]
    assert display.shown[0].png != before.png


def test_numbers_are_written_on_small_tables_only():
    small, large = np.arange(9).reshape(3, 3), np.zeros((20, 20))
    small = small.astype(float)
    small[1, 1] = np.nan
    figure = figures.numbers({"a": small, "b": large}, signs=("×",))
    left, right = figure.axes
    assert [t.get_text() for t in left.texts] == [*"0123?5678", "×"]
    assert not right.texts


def test_maps_are_red_above_zero_and_pictures_keep_their_greys():
    table = np.array([[-2.0, 0, 2]])
    figure = figures.maps({"map": table, "grey": np.uint8(table + 2)})
    by_sign, grey = (axes.images[0] for axes in figure.axes)
    low, none, high = by_sign.to_rgba(table)[0, :, :3]
    assert high[0] > high[2] and low[2] > low[0] and none.min() > 0.95
    assert grey.get_clim() == (0, 255)


@pytest.mark.parametrize(
    ("settings", "count"), [((9, 3, 2), 4), ((10, 5, 1, 2), 10), ((3, 5), 0)]
)
def test_sliding_draws_every_window_that_fits(settings, count):
    (axes,) = figures.sliding(*settings).axes
    assert f"{count} windows fit" in axes.get_title()
    assert len(axes.containers) == count


def test_bars_and_lines_have_labels():
    figure = figures.bars({"one": {"a": 1, "b": 2}, "two": {"a": 3, "b": 4}}, label="%")
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b"]
    assert len(axes.patches) == 4 and axes.get_ylabel() == "%"
    x = np.arange(1, 4)
    (axes,) = figures.lines({"f": (x, x**2)}, across="x", up="y", log="xy").axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert re.search("x", axes.get_xlabel())
