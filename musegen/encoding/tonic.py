"""Whether a piece comes home: its last note is the tonic of the key that all of it is in.

`musegen.encoding.keys` finds the key, from how long each pitch class sounds. Of several voices it
is the last note of the lowest one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.keys import is_tonic, key_distances
from musegen.encoding.melody import FIRST_PITCH, TIE


def melody_comes_home(pitches: NDArray[np.int32], steps: NDArray[np.int64]) -> bool:
    """Returns whether a melody ends on its tonic; without a note it does not.

    Args:
        pitches: Its pitch ids, `(events,)`.
        steps: How many steps each event takes, likewise.
    """
    notes = pitches[pitches >= FIRST_PITCH]
    return len(notes) > 0 and _is_home(sounded(pitches, steps), notes[-1] - FIRST_PITCH)


def voices_come_home(pitches: NDArray[np.int16]) -> bool:
    """Returns whether music in voices ends on its tonic; if the lowest has no note, it does not.

    Args:
        pitches: What sounds, `(steps, voices)`, from the highest voice; below 0 is silence.
    """
    lowest = pitches[pitches[:, -1] >= 0, -1]
    counts = np.bincount(pitches[pitches >= 0] % 12, minlength=12)
    return len(lowest) > 0 and _is_home(counts, lowest[-1])


def sounded(pitches: NDArray[np.int32], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns how many steps each pitch class sounds in a melody, `(12,)`.

    Args:
        pitches: As of `melody_comes_home`; what is tied to a note has its pitch.
        steps: Likewise.
    """
    heads = np.maximum.accumulate(np.where(pitches != TIE, np.arange(len(pitches)), 0))
    pitches = pitches[heads]
    notes = pitches >= FIRST_PITCH
    classes = (pitches[notes] - FIRST_PITCH) % 12
    return np.asarray(np.bincount(classes, steps[notes], minlength=12), np.float64)


def _is_home(counts: Any, pitch: Any) -> bool:
    return bool(is_tonic(key_distances(counts), pitch % 12))
