"""Gated PixelCNN is what its equations say, and sees as far as they say."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from musegen.networks.pixel_cnn import PixelCNN

SMALL = {"channels": 3, "units": 5, "layers": 3, "blocks": 2, "dropout": 0.0}


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def network_of(voices, features, conditions, **settings):
    """A network with drawn weights."""
    network = PixelCNN(name="network", **{**SMALL, **settings})
    network.conditions = conditions
    network.build((None, None, voices, features))
    network.set_weights([drawn(w.shape, seed, 0.6) for seed, w in enumerate(network.weights)])
    return network


def gated(values):
    signal, gate = np.split(values, 2, axis=-1)
    return np.tanh(signal) / (1 + np.exp(-gate))


def by_the_equations(network, inputs, conditions):
    """The outputs of one piece, `(steps, voices, features)`, cell by cell in double precision."""
    of = {w.path.removeprefix("network/"): w.numpy().astype(float) for w in network.weights}
    steps, voices, channels = *inputs.shape[:2], network.channels
    x = inputs @ of["first/kernel"] + of["first/bias"]
    zero = np.zeros(channels)

    def at(grid, step, voice):
        inside = 0 <= step < steps and 0 <= voice < voices
        return grid[step, voice] if inside else zero

    v = np.stack([[at(x, t - 1, j) for j in range(voices)] for t in range(steps)])
    h = x
    for number in range(network.blocks * network.layers):
        name, dilation = f"layer_{number + 1}", 2 ** (number % network.layers)
        first = 4 * channels * number
        s = conditions @ of["condition_kernel"][:, first : first + 4 * channels]
        new_v, new_h = np.zeros((2, steps, voices, channels))
        for t in range(steps):
            for j in range(voices):
                beside = range(j - network.reach, j + network.reach + 1)
                seen = [at(v, row, column) for row in (t - dilation, t) for column in beside]
                a = np.concatenate(seen) @ of[f"{name}/rows/kernel"] + of[f"{name}/rows/bias"]
                a = a + s[t, : 2 * channels]
                new_v[t, j] = gated(a)
                b = np.concatenate([at(h, t, j - 1), h[t, j]]) @ of[f"{name}/row/kernel"]
                b = b + of[f"{name}/row/bias"] + a @ of[f"{name}/across/kernel"]
                z = gated(b + s[t, 2 * channels :])
                residual = z @ of[f"{name}/residual/kernel"] + of[f"{name}/residual/bias"]
                new_h[t, j] = h[t, j] + residual
        v, h = new_v, new_h
    return np.maximum(np.maximum(h, 0) @ of["last/kernel"] + of["last/bias"], 0)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_it_is_what_the_equations_say(reach):
    network = network_of(3, 4, 2, reach=reach)
    inputs, conditions = drawn((2, 12, 3, 4), 50), drawn((2, 12, 2), 51)
    outputs = ops.convert_to_numpy(network(inputs, conditions))
    for one, piece, known in zip(outputs, inputs, conditions, strict=True):
        expected = by_the_equations(network, piece, known)
        np.testing.assert_allclose(one, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("layers", "blocks", "seen"), [(1, 1, 2), (2, 1, 4), (2, 2, 7)])
def test_a_cell_is_seen_as_far_as_the_dilations_add_up_to(layers, blocks, seen):
    network = network_of(4, 2, 1, channels=16, units=16, layers=layers, blocks=blocks, reach=3)
    inputs, conditions = drawn((1, 20, 4, 2), 52), drawn((1, 20, 1), 55)
    changed = inputs.copy()
    changed[0, 3, 2] += 1
    outputs = [ops.convert_to_numpy(network(x, conditions)) for x in (inputs, changed)]
    differs = np.abs(outputs[1] - outputs[0])[0].max(axis=-1) > 0
    expected = np.zeros((20, 4), bool)
    expected[3, 2:] = expected[4 : 4 + seen] = True
    np.testing.assert_array_equal(differs, expected)


def test_by_default_it_sees_two_bars_and_all_voices():
    network = PixelCNN()
    assert 1 + sum(layer.dilation for layer in network.stack) >= 2 * 16
    assert network.reach * len(network.stack) >= 3  # of four voices, each sees each


def test_what_a_step_carries_does_not_grow_with_the_length():
    network = network_of(3, 4, 2)
    shapes = [
        [tuple(queue.shape) for queue in network.initial_state(2, length)["queues"]]
        for length in (2, 100, 10_000)
    ]
    assert shapes[1] == shapes[2] == [(d + 1, 2, 3, 3) for d in (1, 2, 4, 1, 2, 4)]
    assert shapes[0] == [(d + 1, 2, 3, 3) for d in (1, 2, 2, 1, 2, 2)]


def test_dropout_is_the_same_at_all_steps_of_a_voice():
    keras.utils.set_random_seed(1)
    network = network_of(3, 4, 2, dropout=0.5)
    inputs = np.repeat(drawn((2, 1, 3, 4), 53), 30, axis=1)
    conditions = np.repeat(drawn((2, 1, 2), 54), 30, axis=1)
    dropped = ops.convert_to_numpy(network(inputs, conditions, training=True))
    np.testing.assert_allclose(dropped[:, 16:], dropped[:, 16:17].repeat(14, 1), atol=1e-4)
    assert not np.allclose(dropped, ops.convert_to_numpy(network(inputs, conditions)))
