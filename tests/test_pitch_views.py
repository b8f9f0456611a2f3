"""What a model of melodies sees of the past, and of the pitch that was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from contract import ENCODING
from keras import ops
from test_history import history_of, line, random_lines

from musegen.encoding import Melody, PitchDurationEncoding
from musegen.encoding.history import first_history, histories
from musegen.encoding.melody import END, FIRST_PITCH, PITCH_IDS, REST, START, TIE
from musegen.encoding.pitch_duration import FEATURE_SIZES
from musegen.models.pitch_views import LEAP, VIEWS, AbsoluteView, RelativeView

EVERY_VIEW = pytest.mark.parametrize("name", VIEWS)


def random_places(random, time):
    return {key: random.integers(0, size, time) for key, size in FEATURE_SIZES.items()}


def seen(view, melody, random, steps=ENCODING.steps):
    """What is seen before each event, and drawn at it: inputs and symbols, `(events - 1,)`."""
    history = histories(melody.pitches, melody.durations, steps[melody.durations])
    history = {name: values[:-1] for name, values in history.items()}
    places = random_places(random, len(melody) - 1)
    return history, places, view.symbol(history, melody.pitches[1:], np)


@EVERY_VIEW
@pytest.mark.parametrize("encoding", [ENCODING, PitchDurationEncoding(tuple(range(1, 200)))])
def test_ids_are_within_the_sizes(name, encoding):
    view, random = VIEWS[name](encoding.duration_ids), np.random.default_rng(2)
    extremes = [0, 127, 127, 0, 64, 0, 0, 127]
    long = encoding.duration_ids - 1
    melodies = [
        Melody(
            np.array([START, *(np.array(extremes) + FIRST_PITCH), END]),
            np.array([0, *[long] * len(extremes), 0]),
        )
    ]
    for melody in random_lines(80):
        durations = random.integers(0, encoding.duration_ids, len(melody))
        durations[0] = 0
        melodies.append(Melody(melody.pitches, durations))
    reached = dict.fromkeys({**view.past, **view.drawn_sizes}, 0)
    for melody in melodies:
        history, places, symbol = seen(view, melody, random, encoding.steps)
        found, drawn = view.inputs(history, places, np), view.drawn(history, symbol, np)
        assert (found.keys(), drawn.keys()) == (view.past.keys(), view.drawn_sizes.keys())
        for key, ids in {**found, **drawn}.items():
            size = {**view.past, **view.drawn_sizes}[key]
            assert ids.min() >= 0 and ids.max() < size, key
            reached[key] = max(reached[key], ids.max())
        assert symbol.min() >= 0 and symbol.max() < PITCH_IDS
    # There are no more ids than are used; of those of lengths and of intervals to the highest or
    # lowest note, half the range.
    for key, most in reached.items():
        if key not in ("above_highest", "above_lowest", "above_mean", "above_first"):
            assert most == {**view.past, **view.drawn_sizes}[key] - 1, key


@EVERY_VIEW
def test_pitches_come_back_from_their_symbols(name):
    view, random = VIEWS[name](ENCODING.duration_ids), np.random.default_rng(3)
    for melody in random_lines(30):
        history, _, symbol = seen(view, melody, random)
        np.testing.assert_array_equal(view.pitch(history, symbol, np), melody.pitches[1:])


@EVERY_VIEW
def test_numpy_and_keras_see_the_same(name):
    view, random = VIEWS[name](ENCODING.duration_ids), np.random.default_rng(4)
    for melody in random_lines(5):
        history, places, symbol = seen(view, melody, random)
        one = {**view.inputs(history, places, np), **view.drawn(history, symbol, np)}
        history, places = (
            {key: ops.convert_to_tensor(np.array(values, np.int32)) for key, values in part.items()}
            for part in (history, places)
        )
        symbol = ops.convert_to_tensor(np.array(symbol, np.int32))
        other = {**view.inputs(history, places, ops), **view.drawn(history, symbol, ops)}
        for key, values in one.items():
            np.testing.assert_array_equal(values, np.array(other[key]), key)


def test_the_past_by_hand():
    view = RelativeView(ENCODING.duration_ids)
    history = line((67, 24), (None, 12), (97, 48), (72, 6))
    places = {"bar": np.array([0, 3, 4, 9, 63])}
    found = {name: ids.tolist() for name, ids in view.inputs(history, places, np).items()}
    zero = LEAP + 1
    # Then C sharp for 48 steps: 3 * 48 in the keys whose triad it is in, and 2 * 48 + 2 * 24 in D
    # and A flat major, which have G too; of all these 144 the lowest degree is 0. With 6 steps of C
    # A flat is ahead, 144 + 3 * 6, and C is its third. An id is the degree and 1.
    assert found["degree"] == [0, 1, 1, 1, 5]
    assert found["kind"] == [START, 4, REST, 4, 4]
    assert found["back1"] == [0, 0, 0, zero - LEAP, zero + LEAP]  # 30 down is as 24, 25 up too
    assert found["back2"] == [0, 0, 0, 0, zero - 5]
    assert found["back3"] == [0, 0, 0, 0, 0]
    # Means: 67, 67, 82, 78.67.
    assert found["above_mean"] == [0, zero, zero, zero + 15, zero - 7]
    assert found["above_first"] == [0, zero, zero, zero + LEAP, zero + 5]
    assert found["above_lowest"] == [0, zero, zero, zero + LEAP, zero + 5]
    assert found["above_highest"] == [0, zero, zero, zero, zero - LEAP]
    assert found["length1"] == [1, 4, 3, 5, 2]  # none is 0, and no time is 1
    assert found["length4"] == [0, 0, 0, 1, 4]
    assert found["bar4"] == [0, 3, 0, 1, 3]
    assert found["bar8"] == [0, 3, 4, 1, 7]


def test_the_duration_is_told_the_interval_and_the_new_degree():
    view = RelativeView(ENCODING.duration_ids)
    # C major, from C4 up and ending on B4: the degree of the last note is 11.
    history = line(*[(60 + step, 24) for step in (0, 2, 4, 5, 7, 9, 11)])
    last = {name: values[-1:] for name, values in history.items()}
    # Up a semitone to C, down one to B flat, up a fourth to E, the same B, down to C4; the others.
    pitches = np.array([72, 70, 76, 71, 60]) + FIRST_PITCH
    symbol = view.symbol(last, np.array([*pitches, REST, TIE, END]), np)
    drawn = view.drawn(last, symbol, np)
    assert drawn["next_pitch"].tolist() == [5, 131, 9, 4, 4 + 117, REST, TIE, END]
    assert drawn["next_degree"].tolist() == [0, 10, 4, 11, 0, 12 + REST, 12 + TIE, 12 + END]


def test_of_a_first_note_the_duration_is_told_that_it_is_one():
    view = RelativeView(ENCODING.duration_ids)
    for history in (first_history(1), history_of(Melody(np.array([0, 2]), np.array([0, 3])))):
        before = {name: values[-1:] for name, values in history.items()}
        symbol = np.arange(PITCH_IDS)
        drawn = view.drawn(before, symbol, np)
        assert (drawn["next_pitch"][FIRST_PITCH:] == PITCH_IDS).all()
        assert (drawn["next_pitch"][:FIRST_PITCH] == symbol[:FIRST_PITCH]).all()
        # No other event has the degree of a first note.
        assert (drawn["next_degree"][FIRST_PITCH:] == 12 + FIRST_PITCH).all()
        assert drawn["next_degree"][:FIRST_PITCH].tolist() == [12, 13, 14, 15]


def test_the_absolute_view_has_ids_as_they_are():
    view = AbsoluteView(ENCODING.duration_ids)
    history = line((67, 24), (None, 12), (60, 6))
    found = view.inputs(history, {}, np)
    assert found["pitch"].tolist() == [START, 71, REST, 64]
    assert found["duration"].tolist() == [0, 3, 2, 1]
    ids = np.arange(PITCH_IDS)[:, None]
    assert (view.drawn(history, ids, np)["next_pitch"] == ids).all()


@EVERY_VIEW
def test_tokens_are_equal_where_the_last_events_are(name):
    """In the relative view an event is its interval, or what else it is, and its duration."""
    view, random = VIEWS[name](ENCODING.duration_ids), np.random.default_rng(5)
    keys = {"relative": ("kind", "back1", "length1"), "absolute": ("pitch", "duration")}[name]
    by_token = {}
    for melody in random_lines(60, low=55, high=67):
        history, places, _ = seen(view, melody, random)
        found = view.inputs(history, places, np)
        events = zip(*(found[key].tolist() for key in keys))
        for token, event in zip(view.token(found).tolist(), events):
            assert by_token.setdefault(token, event) == event
    assert len(by_token) == len(set(by_token.values())) > 50
