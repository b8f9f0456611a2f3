"""What a model of melodies predicts from what its network saw: a softmax, mixed with copying.

Position t of a sequence has event t, and predicts the symbol of the event after it. Positions
before t have been followed already, and attention over them says which of them are like t: its
weights, added up over the positions that the same symbol followed, are a distribution of what may
follow here. A *sentinel* takes part in the attention, and its weight is the softmax's share. With
odds_s = exp(score(t, s) - sentinel(t)), the weights are odds_s, and 1 for the sentinel, divided by
their sum:

    p(symbol) = (softmax(logits)[symbol] + sum over s < t of odds_s [symbol followed s])
                / (1 + sum over s < t of odds_s)

That is the pointer sentinel mixture of Merity et al. (2017), section 2.2, and like the continuous
cache of Grave et al. (2017) it looks back with queries and keys of its own. It differs from both in
the score, which has learned terms for how t and s are related:

    score(t, s) = query_t . key_s / sqrt(size) + distance[t - s] + leap[note_t - note_s]
                  + bars[bar_t - bar_s] + same_place[bar_t - bar_s] [same place in the bar]
                  + sum over n of match[n] [the n events that end with t equal those with s]

What can't be, such as a note that takes no time, has part neither in the softmax nor in the sums.
`musegen.models.relations` has how positions are related. Attention reaches `WINDOW` events back, so
that a step takes the same time in a long piece.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.models import relations
from musegen.models.relations import (
    BARS,
    LEAP,
    NOTES,
    Relations,
    by_difference,
    put,
    same,
)
from musegen.networks.base import Tensor, sequence_dropout

SENTINEL_BIAS = 3.0
"""At first nearly all is the softmax's: copying has to show its worth."""

IMPOSSIBLE = -100.0
"""The logit of what can't be."""

MAX_SCORE = 60.0
"""Above the sentinel's score, scores are not told apart: single precision has no larger odds."""

LEAST = 1e-30
"""Probabilities below are not told from it."""


class SymbolHead(keras.layers.Layer):
    """The distribution of the next symbol at every position.

    Args:
        symbols: How many symbols there are.
        hidden: Width of a layer of rectified linear units before the softmax; 0 for no such layer.
        copying: How many of the counts of equal events copying looks at; 0 for no copying.
        size: Width of the queries and keys of copying.
        dropout: Share of the hidden layer that is dropped in training, the same at all steps.
        candidates: What is added to the logits (`musegen.models.candidates`), or None.
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
            self._add_map("hidden_", width, self.hidden)
        self._add_map("", self.hidden or width, self.symbols)
        if self.candidates is not None:
            self._add_map("candidates_", self.hidden or width, self.candidates.size, "zeros")
        if self.copying:
            # To queries, keys, and the score of the sentinel.
            self._add_map("copy_", width, 2 * self.size + 1)
            first = np.append(np.zeros(2 * self.size), SENTINEL_BIAS)
            self.copy_bias.assign(first)
            sizes = {"match": self.copying, "leap": 2 * LEAP + 1, "bars": BARS, "same_place": BARS}
            sizes["distance"] = relations.WINDOW + 1
            self.terms = {
                name: self.add_weight(name=name, shape=(size,), initializer="zeros")
                for name, size in sizes.items()
            }
        self.built = True

    def _add_map(self, name: str, inputs: int, outputs: int, first: str | None = None) -> None:
        """Makes the weights of a linear map: a kernel, and a bias that begins with zeros."""
        for part, shape, initializer in (
            ("kernel", (inputs, outputs), first),
            ("bias", (outputs,), "zeros"),
        ):
            weight = self.add_weight(name=name + part, shape=shape, initializer=initializer)
            setattr(self, name + part, weight)

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        return (*input_shape[:-1], self.symbols)

    def call(
        self,
        inputs: Tensor,
        following: Tensor | None = None,
        related: Relations | None = None,
        facts: tuple[Tensor, ...] = (),
        possible: Tensor | None = None,
        training: bool | None = None,
    ) -> Tensor:
        """Computes log-probabilities.

        Args:
            inputs: What the network saw, `(batch, time, width)`.
            following: The symbols that follow, `(batch, time)`; position t sees those before it.
                What is no symbol, but `symbols` or more, is not copied.
            related: How the positions are related, with `copying` matches.
            facts: What the candidates are scored by, beside the inputs.
            possible: Which symbols there can be, `(batch, time, symbols)`; None for all.
            training: Whether to drop.

        Returns:
            `(batch, time, symbols)`, nats.
        """
        logits, copying = self._products(inputs, facts, self.maps(), training)
        odds = None
        if self.copying:
            odds = ops.matmul(self._odds(copying, related), ops.one_hot(following, self.symbols))
        return _mixed(logits, odds, possible)

    def copied(
        self,
        symbols: Tensor,
        inputs: Tensor,
        following: Tensor,
        related: Relations,
        facts: tuple[Tensor, ...],
        possible: Tensor | None,
    ) -> Tensor:
        """Computes how much of the probability of symbols, `(batch, time)`, is copied from where.

        The other arguments are those of `call`.

        Returns:
            `(batch, time, time)`, from 0 to 1; row t is of the symbol at t, and column s is the
            share of its probability that is there because it followed position s.
        """
        logits, copying = self._products(inputs, facts, self.maps())
        chances = ops.softmax(_only(possible, logits, IMPOSSIBLE), axis=-1)
        chances = ops.take_along_axis(chances, symbols[..., None], axis=-1)
        odds = self._odds(copying, related) * same(following)
        return odds / ops.maximum(chances + ops.sum(odds, axis=-1, keepdims=True), LEAST)

    def _odds(self, copying: Any, related: Any) -> Tensor:
        """Computes the odds of each position against the sentinel, `(batch, time, time)`."""
        (query, key, sentinel), terms = copying, self.terms
        scores = ops.einsum("btd,bsd->bts", query, key) - sentinel
        for n, match in enumerate(related.matches):
            scores = scores + terms["match"][n] * match
        scores = scores + by_difference(terms["leap"], related.note, NOTES, -LEAP)
        scores = scores + by_difference(terms["bars"], related.bar, BARS, 0)
        same_place = by_difference(terms["same_place"], related.bar, BARS, 0)
        scores = scores + related.same_place * same_place
        time, window = ops.arange(ops.shape(query)[1]), relations.WINDOW
        distance = time[:, None] - time
        scores = scores + ops.take(terms["distance"], ops.clip(distance, 0, window), axis=0)
        return _exp(scores, ops.logical_and(distance > 0, distance <= window))

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        """Returns what `step` carries: keys of the positions that are kept, and what followed."""
        if not self.copying:
            return {}
        slots = min(length, relations.WINDOW)
        return {
            "key": ops.zeros((batch, self.size)),  # the last, which the next step puts to the keys
            "keys": ops.zeros((batch, slots, self.size)),
            "following": ops.zeros((batch, slots), "int32"),
        }

    def step(
        self,
        inputs: Tensor,
        state: Any,
        related: Any,
        facts: tuple[Tensor, ...],
        possible: Tensor | None,
        maps: list[Any],
    ) -> tuple[Any, Any]:
        """Computes log-probabilities `(batch, symbols)` of one position, `(batch, width)`.

        `related` is what `Past.step` returned, with `copying` counts at most, and `maps` what
        `maps` did. Returns the new state too, which `followed` completes.
        """
        if not self.copying:
            return self.scores(inputs, None, facts, possible, maps)[0], state
        keys, following = put(state["keys"], related.time - 1, state["key"]), state["following"]

        def odds(query: Tensor, sentinel: Tensor) -> Tensor:
            scores = ops.einsum("bd,bsd->bs", query, keys) - sentinel
            scores = scores + self.terms_of(related) + self.leap_of(related.leap)
            return self.odds_of(scores, related.distance > 0, following)

        scores, key = self.scores(inputs, odds, facts, possible, maps)
        return scores, {"key": key, "keys": keys, "following": following}

    def scores(
        self,
        inputs: Tensor,
        odds: Any,
        facts: tuple[Tensor, ...],
        possible: Tensor | None,
        maps: list[Any],
    ) -> tuple[Any, Any]:
        """Computes log-probabilities `(batch, symbols)` of one position, and its key.

        `odds` computes, of a query and the score of the sentinel, `(batch, ...)`, the odds of each
        symbol being copied, `(batch, symbols)`. The other arguments are those of `step`.
        """
        logits, copying = self._products(inputs, facts, maps)
        if not self.copying:
            return _mixed(logits, None, possible), None
        query, key, sentinel = copying
        return _mixed(logits, odds(query, sentinel), possible), key

    def terms_of(self, related: Any) -> Tensor:
        """What a position's relations add to the scores, but for the notes, `(batch, slots)`."""
        terms = self.terms
        match = ops.concatenate([ops.zeros((1,)), ops.cumsum(terms["match"])])
        found = ops.take(match, related.counts, axis=0)
        found = found + ops.take(terms["distance"], related.distance, axis=0)
        same_place = ops.take(terms["same_place"], related.bars, axis=0)
        found = found + ops.take(terms["bars"], related.bars, axis=0)
        return found + ops.where(related.same_place, same_place, 0.0)

    def leap_of(self, leap: Tensor) -> Tensor:
        """What the intervals of the notes add to the scores, of the same shape."""
        found = ops.take(self.terms["leap"], ops.maximum(leap, 0), axis=0)
        return ops.where(leap >= 0, found, 0.0)

    def odds_of(self, scores: Tensor, seen: Tensor, following: Tensor) -> Tensor:
        """Adds up the odds of positions, `(batch, slots)`, by symbol: `(batch, symbols)`."""
        rows, symbols = scores.shape[0], self.symbols + 1
        places = ops.arange(rows)[:, None] * symbols + ops.minimum(following, self.symbols)
        odds = ops.scatter(
            ops.reshape(places, (-1, 1)),
            ops.reshape(_exp(scores, seen), (-1,)),
            (rows * symbols,),
        )
        return ops.reshape(odds, (rows, symbols))[:, : self.symbols]

    def followed(self, state: Any, symbol: Tensor, time: Any) -> Any:
        """Returns the state with the symbol `(batch,)` that followed position `time`."""
        if not self.copying:
            return state
        return {**state, "following": put(state["following"], time, symbol)}

    def maps(self) -> list[Any]:
        """Returns kernel and bias of the linear maps, those of the same inputs joined in one."""
        of_inputs, of_hidden = [""], []
        if self.candidates is not None:
            of_inputs.append("candidates_")
        if self.hidden:
            of_inputs, of_hidden = ["hidden_"], of_inputs
        if self.copying:
            of_inputs.append("copy_")
        return [
            tuple(
                ops.concatenate([getattr(self, name + part) for name in names], axis=-1)
                for part in ("kernel", "bias")
            )
            for names in (of_inputs, of_hidden)
            if names
        ]

    def _products(
        self,
        x: Tensor,
        facts: tuple[Tensor, ...],
        maps: list[Any],
        training: bool | None = None,
    ) -> tuple[Any, Any]:
        """The logits; and what copying needs: query, key, and the score of the sentinel."""
        (kernel, bias), *others = maps
        x = ops.matmul(x, kernel) + bias
        width = x.shape[-1] - (2 * self.size + 1 if self.copying else 0)
        x, copying = x[..., :width], x[..., width:]
        if self.hidden:
            x = ops.relu(x)
            x = self.drop(x, training=training) if training else x
            x = ops.matmul(x, others[0][0]) + others[0][1]
        logits = x[..., : self.symbols]
        if self.candidates is not None:
            logits = logits + self.candidates(x[..., self.symbols :], *facts)
        if not self.copying:
            return logits, None
        query, key, sentinel = ops.split(copying, [self.size, 2 * self.size], axis=-1)
        return logits, (query / self.size**0.5, key, sentinel)


def _exp(scores: Tensor, seen: Tensor) -> Tensor:
    """Odds of scores, 0 where nothing is seen."""
    return ops.where(seen, ops.exp(ops.minimum(scores, MAX_SCORE)), 0.0)


def _mixed(logits: Tensor, odds: Tensor | None, possible: Tensor | None) -> Tensor:
    """The log-probabilities of a softmax, mixed with the odds of each symbol being copied."""
    logits = _only(possible, logits, IMPOSSIBLE)
    if odds is None:
        return ops.log_softmax(logits, axis=-1)
    odds = _only(possible, odds, 0.0)
    total = 1 + ops.sum(odds, axis=-1, keepdims=True)
    return ops.log(ops.maximum(ops.softmax(logits, axis=-1) + odds, LEAST)) - ops.log(total)


def _only(possible: Tensor | None, values: Tensor, other: float) -> Tensor:
    """The values of what can be, and another one of what can't; all if `possible` is None."""
    return values if possible is None else ops.where(possible, values, other)
