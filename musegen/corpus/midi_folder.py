"""A folder of music files, or a list of them, as a corpus: read once, by all cores or a cluster.

What a file gave is kept in the cache folder, in the shard of its batch, and a file whose name,
size, times of change and settings stand in a shard is not read again. So a run that was killed goes
on where it stopped, having lost at most a batch a process, and a changed file is read anew. What
comes out depends on the files alone.

Of a folder as a whole memory holds a row of its report for each file, and where its music stands;
the music stays in the shards. To tell which pieces are nearly the same takes their fingerprints at
once, so the split is kept too, until a file is added or changed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Whole
from musegen.corpus.cluster import Cluster
from musegen.corpus.corpus import SPLITS, Corpus, CorpusError, ScanReport, ScanRow
from musegen.corpus.duplicates import Fingerprint, group, split_by_group
from musegen.corpus.pieces import Pieces
from musegen.corpus.reading import READING, UNOPENED, Reader, in_batches, read_batches
from musegen.corpus.sources import NO_FILES, Source, source_of
from musegen.corpus.store import (
    FORMAT,
    SUFFIX,
    Shards,
    cache_folder,
    open_shard,
    shard_bytes,
    write_shard,
)
from musegen.midi import ReadLimits
from musegen.midi.limits import checked_limits
from musegen.settings import declared

LEAST = "Notes that a file must have to be kept"
PROCESSES = "Processes that read"


class Jobs(Whole):
    """How many processes; -1 is one for each core."""

    allowed = "give a number of processes of at least 1, or -1 for one per core"

    def __str__(self) -> str:
        return "at least 1, or -1 for one per core"

    def convert(self, value: Any) -> int:
        """Returns `value` as an int; raises ValueError if it is not in the range."""
        jobs = super().convert(value)
        if jobs == 0:
            raise ValueError
        return jobs


@declared
def folder(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    limits: ReadLimits | None = None,
    min_notes: Annotated[int, Whole(1), LEAST] = 16,
    jobs: Annotated[int, Jobs(-1), PROCESSES] = -1,
    cluster: Any = None,
) -> Corpus:
    """Returns all files of music of a folder and the folders in it.

    Args:
        path: The folder; or an address that fsspec reads, such as `zip://::songs.zip` or
            `s3://bucket/songs`; or a list of files, each with its path or address. Files that end
            in .mid, .midi, .npz (piano rolls of pypianoroll), .musicxml or .mxl are read. Links to
            other folders are not followed, and hidden files and folders (whose names begin with a
            dot, as the temporary files of programs that were killed do) are not looked at.
        limits: How large a file may be. None means `ReadLimits()`.
        cluster: The address of the scheduler of a Dask cluster, such as `tcp://10.0.0.1:8786`, or a
            `distributed.Client`, whose workers are to read and encode in place of processes here.

    Returns:
        A piece per file, named by its path below the folder, 80 % of them for training, and 10 %
        each for validation and test; pieces that are nearly the same stand in one split. `report`
        has a row per file. The scores are read from the cache folder when they are asked for.

    Raises:
        CorpusError: If the folder is missing or has no such files, no file can be kept, the cache
            folder can't be written to, or the cluster does not answer or ends; what was read by
            then is kept.
        ValueError: If another argument is something else.
    """
    source = source_of(path)
    found = _read(source, limits, min_notes, jobs, cluster)
    report = ScanReport(tuple(found.rows))
    kept = np.flatnonzero(found.places >= 0)
    if not len(kept):
        main = report.reasons()[:3]
        why = "; ".join(
            f"{count:,} {reason}" + f" (to keep {row.name}: {row.remedy})" * bool(row.remedy)
            for reason, count, row in main
        )
        raise CorpusError(f"{source.given}: none of {len(report):,} files is kept: {why}.")
    names = [found.rows[index].name for index in kept.tolist()]
    shards = Shards(found.paths)
    numbers, places = found.numbers[kept], found.places[kept]
    splits = _splits(found, names, shards, kept)
    pieces = Pieces(shards, names, splits, numbers, places, (jobs, cluster))
    return Corpus(source.name, pieces, report)


@declared
def scan(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    limits: ReadLimits | None = None,
    min_notes: Annotated[int, Whole(1), LEAST] = 16,
    jobs: Annotated[int, Jobs(-1), PROCESSES] = -1,
    cluster: Any = None,
) -> ScanReport:
    """Returns the report of `folder`, without holding the music in memory.

    Args:
        path: The folder, an address or a list, as of `folder`; the same files are read.
        limits: How large a file may be. None means `ReadLimits()`.
        cluster: As of `folder`.

    Returns:
        One row per file; there may be none that is kept.

    Raises:
        CorpusError: As `folder`, but for no file being kept.
        ValueError: As `folder`.
    """
    found = _read(source_of(path), limits, min_notes, jobs, cluster)
    return ScanReport(tuple(found.rows))


@dataclasses.dataclass
class _Found:
    """What became of the files of a source, in order of name.

    Attributes:
        keys: What the result of each is kept under, `(files,)`.
        names: Their names.
        cache: The folder of the shards.
        paths: The shards.
        rows: A row per file; None for one that is not read yet.
        numbers: The shard that its result stands in, -1 for none yet, `(files,)`.
        places: The place of its music there, -1 if it was left out, `(files,)`.
    """

    keys: NDArray[np.uint64]
    names: list[str]
    cache: Path
    paths: list[Path] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.rows: list[Any] = [None] * len(self.names)
        self.numbers = np.full(len(self.names), -1, np.int32)
        self.places = np.full(len(self.names), -1, np.int32)
        self._order = np.argsort(self.keys)

    def take(self, path: Path, earlier: bool = False) -> None:
        """Takes from a shard what it has of the files; `earlier` is what another run wrote."""
        shard = open_shard(path)
        if shard is None:  # what is damaged is read anew
            return
        keys, rows = shard["keys"], shard.document
        places = np.cumsum([row[1] is None for row in rows]) - 1
        where = np.searchsorted(self.keys, keys, sorter=self._order)
        where = self._order[np.minimum(where, len(self.keys) - 1)]
        for place in np.flatnonzero(self.keys[where] == keys).tolist():
            index, (name, reason, detail, setting) = int(where[place]), rows[place]
            if name != self.names[index] or (earlier and reason == UNOPENED):
                continue
            name = self.names[index]  # the same object, once in memory
            self.rows[index] = ScanRow(name, reason, detail, setting and tuple(setting))
            self.numbers[index] = len(self.paths)
            self.places[index] = places[place] if reason is None else -1
        self.paths.append(path)

    @property
    def left(self) -> list[tuple[int, str]]:
        """The files that are not read yet, each with its key."""
        left = np.flatnonzero(self.numbers < 0).tolist()
        return [(int(self.keys[index]), self.names[index]) for index in left]


def _read(
    source: Source, limits: ReadLimits | None, min_notes: int, jobs: int, cluster: Any
) -> _Found:
    """Reads what of a source is not read yet; returns what became of each file."""
    limits = checked_limits(limits)
    workers = None if cluster is None else Cluster(cluster)
    files = source.files()
    if not files:
        raise CorpusError(f"{source.given}: {NO_FILES}")
    settings = [FORMAT, READING, dataclasses.astuple(limits), min_notes]
    names = sorted(files)
    keys = np.array([_key(settings, name, files[name]) for name in names], np.uint64)
    place = hashlib.sha256(os.fsencode(source.place)).hexdigest()[:16]
    found = _Found(keys, names, cache_folder("folders", place))
    for path in sorted(found.cache.glob(f"[!.]*{SUFFIX}")):
        found.take(path, earlier=True)
    if left := found.left:
        read = Reader(source, limits, min_notes)
        read_batches(in_batches(left), read, found.cache, jobs, workers, found.take)
    if found.left:
        raise CorpusError(f"{found.cache}: what was written there is gone. Read the folder again.")
    return found


def _key(settings: list[Any], name: str, state: Any) -> int:
    """Returns what a file's result is kept under: its name, size, times of change and settings.

    It is a hash of 64 bits; the name is compared as well.
    """
    text = ascii((settings, name, state)).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")


def _splits(
    found: _Found, names: list[str], shards: Shards, kept: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Returns the split of each piece, a place in `SPLITS`."""
    digest = hashlib.sha256(found.keys[kept].tobytes()).hexdigest()
    path = found.cache / "split" / f"split{SUFFIX}"
    try:
        shard = open_shard(path)
        if shard is not None and shard.document == digest and len(shard["splits"]) == len(kept):
            return shard["splits"].copy()
    except KeyError:
        pass
    prints = [
        Fingerprint(*(shards[number].part(name, place) for name in ("turns", "phrases")))
        for number, place in zip(found.numbers[kept].tolist(), found.places[kept].tolist())
    ]
    texts = split_by_group(names, group(prints))
    splits = np.array([SPLITS.index(text) for text in texts], np.uint8)
    write_shard(path, shard_bytes({"splits": splits}, digest))
    return splits
