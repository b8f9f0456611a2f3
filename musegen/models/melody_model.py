"""What every model of pitch and duration ids shares: its encoding, its loss, `fit` and `sample`.

A subclass is a functional Keras model from a dict of ids to a dict of logits for the next event,
with `initial_state`, `step` and an `attend` layer for sampling. See `AttentionLSTM`.

An *opening* is how a piece begins before anything is written: `(numerator, denominator, pickup in
steps, tempo in microseconds per quarter note, how many training pieces begin so)`. Meter, pickup
and tempo are conditions of the model and no part of its likelihood; where the user gives none,
sampling draws one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen._checks import checked_config, checked_items, checked_name, checked_rows
from musegen.encoding.pitch_duration import Melody, PitchDurationEncoding
from musegen.training.melody_windows import MelodyWindows

if TYPE_CHECKING:
    from musegen.composition import MelodyComposition

PIECES_AT_ONCE = 16
"""Pieces that are measured in a batch."""

OPENING_COLUMNS = {
    "numerator": (1, 255),
    "denominator": (1, 2**30),
    "pickup in steps": (0, 2**20),
    "microseconds per quarter note": (1, 2**24 - 1),
    "count": (1, 2**31 - 1),
}


class MelodyModel(keras.Model):
    """A model that gives the next pitch id and the next duration id of a melody."""

    family = "melody"
    writes = "melodies"
    abilities = ("likelihood",)

    def __init__(
        self,
        encoding: PitchDurationEncoding,
        openings: Iterable[Sequence[int]],
        inputs: Any,
        outputs: Any,
        name: str,
    ) -> None:
        super().__init__(inputs, outputs, name=checked_name(name))
        self.encoding = encoding
        self.openings = checked_rows("openings", openings, OPENING_COLUMNS, least=0)
        self.training_record: dict[str, Any] = {}
        self.sampling_loops: dict[Any, Any] = {}  # compiled once for each shape
        self.pitch_metric = keras.metrics.Mean(name="pitch_nats")
        self.duration_metric = keras.metrics.Mean(name="duration_nats")
        self.nats_metric = keras.metrics.Mean(name="nats")

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "encoding": self.encoding.get_config(),
            "openings": [list(opening) for opening in self.openings],
        }

    @property
    def saved_weights(self) -> dict[str, keras.Variable]:
        """What a checkpoint holds, by name: all weights."""
        return {variable.path: variable for variable in self.weights}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MelodyModel:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As Keras has it; there are none.

        Raises:
            ValueError: If it is no such config.
        """
        encoding = PitchDurationEncoding.from_config(
            checked_config(config, ("encoding", "openings", "name"))["encoding"]
        )
        return cls(**{**config, "encoding": encoding})

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Nats per event, pitch and duration together; events of weight 0 are padding."""
        pitch = ops.sparse_categorical_crossentropy(y["pitch"], y_pred["pitch"], from_logits=True)
        duration = ops.sparse_categorical_crossentropy(
            y["duration"], y_pred["duration"], from_logits=True
        )
        # Flat: Keras would average each row first, and so weigh events by their row's padding.
        weights = ops.reshape(sample_weight, (-1,))
        for metric, costs in (
            (self.pitch_metric, pitch),
            (self.duration_metric, duration),
            (self.nats_metric, pitch + duration),
        ):
            metric.update_state(ops.reshape(costs, (-1,)), sample_weight=weights)
        return ops.sum(sample_weight * (pitch + duration)) / ops.sum(sample_weight)

    def fit(self, corpus: Any, **options: Any) -> keras.callbacks.History:
        """Trains on the train split of a corpus, watching the validation split.

        Args:
            corpus: A `Corpus`, or a pair of sequences of `Melody`, to train and to validate on.
            **options: See `musegen.training.fit`.

        Returns:
            Keras's history; the weights are those of the best epoch.
        """
        from musegen.training.melody import fit

        return fit(self, corpus, **options)

    def fit_windows(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Keras's own `fit`, on batches of windows."""
        return super().fit(*args, **kwargs)

    def sample(self, **options: Any) -> MelodyComposition | list[MelodyComposition]:
        """Writes new music; see `musegen.sampling.sample` for the arguments."""
        from musegen.sampling import sample

        return sample(self, **options)

    def costs(self, melodies: Sequence[Melody]) -> list[NDArray[np.float64]]:
        """Measures what it costs to predict each event of some melodies, the past being known.

        Args:
            melodies: The pieces, in ids of this model's encoding.

        Returns:
            For each piece `(events - 1, 2)`, nats of pitch and duration: the start costs nothing.
        """
        costs = [np.zeros((0, 2))] * len(melodies)
        # By length, so that a batch is little padding; windows keep the order of pieces so sorted.
        order = [
            i for i in np.argsort([len(m) for m in melodies], kind="stable") if len(melodies[i]) > 1
        ]
        for start in range(0, len(order), PIECES_AT_ONCE):
            chosen = order[start : start + PIECES_AT_ONCE]
            batch = [melodies[i] for i in chosen]
            windows = MelodyWindows(batch, self.encoding, PIECES_AT_ONCE, length=len(batch[-1]))
            inputs, targets, _ = windows[0]
            logits = self.predict_on_batch(inputs)
            both = np.stack([_costs(logits[n], targets[n]) for n in ("pitch", "duration")], axis=-1)
            for index, row in zip(chosen, both):
                costs[index] = row[: len(melodies[index]) - 1]
        return costs

    def count_openings(self, melodies: Iterable[Melody]) -> None:
        """Takes over how some pieces begin.

        Args:
            melodies: The pieces, `Melody` records, at least one.

        Raises:
            ValueError: If they are none.
        """
        melodies = checked_items("melodies", melodies, Melody, "a list of Melody records")
        counts = Counter(
            (*melody.meters[0][1:], melody.pickup, melody.tempos[0][1]) for melody in melodies
        )
        self.openings = tuple((*opening, count) for opening, count in counts.most_common(64))


def _costs(logits: NDArray, targets: NDArray) -> NDArray[np.float64]:
    """-log p of the targets `(batch, time)` by logits `(batch, time, ids)`."""
    scores = logits.astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(scores, targets[..., None], axis=-1)[..., 0]
    return np.log(np.exp(scores).sum(axis=-1)) - chosen
