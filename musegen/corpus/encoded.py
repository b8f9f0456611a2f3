"""Pieces as an encoding's records, kept in shards beside those of their scores.

Each shard of scores has one of records for each encoding, with the same pieces at the same places.
It is made once, and a later run makes those that are new. So training reads from the disk the
records of a batch, and as much memory is needed for a million pieces as for a thousand, but for
some bytes a piece.

Beside the records stand *facts*, one row a piece, for what is asked of all of them before training:

    opening   (pieces, 4)   numerator, denominator, pickup, microseconds per quarter note
    home      (pieces,)     whether it comes home (`musegen.encoding.tonic`)
    notes     (pieces, 3)   notes that are learned from, in other voices, and of drums
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._checks import checked_items
from musegen.corpus.bundled import in_parallel
from musegen.corpus.cluster import Cluster
from musegen.corpus.corpus import Piece
from musegen.corpus.notes_used import drum_notes
from musegen.corpus.pieces import Pieces
from musegen.corpus.store import (
    FORMAT,
    Shard,
    Shards,
    as_json,
    open_shard,
    ragged,
    score_at,
    shard_bytes,
    write_shard,
)
from musegen.encoding.melody import Melody
from musegen.encoding.tonic import melody_comes_home, voices_come_home

ENCODED = 1
"""Version of what encodings make of scores; raise it where that changes."""

WHAT = "Encoding"

FEW = 32
"""Shards that one process has encoded before others would have started."""

FACTS: dict[str, tuple[tuple[int, ...], Any]] = {
    "opening": ((4,), np.int32),
    "home": ((), np.bool_),
    "notes": ((3,), np.int64),
}


class Encoded(Sequence[Any]):
    """The records of some pieces, in their order, each read when it is asked for.

    Args:
        shards: The shards of records: `Shards`, or a list of them.
        kind: The class of the records.
        numbers: The number of each piece's shard, `(pieces,)`.
        places: Its place there, `(pieces,)`.
    """

    def __init__(
        self, shards: Any, kind: type, numbers: NDArray[np.integer], places: NDArray[np.integer]
    ) -> None:
        self.shards, self.kind, self.numbers, self.places = shards, kind, numbers, places

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Encoded(self.shards, self.kind, self.numbers[index], self.places[index])
        shard, place = self.shards[int(self.numbers[index])], int(self.places[index])
        return _record(self.kind, shard, place)

    def __repr__(self) -> str:
        return f"<Encoded: {len(self):,} records of {self.kind.__name__}>"

    def fact(self, name: str) -> NDArray[Any]:
        """Returns a fact of all pieces, `(pieces, ...)`."""
        shape, kind = FACTS[name]
        found = np.zeros((len(self), *shape), kind)
        for pieces, shard in self._by_shard():
            found[pieces] = shard[name][self.places[pieces]]
        return found

    def ragged(self, name: str) -> Iterator[tuple[NDArray[np.int64], NDArray, NDArray, NDArray]]:
        """Yields an array of all pieces, some pieces at a time.

        Yields:
            Which pieces, the array that theirs are parts of, where each part begins, and its size.
        """
        for pieces, shard in self._by_shard():
            places, sizes = self.places[pieces], shard.sizes(name)
            begins = np.cumsum(sizes) - sizes
            yield pieces, shard[name], begins[places], sizes[places]

    def _by_shard(self) -> Iterator[tuple[NDArray[np.int64], Shard]]:
        order = np.argsort(self.numbers, kind="stable")
        cuts = np.flatnonzero(np.diff(self.numbers[order])) + 1
        for pieces in np.split(order, cuts):
            if len(pieces):
                yield pieces, self.shards[int(self.numbers[pieces[0]])]


def ragged_of(
    records: Sequence[Any], name: str
) -> Iterator[tuple[NDArray[np.int64], NDArray, NDArray, NDArray]]:
    """As `Encoded.ragged`, of records that may be in memory as well."""
    if isinstance(records, Encoded):
        yield from records.ragged(name)
    elif len(records):
        parts = [getattr(record, name) for record in records]
        sizes = np.array([len(part) for part in parts], np.int64)
        yield np.arange(len(parts)), np.concatenate(parts), np.cumsum(sizes) - sizes, sizes


def fact_of(records: Sequence[Any], name: str, encoding: Any) -> NDArray[Any]:
    """As `Encoded.fact`, of records that may be in memory as well; then there are no drums."""
    if isinstance(records, Encoded):
        return records.fact(name)
    return np.array([_facts(record, encoding, 0)[name] for record in records], FACTS[name][1])


def checked_records(name: str, value: Any, kind: type, what: str) -> Sequence[Any]:
    """Returns records of a class, at least one; raises a ValueError for anything else."""
    if isinstance(value, Encoded) and value.kind is kind and len(value):
        return value
    return checked_items(name, value, kind, what)


def encoded(pieces: Sequence[Piece], encoding: Any) -> Encoded:
    """Returns the records of pieces; those of a folder are made and written down once.

    Raises:
        ValueError: If a piece can't be encoded; that of the first one.
        CorpusError: If the records can't be written down, or a cluster ends.
    """
    kind = type(encoding.encode(ScoreTick(24)))
    if isinstance(pieces, Pieces):
        used = np.unique(pieces.numbers)
        numbers: Any = np.searchsorted(used, pieces.numbers)
        places: Any = pieces.places
        shards: Any = Shards(_written([pieces.shards.paths[one] for one in used], encoding, pieces))
    else:
        numbers, places = np.zeros(len(pieces), np.int64), np.arange(len(pieces))
        shards = [Shard(_records_of((piece.score for piece in pieces), encoding))]
    found = Encoded(shards, kind, numbers, places)
    failed = {}
    for some, shard in found._by_shard():
        texts = shard.document
        at = [one for one in some.tolist() if texts and str(places[one]) in texts]
        failed.update({one: texts[str(places[one])] for one in at})
    if failed:
        raise ValueError(failed[min(failed)])
    return found


def _written(paths: Sequence[Path], encoding: Any, pieces: Pieces) -> list[Path]:
    """Returns the shards of records of shards of scores; makes those that are missing."""
    pairs = [(path, records_path(path, encoding)) for path in paths]
    left = [pair for pair in pairs if open_shard(pair[1]) is None]
    jobs, cluster = pieces.work
    if left and cluster is not None:
        workers = Cluster(cluster)
        work = functools.partial(_records_in_worker, encoding=encoding)
        with workers.connected():
            for pair, contents in workers.results(
                work, left, WHAT, lambda pair: pair[0].read_bytes()
            ):
                if contents is None:  # its workers ended, whatever the reason
                    _write_records(pair, encoding)
                else:
                    write_shard(pair[1], contents)
    else:
        write = functools.partial(_write_records, encoding=encoding)
        for _ in in_parallel(write, left, WHAT, jobs if len(left) > FEW else 1):
            pass
    return [path for _, path in pairs]


def records_path(path: Path, encoding: Any) -> Path:
    """Returns where the records of a shard of scores are."""
    kind = type(encoding)
    names = [FORMAT, ENCODED, kind.__module__, kind.__qualname__, encoding.get_config()]
    digest = hashlib.sha256(json.dumps(names, sort_keys=True).encode()).hexdigest()[:16]
    return path.parent / digest / path.name


def _write_records(pair: tuple[Path, Path], encoding: Any) -> None:
    write_shard(pair[1], _records_in_worker(pair[0].read_bytes(), encoding))


def _records_in_worker(contents: bytes, encoding: Any) -> bytes:
    shard = Shard(contents)
    places = range(len(shard["head/ends"]))
    return _records_of((score_at(shard, place)[1] for place in places), encoding)


def _records_of(scores: Iterable[ScoreTick], encoding: Any) -> bytes:
    """Returns the shard of the records of scores."""
    records, facts, failed = [], [], {}
    for place, score in enumerate(scores):
        try:
            record = encoding.encode(score)
        except ValueError as error:
            failed[place] = str(error)
            record = encoding.encode(ScoreTick(24))
        records.append(record)
        facts.append(_facts(record, encoding, drum_notes(score)))
    arrays = {
        name: np.array([one[name] for one in facts], kind).reshape(len(facts), *shape)
        for name, (shape, kind) in FACTS.items()
    }
    heads = []
    for record in records:
        fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
        rest = {name: one for name, one in fields.items() if not isinstance(one, np.ndarray)}
        heads.append(as_json({**rest, "report": dataclasses.asdict(record.report)}))
    arrays |= ragged("head", heads, np.empty(0, np.uint8))
    for name in _array_names(records):
        parts = [getattr(record, name) for record in records]
        arrays |= ragged(name, parts, _smallest(parts))
    return shard_bytes(arrays, failed)


def _array_names(records: Sequence[Any]) -> list[str]:
    fields = dataclasses.fields(records[0]) if records else ()
    return [one.name for one in fields if isinstance(getattr(records[0], one.name), np.ndarray)]


def _smallest(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """An empty array of the smallest type that has all values of some arrays, and their shape."""
    if parts[0].dtype == bool:
        return np.empty((0, *parts[0].shape[1:]), bool)
    low = min(int(part.min(initial=0)) for part in parts)
    high = max(int(part.max(initial=0)) for part in parts)
    kind = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    return np.empty((0, *parts[0].shape[1:]), kind)


def _facts(record: Any, encoding: Any, drums: int) -> dict[str, Any]:
    if isinstance(record, Melody):
        home = melody_comes_home(record.pitches, encoding.steps[record.durations])
        notes = record.report.notes, record.report.left_out, drums
    else:
        home = voices_come_home(record.pitches)
        notes = record.report.kept, record.report.other_voices, drums
    opening = (*record.meters[0][1:], record.pickup, record.tempos[0][1])
    return {"opening": opening, "home": home, "notes": notes}


def _record(kind: type, shard: Shard, place: int) -> Any:
    head = shard.json("head", place)
    names = [field for field in dataclasses.fields(kind) if field.name not in head]
    arrays = {field.name: shard.part(field.name, place) for field in names}
    report: Any = next(one.default for one in dataclasses.fields(kind) if one.name == "report")
    values = {name: _tuples(value) for name, value in head.items()}
    return kind(**arrays, **{**values, "report": type(report)(**values["report"])})


def _tuples(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {k: _tuples(v) for k, v in value.items()} if isinstance(value, dict) else value
