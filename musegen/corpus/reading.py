"""Reading files of music in batches, each of which becomes a shard.

A batch is finished when its shard is written down, and what stands in a shard is not read again: so
a run that was stopped or killed goes on where it was, having lost a batch a process at most. Here
is what a process makes of a batch, and how processes of this machine, or of a cluster, are given
them.

A file that ends the process which reads it (by a fault in the reader, or memory running out) is
counted with that as its reason, and the others are read: the batches that may have been the cause
are read once more, a file at a time. That takes a process to lose: a folder of one batch, and any
folder with `jobs=1`, is read in the process of the caller.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from symusic.core import ScoreTick

from musegen._stopping import starting_workers
from musegen.corpus.bundled import in_parallel
from musegen.corpus.cluster import Cluster
from musegen.corpus.corpus import ScanRow
from musegen.corpus.duplicates import fingerprint
from musegen.corpus.sources import Source, Unopened
from musegen.corpus.store import SUFFIX, open_shard, ragged, score_arrays, shard_bytes, write_shard
from musegen.interop import to_score
from musegen.midi import MidiError, MidiWarning, ReadLimits

BATCH = 64
"""Files of a batch; of more than a thousand batches as many as make a thousand."""

MOST_IN_BATCH = 1024

READING = 4
"""Version of what is made of a file; raise it where that changes."""

FATAL = "ended the process that read it"

UNOPENED = "can't be opened"
"""The reason of a file that another machine did not give; the next time it is asked again."""

UNREADABLE = {
    ".npz": "unreadable pypianoroll file",
    ".musicxml": "unreadable MusicXML file",
    ".mxl": "unreadable MusicXML file",
}
"""The reason why a file of a suffix was left out; what is wrong with it stands in the detail."""

Batch: TypeAlias = list[tuple[int, str]]
"""Files: what the result of each is kept under, and its name."""

Result: TypeAlias = tuple[ScanRow, ScoreTick | None]
"""A file's row, and its score if it is kept."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """Reads files of a source."""

    source: Source
    limits: ReadLimits
    min_notes: int

    def __call__(self, name: str) -> Result:
        """Reads one file."""
        try:
            with self.source.opened(name, self.limits.max_bytes) as path:
                return self._read(name, path)
        except Unopened as error:
            return ScanRow(name, UNOPENED, str(error)), None

    def _read(self, name: str, path: str) -> Result:
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", MidiWarning)
                score = to_score(path, self.limits)
        except MidiError as error:
            if Path(path).is_dir():
                return ScanRow(name, "a folder that can't be listed"), None
            message = str(error).removeprefix(f"{path}: ")
            if error.setting:
                detail = message.split(", and ")[0]
                reason = f"over the limit {error.setting[0]}"
                return ScanRow(name, reason, detail, error.setting), None
            reason = re.split(r"[(:;,.]", message)[0].strip()
            if not reason.startswith("no"):  # "not a ...", "no ..."
                reason = UNREADABLE.get(Path(path).suffix.lower(), reason)
            return ScanRow(name, reason, message), None
        count = score.note_num()
        if not count:
            return ScanRow(name, "no notes"), None
        if count < self.min_notes:
            few = f"fewer than min_notes={self.min_notes} notes"
            return ScanRow(name, few, f"{count} notes", ("min_notes", count)), None
        repaired = [str(warning.message).removeprefix(f"{path}: ") for warning in caught]
        return ScanRow(name, detail=" ".join(dict.fromkeys(repaired))), score


def in_batches(files: Batch) -> list[Batch]:
    """Cuts files into batches."""
    size = max(BATCH, min(MOST_IN_BATCH, len(files) // 1000))
    return [files[first : first + size] for first in range(0, len(files), size)]


def shard_of(batch: Batch, results: Iterable[Result]) -> bytes:
    """Returns the shard of what became of the files of a batch."""
    scores, rows, prints = [], [], []
    for row, score in results:
        rows.append(dataclasses.astuple(row))
        if score is not None:
            scores.append((row.name, score))
            prints.append(fingerprint(score))
    arrays = score_arrays(scores)
    arrays["keys"] = np.array([key for key, _ in batch], np.uint64)
    for name in ("turns", "phrases"):
        arrays |= ragged(name, [getattr(one, name) for one in prints], np.empty(0, np.uint64))
    return shard_bytes(arrays, rows)


def read_batches(
    batches: list[Batch],
    read: Reader,
    cache: Path,
    jobs: int,
    cluster: Cluster | None,
    take: Callable[[Path], None],
) -> None:
    """Reads batches and writes down their shards, each of which is taken as it is there."""
    what = f"Reading {read.source.given}"
    if cluster is not None:
        suspects = []
        with cluster.connected():
            work = functools.partial(_read_batch, read=read)
            for batch, contents in cluster.results(work, batches, what):
                if contents is None:  # a worker ended, and it may have been the cause
                    suspects.append(batch)
                else:
                    take(write_shard(_shard_path(batch, cache), contents))
            for batch in suspects:
                contents = shard_of(batch, _apart_in_cluster(cluster, read, batch))
                take(write_shard(_shard_path(batch, cache), contents))
        return
    while batches:
        batches = _read_in_processes(batches, read, cache, what, jobs, take)


def _read_in_processes(
    batches: list[Batch],
    read: Reader,
    cache: Path,
    what: str,
    jobs: int,
    take: Callable[[Path], None],
) -> list[Batch]:
    """Reads batches in processes, until one of them dies; returns the batches that are left."""
    from joblib import effective_n_jobs

    work = functools.partial(_read_and_write, read=read, cache=cache)
    jobs = min(jobs, len(batches))
    try:
        for path in in_parallel(work, batches, what, jobs):
            take(path)
        return []
    except BrokenProcessPool:  # what was being read is among the first that are not written down
        left = [batch for batch in batches if open_shard(_shard_path(batch, cache)) is None]
        suspects = left[: effective_n_jobs(jobs)]
        for batch in suspects:
            contents = shard_of(batch, _apart(read, [name for _, name in batch]))
            write_shard(_shard_path(batch, cache), contents)
        written = [batch for batch in batches if batch in suspects or batch not in left]
        for batch in written:
            take(_shard_path(batch, cache))
        return left[len(suspects) :]


def _read_batch(batch: Batch, read: Reader) -> bytes:
    """In a worker of a cluster: reads a batch, and returns its shard."""
    read.source.check()
    return shard_of(batch, (read(name) for _, name in batch))


def _read_and_write(batch: Batch, read: Reader, cache: Path) -> Path:
    """In a process of this machine: reads a batch, and returns the path of its shard."""
    return write_shard(
        _shard_path(batch, cache), shard_of(batch, (read(name) for _, name in batch))
    )


def _apart(read: Callable[[str], Result], names: Iterable[str]) -> Iterator[Result]:
    """Reads files one at a time in another process, so that it shows which of them ends it."""
    from joblib.externals.loky import ProcessPoolExecutor

    process: Any = None
    for name in names:
        result: Result = (ScanRow(name, FATAL, "twice"), None)
        for _ in range(2):  # the first time, another program may have taken the memory
            try:
                with starting_workers() as options:
                    process = process or ProcessPoolExecutor(1, **options)
                    future = process.submit(read, name)
                result = future.result()
                break
            except BrokenProcessPool:
                process = None
        yield result
    if process is not None:
        process.shutdown()


def _apart_in_cluster(cluster: Cluster, read: Reader, batch: Batch) -> Iterator[Result]:
    """The same in a cluster, where nothing else of ours is in work then."""
    for _, name in batch:
        [(_, result)] = cluster.results(read, [name])
        yield (ScanRow(name, FATAL, "twice"), None) if result is None else result


def _shard_path(batch: Batch, cache: Path) -> Path:
    digest = hashlib.sha256(np.array([key for key, _ in batch], np.uint64).tobytes()).hexdigest()[
        :32
    ]
    return cache / f"{digest}{SUFFIX}"
