"""Bytes -> a score: what a file must have at its beginning, and how it is parsed.

symusic parses what `musegen.midi.guard` finds plain; all else is first written clean by
`musegen.midi.repair`. The rules that a score keeps to stand on top of `musegen.midi`.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import Any

from symusic.core import ScoreTick

from musegen._checks import checked_path
from musegen._timeline import bar_count, duration_seconds
from musegen.midi.guard import chunks, is_plain, may_multiply
from musegen.midi.limits import ReadLimits, checked_limits
from musegen.midi.repair import TooDamaged, Walk
from musegen.midi.rules import MAX_TEMPO, MidiError, leave_out_impossible, settle, warn

_REMEDY = "Write it again from the program that made it."


def read_midi(
    source: str | os.PathLike[str] | bytes | bytearray, limits: ReadLimits | None = None
) -> ScoreTick:
    """Reads a MIDI file, with its tempo and meter.

    Args:
        source: The path of a Standard MIDI File of format 0 or 1, or such a file's bytes.
        limits: How large it may be. None means `ReadLimits()`.

    Returns:
        A `symusic.Score` in ticks; see the top of `musegen.midi` for what it holds.

    Raises:
        ValueError: If `source` is not a path or bytes, or `limits` is something else.
        MidiError: If the file can't be read, is not MIDI, is over a limit, or is so damaged that
            no note can be kept.

    Warns:
        MidiWarning: An impossible tempo, meter or key (0 microseconds, 0/4, nine sharps) was left
            out, or what is damaged was skipped; it says what, and how often.

    Example:
        >>> import symusic
        >>> from musegen.midi import midi_bytes
        >>> score = symusic.Score(24)
        >>> score.tracks.append(symusic.Track("tune"))
        >>> score.tracks[0].notes.append(symusic.Note(0, 24, 60, 64))
        >>> read_midi(midi_bytes(score)) == score
        True
    """
    limits = checked_limits(limits)
    data, name = given_bytes("source", source, limits)
    score = _parsed(_checked(data, name), name, limits)
    limits.check("max_tracks", len(score.tracks), "tracks (channels and programs apart)", name)
    limits.check("max_notes", score.note_num(), "notes", name)
    leave_out_impossible(score, name)
    score = settle(score, name)
    # Most files are so short that no tempo could make them too long. (The tempo is rounded up.)
    ticks = score.end() - min(score.start(), 0)
    if ticks * (MAX_TEMPO + 1) > limits.max_hours * 3600e6 * score.ticks_per_quarter:
        limits.check("max_hours", duration_seconds(score) / 3600, "hours", name)
    limits.check("max_bars", bar_count(score), "bars", name)
    return score


def given_bytes(argument: str, source: Any, limits: ReadLimits) -> tuple[bytes, str]:
    """Returns the bytes of a file, or those that were given, and what messages call them."""
    if isinstance(source, (bytes, bytearray)):
        data, name = bytes(source), "the given bytes"
        limits.check("max_bytes", len(data), "bytes", name)
        return data, name
    checked_path(argument, source)
    name = os.fspath(source)
    return file_bytes(name, limits), name


def file_bytes(name: str, limits: ReadLimits) -> bytes:
    """Reads a file's bytes; its size is looked at first, and again as it is read."""
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


def _checked(data: bytes, name: str) -> bytes:
    """Checks the header; returns the file without its wrapper (RIFF, which .rmi files have)."""
    start = data.find(b"MThd", 20) if data[:4] == b"RIFF" and data[8:12] == b"RMID" else -1
    if start > 0:
        data = data[start : start + int.from_bytes(data[start - 4 : start], "little")]
    if data[:4] != b"MThd":
        what = "empty" if not data else "not a MIDI file: it does not begin with 'MThd'"
        raise MidiError(f"{name}: {what}. Give a Standard MIDI File (.mid or .midi).")
    if len(data) < 14:
        raise MidiError(f"{name}: damaged MIDI (it ends within its header). {_REMEDY}")
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
    return data


def _parsed(data: bytes, name: str, limits: ReadLimits) -> ScoreTick:
    """Returns the score that symusic makes of a file, or of what is valid in it."""
    tracks, tidy = chunks(data)
    limits.check("max_tracks", len(tracks), "tracks", name)
    most = limits.max_bytes, limits.max_tracks
    if tidy and is_plain(data, tracks) and not may_multiply(data, tracks, *most):
        count = struct.pack(">H", len(tracks))  # symusic reads as many as the header says
        try:
            return ScoreTick.from_midi(data[:10] + count + data[12:])
        except Exception:  # noqa: BLE001, S110 - whatever symusic makes of a hostile file
            pass
    try:
        found = Walk(data)
    except TooDamaged:
        where = "in more places than are mended"
        raise MidiError(f"{name}: damaged MIDI ({where}). {_REMEDY}") from None
    limits.check("max_tracks", found.chunks, "tracks", name)
    limits.check("max_tracks", found.tracks, "tracks (channels and programs apart)", name)
    limits.check("max_bytes", found.names, "bytes in the names of tracks", name)
    what = ", ".join(f"{kind} ({count:,})" for kind, count in found.skipped.items())
    try:
        score = ScoreTick.from_midi(found.clean)
    except Exception as error:  # noqa: BLE001
        raise MidiError(f"{name}: damaged MIDI ({what or error}). {_REMEDY}") from None
    if found.skipped:
        if not score.note_num():
            raise MidiError(
                f"{name}: damaged MIDI, and no note can be kept (skipped: {what}). {_REMEDY}"
            )
        warn(f"{name}: damaged MIDI; the notes clear of it are kept (skipped: {what}).")
    return score
