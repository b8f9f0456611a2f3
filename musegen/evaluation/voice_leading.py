"""Voice leading: how the voices of a chorale move against each other, and where they lie.

Music is given as `lines`, pieces `(steps, voices)` of MIDI pitches, -1 for a rest, voices ordered
from the highest (`musegen.evaluation.lines`). Two successive steps of a piece are looked at for how
voices move, single steps for where they lie. A voice moves where its pitch changes: a note that is
struck again does not, and next to a rest there is no motion. Intervals are semitones and have no
spelling: a diminished sixth is a fifth. A figure is nan where nothing sounds or moves that it could
count. Lines that are not such arrays, and ranges that are not one for each voice, raise a
ValueError.

These are the rules of textbooks (for instance Aldwell and Schachter, "Harmony and Voice Leading",
on procedures of four-part writing), counted. Real chorales break each of them now and then: the
figure to aim at is theirs, and not 0.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_rows, shown
from musegen.evaluation.lines import Lines, checked_pieces, joined

SATB = ((60, 79), (55, 72), (48, 67), (40, 60))
"""Lowest and highest MIDI pitch of soprano (C4 to G5), alto (G3 to C5), tenor (C3 to G4) and bass
(E2 to C4), as Aldwell and Schachter give them; others allow a whole tone more."""


@dataclasses.dataclass(frozen=True)
class VoiceLeading:
    """All figures of voice leading of one set of pieces; prints as one line.

    Attributes:
        parallel_fifths: `parallel_fifths`, per thousand.
        parallel_octaves: `parallel_octaves`, per thousand.
        fifths_over_chance: `fifths_over_chance`, a ratio.
        octaves_over_chance: `octaves_over_chance`, a ratio.
        crossing: `voice_crossing`, a share.
        spacing: `wide_spacing`, a share.
        out_of_range: `out_of_range`, a share for each voice.
        pairs: How many pairs of voices move together: what the parallels are a share of.
    """

    parallel_fifths: float
    parallel_octaves: float
    fifths_over_chance: float
    octaves_over_chance: float
    crossing: float
    spacing: float
    out_of_range: tuple[float, ...]
    pairs: int

    def __str__(self) -> str:
        ranges = ", ".join(f"{100 * share:.2f}" for share in self.out_of_range)
        return (
            f"parallel fifths {self.parallel_fifths:.2f} and octaves {self.parallel_octaves:.2f} "
            f"per thousand of {self.pairs:,} pairs; crossing {100 * self.crossing:.2f} %, wide "
            f"spacing {100 * self.spacing:.2f} %, out of range {ranges} %"
        )


def voice_leading(lines: Lines, ranges: Sequence[tuple[int, int]] = SATB) -> VoiceLeading:
    """Measures voice leading by every figure that there is for it.

    Args:
        lines: The pieces.
        ranges: Lowest and highest pitch of each voice, 0 to 127.

    Example:
        >>> print(voice_leading([[[72, 67, 64, 48], [74, 69, 65, 50]]]))
        parallel fifths 166.67 and octaves 166.67 per thousand of 6 pairs; crossing 0.00 %, wide \
spacing 0.00 %, out of range 0.00, 0.00, 0.00, 0.00 %
    """
    pieces = checked_pieces("lines", lines)
    moving = _moving(pieces)
    return VoiceLeading(
        parallel_fifths=_parallels(moving, 7),
        parallel_octaves=_parallels(moving, 0),
        fifths_over_chance=_over_chance(moving, 7),
        octaves_over_chance=_over_chance(moving, 0),
        crossing=voice_crossing(pieces),
        spacing=wide_spacing(pieces),
        out_of_range=tuple(out_of_range(pieces, ranges).tolist()),
        pairs=moving.shape[1],
    )


def parallel_fifths(lines: Lines) -> float:
    """Counts parallel fifths among a thousand pairs of voices that move together, 0 to 1000.

    A pair is any two voices, neighbours or not, at two successive steps at which both sound and
    between which both move, in whatever directions. It is a parallel if both move in the same
    direction and the interval between them is a fifth, with any octaves added, before and after:
    so a fifth that becomes a twelfth counts, and a fourth between crossed voices does not.

    music21's `VoiceLeadingQuartet.parallelFifth` looks at one pair and differs in two things: it
    counts voices that move in opposite directions, from a fifth to a twelfth, too; and it goes by
    the spelling of the notes.
    """
    return _parallels(_moving(checked_pieces("lines", lines)), 7)


def parallel_octaves(lines: Lines) -> float:
    """Counts parallel octaves and unisons among a thousand pairs of voices that move together.

    As `parallel_fifths`, with a unison or any number of octaves in place of the fifth: a unison
    that becomes an octave in the same direction counts.

    music21 has `parallelOctave` and `parallelUnison`, which count opposite directions too, and in
    neither of which a unison that becomes an octave in the same direction is found.
    """
    return _parallels(_moving(checked_pieces("lines", lines)), 0)


def fifths_over_chance(lines: Lines) -> float:
    """Measures how many parallel fifths there are for each that there would be by chance.

    By chance, of the times that two voices move in the same direction, they would be in a fifth
    both before and after as often as if the one had nothing to do with the other: the share in a
    fifth before, times the share in a fifth after, for each two voices by themselves. A figure of 1
    or more says that voices are not led: parallels come as they fall, and where pieces differ in
    how many fifths they have, a little more often. Music that has few fifths has few parallel
    fifths too; that alone makes this figure no smaller. It is nan where by chance there would be
    no parallel.
    """
    return _over_chance(_moving(checked_pieces("lines", lines)), 7)


def octaves_over_chance(lines: Lines) -> float:
    """Measures how many parallel octaves and unisons there are for each that would be by chance.

    As `fifths_over_chance`.
    """
    return _over_chance(_moving(checked_pieces("lines", lines)), 0)


def voice_crossing(lines: Lines) -> float:
    """Measures at what share of the steps, 0 to 1, a voice lies above the next higher one.

    Every two neighbouring voices that sound at a step count once. A unison is no crossing.
    """
    distance, together = _neighbours(checked_pieces("lines", lines))
    return _share((distance < 0) & together, together)


def wide_spacing(lines: Lines) -> float:
    """Measures at what share of the steps, 0 to 1, two upper neighbours are over an octave apart.

    Every two neighbouring voices but the lowest pair count once for each step at which both sound:
    soprano and alto, alto and tenor. Tenor and bass may be as far apart as they like. Crossed
    voices are not apart. With two voices there are no upper neighbours, and the figure is nan.
    """
    distance, together = _neighbours(checked_pieces("lines", lines))
    return _share((distance > 12)[:, :-1] & together[:, :-1], together[:, :-1])


def out_of_range(lines: Lines, ranges: Sequence[tuple[int, int]] = SATB) -> NDArray[np.float64]:
    """Measures what share of the notes of each voice lie outside of its range.

    A note is a run of steps of one pitch, however long.

    Args:
        lines: The pieces.
        ranges: Lowest and highest pitch of each voice, both inside, 0 to 127; by default those of a
            choir of soprano, alto, tenor and bass.

    Returns:
        `(voices,)`, 0 to 1, nan for a silent voice.
    """
    pieces = checked_pieces("lines", lines)
    lowest, highest = _checked_ranges(ranges, pieces[0].shape[1])
    pitches = joined(pieces)
    begins = (pitches >= 0) & (np.diff(pitches, axis=0, prepend=-1) != 0)
    outside = begins & ((pitches < lowest) | (pitches > highest))
    return np.array([_share(out, of) for out, of in zip(outside.T, begins.T)])


def _moving(pieces: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Finds all pairs of voices that move together: `(5, pairs)`.

    Pitches of the upper and the lower voice, and of both at the next step; and which two they are.
    """
    line = joined(pieces)
    before, after = line[:-1], line[1:]
    moves = (before >= 0) & (after >= 0) & (before != after)
    upper, lower = np.triu_indices(line.shape[1], 1)
    step, pair = np.nonzero(moves[:, upper] & moves[:, lower])
    upper, lower = upper[pair], lower[pair]
    return np.stack([*(line[step + n, voice] for n in (0, 1) for voice in (upper, lower)), pair])


def _parallels(moving: NDArray[np.int64], interval: int) -> float:
    """Counts, per thousand pairs, those that keep an interval, octaves aside, in one direction."""
    together, before, after = _in_interval(moving, interval)
    return 1000 * _share(together & before & after, np.ones_like(together))


def _over_chance(moving: NDArray[np.int64], interval: int) -> float:
    """Counts those that keep an interval for each that would by chance."""
    together, before, after = _in_interval(moving, interval)
    before, after, voices = before[together], after[together], moving[4][together]
    times = np.bincount(voices)
    by_chance = np.bincount(voices, before) * np.bincount(voices, after) / np.maximum(times, 1)
    expected = by_chance.sum()
    return float(np.count_nonzero(before & after) / expected) if expected else np.nan


def _in_interval(moving: NDArray[np.int64], interval: int) -> list[NDArray[np.bool_]]:
    """Which pairs move in one direction, and which are in an interval before, and after."""
    upper, lower, next_upper, next_lower, _ = moving
    return [
        (next_upper > upper) == (next_lower > lower),
        np.abs(upper - lower) % 12 == interval,
        np.abs(next_upper - next_lower) % 12 == interval,
    ]


def _neighbours(pieces: list[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How far each voice is above the next, and whether both sound: `(steps, voices - 1)` each."""
    line = joined(pieces)
    return line[:, :-1] - line[:, 1:], (line[:, :-1] >= 0) & (line[:, 1:] >= 0)


def _checked_ranges(ranges: Any, voices: int) -> NDArray[np.int64]:
    """Returns `ranges` as `(2, voices)` if there is one for each voice, else raises ValueError."""
    rows = checked_rows("ranges", ranges, {"lowest": (0, 127), "highest": (0, 127)})
    if len(rows) != voices or any(lowest > highest for lowest, highest in rows):
        raise ValueError(
            f"ranges={shown(ranges)}: give the lowest and the highest MIDI pitch of each of the "
            f"{voices} voices, as pairs."
        )
    return np.array(rows).T


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    count = np.count_nonzero(whole)
    return float(np.count_nonzero(part) / count) if count else np.nan
