"""Requests that are written together give what each gives alone."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from contract import model_of, small, with_drawn_weights
from scores import line

import musegen


@pytest.fixture(scope="module")
def models():
    keras.utils.set_random_seed(1)
    upper_lower = musegen.VoicesEncoding(tracks=("upper", "lower"), steps_per_quarter=1)
    high_low = musegen.PianorollEncoding(tracks=("high", "low"), steps=4, lowest=48, pitches=24)
    return {
        "melody": with_drawn_weights(model_of("attention-lstm", small("attention-lstm")), 0.3),
        "voices": with_drawn_weights(musegen.VoiceModel(upper_lower, units=8), 0.3),
        "phrases": musegen.MuseGAN(high_low, bars=2, units=16, noise_size=4),
    }


UPPER = line([60, 62, 64, 65], name="upper")
REQUESTS = {
    "melody": [
        {"notes": 9, "seed": 1},
        {"bars": 2, "seed": 2, "temperature": 1.2, "meter": "3/4"},
        {"notes": 9, "seed": 3, "temperature": 0.2, "tempo": 90, "instrument": "Violin"},
        {"bars": 3, "seed": 4},
        {"bars": 1, "seed": 5, "pitch_range": "C4-C6"},
        {"notes": 5, "seed": 6, "prompt": UPPER},
        {"notes": None, "seed": 7},
    ],
    "voices": [
        {"bars": 2, "seed": 1},
        {"seed": 2, "given": UPPER},
        {"bars": 3, "seed": 3, "temperature": 1.2, "instrument": "Oboe"},
        {"bars": 2, "seed": 4, "avoid": ()},
        {"bars": 1, "seed": 5, "tries": 2, "tempo": 70},
        {"bars": 1, "seed": 6, "pitch_range": "C3-C6"},
    ],
    "phrases": [
        {"seed": 1},
        {"bars": 5, "seed": 2},
        {"bars": 1, "seed": 3},
        {"seed": 4, "hold": 3},
    ],
}


def same(one, other):
    assert musegen.interop.midi_bytes(one.score) == musegen.interop.midi_bytes(other.score)
    assert (one.seed, one.model) == (other.seed, other.model)
    if hasattr(one, "log_likelihoods"):
        np.testing.assert_allclose(one.log_likelihoods, other.log_likelihoods, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", REQUESTS)
def test_what_is_written_together_is_what_is_written_alone(models, kind):
    model, requests = models[kind], REQUESTS[kind]
    together = model.sample_many(requests)
    for piece, request in zip(together, requests, strict=True):
        same(piece, model.sample(**request))
    again = model.sample_many(requests[::-1])  # the order is that of the requests
    for piece, one in zip(again, together[::-1], strict=True):
        same(piece, one)


def test_of_a_kind_are_written_at_once(models, monkeypatch):
    model = models["phrases"]
    sizes, write = [], type(model).write
    monkeypatch.setattr(
        type(model), "write", lambda *a: sizes.append(len(a[1]["style"])) or write(*a)
    )
    model.sample_many([{"seed": seed, "bars": 1 + seed % 3} for seed in range(20)])
    assert sizes == [64]


def test_noise_is_a_request(models):
    model = models["phrases"]
    noise = model.noise(seed=5)
    first, second = model.sample_many([{"noise": noise}, {"noise": [noise, noise]}])
    assert np.array_equal(second.roll[:2], first.roll)
    assert first.seed is None


def test_nothing_is_asked_for(models):
    for model in models.values():
        assert model.sample_many([]) == []


def test_an_error_may_stand_in_the_place_of_a_piece(models):
    requests = [{"seed": 1}, {"seed": -1}, 3, {"seed": 2}]
    first, wrong, worse, last = models["phrases"].sample_many(requests, return_errors=True)
    assert (first.seed, last.seed) == (1, 2)
    assert isinstance(wrong, ValueError) and str(wrong).startswith("requests[1]: seed=-1")
    assert str(worse).startswith("requests[2]: 3: give a dict")


def test_a_wish_that_can_not_be_met_is_named(models, monkeypatch):
    monkeypatch.setattr("musegen.sampling.wishes.TRIES", 1)
    requests = [{"notes": 4, "seed": 1}, {"notes": 4, "seed": 1, "density": (23, 24)}]
    piece, error = models["melody"].sample_many(requests, return_errors=True)
    assert piece.seed == 1
    assert "requests[1]: Of " in str(error)
    with pytest.raises(ValueError, match=r"requests\[1\]: Of "):
        models["melody"].sample_many(requests)


@pytest.mark.parametrize(
    ("kind", "requests", "message"),
    [
        ("melody", [{}, {"temperature": -1}], r"requests\[1\]: temperature=-1: give a number"),
        ("melody", [{"count": 2}], r"requests\[0\]: there is no 'count'"),
        ("melody", [{"prompt": b"no music"}], r"requests\[0\]: the given bytes: not a MIDI"),
        ("melody", [{"prompt_bars": 2}], r"requests\[0\]: prompt_bars=2: there is none"),
        ("voices", [{"bars": 0}], r"requests\[0\]: bars=0"),
        ("voices", [{"seed": 1}, 3], r"requests\[1\]: 3: give a dict"),
        ("phrases", [{"temperature": 1}], r"requests\[0\]: there is no 'temperature'"),
        ("phrases", {"seed": 1}, r"requests={'seed': 1}: give a list of dicts"),
    ],
)
def test_a_wrong_request_is_named(models, kind, requests, message):
    with pytest.raises(ValueError, match=message):
        models[kind].sample_many(requests)
    with pytest.raises(TypeError, match=r"requests\[0\]: "):
        models["melody"].sample_many([{"prompt": 3}])
