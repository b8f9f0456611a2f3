"""What is known of voices before a step: the same step by step, and in every key."""

from __future__ import annotations

import numpy as np
import pytest
from keras import ops
from voices import random_voices

from musegen.encoding import Voices
from musegen.encoding import voice_history as vh

SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_symbols_say_the_piece(seed):
    music = random_voices(np.random.default_rng(seed), 30)
    history = vh.histories(music.pitches, music.struck)
    known = {name: values[:-1] for name, values in history.items()}
    symbol = vh.symbols(known, music.pitches.astype(int), music.struck, np)
    assert symbol.min() >= 0 and symbol.max() < vh.SYMBOLS
    found = vh.pitches_of(known["now"], vh.center(known, np), symbol, np)
    assert np.array_equal(found, music.pitches)
    assert np.array_equal(symbol >= vh.FIRST, music.struck)


def test_a_history_by_hand():
    pitches = np.array([[60, 48], [60, 48], [62, -1], [62, 50]])
    struck = np.array([[1, 1], [1, 0], [1, 0], [0, 1]], bool)
    history = vh.histories(pitches, struck)
    assert history["now"][3].tolist() == [62, -1]
    assert history["notes"][3].tolist() == [[62, 60, 60, -1], [48, -1, -1, -1]]
    assert history["held"][:, 0].tolist() == [0, 1, 1, 1, 2]
    assert history["held"][:, 1].tolist() == [0, 1, 2, 1, 1]
    assert history["lengths"][4].tolist() == [[1, 1], [1, 2]]
    assert history["sounded"][4].tolist() == [4, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_keras_computes_what_numpy_does(seed):
    music = random_voices(np.random.default_rng(seed), 12)
    whole = vh.histories(music.pitches, music.struck)
    history = {name: ops.convert_to_tensor(v) for name, v in vh.first_history(1, 4).items()}
    for step in range(len(music)):
        for name in history:
            assert np.array_equal(ops.convert_to_numpy(history[name])[0], whole[name][step])
        for features in (vh.time_features, vh.voice_features):
            there = features({name: values[step : step + 1] for name, values in whole.items()}, np)
            assert np.array_equal(ops.convert_to_numpy(features(history, ops)), there)
        history = vh.append(
            history,
            ops.convert_to_tensor(music.pitches[step][None].astype(np.int32)),
            ops.convert_to_tensor(music.struck[step][None]),
            ops,
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_ids_are_within_their_sizes_and_the_same_in_every_key(seed):
    random = np.random.default_rng(seed)
    music = random_voices(random, 40, low=36, high=84)
    moved = music.transpose(int(random.integers(-30, 30)))
    found = []
    for one in (music, moved):
        history = vh.histories(one.pitches, one.struck)
        past, own = vh.time_features(history, np), vh.voice_features(history, np)
        assert (past < [*vh.time_feature_sizes(4).values()]).all() and past.min() >= 0
        assert (own < [*vh.voice_feature_sizes(4).values()]).all() and own.min() >= 0
        begun = (history["notes"][..., 0] >= 0).all(axis=1)
        found.append((past[begun], own[begun][..., :-1]))  # all but the height
    for here, there in zip(*found):
        assert np.array_equal(here, there)


def test_the_key_is_that_of_the_scale_that_sounded():
    for tonic in range(12):
        scale = [(tonic + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)]
        sounded = np.bincount(scale, minlength=12)
        sounded[tonic] += 1
        for note in (40, 61):
            assert (note + vh.key(sounded[None], np.array([note]), np)[0]) % 12 == tonic


def test_what_a_voice_knows_of_another_by_hand():
    music = Voices(np.array([[67, 60], [69, 62]]), np.ones((2, 2), bool))
    history = vh.histories(music.pitches, music.struck)
    known = {name: values[1:2] for name, values in history.items()}
    others = {
        "pitch": np.array([[69, 62]]),
        "symbol": vh.symbols(known, np.array([[69, 62]]), np.ones((1, 2), bool), np),
        "center": vh.center(known, np),
        "now": known["now"],
    }
    ids, facts = vh.other_features(np.array([60]), others, np.array([[True, False]]), np)
    # The upper voice is at 69, nine above the lower one's 60; it was at 67, and has risen by two.
    assert ids[0, 0].tolist() == [9 + vh.APART + 1, 2 + vh.LEAP + 3, 7 + vh.APART + 1]
    assert facts["apart"][0].tolist() == [9, 12]
    assert facts["was"][0, 0] == (60 - 67) % 12
    assert facts["moves"][0].tolist() == [2, 1]
    # Of itself the lower voice knows nothing at this step.
    assert ids[0, 1].tolist() == [0, 0, vh.APART + 1]
