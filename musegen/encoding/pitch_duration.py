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
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from symusic.core import NoteTickList, ScoreTick, TempoTick, TimeSignatureTick, TrackTick

from musegen._checks import Choice, Whole, checked_config, checked_int, checked_kind, shown
from musegen.encoding.durations import DURATIONS, split
from musegen.encoding.grid import (
    METERS,
    STEPS_PER_QUARTER,
    bar_steps,
    meter_changes,
    meter_id,
    notes_on_grid,
    one_voice,
    tempo_changes,
)
from musegen.encoding.melody import (
    END,
    FIRST_PITCH,
    PITCH_IDS,
    REST,
    START,
    TIE,
    EncodingReport,
    Melody,
)
from musegen.interop import MusicLike, to_score
from musegen.midi import MAX_TICK
from musegen.settings import declared

VELOCITY = 80

# How many ids there are for an event's place in the meter; what lies beyond has the last one.
FEATURE_SIZES = {"position": 192, "bar": 64, "meter": len(METERS)}


@declared
@dataclasses.dataclass(frozen=True)
class PitchDurationEncoding:
    """Turns a monophonic line into pitch and duration ids, and back.

    For every line on the grid `decode(encode(line)) == line`. A note off the grid moves by at most
    half a step, and one shorter than a step becomes one step. The module's first lines have the
    table of the ids.

    The voice `"highest"` keeps of notes that begin together the highest, and no note that begins
    under a higher one; `"lowest"` is its mirror image. An overlap of less than half of both notes
    is legato: the first note is cut. `"error"` refuses all of these.

    Args:
        durations: The note values, in steps (24 to the quarter note), 1 to 65,535, ascending.

    Example:
        >>> encoding = PitchDurationEncoding()
        >>> score = encoding.decode(([0, 64, 66, 2, 1], [0, 12, 12, 12, 0]))
        >>> [(note.time, note.duration, note.pitch) for note in score.tracks[0].notes]
        [(0, 24, 60), (24, 24, 62)]
    """

    durations: tuple[int, ...] = DURATIONS
    voice: Annotated[
        str, Choice("highest", "lowest", "error"), "What is kept of several notes at once"
    ] = "highest"
    program: Annotated[int, Whole(0, 127), "General MIDI program of the decoded track"] = 0

    def __post_init__(self) -> None:
        table = _checked_durations(self.durations)
        object.__setattr__(self, "durations", table)
        steps = np.array((0, *table), np.int64)
        ids = np.zeros(table[-1] + 2, np.int32)
        ids[steps] = np.arange(len(steps))
        object.__setattr__(self, "_steps", steps)  # steps of a duration id
        # Duration id of a number of steps, 0 if none; the last place is for all that are longer.
        object.__setattr__(self, "_ids", ids)

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
        return self._steps.copy()  # type: ignore[attr-defined]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {"durations": list(self.durations), "voice": self.voice, "program": self.program}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PitchDurationEncoding:
        """Rebuilds the encoding from what `get_config()` returned; anything else is a ValueError.

        Args:
            config: The config.
        """
        return cls(**checked_config(config, ("durations", "voice", "program")))

    def encode(self, music: MusicLike) -> Melody:
        """Turns music into ids.

        All tracks but drums are read as one, and `voice` chooses where notes sound together.

        Args:
            music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes.

        Returns:
            The line, from its start to its end, with a report of what had to change.

        Raises:
            MidiError: If `music` is a file or bytes that can't be read.
            ValueError: If `voice="error"` and notes sound together, or a value makes no sense (a
                negative time or pitch, a meter without bars).
        """
        score = to_score(music)
        start, end, pitch, off_grid = notes_on_grid(score)
        left_out = shortened = 0
        if (end[:-1] > start[1:]).any():
            if self.voice == "error":
                step = int(start[1:][end[:-1] > start[1:]][0])
                raise ValueError(
                    f"voice='error': notes sound together {step / STEPS_PER_QUARTER:g} quarter "
                    "notes from the beginning. Choose voice='highest' or 'lowest' to keep one."
                )
            notes = len(start)
            start, end, pitch, shortened = one_voice(start, end, pitch, self.voice)
            left_out = notes - len(start)

        meters = meter_changes(score)
        bar = bar_steps(*meters[0][1:])
        first = int(start[0]) if len(start) else 0
        lead = first if first < bar else 0
        times = np.empty(2 * len(start) + 1, np.int64)
        times[0], times[1::2], times[2::2] = lead, start, end
        steps = times[1:] - times[:-1]
        ids = np.full(len(steps), REST)
        ids[1::2] = pitch + FIRST_PITCH
        lasting = steps > 0
        ids, steps = ids[lasting], steps[lasting]
        pitches, durations, tied, snapped = self._to_duration_ids(ids, steps)
        return Melody(
            pitches=pitches,
            durations=durations,
            tempos=tempo_changes(score),
            meters=meters,
            pickup=-lead % bar,
            report=EncodingReport(len(start), left_out, shortened, off_grid, tied, snapped),
        )

    def decode(self, melody: Melody | tuple[ArrayLike, ArrayLike]) -> ScoreTick:
        """Turns ids into a score of one track, 24 ticks to the quarter note.

        Any ids give a score. What follows the first end is left out, starts and events without
        time are passed over, a tie that follows no note is a rest, and a tempo or meter later than
        the 2^28 ticks that a MIDI file can hold is left out.

        Args:
            melody: A `Melody`, or a pair of id arrays `(time,)`, which is taken to be in 4/4 at
                120 quarter notes per minute.

        Returns:
            The score, in ticks, with tempo and meter.

        Raises:
            ValueError: If the arrays differ in length, hold an id that is not in the table, or last
                longer than a MIDI file can.
        """
        if isinstance(melody, (tuple, list)) and len(melody) == 2:
            melody = Melody(*melody)  # type: ignore[arg-type]
        what = "a Melody, or a pair of arrays of pitch and duration ids"
        line: Melody = checked_kind("melody", melody, Melody, what)
        ids, steps = np.asarray(line.pitches), self._event_steps(line)
        ended = np.flatnonzero(ids == END)
        if len(ended):
            ids, steps = ids[: ended[0]], steps[: ended[0]]
        ids, steps = ids[steps > 0], steps[steps > 0]
        if line.lead + steps.sum() > MAX_TICK:
            raise ValueError("These ids last longer than the 2^28 ticks that a MIDI file can hold.")

        begins = ids != TIE
        begins[:1] = True
        heads = np.flatnonzero(begins)
        times = line.lead + np.cumsum(steps) - steps
        lengths = np.add.reduceat(steps, heads) if len(heads) else steps
        notes = ids[heads] >= FIRST_PITCH
        heads, lengths = heads[notes], lengths[notes]

        score = ScoreTick(STEPS_PER_QUARTER)
        for time, microseconds in line.tempos:
            if time <= MAX_TICK:
                score.tempos.append(TempoTick(time, mspq=microseconds))
        for time, numerator, denominator in line.meters:
            if time <= MAX_TICK:
                score.time_signatures.append(TimeSignatureTick(time, numerator, denominator))
        track = TrackTick("melody", self.program, False)
        track.notes = NoteTickList.from_numpy(
            times[heads].astype(np.int32),
            lengths.astype(np.int32),
            (ids[heads] - FIRST_PITCH).astype(np.int8),
            np.full(len(heads), VELOCITY, np.int8),
        )
        score.tracks.append(track)
        return score

    def places(self, melody: Melody) -> dict[str, NDArray[np.int64]]:
        """Returns where each event falls in the meter, from the durations before it alone.

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
        """Returns what models take of each event's place: `places` as int32, bounded.

        A position is 0 to 191 and a bar 0 to 63; what lies beyond has the highest id.

        Args:
            melody: The line.
        """
        return {
            name: np.minimum(values, FEATURE_SIZES[name] - 1).astype(np.int32)
            for name, values in self.places(melody).items()
        }

    def _event_steps(self, melody: Melody) -> NDArray[np.int64]:
        """Returns the steps that every event takes, `(time,)`; a start takes none."""
        checked_kind("melody", melody, Melody, "a Melody")
        ids = _in_table(melody.pitches, PITCH_IDS, "pitch")
        durations = _in_table(melody.durations, self.duration_ids, "duration")
        steps: NDArray[np.int64] = self._steps[durations]  # type: ignore[attr-defined]
        return np.where(ids == START, 0, steps)

    def _to_duration_ids(
        self, ids: NDArray[np.int64], steps: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], int, int]:
        """Adds start and end, and writes lengths that the table lacks in parts."""
        table: NDArray[np.int32] = self._ids  # type: ignore[attr-defined]
        durations = table[np.minimum(steps, len(table) - 1)]
        missing = np.flatnonzero(durations == 0)
        tied = snapped = 0
        if len(missing):
            lengths = steps[missing].tolist()
            table_of = {length: self.split(length) for length in set(lengths)}
            parts = [table_of[length] for length in lengths]
            tied = sum(len(values) > 1 for values in parts)
            snapped = sum(sum(values) != length for values, length in zip(parts, lengths))
            counts = np.ones(len(ids), np.int64)
            counts[missing] = [len(values) for values in parts]
            ids, durations = np.repeat(ids, counts), np.repeat(durations, counts)
            durations[durations == 0] = table[np.concatenate(parts)]
            first = np.zeros(len(ids), bool)
            first[np.cumsum(counts) - counts] = True
            ids[~first & (ids >= FIRST_PITCH)] = TIE
        pitches = np.concatenate([[START], ids, [END]], dtype=np.int32, casting="same_kind")
        return pitches, np.concatenate([[0], durations, [0]], dtype=np.int32), tied, snapped

    def split(self, length: int) -> list[int]:
        """Returns values of the table that add up to a length, or nearly; the longest first.

        Args:
            length: The length, 1 to 268,435,455; all are in steps.
        """
        return split(checked_int("length", length, 1, MAX_TICK), self.durations)


def _in_table(ids: NDArray[np.int32], count: int, name: str) -> NDArray[np.int32]:
    if ids.size and not (ids.min() >= 0 and ids.max() < count):
        raise ValueError(
            f"{name} ids go from 0 to {count - 1}; these go from {ids.min()} to {ids.max()}."
        )
    return ids


def _checked_durations(durations: Any) -> tuple[int, ...]:
    """Returns a table of durations if it is one, else raises a ValueError."""
    values = () if isinstance(durations, (str, bytes, dict)) else durations
    try:
        table = tuple(checked_int("", value, 1, 65_535) for value in values)
    except (TypeError, ValueError):
        table = ()
    if not table or list(table) != sorted(set(table)):
        raise ValueError(
            f"durations={shown(durations)}: give whole numbers of steps from 1 to 65535, "
            f"{STEPS_PER_QUARTER} to the quarter note, each value once, ascending."
        )
    return table
