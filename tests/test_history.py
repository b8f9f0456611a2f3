"""What is known of a melody before an event: by hand, by a second implementation, in every key."""

from __future__ import annotations

import numpy as np
import pytest
from contract import ENCODING
from keras import ops

from musegen.encoding import Melody
from musegen.encoding.history import (
    DURATIONS,
    HEIGHTS,
    MIDDLE_C,
    NO_NOTE,
    NO_PITCH,
    NOTES,
    append,
    center,
    degree,
    features,
    first_history,
    histories,
    note_ids,
    pitches_of,
    symbols,
)
from musegen.encoding.melody import END, FIRST_PITCH, PITCH_IDS, REST, START, TIE

SCALE = (0, 2, 4, 5, 7, 9, 11)


def random_line(random, length, low=0, high=127):
    """A start, and `length` events of any kind: notes, rests, ties, and at times what is odd."""
    notes = random.integers(low, high + 1, length) + FIRST_PITCH
    # Half of them are near the last one, as in music, so that pitches come again.
    near = np.clip(notes[0] + np.cumsum(random.integers(-3, 4, length)), low + 4, high + 4)
    kinds = random.random(length)
    pitches = np.where(kinds < 0.5, near, notes)
    for share, kind in ((0.3, REST), (0.15, TIE), (0.06, END), (0.03, START)):
        pitches = np.where(kinds < share, kind, pitches)
    durations = random.integers(0, ENCODING.duration_ids, length)
    return Melody(np.append(START, pitches), np.append(0, durations))


def random_lines(count, seed=0, low=0, high=127):
    random = np.random.default_rng(seed)
    return [random_line(random, int(random.integers(1, 40)), low, high) for _ in range(count)]


def history_of(melody):
    return histories(melody.pitches, melody.durations, ENCODING.steps[melody.durations])


def line(*events):
    """The history after notes `(pitch, steps)`; of a rest the pitch is None."""
    pitches = [REST if pitch is None else pitch + FIRST_PITCH for pitch, _ in events]
    ids = [ENCODING.durations.index(steps) + 1 for _, steps in events]
    return history_of(Melody(np.array([START, *pitches]), np.array([0, *ids])))


# === One definition, whole and step by step ===


def test_a_melody_that_has_begun_has_the_first_history():
    begun = history_of(Melody(np.array([START]), np.array([0])))
    first = first_history(3)
    assert begun.keys() == first.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, np.repeat(begun[name], 3, axis=0), name)


@pytest.mark.parametrize("xp", [np, ops], ids=["numpy", "keras"])
def test_event_by_event_it_is_what_it_is_of_the_whole(xp):
    random = np.random.default_rng(3)
    lines = [random_line(random, 45) for _ in range(40)]
    whole = [history_of(melody) for melody in lines]
    history = first_history(len(lines))
    if xp is ops:
        history = {name: ops.convert_to_tensor(values) for name, values in history.items()}
    for time in range(1, 46):
        pitch = np.array([melody.pitches[time] for melody in lines], np.int32)
        duration = np.array([melody.durations[time] for melody in lines], np.int32)
        steps = ENCODING.steps[duration].astype(np.int32)
        event = (pitch, duration, steps)
        if xp is ops:
            event = tuple(map(ops.convert_to_tensor, event))
        history = append(history, *event, xp)
        for name, values in history.items():
            expected = np.stack([one[name][time] for one in whole])
            np.testing.assert_array_equal(np.array(values), expected, f"{name} at {time}")
    for name, values in features(history, xp).items():
        expected = np.stack([features(one, np)[name][-1] for one in whole])
        np.testing.assert_array_equal(np.array(values), expected, name)


def plain_degree(sounded, note):
    """By the definition: the key with most for it, of equal ones that with the lowest degree."""
    best, found = -1, None
    for number in range(12):
        tonic = (note - number) % 12
        speaks = 0
        for name, steps in enumerate(sounded):
            weight = 3 if (name - tonic) % 12 in (0, 4, 7) else 2
            speaks += weight * steps * ((name - tonic) % 12 in SCALE)
        if speaks > best:
            best, found = speaks, number
    return found


def plain_features(pitches, durations):
    """The features after each event, in lists and plain Python."""
    notes, lengths, sounded, found = [], [], [0] * 12, []
    for pitch, duration in zip(pitches.tolist(), durations.tolist()):
        lengths.append(duration)
        if pitch >= FIRST_PITCH:
            notes.append(pitch - FIRST_PITCH)
            sounded[notes[-1] % 12] += (0, *ENCODING.durations)[duration]
        row = {"kind": min(pitch, FIRST_PITCH), "note": NO_PITCH, "degree": -1}
        row |= dict.fromkeys(HEIGHTS, NO_PITCH)
        if notes:
            last = row["note"] = notes[-1]
            row["degree"] = plain_degree(sounded, last)
            mean = (2 * sum(notes) + len(notes)) // (2 * len(notes))  # halves are rounded up
            marks = (mean, notes[0], min(notes), max(notes))
            row |= {name: last - mark for name, mark in zip(HEIGHTS, marks)}
        for back in range(1, NOTES):
            there = len(notes) > back
            row[f"back{back}"] = notes[-1 - back] - notes[-1] if there else NO_PITCH
        for back in range(1, DURATIONS + 1):
            row[f"length{back}"] = lengths[-back] if len(lengths) >= back else -1
        found.append(row)
    return found


def test_features_are_those_of_a_second_implementation():
    for melody in random_lines(60, seed=5) + random_lines(60, seed=6, low=57, high=69):
        found = features(history_of(melody), np)
        rows = plain_features(melody.pitches, melody.durations)
        assert found.keys() == rows[0].keys()
        for name, values in found.items():
            assert values.tolist() == [row[name] for row in rows], name


# === By hand ===


def test_features_worked_by_hand():
    """G4 C5 B4, a rest, then A4 B4 C5."""
    notes = [(67, 24), (72, 24), (71, 12), (None, 12), (69, 24), (71, 12), (72, 48)]
    found = {name: values.tolist() for name, values in features(line(*notes), np).items()}
    no = NO_PITCH
    assert found == {
        "kind": [0, 4, 4, 4, 2, 4, 4, 4],
        "note": [no, 67, 72, 71, 71, 69, 71, 72],
        # In eighths, times 3 for tonic, third and fifth and times 2 for the rest of the scale:
        #               C major                       G major
        # G C B         2*3 + 2*3 + 2     = 14        2*3 + 2*2 + 3     = 13    B is 11 in C
        # A             14 + 2*2          = 18        13 + 2*2          = 17    A is 9 in C
        # B             18 + 2            = 20        17 + 3            = 20    B is 4 in G
        # C             20 + 4*3          = 32        20 + 4*2          = 28    C is 0 in C
        "degree": [-1, 0, 0, 11, 11, 9, 4, 0],
        "back1": [no, no, -5, 1, 1, 2, -2, -1],
        "back2": [no, no, no, -4, -4, 3, 0, -3],
        "back3": [no, no, no, no, no, -2, 1, -1],
        "back4": [no, no, no, no, no, no, -4, 0],
        # The means are 67, 69.5, 70, 70, 69.75, 70, 70.33, rounded to 70, 70, 70, 70, 70, 70.
        "above_mean": [no, 0, 2, 1, 1, -1, 1, 2],
        "above_first": [no, 0, 5, 4, 4, 2, 4, 5],
        "above_lowest": [no, 0, 5, 4, 4, 2, 4, 5],
        "above_highest": [no, 0, 0, -1, -1, -3, -1, 0],
        "length1": [0, 3, 3, 2, 2, 3, 2, 4],
        "length2": [-1, 0, 3, 3, 2, 2, 3, 2],
        "length3": [-1, -1, 0, 3, 3, 2, 2, 3],
        "length4": [-1, -1, -1, 0, 3, 3, 2, 2],
    }


@pytest.mark.parametrize("tonic", range(12))
def test_each_note_has_its_degree_once_a_scale_has_sounded(tonic):
    scale = [(48 + tonic + step, 24) for step in SCALE]
    for step in SCALE:
        assert degree(line(*scale, (60 + tonic + step, 24)), np)[-1] == step
    # A note outside the scale takes a sixth of the time of those inside it, and moves no key.
    assert degree(line(*scale, *scale, (49 + tonic, 6)), np)[-1] == 1


def test_of_keys_that_as_much_speaks_for_it_is_the_one_of_the_lowest_degree():
    # One note is tonic, third or fifth of a key in the same way.
    assert degree(line((61, 24)), np)[-1] == 0
    # C and D: in C, F, B flat and G major one is in the triad, the other in the scale, 3 + 2. D is
    # 2, 9, 4 and 7 there, and C is 0, 7, 2 and 5.
    assert degree(line((60, 24), (62, 24)), np)[-1] == 2
    assert degree(line((62, 24), (60, 24)), np)[-1] == 0
    # Twice as much C: 2*3 + 2 in C and F major, 2*2 + 3 in B flat and G. D is 2 and 9.
    assert degree(line((60, 48), (62, 24)), np)[-1] == 2
    # Twice as much D, and C last: 2*3 + 2 in B flat and G major, 2*2 + 3 in C and F. C is 2 and 5.
    assert degree(line((62, 48), (60, 24)), np)[-1] == 2
    # C, D, F sharp, D: 2 + 2*3 + 2 in G major, 2*3 + 3 in D major, which has no C. D is 7 in G.
    assert degree(line((60, 24), (62, 24), (66, 24), (62, 24)), np)[-1] == 7


def test_what_there_is_of_a_piece_without_a_note():
    history = line((None, 24))
    assert note_ids(history, np).tolist() == [NO_NOTE, NO_NOTE]
    assert center(history, np).tolist() == [MIDDLE_C, MIDDLE_C]
    history = line((None, 24), (40, 24), (None, 24))
    assert note_ids(history, np).tolist() == [NO_NOTE, NO_NOTE, 40, 40]
    assert center(history, np).tolist() == [MIDDLE_C, MIDDLE_C, 40, 40]


def test_symbols_worked_by_hand():
    # After a note of 60, and before any note too: 0, 2 and 12 above, 1 and 60 below.
    for history in (line((60, 24)), first_history(1)):
        last = {name: values[-1:] for name, values in history.items()}
        pitches = np.array([START, END, REST, TIE, 64, 66, 76, 63, 4])
        expected = [START, END, REST, TIE, 4, 6, 16, 131, 72]
        assert symbols(last, pitches, np).tolist() == expected


# === In every key ===


def test_a_melody_in_another_key_has_the_same_features_and_symbols():
    random = np.random.default_rng(8)
    for melody in random_lines(80, seed=7, low=40, high=80):
        before, semitones = history_of(melody), int(random.integers(-40, 48))
        moved = melody.transpose(semitones)
        after = history_of(moved)
        found, again = features(before, np), features(after, np)
        is_note = melody.pitches >= FIRST_PITCH
        for name in found:
            if name != "note":
                np.testing.assert_array_equal(found[name], again[name], name)
        there = found["note"] != NO_PITCH
        np.testing.assert_array_equal(again["note"] - found["note"], semitones * there)

        one, other = (
            symbols({n: v[:-1] for n, v in history.items()}, line.pitches[1:], np)
            for history, line in ((before, melody), (after, moved))
        )
        first = (is_note & (np.cumsum(is_note) == 1))[1:]
        np.testing.assert_array_equal(one != other, first & (semitones != 0))


@pytest.mark.parametrize("xp", [np, ops], ids=["numpy", "keras"])
def test_a_symbol_gives_its_pitch_back_after_every_note(xp):
    ids = np.arange(PITCH_IDS, dtype=np.int32)
    notes = np.arange(-1, 128, dtype=np.int32)
    history = {"notes": np.repeat(notes[:, None, None], NOTES, axis=-1)}  # -1: no note yet
    made = np.array(symbols(history, ids, xp))
    assert (np.sort(made, axis=-1) == ids).all()  # one to one
    np.testing.assert_array_equal(
        np.array(pitches_of(history, made, xp)), np.broadcast_to(ids, made.shape)
    )
