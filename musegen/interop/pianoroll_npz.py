"""A score <-> a `.npz` file of pypianoroll, as the Lakh Pianoroll Dataset has them.

The file is a zip archive. `info.json` in it holds `resolution` (steps to the quarter note;
`beat_resolution` in files of pypianoroll 0.x, which are the same otherwise), `name`, and under
"0", "1" and so on each track's `name`, `program` and `is_drum`. Beside it stand NumPy arrays:
`tempo` (quarters per minute) and `downbeat` for each step, either of which may be missing, and four
for each track's roll of shape (steps, 128) as a sparse matrix, stored by columns, which are
pitches (scipy calls it CSC):

| array | holds |
|---|---|
| `pianoroll_0_csc_data` | velocities of the cells that sound (of type bool in a binary roll) |
| `pianoroll_0_csc_indices` | their steps |
| `pianoroll_0_csc_indptr` | where each pitch begins in these two, and their length: 129 numbers |
| `pianoroll_0_csc_shape` | steps, and 128 |

`musegen.interop.pypianoroll` has the notes that such a roll stands for. Files are read and written
here without pypianoroll, because anybody's file may be read: nothing in it is run, and every size
in it is checked before memory is taken.
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
from typing import Annotated, Any

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import checked_path
from musegen._files import written_path
from musegen._timeline import bar_count, duration_seconds
from musegen.interop._archive import Archive
from musegen.interop.dispatch import FILES, MusicLike, to_score
from musegen.interop.pypianoroll import (
    GRID,
    MAX_STEPS,
    RESOLUTIONS,
    NoteColumns,
    note_begins,
    notes_of_cells,
    score_of_notes,
    to_rolls,
    velocities,
)
from musegen.midi import MidiError, ReadLimits
from musegen.midi.limits import checked_limits
from musegen.midi.reading import file_bytes
from musegen.settings import declared

MAX_UNPACKED = 2**25
"""Bytes of a file's contents, unpacked: 32 MiB. Reading takes four times as much at worst."""

MAX_INFO = 2**18
"""Bytes that `info.json` may have."""

MAX_HEADER = 1000
"""Bytes of an array's header, of which numpy writes about a hundred."""

MAX_TEMPOS = 2**19
"""Changes of tempo that a file may have; one at every step of 24 is 5,461 bars of 4/4."""

CELLS_AT_ONCE = 2**20
"""Cells of a roll that become notes at once, but for a pitch that has more by itself."""

_HEADER = re.compile(
    rb"\{'descr': '([<>|][biuf][1248])', 'fortran_order': (?:True|False), "
    rb"'shape': \((?:(\d{1,9})L?(?:, (\d{1,9})L?|,))?\), \}\s*"
)


def read_pianoroll_npz(path: str | os.PathLike[str], limits: ReadLimits | None = None) -> ScoreTick:
    """Reads a `.npz` file of pypianoroll 0.x or 1.x, such as one of the Lakh Pianoroll Dataset.

    Unpacked it may have 32 MiB, and a track 4,194,304 steps.

    Args:
        path: The file.
        limits: How large it may be. None means `ReadLimits()`.

    Returns:
        What `from_pypianoroll(pypianoroll.load(path))` returns: one tick per step.

    Raises:
        MidiError: If the file can't be read, is not of this kind, is damaged, or is over a limit.
    """
    limits = checked_limits(limits)
    checked_path("path", path)
    name = os.fspath(path)
    archive = _Archive(file_bytes(name, limits), name, MAX_UNPACKED)
    info = archive.info()
    count = next(index for index in range(len(info) + 1) if str(index) not in info)
    limits.check("max_tracks", count, "tracks", name)
    names = ("resolution", "beat_resolution")
    resolution = next((info[name] for name in names if info.get(name) is not None), None)
    if not isinstance(resolution, int) or isinstance(resolution, bool):
        archive.refuse(f"info.json gives a resolution of {resolution!r:.40}, and it is a number")
    tempo, downbeat = archive.array("tempo", "biuf"), archive.array("downbeat", "biuf")
    if any(len(found) > MAX_STEPS for found in (tempo, downbeat) if found is not None):
        archive.refuse(f"tempo or downbeat has more than {MAX_STEPS:,} steps")
    if tempo is not None and np.count_nonzero(tempo[1:] != tempo[:-1]) >= MAX_TEMPOS:
        archive.refuse(f"its tempo changes more than {MAX_TEMPOS:,} times")
    if downbeat is not None:
        limits.check("max_bars", int(np.count_nonzero(downbeat)), "bars", name)
    tracks, steps, total = [], 0, 0
    for index in range(count):
        notes, found, length = archive.roll(index, limits.max_notes - total)
        steps, total = max(steps, length), total + found
        tracks.append((archive.labels(info[str(index)], index), notes))
    limits.check("max_notes", total, "notes", name)
    try:
        score = score_of_notes(resolution, steps, tempo, downbeat, tracks)
    except MidiError as error:
        archive.refuse(str(error).removesuffix("."))
    limits.check("max_hours", duration_seconds(score) / 3600, "hours", name)
    limits.check("max_bars", bar_count(score), "bars", name)
    return score


FILES[".npz"] = read_pianoroll_npz


@declared
def write_pianoroll_npz(
    music: MusicLike,
    path: str | os.PathLike[str],
    resolution: Annotated[int, RESOLUTIONS, GRID] = 24,
) -> Path:
    """Writes music as a `.npz` file that pypianoroll 1.x loads; it appears whole or not at all.

    Notes that touch or overlap are as in `to_pypianoroll`. Meter stands there as the distance of
    the downbeats alone, so 6/8 comes back as 3/4, and so does a meter that only the last bar has,
    or a single bar of eight quarters or more. All else comes back as it was from
    `read_pianoroll_npz`, if it lies on the grid of `resolution` steps and ends before the last
    note does. The same music makes the same bytes.

    Args:
        music: Whatever `to_score` takes.
        path: The file to write; `to_score` reads it back if its name ends in `.npz`. Its folder
            is made if it is missing.

    Returns:
        The path.

    Raises:
        MidiError: If the music has values that MIDI can't hold, or is longer than can be read, or
            the file can't be written; what was at `path` before is then still there.
    """
    checked_path("path", path)
    score = to_score(music)
    tempo, downbeat, rolls = to_rolls(score, resolution)
    info: dict[str, Any] = {"resolution": resolution, "name": Path(path).stem}
    arrays = {"tempo": tempo, "downbeat": downbeat}
    for index, (track, roll) in enumerate(zip(score.tracks, rolls, strict=True)):
        info[str(index)] = {name: getattr(track, name) for name in ("program", "is_drum", "name")}
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
    with written_path(path, MidiError) as temporary, zipfile.ZipFile(temporary, "w") as archive:

        def add(member: str, data: bytes) -> None:
            # A ZipInfo has a fixed date, and a name alone gets today's.
            archive.writestr(zipfile.ZipInfo(member), data, zipfile.ZIP_DEFLATED)

        for key, array in arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            add(f"{key}.npy", buffer.getvalue())
        add("info.json", document)
    return Path(path)


class _Archive(Archive):
    """The contents of one file, each checked when it is asked for."""

    kind = "a pypianoroll file"
    remedy = "Give a .npz file as pypianoroll.save writes it, whole."

    def info(self) -> dict[str, Any]:
        """Returns what `info.json` says."""
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
        """Returns an array of some `numpy.dtype.kind`, made flat, or None if there is none."""
        data = self.read(f"{key}.npy")
        if data is None:
            return None
        if data[:6] != b"\x93NUMPY" or len(data) < 12 or data[6] not in (1, 2, 3):
            self.refuse(f"{key} is no NumPy array")
        form, begin = ("<H", 10) if data[6] == 1 else ("<I", 12)
        end = begin + struct.unpack_from(form, data, 8)[0]
        short = begin + MAX_HEADER >= end <= len(data)
        header = _HEADER.fullmatch(data, begin, end) if short else None
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

    def roll(self, index: int, most: int) -> tuple[NoteColumns, int, int]:
        """Returns the notes of a track (not all of more than `most`), their count, its steps."""
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
        starts = begins.astype(np.int64)
        parts, found, first = [(np.zeros(0, np.int32),) * 4], 0, 0
        while first < 128:
            last = int(np.searchsorted(starts, starts[first] + CELLS_AT_ONCE, "right")) - 1
            last = max(first + 1, min(last, 128))
            here, counts = slice(starts[first], starts[last]), np.diff(starts[first : last + 1])
            number, loud = self._cells(key, first, counts, step[here], cells[here], shape[0])
            begins_note = note_begins(number, loud)
            found += int(np.count_nonzero(begins_note))
            if found <= most:
                parts.append(notes_of_cells(number, loud, begins_note, shape[0]))
            first = last
        start, duration, pitch, velocity = (np.concatenate(column) for column in zip(*parts))
        return (start, duration, pitch, velocity), found, shape[0]

    def _cells(
        self, key: str, pitch: int, counts: np.ndarray, step: Any, cells: Any, steps: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns number (below 2^30) and velocity of the cells that sound, from a pitch on."""
        pitches = np.arange(pitch, pitch + len(counts), dtype=np.int32)
        number = np.repeat(pitches * np.int32(steps + 1), counts)
        number += step.astype(np.int32)
        try:
            loud = velocities(cells)
        except MidiError as error:
            self.refuse(f"{key}: {error}".removesuffix("."))
        if (number[1:] <= number[:-1]).any():
            order = np.argsort(number)
            number, loud = number[order], loud[order]
            if (number[1:] == number[:-1]).any():
                self.refuse(f"{key} has a cell twice")
        return (number, loud) if loud.all() else (number[loud > 0], loud[loud > 0])

    def labels(self, track: Any, index: int) -> tuple[str, int, bool]:
        """Returns a track's name, program and whether it is drums, from its entry in info.json."""
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
