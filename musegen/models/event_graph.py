"""The graph of a model of melodies: from ids to log-probabilities, of whole pieces and by steps.

    ids of the past, and of the place in the meter  (batch, time) each
      -> embeddings, concatenated                   (batch, time, features)
      -> a network (`musegen.networks`)             (batch, time, units)
      -> the pitch's head                           (batch, time, pitch ids)
      -> with the pitch that was drawn,
         the duration's head                        (batch, time, duration ids)

How pitch is seen and said is a view (`musegen.models.pitch_views`); a head is a softmax mixed with
copying from earlier in the piece (`musegen.models.heads`), from where positions are related to this
one (`musegen.models.relations`). Candidates may be scored by what they would be
(`musegen.models.candidates`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen.encoding.history import HEIGHTS, NO_NOTE, History, note_ids
from musegen.encoding.melody import END
from musegen.encoding.phrases import first_phrase, next_phrase, restarted
from musegen.encoding.pitch_duration import FEATURE_SIZES, PitchDurationEncoding
from musegen.models.candidates import DurationCandidates, PitchCandidates
from musegen.models.heads import SymbolHead
from musegen.models.pitch_views import LEAP, VIEWS
from musegen.models.relations import MATCHES, Past, Relations, relations, same
from musegen.networks import Network, Tensor

SMALL_EMBEDDINGS = {
    **{"position": 32, "bar": 16},
    **dict.fromkeys(("meter", "bar4", "bar8", "kind", "begins"), 8),
}
"""Widths of the embeddings that are not settings."""

PLACE = ("position", "bar")
"""Of an event's place, what copying looks at."""

EMBEDDING_SPREAD = 0.3
"""Standard deviation of new embeddings: Keras's own are so small that learning begins slowly."""

HIDDEN = 256
"""Width of the layer in which the duration's head joins the pitch to what the network saw."""


class EventGraph(keras.Model):
    """Embeddings, a network, and a head each for pitch and duration.

    A subclass has the settings, and calls `make_layers`.
    """

    encoding: PitchDurationEncoding
    pitch_embedding: int
    duration_embedding: int
    pitch: str
    copy: bool
    duration_after_pitch: bool
    candidates: bool

    def make_layers(self, network: Network) -> None:
        """Makes all layers, and their weights."""
        encoding, self.network = self.encoding, network
        self.view = VIEWS[self.pitch](encoding.duration_ids)
        told = {"begins": 2} if network.reads else {}
        seen = {**self.view.past, **told, **FEATURE_SIZES}
        drawn = self.view.drawn_sizes if self.duration_after_pitch else {}
        self.input_sizes = {**seen, **drawn}
        if self.copy:
            self.input_sizes["note"] = NO_NOTE + 1
            following = self.view.drawn_sizes["next_pitch"], encoding.duration_ids
            self.input_sizes["next_pitch"], self.input_sizes["next_duration"] = following
        spread = keras.initializers.RandomNormal(stddev=EMBEDDING_SPREAD)
        self.embeddings, self.drawn_embeddings = (
            {
                key: keras.layers.Embedding(size, self._width(key), spread, name=f"{key}_embedding")
                for key, size in sizes.items()
            }
            for sizes in (seen, drawn)
        )
        judged = self.candidates and self.pitch == "relative"
        self.symbol_heads = {
            "pitch": SymbolHead(
                encoding.pitch_ids,
                copying=MATCHES * self.copy,
                candidates=PitchCandidates() if judged else None,
                name="pitch_head",
            ),
            "duration": SymbolHead(
                encoding.duration_ids,
                hidden=HIDDEN * self.duration_after_pitch,
                copying=(MATCHES + self.duration_after_pitch) * self.copy,
                dropout=network.dropout,
                candidates=DurationCandidates(encoding) if self.candidates else None,
                name="duration_head",
            ),
        }

        # === Weights ===
        for embedding in (*self.embeddings.values(), *self.drawn_embeddings.values()):
            embedding.build()
        shape = (None, None, sum(map(self._width, seen)))
        self.network.conditions = sum(map(self._width, FEATURE_SIZES))
        self.network.build(shape)
        *shape, width = self.network.compute_output_shape(shape)
        self.symbol_heads["pitch"].build((*shape, width))
        self.symbol_heads["duration"].build((*shape, width + sum(map(self._width, drawn))))

    def _width(self, key: str) -> int:
        """The width of the embedding of an input."""
        if key in SMALL_EMBEDDINGS:
            return SMALL_EMBEDDINGS[key]
        of_duration = key == "duration" or key.startswith("length")
        width = self.duration_embedding if of_duration else self.pitch_embedding
        return max(width // 2, 1) if key in HEIGHTS else width

    def call(self, inputs: dict[str, Any], training: bool | None = None) -> dict[str, Any]:
        x = self.network(self._features(inputs), **self._phrases(inputs), training=training)
        return {
            key: self.symbol_heads[key](*arguments, training=training)
            for key, arguments in self._head_arguments(inputs, x).items()
        }

    def _head_arguments(self, inputs: dict[str, Any], x: Any) -> dict[str, list[Any]]:
        """What each head is called with, for what the network made of the inputs."""
        columns = (
            self._seen(inputs, x),
            {key: inputs.get(f"next_{key}") for key in self.symbol_heads},
            self._relations(inputs),
            self._facts(inputs),
            self._possible(inputs.get("next_pitch")),
        )
        return {key: [column[key] for column in columns] for key in self.symbol_heads}

    def _features(self, inputs: dict[str, Any]) -> Any:
        """What the network takes, `(batch, time, features)`."""
        return ops.concatenate([layer(inputs[key]) for key, layer in self.embeddings.items()], -1)

    def _phrases(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What a network is told that reads one phrase after the other: where they begin."""
        return {"begins": inputs["begins"]} if self.network.reads else {}

    def _seen(self, inputs: dict[str, Any], x: Any) -> dict[str, Any]:
        """What each head sees: what the network saw, and for the duration the pitch."""
        drawn = [layer(inputs[key]) for key, layer in self.drawn_embeddings.items()]
        return {"pitch": x, "duration": ops.concatenate([x, *drawn], axis=-1)}

    def _possible(self, symbol: Any) -> dict[str, Any]:
        """What each head can predict, or None for all: the end takes no time, and all else some."""
        if not self.duration_after_pitch:
            return {"pitch": None, "duration": None}
        no_time = ops.equal(ops.arange(self.encoding.duration_ids), 0)
        return {"pitch": None, "duration": ops.equal(no_time, ops.equal(symbol, END)[..., None])}

    def _facts(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What candidates are scored by."""
        facts = {"pitch": (), "duration": (inputs["position"], inputs["meter"])}
        if self.pitch == "relative":
            facts["pitch"] = inputs["degree"] - 1, inputs["above_mean"] - 1 - LEAP
        return facts

    def _relations(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """How every two positions are related, as the copying of each head takes it."""
        if not self.copy:
            return {"pitch": None, "duration": None}
        found = relations(self.view.token(inputs), *(inputs[key] for key in ("note", *PLACE)))
        return {"pitch": found, "duration": self._with_pitch(found, same(inputs["next_pitch"]))}

    def _with_pitch(self, related: Relations, follows: Any) -> Relations:
        """How positions are related, where the pitch is known and the same one followed, or not."""
        if not self.duration_after_pitch:
            return related
        return related._replace(matches=[follows, *(follows * match for match in related.matches)])

    def maps(
        self, inputs: dict[str, Tensor], targets: dict[str, NDArray]
    ) -> dict[str, NDArray[np.float32]]:
        """Computes what was attended to, and copied, at each position of one sequence.

        Args:
            inputs: The ids of a sequence, `(1, time)` each.
            targets: The symbols that followed, `(time,)` each.

        Returns:
            Where there is such a thing, `"attention"` `(heads, time, time)`, the weights of the
            network, and `"copied"` `(2, time, time)`: the share of the probability of pitch and of
            duration that was copied from the event of the column.
        """
        features, phrases, maps = self._features(inputs), self._phrases(inputs), {}
        attention = self.network.attention_map(features, **phrases)
        if attention is not None:
            maps["attention"] = ops.convert_to_numpy(attention[0])
        if self.copy:
            x, found = self.network(features, **phrases), []
            for key, arguments in self._head_arguments(inputs, x).items():
                share = self.symbol_heads[key].copied(targets[key][None], *arguments)
                # What followed position s is event s + 1.
                share = ops.convert_to_numpy(share[0])
                found.append(np.pad(share[:, :-1], ((0, 0), (1, 0))))
            maps["copied"] = np.stack(found)
        return maps

    def step_tables(self) -> dict[str, Any]:
        """Returns what is computed once before the first step.

        `"inputs"`: what each id of each input adds to what the network's first step takes,
        `(ids, size)`: an embedding through the network's linear map is a look-up in every step.
        `"pitch"` and `"duration"`: the linear maps of the heads.
        """
        kernel, width = self.network.input_kernel, sum(map(self._width, self.embeddings))
        tables, first = [], 0
        for layer in self.embeddings.values():
            last = first + layer.output_dim
            if kernel is None:
                tables.append(ops.pad(layer.embeddings, ((0, 0), (first, width - last))))
            else:
                tables.append(ops.matmul(layer.embeddings, kernel[first:last]))
            first = last
        heads = {key: head.maps() for key, head in self.symbol_heads.items()}
        return {"inputs": ops.concatenate(tables), **heads}

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        """Returns what `see` and `step` carry, before the first of at most `length` steps."""
        state = {"network": self.network.initial_state(batch, length)}
        if self.network.reads:
            phrase = first_phrase(batch)
            state["phrase"] = {name: ops.convert_to_tensor(phrase[name]) for name in phrase}
        if self.copy:
            state["past"] = Past.initial_state(batch, length)
        for key, head in self.symbol_heads.items():
            state[key] = head.initial_state(batch, length)
        return state

    def see(
        self, history: History, places: dict[str, Any], state: Any, answers: Any = False
    ) -> dict[str, Any]:
        """Looks at the past and at the place of the next event, before its step.

        Apart from `step`, so that a compiled loop has the ids ready: in one program with what is
        looked up by them, they would be computed anew for each number that is.

        Args:
            history: What is known, `(batch, ...)` each.
            places: Where the next event falls: `"position"`, `"bar"`, `"meter"`, `(batch,)` each.
            state: From `initial_state` or `step`.
            answers: Whether the next event begins a phrase in any case.

        Returns:
            The state, with the ids of all inputs of the network, `(batch, inputs)`.
        """
        ids = {**self.view.inputs(history, places, ops), **places}
        if self.network.reads:
            took = ops.take(self.encoding.steps.astype("int32"), history["durations"][:, 0])
            begins, phrase = next_phrase(state["phrase"], history, took, places["meter"], ops)
            begins = ops.logical_or(begins, answers)
            state = {**state, "phrase": restarted(phrase, begins, ops)}
            ids["begins"] = ops.cast(begins, "int32")
        columns = [ops.cast(ids[key], "int32") for key in self.embeddings]
        return {**state, "ids": ops.stack(columns, axis=-1)}

    def step(
        self,
        history: History,
        state: Any,
        tables: dict[str, Any],
        choose: Callable[[str, Any], Any],
    ) -> dict[str, Any]:
        """Runs one step of the model, as sampling does.

        Args:
            history: What is known, `(batch, ...)` each.
            state: From `see`.
            tables: From `step_tables`.
            choose: Called with `"pitch"` and the log-probabilities of its symbols, `(batch, ids)`,
                and then with `"duration"`; returns the ids that are drawn, `(batch,)`.

        Returns:
            The new state.
        """
        ids = {key: state["ids"][:, place] for place, key in enumerate(self.embeddings)}
        sizes = [layer.input_dim for layer in self.embeddings.values()]
        rows = state["ids"] + np.cumsum([0, *sizes[:-1]]).astype("int32")
        x = ops.sum(ops.take(tables["inputs"], rows, axis=0), axis=1)
        x, network = self.network.step(x, state["network"], **self._phrases(ids))
        state, past, time = {**state, "network": network}, None, None
        if self.copy:
            here = (self.view.token(ids), note_ids(history, ops), *(ids[key] for key in PLACE))
            time = state["past"]["time"]
            state["past"], past = Past.step(state["past"], here)
        heads, facts = self.symbol_heads, self._facts(ids)

        scores, found = heads["pitch"].step(
            x, state["pitch"], past, facts["pitch"], None, tables["pitch"]
        )
        symbol = choose("pitch", scores)
        drawn, possible = self.view.drawn(history, symbol, ops), self._possible(symbol)
        if self.duration_after_pitch:
            seen = [layer(drawn[key]) for key, layer in self.drawn_embeddings.items()]
            x = ops.concatenate([x, *seen], axis=-1)
            if past is not None:
                follows = ops.equal(found["following"], drawn["next_pitch"][:, None])
                past = past._replace(counts=ops.where(follows, past.counts + 1, 0))
        state["pitch"] = heads["pitch"].followed(found, drawn["next_pitch"], time)

        scores, found = heads["duration"].step(
            x,
            state["duration"],
            past,
            facts["duration"],
            possible["duration"],
            tables["duration"],
        )
        duration = choose("duration", scores)
        state["duration"] = heads["duration"].followed(found, duration, time)
        return state
