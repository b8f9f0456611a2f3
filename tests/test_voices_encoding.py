"""Scores as voices on a grid of steps, and back."""

from __future__ import annotations

import numpy as np
import pytest
from symusic.core import NoteTick, ScoreTick, TimeSignatureTick, TrackTick
from voices import random_voices

from musegen.encoding import Voices, VoicesEncoding
from musegen.encoding.grid import METERS, meter_id

SEEDS = range(20)


def score_of(*tracks, meters=((0, 4, 4),), resolution=480):
    """A score of tracks `(name, [(start, length, pitch), ...])` in ticks."""
    score = ScoreTick(resolution)
    for meter in meters:
        score.time_signatures.append(TimeSignatureTick(*meter))
    for name, notes in tracks:
        track = TrackTick(name, 0, False)
        for note in notes:
            track.notes.append(NoteTick(*note, 80))
        score.tracks.append(track)
    return score


def test_each_step_says_what_sounds_and_where_notes_begin():
    score = score_of(
        ("upper", [(0, 240, 72), (240, 120, 72), (480, 120, 74)]), ("lower", [(0, 600, 48)])
    )
    music = VoicesEncoding(("upper", "lower")).encode(score)
    assert music.pitches.tolist() == [[72, 48], [72, 48], [72, 48], [-1, 48], [74, 48]]
    assert music.struck.tolist() == [[1, 1], [0, 0], [1, 0], [0, 0], [1, 0]]
    assert music.report.moved == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_decoding_and_encoding_give_the_same_voices(seed):
    random = np.random.default_rng(seed)
    music = random_voices(random, int(random.integers(1, 40)))
    sounds = (music.pitches >= 0).any(axis=1)
    if not sounds.any():
        pytest.skip("nothing sounds")
    kept = slice(int(sounds.argmax()), len(sounds) - int(sounds[::-1].argmax()))
    pickup = int(random.integers(0, 16))
    music = Voices(music.pitches[kept], music.struck[kept], pickup=pickup)
    encoding = VoicesEncoding()
    again = encoding.encode(encoding.decode(music))
    assert again == music


def test_a_meter_change_after_a_pickup_stays_where_it_is():
    score = score_of(
        ("a", [(480 * i, 480, 60) for i in range(2, 12)]),
        ("b", [(480 * i, 480, 50) for i in range(2, 12)]),
        meters=((0, 3, 4), (480 * 6, 4, 4)),
    )
    encoding = VoicesEncoding(("a", "b"))
    music = encoding.encode(score)
    assert music.pickup == 4
    assert music.meters == ((0, 3, 4), (16, 4, 4))
    places = encoding.places(music)
    assert places["position"][:5].tolist() == [48, 54, 60, 66, 0]
    assert places["bar"][[0, 4, 15, 16, 31, 32]].tolist() == [0, 1, 1, 2, 2, 3]
    assert places["meter"][[0, 15, 16]].tolist() == [
        meter_id(3, 4),
        meter_id(3, 4),
        METERS.index((4, 4)),
    ]
    decoded = encoding.decode(music)
    assert [(one.time, one.numerator) for one in decoded.time_signatures] == [(0, 3), (144, 4)]
    assert decoded.tracks[0].notes[0].time == 48


def test_of_two_notes_at_once_a_voice_keeps_one_and_the_report_says_so():
    score = score_of(("a", [(0, 480, 60), (0, 480, 64)]), ("b", [(0, 480, 50)]), ("c", [(0, 9, 1)]))
    music = VoicesEncoding(("a", "b")).encode(score)
    assert music.pitches[0].tolist() == [64, 50]
    assert (music.report.other_voices, music.report.other_tracks) == (1, 1)


def test_the_config_rebuilds_the_encoding():
    encoding = VoicesEncoding(("a", "b", "c"), steps_per_quarter=6)
    assert VoicesEncoding.from_config(encoding.get_config()) == encoding


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VoicesEncoding(("one",)), "2 to 8 tracks"),
        (lambda: VoicesEncoding(("a", "b"), steps_per_quarter=0), "steps_per_quarter=0"),
        (lambda: Voices(np.zeros((2, 2)), np.zeros((2, 2), bool)), "whole numbers"),
        (lambda: Voices(np.full((2, 2), 128), np.zeros((2, 2), bool)), "0 to 127"),
        (lambda: Voices(np.zeros((2, 2), int), np.zeros((1, 2), bool)), r"\(steps, voices\)"),
        (lambda: VoicesEncoding(("a", "b")).decode(random_voices(np.random.default_rng(0))), "2 v"),
    ],
)
def test_what_is_no_voices_is_refused_in_a_sentence(make, words):
    with pytest.raises(ValueError, match=words):
        make()
