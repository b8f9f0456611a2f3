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

from musegen.encoding.melody import FIRST_PITCH, Melody
from musegen.training.batches import batches_by_length

# Lengths are rounded up to a multiple, because every new length compiles the step once more.
LENGTH_STEP = 32


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
        self.moved, self.pieces = model.view.moved, len(melodies)
        self.windows = [window for melody in melodies for window in _cut(melody, model, length)]
        if not self.windows:
            raise ValueError("melodies has no event to predict: give at least one of two events.")
        self._room = self._room_to_move()
        self._buckets = np.array([self._length([i]) for i in range(len(self.windows))])
        self.start_epoch(0)

    @property
    def events(self) -> int:
        """How many events an epoch predicts."""
        return sum(map(_size, self.windows))

    @property
    def num_batches(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any], Any]:
        windows = [self.windows[i] for i in self._batches[index]]
        time = self._length(self._batches[index])
        shape = self.batch_size, time
        weights = np.zeros(shape, np.float32)
        batch = [{key: np.zeros(shape, np.int32) for key in part} for part in windows[0]]
        for row, (i, window) in enumerate(zip(self._batches[index], windows, strict=True)):
            size = _size(window)
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
        count = len(self.windows)
        self._shifts = np.zeros(count, np.int32)
        for i, (down, up) in self._room.items():
            self._shifts[i] = random.integers(down, up + 1)
        shuffled = random if self.shuffle else None
        self._batches = batches_by_length(self._buckets, self.batch_size, shuffled)

    def _room_to_move(self) -> dict[int, tuple[int, int]]:
        """How far each window that has notes may move down and up, in semitones."""
        if not (self.transpose and self.moved):
            return {}
        ranges = {}
        for i, (inputs, targets) in enumerate(self.windows):
            pitches = np.concatenate([inputs["pitch"], targets["pitch"]])
            pitches = pitches[pitches >= FIRST_PITCH]
            if len(pitches):
                ranges[i] = int(pitches.min()), int(pitches.max())
        lowest = min((low for low, _ in ranges.values()), default=0)
        highest = max((high for _, high in ranges.values()), default=0)
        return {
            i: (max(-self.transpose, lowest - low), min(self.transpose, highest - high))
            for i, (low, high) in ranges.items()
        }

    def _length(self, batch: Any) -> int:
        longest = max(_size(self.windows[i]) for i in batch)
        return -(-longest // LENGTH_STEP) * LENGTH_STEP


def _cut(melody: Melody, model: Any, length: int) -> list[Any]:
    """Inputs and targets of the windows of a melody."""
    parts = model.event_ids(melody)
    return [
        tuple(
            {key: values[start : start + length] for key, values in part.items()} for part in parts
        )
        for start in range(0, len(melody) - 1, length)
    ]


def _size(window: Any) -> int:
    """How many events a window predicts."""
    return len(window[1]["pitch"])
