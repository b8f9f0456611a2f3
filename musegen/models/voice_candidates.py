"""Scores of what a voice may do next by what it would be: an interval, a degree, a motion.

A softmax has a weight of its own for each symbol. That parallel fifths are avoided it would have to
learn for every two moves that make one. Here each candidate is scored besides by what it would be,
whatever it is called:

* the interval that it makes with each other voice that is known at the step, a score for each of 12
  classes, which depends on what the network saw;
* the motion that leads there, a learned number for each pair of voices, the interval class before
  and after, and the direction of either voice: a parallel fifth is one number;
* its degree in the key of the piece, of its last bars, and of what is given;
* its place in the voice's range, a learned number for each pitch.

A held pitch is scored as the pitch that it is, and a rest has no score.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.voice_history import FIRST, HOLD, SYMBOLS
from musegen.networks import Tensor

DIRECTIONS = 3
KEYS = 3
"""The keys that degrees are counted in."""

MOTIONS = 13 * DIRECTIONS
"""Intervals before, with none, and directions of the other voice."""

_SYMBOLS = np.arange(SYMBOLS, dtype=np.int32)
_MOVES = np.where(_SYMBOLS >= FIRST, (_SYMBOLS - FIRST + 64) % 128 - 64, 0).astype(np.int32)
# [class above the center * 3 + direction, symbol]: what each symbol is.
_IS = np.zeros((12 * DIRECTIONS, SYMBOLS), np.float32)
_IS[_MOVES % 12 * DIRECTIONS + np.sign(_MOVES) + 1, _SYMBOLS] = _SYMBOLS >= HOLD
_CLASSES = np.arange(12, dtype=np.int32)


class VoiceCandidates(keras.layers.Layer):
    """Scores of symbols by the intervals, motions and degrees that they would make.

    Args:
        voices: How many voices there are.
    """

    def __init__(self, voices: int, **options: Any) -> None:
        super().__init__(**options)
        self.voices = voices
        self.size = 12 * (voices + KEYS)
        """How many scores it takes: of 12 classes for each other voice and each key."""

    def build(self, input_shape: Any = None) -> None:
        self.motion = self.add_weight(
            name="motion",
            shape=(self.voices * self.voices * MOTIONS, 12 * DIRECTIONS),
            initializer="zeros",
        )
        self.range = self.add_weight(name="range", shape=(self.voices, 128), initializer="zeros")
        self.built = True

    def call(
        self,
        scores: Tensor,
        voice: Tensor,
        center: Tensor,
        facts: Tensor,
        places: Tensor | None = None,
    ) -> Tensor:
        """Computes the scores.

        Args:
            scores: Of interval classes with each voice, and of degrees in each key,
                `(..., 12 * (voices + KEYS))`.
            voice: Which voice it is, `(...)` int32.
            center: The pitch that symbols are relative to, `(...)` int32.
            facts: `(..., 3 * voices + KEYS)` int32: what `other_features` says for candidates, one
                voice after the other, and the degree of the center in each key, 12 for none.
            places: What `places` returns, where it is computed once for many steps.

        Returns:
            `(..., symbols)`.
        """
        voices = self.voices
        others = ops.reshape(facts[..., : 3 * voices], (*ops.shape(facts)[:-1], 3, voices))
        apart, was, moves = (others[..., i, :] for i in range(3))
        pair = (voice[..., None] * voices + np.arange(voices, dtype=np.int32)) * MOTIONS
        rows = ops.take(self.motion, pair + was * DIRECTIONS + moves, axis=0)
        rows = ops.reshape(rows, (*ops.shape(apart), 12, DIRECTIONS))
        scores = ops.reshape(scores, (*ops.shape(scores)[:-1], voices + KEYS, 12))
        rows = rows + scores[..., :voices, :, None]
        found = ops.sum(_moved(rows, -apart) * _some(apart)[..., None, None], axis=-3)
        degrees = facts[..., 3 * voices :]
        by_degree = _moved(scores[..., voices:, :, None], degrees) * _some(degrees)[..., None, None]
        found = found + ops.sum(by_degree, axis=-3)
        found = ops.matmul(ops.reshape(found, (*ops.shape(found)[:-2], 12 * DIRECTIONS)), _IS)
        places = self.places() if places is None else places
        place = ops.take(places, voice * 128 + ops.clip(center, 0, 127), axis=0)
        return found + place

    def places(self) -> Tensor:
        """The score of each symbol by the pitch it would be, `(voices * 128, symbols)`."""
        pitches = np.clip(np.arange(128)[:, None] + _MOVES, 0, 127)
        found = ops.take(self.range, pitches, axis=1)  # (voices, center, symbol)
        found = found * (_SYMBOLS >= HOLD).astype(np.float32)
        return ops.reshape(found, (self.voices * 128, SYMBOLS))


def _moved(rows: Tensor, by: Tensor) -> Tensor:
    """Rows `(..., 12, n)` of which row k is row k + by, modulo 12; `by` is `(...)`."""
    places = (_CLASSES + by[..., None]) % 12
    return ops.take_along_axis(rows, places[..., None], axis=-2)


def _some(values: Tensor) -> Tensor:
    """1 where there is a class, 0 where it is 12."""
    return ops.cast(values < 12, "float32")
