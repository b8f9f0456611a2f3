"""The benchmark of models of voices: what is left out and what is charged. No time is asserted."""

from __future__ import annotations

import numpy as np
import pytest
from test_benchmarks import start
from voices import random_voices

from musegen.encoding import Voices
from musegen.networks import GRID_NETWORKS


@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")
def test_parts_of_the_model_of_voices_are_taken_away_alone(load, monkeypatch):
    monkeypatch.setattr("musegen.training.voice_windows.LENGTH_STEP", 8)
    voices = load("four_voices")
    voices.SIZES.update(width=6, encoder=3)
    small = {"units": 6, "depth": 1, "attention_size": 2}
    whole = voices.model_of(voices.DEFAULT, **small)
    random = np.random.default_rng(0)
    weights = {name: random.standard_normal(w.shape) for name, w in whole.saved_weights.items()}
    music = random_voices(random, 4)

    def costs(model):
        for name, weight in model.saved_weights.items():
            if getattr(weight, "trainable", True):
                weight.assign(weights[name])
        return model.costs([music])[0]

    all_of_it = costs(whole)
    for part, untrained in {"intervals": 0, "degree": 0, "motion": 1, "range": 1}.items():
        model = voices.model_of(voices.DEFAULT + voices.WITHOUT + part, **small)
        assert len(whole.trainable_variables) - len(model.trainable_variables) == untrained
        assert np.abs(costs(model) - all_of_it).max() > 0.01
        held = {"motion": "candidates/motion", "range": "candidates/range"}.get(part)
        if held:
            assert not np.any(model.saved_weights[held])
            whole.saved_weights[held].assign(0 * weights[held])
            np.testing.assert_allclose(whole.costs([music])[0], costs(model), atol=1e-4)
            whole.saved_weights[held].assign(weights[held])
    judge, facts = whole.judge, [np.zeros(1, int), np.full(1, 60), np.zeros((1, 15), int)]
    scores = random.standard_normal((1, judge.size)).astype(np.float32)
    expected = judge(np.where(np.arange(judge.size) < 48, 0, scores), *facts)
    voices.leave_out(judge, "intervals")
    np.testing.assert_allclose(judge(scores, *facts), expected, atol=1e-5)


def test_cells_that_move_and_stay_are_averaged_apart(load):
    piece = Voices(
        np.array([[60, -1], [60, 50], [60, 50]]),
        np.array([[True, False], [False, True], [True, False]]),
    )
    costs = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    found = load("four_voices").nats([costs], [piece])
    # At the first step both begin: one to sound, one to rest.
    assert found["moving"] == (1 + 2 + 4 + 5) / 4 and found["still"] == (3 + 6) / 2
    assert found["test"] == 3.5 and found["by_voice"] == [3.0, 4.0]


def test_tables_of_voices_have_seeds_of_the_default_and_what_parts_are_worth(
    load, tmp_path, monkeypatch, capsys
):
    voices, done = load("four_voices"), []

    def result(work, run):
        done.append((run["way"], run.get("seed"), run.get("pieces")))
        network, _, part = run["way"].partition(" without ")
        test = {"attention-lstm": 0.5, "spatial-lstm": 0.4, "n-gram": 0.6}[network]
        test += 0.01 * run.get("seed", 0) + (0.25 if part else 0)
        figures = {"validation": test, "test": test, "moving": 2 * test, "still": 0.1}
        figures["by_voice"] = [test] * 4
        if network != "n-gram":
            figures |= {"parameters": 12345, "steps_per_second": 321.0, "epochs": 7}
        if run.get("pieces"):
            figures |= {"fifths": 3.0 + run["seed"], "octaves": 2.0}
        return figures, 0

    monkeypatch.setattr(voices.runs.measure, "in_fresh_process", result)
    monkeypatch.setattr(voices.runs.measure, "print_conditions", lambda *_, **__: None)
    only = ["attention-lstm", "spatial-lstm", "attention-lstm without copying"]
    options = ["--markdown", "--pieces", "5", "--seeds", "2", "--out", str(tmp_path)]
    found = voices.main([*options, "--only", *only])
    assert [*found] == ["n-gram", *only]
    assert set(done) == {
        *(("n-gram", None, None), ("spatial-lstm", 0, None), ("attention-lstm", 0, 5)),
        *(("attention-lstm", 1, 5), ("attention-lstm without copying", 0, 5)),
    }
    networks, parts = capsys.readouterr().out.split("attention-lstm: test nats")
    rows = [line.strip("| ").split(" | ") for line in networks.splitlines() if "|" in line]
    assert [row[0] for row in rows[2:]] == ["spatial-lstm", "attention-lstm", "n-gram"]
    assert rows[3][2] == "0.505 (0.500 to 0.510)" and rows[2][3] == "1.600"
    assert len({line.count("|") for line in networks.splitlines() if "|" in line}) == 1
    assert "| nothing | 0.505 (0.500 to 0.510) |  |  |  | 3.5 (3.0 to 4.0) | 2.0 " in parts
    assert "| copying | 0.750 | +0.250 | +0.500 | +0.000 | 3.0 | 2.0 | 7 |" in parts


def test_probabilities_in_keys_nearby_are_averaged_cell_by_cell(load):
    from types import SimpleNamespace

    music = random_voices(np.random.default_rng(0), 5, low=50, high=60, rests=0)
    lowest = music.pitches[0, 0]

    def costs(pieces):
        return [np.full((5, 4), 1.0 + abs(int(one.pitches[0, 0]) - lowest)) for one in pieces]

    found = load("four_voices").transposed(SimpleNamespace(costs=costs), [music])
    assert found["+0 semitones"] == 1 and found["-1 semitones"] == 2 == found["+1 semitones"]
    mean = (np.exp(-1) + 2 * np.exp(-2) + 2 * np.exp(-3)) / 5
    assert np.isclose(found["mean of all"], -np.log(mean))


def test_all_networks_of_voices_can_be_compared(load):
    names = load("four_voices").ways()
    assert {"attention-lstm", "transformer", "wavenet", *GRID_NETWORKS} <= set(names)
    assert "encoder-decoder" not in names


@pytest.mark.slow
def test_voices_run(tmp_path):
    options = ["--minutes-voices", "0.02", "--only", "spatial-lstm", "--out", str(tmp_path)]
    output = start("four_voices", "--seeds", "1", *options)
    assert "machine:" in output and "\nspatial-lstm" in output and "\nn-gram" in output
