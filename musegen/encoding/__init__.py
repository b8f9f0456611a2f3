"""The ways in which a score becomes arrays, each one class that a JSON config rebuilds."""

from musegen.encoding.melody import EncodingReport, Melody
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.encoding.roll import Pianoroll, RollReport, RollTrack
from musegen.encoding.voices import Voices, VoicesEncoding

__all__ = [
    "EncodingReport",
    "Melody",
    "Pianoroll",
    "PianorollEncoding",
    "PitchDurationEncoding",
    "RollReport",
    "RollTrack",
    "Voices",
    "VoicesEncoding",
]
