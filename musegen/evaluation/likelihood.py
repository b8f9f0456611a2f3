"""The likelihood that a melody model gives to pieces it has not seen.

An event's cost is -log p, in nats, of its pitch id and of its duration id, given all events before
it in its piece. Every event is charged: notes, rests, ties, and the end; the start is given. What
an opening holds (meter, pickup, tempo) is given too and costs nothing. The mean is over the events
of all pieces, so that a long piece weighs more than a short one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen.encoding.pitch_duration import Melody

if TYPE_CHECKING:
    from musegen.models.melody_model import MelodyModel


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """Mean cost of an event.

    Attributes:
        pitch: Nats an event, for its pitch id.
        duration: Nats an event, for its duration id.
        events: How many events were charged.
        pieces: How many pieces they are in.
    """

    pitch: float
    duration: float
    events: int
    pieces: int

    @property
    def total(self) -> float:
        """Nats an event, pitch and duration together."""
        return self.pitch + self.duration

    def __str__(self) -> str:
        return (
            f"{self.total:.3f} nats an event (pitch {self.pitch:.3f}, duration "
            f"{self.duration:.3f}) over {self.events:,} events of {self.pieces} pieces"
        )


def likelihood(model: MelodyModel, pieces: Sequence[Any]) -> Likelihood:
    """Measures how likely a model finds the given pieces, each from its beginning to its end.

    Args:
        model: The model.
        pieces: `Melody` records, or pieces of a corpus, at least one.

    Returns:
        Mean nats an event.

    Raises:
        ValueError: If there is no piece.
    """
    from musegen.corpus.windows import MelodyWindows

    melodies = [
        piece if isinstance(piece, Melody) else model.encoding.encode(piece.score)
        for piece in pieces
    ]
    if not melodies:
        raise ValueError("pieces is empty: give at least one piece to measure.")
    longest = max(len(melody) for melody in melodies)
    sums = np.zeros(2)
    events = 0.0
    windows = MelodyWindows(melodies, model.encoding, 16, longest)
    for batch in range(windows.num_batches):
        inputs, targets, weights = windows[batch]
        logits = model.predict_on_batch(inputs)
        events += weights.sum()
        for index, name in enumerate(("pitch", "duration")):
            scores = logits[name].astype(np.float64)
            scores -= scores.max(axis=-1, keepdims=True)
            chosen = np.take_along_axis(scores, targets[name][..., None], axis=-1)[..., 0]
            costs = np.log(np.exp(scores).sum(axis=-1)) - chosen
            sums[index] += (costs * weights).sum()
    pitch, duration = sums / events
    return Likelihood(float(pitch), float(duration), int(events), len(melodies))
