"""MIDI files in and out: bytes <-> `symusic.Score`, and nothing else touches bytes.

A score holds tracks of notes, and beside them tempo, meter (time signatures), key and markers.
Its time is integer ticks, `score.ticks_per_quarter` of them to the quarter note; a note has a
start and a duration in ticks, a pitch and a velocity of 0 to 127. Without a tempo the pace is 120
quarters a minute, without a meter it is 4/4, as the MIDI standard has it. The first bar begins at
tick 0: a pickup is leading silence in the first bar.

Some rules hold for every score that is read, and again for every file that is written:

* A note of zero length gets one tick, so that a drum hit is not lost.
* Where two notes of one pitch overlap in a track, the first begun is the first ended. (MIDI has
  no way to say which of them a note-off means.)
* A track without a note is left out, as are lyrics, system exclusive messages, and a note that
  the file never ends; the end of a note that did not begin is passed over.
* Of several tempos at one tick the last one counts and is kept; meters and keys likewise. (Of more
  than 23 in a file, symusic may take another one of that tick for the last.)
* Markers at one tick are in the order of their texts (of up to 100,000 markers).
* The sustain pedal stands among the controls, as number 64; `track.pedals` is empty.

A damaged file gives the notes that stand clear of the damage, by the rules on top of
`musegen.midi.repair`, with a warning that says what was skipped; where no note is left, an error.
Whatever is in a file of the default `ReadLimits`, reading it takes less than 10 seconds and 500 MB
(on one core of 2026; what is under 100 kB, 1 second and 200 MB): program changes, which could make
a file grow by the thousandfold, are counted before.

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
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from symusic.core import ScoreTick, TrackTick

from musegen._checks import checked_int, checked_kind, checked_path, checked_positive, shown
from musegen._files import atomic_path
from musegen._timeline import bar_count, duration_seconds

if TYPE_CHECKING:
    from musegen.interop import MusicLike
from musegen.midi.guard import chunks, is_plain, may_multiply
from musegen.midi.repair import TooDamaged, walk
from musegen.midi.rules import (
    MAX_TEMPO,
    MAX_TICK,
    MidiError,
    MidiWarning,
    impossible_events,
    leave_out_impossible,
    settle,
    warn,
)

__all__ = [
    "MAX_TEMPO",
    "MAX_TICK",
    "MidiError",
    "MidiWarning",
    "ReadLimits",
    "midi_bytes",
    "music_file",
    "read_midi",
    "write_midi",
]

_REMEDY = "Write it again from the program that made it."


@dataclasses.dataclass(frozen=True)
class ReadLimits:
    """How large a MIDI file may be; whatever is over a limit is a `MidiError`.

    Args:
        max_bytes: Size of the file, in bytes, at least 1; checked before the file is read.
        max_tracks: Tracks in the file, at least 1, and tracks in the score (a track of the file
            gives one for each channel and program in it).
        max_notes: Notes in all tracks together, at least 1.
        max_hours: Time until the last event at the tempo that the file states, in hours, above 0.
        max_bars: Bars until the last event in the meter that the file states, at least 1.

    Raises:
        ValueError: A limit is out of its range.

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
            if field.name == "max_hours":
                value = checked_positive(field.name, value)
            else:
                value = checked_int(field.name, value, 1)
            object.__setattr__(self, field.name, value)

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
        MidiError: The file can't be read, is not MIDI, is over a limit, or is so damaged that no
            note can be kept.

    Warns:
        MidiWarning: An impossible tempo, meter or key (0 microseconds, 0/4, nine sharps) was left
            out, or what is damaged was skipped; it says what, and how often.

    Example:
        >>> import symusic
        >>> score = symusic.Score(24)
        >>> score.tracks.append(symusic.Track("tune"))
        >>> score.tracks[0].notes.append(symusic.Note(0, 24, 60, 64))
        >>> read_midi(midi_bytes(score)) == score
        True
    """
    limits = _DEFAULT_LIMITS if limits is None else limits
    checked_kind("limits", limits, ReadLimits, "a ReadLimits, or None")
    if isinstance(source, (bytes, bytearray)):
        data, name = bytes(source), "the given bytes"
        limits.check("max_bytes", len(data), "bytes", name)
    else:
        checked_path("source", source)
        name = os.fspath(source)
        data = _read_file(name, limits)
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
        TypeError: `music` is none.
        ValueError: The suffix is another.
        MidiError: The music has values that MIDI can't hold, or the file can't be written. What
            was at `path` before is then still there.
    """
    if checked_path("path", path).suffix.lower() not in (".mid", ".midi"):
        raise ValueError(f"path={shown(os.fspath(path))}: give a name that ends in .mid or .midi.")
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


def midi_bytes(music: MusicLike) -> bytes:
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


def _checked(data: bytes, name: str) -> bytes:
    """Checks the header, giving the file without a wrapper (RIFF, which .rmi files have)."""
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
    """Gives the score that symusic makes of a file, or of what is valid in it."""
    tracks, tidy = chunks(data)
    limits.check("max_tracks", len(tracks), "tracks", name)
    if (
        tidy
        and is_plain(data)
        and not may_multiply(data, tracks, limits.max_bytes, limits.max_tracks)
    ):
        count = struct.pack(">H", len(tracks))  # symusic reads as many as the header says
        try:
            return ScoreTick.from_midi(
                data if data[10:12] == count else data[:10] + count + data[12:]
            )
        except Exception:  # noqa: BLE001, S110 - whatever symusic makes of a hostile file
            pass
    try:
        found = walk(data)
    except TooDamaged:
        raise MidiError(
            f"{name}: damaged MIDI (in more places than are mended). {_REMEDY}"
        ) from None
    limits.check("max_tracks", found.chunks, "tracks", name)
    limits.check("max_tracks", found.tracks, "tracks (channels and programs apart)", name)
    limits.check("max_bytes", found.names, "bytes in the names of tracks", name)
    what = ", ".join(f"{kind} ({count:,})" for kind, count in found.skipped.items())
    try:
        score = ScoreTick.from_midi(found.data)
    except Exception as error:  # noqa: BLE001
        raise MidiError(f"{name}: damaged MIDI ({what or error}). {_REMEDY}") from None
    if found.skipped:
        if not score.note_num():
            raise MidiError(
                f"{name}: damaged MIDI, and no note can be kept (skipped: {what}). {_REMEDY}"
            )
        warn(f"{name}: damaged MIDI; the notes clear of it are kept (skipped: {what}).")
    return score
