"""Reading the scores that music21 carries: in parallel, with progress, once.

music21 parses the installed files themselves (`forceSource=True`): never the network, and never
its own pickled copies. What it returns is kept in the cache folder, under a name with the version
of music21 and of the cache's format.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from symusic.core import ScoreTick

from musegen.corpus.corpus import Corpus, CorpusError, Piece, ScanReport, ScanRow, Split
from musegen.corpus.store import FORMAT, cache_folder, load_scores, save_scores

T = TypeVar("T")

Score = tuple[str, ScoreTick]
"""A name, and the music."""

Parsed = tuple[ScanRow, ScoreTick | None]
"""A piece's row in the report, and its score if it was kept."""


def read_bundled(
    name: str,
    folders: Sequence[str],
    parse: Callable[[Path], list[Parsed]],
    split: Callable[[list[Score]], Sequence[Split]],
) -> Corpus:
    """Returns a part of music21's corpus, from the cache if it is there.

    Args:
        name: The corpus's name, which the cache file is called after.
        folders: Folders of music21's corpus.
        parse: Reads one file; a module's function, since it is called in other processes.
        split: Returns the split of each named score.

    Returns:
        The corpus, in order of folder and file.
    """
    version = importlib.metadata.version("music21")
    path = cache_folder() / f"{name}-{FORMAT}-music21-{version}.npz"
    loaded = load_scores(path)
    if loaded is None:
        files = [file for folder in folders for file in sorted((_music21() / folder).iterdir())]
        files = [file for file in files if file.is_file()]
        what = f"Reading {name} for the first time"
        parsed = _with_unique_names(
            [piece for pieces in in_parallel(parse, files, what) for piece in pieces]
        )
        scores = [(row.name, score) for row, score in parsed if score is not None]
        rows: list[Any] = [dataclasses.astuple(row) for row, _ in parsed]
        splits = list(split(scores))
        save_scores(path, scores, {"rows": rows, "splits": splits})
    else:
        scores, extra = loaded
        rows, splits = extra["rows"], extra["splits"]
    pieces = (
        Piece(title, side, score) for (title, score), side in zip(scores, splits, strict=True)
    )
    return Corpus(name, tuple(pieces), ScanReport(tuple(ScanRow(*row) for row in rows)))


def _with_unique_names(parsed: list[Parsed]) -> list[Parsed]:
    """Numbers what has the same name: "Tune", "Tune (2)"."""
    seen: Counter[str] = Counter()
    unique = []
    for row, score in parsed:
        seen[row.name] += 1
        if seen[row.name] > 1:
            row = dataclasses.replace(row, name=f"{row.name} ({seen[row.name]})")
        unique.append((row, score))
    return unique


def in_parallel(
    function: Callable[[Any], T], items: Sequence[Any], what: str, jobs: int = -1
) -> Iterator[T]:
    """Calls a function for each item on several cores, showing progress on standard error.

    Args:
        function: A module's function, or a partial of one.
        items: Its arguments.
        what: What the progress bar says.
        jobs: Processes; -1 is one per core.

    Yields:
        The results, in the order of the items.
    """
    import joblib
    from rich.console import Console
    from rich.progress import track

    jobs = 1 if len(items) == 1 else jobs
    results = joblib.Parallel(n_jobs=jobs, return_as="generator")(
        joblib.delayed(function)(item) for item in items
    )
    console = Console(stderr=True)
    yield from track(
        results,
        what,
        total=len(items),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _music21() -> Path:
    """Returns music21's folder of scores, without importing music21."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise CorpusError("music21 is not installed: pip install music21.")
    return Path(spec.origin).parent / "corpus"
