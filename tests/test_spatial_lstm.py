"""The spatial LSTM is what its equations say, and so are its gradients."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from musegen.networks.spatial_lstm import SpatialLayer, SpatialLSTM


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def network_of(voices, features, conditions, **settings):
    """A network with drawn weights."""
    network = SpatialLSTM(**{"units": 4, "depth": 2, "dropout": 0.0, **settings})
    network.conditions = conditions
    network.build((None, None, voices, features))
    network.set_weights([drawn(w.shape, seed, 0.6) for seed, w in enumerate(network.weights)])
    return network


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def layer_by_the_equations(x, kernel, recurrent, bias, added):
    """The states of one piece, `(steps, voices, units)`, cell by cell in double precision."""
    steps, voices, units = *x.shape[:2], len(recurrent) // 2
    h, c = np.zeros((2, steps + 1, voices + 1, units))  # row 0 and column 0 are outside
    for i in range(1, steps + 1):
        for j in range(1, voices + 1):
            into = x[i - 1, j - 1] @ kernel + bias + added[i - 1]
            into = into + h[i - 1, j] @ recurrent[:units] + h[i, j - 1] @ recurrent[units:]
            g, gate_i, o, f_r, f_c = np.split(into, 5)
            cell = np.tanh(g) * sigmoid(gate_i)
            c[i, j] = cell + c[i, j - 1] * sigmoid(f_c) + c[i - 1, j] * sigmoid(f_r)
            h[i, j] = np.tanh(c[i, j] * sigmoid(o))
    return h[1:, 1:]


@pytest.mark.parametrize(("steps", "voices"), [(9, 3), (2, 5), (1, 2)])
def test_it_is_what_the_equations_say(steps, voices):
    network = network_of(voices, 3, 2)
    inputs, conditions = drawn((2, steps, voices, 3), 50), drawn((2, steps, 2), 51)
    outputs = ops.convert_to_numpy(network(inputs, conditions))
    condition_kernel, *layers = (w.numpy().astype(float) for w in network.weights)
    for one, piece, known in zip(outputs, inputs, conditions, strict=True):
        x = layer_by_the_equations(piece, *layers[:3], known @ condition_kernel)
        x = layer_by_the_equations(x, *layers[3:], np.zeros((steps, 1)))
        np.testing.assert_allclose(one, x, atol=1e-5)


def test_its_gradients_are_those_of_the_equations():
    """Against differences of the loss in double precision."""
    tf = pytest.importorskip("tensorflow")
    layer = SpatialLayer(3)
    layer.build((None, None, 4, 2))
    weights = [drawn(w.shape, seed, 0.7) for seed, w in enumerate(layer.weights)]
    layer.set_weights(weights)
    inputs, weight = drawn((1, 5, 4, 2), 52), drawn((1, 5, 4, 3), 53)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs, added=0.0) * weight)
    gradients = tape.gradient(loss, layer.trainable_variables)
    order = [w.name for w in layer.weights]
    arguments = {name: value.astype(float) for name, value in zip(order, weights)}

    def exact(values):
        kernel, recurrent, bias = (values[n] for n in ("kernel", "recurrent_kernel", "bias"))
        return (
            layer_by_the_equations(inputs[0], kernel, recurrent, bias, [0.0] * 5) * weight
        ).sum()

    random = np.random.default_rng(54)
    for name, gradient in zip(order, gradients):
        direction = random.standard_normal(arguments[name].shape)
        moved = [
            exact({**arguments, name: arguments[name] + by * direction}) for by in (1e-5, -1e-5)
        ]
        expected = (moved[0] - moved[1]) / 2e-5
        assert np.isclose(np.sum(np.asarray(gradient) * direction), expected, rtol=1e-3, atol=1e-4)


def test_a_cell_sees_what_lies_above_and_to_the_left_of_it():
    network = network_of(4, 3, 2)
    inputs, conditions = drawn((1, 7, 4, 3), 55), drawn((1, 7, 2), 56)
    changed = inputs.copy()
    changed[0, 2, 1] += 1
    outputs = [ops.convert_to_numpy(network(x, conditions)) for x in (inputs, changed)]
    differs = np.abs(outputs[1] - outputs[0])[0].max(axis=-1) > 0
    expected = np.zeros((7, 4), bool)
    expected[2:, 1:] = True
    np.testing.assert_array_equal(differs, expected)


def test_dropout_leaves_out_outputs_and_recurrent_weights():
    keras.utils.set_random_seed(1)
    network = network_of(3, 3, 2, dropout=0.5, depth=1)
    inputs, conditions = drawn((2, 6, 3, 3), 57), drawn((2, 6, 2), 58)
    dropped = ops.convert_to_numpy(network(inputs, conditions, training=True))
    gone = dropped == 0
    assert gone.any() and (gone.all(axis=1) == gone.any(axis=1)).all()
    assert not np.allclose(dropped, ops.convert_to_numpy(network(inputs, conditions)))
