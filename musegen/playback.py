"""A score as sound, and a piece as a page that plays it.

FluidSynth plays a score on the sound font that pretty_midi carries, where FluidSynth is installed
with its module (`pip install pyfluidsynth`); else pretty_midi makes plain sine tones.
"""

from __future__ import annotations

import base64
import html
import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen.interop import to_pretty_midi

PEAK = 0.9
"""The loudest sample, of a full scale of 1."""

PAGE_SAMPLE_RATE = 22_050
"""Samples per second of the player in a page, which carries its sound in it."""

FLUIDSYNTH, SINES = "FluidSynth", "plain sine tones"

_STYLE = (
    "body{font:16px/1.5 sans-serif;color:#222;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "img{max-width:100%}"
)


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


def player(text: str, picture: bytes, sound: Sound) -> str:
    """Returns HTML of a PNG picture and a player, which carries both in it."""
    alt = html.escape(text, quote=True)
    png, wav = (base64.b64encode(data).decode() for data in (picture, wav_bytes(sound)))
    return (
        f'<div><img alt="{alt}" style="max-width: 100%" src="data:image/png;base64,{png}"><br>'
        f'<audio controls src="data:audio/wav;base64,{wav}"></audio></div>'
    )


def page(title: str, text: str, body: str) -> str:
    """Returns a whole HTML page, which needs nothing but itself."""
    title, text = html.escape(title), html.escape(text)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n<p>{text}</p>\n{body}\n"
        "</body></html>\n"
    )


def no_synthesizer(what: Any) -> str:
    """Says that a file has plain tones, and what to do for instruments."""
    return (
        f"{what}: {SINES}, for there is no FluidSynth. For the sound of instruments install it, "
        "and its module (pip install pyfluidsynth)."
    )
