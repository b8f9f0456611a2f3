"""What a corpus is: named pieces of music, each in one split, and a report of what was left out.

A piece is in the training, the validation or the test split as a whole, and pieces that are nearly
the same music stand in the same split (`musegen.corpus.duplicates`), so that a figure on the test
split speaks of music that the model has not seen.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Literal

from symusic.core import ScoreTick

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class CorpusError(ValueError):
    """A corpus can't be made: says which, why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """One piece of music.

    Attributes:
        name: Its name, which no other piece of the corpus has.
        split: "train", "validation" or "test".
        score: The music, in ticks; its first bar begins at tick 0.
    """

    name: str
    split: Split
    score: ScoreTick


@dataclasses.dataclass(frozen=True)
class ScanRow:
    """What became of one file, or of one piece where a file holds several.

    Attributes:
        name: The file's path below the folder, or the piece's name.
        reason: None if it was kept, else why it was not: one clause, the same for all files that
            were left out for the same reason.
        detail: What exactly was found, where there is more to say; of a file that was kept, what
            of it was repaired or left out.
        setting: The argument that would let it in, such as `min_notes=8`, or None.
    """

    name: str
    reason: str | None = None
    detail: str = ""
    setting: str | None = None

    @property
    def kept(self) -> bool:
        """Whether the piece is in the corpus."""
        return self.reason is None


@dataclasses.dataclass(frozen=True)
class ScanReport:
    """What was kept and what was left out of a corpus, and why; iterates over its rows.

    Attributes:
        rows: One row a file, or a piece where a file holds several, in order of name.

    Example:
        >>> print(ScanReport((ScanRow("a.mid"), ScanRow("b.mid", "empty file"))))
        2 pieces: 1 kept, 1 left out
          1  empty file (b.mid)

    Printed, a character that is none to be shown (names of files may hold any) is its escape.
    """

    rows: tuple[ScanRow, ...] = ()

    def __iter__(self) -> Iterator[ScanRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def kept(self) -> int:
        """How many were kept."""
        return sum(row.kept for row in self.rows)

    def reasons(self) -> list[tuple[str, int, ScanRow]]:
        """Gives each reason, how many it left out and the first of them; the commonest first."""
        groups: dict[str, list[ScanRow]] = {}
        for row in self.rows:
            if row.reason is not None:
                groups.setdefault(row.reason, []).append(row)
        found = [(reason, len(rows), rows[0]) for reason, rows in groups.items()]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def __str__(self) -> str:
        reasons = self.reasons()
        left_out = len(self.rows) - self.kept
        lines = [f"{len(self.rows):,} pieces: {self.kept:,} kept, {left_out:,} left out"]
        width = max((len(f"{count:,}") for _, count, _ in reasons), default=0)
        for reason, count, row in reasons:
            example = f"{row.name}: {row.detail}" if row.detail else row.name
            setting = f"; to keep it: {row.setting}" if row.setting else ""
            lines.append(f"  {count:>{width},}  {reason} ({example}{setting})")
        repaired = [row for row in self.rows if row.kept and row.detail]
        if repaired:
            lines.append(
                f"Of those kept, {len(repaired):,} were repaired or had events left out, such as "
                f"{repaired[0].name}: {repaired[0].detail}"
            )
        return "\n".join(_printable(line) for line in lines)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


@dataclasses.dataclass(frozen=True, repr=False)
class Corpus:
    """Pieces of music in three splits.

    Attributes:
        name: The corpus's name.
        pieces: All pieces, in order of name.
        report: What was kept and what was left out.
    """

    name: str
    pieces: tuple[Piece, ...]
    report: ScanReport = dataclasses.field(default_factory=ScanReport)

    def __len__(self) -> int:
        return len(self.pieces)

    def __repr__(self) -> str:
        counts = Counter(piece.split for piece in self.pieces)
        splits = ", ".join(f"{counts[split]:,} {split}" for split in SPLITS)
        return f"<Corpus {self.name!r}: {len(self.pieces):,} pieces ({splits})>"

    def _of(self, split: Split) -> tuple[Piece, ...]:
        return tuple(piece for piece in self.pieces if piece.split == split)

    @property
    def train(self) -> tuple[Piece, ...]:
        """The pieces to train on."""
        return self._of("train")

    @property
    def validation(self) -> tuple[Piece, ...]:
        """The pieces by which settings are chosen and training is stopped."""
        return self._of("validation")

    @property
    def test(self) -> tuple[Piece, ...]:
        """The pieces that only the final figures are computed on."""
        return self._of("test")
