"""What is wrong with the music: each fault planted in a sound corpus, and not found without it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from musegen.corpus.corpus import SPLITS, Corpus, Piece, ScanReport, ScanRow
from musegen.diagnosis import data
from musegen.diagnosis.checks import NotApplicable
from musegen.encoding import PitchDurationEncoding
from musegen.encoding.pitch_duration import FIRST_PITCH

ENCODING = PitchDurationEncoding()
QUARTER, HALF = (ENCODING.durations.index(steps) + 1 for steps in (24, 48))


def tune(seed, notes=24, low=60):
    """A walk along the white keys in quarters, with a half note at every fourth."""
    random = np.random.default_rng(seed)
    steps = np.cumsum(random.choice([-3, -2, -1, 1, 2, 3], notes))
    steps = np.abs(steps + 4) % 10
    pitches = low + np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16])[steps]
    durations = np.where(np.arange(notes) % 4 == 3, HALF, QUARTER)
    return score(pitches, durations)


def noise(seed, notes=24):
    """Any pitch, of any length."""
    random = np.random.default_rng(seed)
    return score(random.integers(40, 100, notes), random.integers(1, 27, notes))


def score(pitches, durations):
    return ENCODING.decode(
        ([0, *(np.asarray(pitches) + FIRST_PITCH), 1], [0, *np.asarray(durations), 0])
    )


def same_arrays(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def corpus_of(count=40, **others):
    """Tunes, of ten the ninth to validate and the tenth to test on; `others` by name."""
    splits = [*["train"] * 8, "validation", "test"]
    pieces = [Piece(f"tune {n:02}", splits[n % 10], tune(n)) for n in range(count)]
    named = {name: Piece(name.replace("_", " "), *other) for name, other in others.items()}
    pieces = sorted([*pieces, *named.values()], key=lambda piece: piece.name)
    return Corpus("tunes", tuple(pieces), ScanReport(tuple(ScanRow(p.name) for p in pieces)))


CORPUS_OF_TEN = corpus_of(10)


def test_music_that_was_left_out_is_counted_and_its_reason_named():
    assert data.what_was_left_out(None, CORPUS_OF_TEN).verdict == "good"
    left_out = [ScanRow(f"{n}.mid", "too short", setting=("min_notes", 4)) for n in range(15)]
    for count, verdict in ((2, "unsure"), (15, "bad")):
        report = ScanReport((*CORPUS_OF_TEN.report.rows, *left_out[:count]))
        found = data.what_was_left_out(None, dataclasses.replace(CORPUS_OF_TEN, report=report))
        assert found.verdict == verdict
        assert f"{count} were left out, {count} of them because: too short" in found.sentence
        assert "min_notes=4" in found.sentence
        kept = {"pieces": 10 + count, "kept": 10, "left_out": {"too short": count}}
        assert found.figures == kept


@pytest.mark.parametrize(
    ("copies", "verdict", "count", "across", "tested", "said"),
    [
        ({}, "good", 0, [], [], "0 of 40 pieces"),
        (
            {"copy": ("test", tune(0).shift_pitch(3))},  # of the train split, in another key
            "bad",
            2,
            [["copy", "tune 00"]],
            ["copy"],
            "1 of 5 test pieces have one in the train split (such as copy in test and tune 00 in",
        ),
        ({f"copy_{n}": ("train", tune(0)) for n in range(6)}, "unsure", 7, [], [], "all in one"),
    ],
)
def test_a_piece_that_stands_in_two_splits_is_named(copies, verdict, count, across, tested, said):
    found = data.duplicates(None, corpus_of(**copies))
    assert found.verdict == verdict
    assert found.figures["nearly_the_same"] == count
    assert found.figures["groups_across_splits"] == across
    assert found.figures["test_pieces_in_training"] == tested
    assert said in found.sentence


def test_a_split_of_other_music_is_named():
    corpus = corpus_of()
    found = data.distributions(None, corpus)
    assert found.verdict == "good", found.sentence
    pieces = tuple(
        dataclasses.replace(piece, score=tune(number, low=73)) if piece.split == "test" else piece
        for number, piece in enumerate(corpus.pieces)
    )
    found = data.distributions(None, dataclasses.replace(corpus, pieces=pieces))
    assert found.verdict == "bad"
    assert found.figures["total_variation"]["pitch"] > 0.5
    assert found.figures["total_variation"]["meter"] == 0
    assert "by chance for pitch," in found.sentence
    one = dataclasses.replace(corpus, pieces=corpus.train)
    with pytest.raises(NotApplicable, match="both pieces to train and to test on"):
        data.distributions(None, one)


def test_a_piece_of_random_notes_stands_out():
    found = data.outliers(None, corpus_of())
    assert found.verdict == "good", found.sentence
    found = data.outliers(None, corpus_of(odd_one=("train", noise(1))))
    assert found.verdict == "unsure"
    assert [name for name, _ in found.figures["outliers"]] == ["odd one"]
    assert "look at odd one" in found.sentence
    with pytest.raises(NotApplicable, match="too few pieces"):
        data.outliers(None, corpus_of(10))


def test_each_picture_is_drawn():
    corpus = corpus_of(odd_one=("train", noise(1)), **{"a_$_sign_$": ("test", tune(0))})
    for check in (data.what_was_left_out, data.duplicates, data.distributions, data.outliers):
        assert check(None, corpus).plot()._repr_png_().startswith(b"\x89PNG")
    assert set(SPLITS) == {piece.split for piece in corpus.pieces}
