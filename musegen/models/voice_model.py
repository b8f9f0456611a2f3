"""A model of several voices, step by step and voice by voice, on any network.

At each step it says whether the piece ends, and then what each voice does, one after the other: it
is told the past of all voices, the place in the meter, what the voices before it do at the step,
and whatever was given, the future of that too. `musegen.models.voice_graph` has how. Here are its
settings, its config, and what training, measuring and sampling ask of it.
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
    Number,
    Whole,
    checked_items,
    checked_kind,
    checked_name,
    checked_rows,
)
from musegen.corpus.encoded import checked_records, ragged_of
from musegen.encoding import voice_history as vh
from musegen.encoding.given import Given, nothing_given
from musegen.encoding.roll import RANGE_COLUMNS
from musegen.encoding.tonic import voices_keep_their_key
from musegen.encoding.voices import Voices, VoicesEncoding
from musegen.models.likelihood import LikelihoodModel
from musegen.models.registry import register
from musegen.models.voice_graph import ORDERS, VoiceGraph, copied_of, token_of
from musegen.models.voice_steps import initial_state, step, step_maps
from musegen.networks import DeclaredNetwork, build_network
from musegen.sampling.harmony import harmonise, rewrite
from musegen.sampling.requests import sample_many
from musegen.sampling.voices import Asked, kind_of, sample, write_all
from musegen.settings import declared
from musegen.training.voice_windows import VoiceWindows
from musegen.training.voices import fit

PIECES_AT_ONCE = 8
"""Pieces that are measured in a batch."""


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class VoiceModel(LikelihoodModel, VoiceGraph):
    """A model that predicts what each of several voices does at every step.

    Takes a dict of id arrays, as `arrays` computes them, with the batch first. Returns a dict of
    log-probabilities: `"symbol"` `(voices, batch, steps, symbols)` (the table of symbols is in
    `musegen.encoding.voice_history`), and `"end"` `(batch, steps, 2)`.

    Args:
        encoding: How music becomes voices; the default encoding if None.
        network: The name of a network in `musegen.networks.NETWORKS` or `GRID_NETWORKS`, or a
            network.
        openings: How pieces begin, as those of a `MelodyModel`; pickups are in steps of the
            encoding.
        ranges: The lowest and the highest MIDI pitch of each voice, 0 to 127, to which a tune is
            moved that is harmonised; none for any pitch.
        tonic_share: Share of pieces that are to end on the tonic, 0 to 1; None leaves it to chance.
        key_share: Share of pieces that are to end in the key in which they begin, likewise.
        name: The model's name, 1 to 100 printable characters without a slash; `"voices"` and the
            network's name if None.
        **settings: The settings of a network that is given by its name.

    Raises:
        ValueError: If an argument is out of its range, or the network has no such setting.
    """

    family = "voices"
    charged = "voice and step"
    writes = "voices"
    abilities = ("voices",)
    config_names = ("name", "encoding", "openings", "ranges", "network")
    _encoding_class = VoicesEncoding

    def __init__(
        self,
        encoding: VoicesEncoding | None = None,
        network: str | DeclaredNetwork = "attention-lstm",
        width: Annotated[
            int, Whole(1, 4096), "Width of what is seen of the past and a voice"
        ] = 256,
        encoder: Annotated[
            int, Whole(1, 4096), "Size of each direction of the encoder of what is given"
        ] = 64,
        order: Annotated[
            str, Choice(*ORDERS), "Order of the voices at a step: from the highest, or outer first"
        ] = "down",
        copy: Annotated[bool, Flag(), "Copying from earlier in the piece"] = True,
        candidates: Annotated[
            bool, Flag(), "Scores by what would be: intervals, motions, degree and range"
        ] = True,
        openings: Iterable[Sequence[int]] = (),
        ranges: Iterable[Sequence[int]] = (),
        name: str | None = None,
        tonic_share: float | None = None,
        key_share: float | None = None,
        **settings: Any,
    ) -> None:
        encoding = VoicesEncoding() if encoding is None else encoding
        layer = build_network(network, settings, grid=True)
        if layer.reads:
            raise ValueError(
                f"network={network!r}: a model of voices has an encoder of its own. Give a network "
                "that does not read phrases."
            )
        kind = f"voices-{layer.registered_name}"
        super().__init__(name=checked_name(kind if name is None else name))
        self._set_up(encoding, openings, tonic_share)
        if key_share is not None:
            key_share = Number(0, 1).check("key_share", key_share)
        self.key_share = key_share
        self.ranges = checked_rows("ranges", ranges, RANGE_COLUMNS, least=0)
        self.width, self.encoder, self.order = width, encoder, order
        self.copy, self.candidates = copy, candidates
        self.make_layers(layer)
        self.nats = {name: keras.metrics.Mean(name=name) for name in ("nats", "end_nats")}
        self.built = True
        if keras.backend.backend() == "tensorflow":
            self.jit_compile = False  # to measure some pieces is quicker than to compile it

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        ranges = [list(one) for one in self.ranges]
        return {**super().get_config(), "key_share": self.key_share, "ranges": ranges}

    initial_state = initial_state
    step, step_maps = step, step_maps
    fit = fit
    sample = sample
    sample_many = sample_many
    _asked, _kind, _write_all = Asked.of, staticmethod(kind_of), write_all
    harmonise = harmonise
    rewrite = rewrite

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Computes the sum of weight times nats, over all cells and ends that are charged."""
        costs = -ops.take_along_axis(
            y_pred["symbol"], ops.transpose(y["symbol"], (2, 0, 1))[..., None], axis=-1
        )
        costs = ops.transpose(costs[..., 0], (1, 2, 0))
        ends = -ops.take_along_axis(y_pred["end"], y["end"][..., None], axis=-1)[..., 0]
        # Flat: Keras would average each row first, and so weigh steps by their row's padding.
        for name, values, weight in (("nats", costs, "cells"), ("end_nats", ends, "ends")):
            self.nats[name].update_state(
                ops.reshape(values, (-1,)), sample_weight=ops.reshape(y[weight], (-1,))
            )
        return ops.sum(y["cells"] * costs) + ops.sum(y["ends"] * ends)

    def arrays(self, music: Voices, told: Given | None = None) -> dict[str, NDArray[np.int32]]:
        """Computes what the model takes of a piece of n steps, and what it is to predict.

        Args:
            music: The piece.
            told: What is given of it; nothing if None.

        Returns:
            Arrays that begin with n + 1 positions: one for each step, and one after the last, at
            which the piece ends.
        """
        checked_kind("music", music, Voices, "a Voices record")
        steps, voices = music.pitches.shape
        if told is not None:
            checked_kind("told", told, Given, "what `musegen.encoding.given.given` returns")
        told = nothing_given(steps, voices) if told is None else told
        history = vh.histories(music.pitches, music.struck)
        end = np.full((1, voices), -1)
        pitch = np.concatenate([music.pitches, end])
        struck = np.concatenate([music.struck, end > 0])
        symbol = vh.symbols(history, pitch, struck, np)
        had_note = history["notes"][..., 0] >= 0
        copied = copied_of(symbol, had_note, np)
        found = {
            **self.encoding.places(music, steps + 1),
            "past": vh.time_features(history, np),
            "own": vh.voice_features(history, np),
            "center": vh.center(history, np),
            "had_note": had_note,
            "now": history["now"],
            "pitch": pitch,
            "symbol": symbol,
            "token": np.concatenate([[0], token_of(copied[:-1].astype(np.int64))]),
            "there": np.arange(steps + 1) < steps,
            "end": np.arange(steps + 1) == steps,
        }
        for name, values in (("mask", told.mask), ("read", told.read), ("next", told.next)):
            found[name] = np.concatenate([values, np.zeros_like(values[:1])])
        if steps:
            found["next"][-1, :, 0] = -1
        found["tonic"] = np.full(steps + 1, told.key)
        found["anything"] = np.full(steps + 1, told.anything)
        return {name: values.astype(np.int32) for name, values in found.items()}

    def costs(
        self, pieces: Sequence[Voices], told: Sequence[Given] | None = None
    ) -> list[NDArray[np.float64]]:
        """Measures how unlikely each voice is at each step.

        Args:
            pieces: The pieces.
            told: What is given of each; nothing if None.

        Returns:
            For each piece `(steps, voices)`, nats: given the steps before, the voices written
            before it at this step, and what is given. What is given itself costs 0.
        """
        return [symbols for symbols, _ in self._costs(pieces, told)]

    def end_costs(self, pieces: Sequence[Voices]) -> list[NDArray[np.float64]]:
        """Measures how unlikely it is that each piece goes on before each step, and ends at last.

        Args:
            pieces: The pieces.

        Returns:
            For each piece `(steps + 1,)`, nats.
        """
        return [ends for _, ends in self._costs(pieces, None)]

    def _costs(
        self, pieces: Sequence[Voices], told: Sequence[Given] | None
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        pieces = checked_items("pieces", pieces, Voices, "a list of Voices records")
        windows = VoiceWindows(
            pieces, self, PIECES_AT_ONCE, max(map(len, pieces), default=0) + 1, told=told
        )
        found: list[Any] = [None] * len(pieces)
        for rows, inputs, targets in windows.in_order():
            predicted = self.predict_on_batch(inputs)
            symbol, end = predicted["symbol"], predicted["end"]
            picked = targets["symbol"].transpose(2, 0, 1)[..., None]
            nats = -np.take_along_axis(symbol, picked, -1)[..., 0].transpose(1, 2, 0)
            ends = -np.take_along_axis(end, targets["end"][..., None], -1)[..., 0]
            for place, row in enumerate(rows):
                steps = len(pieces[row])
                free = inputs["mask"][place, :steps] == 0
                found[row] = (
                    np.where(free, nats[place, :steps], 0).astype(np.float64),
                    ends[place, : steps + 1].astype(np.float64),
                )
        return found

    def count_openings(self, pieces: Iterable[Voices]) -> None:
        """Takes over how some pieces begin and end, and the ranges of their voices.

        Args:
            pieces: The pieces, at least one.

        Raises:
            ValueError: If they are something else.
        """
        pieces = checked_records("pieces", pieces, Voices, "a list of Voices records")
        self._count(pieces)
        low, high = np.full(self.encoding.voices, 128), np.full(self.encoding.voices, -1)
        kept = []
        for _, pitches, begins, sizes in ragged_of(pieces, "pitches"):
            for begin, size in zip(begins.tolist(), sizes.tolist(), strict=True):
                part = pitches[begin : begin + size].astype(int)
                low = np.minimum(low, np.where(part < 0, 128, part).min(axis=0, initial=128))
                high = np.maximum(high, part.max(axis=0, initial=-1))
                kept.append(voices_keep_their_key(part, self.encoding.steps_per_quarter))
        known = [one for one in kept if one is not None]
        self.key_share = float(np.mean(known)) if known else None
        self.ranges = tuple(
            pair if pair[1] >= 0 else (0, 127)
            for pair in zip(low.tolist(), high.tolist(), strict=True)
        )
