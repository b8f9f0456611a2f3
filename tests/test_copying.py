"""What is copied: planted copies, brute force on small random music, real rows."""

import dataclasses
import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.encoding import Melody, PitchDurationEncoding
from musegen.evaluation.copying import (
    copied_note_shares,
    copied_share,
    copied_shares,
    distinct_phrases,
    longest_copied_notes,
    longest_copy,
)
from musegen.evaluation.lines import melody_notes

CHORALES = Path(__file__).parents[2] / "shared" / "data" / "Jsb16thSeparated.json"


def lines_of(seed, steps=20, tracks=3):
    return np.random.default_rng(seed).integers(50, 70, (steps, tracks))


def test_a_transposed_copy_is_found_at_any_step_and_an_altered_one_is_not():
    training = [lines_of(1), lines_of(2, 50), lines_of(3, 5)]
    copy = training[1][7:27] + 5
    assert copied_share([copy], training) == 1
    altered = copy.copy()
    altered[10, 2] += 1  # in each window of 16 of these 20 steps
    assert copied_share([altered], training) == 0
    shifted = copy.copy()
    shifted[:, 0] += 1  # one voice transposed apart from the others
    assert copied_share([shifted], training) == 0
    # Of 17 windows of 4 steps, 7 end before step 10 and 6 begin after it.
    assert copied_share([altered], training, steps=4) == (7 + 6) / 17


def test_windows_with_rests_and_windows_across_pieces_are_left_out():
    training = [lines_of(1), lines_of(2)]
    joined = np.concatenate([training[0][-8:], training[1][:8]])
    assert copied_share([joined], training) == 0
    rested = training[0].copy()
    rested[0, 1] = -1
    assert copied_share([rested, lines_of(5)], training) == 4 / (4 + 5)
    rested[15, 1] = -1
    assert math.isnan(copied_share([rested], training))
    assert math.isnan(copied_share([lines_of(1, 15)], training))
    assert copied_share([lines_of(1)], [lines_of(1, 15)]) == 0


def test_distinct_phrases_are_told_by_what_sounds():
    rolls = (np.random.default_rng(0).random((4, 1, 4, 12, 2)) < 0.3).astype(np.uint8)
    rolls[3] = rolls[0] * 2
    rolls[2] = rolls[1]
    rolls[2, 0, 0, 0, 0] ^= 1
    assert distinct_phrases(rolls) == 3


def test_several_lengths_in_one_call():
    training = [lines_of(1, 40), lines_of(2, 40)]
    music = [training[1][5:25] - 2, lines_of(3, 12)]
    shares = copied_shares(music, training, [1, 8, 16, 21])
    assert shares.lengths == (1, 8, 16, 21)
    assert shares.windows == (32, 13 + 5, 5, 0)
    assert shares.shares[1:3] == (13 / 18, 1)
    assert math.isnan(shares.shares[3])
    for length, share in zip(shares.lengths[:3], shares.shares[:3]):
        assert share == copied_share(music, training, length)
    assert str(shares).endswith("8: 72.22 %, 16: 100.00 %, 21: nan %")
    assert str(shares).startswith("copied windows by steps: 1: ")
    assert copied_shares(music, training).lengths == (8, 16, 32, 64)
    assert copied_note_shares([tune_of(1)], [tune_of(2)]).lengths == tuple(range(4, 17))


def tune_of(seed, events=30):
    """A random melody with rests, of pitches and durations."""
    random = np.random.default_rng(seed)
    pitches = random.integers(55, 75, events)
    pitches[random.random(events) < 0.1] = -1
    return pitches, random.integers(1, 5, events)


def test_the_longest_run_is_found_with_where_it_comes_from():
    training = [lines_of(seed, 60) for seed in range(5)]
    music = [lines_of(seed, 40) for seed in (10, 11, 12)]
    music[1][3:23] = training[4][37:57] - 7
    music[2][0:19] = training[2][0:19] + 1  # a shorter one
    run = longest_copy(music, training, names=list("abcde"))
    assert dataclasses.astuple(run) == ("steps", 20, 1, 3, 4, 37, -7, "e")
    assert str(run) == (
        "20 steps of piece 1, from step 3 on, stand in training piece 4 (e), from step 37 on; "
        "-7 semitones"
    )
    assert longest_copy(music[2:], training).length == 19
    assert longest_copy(music[2:], training).name is None


def test_a_whole_piece_is_a_run_and_the_first_of_several_is_named():
    piece = lines_of(1, 30)
    run = longest_copy([lines_of(2, 5), piece, piece], [lines_of(3), piece + 2, piece])
    assert dataclasses.astuple(run)[1:7] == (30, 1, 0, 1, 0, -2)
    assert str(run).endswith("stand in training piece 1, from step 0 on; -2 semitones")


def test_nothing_in_common_is_no_run():
    low, high = np.array([[60, 50], [61, 50]]), np.array([[60, 40], [-1, 40]])
    assert longest_copy([low], [high]) is None
    assert longest_copy([np.full((3, 2), -1)], [low]) is None
    assert longest_copied_notes([([60], [2])], [([60], [3])]) is None
    assert longest_copied_notes([([-1], [2])], [([60], [2])]) is None
    assert longest_copied_notes([([60], [2])], [([65], [3])], rhythm=False).length == 1


def test_notes_are_compared_by_intervals_durations_and_the_rests_between():
    training = [([-1, 60, 62, -1, 64, 65, 67], [8, 1, 1, 2, 2, 1, 4])]

    def share(pitches, durations, notes, rhythm=True):
        return copied_note_shares([(pitches, durations)], training, [notes], rhythm).shares[0]

    # Transposed, without the rest at the beginning, and with another at the end.
    assert share([65, 67, -1, 69, 70, 72, -1], [1, 1, 2, 2, 1, 4, 1], 5) == 1
    # A shorter rest, and then none: windows over it are no copies, others and intervals are.
    for rest in ([-1], [1]), ([], []):
        pitches, durations = [60, 62, *rest[0], 64, 65, 67], [1, 1, *rest[1], 2, 1, 4]
        assert share(pitches, durations, 5) == 0
        assert share(pitches, durations, 3) == 1 / 3
        assert share(pitches, durations, 2) == 3 / 4
        assert share(pitches, durations, 5, rhythm=False) == 1
    # Two rests that follow each other are one.
    assert share([60, 62, -1, -1, 64, 65, 67], [1, 1, 1, 1, 2, 1, 4], 5) == 1
    # The last note's duration is compared, too.
    assert share([64, 65, 67], [2, 1, 3], 3) == 0
    assert share([64, 65, 67], [2, 1, 3], 2) == 1 / 2
    # One note: its duration alone.
    assert share([30, 90, 31], [4, 3, 2], 1) == 2 / 3


def test_the_longest_run_of_notes_is_counted_in_notes_without_rests():
    pitches, durations = tune_of(1, 40)
    other = tune_of(2, 12)
    copied = np.where(pitches >= 0, pitches + 3, -1)[6:30]
    music = [(np.append(other[0], copied), np.append(other[1], durations[6:30]))]
    run = longest_copied_notes(music, [tune_of(3), (pitches, durations)], ["x", "y"])
    notes_before = np.count_nonzero(pitches[:6] >= 0)
    assert (run.unit, run.piece, run.source, run.transposition) == ("notes", 0, 1, 3)
    assert run.length >= np.count_nonzero(copied >= 0) > 20
    assert run.start - run.source_start == np.count_nonzero(other[0] >= 0) - notes_before
    assert "from note" in str(run) and "(y)" in str(run)
    longer = longest_copied_notes(music, [tune_of(3), (pitches, durations * 2)])
    assert longer is None or longer.length < 6
    plain = longest_copied_notes(music, [tune_of(3), (pitches, durations * 2)], rhythm=False)
    assert plain.length >= run.length


def random_pieces(random, lengths, tracks=2):
    return [
        random.choice([-1, 60, 61, 62], (length, tracks), p=[0.1, 0.3, 0.3, 0.3])
        for length in lengths
    ]


def windows_of(pieces, length):
    """Every window that sounds throughout, as intervals from its first pitch, by piece and step."""
    for number, piece in enumerate(pieces):
        for start in range(len(piece) - length + 1):
            window = piece[start : start + length]
            if (window >= 0).all():
                yield number, start, tuple((window - window[0, 0]).ravel().tolist())


def note_windows_of(melodies, length, rhythm):
    """Every window of some notes, spelled out, by piece and note."""
    for number, (pitches, durations) in enumerate(melodies):
        times = np.cumsum(durations) - durations
        events = zip(pitches.tolist(), times.tolist(), durations.tolist())
        notes = [event for event in events if event[0] >= 0]
        for start in range(len(notes) - length + 1):
            window = notes[start : start + length]
            if rhythm:
                first, begin, _ = window[0]
                spelled = tuple((p - first, t - begin, d) for p, t, d in window)
            else:
                spelled = tuple(p - window[0][0] for p, _, _ in window)
            yield number, start, spelled


def plain_longest(windows, music, training):
    """The longest run by trying every length: (length, piece, start, source, source start)."""
    best = None
    for length in itertools.count(1):
        known = {}
        for source, start, spelled in windows(training, length):
            known.setdefault(spelled, (source, start))
        found = [
            (length, piece, start, *known[spelled])
            for piece, start, spelled in windows(music, length)
            if spelled in known
        ]
        if not found:
            return best
        best = found[0]


def assert_run(run, expected):
    assert (run is None) == (expected is None)
    if run is not None:
        assert (run.length, run.piece, run.start, run.source, run.source_start) == expected


@given(seed=st.integers(0, 10**6), steps=st.integers(1, 9))
def test_lines_agree_with_looking_each_window_up(seed, steps):
    random = np.random.default_rng(seed)
    music, training = random_pieces(random, [7, 9]), random_pieces(random, [30, 0, 3, 12])
    known = {spelled for *_, spelled in windows_of(training, steps)}
    found = [spelled in known for *_, spelled in windows_of(music, steps)]
    share = copied_share(music, training, steps)
    assert share == np.mean(found) if found else math.isnan(share)
    run = longest_copy(music, training)
    assert_run(run, plain_longest(windows_of, music, training))
    if run is not None:
        copy = music[run.piece][run.start : run.start + run.length]
        source = training[run.source][run.source_start : run.source_start + run.length]
        assert (copy == source + run.transposition).all()


@given(seed=st.integers(0, 10**6), notes=st.integers(1, 6), rhythm=st.booleans())
def test_notes_agree_with_looking_each_window_up(seed, notes, rhythm):
    random = np.random.default_rng(seed)

    def melodies(lengths):
        pitches = [random.choice([-1, 60, 61], length, p=[0.2, 0.4, 0.4]) for length in lengths]
        return [(each, random.choice([1, 2], len(each), p=[0.8, 0.2])) for each in pitches]

    def windows(pieces, length):
        return note_windows_of(pieces, length, rhythm)

    music, training = melodies([6, 10]), melodies([25, 0, 2, 9])
    known = {spelled for *_, spelled in windows(training, notes)}
    found = [spelled in known for *_, spelled in windows(music, notes)]
    shares = copied_note_shares(music, training, [notes], rhythm)
    assert shares.windows == (len(found),)
    assert shares.shares[0] == np.mean(found) if found else math.isnan(shares.shares[0])
    run = longest_copied_notes(music, training, rhythm=rhythm)
    assert_run(run, plain_longest(windows, music, training))


@given(seed=st.integers(0, 10**6), semitones=st.integers(-40, 40))
def test_transposing_either_side_changes_nothing_but_the_transposition(seed, semitones):
    random = np.random.default_rng(seed)
    music, training = random_pieces(random, [12, 12]), random_pieces(random, [40])
    moved = [np.where(piece >= 0, piece + semitones, -1) for piece in music]
    assert copied_shares(moved, training, [2, 4]) == copied_shares(music, training, [2, 4])
    runs = [longest_copy(*pair) for pair in ((music, training), (moved, training))]
    transposition = runs[0].transposition + semitones
    assert runs[1] == dataclasses.replace(runs[0], transposition=transposition)
    back = longest_copy(training, moved)
    assert back.length == runs[0].length


def test_melodies_of_ids_are_notes_and_the_rests_between():
    encoding = PitchDurationEncoding()
    eighth, quarter = (encoding.durations.index(steps) + 1 for steps in (12, 24))
    ids = [0, 2, 64, 3, 66, 2, 2, 66, 68, 2, 1]  # rest, C4 tied, D4, two rests, D4, E4, rest
    durations = [0, quarter, quarter, eighth, eighth, eighth, quarter, eighth, eighth, eighth, 0]
    melody = Melody(np.array(ids), np.array(durations))
    pitches, lengths = melody_notes(melody, encoding)
    assert pitches.tolist() == [60, 62, -1, 62, 64]
    assert lengths.tolist() == [36, 12, 36, 12, 12]
    empty = melody_notes(Melody(np.array([0, 1]), np.array([0, 0])), encoding)
    assert [len(each) for each in empty] == [0, 0]
    higher = melody_notes(melody.transpose(4), encoding)
    assert longest_copied_notes([higher], [(pitches, lengths)]).length == 4


@pytest.mark.skipif(not CHORALES.exists(), reason="the file of chorales is not here")
def test_what_real_chorales_have_in_common():
    splits = {
        name: [np.array(piece) for piece in pieces]
        for name, pieces in json.loads(CHORALES.read_text()).items()
    }
    shares = copied_shares(splits["test"], splits["train"])
    assert shares.shares[1:3] == pytest.approx((0.0335, 0.0025), abs=5e-5)
    run = longest_copy(splits["test"], splits["train"])
    copy = splits["test"][run.piece][run.start : run.start + run.length]
    source = splits["train"][run.source][run.source_start : run.source_start + run.length]
    assert run.length == 64
    assert (copy == source + run.transposition).all()


LINES, TUNES = [lines_of(0)], [tune_of(0)]
WRONG = ([60, 62], [1]), ([60.0], [1]), ([60], [0]), ([[60]], [[1]]), (["C4"], [1])


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (copied_share, (LINES, LINES, 0), "steps=0"),
        (copied_shares, (LINES, LINES, [4, 0]), r"steps\[1\]=0"),
        (copied_note_shares, (TUNES, TUNES, []), r"notes=\[\]: give a list of lengths"),
        (copied_note_shares, (TUNES, TUNES, 4), "notes=4: give a list of lengths"),
        (copied_share, (LINES, []), r"training=\[\]: give"),
        (copied_share, (LINES, [lines_of(1, tracks=2)]), "lines have 3 tracks and training has 2"),
        (longest_copy, ([lines_of(0) / 2], LINES), "the type float64"),
        (longest_copy, (LINES, LINES, ["a", "b"]), "names has 2 for 1 training pieces"),
        (longest_copy, (LINES, LINES, "a"), "names='a': give a name for each"),
        (copied_note_shares, ([([-2], [1])], TUNES), r"melodies\[0\] holds -2"),
        *((copied_note_shares, (TUNES, [pair]), r"training\[0\] is \(.*two eq") for pair in WRONG),
    ],
)
def test_wrong_arguments_are_named(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)
