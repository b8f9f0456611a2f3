"""Music in any form -> a score, and from there to a MIDI file.

The file of each library enters in `CLASSES` what its music is turned into a score by, so that the
library is asked for only where its music is handed in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

from symusic.core import ScoreQuarter, ScoreSecond, ScoreTick

from musegen._checks import checked_path
from musegen.midi import ReadLimits, read_midi
from musegen.midi import midi_bytes as score_bytes
from musegen.midi import write_midi as write_score
from musegen.midi.limits import checked_limits

# What `to_score` takes. The libraries behind it are not imported for their types' sake.
MusicLike: TypeAlias = Any

CLASSES: dict[tuple[str, str], Callable[[Any], ScoreTick]] = {}
"""What makes a score of objects of another library's class, by its module and its name there."""

FILES: dict[str, Callable[[Any, ReadLimits | None], ScoreTick]] = {}
"""What reads files of a suffix, given a path and limits; all else is MIDI."""


def to_score(music: MusicLike, limits: ReadLimits | None = None) -> ScoreTick:
    """Returns a score for music in any form.

    Args:
        music: A path of a MIDI file or its bytes, a path of a MusicXML file (`.musicxml`, `.mxl` or
            `.xml`) or of a pypianoroll file (`.npz`, as the Lakh Pianoroll Dataset has them), a
            `symusic.Score` (one in quarters or seconds is converted to ticks), a
            `pretty_midi.PrettyMIDI`, a `music21.stream.Stream`, a `pypianoroll.Multitrack`, or an
            object that has a score as its attribute `score`.
        limits: How large a path or bytes may be. None means `ReadLimits()`.

    Returns:
        The score in ticks: the same object where one was given.

    Raises:
        TypeError: If `music` is something else.
        ValueError: If `limits` is something else, or a path has no file's name.
        MidiError: If a file can't be read, or a value has no place in a score.

    Example:
        >>> import symusic
        >>> score = symusic.Score(480)
        >>> to_score(score) is score
        True
    """
    return score_of("music", music, checked_limits(limits))


def score_of(name: str, music: MusicLike, limits: ReadLimits | None = None) -> ScoreTick:
    """As `to_score`, for an argument of another name."""
    if isinstance(music, ScoreTick):
        return music
    if isinstance(music, (ScoreQuarter, ScoreSecond)):
        return cast(ScoreTick, music.to("tick"))
    if isinstance(music, (str, os.PathLike)):
        file = checked_path(name, music).name.lower()
        readers = (read for suffix, read in FILES.items() if file.endswith(suffix))
        return next(readers, read_midi)(music, limits)
    if isinstance(music, (bytes, bytearray)):
        return read_midi(music, limits)
    for (module, kind), convert in CLASSES.items():
        if isinstance(music, getattr(sys.modules.get(module), kind, ())):
            return convert(music)
    inner = getattr(music, "score", None)
    if isinstance(inner, (ScoreTick, ScoreQuarter, ScoreSecond)):
        return score_of(name, inner)
    raise TypeError(
        f"{name} is a {type(music).__module__}.{type(music).__qualname__}: give a path or bytes of "
        "a MIDI file, a path of a MusicXML file or a .npz of pypianoroll, a symusic.Score, a "
        "pretty_midi.PrettyMIDI, a music21 stream, a pypianoroll.Multitrack, or an object "
        "with a score as its attribute `score`."
    )


def write_midi(music: MusicLike, path: str | os.PathLike[str]) -> Path:
    """Writes music as a MIDI file; the file appears whole or not at all.

    The tracks take the channels 1 to 16 in turn (drums 10, and no other track); with more than
    fifteen, several tracks share a channel, and a player gives them one instrument at a time.

    Args:
        music: A score, or whatever else `musegen.interop.to_score` takes.
        path: The file to write; its suffix is `.mid` or `.midi`. Its folder is made if it is
            missing.

    Returns:
        The path.

    Raises:
        ValueError: If the suffix is another.
        MidiError: If the music has values that MIDI can't hold, or the file can't be written; what
            was at `path` before is then still there.
    """
    return write_score(to_score(music), path)


def midi_bytes(music: MusicLike) -> bytes:
    """Returns the bytes of the file that `write_midi` would write; raises as it does."""
    return score_bytes(to_score(music))
