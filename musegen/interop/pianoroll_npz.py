"""A score <-> a `.npz` file of pypianoroll, as the Lakh Pianoroll Dataset has them.

The file is a zip archive. `info.json` in it holds `resolution` (steps to the quarter note;
`beat_resolution` in files of pypianoroll 0.x, which are the same otherwise), `name`, and under
"0", "1" and so on each track's `name`, `program` and `is_drum`. Beside it stand NumPy arrays:
`tempo` (quarters a minute) and `downbeat` for each step, either of which may be missing, and four
for each track's roll of shape (steps, 128) as a sparse matrix, stored by columns, which are
pitches (scipy calls it CSC):

| array | holds |
|---|---|
| `pianoroll_0_csc_data` | velocities of the cells that sound (of type bool in a binary roll) |
| `pianoroll_0_csc_indices` | their steps |
| `pianoroll_0_csc_indptr` | where each pitch begins in these two, and their length: 129 numbers |
| `pianoroll_0_csc_shape` | steps, and 128 |

What notes such a roll stands for, `musegen.interop.pypianoroll` says. Files are read and written
here without pypianoroll and scipy, because anybody's file may be read: nothing in it is run, and
every size in it is checked before memory is taken.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import struct
import zipfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from symusic.core import ScoreTick

from musegen._timeline import bar_count, duration_seconds
from musegen.interop.dispatch import to_score
from musegen.interop.pypianoroll import (
    MAX_STEPS,
    Notes,
    notes_of_cells,
    score_of_notes,
    to_rolls,
    velocities,
)
from musegen.midi import MidiError, ReadLimits, _read_file, music_file

MAX_UNPACKED = 2**25
"""Bytes that a file's contents may have together, unpacked: 32 MiB, millions of cells. To read
them takes about ten times as much at worst."""

MAX_INFO = 2**20
"""Bytes that `info.json` may have."""

MAX_MEMBERS = 2**16
"""Files that the archive may have in it."""

_HEADER = re.compile(
    rb"\{'descr': '([<>|][biuf][1248])', 'fortran_order': (?:True|False), "
    rb"'shape': \((?:(\d{1,9})L?(?:, (\d{1,9})L?|,))?\), \}\s*"
)


def read_pianoroll_npz(path: str | os.PathLike[str], limits: ReadLimits | None = None) -> ScoreTick:
    """Reads a `.npz` file of pypianoroll 0.x or 1.x, such as one of the Lakh Pianoroll Dataset.

    Args:
        path: The file.
        limits: How large it may be. None means `ReadLimits()`. Unpacked it may have 32 MiB, and
            a track 4,194,304 steps.

    Returns:
        What `from_pypianoroll(pypianoroll.load(path))` gives: one tick a step, one track a track.

    Raises:
        MidiError: The file can't be read, is not of this kind, is damaged, or is over a limit.
    """
    limits = ReadLimits() if limits is None else limits
    name = os.fspath(path)
    archive = _Archive(_read_file(name, limits), name)
    info = archive.info()
    count = next(index for index in range(len(info) + 1) if str(index) not in info)
    limits.check("max_tracks", count, "tracks", name)
    resolution = info.get("resolution")
    if resolution is None:
        resolution = info.get("beat_resolution")
    if not isinstance(resolution, int) or isinstance(resolution, bool):
        archive.refuse(f"info.json gives a resolution of {resolution!r:.40}, and it is a number")
    tempo, downbeat = archive.array("tempo", "biuf"), archive.array("downbeat", "biuf")
    if any(len(found) > MAX_STEPS for found in (tempo, downbeat) if found is not None):
        archive.refuse(f"tempo or downbeat has more than {MAX_STEPS:,} steps")
    if downbeat is not None:
        limits.check("max_bars", int(np.count_nonzero(downbeat)), "bars", name)
    tracks, steps, total = [], 0, 0
    for index in range(count):
        notes, length = archive.roll(index)
        steps, total = max(steps, length), total + len(notes[0])
        if total <= limits.max_notes:  # else they are counted, and not kept
            tracks.append((*archive.labels(info[str(index)], index), notes))
    limits.check("max_notes", total, "notes", name)
    try:
        score = score_of_notes(resolution, steps, tempo, downbeat, tracks)
    except MidiError as error:
        archive.refuse(str(error).removesuffix("."))
    limits.check("max_hours", duration_seconds(score) / 3600, "hours", name)
    limits.check("max_bars", bar_count(score), "bars", name)
    return score


def write_pianoroll_npz(music: Any, path: str | os.PathLike[str], resolution: int = 24) -> Path:
    """Writes music as a `.npz` file that pypianoroll 1.x loads; it appears whole or not at all.

    Notes that touch at one pitch and velocity run together, as the format has no onsets, and of
    two that overlap the later one is heard. Meter stands there as the distance of the downbeats
    alone, so 6/8 comes back as 3/4, and so does a meter that only the last bar has, or a single
    bar of eight quarters or more. All else comes back as it was from `read_pianoroll_npz`, if it
    lies on the grid of `resolution` steps and ends before the last note does. The same music
    makes the same bytes.

    Args:
        music: Whatever `to_score` takes.
        path: The file to write; `to_score` reads it back if its name ends in `.npz`. Its folder
            is made if it is missing.
        resolution: Steps to the quarter note, 1 to 32,767. Starts and ends go to the nearest
            step; a note has at least one.

    Returns:
        The path.

    Raises:
        ValueError: `resolution` is not a whole number from 1 to 32,767.
        MidiError: The music has values that MIDI can't hold, or is longer than can be read, or
            the file can't be written. What was at `path` before is then still there.
    """
    score = to_score(music)
    tempo, downbeat, rolls = to_rolls(score, resolution)
    info: dict[str, Any] = {"resolution": resolution, "name": Path(path).stem}
    arrays = {"tempo": tempo, "downbeat": downbeat}
    for index, (track, roll) in enumerate(zip(score.tracks, rolls, strict=True)):
        info[str(index)] = {
            "program": track.program,
            "is_drum": track.is_drum,
            "name": track.name,
        }
        pitch, step = np.nonzero(roll.T)
        begins = np.cumsum(np.bincount(pitch, minlength=128))
        key = f"pianoroll_{index}_csc_"
        arrays[f"{key}data"] = roll[step, pitch]
        arrays[f"{key}indices"] = step.astype(np.int32)
        arrays[f"{key}indptr"] = np.append(0, begins).astype(np.int32)
        arrays[f"{key}shape"] = np.array(roll.shape, dtype=np.int64)
    size = sum(array.nbytes + 128 for array in arrays.values()) + MAX_INFO
    document = json.dumps(info).encode()
    if size > MAX_UNPACKED or len(document) > MAX_INFO:
        raise MidiError(
            f"the given music takes {size:,} bytes as piano rolls and {len(document):,} for names, "
            f"and at most {MAX_UNPACKED:,} and {MAX_INFO:,} are read again. Use a lower "
            "resolution, or a part of the music."
        )
    with music_file(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:

        def add(member: str, data: bytes) -> None:
            # A ZipInfo has a fixed date, and a name alone gets today's.
            archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)

        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            add(f"{key}.npy", buffer.getvalue())
        add("info.json", document)
    return Path(path)


class _Archive:
    """The contents of one file, each checked when it is asked for.

    Args:
        data: The file's bytes.
        name: What messages call it.

    Raises:
        MidiError: They are no zip archive, or too much when unpacked.
    """

    def __init__(self, data: bytes, name: str):
        self.name = name
        # Each file in the archive is listed under this mark; counted before zipfile lists them.
        if data.count(b"PK\x01\x02") > MAX_MEMBERS:
            self.refuse(f"it has more than {MAX_MEMBERS:,} files in it")
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception:  # noqa: BLE001 - whatever zipfile makes of hostile bytes
            self.refuse("not a pypianoroll file: it is no whole zip archive")
        self.members = {member.filename: member for member in self.zip.infolist()}
        size = sum(member.file_size for member in self.zip.infolist())
        if size > MAX_UNPACKED:
            self.refuse(f"{size:,} bytes when unpacked, and at most {MAX_UNPACKED:,} are read")

    def refuse(self, reason: str) -> NoReturn:
        """Raises a `MidiError`."""
        raise MidiError(
            f"{self.name}: {reason}. Give a .npz file as pypianoroll.save writes it, whole."
        ) from None

    def read(self, member: str) -> bytes | None:
        """Gives the bytes of a member, or None if there is none."""
        if member not in self.members:
            return None
        kind = self.members[member].compress_type
        if kind not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            self.refuse(f"{member} is packed in an unknown way ({kind})")
        try:
            with self.zip.open(self.members[member]) as file:
                # zipfile unpacks no more than it is asked for, but all of it if asked for all.
                return file.read(self.members[member].file_size + 1)
        except Exception as error:  # noqa: BLE001 - whatever zipfile makes of hostile bytes
            self.refuse(f"{member} is damaged ({type(error).__name__})")

    def info(self) -> dict[str, Any]:
        """Gives what `info.json` says."""
        if "info.json" not in self.members:
            self.refuse("not a pypianoroll file: info.json is missing in it")
        if self.members["info.json"].file_size > MAX_INFO:
            self.refuse(f"info.json has more than {MAX_INFO:,} bytes")
        try:
            info = json.loads(self.read("info.json") or b"")
        except (ValueError, RecursionError):
            self.refuse("info.json is no JSON")
        if not isinstance(info, dict):
            self.refuse("info.json has no names in it")
        return info

    def array(self, key: str, kinds: str) -> np.ndarray | None:
        """Gives an array as a flat one, or None if there is none.

        Args:
            key: Its name.
            kinds: Kinds of numbers that it may have, as in `numpy.dtype.kind`.
        """
        data = self.read(f"{key}.npy")
        if data is None:
            return None
        if data[:6] != b"\x93NUMPY" or len(data) < 12 or data[6] not in (1, 2, 3):
            self.refuse(f"{key} is no NumPy array")
        form, begin = ("<H", 10) if data[6] == 1 else ("<I", 12)
        end = begin + struct.unpack_from(form, data, 8)[0]
        header = _HEADER.fullmatch(data, begin, min(end, begin + 1000, len(data)))
        try:
            # Objects, the kind that would be unpickled, are not among what the pattern takes.
            dtype = np.dtype(header[1].decode()) if header else None
        except TypeError:
            dtype = None
        if header is None or dtype is None or dtype.kind not in kinds:
            self.refuse(f"{key} holds something else than the numbers that it should")
        shape = [int(length) for length in header.groups()[1:] if length is not None]
        if len(shape) == 2 and 1 not in shape:
            self.refuse(f"{key} has the shape {tuple(shape)}, and is one row")
        count = math.prod(shape)
        if len(data) != end + count * dtype.itemsize:
            self.refuse(f"{key} states {count:,} numbers and has others")
        return np.ndarray((count,), dtype, data, end)

    def roll(self, index: int) -> tuple[Notes, int]:
        """Gives the notes of a track, and its steps."""
        key = f"pianoroll_{index}"

        def part(suffix: str, kinds: str) -> np.ndarray:
            found = self.array(f"{key}_csc_{suffix}", kinds)
            if found is None:
                self.refuse(f"{key}_csc_{suffix} is missing")
            return found

        shape, begins = part("shape", "iu").tolist(), part("indptr", "iu")
        if len(shape) != 2 or shape[1] != 128 or not 0 <= shape[0] <= MAX_STEPS:
            self.refuse(
                f"{key} has the shape {tuple(shape)[:3]}, and at most ({MAX_STEPS}, 128) is read"
            )
        step, cells = part("indices", "iu"), part("data", "biuf")
        rising = len(begins) == 129 and begins[0] == 0 and not (begins[1:] < begins[:-1]).any()
        if not rising or not begins[-1] == len(step) == len(cells):
            self.refuse(f"the parts of {key} do not fit together")
        if len(step) > 128 * shape[0]:
            self.refuse(f"{key} has more cells than its {shape[0]:,} steps have")
        if len(step) and not 0 <= step.min() <= step.max() < shape[0]:
            self.refuse(f"{key} has a cell outside of its {shape[0]:,} steps")
        # Cells by number: pitch times steps, plus step. This is below 2^29.
        counts = begins[1:].astype(np.int64) - begins[:-1].astype(np.int64)
        pitch = np.repeat(np.arange(128, dtype=np.int32), counts)
        number = pitch * np.int32(shape[0]) + step.astype(np.int32)
        try:
            loud = velocities(cells)
        except MidiError as error:
            self.refuse(f"{key}: {error}".removesuffix("."))
        if (number[1:] <= number[:-1]).any():
            order = np.argsort(number, kind="stable")
            number, loud = number[order], loud[order]
            if (number[1:] == number[:-1]).any():
                self.refuse(f"{key} has a cell twice")
        number, loud = number[loud > 0], loud[loud > 0]
        pitch, step = np.divmod(number, np.int32(max(shape[0], 1)))
        return notes_of_cells(step, pitch, loud), shape[0]

    def labels(self, track: Any, index: int) -> tuple[str, int, bool]:
        """Gives name, program and whether it is drums of a track, out of what is said of it."""
        if not isinstance(track, dict):
            self.refuse(f"info.json says nothing of track {index}")
        name, program, is_drum = (track.get(label) for label in ("name", "program", "is_drum"))
        if not isinstance(name, str | None):
            self.refuse(f"info.json gives track {index} a name of {name!r:.40}, which is no text")
        if not isinstance(program, int | None) or not 0 <= (program or 0) <= 127:
            self.refuse(f"info.json gives track {index} a program of {program!r:.40}, not 0 to 127")
        if not isinstance(is_drum, bool | None):
            self.refuse(f"info.json gives track {index} is_drum={is_drum!r:.40}, not true or false")
        # JSON can hold halves of a character, which no other text can.
        text = (name or "").encode("utf-8", "replace").decode()
        return text, int(program or 0), bool(is_drum)
