"""The drum pattern: by hand on bars of a few notes, by a second implementation on random ones."""

import math

import numpy as np
import pytest

from musegen.encoding.pianoroll import ONSET
from musegen.evaluation import drums
from musegen.evaluation.drums import drum_pattern

KICK, SNARE, HAT = range(3)


def bar_of(steps, **hits):
    """One bar of three drums, a cell long each."""
    roll = np.zeros((1, 1, steps, 3, 1), dtype=np.uint8)
    for drum, at in zip(
        (KICK, SNARE, HAT), (hits.get(name, []) for name in ("kick", "snare", "hat"))
    ):
        roll[0, 0, list(at), drum, 0] = 1
    return roll


def test_a_rock_beat_is_on_eight_beats():
    # 96 steps: a quarter is 24, an eighth 12, a sixteenth 6.
    rock = bar_of(96, kick=[0, 48], snare=[24, 72], hat=range(0, 96, 12))
    assert drum_pattern(rock, beats=8).tolist() == [1]
    assert drum_pattern(rock).tolist() == [1]
    assert drum_pattern(rock, beats=4).tolist() == [8 / 12]


def test_sixteenths_are_on_sixteen_beats_and_triplets_off_them():
    funk = bar_of(96, kick=[0, 18, 60], snare=[24, 72, 90])
    assert drum_pattern(funk).tolist() == [1]
    assert drum_pattern(funk, beats=8).tolist() == [4 / 6]
    triplets = bar_of(96, hat=range(0, 96, 8))  # every third one falls on a quarter
    assert drum_pattern(triplets).tolist() == [1 / 3]


def test_a_step_beside_the_beat_counts_for_nothing_wherever_the_bar_leans():
    late = bar_of(96, kick=[1, 49], snare=[25, 73])
    assert drum_pattern(late).tolist() == [0]
    mixed = np.concatenate([late, bar_of(96, hat=[0, 12, 24, 36, 48, 60, 72, 84])], axis=1)
    assert drum_pattern(mixed).tolist() == [8 / 12]  # over notes, not over bars


def test_a_note_is_where_it_begins_and_not_where_it_sounds():
    held = bar_of(16, kick=range(8), snare=[3, 4, 5])
    assert drum_pattern(held, beats=8).tolist() == [1 / 2]
    struck = held.copy()
    struck[0, 0, [2, 5], KICK] = ONSET
    assert drum_pattern(struck, beats=8).tolist() == [2 / 4]
    # What is held over the bar line is a note of either bar, as for the other figures.
    assert drum_pattern(np.concatenate([struck, held[:, :, ::-1]], axis=1), 8).tolist() == [4 / 6]


def test_each_track_apart_and_a_silent_one_is_no_number():
    tracks = [bar_of(16, kick=[0, 1]), bar_of(16), bar_of(16, hat=[2, 4, 7, 11])]
    shares = drum_pattern(np.concatenate(tracks, axis=-1), beats=8)
    assert shares[0] == 1
    assert math.isnan(shares[1])
    assert shares[2] == 2 / 4


@pytest.mark.parametrize("cells", [1, 10**9])
def test_agrees_with_going_through_all_cells(cells, monkeypatch):
    monkeypatch.setattr(drums, "CHUNK", cells)
    rolls = np.random.default_rng(0).choice([0, 1, ONSET], (3, 2, 24, 5, 2), p=[0.7, 0.15, 0.15])
    for beats in (8, 12):
        on, notes = [0, 0], [0, 0]
        for phrase, bar, step, pitch, track in np.argwhere(rolls).tolist():
            before = step > 0 and rolls[phrase, bar, step - 1, pitch, track] > 0
            if not before or rolls[phrase, bar, step, pitch, track] == ONSET:
                notes[track] += 1
                on[track] += step * beats % 24 == 0
        assert drum_pattern(rolls, beats).tolist() == [on[0] / notes[0], on[1] / notes[1]]


def test_bool_rolls_and_velocities_count_alike():
    roll = bar_of(16, kick=[0, 3, 4, 8], snare=[4])
    expected = drum_pattern(roll, 8).tolist()
    assert expected == [3 / 4]
    assert drum_pattern(roll > 0, 8).tolist() == drum_pattern(roll * 100, 8).tolist() == expected


def test_wrong_arguments_are_named():
    roll = bar_of(16, kick=[0])
    with pytest.raises(ValueError, match=r"beats=12: .* 16 steps"):
        drum_pattern(roll, 12)
    with pytest.raises(ValueError, match="beats=0"):
        drum_pattern(roll, 0)
    with pytest.raises(ValueError, match="has the shape"):
        drum_pattern(roll[0])
