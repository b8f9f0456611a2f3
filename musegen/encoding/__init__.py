"""The ways in which a score becomes arrays, each one class that a JSON config rebuilds."""

from musegen.encoding.pitch_duration import EncodingReport, Melody, PitchDurationEncoding

__all__ = ["EncodingReport", "Melody", "PitchDurationEncoding"]
