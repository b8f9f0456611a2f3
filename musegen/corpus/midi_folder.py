"""A folder of music files as a corpus: read in parallel, resumed where it was stopped.

Files are read in batches. A finished batch is kept in the cache folder, and a file whose name,
size, time of change and settings stand in a kept batch is not read again; so a run that was killed
goes on where it stopped, and a changed file is read anew. What comes out depends on the files
alone.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from symusic.core import ScoreTick

from musegen.corpus.bundled import in_parallel
from musegen.corpus.corpus import Corpus, CorpusError, Piece, ScanReport, ScanRow
from musegen.corpus.duplicates import fingerprint, group, split_by_group
from musegen.corpus.store import FORMAT, cache_folder, load_scores, save_scores
from musegen.interop import to_score
from musegen.midi import MidiError, MidiWarning, ReadLimits

BATCH = 256
"""Files that are read between two times of writing down."""

SUFFIXES = (".mid", ".midi", ".npz")

Found: TypeAlias = tuple[ScanRow, ScoreTick | None, str]
"""A file's row, its score if it is kept, and its melodic turns as text."""


def folder(
    path: str | os.PathLike[str],
    limits: ReadLimits | None = None,
    min_notes: int = 16,
    jobs: int = -1,
) -> Corpus:
    """Gives all MIDI files, and piano rolls of pypianoroll, of a folder and the folders in it.

    Args:
        path: The folder. Its files that end in .mid, .midi or .npz are read; links to other folders
            are not followed.
        limits: How large a file may be. None means `ReadLimits()`.
        min_notes: Notes that a file must have to be kept, at least 1.
        jobs: Processes that read; -1 is one a core.

    Returns:
        A piece a file, named by its path below the folder, 80 % of them for training, and 10 % each
        for validation and test; pieces that are nearly the same stand in one split. `report` has a
        row a file.

    Raises:
        CorpusError: The folder is missing or has no such files, no file can be kept, or `min_notes`
            or `jobs` is out of range.
    """
    rows, pieces, turns = [], [], []
    for row, score, text in _read(path, limits, min_notes, jobs, with_scores=True):
        rows.append(row)
        if score is not None:
            pieces.append((row.name, score))
            turns.append(np.frombuffer(base64.b64decode(text), np.uint64))
    report = ScanReport(tuple(rows))
    if not pieces:
        main = report.reasons()[:3]
        why = "; ".join(f"{count:,} {reason}{_hint(row)}" for reason, count, row in main)
        raise CorpusError(f"{os.fspath(path)}: none of {len(rows):,} files is kept: {why}.")
    splits = split_by_group([name for name, _ in pieces], group(turns))
    return Corpus(
        Path(path).resolve().name,
        tuple(
            Piece(name, split, score) for (name, score), split in zip(pieces, splits, strict=True)
        ),
        report,
    )


def scan(
    path: str | os.PathLike[str],
    limits: ReadLimits | None = None,
    min_notes: int = 16,
    jobs: int = -1,
) -> ScanReport:
    """Gives the report that `folder` would give; no file being kept is no error here.

    Args:
        path: As of `folder`.
        limits: As of `folder`.
        min_notes: As of `folder`.
        jobs: As of `folder`.

    Returns:
        One row a file.

    Raises:
        CorpusError: The folder is missing or has no such files, or `min_notes` or `jobs` is out
            of range.
    """
    found = _read(path, limits, min_notes, jobs, with_scores=False)
    return ScanReport(tuple(row for row, _, _ in found))


def _hint(row: ScanRow) -> str:
    return f" (to keep {row.name}: {row.setting})" if row.setting else ""


def _read(
    path: str | os.PathLike[str],
    limits: ReadLimits | None,
    min_notes: int,
    jobs: int,
    with_scores: bool,
) -> list[Found]:
    """Gives what became of each file, in order of name."""
    if not isinstance(min_notes, int) or isinstance(min_notes, bool) or min_notes < 1:
        raise CorpusError(f"min_notes={min_notes!r}: give a whole number, 1 or more.")
    if not isinstance(jobs, int) or isinstance(jobs, bool) or jobs < -1 or jobs == 0:
        raise CorpusError(f"jobs={jobs!r}: give a number of processes, or -1 for one a core.")
    root = Path(path)
    limits = ReadLimits() if limits is None else limits
    settings = [FORMAT, dataclasses.astuple(limits), min_notes]
    keys = {_key(settings, root, name): name for name in sorted(_music_files(root))}
    place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    cache = cache_folder() / "folders" / place
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, Found] = {}

    def take(batch: Path) -> None:
        loaded = load_scores(batch)
        if loaded is None:
            return
        scores, extra = dict(loaded[0]), loaded[1]
        for key, row, turns in extra:
            if key in keys:
                music = (scores.get(row[0]), turns) if with_scores else (None, "")
                found[key] = (ScanRow(*row), *music)

    for batch in sorted(cache.glob("[!.]*.npz")):
        take(batch)
    left = [item for item in keys.items() if item[0] not in found]
    batches = [left[first : first + BATCH] for first in range(0, len(left), BATCH)]
    if batches:
        read = functools.partial(
            _read_batch, root=root, cache=cache, limits=limits, min_notes=min_notes
        )
        for batch in in_parallel(read, batches, f"Reading {root}", jobs):
            take(batch)
    return [found[key] for key in keys]


def _music_files(root: Path) -> Iterator[str]:
    """Gives the paths of the music files below a folder, with "/" between their parts."""
    if not root.exists():
        raise CorpusError(f"{root}: no such folder. Check the path and the current folder.")
    if not root.is_dir():
        raise CorpusError(f"{root}: not a folder. Give the folder that the files are in.")
    empty = True
    for place, _, names in os.walk(root):
        for name in names:
            if name.lower().endswith(SUFFIXES):
                empty = False
                yield (Path(place) / name).relative_to(root).as_posix()
    if empty:
        raise CorpusError(
            f"{root}: no MIDI files (.mid or .midi), nor piano rolls (.npz), in it or its folders."
        )


def _key(settings: list[Any], root: Path, name: str) -> str:
    """Gives what a file's result is kept under: its name, size, time of change and settings."""
    try:
        status = os.stat(root / name)
        state = (status.st_size, status.st_mtime_ns)
    except OSError:  # gone, or a link to nowhere: reading it gives the reason
        state = (-1, -1)
    return hashlib.sha256(ascii((settings, name, state)).encode()).hexdigest()[:32]


def _read_batch(
    batch: list[tuple[str, str]], root: Path, cache: Path, limits: ReadLimits, min_notes: int
) -> Path:
    """Reads files and writes down what became of them, giving the file that it is in."""
    scores, extra = [], []
    for key, name in batch:
        row, score = _read_file(root, name, limits, min_notes)
        turns = ""
        if score is not None:
            scores.append((name, score))
            turns = base64.b64encode(fingerprint(score).tobytes()).decode()
        extra.append([key, dataclasses.astuple(row), turns])
    digest = hashlib.sha256("".join(key for key, _ in batch).encode()).hexdigest()[:32]
    save_scores(cache / f"{digest}.npz", scores, extra)
    return cache / f"{digest}.npz"


def _read_file(
    root: Path, name: str, limits: ReadLimits, min_notes: int
) -> tuple[ScanRow, ScoreTick | None]:
    """Reads one file, giving its row and, if it is kept, its score."""
    path = str(root / name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MidiWarning)
            score = to_score(path, limits)
    except MidiError as error:
        message = str(error).removeprefix(f"{path}: ")
        setting = re.search(r"limits=ReadLimits\((\w+)=.*?\)", message)
        if setting:
            detail = message.split(", and ")[0]
            return ScanRow(name, f"over the limit {setting[1]}", detail, setting[0]), None
        reason = re.split(r"[(:;,.]", message)[0].strip()
        if name.lower().endswith(".npz") and not reason.startswith("no"):  # "not a ...", "no ..."
            reason = "unreadable pypianoroll file"  # what is wrong with it stands in the detail
        return ScanRow(name, reason, message), None
    count = score.note_num()
    if not count:
        return ScanRow(name, "no notes"), None
    if count < min_notes:
        few = f"fewer than min_notes={min_notes} notes"
        return ScanRow(name, few, f"{count} notes", f"min_notes={count}"), None
    return ScanRow(name), score
