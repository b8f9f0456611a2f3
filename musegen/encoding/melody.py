"""A melody as two sequences of ids: the record, and what encoding changed.

`musegen.encoding.pitch_duration` has the table of the ids. Time is counted in steps of a 24th of a
quarter note. Beside the ids stand tempo, meter and pickup: conditions under which the line is
played, and no events of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import checked_int, checked_kind, checked_rows, shown
from musegen.encoding.grid import bar_steps

START, END, REST, TIE, FIRST_PITCH = 0, 1, 2, 3, 4
PITCH_IDS = FIRST_PITCH + 128

TEMPO_COLUMNS = {"step": (0, None), "microseconds per quarter note": (1, 2**24 - 1)}
METER_COLUMNS = {"step": (0, None), "numerator": (1, 255), "denominator": (1, 2**30)}


@dataclasses.dataclass(frozen=True)
class EncodingReport:
    """What `encode` had to change so that a line fits the encoding; all counts of notes.

    Attributes:
        notes: Notes in the encoded line.
        left_out: Notes that another voice covered, or that fell on the same step as another.
        shortened: Notes that were cut where the next one begins.
        off_grid: Notes whose start or end was moved to the nearest step, by half a step at most, or
            that were shorter than a step and became one step.
        tied: Notes and rests that were written in several parts.
        snapped: Notes and rests whose length changed, because no values of the table add up to it.
    """

    notes: int = 0
    left_out: int = 0
    shortened: int = 0
    off_grid: int = 0
    tied: int = 0
    snapped: int = 0

    def __str__(self) -> str:
        counts = {name.replace("_", " "): n for name, n in dataclasses.asdict(self).items()}
        return f"{counts.pop('notes')} notes{changes_text(counts)}"


def changes_text(counts: Mapping[str, int]) -> str:
    """Returns what was changed, such as ` (3 tied)`, or nothing if all counts are 0."""
    changes = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f" ({changes})" if changes else ""


@dataclasses.dataclass(frozen=True, eq=False)
class Melody:
    """A line as ids, with its tempo, meter and pickup beside them.

    Args:
        pitches: Pitch ids, whole numbers, `(time,)`, the start among them.
        durations: Duration ids, whole numbers, `(time,)`.
        tempos: Tempo changes, `(step, microseconds per quarter note)` each, at least one: the step
            at least 0, the microseconds 1 to 16,777,215.
        meters: Meter changes, `(step, numerator, denominator)` each, at least one: the step at
            least 0, and 0 in the first, the numerator 1 to 255, the denominator 1 to 2^30.
        pickup: Steps from the first event to the first bar line after it, at least 0; 0 where the
            line begins on a bar line.
        report: What encoding changed. It takes no part in comparisons.

    Raises:
        ValueError: If an argument is something else.
    """

    pitches: NDArray[np.int32]
    durations: NDArray[np.int32]
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    pickup: int = 0
    report: EncodingReport = EncodingReport()

    def __post_init__(self) -> None:
        for name in ("pitches", "durations"):
            object.__setattr__(self, name, checked_ids(name, getattr(self, name)))
        if len(self.pitches) != len(self.durations):
            raise ValueError(
                f"durations has {len(self.durations)} ids, and pitches has {len(self.pitches)}: "
                "give as many of the one as of the other."
            )
        for name, columns in (("tempos", TEMPO_COLUMNS), ("meters", METER_COLUMNS)):
            object.__setattr__(self, name, checked_rows(name, getattr(self, name), columns))
        if self.meters[0][0] != 0:
            raise ValueError(f"meters={shown(self.meters)}: give the first one at step 0.")
        object.__setattr__(self, "pickup", checked_int("pickup", self.pickup, 0))
        checked_kind("report", self.report, EncodingReport, "an EncodingReport")

    def __len__(self) -> int:
        return len(self.pitches)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Melody):
            return NotImplemented
        return (
            np.array_equal(self.pitches, other.pitches)
            and np.array_equal(self.durations, other.durations)
            and (self.tempos, self.meters, self.pickup)
            == (other.tempos, other.meters, other.pickup)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def lead(self) -> int:
        """Steps of silence between the first bar line and the first event."""
        return -self.pickup % bar_steps(*self.meters[0][1:])

    def transpose(self, semitones: int) -> Melody:
        """Returns the line with every pitch moved.

        Args:
            semitones: How far up, -127 to 127.

        Returns:
            The new line; this one stays as it is.

        Raises:
            ValueError: If `semitones` is out of its range, or a note would leave the MIDI range.
        """
        semitones = checked_int("semitones", semitones, -127, 127)
        pitched = self.pitches >= FIRST_PITCH
        pitches = np.where(pitched, self.pitches + semitones, self.pitches).astype(np.int32)
        if pitched.any() and not (
            pitches[pitched].min() >= FIRST_PITCH and pitches.max() < PITCH_IDS
        ):
            raise ValueError(f"semitones={semitones} moves a note out of the MIDI range 0 to 127.")
        return dataclasses.replace(self, pitches=pitches)


def checked_ids(name: str, ids: ArrayLike) -> NDArray[np.int32]:
    """Returns ids as an int32 array `(time,)`, or raises a ValueError that says what to give."""
    try:
        array = np.asarray(ids)
    except ValueError:  # rows of unequal lengths
        array = np.zeros((0, 0))
    whole = array.dtype.kind in "iu" or not array.size  # an empty list has no numbers of any kind
    small = array.astype(np.int32, copy=False) if whole else array
    if array.ndim != 1 or not whole or (small is not array and (small != array).any()):
        raise ValueError(
            f"{name}={shown(ids)}: give whole numbers in one dimension, ids of the encoding."
        )
    return small
