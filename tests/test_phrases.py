"""Where phrases begin: worked by hand, event by event as of the whole, and from the past alone."""

from __future__ import annotations

import numpy as np
import pytest

import musegen
from musegen.encoding import PitchDurationEncoding
from musegen.encoding.history import append, first_history
from musegen.encoding.melody import END, FIRST_PITCH, REST, START, TIE, Melody
from musegen.encoding.phrases import first_phrase, next_phrase, phrase_begins

ENCODING = PitchDurationEncoding()


def melody(lengths, meter=(4, 4), pickup=0, rests=()):
    """A melody of events of so many quarters, all notes but those that are said to be rests."""
    ids = [ENCODING.durations.index(round(24 * length)) + 1 for length in lengths]
    kinds = [REST if place in rests else FIRST_PITCH + 60 for place in range(len(lengths))]
    return Melody(
        [START, *kinds, END],
        [0, *ids, 0],
        meters=((0, *meter),),
        pickup=round(24 * pickup),
    )


def first_events(line, **options):
    """The events that begin a phrase, counted from 0 without the start."""
    return np.flatnonzero(phrase_begins(line, ENCODING, **options)).tolist()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (melody([1] * 20), [0, 8, 16]),  # two bars, and two bars
        (melody([1] * 20, pickup=1), [0, 8, 16]),
        (melody([1] * 25, (3, 4)), [0, 12, 24]),  # four bars of a short one
        (melody([0.5] * 60, (6, 8)), [0, 24, 48]),
        (melody([2] * 9, (2, 2)), [0, 4, 8]),  # no half note is long where all are
        (melody([1, 1, 1, 0.5, 0.5, 2, 1, 1, 1]), [0, 6]),  # a long note ends it
        (melody([0.5, 0.5, 1, 2, 1, 1, 1, 1]), [0, 8]),  # four notes are too few
        (melody([1, 1, 1, 1, 1.5, 0.5, 1, 1, 1]), [0, 8]),  # not long enough
        (melody([1, 1, 1, 1, 1, 1, 1, 1], rests=[5]), [0, 6]),
        (melody([1, 1, 1, 1, 1, 0.5, 1, 1, 1, 1], rests=[5]), [0, 9]),  # too short a rest
        (melody([0.25] * 8 + [1] * 8, rests=[8]), [0, 14]),  # before the bar is over
        (melody([1] * 8), [0, 8]),  # the end alone
        (melody([]), [0]),
    ],
)
def test_phrases_worked_by_hand(line, expected):
    assert first_events(line) == expected


def test_an_answer_begins_a_phrase_and_is_counted_from_its_beginning():
    assert first_events(melody([1] * 20), answer=4) == [0, 3, 11, 19]
    assert first_events(melody([1] * 20), answer=9) == [0, 8, 16]


def drawn(seed, events=80):
    """A melody of notes, rests and ties in any meter."""
    random = np.random.default_rng(seed)
    pitches = random.choice([REST, TIE, *range(60, 75)], events)
    meter = [(4, 4), (3, 4), (6, 8), (3, 2), (7, 16)][seed % 5]
    durations = 1 + random.integers(ENCODING.duration_ids - 1, size=events)
    durations[random.random(events) < 0.7] = ENCODING.durations.index(24) + 1
    return Melody([START, *pitches, END], [0, *durations, 0], meters=((0, *meter),))


@pytest.mark.parametrize("seed", range(10))
def test_event_by_event_as_of_the_whole(seed):
    line = drawn(seed)
    meters, steps = ENCODING.features(line)["meter"], ENCODING.steps[line.durations]
    history, phrase, found = first_history(1), first_phrase(1), []
    for place in range(len(line) - 1):
        took = steps[place : place + 1].astype(np.int32)
        if place:
            one = slice(place, place + 1)
            history = append(history, line.pitches[one], line.durations[one], took, np)
        begins, phrase = next_phrase(phrase, history, took, meters[place + 1 : place + 2], np)
        found.append(begins[0])
    assert found == phrase_begins(line, ENCODING).tolist()
    assert 3 < sum(found) < 40


@pytest.mark.parametrize("seed", range(5))
def test_what_lies_ahead_changes_nothing(seed):
    one, other = drawn(seed), drawn(seed + 5)
    half = len(one) // 2
    mixed = Melody(
        np.append(one.pitches[:half], other.pitches[half:]),
        np.append(one.durations[:half], other.durations[half:]),
        meters=one.meters,
    )
    found = [phrase_begins(line, ENCODING) for line in (one, mixed)]
    np.testing.assert_array_equal(found[0][:half], found[1][:half])


@pytest.mark.slow
def test_lines_of_chorales_are_phrases():
    """They have eight quarters or twelve, and their rests and long notes are at their ends."""
    lengths = []
    for piece in musegen.corpus.chorales(voices=("soprano",)).train:
        line = ENCODING.encode(piece.score)
        first = np.append(first_events(line), len(line) - 2)
        times = np.cumsum(ENCODING.steps[line.durations])[first] / 24
        lengths += np.diff(times)[:-1].tolist()
    assert np.isin(lengths, [8, 12]).mean() > 0.8
