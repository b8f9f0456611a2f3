"""What is wrong with a model of melodies: each fault planted, and not found without it."""

from __future__ import annotations

import random
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops
from test_diagnosis_data import corpus_of, same_arrays, score

from musegen.corpus.corpus import Corpus, Piece
from musegen.diagnosis import amount, correctness, dynamics
from musegen.diagnosis.checks import NotApplicable
from musegen.diagnosis.learner import EvenWindows, Learner, WatchedAdam
from musegen.diagnosis.subject import encoded, exact_copy, untrained_copy
from musegen.encoding.melody import FIRST_PITCH
from musegen.models import AttentionLSTM
from musegen.training.melody_windows import MelodyWindows

pytestmark = pytest.mark.usefixtures("uncompiled")

CORPUS = corpus_of()
SIZES = {"units": 16, "depth": 1, "pitch_embedding": 8, "duration_embedding": 8, "dropout": 0.0}


def tiny(kind=AttentionLSTM, **options):
    keras.utils.set_random_seed(0)
    return kind(**{**SIZES, "attention_size": 4, **options})


def drawn(found):
    """Draws a finding's picture."""
    assert found.plot()._repr_png_().startswith(b"\x89PNG")


class SeesTheNext(AttentionLSTM):
    """Is given the past of the event that it is to predict, itself the last of it."""

    def call(self, inputs, *args, **kwargs):
        moved = {name: ops.roll(inputs[name], -1, 1) for name in self.view.past}
        return super().call({**inputs, **moved}, *args, **kwargs)


class Told(AttentionLSTM):
    """Adds to an output what the output is to predict."""

    output = "pitch"

    def call(self, inputs, *args, **kwargs):
        outputs = super().call(inputs, *args, **kwargs)
        answer = ops.cast(inputs[f"next_{self.output}"], "float32")[..., None]
        return {**outputs, self.output: outputs[self.output] + answer}


class ToldTheDuration(Told):
    """Likewise."""

    output = "duration"


class SeesTheMean(AttentionLSTM):
    """Adds to each position's logits the mean over all positions."""

    def call(self, inputs, *args, **kwargs):
        outputs = super().call(inputs, *args, **kwargs)
        return {name: x + ops.mean(x, axis=1, keepdims=True) for name, x in outputs.items()}


class NoDuration(AttentionLSTM):
    """Gives durations that none of its weights has a say in."""

    def call(self, inputs, *args, **kwargs):
        outputs = super().call(inputs, *args, **kwargs)
        ids = self.encoding.duration_ids
        return {**outputs, "duration": 0.0 * outputs["duration"] - np.log(ids)}


class SureAtFirst(AttentionLSTM):
    """Begins with a strong opinion."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        head = self.symbol_heads["pitch"]
        head.bias.assign(np.random.default_rng(0).normal(0, 8, head.symbols))


class HalfDead(NoDuration):
    """Its duration head is unused, and the output gates of its first three units are shut."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        units, lstm = self.network.units, self.network.lstms[0]
        bias = np.asarray(lstm.bias).copy()
        bias[3 * units : 3 * units + 3] = -1e4
        lstm.bias.assign(bias)


def test_the_loss_at_the_start_is_that_of_a_guess():
    model = tiny(candidates=False)
    found = correctness.loss_of_a_guess(model, CORPUS)
    assert found.verdict == "good"
    guess = np.log(model.encoding.pitch_ids) + np.log(model.encoding.duration_ids)
    assert found.figures["uniform"] == pytest.approx(guess)
    assert found.figures["nats"] == pytest.approx(found.figures["uniform"], rel=0.03)
    found = correctness.loss_of_a_guess(tiny(SureAtFirst), CORPUS)
    assert found.verdict == "bad"
    assert "smaller weights in the heads" in found.sentence
    drawn(found)


def test_a_piece_is_learned_by_heart_unless_a_head_is_broken():
    found = correctness.overfits_one_piece(tiny(units=48), CORPUS, steps=400, events=8)
    assert found.verdict == "good", found.sentence
    assert found.figures["last"] <= 0.1 * found.figures["first"]
    assert found.figures["steps"] < 400
    found = correctness.overfits_one_piece(tiny(NoDuration), CORPUS, steps=10, events=8)
    assert found.verdict == "bad"
    assert "look at the loss, the targets and the layers" in found.sentence
    assert found.figures["steps"] == 10
    drawn(found)


@pytest.mark.parametrize(
    ("kind", "options", "ahead"),
    [
        (AttentionLSTM, {}, 0),
        (AttentionLSTM, {"attention": "additive", "heads": 2}, 0),
        (AttentionLSTM, {"pitch": "absolute", "duration_after_pitch": False}, 0),
        (SeesTheNext, {}, 1),
        (Told, {}, 1),
        (ToldTheDuration, {}, 1),
        (SeesTheMean, {}, 11),
    ],
)
def test_a_leaked_future_is_found_and_how_far_it_reaches(kind, options, ahead):
    found = correctness.leaks_no_future(tiny(kind, **options), CORPUS, length=12)
    assert found.verdict == ("bad" if ahead else "good")
    assert found.figures["events_ahead"] == ahead
    assert (f"events up to {ahead} later" in found.sentence) == (ahead > 0)
    drawn(found)


def test_weights_without_a_gradient_are_named():
    found = correctness.gradients_reach(tiny(), CORPUS)
    assert found.verdict == "good"
    assert len(found.figures["norms"]) == len(tiny().weights)
    assert all(norm > 0 for norm in found.figures["norms"].values())

    frozen = tiny(NoDuration)
    frozen.network.lstms[0].trainable = False
    found = correctness.gradients_reach(frozen, CORPUS)
    assert found.verdict == "bad"
    names = [f"lstm_1/{name}" for name in ("kernel", "recurrent_kernel", "bias")]
    of_duration = [name for name in frozen.saved_weights if name.startswith("duration_head/")]
    embeddings = [f"next_{name}_embedding/embeddings" for name in ("pitch", "degree")]
    assert sorted(found.figures["without"]) == sorted([*names, *embeddings, *of_duration])
    assert "lstm_1/kernel (frozen)" in found.sentence
    assert "next_pitch_embedding/embeddings (zero)" in found.sentence
    drawn(found)


@pytest.mark.slow
def test_a_learning_rate_a_hundred_times_too_high_is_found():
    found = dynamics.learning_dynamics(tiny(), CORPUS, steps=20, learning_rate=0.01)
    assert found.verdict == "good", found.sentence
    assert found.figures["losses"][-1] < found.figures["losses"][0]
    found = dynamics.learning_dynamics(tiny(), CORPUS, steps=20, learning_rate=1.0)
    assert found.verdict == "bad"
    assert "take a smaller learning rate" in found.sentence


@pytest.mark.slow
def test_frozen_and_unused_layers_and_dead_units_are_named():
    model = tiny(HalfDead)
    model.embeddings["bar"].trainable = False
    model.training_record = {"learning_rate": 0.01}  # what it was trained with
    found = dynamics.learning_dynamics(model, CORPUS, steps=10)
    assert found.figures["learning_rate"] == 0.01
    assert found.verdict == "bad"
    assert "bar_embedding/embeddings can't move: make the layer trainable" in found.sentence
    still = re.search(r"([^;]*) never move: see whether their output is used", found.sentence)[1]
    assert "duration_head/" in still or "next_pitch_embedding" in still
    ratios = found.figures["update_ratios"]
    unmoved = {name for name, ratio in ratios.items() if ratio == 0}
    assert unmoved == {n for n in ratios if n.startswith(("duration_head/", "next_"))}
    assert "3 units of lstm_1 are dead (0, 1, 2)" in found.sentence
    assert found.figures["dead_units"]["lstm_1"] == 3
    drawn(found)


NAMES = ["lstm_1/kernel", "lstm_1/bias", "lstm_2/kernel"]
HEALTHY = {
    "names": NAMES,
    "kernels": [NAMES[0], NAMES[2]],
    "frozen": [],
    "zeros": [],
    "losses": [8.0, *[4.0] * 19],
    "norms": np.full((20, 3), 0.1),
    "ratios": np.full((20, 3), 0.01),
    "dead": {},
}


@pytest.mark.parametrize(
    ("fault", "clauses"),
    [
        ({}, []),
        ({"losses": [8.0, np.inf]}, ["the loss explodes in step 2"]),
        ({"losses": [8.0] * 20}, ["the loss ends at 8.00 nats, where it began at 8.00"]),
        ({"ratios": np.array([[0.7, 0.9, 0.01]] * 20)}, ["lstm_1/kernel change by up to 70%"]),
        ({"ratios": np.array([[1.0, 0.9, 0.01]] * 20), "zeros": NAMES[:1]}, []),
        ({"ratios": np.array([[0.01, 0.01, 1e-7]] * 20)}, ["lstm_2/kernel hardly move"]),
        ({"norms": np.array([[1e-5, 0.1, 0.1]] * 20)}, ["the gradient vanishes from 1.0e-01 at"]),
        ({"dead": {"lstm_1": [3, 4], "lstm_2": [1]}}, ["2 units of lstm_1 are dead (3, 4)"]),
    ],
)
def test_what_is_healthy_and_what_is_not(fault, clauses):
    found = dynamics._faults(**{**HEALTHY, **fault})
    assert len(found) == len(clauses)
    assert all(part in clause for part, clause in zip(clauses, found, strict=True))


def test_the_worst_note_is_named_with_its_bar():
    strange = score([60, 62, 64, 65, 67, 99, 64, 62], [12] * 8)  # the sixth note is Eb7
    pieces = [*CORPUS.pieces, Piece("strange", "validation", strange)]
    model = tiny()
    with pytest.raises(NotApplicable, match="not trained yet"):
        dynamics.worst_notes(model, CORPUS)
    model.training_record = {"epochs": 1}
    bias = np.zeros(model.encoding.pitch_ids)
    bias[99 - 67 + FIRST_PITCH] = -20  # the interval
    model.symbol_heads["pitch"].bias.assign(bias)
    found = dynamics.worst_notes(model, Corpus("tunes", tuple(pieces)))
    where, nats = found.figures["worst"][0]
    bar = 1 + (5 * model.encoding.durations[11]) // 96
    assert where == f"Eb7 in bar {bar} of strange"
    assert nats > 20
    assert f"the worst is {where}, {nats:.1f} nats" in found.sentence
    drawn(found)
    assert dynamics.worst_notes(model, CORPUS).verdict == "good"


@pytest.mark.slow
def test_a_learner_starts_anew_from_the_same_weights():
    model = tiny(dropout=0.3, pitch="absolute")
    learner = Learner(model, 9, 0.01, batch_size=8, length=32)
    pieces = encoded(model, CORPUS, "train")

    def losses(**options):
        found = []
        nats = learner.train(pieces, after=lambda loss: found.append(loss), **options)
        return nats, found

    nats, first = losses(validation=pieces[:4])
    assert len(first) == 8
    assert max(nats, first[-1]) < first[0]
    assert nats > 0
    assert losses(validation=pieces[:4]) == (nats, first)
    _, first = losses()
    assert len(first) == 9
    assert losses(transpose=6)[1] != first
    stopped = []
    learner.train(pieces, after=lambda loss: stopped.append(loss) or len(stopped) == 3)
    assert stopped == first[:3]


@pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")
def test_a_learner_whose_loss_is_not_finite_comes_to_infinity(eagerly):
    model = tiny()
    pieces = encoded(model, CORPUS, "train")
    assert Learner(model, 8, 1e30, batch_size=4, length=16).train(pieces, pieces[:4]) == np.inf


def test_norms_of_gradients_and_of_updates_are_those_worked_out_by_hand():
    moved, unused = keras.Variable([3.0, 4.0]), keras.Variable(np.zeros((2, 2), np.float32))
    optimizer = WatchedAdam(0.5, global_clipnorm=1.0)
    optimizer.build([moved, unused])
    optimizer.apply([ops.convert_to_tensor([6.0, -8.0]), None], [moved, unused])
    # Whatever their size, Adam's first step moves each number by the learning rate.
    np.testing.assert_allclose(np.asarray(moved), [2.5, 4.5], atol=1e-5)
    np.testing.assert_allclose(np.asarray(optimizer.norms), [10, 0])
    larger = np.hypot(2.5, 4.5)  # than the 5 before
    np.testing.assert_allclose(np.asarray(optimizer.ratios), [np.hypot(0.5, 0.5) / larger, 0], 1e-4)


def test_windows_are_padded_to_one_length_and_go_on_where_an_epoch_ended():
    model = tiny()
    pieces = encoded(model, CORPUS, "train")
    windows = MelodyWindows(pieces, model, 4, 16, shuffle=True, seed=1)
    even = EvenWindows(MelodyWindows(pieces, model, 4, 16, shuffle=True, seed=1), 40, 5)
    batches = []
    for epoch in range(3):
        windows.start_epoch(epoch)
        batches += [windows[index] for index in range(windows.num_batches)]
    for number, shorter in enumerate(batches[: len(batches) // 5 * 5]):
        even.start_epoch(number // 5)
        inputs, targets, weights = even[number % 5]
        assert weights.shape == inputs["degree"].shape == targets["duration"].shape == (4, 64)
        width = shorter[2].shape[1]
        assert width == 32
        np.testing.assert_array_equal(weights[:, :width], shorter[2])
        for name, ids in shorter[0].items():
            np.testing.assert_array_equal(inputs[name][:, :width], ids)
        assert weights[:, width:].sum() == 0


def test_a_copy_is_the_same_each_time_and_leaves_the_draws_of_others_alone():
    model = tiny(depth=2)
    state = random.getstate()
    first, second = untrained_copy(model, seed=3), untrained_copy(model, seed=3)
    same = exact_copy(model)
    assert random.getstate() == state
    same_arrays(first.get_weights(), second.get_weights())
    same_arrays(same.get_weights(), model.get_weights())


class Fake:
    """Learns as much as the number of its pieces says."""

    def __init__(self, model, steps, learning_rate, seed):
        self.model = self

    def train(self, pieces, validation, transpose):
        assert len(validation) == 4
        self.count, self.transpose = len(pieces), transpose


@pytest.mark.parametrize(
    ("slope", "ngram", "ngram_slope", "verdict", "said"),
    [
        (0.1, 9.0, 0.0, "unsure", "brought 0.100: more of the same music will help"),
        (0.01, 9.0, 0.0, "good", "brought 0.010: more of the same music will hardly help"),
        (0.01, 2.0, 0.1, "unsure", "by the n-gram, to which the last doubling brought 0.100: more"),
        (-0.1, 2.0, 0.01, "good", "no better than the 1.950 of an n-gram, so it needs more than"),
    ],
)
def test_the_slope_says_whether_more_data_would_help(
    monkeypatch, slope, ngram, ngram_slope, verdict, said
):
    def costs(learner, pieces):
        gain = 0.25 * (learner.transpose > 0)
        return SimpleNamespace(total=4 - slope * np.log2(learner.count) - gain)

    def counted(model, train, validation, test):
        return ngram - ngram_slope * np.log2(len(train))

    monkeypatch.setattr("musegen.diagnosis.learner.Learner", Fake)
    monkeypatch.setattr(amount, "likelihood", costs)
    monkeypatch.setattr(amount, "ngram_nats", counted)
    assert "transposing" not in amount.amount_of_data(tiny(), CORPUS, parts=4).sentence
    found = amount.amount_of_data(tiny(pitch="absolute"), CORPUS, parts=4)
    assert found.figures["pieces"] == [4, 8, 16, 32]
    used = ngram_slope if ngram < 4 else slope
    assert found.figures["slope_per_doubling"] == pytest.approx(used)
    assert found.verdict == verdict
    assert said in found.sentence
    assert ("transposing brings 0.250" in found.sentence) == (ngram > 4)
    drawn(found)


@pytest.mark.slow
def test_more_tunes_make_a_better_model():
    found = amount.amount_of_data(tiny(units=32), CORPUS, steps=80, parts=3, transpose=0)
    costs = found.figures["test_nats"]
    assert costs[-1] < costs[0]
    assert found.figures["ngram_nats"][-1] < found.figures["ngram_nats"][0]
    assert found.figures["test_nats_transposed"] is None
