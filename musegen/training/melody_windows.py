"""Batches of melodies for training: windows of ids, and at each position the event that follows.

A melody of n events has n - 1 that can be predicted, each from all before it. They are cut into
windows of at most `length`, so that an epoch predicts every event once. Windows of like length
share a batch; shorter ones are padded, and a padded position has weight 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from musegen.corpus.encoded import ragged_of
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS, Melody
from musegen.training.batches import Kept, batches_by_length, cut

# Lengths are rounded up to a multiple, because every new length compiles the step once more.
LENGTH_STEP = 32

KEPT_EVENTS = 2**20
"""Events of which the ids stay in memory, some 60 bytes each; those of the others are computed for
each batch, from records that may be on disk."""


class MelodyWindows(keras.utils.PyDataset):
    """Batches `(inputs, targets, weights)` for a melody model.

    Inputs are a dict of id arrays `(batch, time)`, and targets the `"pitch"` and `"duration"` of
    the events after them, as `MelodyModel.event_ids` computes them. The weights are 0 for padding,
    with which the last batch is filled up too, and for each event of the epoch the same number: one
    over the mean number of events in a batch.

    Each epoch draws an order, if it shuffles, and by how many semitones a piece is moved up or
    down, `transpose` at most and staying within the lowest and highest pitch of all pieces; where
    the model sees pitch relatively, none is moved. The draws depend on the seed and the epoch's
    number alone.

    The pieces are a list, or what a corpus has on disk (`musegen.corpus.encoded`): the batches are
    the same.
    """

    def __init__(
        self,
        melodies: Sequence[Melody],
        model: Any,
        batch_size: int = 32,
        length: int = 256,
        shuffle: bool = False,
        transpose: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.batch_size, self.shuffle = batch_size, shuffle
        self.transpose, self.seed = transpose, seed
        self.model, self.melodies, self.length = model, melodies, length
        self.moved, self.pieces = model.view.moved, len(melodies)
        events = np.zeros(len(melodies), np.int64)
        for pieces, _, _, sizes in ragged_of(melodies, "pitches"):
            events[pieces] = np.maximum(sizes - 1, 0)
        self._piece, self._start, self._size = cut(events, length)
        if not len(self._size):
            raise ValueError("melodies has no event to predict: give at least one of two events.")
        self._kept = Kept(KEPT_EVENTS)
        self._room = self._room_to_move()
        self._buckets = _rounded(self._size)
        self.start_epoch(0)

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self._size)

    @property
    def events(self) -> int:
        """How many events an epoch predicts."""
        return int(self._size.sum())

    @property
    def num_batches(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any], Any]:
        chosen = self._batches[index]
        windows = [self.window(i) for i in chosen]
        time = int(self._buckets[chosen].max())
        shape = self.batch_size, time
        weights = np.zeros(shape, np.float32)
        batch = [{key: np.zeros(shape, np.int32) for key in part} for part in windows[0]]
        for row, (i, window) in enumerate(zip(chosen, windows, strict=True)):
            size = self._size[i]
            weights[row, :size] = self.num_batches / self.events
            for arrays, part in zip(batch, window, strict=True):
                for key, values in part.items():
                    if self._shifts[i] and key in self.moved:
                        values = np.where(values >= FIRST_PITCH, values + self._shifts[i], values)
                    arrays[key][row, :size] = values
        inputs, targets = batch
        return inputs, targets, weights

    def start_epoch(self, epoch: int) -> None:
        """Draws the order and the transpositions of the given epoch."""
        self.epoch = epoch
        random = np.random.default_rng([self.seed, epoch])
        self._shifts = random.integers(self._room[:, 0], self._room[:, 1] + 1)
        shuffled = random if self.shuffle else None
        self._batches = batches_by_length(self._buckets, self.batch_size, shuffled)

    def window(self, number: int) -> tuple[dict[str, Any], ...]:
        """Returns inputs and targets of one window, without padding, `(events,)` each."""
        piece, start = int(self._piece[number]), int(self._start[number])
        parts = self._kept.get(piece)
        if parts is None:
            melody = self.melodies[piece]
            parts = self.model.event_ids(melody)
            self._kept.keep(piece, parts, len(melody))
        end = start + int(self._size[number])
        return tuple({key: values[start:end] for key, values in part.items()} for part in parts)

    def _room_to_move(self) -> NDArray[np.int64]:
        """How far each window may move down and up, `(windows, 2)`, in semitones."""
        room = np.zeros((len(self._size), 2), np.int64)
        if not (self.transpose and self.moved):
            return room
        # The lowest and the highest note of each window: of the events that it predicts, and of
        # the one before. Windows of a piece stand one after the other.
        low, high = np.full(len(room), PITCH_IDS), np.zeros(len(room), np.int64)
        first = np.searchsorted(self._piece, np.arange(self.pieces + 1))
        for pieces, pitches, begins, _ in ragged_of(self.melodies, "pitches"):
            counts = first[pieces + 1] - first[pieces]
            offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
            windows = np.repeat(first[pieces], counts) + offsets
            begin = np.repeat(begins, counts) + self._start[windows]
            ends = np.stack([begin, begin + self._size[windows] + 1], axis=1).ravel()
            ids = np.append(pitches, 0).astype(np.int64)  # an end may be that of the array
            notes = ids >= FIRST_PITCH
            if len(windows):
                low[windows] = np.minimum.reduceat(np.where(notes, ids, PITCH_IDS), ends)[::2]
                high[windows] = np.maximum.reduceat(np.where(notes, ids, 0), ends)[::2]
        sounds = high > 0
        if sounds.any():
            room[:, 0] = np.maximum(-self.transpose, low[sounds].min() - low)
            room[:, 1] = np.minimum(self.transpose, high[sounds].max() - high)
            room[~sounds] = 0
        return room


def _rounded(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return -(-sizes // LENGTH_STEP) * LENGTH_STEP
