"""Where music is kept between runs: shards, files of arrays that are mapped and not read.

A shard is one `.safetensors` file (the format of checkpoints too: arrays behind a header that is
JSON, and no code). Its header is its index, so that a shard is one file; the arrays lie in it as
they do in memory, so that opening it reads the header alone and a piece costs the pages that it
stands on. What is ragged (the notes of each piece) lies one after the other in one array, and
`NAME/ends` says where each piece's part ends. A shard is written beside its name and renamed: it is
whole or not there. One that can't be read, for whatever reason, counts as not there.

The score of a piece is five parts: start, duration, pitch and velocity of the notes of all its
tracks, in ticks, and a head, a line of JSON: its name, ticks per quarter, tempos, meters, keys, and
for each track its name, program and number of notes. Controllers and pitch bends are not kept.
"""

from __future__ import annotations

import errno
import json
import math
import mmap
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
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

FORMAT = 5
"""Version of the file format, and of how music is read and split; raise it when one changes."""

SUFFIX = ".safetensors"

MAPPED = 256
"""Shards of a folder that are mapped at a time: a process may open a thousand files as a rule."""

COLUMNS = {"time": np.int32, "duration": np.int32, "pitch": np.int8, "velocity": np.int8}

KINDS = {
    **{f"I{8 * size}": np.dtype(f"<i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"<u{size}") for size in (1, 2, 4, 8)},
    "BOOL": np.dtype(bool),
}
"""The types of arrays by the names that a header has for them."""


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


class Shard:
    """The arrays of a shard by name, views of its bytes.

    Args:
        contents: The bytes, in memory or mapped.

    Raises:
        ValueError: If they are damaged, or of another format.
    """

    def __init__(self, contents: Any) -> None:
        mapped = memoryview(contents)
        begin = 8 + int.from_bytes(mapped[:8], "little")
        header = json.loads(bytes(mapped[8:begin]))
        if header.pop("__metadata__") != {"format": str(FORMAT)}:
            raise ValueError("It has another format.")
        self._arrays: dict[str, NDArray[Any]] = {}
        end = begin
        for name, entry in header.items():
            kind, shape = KINDS[entry["dtype"]], entry["shape"]
            first, last = entry["data_offsets"]
            end = max(end, begin + last)
            flat = np.frombuffer(mapped, kind, math.prod(shape), begin + first)
            if flat.nbytes != last - first:
                raise ValueError("It is damaged.")
            self._arrays[name] = flat.reshape(shape)
        if end != len(mapped):
            raise ValueError("It is damaged.")

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._arrays[name]

    def part(self, name: str, place: int) -> NDArray[Any]:
        """Returns what of a ragged array belongs to one piece."""
        ends = self._arrays[f"{name}/ends"]
        return self._arrays[name][int(ends[place - 1]) if place else 0 : int(ends[place])]

    def sizes(self, name: str) -> NDArray[np.int64]:
        """Returns how long the part of each piece in a ragged array is, `(pieces,)`."""
        return np.diff(self._arrays[f"{name}/ends"], prepend=0)

    def json(self, name: str, place: int) -> Any:
        """Returns the value of one piece where the parts are JSON."""
        return json.loads(self.part(name, place).tobytes())

    @property
    def document(self) -> Any:
        """What is said of the shard as a whole."""
        return json.loads(self._arrays["document"].tobytes())


def open_shard(path: Path) -> Shard | None:
    """Returns a shard; None if it is missing, damaged, or of another format."""
    try:
        with open(path, "rb") as file:
            return Shard(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache file, the music is read anew
        return None


def ragged(name: str, parts: Sequence[NDArray[Any]], empty: NDArray[Any]) -> dict[str, NDArray]:
    """Returns a ragged array and where its parts end; `empty` has its type and its other axes."""
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return {name: np.concatenate([empty, *parts]).astype(empty.dtype), f"{name}/ends": ends}


def as_json(value: Any) -> NDArray[np.uint8]:
    """Returns a value as JSON in an array of bytes, `(bytes,)`."""
    return np.frombuffer(json.dumps(value, separators=(",", ":")).encode(), np.uint8)


def shard_bytes(arrays: Mapping[str, NDArray[Any]], document: Any = None) -> bytes:
    """Returns the bytes of a shard."""
    from safetensors.numpy import save

    return bytes(save({**arrays, "document": as_json(document)}, {"format": str(FORMAT)}))


def write_shard(path: Path, contents: bytes) -> Path:
    """Writes a shard, whole or not at all; returns its path."""
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(contents)
    except OSError as error:
        raise _not_kept(path, error) from None
    return path


def score_arrays(scores: Iterable[tuple[str, ScoreTick]]) -> dict[str, NDArray[Any]]:
    """Returns named scores as the arrays of a shard."""
    columns: dict[str, list[NDArray]] = {name: [] for name in COLUMNS}
    heads = []
    for name, score in scores:
        tracks = []
        notes = [track.notes.numpy() for track in score.tracks]
        for column, parts in columns.items():
            parts.append(np.concatenate([np.empty(0, np.int32), *(one[column] for one in notes)]))
        for track, own in zip(score.tracks, notes, strict=True):
            tracks.append([track.name, track.program, track.is_drum, len(own["time"])])
        head = {
            "name": name,
            "ticks_per_quarter": score.ticks_per_quarter,
            "tempos": [[t.time, t.mspq] for t in score.tempos],
            "meters": [[t.time, t.numerator, t.denominator] for t in score.time_signatures],
            "keys": [[k.time, k.key, k.tonality] for k in score.key_signatures],
            "tracks": tracks,
        }
        heads.append(as_json(head))
    arrays = ragged("head", heads, np.empty(0, np.uint8))
    for name, parts in columns.items():
        arrays |= ragged(name, parts, np.empty(0, COLUMNS[name]))
    return arrays


def score_at(shard: Shard, place: int) -> tuple[str, ScoreTick]:
    """Returns the name and the score of one piece of a shard."""
    head = shard.json("head", place)
    columns = [shard.part(name, place).copy() for name in COLUMNS]  # symusic takes no mapped ones
    score, first = ScoreTick(head["ticks_per_quarter"]), 0
    for time, mspq in head["tempos"]:
        score.tempos.append(TempoTick(time, mspq=mspq))
    for meter in head["meters"]:
        score.time_signatures.append(TimeSignatureTick(*meter))
    for key in head["keys"]:
        score.key_signatures.append(KeySignatureTick(*key))
    for name, program, is_drum, count in head["tracks"]:
        track = TrackTick(name, program, is_drum)
        track.notes = NoteTickList.from_numpy(*(c[first : first + count] for c in columns))
        first += count
        score.tracks.append(track)
    if first != len(columns[0]) or len({*map(len, columns)}) != 1:
        raise ValueError("The tracks of a shard have other notes than it.")
    return head["name"], score


def save_scores(path: Path, scores: Iterable[tuple[str, ScoreTick]], extra: Any = None) -> None:
    """Writes named scores to one file, whole or not at all; `extra` is anything that JSON holds."""
    write_shard(path, shard_bytes(score_arrays(scores), extra))


def load_scores(path: Path) -> tuple[list[tuple[str, ScoreTick]], Any] | None:
    """Returns the scores that `save_scores` wrote, and the extra.

    Returns None if the file is missing, damaged or of another format.
    """
    shard = open_shard(path)
    if shard is None:
        return None
    try:
        pieces = len(shard["head/ends"])
        return [score_at(shard, place) for place in range(pieces)], shard.document
    except Exception:  # noqa: BLE001 - as of `open_shard`
        return None


class Shards:
    """Shards of one folder by number, of which the last used ones are mapped.

    Args:
        paths: Their files, which are there and whole.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)
        self._mapped: dict[int, Shard] = {}
        self._lock = threading.Lock()

    def __getitem__(self, number: int) -> Shard:
        with self._lock:
            return self._shard(number)

    def _shard(self, number: int) -> Shard:
        shard = self._mapped.pop(number, None) or open_shard(self.paths[number])
        if shard is None:
            raise CorpusError(
                f"{self.paths[number].parent}: what was written there is gone. Read it again."
            )
        while len(self._mapped) >= MAPPED:
            del self._mapped[next(iter(self._mapped))]
        self._mapped[number] = shard  # the last used one is the last
        return shard

    def __getstate__(self) -> dict[str, Any]:
        return {"paths": self.paths}  # what is mapped is so in this process alone

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["paths"])  # type: ignore[misc]
