"""Several voices on one grid of steps, each with one pitch at a time, and back to a score.

Time is cut into steps of equal length, a sixteenth note by default. At every step every voice has a
pitch or rests, and a pitch is struck there or held from the step before:

    pitches   (steps, voices)   MIDI pitch, or `SILENCE` for a rest
    struck    (steps, voices)   whether a note begins: false where one is held, or at a rest

So a repeated note is two notes and a rest is a rest. What every voice does at a step relative to
the step before is its *symbol*, which is what a model of voices predicts
(`musegen.encoding.voice_history`). Tempo, meter and pickup stand beside the grid: conditions under
which it is played, and no part of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import NoteTickList, ScoreTick, TempoTick, TimeSignatureTick, TrackTick

from musegen._checks import (
    Whole,
    checked_config,
    checked_int,
    checked_rows,
    shown,
)
from musegen.encoding.grid import (
    STEPS_PER_QUARTER,
    bar_steps,
    meter_changes,
    meter_id,
    notes_on_grid,
    one_voice,
    tempo_changes,
)
from musegen.encoding.melody import METER_COLUMNS, TEMPO_COLUMNS
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import FEATURE_SIZES, VELOCITY
from musegen.encoding.roll import VOICES, RollReport, RollTrack, tracks_of
from musegen.interop import MusicLike, to_score
from musegen.midi import MAX_TICK
from musegen.settings import declared

SILENCE = -1
"""The pitch of a rest."""

MOST_VOICES = 8

MAX_STEPS = 2**20
"""Steps of the longest piece that is encoded."""


@dataclasses.dataclass(frozen=True, eq=False)
class Voices:
    """Music in several voices as arrays, with its tempo, meter and pickup beside them.

    Args:
        pitches: MIDI pitches 0 to 127, -1 for a rest, `(steps, voices)`.
        struck: Whether a note begins there, `(steps, voices)` of bool. A pitch that did not sound
            at the step before begins a note in any case, and a rest never does.
        tempos: Tempo changes, `(step, microseconds per quarter note)` each, at least one.
        meters: Meter changes, `(step, numerator, denominator)` each, at least one, the first at 0.
        pickup: Steps before the first bar line, 0 where the music begins on one.
        report: What encoding changed. It takes no part in comparisons.

    Raises:
        ValueError: If an argument is something else.
    """

    pitches: NDArray[np.int16]
    struck: NDArray[np.bool_]
    tempos: tuple[tuple[int, int], ...] = ((0, 500_000),)
    meters: tuple[tuple[int, int, int], ...] = ((0, 4, 4),)
    pickup: int = 0
    report: RollReport = RollReport()

    def __post_init__(self) -> None:
        pitches, struck = np.asarray(self.pitches), np.asarray(self.struck)
        if pitches.ndim != 2 or pitches.dtype.kind not in "iu" or struck.shape != pitches.shape:
            raise ValueError(
                f"pitches has the shape {pitches.shape} of {pitches.dtype}, struck {struck.shape}: "
                "give two arrays (steps, voices), of whole numbers and of bool."
            )
        if pitches.size and not (pitches.min() >= SILENCE and pitches.max() <= 127):
            raise ValueError(
                f"pitches has values from {pitches.min()} to {pitches.max()}: give MIDI pitches 0 "
                "to 127, or -1 for a rest."
            )
        pitches = pitches.astype(np.int16)
        before = np.concatenate([np.full((1, pitches.shape[1]), SILENCE, np.int16), pitches])[:-1]
        struck = (pitches >= 0) & (struck.astype(bool) | (pitches != before))
        object.__setattr__(self, "pitches", pitches)
        object.__setattr__(self, "struck", struck)
        for name, columns in (("tempos", TEMPO_COLUMNS), ("meters", METER_COLUMNS)):
            object.__setattr__(self, name, checked_rows(name, getattr(self, name), columns))
        if self.meters[0][0] != 0:
            raise ValueError(f"meters={shown(self.meters)}: give the first one at step 0.")
        object.__setattr__(self, "pickup", checked_int("pickup", self.pickup, 0))

    def __len__(self) -> int:
        return len(self.pitches)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Voices):
            return NotImplemented
        return (
            np.array_equal(self.pitches, other.pitches)
            and np.array_equal(self.struck, other.struck)
            and (self.tempos, self.meters, self.pickup)
            == (other.tempos, other.meters, other.pickup)
        )

    __hash__ = None  # type: ignore[assignment]

    def transpose(self, semitones: int) -> Voices:
        """Returns the music with every pitch moved.

        Args:
            semitones: How far up, -127 to 127.

        Raises:
            ValueError: If `semitones` is out of its range, or a note would leave the MIDI range.
        """
        semitones = checked_int("semitones", semitones, -127, 127)
        sounds = self.pitches >= 0
        moved = np.where(sounds, self.pitches + semitones, SILENCE)
        if sounds.any() and not (moved[sounds].min() >= 0 and moved.max() <= 127):
            raise ValueError(f"semitones={semitones} moves a note out of the MIDI range 0 to 127.")
        return dataclasses.replace(self, pitches=moved.astype(np.int16))


@declared
@dataclasses.dataclass(frozen=True)
class VoicesEncoding:
    """Turns the tracks of a score into `Voices`, one voice a track, and back.

    Of several notes at once in a track one is kept, as `RollTrack.voice` says. For every score that
    fits, `decode(encode(score))` has the same notes, tracks, meters and tempos.

    Args:
        tracks: The tracks, from the highest voice to the lowest, 2 to 8, each name once; none takes
            drums. A string is a `RollTrack` of that name. By default the four voices of a choir.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> encoding = VoicesEncoding(tracks=("upper", "lower"), steps_per_quarter=2)
        >>> pitches = np.array([[67, 48], [67, 48], [65, -1]])
        >>> music = Voices(pitches, struck=np.array([[1, 1], [1, 0], [1, 0]]))
        >>> score = encoding.decode(music)
        >>> [[(note.time, note.duration, note.pitch) for note in t.notes] for t in score.tracks]
        [[(0, 12, 67), (12, 12, 67), (24, 12, 65)], [(0, 24, 48)]]
        >>> encoding.encode(score) == music
        True
    """

    tracks: tuple[RollTrack, ...] = VOICES
    steps_per_quarter: Annotated[int, Whole(1, 24), "Steps in a quarter note"] = 4

    def __post_init__(self) -> None:
        tracks = PianorollEncoding(self.tracks).tracks
        if not 2 <= len(tracks) <= MOST_VOICES or any(
            t.is_drum or not t.monophonic for t in tracks
        ):
            raise ValueError(
                f"tracks={shown(self.tracks)}: give 2 to {MOST_VOICES} tracks of one note at a "
                "time, and no drums."
            )
        object.__setattr__(self, "tracks", tracks)

    @property
    def voices(self) -> int:
        """How many voices there are."""
        return len(self.tracks)

    @property
    def names(self) -> tuple[str, ...]:
        """What the voices are called, the highest first."""
        return tuple(track.name for track in self.tracks)

    @property
    def resolution(self) -> int:
        """Ticks per quarter note of decoded scores: the least multiple of 24 on the grid."""
        return int(np.lcm(STEPS_PER_QUARTER, self.steps_per_quarter))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "tracks": [dataclasses.asdict(track) for track in self.tracks],
            "steps_per_quarter": self.steps_per_quarter,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> VoicesEncoding:
        """Rebuilds the encoding from what `get_config()` returned; anything else is a ValueError.

        Args:
            config: The config.
        """
        checked_config(config, ("tracks", "steps_per_quarter"))
        return cls(tracks_of(config["tracks"]), config["steps_per_quarter"])

    def encode(self, music: MusicLike) -> Voices:
        """Turns music into voices.

        Tracks go where their names say, or in order if no name is known, as in
        `PianorollEncoding.encode`. The grid begins where the first bar begins, or with the first
        note if that bar begins with silence: then it is a pickup. It ends with the last note.

        Args:
            music: A path, bytes, a `symusic.Score`, or anything else that `to_score` takes.

        Returns:
            The voices, with a report of what had to change.

        Raises:
            MidiError: If `music` is a file or bytes that can't be read.
            ValueError: If it lasts longer than 2^20 steps, or a value makes no sense.
        """
        score = to_score(music)
        matched, others = PianorollEncoding(self.tracks)._match(score)
        lines, found, shortened, moved = [], 0, 0, 0
        for track, place in zip(self.tracks, matched, strict=True):
            start, end, pitch, off_grid = notes_on_grid(score, self.steps_per_quarter, place)
            found, moved, cut = found + len(start), moved + off_grid, 0
            if (end[:-1] > start[1:]).any():
                start, end, pitch, cut = one_voice(start, end, pitch, track.voice)
            shortened += cut
            lines.append((start, end, pitch))
        steps = max((int(line[1].max(initial=0)) for line in lines), default=0)
        if steps > MAX_STEPS:
            raise ValueError(
                f"The music lasts {steps:,} steps, and at most {MAX_STEPS:,} are taken. Cut it, or "
                "take an encoding with fewer steps per quarter note."
            )
        pitches = np.full((steps, self.voices), SILENCE, np.int16)
        struck = np.zeros((steps, self.voices), bool)
        for voice, (start, end, pitch) in enumerate(lines):
            for first, after, height in zip(start.tolist(), end.tolist(), pitch.tolist()):
                pitches[first:after, voice] = height
            struck[start, voice] = True

        scale = Fraction(self.steps_per_quarter, STEPS_PER_QUARTER)
        meters = tuple((int(step * scale), *meter) for step, *meter in meter_changes(score))
        first_bar = self.bar_steps(meters[0][1:])
        lead = int((pitches >= 0).any(axis=1).argmax()) if steps else 0
        lead = lead if 0 < lead < first_bar else 0
        tempos = tempo_changes(score, self.steps_per_quarter)
        notes, kept = score.note_num(), sum(len(line[0]) for line in lines)
        return Voices(
            pitches[lead:],
            struck[lead:],
            tempos=_shifted(tempos, lead),
            meters=_shifted(meters, lead),
            pickup=first_bar - lead if lead else 0,
            report=RollReport(
                notes=notes,
                kept=kept,
                other_voices=found - kept,
                other_tracks=sum(others.values()),
                shortened=shortened,
                moved=moved,
            ),
        )

    def decode(self, music: Voices) -> ScoreTick:
        """Turns voices into a score, one track a voice, `resolution` ticks per quarter note.

        Args:
            music: The voices, as many as the encoding has.

        Raises:
            ValueError: If they are not, or last longer than a MIDI file can.
        """
        if not isinstance(music, Voices) or music.pitches.shape[1] != self.voices:
            raise ValueError(f"music={shown(music)}: give `Voices` of {self.voices} voices.")
        ticks = self.resolution // self.steps_per_quarter
        lead = self.lead(music)
        if (lead + len(music)) * ticks > MAX_TICK:
            raise ValueError(f"The music has {len(music):,} steps, more than a MIDI file can hold.")
        score = ScoreTick(self.resolution)
        for step, microseconds in music.tempos:
            score.tempos.append(TempoTick((step + lead * (step > 0)) * ticks, mspq=microseconds))
        for step, *meter in music.meters:
            score.time_signatures.append(
                TimeSignatureTick((step + lead * (step > 0)) * ticks, *meter)
            )
        for voice, track in enumerate(self.tracks):
            pitches, struck = music.pitches[:, voice], music.struck[:, voice]
            starts = np.flatnonzero(struck)
            ends = np.append(np.flatnonzero(struck | (pitches < 0)), len(pitches))
            ends = ends[np.searchsorted(ends, starts, side="right")]
            decoded = TrackTick(track.name, track.program, track.is_drum)
            decoded.notes = NoteTickList.from_numpy(
                ((starts + lead) * ticks).astype(np.int32),
                ((ends - starts) * ticks).astype(np.int32),
                pitches[starts].astype(np.int8),
                np.full(len(starts), VELOCITY, np.int8),
            )
            score.tracks.append(decoded)
        return score

    def lead(self, music: Voices) -> int:
        """Returns how many steps of silence there are between the first bar line and the music."""
        return -music.pickup % self.bar_steps(music.meters[0][1:])

    def places(self, music: Voices, steps: int | None = None) -> dict[str, NDArray[np.int32]]:
        """Returns where each step falls in the meter, as models take it.

        Args:
            music: The voices.
            steps: For how many steps; as many as there are if None.

        Returns:
            Three arrays `(steps,)`: `"position"`, 24ths of a quarter since the bar line, 0 to 191;
            `"bar"`, bars since the beginning, 0 to 63; `"meter"`, the place of the meter in
            `METERS`. What lies beyond has the highest id.
        """
        count = len(music) if steps is None else steps
        lead = self.lead(music)
        time = np.arange(count) + lead
        begins = np.array([step + lead * (step > 0) for step, *_ in music.meters])
        bars = np.array([self.bar_steps(meter[1:]) for meter in music.meters])
        names = np.array([meter_id(*meter[1:]) for meter in music.meters])
        before = np.concatenate([[0], np.cumsum(-(-np.diff(begins) // bars[:-1]))])
        which = np.searchsorted(begins, time, side="right") - 1
        since = time - begins[which]
        found = {
            "position": since % bars[which] * STEPS_PER_QUARTER // self.steps_per_quarter,
            "bar": before[which] + since // bars[which],
            "meter": names[which],
        }
        return {
            name: np.minimum(values, FEATURE_SIZES[name] - 1).astype(np.int32)
            for name, values in found.items()
        }

    def bar_steps(self, meter: Sequence[int]) -> int:
        """Returns the steps in a bar of a meter, at least 1."""
        return max(1, bar_steps(*meter) * self.steps_per_quarter // STEPS_PER_QUARTER)


def _shifted(changes: Sequence[Any], lead: int) -> Any:
    """Changes with steps counted from step `lead` on; what holds there comes first, at step 0."""
    later = [(step - lead, *values) for step, *values in changes if step > lead]
    return ((0, *[values for step, *values in changes if step <= lead][-1]), *later)
