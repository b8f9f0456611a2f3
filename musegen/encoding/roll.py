"""A piano roll: its tracks, the record, and what encoding changed.

`musegen.encoding.pianoroll` has the table of the cells' values. Beside the array stand the tempos:
conditions under which the music is played, and no cells of it.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

SILENT, HELD, ONSET = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class RollTrack:
    """A place for one track of a score.

    Args:
        name: The track's name.
        program: General MIDI program of the decoded track, 0 to 127.
        is_drum: Whether the track is drums. A place for drums takes drums only, others take none.
        voice: What to do with several notes at once. `"highest"` and `"lowest"` keep one voice, so
            that the track is monophonic; `PitchDurationEncoding` says what they mean. `"all"` keeps
            every note, so that the track is polyphonic.
    """

    name: str
    program: int = 0
    is_drum: bool = False
    voice: Literal["highest", "lowest", "all"] = "highest"

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise ValueError(f"name={self.name!r}: give the track a name, as a string.")
        if not (type(self.program) is int and 0 <= self.program <= 127):
            raise ValueError(f"program={self.program!r}: give a General MIDI program, 0 to 127.")
        if type(self.is_drum) is not bool:
            raise ValueError(f"is_drum={self.is_drum!r}: choose True or False.")
        if self.voice not in ("highest", "lowest", "all"):
            raise ValueError(f"voice={self.voice!r}: choose 'highest', 'lowest' or 'all'.")

    @property
    def monophonic(self) -> bool:
        """Whether at most one pitch sounds at a time."""
        return self.voice != "all"


VOICES = (
    RollTrack("soprano", program=52),
    RollTrack("alto", program=52),
    RollTrack("tenor", program=52),
    RollTrack("bass", program=52, voice="lowest"),
)
"""The four voices of a choir."""


@dataclasses.dataclass(frozen=True)
class RollReport:
    """What `encode` had to change so that a score fits the encoding.

    `notes` is the sum of `kept`, `out_of_range`, `other_voices` and `other_tracks`.

    Attributes:
        notes: Notes in the score.
        kept: Notes in the roll.
        out_of_range: Notes below or above the roll's pitches.
        other_voices: Notes of a monophonic track that another voice covered, or that fell on the
            same step as another; of a polyphonic one, notes with a longer one of the same pitch on
            the same step.
        other_tracks: Notes of tracks that the encoding has no place for.
        shortened: Kept notes that were cut where the next one begins.
        moved: Notes, kept or not, but for those of other tracks, whose start or end was moved to
            the nearest step, by half a step at most, or that were shorter than a step and became
            one step.
        other_meters: Meters of the score that are not the encoding's; its bar lines are lost.
    """

    notes: int = 0
    kept: int = 0
    out_of_range: int = 0
    other_voices: int = 0
    other_tracks: int = 0
    shortened: int = 0
    moved: int = 0
    other_meters: int = 0

    def __str__(self) -> str:
        words = {
            "out of range": self.out_of_range,
            "in other voices": self.other_voices,
            "in other tracks": self.other_tracks,
            "shortened": self.shortened,
            "moved": self.moved,
            "other meters": self.other_meters,
        }
        changes = ", ".join(f"{count} {what}" for what, count in words.items() if count)
        return f"{self.kept} of {self.notes} notes" + (f" ({changes})" if changes else "")


@dataclasses.dataclass(frozen=True, eq=False)
class Pianoroll:
    """Music as an array, with its tempo beside it. `np.asarray(roll)` is the array.

    Attributes:
        array: The cells, `(bars, steps, pitches, tracks)` uint8: 0 silent, 1 held, 2 onset.
        tempos: Tempo changes, `(step, microseconds per quarter note)` each, the steps counted from
            the beginning.
        report: What encoding changed. It takes no part in comparisons.
    """

    array: NDArray[np.uint8]
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    report: RollReport = RollReport()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pianoroll):
            return NotImplemented
        return np.array_equal(self.array, other.array) and self.tempos == other.tempos

    __hash__ = None  # type: ignore[assignment]
