"""Stops, cadences and the key at both ends, against chords written by hand."""

import numpy as np
import pytest

from musegen.evaluation.cadences import authentic_cadences, returns_to_its_key, stops

C, F, D, G7, A_MINOR = (
    [72, 64, 67, 48],
    [69, 65, 60, 53],
    [69, 65, 62, 50],
    [71, 65, 67, 43],
    [72, 64, 69, 45],
)
G_IN_SIX = [74, 67, 71, 47]
REST = [-1, -1, -1, -1]


def piece(*chords):
    """Chords of so many quarters, at two steps a quarter."""
    return np.array([pitches for pitches, quarters in chords for _ in range(2 * quarters)])


AUTHENTIC = piece((C, 1), (F, 1), (G7, 1), (C, 2))
PLAGAL = piece((C, 1), (F, 1), (C, 4))
DECEPTIVE = piece((C, 1), (F, 1), (G7, 1), (A_MINOR, 3))
INVERTED = piece((C, 1), (G_IN_SIX, 1), (C, 2))  # the lowest voice rises by a semitone
WITHOUT_THIRD = piece((C, 1), ([74, 67, 62, 43], 1), (C, 2))  # no leading tone
TWO_STOPS = piece((C, 3), (D, 1), (G7, 2), (REST, 1), (G7, 1), (C, 1))


@pytest.mark.parametrize(
    ("music", "count", "share"),
    [
        (AUTHENTIC, 1, 1),
        (AUTHENTIC[:-3], 1, 1),  # the last chord, however short
        (PLAGAL, 1, 0),
        (DECEPTIVE, 1, 0),
        (INVERTED, 1, 0),
        (WITHOUT_THIRD, 1, 0),
        (TWO_STOPS, 2, 0.5),  # the first chord is no stop
        (piece((REST, 1), (C, 1), (REST, 4)), 1, 0),
    ],
)
def test_stops_and_cadences(music, count, share):
    assert stops([music], 2) == pytest.approx(count * 32 / len(music))
    assert authentic_cadences([music], 2) == share


def test_pieces_are_counted_together_and_a_line_of_rests_has_nothing():
    both = [AUTHENTIC, TWO_STOPS]
    assert authentic_cadences(both, 2) == pytest.approx(2 / 3)
    assert stops(both, 2) == pytest.approx(3 * 32 / sum(map(len, both)))
    silent = [piece((REST, 4))]
    assert stops(silent, 2) == 0
    assert np.isnan(authentic_cadences(silent, 2))
    assert np.isnan(returns_to_its_key(silent, 2))


def test_moving_all_voices_changes_nothing():
    random = np.random.default_rng(0)
    for _ in range(20):
        chords = random.choice([C, F, D, G7, A_MINOR], 30)
        music = piece(*((chord, random.integers(1, 4)) for chord in chords))
        for figure in (stops, authentic_cadences, returns_to_its_key):
            assert figure([music], 2) == figure([music + random.integers(-12, 13)], 2)


def test_the_key_at_both_ends():
    home = piece((C, 4), (F, 4), (G7, 4), (C, 4))
    there = np.concatenate([home, home + 6])
    back = np.concatenate([home, home + 6, home])
    assert returns_to_its_key([home], 2) == 1
    assert returns_to_its_key([there], 2) == 0
    assert returns_to_its_key([back, there], 2) == 0.5


@pytest.mark.parametrize("figure", [stops, authentic_cadences, returns_to_its_key])
def test_what_can_not_be_measured_is_refused(figure):
    with pytest.raises(ValueError, match="steps_per_quarter"):
        figure([AUTHENTIC], 0)
    with pytest.raises(ValueError, match="lines"):
        figure("x", 2)
