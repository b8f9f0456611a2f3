"""The contract of networks and models, for every one in the registries.

A network that is added is tested here without a line: by its name, its declared settings, and the
kinds that their choices give.
"""

from __future__ import annotations

import json
from typing import Annotated

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import (
    KIND_NAMES,
    KINDS,
    NAMES,
    SMALL,
    VARIANTS,
    any_melody,
    melody,
    model_of,
    outside,
    random_ids,
    small,
    with_drawn_weights,
)
from keras import ops

from musegen import CheckpointError, load_checkpoint, save_checkpoint
from musegen._checks import Whole
from musegen.encoding.history import append, first_history
from musegen.encoding.melody import REST
from musegen.encoding.pitch_duration import FEATURE_SIZES
from musegen.evaluation import likelihood
from musegen.models import MelodyModel
from musegen.models.registry import MODELS
from musegen.networks import NETWORKS, Network, build_network, register
from musegen.settings import settings_of

pytestmark = pytest.mark.usefixtures("uncompiled")


def outputs_of(model, ids):
    return {name: ops.convert_to_numpy(values) for name, values in model(ids).items()}


ROUNDING = 1e-5
"""Below this, a log-probability has not changed: rows of a batch are rounded differently."""


@pytest.fixture(scope="module", params=VARIANTS + KINDS, ids=NAMES + KIND_NAMES)
def model(request):
    return with_drawn_weights(model_of(*request.param))


def test_it_returns_a_log_probability_for_each_id(model):
    outputs = outputs_of(model, random_ids(model, 3, 7))
    assert {name: values.shape for name, values in outputs.items()} == {
        "pitch": (3, 7, 132),
        "duration": (3, 7, 5),
    }
    for values in outputs.values():
        np.testing.assert_allclose(np.exp(values).sum(axis=-1), 1, atol=1e-5)


def test_config_to_json_to_object(model):
    config = json.loads(json.dumps(model.get_config()))
    again = MelodyModel.from_config(config)
    assert again.get_config() == model.get_config()
    assert again.encoding == model.encoding
    assert list(again.saved_weights) == list(model.saved_weights)
    assert len(model.saved_weights) == len(model.weights)  # each name stands for one
    again.set_weights(model.get_weights())
    ids = random_ids(model, 2, 9)
    for name, values in outputs_of(model, ids).items():
        assert np.array_equal(outputs_of(again, ids)[name], values)


def test_a_checkpoint_holds_the_model(model, tmp_path, eagerly):
    save_checkpoint(model, tmp_path / "a.safetensors")
    again = load_checkpoint(tmp_path / "a.safetensors")
    assert type(again) is type(model)
    assert again.get_config() == model.get_config()
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    pieces = [one.sample(notes=6, seed=1).score for one in (model, again)]
    assert pieces[0] == pieces[1]


def reaches(model, name):
    """By output, how many positions after its own an input reaches first; None for no position.

    What begins with `next_` is of the event that is predicted: the duration is told its pitch, and
    copying sees what followed earlier positions. The note of a position is compared with others'.
    """
    return {
        "next_pitch": {
            "pitch": 1 if model.copy else None,
            "duration": 0 if model.duration_after_pitch else None,
        },
        "next_degree": {"pitch": None, "duration": 0},
        "next_duration": {"pitch": None, "duration": 1},
        "note": {"pitch": 0, "duration": 0},
    }.get(name, {"pitch": 0, "duration": 0})


def test_a_change_changes_nothing_before_it_and_something_at_it(model):
    ids = random_ids(model, 1, 12)
    if model.copy:  # so near each other that intervals are told apart
        ids["note"] = ids["note"] % 20
    if "next_pitch" in ids:  # some often, and none the end, whose duration is certain
        ids["next_pitch"] = REST + ids["next_pitch"] % 5
    places = [(name, t) for name in ids for t in (0, 5, 11)]
    # The first of a batch is as it was, and each other has one change.
    batch = {name: np.repeat(values, 1 + len(places), axis=0) for name, values in ids.items()}
    for row, (name, t) in enumerate(places, start=1):
        batch[name][row, t] = (batch[name][row, t] + 1) % model.input_sizes[name]
    for key, values in outputs_of(model, batch).items():
        changes = np.abs(values[1:] - values[0]).max(axis=2)
        for change, (name, t) in zip(changes, places, strict=True):
            first = reaches(model, name)[key]
            here = 12 if first is None else t + first
            assert (change[:here] < ROUNDING).all(), name
            if here < 12 and (name, t) != ("note", 0):  # before which there is no other
                assert change[here] > ROUNDING, name


def both(melodies, model):
    """What the model takes of melodies of one length, and what it is to predict."""
    inputs, targets = zip(*(model.event_ids(one) for one in melodies), strict=True)
    return tuple(
        {name: np.stack([one[name] for one in part]) for name in part[0]}
        for part in (inputs, targets)
    )


def stepped(model, melodies, length):
    """Log-probabilities of one step after the other, on melodies of one length."""
    encoding, (_, targets) = model.encoding, both(melodies, model)
    features = [encoding.features(one) for one in melodies]
    state, tables = model.initial_state(len(melodies), length), model.step_tables()
    history = keras.tree.map_structure(ops.convert_to_tensor, first_history(len(melodies)))
    found = {"pitch": [], "duration": []}
    for t in range(len(melodies[0]) - 1):

        def choose(name, scores, t=t):
            found[name].append(ops.convert_to_numpy(scores))
            return ops.convert_to_tensor(targets[name][:, t])

        places = {name: np.array([one[name][t + 1] for one in features]) for name in FEATURE_SIZES}
        state = model.see(history, places, state)
        shapes = keras.tree.map_structure(lambda one: tuple(one.shape), state)
        state = model.step(history, state, tables, choose)
        assert keras.tree.map_structure(lambda one: tuple(one.shape), state) == shapes
        pitch, duration = (
            np.array([getattr(one, name)[t + 1] for one in melodies])
            for name in ("pitches", "durations")
        )
        steps = encoding.steps[duration].astype(np.int32)
        history = append(history, *map(ops.convert_to_tensor, (pitch, duration, steps)), ops)
    return {name: np.stack(values, axis=1) for name, values in found.items()}


@pytest.mark.parametrize(("time", "scale"), [(20, 0.5), (10, 20.0)])
def test_step_after_step_is_the_whole(model, time, scale):
    """Also with weights so large that scores are in the hundreds."""
    weights = model.get_weights()
    with_drawn_weights(model, scale)
    melodies = [any_melody(time + 1, seed) for seed in (0, 1)]
    whole, steps = outputs_of(model, both(melodies, model)[0]), stepped(model, melodies, time + 5)
    model.set_weights(weights)
    for name, values in whole.items():
        largest = np.abs(values).max()
        np.testing.assert_allclose(steps[name], values, atol=2e-4 * max(largest, 1))


@pytest.mark.parametrize(("network", "settings"), VARIANTS, ids=NAMES)
def test_a_network_runs_step_by_step_through_long_sequences(network, settings):
    network, time = build_network(network, settings), 300
    inputs = np.random.default_rng(5).normal(size=(2, time, 7)).astype(np.float32)
    network.build(inputs.shape)
    with_drawn_weights(network)
    kernel = network.input_kernel
    projected = ops.convert_to_tensor(inputs if kernel is None else ops.matmul(inputs, kernel))
    state, found = network.initial_state(2, time + 5), []
    step = tf.function(network.step)
    for t in range(time):
        outputs, state = step(projected[:, t], state)
        found.append(ops.convert_to_numpy(outputs))
    expected = ops.convert_to_numpy(network(inputs))
    largest = max(np.abs(expected).max(), 1)
    np.testing.assert_allclose(np.stack(found, axis=1), expected, atol=2e-5 * largest)


def test_the_map_of_attention_is_of_the_past_alone(model, eagerly):
    inputs = np.random.default_rng(3).normal(size=(2, 9, 7)).astype(np.float32)
    network = build_network(model.network.registered_name, model.network.get_config())
    network.build(inputs.shape)
    rows = network.attention_map(inputs)
    piece = model.sample(notes=6, seed=1)
    assert (rows is None) == (piece.attention is None)
    if rows is None:
        return
    assert rows.shape[0] == 2 and rows.shape[2:] == (9, 9)
    np.testing.assert_allclose(ops.sum(rows, axis=-1), 1, atol=1e-5)
    assert (ops.convert_to_numpy(rows)[..., ~np.tri(9, dtype=bool)] == 0).all()


def test_batches_and_padding_make_no_difference(model):
    ids = random_ids(model, 3, 8)
    together = outputs_of(model, ids)
    alone = outputs_of(model, {name: values[1:2, :5] for name, values in ids.items()})
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][1, :5], atol=1e-5)


def test_what_is_sampled_has_the_likelihood_that_the_model_gives_it(model, compiled):
    piece = model.sample(notes=12, seed=4)
    costs = model.costs([piece.melody])[0]
    np.testing.assert_allclose(
        -piece.log_likelihoods, costs[: len(piece.log_likelihoods)], atol=1e-4
    )
    new, events = len(piece.log_likelihoods), len(piece.melody)
    past = np.tri(new, events - 1, dtype=bool)
    if piece.attention is not None:
        assert piece.attention.shape == (len(piece.attention), new, events - 1)
        np.testing.assert_allclose(piece.attention.sum(axis=-1), 1, atol=1e-5)
        assert (piece.attention[:, ~past] == 0).all()
    assert (piece.copied is not None) == model.copy
    if model.copy:
        assert piece.copied.shape == (2, new, events - 1)
        sums = piece.copied.sum(axis=-1)
        assert 0 < sums.max() <= 1 + 1e-5 and sums.min() >= 0
        assert (piece.copied[:, ~past] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "settings"), [*VARIANTS, KINDS[-1]], ids=[*NAMES, KIND_NAMES[-1]]
)
def test_one_piece_is_learned_by_heart(network, settings):
    keras.utils.set_random_seed(0)
    wide = {name: 48 for name, value in settings.items() if value == 8}
    model = model_of(network, {**settings, **wide}, pitch_embedding=16, duration_embedding=8)
    tune = melody(
        [60, 60, 67, 67, 69, 69, 67, 65, 65, 64, 64, 62, 62, 60, 67, 60],
        [24, 24, 24, 24, 24, 24, 48, 24, 24, 24, 24, 24, 24, 48, 12, 6],
    )
    options = {"batch_size": 1, "learning_rate": 0.01, "transpose": 0, "patience": 30, "verbose": 0}
    model.fit(([tune] * 10, [tune]), epochs=30, **options)
    assert model.costs([tune])[0].mean() < 0.1


# === Settings ===


@pytest.mark.parametrize("network", NETWORKS)
def test_bad_settings_are_refused_with_a_message(network):
    for name, setting in settings_of(NETWORKS[network]).items():
        for value in outside(setting):
            with pytest.raises(ValueError) as caught:
                model_of(network, {**small(network), name: value})
            assert str(caught.value).startswith(f"{name}=")
            assert setting.range.allowed in str(caught.value)


def test_a_setting_or_network_that_is_not_there_is_named():
    with pytest.raises(
        ValueError, match=r"unit=4: the network 'attention-lstm' has no such .*units"
    ):
        MelodyModel(**SMALL, unit=4)
    with pytest.raises(ValueError, match=r"network='gru': choose one of 'attention-lstm'"):
        MelodyModel(**SMALL, network="gru")
    with pytest.raises(ValueError, match=r"network=.*Dense.*give the name of a network"):
        MelodyModel(**SMALL, network=keras.layers.Dense(3))
    network = build_network("attention-lstm", small("attention-lstm"))
    with pytest.raises(ValueError, match="units=4: a network that is given has its own"):
        MelodyModel(**SMALL, network=network, units=4)


def test_a_class_of_models_says_what_it_is():
    for model in MODELS.values():
        assert model.family in ("melody", "musegan", "voices")
        assert model.writes in ("melodies", "phrases", "voices")
        assert set(model.abilities) <= {"likelihood", "critic", "voices"}


# === A network that is not musegen's ===


class Mean(Network):
    """A running mean of inputs through one dense layer: no attention, no recurrent weights."""

    layer_name: str | None = "dense"

    def __init__(self, units: Annotated[int, Whole(1, 64), "Width"] = 8, **options):
        super().__init__(**options)
        self.units = units
        self.dense = keras.layers.Dense(units, use_bias=False, name=self.layer_name)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs, training=None):
        counts = ops.arange(1, ops.shape(inputs)[1] + 1, dtype="float32")[None, :, None]
        return ops.tanh(ops.cumsum(self.dense(inputs), axis=1) / counts)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    @property
    def input_kernel(self):
        return self.dense.kernel

    def initial_state(self, batch, length):
        return ops.zeros((batch, self.units)), ops.zeros(())

    def step(self, projected, state):
        total, count = state[0] + projected, state[1] + 1
        return ops.tanh(total / count), (total, count)


@pytest.fixture
def mean():
    register("mean")(Mean)
    yield "mean"
    del NETWORKS["mean"]


@pytest.mark.filterwarnings("ignore:.*run_functions_eagerly")
def test_a_network_needs_its_class_and_nothing_else(mean, tmp_path, eagerly):
    keras.utils.set_random_seed(1)
    model = model_of(mean, {"units": 12})
    path = tmp_path / "a.safetensors"
    tune = melody([60, 62, 64, 65, 67], [24, 24, 12, 12, 48])
    options = {"epochs": 2, "batch_size": 2, "verbose": 0}
    history = model.fit(([tune] * 4, [tune]), checkpoint=path, **options).history
    again = load_checkpoint(path)
    assert again.get_config()["network"] == "mean"
    assert again.get_config()["units"] == 12
    assert likelihood(again, [tune]).total == pytest.approx(min(history["val_nats"]), abs=1e-4)
    melodies = [any_melody(9, seed) for seed in (2, 3)]
    for name, values in outputs_of(again, both(melodies, again)[0]).items():
        np.testing.assert_allclose(stepped(again, melodies, 9)[name], values, atol=1e-5)
    piece = again.sample(notes=5, seed=1)
    assert piece.new_notes == 5
    piece.plot_attention()  # of what was copied
    with pytest.raises(ValueError, match="no map to draw, the network has no attention"):
        piece.plot_attention(of="network")


def test_a_network_that_is_not_whole_is_refused_with_what_to_do(mean):
    class Plain(Network):
        def __init__(self, units: int = 8, **options):
            super().__init__(**options)

    with pytest.raises(ValueError, match=r"Plain: the argument 'units' is not declared"):
        register("plain")(Plain)
    with pytest.raises(ValueError, match="name='attention-lstm' is taken by AttentionLSTM"):
        register("attention-lstm")(Mean)
    assert "plain" not in NETWORKS
    network = Mean(units=5)
    del network.units
    with pytest.raises(ValueError, match="Mean has no attribute 'units'"):
        MelodyModel(**SMALL, network=network)
    with pytest.raises(NotImplementedError, match="Network has no `step`"):
        Network().step(None, None)


def test_layers_without_a_name_are_refused_before_anything_is_lost(mean, tmp_path, monkeypatch):
    monkeypatch.setattr(Mean, "layer_name", None)
    with pytest.raises(CheckpointError, match="Give every layer of its network a name"):
        save_checkpoint(model_of(mean, {}), tmp_path / "a.safetensors")
    assert list(tmp_path.iterdir()) == []
