"""The songs of the example of a band keep their rules, and what breaks one is noticed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[1] / "examples/band/songs.py"


@pytest.fixture(scope="module")
def band():
    spec = importlib.util.spec_from_file_location("songs", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def rolls(band):
    songs = [band.ENCODING.encode(band.song(seed)).array for seed in range(30)]
    return np.concatenate([song.reshape(-1, 4, *song.shape[1:]) for song in songs])


def test_every_rule_holds_in_every_song(band, rolls):
    held = band.check(rolls)
    assert len(held) == 9
    assert set(held.values()) == {1.0}


def test_tracks_of_other_songs_do_not_fit(band, rolls):
    held = band.check(band.dealt_out(rolls, 0))
    alone = ("drums: a pattern of the songs", "bass: a rhythm of the songs")
    assert all(held[rule] == 1 for rule in alone)
    together = ("bass: the guitar's root", "piano: in the guitar's chord")
    assert all(held[rule] < 0.3 for rule in together)


def test_a_wrong_note_is_noticed_by_the_rule_that_it_breaks(band, rolls):
    names = [track.name for track in band.ENCODING.tracks]
    for name, rule in (
        ("drums", "drums: a pattern of the songs"),
        ("guitar", "guitar: a chord of the songs"),
        ("bass", "bass: the guitar's root"),
    ):
        wrong = rolls.copy()
        wrong[:, 0, ..., names.index(name)] = np.roll(
            rolls[:, 0, ..., names.index(name)], 1, axis=-1
        )
        if name == "guitar":  # a semitone up it is a chord still; with one note more it is none
            wrong[:, 0, ..., names.index(name)] |= rolls[:, 0, ..., names.index(name)]
        assert band.check(wrong)[rule] == pytest.approx(0.75, abs=0.02)


def test_a_progression_may_begin_at_any_of_its_bars(band):
    chords = [
        frozenset(band.pitch_of(5, degree + above, 0) % 12 for above in band.TRIAD)
        for degree in band.PROGRESSIONS[0]
    ]
    assert band.is_progression(chords)
    assert band.is_progression(chords[2:] + chords[:2])
    assert not band.is_progression(chords[::-1])
