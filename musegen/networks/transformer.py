"""Transformer decoder: layers of causal attention, in which distance is a learned bias.

    inputs                                          (batch, time, features)
      -> linear map                                 (batch, time, units)
      -> `depth` times  x + attention(norm(x))      multi-head, causal
                        x + narrow(gelu(widen(norm(x))))
      -> norm                                       (batch, time, units)

After Vaswani et al. 2017, "Attention is all you need" (the decoder without an encoder), with the
norms before the sublayers and one at the end (Xiong et al. 2020, "On layer normalization in the
Transformer architecture", figure 1b) and gelu (Hendrycks and Gimpel 2016) for relu.

Positions are relative, as in T5 (Raffel et al. 2020, "Exploring the limits of transfer learning",
section 2.1). The score of position i, seen from t, is

    score = q_t . k_i / sqrt(size) + bias[min(t - i, max_distance)]

with a bias for each head. It differs from T5 in these: each distance has a bias of its own up to
the largest (T5 puts distances into 32 ranges), each layer has its own biases, and scores are
divided by the root of the size.

Step by step, keys and values of all positions so far are kept in arrays of a fixed length (a
key-value cache), in which a step writes one row.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from musegen._checks import Share, Whole
from musegen.networks.base import Network, Tensor, register, sequence_dropout
from musegen.settings import Search


class Block(keras.layers.Layer):
    """Causal attention and two dense layers, each with a norm before and a residual around it.

    Args:
        units: Size of inputs and outputs, a multiple of `heads`.
        heads: Attention heads.
        feedforward: Width between the two dense layers.
        max_distance: Distance from which on all have the same bias.
        dropout: Share of each sublayer's outputs that is dropped in training.
    """

    def __init__(
        self,
        units: int,
        heads: int,
        feedforward: int,
        max_distance: int,
        dropout: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.heads, self.max_distance = units, heads, max_distance
        self.attention_norm = keras.layers.LayerNormalization(name="attention_norm")
        self.project = keras.layers.Dense(3 * units, name="queries_keys_values")
        self.join = keras.layers.Dense(units, name="join")
        self.dense_norm = keras.layers.LayerNormalization(name="dense_norm")
        self.widen = keras.layers.Dense(feedforward, activation="gelu", name="widen")
        self.narrow = keras.layers.Dense(units, name="narrow")
        self.drop = sequence_dropout(dropout, name="drop")

    def build(self, input_shape: Any) -> None:
        for layer in (self.attention_norm, self.project, self.join, self.dense_norm, self.widen):
            layer.build((None, None, self.units))
        self.narrow.build((None, None, self.widen.units))
        self.bias = self.add_weight(
            name="distance_bias", shape=(self.heads, self.max_distance + 1), initializer="zeros"
        )

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        """Whole sequences, `(batch, time, units)` to the same."""
        queries, keys, values = self._heads(x)
        return self._finish(x, ops.matmul(self.weights_of(queries, keys), values), training)

    def initial_cache(self, batch: int, length: int) -> tuple[Any, Any]:
        """Returns the keys and values before the first of at most `length` steps, all zeros."""
        shape = (batch, self.heads, length, self.units // self.heads)
        return ops.zeros(shape), ops.zeros(shape)

    def attention_map(self, x: Tensor) -> Tensor:
        """Attention weights of whole sequences, `(batch, heads, time, attended time)`."""
        queries, keys, _ = self._heads(x)
        return self.weights_of(queries, keys)

    def step(self, x: Tensor, cache: Any, time: Tensor) -> tuple[Any, Any]:
        """One position, `(batch, 1, units)` to the same, with the number `time`; and its cache."""
        query, key, value = self._heads(x)
        keys = ops.slice_update(cache[0], [0, 0, time, 0], key)
        values = ops.slice_update(cache[1], [0, 0, time, 0], value)
        mixed = ops.matmul(self.weights_of(query, keys, time), values)
        return self._finish(x, mixed, False), (keys, values)

    def weights_of(self, queries: Tensor, keys: Tensor, first: Any = 0) -> Tensor:
        """Computes attention weights `(batch, heads, time, attended time)`; rows sum to 1.

        Args:
            queries: Those of the positions `first`, `first + 1`, ..., `(batch, heads, time, size)`.
            keys: Those of the positions 0, 1, ..., `(batch, heads, attended time, size)`.
            first: Number of the first position that attends.
        """
        scores = ops.matmul(queries, ops.swapaxes(keys, 2, 3)) / queries.shape[-1] ** 0.5
        attends = first + ops.arange(ops.shape(queries)[2], dtype="int32")
        distance = attends[:, None] - ops.arange(ops.shape(keys)[2], dtype="int32")
        scores += ops.take(self.bias, ops.clip(distance, 0, self.max_distance), axis=1)
        return ops.softmax(ops.where(distance >= 0, scores, -float("inf")), axis=-1)

    def _heads(self, x: Tensor) -> Any:
        """Queries, keys and values, `(batch, heads, time, size)` each."""
        batch, time = ops.shape(x)[:2]
        size = self.units // self.heads
        x = ops.reshape(self.project(self.attention_norm(x)), (batch, time, 3, self.heads, size))
        return ops.unstack(ops.transpose(x, (2, 0, 3, 1, 4)))

    def _finish(self, x: Tensor, mixed: Tensor, training: bool | None) -> Tensor:
        """Adds to the inputs what the heads mixed, and then what the dense layers make of it."""
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), ops.shape(x))
        x = x + self.drop(self.join(mixed), training=training)
        wide = self.widen(self.dense_norm(x))
        return x + self.drop(self.narrow(wide), training=training)


@register("transformer")
class Transformer(Network):
    """Layers of multi-head causal attention with relative positions.

    Raises:
        ValueError: If a setting is out of its range, or `heads` does not divide `units`.
    """

    def __init__(
        self,
        units: Annotated[
            int, Whole(1, 4096), "Size of what goes from layer to layer", Search([80, 160, 320])
        ] = 160,
        depth: Annotated[int, Whole(1, 24), "Layers", Search([1, 2, 4])] = 2,
        heads: Annotated[
            int, Whole(1, 64), "Attention heads; `units` is a multiple of it", Search([2, 4, 8])
        ] = 4,
        feedforward: Annotated[
            int, Whole(1, 16384), "Width between the dense layers of a layer"
        ] = 640,
        max_distance: Annotated[
            int, Whole(1, 100_000), "Distance from which on all have the same bias"
        ] = 128,
        dropout: Annotated[
            float,
            Share(),
            "Share of the values between layers dropped in training, the same ones at all steps of "
            "a sequence",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if units % heads:
            raise ValueError(f"heads={heads}: give a number that divides units={units}.")
        self.units, self.depth, self.heads, self.dropout = units, depth, heads, dropout
        self.feedforward, self.max_distance = feedforward, max_distance
        self.first = keras.layers.Dense(units, name="first")
        self.stack = [
            Block(units, heads, feedforward, max_distance, dropout, name=f"layer_{number}")
            for number in range(1, depth + 1)
        ]
        self.norm = keras.layers.LayerNormalization(name="norm")
        self.drop = sequence_dropout(dropout, name="drop")

    def build(self, input_shape: Any) -> None:
        self.first.build(input_shape)
        for layer in (*self.stack, self.norm):
            layer.build((*input_shape[:-1], self.units))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = self.first(self.drop(inputs, training=training))
        for block in self.stack:
            x = block(x, training=training)
        return self.drop(self.norm(x), training=training)

    @property
    def input_kernel(self) -> Tensor:
        return self.first.kernel

    def initial_state(self, batch: int, length: int) -> Any:
        caches = tuple(block.initial_cache(batch, length) for block in self.stack)
        return caches, ops.zeros((), "int32")

    def step(self, projected: Tensor, state: Any) -> tuple[Any, Any]:
        caches, time = state
        x, kept = (projected + self.first.bias)[:, None], []
        for block, cache in zip(self.stack, caches, strict=True):
            x, cache = block.step(x, cache, time)
            kept.append(cache)
        return self.norm(x)[:, 0], (tuple(kept), time + 1)

    def attention_map(self, inputs: Tensor) -> Tensor:
        """Computes the attention weights of the last layer; see `Network.attention_map`."""
        x = self.first(inputs)
        for block in self.stack[:-1]:
            x = block(x)
        return self.stack[-1].attention_map(x)
