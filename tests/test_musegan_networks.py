"""MuseGAN's layers, cells, generator and critic: what reaches what, and what equals what."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from musegen.encoding import PianorollEncoding
from musegen.encoding.pianoroll import HELD, ONSET, RollTrack
from musegen.models import MuseGAN
from musegen.models.musegan.book import build_book_critic
from musegen.models.musegan.cells import (
    decide,
    decide_in_turn,
    real_planes,
    rolls_of,
    written_planes,
)
from musegen.models.musegan.critic import build_critic
from musegen.models.musegan.generator import build_generator, levels, noise_shapes
from musegen.models.musegan.layers import PatchConv3D, PitchClassConv, Upsample, prime_factors
from musegen.training.gan import input_gradients

THREE = PianorollEncoding(("a", "b", "c"), steps=4, lowest=60, pitches=13)
BAND = PianorollEncoding(
    (
        RollTrack("line"),
        RollTrack("organ", voice="all"),
        RollTrack("kit", 0, True, "all"),
        RollTrack("bass", voice="lowest"),
    ),
    steps=6,
    meter=(3, 4),
    lowest=58,
    pitches=5,
)
COMPOSITIONS = ("hybrid", "jamming", "composer")


def generator_of(encoding=THREE, bars=2, composition="hybrid", kind="compact"):
    """One with weights that matter: a new one has some that are near 0."""
    keras.utils.set_random_seed(0)
    generator = build_generator(encoding, bars, 4, composition, 16, kind)
    random = np.random.default_rng(1)
    for weight in generator.weights if kind == "compact" else ():
        weight.assign(random.normal(0, 0.3, weight.shape))
    return generator


def noises_of(encoding=THREE, composition="hybrid", count=8, noise_size=4, seed=0):
    random = np.random.default_rng(seed)
    shapes = noise_shapes(composition, len(encoding.tracks), noise_size)
    return {
        name: random.standard_normal((count, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }


def drawn(generator, noises):
    return np.array(generator(noises))


def rolls_from(logits, encoding):
    sounds, repeats = decide(logits, encoding)
    return rolls_of(np.array(sounds), np.array(repeats))


def assert_rebuilt(layer, x):
    """A layer of the same config and weights gives the same."""
    again = type(layer).from_config(layer.get_config())
    again.build(x.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), layer(x))


# --- layers --------------------------------------------------------------------------------------


def test_patches_are_a_convolution():
    """Random shapes, kernels, strides and paddings against Keras's own layer."""
    random = np.random.default_rng(0)
    for number in range(30):
        padding = ("valid", "same")[number % 2]
        size = random.integers(1, 8, 3)
        kernel = random.integers(1, 5, 3)
        if padding == "valid":
            kernel = np.minimum(kernel, size)
        strides = kernel if number % 5 == 0 else random.integers(1, 5, 3)
        if padding == "same":  # with longer ones TensorFlow reads wrong places, without oneDNN
            strides = np.minimum(strides, kernel)
        channels, filters = map(int, random.integers(1, 4, 2))
        x = random.standard_normal((2, *size, channels)).astype(np.float32)
        arguments = filters, tuple(map(int, kernel)), tuple(map(int, strides)), padding
        ours, theirs = PatchConv3D(*arguments), keras.layers.Conv3D(*arguments)
        theirs.build(x.shape)
        ours.build(x.shape)
        theirs.bias.assign(random.standard_normal(filters))
        ours.set_weights(theirs.get_weights())
        expected = np.array(theirs(x))
        np.testing.assert_allclose(ours(x), expected, atol=1e-5, err_msg=str(arguments))
        assert tuple(ours.compute_output_shape(x.shape)) == expected.shape
        assert_rebuilt(ours, x)


def test_patches_have_the_gradients_of_a_convolution():
    """The gradient by the weights of the gradient's norm by the input, as the penalty needs it."""
    random = np.random.default_rng(1)
    x = tf.constant(random.standard_normal((2, 3, 5, 4, 2)).astype(np.float32))
    arguments = 3, (2, 3, 2), (1, 2, 2), "same"
    found = []
    layers = keras.layers.Conv3D(*arguments), PatchConv3D(*arguments)
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights(layers[0].get_weights())
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = ops.sum(ops.square(layer(x)))
            norm = ops.sum(ops.square(inner.gradient(y, x)))
        found.append([np.array(g) for g in outer.gradient(norm, layer.trainable_variables)])
    for expected, gradient in zip(*found, strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_upsampling_is_a_transposed_convolution(axis):
    random = np.random.default_rng(axis)
    for factor in (1, 2, 3, 5):
        shape = (2, *random.integers(1, 5, 3), 3)
        x = random.standard_normal(shape).astype(np.float32)
        size = [1, 1, 1]
        size[axis - 1] = factor
        theirs = keras.layers.Conv3DTranspose(4, tuple(size), tuple(size))
        theirs.build(shape)
        theirs.bias.assign(random.standard_normal(4))
        ours = Upsample(4, factor, axis)
        ours.build(shape)
        kernel, bias = theirs.get_weights()
        kernel = kernel.reshape(factor, 4, 3)  # (factor, out, in)
        ours.set_weights([kernel.transpose(2, 0, 1), bias])
        expected = np.array(theirs(x))
        np.testing.assert_allclose(ours(x), expected, atol=1e-5)
        assert ours.compute_output_shape(shape) == expected.shape
        assert_rebuilt(ours, x)


def test_upsampling_begins_at_a_fitting_size():
    keras.utils.set_random_seed(0)
    layer = Upsample(64, 16, 2)
    layer.build((None, 2, 1, 200))
    assert layer.get_weights()[0].std() == pytest.approx(np.sqrt(2 / 200), rel=0.02)


def test_pitch_classes_by_hand():
    layer = PitchClassConv(1)
    layer.build((None, 1, 1, 12, 1))
    kernel = np.zeros((12, 1, 1), np.float32)
    kernel[[0, 4, 7], 0, 0] = 1, 10, 100  # a major triad
    layer.set_weights([kernel, np.array([0.5], np.float32)])
    x = np.zeros((1, 1, 1, 12, 1), np.float32)
    x[0, 0, 0, [5, 9, 0], 0] = 1  # F A C
    expected = np.full(12, 0.5)
    expected[5] += 111  # on F it is the whole triad
    expected[[9, 0]] += 1  # A and C are roots of themselves
    expected[[1, 8]] += 10  # F is the third of D flat, C of A flat,
    expected[[10, 2]] += 100  # F the fifth of B flat, A of D
    np.testing.assert_allclose(np.array(layer(x)).ravel(), expected)


def test_transposing_turns_pitch_classes():
    random = np.random.default_rng(0)
    layer = PitchClassConv(5)
    x = random.standard_normal((2, 3, 4, 12, 2)).astype(np.float32)
    expected = np.array(layer(x))
    assert expected.shape == (2, 3, 4, 12, 5)
    for shift in range(1, 12):
        moved = layer(np.roll(x, shift, axis=3))
        np.testing.assert_allclose(moved, np.roll(expected, shift, axis=3), atol=1e-5)
    assert_rebuilt(layer, x)


def test_prime_factors():
    assert [prime_factors(n) for n in (1, 7, 12, 45)] == [[], [7], [2, 2, 3], [3, 3, 5]]
    assert all(np.prod([*prime_factors(n)]) == n for n in range(2, 200))


# --- cells ---------------------------------------------------------------------------------------


def test_cells_by_hand():
    encoding = PianorollEncoding(("line",), steps=4, lowest=60, pitches=3)
    rows = [  # three pitches, silence, strike again
        [2.0, 0, 0, 1, -1],  # the lowest
        [0, 0, 0, 5, 3],  # silence; nothing to strike
        [0, 3, 1, 0, 2],  # the second, after silence
        [0, 3, 1, 0, 2],  # ... struck again
        [0, 3, 1, 0, -2],  # ... and on, over the bar line
        [0, 0, 0.1, 0, 9],  # the third: another pitch begins by itself
        [0, 0, 0.1, 0, 0],  # even odds strike nothing
        [-9, -9, -9, -8, 0],  # a rest
    ]
    logits = np.array(rows, np.float32).reshape(1, 2, 4, 5, 1)
    sounds, repeats = decide(logits, encoding)
    categories = [0, None, 1, 1, 1, 2, 2, None]
    for step, category in zip(np.array(sounds).reshape(8, 3), categories, strict=True):
        assert step.tolist() == [float(pitch == category) for pitch in range(3)]
    assert np.array(repeats).ravel().tolist() == [0, 1, 1, 1, 0, 1, 0, 0]
    roll = rolls_from(logits, encoding)
    assert roll.dtype == np.uint8
    assert roll.shape == (1, 2, 4, 3, 1)
    line = [max(step.tolist()) for step in roll.reshape(8, 3)]
    assert line == [ONSET, 0, ONSET, ONSET, HELD, ONSET, HELD, 0]
    planes = np.array(written_planes(logits, encoding))
    assert planes.shape == (1, 2, 4, 4, 1)
    assert planes[..., 3, 0].ravel().tolist() == [1, 0, 1, 1, 0, 1, 0, 0]


def test_cells_of_many_voices_by_hand():
    encoding = PianorollEncoding((RollTrack("organ", voice="all"),), steps=2, lowest=60, pitches=2)
    rows = [[1, 1, 9, -1], [1, -1, 9, 1], [1, 1, 9, -1], [1, 1, -9, 1]]  # silence has no say
    logits = np.array(rows, np.float32).reshape(1, 2, 2, 4, 1)
    roll = rolls_from(logits, encoding).reshape(4, 2).tolist()
    assert roll == [[ONSET, ONSET], [ONSET, 0], [HELD, ONSET], [ONSET, ONSET]]
    onsets = np.array(written_planes(logits, encoding))[..., 2, 0].ravel()
    assert onsets.tolist() == [2, 1, 1, 2]


def test_planes_of_written_music_are_those_of_its_rolls():
    random = np.random.default_rng(0)
    rests = sounding = 0
    for encoding in (THREE, BAND):
        for size in (0.01, 1.0, 30.0):
            shape = (4, 3, encoding.steps, encoding.pitches + 2, len(encoding.tracks))
            logits = (size * random.standard_normal(shape)).astype(np.float32)
            rolls = rolls_from(logits, encoding)
            planes = np.array(written_planes(logits, encoding))
            np.testing.assert_array_equal(planes, np.array(real_planes(rolls)))
            assert set(np.unique(planes[..., :-1, :])) <= {0.0, 1.0}  # to the bit
            alone = [track.monophonic for track in encoding.tracks]
            at_once = (rolls[..., alone] > 0).sum(axis=3)
            assert at_once.max() == 1
            rests += (at_once == 0).sum()
            sounding += (at_once == 1).sum()
            # Every phrase is a score, and the score is that phrase.
            for roll in rolls:
                whole = np.asarray(encoding.encode(encoding.decode(roll)))
                np.testing.assert_array_equal(whole, roll[: len(whole)])
                assert not roll[len(whole) :].any()
    assert rests > 0
    assert sounding > 0


def test_planes_against_a_second_writing():
    random = np.random.default_rng(1)
    shape = (3, 2, BAND.steps, BAND.pitches + 2, 4)
    logits = random.standard_normal(shape).astype(np.float32)
    planes = np.array(written_planes(logits, BAND))
    rolls = rolls_from(logits, BAND)
    for phrase, found, roll in zip(logits, planes, rolls, strict=True):
        for number, track in enumerate(BAND.tracks):
            before: set[int] = set()
            for bar, step in np.ndindex(2, BAND.steps):
                column = phrase[bar, step, :, number]
                if track.monophonic:
                    now = {int(np.argmax(column[:-1]))} - {BAND.pitches}
                else:
                    now = set(np.flatnonzero(column[: BAND.pitches] > 0).tolist())
                begin = now if column[-1] > 0 else now - before
                cells = [
                    (pitch in now) * (ONSET if pitch in begin else HELD)
                    for pitch in range(BAND.pitches)
                ]
                assert roll[bar, step, :, number].tolist() == cells
                assert found[bar, step, -1, number] == len(begin)
                before = now


def test_gradients_are_those_of_probabilities():
    random = np.random.default_rng(2)
    pitches = BAND.pitches
    logits = tf.constant(random.standard_normal((2, 2, 6, pitches + 2, 4)), tf.float32)
    weights = random.standard_normal((2, 2, 6, pitches, 4)).astype(np.float32)
    others = random.standard_normal((2, 2, 6, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        sounds, repeats = decide(logits, BAND)
        loss = tf.reduce_sum(sounds * weights) + tf.reduce_sum(repeats * others)
    found = np.array(tape.gradient(loss, logits))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(tf.sigmoid(logits[..., -1, :]) * others)
        for number, track in enumerate(BAND.tracks):
            column = logits[..., number]
            if track.monophonic:
                soft = tf.nn.softmax(column[..., : pitches + 1], axis=-1)[..., :pitches]
            else:
                soft = tf.sigmoid(column[..., :pitches])
            loss += tf.reduce_sum(soft * weights[..., number])
    expected = np.array(tape.gradient(loss, logits))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.abs(found[..., pitches, [0, 3]]) > 0).all()  # silence is learned as well
    assert (found[..., pitches, [1, 2]] == 0).all()  # where it is a category


def test_nothing_held_is_what_the_critic_sees():
    logits = np.random.default_rng(4).standard_normal((5, 2, 6, BAND.pitches + 2, 4))
    logits = logits.astype(np.float32)
    for found, expected in zip(decide_in_turn(logits, BAND, 0.0), decide(logits, BAND)):
        np.testing.assert_array_equal(found, np.array(expected) > 0.5)


def test_what_sounds_is_held_until_another_pitch_is_likelier_by_so_much():
    encoding = PianorollEncoding(
        ("one", RollTrack("many", voice="all")), steps=4, lowest=60, pitches=2
    )
    logits = np.zeros((1, 1, 4, 4, 2), np.float32)
    # Pitch 0, pitch 1 and silence of the first track; both pitches of the second.
    logits[0, 0, :, :3, 0] = [[3, 1, 0], [2, 3, 0], [0, 2.5, 0], [0, 0, 1]]
    logits[0, 0, :, :2, 1] = [[1, -1], [-1, -2], [-3, 1], [1, 1]]
    sounds, _ = decide_in_turn(logits, encoding, 2.0)
    # At step 1 pitch 1 is likelier by 1 only, at step 2 by 2.5; silence at step 3 by 1 only.
    assert sounds[0, 0, :, :, 0].tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    # At step 1 the first is held, as -1 + 2 is above 0; at step 2 it is not.
    assert sounds[0, 0, :, :, 1].tolist() == [[1, 0], [1, 0], [0, 1], [1, 1]]


def test_the_more_is_held_the_fewer_notes_there_are():
    random = np.random.default_rng(5)
    logits = random.standard_normal((20, 2, 6, BAND.pitches + 2, 4)).astype(np.float32)
    changes = []
    for hold in (0, 0.5, 1, 2, 100):
        sounds, _ = decide_in_turn(logits, BAND, hold)
        line = sounds.reshape(20, 12, BAND.pitches, 4)
        changes.append(int((line[:, 1:] != line[:, :-1]).sum()))
    assert changes == sorted(changes, reverse=True)
    assert changes[0] > changes[1] > 0
    alone = [number for number, track in enumerate(BAND.tracks) if track.monophonic]
    assert not (line[:, 1:] != line[:, :-1])[..., alone].any()


def test_the_planes_pass_gradients_to_every_logit():
    random = np.random.default_rng(3)
    logits = tf.constant(random.standard_normal((8, 2, 6, BAND.pitches + 2, 4)), tf.float32)
    weights = random.standard_normal((8, 2, 6, BAND.pitches + 1, 4)).astype(np.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_sum(written_planes(logits, BAND) * weights)
    found = np.abs(np.array(tape.gradient(loss, logits))).sum(axis=(0, 1, 2))
    silent = np.zeros_like(found, bool)
    silent[BAND.pitches, [1, 2]] = True
    assert ((found > 0) == ~silent).all()


# --- generator -----------------------------------------------------------------------------------

CONFIGS = [  # encoding, bars
    (PianorollEncoding(("one",), steps=1, meter=(1, 4), lowest=127, pitches=1), 1),
    (PianorollEncoding(("one",), steps=7, meter=(4, 4), lowest=0, pitches=128), 1),
    (PianorollEncoding(("a", "b"), steps=12, meter=(12, 8), lowest=11, pitches=14), 3),
    (PianorollEncoding(("a", "b", "c"), steps=15, meter=(5, 4), lowest=35, pitches=2), 5),
    (PianorollEncoding(steps=24, lowest=36, pitches=46), 2),
    (PianorollEncoding([f"t{i}" for i in range(9)], steps=6, meter=(3, 4), pitches=25), 1),
]


@pytest.mark.parametrize("composition", COMPOSITIONS)
@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_any_bars_tracks_and_grid(number, composition):
    encoding, bars = CONFIGS[number]
    noise_size, units = 1 + number, (4, 9, 70)[number % 3]
    generator = build_generator(encoding, bars, noise_size, composition, units)
    noises = noises_of(encoding, composition, 2, noise_size)
    logits = generator(noises)
    tracks = len(encoding.tracks)
    assert logits.shape == (2, bars, encoding.steps, encoding.pitches + 2, tracks)
    assert np.isfinite(logits).all()
    assert written_planes(logits, encoding).shape[-2:] == (encoding.pitches + 1, tracks)
    scores = build_critic(encoding, bars, tracks)(written_planes(logits, encoding))
    assert scores.shape == (2, 1)
    assert np.isfinite(scores).all()


def test_levels_go_from_beats_to_steps():
    def of(steps, meter):
        return levels(PianorollEncoding(("a",), steps=steps, meter=meter))

    assert of(16, (4, 4)) == [4, 8, 16]
    assert of(24, (4, 4)) == [4, 8, 24] or of(24, (4, 4)) == [4, 8, 16, 24]
    assert of(12, (3, 4)) == [3, 6, 12]
    assert of(12, (6, 8)) == [6, 12]
    assert of(7, (4, 4)) == [1, 7]
    assert of(1, (4, 4)) == [1]


@pytest.mark.parametrize("kind", ["compact", "book"])
@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_a_noise_reaches_its_own_track_alone_or_if_it_is_shared_all(composition, kind):
    """And there every step of every bar."""
    generator = generator_of(composition=composition, kind=kind)
    noises = noises_of(composition=composition)
    before = drawn(generator, noises)
    for part, track in itertools.product(noises, range(3)):
        own = noises[part].ndim == 3 and composition != "composer"
        changed = {**noises, part: noises[part].copy()}
        changed[part][(slice(None), track) if own else ...] *= -2
        after = drawn(generator, changed)
        reached = [track] if own else [0, 1, 2]
        others = [other for other in range(3) if other not in reached]
        assert before[..., others].tobytes() == after[..., others].tobytes()
        assert (before != after).any(axis=(0, 3))[..., reached].all()
        if kind == "compact":  # a new generator of the chapter writes hardly anything
            rolls = [rolls_from(logits, THREE)[..., reached] for logits in (before, after)]
            assert (rolls[0] != rolls[1]).any(axis=(0, 1, 2, 3)).all()


@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_style_and_groove_do_not_depend_on_the_bar(composition):
    """Where the temporal networks give every bar the same vector, all bars are the same."""
    bars = 3
    generator = generator_of(composition=composition, bars=bars)
    for layer in generator.layers:
        if layer.name.endswith("_temporal_2"):
            kernel, bias = layer.get_weights()
            size = len(bias) // bars
            layer.set_weights([np.tile(kernel[:, :size], bars), np.tile(bias[:size], bars)])
    noises = noises_of(composition=composition)
    logits = drawn(generator, noises)
    for bar in range(1, bars):
        np.testing.assert_allclose(logits[:, bar], logits[:, 0], rtol=1e-5, atol=1e-5)
    for part in ("style", "groove"):
        changed = {**noises, part: noises_of(composition=composition, seed=5)[part]}
        after = drawn(generator, changed)
        assert not np.allclose(after, logits, atol=1e-2)
        np.testing.assert_allclose(after[:, 1:], after[:, :1].repeat(bars - 1, 1), atol=1e-4)


@pytest.mark.parametrize("part", ["chords", "melody"])
def test_chords_and_melody_change_bars_differently(part):
    generator = generator_of(bars=3)
    noises = noises_of()
    change = drawn(generator, {**noises, part: noises_of(seed=5)[part]}) - drawn(generator, noises)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert not np.allclose(change[:, one], change[:, other], atol=0.05)


def test_a_bar_hears_only_its_own_vectors():
    """Of the temporal networks' last weights, those of a bar change that bar alone."""
    generator = generator_of(bars=3)
    noises = noises_of()
    before = drawn(generator, noises)
    for layer in generator.layers:
        if layer.name.endswith("_temporal_2"):
            kernel, bias = layer.get_weights()
            size = len(bias) // 3
            bias[size : 2 * size] += 1
            layer.set_weights([kernel, bias])
    after = drawn(generator, noises)
    np.testing.assert_allclose(after[:, [0, 2]], before[:, [0, 2]], atol=1e-6)
    assert (after[:, 1] != before[:, 1]).any(axis=(0, 2)).all()


def test_harmony_says_pitch_classes_and_drums_have_none():
    """With all but the harmony's logits at 0, octaves are alike, and drums know no chords."""
    encoding = PianorollEncoding(
        (RollTrack("line"), RollTrack("kit", 0, True, "all")), steps=2, lowest=59, pitches=26
    )
    generator = generator_of(encoding)
    for layer in generator.layers:
        if layer.name.endswith("_logits"):
            layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
    logits = drawn(generator, noises_of(encoding))
    line, kit = logits[..., 0], logits[..., 1]
    np.testing.assert_array_equal(line[..., :14], line[..., 12:26])
    assert np.ptp(line[..., :12], axis=-1).min() > 0
    assert not line[..., 26:].any()  # silence and striking again are none of its business
    assert not kit.any()
    # The same pitches from another lowest one on.
    higher = PianorollEncoding(encoding.tracks, steps=2, lowest=61, pitches=24)
    other = generator_of(higher)
    for layer, source in zip(other.layers, generator.layers, strict=True):
        if not layer.name.endswith("_logits"):
            layer.set_weights(source.get_weights())
        else:
            layer.set_weights([np.zeros(weight.shape) for weight in layer.weights])
    moved = drawn(other, noises_of(encoding))
    np.testing.assert_allclose(moved[..., :24, 0], line[..., 2:26], atol=1e-6)


def test_a_new_generator_writes_long_notes():
    keras.utils.set_random_seed(0)
    model = MuseGAN(units=32, bars=2)
    logits = np.array(model.generator(model._noises(16)))
    steps = np.abs(np.diff(logits, axis=2)).mean(axis=(0, 1, 3, 4))
    beats = steps[3::4]  # from the last step of a beat to the first of the next
    within = np.delete(steps, np.arange(3, 15, 4))
    assert within.max() < beats.min()


# --- the chapter's own ---------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 3])
@pytest.mark.parametrize("composition", COMPOSITIONS)
def test_the_chapters_generator_has_any_shape(composition, number):
    encoding, bars = CONFIGS[number]
    generator = build_generator(encoding, bars, 3, composition, 8, "book")
    logits = generator(noises_of(encoding, composition, 2, 3))
    assert logits.shape == (2, bars, encoding.steps, encoding.pitches + 2, len(encoding.tracks))
    assert np.isfinite(logits).all()
    names = [weight.path for weight in generator.weights]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_the_chapters_critic_sees_all_but_onsets(number):
    encoding, bars = CONFIGS[number]
    keras.utils.set_random_seed(number)
    tracks = len(encoding.tracks)
    critic = build_book_critic(encoding, bars, tracks)
    shape = (2, bars, encoding.steps, encoding.pitches + 1, tracks)
    planes = tf.constant(np.random.default_rng(0).random(shape), tf.float32)
    assert critic(planes).shape == (2, 1)
    gradients = np.abs(np.array(input_gradients(critic, planes)))
    assert (gradients[:, :, :, :-1].max(axis=(0, 1, 2)) > 0).all()
    assert (gradients[:, :, :, :-1].max(axis=(0, 3, 4)) > 0).all()
    assert not gradients[:, :, :, -1].any()


def test_the_chapters_critic_is_the_chapters():
    """On 2 bars of 16 steps and 84 pitches: its stack in Keras's own layers gives its scores."""
    keras.utils.set_random_seed(0)
    encoding = PianorollEncoding(("a", "b"))
    critic = build_book_critic(encoding, 2, 2)
    planes = np.random.default_rng(0).random((2, 2, 16, 85, 2)).astype(np.float32)
    stack = [  # filters, kernel, strides, padding
        (128, (2, 1, 1), (1, 1, 1), "valid"),
        (128, (1, 1, 1), (1, 1, 1), "valid"),
        (128, (1, 1, 12), (1, 1, 12), "same"),
        (128, (1, 1, 7), (1, 1, 7), "same"),
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (128, (1, 2, 1), (1, 2, 1), "same"),
        (256, (1, 4, 1), (1, 2, 1), "same"),
        (512, (1, 3, 1), (1, 2, 1), "same"),
    ]
    theirs = keras.Sequential([keras.Input((2, 16, 84, 2))])
    for filters, kernel, strides, padding in stack:
        theirs.add(keras.layers.Conv3D(filters, kernel, strides, padding))
        theirs.add(keras.layers.LeakyReLU(0.2))
    theirs.add(keras.layers.Flatten())
    theirs.add(keras.layers.Dense(1024))
    theirs.add(keras.layers.LeakyReLU(0.2))
    theirs.add(keras.layers.Dense(1))
    theirs.set_weights(critic.get_weights())
    expected = theirs(planes[:, :, :, :84])
    np.testing.assert_allclose(critic(planes), expected, rtol=1e-3, atol=1e-4)


# --- critic --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", range(len(CONFIGS)))
def test_the_critic_sees_every_cell(number):
    encoding, bars = CONFIGS[number]
    tracks = len(encoding.tracks)
    keras.utils.set_random_seed(number)
    critic = build_critic(encoding, bars, tracks)
    planes = np.random.default_rng(0).random(
        (2, bars, encoding.steps, encoding.pitches + 1, tracks)
    )
    gradients = np.array(input_gradients(critic, tf.constant(planes, tf.float32)))
    assert gradients.shape == planes.shape
    assert (gradients != 0).any(axis=0).mean() > 0.99
    for axes in ((0, 3, 4), (0, 1, 2)):  # every bar and step, and every row and track
        assert (np.abs(gradients).max(axis=axes) > 0).all()


def test_scores_are_of_one_phrase_each():
    """No normalisation over the batch: the penalty is of each phrase by itself."""
    keras.utils.set_random_seed(0)
    critic = build_critic(THREE, 2, 3)
    planes = np.random.default_rng(0).random((6, 2, 4, 14, 3)).astype(np.float32)
    together = np.array(critic(planes, training=True))
    for index in range(6):
        alone = np.array(critic(planes[index : index + 1], training=True))
        np.testing.assert_allclose(alone[0], together[index], rtol=1e-4, atol=1e-5)
    assert np.ptp(together) > 1e-3


def test_the_chord_stream_knows_no_key():
    """With the roll's own stream at 0, moving all voices within the twelve turns its features."""
    keras.utils.set_random_seed(0)
    encoding = PianorollEncoding(("a", "b"), steps=2, lowest=60, pitches=24)
    critic = build_critic(encoding, 1, 2)
    classes = keras.Model(critic.input, critic.get_layer("classes").output)
    planes = np.zeros((1, 1, 2, 25, 2), np.float32)
    planes[0, 0, :, 2, 0] = planes[0, 0, :, 17, 1] = 1
    before = np.array(classes(planes))
    planes[:, :, :, :24] = np.roll(planes[:, :, :, :24], 5, axis=3)
    after = np.array(classes(planes))
    np.testing.assert_allclose(after, np.roll(before, 5, axis=3), atol=1e-6)
    # An octave is no difference, and which voice has the note is one.
    octave = np.zeros_like(planes)
    octave[0, 0, :, 7 + 12, 0] = octave[0, 0, :, 22 - 12, 1] = 1
    np.testing.assert_allclose(np.array(classes(octave)), after, atol=1e-6)
    assert not np.allclose(np.array(classes(octave[..., ::-1])), after, atol=1e-2)


def test_tracks_that_jam_have_a_critic_each():
    keras.utils.set_random_seed(0)
    model = MuseGAN(THREE, bars=2, noise_size=4, units=8, composition="jamming")
    planes = np.random.default_rng(0).random((4, 2, 4, 14, 3)).astype(np.float32)
    scores = np.array(model.critic(planes))
    assert scores.shape == (4, 3)
    changed = planes.copy()
    changed[..., 1] = 0
    after = np.array(model.critic(changed))
    np.testing.assert_array_equal(after[:, [0, 2]], scores[:, [0, 2]])
    assert (after[:, 1] != scores[:, 1]).all()
    same = np.array(model.critic(planes[..., [0, 0, 0]]))
    assert (np.ptp(same, axis=1) > 1e-4).all()  # and they are three
