"""Loudness that breathes: velocities for a score that was written at one level.

Three rules, each a number of decibels for a note, are added up and become a factor of its velocity.
They are deterministic, and touch nothing but velocities, which no encoding reads: the ids of a
piece are the same with and without them.

| rule | decibels |
|---|---|
| phrase arch | a parabola over each four bars from bar 1: +1.5 in the middle, -1.5 at the ends |
| high-loud | 3 for each octave above the track's mean pitch, -3 below; at most 3 |
| metrical accent | +2 on the first beat of a bar, +1 on other beats, 0 halfway, -1 elsewhere |

The first two are of the KTH rule system, in small quantities (A. Friberg, R. Bresin, J. Sundberg,
"Overview of the KTH rule system for musical performance", Advances in Cognitive Psychology 2, 2006;
its phrases are marked by hand, and here they are four bars); the last follows the metrical
hierarchy of F. Lerdahl and R. Jackendoff, "A Generative Theory of Tonal Music" (1983). Tempo stays
as it is, so that bar lines stay where they are. Players make amplitude grow with the square of
velocity, as General MIDI recommends: 40 log10(v) decibels. Drums have the accent alone, and a track
that has dynamics already keeps them.
"""

from __future__ import annotations

import numpy as np
from symusic.core import NoteTickList, ScoreTick

from musegen._timeline import Bar, bars_of

PHRASE = 4
"""Bars of a phrase."""

ARCH, OCTAVE, MOST = 1.5, 3.0, 3.0
DOWNBEAT, BEAT, OFFBEAT = 2.0, 1.0, -1.0


def expressive(score: ScoreTick) -> ScoreTick:
    """Returns a copy of a score with velocities by the rules on top of this module.

    Args:
        score: The score, in ticks; it stays as it is.
    """
    played = score.copy()
    end = max((track.end() for track in score.tracks if len(track.notes)), default=0)
    bars = bars_of(score, max(end, 1))
    for track in played.tracks:
        notes = track.notes.numpy()
        velocity = notes["velocity"]
        if not len(velocity) or velocity.min() != velocity.max():
            continue
        decibels = _accents(notes["time"], bars)
        if not track.is_drum:
            height = notes["pitch"].astype(float)
            decibels += np.clip(OCTAVE * (height - height.mean()) / 12, -MOST, MOST)
            decibels += _arches(notes["time"], bars)
        louder = np.rint(velocity * 10 ** (decibels / 40))
        track.notes = NoteTickList.from_numpy(
            notes["time"],
            notes["duration"],
            notes["pitch"],
            np.clip(louder, 1, 127).astype(velocity.dtype),
        )
    return played


def _accents(time: np.ndarray, bars: list[Bar]) -> np.ndarray:
    """The decibels of the metrical accent of notes that begin at some ticks, each `(notes,)`."""
    starts = np.array([bar.start for bar in bars])
    which = np.maximum(np.searchsorted(starts, time, side="right") - 1, 0)
    beats = (time - starts[which]) / np.array([bar.beat for bar in bars])[which]
    number = np.array([bar.number for bar in bars])[which]
    on_beat, halfway = beats % 1 == 0, beats % 1 == 0.5
    accents = np.where(on_beat, BEAT, np.where(halfway, 0.0, OFFBEAT))
    return np.where((beats == 0) & (number > 0), DOWNBEAT, accents)  # a pickup has no downbeat


def _arches(time: np.ndarray, bars: list[Bar]) -> np.ndarray:
    """The decibels of the phrase arch; a pickup belongs to the first phrase."""
    first = next((index for index, bar in enumerate(bars) if bar.number > 0), 0)
    lines = np.array([bar.start for bar in bars[first::PHRASE]] + [bars[-1].end])
    lines[0] = bars[0].start
    which = np.clip(np.searchsorted(lines, time, side="right") - 1, 0, len(lines) - 2)
    place = (time - lines[which]) / (lines[which + 1] - lines[which])
    return np.asarray(ARCH * (1 - 2 * (2 * place - 1) ** 2))
