"""The pieces of a folder, read from shards when they are asked for.

A folder may have more music than there is memory. What is held of a piece is its name, its split
and where it stands; its score is read from there each time, so that one that was changed is not
changed for others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen.corpus.corpus import SPLITS, Piece, Split
from musegen.corpus.store import Shards, score_at


class Pieces(Sequence[Piece]):
    """Pieces in shards, in order of name.

    Args:
        shards: The shards.
        names: The name of each piece.
        splits: Its split, a place in `SPLITS`, `(pieces,)`.
        numbers: The number of its shard, `(pieces,)`.
        places: Its place there, `(pieces,)`.
        work: How many processes are to work on them, and the cluster if there is one.
    """

    def __init__(
        self,
        shards: Shards,
        names: Sequence[str],
        splits: NDArray[np.uint8],
        numbers: NDArray[np.int32],
        places: NDArray[np.int32],
        work: tuple[int, Any] = (-1, None),
    ) -> None:
        self.shards, self.names, self.splits = shards, names, splits
        self.numbers, self.places, self.work = numbers, places, work

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Piece: ...
    @overload
    def __getitem__(self, index: slice) -> Pieces: ...
    def __getitem__(self, index: int | slice) -> Piece | Pieces:
        if isinstance(index, slice):
            return self.some(np.arange(len(self))[index])
        name = self.names[index]  # an IndexError if there is none
        _, score = score_at(self.shards[int(self.numbers[index])], int(self.places[index]))
        return Piece(name, SPLITS[self.splits[index]], score)

    def __iter__(self) -> Iterator[Piece]:
        return (self[index] for index in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Pieces, tuple)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Pieces: {len(self):,}, read when they are asked for>"

    def some(self, chosen: NDArray[np.int64]) -> Pieces:
        """Returns pieces by their numbers."""
        return Pieces(
            self.shards,
            [self.names[index] for index in chosen.tolist()],
            self.splits[chosen],
            self.numbers[chosen],
            self.places[chosen],
            self.work,
        )

    def of(self, split: Split) -> Pieces:
        """Returns the pieces of a split."""
        return self.some(np.flatnonzero(self.splits == SPLITS.index(split)))


class Scores(Sequence[ScoreTick]):
    """The scores of pieces, each read when it is asked for.

    Args:
        pieces: The pieces.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    @overload
    def __getitem__(self, index: int) -> ScoreTick: ...
    @overload
    def __getitem__(self, index: slice) -> Scores: ...
    def __getitem__(self, index: int | slice) -> ScoreTick | Scores:
        if isinstance(index, slice):
            return Scores(self.pieces[index])
        return self.pieces[index].score
