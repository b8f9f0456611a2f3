"""The Transformer is what its formulas say, and steps by a cache of keys and values."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from scipy.special import erf, softmax

from musegen.networks.transformer import Transformer

SMALL = {"units": 6, "depth": 2, "heads": 3, "feedforward": 10, "max_distance": 4, "dropout": 0.0}


def drawn(shape, seed, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def network_of(features=7, **settings):
    """A network with drawn weights, large enough that attention is not nearly uniform."""
    network = Transformer(**{**SMALL, **settings})
    network.build((None, None, features))
    network.set_weights([drawn(w.shape, seed, 0.7) for seed, w in enumerate(network.weights)])
    return network


def normed(x, scale, shift):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-3) * scale + shift


def by_the_formulas(network, inputs):
    """Outputs of one sequence, and the attention weights of the last layer, in double precision."""
    named = {weight.path: weight.numpy().astype(np.float64) for weight in network.weights}

    def dense(name, x):
        (kernel,) = [value for path, value in named.items() if path.endswith(f"{name}/kernel")]
        (bias,) = [value for path, value in named.items() if path.endswith(f"{name}/bias")]
        return x @ kernel + bias

    def norm(name, x):
        (scale,) = [value for path, value in named.items() if path.endswith(f"{name}/gamma")]
        (shift,) = [value for path, value in named.items() if path.endswith(f"{name}/beta")]
        return normed(x, scale, shift)

    time, size = len(inputs), network.units // network.heads
    x = dense("first", inputs)
    for layer in (f"layer_{number + 1}" for number in range(network.depth)):
        joint = dense(f"{layer}/queries_keys_values", norm(f"{layer}/attention_norm", x))
        q, k, v = np.split(joint, 3, axis=-1)
        (bias,) = [value for path, value in named.items() if f"{layer}/distance_bias" in path]
        weights, mixed = np.zeros((network.heads, time, time)), np.zeros((time, network.units))
        for head in range(network.heads):
            own = slice(head * size, (head + 1) * size)
            for t in range(time):
                scores = [
                    q[t, own] @ k[i, own] / np.sqrt(size)
                    + bias[head, min(t - i, network.max_distance)]
                    for i in range(t + 1)
                ]
                weights[head, t, : t + 1] = softmax(scores)
                mixed[t, own] = weights[head, t] @ v[:, own]
        x = x + dense(f"{layer}/join", mixed)
        wide = dense(f"{layer}/widen", norm(f"{layer}/dense_norm", x))
        x = x + dense(f"{layer}/narrow", wide * (1 + erf(wide / np.sqrt(2))) / 2)
    return norm("/norm", x), weights


@pytest.mark.parametrize("settings", [{}, {"depth": 1, "heads": 1}, {"depth": 3, "heads": 6}])
def test_it_is_what_the_formulas_say(settings):
    network, inputs = network_of(**settings), drawn((2, 12, 7), 50)
    outputs = ops.convert_to_numpy(network(inputs))
    for one, sequence in zip(outputs, inputs, strict=True):
        np.testing.assert_allclose(one, by_the_formulas(network, sequence)[0], atol=2e-5)


@pytest.mark.parametrize("length", [12, 20])
def test_step_after_step_is_the_whole(length):
    network, inputs = network_of(), drawn((2, 12, 7), 51)
    state, found = network.initial_state(2, length), []
    shapes = keras.tree.map_structure(lambda one: tuple(one.shape), state)
    for t in range(12):
        projected = ops.matmul(inputs[:, t], network.input_kernel)
        outputs, state = network.step(projected, state)
        assert keras.tree.map_structure(lambda one: tuple(one.shape), state) == shapes
        found.append(ops.convert_to_numpy(outputs))
    np.testing.assert_allclose(np.stack(found, axis=1), network(inputs), atol=2e-5)


@pytest.mark.parametrize("settings", [{}, {"depth": 1, "heads": 1}])
def test_the_map_has_the_weights_of_the_last_layer(settings):
    network, inputs = network_of(**settings), drawn((2, 12, 7), 51)
    for rows, sequence in zip(network.attention_map(inputs), inputs, strict=True):
        np.testing.assert_allclose(rows, by_the_formulas(network, sequence)[1], atol=2e-5)


def test_a_cache_is_as_long_as_the_steps():
    network = network_of()
    for length in (1, 50):
        caches, _ = network.initial_state(5, length)
        assert [tuple(one.shape) for pair in caches for one in pair] == [(5, 3, length, 2)] * 4


def test_without_what_the_layers_add_it_is_the_linear_map_and_a_norm():
    network, inputs = network_of(depth=3), drawn((2, 9, 7), 52)
    for block in network.stack:
        for dense in (block.join, block.narrow):
            dense.set_weights([np.zeros(w.shape) for w in dense.weights])
    mapped = inputs @ network.first.kernel.numpy() + network.first.bias.numpy()
    scale, shift = (weight.numpy() for weight in network.norm.weights)
    np.testing.assert_allclose(network(inputs), normed(mapped, scale, shift), atol=1e-5)


def test_the_bias_of_a_distance_by_hand():
    """With nothing to tell positions apart but their distance, weights are softmaxes of biases."""
    network = network_of(max_distance=2)
    block = network.stack[-1]
    block.project.set_weights([np.zeros(w.shape) for w in block.project.weights])
    block.bias.assign(np.log([[1.0, 2.0, 3.0], [1.0, 1.0, 1.0], [4.0, 1.0, 0.5]]))
    rows = ops.convert_to_numpy(network.attention_map(np.zeros((1, 4, 7), np.float32)))[0]
    np.testing.assert_allclose(rows[0, 1], np.array([2, 1, 0, 0]) / 3, atol=1e-6)
    np.testing.assert_allclose(rows[0, 3], np.array([3, 3, 2, 1]) / 9, atol=1e-6)
    np.testing.assert_allclose(rows[1, 2], np.array([1, 1, 1, 0]) / 3, atol=1e-6)
    np.testing.assert_allclose(rows[2, 3], np.array([0.5, 0.5, 1, 4]) / 6, atol=1e-6)


def test_dropout_is_the_same_at_all_steps_of_a_sequence():
    keras.utils.set_random_seed(1)
    network = network_of(dropout=0.5)
    inputs = np.repeat(drawn((3, 1, 7), 53), 20, axis=1)
    dropped = ops.convert_to_numpy(network(inputs, training=True))
    np.testing.assert_allclose(dropped, dropped[:, :1].repeat(20, 1), atol=1e-5)
    whole = ops.convert_to_numpy(network(inputs))
    assert not np.allclose(dropped, whole)
    np.testing.assert_array_equal(whole, network(inputs, training=False))
    same = np.repeat(inputs[:1], 2, axis=0)
    one, other = ops.convert_to_numpy(network(same, training=True))
    assert not np.allclose(one, other)


def test_heads_divide_the_units():
    with pytest.raises(ValueError, match="heads=4: give a number that divides units=6"):
        Transformer(**{**SMALL, "heads": 4})
