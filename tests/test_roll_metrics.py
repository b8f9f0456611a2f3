"""Figures of rolls: by hand on tiny ones, by a second implementation on random ones."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen import evaluation
from musegen.encoding.pianoroll import ONSET
from musegen.evaluation import drum_pattern, pianoroll

LOWEST = 40  # an E: row 0 is not a C


def rolls_of(*phrases, steps=8, pitches=36):
    """Builds rolls of phrases, each a list of bars, each a list of tracks: {pitch: steps on}."""
    rolls = np.zeros(
        (len(phrases), len(phrases[0]), steps, pitches, len(phrases[0][0])), dtype=np.uint8
    )
    for (p, phrase), (b, t) in itertools.product(
        enumerate(phrases), itertools.product(range(rolls.shape[1]), range(rolls.shape[4]))
    ):
        for pitch, on in phrase[b][t].items():
            rolls[p, b, list(on), pitch - LOWEST, t] = 1
    return rolls


def roll_of_lines(lines, steps, pitches=36):
    """Builds rolls from `(phrases, bars * steps, tracks)` of pitches, -1 for rests."""
    lines = np.asarray(lines).reshape(len(lines), -1, steps, np.shape(lines)[-1])
    rows = np.arange(LOWEST, LOWEST + pitches)[:, None]
    return (lines[..., None, :] == rows).astype(np.uint8)


def random_rolls(seed, shape=(3, 2, 8, 30, 3), density=0.08):
    return (np.random.default_rng(seed).random(shape) < density).astype(np.uint8)


# Track 0: C4 four steps, C5 two, E4 one; then a bar of one long C4. Track 1: silent; then G4 and,
# from step 4, C4 with it.
TWO_BARS = rolls_of(
    [
        [{60: range(4), 72: [4, 5], 64: [7]}, {}],
        [{60: range(8)}, {67: range(8), 60: range(4, 8)}],
    ]
)


def test_figures_of_bars_worked_out_by_hand():
    assert evaluation.pitch_classes_per_bar(TWO_BARS, LOWEST).tolist() == [(2 + 1) / 2, 2]
    assert evaluation.notes_per_bar(TWO_BARS).tolist() == [(3 + 1) / 2, 2]
    assert evaluation.qualified_note_share(TWO_BARS).tolist() == [3 / 4, 1]
    assert evaluation.qualified_note_share(TWO_BARS, steps=1).tolist() == [1, 1]
    assert evaluation.qualified_note_share(TWO_BARS, steps=5).tolist() == [1 / 4, 1 / 2]
    assert evaluation.qualified_note_share(TWO_BARS, steps=9).tolist() == [0, 0]
    assert evaluation.empty_bar_share(TWO_BARS).tolist() == [0, 1 / 2]


def test_a_note_struck_again_is_merged_and_a_rest_parts_two():
    held = rolls_of([[{60: range(8)}, {60: [0, 1, 3, 4]}]])
    struck = held.copy()
    struck[:, :, ::2] *= 2  # onsets
    for rolls in held, struck, struck > 0:
        assert evaluation.notes_per_bar(rolls).tolist() == [1, 2]


def test_notes_end_at_bar_lines():
    rolls = rolls_of([[{60: range(7, 8)}], [{60: range(8)}]])
    assert evaluation.notes_per_bar(rolls).tolist() == [1]
    assert evaluation.qualified_note_share(rolls).tolist() == [1 / 2]


def test_leaps_pass_over_repeats_rests_and_bar_lines_but_not_phrases():
    rolls = rolls_of(
        [[{60: [0, 2], 64: [3]}, {50: [0]}], [{57: [6]}, {50: [1]}]],
        [[{75: [0]}, {50: [0]}], [{75: [0]}, {50: [0]}]],
    )
    leaps = evaluation.mean_leap(rolls)
    assert leaps[0] == (4 + 7) / 2
    assert math.isnan(leaps[1])


def test_pitch_lines_hold_the_highest_pitch_and_rests():
    lines = evaluation.pitch_lines(TWO_BARS, LOWEST)
    assert lines.shape == (1, 16, 2)
    assert lines[0, :, 0].tolist() == [60, 60, 60, 60, 72, 72, -1, 64] + [60] * 8
    assert lines[0, :, 1].tolist() == [-1] * 8 + [67] * 8


def test_consonant_pairs_by_hand():
    # Steps 0 and 1: C4 and G4 (a fifth); 2: C4 and F#5 (a tritone and an octave); 3: C4 alone;
    # 4: C4 under D4 and E4 (a second, a third; the two of one track are no pair).
    rolls = rolls_of([[{60: range(5)}, {67: [0, 1], 78: [2], 62: [4], 64: [4]}]], pitches=40)
    assert evaluation.consonance(rolls, LOWEST) == 3 / 5
    fourth = rolls_of([[{60: [0]}, {65: [0]}]])
    for rolls in (fourth, fourth[..., ::-1]):
        assert evaluation.consonance(rolls, LOWEST) == 1


def centroid(weights):
    """The tonal centroid of {pitch class: weight}, written out."""
    total = sum(weights.values())
    point = [0.0] * 6
    for pitch_class, weight in weights.items():
        for circle, (turn, radius) in enumerate([(7 / 6, 1), (3 / 2, 1), (2 / 3, 0.5)]):
            angle = pitch_class * turn * math.pi
            point[2 * circle] += weight / total * radius * math.sin(angle)
            point[2 * circle + 1] += weight / total * radius * math.cos(angle)
    return point


def test_tonal_distance_of_a_unison_a_fifth_and_a_chord():
    def distance(lower, upper):
        return evaluation.tonal_distance(rolls_of([[lower, upper]], steps=4), LOWEST, beats=1)

    assert distance({60: range(4)}, {72: range(2)}) == 0
    # A fifth: one step of 30 degrees on the circle of fifths, 90 on that of minor thirds, 120 on
    # that of major thirds. A chord of angle a on a circle of radius r is 2 r sin(a / 2) long.
    fifth = math.hypot(
        2 * math.sin(math.radians(15)), 2 * math.sin(math.radians(45)), math.sin(math.radians(60))
    )
    assert distance({60: range(4)}, {67: range(4)}) == pytest.approx(fifth)
    assert fifth == pytest.approx(math.dist(centroid({0: 1}), centroid({7: 1})))
    # By how long each sounds: C three steps and E one, against G and B.
    mixed = math.dist(centroid({0: 3, 4: 1}), centroid({7: 2, 11: 2}))
    assert distance({60: range(3), 64: [3]}, {55: [0, 1], 71: [2, 3]}) == pytest.approx(mixed)


def test_tonal_distance_is_a_mean_over_beats_in_which_both_sound():
    fifth = math.dist(centroid({0: 1}), centroid({7: 1}))
    third = math.dist(centroid({0: 1}), centroid({4: 1}))
    rolls = rolls_of([[{60: range(8)}, {67: [0], 64: [5]}, {}]])
    assert evaluation.tonal_distance(rolls, LOWEST) == pytest.approx((fifth + third) / 2)
    matrix = evaluation.tonal_distances(rolls, LOWEST)
    assert matrix[0, 1] == matrix[1, 0] == pytest.approx((fifth + third) / 2)
    assert matrix[0, 0] == 0
    assert np.isnan(matrix[2]).all()


def test_shuffling_puts_voices_of_different_bars_together():
    # In a bar both voices sing one pitch, another in each bar: distance 0 until bars are dealt out.
    lines = np.repeat(np.arange(50, 62).reshape(6, 2), 8, axis=1)[..., None].repeat(2, axis=2)
    rolls = roll_of_lines(lines, steps=8)
    assert evaluation.tonal_distance(rolls, LOWEST) == 0
    shuffled = evaluation.tonal_distance(rolls, LOWEST, shuffle=1)
    assert shuffled > 0.5
    assert shuffled == evaluation.tonal_distance(rolls, LOWEST, shuffle=1)
    assert shuffled != evaluation.tonal_distance(rolls, LOWEST, shuffle=2)


def plain_figures(rolls):
    """A second implementation, cell by cell: classes, notes, long notes, empty bars, distance."""
    phrases, bars, steps, pitches, tracks = rolls.shape
    table = []
    for track in range(tracks):
        classes, notes, long, empty = [], 0, 0, 0
        for bar in rolls[..., track].reshape(phrases * bars, steps, pitches):
            runs = [
                len(list(run))
                for pitch in bar.T
                for on, run in itertools.groupby(pitch.tolist(), bool)
                if on
            ]
            notes += len(runs)
            long += sum(run >= 2 for run in runs)
            if runs:
                classes.append(len({(LOWEST + p) % 12 for p in range(pitches) if bar[:, p].any()}))
            else:
                empty += 1
        parts = notes / len(classes), long / notes, empty / (phrases * bars)
        table.append((np.mean(classes), *parts))
    means = []
    for first, second in itertools.combinations(range(tracks), 2):
        distances = []
        for beat in rolls.reshape(-1, steps // 4, pitches, tracks):
            chromas = [{}, {}]
            for chroma, track in zip(chromas, (first, second)):
                for _, pitch in np.argwhere(beat[..., track]).tolist():
                    key = (LOWEST + pitch) % 12
                    chroma[key] = chroma.get(key, 0) + 1
            if all(chromas):
                distances.append(math.dist(*map(centroid, chromas)))
        means.append(np.mean(distances))
    return np.array(table).T, np.mean(means)


@pytest.mark.parametrize("cells", [1, 10**9])
def test_agrees_with_a_plain_second_implementation(cells, monkeypatch):
    monkeypatch.setattr(pianoroll, "CHUNK", cells)
    rolls = random_rolls(3, density=0.02)
    rolls[1, 0, ..., 1] = 0
    table, distance = plain_figures(rolls)
    assert table[3].any()
    np.testing.assert_allclose(evaluation.pitch_classes_per_bar(rolls, LOWEST), table[0])
    np.testing.assert_allclose(evaluation.notes_per_bar(rolls), table[1])
    np.testing.assert_allclose(evaluation.qualified_note_share(rolls), table[2])
    np.testing.assert_allclose(evaluation.empty_bar_share(rolls), table[3])
    assert evaluation.tonal_distance(rolls, LOWEST) == pytest.approx(distance)


OF_TRACKS = {  # every figure of each track, and of all
    "classes": lambda rolls: evaluation.pitch_classes_per_bar(rolls, LOWEST),
    "notes": evaluation.notes_per_bar,
    "qualified": evaluation.qualified_note_share,
    "drums": drum_pattern,
    "leap": evaluation.mean_leap,
    "distance": lambda rolls: evaluation.tonal_distance(rolls, LOWEST),
    "shuffled": lambda rolls: evaluation.tonal_distance(rolls, LOWEST, shuffle=0),
    "consonance": lambda rolls: evaluation.consonance(rolls, LOWEST),
    "empty": evaluation.empty_bar_share,
}


@given(seed=st.integers(0, 10**6), semitones=st.integers(1, 11))
def test_transposition_changes_no_figure(seed, semitones):
    rolls = random_rolls(seed, (3, 2, 16, 30, 3))
    wider = ((0, 0), (0, 0), (0, 0), (semitones, 12 - semitones), (0, 0))
    for name, figure in OF_TRACKS.items():
        before, after = figure(rolls), figure(np.pad(rolls, wider))
        np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-12, err_msg=name)


def test_silence_is_not_a_number_and_not_an_error():
    rolls = np.zeros((2, 1, 16, 12, 2), dtype=bool)
    *others, empty = (figure(rolls) for figure in OF_TRACKS.values())
    assert all(np.isnan(figure).all() for figure in others)
    assert empty.tolist() == [1, 1]


@pytest.mark.parametrize("figure", OF_TRACKS.values(), ids=OF_TRACKS)
def test_what_is_no_roll_is_refused(figure):
    rolls = random_rolls(0)
    for wrong, message in (
        (rolls[0], r"rolls has the shape \(2, 8, 30, 3\)"),
        (rolls[:0], "rolls has the shape"),
        (rolls / 2, "rolls has values of type float64"),
        ("rolls", "rolls='rolls': give an array"),
    ):
        with pytest.raises(ValueError, match=message):
            figure(wrong)


@pytest.mark.parametrize(
    ("figure", "arguments", "message"),
    [
        (evaluation.tonal_distance, {"lowest": 40, "beats": 3}, r"beats=3: .* 8 steps"),
        (evaluation.pitch_classes_per_bar, {"lowest": 128}, "lowest=128"),
        (evaluation.consonance, {"lowest": -1}, "lowest=-1"),
        (evaluation.tonal_distances, {"lowest": 1.0}, "lowest=1.0"),
        (evaluation.pitch_lines, {"lowest": 128}, "lowest=128"),
        (evaluation.tonal_distance, {"lowest": 40, "shuffle": -1}, "shuffle=-1"),
        (evaluation.qualified_note_share, {"steps": 0}, "steps=0"),
        (drum_pattern, {"beats": 0}, "beats=0"),
        (drum_pattern, {"beats": 12}, r"beats=12: .* 8 steps"),
    ],
)
def test_wrong_arguments_are_named(figure, arguments, message):
    with pytest.raises(ValueError, match=message):
        figure(random_rolls(0), **arguments)


# The drum pattern.


def bar_of(steps, *drums):
    """One bar of drums, each by the steps at which it sounds."""
    roll = np.zeros((1, 1, steps, 3, 1), dtype=np.uint8)
    for drum, at in enumerate(drums):
        roll[0, 0, list(at), drum, 0] = 1
    return roll


# 96 steps: a quarter is 24, an eighth 12, a sixteenth 6. A kick, a snare and a hi-hat.
ROCK = bar_of(96, [0, 48], [24, 72], range(0, 96, 12))
FUNK = bar_of(96, [0, 18, 60], [24, 72, 90])
LATE = bar_of(96, [1, 49], [25, 73])
EIGHTHS = bar_of(96, range(0, 96, 12))
HELD = bar_of(16, range(8), [3, 4, 5])
STRUCK = HELD.copy()
STRUCK[0, 0, [2, 5], 0] = ONSET


@pytest.mark.parametrize(
    ("roll", "beats", "share"),
    [
        (ROCK, 8, 1),
        (ROCK, 16, 1),
        (ROCK, 4, 8 / 12),
        (FUNK, 16, 1),
        (FUNK, 8, 4 / 6),
        (bar_of(96, range(0, 96, 8)), 16, 1 / 3),  # every third triplet falls on a quarter
        (LATE, 16, 0),  # a step beside the beat counts for nothing, wherever the bar leans
        (np.concatenate([LATE, EIGHTHS], axis=1), 16, 8 / 12),  # over notes, not over bars
        (HELD, 8, 1 / 2),  # where notes begin, not where they sound
        (STRUCK, 8, 2 / 4),
        # What is held over the bar line is a note of either bar, as for the other figures.
        (np.concatenate([STRUCK, HELD[:, :, ::-1]], axis=1), 8, 4 / 6),
        (bar_of(16, [0, 3, 4, 8], [4]) > 0, 8, 3 / 4),
        (bar_of(16, [0, 3, 4, 8], [4]) * 100, 8, 3 / 4),  # velocities
    ],
)
def test_drum_patterns_worked_out_by_hand(roll, beats, share):
    assert drum_pattern(roll, beats).tolist() == [share]


def test_each_track_has_its_pattern_and_a_silent_one_is_no_number():
    tracks = [bar_of(16, [0, 1]), bar_of(16), bar_of(16, [], [], [2, 4, 7, 11])]
    shares = drum_pattern(np.concatenate(tracks, axis=-1), beats=8)
    np.testing.assert_equal(shares, [1, np.nan, 2 / 4])


@pytest.mark.parametrize("cells", [1, 10**9])
def test_the_pattern_agrees_with_going_through_all_cells(cells, monkeypatch):
    monkeypatch.setattr(pianoroll, "CHUNK", cells)
    rolls = np.random.default_rng(0).choice([0, 1, ONSET], (3, 2, 24, 5, 2), p=[0.7, 0.15, 0.15])
    for beats in (8, 12):
        on, notes = [0, 0], [0, 0]
        for phrase, bar, step, pitch, track in np.argwhere(rolls).tolist():
            before = step > 0 and rolls[phrase, bar, step - 1, pitch, track] > 0
            if not before or rolls[phrase, bar, step, pitch, track] == ONSET:
                notes[track] += 1
                on[track] += step * beats % 24 == 0
        assert drum_pattern(rolls, beats).tolist() == [on[0] / notes[0], on[1] / notes[1]]
