"""What an n-gram makes of music: melodies by pitch and duration, and voices step by step.

They are the floor that a neural model must beat, on the same events and told the same things.

Pitches are symbols relative to the last pitch of their line, and so are the pitches in contexts:
music in all keys is counted as one, as if the training pieces were transposed to all keys. Where
a line has no pitch yet, middle C stands in. A *degree* is a pitch class relative to a key that is
guessed from what the piece has had so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Whole, checked_items, checked_kind
from musegen.corpus.corpus import Piece
from musegen.encoding.history import (
    MAJOR,
    MIDDLE_C,
    NO_PITCH,
    center,
    degree,
    features,
    histories,
    symbols,
)
from musegen.encoding.melody import FIRST_PITCH, Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding
from musegen.evaluation.lines import Lines, checked_pieces
from musegen.evaluation.ngram import Features, NGram
from musegen.settings import declared

# From general to specific; the classes say what the words mean. Chosen on the validation pieces of
# the chorales and of the fiddle tunes.
PITCH_CONTEXTS = (
    "kind",
    "kind degree",
    "degree back1",
    "kind degree place bar",
    "degree back1 place length1",
    "degree back1 back2 place length1",
    "degree back1 back2 back3 place length1",
    "back1 back2 back3 back4 length1 length2 length3",
    "piece note place",
    "piece note back1 place length1",
    "piece note back1 back2 back3 place length1 length2",
)
DURATION_CONTEXTS = (
    "new_kind",
    "new_kind place length1",
    "new_kind place length1 bar",
    "new_degree place",
    "new place length1 length2",
    "new back1 place length1 length2",
    "piece place",
    "piece new place length1 length2",
    "piece new note place",
    "piece new note back1 back2 length1 length2",
)
VOICE_CONTEXTS = (
    "voice beat",
    "voice beat held",
    "voice beat held degree chord",
    "voice beat now before",
    "voice beat held degree back1 length1",
    "voice beat back1 now before all_held",
    "piece voice beat back1 before",
)

_KEYS = np.stack([np.roll(MAJOR, tonic) for tonic in range(12)], axis=1)


class MelodyNGram:
    """An n-gram of melodies: p(pitch id | events before) p(duration id | events before, pitch id).

    What it may know is what a `MelodyModel` is told: the events before, and where in the meter the
    event falls. The words in its contexts:

    * `kind`: whether the event before is the start, a rest, a tie or a note; `note`: the last
      pitch before; `degree`: its degree; `back1` to `back4`: how far the notes before that one lie
      from it, the latest first.
    * `length1` to `length3`: the duration ids of the events before, the latest first.
    * `place`: position in the bar, and meter; `bar`: the bar's number.
    * `new`: how far the event's pitch lies from `note`, or that it is none; `new_kind`,
      `new_degree`: its kind and degree.

    Args:
        encoding: The encoding of the melodies.
    """

    abilities: tuple[str, ...] = ("likelihood",)

    def __init__(self, encoding: PitchDurationEncoding) -> None:
        self.encoding = checked_kind(
            "encoding", encoding, PitchDurationEncoding, "a PitchDurationEncoding"
        )
        self._pitch = NGram(PITCH_CONTEXTS, encoding.pitch_ids)
        self._duration = NGram(DURATION_CONTEXTS, encoding.duration_ids)

    def fit(
        self, train: Sequence[Melody | Piece], validation: Sequence[Melody | Piece]
    ) -> MelodyNGram:
        """Counts training melodies, weighs contexts by validation melodies, and returns itself.

        Args:
            train: `Melody` records or pieces of a corpus to count, at least one.
            validation: Others to weigh the contexts by, at least one.

        Raises:
            ValueError: If there is no event in either.
        """
        known, pitches, durations = self._rows(encoded("train", train, self.encoding))
        others, other_pitches, other_durations = self._rows(
            encoded("validation", validation, self.encoding)
        )
        self._pitch.fit(known, pitches, others, other_pitches)
        self._duration.fit(known, durations, others, other_durations)
        return self

    def costs(self, pieces: Sequence[Melody | Piece]) -> list[NDArray[np.float64]]:
        """Measures how unlikely each event is, given those before it in its piece.

        Args:
            pieces: `Melody` records or pieces of a corpus, at least one.

        Returns:
            For each piece `(events, 2)`: nats of the pitch id and of the duration id of each event
            after the start, the end among them.

        Raises:
            ValueError: If there is no piece, or nothing has been counted.
        """
        melodies = encoded("pieces", pieces, self.encoding)
        features, pitches, durations = self._rows(melodies)
        costs = np.stack(
            [self._pitch.costs(features, pitches), self._duration.costs(features, durations)],
            axis=1,
        )
        return np.split(costs, np.cumsum([len(melody.pitches[1:]) for melody in melodies])[:-1])

    def _rows(self, melodies: Sequence[Melody]) -> tuple[Features, NDArray, NDArray]:
        """Features, pitch symbols and duration ids of all events but the starts."""
        durations = np.concatenate([melody.durations[1:] for melody in melodies])
        return *_joined([self._features(melody) for melody in melodies]), durations

    def _features(self, melody: Melody) -> Features:
        """Features and symbols of all events but the start."""
        steps = self.encoding.steps[melody.durations]
        known = histories(melody.pitches, melody.durations, steps)
        known = {name: values[:-1] for name, values in known.items()}
        new, found = melody.pitches[1:].astype(np.int64), features(known, np)
        is_note, move = new >= FIRST_PITCH, new - FIRST_PITCH - center(known, np)
        places = self.encoding.features(melody)
        return {
            **found,
            "place": (places["position"].astype(np.int64) * 64 + places["meter"])[1:],
            "bar": places["bar"][1:],
            "new": np.where(is_note, move, NO_PITCH + new),
            "new_kind": np.minimum(new, FIRST_PITCH),
            "new_degree": np.where(is_note, (degree(known, np) + move) % 12, -new),
            "symbol": symbols(known, new, np),
        }


@declared
class VoicesNGram:
    """An n-gram of voices: p(pitch | the steps before, and at this step the voices before it).

    Every voice is charged at every step, the first among them. The words in its contexts, all
    pitches being relative to the voice's own at the step before:

    * `voice`: which one; `beat`: the step's place in its beat.
    * `held`: for how many steps the voice has had its pitch, 4 at most; `all_held`: likewise of all
      voices; `length1`: how many steps it had the pitch before that one, 8 at most; `back1`: that
      pitch; `degree`: the degree of the pitch that it has.
    * `now`: the pitches of the voices before it at this step; `chord`: the set of their pitch
      classes; `before`: pitch classes of all voices at the step before.
    """

    def __init__(
        self,
        steps_per_beat: Annotated[
            int, Whole(1, 10**6), "Steps to a beat; a piece begins on a beat"
        ] = 4,
    ) -> None:
        self.steps_per_beat = steps_per_beat
        self._ngram = NGram(VOICE_CONTEXTS, symbols=129)

    def fit(self, train: Lines, validation: Lines) -> VoicesNGram:
        """Counts training pieces, weighs contexts by validation pieces, and returns itself.

        Args:
            train: Pieces to count, at least one, each `(steps, voices)` of MIDI pitches, -1 for a
                rest.
            validation: Other such pieces to weigh the contexts by, at least one.

        Raises:
            ValueError: If they are not such pieces, differ in voices, or have no step.
        """
        self._ngram.fit(*self._rows("train", train), *self._rows("validation", validation))
        return self

    def costs(self, pieces: Lines) -> list[NDArray[np.float64]]:
        """Measures how unlikely each voice is at each step.

        Args:
            pieces: The pieces, as in `fit`.

        Returns:
            For each piece `(steps, voices)`, in nats.

        Raises:
            ValueError: If they are not such pieces, or nothing has been counted.
        """
        costs = self._ngram.costs(*self._rows("pieces", pieces))
        ends = np.cumsum([np.size(piece) for piece in pieces])[:-1]
        return [part.reshape(np.shape(piece)) for part, piece in zip(np.split(costs, ends), pieces)]

    def _rows(self, name: str, pieces: Lines) -> tuple[Features, NDArray]:
        """Features and symbols of all voices at all steps, step by step."""
        return _joined([self._features(piece) for piece in checked_pieces(name, pieces)])

    def _features(self, piece: NDArray[np.int64]) -> Features:
        """Features and symbols of one piece, `(steps, voices)` each."""
        steps, voices = piece.shape
        shape = (steps, voices)
        # Step 0 of `past` is before the piece: silence that began there.
        past = np.concatenate([np.full((1, voices), -1), piece])[:-1]
        step = np.arange(steps)[:, None]
        begins = np.diff(past, axis=0, prepend=NO_PITCH) != 0
        start = np.maximum.accumulate(np.where(begins, step, 0), axis=0)
        start_before = np.take_along_axis(start, np.maximum(start - 1, 0), axis=0)
        back = np.take_along_axis(past, np.maximum(start - 1, 0), axis=0)
        center = np.where(past >= 0, past, MIDDLE_C)
        held = np.minimum(step - start + 1, 4)
        sounded = (past[:, :, None] % 12 == np.arange(12)) & (past >= 0)[:, :, None]
        key = _key(np.cumsum(sounded.sum(axis=1), axis=0))[:, None]
        # (steps, voice, other voice): how far the others lie from the voice's pitch.
        apart = piece[:, None] - center[:, :, None]
        written = np.tri(voices, k=-1, dtype=bool)  # whether the other voice comes before
        sounds = (piece >= 0)[:, None]
        now = np.where(written, np.where(sounds, apart, NO_PITCH), 0)
        chord = np.where(written & sounds, 1 << apart % 12, 0)
        before = np.where((past >= 0)[:, None], (past[:, None] - center[:, :, None]) % 12, 12)
        all_held = held @ (5 ** np.arange(voices))
        return {
            "voice": np.broadcast_to(np.arange(voices), shape),
            "beat": np.broadcast_to(step % self.steps_per_beat, shape),
            "held": held,
            "all_held": np.broadcast_to(all_held[:, None], shape),
            "length1": np.minimum(start - start_before, 8),
            "back1": np.where(back >= 0, back - center, NO_PITCH),
            "degree": np.where(past >= 0, (past - key) % 12, -1),
            "now": now @ 2003 ** np.arange(voices),
            "chord": np.bitwise_or.reduce(chord, axis=2),
            "before": before @ 13 ** np.arange(voices),
            # One to one with the pitches and the rest, whatever the center is.
            "symbol": np.where(piece >= 0, (piece - center) % 128 + 1, 0),
        }


def _joined(pieces: list[Features]) -> tuple[Features, NDArray]:
    """Joins the features of some pieces, and takes the symbols out of them."""
    rows = {name: np.concatenate([piece[name].ravel() for piece in pieces]) for name in pieces[0]}
    rows["piece"] = np.repeat(np.arange(len(pieces)), [piece["symbol"].size for piece in pieces])
    return rows, rows.pop("symbol")


def _key(sounded: NDArray) -> NDArray[np.int64]:
    """The major key, 0 to 11, that the pitch classes `(rows, 12)` speak most for."""
    return np.argmax(sounded @ _KEYS, axis=1)


def encoded(
    name: str, pieces: Sequence[Melody | Piece], encoding: PitchDurationEncoding
) -> list[Melody]:
    """Returns pieces, which may be those of a corpus, as `Melody` records, or raises ValueError."""
    what = "a list of Melody records or of pieces of a corpus"
    return [
        piece if isinstance(piece, Melody) else encoding.encode(piece.score)
        for piece in checked_items(name, pieces, (Melody, Piece), what)
    ]
