"""Voice leading: by hand on a few chords, by music21 on one quartet after the other."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.evaluation.voice_leading import (
    SATB,
    _moving,
    fifths_over_chance,
    octaves_over_chance,
    out_of_range,
    parallel_fifths,
    parallel_octaves,
    voice_crossing,
    voice_leading,
    wide_spacing,
)

CHORALES = Path(__file__).parents[2] / "shared" / "data" / "Jsb16thSeparated.json"


def two(*steps):
    """A piece of two voices."""
    return [np.array(steps)]


@pytest.mark.parametrize(
    "steps, fifths, octaves",
    [
        ([(67, 60), (69, 62)], 1, 0),  # C G to D A
        ([(79, 60), (81, 62)], 1, 0),  # a twelfth
        ([(67, 60), (81, 62)], 1, 0),  # a fifth to a twelfth, both up
        ([(67, 60), (69, 50)], 0, 0),  # a fifth to a twelfth, apart
        ([(67, 60), (68, 62)], 0, 0),  # to a tritone
        ([(65, 60), (67, 62)], 0, 0),  # fourths
        ([(60, 65), (62, 67)], 0, 0),  # fourths of crossed voices
        ([(60, 67), (62, 69)], 1, 0),  # fifths of crossed voices
        ([(72, 60), (74, 62)], 0, 1),  # octaves
        ([(60, 60), (62, 62)], 0, 1),  # unisons
        ([(60, 60), (74, 62)], 0, 1),  # a unison to an octave, both up
        ([(72, 60), (74, 50)], 0, 0),  # an octave to two, apart
    ],
)
def test_parallels_of_one_pair(steps, fifths, octaves):
    assert parallel_fifths(two(*steps)) == 1000 * fifths
    assert parallel_octaves(two(*steps)) == 1000 * octaves


def test_pairs_that_do_not_move_together_are_none():
    still = two((67, 60), (67, 60), (69, 60), (69, 62))
    assert math.isnan(parallel_fifths(still))
    rests = two((67, 60), (-1, 60), (69, 62), (71, -1))
    assert math.isnan(parallel_octaves(rests))
    between = [np.array([[67, 60]]), np.array([[69, 62]])]  # two pieces
    assert math.isnan(parallel_fifths(between))


def test_all_pairs_of_voices_and_both_directions_are_counted():
    # Soprano and bass in octaves, alto and bass in fifths; the tenor rests, then all but it move.
    piece = np.array([[72, 67, -1, 60], [74, 69, 64, 62], [72, 67, 66, 60], [71, 67, 65, 62]])
    # Moves together: step 1: three pairs; step 2: six; step 3: soprano-tenor, soprano-bass,
    # tenor-bass. Fifths: alto-bass at steps 1 and 2. Octaves: soprano-bass there.
    assert parallel_fifths([piece]) == pytest.approx(1000 * 2 / 12)
    assert parallel_octaves([piece]) == pytest.approx(1000 * 2 / 12)
    assert voice_leading([piece]).pairs == 12


def test_parallels_over_chance_by_hand():
    # Five pairs: four move up, one apart. Of the four two are in a fifth before, three after, and
    # one is so both times: by chance 2/4 x 3/4 of the four would be, that is 1.5.
    pairs = [(67, 60, 69, 62), (67, 60, 70, 62), (65, 60, 69, 62), (64, 60, 69, 62)]
    pieces = [np.array([one[:2], one[2:]]) for one in [*pairs, (67, 60, 69, 50)]]
    assert fifths_over_chance(pieces) == pytest.approx(1 / 1.5)
    assert math.isnan(octaves_over_chance(pieces))
    assert octaves_over_chance([np.array([[72, 60], [74, 62]])]) == 1


def test_chance_is_that_of_each_two_voices():
    # The outer voices are always in fifths, the inner ones never: no more parallels than by chance.
    piece = np.array([[67, 52, 51, 60], [69, 54, 53, 62], [67, 52, 51, 60]])
    assert fifths_over_chance([piece[:, [0, 3]]]) == 1
    assert fifths_over_chance([piece]) == 1


def test_voices_that_know_nothing_of_each_other_have_as_many_as_by_chance():
    random = np.random.default_rng(0)
    lines = random.integers(48, 84, (400, 50, 2))  # of three octaves, every pitch anew
    assert fifths_over_chance(lines) == pytest.approx(1, abs=0.2)
    lead = np.concatenate([lines[..., :1], lines[..., :1] - 7], axis=2)
    lead[:, 1::2, 1] -= 1  # a fifth at every other step alone
    assert fifths_over_chance(lead) == 0


def test_crossing_and_spacing_by_hand():
    piece = np.array(
        [
            [72, 60, 48, 36],  # octaves: no wider
            [73, 60, 47, 20],  # both upper pairs too wide; tenor and bass may be
            [60, 72, 59, 59],  # crossed, not wide; alto and tenor 13 apart
            [72, -1, 48, 49],  # a rest: soprano and tenor are no neighbours
        ]
    )
    assert voice_crossing([piece]) == 2 / 10
    assert wide_spacing([piece]) == 3 / 6
    assert math.isnan(wide_spacing([piece[:, :2]]))
    assert voice_crossing([piece[:, :2]]) == 1 / 3


def test_notes_out_of_range_are_counted_once_however_long():
    piece = np.array([[60, 55, 48, 61], [81, 54, 67, 61], [81, 54, 68, 39], [-1, 54, -1, 39]])
    again = np.array([[81, 72, 48, -1]])  # another piece: another note
    # Notes: C4, A5, A5 again | G3, F#3, C5 | C3, G4, G#4, C3 | C#4, D#2.
    shares = out_of_range([piece, again])
    assert shares.tolist() == [2 / 3, 1 / 3, 1 / 4, 2 / 2]
    wider = [(0, 127)] * 4
    assert out_of_range([piece, again], wider).tolist() == [0, 0, 0, 0]
    assert math.isnan(out_of_range([np.full((3, 1), -1)], [(0, 127)])[0])


def test_all_figures_at_once_print_as_one_line():
    lines = np.random.default_rng(0).integers(40, 80, (5, 30, 4))
    every = voice_leading(lines)
    assert every.parallel_fifths == parallel_fifths(lines)
    assert every.parallel_octaves == parallel_octaves(lines)
    assert every.fifths_over_chance == fifths_over_chance(lines)
    assert every.octaves_over_chance == octaves_over_chance(lines)
    assert every.crossing == voice_crossing(lines)
    assert every.spacing == wide_spacing(lines)
    assert every.out_of_range == tuple(out_of_range(lines))
    assert len(str(every).splitlines()) == 1
    silent = voice_leading(np.full((1, 3, 4), -1))
    assert silent.pairs == 0
    assert math.isnan(silent.crossing)
    assert "nan" in str(silent)


@given(seed=st.integers(0, 10**6), semitones=st.integers(-20, 20))
def test_transposing_changes_nothing_but_the_range(seed, semitones):
    lines = np.random.default_rng(seed).integers(50, 75, (2, 12, 3))
    for figure in (parallel_fifths, parallel_octaves, voice_crossing, wide_spacing):
        assert figure(lines) == figure(lines + semitones)


def quartets_of(lines):
    """All distinct (upper, lower, next upper, next lower) of which both voices move."""
    pairs = [_moving([np.asarray(piece, dtype=np.int64)])[:4] for piece in lines]
    return np.unique(np.concatenate(pairs, axis=1).T, axis=0).tolist()


def music21_says(upper, lower, next_upper, next_lower):
    """Fifth, octave or unison, crossing and opposite directions, by music21.

    The lower pitches are spelled as music21 does by default, and each upper one so that it and the
    lower one are spelled as an interval of its usual name: no fifth comes as a diminished sixth.
    """
    from music21.interval import ChromaticInterval
    from music21.pitch import Pitch
    from music21.voiceLeading import VoiceLeadingQuartet

    low, next_low = Pitch(lower), Pitch(next_lower)
    high, next_high = (
        ChromaticInterval(semitones).getDiatonic().transposePitch(pitch)
        for pitch, semitones in ((low, upper - lower), (next_low, next_upper - next_lower))
    )
    quartet = VoiceLeadingQuartet(high, next_high, low, next_low)
    return (
        quartet.parallelFifth(),
        quartet.parallelUnisonOrOctave(),
        quartet.voiceCrossing(),
        (next_upper > upper) != (next_lower > lower),
    )


def assert_music21_agrees(quartets):
    """Compares each quartet; the differences are those that the docstrings name, and no others."""
    for upper, lower, next_upper, next_lower in quartets:
        piece = two((upper, lower), (next_upper, next_lower))
        fifth, octave, crossing, opposite = music21_says(upper, lower, next_upper, next_lower)
        case = (upper, lower, next_upper, next_lower)
        if opposite:
            assert parallel_fifths(piece) == parallel_octaves(piece) == 0, case
        else:
            assert parallel_fifths(piece) == 1000 * fifth, case
            unison_to_octave = (upper == lower) != (next_upper == next_lower)
            if not unison_to_octave:
                assert parallel_octaves(piece) == 1000 * octave, case
            else:
                assert not octave, case
        assert (voice_crossing(piece) > 0) == crossing, case


def test_music21_differs_where_the_docstrings_say_so():
    from music21.pitch import Pitch
    from music21.voiceLeading import VoiceLeadingQuartet

    assert music21_says(67, 60, 69, 50)[0]  # a fifth to a twelfth, apart
    assert music21_says(72, 60, 74, 50)[1]  # an octave to two, apart
    assert not music21_says(60, 60, 74, 62)[1]  # a unison to an octave, both up
    # G sharp and E flat, A and E: spelled so, the first is a diminished sixth.
    spelled = VoiceLeadingQuartet(*map(Pitch, ("E-4", "E4", "G#3", "A3")))
    assert not spelled.parallelFifth()
    assert parallel_fifths(two((63, 56), (64, 57))) == 1000


def test_agrees_with_music21_on_random_quartets():
    random = np.random.default_rng(0)
    # Mostly fifths, octaves and unisons and what is a semitone beside them.
    lower = random.integers(45, 65, (400, 2))
    distances = random.choice([-12, -7, -5, 0, 5, 6, 7, 8, 12, 19, 24], (400, 2))
    moving = [
        (a + x, a, b + y, b)
        for (a, b), (x, y) in zip(lower.tolist(), distances.tolist())
        if a != b and a + x != b + y
    ]
    assert len(moving) > 300
    assert_music21_agrees(moving)


@pytest.mark.skipif(not CHORALES.exists(), reason="the file of chorales is not here")
def test_agrees_with_music21_on_chorales():
    pieces = json.loads(CHORALES.read_text())["test"]
    quartets = quartets_of(pieces)
    chosen = np.random.default_rng(0).permutation(len(quartets))[:400]
    perfect = [
        (a, b, c, d) for a, b, c, d in quartets if (a - b) % 12 in (0, 7) and (c - d) % 12 in (0, 7)
    ]
    assert len(perfect) > 50
    assert_music21_agrees(perfect + [quartets[index] for index in chosen])


@pytest.mark.skipif(not CHORALES.exists(), reason="the file of chorales is not here")
def test_figures_of_real_chorales():
    splits = {
        name: [np.array(piece) for piece in pieces]
        for name, pieces in json.loads(CHORALES.read_text()).items()
    }
    train, test = voice_leading(splits["train"]), voice_leading(splits["test"])
    assert (train.pairs, test.pairs) == (47_475, 16_516)
    assert train.parallel_fifths == pytest.approx(1000 * 32 / 47_475)
    assert train.parallel_octaves == pytest.approx(1000 * 29 / 47_475)
    assert test.parallel_fifths == pytest.approx(1000 * 15 / 16_516)
    assert test.parallel_octaves == pytest.approx(1000 * 6 / 16_516)
    assert test.crossing == pytest.approx(0.0067, abs=5e-5)
    assert test.spacing == pytest.approx(0.0080, abs=5e-5)
    assert max(test.out_of_range) < 0.02


@pytest.mark.parametrize(
    "ranges", [SATB, [(60, 50)] * 3, [(1, 2, 3)] * 3, "abc", None, [(1, 2), (3,), (4, 5)]]
)
def test_what_are_no_ranges_of_three_voices_is_refused(ranges):
    for function in (voice_leading, out_of_range):
        with pytest.raises(ValueError, match=r"ranges=.*: give (the lowest.* 3 voices|a list of)"):
            function(np.full((1, 3, 3), 60), ranges)


@pytest.mark.parametrize(
    "function",
    [parallel_fifths, parallel_octaves, voice_crossing, wide_spacing, out_of_range, voice_leading],
)
@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([[60, 62, 64]], r"lines\[0\] has the shape \(3,\)"),
        ([[[60, 62]], [[60, 128]]], r"lines\[1\] holds 128"),
        ([[[60, 62]], [[60]]], r"lines\[1\] has 1 tracks and lines\[0\] has 2"),
    ],
)
def test_what_are_no_lines_is_refused(function, lines, message):
    with pytest.raises(ValueError, match=message):
        function(lines)
