"""The spatial LSTM of RIDE on the grid of steps and voices: states from above and from the left.

    cells                                    (batch, steps, voices, features)
      -> spatial LSTM, as deep as asked      (batch, steps, voices, units)

After Theis and Bethge (2015), "Generative image modeling using spatial LSTMs", section 2.2; a step
is a row i of the image, and a voice a column j:

    c[i,j] = g . i + c[i,j-1] . f_c + c[i-1,j] . f_r
    h[i,j] = tanh(c[i,j] . o)

where g = tanh(...), and the gates i, o, f_c, f_r = sigmoid(...) of one affine map of x, h[i,j-1]
and h[i-1,j]. So a cell carries on what the voices before it at the step saw, and what its own voice
saw before; of the others' past it knows what its inputs x say, which stand for the paper's causal
neighbourhood of pixels.

It differs in these: outputs are discrete, so that the model's heads, a softmax, take the place of
the paper's mixture of conditional Gaussian scale mixtures (MCGSM), which has densities; what is
known of a step without the past joins the inputs of all its cells; there is dropout. The two forget
gates begin at a half each (bias 0), as in the authors' code.

All cells (i, j) with the same i + j are computed at once, since they don't see each other (van den
Oord et al. 2016, "Pixel recurrent neural networks", section 3.3, the skewed map), and the backward
pass is written out, as in `musegen.networks.lstm`.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from musegen._checks import Share, Whole
from musegen.networks.base import GridNetwork, Tensor, register, row_dropout
from musegen.settings import Search


@ops.custom_gradient
def spatial_lstm(inputs: Tensor, kernel: Tensor) -> Tensor:
    """Runs the recurrence over skewed inputs that were multiplied by their kernel already.

    They are `(steps + voices - 1, batch, voices, 5 * units)`, in the order g, i, o, f_r, f_c: place
    s of voice v is its step s - v, all zeros where there is no such step. The kernel is that of the
    hidden states above and to the left, `(2 * units, 5 * units)`. Returns the hidden states,
    likewise, `(..., units)`; those of steps that there are not say nothing.
    """
    units = kernel.shape[0] // 2

    def forward(carry: Any, gates: Tensor) -> Any:
        hidden, cell = carry
        both = ops.concatenate([hidden, _from_left(hidden)], axis=-1)
        carry = _activated(gates + ops.matmul(both, kernel), cell, _from_left(cell))
        return carry, carry

    zero = ops.zeros_like(inputs[0, ..., :units])
    _, (hidden, cell) = ops.scan(forward, (zero, zero), inputs)

    def gradient(*args: Any, upstream: Any = None) -> Any:
        grad_hidden = args[0] if upstream is None else upstream
        above, cell_above = (
            ops.concatenate([zero[None], one[:-1]], axis=0) for one in (hidden, cell)
        )
        both, cell_left = ops.concatenate([above, _from_left(above)], -1), _from_left(cell_above)
        g, i, o, f_r, f_c = _gates(inputs + ops.matmul(both, kernel))
        # What each place multiplies the gradient of its cell or of tanh's argument by.
        slope = 1 - hidden * hidden
        cell_to_gates = ops.concatenate(
            [
                i * (1 - g * g),
                g * i * (1 - i),
                cell_above * f_r * (1 - f_r),
                cell_left * f_c * (1 - f_c),
            ],
            axis=-1,
        )
        parts = [grad_hidden, slope * o, slope * cell * o * (1 - o), f_r, f_c, cell_to_gates]
        to_above, to_left = (ops.transpose(one) for one in ops.split(kernel, 2, axis=0))

        def backward(carry: Any, place: Tensor) -> Any:
            grad_gates, grad_above, grad_left = carry  # of the place after
            grad_hidden, to_cell, to_output, f_r, f_c = ops.split(place[..., : 5 * units], 5, -1)
            grad_hidden = grad_hidden + ops.matmul(grad_gates, to_above)
            grad_hidden = grad_hidden + _to_left(ops.matmul(grad_gates, to_left))
            grad_cell = grad_above + _to_left(grad_left) + grad_hidden * to_cell
            of_cell = ops.tile(grad_cell, (1, 1, 4)) * place[..., 5 * units :]
            grad_gates = ops.concatenate(
                [
                    of_cell[..., : 2 * units],
                    grad_hidden * to_output,
                    of_cell[..., 2 * units :],
                ],
                axis=-1,
            )
            carry = grad_gates, grad_cell * f_r, grad_cell * f_c
            return carry, carry

        start = (ops.zeros_like(inputs[0]), zero, zero)
        _, (grad_gates, *_) = ops.scan(
            backward, start, ops.concatenate(parts, axis=-1), reverse=True
        )
        grad_kernel = ops.matmul(
            ops.transpose(ops.reshape(both, (-1, 2 * units))),
            ops.reshape(grad_gates, (-1, 5 * units)),
        )
        return grad_gates, grad_kernel

    return hidden, gradient


def _gates(values: Tensor) -> Any:
    g, i, o, f_r, f_c = ops.split(values, 5, axis=-1)
    return ops.tanh(g), *(ops.sigmoid(one) for one in (i, o, f_r, f_c))


def _activated(values: Tensor, above: Tensor, left: Tensor) -> tuple[Any, Any]:
    """Hidden and cell state, of what goes into the gates, and the cells above and to the left."""
    g, i, o, f_r, f_c = _gates(values)
    cell = g * i + above * f_r + left * f_c
    return ops.tanh(cell * o), cell


def _from_left(values: Tensor) -> Tensor:
    """What the voice before has, `(..., voices, units)`; zeros for the first voice."""
    padding = [(0, 0)] * (len(values.shape) - 2) + [(1, 0), (0, 0)]
    return ops.pad(values, padding)[..., :-1, :]


def _to_left(values: Tensor) -> Tensor:
    """What the voice after has; zeros for the last voice."""
    padding = [(0, 0)] * (len(values.shape) - 2) + [(0, 1), (0, 0)]
    return ops.pad(values, padding)[..., 1:, :]


class SpatialLayer(keras.layers.Layer):
    """A spatial LSTM over whole pieces, starting from zeros.

    Takes `(batch, steps, voices, features)` and returns all hidden states, `(batch, steps, voices,
    units)`.

    Args:
        units: Size of the hidden state.
        dropout: Share of the recurrent kernel that is dropped in training, the same at all cells of
            a batch, as in `musegen.networks.lstm`.
    """

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], 5 * self.units), initializer="glorot_uniform"
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel",
            shape=(2 * self.units, 5 * self.units),
            initializer="orthogonal",
        )
        self.bias = self.add_weight(name="bias", shape=(5 * self.units,), initializer="zeros")

    def call(self, inputs: Tensor, added: Any, training: bool | None = None) -> Tensor:
        """Runs it; `added`, `(batch, steps, 1, 5 * units)` or 0, goes into the gates, too."""
        gates = ops.matmul(inputs, self.kernel) + self.bias + added
        steps, voices = gates.shape[1:3]
        # A copy, since TensorFlow takes no variable into a function with a gradient of its own.
        kernel = self.drop(ops.copy(self.recurrent_kernel), training=training)
        columns = [
            ops.pad(gates[:, :, voice], ((0, 0), (voice, voices - 1 - voice), (0, 0)))
            for voice in range(voices)
        ]
        skewed = ops.transpose(ops.stack(columns, axis=2), (1, 0, 2, 3))
        hidden = ops.transpose(spatial_lstm(skewed, kernel), (1, 0, 2, 3))
        columns = [hidden[:, voice : voice + steps, voice] for voice in range(voices)]
        return ops.stack(columns, axis=2)

    def compute_output_shape(self, input_shape: Any, *_: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def initial_state(self, batch: int, voices: int) -> tuple[Any, Any]:
        """Hidden and cell state of each voice before the first step, `(batch, voices, units)`."""
        return ops.zeros((batch, voices, self.units)), ops.zeros((batch, voices, self.units))

    def cell(self, inputs: Tensor, added: Any, place: Any, state: Any) -> tuple[Any, Any]:
        """One cell, `(batch, features)`; the states of the row so far take the last row's place."""
        before = ops.maximum(place - 1, 0)
        first = ops.cast(ops.equal(place, 0), "float32")
        (above, cell), (left, cell_left) = (
            [ops.take(one, at, axis=1) for one in state] for at in (place, before)
        )
        left, cell_left = left * (1 - first), cell_left * (1 - first)
        gates = ops.matmul(inputs, self.kernel) + self.bias + added
        gates = gates + ops.matmul(ops.concatenate([above, left], -1), self.recurrent_kernel)
        found = _activated(gates, cell, cell_left)
        state = tuple(
            ops.slice_update(one, [0, place, 0], new[:, None]) for one, new in zip(state, found)
        )
        return found[0], state


@register("spatial-lstm")
class SpatialLSTM(GridNetwork):
    """Spatial LSTM layers: each cell carries on from the step before, and the voice before it.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        units: Annotated[
            int, Whole(1, 4096), "Size of each layer's state", Search([128, 192, 256])
        ] = 256,
        depth: Annotated[int, Whole(1, 8), "Spatial LSTM layers", Search([1, 2])] = 1,
        dropout: Annotated[
            float,
            Share(),
            "Share of outputs dropped in training, the same ones at all steps of a voice; of the "
            "inputs and of the recurrent weights half of it",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.depth, self.dropout = units, depth, dropout
        self.stack = [
            SpatialLayer(units, dropout / 2, name=f"layer_{i}") for i in range(1, depth + 1)
        ]
        shares = [dropout / 2] + [dropout] * depth  # of the inputs, and of each layer's outputs
        self.drops = [row_dropout(share) for share in shares]

    def build(self, input_shape: Any) -> None:
        self.voices = input_shape[2]
        self.condition_kernel = self.add_weight(
            name="condition_kernel", shape=(self.conditions, 5 * self.units)
        )
        for layer in self.stack:
            layer.build(input_shape)
            input_shape = (*input_shape[:-1], self.units)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def call(self, inputs: Tensor, conditions: Tensor, training: bool | None = None) -> Tensor:
        x, added = inputs, ops.matmul(conditions, self.condition_kernel)[:, :, None]
        for layer, drop in zip(self.stack, self.drops):
            x = layer(drop(x, training=training), added=added, training=training)
            added = 0.0  # the first layer alone sees the conditions
        return self.drops[-1](x, training=training)

    # === Step by step ===

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        return {
            "layers": tuple(layer.initial_state(batch, self.voices) for layer in self.stack),
            "added": ops.zeros((batch, 5 * self.units)),
        }

    def begin(self, conditions: Tensor, state: dict[str, Any]) -> dict[str, Any]:
        return {**state, "added": ops.matmul(conditions, self.condition_kernel)}

    def cell(
        self, inputs: Tensor, place: Any, state: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        x, added, kept = inputs, state["added"], []
        for layer, carried in zip(self.stack, state["layers"], strict=True):
            x, carried = layer.cell(x, added, place, carried)
            added = 0.0
            kept.append(carried)
        return x, {**state, "layers": tuple(kept)}
