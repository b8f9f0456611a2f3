"""MIDI files in and out: bytes <-> `symusic.Score`, and nothing else touches bytes.

A score holds tracks of notes, and beside them tempo, meter (time signatures), key and markers.
Its time is integer ticks, `score.ticks_per_quarter` of them to the quarter note; a note has a
start and a duration in ticks, a pitch and a velocity of 0 to 127. Without a tempo the pace is 120
quarters a minute, without a meter it is 4/4, as the MIDI standard has it. The first bar begins at
tick 0: a pickup is leading silence in the first bar.

Three rules hold for every score that is read, and again for every file that is written:

* A note of zero length gets one tick, so that a drum hit is not lost.
* Where two notes of one pitch overlap in a track, the first begun is the first ended. (MIDI has
  no way to say which of them a note-off means.)
* A track without a note is left out, as are lyrics, system exclusive messages, and a note that
  the file never ends.

So `read_midi(write_midi(score, path)) == score` for every score that `read_midi` gives, and for
every one that keeps to these rules with its events in order of time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import stat
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from symusic.core import NoteTickList, ScoreTick, TrackTick

from musegen._files import atomic_path
from musegen._timeline import bar_count, duration_seconds

MAX_TICK = 2**28 - 1
"""The last tick of a score: the longest time that one MIDI event can state."""

MAX_TEMPO = 2**24 - 1
"""Microseconds per quarter note of the slowest tempo: the most that a MIDI tempo can state."""

_FEWER_TICKS = "If it is too long, use fewer ticks per quarter note."


class MidiError(ValueError):
    """Music that can't be read or written as MIDI: says which, why, and what to do."""


class MidiWarning(UserWarning):
    """Something in a MIDI file was wrong and is left out; the notes are kept."""


@dataclasses.dataclass(frozen=True)
class ReadLimits:
    """How large a MIDI file may be; whatever is over a limit is a `MidiError`.

    Args:
        max_bytes: Size of the file, in bytes; checked before the file is read.
        max_tracks: Tracks in the file, and tracks in the score (a track of the file gives one for
            each channel and program in it).
        max_notes: Notes in all tracks together.
        max_hours: Time until the last event at the tempo that the file states, in hours.
        max_bars: Bars until the last event in the meter that the file states.

    Raises:
        ValueError: A limit is not a positive number (`max_hours` may be a fraction, the others
            are whole).

    Example:
        >>> ReadLimits(max_bars=10_000).max_bars
        10000
    """

    max_bytes: int = 10_000_000
    max_tracks: int = 256
    max_notes: int = 500_000
    max_hours: float = 24.0
    max_bars: int = 4096

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            kinds, kind = (
                ((int, float), "number") if field.name == "max_hours" else (int, "whole number")
            )
            usable = isinstance(value, kinds) and not isinstance(value, bool)
            if not (usable and math.isfinite(value) and value > 0):
                raise ValueError(f"{field.name}={value!r}: give a positive {kind}.")

    def check(self, field: str, found: float, unit: str, name: str) -> None:
        """Raises a `MidiError` about the file called `name` if `found` is over the limit."""
        allowed = getattr(self, field)
        if found > allowed:
            # max_hours rounds up, so that the value that the message names lets the file in.
            needed = math.ceil(found * 100) / 100 if field == "max_hours" else int(found)
            raise MidiError(
                f"{name}: {needed:,} {unit}, and at most {allowed:,} are read. "
                f"To read it, pass limits=ReadLimits({field}={needed})."
            )


_DEFAULT_LIMITS = ReadLimits()


def read_midi(
    source: str | os.PathLike[str] | bytes | bytearray, limits: ReadLimits | None = None
) -> ScoreTick:
    """Reads a MIDI file, with its tempo and meter.

    Args:
        source: The path of a Standard MIDI File of format 0 or 1, or such a file's bytes.
        limits: How large it may be. None means `ReadLimits()`.

    Returns:
        A `symusic.Score` in ticks; see the top of this module for what it holds.

    Raises:
        MidiError: The file can't be read, is not MIDI, or is over a limit.

    Warns:
        MidiWarning: An impossible tempo, meter or key (0 microseconds, 0/4, nine sharps) was
            left out.

    Example:
        >>> import symusic
        >>> score = symusic.Score(24)
        >>> score.tracks.append(symusic.Track("tune"))
        >>> score.tracks[0].notes.append(symusic.Note(0, 24, 60, 64))
        >>> read_midi(midi_bytes(score)) == score
        True
    """
    limits = _DEFAULT_LIMITS if limits is None else limits
    if isinstance(source, (bytes, bytearray)):
        data, name = bytes(source), "the given bytes"
        limits.check("max_bytes", len(data), "bytes", name)
    else:
        name = os.fspath(source)
        data = _read_file(name, limits)
    data = _with_true_track_count(data, name, limits)
    try:
        score = ScoreTick.from_midi(data)
    except Exception as error:  # noqa: BLE001 - whatever symusic makes of a hostile file
        reason = str(error).replace("MiniMidi: ", "").replace(": iostream error", "")
        raise MidiError(
            f"{name}: damaged MIDI ({reason}). Write it again from the program that made it."
        ) from None
    limits.check("max_tracks", len(score.tracks), "tracks (channels and programs apart)", name)
    limits.check("max_notes", score.note_num(), "notes", name)
    _leave_out_impossible(score, name)
    score = _settled(score, name)
    # Most files are so short that no tempo could make them too long. (The tempo is rounded up.)
    ticks = score.end() - min(score.start(), 0)
    if ticks * (MAX_TEMPO + 1) > limits.max_hours * 3600e6 * score.ticks_per_quarter:
        limits.check("max_hours", duration_seconds(score) / 3600, "hours", name)
    limits.check("max_bars", bar_count(score), "bars", name)
    return score


def write_midi(music: Any, path: str | os.PathLike[str]) -> Path:
    """Writes music as a MIDI file; the file appears whole or not at all.

    The tracks take the channels 1 to 16 in turn (drums 10, and no other track); with more than
    fifteen, several tracks share a channel, and a player gives them one instrument at a time.

    Args:
        music: A score, or whatever else `musegen.interop.to_score` takes.
        path: The file to write. Its folder is made if it is missing.

    Returns:
        The path.

    Raises:
        MidiError: The music has values that MIDI can't hold, or the file can't be written. What
            was at `path` before is then still there.
    """
    data = midi_bytes(music)
    with music_file(path) as temporary:
        temporary.write_bytes(data)
    return Path(path)


@contextlib.contextmanager
def music_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """As `atomic_path`, with a `MidiError` if the file can't be written."""
    try:
        with atomic_path(path) as temporary:
            yield temporary
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MidiError(
            f"{os.fspath(path)}: can't be written ({reason}). Name a file in a folder where you "
            "may write."
        ) from None


def midi_bytes(music: Any) -> bytes:
    """Gives the bytes of the MIDI file that `write_midi` would write.

    Args:
        music: A score, or whatever else `musegen.interop.to_score` takes.

    Returns:
        A Standard MIDI File of format 1.

    Raises:
        MidiError: The music has values that MIDI can't hold.
    """
    from musegen.interop import to_score

    score, name = to_score(music), "the given music"
    if not 1 <= score.ticks_per_quarter <= 0x7FFF:
        raise MidiError(
            f"{name} has {score.ticks_per_quarter:,} ticks per quarter note, and MIDI has 1 to "
            "32,767. Use score.resample(480)."
        )
    for _, _, what in _impossible_events(score):
        raise MidiError(f"{name} has {what}. Change it, or take it out.")
    score = _settled(score, name)
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


def _read_file(name: str, limits: ReadLimits) -> bytes:
    """Reads a file's bytes; its size is looked at first."""
    try:
        status = os.stat(name)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file"
            raise MidiError(f"{name}: {kind}. Give the path of one MIDI file.")
        limits.check("max_bytes", status.st_size, "bytes", name)
        with open(name, "rb") as file:
            data = file.read(status.st_size + 1)
            if len(data) > status.st_size:  # it grew since
                data += file.read(limits.max_bytes - status.st_size)
    except FileNotFoundError:
        raise MidiError(f"{name}: no such file. Check the path and the current folder.") from None
    except PermissionError:
        raise MidiError(f"{name}: no permission to read it.") from None
    except MidiError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise MidiError(f"{name!r}: can't be read ({reason}).") from None
    limits.check("max_bytes", len(data), "bytes", name)
    return data


def _with_true_track_count(data: bytes, name: str, limits: ReadLimits) -> bytes:
    """Checks the header, and corrects its count of tracks, by which symusic would lose some."""
    if len(data) < 14 or data[:4] != b"MThd":
        what = "empty" if not data else "not a MIDI file: it does not begin with 'MThd'"
        raise MidiError(f"{name}: {what}. Give a Standard MIDI File (.mid or .midi).")
    form, _, division = struct.unpack(">HHH", data[8:14])
    if form > 1:
        raise MidiError(
            f"{name}: MIDI format {form}, and only formats 0 and 1, one piece in a file, are read. "
            "Save it as format 1."
        )
    if division == 0 or division > 0x7FFF:
        what = "no ticks" if division == 0 else "its time in video frames (SMPTE)"
        raise MidiError(
            f"{name}: the header gives {what} instead of ticks per quarter note. "
            "Save it again with 1 to 32,767 ticks per quarter note."
        )
    tracks, position = 0, 14
    while position + 8 <= len(data):
        tracks += data[position : position + 4] == b"MTrk"
        position += 8 + int.from_bytes(data[position + 4 : position + 8], "big")
    limits.check("max_tracks", tracks, "tracks", name)
    return data[:10] + struct.pack(">H", min(tracks, 0xFFFF)) + data[12:]


def _impossible_events(score: ScoreTick) -> Iterator[tuple[str, list[bool], str]]:
    """Yields for each list with events that MIDI can't hold its name, where they are, and why."""
    for field, possible, rule in (
        (
            "tempos",
            lambda tempo: 1 <= tempo.mspq <= MAX_TEMPO,
            f"a quarter note has 1 to {MAX_TEMPO:,} microseconds",
        ),
        (
            "time_signatures",
            lambda meter: (
                1 <= meter.numerator <= 255 and meter.denominator in (1, 2, 4, 8, 16, 32, 64, 128)
            ),
            "a meter is 1 to 255 over 1, 2, 4, 8, 16, 32, 64 or 128",
        ),
        (
            "key_signatures",
            lambda key: -7 <= key.key <= 7 and 0 <= key.tonality <= 1,
            "a key has at most 7 sharps or flats, and is 0 (major) or 1 (minor)",
        ),
    ):
        events = getattr(score, field)
        wrong = [not possible(event) for event in events]
        if True in wrong:
            yield field, wrong, f"{events[wrong.index(True)]} ({rule})"


def _leave_out_impossible(score: ScoreTick, name: str) -> None:
    """Takes impossible tempos, meters and keys out of a score that was read, with a warning."""
    for field, wrong, what in _impossible_events(score):
        events = getattr(score, field)
        kept = [event for event, out in zip(events, wrong, strict=True) if not out]
        setattr(score, field, type(events)(kept))
        warnings.warn(
            f"{name}: left out {sum(wrong)} of {len(wrong)} {field}, such as {what}.",
            MidiWarning,
            stacklevel=3,
        )


def _settled(score: ScoreTick, name: str) -> ScoreTick:
    """Gives a score that keeps to the three rules: the same one where it does already.

    Raises:
        MidiError: An event lies outside of 0 to `MAX_TICK`, or a pitch below 0.
    """
    settled: dict[int, NoteTickList] = {}
    silent = []
    for index, track in enumerate(score.tracks):
        notes = track.notes.numpy()
        start, duration = notes["time"], notes["duration"]
        pitch, velocity = notes["pitch"], notes["velocity"]
        if not len(start):
            silent.append(index)
            continue
        for key, values in (("start", start), ("duration", duration)):
            unsigned = values.view(np.uint32)  # where what is below 0 is above 2^31
            if unsigned.max() > MAX_TICK:
                raise MidiError(
                    f"{name}: track {index} ({track.name!r}) has a note whose {key} is "
                    f"{values[unsigned.argmax()]:,} ticks, and MIDI has 0 to {MAX_TICK:,}. "
                    f"{_FEWER_TICKS}"
                )
        if pitch.min() < 0:
            raise MidiError(
                f"{name}: track {index} ({track.name!r}) has a note of pitch {pitch.min()}, and "
                "MIDI has 0 to 127. Transpose it or take it out."
            )
        if duration.min() < 1 or velocity.min() < 1 or (start[1:] < start[:-1]).any():
            order = np.argsort(start, kind="stable")
            settled[index] = NoteTickList.from_numpy(
                start[order],
                np.maximum(duration[order], 1),
                pitch[order],
                np.maximum(velocity[order], 1),
            )
    if settled or silent:
        score = score.copy()
        for index, replacement in settled.items():
            score.tracks[index].notes = replacement
        for index in reversed(silent):
            score.tracks.pop(index)
    if not 0 <= score.end() <= MAX_TICK or (score.tracks and score.start() < 0):
        raise MidiError(
            f"{name}: its events lie between the ticks {score.start():,} and {score.end():,}, and "
            f"MIDI has 0 to {MAX_TICK:,}. {_FEWER_TICKS}"
        )
    return score
