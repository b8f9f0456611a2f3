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
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from symusic.core import ScoreTick

from musegen._stopping import starting_workers
from musegen.corpus.corpus import Corpus, CorpusError, Piece, ScanReport, ScanRow, Split
from musegen.corpus.store import FORMAT, SUFFIX, cache_folder, load_scores, save_scores

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
    """Returns folders of music21's corpus, in order of folder and file, from the cache if there.

    `parse` reads one file (in other processes: a module's function), `split` splits all scores.
    """
    version = importlib.metadata.version("music21")
    path = cache_folder() / f"{name}-{FORMAT}-music21-{version}{SUFFIX}"
    loaded = load_scores(path)
    if loaded is None:
        files = [file for folder in folders for file in sorted((_music21() / folder).iterdir())]
        files = [file for file in files if file.is_file()]
        read = in_parallel(parse, files, f"Reading {name} for the first time")
        parsed = _with_unique_names([piece for pieces in read for piece in pieces])
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
    """Yields what a module's function, or a partial of one, returns for each item, in their order.

    It runs in some processes (-1: one per core), and shows its progress on standard error.
    """
    import joblib

    jobs = 1 if len(items) == 1 else jobs
    with starting_workers() as options:
        results = joblib.Parallel(n_jobs=jobs, return_as="generator", **options)(
            joblib.delayed(function)(item) for item in items
        )
    yield from shown_progress(results, what, len(items))


def shown_progress(results: Iterable[T], what: str, count: int) -> Iterator[T]:
    """Yields results as they come, with a bar of how many there are of `count`, on a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import track

    console = Console(stderr=True)
    hidden = not console.is_terminal
    what = escape(what)
    yield from track(results, what, count, console=console, transient=True, disable=hidden)


def _music21() -> Path:
    """Returns music21's folder of scores, without importing music21."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise CorpusError("music21 is not installed: pip install music21.")
    return Path(spec.origin).parent / "corpus"
