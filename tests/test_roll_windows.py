"""Phrases for training: every window of whole bars in the right meter, and no other."""

from __future__ import annotations

import numpy as np
import pytest
from scores import score_of as make_score

from musegen.encoding import PianorollEncoding
from musegen.encoding.pianoroll import HELD, RollTrack
from musegen.training.roll_windows import RollWindows

# Steps are quarter notes, of 24 ticks; pitches are 60 to 71.
LINE = PianorollEncoding(("line",), steps=4, lowest=60, pitches=12)
BAND = PianorollEncoding(
    (RollTrack("line"), RollTrack("organ", voice="all"), RollTrack("kit", 0, True, "all")),
    steps=4,
    lowest=60,
    pitches=12,
)


def score_of(notes, meters=((0, 4, 4),), encoding=LINE):
    """A score of `(track, quarter, quarters, pitch)` notes."""

    def of(name):
        return [(24 * begin, 24 * length, p) for track, begin, length, p in notes if track == name]

    tracks = [(one.name, one.program, one.is_drum, of(one.name)) for one in encoding.tracks]
    return make_score(*tracks, meters=[(24 * time, top, bottom) for time, top, bottom in meters])


def line(pitches, begin=0, length=1):
    """Notes one after another."""
    return [("line", begin + i * length, length, pitch) for i, pitch in enumerate(pitches)]


def begins(score, bars, encoding=LINE):
    """The step at which each phrase begins; none if there is no phrase."""
    try:
        windows = RollWindows([score], encoding, bars)
    except ValueError:
        return []
    return [int(step) for _, step in windows._begins]


def text(phrase, track=0):
    """A monophonic phrase as a line of pitches, with `-` where one sounds on."""
    words = []
    for step in phrase[..., track].reshape(-1, phrase.shape[2]):
        sounding = np.flatnonzero(step)
        assert len(sounding) <= 1
        words.append(
            "." if not len(sounding) else "-" if step[sounding[0]] == HELD else str(sounding[0])
        )
    return " ".join(words)


# --- which phrases there are ---------------------------------------------------------------------


FIVE_BARS = line([60, 62, 64, 65] * 5)
GAP = [*line([60] * 4), *line([62] * 8, begin=8)]
THREE = PianorollEncoding(("line",), steps=3, meter=(3, 4), lowest=60, pitches=12)
CHANGES = (0, 4, 4), (8, 3, 4), (14, 4, 4)  # two bars of each


@pytest.mark.parametrize(
    ("notes", "meters", "encoding", "expected"),
    [
        # Every bar begins a phrase.
        (FIVE_BARS, [(0, 4, 4)], LINE, [[0, 4, 8, 12, 16], [0, 4, 8, 12], [0, 4, 8], [0, 4], [0]]),
        # A pickup does not, be it one quarter before the second bar or a bar of its own.
        (line([60] * 9, begin=3), [(0, 4, 4)], LINE, [[4, 8], [4]]),
        (line([60] * 9), [(0, 1, 4), (1, 4, 4)], LINE, [[1, 5], [1]]),
        # Bars of another meter do not, and no phrase crosses into them.
        (line([60] * 22), CHANGES, LINE, [[0, 4, 14, 18], [0, 14], []]),
        (line([60] * 22), CHANGES, THREE, [[8, 11], [8], []]),
        (line([60] * 8), [(0, 2, 2)], LINE, [[]]),  # it sounds alike
        # A bar that another meter cuts short is none: six quarters are a bar and a half.
        (line([60] * 16), [(0, 4, 4), (6, 3, 4)], LINE, [[0], []]),
        # A meter that is stated again changes nothing.
        (line([60] * 16), [(0, 4, 4), (8, 4, 4)], LINE, [[0, 4, 8, 12], [0, 4, 8]]),
        # An empty bar is in no phrase.
        (GAP, [(0, 4, 4)], LINE, [[0, 8, 12], [8], []]),
        ([], [(0, 4, 4)], LINE, [[]]),
    ],
)
def test_phrases_begin_at_whole_bars_of_the_meter(notes, meters, encoding, expected):
    score = score_of(notes, meters)
    assert [begins(score, bars + 1, encoding) for bars in range(len(expected))] == expected


def test_a_piece_too_short_has_none():
    score = score_of(line([60] * 8))
    with pytest.raises(ValueError, match=r"No piece has a phrase of 3 whole bars of 4/4\. Take"):
        RollWindows([score], LINE, 3)
    assert RollWindows([score, score_of(line([60] * 12)), score], LINE, 3).phrases == 1


def test_a_short_last_bar_is_held_to_its_end():
    score = score_of([*line([60, 62, 64, 65, 67]), ("line", 5, 2, 69)])  # 3 of 4 quarters
    windows = RollWindows([score], LINE, 1)
    assert [text(windows.phrase(i)) for i in range(2)] == ["0 2 4 5", "7 9 - -"]
    pickup = score_of(line([60, 62, 64, 65, 67]), ((0, 1, 4), (1, 4, 4)))
    assert text(RollWindows([pickup], LINE, 1).phrase(0)) == "2 4 5 7"


def test_only_what_sounds_in_the_last_bar_is_held():
    notes = [("line", 0, 3, 60), ("organ", 0, 6, 60), ("organ", 2, 5, 64), ("organ", 5, 1, 67)]
    notes.append(("kit", 0, 1, 60))
    roll = RollWindows([score_of(notes, encoding=BAND)], BAND, 2)[0][0].reshape(8, 12, 3)
    sounds = [(roll[:, pitch, 1] > 0).astype(int).tolist() for pitch in (0, 4, 7)]
    assert sounds == [[1] * 6 + [0] * 2, [0, 0] + [1] * 6, [0] * 5 + [1, 0, 0]]
    assert (roll[:3, 0, 0] > 0).all()
    assert not (roll[3:, :, 0] > 0).any()  # it ended in the bar before


def test_against_a_second_count_over_random_scores():
    """A window of a random piece in 4/4 is a phrase if each of its bars is whole and sounds."""
    random = np.random.default_rng(0)
    for _ in range(60):
        bars = int(random.integers(1, 4))
        notes, time = [], int(random.integers(0, 4))
        for _ in range(random.integers(1, 14)):
            length = int(random.choice([1, 2, 3, 5]))
            notes.append(("line", time, length, int(random.integers(60, 72))))
            time += length + int(random.choice([0, 0, 0, 4, 9]))
        end = notes[-1][1] + notes[-1][2]
        sounding = {step for _, begin, length, _ in notes for step in range(begin, begin + length)}
        sounding |= set(range(end, -(-end // 4) * 4))  # the last note is held
        expected = [
            begin
            for begin in range(0, -(-end // 4) * 4 - 4 * bars + 1, 4)
            if begin in sounding
            and all(sounding & set(range(begin + 4 * b, begin + 4 * b + 4)) for b in range(bars))
        ]
        assert begins(score_of(notes), bars) == expected


# --- what is in them -----------------------------------------------------------------------------


def test_a_note_tied_into_a_phrase_begins_with_it():
    score = score_of([("line", 0, 6, 60), ("line", 6, 2, 64), ("line", 8, 4, 64)])
    windows = RollWindows([score], LINE, 1)
    assert [text(windows.phrase(i)) for i in range(3)] == ["0 - - -", "0 - 4 -", "4 - - -"]
    assert text(RollWindows([score], LINE, 2).phrase(0)) == "0 - - - - - 4 -"
    # Cutting one phrase changes no other.
    assert [text(windows.phrase(i)) for i in range(3)] == ["0 - - -", "0 - 4 -", "4 - - -"]


def test_the_last_batch_has_what_is_left():
    score = score_of(line([60, 62, 64, 65] * 5))
    windows = RollWindows([score, score], LINE, 1, batch_size=4)
    assert windows.phrases == 10
    assert windows.num_batches == 3
    batches = [windows[i] for i in range(3)]
    assert [batch.shape for batch in batches] == [(n, 1, 4, 12, 1) for n in (4, 4, 2)]
    assert {batch.dtype for batch in batches} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(np.concatenate(batches)[3], windows.phrase(3))


# --- epochs --------------------------------------------------------------------------------------


def melodies(count=12, seed=0, encoding=BAND):
    """Random pieces of three bars, of which one has a narrow line."""
    random = np.random.default_rng(seed)
    pieces = []
    for number in range(count):
        low, high = (60 + number % 5, 63 + number % 5) if number else (64, 65)
        notes = [("line", i, 1, int(random.integers(low, high))) for i in range(12)]
        notes += [("organ", i, 4, int(p)) for i in (0, 4, 8) for p in random.choice(7, 3) + 62]
        notes += [("kit", i, 1, 60 + i % 12) for i in range(12)]
        pieces.append(score_of(notes, encoding=encoding))
    return pieces


def drawn_windows(seed):
    return RollWindows(melodies(), BAND, 2, 5, shuffle=True, transpose=4, seed=seed)


def epoch_of(windows, epoch):
    windows.start_epoch(epoch)
    return np.concatenate([windows[i] for i in range(windows.num_batches)])


def shape_of(phrase, track):
    """A phrase of a track, moved so that its lowest pitch is 0."""
    cells = phrase[..., track].reshape(-1, phrase.shape[2])
    sounding = np.flatnonzero(cells.any(axis=0))
    return np.roll(cells, -sounding[0], axis=1).tobytes(), int(sounding[0]), int(sounding[-1])


def test_every_phrase_comes_once_an_epoch_in_one_of_its_keys():
    plain = RollWindows(melodies(), BAND, 2, 5)
    unmoved = np.concatenate([plain[i] for i in range(plain.num_batches)])
    ranges = [[shape_of(phrase, track)[1:] for phrase in unmoved] for track in (0, 1)]
    lowest = [min(low for low, _ in track) for track in ranges]
    highest = [max(high for _, high in track) for track in ranges]
    expected = sorted((shape_of(p, 0)[0], shape_of(p, 1)[0]) for p in unmoved)
    windows = drawn_windows(seed=3)
    moves = set()
    for epoch in range(6):
        phrases = epoch_of(windows, epoch)
        assert sorted((shape_of(p, 0)[0], shape_of(p, 1)[0]) for p in phrases) == expected
        for phrase in phrases:
            for track in (0, 1):
                _, low, high = shape_of(phrase, track)
                assert lowest[track] <= low <= high <= highest[track]
        moves |= {int(shift) for shift in windows._shifts}
        drums = [phrase[..., 2].tobytes() for phrase in phrases]
        assert sorted(drums) == sorted(phrase[..., 2].tobytes() for phrase in unmoved)
    assert min(moves) < 0 < max(moves)
    assert max(map(abs, moves)) <= 4


def test_tracks_move_together_and_as_far_as_all_can():
    notes = [("line", i, 1, 64) for i in range(4)] + [("organ", 0, 4, 60), ("organ", 0, 4, 70)]
    wide = [("line", 0, 1, 60), ("line", 1, 3, 71), ("organ", 0, 4, 61), ("organ", 0, 4, 71)]
    wide.append(("kit", 0, 1, 60))
    pieces = [score_of(one, encoding=BAND) for one in (notes, wide)]
    windows = RollWindows(pieces, BAND, 1, shuffle=False, transpose=6)
    shifts = set()
    for epoch in range(40):
        first, second = epoch_of(windows, epoch)
        shifts.add(int(windows._shifts[0]))
        move = int(windows._shifts[0])
        assert [shape_of(first, 0)[1], shape_of(first, 1)[1]] == [4 + move, 0 + move]
        assert shape_of(second, 0)[1:] == (0, 11)  # it fills its range
    assert shifts == {0, 1}  # the organ is in the way of more


def test_a_track_that_is_silent_in_a_phrase_is_in_nobodys_way():
    full = [("line", i, 1, 65) for i in range(4)]
    organ = [("organ", 0, 4, 60), ("organ", 0, 4, 71), ("kit", 0, 1, 60)]
    both = [*line([60, 71, 60, 71]), *organ]
    pieces = [score_of(one, encoding=BAND) for one in (full, both)]
    windows = RollWindows(pieces, BAND, 1, transpose=3)
    shifts = set()
    for epoch in range(60):
        windows.start_epoch(epoch)
        shifts.add(int(windows._shifts[0]))
        assert windows._shifts[1] == 0
    assert shifts == set(range(-3, 4))
    # Drums alone may be "moved" anywhere, and stay.
    alone = score_of([("kit", 0, 4, 63)], encoding=BAND)
    kit = RollWindows([alone, pieces[1]], BAND, 1, transpose=3)
    for epoch in range(5):
        assert np.flatnonzero(epoch_of(kit, epoch)[0, 0, 0, :, 2]).tolist() == [3]


def test_a_track_that_sounds_in_no_phrase_is_refused():
    duo = score_of([*line([60] * 4), ("organ", 0, 4, 64)], encoding=BAND)
    with pytest.raises(ValueError, match=r"^'kit': no phrase has a note .*encoding of the 2 that"):
        RollWindows([duo], BAND, 1)
    low = score_of([*line([60] * 4), ("organ", 0, 4, 40), ("kit", 0, 1, 60)], encoding=BAND)
    with pytest.raises(ValueError, match=r"^'organ': no phrase has a note .*range of the encoding"):
        RollWindows([low], BAND, 1)


def test_an_epoch_has_the_same_draws_whatever_came_before():
    one, other, third = map(drawn_windows, (3, 3, 4))
    expected = [epoch_of(one, epoch) for epoch in range(5)]
    np.testing.assert_array_equal(epoch_of(other, 4), expected[4])
    np.testing.assert_array_equal(epoch_of(other, 1), expected[1])
    assert not np.array_equal(expected[0], expected[1])
    assert not np.array_equal(epoch_of(third, 1), expected[1])


def test_unshuffled_and_unmoved_it_is_the_pieces_in_order():
    windows = RollWindows(melodies(), BAND, 1, 7)
    expected = np.concatenate([np.asarray(BAND.encode(piece)) for piece in melodies()])
    for epoch in (0, 3):
        found = epoch_of(windows, epoch).reshape(expected.shape)
        np.testing.assert_array_equal(found > 0, expected > 0)
