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


def built(layer, width=1, **weights):
    """The layer for inputs of a width, with weights of zeros, or those given by name."""
    layer.build((None, None, width))
    for weight in layer.weights:
        weight.assign(np.broadcast_to(weights.get(weight.name, 0), weight.shape))
    return layer


def score_pitches(degree, height, inputs=(1,), **weights):
    """The score of each interval after one note, and those of what is no pitch."""
    layer = built(PitchCandidates(), len(inputs), **weights)
    integers = (np.array([value], np.int32) for value in (degree, height))
    found = np.array(layer(np.array([inputs], np.float32), *integers))[0]
    assert found.shape == (PITCH_IDS,)
    by_interval = {i: found[FIRST_PITCH + i % 128].item() for i in INTERVALS}
    return by_interval, found[:FIRST_PITCH]


@pytest.mark.parametrize("degree", range(12))
def test_a_pitch_has_the_score_of_its_degree(degree):
    values = np.arange(1, 13)
    found, others = score_pitches(degree, 0, degree_kernel=values)
    for interval, score in found.items():
        assert score == values[(degree + interval) % 12]
    assert (others == 0).all()


def test_degrees_by_hand():
    """A score of 1 for the tonic: from B it is a step up, or 11 down, and so on by octaves."""
    found, _ = score_pitches(11, 0, degree_kernel=np.eye(12)[0])
    assert [i for i, score in found.items() if score] == [*range(-59, 64, 12)]
    assert set(found.values()) == {0, 1}


def test_heights_by_hand():
    """Slope 1: octaves above the mean, 7 semitones below the last note, no more than 3."""
    found, others = score_pitches(3, 7, height_kernel=[[1, 0]])
    expected = {0: 7 / 12, 5: 1, -7: 0, -19: -1, 29: 3, 30: 3, 63: 3, -43: -3, -44: -3, -64: -3}
    assert {i: found[i] for i in expected} == pytest.approx(expected)
    assert (others == 0).all()
    found, others = score_pitches(3, 7, height_kernel=[[0, 1]])
    squares = {interval: octaves**2 for interval, octaves in expected.items()}
    assert {i: found[i] for i in squares} == pytest.approx(squares)
    assert (others == 0).all()


def test_heights_have_a_bias_and_depend_on_the_inputs():
    # Slope 2 * 3 - 1 * 1 + 0.5, bend 2 * 0 + 1 * 0 - 2, an octave above the mean and 2 below.
    weights = {"height_kernel": [[3, 0], [-1, 0]], "height_bias": [0.5, -2]}
    found, _ = score_pitches(0, -12, inputs=(2, 1), **weights)
    assert found[24] == pytest.approx(5.5 - 2)
    assert found[-12] == pytest.approx(-2 * 5.5 - 2 * 4)


def test_degree_and_height_add_up():
    degrees, slopes = score_pitches(4, 2, degree_kernel=1)[0], score_pitches(4, 2, height_bias=1)[0]
    both, _ = score_pitches(4, 2, degree_kernel=1, height_bias=1)
    assert both == pytest.approx({i: degrees[i] + slopes[i] for i in INTERVALS})


def test_before_the_first_note_no_pitch_has_a_score():
    found, others = score_pitches(-1, 999, degree_kernel=np.arange(1, 13), height_bias=1)
    assert set(found.values()) == {0} and (others == 0).all()


def score_durations(durations, position, meter, inputs=(1,), **weights):
    """The score of each duration after one place; by default the score is the place of its end."""
    encoding = PitchDurationEncoding(durations)
    weights = weights or {"end_bias": np.arange(FEATURE_SIZES["position"])}
    layer = built(DurationCandidates(encoding), len(inputs), **weights)
    integers = (np.array([value], np.int32) for value in (position, METERS.index(meter)))
    return np.array(layer(np.array([inputs], np.float32), *integers))[0].tolist()


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


def test_the_score_of_an_end_depends_on_the_inputs():
    kernel = np.stack([np.arange(192), np.ones(192)])
    found = score_durations((6, 12), 90, (4, 4), (2, 3), end_kernel=kernel, end_bias=-10)
    assert found == [2 * 90 + 3 - 10, 2 * 0 + 3 - 10, 2 * 6 + 3 - 10]
