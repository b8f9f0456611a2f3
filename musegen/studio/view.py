"""A piece as the page draws and plays it, what a melody copied, and a piece as a file.

Times are in quarter notes from the first bar line.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from musegen._timeline import TempoMap, bars_of
from musegen.composition import Composition, MelodyComposition, PianorollComposition
from musegen.encoding.melody import FIRST_PITCH
from musegen.expression import expressive
from musegen.sampling.noise import NAMES

FILES = {
    ".mid": "audio/midi",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".png": "image/png",
    ".wav": "audio/wav",
}
"""What a piece can be had as, with the type of each."""

SOURCES = 8
"""Events that a note is shown to have looked at, or copied, the heaviest."""


def view(piece: Composition) -> dict[str, Any]:
    """Returns what the page shows of a piece."""
    score = piece.score
    quarter = score.ticks_per_quarter
    played = expressive(score)
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
        "copies": isinstance(piece, MelodyComposition) and piece.maps_of is not None,
        "knobs": _knobs(piece) if isinstance(piece, PianorollComposition) else None,
    }


def _knobs(piece: PianorollComposition) -> dict[str, list[str]]:
    """The four noises, each with the tracks that have one of their own."""
    names = [track.name for track in piece.encoding.tracks]
    of = {name: getattr(piece.noise[0], name).shape for name in NAMES}
    return {
        name: names if len(shape) == 2 and shape[0] == len(names) else []
        for name, shape in of.items()
    }


def attended(piece: Composition) -> dict[str, Any]:
    """Returns what each note that a model wrote was copied from, or else what it looked at.

    Returns:
        `of`, `"copied"` or `"attention"`, and `notes`: the time of each note, with the times of
        earlier events and their weights, at least a hundredth, the heaviest `SOURCES`.

    Raises:
        ValueError: If the piece is no melody, or its model has neither.
    """
    if not isinstance(piece, MelodyComposition) or piece.maps_of is None:
        raise ValueError("This piece has no attention: a melody model shows what it looked at.")
    copied, attention = piece.copied, piece.attention
    if copied is not None:
        of, rows = "copied", copied[0]
    elif attention is not None:
        of, rows = "attention", attention.mean(axis=0)
    else:
        raise ValueError("This model has no attention.")
    times = piece.event_times / piece.score.ticks_per_quarter
    sounding = piece.melody.pitches >= FIRST_PITCH
    notes = []
    for event, row in enumerate(np.asarray(rows), start=piece.prompt_events):
        row = np.where(sounding[: len(row)], row, 0)
        heaviest = np.argsort(-row, kind="stable")[:SOURCES]
        sources = [[float(times[i]), round(float(row[i]), 3)] for i in heaviest if row[i] >= 0.01]
        if sounding[event]:
            notes.append([float(times[event]), sources])
    return {"of": of, "notes": notes}


def as_file(piece: Composition, suffix: Any) -> bytes:
    """Returns the bytes of the file that `piece.save` writes of a piece, with a suffix of `FILES`.

    Raises:
        ValueError: If it is another suffix, or such a file can't hold the piece.
    """
    if not isinstance(suffix, str) or suffix not in FILES:
        raise ValueError(f"suffix={suffix!r}: choose one of {', '.join(FILES)}.")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sound is plain tones is said in docs/studio.md
        path = Path(folder) / f"piece{suffix}"
        try:
            return piece.save(path).read_bytes()
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "the file")) from None
