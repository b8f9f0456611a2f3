"""Batches of phrases for training; `musegen.encoding.roll_phrases` says what a phrase is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._checks import counted
from musegen.corpus.notes_used import NotesUsed
from musegen.encoding.grid import tempo_changes
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll import HELD, ONSET
from musegen.encoding.roll_phrases import cut, drums, in_c
from musegen.training.batches import Kept

KEPT_BYTES = 2**28
"""Bytes of cells that stay in memory; those of the other pieces are cut anew for each batch."""


class RollWindows(keras.utils.PyDataset):
    """Batches of phrases, `(batch, bars, steps, pitches, tracks)` uint8, cells as in the encoding.

    The last batch has what is left. Order and transpositions are drawn as by `MelodyWindows`, every
    track staying within the lowest and highest pitch that it has in all phrases; drums stay.

    With `in_c` a batch has three parts: phrases in C major or A minor; how far above these they
    were, -5 to 6 semitones, `(batch,)` int32; and which track is given, `(batch, tracks)` float32,
    for half of the phrases nothing. The key is that of each phrase by itself, or of the track that
    is given, if it is pitched and sounds.

    The scores are a sequence, which may read them from the disk; all are read once at the
    beginning, and those whose cells do not stay in memory each time that they are in a batch.

    Raises:
        ValueError: If no piece has a phrase of so many bars, or a track sounds in no phrase.
    """

    def __init__(
        self,
        scores: Sequence[ScoreTick],
        encoding: PianorollEncoding,
        bars: int,
        batch_size: int = 64,
        shuffle: bool = False,
        transpose: int = 0,
        seed: int = 0,
        in_c: bool = False,
    ) -> None:
        super().__init__()
        self.in_c = in_c
        self.scores, self.encoding, self.bars = scores, encoding, bars
        self.batch_size, self.shuffle = batch_size, shuffle
        self.transpose, self.seed = transpose, seed
        self._kept = Kept(KEPT_BYTES)  # cells, (steps, pitches, tracks)
        self.used = NotesUsed.of_phrases(encoding, bars)
        tempos, begins, ranges = [], [], [np.zeros((0, 2, len(encoding.tracks)), np.int16)]
        for number, score in enumerate(scores):
            cells, steps = self.used.add_score(score, encoding, bars)
            begins.append(np.array([[number, step] for step in steps], np.int64).reshape(-1, 2))
            ranges.append(self._ranges(cells, steps))
            self._kept.keep(number, cells, cells.nbytes)
            tempos.append(tempo_changes(score)[0][1])
        self._begins = np.concatenate([np.zeros((0, 2), np.int64), *begins])
        if not len(self._begins):
            raise ValueError(
                f"No piece has a phrase of {counted(bars, 'whole bar')} of "
                f"{encoding.meter[0]}/{encoding.meter[1]}. Take fewer bars, or another meter, "
                "other tracks or other music."
            )
        self.tempo = int(np.median(tempos))  # microseconds per quarter note
        self._room = self._room_to_move(np.concatenate(ranges))
        self.start_epoch(0)

    @property
    def phrases(self) -> int:
        """How many phrases there are, without transpositions."""
        return len(self._begins)

    @property
    def num_batches(self) -> int:
        """Batches of an epoch."""
        return -(-self.phrases // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        phrases = [self.phrase(row, self._shifts[row]) for row in rows]
        if not self.in_c:
            return np.stack(phrases)
        which = self._which[rows]
        return *in_c(phrases, self.encoding, which), which

    def start_epoch(self, epoch: int) -> None:
        """Draws the order and the transpositions of the given epoch."""
        random = np.random.default_rng([self.seed, epoch])
        self._shifts = random.integers(self._room[:, 0], self._room[:, 1] + 1)
        self._order = random.permutation(self.phrases) if self.shuffle else np.arange(self.phrases)
        if self.in_c:
            tracks = len(self.encoding.tracks)
            drawn = random.integers(0, 2 * tracks, (self.phrases, 1))
            self._which = np.equal(drawn, np.arange(tracks)).astype(np.float32)

    def phrase(self, number: int, shift: int = 0) -> NDArray[np.uint8]:
        """One phrase, moved up by some semitones, `(bars, steps, pitches, tracks)`."""
        piece, begin = self._begins[number].tolist()
        cells = self._kept.get(piece)
        if cells is None:
            cells, _, _ = cut(self.scores[piece], self.encoding, self.bars)
        cells = cells[begin : begin + self.bars * self.encoding.steps].copy()
        cells[0] = np.where(cells[0] == HELD, ONSET, cells[0])
        if shift:
            pitched = ~drums(self.encoding)
            cells[..., pitched] = np.roll(cells[..., pitched], shift, axis=1)
        return cells.reshape(self.encoding.shape(self.bars))

    def _ranges(self, cells: NDArray[np.uint8], begins: list[int]) -> NDArray[np.int16]:
        """The lowest and highest pitch of each track in some phrases, `(phrases, 2, tracks)`."""
        ranges = np.zeros((len(begins), 2, cells.shape[2]), np.int16)
        for one, begin in zip(ranges, begins):
            phrase = cells[begin : begin + self.bars * self.encoding.steps]
            sounds = np.any(phrase > 0, axis=0)  # (pitches, tracks)
            silent = ~sounds.any(axis=0)
            one[0] = np.where(silent, len(sounds), sounds.argmax(axis=0))
            one[1] = np.where(silent, -1, len(sounds) - 1 - sounds[::-1].argmax(axis=0))
        return ranges

    def _room_to_move(self, ranges: NDArray[np.int16]) -> NDArray[np.int16]:
        """How far each phrase may move down and up, `(phrases, 2)`, in semitones."""
        lowest, highest = ranges[:, 0].min(axis=0), ranges[:, 1].max(axis=0)
        self.ranges = tuple(
            (int(low) + self.encoding.lowest, int(high) + self.encoding.lowest)
            for low, high in zip(lowest, highest)
        )  # the lowest and the highest MIDI pitch of each track
        silent = [track.name for track, top in zip(self.encoding.tracks, highest) if top < 0]
        if silent:  # there would be nothing but silence to learn
            others = ", ".join(family for family, _ in self.used.others.most_common())
            raise ValueError(
                f"{', '.join(map(repr, silent))}: no phrase has a note of such a track, in the "
                f"range of the encoding. Give music of {len(highest)} tracks, or an encoding of "
                f"the {len(highest) - len(silent)} that this music has"
                f"{f'; there are also notes of {others}' if others else ''}."
            )
        down, up = lowest - ranges[:, 0], highest - ranges[:, 1]
        free = drums(self.encoding) | (ranges[:, 1] < 0)  # drums and silent tracks don't limit it
        down = np.where(free, -self.transpose, down).max(axis=1)
        up = np.where(free, self.transpose, up).min(axis=1)
        return np.stack([np.clip(down, -self.transpose, 0), np.clip(up, 0, self.transpose)], axis=1)
