"""The instruments that a track may be found by: families of the programs of General MIDI.

General MIDI has its 128 programs in sixteen groups of eight. The families are these groups, but for
two: the string ensembles (48 to 51), which songs mostly take for strings, are `"strings"`, and what
is left of their group is `"choir"`. Drums are channel 10, whatever their program.
"""

from __future__ import annotations

from symusic.core import TrackTick

FAMILIES = {
    "piano": range(0, 8),
    "chromatic-percussion": range(8, 16),
    "organ": range(16, 24),
    "guitar": range(24, 32),
    "bass": range(32, 40),
    "strings": range(40, 52),
    "choir": range(52, 56),
    "brass": range(56, 64),
    "reed": range(64, 72),
    "pipe": range(72, 80),
    "synth-lead": range(80, 88),
    "synth-pad": range(88, 96),
    "synth-effects": range(96, 104),
    "ethnic": range(104, 112),
    "percussive": range(112, 120),
    "sound-effects": range(120, 128),
    "drums": range(0, 128),
}
"""The programs of each family, from 0."""

USUAL = {"bass": 33, "strings": 48}
"""The program that a track of a family is written with, where it is not the family's first."""


def family_of(track: TrackTick) -> str:
    """Returns the family of a track."""
    if track.is_drum:
        return "drums"
    return next(name for name, programs in FAMILIES.items() if track.program in programs)
