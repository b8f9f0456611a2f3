"""A score <-> `music21.stream.Score`, whose time is fractions of a quarter note."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from symusic.core import KeySignatureTick, ScoreTick, TempoTick, TimeSignatureTick

from musegen._checks import checked_kind
from musegen.interop._tracks import DEFAULT_VELOCITY, make_track
from musegen.interop.dispatch import CLASSES, MusicLike, to_score
from musegen.midi import MidiError

if TYPE_CHECKING:
    import music21

MUSIC21_TICKS = 480
"""Ticks per quarter note of a score made from music21."""


def to_music21(music: MusicLike) -> music21.stream.Score:
    """Returns music as a `music21.stream.Score` for analysis.

    Never write MIDI through music21, which gives drum tracks to other instruments and other
    instruments to the drum channel: use `musegen.write_midi`, which takes a stream too.

    Args:
        music: Whatever `to_score` takes.

    Returns:
        A score with one part per track, not divided into measures (`makeMeasures` does that).
        Notes of one start and duration are a chord. Drums are pitches of an
        `UnpitchedPercussion`. Tempo and meter stand in the first part.
    """
    from music21 import chord, instrument, key, meter, note, stream, tempo

    score = to_score(music)

    def quarters(ticks: int) -> Fraction:
        return Fraction(ticks, score.ticks_per_quarter)

    whole = stream.Score()
    parts = []
    for track in score.tracks:
        part = stream.Part()
        part.partName = track.name
        part.atSoundingPitch = True
        player: Any
        if track.is_drum:
            player = instrument.UnpitchedPercussion()
            player.midiChannel = 9
        else:
            player = instrument.instrumentFromMidiProgram(track.program)
        player.midiProgram = track.program
        player.partName = track.name
        part.insert(0, player)
        together: dict[tuple[int, int], list[Any]] = {}
        for event in track.notes:
            sound = note.Note(event.pitch)
            sound.volume.velocity = event.velocity
            together.setdefault((event.time, event.duration), []).append(sound)
        for (time, duration), sounds in together.items():
            element = sounds[0] if len(sounds) == 1 else chord.Chord(sounds)
            element.quarterLength = quarters(duration)
            part.insert(quarters(time), element)
        parts.append(part)
        whole.insert(0, part)
    conductor = parts[0] if parts else whole
    for pace in score.tempos:
        mark = tempo.MetronomeMark(number=6e7 / pace.mspq, referent=1.0)
        conductor.insert(quarters(pace.time), mark)
    for bar in score.time_signatures:
        sign = meter.TimeSignature(f"{bar.numerator}/{bar.denominator}")
        conductor.insert(quarters(bar.time), sign)
    for tones in score.key_signatures:
        scale = key.KeySignature(tones.key).asKey("minor" if tones.tonality else "major")
        conductor.insert(quarters(tones.time), scale)
    return whole


def from_music21(stream: music21.stream.Stream) -> ScoreTick:
    """Returns the score of a music21 stream, at sounding pitch.

    Tied notes are joined, repeated notes stay apart, a chord is notes of one start; grace notes,
    chord symbols and lyrics are left out, and repeats are played once. A first measure that is
    shorter than its meter is a pickup: silence fills it up to a full bar.

    Args:
        stream: A score, part, measure or other stream of notes; not an `Opus`.

    Returns:
        The score, with `MUSIC21_TICKS` ticks to the quarter note and one track per part. A note
        without a stated velocity gets `DEFAULT_VELOCITY`.
    """
    from music21 import instrument, key, meter, tempo
    from music21 import stream as streams

    checked_kind("stream", stream, streams.Stream, "a music21 stream")
    if isinstance(stream, streams.Opus):
        raise MidiError(
            "a music21 Opus holds several pieces: hand in one of them, such as opus.scores[0]."
        )
    players = stream.recurse().getElementsByClass(instrument.Instrument)
    if any(player.transposition is not None for player in players):
        stream = stream.toSoundingPitch()  # a copy, and as it was where that is not known
    parts: list[Any] = list(stream.getElementsByClass(streams.Part)) or [stream]
    silence = next((s for s in map(_pickup_silence, parts) if s is not None), Fraction(0))

    def tick(quarters: Any) -> int:
        return round((Fraction(quarters) + silence) * MUSIC21_TICKS)

    score = ScoreTick(MUSIC21_TICKS)
    flats = [part.flatten() for part in parts]
    for kind, events, convert in (
        (tempo.MetronomeMark, score.tempos, _tempo),
        (meter.TimeSignature, score.time_signatures, _meter),
        (key.KeySignature, score.key_signatures, _key),
    ):
        found: dict[int, Any] = {}  # of several at one time, such as one in each part, the first
        for mark in (mark for flat in (stream, *flats) for mark in flat.getElementsByClass(kind)):
            time = tick(mark.offset) if mark.offset else 0
            found.setdefault(time, convert(time, mark))
        for time in sorted(found):
            if found[time] is not None:
                events.append(found[time])
    for part, flat in zip(parts, flats, strict=True):
        player = next(iter(flat.getElementsByClass(instrument.Instrument)), None)
        is_drum = isinstance(player, instrument.UnpitchedPercussion) or (
            getattr(player, "midiChannel", None) == 9
        )
        rows = np.array(_music21_notes(flat, tick), dtype=np.int64).reshape(-1, 4)
        name = getattr(part, "partName", None) or getattr(player, "partName", None) or ""
        program = getattr(player, "midiProgram", None) or 0
        score.tracks.append(make_track((name, program, is_drum), rows.T))
    return score


CLASSES["music21.stream", "Stream"] = from_music21


def _pickup_silence(part: music21.stream.Stream) -> Fraction | None:
    """Returns the quarters by which a part's first measure is shorter than its meter, or None."""
    from music21 import stream as streams

    measures = list(part.getElementsByClass(streams.Measure))
    if not measures:
        return None
    if len(measures) == 1:
        return Fraction(measures[0].paddingLeft)
    length = Fraction(measures[1].offset) - Fraction(measures[0].offset)
    bar = Fraction(measures[0].barDuration.quarterLength)
    return bar - length if 0 < length < bar else Fraction(0)


def _music21_notes(
    flat: music21.stream.Stream, tick: Callable[[Any], int]
) -> list[tuple[int, int, int, int]]:
    """Returns (start, duration, pitch, velocity) of a flat stream's notes, with ties joined."""
    from music21 import harmony

    rows: list[tuple[int, int, int, int]] = []
    tied: dict[int, int] = {}  # pitch -> the row that a following tied note makes longer
    for element in flat.notes:
        if isinstance(element, harmony.Harmony) or not element.duration.quarterLength:
            continue
        start = tick(element.offset)
        end = tick(Fraction(element.offset) + Fraction(element.duration.quarterLength))
        for sound in getattr(element, "notes", [element]):
            if hasattr(sound, "pitch"):
                pitch = sound.pitch.midi
            else:  # an unpitched drum
                drum = getattr(sound.storedInstrument, "percMapPitch", None)
                pitch = sound.displayPitch().midi if drum is None else drum
            tie = sound.tie.type if sound.tie is not None else None
            row = tied.get(pitch)
            if row is not None and tie in ("stop", "continue") and sum(rows[row][:2]) == start:
                rows[row] = (rows[row][0], end - rows[row][0], *rows[row][2:])
            else:
                row = len(rows)
                stated = (sound.volume.velocity, element.volume.velocity, DEFAULT_VELOCITY)
                velocity = round(next(value for value in stated if value is not None))
                rows.append((start, end - start, pitch, velocity))
            if tie in ("start", "continue"):
                tied[pitch] = row
            elif tie == "stop":
                tied.pop(pitch, None)
    return rows


def _tempo(time: int, mark: Any) -> TempoTick | None:
    pace = mark.getQuarterBPM()  # None where there are words only
    return TempoTick(time, mspq=round(6e7 / pace)) if pace else None


def _meter(time: int, mark: Any) -> TimeSignatureTick:
    return TimeSignatureTick(time, mark.numerator, mark.denominator)


def _key(time: int, mark: Any) -> KeySignatureTick:
    return KeySignatureTick(time, mark.sharps, int(getattr(mark, "mode", None) == "minor"))
