"""A score <-> `pretty_midi.PrettyMIDI`, whose time is seconds."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from symusic.core import (
    ControlChangeTick,
    KeySignatureTick,
    PitchBendTick,
    ScoreTick,
    TempoTick,
    TimeSignatureTick,
)

from musegen._checks import checked_kind
from musegen._timeline import TempoMap
from musegen.interop._tracks import make_track, whole_numbers
from musegen.interop.dispatch import CLASSES, MusicLike, to_score
from musegen.midi import MAX_TICK, midi_bytes

if TYPE_CHECKING:
    import pretty_midi


def to_pretty_midi(music: MusicLike) -> pretty_midi.PrettyMIDI:
    """Returns music as a `pretty_midi.PrettyMIDI`, controllers and pitch bends included.

    Args:
        music: Whatever `to_score` takes.

    Returns:
        The music, with times in seconds and one instrument per track.
    """
    import pretty_midi

    score = to_score(music)
    # pretty_midi has no public way to set a map of tempos but to read one.
    conductor = ScoreTick(score.ticks_per_quarter)
    conductor.tempos = score.tempos.copy()
    conductor.time_signatures = score.time_signatures.copy()
    conductor.key_signatures = score.key_signatures.copy()
    midi = pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes(conductor)))
    seconds = TempoMap.of(score).to_seconds
    for track in score.tracks:
        instrument = pretty_midi.Instrument(track.program, track.is_drum, track.name)
        notes = track.notes.numpy()
        starts, ends = seconds(notes["time"]), seconds(notes["time"] + notes["duration"])
        columns = (notes["velocity"], notes["pitch"], starts, ends)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        instrument.notes = [pretty_midi.Note(*row) for row in rows]
        times = seconds(track.controls.numpy()["time"]).tolist()
        instrument.control_changes = [
            pretty_midi.ControlChange(control.number, control.value, time)
            for control, time in zip(track.controls, times, strict=True)
        ]
        times = seconds(track.pitch_bends.numpy()["time"]).tolist()
        instrument.pitch_bends = [
            pretty_midi.PitchBend(bend.value, time)
            for bend, time in zip(track.pitch_bends, times, strict=True)
        ]
        midi.instruments.append(instrument)
    return midi


def from_pretty_midi(midi: pretty_midi.PrettyMIDI) -> ScoreTick:
    """Returns the score of a `pretty_midi.PrettyMIDI`, controllers and pitch bends included.

    Args:
        midi: The music. Times go to the nearest tick of `midi.resolution` to the quarter note.

    Returns:
        The score, with one track per instrument.
    """
    import pretty_midi

    checked_kind("midi", midi, pretty_midi.PrettyMIDI, "a pretty_midi.PrettyMIDI")
    score = ScoreTick(int(midi.resolution))
    changes, rates = midi.get_tempo_changes()  # in seconds and quarters per minute
    tempos = 6e7 / rates
    lengths = np.rint(np.diff(changes) * 1e6 * score.ticks_per_quarter / tempos[:-1])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    tempo_map = TempoMap(score.ticks_per_quarter, starts, tempos, changes)

    def ticks(events: Iterable[Any], what: str, field: str = "time") -> np.ndarray:
        seconds = np.array([getattr(event, field) for event in events], dtype=float)
        found = tempo_map.to_ticks(seconds)
        return whole_numbers(found, 0, MAX_TICK, f"there is {what} at a tick of")

    def numbers(events: Iterable[Any], field: str, lowest: int, highest: int) -> np.ndarray:
        values = [getattr(event, field) for event in events]
        return whole_numbers(values, lowest, highest, f"there is a {field} of")

    def rows(*columns: np.ndarray) -> Iterable[tuple[int, ...]]:
        return zip(*(column.tolist() for column in columns), strict=True)

    for time, tempo in rows(starts, whole_numbers(tempos, 1, 2**24 - 1, "there is a tempo of")):
        score.tempos.append(TempoTick(int(time), mspq=tempo))
    meters = midi.time_signature_changes
    tops, bottoms = numbers(meters, "numerator", 1, 255), numbers(meters, "denominator", 1, 128)
    for row in rows(ticks(meters, "a meter"), tops, bottoms):
        score.time_signatures.append(TimeSignatureTick(*row))
    keys = midi.key_signature_changes
    for time, key in rows(ticks(keys, "a key"), numbers(keys, "key_number", 0, 23)):
        mode, sharps = pretty_midi.key_number_to_mode_accidentals(key)
        score.key_signatures.append(KeySignatureTick(time, sharps, mode))
    for instrument in midi.instruments:
        notes = instrument.notes
        begin, end = ticks(notes, "a note", "start"), ticks(notes, "a note's end", "end")
        pitches, velocities = [note.pitch for note in notes], [note.velocity for note in notes]
        track = make_track(
            (instrument.name, instrument.program, instrument.is_drum),
            (begin, end - begin, pitches, velocities),
        )
        controls, bends = instrument.control_changes, instrument.pitch_bends
        columns = [numbers(controls, field, 0, 127) for field in ("number", "value")]
        for row in rows(ticks(controls, "a controller"), *columns):
            track.controls.append(ControlChangeTick(*row))
        for row in rows(ticks(bends, "a pitch bend"), numbers(bends, "pitch", -8192, 8191)):
            track.pitch_bends.append(PitchBendTick(*row))
        score.tracks.append(track)
    return score


CLASSES["pretty_midi", "PrettyMIDI"] = from_pretty_midi
