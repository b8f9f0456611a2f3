"""AttentionLSTM by its name: the arguments that it always had, and files of the first version."""

from __future__ import annotations

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
from contract import SMALL, random_ids, with_drawn_weights

import musegen
from musegen.encoding import PitchDurationEncoding
from musegen.models import AttentionLSTM, MelodyModel

pytestmark = pytest.mark.usefixtures("uncompiled")

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
        "tonic_share": None,
    }
    model = AttentionLSTM(PitchDurationEncoding(), 12, 1, 4, 3, "dot", 3, 5, "context", 0.125)
    assert model.get_config()["name"] == "attention-lstm"
    last = ((), "tune", "absolute", False, False, False, 0.25)
    model = AttentionLSTM(None, 12, 1, 4, 3, "dot", 3, 5, "context", 0.125, *last)
    arguments = (12, 1, 4, 3, "dot", 3, 5, "context", 0.125, *last[1:])
    names = ("units", "depth", "pitch_embedding", "duration_embedding", "attention", "heads")
    names += ("attention_size", "head", "dropout", "name")
    names += ("pitch", "copy", "duration_after_pitch", "candidates", "tonic_share")
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


def test_a_file_of_the_first_version_writes_the_same_music():
    """Version 0.1.0 trained the checkpoint for a moment, and wrote the piece with it."""
    here = Path(__file__).parent
    model = musegen.load(here / "first_version.safetensors")
    assert (model.pitch, model.copy) == ("absolute", False)
    found = model.sample(notes=24, seed=7, temperature=1.0).melody
    expected = model.encoding.encode(musegen.read_midi(here / "first_version.mid"))
    np.testing.assert_array_equal(found.pitches, expected.pitches[: len(found)])
    np.testing.assert_array_equal(found.durations, expected.durations[: len(found)])
