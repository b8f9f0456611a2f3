"""What people ask of a model of voices: harmonise my tune, rewrite these bars.

Both say what is given of some music, have the rest written (`musegen.sampling.voices`), and put
what was given back to the note.
"""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Whole, checked_items, shown
from musegen.composition import VoicesComposition, signed
from musegen.encoding.voices import Voices
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.sampling.tunes import (
    alone_from_bar_line,
    octaves,
    octaves_said,
    tune_of,
    voice_number,
    what_was_cut,
    with_track,
)
from musegen.settings import declared


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
    number = voice_number("voice", encoding.names[0] if voice is None else voice, encoding.names)
    score = score_of("tune", tune)
    track, remarks = tune_of(score, part)
    alone, begin = alone_from_bar_line(score, track, encoding.tracks[number])
    remarks += what_was_cut(track, alone)
    music = encoding.encode(alone)
    shift = octaves(music.pitches[:, number], model.ranges, number)
    if shift:
        said = octaves_said(shift, encoding.names[number])
        remarks.append(f"It was harmonised {said}, and moved back.")
    keep = np.zeros(music.pitches.shape, bool)
    keep[:, number] = True
    written = model.sample(given=music.transpose(shift), keep=keep, count=count, **settings)
    pieces = written if isinstance(written, list) else [written]
    found = []
    for piece in pieces:
        moved = _moved(piece.music, -shift)
        whole = with_track(encoding.decode(moved), alone, encoding.names[number], begin)
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
        voice_number("voices", name, encoding.names)
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


def _moved(music: Voices, shift: int) -> Voices:
    """Music moved by whole octaves; a note that would leave the MIDI range stays in it."""
    pitches = music.pitches.astype(np.int64) + shift
    pitches = np.where(pitches < 0, pitches % 12, pitches)
    pitches = np.where(pitches > 127, 116 + (pitches - 116) % 12, pitches)
    pitches = np.where(music.pitches >= 0, pitches, -1)
    return dataclasses.replace(music, pitches=pitches.astype(np.int16))


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
