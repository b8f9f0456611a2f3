"""Phrases of several tracks: windows of whole bars, cut out of a piano roll.

A phrase begins at a bar line and has a fixed number of bars. Every bar of a piece begins one, as
long as something sounds at its beginning (a pickup begins none), the bars after it are there, all
are in the encoding's meter, and none is silent. A note that is tied into a phrase begins with it;
the notes that end in a piece's last bar last until its end, as a final chord is held (a piece with
a pickup is notated with its last bar short).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from symusic.core import ScoreTick

from musegen._timeline import meter_stretches
from musegen.encoding.keys import scale_of
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll import HELD, RollReport


def cut(
    score: ScoreTick, encoding: PianorollEncoding, bars: int
) -> tuple[NDArray[np.uint8], list[int], RollReport]:
    """Cuts a piece into phrases.

    Returns the piece's cells, `(steps, pitches, tracks)`, the steps at which its phrases begin, and
    what encoding changed.
    """
    roll = encoding.encode(score)
    cells, report = roll.array.reshape(-1, *roll.array.shape[2:]), roll.report
    sounding = np.flatnonzero((cells > 0).any(axis=(1, 2)))
    if not len(sounding):
        return cells, [], report
    begins: list[int] = []
    for lines in _bar_lines(score, encoding):
        if lines[0] <= sounding[-1] < lines[-1]:
            cells = _hold_last(cells, lines[-1], encoding)
        begins += lines[: len(lines) - bars]
    silent = ~np.any(cells > 0, axis=(1, 2))
    length = bars * encoding.steps
    return (
        cells,
        [
            begin
            for begin in begins
            if begin + length <= len(cells)
            and not silent[begin]  # a pickup is no phrase's beginning
            and not silent[begin : begin + length].reshape(bars, -1).all(axis=1).any()
        ],
        report,
    )


def drums(encoding: PianorollEncoding) -> NDArray[np.bool_]:
    """Which tracks are drums, `(tracks,)`."""
    return np.array([track.is_drum for track in encoding.tracks])


def scale_of_roll(
    cells: NDArray[np.uint8], encoding: PianorollEncoding, which: ArrayLike = ()
) -> int:
    """Finds how far the scale of what sounds is above that of C major or A minor.

    Args:
        cells: `(bars, steps, pitches, tracks)`.
        encoding: What they mean.
        which: For each track 1 if it is to be listened to, else 0; all but drums if none of these
            sounds.

    Returns:
        -5 to 6 semitones.
    """
    sounds = (cells > 0).sum(axis=(0, 1))  # (pitches, tracks)
    heard = sounds @ np.asarray(which) if np.any(which) else np.zeros(1)
    if not heard.any():
        heard = sounds[:, ~drums(encoding)].sum(axis=1)
    classes = (np.arange(len(sounds)) + encoding.lowest) % 12
    return int(scale_of(np.bincount(classes, heard, 12)))


def transposed(
    cells: NDArray[np.uint8], semitones: int, encoding: PianorollEncoding
) -> NDArray[np.uint8]:
    """Moves cells `(..., pitches, tracks)` up; drums stay.

    A note that would leave the range of the encoding, which has at least two octaves, is put an
    octave back into it.
    """
    found = cells.copy()
    rows = np.arange(encoding.pitches)
    moved = rows + semitones
    inside = (moved >= 0) & (moved < encoding.pitches)
    back = np.where(moved < 0, moved + 12, moved - 12)
    for track in np.flatnonzero(~drums(encoding)):
        before, after = cells[..., track], found[..., track]
        after[:] = 0
        after[..., moved[inside]] = before[..., rows[inside]]
        places = back[~inside]
        after[..., places] = np.maximum(after[..., places], before[..., rows[~inside]])
    return found


def in_c(
    phrases: Iterable[NDArray[np.uint8]],
    encoding: PianorollEncoding,
    which: Iterable[ArrayLike] = itertools.repeat(()),
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Moves phrases to C major or A minor, each by its own scale.

    Args:
        phrases: `(bars, steps, pitches, tracks)` each.
        encoding: What they mean.
        which: As of `scale_of_roll`, for each phrase.

    Returns:
        The phrases, and how far above that they were, -5 to 6 semitones, `(phrases,)`.
    """
    moved, scales = [], []
    for phrase, tracks in zip(phrases, which):
        scales.append(scale_of_roll(phrase, encoding, tracks))
        moved.append(transposed(phrase, -scales[-1], encoding))
    return np.stack(moved), np.array(scales, np.int32)


def _bar_lines(score: ScoreTick, encoding: PianorollEncoding) -> list[list[int]]:
    """The bar lines, in steps, of each stretch of whole bars in the encoding's meter.

    The last one reaches to the end of the bar in which the music ends.
    """
    stretches: list[list[int]] = []
    found = meter_stretches(score, max(score.end(), 0))
    scale = encoding.per_quarter / score.ticks_per_quarter
    limits = [tick * scale for tick, _, _ in found[1:]] + [None]
    for (tick, count, meter), limit in zip(found, limits, strict=True):
        first = tick * scale
        if meter != encoding.meter or first.denominator != 1:
            continue
        if limit is not None:  # another meter may cut the last bar short
            count = int((limit - first) // encoding.steps)
        lines = [int(first) + encoding.steps * bar for bar in range(count + 1)]
        if stretches and stretches[-1][-1] == lines[0]:  # the same meter, stated again
            stretches[-1] += lines[1:]
        else:
            stretches.append(lines)
    return stretches


def _hold_last(
    cells: NDArray[np.uint8], end: int, encoding: PianorollEncoding
) -> NDArray[np.uint8]:
    """Holds what ends in the bar before `end` until there, but for drums."""
    cells = np.pad(cells, ((0, max(end - len(cells), 0)), (0, 0), (0, 0)))
    for track in np.flatnonzero([not track.is_drum for track in encoding.tracks]):
        last = int(np.flatnonzero((cells[:end, :, track] > 0).any(axis=1)).max(initial=-1))
        if last >= end - encoding.steps:
            cells[last + 1 : end, :, track] = np.where(cells[last, :, track] > 0, HELD, 0)
    return cells
