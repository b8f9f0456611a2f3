"""What is given of a piece, and an encoder that reads all of it, the future too.

Voices, spans of bars or single notes may be given, and the length of the piece. An encoder in the
sense of Bahdanau et al. (2015) reads what is given in both directions, with gated hidden units. In
a translation attention has to find the place; here what is given and what is written share one
grid, so that step t of the one belongs to step t of the other, and its annotation is handed on as
it is. A recurrent state that looked at annotations elsewhere would look at what the units have
brought here from both sides.

Where nothing is given, the annotations are zeros: what is written then is told the past alone.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen.encoding.history import MIDDLE_C
from musegen.encoding.voice_history import APART, HELD, LEAP, key
from musegen.encoding.voices import Voices
from musegen.models.id_sums import IdSums
from musegen.networks import Tensor
from musegen.networks.gru import gru

LEFT = 64
"""Steps before the end beyond which they are not counted."""


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """What is given of a piece, as arrays that a model takes.

    Attributes:
        mask: Which cells are given, `(steps, voices)`, 0 or 1.
        read: Ids that the encoder reads, `(steps, features)` int32, of `read_sizes`.
        next: For each voice the pitch of the next note that is given and how far off it is, in
            steps, `(steps, voices, 2)` int32; -1 and 0 for none.
        key: The tonic of what is given, as a pitch class, 12 where no note is.
        anything: 1 if something is given, 0 if nothing.
    """

    mask: NDArray[np.int32]
    read: NDArray[np.int32]
    next: NDArray[np.int32]
    key: int
    anything: int


def read_sizes(voices: int) -> list[int]:
    """Returns how many ids there are of each feature that the encoder reads."""
    each = [2 * LEAP + 5, 2 * LEAP + 2, HELD + 1, 13]
    return each * voices + [2 * APART + 2] * (voices - 1) + [LEFT + 1]


def nothing_given(steps: int, voices: int) -> Given:
    """Returns that nothing is given."""
    return Given(
        mask=np.zeros((steps, voices), np.int32),
        read=np.zeros((steps, len(read_sizes(voices))), np.int32),
        next=np.stack([np.full((steps, voices), -1), np.zeros((steps, voices))], -1).astype(
            np.int32
        ),
        key=12,
        anything=0,
    )


def given(music: Voices, mask: NDArray[np.bool_], length: bool = True) -> Given:
    """Returns what is given of some music, as a model takes it.

    Args:
        music: The music; only what is given of it is looked at.
        mask: Which cells are given, `(steps, voices)`.
        length: Whether it is given how long the piece is.
    """
    steps, voices = mask.shape
    pitches = np.where(mask, music.pitches, -1).astype(np.int32)
    struck = mask & music.struck
    last = _last(pitches)  # the last pitch that was given before, (steps, voices)
    following, away = _next(pitches, struck)
    tonic = _tonic(pitches)
    columns = []
    for v in range(voices):
        move = np.where(last[:, v] >= 0, pitches[:, v] - last[:, v], 0)
        does = np.where(struck[:, v], np.clip(move, -LEAP, LEAP) + LEAP + 3, 2)
        does = np.where(pitches[:, v] >= 0, does, 1)
        columns.append(np.where(mask[:, v], does, 0))
        here = np.where(pitches[:, v] >= 0, pitches[:, v], last[:, v])
        both = (following[:, v] >= 0) & (here >= 0)
        move = np.clip(following[:, v] - here, -LEAP, LEAP) + LEAP + 1
        columns.append(np.where(both, move, 0))
        columns.append(away[:, v])
        columns.append(np.where(pitches[:, v] >= 0, (pitches[:, v] - tonic) % 12 + 1, 0))
    for v in range(1, voices):
        both = (pitches[:, v] >= 0) & (pitches[:, v - 1] >= 0)
        interval = np.clip(pitches[:, v - 1] - pitches[:, v], -APART, APART) + APART + 1
        columns.append(np.where(both, interval, 0))
    left = np.minimum(np.arange(steps, 0, -1), LEFT)
    columns.append(left if length else np.zeros(steps, int))
    return Given(
        mask=mask.astype(np.int32),
        read=np.stack(columns, axis=-1).astype(np.int32),
        next=np.stack([following, away], axis=-1).astype(np.int32),
        key=int(tonic) if (pitches >= 0).any() else 12,
        anything=int(mask.any() or length),
    )


def _last(pitches: NDArray[np.int32]) -> NDArray[np.int32]:
    """The last pitch before each step, -1 before the first."""
    steps = np.arange(len(pitches))[:, None]
    place = np.maximum.accumulate(np.where(pitches >= 0, steps, -1), axis=0)
    place = np.concatenate([np.full((1, pitches.shape[1]), -1), place])[:-1]
    found = np.take_along_axis(pitches, np.maximum(place, 0), axis=0)
    return np.where(place >= 0, found, -1)


def _next(
    pitches: NDArray[np.int32], struck: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The next note that begins after each step, -1 for none, and how far off it is."""
    count = len(pitches)
    steps = np.arange(count)[:, None]
    place = np.minimum.accumulate(np.where(struck, steps, count)[::-1], axis=0)[::-1]
    place = np.concatenate([place[1:], np.full((1, pitches.shape[1]), count)])
    found = np.take_along_axis(pitches, np.minimum(place, count - 1), axis=0)
    none = place == count
    return np.where(none, -1, found), np.where(none, 0, np.minimum(place - steps, HELD))


def _tonic(pitches: NDArray[np.int32]) -> int:
    """The tonic, as a pitch class, of the key that what sounds speaks most for."""
    sounding = pitches[pitches >= 0]
    first = sounding[:1] if len(sounding) else np.array([MIDDLE_C])
    counts = np.bincount(sounding % 12, minlength=12)
    return int((first + key(counts[None], first, np))[0] % 12)


class GivenEncoder(keras.layers.Layer):
    """Reads what is given in both directions, `(batch, steps, features)` to `(..., 2 * units)`.

    Args:
        sizes: How many ids there are of each feature.
        units: Size of the state of each direction.
        dropout: Share of its inputs that is dropped in training, the same at all steps.
    """

    def __init__(self, sizes: list[int], units: int, dropout: float, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.embed = IdSums(sizes, 2 * units, dropout, name="read")

    def build(self, input_shape: Any = None) -> None:
        self.embed.build(None)
        for name in ("forward", "backward"):
            for part, rows in (("kernel", 2 * self.units), ("recurrent_kernel", self.units)):
                weight = self.add_weight(
                    name=f"{name}_{part}",
                    shape=(rows, 3 * self.units),
                    initializer="glorot_uniform" if part == "kernel" else "orthogonal",
                )
                setattr(self, f"{name}_{part}", weight)
        self.bias = self.add_weight(name="bias", shape=(6 * self.units,), initializer="zeros")
        self.built = True

    def call(
        self, ids: Tensor, there: Tensor, anything: Tensor, training: bool | None = None
    ) -> Tensor:
        """Computes the annotations.

        Args:
            ids: What is read, `(batch, steps, features)`.
            there: Which steps there are, `(batch, steps)`, 1, and 0 from the end on.
            anything: Whether anything is given, `(batch,)`, 1 or 0.
        """
        x = ops.tanh(self.embed(ids, training=training))
        kernel = ops.concatenate([self.forward_kernel, self.backward_kernel], axis=-1)
        gates = ops.matmul(x, kernel) + self.bias
        ahead, back = ops.split(gates, 2, axis=-1)
        after = ops.pad(there[:, 1:], ((0, 0), (0, 1)))
        last = ops.cast(there - after, "float32")  # 1 at the last step that there is
        first = ops.pad(ops.zeros_like(last[:, 1:]), ((0, 0), (1, 0)), constant_values=1.0)
        ahead = _run(ahead, first, self.forward_recurrent_kernel)
        back = _run(ops.flip(back, axis=1), ops.flip(last, axis=1), self.backward_recurrent_kernel)
        both = ops.concatenate([ahead, ops.flip(back, axis=1)], axis=-1)
        seen = ops.cast(there * anything[:, None], "float32")
        return both * seen[..., None]


def _run(gates: Tensor, begins: Tensor, kernel: Tensor) -> Tensor:
    """The states of a layer that begins anew where it is told to, `(batch, steps, units)`."""
    time_first = ops.transpose(gates, (1, 0, 2))
    begins = ops.transpose(begins, (1, 0))[..., None]
    # A copy, since TensorFlow takes no variable into a function with a gradient of its own.
    return ops.transpose(gru(time_first, begins, ops.copy(kernel)), (1, 0, 2))
