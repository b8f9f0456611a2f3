"""What people ask of a model of voices: harmonise my tune, rewrite these bars.

Both say what is given of some music, have the rest written (`musegen.sampling.voices`), and put
what was given back to the note.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import NoteTickList, ScoreTick, TrackTick

from musegen._checks import Whole, checked_items, printable, shown
from musegen.composition import VoicesComposition, signed
from musegen.encoding.grid import one_voice
from musegen.encoding.voices import Voices
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.settings import declared

LEAST_NOTES = 2
"""Notes of the shortest tune."""

TUNE_SHARE = 0.25
"""A part with less than this share of the notes of the fullest one does not carry the tune."""


@declared
def harmonise(
    model: Any,
    tune: MusicLike,
    voice: str | None = None,
    part: str | int | None = None,
    count: Annotated[int, Whole(1, 100_000), "Harmonisations to write"] = 1,
    **settings: Any,
) -> VoicesComposition | list[VoicesComposition]:
    """Writes the other voices to a tune, which stays as it is.

    The tune may be in any key, meter and range. If it does not lie in the range of its voice, the
    others are written to it some octaves higher or lower, and the whole is moved back.

    Args:
        model: A trained `VoiceModel`.
        tune: The tune: a path, bytes, a score, or anything else that `to_score` takes.
        voice: The name of the voice that the tune is, the highest if None.
        part: The name or the number, from 1, of the track that has the tune. If None it is the
            highest of those that have about as many notes as any.
        **settings: Settings of `sample`: `temperature`, `top_k`, `top_p`, `seed`, `avoid` and
            `tempo`.

    Returns:
        The harmonisation, or a list of them where `count` is more than 1. `remarks` says what was
        taken for the tune, and what was done with it.

    Raises:
        ValueError: If an argument is out of its range, or the tune has fewer than two notes.
        TypeError: If the tune is no music.
        MidiError: If it can't be read.
    """
    encoding = model.encoding
    number = _voice(model, "voice", encoding.names[0] if voice is None else voice)
    score = score_of("tune", tune)
    track, remarks = _tune(score, part)
    alone, begin = _alone(score, track, encoding.tracks[number])
    music = encoding.encode(alone)
    shift = _octaves(music.pitches[:, number], model.ranges, number)
    if shift:
        where = "lower" if shift < 0 else "higher"
        remarks.append(
            f"It was harmonised {abs(shift) // 12} octave{'s' * (abs(shift) > 12)} {where}, in the "
            f"range of a {encoding.names[number]}, and moved back."
        )
    keep = np.zeros(music.pitches.shape, bool)
    keep[:, number] = True
    written = model.sample(given=music.transpose(shift), keep=keep, count=count, **settings)
    pieces = written if isinstance(written, list) else [written]
    found = []
    for piece in pieces:
        moved = _moved(piece.music, -shift)
        whole = _with_track(encoding.decode(moved), alone, encoding.names[number], begin)
        found.append(
            dataclasses.replace(
                piece,
                music=moved,
                score=signed(whole, model.name, piece.seed),
                remarks=tuple(remarks),
            )
        )
    return found if count > 1 else found[0]


@declared
def rewrite(
    model: Any,
    piece: MusicLike,
    voices: Any = None,
    bars: tuple[int, int] | None = None,
    count: Annotated[int, Whole(1, 100_000), "Versions to write"] = 1,
    **settings: Any,
) -> VoicesComposition | list[VoicesComposition]:
    """Writes some bars of a piece anew, of some voices or of all, and leaves the others.

    Args:
        model: A trained `VoiceModel`.
        piece: The piece: a path, bytes, a score, or anything else that `to_score` takes.
        voices: The name of a voice, or a list of names; all if None.
        bars: The first and the last bar that are written anew, as a notation program counts: from
            1, and a pickup is bar 0. All if None.
        **settings: Settings of `sample`: `temperature`, `top_k`, `top_p`, `seed`, `avoid` and
            `tempo`.

    Returns:
        The piece with its new bars, or a list of versions where `count` is more than 1.

    Raises:
        ValueError: If an argument is out of its range, or there is no such voice or bar.
        TypeError: If the piece is no music.
        MidiError: If it can't be read.
    """
    encoding = model.encoding
    music = encoding.encode(score_of("piece", piece))
    if not (music.pitches >= 0).any():
        raise ValueError("piece has no notes in a voice of the model. Give music to rewrite.")
    names = [voices] if isinstance(voices, str) else encoding.names if voices is None else voices
    chosen = [
        _voice(model, "voices", name)
        for name in checked_items("voices", names, str, "names of voices")
    ]
    in_bars = _bars(model, music, bars)
    keep = np.ones(music.pitches.shape, bool)
    keep[np.ix_(in_bars, np.isin(np.arange(encoding.voices), chosen))] = False
    report, remarks = music.report, []
    if report.moved or report.other_voices or report.other_tracks or report.shortened:
        remarks.append(f"Of the piece were taken {report}.")
    written = model.sample(given=music, keep=keep, count=count, **settings)
    pieces = written if isinstance(written, list) else [written]
    found = [dataclasses.replace(one, remarks=tuple(remarks)) for one in pieces]
    return found if count > 1 else found[0]


def _voice(model: Any, argument: str, name: Any) -> int:
    """The number of a voice that is given by its name."""
    names = [one.casefold() for one in model.encoding.names]
    if not isinstance(name, str) or name.strip().casefold() not in names:
        raise ValueError(
            f"{argument}={shown(name)}: choose among {', '.join(model.encoding.names)}."
        )
    return names.index(name.strip().casefold())


def _tune(score: ScoreTick, part: str | int | None) -> tuple[TrackTick, list[str]]:
    """The track that has the tune, and what is to be said of it."""
    tracks = [track for track in score.tracks if len(track.notes) and not track.is_drum]
    if sum(len(track.notes) for track in tracks) < LEAST_NOTES:
        raise ValueError("tune has fewer than two notes, drums aside. Give a tune to harmonise.")
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


def _alone(score: ScoreTick, track: TrackTick, voice: Any) -> tuple[ScoreTick, int]:
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
    velocity = np.full(len(start), int(np.median(notes["velocity"])) or 80, np.int8)
    single.notes = NoteTickList.from_numpy(
        (start - begin).astype(np.int32),
        (end - start).astype(np.int32),
        pitch.astype(np.int8),
        velocity,
    )
    alone.tracks.append(single)
    return alone, begin


def _octaves(pitches: NDArray[np.int16], ranges: Any, voice: int) -> int:
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


def _moved(music: Voices, shift: int) -> Voices:
    """Music moved by whole octaves; a note that would leave the MIDI range stays in it."""
    pitches = music.pitches.astype(np.int64) + shift
    pitches = np.where(pitches < 0, pitches % 12, pitches)
    pitches = np.where(pitches > 127, 116 + (pitches - 116) % 12, pitches)
    pitches = np.where(music.pitches >= 0, pitches, -1)
    return dataclasses.replace(music, pitches=pitches.astype(np.int16))


def _with_track(written: ScoreTick, tune: ScoreTick, name: str, begin: int) -> ScoreTick:
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


def _bars(model: Any, music: Voices, bars: Any) -> NDArray[np.bool_]:
    """Which steps lie in some bars, `(steps,)`."""
    # Not `places`, which counts bars only as far as models tell them apart.
    lead, steps = model.encoding.lead(music), len(music)
    number = np.zeros(steps, np.int64)
    begins = [*(step for step, *_ in music.meters), steps]
    count = 0 if music.pickup else 1
    for (step, *meter), after in zip(music.meters, begins[1:]):
        bar = model.encoding.bar_steps(meter)
        since = np.arange(step, after) - step + (lead if step == 0 else 0)
        number[step:after] = count + since // bar
        count = int(number[step:after].max(initial=count - 1)) + 1
    if bars is None:
        return np.ones(steps, bool)
    pair = tuple(bars) if isinstance(bars, (tuple, list)) else ()
    least, most = int(number[0]), int(number[-1])
    whole = len(pair) == 2 and all(isinstance(one, (int, np.integer)) for one in pair)
    if not whole or not least <= pair[0] <= pair[1] <= most:
        raise ValueError(
            f"bars={shown(bars)}: give the first and the last bar to rewrite, from {least} to "
            f"{most}, such as ({least}, {min(least + 3, most)})."
        )
    return (number >= pair[0]) & (number <= pair[1])
