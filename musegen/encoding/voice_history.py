"""What is known of several voices before a step, in every key alike, and what a step says.

A *history* is all that is kept of the music from step to step, for any leading dimensions:

    now         (..., voices)              MIDI pitch at the step before; -1 for a rest
    notes       (..., voices, NOTES)       pitches of the last notes, the latest first; -1 for none
    held        (..., voices)              for how many steps the note or rest has lasted, `HELD`
                                           at most
    lengths     (..., voices, LENGTHS)     of the notes and rests before it, the latest first; 0 for
                                           none
    sounded     (..., 12)                  how many voices times steps each pitch class sounded
    recent      (..., 12)                  the same, fading by a 32nd a step (in 32nds)

The *symbol* of a voice at a step is what it does there:

    symbol      meaning
    ------      ---------------------------------------------------
    0           it rests
    1           it holds the pitch that it has
    2 to 129    it strikes a pitch: 2 + (pitch - center) modulo 128

where the *center* is its last note, or middle C before the first. `features` says what a history
means for the step that follows: intervals, lengths, and degrees in a key that is guessed from what
has sounded. Music that is moved to another key has the same features and, first notes aside, the
same symbols.

There is one definition for whole pieces and one step at a time, and for any library of arrays:
`xp` is `numpy` or `keras.ops`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.history import MAJOR, MIDDLE_C

VoiceHistory: TypeAlias = dict[str, Any]

REST, HOLD, FIRST = 0, 1, 2
SYMBOLS = FIRST + 128
"""How many symbols there are."""

NOTES, LENGTHS, HELD = 4, 2, 17
"""How many notes and lengths a history has, and beyond which a length is not counted."""

FADE = 32

LEAP, APART = 24, 36
"""Semitones beyond which intervals of one voice, and between two, are not told apart."""

_CLASSES = np.arange(12, dtype=np.int32)
# [c, k]: how much a pitch class c semitones above a note speaks for a key k semitones above it.
_KEYS = MAJOR[(_CLASSES[:, None] - _CLASSES) % 12]


def first_history(batch: int, voices: int) -> VoiceHistory:
    """Returns what is known before the first step of `batch` pieces, as numpy arrays."""
    return {
        "now": np.full((batch, voices), -1, np.int32),
        "notes": np.full((batch, voices, NOTES), -1, np.int32),
        "held": np.zeros((batch, voices), np.int32),
        "lengths": np.zeros((batch, voices, LENGTHS), np.int32),
        "sounded": np.zeros((batch, 12), np.int32),
        "recent": np.zeros((batch, 12), np.int32),
    }


def append(history: VoiceHistory, pitch: Any, struck: Any, xp: Any) -> VoiceHistory:
    """Returns the history with one more step.

    Args:
        history: What was known before it.
        pitch: What sounds at it, `(..., voices)` int32; -1 for a rest.
        struck: Whether a note begins, `(..., voices)` bool.
        xp: `numpy` or `keras.ops`.
    """
    changes = xp.logical_or(struck, pitch != history["now"])
    notes = xp.concatenate([pitch[..., None], history["notes"][..., :-1]], axis=-1)
    lengths = xp.concatenate([history["held"][..., None], history["lengths"][..., :-1]], axis=-1)
    of_class = xp.logical_and(pitch[..., None] % 12 == _CLASSES, (pitch >= 0)[..., None])
    count = xp.sum(xp.where(of_class, 1, 0), axis=-2)
    return {
        "now": pitch,
        "notes": xp.where(struck[..., None], notes, history["notes"]),
        "held": xp.where(changes, 1, xp.minimum(history["held"] + 1, HELD)),
        "lengths": xp.where(changes[..., None], lengths, history["lengths"]),
        "sounded": history["sounded"] + count,
        "recent": history["recent"] - history["recent"] // FADE + FADE * count,
    }


def histories(pitches: NDArray[np.int16], struck: NDArray[np.bool_]) -> VoiceHistory:
    """Returns what is known before each step of a piece, and after the last.

    Args:
        pitches: What sounds, `(steps, voices)`; -1 for a rest.
        struck: Whether notes begin, likewise.

    Returns:
        The history, arrays that begin with `steps + 1`.
    """
    found = [first_history(1, pitches.shape[1])]
    for pitch, begins in zip(pitches.astype(np.int32), struck):
        found.append(append(found[-1], pitch[None], begins[None], np))
    return {name: np.concatenate([one[name] for one in found]) for name in found[0]}


def center(history: VoiceHistory, xp: Any) -> Any:
    """Returns the pitch that each voice's symbols are relative to: its last note, or middle C."""
    note = history["notes"][..., 0]
    return xp.where(note >= 0, note, MIDDLE_C)


def symbols(history: VoiceHistory, pitch: Any, struck: Any, xp: Any) -> Any:
    """Returns the symbol of each voice at the step that follows, `(..., voices)`."""
    move = FIRST + (pitch - center(history, xp)) % 128
    return xp.where(pitch < 0, REST, xp.where(struck, move, HOLD))


def pitches_of(now: Any, center: Any, symbol: Any, xp: Any) -> Any:
    """Returns the pitches that symbols stand for, -1 for a rest.

    Args:
        now: The pitch at the step before, of any shape.
        center: What the symbol is relative to, likewise.
        symbol: The symbol, likewise.
        xp: `numpy` or `keras.ops`.
    """
    struck = (center + symbol - FIRST) % 128
    return xp.where(symbol >= FIRST, struck, xp.where(symbol == HOLD, now, -1))


def key(sounded: Any, note: Any, xp: Any) -> Any:
    """Returns the key that pitch classes speak most for, in semitones above a note, 0 to 11.

    A key is a major key and stands for its relative minor too. Of several that are spoken for as
    much, it is the one that lies least above the note.

    Args:
        sounded: How much each pitch class sounded, `(..., 12)`.
        note: A MIDI pitch, `(...)`.
        xp: `numpy` or `keras.ops`.
    """
    above = xp.take_along_axis(sounded, (note[..., None] + _CLASSES) % 12, axis=-1)
    return xp.argmax(xp.sum(above[..., None] * _KEYS, axis=-2), axis=-1)


def time_feature_sizes(voices: int) -> dict[str, int]:
    """Returns how many ids each of `time_features` has, in order."""
    pairs = [(u, v) for u in range(voices) for v in range(u + 1, voices)]
    return {
        **{f"leap_{v}": 2 * LEAP + 2 for v in range(voices)},
        **{f"apart_{u}_{v}": 2 * APART + 2 for u, v in pairs},
        **{f"held_{v}": HELD + 1 for v in range(voices)},
        "degree_highest": 13,
        "degree_lowest": 13,
        "modulation": 12,
    }


def voice_feature_sizes(voices: int) -> dict[str, int]:
    """Returns how many ids each of `voice_features` has, in order."""
    return {
        "voice": voices,
        "state": 3,
        "back1": 2 * LEAP + 2,
        "back2": 2 * LEAP + 2,
        "held": HELD + 1,
        "length1": HELD + 1,
        "length2": HELD + 1,
        "degree": 13,
        "recent_degree": 13,
        "height": 44,
    }


def _keys(history: VoiceHistory, xp: Any) -> tuple[Any, Any, Any]:
    """The reference pitch, and above it the key of all that sounded and of the last bars."""
    lowest = center(history, xp)[..., -1]
    return lowest, *(key(history[name], lowest, xp) for name in ("sounded", "recent"))


def time_features(history: VoiceHistory, xp: Any) -> Any:
    """Returns what a history means for the step that follows, for all voices together.

    The last interval of each voice, the interval between every two voices, how long each has held,
    the degree of the highest and of the lowest, and whether the key of the last bars is another one
    than that of the piece.

    Returns:
        Ids, `(..., features)` int32, of `time_feature_sizes`.
    """
    note, now, lowest = history["notes"], history["now"], center(history, xp)
    voices = now.shape[-1]
    reference, whole, recent = _keys(history, xp)
    columns = [_interval(note[..., v, 0], note[..., v, 1], LEAP, xp) for v in range(voices)]
    columns += [
        _interval(now[..., u], now[..., v], APART, xp)
        for u in range(voices)
        for v in range(u + 1, voices)
    ]
    columns += [history["held"][..., v] for v in range(voices)]
    for v in (0, voices - 1):
        degree = (lowest[..., v] - reference - whole) % 12
        columns.append(xp.where(note[..., v, 0] >= 0, degree + 1, 0))
    columns.append((recent - whole) % 12)
    return xp.stack([_int(column, xp) for column in columns], axis=-1)


def voice_features(history: VoiceHistory, xp: Any) -> Any:
    """Returns what a history means for the step that follows, for each voice by itself.

    Which voice it is; whether it has had a note, and rests; how far the two notes before the last
    one lie from it; how long the note or rest has lasted, and the two before it; the degree of the
    last note in the key of the piece and of the last bars; and its height, in thirds of an octave
    from the lowest pitch that MIDI has, so that a voice keeps to its range.

    Returns:
        Ids, `(..., voices, features)` int32, of `voice_feature_sizes`.
    """
    note, now, middle = history["notes"], history["now"], center(history, xp)
    reference, whole, recent = _keys(history, xp)
    some = note[..., 0] >= 0
    columns = [
        xp.broadcast_to(np.arange(now.shape[-1], dtype=np.int32), now.shape),
        xp.where(some, xp.where(now >= 0, 2, 1), 0),
        _interval(note[..., 1], note[..., 0], LEAP, xp),
        _interval(note[..., 2], note[..., 0], LEAP, xp),
        history["held"],
        history["lengths"][..., 0],
        history["lengths"][..., 1],
    ]
    for tonic in (whole, recent):
        degree = (middle - (reference + tonic)[..., None]) % 12
        columns.append(xp.where(some, degree + 1, 0))
    columns.append(xp.where(some, middle // 3 + 1, 0))
    return xp.stack([_int(column, xp) for column in columns], axis=-1)


def other_feature_sizes() -> dict[str, int]:
    """Returns how many ids each of `other_features` has, in order."""
    return {
        "apart": 2 * APART + 2,
        "does": 2 * LEAP + 4,
        "was_apart": 2 * APART + 2,
    }


def other_features(
    middle: Any, others: dict[str, Any], known: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Returns what a voice knows of the others at a step, and before it.

    Args:
        middle: The center of the voice, `(...)`.
        others: Of all voices, `(..., voices)`: `"pitch"` at the step, where it is known,
            `"symbol"`, `"center"`, and `"now"`, the pitch at the step before.
        known: Whether it is known what they do at the step, `(..., voices)`.
        xp: `numpy` or `keras.ops`.

    Returns:
        Ids, `(..., voices, features)` int32, of `other_feature_sizes`; and for candidates, int32
        `(..., voices)` each: `"apart"`, the pitch class of what sounds above the center, 12 for
        nothing; `"was"`, the pitch class of the center above what sounded, 12 for nothing;
        `"moves"`, 0 if the voice falls or is not known, 1 if it stays, 2 if it rises.
    """
    pitch, symbol, now = others["pitch"], others["symbol"], others["now"]
    sounds = xp.logical_and(known, pitch >= 0)
    apart = xp.where(sounds, xp.clip(pitch - middle[..., None], -APART, APART) + APART + 1, 0)
    move = pitch - others["center"]
    does = xp.where(symbol >= FIRST, xp.clip(move, -LEAP, LEAP) + LEAP + 3, symbol + 1)
    was = xp.clip(now - middle[..., None], -APART, APART) + APART + 1
    ids = [apart, xp.where(known, does, 0), xp.where(now >= 0, was, 0)]
    facts = {
        "apart": xp.where(sounds, (pitch - middle[..., None]) % 12, 12),
        "was": xp.where(now >= 0, (middle[..., None] - now) % 12, 12),
        "moves": xp.where(xp.logical_and(sounds, now >= 0), xp.sign(pitch - now) + 1, 1),
    }
    facts = {name: _int(values, xp) for name, values in facts.items()}
    return xp.stack([_int(one, xp) for one in ids], axis=-1), facts


def _interval(there: Any, here: Any, most: int, xp: Any) -> Any:
    """The id of the interval between two pitches; 0 if one of them is none."""
    both = xp.logical_and(there >= 0, here >= 0)
    return xp.where(both, xp.clip(there - here, -most, most) + most + 1, 0)


def _int(values: Any, xp: Any) -> Any:
    """Values as int32."""
    return values.astype(np.int32) if xp is np else xp.cast(values, "int32")
