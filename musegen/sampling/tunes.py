"""A tune that is given, for other voices to be written to it.

It is found among the parts of some music, taken alone from the bar line before it, moved into the
range of the voice that it is to be, and put back to the note when the others are written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import NoteTickList, ScoreTick, TrackTick

from musegen._checks import printable, shown
from musegen.encoding.grid import one_voice

LEAST_NOTES = 2
"""Notes of the shortest tune."""

TUNE_SHARE = 0.25
"""A part with less than this share of the notes of the fullest one does not carry the tune."""


def voice_number(argument: str, name: Any, names: Sequence[str]) -> int:
    """The number of a voice that is given by its name, in whatever case."""
    lower = [one.casefold() for one in names]
    if not isinstance(name, str) or name.strip().casefold() not in lower:
        raise ValueError(f"{argument}={shown(name)}: choose among {', '.join(names)}.")
    return lower.index(name.strip().casefold())


def tune_of(score: ScoreTick, part: str | int | None) -> tuple[TrackTick, list[str]]:
    """The track that has the tune, and what is to be said of it."""
    tracks = [track for track in score.tracks if len(track.notes) and not track.is_drum]
    if sum(len(track.notes) for track in tracks) < LEAST_NOTES:
        raise ValueError("tune has fewer than two notes, drums aside. Give a longer tune.")
    labels = [
        printable(track.name.strip()) or f"track {number}"
        for number, track in enumerate(tracks, start=1)
    ]
    if part is None:
        least = max(LEAST_NOTES, TUNE_SHARE * max(len(track.notes) for track in tracks))
        heights = [
            np.average(notes["pitch"], weights=np.maximum(notes["duration"], 1))
            if len(notes["pitch"]) >= least
            else -1
            for notes in (track.notes.numpy() for track in tracks)
        ]
        place = int(np.argmax(heights))
    else:
        wanted = str(part).strip().casefold()
        places = [i for i, label in enumerate(labels) if label.casefold() == wanted]
        if not places and wanted.isdecimal() and 1 <= int(wanted) <= len(tracks):
            places = [int(wanted) - 1]
        if not places:
            listed = ", ".join(f"{number} {label}" for number, label in enumerate(labels, start=1))
            raise ValueError(f"part={shown(part)}: choose one of {listed}.")
        place = places[0]
    track = tracks[place]
    if len(track.notes) < LEAST_NOTES:
        raise ValueError(f"part={labels[place]}: it has fewer than two notes. Choose another part.")
    some = len(tracks) > 1
    return track, [f"The tune is {labels[place]}, of {len(tracks)} parts."] if some else []


def alone_from_bar_line(score: ScoreTick, track: TrackTick, voice: Any) -> tuple[ScoreTick, int]:
    """The tune alone, one note at a time, without bars of silence before it.

    Returns it, and the tick at which it began.
    """
    notes = track.notes.numpy()
    start, duration = (notes[name].astype(np.int64) for name in ("time", "duration"))
    order = np.lexsort((-notes["pitch"].astype(np.int64), start))
    start, pitch = start[order], notes["pitch"][order].astype(np.int64)
    end = start + np.maximum(duration[order], 1)
    start, end, pitch, _ = one_voice(start, end, pitch, "highest")
    alone = ScoreTick(score.ticks_per_quarter)
    meters = sorted((one.time, one.numerator, one.denominator) for one in score.time_signatures)
    first = next((one[1:] for one in reversed(meters) if one[0] <= start[0]), (4, 4))
    bar = score.ticks_per_quarter * 4 * first[0] // first[1]
    since = max((one[0] for one in meters if one[0] <= start[0]), default=0)
    begin = int(since + (start[0] - since) // bar * bar)
    for name in ("tempos", "time_signatures"):
        changes = sorted(getattr(score, name), key=lambda one: one.time)
        kept = [one for one in changes if one.time > begin]
        kept = [one for one in changes if one.time <= begin][-1:] + kept
        for one in kept:
            one = one.copy()
            one.time = max(one.time - begin, 0)
            getattr(alone, name).append(one)
    single = TrackTick(voice.name, voice.program, False)
    played = zip(*(notes[name].tolist() for name in ("time", "pitch", "velocity")), strict=True)
    velocities = {(time, pitch): velocity for time, pitch, velocity in played}
    velocity = [velocities[note] or 80 for note in zip(start.tolist(), pitch.tolist(), strict=True)]
    single.notes = NoteTickList.from_numpy(
        (start - begin).astype(np.int32),
        (end - start).astype(np.int32),
        pitch.astype(np.int8),
        np.array(velocity, np.int8),
    )
    alone.tracks.append(single)
    return alone, begin


def what_was_cut(track: TrackTick, alone: ScoreTick) -> list[str]:
    """What is to be said of notes of a track that are not in its tune, or end earlier there."""
    found, kept = len(track.notes), len(alone.tracks[0].notes)
    if kept < found:
        return [f"Of notes that sound together the highest was taken: {kept} of {found}."]
    before, after = (one.notes.numpy()["duration"].sum() for one in (track, alone.tracks[0]))
    return ["Notes that overlap end where the next begins."] if after < before else []


def octaves(pitches: NDArray[np.int16], ranges: Sequence[Sequence[int]], voice: int) -> int:
    """By how many semitones, whole octaves, a tune is moved to lie best in a voice's range."""
    sounding = pitches[pitches >= 0].astype(np.int64)
    lowest, highest = ranges[voice] if len(ranges) else (0, 127)
    shifts = [12 * octaves for octaves in range(-10, 11)]
    shifts = [s for s in shifts if sounding.min() + s >= 0 and sounding.max() + s <= 127]
    outside = [
        np.maximum(lowest - sounding - s, 0).sum() + np.maximum(sounding + s - highest, 0).sum()
        for s in shifts
    ]
    return min(zip(outside, map(abs, shifts), shifts))[2]


def octaves_said(shift: int, voice: str) -> str:
    """How far music was moved by `octaves`, and where to."""
    count, where = abs(shift) // 12, "lower" if shift < 0 else "higher"
    return f"{count} octave{'s' * (count > 1)} {where}, in the range of a {voice}"


def with_track(written: ScoreTick, tune: ScoreTick, name: str, begin: int) -> ScoreTick:
    """The written score, with the tune's own notes, as they were, and from where they began."""
    resolution = int(np.lcm(written.ticks_per_quarter, tune.ticks_per_quarter))
    if resolution > 0x7FFF:  # more than a MIDI file can have; the tune's is fine enough
        resolution = tune.ticks_per_quarter
    begin = begin * (resolution // tune.ticks_per_quarter)
    written, tune = written.resample(resolution), tune.resample(resolution)
    for track in written.tracks:
        if track.name == name:
            track.notes = tune.tracks[0].notes
        for note in track.notes:
            note.time = note.time + begin
    for changes in (written.tempos, written.time_signatures):
        for change in changes:
            change.time = change.time + begin * (change.time > 0)
    return written
