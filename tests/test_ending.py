"""How melodies end: where they were to, drawn in proportion to the model's own end."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
from test_sampling import agree, make

from musegen.encoding.keys import is_tonic, key_distances, key_from
from musegen.encoding.melody import END, START, Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.evaluation import notes_of
from musegen.evaluation.keys import ends_on_tonic, keys_of
from musegen.sampling import ending, writer
from musegen.sampling.ending import TONIC, branches, chosen, ending_steps
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


def test_one_of_the_endings_is_drawn_in_proportion_to_the_end_and_the_tonic():
    encoding = PitchDurationEncoding()
    ids = {length: int(np.flatnonzero(encoding.steps == length)[0]) for length in (24, 96)}
    start = Melody(np.array([START, END]), np.array([0, 0]))

    def piece(last, chance):
        """C major, ending on a pitch."""
        pitches = np.array([64, 68, 71, 64, 60 + 4 + last, END])
        durations = np.array([ids[96]] * 4 + [ids[24], 0])
        likelihoods = np.zeros((6, 2), np.float32)
        likelihoods[-1, 0] = np.log(chance)
        return Written(pitches, durations, likelihoods)

    pieces = [piece(0, 0.1), piece(2, 0.3), piece(7, 0.1)]
    draws = Counter(
        next(i for i, one in enumerate(pieces) if one is chosen(pieces, start, encoding, [seed]))
        for seed in range(1000)
    )
    weights = np.array([0.1 * TONIC, 0.3, 0.1])
    expected = 1000 * weights / weights.sum()
    counts = np.array([draws[i] for i in range(3)])
    assert ((counts - expected) ** 2 / expected).sum() < 18.4  # chi-square, 1 of 10,000
    assert chosen([], start, encoding, [0]) is None


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
    monkeypatch.setattr("musegen.sampling.melody.MAX_BARS", 2)
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
        assert ending.ends_on_tonic(melody.pitches, steps) == ends_on_tonic(notes)[0]
        distances = key_distances(ending.sounded(melody.pitches, steps))
        assert int(np.argmin(distances)) == keys_of(notes)[0]
    assert not ending.ends_on_tonic(np.array([START, 2]), np.array([0, 24]))


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
