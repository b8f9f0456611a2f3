"""What pictures of notes share: the notes of a score, the paper that they stand on, their boxes.

Where notes of the same pitch sound together, as where voices meet, the one that began first has the
upper half of the row and the next one the lower half, so that both of them are seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._timeline import Bar
from musegen.plots._figure import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    PAPER,
    PIXELS_PER_INCH,
    add_axes,
    note_name,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK_KEYS = (1, 3, 6, 8, 10)

HALF = 0.45
"""Half the height of a note's box, in semitones."""

LEAST = 1.2
"""Points that a note's box is wide at least."""

MAX_DEPTH = 2


@dataclasses.dataclass(frozen=True)
class DrawnNotes:
    """Notes of a picture, arrays `(notes,)`, in the order in which they are drawn; in ticks."""

    start: NDArray[Any]
    stop: NDArray[Any]
    pitch: NDArray[Any]
    track: NDArray[Any]  # its number
    depth: NDArray[Any]  # on how many notes of the same pitch each is drawn, up to 2
    drum: NDArray[Any]  # whether it is one

    @classmethod
    def of(cls, score: ScoreTick, tracks: Sequence[int] | None = None) -> DrawnNotes:
        """Returns the notes of a score, or of some of its tracks, by their numbers."""
        numbers = range(len(score.tracks)) if tracks is None else sorted({*tracks})
        chosen = [score.tracks[number] for number in numbers]
        arrays = [track.notes.numpy() for track in chosen]
        columns = ((notes["time"], notes["duration"], notes["pitch"]) for notes in arrays)
        empty = np.zeros((3, 0), np.int64)
        start, duration, pitch = np.concatenate([empty, *columns], axis=1)
        stop = start + duration
        counts = [len(notes["time"]) for notes in arrays]
        track = np.repeat(np.array(numbers, int), counts)
        drum = np.repeat([one.is_drum for one in chosen], counts).astype(bool)
        depth = np.zeros(len(start), np.int64)
        depth[~drum] = _depths(*(column[~drum] for column in (start, stop, pitch, track)))
        order = np.lexsort((track, depth))
        return cls(*(column[order] for column in (start, stop, pitch, track, depth, drum)))

    def where(self, which: NDArray[Any]) -> DrawnNotes:
        """Returns some of the notes."""
        columns = (getattr(self, field.name) for field in dataclasses.fields(self))
        return DrawnNotes(*(column[which] for column in columns))

    @property
    def colours(self) -> NDArray[np.float64]:
        """The colour of each note's track, `(notes, 3)`."""
        return track_colour(self.track)

    def draw(
        self, axes: Axes, which: NDArray[Any], face: Any, edge: Any, linewidth: float, **style: Any
    ) -> None:
        """Draws boxes, those `which` is true of, as far as they lie within the axes' limits.

        The colours of face and edge are one, or one for each note, `(notes, 3)`. Edges have half of
        the width, in points, where a box lies on another, and at most a quarter of a box, so that
        no edge covers its face; a box is a point wide at least. The style is `PolyCollection`'s.
        """
        begin, end = axes.get_xlim()
        which = which & (self.start < end) & (self.stop > begin)
        start, stop = np.maximum(self.start[which], begin), np.minimum(self.stop[which], end)
        low, depth = self.pitch[which] - HALF, self.depth[which]
        wide, high = _points(axes)
        stop = np.minimum(np.maximum(stop, start + LEAST / wide), end)
        thin = np.minimum((stop - start) * wide, 2 * HALF * 0.5**depth * high) / 4
        add_boxes(
            axes,
            (start, stop, low, low + 2 * HALF * 0.5**depth),
            facecolor=face if isinstance(face, str) else face[which],
            edgecolor=edge if isinstance(edge, str) else edge[which],
            linewidth=np.minimum(np.where(depth > 0, linewidth / 2, linewidth), thin),
            **style,
        )

    def mark(self, axes: Axes, which: NDArray[Any], colours: NDArray[Any], **style: Any) -> None:
        """Draws a diamond where each note begins, as for drums, which have no length.

        `colours` are one for each note, `(notes, 3)`; the style is that of `Axes.scatter`.
        """
        begin, end = axes.get_xlim()
        which = which & (self.start >= begin) & (self.start < end)
        size = min(2 * HALF * _points(axes)[1], 5.0)
        axes.scatter(
            self.start[which],
            self.pitch[which],
            s=size**2,
            c=colours[which],
            marker="D",
            linewidths=0,
            **style,
        )


def _points(axes: Axes) -> tuple[float, float]:
    """The length of a tick and of a semitone in a row, in points."""
    (begin, end), (low, top), point = axes.get_xlim(), axes.get_ylim(), PIXELS_PER_INCH / 72
    return axes.bbox.width / point / (end - begin), axes.bbox.height / point / (top - low)


def _depths(
    start: NDArray[Any], stop: NDArray[Any], pitch: NDArray[Any], track: NDArray[Any]
) -> NDArray[np.int64]:
    """The least depth at which no other note of the same pitch still sounds, for each note."""
    depths = np.zeros(len(start), np.int64)
    ends: dict[int, list[int]] = {}  # of a pitch: when the last note at each depth ends
    order = np.lexsort((track, -stop, start)).tolist()
    for index in order:
        ending = ends.setdefault(int(pitch[index]), [0] * (MAX_DEPTH + 1))
        free = [depth for depth, end in enumerate(ending) if end <= start[index]]
        depths[index] = depth = free[0] if free else MAX_DEPTH
        ending[depth] = max(ending[depth], int(stop[index]))
    return depths


def pitch_range(pitch: NDArray[Any]) -> tuple[int, int]:
    """The lowest and highest pitch of a picture of notes: all of them, an octave at least."""
    low, high = (int(pitch.min()), int(pitch.max())) if pitch.size else (60, 71)
    return min(low, high - 11) - 1, high + 1


def add_row(
    figure: Figure,
    left: float,
    top: float,
    row: list[Bar],
    pitches: tuple[int, int],
    time_scale: float,
    semitone: float,
) -> Axes:
    """Adds axes with what notes stand on: keys, beats, bars, and the names of all of them.

    All in inches: its distance from the left and the top of the figure, and the length of a tick
    and of a semitone, which give its size.
    """
    low, high = pitches
    begin, end = row[0].start, row[-1].end
    wide, tall = (end - begin) * time_scale, (high - low + 1) * semitone
    axes = add_axes(figure, left, top, wide, tall)
    axes.set(xlim=(begin, end), ylim=(low - 0.5, high + 0.5))
    black = np.array([pitch for pitch in range(low, high + 1) if pitch % 12 in BLACK_KEYS])
    add_boxes(axes, (begin, end, black - 0.5, black + 0.5), label="keys", facecolor=PAPER, zorder=0)
    if row[0].beat * time_scale > 0.05:
        beats = np.concatenate([np.arange(bar.start, bar.end, bar.beat) for bar in row])
        axes.vlines(beats, low - 0.5, high + 0.5, colors=FAINT, linewidth=0.6, zorder=1)
    lines = [bar.start for bar in row if bar.number > 0 or bar is not row[0]] + [end]
    axes.vlines(lines, low - 0.5, high + 0.5, colors=GREY, linewidth=1.0, zorder=2, label="bars")

    # Names as close as they can be read: all white keys, or C E G, or C alone.
    named = (0, 2, 4, 5, 7, 9, 11) if semitone > 0.1 else (0, 4, 7) if semitone > 0.04 else (0,)
    names = [pitch for pitch in range(low, high + 1) if pitch % 12 in named]
    axes.set_yticks(names, [note_name(pitch) for pitch in names], fontsize=6.5)
    every = max(1, round(0.25 / (max(bar.end - bar.start for bar in row) * time_scale)))
    marks = [bar for bar in row if bar.meter or (bar.number and (bar.number - 1) % every == 0)]
    axes.xaxis.tick_top()
    axes.set_xticks([bar.start for bar in marks], [_bar_label(bar) for bar in marks], fontsize=8)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("left")
    axes.tick_params(length=0, pad=2, colors=INK)
    axes.spines[["left", "right"]].set_visible(False)
    axes.spines[["top", "bottom"]].set_color(FAINT)
    return axes


def _bar_label(bar: Bar) -> str:
    """The number of a bar, and the meter where it is stated."""
    meter = f"{bar.meter[0]}/{bar.meter[1]}" if bar.meter else ""
    return "  ".join(filter(None, [str(bar.number) if bar.number else "", meter]))


def add_boxes(axes: Axes, places: tuple[Any, Any, Any, Any], **style: Any) -> None:
    """Adds boxes at `(begin, end, low, high)`, each a number or an array `(boxes,)`."""
    from matplotlib.collections import PolyCollection

    begin, end, low, high = np.broadcast_arrays(*places)
    corners = np.array([(begin, low), (begin, high), (end, high), (end, low)], float)
    if corners.size:
        axes.add_collection(PolyCollection(list(np.moveaxis(corners, 2, 0)), **style), False)


def track_colour(track: Any) -> NDArray[np.float64]:
    """The colour of a track by its number, `(3,)`, or of an array of them; sixteen are apart."""
    table = [[int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)] for colour in COLOURS]
    return np.array(table)[np.asarray(track) % len(COLOURS)]


def tint(colour: NDArray[np.float64], share: float = 0.35) -> NDArray[np.float64]:
    """A paler shade of a colour: so much of it, and the rest white."""
    return 1 - share * (1 - colour)


def add_legend(
    figure: Figure, entries: list[tuple[str, NDArray[Any], NDArray[Any]]], columns: int
) -> None:
    """Adds a legend in the upper right corner, of labels with the colours of face and edge."""
    from matplotlib.patches import Patch

    width, height = figure.get_size_inches()
    legend = figure.legend(
        handles=[
            Patch(facecolor=tuple(face), edgecolor=tuple(edge), linewidth=0.8, label=label)
            for label, face, edge in entries
        ],
        loc="upper right",
        bbox_to_anchor=(1 - 0.2 / width, 1 - 0.12 / height),
        ncols=columns,
        frameon=False,
        fontsize=8,
        handlelength=1.2,
        borderaxespad=0,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
