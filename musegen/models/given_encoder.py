"""An encoder that reads all that is given of a piece, the future too.

An encoder in the sense of Bahdanau et al. (2015), section 3.2: it reads what is given in both
directions, with gated hidden units. In a translation attention has to find the place. Here what is
given and what is written share one grid, so that step t of the one belongs to step t of the other,
and its annotation is handed on as it is. Where nothing is given, annotations are zeros: what is
written then is told the past alone.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.models.id_sums import IdSums
from musegen.networks import Tensor
from musegen.networks.gru import gru


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
