"""The running softmax is the masked softmax; stepping through is the whole."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from musegen.networks.attention import KINDS, CausalAttention, running_softmax

ALL = [(kind, heads) for kind in KINDS for heads in (1, 2, 4)]


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def masked_softmax_means(scores, values):
    """The same by definition, in double precision: `(time, batch, heads, 1)` and `(..., size)`."""
    scores, values = scores.astype(np.float64), values.astype(np.float64)
    means = []
    for t in range(len(scores)):
        weights = np.exp(scores[: t + 1] - scores[: t + 1].max(axis=0))
        means.append((weights * values[: t + 1]).sum(axis=0) / weights.sum(axis=0))
    return np.stack(means)


def layer_of(kind, heads, units=8, size=5):
    """A layer with drawn weights, large enough that attention is not nearly uniform."""
    layer = CausalAttention(kind, heads, size)
    layer.build((None, None, units))
    layer.set_weights([drawn(w.shape, seed, 1.5) for seed, w in enumerate(layer.weights)])
    return layer


# --- the running softmax -------------------------------------------------------------------------

RAMP = np.linspace(0, 1e4, 2048)
SCORES = {
    "small": lambda time, random: random.standard_normal(time),
    "large": lambda time, random: 1000 * random.standard_normal(time),
    "rising": lambda time, random: RAMP[:time],
    "falling": lambda time, random: -RAMP[:time],
    "rising and falling": lambda time, random: 1e4 * np.sin(np.arange(time) / 50),
    "equal": lambda time, random: np.full(time, -1e4),
    "one above all": lambda time, random: np.where(np.arange(time) == time // 3, 1e4, 0),
    "huge": lambda time, random: 1e20 * random.standard_normal(time),
}


def all_scores(time):
    """Scores of every kind side by side, `(time, kinds, heads, 1)`."""
    random = np.random.default_rng(time)
    columns = [[draw(time, random) for _ in range(2)] for draw in SCORES.values()]
    return np.moveaxis(np.array(columns, np.float32), -1, 0)[..., None]


@pytest.mark.parametrize("time", [1, 2, 33, 2048])
def test_the_running_softmax_is_the_masked_softmax(time):
    scores, values = all_scores(time), drawn((time, len(SCORES), 2, 3), 5)
    found = ops.convert_to_numpy(running_softmax(scores, values))
    expected = masked_softmax_means(scores, values)
    assert found.shape == values.shape
    for index, kind in enumerate(SCORES):
        np.testing.assert_allclose(found[:, index], expected[:, index], atol=1e-5, err_msg=kind)


def plain_masked_softmax(scores, values):
    """For automatic differentiation: (time, batch, heads, 1) and (time, batch, heads, size)."""
    time = scores.shape[0]
    table = tf.transpose(scores, (1, 2, 3, 0))  # (batch, heads, 1, attended)
    table = tf.where(np.tri(time, dtype=bool), table, -np.inf)  # (batch, heads, time, attended)
    return tf.einsum("bhti,ibhs->tbhs", tf.nn.softmax(table, axis=-1), values)


def gradients(function, scores, values, upstream):
    scores, values = tf.constant(scores), tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch([scores, values])
        loss = tf.reduce_sum(function(scores, values) * tf.cast(upstream, scores.dtype))
    return [gradient.numpy() for gradient in tape.gradient(loss, [scores, values])]


@pytest.mark.parametrize("time", [1, 2, 17, 300])
def test_its_gradient_is_that_of_the_masked_softmax(time):
    scores, values = all_scores(time), drawn((time, len(SCORES), 2, 3), 5)
    upstream = drawn(values.shape, 6)
    found = gradients(running_softmax, scores, values, upstream)
    exact = [array.astype(np.float64) for array in (scores, values, upstream)]
    expected = gradients(plain_masked_softmax, *exact)
    for index, kind in enumerate(SCORES):
        # A score's gradient is a difference of two sums that are as large as a value's gradient.
        scale = max(1.0, *(np.abs(theirs[:, index]).max() for theirs in expected))
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                ours[:, index] / scale, theirs[:, index] / scale, atol=1e-5, err_msg=kind
            )


@pytest.mark.parametrize("compiled", ["graph", "xla"])
def test_compiled_it_gives_the_same(compiled):
    scores, values = all_scores(100), drawn((100, len(SCORES), 2, 3), 5)
    function = tf.function(running_softmax, jit_compile=compiled == "xla")
    expected = masked_softmax_means(scores, values)
    np.testing.assert_allclose(function(scores, values), expected, atol=1e-5)


# --- the layer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "heads"), ALL)
def test_the_weights_say_what_the_context_is(kind, heads):
    layer = layer_of(kind, heads)
    states = drawn((3, 20, 8), 9)
    weights = ops.convert_to_numpy(layer.weights_map(states))
    assert weights.shape == (3, heads, 20, 20)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert (weights[..., ~np.tri(20, dtype=bool)] == 0).all()
    values = states.reshape(3, 20, heads, 8 // heads)
    expected = np.einsum("bhti,bihs->bths", weights, values).reshape(3, 20, 8)
    np.testing.assert_allclose(layer(states), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_those_of_the_formula(kind):
    heads, size, units = 2, 5, 8
    layer = layer_of(kind, heads, units, size)
    named = {weight.name: weight.numpy().astype(np.float64) for weight in layer.weights}
    states = drawn((1, 6, units), 9)
    weights = ops.convert_to_numpy(layer.weights_map(states))
    for head in range(heads):
        columns = slice(head * size, (head + 1) * size)
        for t in range(6):
            scores = []
            for i in range(t + 1):
                key = states[0, i] @ named["key_kernel"][:, columns]
                if kind == "location":
                    hidden = np.tanh(key + named["bias"][columns])
                    scores.append(named["vector"][head] @ hidden)
                    continue
                query = states[0, t] @ named["query_kernel"][:, columns]
                if kind == "additive":
                    hidden = np.tanh(query + key + named["bias"][columns])
                    scores.append(named["vector"][head] @ hidden)
                else:
                    scores.append(query @ key / np.sqrt(size))
            expected = np.exp(scores - np.max(scores))
            expected /= expected.sum()
            np.testing.assert_allclose(weights[0, head, t, : t + 1], expected, atol=1e-5)


@pytest.mark.parametrize(("kind", "heads"), ALL)
def test_step_after_step_is_the_whole(kind, heads):
    layer = layer_of(kind, heads)
    batch, time, length = 2, 12, 16  # room for more steps than are taken
    states = drawn((batch, time, 8), 9)
    carry, contexts = layer.initial_state(batch, length, 8), []
    shapes = keras.tree.map_structure(lambda one: tuple(one.shape), carry)
    for t in range(time):
        context, carry = layer.step(ops.convert_to_tensor(states[:, t]), carry)
        assert keras.tree.map_structure(lambda one: tuple(one.shape), carry) == shapes
        contexts.append(ops.convert_to_numpy(context))
    np.testing.assert_allclose(np.stack(contexts, axis=1), layer(states), atol=1e-5)


@pytest.mark.parametrize(("kind", "heads"), ALL)
def test_gradients_of_the_layer(kind, heads):
    layer = layer_of(kind, heads)
    states, upstream = drawn((2, 10, 8), 9), drawn((2, 10, 8), 11)

    def by_weights(states):
        values = tf.reshape(states, (2, 10, heads, 8 // heads))
        contexts = tf.einsum("bhti,bihs->bths", layer.weights_map(states), values)
        return tf.reshape(contexts, (2, 10, 8))

    found = []
    for function in (layer, by_weights):
        variables = [tf.constant(states), *(w.value for w in layer.trainable_weights)]
        with tf.GradientTape() as tape:
            tape.watch(variables[0])
            loss = tf.reduce_sum(function(variables[0]) * upstream)
        found.append(tape.gradient(loss, variables))
    for ours, theirs in zip(*found, strict=True):
        scale = max(1.0, np.abs(theirs).max())
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes(kind):
    layer = CausalAttention(kind, heads=2, size=3)
    assert layer(keras.Input((None, 8))).shape == (None, None, 8)
    names = {weight.name: tuple(weight.shape) for weight in layer.weights}
    expected = {"key_kernel": (8, 6)}
    if kind != "location":
        expected["query_kernel"] = (8, 6)
    if kind != "dot":
        expected |= {"bias": (6,), "vector": (2, 3)}
    assert names == expected
