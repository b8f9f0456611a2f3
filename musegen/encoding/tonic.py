"""Whether a piece comes home: it ends on the tonic, and in the key in which it began.

It ends on the tonic if its last note, of several voices that of the lowest, is the tonic of the key
that all of it is in. `musegen.encoding.keys` finds the key, from how long each pitch class sounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.keys import is_tonic, key_distances
from musegen.encoding.melody import FIRST_PITCH, TIE

KEY = 16
"""Quarter notes from the first, and to the last, in which a key is looked for."""


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


def voices_keep_their_key(pitches: NDArray[np.integer], steps_per_quarter: int) -> bool | None:
    """Returns whether music in voices ends in the key in which it begins; None if it is silent.

    The keys are those of `KEY` quarter notes from the first note on, and of as many before the last
    one ends. They are the same if one of those nearest to the first is one of those nearest to the
    last.

    Args:
        pitches: As of `voices_come_home`.
        steps_per_quarter: Steps of a quarter note.
    """
    sounds = np.flatnonzero((pitches >= 0).any(axis=1))
    if not len(sounds):
        return None
    music, length = pitches[sounds[0] : sounds[-1] + 1], KEY * steps_per_quarter
    counts = [
        np.bincount(part[part >= 0] % 12, minlength=12)
        for part in (music[:length], music[-length:])
    ]
    first, last = (one <= one.min() + 1e-9 for one in key_distances(counts))
    return bool((first & last).any())


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
