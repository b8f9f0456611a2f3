"""Cadences: how the phrases of music in voices end, and in which key the music does.

Music is given as `lines`, pieces `(steps, voices)` of MIDI pitches, -1 for a rest, voices ordered
from the highest (`musegen.evaluation.lines`). A *stop* is a chord of all voices, in which no pitch
changes for two quarters at least, or the last chord of a piece; the first chord is none. So a
phrase whose end is a single quarter is not told from what is amidst another, and its cadence is not
counted; real music is measured alike. An *authentic cadence* is a stop on a major or minor triad,
its root in the lowest voice, which has fallen by a fifth or risen by a fourth to it, octaves aside,
from a chord with the leading tone, a semitone below the root: the dominant and the tonic, as
textbooks have it (for instance Aldwell and Schachter, "Harmony and Voice Leading", on cadences),
without regard to which voice resolves how.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_int
from musegen.encoding.tonic import voices_keep_their_key
from musegen.evaluation.lines import Lines, checked_pieces

STOP = 2
"""Quarter notes that a chord lasts at least at which a phrase stops."""


def stops(lines: Lines, steps_per_quarter: int) -> float:
    """Measures how many stops there are for each 16 quarter notes, four bars of 4/4; nan of none.

    Args:
        lines: The pieces.
        steps_per_quarter: Steps of a quarter note, at least 1.
    """
    pieces = _checked(lines, steps_per_quarter)
    steps = sum(map(len, pieces))
    found = sum(1 for piece in pieces for _ in _stops(piece, steps_per_quarter))
    return found * 16 * steps_per_quarter / steps if steps else float("nan")


def authentic_cadences(lines: Lines, steps_per_quarter: int) -> float:
    """Measures which share of the stops are authentic cadences, 0 to 1; nan without a stop.

    Args:
        lines: The pieces.
        steps_per_quarter: Steps of a quarter note, at least 1.
    """
    pieces = _checked(lines, steps_per_quarter)
    found = [
        _is_authentic(piece[place - 1], piece[place])
        for piece in pieces
        for place in _stops(piece, steps_per_quarter)
    ]
    return float(np.mean(found)) if found else float("nan")


def returns_to_its_key(lines: Lines, steps_per_quarter: int) -> float:
    """Measures the share of pieces that end in the key in which they begin, 0 to 1.

    The keys are those of the 16 quarter notes from the first note on, and of as many before the
    last one ends, as `musegen.encoding.tonic` finds them. So rests with which a piece is filled up
    to whole bars do not count. A silent piece is left out; nan if all are.

    Args:
        lines: The pieces.
        steps_per_quarter: Steps of a quarter note, at least 1.
    """
    pieces = _checked(lines, steps_per_quarter)
    kept = [voices_keep_their_key(piece, steps_per_quarter) for piece in pieces]
    found = [one for one in kept if one is not None]
    return float(np.mean(found)) if found else float("nan")


def _checked(lines: Lines, steps_per_quarter: int) -> list[NDArray[np.int64]]:
    checked_int("steps_per_quarter", steps_per_quarter, 1)
    return checked_pieces("lines", lines)


def _stops(piece: NDArray[np.int64], steps_per_quarter: int) -> Iterator[int]:
    """Yields the steps at which a chord begins that is a stop."""
    moves = (np.diff(piece, axis=0) != 0).any(axis=1)
    begins = np.append(0, np.flatnonzero(moves) + 1)
    full = (piece[begins] >= 0).all(axis=1) if len(piece) else np.zeros(1, bool)
    long = np.diff(begins, append=len(piece)) >= STOP * steps_per_quarter
    if full.any():
        long[np.flatnonzero(full)[-1]] = True
    yield from begins[1:][(full & long)[1:]].tolist()


def _is_authentic(before: NDArray[np.int64], chord: NDArray[np.int64]) -> bool:
    """Whether a chord of all voices is the tonic that the one before it leads to."""
    root = chord[-1]
    above = set(((chord - root) % 12).tolist())
    triad = (above <= {0, 4, 7} and 4 in above) or (above <= {0, 3, 7} and 3 in above)
    dominant = (before >= 0).all() and (root - before[-1]) % 12 == 5
    return bool(triad and dominant and ((before - root) % 12 == 11).any())
