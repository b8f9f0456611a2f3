"""Which major or minor key music is in, found from how long each pitch class sounds.

Each of the 24 keys has a profile, the shares of the twelve pitch classes that are usual in it; the
key is the one whose profile is nearest to the shares of the music (Euclidean distance). A minor key
is a key of its own, apart from its relative major. Other modes are not told: a tune in D Dorian is
in D minor or C major, whichever is nearer. A key is a number: the tonic's pitch class, and 12 more
if it is minor.

Source: Albrecht and Shanahan (2013), "The use of large corpora to train a new type of key-finding
algorithm", Music Perception 31(1), whose profiles these are.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import shown

MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
"""The share of each pitch class, from the tonic up, in music in a major key."""

MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)
"""The same in a minor key."""

MODES = ("major", "minor")

_PROFILES = np.array([np.roll(mode, tonic) for mode in (MAJOR, MINOR) for tonic in range(12)])
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SIGNS = {"": 0, "#": 1, "b": -1}
_FIFTHS = dict(zip("FCGDAEB", range(-1, 6)))


def key_distances(sounded: ArrayLike) -> NDArray[np.float64]:
    """Measures how far music is from each key.

    Args:
        sounded: How long each pitch class sounds, at least 0 in any unit, `(..., 12)`.

    Returns:
        `(..., 24)`, the place being the key; nan where nothing sounds.
    """
    sounded = np.asarray(sounded, float)
    total = sounded.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = sounded / total
    return np.linalg.norm(shares[..., np.newaxis, :] - _PROFILES, axis=-1)


def is_tonic(distances: NDArray[np.float64], pitch_class: ArrayLike) -> NDArray[np.bool_]:
    """Returns whether pitch classes are the tonic of the nearest key, or of one equally near.

    Args:
        distances: From `key_distances`, `(..., 24)`.
        pitch_class: 0 to 11, `(...)`.
    """
    tonic = np.asarray(pitch_class)[..., np.newaxis]
    of_tonic = np.minimum(
        np.take_along_axis(distances, tonic, axis=-1),
        np.take_along_axis(distances, tonic + 12, axis=-1),
    )[..., 0]
    return of_tonic <= distances.min(axis=-1) + 1e-9


def scale_of(sounded: ArrayLike) -> NDArray[np.int64]:
    """Finds how far the scale of music is from that of C major and A minor.

    Args:
        sounded: As in `key_distances`; something sounds.

    Returns:
        By how many semitones the nearest key is above C major or A minor, -5 to 6, `(...)`.
    """
    key = np.argmin(key_distances(sounded), axis=-1)
    tonic = np.where(key < 12, key, key + 3)  # that of the relative major
    return (tonic + 5) % 12 - 5


def pitch_class(name: str) -> int:
    """Returns the pitch class of a note's name, such as `"C"`, `"F#"` or `"Bb"`."""
    return (_LETTERS[name[0].upper()] + _SIGNS[name[1:]]) % 12


def key_from(name: Any) -> tuple[int, int]:
    """Reads the name of a key, such as `"G minor"` or `"F# major"`.

    Returns:
        The key, 0 to 23, and its key signature: sharps, or flats below 0, -7 to 7.

    Raises:
        ValueError: If it is no key, or one of more than seven sharps or flats.
    """
    found = re.fullmatch(r"\s*([A-Ga-g])([#b]?)\s+(major|minor)\s*", str(name))
    letter, sign, mode = (found[1].upper(), found[2], found[3]) if found else ("C", "#", "")
    fifths = _FIFTHS[letter] + 7 * _SIGNS[sign] - 3 * (mode == "minor")
    if not isinstance(name, str) or not mode or abs(fifths) > 7:
        raise ValueError(
            f"key={shown(name)}: give a note and major or minor, such as 'G minor' or 'F# major', "
            "of at most seven sharps or flats."
        )
    return pitch_class(letter + sign) + 12 * MODES.index(mode), fifths
