"""The model: rebuilt from its config, blind to the future, and of the size that it says."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import ops

from musegen.encoding import PitchDurationEncoding
from musegen.encoding.pitch_duration import FEATURE_SIZES, PITCH_IDS
from musegen.models import AttentionLSTM
from musegen.models.attention import KINDS

ENCODING = PitchDurationEncoding(durations=(6, 12, 24, 48))
SMALL = {
    "encoding": ENCODING,
    "units": 8,
    "pitch_embedding": 6,
    "duration_embedding": 4,
    "attention_size": 5,
}
HEADS = ("state_and_context", "context")
VARIANTS = [(kind, head) for kind in KINDS for head in HEADS]


def random_ids(batch, time, seed=0):
    random = np.random.default_rng(seed)
    sizes = {"pitch": PITCH_IDS, "duration": ENCODING.duration_ids, **FEATURE_SIZES}
    return {name: random.integers(0, size, (batch, time), np.int32) for name, size in sizes.items()}


def with_drawn_weights(model, scale=0.5):
    """Weights large enough that every part of the model shows in the outputs."""
    random = np.random.default_rng(1)
    model.set_weights([scale * random.standard_normal(w.shape) for w in model.weights])
    return model


def outputs_of(model, ids):
    return {name: ops.convert_to_numpy(values) for name, values in model(ids).items()}


@pytest.fixture(scope="module", params=VARIANTS, ids="-".join)
def model(request):
    kind, head = request.param
    return with_drawn_weights(AttentionLSTM(attention=kind, head=head, heads=2, **SMALL))


def test_shapes(model):
    outputs = outputs_of(model, random_ids(3, 7))
    assert {name: values.shape for name, values in outputs.items()} == {
        "pitch": (3, 7, 132),
        "duration": (3, 7, 5),
    }


def test_config_to_json_to_object(model):
    config = json.loads(json.dumps(model.get_config()))
    again = AttentionLSTM.from_config(config)
    assert again.get_config() == model.get_config()
    assert again.encoding == model.encoding
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    again.set_weights(model.get_weights())
    ids = random_ids(2, 9)
    for name, values in outputs_of(model, ids).items():
        assert np.array_equal(outputs_of(again, ids)[name], values)


def test_config_keeps_every_argument():
    arguments = {
        **SMALL,
        "units": 12,
        "depth": 3,
        "attention": "dot",
        "heads": 3,
        "head": "context",
        "dropout": 0.125,
        "openings": ((3, 4, 24, 600_000, 7),),
        "name": "tunes",
    }
    again = AttentionLSTM.from_config(
        json.loads(json.dumps(AttentionLSTM(**arguments).get_config()))
    )
    assert {name: getattr(again, name) for name in arguments} == arguments
    assert [layer.rate for layer in again.layers if hasattr(layer, "rate")] == [0.125] * 4


def test_a_change_changes_nothing_before_it(model):
    ids = random_ids(1, 12)
    before = outputs_of(model, ids)
    for name in ids:
        size = max(ids[name].max(), 1)
        for t in (0, 5, 11):
            changed = {key: values.copy() for key, values in ids.items()}
            changed[name][0, t] = (changed[name][0, t] + 1) % size
            after = outputs_of(model, changed)
            for key, values in before.items():
                assert np.array_equal(values[:, :t], after[key][:, :t])
                assert not np.array_equal(values[:, t], after[key][:, t])


def test_step_after_step_is_the_whole(model):
    batch, time = 2, 10
    ids = random_ids(batch, time)
    state, stepped, records = model.initial_state(batch, 16), {"pitch": [], "duration": []}, []
    for t in range(time):
        now = {name: ops.convert_to_tensor(values[:, t]) for name, values in ids.items()}
        logits, state, record = model.step(now, state, t, model.step_tables())
        records.append(ops.convert_to_numpy(record))
        for name, values in logits.items():
            stepped[name].append(ops.convert_to_numpy(values))
    for name, values in outputs_of(model, ids).items():
        np.testing.assert_allclose(np.stack(stepped[name], axis=1), values, atol=1e-5)
    rows = model.attend.attention_rows(np.stack(records)[:, 0])
    assert rows.shape == (2, time, time)
    np.testing.assert_allclose(rows.sum(axis=-1), 1, atol=1e-5)


def test_batches_and_padding_make_no_difference(model):
    ids = random_ids(3, 8)
    together = outputs_of(model, ids)
    alone = outputs_of(model, {name: values[1:2, :5] for name, values in ids.items()})
    for name, values in alone.items():
        np.testing.assert_allclose(values[0], together[name][1, :5], atol=1e-5)


def test_the_head_sees_what_it_says():
    for head, seen in zip(HEADS, (16, 8), strict=True):
        model = AttentionLSTM(head=head, **SMALL)
        assert model.pitch_head.kernel.shape == (seen, 132)
        assert model.duration_head.kernel.shape == (seen, 5)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"attention": "dot"},
        {"attention": "additive", "heads": 4},
        {"heads": 8, "head": "context"},
        {"depth": 1},
        {"depth": 5, "attention": "dot", "heads": 2},
        {"units": 1, "pitch_embedding": 1, "duration_embedding": 1, "attention_size": 1},
        {"units": 30, "heads": 3, "pitch_embedding": 11, "encoding": PitchDurationEncoding()},
    ],
)
def test_weights_are_counted_without_building(arguments):
    model = AttentionLSTM(**{**SMALL, **arguments})
    assert AttentionLSTM.weight_count(model.get_config()) == model.count_params()


def test_the_defaults():
    config = AttentionLSTM(units=8, pitch_embedding=4, duration_embedding=4).get_config()
    assert config["attention"] == "location"
    assert config["head"] == "state_and_context"
    assert (config["depth"], config["heads"]) == (2, 1)
    assert PitchDurationEncoding.from_config(config["encoding"]) == PitchDurationEncoding()


def test_dropout_drops_in_training_alone():
    model = with_drawn_weights(AttentionLSTM(dropout=0.5, **SMALL))
    ids = random_ids(1, 6)
    assert np.array_equal(model(ids)["pitch"], model(ids)["pitch"])
    keras.utils.set_random_seed(1)
    assert not np.array_equal(model(ids, training=True)["pitch"], model(ids)["pitch"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "units=0: give a whole number from 1 to 4096"),
        ({"units": 4097}, "units=4097"),
        ({"units": 8.0}, "units=8.0"),
        ({"units": True}, "units=True"),
        ({"units": "8"}, "units='8'"),
        ({"depth": 0}, "depth=0: give a whole number from 1 to 8"),
        ({"depth": 9}, "depth=9"),
        ({"pitch_embedding": 0}, "pitch_embedding=0"),
        ({"duration_embedding": 5000}, "duration_embedding=5000"),
        ({"attention_size": -1}, "attention_size=-1"),
        ({"heads": 0}, "heads=0"),
        ({"heads": 65}, "heads=65"),
        ({"heads": 3}, "heads=3: give a number that divides units=8"),
        ({"attention": "global"}, "attention='global': choose one of 'location', 'additive'"),
        ({"attention": None}, "attention=None"),
        ({"head": "state"}, "head='state': choose one of 'state_and_context', 'context'"),
        ({"dropout": 1}, "dropout=1"),
        ({"dropout": -0.1}, "dropout=-0.1"),
        ({"dropout": float("nan")}, "dropout=nan"),
        ({"dropout": "0.1"}, "dropout='0.1'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError) as caught:
        AttentionLSTM(**{**SMALL, **arguments})
    assert str(caught.value).startswith(message)
