"""AttentionLSTM: writes a melody event by event, with attention over all it has written.

    pitch, duration, position, bar, meter ids  (batch, time) each
      -> embeddings, concatenated              (batch, time, features)
      -> LSTM, LSTM                            (batch, time, units)
      -> causal attention                      (batch, time, units)
      -> two softmax heads                     (batch, time, pitch ids), (batch, time, duration ids)

After David Foster, "Generative Deep Learning" (2019), chapter 7, with four differences: it learns
from every position of a sequence in one pass (the book: from the last of a 32-note window); it is
told where in the meter the next event falls; attention reaches back to the beginning; and the heads
see the LSTM's state beside the context (`head="context"` is the book's).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
from keras import ops

from musegen._checks import (
    checked_choice,
    checked_config,
    checked_int,
    checked_kind,
    checked_share,
)
from musegen.encoding.pitch_duration import FEATURE_SIZES, PitchDurationEncoding
from musegen.models.attention import KINDS, CausalAttention
from musegen.models.lstm import LSTM
from musegen.models.melody_model import MelodyModel
from musegen.models.registry import register

FEATURE_EMBEDDINGS = {"position": 32, "bar": 16, "meter": 8}
CONFIG = (
    *("encoding", "units", "depth", "pitch_embedding", "duration_embedding"),
    *("attention", "heads", "attention_size", "head", "dropout"),
)


@register
@keras.saving.register_keras_serializable("musegen")
class AttentionLSTM(MelodyModel):
    """An LSTM with causal attention that gives the next pitch and the next duration.

    Takes a dict of id arrays `(batch, time)`: `"pitch"` and `"duration"` of each event, and
    `"position"`, `"bar"` and `"meter"` of the event *after* it, as
    `PitchDurationEncoding.features` gives them. Returns a dict of logits for the event after:
    `"pitch"` `(batch, time, pitch ids)` and `"duration"` `(batch, time, duration ids)`.

    Args:
        encoding: How melodies become ids; the default encoding if None.
        units: Size of each LSTM's state, 1 to 4,096.
        depth: How many LSTM layers, 1 to 8.
        pitch_embedding, duration_embedding: Widths of the embeddings, 1 to 4,096.
        attention: `"location"`, `"additive"` or `"dot"`; see `musegen.models.attention`. The last
            two take memory in proportion to the square of the length.
        heads: Attention heads, 1 to 64; `units` must be a multiple of it.
        attention_size: Width of the layer behind an attention score, per head, 1 to 4,096.
        head: What the softmax heads see: `"state_and_context"`, or `"context"` as in the book.
        dropout: Share of each layer's outputs dropped in training, 0 up to, not including, 1, the
            same ones at all steps of a sequence.
        openings: How pieces begin, `(numerator, denominator, pickup, tempo, count)` each, whole
            numbers: 1 to 255, 1 to 2^30, 0 to 2^20 steps, 1 to 16,777,215 microseconds per quarter
            note, and 1 to 2^31 - 1; see `musegen.models.melody_model`.
        name: The model's name, 1 to 100 printable characters without a slash.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        encoding: PitchDurationEncoding | None = None,
        units: int = 256,
        depth: int = 2,
        pitch_embedding: int = 128,
        duration_embedding: int = 64,
        attention: Literal["location", "additive", "dot"] = "location",
        heads: int = 1,
        attention_size: int = 64,
        head: Literal["state_and_context", "context"] = "state_and_context",
        dropout: float = 0.2,
        openings: Sequence[Sequence[int]] = (),
        name: str = "attention-lstm",
    ) -> None:
        encoding = PitchDurationEncoding() if encoding is None else encoding
        checked_kind("encoding", encoding, PitchDurationEncoding, "a PitchDurationEncoding")
        config = _checked(
            {
                "units": units,
                "depth": depth,
                "pitch_embedding": pitch_embedding,
                "duration_embedding": duration_embedding,
                "attention": attention,
                "heads": heads,
                "attention_size": attention_size,
                "head": head,
                "dropout": dropout,
            }
        )
        units, depth, heads = config["units"], config["depth"], config["heads"]

        # === Layers ===
        embeddings = {
            "pitch": keras.layers.Embedding(
                encoding.pitch_ids, pitch_embedding, name="pitch_embedding"
            ),
            "duration": keras.layers.Embedding(
                encoding.duration_ids, duration_embedding, name="duration_embedding"
            ),
        }
        for feature, size in FEATURE_SIZES.items():
            embeddings[feature] = keras.layers.Embedding(
                size, FEATURE_EMBEDDINGS[feature], name=f"{feature}_embedding"
            )
        lstms = [LSTM(units, name=f"lstm_{index + 1}") for index in range(depth)]
        attend = CausalAttention(attention, heads, attention_size, name="attention")
        pitch_head = keras.layers.Dense(encoding.pitch_ids, name="pitch_head")
        duration_head = keras.layers.Dense(encoding.duration_ids, name="duration_head")

        def drop(name: str) -> keras.layers.Layer:
            # One mask for all time steps of a sequence (Gal and Ghahramani 2016).
            return keras.layers.Dropout(dropout, noise_shape=(None, 1, None), name=name)

        # === Graph ===
        inputs = {key: keras.Input((None,), dtype="int32", name=key) for key in embeddings}
        x = ops.concatenate([layer(inputs[key]) for key, layer in embeddings.items()], axis=-1)
        for index, layer in enumerate(lstms):
            x = layer(drop(f"dropout_{index + 1}")(x))
        x = drop("dropout_state")(x)
        context = attend(x)
        x = ops.concatenate([x, context], axis=-1) if head == "state_and_context" else context
        outputs = {"pitch": pitch_head(x), "duration": duration_head(x)}
        super().__init__(encoding, openings, inputs, outputs, name)

        # === Config ===
        self.embeddings = embeddings
        self.lstms = lstms
        self.attend = attend
        self.pitch_head = pitch_head
        self.duration_head = duration_head
        self.arguments = tuple(config)
        for argument, value in config.items():
            setattr(self, argument, value)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {**super().get_config(), **{name: getattr(self, name) for name in self.arguments}}

    @staticmethod
    def weight_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight of a model of this config, without building it.

        Raises:
            ValueError: If a value is out of its range.
        """
        encoding = PitchDurationEncoding.from_config(checked_config(config, CONFIG)["encoding"])
        config = _checked(config)
        units, heads, kind = config["units"], config["heads"], config["attention"]
        ids = {"pitch": encoding.pitch_ids, "duration": encoding.duration_ids}
        tables = {name: (count, config[f"{name}_embedding"]) for name, count in ids.items()}
        tables |= {name: (FEATURE_SIZES[name], width) for name, width in FEATURE_EMBEDDINGS.items()}
        shapes: dict[str, tuple[int, ...]] = {
            f"{name}_embedding/embeddings": table for name, table in tables.items()
        }
        inputs = sum(width for _, width in tables.values())
        for number in range(1, config["depth"] + 1):
            shapes[f"lstm_{number}/kernel"] = (inputs, 4 * units)
            shapes[f"lstm_{number}/recurrent_kernel"] = (units, 4 * units)
            shapes[f"lstm_{number}/bias"] = (4 * units,)
            inputs = units
        size = config["attention_size"]
        shapes["attention/key_kernel"] = (units, heads * size)
        if kind != "location":
            shapes["attention/query_kernel"] = (units, heads * size)
        if kind != "dot":
            shapes |= {"attention/bias": (heads * size,), "attention/vector": (heads, size)}
        seen = units * (2 if config["head"] == "state_and_context" else 1)
        for name, count in ids.items():
            shapes |= {f"{name}_head/kernel": (seen, count), f"{name}_head/bias": (count,)}
        return shapes

    @classmethod
    def weight_count(cls, config: dict[str, Any]) -> int:
        """How many weights a model of this config has; raises as `weight_shapes` does."""
        return sum(math.prod(shape) for shape in cls.weight_shapes(config).values())

    def initial_state(self, batch: int, length: int) -> Any:
        """What `step` carries, before the first of at most `length` steps."""
        return (
            tuple(lstm.initial_state(batch) for lstm in self.lstms),
            self.attend.initial_state(batch, length, self.units),
        )

    def step_tables(self) -> dict[str, Any]:
        """What each id adds to the gates of the first LSTM, `(ids, 4 * units)` for each input.

        An embedding times its part of the kernel: done once for all ids before the first step, it
        is a look-up in every step.
        """
        tables, first = {}, 0
        for name, layer in self.embeddings.items():
            kernel = self.lstms[0].kernel[first : first + layer.output_dim]
            tables[name] = ops.matmul(layer.embeddings, kernel)
            first += layer.output_dim
        return tables

    def step(
        self, ids: dict[str, Any], state: Any, time: Any, tables: dict[str, Any]
    ) -> tuple[Any, Any, Any]:
        """One step of the model, as sampling takes it.

        Args:
            ids: The ids of one position, `(batch,)` each.
            state: From `initial_state` or the step before.
            time: Number of the step, from 0.
            tables: From `step_tables`.

        Returns:
            The logits (a dict, `(batch, ids)` each), the state, and the attention record.
        """
        lstm_states, attention_state = state
        gates = sum(ops.take(table, ids[name], axis=0) for name, table in tables.items())
        x, carry = self.lstms[0].step_gates(gates, lstm_states[0])
        carried = [carry]
        for lstm, lstm_state in zip(self.lstms[1:], lstm_states[1:], strict=True):
            x, carry = lstm.step(x, lstm_state)
            carried.append(carry)
        context, attention_state, record = self.attend.step(x, attention_state, time)
        both = self.head == "state_and_context"
        x = ops.concatenate([x, context], axis=-1) if both else context
        logits = {"pitch": self.pitch_head(x), "duration": self.duration_head(x)}
        return logits, (tuple(carried), attention_state), record


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a config holds beside those of every model, or a ValueError."""
    checked: dict[str, Any] = {
        name: checked_int(name, config[name], 1, highest)
        for name, highest in (
            ("units", 4096),
            ("depth", 8),
            ("pitch_embedding", 4096),
            ("duration_embedding", 4096),
            ("heads", 64),
            ("attention_size", 4096),
        )
    }
    checked["attention"] = checked_choice("attention", config["attention"], KINDS)
    checked["head"] = checked_choice("head", config["head"], ("state_and_context", "context"))
    checked["dropout"] = checked_share("dropout", config["dropout"])
    if checked["units"] % checked["heads"]:
        raise ValueError(
            f"heads={config['heads']}: give a number that divides units={config['units']}."
        )
    return checked
