"""How a melody ends: its last phrase is drawn anew, given where it ends.

Drawn event by event, a melody comes to its end as chance has it, and an end that is asked for at a
bar line cuts it. So the ending of a piece, its last phrase, is drawn from what the model says of
whole endings x that fill the time that is left:

    p(x | end)  in proportion to  q(x) p(end | x)

Here q is what is drawn event by event, at the temperature and with the cuts that were asked for and
without what does not fit, and p(end | x) is the model's own probability, at temperature 1, that the
piece ends after x. `CANDIDATES` endings are drawn from q, all from one point, and one of them in
proportion to the rest: sampling importance resampling (Rubin 1988; Skare and others 2003). Where
the model itself decided to end, the time is the one that it chose, so that lengths stay its own.

A model knows no key; it knows a scale that it guesses from the past, for a major key and its
relative minor alike. So its melodies end on the tonic less often than those that it learned from,
and this one figure is set right: whether the piece comes home is drawn before, as often as the
training pieces do (`tonic_share` of the model), and one of the endings that do, or of those that
don't. Where there is none of the kind, more are written, `ROUNDS` times as many at most. The tonic
is that of the key that the whole melody is in (`musegen.encoding.tonic`), the prompt among it.

An ending begins at the first event that begins no more than a phrase before the end: two bars, or
four of a meter whose bar is shorter than four quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.melody import Melody
from musegen.encoding.phrases import FULL_BAR
from musegen.encoding.tonic import melody_comes_home

CANDIDATES = 16
"""Endings of which one is drawn."""

ROUNDS = 4
"""How often so many are written at most."""


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


def comes_home(piece: Any, begun: Melody, encoding: Any) -> bool:
    """Returns whether a piece ends on its tonic.

    Args:
        piece: A piece with all its new events, the end among them (`musegen.sampling.writer`).
        begun: What it begins with.
        encoding: What ids mean.
    """
    return melody_comes_home(
        np.concatenate([begun.pitches[:-1], piece.pitches]),
        encoding.steps[np.concatenate([begun.durations[:-1], piece.durations])],
    )


def is_wanted(share: float | None, random: np.random.Generator) -> bool | None:
    """Draws whether a piece is to end as a share of them do; None if the share is not known."""
    return None if share is None else bool(random.random() < share)


def draw(
    nats: Sequence[float],
    ends: Sequence[Sequence[bool | None]],
    wanted: Sequence[bool | None],
    random: np.random.Generator,
) -> int:
    """Draws one of the candidates that end as wanted, or come nearest; returns its place.

    Args:
        nats: The log-likelihood of each, in proportion to which they are drawn.
        ends: How each ends: whether on the tonic, and whatever else is asked, what counts most
            first.
        wanted: How the piece is to end; None where that does not matter.
        random: What is drawn from.
    """
    scores = np.array(nats) + random.gumbel(size=len(nats))
    off = [unlike(each, wanted) for each in ends]
    scores[[one != min(off) for one in off]] = -np.inf
    return int(np.argmax(scores))


def unlike(ends: Sequence[bool | None], wanted: Sequence[bool | None]) -> list[bool]:
    """Returns in which ways a piece ends otherwise than wanted."""
    return [asked not in (None, one) for one, asked in zip(ends, wanted, strict=True)]
