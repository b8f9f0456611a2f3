"""Scores of what may come next by what it would be: a degree, a height, the end of a beat.

A softmax has a weight of its own for each symbol. That a tune comes home to its tonic it has to
learn for each interval that leads there. Here each candidate is scored besides by what it would be,
whatever it is called: a pitch by its degree in the guessed key and its height above the mean of the
piece so far, a duration by the place in the bar where the event would end.
"""

from __future__ import annotations

import numpy as np
from keras import ops

from musegen.encoding.grid import BAR_STEPS
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS
from musegen.encoding.pitch_duration import FEATURE_SIZES, PitchDurationEncoding
from musegen.networks import Tensor

OCTAVES = 3
"""Beyond so many octaves from the mean, heights are not told apart."""

# The interval of each symbol, and which are pitches.
_SYMBOLS = np.arange(PITCH_IDS, dtype=np.int32)
INTERVALS = (_SYMBOLS - FIRST_PITCH + 64) % 128 - 64
_IS_PITCH = (_SYMBOLS >= FIRST_PITCH).astype(np.float32)


class PitchCandidates:
    """Scores of the symbols of relative pitches by their degree and their height."""

    size = 12 + 2

    def __call__(self, inputs: Tensor, degree: Tensor, height: Tensor) -> Tensor:
        """Computes the scores.

        Args:
            inputs: The score of each degree, and slope and bend of the height's, `(..., 14)`.
            degree: The degree of the last note, 0 to 11, -1 for no note, `(...)` int32.
            height: Semitones from the mean pitch so far up to the last note, `(...)` int32.

        Returns:
            `(..., symbols)`; 0 for what is no pitch, and where there is no note yet.
        """
        by_degree, slope, bend = ops.split(inputs, [12, 13], axis=-1)
        degrees = (degree[..., None] + INTERVALS) % 12
        octaves = ops.cast(height[..., None] + INTERVALS, "float32") / 12
        octaves = ops.clip(octaves, -OCTAVES, OCTAVES)
        found = ops.take_along_axis(by_degree, degrees, axis=-1)
        known = ops.cast(degree >= 0, "float32")[..., None]
        return (found + slope * octaves + bend * octaves**2) * (known * _IS_PITCH)


class DurationCandidates:
    """Scores of durations by the place in the bar where the event would end."""

    size = FEATURE_SIZES["position"]

    def __init__(self, encoding: PitchDurationEncoding) -> None:
        self.steps = encoding.steps.astype(np.int32)

    def __call__(self, inputs: Tensor, position: Tensor, meter: Tensor) -> Tensor:
        """Computes the scores.

        Args:
            inputs: The score of each place in the bar, `(..., places)`.
            position: The step of the bar in which the event begins, `(...)` int32.
            meter: Its place in `METERS`, likewise.

        Returns:
            `(..., duration ids)`.
        """
        ends = (position[..., None] + self.steps) % ops.take(BAR_STEPS, meter)[..., None]
        return ops.take_along_axis(inputs, ends, axis=-1)
