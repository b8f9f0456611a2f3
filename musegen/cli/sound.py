"""The sound of a piece as a file, and which synthesizer made it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from musegen.playback import FLUIDSYNTH, SINES

HELP = (
    "write its sound beside it, FILE.wav: by FluidSynth where that is installed, else plain tones"
)


def paths_of(files: Iterable[Path], path_of: Callable[[str], Path]) -> list[Path]:
    """Returns the file of sound beside each file; `path_of` refuses what can't be written."""
    return [path_of(str(path.with_suffix(".wav"))) for path in files]


def save(piece: Any, path: Path, wav: Path | None, expression: bool | None = None) -> str:
    """Saves a piece, and its sound to `wav` if that is given.

    Returns:
        Which file is of sound and what made it, as a line to print; nothing if neither is.
    """
    made = _made(piece, path, expression)
    if wav is not None and wav != path:
        made = _made(piece, wav, expression)
    return f"  {wav or path}: its sound, {made}" if made else ""


def _made(piece: Any, path: Path, expression: bool | None) -> str:
    """Saves a piece; returns what made its sound if the file is one of sound, else nothing."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        piece.save(path, expression)
    if path.suffix.lower() != ".wav":
        for one in said:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
        return ""
    if not any(SINES in str(one.message) for one in said):
        return f"played by {FLUIDSYNTH}"
    return f"{SINES}; for instruments install FluidSynth and its module (pip install pyfluidsynth)"
