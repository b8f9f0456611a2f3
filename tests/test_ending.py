"""How melodies end: where they were to, drawn in proportion to the model's own end."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from test_sampling import agree, make

from musegen.encoding.keys import is_tonic, key_distances, key_from
from musegen.encoding.melody import END, START, Melody
from musegen.encoding.tonic import melody_comes_home, sounded
from musegen.evaluation import notes_of
from musegen.evaluation.keys import ends_on_tonic, keys_of
from musegen.sampling import writer
from musegen.sampling.ending import branches, draw, ending_steps, is_wanted
from musegen.sampling.writer import Written

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(autouse=True)
def _few_candidates(monkeypatch):
    monkeypatch.setattr(writer, "CANDIDATES", 3)


@pytest.mark.parametrize(
    ("steps", "total", "look", "place"),
    [
        ([24, 24, 24, 24, 0], 96, 48, 2),
        ([24, 36, 36], 96, 48, 2),  # a note that sounds at the point is not part of the ending
        ([24, 24], 48, 200, 0),
        ([12, 96], 108, 24, 1),  # the last note is longer than an ending
        ([96], 96, 24, 0),
        ([48, 48, 48], 96, 48, 1),  # what begins after the total is none of it
    ],
)
def test_where_an_ending_begins(steps, total, look, place):
    assert branches(np.array(steps), total, look) == place


def test_an_ending_is_two_long_bars_or_four_short_ones():
    assert ending_steps(np.array([96, 144, 72, 36])).tolist() == [192, 288, 288, 144]


def test_one_of_the_endings_is_drawn_in_proportion_to_the_end_and_as_often_at_home():
    nats, home = np.log([0.1, 0.3, 0.3, 0.1]), [[True], [True], [False], [False]]
    for share, expected in (
        (0.8, [0.2, 0.6, 0.15, 0.05]),
        (None, [0.125, 0.375, 0.375, 0.125]),
        (0.0, [0, 0, 0.75, 0.25]),
    ):
        randoms = map(np.random.default_rng, range(1000))
        draws = Counter(draw(nats, home, [is_wanted(share, one)], one) for one in randoms)
        counts, expected = np.array([draws[i] for i in range(4)]), 1000 * np.array(expected)
        there = expected > 0
        assert counts[~there].sum() == 0
        off = (counts - expected)[there] ** 2 / expected[there]
        assert off.sum() < 21.2  # chi-square, 1 of 10,000
    for wanted in (False, True):  # there is but one kind
        assert draw(nats[:1], home[:1], [wanted], np.random.default_rng(0)) == 0


@pytest.mark.parametrize(
    ("wanted", "drawn"),
    [
        ((True, True), {0}),
        ((True, False), {0}),  # none is both: what is asked first counts most
        ((False, False), {2}),
        ((None, False), {2}),
        ((False, None), {1, 2}),
        ((None, None), {0, 1, 2}),
    ],
)
def test_of_several_ways_to_end_as_many_as_can_be_had_are(wanted, drawn):
    ends = [(True, True), (False, True), (False, False)]
    randoms = map(np.random.default_rng, range(40))
    assert {draw([0.0] * 3, ends, wanted, random) for random in randoms} == drawn


@pytest.mark.slow
def test_more_endings_are_written_where_none_comes_home_that_is_to(model, monkeypatch):
    """Of one candidate a round few do, of forty nearly all."""
    monkeypatch.setattr(model, "tonic_share", 1.0)
    monkeypatch.setattr(writer, "CANDIDATES", 1)
    shares = []
    for rounds in (1, 40):
        monkeypatch.setattr(writer, "ROUNDS", rounds)
        pieces = model.sample(bars=2, seed=5, count=16, meter=(3, 4), temperature=1.5)
        agree(model, pieces)
        steps = model.encoding.steps
        shares.append(
            np.mean(
                [melody_comes_home(p.melody.pitches, steps[p.melody.durations]) for p in pieces]
            )
        )
    assert shares[0] < 0.6 < 0.9 < shares[1]


def test_bars_are_filled_and_end(model, bars=3):
    pieces = model.sample(bars=bars, seed=5, count=3, meter=(3, 4))
    for piece in pieces:
        assert model.encoding.steps[piece.melody.durations].sum() == bars * 72
        assert piece.melody.pitches[-1] == END
        assert (piece.melody.pitches[1:-1] != END).all()
    agree(model, pieces)  # what was read again and written anew is what the whole model says
    alone = model.sample(bars=bars, seed=5, meter=(3, 4))
    assert alone.melody == pieces[0].melody


def test_an_ending_leaves_what_is_before_it(model, monkeypatch):
    drafts = []
    write = writer.Writer.write
    monkeypatch.setattr(
        writer.Writer, "write", lambda *args: drafts.extend(write(*args)) or drafts[-3:]
    )
    pieces = model.sample(bars=12, seed=1, count=3, meter=(4, 4))
    for piece, draft in zip(pieces, drafts, strict=True):
        steps = model.encoding.steps[draft.durations]
        kept = branches(steps, 12 * 96, 192)
        assert kept > 0
        assert np.array_equal(piece.melody.pitches[1 : 1 + kept], draft.pitches[:kept])
        assert np.array_equal(piece.melody.durations[1 : 1 + kept], draft.durations[:kept])


def test_the_last_bar_is_shorter_by_the_pickup():
    model = make(openings=[(3, 4, 24, 500_000, 1)])
    piece = model.sample(bars=3, seed=1)
    assert model.encoding.steps[piece.melody.durations].sum() == 3 * 72
    assert piece.score.end() == 4 * 72 - 24


def test_a_piece_that_goes_on_for_ever_is_ended(model, monkeypatch):
    monkeypatch.setattr("musegen.sampling.melody_batches.MAX_BARS", 2)
    piece = model.sample(notes=None, seed=2, meter=(2, 4))
    assert model.encoding.steps[piece.melody.durations].sum() <= 2 * 48
    assert piece.melody.pitches[-1] == END


def test_the_tonic_is_that_of_the_evaluation(model):
    encoding = model.encoding
    random = np.random.default_rng(1)
    for _ in range(50):
        events = random.integers(2, 20)
        pitches = np.append(
            random.choice([2, 3, 64, 66, 68, 71, 73], events), 64 + random.choice(12)
        )
        durations = random.integers(1, encoding.duration_ids, events + 1)
        melody = Melody(np.append(START, pitches), np.append(0, durations))
        notes = notes_of([encoding.decode(melody)])
        steps = encoding.steps[melody.durations]
        assert melody_comes_home(melody.pitches, steps) == ends_on_tonic(notes)[0]
        distances = key_distances(sounded(melody.pitches, steps))
        assert int(np.argmin(distances)) == keys_of(notes)[0]
    assert not melody_comes_home(np.array([START, 2]), np.array([0, 24]))


def test_keys_by_name():
    assert key_from("C major") == (0, 0)
    assert key_from("g minor") == (19, -2)
    assert key_from("F# major") == (6, 6)
    assert key_from("Cb major") == (11, -7)
    assert key_from(" D# minor") == (15, 6)
    for wrong in ("H major", "G# major", "Fb minor", "C", "", None, 3, "C dorian"):
        with pytest.raises(ValueError, match=r"key=.*give a note and major or minor"):
            key_from(wrong)
    distances = key_distances([3, 0, 1, 0, 2, 1, 0, 2, 0, 1, 0, 1])
    assert [is_tonic(distances, pitch_class).item() for pitch_class in (0, 7, 9)] == [
        True,
        False,
        False,
    ]


def test_joined_events():
    one = Written(np.arange(5), np.arange(5), np.zeros((5, 2)))
    two = dataclasses.replace(one, pitches=np.full(5, 9))
    assert one.joined(two, 2).pitches.tolist() == [0, 1, 9, 9, 9, 9, 9]
    assert len(one.joined(two, 0)) == 5
