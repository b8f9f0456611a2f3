"""A score as sound.

FluidSynth plays a score on the sound font that pretty_midi carries, where FluidSynth is installed
with its module (`pip install pyfluidsynth`); else pretty_midi makes plain sine tones.
"""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen.interop import to_pretty_midi

PEAK = 0.9
"""The loudest sample, of a full scale of 1."""

FLUIDSYNTH, SINES = "FluidSynth", "plain sine tones"


class Sound(NamedTuple):
    """What was played: samples `(samples,)` float32, how many a second, and by what."""

    samples: NDArray[np.float32]
    sample_rate: int
    synthesizer: str


def play(score: ScoreTick, sample_rate: int) -> Sound:
    """Plays a score; the peak is 0.9, or 0 if nothing sounds."""
    midi, by = to_pretty_midi(score), FLUIDSYNTH
    try:
        sound = midi.fluidsynth(fs=sample_rate, normalize=False)
    except Exception:  # noqa: BLE001 - missing or broken, in whichever way: sines always work
        sound, by = midi.synthesize(fs=sample_rate, normalize=False), SINES
    peak = float(np.abs(sound).max(initial=0.0))
    if peak > 0:
        sound = sound * (PEAK / peak)
    return Sound(np.asarray(sound, np.float32), sample_rate, by)


def wav_bytes(sound: Sound) -> bytes:
    """Returns the bytes of a WAV file, of one channel of 16 bits."""
    from scipy.io import wavfile

    file = io.BytesIO()
    wavfile.write(file, sound.sample_rate, np.rint(sound.samples * 32_767).astype("<i2"))
    return file.getvalue()


def no_synthesizer(what: Any) -> str:
    """Says that a file has plain tones, and what to do for instruments."""
    return (
        f"{what}: {SINES}, for there is no FluidSynth. For the sound of instruments install it, "
        "and its module (pip install pyfluidsynth)."
    )
