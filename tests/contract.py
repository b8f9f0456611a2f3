"""Small models on every registered network, in every kind that its declared choices give."""

from __future__ import annotations

import numpy as np

from musegen._checks import Choice, Whole
from musegen.encoding import PitchDurationEncoding
from musegen.models import MelodyModel
from musegen.networks import NETWORKS
from musegen.settings import settings_of

ENCODING = PitchDurationEncoding(durations=(6, 12, 24, 48))
SMALL = {"encoding": ENCODING, "pitch_embedding": 6, "duration_embedding": 4}


def small(network):
    """Settings of a small one: widths of 8, and no dropout."""
    found = {}
    for name, setting in settings_of(NETWORKS[network]).items():
        if isinstance(setting.range, Whole) and setting.default > 16:
            found[name] = 8
    return {**found, **({"dropout": 0.0} if "dropout" in settings_of(NETWORKS[network]) else {})}


def variants():
    """`(network, settings)`: each network by default, and with each other word of its choices."""
    for network, kind in NETWORKS.items():
        yield network, small(network)
        for name, setting in settings_of(kind).items():
            if isinstance(setting.range, Choice):
                for word in setting.range.words:
                    if word != setting.default:
                        yield network, {**small(network), name: word}


VARIANTS = list(variants())
NAMES = ["-".join([network, *filter(str.isalpha, map(str, s.values()))]) for network, s in VARIANTS]


def model_of(network, settings, **options):
    return MelodyModel(network=network, **{**SMALL, **settings, **options})


def with_drawn_weights(model, scale=0.5):
    """Weights large enough that every part of the model shows in the outputs."""
    random = np.random.default_rng(1)
    model.set_weights([scale * random.standard_normal(w.shape) for w in model.weights])
    return model


def random_ids(model, batch, time, seed=0):
    random = np.random.default_rng(seed)
    return {
        name: random.integers(0, size, (batch, time), np.int32)
        for name, size in model.input_sizes.items()
    }


def melody(pitches, steps):
    """A line of MIDI pitches and lengths in steps, as ids of `ENCODING`."""
    from musegen.encoding.pitch_duration import FIRST_PITCH, Melody

    ids = [ENCODING.durations.index(step) + 1 for step in steps]
    return Melody(
        np.array([0, *(np.array(pitches) + FIRST_PITCH), 1], np.int32),
        np.array([0, *ids, 0], np.int32),
    )
