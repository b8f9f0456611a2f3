"""How a melody ends: its last phrase is drawn anew, given where it ends.

Drawn event by event, a melody comes to its end as chance has it, and an end that is asked for at a
bar line cuts it. So the ending of a piece, its last phrase, is drawn from what the model says of
whole endings x that fill the time that is left:

    p(x | end)  in proportion to  q(x) p(end | x) TONIC^[the last note of x is the tonic]

Here q is what is drawn event by event, at the temperature and with the cuts that were asked for and
without what does not fit, and p(end | x) is the model's own probability, at temperature 1, that the
piece ends after x. `CANDIDATES` endings are drawn from q, all from one point, and one of them in
proportion to the rest: sampling importance resampling (Rubin 1988; Skare and others 2003). Where
the model itself decided to end, the time is the one that it chose, so that lengths stay its own.

The model knows no key; it knows a scale that it guesses from the past, for a major key and its
relative minor alike. So its melodies end on the tonic less often than those that it learned from.
The last factor corrects this one figure: of all distributions with as many ends on the tonic, a
constant factor gives the one nearest to the model's own (Khalifa and others 2021, "A distributional
approach to controlled text generation"). The tonic is that of the key that the whole melody is in
(`musegen.encoding.keys`), the prompt among it.

An ending begins at the first event that begins no more than a phrase before the end: two bars, or
four of a meter whose bar is shorter than four quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.keys import is_tonic, key_distances
from musegen.encoding.melody import FIRST_PITCH, TIE, Melody
from musegen.encoding.phrases import FULL_BAR

CANDIDATES = 16
"""Endings of which one is drawn."""

TONIC = 8.0
"""How many times as likely as the model says is an ending on the tonic.

Chosen for chorales, so that as many end there as in the validation split.
"""


def ending_steps(bar: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns how many steps an ending has, for bars of so many steps, `(...)`."""
    return np.where(bar >= FULL_BAR, 2 * bar, 4 * bar)


def branches(steps: NDArray[np.int64], total: int, look: int) -> int:
    """Returns the place of the event with which the ending begins.

    Args:
        steps: The steps of each event of the piece, `(events,)`; the end may be among them.
        total: The steps of the piece.
        look: The steps of the ending.
    """
    begins = np.cumsum(steps) - steps
    inside = begins >= total - look
    inside &= begins < total
    # Where one note is longer than an ending, it is the ending.
    return int(np.argmax(inside)) if inside.any() else max(int((begins < total).sum()) - 1, 0)


def chosen(pieces: Sequence[Any], begun: Melody, encoding: Any, seed: list[int]) -> Any:
    """Draws one of some pieces that end, or returns None of none.

    Args:
        pieces: Pieces with all their new events, the end among them (`musegen.sampling.writer`).
        begun: What they begin with.
        encoding: What ids mean.
        seed: The seed of the draw.
    """
    if not pieces:
        return None
    weights = [float(piece.likelihoods[-1].sum()) for piece in pieces]
    tonic = [
        ends_on_tonic(
            np.concatenate([begun.pitches[:-1], piece.pitches]),
            encoding.steps[np.concatenate([begun.durations[:-1], piece.durations])],
        )
        for piece in pieces
    ]
    scores = np.array(weights) + np.log(TONIC) * np.array(tonic)
    gumbel = np.random.default_rng(seed).gumbel(size=len(scores))
    return pieces[int(np.argmax(scores + gumbel))]


def sounded(pitches: NDArray[np.int32], steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns how many steps each pitch class sounds in a melody, `(12,)`."""
    pitches, steps = _untied(pitches, steps)
    notes = pitches >= FIRST_PITCH
    classes = (pitches[notes] - FIRST_PITCH) % 12
    return np.asarray(np.bincount(classes, steps[notes], minlength=12), np.float64)


def ends_on_tonic(pitches: NDArray[np.int32], steps: NDArray[np.int64]) -> bool:
    """Returns whether the last note of a melody is the tonic of its key."""
    notes = pitches[pitches >= FIRST_PITCH]
    if not len(notes):
        return False
    distances = key_distances(sounded(pitches, steps))
    return bool(is_tonic(distances, (notes[-1] - FIRST_PITCH) % 12))


def _untied(pitches: Any, steps: Any) -> tuple[Any, Any]:
    """The events with what is tied to one having the pitch of that."""
    heads = np.maximum.accumulate(np.where(pitches != TIE, np.arange(len(pitches)), 0))
    return pitches[heads], steps
