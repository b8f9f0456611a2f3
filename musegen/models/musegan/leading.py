"""Voice leading: which pitch a voice takes, judged by what each candidate would be.

    scores of pitches and beginnings       ->  pitches of all voices, step after step
    (of each voice by itself)

A new note's candidates have the scores that the generator draws, and added to them what it would be
to take them, which stands in three tables that are learned:

    leap     the interval from the voice's last note
    chord    the interval to what each other voice sounds, on average while the note lasts
    motion   where both voices move: the interval class between them before, and the one after

So a parallel fifth between two voices is one number, whatever the pitches; and it is for each voice
and other voice that numbers are learned, so that the bass may leap where the alto does not.

A voice is told of the others by a *draft*. Drafts of all voices are decided from shared noise
alone, the outer ones first, each told those before it, and gone over until they fit each other;
then each voice is decided anew with its own noise, told the drafts of all others. What another
noise of one voice changes is thereby that voice.

What the tables judge is what `VoiceModel` judges of its candidates; there networks tell how much
each counts, and voices are drawn by likelihood.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.models.musegan.cells import from_the_first, step_before
from musegen.models.musegan.given import forced

TABLE_SCALE = 10.0
"""How much faster than other weights tables learn: a number has at most one example a note."""

SWEEPS = 2
"""How often drafts are gone over."""

SURE = 2.0
"""How much a voice that is given counts in chords when music is written; a draft, which may yet
change, counts once, and so do all voices of what a critic sees."""


def in_order(voices: int) -> list[int]:
    """The order in which drafts are decided: the lowest voice, the highest, and so inwards."""
    return [voices - 1 - place // 2 if place % 2 == 0 else place // 2 for place in range(voices)]


@keras.saving.register_keras_serializable("musegen")
class Leading(keras.layers.Layer):
    """Decides the pitches of voices with one note at a time, and scores them.

    Args:
        pitches: How many there are.
        voices: Tracks.
    """

    def __init__(self, pitches: int, voices: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pitches, self.voices = pitches, voices
        rows = np.arange(pitches)
        self._intervals = rows[None] - rows[:, None] + pitches - 1  # [from, to]
        self._classes = np.equal(rows[:, None] % 12, np.arange(12)).astype("float32")
        twelve = np.arange(12)
        sums = (twelve[:, None] + twelve[None]) % 12
        differences = (twelve[:, None] - twelve[None]) % 12
        self._sums = np.equal(sums.reshape(144, 1), twelve).astype("float32")
        self._differences = np.equal(differences.reshape(144, 1), twelve).astype("float32")

    def build(self, drafts_shape: Any, own_shape: Any, given_shape: Any) -> None:
        intervals, voices = 2 * self.pitches - 1, self.voices

        def table(name: str, *shape: int) -> keras.Variable:
            return self.add_weight(name=name, shape=shape, initializer="zeros")

        self.leap = table("leap", voices, intervals)
        self.chord = table("chord", voices, voices, intervals)
        self.motion = table("motion", voices, voices, 12, 12)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pitches": self.pitches, "voices": self.voices}

    def compute_output_shape(self, drafts_shape: Any, own_shape: Any, given_shape: Any) -> Any:
        return own_shape

    def call(self, drafts: Any, own: Any, given: Any, training: bool = False) -> Any:
        """Decides, and scores what was decided.

        Args:
            drafts: What the shared noise says, `(batch, bars, steps, pitches + 2, voices)`: scores
                of pitches, of silence, and whether a note begins, which it does above 0.
            own: What each voice makes of its draft, of the same shape.
            given: What is given, as `given_cells` returns it; it takes the place of both.
            training: Whether this is for a critic to see.

        Returns:
            `own`, with the scores of the tables added, each voice being told the others' drafts.
        """
        drafts, own = forced(drafts, given), forced(own, given)
        counts = None if training else 1 + (SURE - 1) * ops.max(given, axis=(1, 2, 3))
        draft = self.draft(drafts, counts)
        return self.scored(own, self.decide(own, draft, counts), draft, _begins(own), counts)

    def draft(self, logits: Any, counts: Any = None) -> Any:
        """Decides drafts: each voice told those before it, and then, a few times, all others.

        So at last each fits what the others sound, and a voice without a noise of its own would
        stay with its draft. No gradient passes.

        Args:
            logits: As in `call`.
            counts: How much the chord with each voice counts, `(batch, voices)`; 1 if None.

        Returns:
            What sounds, `(batch, steps, pitches, voices)` of 0 and 1.
        """
        sounds = self._decided(logits, None, in_order(self.voices), counts)
        for _ in range(SWEEPS):
            for voice in in_order(self.voices):
                sounds = self._decided(logits, sounds, [voice], counts)
        return sounds

    def decide(self, logits: Any, others: Any, counts: Any = None) -> Any:
        """Decides each voice, told what the others are taken to sound; no gradient passes.

        Args:
            logits: As in `call`.
            others: What `draft` returns.
            counts: As in `draft`.

        Returns:
            What sounds, of the same shape.
        """
        return self._decided(logits, others, in_order(self.voices), counts)

    def _decided(self, logits: Any, others: Any, voices: list[int], counts: Any) -> Any:
        """Decides voices step after step; the others are as given.

        Each is told the others as given or, where `others` is None, those that were decided before
        it.
        """
        line = ops.stop_gradient(_line(logits))  # (batch, steps, pitches + 2, voices)
        tables = [ops.stop_gradient(table) for table in self._tables()]
        begins = ops.stop_gradient(_begins(logits))
        inputs = [line[:, :, :-1], begins[:, :, None]]
        if others is not None:
            inputs += [step_before(others), others]
        inputs = [ops.transpose(x, (1, 0, 3, 2)) for x in inputs]  # (steps, batch, voices, rows)
        if others is not None:
            heard = [self._heard(others, begins[:, :, voice], counts) for voice in voices]
            inputs.append(ops.transpose(ops.stack(heard), (2, 1, 0, 3)))

        def step(sounding: Any, at_step: Any) -> tuple[Any, Any]:
            scores, begins, *told = at_step
            now = [sounding[:, place] for place in range(len(voices))]
            for place, voice in enumerate(voices):
                if told:
                    before, there, heard = told[0], told[1], told[2][:, place]
                else:
                    before, there = self._known(voices, sounding, now, place)
                    heard = ops.reshape(there, (-1, self.voices * self.pitches))
                added = self._judged(tables, voice, sounding[:, place], before, there, heard)
                best = ops.argmax(scores[:, voice] + _with_silence(added), axis=-1)
                taken = ops.one_hot(best, self.pitches + 1)[:, : self.pitches]
                now[place] = ops.where(begins[:, voice] > 0, taken, now[place])
            sounding = ops.stack(now, axis=1)
            return sounding, sounding

        first = ops.zeros_like(inputs[0][0][:, : len(voices), :-1])
        _, sounds = ops.scan(step, first, tuple(inputs))
        columns = dict(zip(voices, ops.unstack(sounds, len(voices), axis=2), strict=True))
        found = [
            ops.transpose(columns[voice], (1, 0, 2)) if voice in columns else others[..., voice]
            for voice in range(self.voices)
        ]
        return ops.stop_gradient(ops.stack(found, axis=-1))

    def _known(self, voices: list[int], sounding: Any, now: list[Any], count: int) -> Any:
        """All voices a step before, and now the first few, `(batch, voices, pitches)` each."""
        places = [voices.index(voice) for voice in range(self.voices)]
        before = ops.stack([sounding[:, place] for place in places], axis=1)
        there = [now[place] if place < count else ops.zeros_like(now[place]) for place in places]
        return before, ops.stack(there, axis=1)

    def _heard(self, others: Any, begins: Any, counts: Any) -> Any:
        """What all voices sound on average from each step until a voice begins another note.

        From `(batch, steps, pitches, voices)` and `(batch, steps)` to `(batch, steps, voices *
        pitches)`; each voice as often as it `counts`.
        """
        if counts is not None:
            others = others * counts[:, None, None]
        steps = begins.shape[1]
        note = ops.cumsum(begins, axis=1)
        lasts = ops.cast(ops.equal(note[:, :, None], note[:, None]), "float32")
        lasts = lasts * np.triu(np.ones((steps, steps), "float32"))
        lasts = lasts / ops.sum(lasts, axis=-1, keepdims=True)
        flat = ops.reshape(
            ops.transpose(others, (0, 1, 3, 2)), (-1, steps, self.voices * self.pitches)
        )
        return ops.matmul(lasts, flat)

    def scored(
        self,
        logits: Any,
        sounds: Any,
        others: Any = None,
        begins: Any = None,
        counts: Any = None,
    ) -> Any:
        """Adds the tables' scores at decisions that are known.

        Args:
            logits: As in `call`.
            sounds: What was decided, `(batch, steps, pitches, voices)`.
            others: As in `decide`; None to tell a voice those that are decided before it.
            begins: Where its notes begin, `(batch, steps, voices)` of 0 and 1; with `others` alone.
            counts: As in `draft`; with `others` alone.

        Returns:
            The logits, with what the tables say of every pitch.
        """
        tables = self._tables()
        before, now = self._pairs(sounds)
        told = None if others is None else self._pairs(others)
        added, known = [ops.zeros_like(now[:, 0])] * self.voices, np.zeros((self.voices, 1))
        for voice in in_order(self.voices):
            there = told or (before, now * known)
            heard = there[1] if told is None else self._heard(others, begins[:, :, voice], counts)
            heard = ops.reshape(heard, (-1, self.voices * self.pitches))
            known = known + np.eye(self.voices)[:, [voice]]
            added[voice] = self._judged(tables, voice, before[:, voice], *there, heard)
        scores = ops.pad(ops.stack(added, axis=-1), ((0, 0), (0, 2), (0, 0)))
        return logits + ops.reshape(scores, ops.shape(logits))

    def _pairs(self, sounds: Any) -> tuple[Any, Any]:
        """What sounds at the step before, and at each, `(batch * steps, voices, pitches)`."""
        turned = [ops.transpose(x, (0, 1, 3, 2)) for x in (step_before(sounds), sounds)]
        before, now = (ops.reshape(x, (-1, self.voices, self.pitches)) for x in turned)
        return before, now

    def _tables(self) -> list[Any]:
        """The tables as matrices from a pitch to a pitch, and of the motions."""
        leap, chord, motion = (TABLE_SCALE * x for x in (self.leap, self.chord, self.motion))
        apart = 1 - np.eye(self.voices, dtype="float32")  # a voice is no other to itself
        chord = chord * apart[..., None]
        motion = motion * apart[..., None, None]
        return [ops.take(leap, self._intervals, 1), ops.take(chord, self._intervals, 2), motion]

    def _judged(self, tables: Any, voice: int, last: Any, before: Any, now: Any, heard: Any) -> Any:
        """What the tables say of each pitch of a voice, `(batch, pitches)`.

        `last` is its last note `(batch, pitches)`, `before` and `now` are all voices `(batch,
        voices, pitches)`, and `heard` is what they sound while the note lasts, `(batch, voices *
        pitches)`; of those that are not known, the latter two are 0.
        """
        leap, chord, motion = (table[voice] for table in tables)
        scores = ops.matmul(last, leap)
        scores += ops.matmul(heard, ops.reshape(chord, (-1, self.pitches)))
        # From the interval class before to that after, and from there to the pitch class.
        own = ops.matmul(last, self._classes)[:, None]
        interval = _combined(own, ops.matmul(before, self._classes), self._differences)
        after = ops.einsum("nvi,vij->nvj", interval, motion)
        classes = _combined(after, ops.matmul(now, self._classes), self._sums)
        moves = 1 - ops.sum(before * now, axis=-1, keepdims=True)
        classes = ops.sum(classes * moves, axis=1)
        return scores + ops.matmul(classes, self._classes.T) * (1 - last)


def _combined(first: Any, second: Any, table: Any) -> Any:
    """Of two distributions `(batch, voices, 12)` that of a sum or difference, by a table."""
    both = first[..., :, None] * second[..., None, :]
    return ops.matmul(ops.reshape(both, (-1, second.shape[1], 144)), table)


def _with_silence(scores: Any) -> Any:
    return ops.pad(scores, ((0, 0), (0, 1)))


def _line(logits: Any) -> Any:
    """Bars in a row."""
    bars, steps, rows, voices = logits.shape[1:]
    return ops.reshape(logits, (-1, bars * steps, rows, voices))


def _begins(logits: Any) -> Any:
    """Where notes begin, `(batch, steps, voices)` of 0 and 1; a phrase begins with all voices."""
    return from_the_first(ops.cast(_line(logits)[:, :, -1] > 0, "float32"))
