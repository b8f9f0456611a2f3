"""The contract of networks of steps and voices, for every one in their table.

What models of voices do with them is tested with the models (`test_voice_model.py`,
`test_voice_sampling.py`).
"""

from __future__ import annotations

import json
from typing import Annotated

import keras
import numpy as np
import pytest
from contract import model_of, outside, small
from keras import ops
from voices import SMALL

from musegen._checks import Whole
from musegen.cli import main
from musegen.models import MelodyModel, VoiceModel
from musegen.networks import (
    GRID_NETWORKS,
    NETWORKS,
    GridNetwork,
    build_network,
    network_class,
    register,
)
from musegen.networks.base import row_dropout
from musegen.settings import settings_of

STEPS, VOICES, FEATURES, CONDITIONS = 9, 3, 5, 2
names = pytest.mark.parametrize("name", GRID_NETWORKS)


def network_of(name, **settings):
    """A small network with drawn weights."""
    network = build_network(name, {**SMALL[name], "dropout": 0.0, **settings}, grid=True)
    network.conditions = CONDITIONS
    network.build((None, None, VOICES, FEATURES))
    random = np.random.default_rng(0)
    network.set_weights([0.5 * random.standard_normal(w.shape) for w in network.weights])
    return network


def inputs_of(batch=2, seed=1):
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((batch, STEPS, VOICES, FEATURES)).astype(np.float32)
    return inputs, random.standard_normal((batch, STEPS, CONDITIONS)).astype(np.float32)


@names
def test_a_cell_sees_steps_before_and_voices_up_to_its_own(name):
    network, (inputs, conditions) = network_of(name), inputs_of()
    expected = (2, STEPS, VOICES, network.units)
    whole = ops.convert_to_numpy(network(inputs, conditions))
    assert whole.shape == network.compute_output_shape(inputs.shape) == expected
    for step, voice in ((0, 0), (3, 1), (8, 2)):
        changed = inputs.copy()
        changed[0, step, voice] += 1
        differs = np.abs(ops.convert_to_numpy(network(changed, conditions)) - whole).max(-1) > 0
        assert not differs[1].any() and not differs[0, :step].any()
        assert not differs[0, step, :voice].any() and differs[0, step, voice:].all()
        changed = conditions.copy()
        changed[0, step] += 1
        differs = np.abs(ops.convert_to_numpy(network(inputs, changed)) - whole).max(-1) > 0
        assert not differs[0, :step].any() and differs[0, step].all()


@names
def test_cell_after_cell_is_the_whole(name):
    network, (inputs, conditions) = network_of(name), inputs_of()
    state, found = network.initial_state(2, STEPS + 3), np.zeros((2, STEPS, VOICES, network.units))
    shapes = keras.tree.map_structure(lambda one: tuple(one.shape), state)
    for step in range(STEPS):
        state = network.begin(ops.convert_to_tensor(conditions[:, step]), state)
        for place in range(VOICES):
            cell = ops.convert_to_tensor(inputs[:, step, place])
            output, state = network.cell(cell, ops.convert_to_tensor(place, "int32"), state)
            assert keras.tree.map_structure(lambda one: tuple(one.shape), state) == shapes
            found[:, step, place] = ops.convert_to_numpy(output)
    whole = ops.convert_to_numpy(network(inputs, conditions))
    np.testing.assert_allclose(found, whole, atol=1e-5 * np.abs(whole).max())


@names
def test_config_and_settings(name):
    network = network_of(name)
    config = json.loads(json.dumps(network.get_config()))
    again = build_network(name, config, grid=True)
    assert type(again) is type(network) and again.get_config() == network.get_config()
    for setting in settings_of(GRID_NETWORKS[name]).values():
        for value in outside(setting):
            with pytest.raises(ValueError) as caught:
                build_network(name, {setting.name: value}, grid=True)
            assert str(caught.value).startswith(f"{setting.name}=")
    others = settings_of(VoiceModel) | settings_of(VoiceModel.fit)
    assert not others.keys() & settings_of(GRID_NETWORKS[name]).keys()


@names
def test_models_of_melodies_refuse_it_and_say_what_takes_it(name, capsys):
    words = f"network={name!r}: a network of steps and voices, which models of voices take"
    for network in (name, network_of(name)):
        with pytest.raises(ValueError, match=words) as caught:
            MelodyModel(network=network)
        assert "choose one of 'attention-lstm'" in str(caught.value)
        offered = str(caught.value).partition("choose")[2]
        assert not any(repr(other) in offered for other in GRID_NETWORKS)
    line = ["train", "melody", "chorales", "--out", "a.safetensors", "--network", name]
    assert main(line) == 2
    out, err = capsys.readouterr()
    assert err.startswith(f"musegen train: --network={name!r}: a network of steps and voices")
    assert err.count("\n") == 1 and not out


@names
def test_the_help_of_training_has_its_settings(name, capsys):
    with pytest.raises(SystemExit):
        main(["train", "voices", "--network", name, "--help"])
    out = capsys.readouterr().out
    assert f"settings of the model, with the network {name}" in out
    for setting in settings_of(GRID_NETWORKS[name]):
        assert f"--{setting} " in out


def test_the_tables_share_no_name():
    assert not NETWORKS.keys() & GRID_NETWORKS.keys()
    with pytest.raises(ValueError, match=r"network='many': choose one of .*'pixel-cnn'"):
        network_class("many", grid=True)
    with pytest.raises(ValueError, match="name='attention-lstm' is taken by AttentionLSTM"):
        register("attention-lstm")(GRID_NETWORKS["pixel-cnn"])
    assert VoiceModel.get_config(VoiceModel(network="wavenet", channels=4))["network"] == "wavenet"
    with pytest.raises(ValueError, match="network='mean'"):
        model_of("mean", small("attention-lstm"))


def test_a_network_that_is_not_whole_says_what_it_lacks():
    class Bare(GridNetwork):
        def __init__(self, units: Annotated[int, Whole(1, 9), "Width"] = 2, **options):
            super().__init__(**options)

    network = Bare()
    for lacks, call in {
        "initial_state": lambda: network.initial_state(1, 2),
        "begin": lambda: network.begin(None, None),
        "cell": lambda: network.cell(None, 0, None),
    }.items():
        with pytest.raises(NotImplementedError, match=f"Bare has no `{lacks}`: see GridNetwork"):
            call()


def test_dropout_of_rows_is_one_mask_for_each_voice():
    keras.utils.set_random_seed(0)
    dropped = ops.convert_to_numpy(
        row_dropout(0.5)(np.ones((2, 7, 3, 40), np.float32), training=True)
    )
    assert (dropped == dropped[:, :1]).all()
    assert len({row.tobytes() for row in dropped[:, 0].reshape(6, 40)}) == 6
