"""A piece as a page draws and plays it, and what each note of a melody looked at and copied.

Times are in quarter notes from the first bar line.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._timeline import TempoMap, bars_of
from musegen.encoding.melody import FIRST_PITCH
from musegen.expression import expressive

if TYPE_CHECKING:
    from musegen.composition import Composition, PianorollComposition

SOURCES = 8
"""Events that a note is shown to have looked at, or copied, the heaviest."""


def view(piece: Composition, played: Any = None) -> dict[str, Any]:
    """Returns what a page shows of a piece.

    Args:
        piece: The piece.
        played: Its score as it is to be played; by default with dynamics.
    """
    score = piece.score
    quarter = score.ticks_per_quarter
    played = expressive(score) if played is None else played
    end = max((track.end() for track in score.tracks if len(track.notes)), default=1)
    tempo = TempoMap.of(score)
    ticks = tempo.ticks.tolist()
    prompt = piece._prompt_end
    return {
        "title": piece.origin,
        "summary": piece.summary(),
        "remarks": list(getattr(piece, "remarks", ())),
        "end": end / quarter,
        "given": None if prompt is None else prompt / quarter,
        "tempos": [
            [tick / quarter, 6e7 / micro]
            for tick, after, micro in zip(ticks, [*ticks[1:], np.inf], tempo.tempos.tolist())
            if tick < after
        ],
        "bars": [
            [bar.start / quarter, bar.end / quarter, bar.number, bar.beat / quarter]
            for bar in bars_of(score, end)
        ],
        "voices": [
            {
                "name": track.name.strip()[:40] or f"voice {number}",
                "program": track.program,
                "drums": track.is_drum,
                "notes": [
                    [note.time / quarter, note.duration / quarter, note.pitch, note.velocity]
                    for note in track.notes
                ],
            }
            for number, track in enumerate(played.tracks, start=1)
            if len(track.notes)
        ],
        "looks": getattr(piece, "maps_of", None) is not None,
        "knobs": _knobs(piece) if getattr(piece, "noise", None) else None,  # type: ignore[arg-type]
    }


def _knobs(piece: PianorollComposition) -> dict[str, list[str]]:
    """The four noises, each with the tracks that have one of their own."""
    names = [track.name for track in piece.encoding.tracks]
    noise = piece.noise[0]
    of = {field.name: getattr(noise, field.name).shape for field in dataclasses.fields(noise)}
    return {
        name: names if len(shape) == 2 and shape[0] == len(names) else []
        for name, shape in of.items()
    }


def attended(piece: Composition) -> dict[str, Any]:
    """Returns what each note that a model wrote was copied from, and what the network looked at.

    Returns:
        `copied` and `attention`, each None where the model has no such thing, or else a list of
        the notes: the time of each, with the times of earlier notes and their weights, 0.01 to 1,
        the heaviest `SOURCES`. A weight of `copied` is a share of the note's probability, one of
        `attention` that of the network, as the mean of its heads.

    Raises:
        ValueError: If the piece is no melody, its model has neither, or the piece is too long.
    """
    melody: Any = piece
    maps: dict[str, Any] = {"copied": None, "attention": None}
    if getattr(piece, "maps_of", None) is not None:
        copied, attention = melody.copied, melody.attention
        maps["copied"] = None if copied is None else _sources(melody, copied[0])
        maps["attention"] = None if attention is None else _sources(melody, attention.mean(axis=0))
    if not any(maps.values()):
        raise ValueError(
            "This piece has no attention: melodies have it, of a model that copies or attends."
        )
    return maps


def _sources(piece: Any, rows: Any) -> list[list[Any]]:
    """Each note that was written, and the earlier notes that have the most weight in its row."""
    times = piece.event_times / piece.score.ticks_per_quarter
    sounding = piece.melody.pitches >= FIRST_PITCH
    notes = []
    for event, row in enumerate(np.asarray(rows), start=piece.prompt_events):
        row = np.where(sounding[: len(row)], row, 0)
        heaviest = np.argsort(-row, kind="stable")[:SOURCES]
        sources = [[float(times[i]), round(float(row[i]), 3)] for i in heaviest if row[i] >= 0.01]
        if sounding[event]:
            notes.append([float(times[event]), sources])
    return notes
