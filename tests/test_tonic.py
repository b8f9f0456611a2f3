"""Whether pieces come home, against cases worked out by hand."""

import numpy as np
import pytest

from musegen.encoding.melody import END, FIRST_PITCH, REST, START, TIE, Melody
from musegen.encoding.tonic import (
    melody_comes_home,
    sounded,
    voices_come_home,
    voices_keep_their_key,
)
from musegen.models import MelodyModel

C_MAJOR = [60, 64, 67, 72, 71, 67, 65, 62, 60]


@pytest.mark.parametrize(("last", "home"), [(60, True), (72, True), (62, False), (67, False)])
def test_a_melody_ends_on_its_tonic(last, home):
    pitches = np.array([START, *(FIRST_PITCH + p for p in C_MAJOR), REST, FIRST_PITCH + last, REST])
    steps = np.full(len(pitches), 24)
    assert melody_comes_home(pitches, steps) is home
    assert melody_comes_home(pitches[pitches != REST] + 0, steps[pitches != REST]) is home


def test_a_tie_sounds_as_what_it_is_tied_to():
    pitches = np.array([START, FIRST_PITCH + 60, TIE, TIE, REST, FIRST_PITCH + 67])
    counts = sounded(pitches, np.array([0, 3, 4, 5, 100, 7]))
    assert counts.tolist() == [12, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0]


def test_without_a_note_nothing_comes_home():
    assert not melody_comes_home(np.array([START, REST]), np.array([0, 24]))
    assert not voices_come_home(np.array([[60, -1], [64, -1]]))


def test_of_voices_it_is_the_lowest_that_ends_on_the_tonic():
    music = np.array([[60, 48], [64, 48], [67, 43], [65, 41], [62, 43], [64, 48], [67, -1]])
    assert voices_come_home(music)  # the lowest voice was silent at the end
    music[-2:, 1] = 43
    assert not voices_come_home(music)


def test_music_keeps_its_key_if_it_ends_in_that_of_its_beginning():
    home = np.array([[p, p - 12] for p in C_MAJOR for _ in range(8)])  # 18 quarters of 4 steps
    away = np.concatenate([home, home + 6])
    assert voices_keep_their_key(home, 4) is True
    assert voices_keep_their_key(away, 4) is False
    assert voices_keep_their_key(np.concatenate([away, home]), 4) is True
    silent = np.full((16 * 4, 2), -1)
    for music in (home, away):  # rests before and after are none of it
        padded = np.concatenate([silent, music, silent])
        assert voices_keep_their_key(padded, 4) is voices_keep_their_key(music, 4)
    assert voices_keep_their_key(silent, 4) is None


def test_a_model_counts_how_many_of_its_pieces_come_home():
    model = MelodyModel(units=4, depth=1, attention_size=4)
    assert model.tonic_share is None
    quarter = int(np.flatnonzero(model.encoding.steps == 24)[0])

    def melody(last):
        pitches = [START, *(FIRST_PITCH + p for p in [*C_MAJOR, last]), END]
        return Melody(np.array(pitches), np.array([0, *[quarter] * 10, 0]))

    model.count_openings([melody(60), melody(62), melody(72), melody(48)])
    assert model.tonic_share == 0.75
    again = MelodyModel.from_config(model.get_config())
    assert again.tonic_share == 0.75
    before = {name: v for name, v in model.get_config().items() if name != "tonic_share"}
    assert MelodyModel.from_config(before).tonic_share is None
    for wrong in (-0.1, 1.1, "often", float("nan"), True):
        with pytest.raises(ValueError, match="tonic_share"):
            MelodyModel(units=4, tonic_share=wrong)
