"""How each public function is called rightly: what `test_bad_arguments.py` begins with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import keras
import music21
import numpy as np
import pretty_midi
import pypianoroll
from matplotlib.figure import Figure
from symusic.core import NoteTick, ScoreTick, TrackTick

import musegen
from musegen.composition import MelodyComposition, PianorollComposition
from musegen.diagnosis.finding import Diagnosis, Finding

BAND = musegen.PianorollEncoding(("high", "low"), steps=4, lowest=60, pitches=12)
LINE = musegen.PitchDurationEncoding()
SMALL = {"units": 4, "depth": 1, "pitch_embedding": 2, "duration_embedding": 2}


def make_world() -> SimpleNamespace:
    """One small, valid thing of each kind."""
    score = ScoreTick(24)
    for name in ("high", "low"):
        track = TrackTick(name)
        for beat in range(8):
            track.notes.append(NoteTick(24 * beat, 24, 60 + beat, 80))
        score.tracks.append(track)
    lstm = musegen.AttentionLSTM(**SMALL)
    gan = musegen.MuseGAN(BAND, bars=1, noise_size=3, units=4)
    melody = LINE.encode(score)
    new = len(melody) - 1
    written = MelodyComposition(
        score=LINE.decode(melody),
        seed=7,
        model="a-model",
        melody=melody,
        prompt_events=1,
        log_likelihoods=np.zeros((new, 2), np.float32),
        attention=np.full((2, new, new), 0.1, np.float32),
    )
    roll = BAND.encode(score)
    noise = gan.noise(seed=1)
    drawn = PianorollComposition(
        score=BAND.decode(roll),
        seed=7,
        model="a-model",
        roll=np.asarray(roll),
        encoding=BAND,
        noise=(noise,),
    )
    return SimpleNamespace(
        score=score,
        lstm=lstm,
        gan=gan,
        melody=melody,
        written=written,
        drawn=drawn,
        roll=roll,
        noise=noise,
        rolls=np.asarray(roll)[np.newaxis],
        lines=[np.full((20, 2), 60)],
        melodies=[(np.arange(60, 68), np.ones(8, int))],
        notes=musegen.evaluation.notes_of([score]),
        ngram=musegen.evaluation.MelodyNGram(LINE),
        voices=musegen.evaluation.VoicesNGram(),
        history={"nats": [2.0, 1.0]},
    )


# A valid value for each parameter without a default, by its hint or its name, and for the object
# of each method; by the names of `world` or as they stand.
BY_HINT = {
    "Lines": "lines",
    "Melodies": "melodies",
    "Melody": "melody",
    "MelodyComposition": "written",
    "MelodyModel": "lstm",
    "Model": "lstm",
    "MuseGAN": "gan",
    "MusicLike": "score",
    "Noise": "noise",
    "Notes": "notes",
    "PitchDurationEncoding": LINE,
    "Sequence[Melody | Piece]": ["melody"],
    "Sequence[ScoreTick]": ["score"],
}
BY_NAME = {
    "config": {},
    "corpus": ["score"],
    "first": [0.5, 0.5],
    "history": "history",
    "last": "noise",
    "length": 5,
    "lowest": 60,
    "music": "score",
    "path": Path("missing.safetensors"),
    "rolls": "rolls",
    "subject": ["score"],
    "second": [0.5, 0.5],
    "support": [0, 1],
}
ROWS = {"piece": np.zeros(2, int), "last": np.array([0, 1])}
OBJECTS = {
    "AttentionLSTM": "lstm",
    "Composition": "drawn",
    "Diagnosis": Diagnosis("a", "b", ()),
    "Evaluation": musegen.evaluation.Evaluation("a", "b", "pieces", {}, 0, ()),
    "Finding": Finding("a", "good", "b"),
    "Melody": "melody",
    "MelodyComposition": "written",
    "MelodyModel": "lstm",
    "NGram": musegen.evaluation.NGram(["last"], 3),
    "MelodyNGram": "ngram",
    "MuseGAN": "gan",
    "Noise": "noise",
    "Notes": "notes",
    "PianorollEncoding": BAND,
    "PitchDurationEncoding": LINE,
    "VoicesNGram": "voices",
}
CALLS = {  # where these do not say it
    "checkpoint.load": {"name": Path("missing.safetensors")},
    "checkpoint.save_checkpoint": {"model": "lstm"},
    "composition.Composition.save": {"path": Path("a.mid")},
    "corpus.midi_folder.folder": {"path": Path("empty")},
    "corpus.midi_folder.scan": {"path": Path("empty")},
    "diagnosis.diagnose.diagnose": {"model": "lstm"},
    "encoding.melody.Melody": {"pitches": [0, 64, 1], "durations": [0, 1, 0]},
    "encoding.melody.Melody.transpose": {"semitones": 1},
    "encoding.pianoroll.PianorollEncoding.decode": {"roll": "roll"},
    "encoding.pianoroll.PianorollEncoding.shape": {"bars": 1},
    "encoding.pitch_duration.PitchDurationEncoding.decode": {"melody": "melody"},
    "encoding.roll.Pianoroll": {"array": np.zeros((1, 4, 12, 2), int)},
    "encoding.roll.RollTrack": {"name": "high"},
    "evaluation.ngram.NGram": {"contexts": ["last"], "symbols": 3},
    "evaluation.ngram.NGram.costs": {"features": ROWS, "symbols": np.array([1, 1])},
    "evaluation.ngram.NGram.fit": {
        "train": ROWS,
        "symbols": np.array([1, 1]),
        "validation": ROWS,
        "validated": np.array([1, 1]),
    },
    "evaluation.result.Evaluation.figure": {"name": "nothing"},
    "interop.music21.from_music21": {"stream": music21.stream.Stream()},
    "interop.pianoroll_npz.write_pianoroll_npz": {"path": Path("a.npz")},
    "interop.pretty_midi.from_pretty_midi": {"midi": pretty_midi.PrettyMIDI()},
    "interop.pypianoroll.from_pypianoroll": {"multitrack": pypianoroll.Multitrack()},
    "midi.read_midi": {"source": Path("missing.mid")},
    "midi.write_midi": {"path": Path("a.mid")},
    "models.attention_lstm.AttentionLSTM": SMALL,
    "models.melody_model.MelodyModel.count_openings": {"melodies": ["melody"]},
    "models.musegan.musegan.MuseGAN.compile": {
        "generator_optimizer": keras.optimizers.Adam(),
        "critic_optimizer": keras.optimizers.Adam(),
    },
    "models.musegan.musegan.MuseGAN.vary": {"part": "style"},
    "models.musegan.noise.Noise": {
        name: np.zeros(3) for name in musegen.models.musegan.noise.NAMES
    },
    "models.musegan.noise.interpolate": {"first": "noise", "steps": 2},
    "plots._figure.figure_png": {"figure": Figure()},
    "plots._figure.note_name": {"pitch": 60},
    "training.fit": {"corpus": (["melody"], ["melody"])},
}
