"""AttentionLSTM by its name: the arguments that it always had, and files of the first version."""

from __future__ import annotations

import hashlib
import inspect
import json

import keras
import numpy as np
import pytest
from contract import SMALL, random_ids, with_drawn_weights

import musegen
from musegen.encoding import PitchDurationEncoding
from musegen.loading import PRETRAINED
from musegen.models import AttentionLSTM, MelodyModel

TINY = {**SMALL, "units": 8, "attention_size": 5}


def test_it_is_the_melody_model_on_its_network():
    keras.utils.set_random_seed(3)
    named = AttentionLSTM(**TINY, heads=2)
    keras.utils.set_random_seed(3)
    general = MelodyModel(**TINY, heads=2, network="attention-lstm")
    ids = random_ids(named, 2, 6)
    for key, logits in named(ids).items():
        np.testing.assert_array_equal(logits, general(ids)[key])
    assert general.get_config() == {**named.get_config(), "network": "attention-lstm"}
    assert list(named.saved_weights) == list(general.saved_weights)


def test_its_arguments_keep_their_order_and_defaults():
    parameters = inspect.signature(AttentionLSTM.__init__).parameters
    assert {name: one.default for name, one in parameters.items() if name != "self"} == {
        "encoding": None,
        "units": 256,
        "depth": 2,
        "pitch_embedding": 32,
        "duration_embedding": 32,
        "attention": "location",
        "heads": 1,
        "attention_size": 64,
        "head": "state_and_context",
        "dropout": 0.2,
        "openings": (),
        "name": None,
        "pitch": "relative",
        "copy": True,
        "duration_after_pitch": True,
        "candidates": True,
    }
    model = AttentionLSTM(PitchDurationEncoding(), 12, 1, 4, 3, "dot", 3, 5, "context", 0.125)
    assert model.get_config()["name"] == "attention-lstm"
    last = ((), "tune", "absolute", False, False, False)
    model = AttentionLSTM(None, 12, 1, 4, 3, "dot", 3, 5, "context", 0.125, *last)
    arguments = (12, 1, 4, 3, "dot", 3, 5, "context", 0.125, *last[1:])
    names = ("units", "depth", "pitch_embedding", "duration_embedding", "attention", "heads")
    names += ("attention_size", "head", "dropout", "name")
    names += ("pitch", "copy", "duration_after_pitch", "candidates")
    assert tuple(model.get_config()[name] for name in names) == arguments
    assert tuple(getattr(model, name) for name in names) == arguments
    for word in ("units", "attention_size", "openings", "dropout"):
        assert f"{word}: " in AttentionLSTM.__doc__
    with pytest.raises(TypeError, match="unit"):
        AttentionLSTM(unit=3)


def test_heads_divide_the_units():
    with pytest.raises(ValueError, match="heads=3: give a number that divides units=8"):
        AttentionLSTM(**TINY, heads=3)


def test_the_head_sees_what_it_says():
    for head, seen in (("state_and_context", 16), ("context", 8)):
        model = AttentionLSTM(**TINY, head=head, duration_after_pitch=False)
        assert model.symbol_heads["pitch"].kernel.shape == (seen, 132)
        assert model.symbol_heads["duration"].kernel.shape == (seen, 5)
        model = AttentionLSTM(**TINY, head=head)
        assert model.symbol_heads["pitch"].kernel.shape == (seen, 132)
        # It sees two embeddings of the pitch that was drawn beside, of its interval and its degree.
        assert model.symbol_heads["duration"].hidden_kernel.shape[0] == seen + 2 * 6
        assert model.symbol_heads["duration"].kernel.shape[1] == 5


def test_dropout_drops_in_training_alone_and_the_same_at_all_steps():
    model = with_drawn_weights(AttentionLSTM(**TINY, dropout=0.5))
    ids = random_ids(model, 1, 6)
    assert np.array_equal(model(ids)["pitch"], model(ids)["pitch"])
    keras.utils.set_random_seed(1)
    assert not np.array_equal(model(ids, training=True)["pitch"], model(ids)["pitch"])
    dropped = np.asarray(model.network.drops[0](np.ones((3, 7, 50), np.float32), training=True))
    assert (dropped == dropped[:, :1]).all()
    assert len(np.unique(dropped, axis=0)) == 3


SHIPPED = {  # SHA-256 of the file, and of the ids that the first version wrote with it
    "bach-chorale-melody": (
        "5b102ad17b754ca8a94776bee90de2f1fe6aa110750bac3f4f9dfca9b8798d02",
        "1474063956af49c36535daa3a781870ec5071a0a5fd197eb15a5189b0a5efebd",
    ),
    "fiddle-tune": (
        "28d2860cffa70c99f9bae9e34909194dd70ba159cd1b47b0aa9611ac112c89ed",
        "e031be13a067155ec640059ec9cbe98c17d949225c50c3c139f515462be9d324",
    ),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_files_of_the_first_version_write_the_same_music(name):
    """The files that ship are those that the first version wrote, unchanged."""
    path = PRETRAINED / f"{name}.safetensors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHIPPED[name][0]
    melody = musegen.load(name).sample(notes=32, seed=7).melody
    ids = json.dumps([melody.pitches.tolist(), melody.durations.tolist()])
    assert hashlib.sha256(ids.encode()).hexdigest() == SHIPPED[name][1]
