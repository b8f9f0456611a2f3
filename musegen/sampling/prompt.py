"""What of some music a melody goes on from: one track of it, and its last bars.

Of music in several tracks the tune is taken from the one that is on top most often: of the
highest line through all tracks (`musegen.encoding.grid.one_voice`) it has the most notes. Drums
don't count, and of tracks that have as many it is the first.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import printable, shown
from musegen.encoding.grid import bar_steps, notes_on_grid, one_voice
from musegen.encoding.melody import END, START, TIE, Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding


def tune_track(score: ScoreTick) -> int | None:
    """Returns the place of the track that carries the tune, from 0; None where there are no notes.

    Args:
        score: The music.
    """
    places = [i for i, track in enumerate(score.tracks) if len(track.notes) and not track.is_drum]
    if len(places) < 2:
        return places[0] if places else None
    tracks = [score.tracks[place] for place in places]
    start, _, pitch, _ = one_voice(*notes_on_grid(score, tracks=tracks)[:3], "highest")
    top = 128 * start + pitch
    counts = []
    for track in tracks:
        begins, _, pitches, _ = notes_on_grid(score, tracks=[track])
        counts.append(np.isin(np.unique(128 * begins + pitches), top).sum())
    return places[int(np.argmax(counts))]


def part(score: ScoreTick, track: str | int | None) -> tuple[ScoreTick, str]:
    """Returns the music of one track, and what the track is called.

    Args:
        score: The music.
        track: The track's name, upper or lower case, or its number, from 1; that of `tune_track`
            if None.

    Raises:
        ValueError: If there is no such track.
    """
    names = [one.name.strip() for one in score.tracks]
    called = [
        f"track {n}{f' ({printable(name)})' * bool(name)}" for n, name in enumerate(names, start=1)
    ]
    if track is None:
        place = tune_track(score)
        if place is None:
            return score, ""
    else:
        place = -1
        if isinstance(track, str):
            folded = [name.casefold() for name in names]
            if track.strip().casefold() in folded:
                place = folded.index(track.strip().casefold())
            elif track.strip().isdecimal():
                place = int(track) - 1
        elif not isinstance(track, bool) and isinstance(track, (int, np.integer)):
            place = int(track) - 1
        if not 0 <= place < len(names):
            raise ValueError(f"prompt_track={shown(track)}: choose one of {', '.join(called)}.")
    one = score.copy()
    chosen = score.tracks[place].copy()
    chosen.is_drum = False
    one.tracks.clear()
    one.tracks.append(chosen)
    return one, called[place]


def last_bars(melody: Melody, bars: int, encoding: PitchDurationEncoding) -> Melody:
    """Returns the last bars of a melody, which begin on a bar line.

    A note that began before is left out, and what of it sounds in them is silence. Of a melody
    with no more bars it is the whole.

    Args:
        melody: The melody, from its start to its end.
        bars: How many bars; the one in which the melody ends counts, if anything is in it.
        encoding: What its ids mean.
    """
    places = encoding.places(melody)
    steps = encoding.steps[melody.durations]
    first = places["bar"][-1] - bars + (places["position"][-1] > 0)
    inside = (places["bar"] >= first) & (melody.pitches != TIE)
    inside[0] = False
    place = int(np.argmax(inside))
    if first <= 0 or place <= 1 or place == len(melody) - 1:
        return melody
    times = melody.lead + np.cumsum(steps) - steps
    line = int(times[place] - places["position"][place])
    numerator, denominator = [m[1:] for m in melody.meters if m[0] <= line][-1]
    tempo = [t[1] for t in melody.tempos if t[0] <= max(line, melody.tempos[0][0])][-1]
    bar = bar_steps(numerator, denominator)
    return dataclasses.replace(
        melody,
        pitches=np.concatenate([[START], melody.pitches[place:-1], [END]]).astype(np.int32),
        durations=np.concatenate([[0], melody.durations[place:]]).astype(np.int32),
        meters=((0, numerator, denominator), *_later(melody.meters, line)),
        tempos=((0, tempo), *_later(melody.tempos, line)),
        pickup=-int(places["position"][place]) % bar,
    )


def _later(changes: Any, line: int) -> Any:
    """Changes after a step, counted from there."""
    return tuple((step - line, *values) for step, *values in changes if step > line)
