"""Scores that tests make of lists of notes, and lists of what stands in a score."""

from __future__ import annotations

import itertools

import numpy as np
import symusic


def score_of(*tracks, resolution=24, tempos=((0, 500_000),), meters=((0, 4, 4),), keys=()):
    """A score of tracks: lists of notes, or `(name, notes)`, or `(name, program, is_drum, notes)`.

    A note is `(start, duration, pitch)`, of velocity 80, or has its velocity as a fourth number; a
    tempo is `(tick, microseconds per quarter note)`, a meter `(tick, numerator, denominator)`.
    """
    score = symusic.Score(resolution)
    for time, microseconds in tempos:
        score.tempos.append(symusic.Tempo(time, mspq=microseconds))
    for meter in meters:
        score.time_signatures.append(symusic.TimeSignature(*meter))
    for key in keys:
        score.key_signatures.append(symusic.KeySignature(*key))
    for track in tracks:
        *how, notes = track if track and isinstance(track[0], str) else ("melody", track)
        score.tracks.append(symusic.Track(*how))
        for start, duration, pitch, *velocity in notes:
            note = symusic.Note(start, duration, pitch, *(velocity or [80]))
            score.tracks[-1].notes.append(note)
    return score


def line(pitches, durations=480, name="line", **options):
    """A score of one track of notes one after the other, 480 ticks to the quarter note."""
    pitches = list(pitches)
    durations = [durations] * len(pitches) if isinstance(durations, int) else durations
    starts = itertools.accumulate(durations, initial=0)
    return score_of((name, list(zip(starts, durations, pitches))), **{"resolution": 480, **options})


def random_score(seed, resolution=24, name="t"):
    """Tracks on the grid, in 3/4 or 4/4 and then 2/4; no two notes of a pitch touch or overlap."""
    random = np.random.default_rng(seed)
    bar = resolution * int(random.integers(3, 5))
    tracks = []
    for index in range(random.integers(1, 5)):
        notes = [(0, 5, 20, 1), (8 * bar - 1, 1, 20, 127)]  # from the first bar to the last
        free = {}
        for time in np.sort(random.integers(0, 7 * bar, 40)).tolist():
            pitch = int(random.integers(30, 128))
            if time > free.get(pitch, -1):
                length = int(random.integers(1, bar))
                notes.append((time, length, pitch, int(random.integers(1, 128))))
                free[pitch] = time + length
        notes.sort(key=lambda note: (note[0], note[2]))
        label, program = f"{name} {index}", int(random.integers(128))
        tracks.append((label, program, bool(random.random() < 0.3), notes))
    places = [0, *(np.unique(random.integers(1, 8, 3)) * bar).tolist()]
    tempos = [(time, 300_000 + 70 * time) for time in places]
    meters = [(0, bar // resolution, 4), (4 * bar, 2, 4)]
    return score_of(*tracks, resolution=resolution, tempos=tempos, meters=meters)


def notes_of(score, track=0):
    return [(note.time, note.duration, note.pitch) for note in score.tracks[track].notes]


def played(track):
    """The notes of a track with their velocities."""
    return [(note.time, note.duration, note.pitch, note.velocity) for note in track.notes]


def tempos_of(score):
    return [(tempo.time, tempo.mspq) for tempo in score.tempos]


def meters_of(score):
    return [(meter.time, meter.numerator, meter.denominator) for meter in score.time_signatures]


def keys_of(score):
    return [(key.time, key.key, key.tonality) for key in score.key_signatures]
