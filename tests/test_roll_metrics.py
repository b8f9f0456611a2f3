"""Figures of rolls: by hand on tiny ones, by a second implementation on random ones."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen import evaluation
from musegen.evaluation import pianoroll

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
    assert (
        evaluation.consonance(fourth, LOWEST)
        == evaluation.consonance(fourth[..., ::-1], LOWEST)
        == 1
    )


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
        table.append(
            (
                np.mean(classes),
                notes / len(classes),
                long / notes,
                empty / (phrases * bars),
            )
        )
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


@given(seed=st.integers(0, 10**6), semitones=st.integers(1, 11))
def test_transposition_changes_no_figure(seed, semitones):
    rolls = random_rolls(seed)
    wider = ((0, 0), (0, 0), (0, 0), (semitones, 12 - semitones), (0, 0))
    figures = [evaluation.roll_figures(music, LOWEST) for music in (rolls, np.pad(rolls, wider))]
    for name in (field.name for field in dataclasses.fields(figures[0])):
        before, after = (getattr(each, name) for each in figures)
        assert before == after or after == pytest.approx(before, abs=1e-12), name


def test_all_figures_at_once_as_a_table():
    lines = np.random.default_rng(0).integers(50, 60, (3, 32, 2))
    rolls = roll_of_lines(lines, steps=16)
    figures = evaluation.roll_figures(rolls, LOWEST, ["soprano", "bass"], training=lines[:1])
    assert figures.phrases == figures.distinct == 3
    assert figures.notes == tuple(evaluation.notes_per_bar(rolls))
    assert figures.tonal_distance == evaluation.tonal_distance(rolls, LOWEST)
    assert figures.shuffled_tonal_distance == evaluation.tonal_distance(rolls, LOWEST, shuffle=0)
    assert figures.copied == pytest.approx(1 / 3)
    table = str(figures).splitlines()
    assert table[0].split() == ["soprano", "bass"]
    assert table[2].split()[-2:] == [f"{value:.2f}" for value in figures.notes]
    assert table[-2].split()[-3:] == ["3", "of", "3"]
    assert table[-1].split()[-1] == "0.3333"
    without = evaluation.roll_figures(rolls, LOWEST)
    assert without.copied is None
    assert without.tracks == ("1", "2")
    assert len(str(without).splitlines()) == len(table) - 1


def test_silence_is_not_a_number_and_not_an_error():
    rolls = np.zeros((2, 1, 4, 12, 2), dtype=bool)
    figures = evaluation.roll_figures(rolls, LOWEST, training=[np.full((20, 2), 60)])
    assert figures.empty_bars == (1, 1)
    assert figures.distinct == 1
    for value in (
        *figures.pitch_classes,
        *figures.notes,
        *figures.qualified,
        *figures.leap,
        figures.tonal_distance,
        figures.shuffled_tonal_distance,
        figures.consonance,
        figures.copied,
    ):
        assert math.isnan(value)


def test_wrong_arguments_are_named():
    rolls = random_rolls(0)
    for function in (
        evaluation.notes_per_bar,
        evaluation.qualified_note_share,
        evaluation.empty_bar_share,
        evaluation.mean_leap,
    ):
        with pytest.raises(ValueError, match=r"rolls has the shape \(2, 8, 30, 3\)"):
            function(rolls[0])
        with pytest.raises(ValueError, match="rolls has the shape"):
            function(rolls[:0])
    with pytest.raises(ValueError, match=r"beats=3: .* 8 steps"):
        evaluation.tonal_distance(rolls, LOWEST, beats=3)
    with pytest.raises(ValueError, match="steps=0"):
        evaluation.qualified_note_share(rolls, steps=0)
    with pytest.raises(ValueError, match="tracks has 1 names for 3 tracks"):
        evaluation.roll_figures(rolls, LOWEST, ["solo"])
