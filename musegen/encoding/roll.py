"""A piano roll: its tracks, the record, and what encoding changed.

`musegen.encoding.pianoroll` has the table of the cells' values. Beside the array stand the tempos:
conditions under which the music is played, and no cells of it.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import (
    Choice,
    Flag,
    Whole,
    checked_config,
    checked_items,
    checked_kind,
    checked_rows,
    shown,
)
from musegen.encoding.instruments import FAMILIES, USUAL
from musegen.encoding.melody import TEMPO_COLUMNS, changes_text
from musegen.settings import declared

SILENT, HELD, ONSET = 0, 1, 2
PROGRAMS = Whole(0, 127)
"""General MIDI programs."""
RANGE_COLUMNS = {"lowest": (0, 127), "highest": (0, 127)}
"""The MIDI pitches between which a track lies, as `checked_rows` takes them."""


@declared
@dataclasses.dataclass(frozen=True)
class RollTrack:
    """A place for one track of a score.

    Of several notes at once the voices `"highest"` and `"lowest"` keep one, so that the track is
    monophonic; `PitchDurationEncoding` says which. `"all"` keeps every note: it is polyphonic.

    It takes the score's tracks of its name and, if it has a family, those of that family's
    instruments that have no other place's name; a place for `"drums"` takes channel 10.

    Args:
        name: The track's name, not empty.
    """

    name: str
    program: Annotated[int, PROGRAMS, "General MIDI program of the decoded track"] = 0
    is_drum: Annotated[bool, Flag(), "Whether it takes drums, and nothing else"] = False
    voice: Annotated[
        str, Choice("highest", "lowest", "all"), "What is kept of several notes at once"
    ] = "highest"
    family: Annotated[
        str | None, Choice(*FAMILIES), "Family of instruments whose tracks it takes as well"
    ] = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name.strip()):
            raise ValueError(f"name={shown(self.name)}: give the track a name, as a string.")
        if self.family == "drums":
            object.__setattr__(self, "is_drum", True)
        elif self.is_drum and self.family is not None:
            raise ValueError(
                f"family={self.family!r}: a track of drums is of the family 'drums'. Leave out "
                "is_drum, or the family."
            )

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


def instrument(family: str, name: str | None = None) -> RollTrack:
    """Returns a place for the tracks of a family of instruments.

    It keeps every note, but for a bass, of which it keeps the lowest of several at once.

    Args:
        family: A family of `musegen.encoding.instruments.FAMILIES`.
        name: The track's name; that of the family if None.

    Raises:
        ValueError: If there is no such family, or the name is empty.
    """
    Choice(*FAMILIES).check("family", family)
    return RollTrack(
        family if name is None else name,
        program=USUAL.get(family, FAMILIES[family][0]),
        voice="lowest" if family == "bass" else "all",
        family=family,
    )


def tracks_of(config: Any) -> tuple[RollTrack, ...]:
    """Returns the tracks of which a config has the arguments; anything else is a ValueError."""
    names = ("name", "program", "is_drum", "voice")  # a config of 0.1.0 has no family
    tracks = checked_items("config['tracks']", config, dict, "a list of tracks")
    return tuple(RollTrack(**checked_config(track, names)) for track in tracks)


@dataclasses.dataclass(frozen=True)
class TrackReport:
    """What became of the notes of a score's tracks that go to one place of a roll.

    `notes` is the sum of the others.

    Attributes:
        name: The place's name.
        notes: Notes of these tracks.
        kept: Notes in the roll.
        out_of_range: As in `RollReport`.
        other_voices: As in `RollReport`.
    """

    name: str
    notes: int = 0
    kept: int = 0
    out_of_range: int = 0
    other_voices: int = 0


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
        tracks: The same of each place, in the encoding's order; like `others` it takes no part in
            comparisons.
        others: Notes of tracks that the encoding has no place for, `(family, notes)` each.
    """

    notes: int = 0
    kept: int = 0
    out_of_range: int = 0
    other_voices: int = 0
    other_tracks: int = 0
    shortened: int = 0
    moved: int = 0
    other_meters: int = 0
    tracks: tuple[TrackReport, ...] = dataclasses.field(default=(), compare=False, repr=False)
    others: tuple[tuple[str, int], ...] = dataclasses.field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        words = {
            "out of range": self.out_of_range,
            "in other voices": self.other_voices,
            "in other tracks": self.other_tracks,
            "shortened": self.shortened,
            "moved": self.moved,
            "other meters": self.other_meters,
        }
        return f"{self.kept} of {self.notes} notes{changes_text(words)}"


@dataclasses.dataclass(frozen=True, eq=False)
class Pianoroll:
    """Music as an array, with its tempo beside it. `np.asarray(roll)` is the array.

    Args:
        array: The cells, `(bars, steps, pitches, tracks)` of bool or of the whole numbers 0 silent,
            1 held, 2 onset.
        tempos: Tempo changes, `(step, microseconds per quarter note)` each, at least one: the step
            at least 0, counted from the beginning, the microseconds 1 to 16,777,215.
        report: What encoding changed. It takes no part in comparisons.

    Raises:
        ValueError: If an argument is something else.
    """

    array: NDArray[np.uint8]
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    report: RollReport = RollReport()

    def __post_init__(self) -> None:
        object.__setattr__(self, "array", checked_cells("array", self.array))
        object.__setattr__(self, "tempos", checked_rows("tempos", self.tempos, TEMPO_COLUMNS))
        checked_kind("report", self.report, RollReport, "a RollReport")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype, copy=copy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Pianoroll):
            return NotImplemented
        return np.array_equal(self.array, other.array) and self.tempos == other.tempos

    __hash__ = None  # type: ignore[assignment]


def checked_cells(
    name: str, roll: ArrayLike, shape: tuple[Any, ...] = ("steps", "pitches", "tracks")
) -> NDArray[Any]:
    """Returns the cells of a roll as an array, or raises a ValueError that says what to give.

    The shape is that of a bar, with words for axes of any length.
    """
    try:
        array = np.asarray(roll)
    except ValueError:  # rows of unequal lengths
        array = np.zeros(0, object)
    if array.ndim != 4 or any(
        isinstance(size, int) and size != given
        for size, given in zip(shape, array.shape[1:], strict=True)
    ):
        given = name if isinstance(roll, np.ndarray) else f"{name}={shown(roll)}"
        raise ValueError(
            f"{given} has the shape {array.shape}: give an array (bars, steps, pitches, tracks), "
            f"here (bars, {', '.join(map(str, shape))})."
        )
    values = "give 0 silent, 1 held, 2 onset, as whole numbers, or bool, as array > 0.5 is."
    if array.dtype.kind not in "biu":
        raise ValueError(f"{name} has values of type {array.dtype}: {values}")
    if array.size and not (array.min() >= SILENT and array.max() <= ONSET):
        raise ValueError(f"{name} has values from {array.min()} to {array.max()}: {values}")
    return array
