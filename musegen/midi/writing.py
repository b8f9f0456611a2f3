"""A score -> bytes and files. `musegen.write_midi` takes other music too and ends up here."""

from __future__ import annotations

import os
from pathlib import Path

from symusic.core import ScoreTick, TrackTick

from musegen._checks import checked_kind, checked_path, shown
from musegen._files import written_path
from musegen.midi.rules import MidiError, impossible_events, settle

SUFFIXES = (".mid", ".midi")


def write_midi(score: ScoreTick, path: str | os.PathLike[str]) -> Path:
    """Writes a score as a MIDI file, as `musegen.write_midi` does.

    Args:
        score: The score, in ticks.
        path: The file to write; its suffix is `.mid` or `.midi`.

    Returns:
        The path.

    Raises:
        ValueError: If `score` is something else, or the suffix is another.
        MidiError: If the score has values that MIDI can't hold, or the file can't be written.
    """
    if checked_path("path", path).suffix.lower() not in SUFFIXES:
        raise ValueError(f"path={shown(os.fspath(path))}: give a name that ends in .mid or .midi.")
    data = midi_bytes(score)
    with written_path(path, MidiError) as temporary:
        temporary.write_bytes(data)
    return Path(path)


def midi_bytes(score: ScoreTick) -> bytes:
    """Returns the bytes of the file of format 1 that `write_midi` would write; raises as it does.

    Args:
        score: The score, in ticks.
    """
    checked_kind("score", score, ScoreTick, "a symusic.Score in ticks")
    name = "the given music"
    if not 1 <= score.ticks_per_quarter <= 0x7FFF:
        raise MidiError(
            f"{name} has {score.ticks_per_quarter:,} ticks per quarter note, and MIDI has 1 to "
            "32,767. Use score.resample(480)."
        )
    for _, _, what in impossible_events(score):
        raise MidiError(f"{name} has {what}. Change it, or take it out.")
    score = settle(score, name)
    if not score.tracks:  # symusic mixes up tempo and meter where it has no track to put them in
        score = score.copy()
        score.tracks.append(TrackTick())
    try:
        data = score.dumps_midi()
        ScoreTick.from_midi(data)  # symusic writes values above 127, and refuses to read them
    except Exception as error:  # noqa: BLE001 - symusic names no class of its own
        reason = str(error).replace("Get ", "")
        raise MidiError(f"{name} has {reason}, which MIDI can't hold. Change it.") from None
    return data
