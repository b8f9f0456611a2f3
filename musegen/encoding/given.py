"""What is given of a piece in several voices, as ids: voices, bars, single notes, the length.

All of it may be looked at at every step, the future too; `musegen.models.given_encoder` reads it.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.history import MIDDLE_C
from musegen.encoding.voice_history import APART, HELD, LEAP, key
from musegen.encoding.voices import Voices

LEFT = 64
"""Steps before the end beyond which they are not counted."""


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """What is given of a piece, as arrays that a model takes.

    Attributes:
        mask: Which cells are given, `(steps, voices)`, 0 or 1.
        read: Ids that the encoder reads, `(steps, features)` int32, of `read_sizes`.
        next: For each voice the pitch of the next note that is given and how far off it is, in
            steps, `(steps, voices, 2)` int32; -1 and 0 for none.
        key: The tonic of what is given, as a pitch class, 12 where no note is.
        anything: 1 if something is given, 0 if nothing.
    """

    mask: NDArray[np.int32]
    read: NDArray[np.int32]
    next: NDArray[np.int32]
    key: int
    anything: int


def read_sizes(voices: int) -> list[int]:
    """Returns how many ids there are of each feature that the encoder reads."""
    each = [2 * LEAP + 5, 2 * LEAP + 2, HELD + 1, 13]
    return each * voices + [2 * APART + 2] * (voices - 1) + [LEFT + 1]


def nothing_given(steps: int, voices: int) -> Given:
    """Returns that nothing is given."""
    return Given(
        mask=np.zeros((steps, voices), np.int32),
        read=np.zeros((steps, len(read_sizes(voices))), np.int32),
        next=np.stack([np.full((steps, voices), -1), np.zeros((steps, voices))], -1).astype(
            np.int32
        ),
        key=12,
        anything=0,
    )


def given(music: Voices, mask: NDArray[np.bool_], length: bool = True) -> Given:
    """Returns what is given of some music, as a model takes it.

    Args:
        music: The music; only what is given of it is looked at.
        mask: Which cells are given, `(steps, voices)`.
        length: Whether it is given how long the piece is.
    """
    steps, voices = mask.shape
    pitches = np.where(mask, music.pitches, -1).astype(np.int32)
    struck = mask & music.struck
    last = _last(pitches)  # the last pitch that was given before, (steps, voices)
    following, away = _next(pitches, struck)
    tonic = _tonic(pitches)
    columns = []
    for v in range(voices):
        move = np.where(last[:, v] >= 0, pitches[:, v] - last[:, v], 0)
        does = np.where(struck[:, v], np.clip(move, -LEAP, LEAP) + LEAP + 3, 2)
        does = np.where(pitches[:, v] >= 0, does, 1)
        columns.append(np.where(mask[:, v], does, 0))
        here = np.where(pitches[:, v] >= 0, pitches[:, v], last[:, v])
        both = (following[:, v] >= 0) & (here >= 0)
        move = np.clip(following[:, v] - here, -LEAP, LEAP) + LEAP + 1
        columns.append(np.where(both, move, 0))
        columns.append(away[:, v])
        columns.append(np.where(pitches[:, v] >= 0, (pitches[:, v] - tonic) % 12 + 1, 0))
    for v in range(1, voices):
        both = (pitches[:, v] >= 0) & (pitches[:, v - 1] >= 0)
        interval = np.clip(pitches[:, v - 1] - pitches[:, v], -APART, APART) + APART + 1
        columns.append(np.where(both, interval, 0))
    left = np.minimum(np.arange(steps, 0, -1), LEFT)
    columns.append(left if length else np.zeros(steps, int))
    return Given(
        mask=mask.astype(np.int32),
        read=np.stack(columns, axis=-1).astype(np.int32),
        next=np.stack([following, away], axis=-1).astype(np.int32),
        key=int(tonic) if (pitches >= 0).any() else 12,
        anything=int(mask.any() or length),
    )


def _last(pitches: NDArray[np.int32]) -> NDArray[np.int32]:
    """The last pitch before each step, -1 before the first."""
    steps = np.arange(len(pitches))[:, None]
    place = np.maximum.accumulate(np.where(pitches >= 0, steps, -1), axis=0)
    place = np.concatenate([np.full((1, pitches.shape[1]), -1), place])[:-1]
    found = np.take_along_axis(pitches, np.maximum(place, 0), axis=0)
    return np.where(place >= 0, found, -1)


def _next(
    pitches: NDArray[np.int32], struck: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The next note that begins after each step, -1 for none, and how far off it is."""
    count = len(pitches)
    steps = np.arange(count)[:, None]
    place = np.minimum.accumulate(np.where(struck, steps, count)[::-1], axis=0)[::-1]
    place = np.concatenate([place[1:], np.full((1, pitches.shape[1]), count)])
    found = np.take_along_axis(pitches, np.minimum(place, count - 1), axis=0)
    none = place == count
    return np.where(none, -1, found), np.where(none, 0, np.minimum(place - steps, HELD))


def _tonic(pitches: NDArray[np.int32]) -> int:
    """The tonic, as a pitch class, of the key that what sounds speaks most for."""
    sounding = pitches[pitches >= 0]
    first = sounding[:1] if len(sounding) else np.array([MIDDLE_C])
    counts = np.bincount(sounding % 12, minlength=12)
    return int((first + key(counts[None], first, np))[0] % 12)
