"""Expression: velocities by hand, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from scores import notes_of, random_score, score_of

from musegen import PianorollEncoding, PitchDurationEncoding, write_midi
from musegen.expression import expressive


def loudness(score, track=0):
    return [note.velocity for note in expressive(score).tracks[track].notes]


def expected(velocity, *decibels):
    return [round(velocity * 10 ** (d / 40)) for d in decibels]


def test_the_rules_by_hand():
    """Four bars of 4/4 of one pitch: arch and accent alone."""
    score = score_of([(time, 6, 60) for time in (0, 24, 36, 42, 192, 378)])
    arch = [1.5 * (1 - 2 * (2 * time / 384 - 1) ** 2) for time in (0, 24, 36, 42, 192, 378)]
    accent = [2, 1, 0, -1, 2, -1]
    assert arch[0] == -1.5 and arch[4] == 1.5
    assert loudness(score) == expected(80, *(a + b for a, b in zip(arch, accent)))


def test_higher_is_louder_and_at_most_by_three_decibels():
    score = score_of([(0, 24, 60), (0, 24, 72), (0, 24, 48), (0, 24, 108), (0, 24, 12)])
    assert loudness(score) == expected(80, 0.5, 3.5, -2.5, 3.5, -2.5)


def test_a_pickup_begins_the_phrase_and_has_no_downbeat():
    pickup = score_of([(72, 24, 60), (96, 24, 60)])
    assert loudness(pickup)[0] == expected(80, 1 - 1.5)[0]
    assert loudness(pickup)[1] > loudness(pickup)[0]


def test_six_eight_has_two_beats():
    score = score_of(("kit", 0, True, [(12 * k, 6, 42) for k in range(6)]), meters=[(0, 6, 8)])
    assert loudness(score) == expected(80, 2, -1, -1, 1, -1, -1)


def test_dynamics_of_its_own_are_kept():
    score = score_of([(0, 24, 60, 30), (24, 24, 72, 90)], [(0, 24, 60), (24, 24, 72)])
    assert loudness(score) == [30, 90]
    assert loudness(score, 1) != [80, 80]
    once = expressive(score)
    assert expressive(once) == once


def test_only_velocities_change_and_the_score_itself_does_not():
    for seed in range(5):
        score = random_score(seed)
        for track in score.tracks:
            for note in track.notes:
                note.velocity = 127
        before = score.copy()
        found = expressive(score)
        assert score == before
        for track in range(len(score.tracks)):
            assert notes_of(found, track) == notes_of(score, track)
            assert all(1 <= note.velocity <= 127 for note in found.tracks[track].notes)
        assert found.tempos == score.tempos and found.time_signatures == score.time_signatures


def test_silence_stays_silent():
    assert expressive(score_of([])).note_num() == 0


@pytest.mark.parametrize("resolution", [24, 480])
def test_the_ids_are_the_same_with_and_without(resolution, tmp_path):
    pitches = np.random.default_rng(1).integers(55, 80, 40).tolist()
    lengths = np.random.default_rng(2).choice([6, 8, 12, 18, 24], 40) * (resolution // 24)
    starts = np.cumsum([0, *lengths[:-1]])
    score = score_of(list(zip(starts.tolist(), lengths.tolist(), pitches)), resolution=resolution)
    plain = write_midi(score, tmp_path / "plain.mid")
    played = write_midi(expressive(score), tmp_path / "played.mid")
    assert plain.read_bytes() != played.read_bytes()
    line = PitchDurationEncoding()
    assert line.encode(plain) == line.encode(played)
    for steps in (16, 192):
        roll = PianorollEncoding(("melody",), steps=steps, lowest=40, pitches=60)
        first, second = (np.asarray(roll.encode(path)) for path in (plain, played))
        np.testing.assert_array_equal(first, second)
