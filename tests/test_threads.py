"""Threads that write with one model get what each would have got alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from contract import model_of, small, with_drawn_weights

import musegen

THREADS = 6


def melodies():
    model = with_drawn_weights(model_of("attention-lstm", small("attention-lstm")), 0.3)
    return model, lambda seed: model.sample(notes=6 + seed % 3, seed=seed, temperature=1).melody


def voices():
    encoding = musegen.VoicesEncoding(tracks=("upper", "lower"), steps_per_quarter=1)
    model = with_drawn_weights(musegen.VoiceModel(encoding, units=8), 0.3)
    return model, lambda seed: model.sample(bars=2 + seed % 2, seed=seed).music


def phrases():
    encoding = musegen.PianorollEncoding(tracks=("high", "low"), steps=4, lowest=48, pitches=24)
    model = musegen.MuseGAN(encoding, bars=2, units=16, noise_size=4)
    return model, lambda seed: model.sample(bars=2, seed=seed)


@pytest.mark.slow
@pytest.mark.parametrize("make", [melodies, voices, phrases])
def test_what_threads_write_is_what_one_writes(make):
    keras.utils.set_random_seed(1)
    _, write = make()
    seeds = [seed for seed in range(8) for _ in range(2)]
    with ThreadPoolExecutor(THREADS) as pool:  # the first need loops that nobody has compiled
        together = list(pool.map(write, seeds))
    alone = [write(seed) for seed in seeds]
    parts = {"melodies": ("pitches", "durations"), "voices": ("pitches", "struck")}
    for one, other in zip(together, alone, strict=True):
        for name in parts.get(make.__name__, ("roll",)):
            assert np.array_equal(getattr(one, name), getattr(other, name))
    assert len({str(getattr(one, "pitches", getattr(one, "roll", None))) for one in alone}) > 1
