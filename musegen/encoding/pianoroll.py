"""Tracks as a piano roll: an array of bars, steps, pitches and tracks.

A bar has `steps` steps of equal length: with 16 in a bar of 4/4 a step is a sixteenth, with 24 it
is a sixth of a quarter note, and triplets of eighths are exact. The first bar begins at time 0, and
a bar line is no event: notes may cross it. Every cell of the array has one of three values:

    value   name     meaning
    -----   ------   -------------------------------------------------------
    0       SILENT   the pitch does not sound
    1       HELD     it sounds on: a note of it began at an earlier step
    2       ONSET    a note of it begins

So a note is one onset and as many held cells as it has further steps, a repeated note is two notes,
and a rest is a step at which no pitch sounds: silence is never a pitch. `array > 0` is the binary
roll of MuseGAN (Dong et al. 2018), section 4: it does not tell a repeated note from a longer one.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from symusic.core import NoteTickList, ScoreTick, TempoTick, TimeSignatureTick, TrackTick

from musegen._checks import Whole, checked_config, checked_int, checked_items, checked_rows, shown
from musegen.encoding.grid import (
    STEPS_PER_QUARTER,
    all_voices,
    meter_changes,
    notes_on_grid,
    one_voice,
    tempo_changes,
)
from musegen.encoding.instruments import family_of
from musegen.encoding.melody import TEMPO_COLUMNS
from musegen.encoding.pitch_duration import VELOCITY
from musegen.encoding.roll import (
    HELD,
    ONSET,
    VOICES,
    Pianoroll,
    RollReport,
    RollTrack,
    TrackReport,
    checked_cells,
    tracks_of,
)
from musegen.interop import MusicLike, to_score
from musegen.midi import MAX_TICK
from musegen.settings import declared

MAX_BYTES = 2**30
"""The largest array that `encode` makes, in bytes: 1 GiB."""


@declared
@dataclasses.dataclass(frozen=True)
class PianorollEncoding:
    """Turns the tracks of a score into an array `(bars, steps, pitches, tracks)`, and back.

    For every score that fits, `decode(encode(score))` has the same notes, tracks, meter and tempos:
    one that is on the grid, in the encoding's meter and range, with no more voices than it keeps.
    What does not fit is counted in the report. The module's first lines say what the cells mean.

    Args:
        tracks: The tracks, in the order of the array's last axis, at least one, each name once. A
            string is a `RollTrack` of that name. By default the four voices of a choir.
        meter: The meter of every bar, `(numerator, denominator)`: the numerator 1 to 255, the
            denominator a power of two, 1 to 128.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> encoding = PianorollEncoding(tracks=("tune",), steps=4, lowest=60, pitches=3)
        >>> array = np.zeros((1, 4, 3, 1), int)
        >>> array[0, :, 2, 0] = [2, 1, 0, 2]
        >>> score = encoding.decode(array)
        >>> [(note.time, note.duration, note.pitch) for note in score.tracks[0].notes]
        [(0, 48, 62), (72, 24, 62)]
        >>> bool((np.asarray(encoding.encode(score)) == array).all())
        True
    """

    tracks: tuple[RollTrack, ...] = VOICES
    steps: Annotated[int, Whole(1, 192), "Steps in a bar"] = 16
    meter: tuple[int, int] = (4, 4)
    lowest: Annotated[int, Whole(0, 127), "The lowest MIDI pitch; 24 is C1, as in the paper"] = 24
    pitches: Annotated[int, Whole(1, 128), "Pitches from there on, up to 127"] = 84

    def __post_init__(self) -> None:
        given = checked_items(
            "tracks", self.tracks, (str, RollTrack), "a list of names or of RollTrack"
        )
        tracks = tuple(RollTrack(track) if isinstance(track, str) else track for track in given)
        if len({_key(track.name) for track in tracks}) < len(tracks):
            names = tuple(track.name for track in tracks)
            raise ValueError(f"tracks={shown(names)}: give each name once.")
        object.__setattr__(self, "tracks", tracks)
        object.__setattr__(self, "meter", checked_meter(self.meter))
        checked_int("pitches", self.pitches, 1, 128 - self.lowest)

    @property
    def per_quarter(self) -> Fraction:
        """Steps in a quarter note."""
        return Fraction(self.steps * self.meter[1], 4 * self.meter[0])

    @property
    def resolution(self) -> int:
        """Ticks per quarter note of decoded scores: the least multiple of 24 that has the grid.

        It is 18,336 at most, and MIDI has up to 32,767.
        """
        return math.lcm(STEPS_PER_QUARTER, self.per_quarter.numerator)

    @property
    def monophonic(self) -> NDArray[np.bool_]:
        """Which tracks are monophonic, `(tracks,)`."""
        return np.array([track.monophonic for track in self.tracks])

    def shape(self, bars: int) -> tuple[int, int, int, int]:
        """Returns the shape of an array of some bars, `(bars, steps, pitches, tracks)`.

        Args:
            bars: How many, at least 0.
        """
        return (checked_int("bars", bars, 0), self.steps, self.pitches, len(self.tracks))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "tracks": [dataclasses.asdict(track) for track in self.tracks],
            "steps": self.steps,
            "meter": list(self.meter),
            "lowest": self.lowest,
            "pitches": self.pitches,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> PianorollEncoding:
        """Rebuilds the encoding from what `get_config()` returned; anything else is a ValueError.

        Args:
            config: The config.
        """
        checked_config(config, ("tracks", "steps", "meter", "lowest", "pitches"))
        return cls(**{**config, "tracks": tracks_of(config["tracks"])})

    def encode(self, music: MusicLike) -> Pianoroll:
        """Turns music into a roll.

        If the score has a track for at least one of the encoding's names (in whatever case) or
        families, its tracks go where their names say, and else their instruments; several of one
        name or family together. If it has none, its tracks are taken in order, by places without a
        family. Drums only go to places for drums, and tracks without notes are passed over.

        Args:
            music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes.

        Returns:
            The roll, up to the end of the bar in which the last note ends, with a report of what
            had to change.

        Raises:
            MidiError: If `music` is a file or bytes that can't be read.
            ValueError: If the array would be over 1 GiB, or a value makes no sense (a negative time
                or pitch).
        """
        score = to_score(music)
        columns: list[list[NDArray[np.int64]]] = []
        reports: list[TrackReport] = []
        shortened = moved = 0
        places, others = self._match(score)
        for track, place in zip(self.tracks, places, strict=True):
            start, end, pitch, off_grid = notes_on_grid(score, self.per_quarter, place)
            found = len(start)
            moved += off_grid
            pitch = pitch - self.lowest
            fits = (pitch >= 0) & (pitch < self.pitches)
            start, end, pitch = start[fits], end[fits], pitch[fits]
            in_range, cut = len(start), 0
            if not track.monophonic:
                start, end, pitch, cut = all_voices(start, end, pitch)
            elif (end[:-1] > start[1:]).any():
                start, end, pitch, cut = one_voice(start, end, pitch, track.voice)
            shortened += cut
            left_out = found - in_range, in_range - len(start)
            reports.append(TrackReport(track.name, found, len(start), *left_out))
            columns.append([start, end, pitch, np.full(len(start), len(columns))])
        start, end, pitch, number = (np.concatenate(column) for column in zip(*columns))

        shape = self.shape(-(-int(end.max(initial=0)) // self.steps))
        if math.prod(shape) > MAX_BYTES:
            raise ValueError(
                f"The {shape[0]:,} bars of this music are {math.prod(shape) / 2**30:,.1f} GiB as "
                f"an array {shape}, and at most 1 GiB is made. Take fewer bars of the music, or an "
                "encoding with fewer steps, pitches or tracks."
            )
        array = np.zeros(shape, np.uint8)
        cells = array.reshape(-1, *shape[2:])
        for first, after, *cell in zip(*map(np.ndarray.tolist, (start, end, pitch, number))):
            cells[first:after, cell[0], cell[1]] = HELD
        cells[start, pitch, number] = ONSET

        report = RollReport(
            notes=score.note_num(),
            kept=len(start),
            out_of_range=sum(one.out_of_range for one in reports),
            other_voices=sum(one.other_voices for one in reports),
            other_tracks=sum(others.values()),
            shortened=shortened,
            moved=moved,
            other_meters=sum(change[1:] != self.meter for change in meter_changes(score)),
            tracks=tuple(reports),
            others=tuple(others.items()),
        )
        return Pianoroll(array, tempo_changes(score, self.per_quarter), report)

    def decode(
        self, roll: Pianoroll | ArrayLike, tempos: Sequence[tuple[int, int]] | None = None
    ) -> ScoreTick:
        """Turns a roll into a score of all tracks, with `resolution` ticks per quarter note.

        A held cell of a pitch that did not sound at the step before begins a note, as an onset
        does: in a binary roll every run of ones is a note.

        Args:
            roll: A `Pianoroll`, or an array `(bars, steps, pitches, tracks)` of bars from 0, of
                bool or of the whole numbers 0, 1 and 2.
            tempos: Tempo changes, as those of a `Pianoroll`. None means those of the roll, or 120
                quarter notes per minute for an array.

        Returns:
            The score, in ticks, with tempo and meter.

        Raises:
            ValueError: If the array or the tempos are something else, a monophonic track has two
                pitches at once, or the score lasts longer than a MIDI file can.
        """
        if isinstance(roll, Pianoroll):
            tempos = roll.tempos if tempos is None else tempos
            roll = roll.array
        array = checked_cells("roll", roll, self.shape(0)[1:])
        bars = len(array)
        ticks = int(self.resolution / self.per_quarter)  # a step's
        score = ScoreTick(self.resolution)
        score.time_signatures.append(TimeSignatureTick(0, *self.meter))
        if bars * self.steps * ticks > MAX_TICK:
            raise ValueError(
                f"The roll has {bars:,} bars, and a MIDI file can hold "
                f"{MAX_TICK // (self.steps * ticks):,} of them."
            )
        columns = {**TEMPO_COLUMNS, "step": (0, MAX_TICK // ticks)}
        tempos = ((0, 500_000),) if tempos is None else tempos
        for step, microseconds in checked_rows("tempos", tempos, columns, least=0):
            score.tempos.append(TempoTick(step * ticks, mspq=microseconds))

        # All sounding cells, a track after the other, each from pitch to pitch and along time.
        by_pitch = array.reshape(-1, *array.shape[2:]).T
        number, pitch, time = np.nonzero(by_pitch)
        onset = by_pitch[number, pitch, time] == ONSET
        onset[:1] = True
        onset[1:] |= (np.diff(time) != 1) | (np.diff(pitch) != 0) | (np.diff(number) != 0)
        self._check_voices(number, time)
        heads = np.flatnonzero(onset)
        steps = np.diff(heads, append=len(onset))
        number, pitch, time = number[heads], pitch[heads], time[heads]
        order = np.lexsort((time, number))  # stable: notes at one time stay from low to high
        for index, track in enumerate(self.tracks):
            own = order[number == index]  # `number` rises, so that these are the places of a track
            decoded = TrackTick(track.name, track.program, track.is_drum)
            decoded.notes = NoteTickList.from_numpy(
                (time[own] * ticks).astype(np.int32),
                (steps[own] * ticks).astype(np.int32),
                (pitch[own] + self.lowest).astype(np.int8),
                np.full(len(own), VELOCITY, np.int8),
            )
            score.tracks.append(decoded)
        return score

    def _match(self, score: ScoreTick) -> tuple[list[list[TrackTick]], Counter[str]]:
        """Returns the tracks of a score that go to each place, and the notes of all others."""
        sounding = [track for track in score.tracks if len(track.notes)]
        chosen = [self._place(track) for track in sounding]
        if all(place is None for place in chosen):
            for is_drum in (False, True):
                free = [
                    number
                    for number, place in enumerate(self.tracks)
                    if place.is_drum == is_drum and place.family is None
                ]
                tracks = [i for i, track in enumerate(sounding) if track.is_drum == is_drum]
                for place, i in zip(free, tracks):
                    chosen[i] = place
        places: list[list[TrackTick]] = [[] for _ in self.tracks]
        others: Counter[str] = Counter()
        for track, number in zip(sounding, chosen, strict=True):
            if number is None:
                others[family_of(track)] += len(track.notes)
            else:
                places[number].append(track)
        return places, others

    def _place(self, track: TrackTick) -> int | None:
        """Returns the number of the place that has a track's name, or else its family."""
        alike = [
            (number, place)
            for number, place in enumerate(self.tracks)
            if place.is_drum == track.is_drum
        ]
        named = (number for number, place in alike if _key(place.name) == _key(track.name))
        family = family_of(track)
        of_family = (number for number, place in alike if place.family == family)
        return next(named, next(of_family, None))

    def _check_voices(self, number: NDArray[np.int64], time: NDArray[np.int64]) -> None:
        """Refuses cells `(track, time)` of which two are at one time in a monophonic track."""
        alone = self.monophonic[number]
        number, time = number[alone], time[alone]
        places = number * (time.max(initial=0) + 1) + time
        places.sort()
        twice = np.flatnonzero(places[1:] == places[:-1])
        if len(twice):
            which, step = divmod(int(places[twice[0]]), int(time.max()) + 1)
            bar, step = divmod(step, self.steps)
            raise ValueError(
                f"Track {self.tracks[which].name!r} has two pitches at once in bar {bar}, step "
                f"{step} (from 0), and it is monophonic. Keep one, or choose voice='all' for it."
            )


def _key(name: str) -> str:
    """Returns a track's name as it is compared."""
    return name.strip().casefold()


def checked_meter(meter: Any) -> tuple[int, int]:
    """Returns a meter if MIDI has it, else raises a ValueError."""
    pair = tuple(meter) if isinstance(meter, (tuple, list)) else ()
    try:
        top, bottom = pair
        top, bottom = checked_int("", top, 1, 255), checked_int("", bottom, 1, 128)
    except ValueError:
        bottom = 3
    if bottom & (bottom - 1):
        raise ValueError(
            f"meter={shown(meter)}: give (numerator, denominator), the first from 1 to 255, the "
            "second a power of two from 1 to 128."
        )
    return top, bottom
