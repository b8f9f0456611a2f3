"""Attention of every position to itself and all before it, in three kinds.

For states `h_1 ... h_T` and each position `t`, the context is a weighted mean of the values
`h_1 ... h_t`; the weights are the softmax of scores over those positions.

    kind          score of position i, seen from t        source
    "location"    v . tanh(W h_i + b)                     Luong et al. 2015 name it; "Generative
                                                          Deep Learning", chapter 7
    "additive"    v . tanh(W_q h_t + W_k h_i + b)         Bahdanau et al. 2015, appendix A.1.2
    "dot"         (W_q h_t) . (W_k h_i) / sqrt(size)      Vaswani et al. 2017, section 3.2.1

With several heads, head k has scores of its own and mixes the k-th slice of the states. The values
are the states themselves in all three kinds.

A location score doesn't depend on who looks, so its context is a ratio of two running sums,
sum(exp(score) * value) / sum(exp(score)), kept relative to a running maximum so that no score
overflows. It takes O(T) time, and when sampling the sums are all that has to be carried. The book
differs: its softmax runs over a window of 32 positions, and predicts only the note that follows.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.networks.base import Tensor

KINDS = ("location", "additive", "dot")


@ops.custom_gradient
def running_softmax(scores: Tensor, values: Tensor) -> Tensor:
    """Softmax-weighted mean of all values so far, at every position, in O(time).

    The backward pass is a running sum too, from the end to the beginning: what position i passes
    on is a sum over all later positions t of exp(score_i - maximum_t) / total_t, and the maxima
    never fall, so that no factor exceeds 1. The scores are `(time, batch, heads, 1)`, any finite
    numbers, and values and means are `(time, batch, heads, size)`.
    """

    def forward(carry: Any, step: Any) -> Any:
        carry = add_to_sums(carry, step[..., :1], step[..., 1:])
        return carry, carry

    start = empty_sums(ops.zeros_like(values[0]))
    _, (maximum, total, weighted) = ops.scan(
        forward, start, ops.concatenate([scores, values], axis=-1)
    )
    means = weighted / total

    def gradient(*args: Any, upstream: Any = None) -> Any:
        grad = (args[0] if upstream is None else upstream) / total
        grad = ops.concatenate([grad, ops.sum(grad * means, axis=-1, keepdims=True)], axis=-1)
        later = ops.concatenate([maximum[1:], maximum[-1:]], axis=0)

        def backward(carry: Any, step: Any) -> Any:
            carry = step[..., :-1] + step[..., -1:] * carry
            return carry, carry

        steps = ops.concatenate([grad, ops.exp(maximum - later)], axis=-1)
        _, sums = ops.scan(backward, ops.zeros_like(grad[0]), steps, reverse=True)
        sums = sums * ops.exp(scores - maximum)
        grad_values = sums[..., :-1]
        grad_scores = ops.sum(grad_values * values, axis=-1, keepdims=True) - sums[..., -1:]
        return grad_scores, grad_values

    return means, gradient


def empty_sums(zero: Tensor) -> tuple[Any, Any, Any]:
    """Maximum, total and weighted sum of a running softmax that has seen nothing."""
    return ops.full_like(zero[..., :1], -3e38), ops.zeros_like(zero[..., :1]), zero


def add_to_sums(sums: Any, score: Tensor, value: Tensor) -> tuple[Any, Any, Any]:
    """Adds one position to a running softmax."""
    maximum, total, weighted = sums
    new_maximum = ops.maximum(maximum, score)
    keep, weight = ops.exp(maximum - new_maximum), ops.exp(score - new_maximum)
    return new_maximum, keep * total + weight, keep * weighted + weight * value


class CausalAttention(keras.layers.Layer):
    """Attention of each position to itself and the past.

    Takes states `(batch, time, units)`, `units` being a multiple of `heads`, and returns contexts
    of the same shape; `size` is the width of the hidden layer behind a score, per head.
    """

    def __init__(self, kind: str = "location", heads: int = 1, size: int = 64, **kwargs: Any):
        super().__init__(**kwargs)
        self.kind, self.heads, self.size = kind, heads, size

    def build(self, input_shape: Any) -> None:
        shape = (input_shape[-1], self.heads * self.size)
        self.key_kernel = self.add_weight(name="key_kernel", shape=shape)
        if self.kind != "location":
            self.query_kernel = self.add_weight(name="query_kernel", shape=shape)
        if self.kind != "dot":
            self.bias = self.add_weight(name="bias", shape=shape[1:], initializer="zeros")
            self.vector = self.add_weight(name="vector", shape=(self.heads, self.size))

    def call(self, states: Tensor) -> Tensor:
        values = self._split(states)
        if self.kind == "location":
            scores = ops.transpose(self._location_scores(states)[..., None], (1, 0, 2, 3))
            contexts = running_softmax(scores, ops.transpose(values, (1, 0, 2, 3)))
            contexts = ops.transpose(contexts, (1, 0, 2, 3))
        else:
            contexts = ops.einsum("bhti,bihs->bths", self.weights_map(states), values)
        return ops.reshape(contexts, ops.shape(states))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def weights_map(self, states: Tensor) -> Tensor:
        """The attention weights of each position on all, `(batch, heads, time, attended time)`.

        Rows sum to 1, and the future has weight 0.
        """
        if self.kind == "location":
            scores = ops.transpose(self._location_scores(states), (0, 2, 1))[:, :, None, :]
        else:
            scores = self._query_scores(self._queries(states), self._keys(states))
        time = ops.arange(ops.shape(states)[1], dtype="int32")
        past = time[None, :] <= time[:, None]
        return ops.softmax(ops.where(past, scores, -float("inf")), axis=-1)

    def initial_state(self, batch: int, length: int, units: int) -> tuple[Any, ...]:
        """What `step` carries, before the first of at most `length` steps."""
        if self.kind == "location":
            return empty_sums(ops.zeros((batch, self.heads, units // self.heads)))
        shape = (batch, length, self.heads)
        keys, values = (*shape, self.size), (*shape, units // self.heads)
        return ops.zeros(keys), ops.zeros(values), ops.zeros((), "int32")

    def step(self, state: Any, carry: Any) -> tuple[Any, Any]:
        """Attends from one new position, of state `(batch, units)`.

        Returns the context `(batch, units)` and what to carry on.
        """
        sequence = state[:, None, :]
        if self.kind == "location":
            scores = self._location_scores(sequence)[:, 0, :, None]
            carry = add_to_sums(carry, scores, self._split(sequence)[:, 0])
            return ops.reshape(carry[2] / carry[1], ops.shape(state)), carry
        keys, values, time = carry
        keys = ops.slice_update(keys, [0, time, 0, 0], self._keys(sequence))
        values = ops.slice_update(values, [0, time, 0, 0], self._split(sequence))
        scores = self._query_scores(self._queries(sequence), keys)[:, :, 0]
        past = ops.arange(keys.shape[1]) <= time
        weights = ops.softmax(ops.where(past, scores, -float("inf")), axis=-1)
        context = ops.einsum("bhi,bihs->bhs", weights, values)
        return ops.reshape(context, ops.shape(state)), (keys, values, time + 1)

    def _split(self, states: Tensor) -> Tensor:
        batch, time, units = ops.shape(states)
        return ops.reshape(states, (batch, time, self.heads, units // self.heads))

    def _keys(self, states: Tensor) -> Tensor:
        return self._split(ops.matmul(states, self.key_kernel))

    def _queries(self, states: Tensor) -> Tensor:
        queries = ops.matmul(states, self.query_kernel)
        return self._split(queries + self.bias if self.kind == "additive" else queries)

    def _location_scores(self, states: Tensor) -> Tensor:
        hidden = ops.tanh(ops.matmul(states, self.key_kernel) + self.bias)
        return ops.sum(self._split(hidden) * self.vector, axis=-1)

    def _query_scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Scores `(batch, heads, time, attended time)` of each query for each key."""
        if self.kind == "dot":
            return ops.einsum("bths,bihs->bhti", queries, keys) / self.size**0.5
        hidden = ops.tanh(queries[:, :, None] + keys[:, None])  # (batch, t, i, heads, size)
        return ops.transpose(ops.sum(hidden * self.vector, axis=-1), (0, 3, 1, 2))
