"""All figures of a set of multi-track rolls at once, as a record that prints as a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int, checked_items
from musegen.evaluation.copying import copied_share, distinct_phrases
from musegen.evaluation.pianoroll import (
    check_rolls,
    consonance,
    empty_bar_share,
    mean_leap,
    notes_per_bar,
    pitch_classes_per_bar,
    pitch_lines,
    qualified_note_share,
    tonal_distance,
)


@dataclasses.dataclass(frozen=True)
class RollFigures:
    """All figures of one set of rolls; those in tuples are one a track.

    Attributes:
        tracks: Names of the tracks.
        phrases: How many phrases were measured.
        distinct: How many of them are different.
        pitch_classes: `pitch_classes_per_bar`.
        notes: `notes_per_bar`.
        qualified: `qualified_note_share`, notes of at least two steps.
        empty_bars: `empty_bar_share`.
        leap: `mean_leap`, in semitones.
        tonal_distance: `tonal_distance`.
        shuffled_tonal_distance: `tonal_distance` of bars shuffled for each track apart.
        consonance: `consonance`.
        copied: `copied_share` of windows of 16 steps; None without training data.
    """

    tracks: tuple[str, ...]
    phrases: int
    distinct: int
    pitch_classes: tuple[float, ...]
    notes: tuple[float, ...]
    qualified: tuple[float, ...]
    empty_bars: tuple[float, ...]
    leap: tuple[float, ...]
    tonal_distance: float
    shuffled_tonal_distance: float
    consonance: float
    copied: float | None = None

    def __str__(self) -> str:
        width = max(9, *(len(name) + 2 for name in self.tracks))

        def row(label: str, values: Sequence[float], digits: int) -> str:
            return f"{label:<30}" + "".join(f"{value:>{width}.{digits}f}" for value in values)

        lines = [
            " " * 30 + "".join(f"{name:>{width}}" for name in self.tracks),
            row("pitch classes a bar", self.pitch_classes, 2),
            row("notes a bar", self.notes, 2),
            row("notes of 2 steps or more", self.qualified, 3),
            row("empty bars", self.empty_bars, 4),
            row("mean leap (semitones)", self.leap, 2),
            row("tonal distance", [self.tonal_distance], 3),
            row("  bars of voices shuffled", [self.shuffled_tonal_distance], 3),
            row("consonant pairs", [self.consonance], 3),
            f"{'distinct phrases':<30}{self.distinct:>{width},} of {self.phrases:,}",
        ]
        if self.copied is not None:
            lines.append(row("16 steps found in training", [self.copied], 4))
        return "\n".join(lines)


def roll_figures(
    rolls: NDArray,
    lowest: int,
    tracks: Sequence[str] | None = None,
    training: Sequence[NDArray] | None = None,
    beats: int = 4,
    seed: int = 0,
) -> RollFigures:
    """Measures rolls by every figure that there is for them.

    Args:
        rolls: `(phrases, bars, steps, pitches, tracks)`, above 0 where a note sounds.
        lowest: MIDI pitch of row 0, 0 to 127.
        tracks: Names of the tracks, one each; None numbers them from 1.
        training: Pieces as `(steps, tracks)` of pitches, -1 for rests, to look for copies in, at
            least one; None looks for none.
        beats: How many beats a bar has, at least 1; divides the steps.
        seed: A seed, 0 to 2^63 - 1: which bars come together in the shuffled control.

    Returns:
        The figures; `str()` of them is a table.

    Raises:
        ValueError: If an argument is none of these, `beats` does not divide the steps, or there are
            not as many names, or tracks in `training`, as tracks.
    """
    check_rolls(rolls)
    count = rolls.shape[-1]
    if tracks is None:
        tracks = [str(number) for number in range(1, count + 1)]
    names = tuple(checked_items("tracks", tracks, str, "a list of names of the tracks"))
    if len(names) != count:
        raise ValueError(f"tracks has {len(names)} names for {count} tracks: give one each.")
    seed = checked_int("seed", seed, 0, 2**63 - 1)
    if training is not None:
        what = "a list of arrays (steps, tracks) of pitches"
        training = checked_items("training", training, np.ndarray, what)
    return RollFigures(
        tracks=names,
        phrases=len(rolls),
        distinct=distinct_phrases(rolls),
        pitch_classes=tuple(pitch_classes_per_bar(rolls, lowest).tolist()),
        notes=tuple(notes_per_bar(rolls).tolist()),
        qualified=tuple(qualified_note_share(rolls).tolist()),
        empty_bars=tuple(empty_bar_share(rolls).tolist()),
        leap=tuple(mean_leap(rolls).tolist()),
        tonal_distance=tonal_distance(rolls, lowest, beats),
        shuffled_tonal_distance=tonal_distance(rolls, lowest, beats, shuffle=seed),
        consonance=consonance(rolls, lowest),
        copied=None if training is None else copied_share(pitch_lines(rolls, lowest), training),
    )
