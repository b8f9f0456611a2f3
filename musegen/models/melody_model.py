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
from keras import ops

from musegen._checks import checked_config, checked_items, checked_name, checked_rows
from musegen.encoding.pitch_duration import Melody, PitchDurationEncoding

if TYPE_CHECKING:
    from musegen.composition import MelodyComposition


OPENING_COLUMNS = {
    "numerator": (1, 255),
    "denominator": (1, 2**30),
    "pickup in steps": (0, 2**20),
    "microseconds per quarter note": (1, 2**24 - 1),
    "count": (1, 2**31 - 1),
}


class MelodyModel(keras.Model):
    """A model that gives the next pitch id and the next duration id of a melody."""

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
    def saved_weights(self) -> list[keras.Variable]:
        """What a checkpoint holds: all weights."""
        return self.weights

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
        from musegen.training import fit

        return fit(self, corpus, **options)

    def fit_windows(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Keras's own `fit`, on batches of windows."""
        return super().fit(*args, **kwargs)

    def sample(self, **options: Any) -> MelodyComposition | list[MelodyComposition]:
        """Writes new music; see `musegen.sampling.sample` for the arguments."""
        from musegen.sampling import sample

        return sample(self, **options)

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
