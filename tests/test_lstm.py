"""The LSTM is Keras's own, with its backward pass written out."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from musegen.networks.lstm import LSTM

SHAPES = [(1, 1, 1, 1), (2, 1, 3, 4), (3, 17, 5, 8), (1, 200, 4, 8), (5, 2, 1, 3)]


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def two_of_a_kind(features, units, scale=0.7):
    """Our layer and Keras's, with the same drawn weights."""
    ours, keras_lstm = LSTM(units), keras.layers.LSTM(units, return_sequences=True)
    ours.build((None, None, features))
    keras_lstm.build((None, None, features))
    weights = [drawn(weight.shape, seed, scale) for seed, weight in enumerate(ours.weights)]
    ours.set_weights(weights)
    keras_lstm.set_weights(weights)
    return ours, keras_lstm


def outputs_and_gradients(layer, inputs, upstream):
    inputs = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        outputs = layer(inputs)
        loss = tf.reduce_sum(outputs * upstream)
    variables = [weight.value for weight in layer.trainable_weights]
    return [outputs.numpy(), *(g.numpy() for g in tape.gradient(loss, [inputs, *variables]))]


@pytest.mark.parametrize(("batch", "time", "features", "units"), SHAPES)
def test_outputs_and_gradients_equal_keras(batch, time, features, units):
    ours, keras_lstm = two_of_a_kind(features, units)
    inputs, upstream = drawn((batch, time, features), 7), drawn((batch, time, units), 8)
    found = outputs_and_gradients(ours, inputs, upstream)
    expected = outputs_and_gradients(keras_lstm, inputs, upstream)
    assert len(found) == 5  # outputs, and gradients of inputs, two kernels, bias
    for ours_is, theirs_is in zip(found, expected, strict=True):
        scale = max(1.0, np.abs(theirs_is).max())
        np.testing.assert_allclose(ours_is / scale, theirs_is / scale, atol=1e-5)


def test_large_weights_saturate_and_stay_finite():
    ours, keras_lstm = two_of_a_kind(4, 8, scale=50.0)
    inputs, upstream = drawn((2, 30, 4), 7, 100.0), drawn((2, 30, 8), 8)
    found = outputs_and_gradients(ours, inputs, upstream)
    assert all(np.isfinite(values).all() for values in found)
    np.testing.assert_allclose(found[0], keras_lstm(inputs), atol=1e-5)


@pytest.mark.parametrize("compiled", ["graph", "xla"])
def test_compiled_it_gives_the_same(compiled):
    ours, _ = two_of_a_kind(3, 4)
    inputs, upstream = drawn((2, 12, 3), 7), drawn((2, 12, 4), 8)

    @tf.function(jit_compile=compiled == "xla")
    def loss_and_gradients(inputs):
        with tf.GradientTape() as tape:
            outputs = ours(inputs)
            loss = tf.reduce_sum(outputs * upstream)
        return [outputs, *tape.gradient(loss, [w.value for w in ours.trainable_weights])]

    expected = outputs_and_gradients(ours, inputs, upstream)
    found = loss_and_gradients(tf.constant(inputs))
    for values, plain in zip(found, [expected[0], *expected[2:]], strict=True):
        np.testing.assert_allclose(values, plain, atol=1e-5)


def test_shapes():
    layer = LSTM(5)
    outputs = layer(keras.Input((None, 3)))
    assert outputs.shape == (None, None, 5)
    assert layer.compute_output_shape((2, 9, 3)) == (2, 9, 5)
    assert [weight.shape for weight in layer.weights] == [(3, 20), (5, 20), (20,)]
    assert layer.bias.numpy().tolist() == [0] * 5 + [1] * 5 + [0] * 10  # it remembers at first


def test_only_training_drops_recurrent_weights_the_same_in_all_rows():
    keras.utils.set_random_seed(0)
    layer = LSTM(8, dropout=0.5)
    inputs = np.repeat(drawn((1, 6, 3), 9), 2, axis=0)
    plain = np.array(layer(inputs))
    np.testing.assert_array_equal(layer(inputs, training=False), plain)
    first, second = (np.array(layer(inputs, training=True)) for _ in range(2))
    np.testing.assert_array_equal(first[0], first[1])
    # The first step has no past; after it masks show, and each batch has its own.
    np.testing.assert_allclose(first[:, 0], plain[:, 0], atol=1e-6)
    for one, other in ((first, plain), (first, second)):
        assert np.abs(one[:, 1:] - other[:, 1:]).max() > 1e-3
