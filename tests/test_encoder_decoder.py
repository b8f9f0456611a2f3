"""The encoder-decoder: the paper's equations, what it reads, and its answers to music."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import ENCODING, any_melody, melody, model_of, small, with_drawn_weights

from musegen.encoding.phrases import phrase_begins
from musegen.models import MelodyModel
from musegen.networks.encoder_decoder import MOST, EncoderDecoder
from musegen.networks.gru import attend, attentive_gru, gru, gru_step

UNITS, ENCODER, SIZE, FEATURES = 5, 3, 4, 6


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def drawn_network():
    network = EncoderDecoder(UNITS, ENCODER, SIZE, 0.0)
    network.build((None, None, FEATURES))
    network.set_weights([drawn(*w.shape, seed=i) for i, w in enumerate(network.weights)])
    return network


# === Against the equations ===


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def unit(into, state, kernel):
    """Appendix A.1.1: a gated hidden unit, of what goes into z, r and the candidate."""
    n = len(state)
    z = sigmoid(into[:n] + state @ kernel[:, :n])
    r = sigmoid(into[n : 2 * n] + state @ kernel[:, n : 2 * n])
    candidate = np.tanh(into[2 * n :] + (r * state) @ kernel[:, 2 * n :])
    return (1 - z) * state + z * candidate


def written(network, inputs, first):
    """One sequence phrase by phrase: outputs `(time, width)` and attention `(time, time)`.

    `first` are the positions at which phrases begin.
    """
    kernels = {name: kernel.numpy() for name, kernel in network.recurrent_kernels.items()}
    kernel, bias, start, context_kernel, query_kernel, key_kernel, vector = (
        getattr(network, name).numpy()
        for name in (
            "kernel",
            "bias",
            "start_kernel",
            "context_kernel",
            "query_kernel",
            "key_kernel",
            "vector",
        )
    )
    into = inputs @ kernel + bias
    decoder = into[:, : 3 * UNITS]
    forward, backward = np.split(into[:, 3 * UNITS :], 2, axis=1)
    outputs, attention = [], np.zeros((len(inputs),) * 2)
    ends = [*first[1:], len(inputs)]
    sources = [[0], *(range(a + 1, b + 1) for a, b in itertools.pairwise(first))]
    for source, begin, end in zip(sources, first, ends, strict=True):
        source = list(source)
        ahead, back = {}, {}
        state = np.zeros(ENCODER)
        for j in source:
            ahead[j] = state = unit(forward[j], state, kernels["forward"])
        state = np.zeros(ENCODER)
        for j in source[::-1]:
            back[j] = state = unit(backward[j], state, kernels["backward"])
        annotations = np.array([np.append(ahead[j], back[j]) for j in source])
        state = np.tanh(back[source[0]] @ start)
        for i in range(begin, end):
            scores = np.tanh(state @ query_kernel + annotations @ key_kernel) @ vector
            weights = np.exp(scores) / np.exp(scores).sum()
            context = weights @ annotations
            state = unit(decoder[i] + context @ context_kernel, state, kernels["decoder"])
            outputs.append(np.append(state, context))
            attention[i, source] = weights
    return np.array(outputs), attention


@pytest.mark.parametrize("first", [[0], [0, 1, 2, 6, 7, 11], [0, 4, 5, 9]])
def test_it_computes_the_equations(first):
    network, inputs = drawn_network(), drawn(2, 12, FEATURES)
    begins = np.zeros((2, 12), np.int32)
    begins[0, first], begins[1, [0, 3]] = 1, 1
    outputs, attention = written(network, inputs[0], first)
    np.testing.assert_allclose(network(inputs, begins=begins)[0], outputs, atol=1e-5)
    np.testing.assert_allclose(network.attention_map(inputs, begins)[0, 0], attention, atol=1e-5)
    other = written(network, inputs[1], [0, 3])[0]
    np.testing.assert_allclose(network(inputs, begins=begins)[1], other, atol=1e-5)


def test_a_long_phrase_is_cut():
    network, time = drawn_network(), 2 * MOST + 9
    inputs, begins = drawn(1, time, FEATURES), np.zeros((1, time), np.int32)
    begins[0, 5] = 1
    outputs, _ = written(network, inputs[0], [0, 5, 5 + MOST, 5 + 2 * MOST][: 3 + (time > 133)])
    np.testing.assert_allclose(network(inputs, begins=begins)[0], outputs, atol=1e-5)


def plain(inputs, starts, begins, seen, keys, annotations, *kernels):
    kernel, context_kernel, query_kernel, vector = kernels
    state, found = tf.zeros_like(starts[0]), []
    for t in range(len(inputs)):
        state = tf.where(begins[t] > 0, starts[t], state)
        weights = attend(state, keys, seen[t] > 0, query_kernel, vector)
        context = tf.einsum("bs,bsw->bw", weights, annotations)
        state = gru_step(inputs[t] + context @ context_kernel, state, kernel)
        found.append(tf.concat([state, weights], axis=-1))
    return tf.stack(found)


def plain_gru(inputs, begins, kernel):
    state, found = tf.zeros_like(inputs[0, :, :UNITS]), []
    for t in range(len(inputs)):
        state = gru_step(inputs[t], state * (1 - begins[t]), kernel)
        found.append(state)
    return tf.stack(found)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize(("ours", "theirs"), [(gru, plain_gru), (attentive_gru, plain)])
def test_gradients_are_those_of_automatic_differentiation(ours, theirs, compiled):
    time, batch, source, width = 7, 3, 5, 6
    random = np.random.default_rng(3)
    begins = (random.random((time, batch, 1)) < 0.4).astype(np.float32)
    seen = (random.random((time, batch, source)) < 0.6).astype(np.float32)
    begins[0], seen[..., 1] = 1, 1
    inputs, kernel = drawn(time, batch, 3 * UNITS), drawn(UNITS, 3 * UNITS)
    values = [inputs, begins, kernel]
    if ours is attentive_gru:
        values = [inputs, drawn(time, batch, UNITS), begins, seen]
        values += [drawn(batch, source, SIZE), drawn(batch, source, width), kernel]
        values += [drawn(width, 3 * UNITS), drawn(UNITS, SIZE), drawn(SIZE)]
    values = [tf.constant(value) for value in values]
    found = []
    for function in (tf.function(ours, jit_compile=True) if compiled else ours, theirs):
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = function(*values)
            loss = tf.reduce_sum(outputs * drawn(*outputs.shape))
        grads = tape.gradient(loss, values, unconnected_gradients="zero")
        flags = (values[1],) if ours is gru else values[2:4]
        found.append(
            [outputs] + [g for g, v in zip(grads, values) if not any(v is f for f in flags)]
        )
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


# === What is read ===


def test_it_reads_the_phrase_before_and_nothing_earlier():
    network, inputs = drawn_network(), drawn(1, 12, FEATURES)
    begins = np.zeros((1, 12), np.int32)
    begins[0, [0, 4, 8]] = 1
    before = network(inputs, begins=begins).numpy()
    for place in range(9):
        changed = inputs.copy()
        changed[0, place] += 1
        after = network(changed, begins=begins).numpy()
        same = (before == after).all(axis=-1)[0]
        # Position 4 is the last one of what the second phrase reads, 8 of the third.
        assert same[8:].all() == (place < 5)
        assert not same[place]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return with_drawn_weights(model_of("encoder-decoder", small("encoder-decoder")))


CALL = melody([60, 62, 64, 65, 67, 69, 71, 72, 71, 69, 67, 65], [24] * 12)


@pytest.mark.slow
def test_an_answer_reads_the_last_phrase_and_takes_as_long(model, uncompiled):
    piece = model.sample(answer_to=ENCODING.decode(CALL), seed=3)
    assert piece.prompt_events == 13
    np.testing.assert_array_equal(piece.melody.pitches[:13], CALL.pitches[:13])
    assert ENCODING.steps[piece.melody.durations[13:]].sum() == 4 * 24  # events 9 to 12
    assert piece.attention.shape == (1, len(piece.melody) - 13, len(piece.melody) - 1)
    np.testing.assert_allclose(piece.attention[0, 0, 9:13].sum(), 1, atol=1e-5)
    assert (piece.attention[0, 0, 9:13] > 0).all()
    again = model.sample(answer_to=ENCODING.decode(CALL), seed=3, bars=2)
    assert ENCODING.steps[again.melody.durations[13:]].sum() == 8 * 24


def test_an_answer_has_the_likelihood_that_the_model_gives_it(model, uncompiled):
    piece = model.sample(answer_to=ENCODING.decode(CALL), seed=3, bars=6)
    ids, targets = model.event_ids(piece.melody, answer=13)
    assert ids["begins"][12] == 1
    outputs = model({name: values[None] for name, values in ids.items()})
    for place, name in enumerate(("pitch", "duration")):
        chosen = np.take_along_axis(outputs[name][0].numpy(), targets[name][:, None], axis=-1)[
            12:, 0
        ]
        np.testing.assert_allclose(piece.log_likelihoods[:, place], chosen, atol=1e-4)
    # By the rule alone the phrase would go on, and so it is another one that a prompt begins.
    assert phrase_begins(piece.melody, ENCODING)[12] == 0
    prompted = model.sample(prompt=ENCODING.decode(CALL), seed=3, bars=6)
    assert not np.allclose(prompted.log_likelihoods[0], piece.log_likelihoods[0])


def test_what_can_not_be_answered_is_refused(model, uncompiled):
    music = ENCODING.decode(CALL)
    with pytest.raises(ValueError, match="prompt and answer_to are both given"):
        model.sample(answer_to=music, prompt=music)
    with pytest.raises(ValueError, match="answer_to has no notes"):
        model.sample(answer_to=ENCODING.decode(melody([], [])))
    with pytest.raises(TypeError, match="answer_to"):
        model.sample(answer_to=3)
    deaf = model_of("attention-lstm", small("attention-lstm"))
    with pytest.raises(ValueError, match="network='encoder-decoder'"):
        deaf.sample(answer_to=music)


@pytest.mark.slow
def test_it_goes_on_phrase_after_phrase(model, uncompiled):
    """Each reads the one before, as it was written."""
    pieces = model.sample(notes=30, seed=2, count=8)
    piece = max(pieces, key=lambda one: phrase_begins(one.melody, ENCODING).sum())
    begins = np.flatnonzero(phrase_begins(piece.melody, ENCODING))
    assert len(begins) > 2
    second, third = begins[1:3]
    seen = piece.attention[0, third] > 0
    assert seen[second + 1 : third + 1].all() and seen.sum() == third - second


@pytest.mark.slow
def test_any_melody_has_the_costs_of_its_parts(model, uncompiled):
    """A piece costs the same alone and in a batch with longer ones."""
    pieces = [any_melody(size, seed) for seed, size in enumerate((9, 40, 25))]
    for piece, costs in zip(pieces, model.costs(pieces), strict=True):
        np.testing.assert_allclose(costs, model.costs([piece])[0], atol=1e-4)


# === What it can learn ===


@pytest.mark.slow
def test_it_learns_to_answer_with_the_phrase_reversed():
    """Then it attends to the note that it writes: the map is antidiagonal."""
    random = np.random.default_rng(0)

    def drawn_pieces(count):
        calls = random.choice([60, 62, 64, 65, 67, 69], (count, 8))
        return [melody([*call, *call[::-1]], [24] * 16) for call in calls]

    keras.utils.set_random_seed(0)
    settings = {"units": 48, "encoder_units": 32, "attention_size": 32, "dropout": 0.0}
    model = MelodyModel(
        network="encoder-decoder",
        encoding=ENCODING,
        pitch="absolute",
        copy=False,
        duration_after_pitch=False,
        candidates=False,
        **settings,
    )
    tests = drawn_pieces(40)
    options = {"transpose": 0, "average": 0.9, "weight_decay": 0, "learning_rate": 0.01}
    model.fit((drawn_pieces(1024), drawn_pieces(40)), epochs=30, verbose=0, **options)
    costs = np.array(model.costs(tests))[..., 0]
    assert costs[:, :8].mean() == pytest.approx(np.log(6), abs=0.15)
    assert costs[:, 8:16].mean() < 0.1
    maps = np.array([model.attention_maps(one)["attention"][0, 8:16, 1:9] for one in tests])
    assert maps[:, range(8), range(7, -1, -1)].mean() > 0.6
