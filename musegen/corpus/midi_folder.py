"""A folder of music files as a corpus: read in parallel, resumed where it was stopped.

Files are read in batches. A batch is finished when it is written down, in the cache folder, and a
file whose name, size, times of change and settings stand in a finished batch is not read again. So
a run that was killed goes on where it stopped, having lost at most a batch a process, and a changed
file is read anew. What comes out depends on the files alone.

A file that ends the process which reads it (by a fault in the reader, or memory running out) is
counted with that as its reason, and the others are read. That takes a process to lose: a folder of
one batch, and any folder with `jobs=1`, is read in the process of the caller.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import os
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import Whole, checked_path
from musegen._stopping import starting_workers
from musegen.corpus.bundled import in_parallel
from musegen.corpus.corpus import Corpus, CorpusError, Piece, ScanReport, ScanRow
from musegen.corpus.duplicates import Fingerprint, fingerprint, group, split_by_group
from musegen.corpus.store import FORMAT, cache_folder, load_scores, save_scores
from musegen.interop import to_score
from musegen.midi import MidiError, MidiWarning, ReadLimits
from musegen.midi.limits import checked_limits
from musegen.settings import declared

BATCH = 64
"""Files that are read between two times of writing down: what a kill costs at most, a process."""

READING = 4
"""Version of what is made of a file; raise it where that changes."""

FATAL = "ended the process that read it"

SUFFIXES = (".mid", ".midi", ".npz", ".musicxml", ".mxl")

UNREADABLE = {
    ".npz": "unreadable pypianoroll file",
    ".musicxml": "unreadable MusicXML file",
    ".mxl": "unreadable MusicXML file",
}
"""The reason why a file of a suffix was left out; what is wrong with it stands in the detail."""

LEAST = "Notes that a file must have to be kept"
PROCESSES = "Processes that read"

Batch: TypeAlias = list[tuple[str, str]]
"""Files: what the result of each is kept under, and its name."""

Reader: TypeAlias = Callable[[str], tuple[ScanRow, ScoreTick | None]]

Found: TypeAlias = tuple[ScanRow, ScoreTick | None, list[str]]
"""A file's row, its score if it is kept, and its fingerprint as texts."""


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
    path: str | os.PathLike[str],
    limits: ReadLimits | None = None,
    min_notes: Annotated[int, Whole(1), LEAST] = 16,
    jobs: Annotated[int, Jobs(-1), PROCESSES] = -1,
) -> Corpus:
    """Returns all files of music of a folder and the folders in it.

    Args:
        path: The folder. Its files that end in .mid, .midi, .npz (piano rolls of pypianoroll),
            .musicxml or .mxl are read. Links to other folders are not followed, and hidden files
            and folders (whose names begin with a dot, as the temporary files of programs that were
            killed do) are not looked at.
        limits: How large a file may be. None means `ReadLimits()`.

    Returns:
        A piece per file, named by its path below the folder, 80 % of them for training, and 10 %
        each for validation and test; pieces that are nearly the same stand in one split. `report`
        has a row per file.

    Raises:
        CorpusError: If the folder is missing or has no such files, no file can be kept, or the
            cache folder can't be written to.
        ValueError: If another argument is something else.
    """
    rows, pieces, fingerprints = [], [], []
    for row, score, texts in _read(path, limits, min_notes, jobs, with_scores=True):
        rows.append(row)
        if score is not None:
            pieces.append((row.name, score))
            parts = (np.frombuffer(base64.b64decode(text), np.uint64) for text in texts)
            fingerprints.append(Fingerprint(*parts))
    report = ScanReport(tuple(rows))
    if not pieces:
        main = report.reasons()[:3]
        why = "; ".join(
            f"{count:,} {reason}" + f" (to keep {row.name}: {row.remedy})" * bool(row.remedy)
            for reason, count, row in main
        )
        raise CorpusError(f"{os.fspath(path)}: none of {len(rows):,} files is kept: {why}.")
    splits = split_by_group([name for name, _ in pieces], group(fingerprints))
    split_pieces = (Piece(name, split, score) for (name, score), split in zip(pieces, splits))
    return Corpus(Path(path).resolve().name, tuple(split_pieces), report)


@declared
def scan(
    path: str | os.PathLike[str],
    limits: ReadLimits | None = None,
    min_notes: Annotated[int, Whole(1), LEAST] = 16,
    jobs: Annotated[int, Jobs(-1), PROCESSES] = -1,
) -> ScanReport:
    """Returns the report of `folder`, without holding the music in memory.

    Args:
        path: The folder; the same files are read.
        limits: How large a file may be. None means `ReadLimits()`.

    Returns:
        One row per file; there may be none that is kept.

    Raises:
        CorpusError: As `folder`, but for no file being kept.
        ValueError: As `folder`.
    """
    found = _read(path, limits, min_notes, jobs, with_scores=False)
    return ScanReport(tuple(row for row, _, _ in found))


def _read(
    path: Any, limits: ReadLimits | None, min_notes: int, jobs: int, with_scores: bool
) -> list[Found]:
    """Returns what became of each file, in order of name."""
    root, limits = checked_path("path", path), checked_limits(limits)
    settings = [FORMAT, READING, dataclasses.astuple(limits), min_notes]
    keys = {_key(settings, root, name): name for name in sorted(_music_files(root))}
    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    cache = cache_folder("folders", place)
    found: dict[str, Found] = {}

    def take(kept: Path) -> None:
        loaded = load_scores(kept, with_scores) or ([], [])
        scores = dict(loaded[0])
        for key, (name, reason, detail, setting), texts in loaded[1]:
            if key in keys:
                row = ScanRow(name, reason, detail, setting and tuple(setting))
                found[key] = (row, scores.get(name), texts if with_scores else [])

    for kept in sorted(cache.glob("[!.]*.npz")):
        take(kept)
    left = [item for item in keys.items() if item[0] not in found]
    batches = [left[first : first + BATCH] for first in range(0, len(left), BATCH)]
    read = functools.partial(_read_file, root=root, limits=limits, min_notes=min_notes)
    while batches:
        batches = _read_batches(batches, read, cache, root, jobs, take)
        batches = [batch for batch in batches if batch[0][0] not in found]
    if len(found) < len(keys):
        raise CorpusError(f"{cache}: what was written there is gone. Read the folder again.")
    return [found[key] for key in keys]


def _read_batches(
    batches: list[Batch],
    read: Reader,
    cache: Path,
    root: Path,
    jobs: int,
    take: Callable[[Path], None],
) -> list[Batch]:
    """Reads batches in processes, until one of them dies; returns the batches that may be left."""
    from joblib import effective_n_jobs
    from rich.markup import escape

    work = functools.partial(_read_batch, reading=functools.partial(map, read), cache=cache)
    jobs = min(jobs, len(batches))
    try:
        for kept in in_parallel(work, batches, f"Reading {escape(str(root))}", jobs):
            take(kept)
        return []
    except BrokenProcessPool:  # what was being read is among the first that are not written down
        unfinished = [b for b in batches if load_scores(_batch_file(b, cache), False) is None]
        for batch in unfinished[: effective_n_jobs(jobs)]:
            _read_batch(batch, functools.partial(_read_apart, read), cache)
        for batch in batches:
            take(_batch_file(batch, cache))
        return batches


def _music_files(root: Path) -> Iterator[str]:
    """Returns the paths of the music files below a folder, with "/" between their parts."""
    if not root.exists():
        raise CorpusError(f"{root}: no such folder. Check the path and the current folder.")
    if not root.is_dir():
        raise CorpusError(f"{root}: not a folder. Give the folder that the files are in.")
    empty = True
    unlisted: list[OSError] = []
    for place, folders, names in os.walk(root, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                empty = False
                yield (Path(place) / name).relative_to(root).as_posix()
    for error in unlisted:
        if empty:
            raise CorpusError(f"{error.filename}: the folder can't be listed ({error.strerror}).")
        yield Path(error.filename).relative_to(root).as_posix()
    if empty:
        raise CorpusError(
            f"{root}: no MIDI files (.mid or .midi), nor piano rolls (.npz) or MusicXML (.musicxml "
            "or .mxl), in it or its folders."
        )


def _key(settings: list[Any], root: Path, name: str) -> str:
    """Returns what a file's result is kept under: its name, size, times of change and settings."""
    try:
        status = os.stat(root / name)
        state = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    except OSError:  # gone, or a link to nowhere: reading it gives the reason
        state = (-1, -1, -1)
    return hashlib.sha256(ascii((settings, name, state)).encode()).hexdigest()[:32]


def _read_apart(read: Reader, names: Iterable[str]) -> Iterator[tuple[ScanRow, ScoreTick | None]]:
    """Reads files one at a time in another process, so that it shows which of them ends it."""
    from joblib.externals.loky import ProcessPoolExecutor

    process: Any = None
    for name in names:
        result: tuple[ScanRow, ScoreTick | None] = (ScanRow(name, FATAL, "twice"), None)
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


def _batch_file(batch: Batch, cache: Path) -> Path:
    digest = hashlib.sha256("".join(key for key, _ in batch).encode()).hexdigest()[:32]
    return cache / f"{digest}.npz"


def _read_batch(batch: Batch, reading: Callable[[Iterable[str]], Any], cache: Path) -> Path:
    """Reads files and writes down what became of them; returns the file that it is in."""
    scores, extra = [], []
    results = reading([name for _, name in batch])
    for (key, name), (row, score) in zip(batch, results, strict=True):
        texts: list[str] = []
        if score is not None:
            scores.append((name, score))
            texts = [base64.b64encode(part.tobytes()).decode() for part in fingerprint(score)]
        extra.append([key, dataclasses.astuple(row), texts])
    path = _batch_file(batch, cache)
    save_scores(path, scores, extra)
    return path


def _read_file(
    name: str, root: Path, limits: ReadLimits, min_notes: int
) -> tuple[ScanRow, ScoreTick | None]:
    """Reads one file; returns its row and, if it is kept, its score."""
    path = str(root / name)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", MidiWarning)
            score = to_score(path, limits)
    except MidiError as error:
        if Path(path).is_dir():
            return ScanRow(name, "a folder that can't be listed"), None
        message = str(error).removeprefix(f"{path}: ")
        if error.setting:
            detail = message.split(", and ")[0]
            return ScanRow(name, f"over the limit {error.setting[0]}", detail, error.setting), None
        reason = re.split(r"[(:;,.]", message)[0].strip()
        if not reason.startswith("no"):  # "not a ...", "no ..."
            reason = UNREADABLE.get(Path(name).suffix.lower(), reason)
        return ScanRow(name, reason, message), None
    count = score.note_num()
    if not count:
        return ScanRow(name, "no notes"), None
    if count < min_notes:
        few = f"fewer than min_notes={min_notes} notes"
        return ScanRow(name, few, f"{count} notes", ("min_notes", count)), None
    repaired = [str(warning.message).removeprefix(f"{path}: ") for warning in caught]
    return ScanRow(name, detail=" ".join(dict.fromkeys(repaired))), score
