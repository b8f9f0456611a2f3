"""Metrics of notes, and the shuffled control: by hand, and by a second implementation."""

import math
from collections import Counter
from fractions import Fraction
from itertools import accumulate, combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import score_of as make_score
from symusic import Score

from musegen.corpus import chorales
from musegen.encoding.keys import MAJOR, MINOR
from musegen.evaluation import general, histograms, keys
from musegen.evaluation.general import METRICS
from musegen.evaluation.histograms import HISTOGRAMS
from musegen.evaluation.material import shuffled
from musegen.evaluation.notes import notes_of


def score_of(*tracks, resolution=4, meters=(), drums=()):
    """Makes a score of tracks, each a list of notes (start, duration, pitch) in ticks."""
    named = ((f"track {n}", 0, n in drums, notes) for n, notes in enumerate(tracks))
    return make_score(*named, resolution=resolution, meters=meters)


# Three bars of 4/4; a tick is a sixteenth. C E G-, the same again, then C# and C5 after a rest; in
# the bass C3, C3 with G3, C3. Twelve notes: C six times, E twice, G three times, C# once.
TUNE = score_of(
    [
        *((0, 4, 60), (4, 4, 64), (8, 8, 67)),
        *((16, 4, 60), (20, 4, 64), (24, 8, 67)),
        *((38, 2, 61), (40, 8, 72)),
    ],
    [(0, 16, 48), (16, 16, 48), (16, 16, 55), (32, 16, 48)],
)


def bits(*counts):
    return -sum(n / sum(counts) * math.log2(n / sum(counts)) for n in counts)


@pytest.mark.parametrize(
    ("name", "value"),
    {
        "pitches used": 7,  # C3 G3 C4 C#4 E4 G4 C5
        "pitch classes used": 4,  # C C# E G
        "pitch range": 24,  # C3 to C5
        "pitch-class entropy": 1 / 2 + math.log2(6) / 6 + 2 / 4 + math.log2(12) / 12,
        # The bars have C C E G, C C E G G, and C C C#.
        "pitch-class entropy of one bar": (1.5 + bits(2, 1, 2) + bits(2, 1)) / 3,
        "pitch-class entropy of four bars": bits(6, 2, 3, 1),  # as there are only three
        "scale consistency": 11 / 12,  # all but C# are in C major
        "melodies that end on the tonic": math.nan,  # it is in two parts
        # 4, 3, -7, 4, 3, -6 and 11 above; 7 and -7 below, from the top of the chord.
        "mean leap": (4 + 3 + 7 + 4 + 3 + 6 + 11 + 7 + 7) / 9,
        "mean note length": (1 + 1 + 2 + 1 + 1 + 2 + 0.5 + 2 + 4 * 4) / 12,
        # Onsets are at 0 4 8, at 0 4 8, and at 0 6 8: 16, then 14 of 16 steps agree.
        "groove consistency": (1 + 14 / 16) / 2,
        "groove similarity": (1 + 14 / 16 + 14 / 16) / 3,
        # Two pitches for 16 ticks, three for 16, one for 6, two for 10: 106 in 48 ticks.
        "polyphony": (2 * 16 + 3 * 16 + 1 * 6 + 2 * 10) / 48,
        "polyphony rate": (48 - 6) / 48,
        "notes a bar": 12 / 3,
        "notes a quarter": 12 / 12,
        "bars repeated after one": 0,  # the second bar would, but for its G3
        "bars repeated after two": 0,
        "bars repeated after four": math.nan,
    }.items(),
)
def test_metrics_of_a_tune_worked_out_by_hand(name, value):
    assert METRICS[name](notes_of([TUNE])) == pytest.approx([value], nan_ok=True)


def test_every_metric_has_a_value_worked_out_by_hand():
    (mark,) = test_metrics_of_a_tune_worked_out_by_hand.pytestmark
    assert [name for name, _ in mark.args[1]] == list(METRICS)


def test_entropy_of_windows_at_every_bar():
    # Bars 1 and 2 have C 4, E 2, G 3; bars 2 and 3 have C 4, E 1, G 2, C# 1.
    expected = (bits(4, 2, 3) + 1.75) / 2
    assert general.pitch_class_entropy(notes_of([TUNE]), bars=2) == pytest.approx([expected])


def melody(*notes):
    """Makes a melody of pairs (pitch, quarters), one after the other."""
    starts = accumulate((4 * quarters for _, quarters in notes), initial=0)
    return score_of([(at, 4 * quarters, p) for at, (p, quarters) in zip(starts, notes)])


C_MAJOR = [(60, 2), (62, 1), (64, 2), (65, 1), (67, 2), (69, 1), (71, 1)]
C_MINOR = [(60, 2), (62, 1), (63, 2), (65, 1), (67, 2), (68, 1), (71, 1)]


@pytest.mark.parametrize(
    ("music", "key", "ends"),
    [
        ([*C_MAJOR, (72, 2)], 0, 1),
        ([*C_MAJOR, (67, 2)], 0, 0),  # on the fifth
        ([*C_MINOR, (48, 2)], 12, 1),
        ([*C_MINOR, (63, 2)], 12, 0),  # on the tonic of the relative major
        ([(p - 3, q) for p, q in C_MINOR] + [(57, 2)], 21, 1),  # A minor
        ([(p + 7, q) for p, q in C_MAJOR] + [(71, 1)], 7, 0),  # G major
        ([(61, 1)], 1, 1),
        ([(60, 1), (66, 1)], 0, 1),  # as near to F# major, whose tonic it ends on
    ],
)
def test_which_key_a_melody_is_in_and_whether_it_ends_on_the_tonic(music, key, ends):
    notes = notes_of([TUNE, melody(*music)])
    assert keys.keys_of(notes)[1] == key
    assert np.array_equal(keys.ends_on_tonic(notes), [np.nan, ends], equal_nan=True)


def test_what_two_notes_at_a_time_or_drums_make_of_a_melody():
    in_c = [(4 * n, 4, pitch) for n, (pitch, _) in enumerate([*C_MAJOR, (72, 1)])]
    held, drums = [(0, 5, 60), *in_c[1:]], [(0, 40, 36)]
    pieces = [score_of(in_c), score_of(held), score_of(in_c[::2], in_c[1::2])]
    notes = notes_of([*pieces, score_of(in_c, drums, drums=[1]), score_of(drums, drums=[0])])
    assert np.array_equal(keys.ends_on_tonic(notes), [1, np.nan, 1, 1, np.nan], equal_nan=True)
    assert keys.keys_of(notes).tolist() == [0, 0, 0, 0, -1]


def test_what_is_off_the_scale_of_a_major_and_of_a_minor_key():
    tonic = [(0, 40, 60), (40, 40, 67)]
    major = [*tonic, (80, 20, 64), (100, 4, 61), (104, 4, 66)]  # F# and C# in C major
    minor = [*tonic, (80, 20, 63), (100, 2, 69), (102, 2, 71), (104, 2, 68), (106, 2, 64)]
    drums = [(0, 1, 61)]
    notes = notes_of([score_of(major, drums, drums=[1]), score_of(minor), score_of([])])
    assert keys.keys_of(notes).tolist() == [0, 12, -1]
    assert np.allclose(keys.off_scale(notes), [2 / 5, 1 / 7, np.nan], equal_nan=True)


@pytest.mark.slow
def test_keys_of_chorales_are_those_that_their_signatures_state():
    pieces = chorales("soprano").pieces
    stated = [piece.score.key_signatures[0] for piece in pieces]
    tonics = [(7 * k.key + 9 * k.tonality) % 12 + 12 * k.tonality for k in stated]
    notes = notes_of([piece.score for piece in pieces])
    assert (keys.keys_of(notes) == tonics).mean() > 0.7
    assert 0.7 < keys.ends_on_tonic(notes).mean() < 0.9
    chance = notes_of(shuffled([piece.score for piece in pieces], 0))
    assert keys.ends_on_tonic(chance).mean() < 0.3


def test_polyphony_rate_of_more_pitches():
    notes = notes_of([TUNE])
    shares = [general.polyphony_rate(notes, pitches)[0] for pitches in (1, 3, 4)]
    assert shares == pytest.approx([1, 16 / 48, 0])


@pytest.mark.parametrize(
    ("name", "counts"),
    {
        "pitch": {48: 3, 55: 1, 60: 2, 61: 1, 64: 2, 67: 2, 72: 1},
        "pitch class": {0: 6, 1: 1, 4: 2, 7: 3},
        "note length": {0.5: 1, 1: 4, 2: 3, 4: 4},
        # C E G C E G C# C5, and C3 G3 C3, where G3 is the top of a chord.
        "interval": {4: 2, 3: 2, -7: 2, -6: 1, 11: 1, 7: 1},
        # Onsets at 0 4 8 16 20 24 38 40, and at 0 16 32.
        "inter-onset interval": {1: 4, 2: 1, 3.5: 1, 0.5: 1, 4: 2},
    }.items(),
)
def test_histograms_of_a_tune_worked_out_by_hand(name, counts):
    histogram = HISTOGRAMS[name](notes_of([TUNE]))
    found = dict(zip(histogram.support.tolist(), histogram.counts[0].tolist()))
    assert {value: count for value, count in found.items() if count} == counts
    assert histogram.total.tolist() == histogram.counts[0].tolist()
    assert histogram.shares.sum() == pytest.approx(1)


def test_what_lies_beyond_a_support_is_in_its_last_bin():
    notes = notes_of([score_of([(0, 200, 20), (200, 1, 100), (600, 1, 20)])])
    lengths, intervals, times = (
        HISTOGRAMS[name](notes) for name in ("note length", "interval", "inter-onset interval")
    )
    assert lengths.support[[0, -1]].tolist() == [0.25, 16]
    assert lengths.counts[0, [0, -1]].tolist() == [2, 1]
    assert intervals.support[[0, -1]].tolist() == [-24, 24]
    assert intervals.counts[0, [0, -1]].tolist() == [1, 1]
    assert times.counts[0, -1] == 2


def bars_of(letters):
    """Builds bars: equal letters are equal bars, "-" is an empty one."""
    pitches = {letter: 60 + ord(letter) - ord("A") for letter in set(letters)}
    notes = [
        (16 * bar + at, 4, pitches[letter] + at)
        for bar, letter in enumerate(letters)
        if letter != "-"
        for at in (0, 4)
    ]
    return score_of(notes)


@pytest.mark.parametrize(
    ("letters", "shares"),
    [
        ("AABA", (1 / 3, 1 / 2, math.nan)),
        ("ABABA", (0, 1, 1)),
        ("AAAAB", (3 / 4, 2 / 3, 0)),
        ("A-A", (0, 1, math.nan)),  # the empty bar is not asked after, and equals none
        ("--A--A", (0, 0, math.nan)),  # a piece begins with its first note
        ("A", (math.nan, math.nan, math.nan)),
    ],
)
def test_repetition_after_one_two_and_four_bars(letters, shares):
    found = [general.repetition(notes_of([bars_of(letters)]), bars)[0] for bars in (1, 2, 4)]
    assert found == pytest.approx(shares, nan_ok=True)


@pytest.mark.parametrize(
    ("second", "equal"),
    [
        ([(16, 4, 60), (20, 4, 64)], True),
        ([(16, 4, 60), (20, 4, 65)], False),
        ([(16, 4, 60), (21, 4, 64)], False),
        ([(16, 4, 60), (20, 3, 64)], False),
        ([(16, 4, 60)], False),
        ([(16, 4, 60), (20, 4, 64), (24, 4, 64)], False),
        ([(16, 4, 60), (16, 4, 60), (20, 4, 64)], True),  # a set: doubled is equal
    ],
)
def test_bars_are_equal_if_all_their_notes_are(second, equal):
    notes = notes_of([score_of([(0, 4, 60), (4, 4, 64)], second)])
    assert general.repetition(notes) == [equal]
    assert general.repetition(notes_of([score_of([(0, 4, 60), (4, 4, 64), *second])])) == [equal]


def test_drums_have_rhythm_and_no_pitch():
    with_drums = score_of([(0, 4, 60), (16, 4, 64)], [(8, 1, 36), (10, 1, 38)], drums=[1])
    drums = score_of([(0, 1, 36), (0, 1, 38), (4, 1, 36)], drums=[0])
    notes = notes_of([with_drums, drums])
    values = {name: metric(notes).tolist() for name, metric in METRICS.items()}
    for name in ("pitches used", "pitch classes used", "pitch range", "polyphony"):
        assert np.isnan(values[name][1])
    assert [values[name][0] for name in ("pitches used", "polyphony")] == [2, 1]
    assert general.polyphony_rate(notes, 1)[0] == 8 / 20
    assert values["notes a bar"] == [2, 3]
    assert values["groove consistency"][0] == 1 - 2 / 16
    counts = {name: histogram(notes).counts.sum(axis=1) for name, histogram in HISTOGRAMS.items()}
    assert counts["note length"].tolist() == [2, 0]
    assert counts["interval"].tolist() == [1, 0]
    assert counts["inter-onset interval"].tolist() == [2, 1]


def test_a_piece_without_notes_has_no_value():
    notes = notes_of([Score(480), TUNE, score_of([])])
    for metric in METRICS.values():
        values = metric(notes)
        assert np.isnan(values[[0, 2]]).all()
        assert np.array_equal(values[1:2], metric(notes_of([TUNE])), equal_nan=True)
    for histogram in HISTOGRAMS.values():
        assert np.isnan(histogram(notes).shares[[0, 2]]).all()
        assert not histogram(notes).counts[[0, 2]].any()


def test_notes_have_a_length_and_a_repr():
    notes = notes_of([TUNE, Score(4)])
    assert len(notes) == 12
    assert repr(notes) == "<Notes: 12 notes of 2 pieces>"


def test_steps_are_the_nearest_and_halves_go_up():
    # Six ticks to the quarter: at two steps each, a step is three ticks.
    notes = notes_of([score_of([(0, 1, 60), (1, 2, 60), (2, 4, 60), (5, 5, 60)], resolution=6)], 2)
    assert notes.step.tolist() == [0, 0, 1, 2]
    assert notes.length.tolist() == [1, 1, 1, 2]
    notes = notes_of([score_of([(1, 3, 60), (2, 1, 60)], resolution=8)], 4)
    assert notes.step.tolist() == [1, 1]  # half a step, and one
    assert notes.length.tolist() == [2, 1]
    assert (notes.start.tolist(), notes.end.tolist()) == ([1, 2], [4, 3])


@pytest.mark.parametrize(
    ("starts", "resolution", "meters", "lines", "bars", "positions"),
    [
        # A bar of 4/4, cut after 3 quarters by 3/4; two of these; then 6/8 from the third's end.
        (
            (0, 13, 23, 24, 36, 47),
            *(4, [(0, 4, 4), (12, 3, 4), (36, 6, 8)]),
            *([0, 12, 24, 36], [0, 1, 1, 2, 3, 3], [0, 1, 11, 0, 0, 11]),
        ),
        # A note just before a bar line is on it.
        ((0, 1900), 480, [], [0, 16], [0, 1], [0, 0]),
        # Bars of 5/32 have 2.5 steps, those of 1/32 half a step; a meter of 0/4 has no bars at all.
        ((0, 9), 4, [(0, 5, 32)], [0, 3, 5, 8], [0, 3], [0, 1]),
        ((0, 3), 4, [(0, 1, 32)], [0, 1, 2, 3], [0, 3], [0, 0]),
        ((0, 40), 4, [(0, 0, 4)], [0], [0, 0], [0, 40]),
    ],
)
def test_bars_follow_the_meter(starts, resolution, meters, lines, bars, positions):
    score = score_of([(at, 1, 60) for at in starts], resolution=resolution, meters=meters)
    notes = notes_of([score])
    assert notes.bar_start.tolist() == lines
    assert notes.bar_steps.tolist()[:-1] == np.diff(lines).tolist()
    assert notes.bar.tolist() == bars
    assert notes.position.tolist() == positions
    assert notes.bars.tolist() == [len(lines)]


def test_bars_of_different_lengths_are_not_compared_for_groove():
    score = score_of(
        [(0, 16, 60), (16, 12, 60), (29, 11, 60), (40, 4, 60)],
        meters=[(0, 4, 4), (16, 3, 4)],
    )
    notes = notes_of([score])  # onsets at 0 of 16; at 0, 1 and 0 of 12
    assert general.groove_consistency(notes) == pytest.approx([(1 - 2 / 12 + 1 - 2 / 12) / 2])
    assert general.groove_similarity(notes) == pytest.approx([(10 / 12 + 12 / 12 + 10 / 12) / 3])


LATE = score_of([(2**28, 4, 60)], resolution=1, meters=[(0, 1, 4)])
NEGATIVE = "has a note that begins before tick 0"


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        *((notes_of, (scores,), "scores=") for scores in ([], [TUNE, "a.mid"])),
        *((notes_of, ([TUNE], steps), "steps_per_quarter=") for steps in (0, 961)),
        (general.pitch_class_entropy, (notes_of([TUNE]), 0), "bars=0"),
        (general.polyphony_rate, (notes_of([TUNE]), 0), "pitches=0"),
        (general.repetition, (notes_of([TUNE]), 0), "bars=0"),
        *((shuffled, (scores,), "scores=") for scores in ([], [TUNE, "a.mid"])),
        (notes_of, ([TUNE, score_of([(-1, 4, 60)])],), rf"scores\[1\] {NEGATIVE}"),
        (notes_of, ([TUNE, score_of([(0, -4, 60)])],), rf"scores\[1\] {NEGATIVE}"),
        (notes_of, ([TUNE, score_of([(0, 4, -1)])],), rf"scores\[1\] {NEGATIVE}"),
        (notes_of, ([LATE],), r"scores\[0\] has more than 1,000,000 bars"),
        *((metric, ([TUNE],), "notes=") for metric in (*METRICS.values(), *HISTOGRAMS.values())),
    ],
)
def test_impossible_arguments_are_refused(function, arguments, message):
    with pytest.raises(ValueError, match=message):
        function(*arguments)


# A second implementation, note by note, with fractions for time.


def plain_bars(score, per_quarter, steps, last):
    """Gives the first and the last step of each bar, from the first note to the last one's end."""
    meters = [(0, 4, 4), *((m.time, m.numerator, m.denominator) for m in score.time_signatures)]
    lines = [Fraction(0)]
    while steps(lines[-1]) < last:
        top, bottom = [meter[1:] for meter in meters if meter[0] <= lines[-1]][-1]
        line = lines[-1] + Fraction(4 * score.ticks_per_quarter * top, bottom)
        lines.append(min([line, *(m[0] for m in meters if lines[-1] < m[0] < line)]))
    bars = [(a, b) for a, b in pairwise(map(steps, lines)) if a < b]
    onsets = [steps(note.time) for track in score.tracks for note in track.notes]
    return [bar for bar in bars if bar[1] > min(onsets)]


def plain_metrics(score, per_quarter):
    def steps(tick):
        return math.floor(Fraction(tick) * per_quarter / score.ticks_per_quarter + Fraction(1, 2))

    def mean(values):
        return sum(values) / len(values) if values else math.nan

    tracks = [
        [(steps(n.time), n.pitch, max(steps(n.duration), 1), n) for n in track.notes]
        for track in score.tracks
    ]
    everything = [(*row, t.is_drum) for t, rows in zip(score.tracks, tracks) for row in rows]
    pitched = [row for row in everything if not row[4]]
    last = max(steps(n.time + n.duration) for *_, n, _ in everything)
    last = max(last, *(step + 1 for step, *_ in everything))
    bars = plain_bars(score, per_quarter, steps, last)
    inside = [[row for row in everything if a <= row[0] < b] for a, b in bars]
    sets = [{(s - a, p, n, d) for s, p, n, _, d in bar} for bar, (a, _) in zip(inside, bars)]
    grooves = [{s - a for s, *_ in bar} for bar, (a, _) in zip(inside, bars)]
    lengths = [b - a for a, b in bars]

    def entropy(rows):
        classes = Counter(p % 12 for _, p, _, _, d in rows if not d)
        return bits(*classes.values()) if classes else math.nan

    def windows(width):
        found = [
            entropy([row for bar in inside[first : first + width] for row in bar])
            for first in range(max(len(bars) - width, 0) + 1)
        ]
        return mean([value for value in found if not math.isnan(value)])

    def agree(pairs):
        pairs = [(a, b) for a, b in pairs if lengths[a] == lengths[b]]
        return mean([1 - len(grooves[a] ^ grooves[b]) / lengths[a] for a, b in pairs])

    def repeated(bars):
        places = range(bars, len(sets))
        return mean([sets[place] == sets[place - bars] for place in places if sets[place]])

    def tonic():
        played = sorted(notes, key=lambda n: n.time)
        if not played or any(a.time + a.duration > b.time for a, b in pairwise(played)):
            return math.nan
        lasts = [sum(n.duration for n in notes if n.pitch % 12 == p) for p in range(12)]
        far = {
            (root, mode): sum(
                (lasts[(root + k) % 12] / sum(lasts) - profile[k]) ** 2 for k in range(12)
            )
            for root in range(12)
            for mode, profile in enumerate([MAJOR, MINOR])
        }
        nearest = min(far.values())
        tonics = {root for (root, _), value in far.items() if value < nearest + 1e-12}
        return float(played[-1].pitch % 12 in tonics)

    leaps = []
    for track, rows in zip(score.tracks, tracks):
        tops = {}
        for step, pitch, *_ in [] if track.is_drum else rows:
            tops[step] = max(pitch, tops.get(step, 0))
        line = [tops[step] for step in sorted(tops)]
        leaps += [min(abs(b - a), 24) for a, b in pairwise(line)]
    notes = [n for *_, n, d in pitched]
    sounding = [
        len({n.pitch for n in notes if n.time <= tick < n.time + n.duration})
        for tick in range(
            min((n.time for n in notes), default=0),
            max((n.time + n.duration for n in notes), default=0),
        )
    ]
    pitches = [n.pitch for n in notes]
    start = min(n.time for *_, n, _ in everything)
    end = max(n.time + n.duration for *_, n, _ in everything)
    values = {
        "pitches used": len(set(pitches)) or math.nan,
        "pitch classes used": len({p % 12 for p in pitches}) or math.nan,
        "pitch range": max(pitches) - min(pitches) if pitches else math.nan,
        "pitch-class entropy": entropy(everything),
        "pitch-class entropy of one bar": windows(1),
        "pitch-class entropy of four bars": windows(4),
        "scale consistency": max(
            mean([(p - root) % 12 in mode for p in pitches])
            for root in range(12)
            for mode in ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
        ),
        "melodies that end on the tonic": tonic(),
        "mean leap": mean([step for step in leaps if step]),
        "mean note length": mean([min(r[2] / per_quarter, 16) for r in pitched]),
        "groove consistency": agree(list(pairwise(range(len(bars))))),
        "groove similarity": agree(list(combinations(range(len(bars)), 2))),
        "polyphony": mean([level for level in sounding if level]),
        "polyphony rate": mean([level >= 2 for level in sounding]),
        "notes a bar": len(everything) / len(bars),
        "notes a quarter": len(everything) * score.ticks_per_quarter / (end - start),
        "bars repeated after one": repeated(1),
        "bars repeated after two": repeated(2),
        "bars repeated after four": repeated(4),
    }
    histogram = {name: Counter() for name in HISTOGRAMS}
    for track, rows in zip(score.tracks, tracks):
        onsets = sorted({row[0] for row in rows})
        for a, b in pairwise(onsets):
            histogram["inter-onset interval"][min((b - a) / per_quarter, 16)] += 1
            top = {step: max(row[1] for row in rows if row[0] == step) for step in (a, b)}
            if not track.is_drum:
                histogram["interval"][max(-24, min(top[b] - top[a], 24))] += 1
        for _, pitch, length, _ in [] if track.is_drum else rows:
            histogram["pitch"][pitch] += 1
            histogram["pitch class"][pitch % 12] += 1
            histogram["note length"][min(length / per_quarter, 16)] += 1
    return values, histogram


@st.composite
def scores(draw, meters=True, drums=True, resolutions=(1, 3, 4, 5, 24)):
    """Draws scores of one to three tracks, whose notes may overlap and stand in any order."""
    resolution = draw(st.sampled_from(resolutions))
    times = st.integers(0, 14 * resolution)
    note = st.tuples(times, st.integers(1, 5 * resolution), st.integers(30, 90))
    some = st.lists(note, min_size=1, max_size=12)
    if draw(st.booleans()):  # few pitches and places, so that much is equal
        places = st.integers(0, 14).map(lambda quarter: quarter * resolution)
        note = st.tuples(places, st.just(resolution), st.sampled_from([60, 64]))
        some = st.lists(note, min_size=1, max_size=25)
    tracks = draw(st.lists(some, min_size=1, max_size=3))
    changes = []
    if meters:
        meter = st.sampled_from([(2, 4), (3, 4), (4, 4), (3, 8), (5, 16), (7, 32)])
        changes = draw(st.lists(st.tuples(times, meter), max_size=3, unique_by=lambda c: c[0]))
        changes = [(time, *meter) for time, meter in sorted(changes)]
    drum = draw(st.sets(st.integers(0, 2))) if drums else ()
    return score_of(*tracks, resolution=resolution, meters=changes, drums=drum)


@settings(max_examples=100)
@given(st.lists(scores(), min_size=1, max_size=3), st.sampled_from([1, 2, 4, 12]))
def test_metrics_equal_those_of_a_plain_implementation(pieces, per_quarter):
    notes = notes_of(pieces, per_quarter)
    expected = [plain_metrics(piece, per_quarter) for piece in pieces]
    for name, metric in METRICS.items():
        values = [values[name] for values, _ in expected]
        assert metric(notes) == pytest.approx(values, nan_ok=True), name
    for name, function in HISTOGRAMS.items():
        found = function(notes)
        for counts, (_, counters) in zip(found.counts, expected):
            counter = {v: n for v, n in zip(found.support.tolist(), counts.tolist()) if n}
            assert counter == counters[name], name


def moved(score, ticks=0, semitones=0):
    score = score.copy()
    for track in score.tracks:
        for note in track.notes:
            note.time += ticks
            note.pitch += semitones
    return score


def all_values(score):
    notes = notes_of([score])
    values = {name: metric(notes)[0] for name, metric in METRICS.items()}
    return values | {name: function(notes).counts[0] for name, function in HISTOGRAMS.items()}


def assert_equal(before, after):
    for name, value in before.items():
        assert after[name] == pytest.approx(value, nan_ok=True), name


@settings(max_examples=60)
@given(scores(drums=False), st.integers(-24, 24))
def test_transposed_music_has_the_same_values(score, semitones):
    before = all_values(score)
    before["pitch"] = np.roll(before["pitch"], semitones)
    before["pitch class"] = np.roll(before["pitch class"], semitones)
    assert_equal(before, all_values(moved(score, semitones=semitones)))


@settings(max_examples=60)
@given(scores(meters=False), st.integers(1, 5))
def test_silent_bars_before_change_nothing(score, bars):
    later = moved(score, ticks=bars * 4 * score.ticks_per_quarter)
    assert_equal(all_values(score), all_values(later))


@settings(max_examples=60)
@given(scores())
def test_neither_the_order_of_tracks_nor_that_of_notes_matters(score):
    other = score.copy()
    for track in other.tracks:
        track.notes = type(track.notes)(list(track.notes)[::-1])
    other.tracks = type(other.tracks)(list(other.tracks)[::-1])
    assert_equal(all_values(score), all_values(other))


# The shuffled control.


def rows_of(track):
    return [(note.time, note.duration, note.pitch, note.velocity) for note in track.notes]


def chords_of(track):
    """Gives the chords of a track, each the notes of one tick and the time to the next chord."""
    starts = sorted({note.time for note in track.notes})
    ends = [*starts[1:], max((n.time + n.duration for n in track.notes), default=0)]
    return [
        (end - start, sorted(row[1:] for row in rows_of(track) if row[0] == start))
        for start, end in zip(starts, ends)
    ]


@settings(max_examples=60)
@given(scores(), st.integers(0, 2**63 - 1))
def test_shuffled_music_keeps_its_chords_and_how_long_they_take(score, seed):
    before = score.copy()
    (after,) = shuffled([score], seed)
    assert score == before
    assert (after.ticks_per_quarter, after.time_signatures, len(after.tracks)) == (
        before.ticks_per_quarter,
        before.time_signatures,
        len(before.tracks),
    )
    for old, new in zip(before.tracks, after.tracks):
        assert (old.name, old.is_drum) == (new.name, new.is_drum)
        assert sorted(row[1:] for row in rows_of(old)) == sorted(row[1:] for row in rows_of(new))
        chords, times = chords_of(old), [row[0] for row in rows_of(new)]
        assert times == sorted(times)
        assert new.start() == old.start()
        # All but the last chord take the time that they took.
        assert not Counter(map(repr, chords_of(new)[:-1])) - Counter(map(repr, chords))
        assert sorted(notes for _, notes in chords) == sorted(n for _, n in chords_of(new))


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 8), st.integers(0, 4), st.integers(40, 80)), min_size=1),
    st.integers(0, 99),
)
def test_a_shuffled_voice_ends_where_it_ended_or_earlier_by_a_rest(events, seed):
    notes, time = [], 3
    for duration, rest, pitch in events:
        notes.append((time, duration, pitch))
        time += duration + rest
    (after,) = shuffled([score_of(notes)], seed)
    end = time - events[-1][1]
    assert end - max(rest for _, rest, _ in events) <= after.end() <= end
    ordered = sorted(rows_of(after.tracks[0]))
    assert all(a[0] + a[1] <= b[0] for a, b in pairwise(ordered))  # one note at a time


def test_a_seed_shuffles_the_same_way_and_each_track_and_piece_its_own():
    line = [(4 * n, 4, 40 + n) for n in range(40)]
    score = score_of(line, line)
    first, again = shuffled([score, score], 7), shuffled([score, score], 7)
    assert first == again
    assert shuffled([score], 7)[0] == first[0]
    orders = [
        [note.pitch for note in track.notes]
        for piece in [*first, *shuffled([score], 8)]
        for track in piece.tracks
    ]
    assert all(sorted(order) == list(range(40, 80)) for order in orders)
    assert len({tuple(order) for order in [*orders, range(40, 80)]}) == 7


def test_shuffling_reaches_every_order_alike():
    score = score_of([(0, 1, 60), (1, 2, 61), (3, 4, 62)])
    orders = Counter(
        tuple((note.pitch, note.time) for note in shuffled([score], seed)[0].tracks[0].notes)
        for seed in range(600)
    )
    assert len(orders) == 6
    assert min(orders.values()) > 70  # 100 each are expected, 9 their standard deviation
    assert ((62, 0), (60, 4), (61, 5)) in orders


def test_silence_is_shuffled_to_silence():
    score = score_of([], [(4, 4, 60)])
    assert shuffled([score, Score(4)]) == [score, Score(4)]


@settings(max_examples=40)
@given(scores())
def test_shuffling_keeps_what_does_not_depend_on_order(score):
    before, after = (all_values(piece) for piece in (score, *shuffled([score], 3)))
    names = ["pitches used", "pitch classes used", "pitch range", "pitch-class entropy"]
    names += ["scale consistency", "pitch", "pitch class", "note length"]
    assert_equal({name: before[name] for name in names}, after)


def test_shuffling_a_repeated_tune_ends_its_repetition():
    phrase = [(0, 4, 60), (4, 2, 62), (6, 2, 64), (8, 6, 65), (14, 2, 67)]
    notes = [(start + 16 * bar, *rest) for bar in range(32) for start, *rest in phrase]
    real, control = (
        notes_of(pieces) for pieces in ([score_of(notes)], shuffled([score_of(notes)]))
    )
    assert general.repetition(real) == general.groove_similarity(real) == 1
    assert general.repetition(control) < 0.1
    assert general.groove_similarity(control) < 0.8
    assert histograms.pitch_histogram(real).total.tolist() == (
        histograms.pitch_histogram(control).total.tolist()
    )
