"""What a composer asks of several voices: every piece has it."""

from __future__ import annotations

import numpy as np
import pytest
from voices import random_voices, small_model

from musegen.composition import VoicesComposition, signed
from musegen.encoding import VoicesEncoding
from musegen.evaluation import notes_each_quarter, notes_of
from musegen.evaluation.keys import keys_of
from musegen.interop import midi_bytes, to_score
from musegen.sampling.wishes import Wishes

pytestmark = [
    pytest.mark.usefixtures("eagerly"),
    pytest.mark.filterwarnings("ignore:.*run_functions_eagerly"),
]
RANGES = ((48, 84), (45, 80), (40, 76), (30, 72))
ONE = {"bars": 1, "tries": 1, "temperature": 1.0}


@pytest.fixture(autouse=True)
def _little_padding(monkeypatch):
    """Eagerly, each position takes its time."""
    monkeypatch.setattr("musegen.sampling.voice_batches.LENGTH_STEP", 8)


@pytest.fixture(scope="module")
def model():
    return small_model(encoding=VoicesEncoding(steps_per_quarter=1), ranges=RANGES)


@pytest.fixture(scope="module")
def pieces(model):
    """Pieces of which wishes take some."""
    return model.sample(count=64, seed=1, **ONE)


@pytest.fixture(scope="module")
def plain(pieces):
    return {one.music.pitches.tobytes() for one in pieces}


def test_a_mode_is_had_by_writing_anew(model, plain):
    for mode in (0, 1):
        piece = model.sample(seed=1, mode=("major", "minor")[mode], **ONE)
        assert keys_of(notes_of([piece.score]))[0] // 12 == mode
        assert piece.music.pitches.tobytes() in plain


def composed(model, seed):
    """A piece of random notes in a key that is not known, as if a model had written it."""
    music = random_voices(np.random.default_rng(seed), 6, low=54, high=72)
    return VoicesComposition(
        score=signed(model.encoding.decode(music), "a-model", seed),
        seed=seed,
        model="a-model",
        music=music,
        given=np.zeros(music.pitches.shape, bool),
        log_likelihoods=np.zeros(music.pitches.shape, np.float32),
        encoding=model.encoding,
    )


def test_a_key_is_had_by_moving_within_the_ranges_of_training(model):
    ranges = ((54, 75), (52, 72), (50, 72), (48, 72))
    wishes = Wishes.of("G minor", voices=model.encoding.names, home=ranges)
    moves = []
    for piece in (composed(model, seed) for seed in range(60)):
        moved, key = wishes.fulfilled(piece), keys_of(notes_of([piece.score]))[0]
        sounds = piece.music.pitches >= 0
        if moved is None:
            nearest = min((7 - key) % 12, (key - 7) % 12)
            assert key < 12 or nearest > 0
            continue
        assert keys_of(notes_of([moved.score]))[0] == 19
        (by,) = set((moved.music.pitches - piece.music.pitches)[sounds])
        moves.append(by)
        for column, (low, high) in zip(moved.music.pitches.T, ranges):
            sounding = column[column >= 0]
            assert not by or ((sounding >= low) & (sounding <= high)).all()
        assert np.array_equal(moved.music.struck, piece.music.struck)
        (signature,) = to_score(midi_bytes(moved)).key_signatures
        assert (signature.key, signature.tonality) == (-2, 1)
        assert moved.score.markers[0].text == f"musegen: a-model, seed {piece.seed}"
    assert 2 <= len(moves) < 30 and any(moves)


def test_of_several_tries_those_are_drawn_among_that_are_as_asked_for(model):
    pieces = model.sample(count=4, seed=3, mode="minor", **{**ONE, "tries": 2})
    assert (keys_of(notes_of([one.score for one in pieces])) >= 12).all()


def test_a_range_of_one_voice_and_of_all(model):
    for asked, voices in (((55, 67), [0, 1, 2, 3]), ({"ALTO": "F3-F4"}, [1])):
        low, high = (55, 67) if len(voices) == 4 else (53, 65)
        piece = model.sample(seed=1, pitch_range=asked, **{**ONE, "bars": 4})
        pitches = piece.music.pitches[:, voices]
        assert low <= pitches[pitches >= 0].min() <= pitches.max() <= high
        assert len(set(pitches[pitches >= 0])) > 4


def test_a_density(model, pieces, monkeypatch):
    each = notes_each_quarter(notes_of([one.score for one in pieces])) / 4
    asked = np.sort(each)[5]
    piece = model.sample(seed=1, density=(asked - 1e-6, asked + 1e-6), **ONE)
    first = int(np.argmax(np.isclose(each, asked)))
    assert np.array_equal(piece.music.pitches, pieces[first].music.pitches)
    monkeypatch.setattr("musegen.sampling.wishes.TRIES", 8)
    with pytest.raises(ValueError, match=r"Of 8 pieces 0 .* They have \d\.\d+ to \d\.\d+ notes"):
        model.sample(seed=1, density=20, **ONE)


def test_instruments_of_voices(model):
    piece = model.sample(seed=1, instrument="soprano=Oboe, bass=70", **ONE)
    programs = [track.program for track in piece.score.tracks]
    assert programs == [68, model.encoding.tracks[1].program, model.encoding.tracks[2].program, 70]
    every = model.sample(seed=1, instrument="Violin", meter="3/4", **ONE)
    assert {track.program for track in every.score.tracks} == {40}
    assert every.score.time_signatures[0].numerator == 3


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"pitch_range": "descant=C4-C5"}, "choose among soprano, alto, tenor, bass"),
        ({"pitch_range": "soprano=C4"}, "give the lowest and the highest note"),
        ({"pitch_range": "C6-C8"}, "knows the soprano from C3 to C6"),
        ({"pitch_range": {}}, "for one voice at least"),
        ({"instrument": {3: "Oboe"}}, "there is no voice 3"),
        ({"key": "C major", "mode": "minor"}, "the key is C major"),
    ],
)
def test_what_can_not_be_had_is_refused_in_a_sentence(model, asked, words):
    with pytest.raises(ValueError, match=words):
        model.sample(**asked, **ONE)


@pytest.mark.parametrize(
    ("name", "value"),
    [("key", "C major"), ("mode", "minor"), ("pitch_range", (40, 60)), ("density", 1)],
)
def test_music_that_is_given_has_its_own(model, name, value):
    music = random_voices(np.random.default_rng(0), 4)
    with pytest.raises(ValueError, match=f"{name}=.*the music that is given has its own"):
        model.sample(given=music, **{name: value})
    with pytest.raises(ValueError, match=f"{name}=.*the music that is given has its own"):
        model.harmonise(model.encoding.decode(music), **{name: value})
