"""What all pictures share: colours, names of pitches, where bars are, making and saving a figure.

Bars are numbered as in printed music: the first full bar is 1, and a pickup is 0. Colours can
be told apart by colour-blind people (the first eight, of Okabe and Ito 2008) or by lightness.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from symusic.core import ScoreTick

from musegen import _timeline
from musegen._checks import checked_int, checked_kind, checked_path, shown
from musegen._files import written_path
from musegen._timeline import Bar, bar_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8A7A00", "#000000"),
    *("#332288", "#882255", "#44CFC0", "#B5C400", "#A020F0", "#7A3B10", "#8C8C8C", "#FF3B6B"),
)
INK, GREY, FAINT, PAPER = "#222222", "#7A7A7A", "#DADADA", "#F3F3F3"

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
MAX_BARS = 4096
PIXELS_PER_INCH = 150


def note_name(pitch: int) -> str:
    """Names a MIDI pitch, 0 to 127, as musicians do most often: C4 is middle C, 60.

    The pitch class, with `#` for sharp or `b` for flat, stands before the octave.

    Example:
        >>> note_name(60), note_name(70), note_name(0)
        ('C4', 'Bb4', 'C-1')
    """
    pitch = checked_int("pitch", pitch, 0, 127)
    return f"{PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def bars_of(score: ScoreTick, end: int) -> list[Bar]:
    """Returns the bars of a score up to the one, whole, that a tick falls in; 4,096 at most."""
    if bar_count(score) > MAX_BARS:
        raise ValueError(
            f"This music has {bar_count(score):,} bars, and a picture at most {MAX_BARS:,}. "
            "Draw a part of it."
        )
    return _timeline.bars_of(score, end)


def new_figure(width: float, height: float) -> Figure:
    """Makes an empty figure of so many inches, which a notebook shows without pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=PIXELS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    figure._repr_png_ = functools.partial(figure_png, figure)  # type: ignore[attr-defined]
    return figure


def add_axes(
    figure: Figure, left: float, top: float, width: float, height: float, **style: Any
) -> Axes:
    """Adds axes of so many inches, so far from the left and from the top of the figure."""
    wide, high = figure.get_size_inches()
    place = left / wide, (high - top - height) / high, width / wide, height / high
    return figure.add_axes(place, **style)


def add_text(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """Writes a text below a place so many inches from the left and from the top of the figure."""
    wide, high = figure.get_size_inches()
    style = {"va": "top", "color": INK, "parse_math": False, **style}
    figure.text(left / wide, 1 - top / high, text, **style)


def figure_png(figure: Figure) -> bytes:
    """Returns a matplotlib figure as the bytes of a PNG file."""
    from matplotlib.figure import Figure

    checked_kind("figure", figure, Figure, "a matplotlib figure")
    file = io.BytesIO()
    with _any_characters():
        figure.savefig(file, format="png")
    return file.getvalue()


@contextlib.contextmanager
def _any_characters() -> Iterator[None]:
    """Draws a box for a character that the font lacks, without a warning of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ ", UserWarning)
        yield


def check_picture_path(path: str | os.PathLike[str] | None) -> None:
    """Raises a `ValueError` if `path` is not a path, or has no suffix of a picture; takes None."""
    if path is None:
        return
    suffix = checked_path("path", path).suffix
    from matplotlib.backend_bases import FigureCanvasBase

    formats = set(FigureCanvasBase.get_supported_filetypes()) - {"pgf"}  # which needs LaTeX
    if suffix.lower().lstrip(".") not in formats:
        raise ValueError(
            f"path={shown(os.fspath(path))}: give a name that ends in .png, .svg, .pdf or .jpg."
        )


def saved(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Saves a figure if there is a path, whole or not at all, and returns it."""
    if path is not None:
        with written_path(path) as temporary, _any_characters():
            figure.savefig(temporary)
    return figure
