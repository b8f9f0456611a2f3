"""What a model of melodies predicts from what its network saw: a softmax, mixed with copying.

Position t of a sequence has event t, and predicts the symbol of the event after it. Positions
before t have been followed already, and attention over them says which of them are like t: its
weights, added up over the positions that the same symbol followed, are a distribution of what may
follow here. A *sentinel* takes part in the attention, and its weight is the softmax's share:

    p(symbol) = a_sentinel softmax(logits)[symbol] + sum over s < t of a_s [symbol followed s]

That is the pointer sentinel mixture of Merity et al. (2017), section 2.2, and like the continuous
cache of Grave et al. (2017) it looks back with queries and keys of its own. It differs from both in
the score, which has learned terms for how t and s are related:

    score(t, s) = query_t . key_s / sqrt(size) + distance[t - s] + leap[note_t - note_s]
                  + bars[bar_t - bar_s] + same_place[bar_t - bar_s] [same place in the bar]
                  + sum over n of match[n] [the n events that end with t equal those with s]

`relations` has what these need for whole sequences, and `Past` step by step. Attention reaches
`WINDOW` events back, so that a step takes the same time in a long piece.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from musegen.networks.base import Tensor, sequence_dropout

WINDOW = 512
"""How many events back can be copied from."""

MATCHES = 8
"""Beyond this number, equal events before two positions are not counted."""

NOTES, LEAP, BARS = 128, 24, 64
"""Pitches; and beyond so many semitones and bars, differences are not told apart."""

SENTINEL_BIAS = 3.0
"""At first nearly all is the softmax's: copying has to show its worth."""

LEAST = 1e-30
"""Probabilities below are not told from it."""


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
        distance: How far back they lie, `(slots,)`; 0 for a slot that is not used yet.
        counts: How many events before are equal, `(batch, slots)`, `MATCHES` at most.
        leap: The interval from their last note to the position's, `(batch, slots)`, at most `LEAP`
            up or down, counted from 0; -1 where there is no note.
        bars: How many bars they lie back, `(batch, slots)`, at most `BARS` - 1.
        same_place: Whether they fall on the same place in the bar, `(batch, slots)`.
    """

    distance: Tensor
    counts: Tensor
    leap: Tensor
    bars: Tensor
    same_place: Tensor


class Past:
    """What `relations` relates, step by step: the last positions, in a ring of slots.

    The state has the number of the step, and of the positions that are kept `(batch, slots)` each:
    token, note, position, bar, and how many events are equal to those before the last step.
    """

    @staticmethod
    def initial_state(batch: int, length: int) -> dict[str, Any]:
        """Returns the state before the first of at most `length` steps."""
        slots = (batch, min(length, WINDOW))
        names = ("token", "note", "position", "bar", "counts")
        state = {name: ops.zeros(slots, "int32") for name in names}
        return {**state, "token": state["token"] - 1, "time": ops.zeros((), "int32")}

    @staticmethod
    def step(state: dict[str, Any], event: tuple[Tensor, ...]) -> tuple[Any, StepRelations]:
        """Moves on to an event: its token, note, position and bar, `(batch,)` each.

        Returns:
            The new state, and how the event is related to the positions before it.
        """
        time, counts = state["time"], state["counts"]
        here = dict(zip(("token", "note", "position", "bar"), event, strict=True))
        new = {name: values[:, None] for name, values in here.items()}
        slots = counts.shape[1]
        distance = (time - 1 - ops.arange(slots)) % slots + 1
        counts = ops.concatenate([counts[:, -1:], counts[:, :-1]], axis=1)
        equal = ops.equal(state["token"], new["token"])
        counts = ops.where(equal, ops.minimum(counts + 1, MATCHES), 0)
        leap = ops.clip(new["note"] - state["note"], -LEAP, LEAP) + LEAP
        sounds = ops.logical_and(new["note"] < NOTES, state["note"] < NOTES)
        related = StepRelations(
            distance=ops.where(distance <= time, distance, 0),
            counts=counts,
            leap=ops.where(sounds, leap, -1),
            bars=ops.clip(new["bar"] - state["bar"], 0, BARS - 1),
            same_place=ops.equal(state["position"], new["position"]),
        )
        place = ops.equal(ops.arange(slots), time % slots)
        kept = {name: ops.where(place, values, state[name]) for name, values in new.items()}
        return {**kept, "counts": counts, "time": time + 1}, related


class SymbolHead(keras.layers.Layer):
    """The distribution of the next symbol at every position.

    Args:
        symbols: How many symbols there are.
        hidden: Width of a layer of rectified linear units before the softmax; 0 for no such layer.
        copying: How many of the counts of equal events copying looks at; 0 for no copying.
        size: Width of the queries and keys of copying.
        dropout: Share of the hidden layer that is dropped in training, the same at all steps.
        candidates: A layer that adds to the logits (`musegen.models.candidates`), or None.
    """

    def __init__(
        self,
        symbols: int,
        hidden: int = 0,
        copying: int = 0,
        size: int = 64,
        dropout: float = 0.0,
        candidates: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.candidates = candidates
        self.symbols, self.hidden, self.copying, self.size = symbols, hidden, copying, size
        self.drop = sequence_dropout(dropout)

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if self.hidden:
            self.hidden_kernel = self.add_weight(name="hidden_kernel", shape=(width, self.hidden))
            self.hidden_bias = self.add_weight(
                name="hidden_bias", shape=(self.hidden,), initializer="zeros"
            )
        self.kernel = self.add_weight(name="kernel", shape=(self.hidden or width, self.symbols))
        self.bias = self.add_weight(name="bias", shape=(self.symbols,), initializer="zeros")
        if self.candidates is not None:
            self.candidates.build((*input_shape[:-1], self.hidden or width))
        if self.copying:
            self.query_kernel = self.add_weight(name="query_kernel", shape=(width, self.size))
            self.key_kernel = self.add_weight(name="key_kernel", shape=(width, self.size))
            self.sentinel_kernel = self.add_weight(name="sentinel_kernel", shape=(width, 1))
            self.sentinel_bias = self.add_weight(
                name="sentinel_bias",
                shape=(1,),
                initializer=keras.initializers.Constant(SENTINEL_BIAS),
            )
            sizes = {"match": self.copying, "leap": 2 * LEAP + 1, "bars": BARS, "same_place": BARS}
            sizes["distance"] = WINDOW + 1
            self.terms = {
                name: self.add_weight(name=name, shape=(size,), initializer="zeros")
                for name, size in sizes.items()
            }
        self.built = True

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        return (*input_shape[:-1], self.symbols)

    def call(
        self,
        inputs: Tensor,
        following: Tensor | None = None,
        related: Relations | None = None,
        facts: tuple[Tensor, ...] = (),
        training: bool | None = None,
    ) -> Tensor:
        """Computes log-probabilities.

        Args:
            inputs: What the network saw, `(batch, time, width)`.
            following: The symbols that follow, `(batch, time)`; position t sees those before it.
                What is no symbol, but `symbols` or more, is not copied.
            related: How the positions are related, with `copying` matches.
            facts: What the candidates are scored by, beside the inputs.
            training: Whether to drop.

        Returns:
            `(batch, time, symbols)`, nats.
        """
        chances = ops.log_softmax(self._logits(inputs, facts, training), axis=-1)
        if not self.copying:
            return chances
        weights = self.attend(inputs, following, related)
        copied = ops.matmul(weights[..., :-1], ops.one_hot(following, self.symbols))
        return _mixed(weights[..., -1:], chances, copied)

    def attend(self, inputs: Tensor, following: Tensor, related: Any) -> Tensor:
        """Computes the attention of copying to all positions and, at last, to the sentinel.

        Returns:
            `(batch, time, time + 1)`; rows sum to 1, and a position and what is after it have 0.
        """
        terms = self.terms
        scores = ops.einsum("btd,bsd->bts", self._queries(inputs), self._keys(inputs))
        for n, match in enumerate(related.matches):
            scores = scores + terms["match"][n] * match
        scores = scores + _by_difference(terms["leap"], related.note, NOTES, -LEAP)
        scores = scores + _by_difference(terms["bars"], related.bar, BARS, 0)
        same_place = _by_difference(terms["same_place"], related.bar, BARS, 0)
        scores = scores + related.same_place * same_place
        time = ops.arange(ops.shape(inputs)[1])
        distance = time[:, None] - time
        by_distance = ops.take(terms["distance"], ops.clip(distance, 0, WINDOW), axis=0)
        seen = ops.logical_and(distance > 0, distance <= WINDOW)
        seen = ops.logical_and(seen, (following < self.symbols)[:, None])
        return self._attention(inputs, ops.where(seen, scores + by_distance, -float("inf")))

    def initial_state(self, batch: int, length: int) -> Any:
        """What `step` carries: of the positions that are kept their keys and what followed them."""
        slots = min(length, WINDOW)
        return ops.zeros((batch, slots, self.size)), ops.zeros((batch, slots), "int32")

    def step(self, inputs: Tensor, state: Any, related: Any, facts: tuple[Tensor, ...]) -> Tensor:
        """Computes log-probabilities `(batch, symbols)` of one position, `(batch, width)`.

        `related` is what `Past.step` returned, with `copying` counts at most.
        """
        chances = ops.log_softmax(self._logits(inputs, facts), axis=-1)
        if not self.copying:
            return chances
        (keys, following), terms = state, self.terms
        match = ops.concatenate([ops.zeros((1,)), ops.cumsum(terms["match"])])
        scores = ops.einsum("bd,bsd->bs", self._queries(inputs), keys)
        scores = scores + ops.take(match, related.counts, axis=0)
        scores = scores + ops.take(terms["distance"], related.distance, axis=0)
        leap = ops.take(terms["leap"], ops.maximum(related.leap, 0), axis=0)
        scores = scores + ops.where(related.leap >= 0, leap, 0.0)
        same_place = ops.take(terms["same_place"], related.bars, axis=0)
        scores = scores + ops.take(terms["bars"], related.bars, axis=0)
        scores = scores + ops.where(related.same_place, same_place, 0.0)
        seen = ops.logical_and(related.distance > 0, following < self.symbols)
        weights = self._attention(inputs, ops.where(seen, scores, -float("inf")))
        batch, slots = following.shape
        rows = ops.broadcast_to(ops.arange(batch)[:, None], (batch, slots))
        places = ops.stack([rows, ops.minimum(following, self.symbols - 1)], axis=-1)
        copied = ops.scatter(
            ops.reshape(places, (-1, 2)),
            ops.reshape(weights[:, :-1], (-1,)),
            (batch, self.symbols),
        )
        return _mixed(weights[:, -1:], chances, copied)

    def keep(self, inputs: Tensor, state: Any, symbol: Tensor, time: Any) -> Any:
        """Returns the state with one more position, and the symbol `(batch,)` that followed it."""
        if not self.copying:
            return state
        keys, following = state
        slot = time % keys.shape[1]
        return (
            ops.slice_update(keys, [0, slot, 0], self._keys(inputs)[:, None]),
            ops.slice_update(following, [0, slot], symbol[:, None]),
        )

    def _logits(self, x: Tensor, facts: tuple[Tensor, ...], training: bool | None = None) -> Tensor:
        if self.hidden:
            x = ops.relu(ops.matmul(x, self.hidden_kernel) + self.hidden_bias)
            x = self.drop(x, training=training) if training else x
        logits = ops.matmul(x, self.kernel) + self.bias
        return logits if self.candidates is None else logits + self.candidates(x, *facts)

    def _queries(self, inputs: Tensor) -> Tensor:
        return ops.matmul(inputs, self.query_kernel) / self.size**0.5

    def _keys(self, inputs: Tensor) -> Tensor:
        return ops.matmul(inputs, self.key_kernel)

    def _attention(self, inputs: Tensor, scores: Tensor) -> Tensor:
        sentinel = ops.matmul(inputs, self.sentinel_kernel) + self.sentinel_bias
        return ops.softmax(ops.concatenate([scores, sentinel], axis=-1), axis=-1)


def _by_difference(table: Tensor, ids: Tensor, count: int, lowest: int) -> Tensor:
    """Looks up the difference of every two ids, `(batch, time)`, of which `count` are known.

    The table begins with the difference `lowest`; one beyond its ends has the last that it has. By
    products of matrices, because their gradients are quick. Where an id is unknown, it is 0.
    """
    known = np.arange(count)
    places = np.clip(known[:, None] - known - lowest, 0, table.shape[0] - 1)
    one_hot = ops.one_hot(ids, count)
    rows = ops.matmul(one_hot, ops.take(table, places, axis=0))
    return ops.matmul(rows, ops.transpose(one_hot, (0, 2, 1)))


def _mixed(share: Tensor, chances: Tensor, copied: Tensor) -> Tensor:
    """The logarithm of a mixture of log-probabilities, of a share, and probabilities."""
    return ops.log(ops.maximum(share * ops.exp(chances) + copied, LEAST))
