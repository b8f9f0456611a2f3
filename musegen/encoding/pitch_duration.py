"""A melody as two sequences of ids: what sounds, and for how long.

Time is counted in *steps* of a 24th of a quarter note, so that triplets and thirty-seconds are
exact. A line of music is a sequence of *events* (a note, a rest, a tie), and every event has a
pitch id and a duration id:

    pitch id    meaning                          duration id   meaning
    ---------   ------------------------------   -----------   ------------------------------
    0           start of the sequence            0             no time (beside start and end)
    1           end of the sequence              1 .. n        `durations[id - 1]` steps
    2           rest
    3           tie: the last note goes on
    4 .. 131    MIDI pitch `id - 4` (60 is C4)

A sequence begins with (start, 0) and closes with (end, 0). A length that the duration table lacks
is written in several parts: a rest as several rests, a note as itself and its ties.

Time 0 is a bar line. A line that sets in after it, within the first bar, has a *pickup*: the
silence before it is no event, and the pickup is the part of the first bar that sounds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import symusic
from numpy.typing import ArrayLike, NDArray

from musegen.interop import MusicLike, to_score

STEPS_PER_QUARTER = 24
START, END, REST, TIE, FIRST_PITCH = 0, 1, 2, 3, 4
PITCH_IDS = FIRST_PITCH + 128
VELOCITY = 80

# Thirty-second to breve, plain, dotted and double-dotted, the triplets, and the single step out of
# which anything can be tied together.
DURATIONS = (
    *(1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 21, 24, 30, 32, 36, 42, 48),
    *(60, 64, 72, 84, 96, 120, 144, 168, 192),
)

# What the models are told of the meter: its place in this table, 0 being any other.
METERS = (
    None,
    *((2, 4), (3, 4), (4, 4), (2, 2), (3, 2), (4, 2)),
    *((3, 8), (6, 8), (9, 8), (12, 8), (5, 4), (6, 4)),
)
FEATURE_SIZES = {"position": 192, "bar": 64, "meter": len(METERS)}


@dataclasses.dataclass(frozen=True)
class EncodingReport:
    """What `encode` had to change so that a line fits the encoding; all counts of notes.

    Attributes:
        notes: Notes in the encoded line.
        left_out: Notes that another voice covered, or that fell on the same step as another.
        shortened: Notes that were cut where the next one begins.
        off_grid: Notes whose start or end was moved to the nearest step, by half a step at most.
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
        changes = [
            f"{count} {name.replace('_', ' ')}"
            for name, count in dataclasses.asdict(self).items()
            if name != "notes" and count
        ]
        return f"{self.notes} notes" + (f" ({', '.join(changes)})" if changes else "")


@dataclasses.dataclass(frozen=True, eq=False)
class Melody:
    """A line as ids, with its tempo, meter and pickup beside them.

    Attributes:
        pitches: Pitch ids, `(time,)` int32.
        durations: Duration ids, `(time,)` int32.
        tempos: Tempo changes, `(step, microseconds per quarter note)` each.
        meters: Meter changes, `(step, numerator, denominator)` each; the first is at step 0.
        pickup: Steps from the first event to the first bar line after it; 0 where the line begins
            on a bar line.
        report: What encoding changed. It takes no part in comparisons.
    """

    pitches: NDArray[np.int32]
    durations: NDArray[np.int32]
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    pickup: int = 0
    report: EncodingReport = EncodingReport()

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
        """Returns the line with every pitch moved by `semitones`.

        Raises:
            ValueError: If a note would leave the MIDI range.
        """
        pitched = self.pitches >= FIRST_PITCH
        pitches = np.where(pitched, self.pitches + semitones, self.pitches).astype(np.int32)
        if pitched.any() and not (
            FIRST_PITCH <= pitches[pitched].min() and pitches.max() < PITCH_IDS
        ):
            raise ValueError(f"semitones={semitones} moves a note out of the MIDI range 0 to 127.")
        return dataclasses.replace(self, pitches=pitches)


@dataclasses.dataclass(frozen=True)
class PitchDurationEncoding:
    """Turns a monophonic line into pitch and duration ids, and back.

    For every line on the grid `decode(encode(line)) == line`. A note off the grid moves by at most
    half a step, and one shorter than a step becomes one step. The module's first lines have the
    table of the ids.

    Args:
        durations: The note values, in steps (24 to the quarter note), 1 to 65,535, ascending.
        voice: What to do with several notes at once. `"highest"` keeps the upper voice: of notes
            that begin together the highest, and no note that begins under a higher one. `"lowest"`
            is its mirror image. An overlap of less than half of both notes is legato: the first
            note is cut. `"error"` refuses all of these.
        program: General MIDI program of the decoded track, 0 to 127.

    Example:
        >>> encoding = PitchDurationEncoding()
        >>> score = encoding.decode(([0, 64, 66, 2, 1], [0, 12, 12, 12, 0]))
        >>> [(note.time, note.duration, note.pitch) for note in score.tracks[0].notes]
        [(0, 24, 60), (24, 24, 62)]
    """

    durations: tuple[int, ...] = DURATIONS
    voice: Literal["highest", "lowest", "error"] = "highest"
    program: int = 0

    def __post_init__(self) -> None:
        table = tuple(self.durations)
        if not table or not all(
            isinstance(value, int) and 1 <= value <= 65_535 for value in table
        ):
            raise ValueError(
                f"durations={self.durations!r}: give whole numbers of steps from 1 to 65535, "
                f"{STEPS_PER_QUARTER} to the quarter note."
            )
        if list(table) != sorted(set(table)):
            raise ValueError(f"durations={self.durations!r}: give each value once, ascending.")
        if self.voice not in ("highest", "lowest", "error"):
            raise ValueError(f"voice={self.voice!r}: choose 'highest', 'lowest' or 'error'.")
        if not (isinstance(self.program, int) and 0 <= self.program <= 127):
            raise ValueError(f"program={self.program!r}: give a General MIDI program, 0 to 127.")
        object.__setattr__(self, "durations", table)
        steps = np.array((0, *table), np.int64)
        ids = np.zeros(table[-1] + 1, np.int32)
        ids[steps] = np.arange(len(steps))
        object.__setattr__(self, "_steps", steps)  # steps of a duration id
        object.__setattr__(self, "_ids", ids)  # duration id of a number of steps, 0 if none

    @property
    def pitch_ids(self) -> int:
        """How many pitch ids there are: 132."""
        return PITCH_IDS

    @property
    def duration_ids(self) -> int:
        """How many duration ids there are: the table's values, and 0 for no time."""
        return len(self.durations) + 1

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps of every duration id, `(duration_ids,)`."""
        return self._steps.copy()  # type: ignore[attr-defined, no-any-return]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "durations": list(self.durations),
            "voice": self.voice,
            "program": self.program,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PitchDurationEncoding:
        """Rebuilds the encoding from `get_config()`."""
        return cls(**{**config, "durations": tuple(config["durations"])})

    def encode(self, music: MusicLike) -> Melody:
        """Turns music into ids.

        All tracks but drums are read as one, and `voice` chooses where notes sound together.

        Args:
            music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes.

        Returns:
            The line, from its start to its end, with a report of what had to change.

        Raises:
            MidiError: If `music` is a file or bytes that can't be read.
            ValueError: If `voice="error"` and notes sound together.
        """
        score = to_score(music)
        resolution = score.ticks_per_quarter
        start, end, pitch, off_grid = _notes_on_grid(score, resolution)
        left_out = shortened = 0
        if (end[:-1] > start[1:]).any():
            if self.voice == "error":
                step = int(start[1:][end[:-1] > start[1:]][0])
                raise ValueError(
                    f"voice='error': notes sound together {step / STEPS_PER_QUARTER:g} quarter "
                    "notes from the beginning. Choose voice='highest' or 'lowest' to keep one."
                )
            start, end, pitch, shortened = _one_voice(start, end, pitch, self.voice)
            left_out = sum(track.note_num() for track in score.tracks if not track.is_drum)
            left_out -= len(start)

        meters = _meters(score, resolution)
        bar = bar_steps(*meters[0][1:])
        first = int(start[0]) if len(start) else 0
        pickup = -first % bar if first < bar else 0
        gaps = np.diff(start, prepend=0)
        gaps[1:] -= end[:-1] - start[:-1]
        if len(gaps) and first < bar:
            gaps[0] = 0
        steps = np.stack([gaps, end - start], axis=1).ravel()
        ids = np.stack([np.full_like(pitch, REST), pitch + FIRST_PITCH], axis=1).ravel()
        ids, steps = ids[steps > 0], steps[steps > 0]
        pitches, durations, tied, snapped = self._to_duration_ids(ids, steps)
        return Melody(
            pitches=pitches,
            durations=durations,
            tempos=_tempos(score, resolution),
            meters=meters,
            pickup=pickup,
            report=EncodingReport(len(start), left_out, shortened, off_grid, tied, snapped),
        )

    def decode(self, melody: Melody | tuple[ArrayLike, ArrayLike]) -> symusic.Score:
        """Turns ids into a score of one track, 24 ticks to the quarter note.

        Any ids give a score. What follows the first end is left out, starts and events without
        time are passed over, and a tie that follows no note is a rest.

        Args:
            melody: A `Melody`, or a pair of id arrays `(time,)`, which is taken to be in 4/4 at
                120 quarter notes a minute.

        Returns:
            The score, in ticks, with tempo and meter.

        Raises:
            ValueError: If the arrays differ in length or hold an id that is not in the table.
        """
        if not isinstance(melody, Melody):
            pitches, durations = melody
            melody = Melody(
                _checked(pitches, PITCH_IDS, "pitch"),
                _checked(durations, self.duration_ids, "duration"),
            )
        ids = _checked(melody.pitches, PITCH_IDS, "pitch")
        steps = self._event_steps(melody)
        if len(ids) != len(steps):
            raise ValueError(f"{len(ids)} pitch ids, but {len(steps)} duration ids: give as many.")
        ended = np.flatnonzero(ids == END)
        if len(ended):
            ids, steps = ids[: ended[0]], steps[: ended[0]]
        timed = (steps > 0) & (ids != START)
        ids, steps = ids[timed], steps[timed]
        if steps.sum() >= 2**28:
            raise ValueError("These ids last longer than the 2^28 ticks that a MIDI file can hold.")

        begins = ids != TIE
        begins[:1] = True
        heads = np.flatnonzero(begins)
        times = melody.lead + np.cumsum(steps) - steps
        lengths = np.add.reduceat(steps, heads) if len(heads) else steps
        notes = ids[heads] >= FIRST_PITCH
        heads, lengths = heads[notes], lengths[notes]

        score = symusic.Score(STEPS_PER_QUARTER)
        for time, microseconds in melody.tempos:
            score.tempos.append(symusic.Tempo(time, mspq=microseconds))
        for time, numerator, denominator in melody.meters:
            score.time_signatures.append(symusic.TimeSignature(time, numerator, denominator))
        track = symusic.Track("melody", self.program, False)
        track.notes = symusic.Note.from_numpy(
            times[heads].astype(np.int32),
            lengths.astype(np.int32),
            (ids[heads] - FIRST_PITCH).astype(np.int8),
            np.full(len(heads), VELOCITY, np.int8),
            "tick",
        )
        score.tracks.append(track)
        return score

    def places(self, melody: Melody) -> dict[str, NDArray[np.int64]]:
        """Where each event falls in the meter, computed from the durations before it alone.

        Args:
            melody: The line.

        Returns:
            Three arrays `(time,)`: `"position"`, steps since the bar line; `"bar"`, bars since the
            beginning; `"meter"`, the place of the meter in `METERS`.
        """
        steps = self._event_steps(melody)
        time = melody.lead + np.cumsum(steps) - steps
        begins = np.array([meter[0] for meter in melody.meters])
        bars = np.array([bar_steps(*meter[1:]) for meter in melody.meters])
        names = np.array([meter_id(*meter[1:]) for meter in melody.meters])
        before = np.concatenate([[0], np.cumsum(-(-np.diff(begins) // bars[:-1]))])
        which = np.searchsorted(begins, time, side="right") - 1
        since = time - begins[which]
        return {
            "position": since % bars[which],
            "bar": before[which] + since // bars[which],
            "meter": names[which],
        }

    def features(self, melody: Melody) -> dict[str, NDArray[np.int32]]:
        """What the models are told of each event's place: `places`, within `FEATURE_SIZES`.

        Args:
            melody: The line.

        Returns:
            Three arrays `(time,)` int32: `"position"` (0 to 191), `"bar"` (0 to 63) and `"meter"`;
            what lies beyond has the highest id.
        """
        return {
            name: np.minimum(values, FEATURE_SIZES[name] - 1).astype(np.int32)
            for name, values in self.places(melody).items()
        }

    def _event_steps(self, melody: Melody) -> NDArray[np.int64]:
        steps: NDArray[np.int64] = self._steps[  # type: ignore[attr-defined]
            _checked(melody.durations, self.duration_ids, "duration")
        ]
        return steps

    def _to_duration_ids(
        self, ids: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], int, int]:
        """Adds start and end, and writes lengths that the table lacks in parts."""
        table: NDArray[np.int32] = self._ids  # type: ignore[attr-defined]
        durations = table[np.minimum(steps, len(table) - 1)]
        durations[steps >= len(table)] = 0
        missing = np.flatnonzero(durations == 0)
        tied = snapped = 0
        if len(missing):
            parts = {int(length): self.split(int(length)) for length in steps[missing]}
            tied = sum(len(parts[int(length)]) > 1 for length in steps[missing])
            snapped = sum(sum(parts[int(length)]) != length for length in steps[missing])
            counts = np.ones(len(ids), np.int64)
            counts[missing] = [len(parts[int(length)]) for length in steps[missing]]
            first = np.cumsum(counts) - counts
            ids, durations = np.repeat(ids, counts), np.repeat(durations, counts)
            again = np.ones(len(ids), bool)
            again[first] = False
            ids[again & (ids >= FIRST_PITCH)] = TIE
            for index in missing:
                values = parts[int(steps[index])]
                durations[first[index] : first[index] + len(values)] = table[values]
        pitches = np.empty(len(ids) + 2, np.int32)
        pitches[0], pitches[1:-1], pitches[-1] = START, ids, END
        padded = np.zeros(len(ids) + 2, np.int32)
        padded[1:-1] = durations
        return pitches, padded, tied, snapped

    def split(self, length: int) -> list[int]:
        """Values of the table, in steps, that add up to `length`, or nearly; the longest first."""
        parts = [self.durations[-1]] * (length // self.durations[-1])
        rest = length % self.durations[-1]
        for value in reversed(self.durations):
            while value <= rest:
                parts.append(value)
                rest -= value
        if not parts or 2 * rest >= self.durations[0]:
            parts.append(self.durations[0])
        return parts


def bar_steps(numerator: int, denominator: int) -> int:
    """Steps in a bar of the given meter, at least 1."""
    return max(1, numerator * 4 * STEPS_PER_QUARTER // denominator)


def meter_id(numerator: int, denominator: int) -> int:
    """The place of a meter in `METERS`, or 0 if it is not there."""
    meter = (numerator, denominator)
    return METERS.index(meter) if meter in METERS else 0


def _checked(ids: ArrayLike, count: int, name: str) -> NDArray[np.int32]:
    array = np.asarray(ids)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} ids must be whole numbers in one dimension, not {array.dtype} {array.shape}."
        )
    if array.size and not (array.min() >= 0 and array.max() < count):
        raise ValueError(
            f"{name} ids go from 0 to {count - 1}; these go from {array.min()} to {array.max()}."
        )
    return array.astype(np.int32, copy=False)


def _to_steps(ticks: NDArray[np.int64], resolution: int) -> NDArray[np.int64]:
    """The nearest step of each tick; halves go up."""
    steps: NDArray[np.int64] = (2 * STEPS_PER_QUARTER * ticks + resolution) // (2 * resolution)
    return steps


def _notes_on_grid(
    score: symusic.Score, resolution: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Start, end and pitch of every note, by start and then from high to low, in steps."""
    arrays = [track.notes.numpy() for track in score.tracks if not track.is_drum]
    arrays = [array for array in arrays if len(array["time"])]
    if not arrays:
        none = np.zeros(0, np.int64)
        return none, none, none, 0
    if len(arrays) == 1:
        notes = arrays[0]
    else:
        notes = {
            key: np.concatenate([array[key] for array in arrays])
            for key in ("time", "duration", "pitch")
        }
    ticks = notes["time"].astype(np.int64)
    end_ticks = ticks + notes["duration"]
    start, end = _to_steps(ticks, resolution), _to_steps(end_ticks, resolution)
    moved = (start * resolution != ticks * STEPS_PER_QUARTER) | (
        end * resolution != end_ticks * STEPS_PER_QUARTER
    )
    end = np.maximum(end, start + 1)
    pitch = notes["pitch"].astype(np.int64)
    order = 128 * start - pitch
    if (order[1:] < order[:-1]).any():
        by_time = np.argsort(order, kind="stable")
        start, end, pitch = start[by_time], end[by_time], pitch[by_time]
    return start, end, pitch, int(np.count_nonzero(moved))


def _one_voice(
    start: NDArray[np.int64], end: NDArray[np.int64], pitch: NDArray[np.int64], voice: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]:
    """Keeps the highest or lowest voice where notes sound together."""
    height = pitch if voice == "highest" else -pitch
    order = np.lexsort((-height, start))
    kept: list[list[int]] = []  # start, end, height
    shortened = 0
    for note in np.stack([start, end, height], axis=1)[order].tolist():
        if kept and note[0] < kept[-1][1]:
            last = kept[-1]
            overlap = min(last[1], note[1]) - note[0]
            legato = 2 * overlap < min(last[1] - last[0], note[1] - note[0])
            if note[0] == last[0] or (note[2] < last[2] and not legato):
                continue
            last[1] = note[0]
            shortened += 1
        kept.append(note)
    starts, ends, heights = np.array(kept, np.int64).T
    return starts, ends, heights if voice == "highest" else -heights, shortened


def _tempos(score: symusic.Score, resolution: int) -> tuple[tuple[int, int], ...]:
    tempos = _by_step(((tempo.time, tempo.mspq) for tempo in score.tempos), resolution)
    return tuple((step, int(value)) for step, (value,) in tempos) or ((0, 500_000),)


def _meters(score: symusic.Score, resolution: int) -> tuple[tuple[int, int, int], ...]:
    signatures = ((m.time, m.numerator, m.denominator) for m in score.time_signatures)
    meters = tuple((step, *meter) for step, meter in _by_step(signatures, resolution))
    if not meters or meters[0][0] > 0:
        meters = ((0, 4, 4), *meters)  # what a MIDI file without a meter means
    return meters  # type: ignore[return-value]


def _by_step(changes: Any, resolution: int) -> Sequence[tuple[int, tuple[int, ...]]]:
    """Changes by step, of those on one step the last."""
    by_step = {
        (2 * STEPS_PER_QUARTER * time + resolution) // (2 * resolution): tuple(values)
        for time, *values in changes
    }
    return sorted(by_step.items())
