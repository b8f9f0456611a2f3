"""The benchmarks: what they compare is what they say; the scripts run. No time is asserted."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scores import score_of

from musegen.encoding import Melody, PitchDurationEncoding

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"


def start(script, *options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / f"{script}.py"), "--quick", *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def run(script, *options):
    output = start(script, *options)
    for word in ("machine:", "versions:", "seed:", "musegen", "book", "goal"):
        assert word in output
    return output


def test_encoding_runs():
    assert "made-up tunes" in run("encoding", "--seconds", "0.05", "--rounds", "1")


@pytest.mark.long
def test_training_runs():
    output = run("training", "--seconds", "0.05", "--rounds", "1")
    assert "batches of 32" in output and "batches of 256" in output


@pytest.mark.slow
def test_sampling_runs():
    output = run("sampling", "--seconds", "0.05", "--rounds", "1")
    assert "1 piece:" in output and "64 pieces:" in output


@pytest.mark.slow
def test_studio_runs():
    pytest.importorskip("playwright", reason="playwright is not installed")
    if shutil.which("chromium") is None:
        pytest.skip("there is no Chromium on this system")
    output = start("studio", "--presses", "1")
    assert "a knob of bach-quartet" in output and "a walk from A to B" in output


@pytest.mark.slow
def test_serving_runs():
    assert "bach-quartet" in start("serving", "--seconds", "1")


@pytest.mark.slow
def test_likelihood_runs():
    assert "TEST" in run("likelihood", "--minutes", "0.03")


@pytest.mark.long
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


def test_a_rate_is_of_the_time_that_the_clock_tells(load):
    now = [0.0]
    took = iter([100, 2, 3, 12])

    def way():
        now[0] += next(took)
        return 6

    rates = load("measure").alternate({"a": way}, 1, 3, lambda: now[0])
    assert rates == {"a": 2}  # the median of 6 in 2, in 3 and in 12 seconds; 100 is the first use


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


# === Models side by side ===


def test_minutes_are_filled_with_epochs_and_compiling_is_not_counted(load):
    epochs_in = load("timed").epochs_in
    assert epochs_in(100, [90, 10]) == 10  # two of ten seconds, and eighty are left
    assert epochs_in(100, [90, 10, 10, 10]) == 10
    assert epochs_in(34, [90, 10]) == 3 and epochs_in(36, [90, 10]) == 4
    assert epochs_in(1, [90, 10]) == 2  # the time is over


def test_the_learning_rate_decays_over_the_epochs_that_fit_in(load):
    import keras

    timed = load("timed")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.5, 3)), "mse")
    budget = timed.Budget(minutes=0, learning_rate=0.1)
    data = np.zeros((4, 1))
    model.fit(data, data, validation_data=(data, data), callbacks=[budget], epochs=9, verbose=0)
    assert len(budget.epochs) == len(budget.training) == 2
    assert math.isclose(float(model.optimizer.learning_rate), 0.1 * 0.01, rel_tol=1e-4)
    budget.steps.assign(4)  # two of them are done
    assert math.isclose(float(model.optimizer.learning_rate), 0.1 * 0.505, rel_tol=1e-4)


def test_a_run_is_done_once_and_no_other_is_taken_for_it(load, tmp_path, monkeypatch):
    runs, done = load("runs"), []
    monkeypatch.setattr(
        runs.measure, "in_fresh_process", lambda work, run: (done.append(run) or {"nats": 2.5}, 0)
    )
    run = {"corpus": "tunes", "way": "lstm without copying", "seed": 1, "minutes": 3}
    for _ in range(2):
        assert runs.Runs(tmp_path / "out").get(None, **run) == {"nats": 2.5}
    assert done == [run]
    assert [path.name for path in (tmp_path / "out").iterdir()] == [
        "tunes-lstm-without-copying-1.json"
    ]
    with pytest.raises(SystemExit, match="minutes"):
        runs.Runs(tmp_path / "out").get(None, **{**run, "minutes": 4})


def test_more_seeds_for_the_first_two_and_ideas_are_taken_from_the_first(
    load, tmp_path, monkeypatch, capsys
):
    models = load("models")
    validation = {"attention-lstm": 1.5, "lstm": 1.6, "wavenet": 1.4, "transformer": 1.7}
    validation |= {"encoder-decoder": 1.8, "book": 1.9, "n-gram": 1.55, "uniform guess": 8.0}
    done = []

    def result(work, run):
        done.append((run["way"], run.get("seed")))
        if work is models.speed:
            return {"one": 100.0, "many": 2000.0}, 0
        network, _, idea = run["way"].partition(" without ")
        both = validation[network] + 0.1 * run.get("seed", 0) + (0.25 if idea else 0)
        figures = {"validation": both, "pitch": both - 0.5, "duration": 0.5}
        return {**figures, "parameters": 12345, "notes_per_second": 10.0, "epochs": 7}, 0

    monkeypatch.setattr(models.runs.measure, "in_fresh_process", result)
    monkeypatch.setattr(models.runs.measure, "print_conditions", lambda *_, **__: None)
    monkeypatch.setattr(models, "names", lambda: [*validation][:6])
    found = models.main(["--minutes-chorales", "0", "--markdown", "--out", str(tmp_path)])["tunes"]
    seeds = {way: len(results) for way, results in found.items() if "without" not in way}
    assert seeds == {**dict.fromkeys(validation, 1), "wavenet": 3, "attention-lstm": 3}
    ideas = [way for way in found if "without" in way]
    assert ideas == [f"wavenet without {idea}" for idea in models.IDEAS]
    assert len(done) == len(set(done))
    order = [way for way, _ in done]
    assert order.index("wavenet without copying") < done.index(("attention-lstm", 1))
    assert [way for way, seed in done if seed is None][-6:] == [*validation][:6]  # speeds
    table, losses = capsys.readouterr().out.split("tunes: what")
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == [
        *("wavenet", "attention-lstm", "lstm", "transformer", "encoder-decoder", "book"),
        *("n-gram", "uniform guess"),
    ]
    assert rows[2][4] == "1.500 (1.400 to 1.600)" and rows[4][4] == "1.600"
    assert len({line.count("|") for line in table.splitlines() if line.startswith("|")}) == 1
    assert "| copying | wavenet | +0.250 | +0.000 | +0.250 |" in losses
    assert "| attention | attention-lstm | +0.100 | +0.000 | +0.100 |" in losses


def test_the_lstm_without_attention_steps_as_it_runs_whole(load):
    from keras import ops

    from musegen.networks import NETWORKS, build_network

    load("plain_lstm")
    try:
        network = build_network("lstm", {"units": 6, "depth": 2})
    finally:
        del NETWORKS["lstm"]
    network.build((None, None, 4))
    x = np.random.default_rng(0).normal(size=(3, 9, 4)).astype(np.float32)
    whole, state, steps = network(x), network.initial_state(3, 9), []
    for time in range(9):
        output, state = network.step(ops.matmul(x[:, time], network.input_kernel), state)
        steps.append(ops.convert_to_numpy(output))
    assert whole.shape == network.compute_output_shape(x.shape) == (3, 9, 6)
    np.testing.assert_allclose(np.stack(steps, axis=1), whole, atol=1e-6)


def test_a_discretized_logistic_has_what_lies_between_the_midpoints(load):
    from keras import ops
    from scipy.stats import logistic

    boundaries = np.log([1.5, 2.5, 5, 20])
    random = np.random.default_rng(0)
    means, log_scales = random.normal(size=(2, 50, 3)).astype(np.float32)
    got = load("duration_heads").log_chances(boundaries, means, 2 * log_scales)
    below = logistic.cdf(boundaries, means[..., None], np.exp(2 * log_scales)[..., None])
    below = np.pad(below, ((0, 0), (0, 0), (1, 1)), constant_values=((0, 0), (0, 0), (0, 1)))
    assert got.shape == (50, 3, 5)
    np.testing.assert_allclose(np.exp(got), np.diff(below), atol=2e-6)
    np.testing.assert_allclose(ops.sum(ops.exp(got), axis=-1), 1, atol=1e-5)


def test_a_far_off_logistic_has_a_finite_likelihood_everywhere(load):
    got = load("duration_heads").log_chances(
        np.log([2.0, 3.0]), np.float32([40.0]), np.zeros(1, "f")
    )
    # The density falls as exp(x - 40): sigmoid is exp there.
    expected = [np.log(2) - 40, -40, 0]
    np.testing.assert_allclose(got[0], expected, atol=1e-4)


@pytest.mark.parametrize("way", ["category", "with steps", "regression", "copying mixture"])
def test_each_way_to_say_a_duration_is_a_distribution(load, way):
    durations, heads = load("durations"), load("duration_heads")
    model = heads.DurationModel(**durations.WAYS[way], units=4)
    melody = model.encoding.encode(load("music").made_up_tunes().pieces[0].score)
    inputs, targets = model.event_ids(melody)
    logs = model({name: ids[None] for name, ids in inputs.items()})["duration"]
    chances = np.exp(np.array(logs)[0])
    np.testing.assert_allclose(chances.sum(axis=-1), 1, atol=1e-4)
    ends = targets["pitch"] == 1
    np.testing.assert_allclose(chances[:, 0], ends, atol=1e-4)  # the end takes no time
    assert chances[~ends, 1:].min() > 0


def test_steps_are_seen_beside_the_category(load):
    heads = load("duration_heads")
    plain, seen = (heads.DurationModel(steps_seen=steps, units=4) for steps in (False, True))
    seen.set_weights(plain.get_weights())
    melody = plain.encoding.encode(load("music").made_up_tunes().pieces[0].score)
    inputs = {name: ids[None] for name, ids in plain.event_ids(melody)[0].items()}
    before, after = (np.array(model._features(inputs)) for model in (plain, seen))
    differ = np.flatnonzero((before != after).any(axis=(0, 1)))
    assert len(differ) == 4  # one number of each of the last four durations
    steps = plain.encoding.steps[melody.durations[:-1]]
    expected = np.log(np.maximum(steps, 1) / 24) * (steps > 0)
    np.testing.assert_allclose(after[0][:, differ[0]], expected, rtol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(("script", "way"), [("models", "lstm"), ("durations", "copying mixture")])
def test_models_and_durations_run(script, way, tmp_path):
    options = ["--only", way, "--minutes-chorales", "0.02", "--minutes-tunes", "0"]
    output = start(script, "--out", str(tmp_path), "--seeds", "1", *options)
    assert "machine:" in output and f"\n{way}" in output
    results = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    trained = [found["result"] for found in results if "epochs" in found["result"]]
    assert len(trained) == 1 and 1 <= trained[0]["best_epoch"] <= trained[0]["epochs"]
    again = start(script, "--out", str(tmp_path), "--seeds", "1", *options)
    assert again.splitlines()[-3:] == output.splitlines()[-3:] and "minutes\n" not in again


# === Losses ===


def test_the_distance_is_that_of_the_best_assignment(load):
    distance = load("toy_gan").distance
    square = np.float32([[0, 0], [1, 0], [0, 1], [1, 1]])
    assert distance(square, square[::-1]) == 0
    assert math.isclose(
        distance(square, square + np.float32([3, 4])), 5
    )  # a shift, whoever goes where
    assert math.isclose(distance(square, 0 * square), (0 + 1 + 1 + math.sqrt(2)) / 4)
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 6, 2))
    by_hand = min(
        np.linalg.norm(first - second[list(order)], axis=1).mean()
        for order in itertools.permutations(range(6))
    )
    assert math.isclose(distance(first, second), by_hand)


@pytest.mark.parametrize("data", ["8 Gaussians", "25 Gaussians", "swiss roll"])
def test_modes_and_good_samples_of_points_whose_truth_is_known(load, data):
    toy = load("toy_gan")
    modes = {"8 Gaussians": 8, "25 Gaussians": 25, "swiss roll": 20}[data]
    found, good = toy.modes_and_good(data, toy.draw(data, 5000, 1))
    assert found == modes and good > 0.995
    centre = toy.CENTRES[data][:1]
    assert toy.modes_and_good(data, np.repeat(centre, 100, axis=0)) == (1, 1.0)
    away = centre + 4 * toy.SPREADS[data] * np.array([[0.9, 0], [0.5, 0.5], [999, 0]])
    assert toy.modes_and_good(data, away)[1] == pytest.approx(2 / 3)
    # A circle of radius sqrt(2); -2 to 2, of variance 2, by sqrt(8); of the spiral the integral.
    spread = {"8 Gaussians": 1, "25 Gaussians": 0.5, "swiss roll": 0.92}[data]
    assert toy.draw(data, 4000, 1).std() == pytest.approx(spread, abs=0.06)


def test_of_the_least_slope_no_gradient_is_left(load):
    losses = load("losses")
    probes = {"planes": [3.0, 2, 9], "logits": [0.5, 0.0009, 0.2, 0.0001], "open": [1.0, 0.25]}
    found = losses.of_gradients(probes)
    assert found == {
        "planes": 3,
        "logits": 0.5 * (0.0009 + 0.2),
        "least": 0.0001,
        "vanished": 0.5,
        "open": 0.25,
    }
    assert losses.spread([0.5], 1) == "0.5"
    assert losses.spread([0.25, 0.75], 0, 100) == "50 (25 to 75)"


def test_a_line_of_results_is_done_once(load, tmp_path):
    losses, done = load("losses"), []

    def work(run):
        done.append(run)
        return {"twice": 2 * run["seed"]}

    for _ in range(2):
        lines = losses.Lines(tmp_path / "out" / "runs.jsonl")
        assert [lines.get(work, seed=seed)["twice"] for seed in (1, 2)] == [2, 4]
    assert done == [{"seed": 1}, {"seed": 2}]


@pytest.mark.slow
def test_losses_run(tmp_path):
    output = start("losses", "--out", str(tmp_path))
    for row in ("real points", "Wasserstein, penalty, 5", "real chorales", "non-saturating"):
        assert f"\n| {row} |" in output
    assert (tmp_path / "losses.png").read_bytes().startswith(b"\x89PNG")
    again = start("losses", "--out", str(tmp_path))
    assert again.split("\n", 1)[1] == output.split("\n", 1)[1]  # but for the load


@pytest.mark.slow
def test_temperatures_run():
    output = start("temperatures", "bach-chorale-melody", "chorales", "--pieces", "2")
    assert "real" in output and "0.9/1" in output


@pytest.mark.slow
def test_endings_run():
    output = start("endings", "bach-chorale", "--pieces", "2", "--settings", "0.6")
    assert "cadences %" in output and "\nreal " in output and "\n0.6 " in output


@pytest.mark.slow
def test_harmonising_runs():
    output = start("harmonising", "--tries", "1", "--seconds", "0", "--rounds", "1")
    assert "2 at once" in output and "times as fast; goal 20" in output


@pytest.mark.slow
def test_accompaniment_runs():
    output = start("accompaniment", "--phrases", "3")
    for way in ("bach-quartet", "bach-chorale", "bach-chorale, no rule", "n-gram", "Bach"):
        [row] = re.findall(rf"^\| {re.escape(way)} \|(.*)\|$", output, re.M)
        assert float(row.split("|")[-1]) == 100, "the soprano is kept"
