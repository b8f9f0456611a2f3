"""How the positions of a melody are related: what copying looks at, besides what the network saw.

`relations` relates every two positions of whole sequences, and `Past` does so step by step, for the
last `WINDOW` positions, which it keeps in a ring of slots. `musegen.models.heads` has what comes of
it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from musegen.networks.base import Tensor

WINDOW = 512
"""How many events back can be copied from."""

MATCHES = 8
"""Beyond this number, equal events before two positions are not counted."""

NOTES, LEAP, BARS = 128, 24, 64
"""Pitches; and beyond so many semitones and bars, differences are not told apart."""


def same(tokens: Tensor) -> Tensor:
    """Returns which positions have equal tokens `(batch, time)`: `(batch, time, time)`, 0 or 1."""
    return ops.cast(ops.equal(tokens[:, :, None], tokens[:, None, :]), "float32")


class Relations(NamedTuple):
    """How each position is related to those before it, of whole sequences.

    Attributes:
        matches: For n of 1 on, whether the last n events are equal, `(batch, time, time)`, 0 or 1.
        note: The last note of each position, `(batch, time)`; `NOTES` or more for none.
        bar: Its bar, `(batch, time)`, below `BARS`.
        same_place: Whether two positions fall on the same place in the bar, like `matches`.
    """

    matches: list[Tensor]
    note: Tensor
    bar: Tensor
    same_place: Tensor


def relations(token: Tensor, note: Tensor, position: Tensor, bar: Tensor) -> Relations:
    """Relates the positions of whole sequences, `(batch, time)` int32 each.

    `token` is what makes events equal.
    """
    equal = same(token)
    found = [equal]
    for _ in range(MATCHES - 1):
        found.append(equal * ops.pad(found[-1][:, :-1, :-1], ((0, 0), (1, 0), (1, 0))))
    return Relations(found, note, bar, same(position))


class StepRelations(NamedTuple):
    """How one position is related to those before it, which are kept in slots.

    Attributes:
        time: How many positions there were before, ().
        distance: How far back they lie, `(slots,)`; 0 for a slot that is not used yet.
        counts: How many events before are equal, `(batch, slots)`, `MATCHES` at most.
        leap: The interval from their last note to the position's, `(batch, slots)`, at most `LEAP`
            up or down, counted from 0; -1 where there is no note. Of several voices
            `(voices * batch, slots)`.
        bars: How many bars they lie back, `(batch, slots)`, at most `BARS` - 1.
        same_place: Whether they fall on the same place in the bar, `(batch, slots)`.
    """

    time: Tensor
    distance: Tensor
    counts: Tensor
    leap: Tensor
    bars: Tensor
    same_place: Tensor


class Past:
    """What `relations` relates, step by step: the last positions, in a ring of slots.

    The state has the number of the step; of the positions that are kept token, note, position and
    bar, `(batch, slots)` each, and how many events are equal to those before the last step; and the
    event of the last step, which the next one puts into the ring: what is written before it is read
    is never copied. Of several voices there are several notes, `(voices * batch, slots)`, voice
    after voice.
    """

    @staticmethod
    def initial_state(batch: int, length: int, voices: int = 1) -> dict[str, Any]:
        """Returns the state before the first of at most `length` steps."""
        slots = min(length, WINDOW)
        rows = (batch, voices * batch, batch, batch)
        return {
            "time": ops.zeros((), "int32"),
            "last": [ops.full((count,), -1, "int32") for count in rows],
            "events": [ops.full((count, slots), -1, "int32") for count in rows],
            "counts": ops.zeros((batch, slots), "int32"),
        }

    @staticmethod
    def step(state: dict[str, Any], event: tuple[Tensor, ...]) -> tuple[Any, StepRelations]:
        """Moves on to an event: its token, note, position and bar, `(batch,)` each.

        Returns:
            The new state, and how the event is related to the positions before it.
        """
        time, counts = state["time"], state["counts"]
        events = [put(ring, time - 1, one) for ring, one in zip(state["events"], state["last"])]
        token, note, position, bar = events
        new_token, new_note, new_position, new_bar = (values[:, None] for values in event)
        slots = counts.shape[1]
        distance = (time - 1 - ops.arange(slots)) % slots + 1
        counts = ops.concatenate([counts[:, -1:], counts[:, :-1]], axis=1)
        counts = ops.where(ops.equal(token, new_token), ops.minimum(counts + 1, MATCHES), 0)
        leap = ops.clip(new_note - note, -LEAP, LEAP) + LEAP
        sounds = ops.logical_and(new_note < NOTES, note < NOTES)
        related = StepRelations(
            time=time,
            distance=ops.where(distance <= time, distance, 0),
            counts=counts,
            leap=ops.where(sounds, leap, -1),
            bars=ops.clip(new_bar - bar, 0, BARS - 1),
            same_place=ops.equal(position, new_position),
        )
        new = {"time": time + 1, "last": list(event), "events": events, "counts": counts}
        return new, related


def put(ring: Tensor, time: Any, values: Tensor) -> Tensor:
    """Writes `(batch, ...)` into the slot of a time; `(batch, slots, ...)`."""
    begin = [0, time % ring.shape[1]] + [0] * (len(ring.shape) - 2)
    return ops.slice_update(ring, begin, values[:, None])


def by_difference(table: Tensor, ids: Tensor, count: int, lowest: int) -> Tensor:
    """Looks up the difference of every two ids, `(batch, time)`, of which `count` are known.

    The table begins with the difference `lowest`; one beyond its ends has the last that it has. By
    products of matrices, because their gradients are quick. Where an id is unknown, it is 0.
    """
    known = np.arange(count)
    places = np.clip(known[:, None] - known - lowest, 0, table.shape[0] - 1)
    one_hot = ops.one_hot(ids, count)
    rows = ops.matmul(one_hot, ops.take(table, places, axis=0))
    return ops.matmul(rows, ops.transpose(one_hot, (0, 2, 1)))
