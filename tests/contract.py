"""What tests of models share: small ones, their music, and what declarations allow and exclude.

Small models come on every registered network, in every kind that its declared choices give, and in
every kind of model on one network.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import keras
import numpy as np

import musegen
from musegen._checks import Choice, Flag, Number, Whole
from musegen.cli.voices import DRAWING
from musegen.encoding import PianorollEncoding, PitchDurationEncoding
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS, REST, START, Melody
from musegen.encoding.roll import HELD, ONSET, RollTrack
from musegen.models import AttentionLSTM, MelodyModel, MuseGAN
from musegen.models.melody_model import FIRST_VERSION
from musegen.networks import NETWORKS
from musegen.settings import settings_of
from musegen.studio.serving import serve

ENCODING = PitchDurationEncoding(durations=(6, 12, 24, 48))
SMALL = {"encoding": ENCODING, "pitch_embedding": 6, "duration_embedding": 4}
DUO = PianorollEncoding(
    (RollTrack("high"), RollTrack("low", voice="lowest")), steps=4, lowest=60, pitches=7
)


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


def model_kinds():
    """Settings of `MelodyModel`: each other word of its choices, each flag turned, and all off."""
    for name, setting in settings_of(MelodyModel).items():
        if isinstance(setting.range, Choice):
            yield from ({name: word} for word in setting.range.words if word != setting.default)
        elif isinstance(setting.range, Flag):
            yield {name: not setting.default}
    yield FIRST_VERSION


_OF_VOICES = settings_of(musegen.VoiceModel.sample)
_DRAWING = SimpleNamespace(declared_settings={name: _OF_VOICES[name] for name in DRAWING})
COMMANDS = {  # whose settings the options of a command are
    "compose": (
        musegen.AttentionLSTM.sample,
        musegen.MuseGAN.sample,
        SimpleNamespace(declared_settings={"tries": _OF_VOICES["tries"]}),
        musegen.Composition.save,
    ),
    "harmonise": (musegen.VoiceModel.harmonise, _DRAWING),
    "harmonize": (musegen.VoiceModel.harmonise, _DRAWING),
    "rewrite": (musegen.VoiceModel.rewrite, _DRAWING),
    "train melody": (musegen.AttentionLSTM, musegen.AttentionLSTM.fit),
    "train voices": (
        SimpleNamespace(declared_settings=settings_of(NETWORKS["attention-lstm"])),
        musegen.VoiceModel,
        musegen.VoiceModel.fit,
    ),
    "train musegan": (musegen.PianorollEncoding, musegen.MuseGAN, musegen.MuseGAN.fit),
    "evaluate": (musegen.evaluate,),
    "diagnose": (musegen.diagnose,),
    "models": (),
    "plot": (),
    "studio": (serve,),
    "corpus scan": (musegen.ReadLimits, musegen.corpus.scan),
}
VARIANTS = list(variants())
NAMES = ["-".join([network, *filter(str.isalpha, map(str, s.values()))]) for network, s in VARIANTS]
KINDS = [("attention-lstm", {**small("attention-lstm"), **kind}) for kind in model_kinds()]
KIND_NAMES = ["-".join(f"{name}-{value}" for name, value in kind.items()) for kind in model_kinds()]


def model_of(network, settings, **options):
    return MelodyModel(network=network, **{**SMALL, **settings, **options})


def with_drawn_weights(model, scale=0.5):
    """Weights large enough that every part of the model shows in the outputs."""
    random = np.random.default_rng(1)
    model.set_weights([scale * random.standard_normal(w.shape) for w in model.weights])
    return model


def random_ids(model, batch, time, seed=0):
    """Ids of each input, whether any melody has them together or not."""
    random = np.random.default_rng(seed)
    return {
        name: random.integers(0, size, (batch, time), np.int32)
        for name, size in model.input_sizes.items()
    }


def melody(pitches, steps):
    """A line of MIDI pitches and lengths in steps, as ids of `ENCODING`."""
    ids = [ENCODING.durations.index(step) + 1 for step in steps]
    return Melody(
        np.array([0, *(np.array(pitches) + FIRST_PITCH), 1], np.int32),
        np.array([0, *ids, 0], np.int32),
    )


def any_melody(events, seed=0):
    """A melody of ids at random, rests and ties among them."""
    random = np.random.default_rng(seed)
    return Melody(
        np.array([START, *random.integers(REST, PITCH_IDS, events - 1)], np.int32),
        np.array([0, *random.integers(1, ENCODING.duration_ids, events - 1)], np.int32),
    )


def random_melodies(count, seed=0, low=8, high=15):
    random = np.random.default_rng(seed)
    return [
        melody(random.integers(55, 80, size), random.choice([6, 12, 24], size))
        for size in random.integers(low, high, count)
    ]


def random_duos(count=5, seed=0, encoding=DUO, bars=5):
    """Random pieces that an encoding holds, each track one note at a time."""
    random = np.random.default_rng(seed)
    pieces = []
    for _ in range(count):
        cells = np.zeros((bars * encoding.steps, encoding.pitches, len(encoding.tracks)), np.uint8)
        for track in range(len(encoding.tracks)):
            for step in range(0, len(cells), 2):
                pitch = random.integers(encoding.pitches)
                cells[step, pitch, track] = ONSET
                cells[step + 1, pitch, track] = random.choice([0, HELD, ONSET], p=[0.2, 0.6, 0.2])
        cells[[0, -1], :, 0] = 0
        cells[[0, -1], 0, 0] = ONSET
        pieces.append(encoding.decode(cells.reshape(encoding.shape(bars))))
    return pieces


def tiny_lstm(seed=0, **options):
    keras.utils.set_random_seed(seed)
    sizes = {"units": 8, "pitch_embedding": 4, "duration_embedding": 4, "attention_size": 4}
    return AttentionLSTM(**{"encoding": ENCODING, **sizes, **options})


def tiny_gan(seed=0, encoding=DUO, **options):
    keras.utils.set_random_seed(seed)
    return MuseGAN(encoding, **{"bars": 2, "noise_size": 4, "units": 8, **options})


def outside(setting):
    """Values that a declared range excludes: just beyond its ends, and of other types."""
    kind = setting.range
    found = ["x", b"x", math.nan, [], {}, object(), np.zeros((2, 2)), math]
    found += [] if setting.optional else [None]
    found += [0, 1, "True"] if isinstance(kind, Flag) else [True]
    if isinstance(kind, Whole):
        found += [kind.low - 1, 1.5, float(kind.low)]
        found += [] if kind.high is None else [kind.high + 1, 10**400]
    elif isinstance(kind, Number):
        found += [kind.low if kind.open_low else np.nextafter(kind.low, -math.inf), 10**400]
        found += [kind.high if kind.open_high else np.nextafter(kind.high, math.inf), math.inf]
    elif isinstance(kind, Choice):
        found += ["", kind.words[0].upper()]
    return found


def inside(setting):
    """Values at the ends of a declared range, as Python's and NumPy's; the words of a choice."""
    kind = setting.range
    if isinstance(kind, Choice):
        return list(kind.words)
    if isinstance(kind, Flag):
        return [True, False, np.True_]
    if isinstance(kind, Whole):
        found = [kind.low, *([] if kind.high is None else [kind.high])]
        return [*found, *map(np.int64, found)]
    found = [kind.low + 1e-9 * kind.open_low, min(kind.high, 1e300) - 1e-9 * kind.open_high]
    return [*found, *map(np.float64, found)]
