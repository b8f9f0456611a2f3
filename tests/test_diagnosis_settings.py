"""Which settings are better: by scores that are known beforehand, and a search that is killed."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
from test_diagnosis_data import CORPUS_OF_TEN, corpus_of

from musegen.diagnosis import one_at_a_time
from musegen.diagnosis.checks import NotApplicable
from musegen.diagnosis.search import search
from musegen.models import AttentionLSTM

pytestmark = pytest.mark.usefixtures("uncompiled")

SIZES = {"pitch_embedding": 4, "duration_embedding": 4, "attention_size": 4}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return AttentionLSTM(units=8, depth=1, dropout=0.1, **SIZES)


def cost(model, splits, base, changes, steps, seed):
    """Least at a learning rate of 0.004, with two layers and no dropout; seeds are 0.02 apart."""
    now = {**base, **changes}
    nats = abs(np.log2(now["learning_rate"] / 0.004)) + abs(now["depth"] - 2) / 2 + now["dropout"]
    return 3 + float(nats) + 0.02 * (seed % 2)


def test_the_settings_that_help_are_named(monkeypatch, model):
    monkeypatch.setattr(one_at_a_time, "score", cost)
    found = one_at_a_time.one_at_a_time(model, CORPUS_OF_TEN)
    assert found.verdict == "unsure"
    assert found.figures["base_nats"] == pytest.approx([4.6, 4.62])
    better = [(name, value) for name, value, nats in found.figures["moved"] if nats < 4.6 - 0.02]
    assert better == [("depth", 2), ("dropout", 0.0), ("learning_rate", 0.004)]
    assert "below: learning_rate=0.004 3.600, depth=2 4.100, dropout=0.0 4.500" in found.sentence
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    best = AttentionLSTM(units=8, depth=2, dropout=0.0, **SIZES)
    tried = {"depth": [1, 2, 3], "learning_rate": [0.001]}
    found = one_at_a_time.one_at_a_time(best, CORPUS_OF_TEN, tried, learning_rate=0.004)
    assert found.verdict == "good"
    assert "no setting of 4 moved alone gains more" in found.sentence


def test_settings_that_exclude_each_other_come_to_nothing():
    model = AttentionLSTM(units=6, heads=3, depth=1, **SIZES)  # 3 does not divide 64
    base = one_at_a_time.base_settings(model, None)
    assert one_at_a_time.score(model, ([], []), base, {"units": 64}, 8, 0) == np.inf


def test_each_setting_is_moved_within_its_range(model):
    base = one_at_a_time.base_settings(model, None)
    assert base["learning_rate"] == 0.002
    assert one_at_a_time.neighbours(model, base) == {
        "units": [64],
        "depth": [2],
        "attention": ["additive", "dot"],
        "heads": [2],
        "dropout": [0, 0.3],
        "learning_rate": [0.001, 0.004],
        "batch_size": [16, 64],
    }
    absolute = AttentionLSTM(units=8, pitch="absolute", **SIZES)
    base = one_at_a_time.base_settings(absolute, None)
    assert one_at_a_time.neighbours(absolute, base)["transpose"] == [3]
    assert one_at_a_time.base_settings(model, 0.01)["learning_rate"] == 0.01


@pytest.mark.parametrize(
    ("tried", "message"),
    [
        ({}, "settings={}: give a dict"),
        ({"colour": [1]}, "settings's name='colour': choose one of"),
        ({"units": []}, "settings\\['units'\\]=\\[\\]: give values"),
        ({"units": [0]}, "units=0: give a whole number"),
        ({"batch_size": [0]}, "batch_size=0: give a whole number"),
        ({"learning_rate": [-1.0]}, "learning_rate=-1.0: give a number above 0"),
    ],
)
def test_settings_that_there_are_not_are_refused(model, tried, message):
    with pytest.raises(ValueError, match=message):
        one_at_a_time.one_at_a_time(model, CORPUS_OF_TEN, tried)


@pytest.fixture
def scored(monkeypatch):
    """Counts the trainings, and interrupts the search at one of them."""
    count = {"all": 0, "stop": -1}

    def score(*args):
        count["all"] += 1
        if count["all"] == count["stop"]:
            raise KeyboardInterrupt
        return cost(*args)

    monkeypatch.setattr("musegen.diagnosis.search.score", score)
    return count


SPACE = {"learning_rate": (0.001, 0.03), "depth": [1, 2, 3], "dropout": (0.0, 0.5)}


@pytest.mark.slow
def test_a_search_that_was_killed_ends_as_one_that_was_not(tmp_path, model, scored):
    optuna = pytest.importorskip("optuna")
    verbosity = optuna.logging.get_verbosity()
    whole = search(model, CORPUS_OF_TEN, SPACE, trials=12)
    assert scored["all"] == 13  # and the model as it is
    journal = tmp_path / "new" / "search.log"
    for stop in (1, 5):
        scored.update(all=0, stop=stop)
        with pytest.raises(KeyboardInterrupt):
            search(model, CORPUS_OF_TEN, SPACE, trials=12, storage=journal)
    for left in (12 - 3, 0):
        scored.update(all=0, stop=-1)
        resumed = search(model, CORPUS_OF_TEN, SPACE, trials=12, storage=journal)
        assert scored["all"] == left
        assert (resumed.figures, resumed.sentence) == (whole.figures, whole.sentence)
    scored["all"] = 0
    more = search(model, CORPUS_OF_TEN, SPACE, trials=14, storage=journal)
    assert len(more.figures["trials"]) == 14
    assert scored["all"] == 2
    assert [path.name for path in journal.parent.iterdir()] == ["search.log"]
    assert optuna.logging.get_verbosity() == verbosity
    with pytest.raises(ValueError, match="belongs to a search with other arguments"):
        search(model, CORPUS_OF_TEN, SPACE, seed=1, storage=journal)
    journal.write_text(journal.read_text().replace('"depth": 2,', '"depth": 4,'))
    with pytest.raises(ValueError, match="is not the journal of a search, or was damaged"):
        search(model, CORPUS_OF_TEN, SPACE, trials=14, storage=journal)


def test_a_search_finds_what_is_better(model, scored):
    pytest.importorskip("optuna")
    found = search(model, CORPUS_OF_TEN, SPACE, trials=12)
    assert found.verdict == "unsure"
    assert found.figures["base_nats"] == pytest.approx(4.6)
    assert found.figures["best_nats"] < 4
    assert min(nats for _, nats in found.figures["trials"]) == found.figures["best_nats"]
    for values, _ in found.figures["trials"]:
        assert 0.001 <= values["learning_rate"] <= 0.03
        assert values["depth"] in (1, 2, 3)
    assert found.plot()._repr_png_().startswith(b"\x89PNG")
    found = search(model, CORPUS_OF_TEN, {"dropout": [0.1, 0.2]}, trials=3)
    assert found.verdict == "good"


@pytest.mark.parametrize(
    "content",
    [b"hello", b'{"trials": [', b'{"trials": []}', b"\x80\x04\x95\n", b"[]", b"[" * 10**5],
)
def test_a_file_that_is_no_journal_is_refused_and_left(tmp_path, model, scored, content):
    pytest.importorskip("optuna")
    path = tmp_path / "x.log"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is not the journal of a search"):
        search(model, CORPUS_OF_TEN, SPACE, storage=path)
    assert path.read_bytes() == content
    assert scored["all"] == 0


def test_without_optuna_the_search_says_what_to_install(monkeypatch, model):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(NotApplicable, match=r"pip install musegen\[search\]"):
        search(model, CORPUS_OF_TEN, SPACE)


@pytest.mark.slow
def test_real_trainings_tell_a_good_learning_rate_from_a_bad_one(model):
    found = one_at_a_time.one_at_a_time(
        model, corpus_of(), {"learning_rate": [0.0001, 0.02]}, steps=40, learning_rate=0.005
    )
    (_, _, worse), (_, _, better) = found.figures["moved"]
    assert better < min(found.figures["base_nats"]) < worse
    assert found.verdict == "unsure"
