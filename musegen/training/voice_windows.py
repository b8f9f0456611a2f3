"""Batches of pieces for a model of voices, and what is given of them.

A piece of n steps has n + 1 positions: at each it ends or goes on, and at the first n each voice
has a symbol. Pieces are cut into windows of at most `length` positions, so that an epoch predicts
everything once; windows of like length share a batch, and shorter ones are padded.

In training something is given of some of the pieces, drawn anew in each epoch (`draw_given`); that
is not charged, and neither is the end where the length is given. The draws of a piece depend on the
seed, the epoch and the number of the piece alone, so that they are made where its batch is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from musegen.corpus.encoded import ragged_of
from musegen.encoding.given import given as given_of
from musegen.encoding.voices import Voices
from musegen.training.batches import Kept, batches_by_length, cut

LENGTH_STEP = 128
"""Lengths are rounded up to a multiple, because every new length compiles the step once more."""

TARGETS = ("symbol", "end")

KEPT_STEPS = 2**20
"""Steps of which the arrays stay in memory, some 300 bytes each with four voices; those of the
others are computed for each batch, from records that may be on disk."""

CASES = {"length": 0.3, "highest": 0.35, "voices": 0.15, "span": 0.12, "notes": 0.08}
"""How often which kind of thing is given, of pieces of which something is."""


class VoiceWindows(keras.utils.PyDataset):
    """Batches `(inputs, targets)` for a `VoiceModel`.

    Inputs are the arrays of `VoiceModel.arrays`, `(batch, positions, ...)`, but for two of them,
    `"tonic"` and `"anything"`, which are `(batch,)`. Targets are `"symbol"` and `"end"`, and their
    weights `"cells"` `(batch, positions, voices)` and `"ends"` `(batch, positions)`, 0 for padding
    and what is given. They are such that a batch's loss is nats per voice and step, on average.

    Args:
        pieces: The pieces.
        model: The model.
        batch_size: Windows in a batch; the last one is filled up with padding.
        length: Positions of a window at most.
        shuffle: Whether each epoch has an order of its own.
        given: Share of the pieces of which something is given, drawn anew in each epoch.
        told: What is given of each piece in all epochs, instead.
        seed: Seed of the draws, which depend on it and the epoch's number alone.
    """

    def __init__(
        self,
        pieces: Sequence[Voices],
        model: Any,
        batch_size: int = 8,
        length: int = 512,
        shuffle: bool = False,
        given: float = 0.0,
        told: Sequence[Any] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.music, self.model, self.told = pieces, model, told
        self.batch_size, self.shuffle, self.given, self.seed = batch_size, shuffle, given, seed
        steps = np.zeros(len(pieces), np.int64)
        for some, _, _, sizes in ragged_of(pieces, "pitches"):
            steps[some] = sizes
        self.events = int(steps.sum()) * model.encoding.voices
        if not self.events:
            raise ValueError("pieces has no step to predict: give music with notes in it.")
        self._piece, self._start, self._size = cut(steps + 1, length)
        self._lengths = -(-self._size // LENGTH_STEP) * LENGTH_STEP
        self._kept = Kept(KEPT_STEPS)
        self.start_epoch(0)

    @property
    def pieces(self) -> int:
        """How many pieces there are."""
        return len(self.music)

    @property
    def num_batches(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._batch(self._batches[index])

    def in_order(self) -> Iterator[tuple[list[int], dict[str, Any], dict[str, Any]]]:
        """Goes over whole pieces; yields the numbers of the pieces in a batch beside it."""
        for batch in self._batches:
            yield self._piece[batch].tolist(), *self._batch(batch)

    def start_epoch(self, epoch: int) -> None:
        """Draws the order of the given epoch, and, batch by batch, what is given."""
        self.epoch = epoch
        shuffled = np.random.default_rng([self.seed, epoch]) if self.shuffle else None
        self._batches = batches_by_length(self._lengths, self.batch_size, shuffled)

    def arrays(self, number: int) -> dict[str, Any]:
        """Returns the arrays of a piece, `(positions, ...)` each, with what is given of it."""
        arrays = self._kept.get(number)
        random = np.random.default_rng([self.seed, self.epoch, number])
        draws = bool(self.given) and random.random() < self.given
        if arrays is not None and not draws:
            return arrays
        music = self.music[number]
        if arrays is None:
            told = None if self.told is None else self.told[number]
            arrays = self.model.arrays(music, told)
            self._kept.keep(number, arrays, len(music))
        if draws:
            arrays = self._with(arrays, given_of(music, draw_given(music, random)))
        return arrays

    def _batch(self, batch: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shape = self.batch_size, int(self._lengths[batch].max())
        pieces = [self.arrays(number) for number in self._piece[batch].tolist()]
        found = {
            name: np.zeros((*shape, *values.shape[1:]), np.int32)
            for name, values in pieces[0].items()
        }
        found["next"][..., 0] = -1
        weight = np.zeros(shape, np.float32)
        for row, (i, arrays) in enumerate(zip(batch, pieces, strict=True)):
            start, size = int(self._start[i]), int(self._size[i])
            for name, values in arrays.items():
                found[name][row, :size] = values[start : start + size]
            weight[row, :size] = 1
        tonic, anything = (found.pop(name)[:, 0] for name in ("tonic", "anything"))
        share = self.num_batches / self.events
        told_length = found["read"][..., -1].max(axis=1, initial=0) > 0
        cells = weight[..., None] * found["there"][..., None] * (found["mask"] == 0)
        targets = {
            "symbol": found["symbol"],
            "end": found.pop("end"),
            "cells": (cells * share).astype(np.float32),
            "ends": weight * ~told_length[:, None] * np.float32(share),
        }
        return {**found, "tonic": tonic, "anything": anything}, targets

    @staticmethod
    def _with(arrays: dict[str, Any], told: Any) -> dict[str, Any]:
        """The arrays of a piece of which something is given."""
        count = len(arrays["mask"])
        end = {"mask": 0, "read": 0, "next": (-1, 0)}
        changed = {
            name: np.concatenate([getattr(told, name), np.full_like(arrays[name][:1], value)])
            for name, value in end.items()
        }
        changed["tonic"] = np.full(count, told.key)
        changed["anything"] = np.full(count, told.anything)
        return {**arrays, **changed}


def draw_given(music: Voices, random: np.random.Generator) -> NDArray[np.bool_]:
    """Draws which cells of a piece are given, `(steps, voices)`.

    Nothing but the length; the highest voice, a melody to harmonise; some of the voices; all but a
    span of some bars, of one or of all voices; or notes here and there. How often each is
    drawn is in `CASES`.
    """
    steps, voices = music.pitches.shape
    case = random.choice(list(CASES), p=list(CASES.values()))
    mask = np.zeros((steps, voices), bool)
    if case == "highest":
        mask[:, 0] = True
    elif case == "voices":
        count = random.integers(1, voices)
        mask[:, random.permutation(voices)[:count]] = True
    elif case == "span":
        mask[:] = True
        length = int(random.integers(1, max(steps // 2, 1) + 1))
        start = int(random.integers(0, steps - length + 1))
        some = slice(None) if random.random() < 0.5 else random.integers(0, voices)
        mask[start : start + length, some] = False
    elif case == "notes":
        notes = np.cumsum(music.struck | (np.diff(music.pitches, axis=0, prepend=-2) != 0), axis=0)
        share = random.random()
        for voice in range(voices):
            kept = random.random(int(notes[-1, voice]) + 1) < share
            mask[:, voice] = kept[notes[:, voice]]
    if mask.all():  # something is to be written
        mask[:, random.integers(0, voices)] = False
    return mask
