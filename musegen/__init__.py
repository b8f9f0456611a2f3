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

if TYPE_CHECKING:  # each as itself, which says to a type checker that it is public
    from musegen import corpus as corpus
    from musegen import diagnosis as diagnosis
    from musegen import encoding as encoding
    from musegen import evaluation as evaluation
    from musegen import interop as interop
    from musegen import models as models
    from musegen.checkpoint import CheckpointError as CheckpointError
    from musegen.checkpoint import save_checkpoint as save_checkpoint
    from musegen.composition import Composition as Composition
    from musegen.composition import MelodyComposition as MelodyComposition
    from musegen.composition import PianorollComposition as PianorollComposition
    from musegen.composition import VoicesComposition as VoicesComposition
    from musegen.corpus import CorpusError as CorpusError
    from musegen.diagnosis.diagnose import diagnose as diagnose
    from musegen.diagnosis.finding import Diagnosis as Diagnosis
    from musegen.diagnosis.finding import Finding as Finding
    from musegen.encoding import EncodingReport as EncodingReport
    from musegen.encoding import Melody as Melody
    from musegen.encoding import Pianoroll as Pianoroll
    from musegen.encoding import PianorollEncoding as PianorollEncoding
    from musegen.encoding import PitchDurationEncoding as PitchDurationEncoding
    from musegen.encoding import RollReport as RollReport
    from musegen.encoding import RollTrack as RollTrack
    from musegen.encoding import Voices as Voices
    from musegen.encoding import VoicesEncoding as VoicesEncoding
    from musegen.evaluation import Evaluation as Evaluation
    from musegen.evaluation import evaluate as evaluate
    from musegen.interop import read_pianoroll_npz as read_pianoroll_npz
    from musegen.interop import write_midi as write_midi
    from musegen.interop import write_pianoroll_npz as write_pianoroll_npz
    from musegen.loading import load as load
    from musegen.loading import load_checkpoint as load_checkpoint
    from musegen.midi import MidiError as MidiError
    from musegen.midi import MidiWarning as MidiWarning
    from musegen.midi import ReadLimits as ReadLimits
    from musegen.midi import read_midi as read_midi
    from musegen.models import AttentionLSTM as AttentionLSTM
    from musegen.models import MelodyModel as MelodyModel
    from musegen.models import MuseGAN as MuseGAN
    from musegen.models import VoiceModel as VoiceModel
    from musegen.models.musegan import Noise as Noise
    from musegen.models.musegan import interpolate as interpolate
    from musegen.notebook import knobs as knobs
    from musegen.plots import plot_attention as plot_attention
    from musegen.plots import plot_knobs as plot_knobs
    from musegen.plots import plot_pianoroll as plot_pianoroll
    from musegen.plots import plot_training as plot_training
    from musegen.training import TrainingError as TrainingError

__version__ = "0.1.0"

_NAMES = {
    "checkpoint": ("CheckpointError", "save_checkpoint"),
    "composition": (
        "Composition",
        "MelodyComposition",
        "PianorollComposition",
        "VoicesComposition",
    ),
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
        "Voices",
        "VoicesEncoding",
    ),
    "evaluation": ("Evaluation", "evaluate"),
    "interop": ("read_pianoroll_npz", "write_midi", "write_pianoroll_npz"),
    "loading": ("load", "load_checkpoint"),
    "midi": ("MidiError", "MidiWarning", "ReadLimits", "read_midi"),
    "models": ("AttentionLSTM", "MelodyModel", "MuseGAN", "VoiceModel"),
    "models.musegan": ("Noise", "interpolate"),
    "notebook": ("knobs",),
    "plots": ("plot_attention", "plot_knobs", "plot_pianoroll", "plot_training"),
    "training": ("TrainingError",),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
_PACKAGES = ("corpus", "diagnosis", "encoding", "evaluation", "interop", "models")

__all__ = ["__version__", *_PACKAGES, *_MODULES]

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
