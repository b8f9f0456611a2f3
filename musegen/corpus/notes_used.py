"""How many notes of some music a model learns from, track by track, and what becomes of the rest.

Printed before training, it tells whether the model is to learn what the user meant: which tracks
were found, and why notes are left out.
"""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll import ONSET
from musegen.encoding.roll_phrases import cut


def drum_notes(score: ScoreTick) -> int:
    """Returns how many notes of a score are of drums."""
    return sum(len(track.notes) for track in score.tracks if track.is_drum)


@dataclasses.dataclass
class TrackNotes:
    """The notes of one place of an encoding.

    Attributes:
        notes: Notes that are there for it.
        used: Notes that the model learns from.
        lost: The others, by what became of them.
    """

    notes: int = 0
    used: int = 0
    lost: Counter[str] = dataclasses.field(default_factory=Counter)

    def __str__(self) -> str:
        lost = ", ".join(f"{count:,} {why}" for why, count in self.lost.most_common() if count)
        share = f" ({self.used / self.notes:.0%})" if self.notes else ""
        text = f"{self.used:,} of {self.notes:,} notes used{share}"
        return f"{text}; {lost}" if lost else text


@dataclasses.dataclass
class NotesUsed:
    """The notes of some pieces that a model learns from; as a text, a line for each track.

    Attributes:
        tracks: By name, what becomes of the notes of each track.
        others: Notes that no track takes, by their family of instruments.
        pieces: Pieces that were looked at.
        pieces_used: Pieces of which anything is learned.
        phrases: Phrases to learn from; None where whole pieces are learned from.
        phrase: What a phrase is, such as "4 bars of 4/4".
    """

    tracks: dict[str, TrackNotes]
    others: Counter[str] = dataclasses.field(default_factory=Counter)
    pieces: int = 0
    pieces_used: int = 0
    phrases: int | None = None
    phrase: str = ""

    @classmethod
    def of_phrases(cls, encoding: PianorollEncoding, bars: int) -> NotesUsed:
        """Begins to count for a model of phrases of an encoding's tracks."""
        tracks = {track.name: TrackNotes() for track in encoding.tracks}
        top, bottom = encoding.meter
        phrase = f"{bars} {'bar' if bars == 1 else 'bars'} of {top}/{bottom}"
        return cls(tracks, phrases=0, phrase=phrase)

    @classmethod
    def of_lines(cls, voice: str, notes: NDArray[np.int64]) -> NotesUsed:
        """Counts for a model of melodies, which learns one voice of each piece.

        Args:
            voice: Which.
            notes: Of each piece the notes that are learned from, those in other voices, and those
                of drums, `(pieces, 3)`.
        """
        name = "the melody" if voice == "error" else f"the {voice} voice"
        used, others, drums = notes.sum(axis=0).tolist()
        line = TrackNotes(used + others, used, Counter({"in other voices": others}))
        pieces_used = int((notes[:, 0] > 0).sum())
        return cls({name: line}, Counter({"drums": drums}), len(notes), pieces_used)

    def add_score(
        self, score: ScoreTick, encoding: PianorollEncoding, bars: int
    ) -> tuple[NDArray[np.uint8], list[int]]:
        """Counts a piece of phrases.

        Returns its cells, `(steps, pitches, tracks)`, and the steps at which its phrases begin.
        """
        cells, begins, report = cut(score, encoding, bars)
        inside = np.zeros(len(cells), bool)
        for begin in begins:
            inside[begin : begin + bars * encoding.steps] = True
        used = (cells[inside] == ONSET).sum(axis=(0, 1)).tolist()
        for track, one, count in zip(self.tracks.values(), report.tracks, used, strict=True):
            track.notes += one.notes
            track.used += count
            track.lost["outside of phrases"] += one.kept - count
            track.lost["in other voices"] += one.other_voices
            track.lost["out of range"] += one.out_of_range
        self.others.update(dict(report.others))
        self.pieces += 1
        self.pieces_used += bool(begins)
        self.phrases = (self.phrases or 0) + len(begins)
        return cells, begins

    @property
    def used(self) -> int:
        """Notes that the model learns from."""
        return sum(track.used for track in self.tracks.values())

    @property
    def notes(self) -> int:
        """All notes of the pieces."""
        return sum(track.notes for track in self.tracks.values()) + self.others.total()

    def __str__(self) -> str:
        of = ""
        if self.phrases is not None:
            phrases = "1 phrase" if self.phrases == 1 else f"{self.phrases:,} phrases"
            of = f" in {phrases} of {self.phrase}"
        share = f" ({self.used / self.notes:.0%})" if self.notes else ""
        what = f"{self.used:,} of {self.notes:,} notes{share}{of}"
        lines = [f"To learn from: {what}, of {self.pieces_used:,} of {self.pieces:,} pieces"]
        width = max(map(len, self.tracks), default=0)
        lines += [f"  {name:{width}}  {track}" for name, track in self.tracks.items()]
        left = self.others.most_common()
        others = ", ".join(f"{name} {count:,}" for name, count in left if count)
        return "\n".join([*lines, *([f"  not taken: {others}"] if others else [])])
