"""Music in any form -> a score."""

from __future__ import annotations

import os
import sys
from typing import Any, TypeAlias, cast

from symusic.core import ScoreQuarter, ScoreSecond, ScoreTick

from musegen._checks import checked_kind, checked_path
from musegen.midi import ReadLimits, read_midi

# What `to_score` takes. The libraries behind it are not imported for their types' sake.
MusicLike: TypeAlias = Any


def to_score(music: MusicLike, limits: ReadLimits | None = None) -> ScoreTick:
    """Gives a score for music in any form.

    Args:
        music: A path of a MIDI file or its bytes, a path of a pypianoroll file whose name ends in
            `.npz` (as the Lakh Pianoroll Dataset has them), a `symusic.Score` (one in quarters or
            seconds is converted to ticks), a `pretty_midi.PrettyMIDI`, a `music21.stream.Stream`,
            a `pypianoroll.Multitrack`, or an object that has a score as its attribute `score`.
        limits: How large a path or bytes may be. None means `ReadLimits()`.

    Returns:
        The score in ticks: the same object where one was given.

    Raises:
        TypeError: `music` is something else.
        ValueError: `limits` is something else, or a path has no file's name.
        MidiError: A file can't be read, or a value has no place in a score.

    Example:
        >>> import symusic
        >>> score = symusic.Score(480)
        >>> to_score(score) is score
        True
    """
    if limits is not None:
        checked_kind("limits", limits, ReadLimits, "a ReadLimits, or None")
    return score_of("music", music, limits)


def score_of(name: str, music: MusicLike, limits: ReadLimits | None = None) -> ScoreTick:
    """As `to_score`, for an argument of another name."""
    if isinstance(music, ScoreTick):
        return music
    if isinstance(music, (ScoreQuarter, ScoreSecond)):
        return cast(ScoreTick, music.to("tick"))
    if isinstance(music, (str, os.PathLike)):
        if checked_path(name, music).name.lower().endswith(".npz"):
            from musegen.interop.pianoroll_npz import read_pianoroll_npz

            return read_pianoroll_npz(music, limits)
        return read_midi(music, limits)
    if isinstance(music, (bytes, bytearray)):
        return read_midi(music, limits)
    if _is(music, "pretty_midi", "PrettyMIDI"):
        from musegen.interop.pretty_midi import from_pretty_midi

        return from_pretty_midi(music)
    if _is(music, "music21.stream", "Stream"):
        from musegen.interop.music21 import from_music21

        return from_music21(music)
    if _is(music, "pypianoroll", "Multitrack"):
        from musegen.interop.pypianoroll import from_pypianoroll

        return from_pypianoroll(music)
    inner = getattr(music, "score", None)
    if isinstance(inner, (ScoreTick, ScoreQuarter, ScoreSecond)):
        return score_of(name, inner)
    raise TypeError(
        f"{name} is a {type(music).__module__}.{type(music).__qualname__}: give a path or bytes of "
        "a MIDI file, a path of a .npz file of pypianoroll, a symusic.Score, a "
        "pretty_midi.PrettyMIDI, a music21 stream, a pypianoroll.Multitrack, or an object "
        "with a score as its attribute `score`."
    )


def _is(music: Any, module: str, name: str) -> bool:
    """Says whether `music` is of a class of another library, which is not imported to see."""
    return isinstance(music, getattr(sys.modules.get(module), name, ()))
