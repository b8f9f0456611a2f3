"""musegen writes music as MIDI.

>>> import musegen
>>> score = musegen.PitchDurationEncoding().decode(([0, 64, 66, 1], [0, 12, 12, 0]))
>>> [(note.start, note.pitch) for note in score.tracks[0].notes]
[(0, 60), (24, 62)]

Each public name is imported when it is first used, so that `import musegen` takes milliseconds and
reading a MIDI file does not start TensorFlow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from musegen import corpus, diagnosis, encoding, evaluation, interop, models
    from musegen.checkpoint import CheckpointError, save_checkpoint
    from musegen.composition import Composition, MelodyComposition, PianorollComposition
    from musegen.corpus import CorpusError
    from musegen.diagnosis.diagnose import diagnose
    from musegen.diagnosis.finding import Diagnosis, Finding
    from musegen.encoding import (
        EncodingReport,
        Melody,
        Pianoroll,
        PianorollEncoding,
        PitchDurationEncoding,
        RollReport,
        RollTrack,
    )
    from musegen.evaluation import Evaluation, evaluate
    from musegen.interop import read_pianoroll_npz, write_midi, write_pianoroll_npz
    from musegen.loading import load, load_checkpoint
    from musegen.midi import MidiError, MidiWarning, ReadLimits, read_midi
    from musegen.models import AttentionLSTM, MelodyModel, MuseGAN
    from musegen.models.musegan import Noise, interpolate
    from musegen.plots import plot_attention, plot_knobs, plot_pianoroll, plot_training
    from musegen.training import TrainingError

__version__ = "0.1.0"

__all__ = [
    "AttentionLSTM",
    "CheckpointError",
    "Composition",
    "CorpusError",
    "Diagnosis",
    "EncodingReport",
    "Evaluation",
    "Finding",
    "Melody",
    "MelodyComposition",
    "MelodyModel",
    "MidiError",
    "MidiWarning",
    "MuseGAN",
    "Noise",
    "Pianoroll",
    "PianorollComposition",
    "PianorollEncoding",
    "PitchDurationEncoding",
    "ReadLimits",
    "RollReport",
    "RollTrack",
    "TrainingError",
    "__version__",
    "corpus",
    "diagnose",
    "diagnosis",
    "encoding",
    "evaluate",
    "evaluation",
    "interop",
    "interpolate",
    "load",
    "load_checkpoint",
    "models",
    "plot_attention",
    "plot_knobs",
    "plot_pianoroll",
    "plot_training",
    "read_midi",
    "read_pianoroll_npz",
    "save_checkpoint",
    "write_midi",
    "write_pianoroll_npz",
]

_NAMES = {
    "checkpoint": ("CheckpointError", "save_checkpoint"),
    "composition": ("Composition", "MelodyComposition", "PianorollComposition"),
    "corpus": ("CorpusError",),
    "diagnosis": ("Diagnosis", "Finding", "diagnose"),
    "encoding": (
        "EncodingReport",
        "Melody",
        "Pianoroll",
        "PianorollEncoding",
        "PitchDurationEncoding",
        "RollReport",
        "RollTrack",
    ),
    "evaluation": ("Evaluation", "evaluate"),
    "interop": ("read_pianoroll_npz", "write_midi", "write_pianoroll_npz"),
    "loading": ("load", "load_checkpoint"),
    "midi": ("MidiError", "MidiWarning", "ReadLimits", "read_midi"),
    "models": ("AttentionLSTM", "MelodyModel", "MuseGAN"),
    "models.musegan": ("Noise", "interpolate"),
    "plots": ("plot_attention", "plot_knobs", "plot_pianoroll", "plot_training"),
    "training": ("TrainingError",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}

if not TYPE_CHECKING:  # a type checker would take this to mean that every name exists

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            value = getattr(import_module(f"musegen.{_MODULES[name]}"), name)
            globals()[name] = value  # found at once from now on
            return value
        if name in _NAMES:
            return import_module(f"musegen.{name}")
        raise AttributeError(f"module 'musegen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
