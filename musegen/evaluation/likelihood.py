"""The likelihood of melodies under a model that has not seen them.

An event's cost is -log p, in nats, of its pitch id and of its duration id, given all events before
it in its piece and none after. Every event is charged: notes, rests, ties, and the end; the start
is given. What an opening holds (meter, pickup, tempo) is given too and costs nothing, and so is
where in the meter an event falls, which follows from the durations before it. Every id
has a probability, and those of a model sum to 1 over all ids.

Published figures are often of something else:

* Per *event* is not per *frame*: a chorale in sixteenths repeats each pitch until it changes, and
  most frames cost next to nothing. `VoicesNGram` measures such frames, and no figure here is one.
* A likelihood *given chords*, where the chords were computed from the piece itself, has been told
  part of the answer. Here a model is told what came before, and nothing else.
* Repeated notes are easy, and corpora differ in how many they have. The costs of those notes alone
  whose pitch moves stand beside those of all events.
* A mean over all events lets long pieces weigh more than short ones. The mean over pieces of each
  piece's mean stands beside it. A mean over batches would be neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from musegen._checks import counted, shown
from musegen.corpus.corpus import Piece
from musegen.encoding.melody import FIRST_PITCH, Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.evaluation.ngram_models import encoded


class Model(Protocol):
    """What has a likelihood: a model of melodies, such as `AttentionLSTM`, or a `MelodyNGram`."""

    abilities: tuple[str, ...]
    encoding: PitchDurationEncoding

    def costs(self, melodies: Sequence[Melody], /) -> list[NDArray[np.float64]]:
        """Returns `(events, 2)` of each melody: nats of pitch and duration after the start."""


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """Mean costs of events, in nats.

    Attributes:
        pitch: Nats per event, for its pitch id.
        duration: Nats per event, for its duration id.
        events: How many events were charged.
        pieces: How many pieces they are in.
        piece_mean: Nats per event, pitch and duration together, as the mean over pieces of each
            piece's mean: a short piece weighs as much as a long one. Pieces without an event are
            left out.
        standard_error: Of `total`, the pieces being what was drawn by chance; nan for one piece.
        moves: How many of the events are notes whose pitch differs from the note before.
        moving_pitch: Nats of such an event, for its pitch id; nan if there is none.
        moving_duration: Nats of such an event, for its duration id; nan if there is none.
    """

    pitch: float
    duration: float
    events: int
    pieces: int
    piece_mean: float
    standard_error: float
    moves: int
    moving_pitch: float
    moving_duration: float

    @property
    def total(self) -> float:
        """Nats per event, pitch and duration together."""
        return self.pitch + self.duration

    @property
    def moving_total(self) -> float:
        """Nats of a note whose pitch differs from the note before; nan if there is none."""
        return self.moving_pitch + self.moving_duration

    def __str__(self) -> str:
        return (
            f"{self.total:.3f} nats per event (pitch {self.pitch:.3f}, duration "
            f"{self.duration:.3f}) over {counted(self.events, 'event')} of "
            f"{counted(self.pieces, 'piece')}"
        )


def likelihood(model: Model, pieces: Sequence[Melody | Piece]) -> Likelihood:
    """Measures how likely a model finds the given pieces, each from its beginning to its end.

    Args:
        model: A model of melodies, such as `AttentionLSTM`, or a `MelodyNGram`.
        pieces: `Melody` records, or pieces of a corpus, such as `corpus.test`, at least one.

    Raises:
        ValueError: If an argument is something else, or there is no event to charge.
    """
    _check_model(model)
    melodies = encoded("pieces", pieces, model.encoding)
    by_piece = [costs for costs in event_costs(model, melodies) if len(costs)]
    if not by_piece:
        raise ValueError("pieces: there is no event after a start. Give music to measure.")
    costs = np.concatenate(by_piece)
    pitch, duration = costs.mean(axis=0)
    moving = costs[np.concatenate([_moves(melody) for melody in melodies])]
    sums, lengths = np.array([(piece.sum(), len(piece)) for piece in by_piece]).T
    count = len(lengths)
    # The linearized error of a ratio of two sums over pieces (Cochran 1977, "Sampling techniques",
    # section 6.4).
    errors = sums - (pitch + duration) * lengths
    variance = (errors**2).sum() * count / (count - 1) if count > 1 else np.nan
    moving_pitch, moving_duration = moving.mean(axis=0) if len(moving) else (np.nan, np.nan)
    return Likelihood(
        pitch=float(pitch),
        duration=float(duration),
        events=len(costs),
        pieces=len(melodies),
        piece_mean=float((sums / lengths).mean()),
        standard_error=float(np.sqrt(variance) / len(costs)),
        moves=len(moving),
        moving_pitch=float(moving_pitch),
        moving_duration=float(moving_duration),
    )


def event_costs(model: Model, pieces: Sequence[Melody | Piece]) -> list[NDArray[np.float64]]:
    """Measures how unlikely a model finds each event, given those before it in its piece.

    Args:
        model, pieces: As of `likelihood`.

    Returns:
        For each piece `(events, 2)`: nats of the pitch id and of the duration id of each event
        after the start. Row i is of the event `melody.pitches[i + 1]`.

    Raises:
        ValueError: If an argument is something else, or there is no piece.
    """
    _check_model(model)
    return model.costs(encoded("pieces", pieces, model.encoding))


def _check_model(model: Model) -> None:
    if "likelihood" not in getattr(model, "abilities", ()):
        what = "a model of melodies, such as AttentionLSTM, or a MelodyNGram"
        raise ValueError(f"model={shown(model)}: give {what}.")


def _moves(melody: Melody) -> NDArray[np.bool_]:
    """Marks the events after the start that are notes of another pitch than the note before."""
    moves = np.zeros(len(melody), bool)
    notes = np.flatnonzero(melody.pitches >= FIRST_PITCH)
    moves[notes[1:]] = np.diff(melody.pitches[notes]) != 0
    return moves[1:]
