"""A model of melodies, event by event, on any network.

At each position the model sees the past up to the event there, and the place in the meter of the
event after it (position, bar, meter), of which it predicts the pitch and then the duration:
`musegen.models.event_graph` has how. Here are its settings, its config, and what training,
measuring and sampling ask of it.

An *opening* is how a piece begins before anything is written: `(numerator, denominator, pickup in
steps, tempo in microseconds per quarter note, how many training pieces begin so)`. Meter, pickup
and tempo are conditions of the model and no part of its likelihood; where the user gives none,
sampling draws one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen._checks import (
    Choice,
    Flag,
    Whole,
    checked_int,
    checked_kind,
    checked_name,
)
from musegen.corpus.encoded import checked_records
from musegen.encoding.history import histories, note_ids
from musegen.encoding.melody import Melody
from musegen.encoding.phrases import phrase_begins
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.models.event_graph import EventGraph
from musegen.models.likelihood import LikelihoodModel
from musegen.models.pitch_views import VIEWS
from musegen.models.registry import register
from musegen.networks import Network, build_network
from musegen.sampling.melody import Asked, kind_of, sample, write_all
from musegen.sampling.requests import sample_many
from musegen.settings import declared
from musegen.training.melody import fit
from musegen.training.melody_windows import MelodyWindows

PIECES_AT_ONCE = 16
"""Pieces that are measured in a batch."""

FIRST_VERSION = {
    "pitch": "absolute",
    "copy": False,
    "duration_after_pitch": False,
    "candidates": False,
}
"""What a config says that is silent of these."""


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class MelodyModel(LikelihoodModel, EventGraph):
    """A model that predicts the next pitch and the next duration of a melody.

    Takes a dict of id arrays `(batch, time)`, of which `input_sizes` has the names and how many ids
    there are: `event_ids` computes them of a melody. Returns a dict of log-probabilities for the
    event after each: `"pitch"` `(batch, time, pitch ids)`, of the symbols of the view, and
    `"duration"` `(batch, time, duration ids)`.

    Args:
        encoding: How melodies become ids; the default encoding if None.
        network: The name of a network in `musegen.networks.NETWORKS`, or a network.
        openings: How pieces begin, `(numerator, denominator, pickup, tempo, count)` each, whole
            numbers: 1 to 255, 1 to 2^30, 0 to 2^20 steps, 1 to 16,777,215 microseconds per quarter
            note, and 1 to 2^31 - 1.
        tonic_share: Share of pieces that are to end on the tonic, 0 to 1; None leaves it to chance.
        name: The model's name, 1 to 100 printable characters without a slash; that of the network
            if None.
        **settings: The settings of a network that is given by its name.

    Raises:
        ValueError: If an argument is out of its range, or the network has no such setting.
    """

    family = "melody"
    charged = "event"
    writes = "melodies"
    abilities = ("likelihood",)
    _encoding_class = PitchDurationEncoding

    def __init__(
        self,
        encoding: PitchDurationEncoding | None = None,
        network: str | Network = "attention-lstm",
        pitch_embedding: Annotated[int, Whole(1, 4096), "Width of what is seen of a pitch"] = 32,
        duration_embedding: Annotated[
            int, Whole(1, 4096), "Width of what is seen of a duration"
        ] = 32,
        openings: Iterable[Sequence[int]] = (),
        name: str | None = None,
        pitch: Annotated[
            str, Choice(*VIEWS), "Pitches relative to the past, or as they are, as in the book"
        ] = "relative",
        copy: Annotated[bool, Flag(), "Copying from earlier in the piece"] = True,
        duration_after_pitch: Annotated[
            bool, Flag(), "The duration's head sees the pitch that was drawn"
        ] = True,
        candidates: Annotated[
            bool,
            Flag(),
            "Scores by what would be: degree and height of a relative pitch, the end of a duration",
        ] = True,
        tonic_share: float | None = None,
        **settings: Any,
    ) -> None:
        encoding = PitchDurationEncoding() if encoding is None else encoding
        layer = build_network(network, settings)
        super().__init__(name=checked_name(layer.registered_name if name is None else name))
        self._set_up(encoding, openings, tonic_share)
        self.pitch_embedding, self.duration_embedding = pitch_embedding, duration_embedding
        self.pitch, self.copy, self.duration_after_pitch = pitch, copy, duration_after_pitch
        self.candidates = candidates
        self.make_layers(layer)
        names = {"pitch": "pitch_nats", "duration": "duration_nats", "both": "nats"}
        self.nats = {key: keras.metrics.Mean(name=name) for key, name in names.items()}
        self.built = True

    # === Config ===

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MelodyModel:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As in Keras; there are none.

        Raises:
            ValueError: If it is something else.
        """
        if isinstance(config, dict):
            config = {**FIRST_VERSION, **config}
        return super().from_config(config)

    # === Training ===

    fit = fit

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Computes the sum of weight times nats, of pitch and duration together, over all events.

        `MelodyWindows` gives every event of an epoch the same weight, and padding none.
        """
        costs = {
            key: -ops.take_along_axis(y_pred[key], y[key][..., None], axis=-1)[..., 0]
            for key in ("pitch", "duration")
        }
        costs["both"] = costs["pitch"] + costs["duration"]
        # Flat: Keras would average each row first, and so weigh events by their row's padding.
        weights = ops.reshape(sample_weight, (-1,))
        for key, metric in self.nats.items():
            metric.update_state(ops.reshape(costs[key], (-1,)), sample_weight=weights)
        return ops.sum(sample_weight * costs["both"])

    def count_openings(self, melodies: Iterable[Melody]) -> None:
        """Takes over how some pieces begin, and how many of them end on the tonic.

        Args:
            melodies: The pieces, `Melody` records, at least one.

        Raises:
            ValueError: If they are something else.
        """
        self._count(checked_records("melodies", melodies, Melody, "a list of Melody records"))

    def event_ids(
        self, melody: Melody, answer: int | None = None
    ) -> tuple[dict[str, NDArray[np.int32]], dict[str, Any]]:
        """Computes what the model takes of a melody of n events, and what it is to predict.

        Args:
            melody: The melody, a `Melody` record.
            answer: The place of an event that begins a phrase in any case; None for none.

        Returns:
            The ids by name, `(n - 1,)` int32 each, and the `"pitch"` (symbols of the view) and
            `"duration"` of the events after the start, likewise.

        Raises:
            ValueError: If an argument is something else.
        """
        checked_kind("melody", melody, Melody, "a Melody")
        if answer is not None:
            checked_int("answer", answer, 1, max(len(melody) - 1, 1))
        steps = self.encoding.steps[melody.durations]
        known = {
            name: values[:-1]
            for name, values in histories(melody.pitches, melody.durations, steps).items()
        }
        places = {name: values[1:] for name, values in self.encoding.features(melody).items()}
        symbols = self.view.symbol(known, melody.pitches[1:], np)
        targets = {"pitch": symbols, "duration": melody.durations[1:]}
        found = {
            **self.view.inputs(known, places, np),
            **places,
            **self.view.drawn(known, symbols, np),
            "next_duration": melody.durations[1:],
            "note": note_ids(known, np),
        }
        if self.network.reads:
            found["begins"] = phrase_begins(melody, self.encoding, answer)
        return {name: found[name].astype(np.int32) for name in self.input_sizes}, targets

    def costs(self, melodies: Sequence[Melody]) -> list[NDArray[np.float64]]:
        """Returns for each piece `(events - 1, 2)`, nats of pitch and duration after the start."""
        costs = [np.zeros((0, 2))] * len(melodies)
        # By length, so that a batch is little padding; windows keep the order of pieces so sorted.
        order = [
            i for i in np.argsort([len(m) for m in melodies], kind="stable") if len(melodies[i]) > 1
        ]
        for start in range(0, len(order), PIECES_AT_ONCE):
            chosen = order[start : start + PIECES_AT_ONCE]
            batch = [melodies[i] for i in chosen]
            windows = MelodyWindows(batch, self, PIECES_AT_ONCE, length=len(batch[-1]))
            inputs, targets, _ = windows[0]
            scores = self.predict_on_batch(inputs)
            found = [
                np.take_along_axis(scores[name], targets[name][..., None], axis=-1)[..., 0]
                for name in ("pitch", "duration")
            ]
            both = -np.stack(found, axis=-1).astype(np.float64)
            for index, row in zip(chosen, both):
                costs[index] = row[: len(melodies[index]) - 1]
        return costs

    def attention_maps(
        self, melody: Melody, answer: int | None = None
    ) -> dict[str, NDArray[np.float32]]:
        """Computes what was attended to, and copied, as each event of a melody followed.

        Args:
            melody: The melody of n events.
            answer: As of `event_ids`.

        Returns:
            Where there is such a thing, `"attention"` `(heads, n - 1, n - 1)`, the weights of the
            network, and `"copied"` `(2, n - 1, n - 1)`, the share of the probability of pitch and
            of duration that was copied. Row i is of event i + 1, column j of event j.
        """
        ids, targets = self.event_ids(melody, answer)
        return self.maps({name: values[None] for name, values in ids.items()}, targets)

    # === Sampling ===

    sample = sample
    sample_many = sample_many
    _asked, _kind, _write_all = Asked.of, staticmethod(kind_of), write_all
