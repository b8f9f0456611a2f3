"""WaveNet is what its equations say, sees as far as they say, and steps by queues."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest
from keras import ops

from musegen.networks.wavenet import GatedLayer, WaveNet

SMALL = {"channels": 3, "skip_channels": 5, "layers": 3, "blocks": 2, "dropout": 0.0}


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def network_of(features, conditions=0, **settings):
    """A network with drawn weights."""
    network = WaveNet(**{**SMALL, **settings})
    network.conditions = conditions
    network.build((None, None, features))
    network.set_weights([drawn(w.shape, seed, 0.7) for seed, w in enumerate(network.weights)])
    return network


def by_the_equations(network, inputs):
    """The outputs of one sequence, `(time, features)`, in double precision."""
    kernel, *others = [weight.numpy().astype(np.float64) for weight in network.weights]
    time, channels = len(inputs), network.channels
    x, total = inputs @ kernel, np.zeros((time, network.skip_channels))
    y = inputs[:, len(kernel) - network.conditions :]
    if network.conditions:
        condition_kernel, *others = others
    for number in range(network.blocks * network.layers):
        taps, taps_bias, out, out_bias, *others = others
        v_f, v_g = np.zeros((2, network.conditions, channels))
        if network.conditions:
            first = 2 * channels * number
            v_f = condition_kernel[:, first : first + channels]
            v_g = condition_kernel[:, first + channels : first + 2 * channels]
        z = np.zeros((time, channels))
        for t in range(time):
            before = t - 2 ** (number % network.layers)
            past = x[before] if before >= 0 else np.zeros(channels)
            seen = np.concatenate([past, x[t]])
            f = seen @ taps[:, :channels] + taps_bias[:channels] + y[t] @ v_f
            g = seen @ taps[:, channels:] + taps_bias[channels:] + y[t] @ v_g
            z[t] = np.tanh(f) / (1 + np.exp(-g))
        x = x + z @ out[:, :channels] + out_bias[:channels]
        total = total + z @ out[:, channels:] + out_bias[channels:]
    last, last_bias = others
    return np.maximum(np.maximum(total, 0) @ last + last_bias, 0)


def test_the_gated_unit_by_hand():
    layer = GatedLayer(channels=1, skip_channels=2, dilation=2)
    layer.build((None, None, 1))
    taps = np.array([[1.0, 2.0], [0.5, -1.0]])  # from past and now to signal and gate
    layer.set_weights([taps, np.array([0.25, 0.0]), np.array([[2.0, 3.0, 4.0]]), np.ones(3)])
    residual, skip = layer(np.array([[[1.0], [2.0], [3.0]]]), condition=0.0)
    # Before the first position are zeros; the third sees the first.
    signals = [0.5 * 1 + 0.25, 0.5 * 2 + 0.25, 1 * 1 + 0.5 * 3 + 0.25]
    gates = [-1.0, -2.0, 2 * 1 - 3]
    z = [math.tanh(s) / (1 + math.exp(-g)) for s, g in zip(signals, gates, strict=True)]
    np.testing.assert_allclose(residual[0, :, 0], [2 * one + 1 for one in z], rtol=1e-6)
    np.testing.assert_allclose(skip[0], [[3 * one + 1, 4 * one + 1] for one in z], rtol=1e-6)
    residual, _ = layer(np.zeros((1, 1, 1)), condition=np.array([[[1.0, 3.0]]]))
    assert float(residual[0, 0, 0]) == pytest.approx(2 * math.tanh(1.25) / (1 + math.exp(-3)) + 1)


@pytest.mark.parametrize(
    ("layers", "blocks", "seen"), [(1, 1, 2), (2, 1, 4), (2, 2, 7), (3, 2, 15), (5, 1, 32)]
)
def test_as_many_positions_are_seen_as_the_dilations_add_up_to(layers, blocks, seen):
    network = WaveNet(channels=1, skip_channels=1, layers=layers, blocks=blocks, dropout=0.0)
    network.build((None, None, 1))
    network.set_weights([np.full(w.shape, float(len(w.shape) > 1)) for w in network.weights])
    inputs = np.zeros((1, 40, 1))  # kernels of ones, biases of zeros: silence gives zeros
    inputs[0, 3] = 1.0
    outputs = ops.convert_to_numpy(network(inputs))[0, :, 0]
    assert np.flatnonzero(outputs).tolist() == list(range(3, 3 + seen))


def test_by_default_it_sees_a_whole_tune():
    network = WaveNet()
    assert 1 + sum(layer.dilation for layer in network.stack) >= 250


@pytest.mark.parametrize("conditions", [0, 1, 4])
def test_it_is_what_the_equations_say(conditions):
    network, inputs = network_of(7, conditions), drawn((2, 20, 7), 50)
    outputs = ops.convert_to_numpy(network(inputs))
    for one, sequence in zip(outputs, inputs, strict=True):
        expected = by_the_equations(network, sequence)
        np.testing.assert_allclose(one, expected, atol=1e-5 * np.abs(expected).max())


def test_the_conditions_come_in_at_every_layer():
    network = network_of(6, conditions=2)
    shapes = {weight.name: tuple(weight.shape) for weight in network.weights}
    assert shapes["condition_kernel"] == (2, 2 * 3 * len(network.stack))
    kernel = np.asarray(network.input_kernel)
    assert kernel.shape == (6, 3 + 2 * 3 * len(network.stack))
    assert (kernel[:4, 3:] == 0).all()
    np.testing.assert_array_equal(kernel[:, :3], network.kernel.numpy())
    np.testing.assert_array_equal(kernel[4:, 3:], network.condition_kernel.numpy())
    with pytest.raises(AttributeError):
        _ = network_of(6).condition_kernel
    assert network_of(6).input_kernel.shape == (6, 3)


@pytest.mark.parametrize("conditions", [0, 4])
@pytest.mark.parametrize("length", [5, pytest.param(40, marks=pytest.mark.slow)])
def test_step_after_step_is_the_whole(conditions, length):
    """Also where the sequence is shorter than the largest dilation."""
    network, inputs = network_of(7, conditions, layers=5), drawn((2, length, 7), 51)
    state, found = network.initial_state(2, length), []
    shapes = keras.tree.map_structure(lambda one: tuple(one.shape), state)
    for t in range(length):
        projected = ops.matmul(inputs[:, t], network.input_kernel)
        outputs, state = network.step(projected, state)
        assert keras.tree.map_structure(lambda one: tuple(one.shape), state) == shapes
        found.append(ops.convert_to_numpy(outputs))
    expected = ops.convert_to_numpy(network(inputs))
    np.testing.assert_allclose(
        np.stack(found, axis=1), expected, atol=1e-5 * np.abs(expected).max()
    )


def test_what_a_step_carries_does_not_grow_with_the_length():
    network = network_of(7)
    shapes = [
        [tuple(queue.shape) for queue in network.initial_state(2, length)[0]]
        for length in (2, 100, 10_000)
    ]
    assert shapes[1] == shapes[2] == [(d + 1, 2, 3) for d in (1, 2, 4, 1, 2, 4)]
    assert shapes[0] == [(d + 1, 2, 3) for d in (1, 2, 2, 1, 2, 2)]


def test_dropout_is_the_same_at_all_steps_of_a_sequence():
    """What is the same at all positions stays so, once no zeros before the first are seen."""
    keras.utils.set_random_seed(1)
    network = network_of(7, conditions=3, dropout=0.5)
    inputs = np.repeat(drawn((3, 1, 7), 52), 40, axis=1)
    dropped = ops.convert_to_numpy(network(inputs, training=True))
    scale = np.abs(dropped).max()
    np.testing.assert_allclose(dropped[:, 14:], dropped[:, 14:15].repeat(26, 1), atol=1e-5 * scale)
    whole = ops.convert_to_numpy(network(inputs))
    assert not np.allclose(dropped, whole)
    np.testing.assert_array_equal(whole, network(inputs, training=False))
    same = np.repeat(inputs[:1], 2, axis=0)
    one, other = ops.convert_to_numpy(network(same, training=True))
    assert not np.allclose(one, other)
