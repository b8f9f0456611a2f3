"""A take as a file."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from musegen.composition import Composition

FILES = {
    ".mid": "audio/midi",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".png": "image/png",
    ".wav": "audio/wav",
}
"""What a piece can be had as, with the type of each."""


def as_file(piece: Composition, suffix: Any) -> bytes:
    """Returns the bytes of the file that `piece.save` writes of a piece, with a suffix of `FILES`.

    Raises:
        ValueError: If it is another suffix, or such a file can't hold the piece.
    """
    if not isinstance(suffix, str) or suffix not in FILES:
        raise ValueError(f"suffix={suffix!r}: choose one of {', '.join(FILES)}.")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that sound is plain tones is said in docs/studio.md
        path = Path(folder) / f"piece{suffix}"
        try:
            return piece.save(path).read_bytes()
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), "the file")) from None
