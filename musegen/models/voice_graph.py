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
from musegen.models.relations import MATCHES, NOTES, Past, StepRelations, put, relations
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
        cells = self.cell(self._cell_ids(inputs["own"], ids, inputs, middle), training=training)
        past = ops.tanh(self.past(inputs["past"], training=training))
        past = self.drop_past(past, training=training) if training else past
        x, end = self.cells(
            past, self._conditions(inputs, annotations), cells, training=training
        )
        ending = self._ending(end)
        possible = self._possible(inputs["now"])
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
            tuple(map(_fold, self._facts(facts, inputs, middle))),
            _fold(possible),
            training=training,
        )
        batch = ops.shape(ending)[0]
        return {"symbol": ops.reshape(found, (voices, batch, *ops.shape(found)[1:])), "end": ending}

    def _conditions(self, inputs: dict[str, Any], annotations: Tensor) -> Tensor:
        """What is known of each step without the past."""
        places = {**inputs, **{name: inputs["bar"] % bars for name, bars in BARS.items()}}
        where = [layer(places[name]) for name, layer in self.places.items()]
        return ops.concatenate([*where, annotations], axis=-1)

    # === Step by step ===

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        """Returns what `step` carries, before the first of at most `length` steps."""
        state = {
            "cells": self.cells.initial_state(batch, length),
            "token": ops.zeros((batch,), "int32"),
        }
        if self.copy:
            rows = self.encoding.voices * batch  # voice after voice
            state["head"] = self.head.initial_state(rows, length)
            state["past"] = Past.initial_state(rows, length)
        return state

    def step(
        self,
        history: vh.VoiceHistory,
        state: dict[str, Any],
        inputs: dict[str, Any],
        maps: list[Any],
        choose: Callable[..., Any],
    ) -> tuple[dict[str, Any], Any, Any]:
        """Runs one step of the model, as sampling does.

        Args:
            history: What is known, `(batch, ...)` each.
            state: From `initial_state` or the step before.
            inputs: Of this step: `"position"`, `"bar"`, `"meter"`, `"tonic"`, `(batch,)`;
                `"annotations"`, `(batch, 2 * encoder units)`; and of what is given `"mask"`,
                `"pitch"`, `"symbol"`, `(batch, voices)`, and `"next"`, `(batch, voices, 2)`.
            maps: The linear maps of the head, `head.maps()`.
            choose: Called for each voice with its number, the log-probabilities of its symbols,
                `(batch, symbols)`, and what is known at the step, `"pitch"`, `"symbol"` and
                `"known"`, `(batch, voices)`; returns the symbols that are drawn, `(batch,)`.

        Returns:
            Of the step `"pitch"`, `"symbol"`, and `"likelihood"`, `(batch, voices)`; the
            log-probabilities of going on and of ending before it, `(batch, 2)`; the new state.
        """
        voices, batch = self.encoding.voices, history["now"].shape[0]
        own = vh.voice_features(history, ops)
        past = ops.tanh(self.past.step(vh.time_features(history, ops)))
        conditions = self._conditions(inputs, inputs["annotations"])
        state = {**state, "cells": self.cells.begin(past, conditions, state["cells"])}
        center, now = vh.center(history, ops), history["now"]
        keys = following = related = None
        if self.copy:
            note = ops.where(history["notes"][..., 0] >= 0, center, NOTES)
            rows = [state["token"], inputs["position"], inputs["bar"]]
            token, position, bar = (ops.tile(one, (voices,)) for one in rows)
            event = token, ops.reshape(ops.transpose(note), (-1,)), position, bar
            time = state["past"]["time"]
            state["past"], related = Past.step(state["past"], event)
            head = state["head"]
            keys, following = put(head["keys"], time - 1, head["key"]), head["following"]

        def goes_on(place: Any, carried: Any) -> Any:
            return place < voices

        def write(place: Any, carried: dict[str, Any]) -> tuple[Any, Any]:
            voice = ops.take(np.array(self.written, np.int32), place)
            here = ops.equal(np.arange(voices, dtype=np.int32), voice)
            middle, was = (ops.take(one, voice, axis=1) for one in (center, now))
            others = {**carried, "center": center, "now": now}
            known = ops.logical_and(carried["known"], ~here)
            ids, facts = vh.other_features(middle, others, known, ops)
            of_voice = {
                **inputs,
                "next": ops.take(inputs["next"], voice, axis=1),
                "own": ops.take(own, voice, axis=1),
            }
            cell = self.cell.step(self._cell_ids(of_voice["own"], ids, of_voice, middle))
            x, cells = self.cells.cell(cell, place, carried["cells"])
            at = voice * batch
            scores, key = self.head.scores(
                x,
                None if keys is None else _part(keys, at, batch),
                None if following is None else _part(following, at, batch),
                None if related is None else _rows(related, at, batch),
                tuple(self._facts(facts, of_voice, middle)),
                self._possible(was),
                maps,
            )
            symbol = choose(voice, scores, carried)
            pitch = vh.pitches_of(was, middle, symbol, ops)
            nats = ops.take_along_axis(scores, symbol[:, None], axis=-1)
            carried = {
                **carried,
                "pitch": ops.where(here, pitch[:, None], carried["pitch"]),
                "symbol": ops.where(here, symbol[:, None], carried["symbol"]),
                "likelihood": ops.where(here, nats, carried["likelihood"]),
                "known": ops.logical_or(carried["known"], here),
                "cells": cells,
            }
            if self.copy:
                carried["key"] = ops.slice_update(carried["key"], [at, 0], key)
            return place + 1, carried

        carried = {
            "pitch": inputs["pitch"],
            "symbol": inputs["symbol"],
            "likelihood": ops.zeros((batch, voices)),
            "known": inputs["mask"] > 0,
            "cells": state["cells"],
        }
        if self.copy:
            carried["key"] = ops.zeros_like(state["head"]["key"])
        begin = ops.convert_to_tensor(0, "int32")
        _, carried = ops.while_loop(goes_on, write, (begin, carried))
        state["cells"] = carried["cells"]
        if self.copy:
            copied = copied_of(carried["symbol"], history["notes"][..., 0] >= 0, ops)
            head = {"key": carried["key"], "keys": keys, "following": following}
            state["head"] = self.head.followed(
                head, ops.reshape(ops.transpose(copied), (-1,)), time
            )
            state["token"] = ops.cast(token_of(copied), "int32")
        return carried, self._ending(self.cells.end(state["cells"])), state

    # === What both have in common ===

    def _ending(self, end: Tensor) -> Tensor:
        score = self.ending(end)
        return ops.log_sigmoid(ops.concatenate([-score, score], axis=-1))

    def _cell_ids(
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

    def _facts(self, facts: dict[str, Any], inputs: dict[str, Any], middle: Tensor) -> list[Any]:
        """What candidates are scored by: voice, center, and facts, `(...)` and `(..., facts)`."""
        names = [*vh.voice_feature_sizes(self.encoding.voices)]
        own = inputs["own"]
        degrees = [own[..., names.index(name)] for name in ("degree", "recent_degree")]
        degrees = [ops.where(one > 0, one - 1, 12) for one in degrees]
        degrees.append(self._degree(inputs, middle))
        columns = [facts["apart"], facts["was"], facts["moves"], ops.stack(degrees, axis=-1)]
        return [own[..., 0], middle, ops.concatenate(columns, axis=-1)]

    def _possible(self, now: Tensor) -> Tensor:
        """Which symbols there can be: what rests is not held."""
        held = np.arange(vh.SYMBOLS) == vh.HOLD
        return ops.logical_or(~held, (now >= 0)[..., None])


def _part(rows: Tensor, at: Any, count: int) -> Tensor:
    """Some rows from `at` on."""
    begin = [at] + [0] * (len(rows.shape) - 1)
    return ops.slice(rows, begin, (count, *rows.shape[1:]))


def _rows(related: StepRelations, at: Any, count: int) -> StepRelations:
    """How the position of one voice is related, where all voices are joined."""
    each = ("counts", "leap", "bars", "same_place")
    return related._replace(**{name: _part(getattr(related, name), at, count) for name in each})


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
