"""From what a generator draws to cells of a roll, and to what a critic sees of them.

A generator gives *logits* `(batch, bars, steps, pitches + 2, tracks)`: one for each pitch, one for
silence, one for striking again what sounded at the step before. A critic sees *planes*
`(batch, bars, steps, pitches + 1, tracks)`: 1 where a pitch sounds and 0 where it does not, and in
the last row how many notes begin at the step. Planes of real and of written music hold whole
numbers alike, so that no critic can tell them apart by softness.

A monophonic track has one category a step: a pitch, or silence. In a polyphonic track every pitch
is on or off, silence is when all are off, and the repeat strikes all that goes on sounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen.encoding.pianoroll import PianorollEncoding
from musegen.encoding.roll import HELD, ONSET


def decide(logits: Any, encoding: PianorollEncoding, held: bool = False) -> tuple[Any, Any]:
    """Chooses cells, so that gradients pass as if they were probabilities.

    The straight-through estimator (Bengio, Léonard and Courville 2013, section 3.2), as in
    BinaryMuseGAN (Dong and Yang, ISMIR 2018) with deterministic neurons: forward the likeliest
    category, or whether a probability is above a half; backward the softmax or the sigmoid.

    With `held` the last logit says whether a note begins, and what is chosen sounds until the next
    one begins; every track is then one of one note at a time, and begins with the phrase.

    Returns what sounds, `(batch, bars, steps, pitches, tracks)`, and whether it is struck again,
    `(batch, bars, steps, tracks)`; both of zeros and ones, float32.
    """
    pitches, alone = encoding.pitches, encoding.monophonic
    soft = ops.sigmoid(logits[..., pitches + 1, :])
    struck = _straight_through(ops.cast(soft > 0.5, "float32"), soft)
    sounding = []
    if alone.any():
        categories = logits[..., : pitches + 1, :]
        soft = ops.softmax(categories, axis=-2)
        chosen = ops.one_hot(ops.argmax(categories, axis=-2), pitches + 1, axis=3)
        sounding.append(_straight_through(chosen, soft)[..., :pitches, :])
        if held:
            return _hold(sounding[0], struck), struck
    if not alone.all():
        soft = ops.sigmoid(logits[..., :pitches, :])
        sounding.append(_straight_through(ops.cast(soft > 0.5, "float32"), soft))
    sounds = sounding[0]
    if len(sounding) == 2:
        sounds = ops.where(alone, sounding[0], sounding[1])
    return sounds, struck


def from_the_first(begins: Any) -> Any:
    """Beginnings `(batch, steps, ...)` with one at the first step, where a phrase begins."""
    return ops.concatenate([ops.ones_like(begins[:, :1]), begins[:, 1:]], axis=1)


def step_before(line: Any) -> Any:
    """What sounded a step before, `(batch, steps, pitches, tracks)`; nothing at the first."""
    return ops.pad(line[:, :-1], ((0, 0), (1, 0), (0, 0), (0, 0)))


def _hold(chosen: Any, begins: Any) -> Any:
    """What sounds where each choice is held until the next begins."""
    bars, steps, pitches, tracks = chosen.shape[1:]
    begins = ops.reshape(begins, (-1, bars * steps, 1, tracks))
    begins = from_the_first(begins)
    chosen = ops.reshape(chosen, (-1, bars * steps, pitches, tracks))

    def then(first: Any, second: Any) -> tuple[Any, Any]:
        return first[0] * second[0], second[0] * first[1] + second[1]

    _, sounds = ops.associative_scan(then, (1 - begins, begins * chosen), axis=1)
    return ops.reshape(sounds, (-1, bars, steps, pitches, tracks))


def _straight_through(hard: Any, soft: Any) -> Any:
    """`hard`, with the gradient of `soft`."""
    return ops.stop_gradient(hard - soft) + soft


def decide_in_turn(
    logits: NDArray[np.float32], encoding: PianorollEncoding, hold: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Chooses cells a step after the other, holding what sounds where little speaks against it.

    At a tie between two pitches a generator may waver for a step. `hold` is added to the logit of
    what sounded at the step before (a pitch or silence); with 0 the choice is that of `decide`.
    """
    pitches, alone = encoding.pitches, encoding.monophonic
    batch, bars, steps, _, tracks = logits.shape
    line = logits.reshape(batch, bars * steps, pitches + 2, tracks)
    # What sounds at each step, silence being the last row; at the beginning nothing is held.
    sounds = np.zeros((batch, bars * steps + 1, pitches + 1, tracks), bool)
    rows = np.arange(pitches + 1)[:, np.newaxis]
    for step in range(bars * steps):
        held = line[:, step, : pitches + 1] + hold * sounds[:, step]
        likeliest = held.argmax(axis=1)[:, np.newaxis] == rows
        sounds[:, step + 1] = np.where(alone, likeliest, held > 0)
    chosen = sounds[:, 1:, :pitches].reshape(batch, bars, steps, pitches, tracks)
    return chosen, logits[..., pitches + 1, :] > 0


def written_planes(logits: Any, encoding: PianorollEncoding, held: bool = False) -> Any:
    """What a critic sees of a generator's logits; `held` is as in `decide`."""
    sounds, repeats = decide(logits, encoding, held)
    batch, (bars, steps, pitches, tracks) = -1, sounds.shape[1:]
    line = ops.reshape(sounds, (batch, bars * steps, pitches, tracks))
    before = step_before(line)
    begins = ops.sum(ops.relu(line - before), axis=2)
    goes_on = ops.sum(line * before, axis=2)
    onsets = begins + goes_on * ops.reshape(repeats, (batch, bars * steps, tracks))
    onsets = ops.reshape(onsets, (batch, bars, steps, 1, tracks))
    return ops.concatenate([sounds, onsets], axis=3)


def real_planes(rolls: Any) -> Any:
    """What a critic sees of rolls `(batch, bars, steps, pitches, tracks)` uint8."""
    sounds = ops.cast(rolls > 0, "float32")
    onsets = ops.sum(ops.cast(rolls == ONSET, "float32"), axis=3, keepdims=True)
    return ops.concatenate([sounds, onsets], axis=3)


def rolls_of(sounds: NDArray[Any], repeats: NDArray[Any]) -> NDArray[np.uint8]:
    """The rolls `(batch, bars, steps, pitches, tracks)` uint8 of what `decide` chose."""
    sounds = np.asarray(sounds) > 0.5
    batch, bars, steps, pitches, tracks = sounds.shape
    line = sounds.reshape(batch, bars * steps, pitches, tracks)
    struck = np.asarray(repeats).reshape(batch, bars * steps, 1, tracks) > 0.5
    before = np.zeros_like(line)
    before[:, 1:] = line[:, :-1]
    rolls = np.where(line, np.where(before & ~struck, HELD, ONSET), 0)
    return rolls.astype(np.uint8).reshape(sounds.shape)
