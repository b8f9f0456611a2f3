"""Scores of what may come next by what it would be: a degree, a height, the end of a beat.

A softmax has a weight of its own for each symbol. That a tune comes home to its tonic it has to
learn for each interval that leads there. Here each candidate is scored besides by what it would be,
whatever it is called: a pitch by its degree in the guessed key and its height above the mean of the
piece so far, a duration by the place in the bar where the event would end.
"""

from __future__ import annotations

from typing import Any

import keras
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


class PitchCandidates(keras.layers.Layer):
    """Scores of the symbols of relative pitches by their degree and their height."""

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        for name, shape in (("degree", (width, 12)), ("height", (width, 2))):
            kernel = self.add_weight(name=f"{name}_kernel", shape=shape, initializer="zeros")
            setattr(self, f"{name}_kernel", kernel)
        self.height_bias = self.add_weight(name="height_bias", shape=(2,), initializer="zeros")
        self.built = True

    def call(self, inputs: Tensor, degree: Tensor, height: Tensor) -> Tensor:
        """Computes the scores.

        Args:
            inputs: What the scores depend on, `(..., width)`.
            degree: The degree of the last note, 0 to 11, -1 for no note, `(...)` int32.
            height: Semitones from the mean pitch so far up to the last note, `(...)` int32.

        Returns:
            `(..., symbols)`; 0 for what is no pitch, and where there is no note yet.
        """
        degrees = (degree[..., None] + INTERVALS) % 12
        by_degree = ops.take_along_axis(ops.matmul(inputs, self.degree_kernel), degrees, axis=-1)
        octaves = ops.cast(height[..., None] + INTERVALS, "float32") / 12
        octaves = ops.clip(octaves, -OCTAVES, OCTAVES)
        slope, bend = ops.split(ops.matmul(inputs, self.height_kernel) + self.height_bias, 2, -1)
        known = ops.cast(degree >= 0, "float32")[..., None]
        return (by_degree + slope * octaves + bend * octaves**2) * (known * _IS_PITCH)


class DurationCandidates(keras.layers.Layer):
    """Scores of durations by the place in the bar where the event would end."""

    def __init__(self, encoding: PitchDurationEncoding, **options: Any) -> None:
        super().__init__(**options)
        self.steps = encoding.steps.astype(np.int32)

    def build(self, input_shape: Any) -> None:
        places = FEATURE_SIZES["position"]
        self.end_kernel = self.add_weight(
            name="end_kernel", shape=(input_shape[-1], places), initializer="zeros"
        )
        self.end_bias = self.add_weight(name="end_bias", shape=(places,), initializer="zeros")
        self.built = True

    def call(self, inputs: Tensor, position: Tensor, meter: Tensor) -> Tensor:
        """Computes the scores.

        Args:
            inputs: What the scores depend on, `(..., width)`.
            position: The step of the bar in which the event begins, `(...)` int32.
            meter: Its place in `METERS`, likewise.

        Returns:
            `(..., duration ids)`.
        """
        ends = (position[..., None] + self.steps) % ops.take(BAR_STEPS, meter)[..., None]
        by_place = ops.matmul(inputs, self.end_kernel) + self.end_bias
        return ops.take_along_axis(by_place, ends, axis=-1)
