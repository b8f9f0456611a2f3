"""The four knobs: a phrase, and the same phrase with one of its noises turned at a time.

A phrase of MuseGAN (Dong et al. 2018) is drawn from four noises. Style and groove hold for all its
bars, chords and melody go from bar to bar; style and chords are for all tracks, and each track has
a groove and a melody of its own. The page has a panel for each: those for all bars on the left,
those from bar to bar on the right, for all tracks above, for one track below (where there is one
composer, all four are for all tracks). Beside the phrase stands what each knob changed in which
track.

Notes are the same where track, pitch, start and end are. A step of a track is the same where it has
the same cells of the roll, so that a repeated note differs from a held one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._checks import Choice, shown
from musegen._timeline import Bar
from musegen.plots._figure import (
    GREY,
    INK,
    add_axes,
    add_text,
    bars_of,
    check_picture_path,
    new_figure,
    saved,
)
from musegen.plots._roll import DrawnNotes, add_legend, add_row, pitch_range, tint, track_colour
from musegen.settings import LARGE_SEED, declared

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from musegen.models.musegan import MuseGAN, Noise

KNOBS = ("style", "chords", "groove", "melody")
"""The knobs as the panels go."""

OTHER_SEED = 1000
"""From the seed of the phrase to that of what changes: far from what one tries next."""

LEGEND_COLUMNS = 7
CAPTION = "Style and groove hold for the whole phrase,\nchords and melody go from bar to bar."

UNCHANGED, GONE = 0.3, 0.75
"""How much of its colour a note keeps that is as in the phrase, and the outline of one gone."""


@declared
def plot_knobs(
    model: MuseGAN,
    noise: Noise | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    seed: Annotated[
        int, LARGE_SEED, "Seed of the phrase; what changes is drawn anew with `seed + 1000`"
    ] = 7,
    track: str | None = None,
) -> Figure:
    """Draws a phrase, and the phrase with only its style, chords, groove or melody changed.

    Notes that are as in the phrase are pale, new ones in full colour, and those that are gone are
    outlines.

    Args:
        model: A `MuseGAN`.
        noise: The noise of the phrase, of the shapes of this model's; `model.noise(seed=seed)` if
            None.
        path: Where to save the picture, in the format of its suffix; None saves nothing.
        track: The name of the track whose groove and melody change; the first one if None.

    Returns:
        The figure, with an axes for the phrase, one for each knob in the order style, chords,
        groove, melody, and one for the table of what changed.

    Raises:
        ValueError: If `model` or `noise` is something else, `seed` is out of its range, there is no
            such track, or the suffix is not one of a picture.
        OSError: If the file can't be written.
    """
    check_picture_path(path)
    if not hasattr(model, "vary"):
        raise ValueError(f"model={shown(model)} has no knobs: give a MuseGAN.")
    names = [place.name for place in model.encoding.tracks]
    track = names[0] if track is None else Choice(*names).check("track", track)
    given = noise is not None
    first: Noise = model.noise(seed=seed) if noise is None else noise
    phrase: Any = model.sample(noise=first)  # one piece, no list of them
    tracks: list[str | None] = []  # whose noise each knob turns
    turned: list[Any] = []
    for part in KNOBS:
        alone = part in ("groove", "melody") and len(getattr(first, part)) == len(names)
        tracks.append(track if alone else None)
        changed = model.vary(first, part, track=tracks[-1], seed=(seed + OTHER_SEED) % 2**63)
        turned.append(model.sample(noise=changed))
    # The share of the steps of each track that each knob changed, (knobs, tracks).
    differ = [(phrase.roll != piece.roll).any(axis=2) for piece in turned]
    changes = np.array([steps.mean(axis=(0, 1)) for steps in differ])

    quarter = phrase.score.ticks_per_quarter
    bar_ticks = 4 * quarter * model.encoding.meter[0] / model.encoding.meter[1]
    paper = ScoreTick(quarter)  # without notes, so that no bar is taken for a pickup
    paper.time_signatures = phrase.score.time_signatures
    bars = bars_of(paper, round(len(phrase.roll) * bar_ticks))
    notes = [DrawnNotes.of(piece.score) for piece in (phrase, *turned)]
    page = _Page(bars, quarter, notes, len(names))
    title = f"{phrase.model}: one knob at a time"
    add_text(page.figure, page.left, 0.15, title, weight="bold")
    _add_legend(page, names)

    old = notes[0]
    axes = page.add_axes(0, "The phrase" + (f", seed {seed}" if not given else ""))
    _draw(axes, old, np.ones(len(old.start), bool), page.edge)
    for number, (part, of) in enumerate(zip(KNOBS, tracks)):
        label = f"Other {part}: {changes[number].mean():.0%} of all steps changed"
        if of is not None:
            share = changes[number, names.index(of)]
            label = f"Other {part} for {of}: {share:.0%} of its steps changed"
        new = notes[number + 1]
        axes = page.add_axes(number + 2 if page.columns == 2 else number + 1, label)
        _draw(axes, new, ~_found_in(new, old), page.edge)
        gone, pale = ~_found_in(old, new), tint(old.colours, GONE)
        old.draw(axes, gone, "none", pale, 0.7, zorder=3.2, label="gone")  # below the new ones
    labels = [part if of is None else f"{part} of {of}" for part, of in zip(KNOBS, tracks)]
    _add_table(page, labels, names, changes)
    return saved(page.figure, path)


def _found_in(notes: DrawnNotes, others: DrawnNotes) -> NDArray[np.bool_]:
    """Returns whether each note is among others."""
    first, second = (zip(n.start, n.stop, n.pitch, n.track) for n in (notes, others))
    known = set(second)
    return np.array([note in known for note in first], bool)


class _Page:
    """Where the panels are, in inches: two columns, or one for phrases of more than 20 quarters."""

    left, gap_across, gap_down = 0.5, 0.7, 0.62

    def __init__(self, bars: list[Bar], quarter: int, notes: list[DrawnNotes], tracks: int) -> None:
        self.bars = bars
        self.span = bars[-1].end - bars[0].start
        self.columns = 2 if self.span <= 20 * quarter else 1
        self.wide = max(min(11.4 / self.columns, 0.7 * self.span / quarter), 4.2)
        self.pitches = pitch_range(np.concatenate([n.pitch for n in notes]))
        rows = self.pitches[1] - self.pitches[0] + 1
        self.high = min(max(0.09 * rows, 2.05), 3.0)  # the table needs two inches
        self.semitone = self.high / rows
        self.edge = min(0.8, 8 * quarter * self.wide / self.span)  # of a note, in points
        self.top = 0.4 + 0.2 * ((tracks + 2) // LEGEND_COLUMNS)  # room for the legend
        width = self.left + self.columns * (self.wide + self.gap_across) - 0.4
        height = self.top + 6 // self.columns * (self.high + self.gap_down) + 0.15
        self.figure = new_figure(width, height)

    def cell(self, number: int) -> tuple[float, float]:
        """The upper left corner of a panel's notes, in inches from the page's."""
        line, column = divmod(number, self.columns)
        down = self.top + line * (self.high + self.gap_down) + self.gap_down - 0.1
        return self.left + column * (self.wide + self.gap_across), down

    def add_axes(self, number: int, title: str) -> Axes:
        """Adds a panel, with its paper and without notes."""
        scales = self.wide / self.span, self.semitone
        axes = add_row(self.figure, *self.cell(number), self.bars, self.pitches, *scales)
        axes.set_title(title, loc="left", fontsize=9.5, color=INK, pad=6)
        return axes


def _draw(axes: Axes, notes: DrawnNotes, new: NDArray[np.bool_], edge: float) -> None:
    """Draws notes, in full colour those that are new."""
    pale = tint(notes.colours, UNCHANGED)
    notes.draw(axes, ~new, pale, "white", edge, zorder=3, label="unchanged")
    notes.draw(axes, new, notes.colours, "white", edge, zorder=3.5, label="notes")


def _add_legend(page: _Page, names: list[str]) -> None:
    grey, none = np.full(3, 0.35), np.zeros(4)
    colours = [(name, track_colour(index)) for index, name in enumerate(names)]
    colours += [("as in the phrase", tint(grey, UNCHANGED)), ("new", grey)]
    entries = [(name[:16], colour, colour) for name, colour in colours]
    add_legend(page.figure, [*entries, ("gone", none, grey)], columns=LEGEND_COLUMNS)


def _add_table(
    page: _Page, labels: list[str], names: list[str], changes: NDArray[np.float64]
) -> None:
    """Adds the table of what each knob changed in which track; darker is more."""
    right, down = page.cell(1 if page.columns == 2 else 5)
    what = "Share of the steps that each knob changed"
    add_text(page.figure, right, down - 0.245, what, va="baseline", fontsize=9.5)
    head, down = 0.15 + 0.075 * max(map(len, labels)), down + 0.3
    wide, high = min(0.85 * len(names), page.wide - head), 0.32 * len(labels)
    axes = add_axes(page.figure, right + head, down, wide, high)
    add_text(page.figure, right, down + high + 0.15, CAPTION, color=GREY, fontsize=8)
    axes.imshow(changes, cmap="Greys", vmin=0, vmax=1.6, aspect="auto")
    for (row, column), share in np.ndenumerate(changes):
        colour = INK if share else GREY
        axes.text(column, row, f"{share:.0%}", ha="center", va="center", fontsize=8.5, color=colour)
    axes.set_yticks(range(len(labels)), labels, fontsize=8.5)
    axes.set_xticks(range(len(names)), [name[:12] for name in names], fontsize=8.5)
    for index, label in enumerate(axes.get_xticklabels()):
        label.set_color(tuple(track_colour(index)))
    axes.xaxis.tick_top()
    axes.tick_params(length=0, pad=4)
    axes.spines[:].set_visible(False)
