"""Scores of what may come next by what it would be, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from musegen.encoding import PitchDurationEncoding
from musegen.encoding.grid import METERS, bar_steps
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS
from musegen.encoding.pitch_duration import FEATURE_SIZES
from musegen.models.candidates import DurationCandidates, PitchCandidates

INTERVALS = range(-64, 64)


def score_pitches(degree, height, degrees=0, slope=0, bend=0):
    """The score of each interval after one note, and those of what is no pitch."""
    inputs = np.append(np.broadcast_to(degrees, 12), [slope, bend]).astype(np.float32)
    integers = (np.array([value], np.int32) for value in (degree, height))
    found = np.array(PitchCandidates()(inputs[None], *integers))[0]
    assert found.shape == (PITCH_IDS,)
    by_interval = {i: found[FIRST_PITCH + i % 128].item() for i in INTERVALS}
    return by_interval, found[:FIRST_PITCH]


@pytest.mark.parametrize("degree", range(12))
def test_a_pitch_has_the_score_of_its_degree(degree):
    values = np.arange(1, 13)
    found, others = score_pitches(degree, 0, values)
    for interval, score in found.items():
        assert score == values[(degree + interval) % 12]
    assert (others == 0).all()


def test_degrees_by_hand():
    """A score of 1 for the tonic: from B it is a step up, or 11 down, and so on by octaves."""
    found, _ = score_pitches(11, 0, np.eye(12)[0])
    assert [i for i, score in found.items() if score] == [*range(-59, 64, 12)]
    assert set(found.values()) == {0, 1}


def test_heights_by_hand():
    """Slope 1: octaves above the mean, 7 semitones below the last note, no more than 3."""
    found, others = score_pitches(3, 7, slope=1)
    expected = {0: 7 / 12, 5: 1, -7: 0, -19: -1, 29: 3, 30: 3, 63: 3, -43: -3, -44: -3, -64: -3}
    assert {i: found[i] for i in expected} == pytest.approx(expected)
    assert (others == 0).all()
    found, others = score_pitches(3, 7, bend=1)
    squares = {interval: octaves**2 for interval, octaves in expected.items()}
    assert {i: found[i] for i in squares} == pytest.approx(squares)
    assert (others == 0).all()


def test_degree_and_height_add_up():
    degrees, slopes = score_pitches(4, 2, 1)[0], score_pitches(4, 2, slope=1)[0]
    both, _ = score_pitches(4, 2, 1, slope=1)
    assert both == pytest.approx({i: degrees[i] + slopes[i] for i in INTERVALS})


def test_before_the_first_note_no_pitch_has_a_score():
    found, others = score_pitches(-1, 999, np.arange(1, 13), slope=1, bend=1)
    assert set(found.values()) == {0} and (others == 0).all()


def score_durations(durations, position, meter):
    """The score of each duration after one place, where that of an end is its place."""
    inputs = np.arange(FEATURE_SIZES["position"], dtype=np.float32)
    integers = (np.array([value], np.int32) for value in (position, METERS.index(meter)))
    found = DurationCandidates(PitchDurationEncoding(durations))(inputs[None], *integers)
    return np.array(found)[0].tolist()


@pytest.mark.parametrize(
    ("meter", "position", "ends"),
    [
        # No time at all, a sixteenth, a quarter, a dotted half, and four quarters and a half.
        ((4, 4), 0, [0, 6, 24, 72, 12]),
        ((4, 4), 84, [84, 90, 12, 60, 0]),
        ((4, 4), 95, [95, 5, 23, 71, 11]),
        ((3, 4), 0, [0, 6, 24, 0, 36]),
        ((3, 4), 60, [60, 66, 12, 60, 24]),
        ((6, 8), 71, [71, 5, 23, 71, 35]),
        ((4, 2), 190, [190, 4, 22, 70, 106]),
        ((4, 2), 0, [0, 6, 24, 72, 108]),
        (None, 84, [84, 90, 12, 60, 0]),  # an unknown meter is taken for 4/4
        (None, 191, [95, 5, 23, 71, 11]),
    ],
)
def test_where_durations_end_by_hand(meter, position, ends):
    assert score_durations((6, 24, 72, 108), position, meter) == ends


@pytest.mark.parametrize("meter", METERS[1:])
def test_a_duration_of_a_bar_ends_where_it_began(meter):
    bar = bar_steps(*meter)
    for position in (0, 1, bar - 1):
        found = score_durations((1, bar - 1, bar, 2 * bar), position, meter)
        assert found == [position, (position + 1) % bar, (position - 1) % bar, position, position]
