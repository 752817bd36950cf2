"""A figure on a notebook's page: with words for those who cannot see it, and moved.

Front ends do not agree on where the words of a picture are kept. All of them keep the
`alt` of an HTML `img`, and show plain text where they can show nothing else. So that is
what `described` hands them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from html import escape
from typing import Any

from matplotlib.figure import Figure


class Described:
    """A picture and its words, as a notebook shows them; made by `described`.

    Args:
        png: the picture.
        words: what is to be seen.
        width: in pixels of the page.
    """

    def __init__(self, png: bytes, words: str, width: int) -> None:
        self.png, self.words, self.width = png, words, width

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        data = base64.b64encode(self.png).decode("ascii")
        style = "max-width: 100%; height: auto"
        html = (
            f'<img src="data:image/png;base64,{data}" alt="{escape(self.words)}" '
            f'width="{self.width}" style="{style}">'
        )
        return {"text/html": html, "text/plain": self.words}

    def __repr__(self) -> str:
        return self.words


def described(figure: Figure, words: str, dpi: int = 110) -> Described:
    """A figure with its alternative text, for the last line of a cell.

    Args:
        figure: one of `npalexnet.figures`, or of pyplot, which then forgets it.
        words: what a reader who cannot see it would miss, in a sentence or two.
        dpi: dots per inch of the file; on the page an inch is 80 pixels wide.

    Raises:
        ValueError: there are no words.
    """
    if not words.strip():
        raise ValueError("say in a sentence what is to be seen on the figure")
    import matplotlib.pyplot as plt

    plt.close(figure)  # else the notebook would show it a second time
    file = io.BytesIO()
    white = figure.get_facecolor()
    figure.savefig(file, dpi=dpi, format="png", facecolor=white)
    return Described(file.getvalue(), words, round(80 * figure.get_figwidth()))


def slide(
    draw: Callable[..., Figure], words: str, **knobs: tuple[float, float, float, float]
) -> None:
    """Show `draw(**values)`, and a slider for each value where somebody can move it.

    A page, a test or a build cannot move anything: they get the still picture alone.

    Args:
        draw: makes a figure; its arguments are the knobs.
        words: the alternative text of the still picture.
        knobs: name=(lowest, highest, step, where it stands).
    """
    import IPython.display

    display: Any = IPython.display.display
    start = {name: knob[3] for name, knob in knobs.items()}
    shown = display(described(draw(**start), words), display_id=True)
    if not _somebody_is_there():
        return
    from ipywidgets import FloatSlider, IntSlider, VBox

    sliders = {}
    for name, (low, high, step, value) in knobs.items():
        whole = all(float(v).is_integer() for v in (low, high, step, value))
        kind, number = (IntSlider, int) if whole else (FloatSlider, float)
        sliders[name] = kind(
            min=number(low),
            max=number(high),
            step=number(step),
            value=number(value),
            description=name,
            continuous_update=False,
        )

    def moved(_: Any) -> None:
        values = {name: slider.value for name, slider in sliders.items()}
        shown.update(described(draw(**values), words))

    for slider in sliders.values():
        slider.observe(moved, names="value")
    display(VBox(list(sliders.values())))


def _somebody_is_there() -> bool:
    """Can the front end ask for input? Those that only run a notebook cannot."""
    try:
        import ipywidgets  # noqa: F401
        from IPython.core.getipython import get_ipython
    except ImportError:
        return False
    kernel = getattr(get_ipython(), "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))
