"""What the tests of voices share: small models, and random pieces."""

from __future__ import annotations

import numpy as np

from musegen.encoding import Voices, VoicesEncoding
from musegen.models import VoiceModel

SMALL = {
    "attention-lstm": {"units": 12, "depth": 1, "attention_size": 4},
    "pixel-cnn": {"channels": 12, "units": 12, "layers": 3, "blocks": 2},
    "spatial-lstm": {"units": 12, "depth": 2},
}
"""Settings of small networks, by name; the model around them is 12 wide."""


def random_voices(random, steps=20, voices=4, low=45, high=75, rests=0.1):
    """A piece whose voices hold, repeat, move and rest."""
    pitches = random.integers(low, high, (steps, voices))
    pitches[random.random((steps, voices)) < rests] = -1
    for step in range(1, steps):
        stays = random.random(voices) < 0.5
        pitches[step] = np.where(stays, pitches[step - 1], pitches[step])
    return Voices(pitches, random.random((steps, voices)) < 0.3)


def small_model(voices=4, seed=0, **settings):
    """A small model; its weights are large enough that each part shows in what it gives."""
    names = ("soprano", "alto", "tenor", "bass", "fifth", "sixth", "seventh", "eighth")
    encoding = settings.pop("encoding", None) or VoicesEncoding(names[:voices])
    network = SMALL.get(settings.get("network", "attention-lstm"), {})
    model = VoiceModel(encoding, **{"width": 12, "encoder": 6, **network, **settings})
    random = np.random.default_rng(seed)
    for weight in model.trainable_variables:
        weight.assign(0.3 * random.standard_normal(weight.shape))
    return model
