"""Several ids at a place as one vector: a learned vector for each id of each kind, added up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.networks import Tensor

SPREAD = 0.2
"""Standard deviation of new vectors."""


class IdSums(keras.layers.Layer):
    """Takes ids `(..., kinds)` int32 and returns the sums of their vectors, `(..., width)`.

    Args:
        sizes: How many ids there are of each kind.
        width: Size of the vectors.
        dropout: Share of the ids that are left out in training.
    """

    def __init__(
        self, sizes: Sequence[int], width: int, dropout: float = 0.0, **options: Any
    ) -> None:
        super().__init__(**options)
        self.sizes, self.width = list(sizes), width
        self.first = np.cumsum([0, *self.sizes[:-1]]).astype(np.int32)
        self.kinds = np.repeat(np.arange(len(self.sizes)), self.sizes)  # of each row of the table
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            name="table",
            shape=(sum(self.sizes), self.width),
            initializer=keras.initializers.RandomNormal(stddev=SPREAD),
        )
        self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.width)

    def call(self, ids: Tensor, training: bool | None = None) -> Tensor:
        if not training:
            return ops.sum(ops.take(self.table, ids + self.first, axis=0), axis=-2)
        # By a product of matrices, because its gradient is quick.
        kept = self.drop(ops.ones(ops.shape(ids)), training=training)
        column = ops.take(ids + self.first, self.kinds, axis=-1)
        kept = ops.take(kept, self.kinds, axis=-1)
        several = ops.where(ops.equal(column, np.arange(len(self.kinds))), kept, 0.0)
        return ops.matmul(several, self.table)

    def step(self, ids: Tensor) -> Tensor:
        """Returns the sums, as `call` does without training, for a step of a compiled loop.

        Kind after kind, each a row of the table as a whole: of one sum over all kinds XLA makes a
        loop that computes the ids anew for every number of every vector.
        """
        rows = ops.unstack(ops.take(self.table, ids + self.first, axis=0), axis=-2)
        return sum(rows[1:], start=rows[0])
