"""Where parsed music is kept between runs: one `.npz` file of integer arrays, without pickle.

The notes of all tracks of all pieces stand one after the other in five arrays (start, duration,
pitch, velocity: one entry per note; ticks), and a JSON document says what they belong to: for each
piece its name, ticks per quarter, tempos, meters, keys, and for each track its name, program and
number of notes. Controllers and pitch bends are not kept. A file that can't be read, for whatever
reason, counts as not there.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from symusic.core import (
    KeySignatureTick,
    NoteTickList,
    ScoreTick,
    TempoTick,
    TimeSignatureTick,
    TrackTick,
)

from musegen._files import atomic_path
from musegen.corpus.corpus import CorpusError

FORMAT = 4
"""Version of the file format, and of how music is read and split; raise it when one changes."""

COLUMNS = {"time": np.int32, "duration": np.int32, "pitch": np.int8, "velocity": np.int8}


def cache_folder(*below: str) -> Path:
    """Returns the folder for parsed music, or one below it, which is made if it is missing.

    It is `MUSEGEN_CACHE` if set, else the user's cache folder.
    """
    import platformdirs

    path = Path(os.environ.get("MUSEGEN_CACHE") or platformdirs.user_cache_dir("musegen"), *below)
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte in it
        raise _not_kept(path, error) from None
    return path


def _not_kept(path: Path, error: Exception) -> CorpusError:
    reason = getattr(error, "strerror", None) or error
    return CorpusError(
        f"{path}: parsed music can't be kept there ({reason}). Set the environment variable "
        "MUSEGEN_CACHE to a folder where you may write and where there is room."
    )


def save_scores(path: Path, scores: Iterable[tuple[str, ScoreTick]], extra: Any = None) -> None:
    """Writes named scores to one file, whole or not at all; `extra` is anything that JSON holds."""
    columns: dict[str, list[np.ndarray]] = {name: [np.empty(0, np.int32)] for name in COLUMNS}
    pieces = []
    for name, score in scores:
        tracks = []
        for track in score.tracks:
            notes = track.notes.numpy()
            for column, parts in columns.items():
                parts.append(notes[column])
            tracks.append([track.name, track.program, track.is_drum, len(notes["time"])])
        pieces.append(
            {
                "name": name,
                "ticks_per_quarter": score.ticks_per_quarter,
                "tempos": [[t.time, t.mspq] for t in score.tempos],
                "meters": [[t.time, t.numerator, t.denominator] for t in score.time_signatures],
                "keys": [[k.time, k.key, k.tonality] for k in score.key_signatures],
                "tracks": tracks,
            }
        )
    document = json.dumps({"format": FORMAT, "pieces": pieces, "extra": extra}).encode()
    arrays = {name: np.concatenate(parts).astype(COLUMNS[name]) for name, parts in columns.items()}
    try:
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, document=np.frombuffer(document, np.uint8), **arrays)  # type: ignore[arg-type]
    except OSError as error:
        raise _not_kept(path, error) from None


def load_scores(
    path: Path, with_scores: bool = True
) -> tuple[list[tuple[str, ScoreTick]], Any] | None:
    """Returns the scores that `save_scores` wrote, if they are wanted, and the extra.

    Returns None if the file is missing, damaged or of another format.
    """
    try:
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            document = json.loads(file["document"].tobytes())
            if document["format"] != FORMAT:
                return None
            if not with_scores:
                return [], document["extra"]
            columns = [np.ascontiguousarray(file[name], kind) for name, kind in COLUMNS.items()]
        if len({len(column) for column in columns}) != 1:
            return None
        scores, first = [], 0
        for piece in document["pieces"]:
            score = ScoreTick(piece["ticks_per_quarter"])
            for time, mspq in piece["tempos"]:
                score.tempos.append(TempoTick(time, mspq=mspq))
            for meter in piece["meters"]:
                score.time_signatures.append(TimeSignatureTick(*meter))
            for key in piece["keys"]:
                score.key_signatures.append(KeySignatureTick(*key))
            for name, program, is_drum, count in piece["tracks"]:
                track = TrackTick(name, program, is_drum)
                track.notes = NoteTickList.from_numpy(*(c[first : first + count] for c in columns))
                first += count
                score.tracks.append(track)
            scores.append((piece["name"], score))
        return (scores, document["extra"]) if first == len(columns[0]) else None
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache file, the music is read anew
        return None
