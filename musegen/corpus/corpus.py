"""What a corpus is: named pieces of music, each in one split, and a report of what was left out.

A piece is in the training, the validation or the test split as a whole, and pieces that are nearly
the same music stand in the same split (`musegen.corpus.duplicates`), so that a figure on the test
split speaks of music that the model has not seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

from symusic.core import ScoreTick

from musegen._checks import counted, printable
from musegen.midi import ReadLimits
from musegen.settings import settings_of

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class CorpusError(ValueError):
    """A corpus can't be made; the message says which, why, and what to do."""


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


def as_argument(name: str, value: float) -> str:
    """Returns a setting as Python passes it, such as `limits=ReadLimits(max_bars=5000)`."""
    text = f"{name}={value}"
    return f"limits=ReadLimits({text})" if name in settings_of(ReadLimits) else text


@dataclasses.dataclass(frozen=True, slots=True)
class ScanRow:
    """What became of one file, or of one piece where a file holds several.

    Attributes:
        name: The file's path below the folder, or the piece's name.
        reason: Why it was left out: one clause, the same for all that were for the same reason.
            None if it was kept.
        detail: What exactly was found, where there is more to say; of a file that was kept, what
            of it was repaired or left out.
        setting: The setting that would let it in and its value, such as `("min_notes", 8)`: an
            argument of `folder` or of `ReadLimits`. None if there is no such setting.
    """

    name: str
    reason: str | None = None
    detail: str = ""
    setting: tuple[str, float] | None = None

    @property
    def remedy(self) -> str:
        """The argument that would let it in, empty if there is none."""
        return as_argument(*self.setting) if self.setting else ""

    @property
    def kept(self) -> bool:
        """Whether it is in the corpus."""
        return self.reason is None


@dataclasses.dataclass(frozen=True)
class ScanReport:
    """What was kept and what was left out of a corpus, and why; iterates over its rows.

    When printed, characters that can't be shown (names of files may hold any) are escaped.

    Attributes:
        rows: One row per file, or per piece where a file holds several, in order of name.

    Example:
        >>> print(ScanReport((ScanRow("a.mid"), ScanRow("b.mid", "empty file"))))
        2 pieces: 1 kept, 1 left out
          1  empty file (b.mid)
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
        """Returns each reason, how many it left out and the first one; the commonest first."""
        groups: dict[str, list[ScanRow]] = {}
        for row in self.rows:
            if row.reason is not None:
                groups.setdefault(row.reason, []).append(row)
        found = [(reason, len(rows), rows[0]) for reason, rows in groups.items()]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def __str__(self) -> str:
        return self.text()

    def text(self, setting: Callable[[str, float], str] = as_argument) -> str:
        """Returns the report, reason by reason.

        Args:
            setting: Writes the name and value of a setting that would let a file in.
        """
        reasons = self.reasons()
        left_out = len(self.rows) - self.kept
        lines = [f"{counted(len(self.rows), 'piece')}: {self.kept:,} kept, {left_out:,} left out"]
        width = max((len(f"{count:,}") for _, count, _ in reasons), default=0)
        for reason, count, row in reasons:
            example = f"{row.name}: {row.detail}" if row.detail else row.name
            remedy = f"; to keep it: {setting(*row.setting)}" if row.setting else ""
            lines.append(f"  {count:>{width},}  {reason} ({example}{remedy})")
        repaired = [row for row in self.rows if row.kept and row.detail]
        if repaired:
            lines.append(
                f"Of those kept, {len(repaired):,} were repaired or had events left out, such as "
                f"{repaired[0].name}: {repaired[0].detail}"
            )
        return "\n".join(printable(line) for line in lines)


@runtime_checkable
class InSplits(Protocol):
    """Pieces that know which of them are in a split, without looking at each."""

    def of(self, split: Split) -> Sequence[Piece]:
        """Returns the pieces of a split."""
        ...


@dataclasses.dataclass(frozen=True, repr=False)
class Corpus:
    """Pieces of music in three splits.

    Attributes:
        name: The corpus's name.
        pieces: All pieces, in order of name: a tuple, or, of a folder, a sequence that reads each
            piece when it is asked for.
        report: What was kept and what was left out.
    """

    name: str
    pieces: Sequence[Piece]
    report: ScanReport = dataclasses.field(default_factory=ScanReport)

    def __len__(self) -> int:
        return len(self.pieces)

    def __repr__(self) -> str:
        counts = {split: len(self._of(split)) for split in SPLITS}
        splits = ", ".join(f"{count:,} {split}" for split, count in counts.items())
        return f"<Corpus {self.name!r}: {counted(len(self.pieces), 'piece')} ({splits})>"

    def _of(self, split: Split) -> Sequence[Piece]:
        if isinstance(self.pieces, InSplits):
            return self.pieces.of(split)
        return tuple(piece for piece in self.pieces if piece.split == split)

    @property
    def train(self) -> Sequence[Piece]:
        """The pieces to train on."""
        return self._of("train")

    @property
    def validation(self) -> Sequence[Piece]:
        """The pieces by which settings are chosen and training is stopped."""
        return self._of("validation")

    @property
    def test(self) -> Sequence[Piece]:
        """The pieces that only the final figures are computed on."""
        return self._of("test")
