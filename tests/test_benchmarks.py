"""The benchmarks: what they compare is what they say; the scripts run. No time is asserted."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scores import score_of

from musegen.encoding import Melody, PitchDurationEncoding

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"


def run(script, *options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), "--quick", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for word in ("machine:", "versions:", "seed:", "musegen", "book", "goal"):
        assert word in done.stdout
    return done.stdout


def test_encoding_runs():
    assert "made-up tunes" in run("encoding", "--seconds", "0.05", "--rounds", "1")


@pytest.mark.slow
def test_training_runs():
    output = run("training", "--seconds", "0.05", "--rounds", "1")
    assert "batches of 32" in output and "batches of 256" in output


@pytest.mark.slow
def test_sampling_runs():
    output = run("sampling", "--seconds", "0.05", "--rounds", "1")
    assert "1 piece:" in output and "64 pieces:" in output


@pytest.mark.slow
def test_likelihood_runs():
    assert "TEST" in run("likelihood", "--minutes", "0.03")


@pytest.mark.slow
def test_musegan_runs():
    output = run("musegan", "--seconds", "0.05", "--rounds", "1", "--minutes", "0.01")
    for row in ("seconds a step", "GB at most", "MIDI files a second", "tonal distance"):
        assert f"| {row} |" in output


def test_rows_of_the_book_are_pitches_and_the_last_is_a_rest(load):
    musegan = load("musegan")
    rolls = np.zeros((1, 1, 3, 84, 2), np.uint8)
    rolls[0, 0, 0, 60, 0], rolls[0, 0, 1, 60, 0], rolls[0, 0, 2, 48, 1] = 2, 1, 2
    rows = musegan._rows(rolls)
    np.testing.assert_array_equal(rows[0, 0].T, [[60, 60, 83], [83, 83, 48]])
    one_hot = load("book_musegan").one_hot(rows)
    np.testing.assert_array_equal((one_hot > 0)[..., :83, :], (rolls > 0)[..., :83, :])


def test_windows_of_the_book_hold_the_32_events_before_each(load):
    ids = np.arange(40, dtype=np.int32)
    inputs, targets = load("book").windows([Melody(ids, ids % 5), Melody(ids[:3], ids[:3])])
    assert inputs[0].shape == inputs[1].shape == (39 + 2, 32)
    np.testing.assert_array_equal(targets[0], [*range(1, 40), 1, 2])
    np.testing.assert_array_equal(targets[1], [*(ids % 5)[1:], 1, 2])
    np.testing.assert_array_equal(inputs[0][0], [0] * 32)
    np.testing.assert_array_equal(inputs[0][2], [0] * 30 + [1, 2])
    np.testing.assert_array_equal(inputs[0][38], range(7, 39))
    np.testing.assert_array_equal(inputs[0][40], [0] * 31 + [1])


def test_the_book_attends_with_weights_that_sum_to_one(load):
    book = load("book")
    model, attention_model = book.network(132, 26, embedding=4, units=4)
    random = np.random.default_rng(0)
    call = book.compiled_call(model, attention_model)
    pitches, durations, attention = book.write(call, 5, random)
    assert len(pitches) == len(durations) == len(attention) == 5
    assert all(0 <= pitch < 132 for pitch in pitches)
    assert all(0 <= duration < 26 for duration in durations)
    np.testing.assert_allclose(np.sum(attention, axis=1), 1, rtol=1e-5)
    window = [random.integers(0, 26, (1, 32)).astype(np.int32) for _ in range(2)]
    each = book.predict_each(model, attention_model)
    for first, second in zip(each(window), call(window), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_the_book_reads_names_and_quarter_notes(load, tmp_path):
    from musegen import write_midi

    score = score_of([(0, 24, 60), (24, 12, 61), (36, 12, 60), (72, 24, 72)])
    notes, durations = {"rest": 0}, {}
    path = write_midi(score, tmp_path / "line.mid")
    ids = [1, 2, 1, 0, 3], [0, 1, 1, 0, 0]
    assert load("book").file_to_ids(path, notes, durations) == ids
    assert list(notes) == ["rest", "C4", "C#4", "C5"]
    assert list(durations) == [1.0, 0.5]


def test_ways_take_turns_and_the_median_counts(load):
    measure, calls = load("measure"), []

    def way(name):
        return lambda: calls.append(name) or 1

    rates = measure.alternate({"a": way("a"), "b": way("b")}, seconds=0, rounds=3)
    assert calls == ["a", "b"] * 4
    assert set(rates) == {"a", "b"} and all(rate > 0 for rate in rates.values())


def test_likelihood_charges_every_event_but_the_start(load):
    likelihood = load("likelihood")
    encoding = PitchDurationEncoding()
    lines = [encoding.encode(piece.score) for piece in load("music").made_up_tunes().pieces]

    def uniform(melodies):
        for melody in melodies:
            shares = [np.full((len(melody) - 1, ids), 1 / ids) for ids in (132, 26)]
            yield shares, [melody.pitches[1:], melody.durations[1:]]

    pitch, duration = likelihood._nats(uniform, lines)
    assert math.isclose(pitch, math.log(132)) and math.isclose(duration, math.log(26))
    with pytest.raises(RuntimeError):
        likelihood._nats(lambda melodies: uniform(melodies[1:]), lines)
