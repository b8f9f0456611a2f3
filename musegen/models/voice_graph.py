"""The graph of a model of voices: from ids to log-probabilities, of whole pieces and by steps.

    what was, and the place in the meter            (batch, steps, ids)
      + what is given, read in both directions      (batch, steps, 2 * encoder units)
    what the voice was, what the others were,
    and what those that are known do at the step    (batch, steps, voices, ids)
      -> a network (`musegen.models.voice_cells`)   (batch, steps, voices, size)
      -> a head                                     (batch, steps, voices, symbols)
      -> does the piece end here?                   (batch, steps)

The voices of a step are written one after the other, and each sees those before it, so that the
product of all probabilities is that of the piece. `ORDERS` has the orders. What is given counts as
written before. The head is that of melodies (`musegen.models.heads`), a softmax mixed with copying
from earlier steps of the same voice; candidates are scored by what they would be
(`musegen.models.voice_candidates`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding import voice_history as vh
from musegen.encoding.given import read_sizes
from musegen.encoding.pitch_duration import FEATURE_SIZES
from musegen.encoding.voices import VoicesEncoding
from musegen.models.given_encoder import GivenEncoder
from musegen.models.heads import SymbolHead
from musegen.models.id_sums import IdSums
from musegen.models.pitch_views import BARS
from musegen.models.relations import MATCHES, NOTES, relations
from musegen.models.voice_candidates import VoiceCandidates
from musegen.models.voice_cells import cells_of
from musegen.networks import GridNetwork, Network, Tensor
from musegen.networks.base import sequence_dropout

ORDERS: dict[str, Callable[[int], list[int]]] = {
    "down": lambda voices: list(range(voices)),
    "outer": lambda voices: [0, voices - 1, *range(1, voices - 1)],
}
"""Orders in which the voices of a step are written, by name: from the highest down, or the two
outer ones first, as a student of harmony does it."""

PLACE_WIDTHS = {"position": 32, "bar": 16, "meter": 8, "bar4": 8, "bar8": 8}

TOKENS = 16_000_057
"""Of so many tokens a step has one: which symbols its voices have."""


class VoiceGraph(keras.Model):
    """Embeddings, a network, a head for all voices. A subclass has the settings: `make_layers`."""

    encoding: VoicesEncoding
    width: int
    encoder: int
    order: str
    copy: bool
    candidates: bool

    def make_layers(self, network: Network | GridNetwork) -> None:
        """Makes all layers, and their weights."""
        voices, width, dropout = self.encoding.voices, self.width, network.dropout
        self.network = network
        self.written = ORDERS[self.order](voices)
        rank = np.argsort(self.written)
        self.before = rank[None, :] < rank[:, None]  # [v, u]: u is written before v
        spread = keras.initializers.RandomNormal(stddev=0.3)
        self.past = IdSums([*vh.time_feature_sizes(voices).values()], width, 0.05, name="past")
        self.places = {
            name: keras.layers.Embedding(
                {**FEATURE_SIZES, **BARS}[name], size, spread, name=f"{name}_embedding"
            )
            for name, size in PLACE_WIDTHS.items()
        }
        self.reader = GivenEncoder(read_sizes(voices), self.encoder, dropout / 2, name="reader")
        of_voice = [*vh.voice_feature_sizes(voices).values()]
        of_others = [*vh.other_feature_sizes().values()] * voices
        of_given = [2 * vh.APART + 2, vh.HELD + 1, 13]
        self.cell = IdSums([*of_voice, *of_others, *of_given], width, 0.05, name="cell")
        self.cells = cells_of(network, width, self.written, 2 * self.encoder)
        self.ending = keras.layers.Dense(1, name="ending")
        self.judge = VoiceCandidates(voices, name="candidates") if self.candidates else None
        self.head = SymbolHead(
            vh.SYMBOLS, copying=MATCHES * self.copy, candidates=self.judge, name="head"
        )
        self.drop_past = sequence_dropout(dropout / 2, name="drop_past")

        # === Weights ===
        for layer in (self.past, self.reader, self.cell, *self.places.values()):
            layer.build(None)
        if self.judge is not None:
            self.judge.build(None)
        self.cells.make_weights(sum(PLACE_WIDTHS.values()) + 2 * self.encoder)
        for layer, size in zip((self.head, self.ending), self.cells.sizes):
            layer.build((None, None, size))

    # === Whole pieces ===

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        """Computes log-probabilities.

        Args:
            inputs: What `VoiceModel.arrays` returns, with the batch first.
            training: Whether to drop.

        Returns:
            `"symbol"` `(voices, batch, steps, symbols)`, of every voice at every step, and `"end"`
            `(batch, steps, 2)`, of going on and of ending there.
        """
        voices = self.encoding.voices
        annotations = self.reader(
            inputs["read"], inputs["there"], inputs["anything"], training=training
        )
        known = ops.logical_or(self.before, (inputs["mask"] > 0)[:, :, None])
        known = ops.logical_and(known, ~np.eye(voices, dtype=bool))
        others = {name: inputs[name][:, :, None] for name in ("pitch", "symbol", "center", "now")}
        middle = inputs["center"]
        ids, facts = vh.other_features(middle, others, known, ops)
        cells = self.cell(self.cell_ids(inputs["own"], ids, inputs, middle), training=training)
        past = ops.tanh(self.past(inputs["past"], training=training))
        past = self.drop_past(past, training=training) if training else past
        x, end = self.cells(past, self.conditions(inputs, annotations), cells, training=training)
        ending = self.ending_of(end)
        possible = self.possible(inputs["now"])
        related = None
        if self.copy:
            token, bar, position = (
                ops.tile(inputs[name], (voices, 1)) for name in ("token", "bar", "position")
            )
            note = ops.where(inputs["had_note"] > 0, middle, NOTES)
            related = relations(token, _fold(note), position, bar)
        following = copied_of(inputs["symbol"], inputs["had_note"] > 0, ops)
        found = self.head(
            _fold(x),
            _fold(following),
            related,
            tuple(map(_fold, self.facts(facts, inputs, middle))),
            _fold(possible),
            training=training,
        )
        batch = ops.shape(ending)[0]
        return {"symbol": ops.reshape(found, (voices, batch, *ops.shape(found)[1:])), "end": ending}

    def conditions(self, inputs: dict[str, Any], annotations: Tensor) -> Tensor:
        """What is known of each step without the past."""
        places = {**inputs, **{name: inputs["bar"] % bars for name, bars in BARS.items()}}
        where = [layer(places[name]) for name, layer in self.places.items()]
        return ops.concatenate([*where, annotations], axis=-1)

    # === What both have in common ===

    def ending_of(self, end: Tensor) -> Tensor:
        score = self.ending(end)
        return ops.log_sigmoid(ops.concatenate([-score, score], axis=-1))

    def cell_ids(
        self, own: Tensor, others: Tensor, inputs: dict[str, Any], middle: Tensor
    ) -> Tensor:
        """What is known of a voice at a step, ids of `cell`, `(..., kinds)`."""
        coming, away = inputs["next"][..., 0], inputs["next"][..., 1]
        interval = ops.clip(coming - middle, -vh.APART, vh.APART) + vh.APART + 1
        told = [ops.where(coming >= 0, interval, 0), away, self._degree(inputs, middle)]
        others = ops.reshape(others, (*ops.shape(others)[:-2], others.shape[-2] * others.shape[-1]))
        return ops.concatenate([own, others, ops.stack(told, axis=-1)], axis=-1)

    def _degree(self, inputs: dict[str, Any], middle: Tensor) -> Tensor:
        """The degree of the last note in the key of what is given, 12 for none."""
        tonic = inputs["tonic"]
        tonic = ops.reshape(tonic, (-1, *[1] * (len(middle.shape) - 1)))
        return ops.where(tonic < 12, (middle - tonic) % 12, 12)

    def facts(self, facts: dict[str, Any], inputs: dict[str, Any], middle: Tensor) -> list[Any]:
        """What candidates are scored by: voice, center, and facts, `(...)` and `(..., facts)`."""
        names = [*vh.voice_feature_sizes(self.encoding.voices)]
        own = inputs["own"]
        degrees = [own[..., names.index(name)] for name in ("degree", "recent_degree")]
        degrees = [ops.where(one > 0, one - 1, 12) for one in degrees]
        degrees.append(self._degree(inputs, middle))
        columns = [facts["apart"], facts["was"], facts["moves"], ops.stack(degrees, axis=-1)]
        return [own[..., 0], middle, ops.concatenate(columns, axis=-1)]

    def possible(self, now: Tensor) -> Tensor:
        """Which symbols there can be: what rests is not held."""
        held = np.arange(vh.SYMBOLS) == vh.HOLD
        return ops.logical_or(~held, (now >= 0)[..., None])


def copied_of(symbol: Any, had_note: Any, xp: Any) -> Any:
    """Returns symbols as they can be copied: a first note, relative to no note, is none of them."""
    return xp.where(xp.logical_or(had_note, symbol < vh.FIRST), symbol, vh.SYMBOLS)


def token_of(symbol: Any) -> Any:
    """Returns a number `(...)` that is the same for steps of the same symbols, `(..., voices)`."""
    found = symbol[..., 0]
    for voice in range(1, symbol.shape[-1]):
        found = (found * 131 + symbol[..., voice]) % TOKENS
    return found


def _fold(values: Tensor) -> Tensor:
    """Takes the voices out of `(batch, steps, voices, ...)`: `(voices * batch, steps, ...)`."""
    order = (2, 0, 1, *range(3, len(values.shape)))
    values = ops.transpose(values, order)
    return ops.reshape(values, (-1, *ops.shape(values)[2:]))
