"""An LSTM layer whose backward pass is written out, so that XLA compiles it whole.

The same function and the same weights as `keras.layers.LSTM` (Hochreiter and Schmidhuber 1997,
with forget gates). Left to automatic differentiation, every time step adds its share to the
gradient of the recurrent kernel by a product of two thin matrices. Here the backward loop carries
the gradients of the gates alone, and the kernel's gradient is one large product at its end.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.networks.base import Tensor


@ops.custom_gradient
def lstm(inputs: Tensor, recurrent_kernel: Tensor) -> Tensor:
    """Runs the recurrence over inputs that were multiplied by the kernel already.

    They are `(time, batch, 4 * units)`, in the order input gate, forget gate, cell, output gate;
    the hidden states that are returned are `(time, batch, units)`.
    """
    units = recurrent_kernel.shape[0]

    def forward(carry: Any, gates: Tensor) -> Any:
        hidden, cell = carry
        carry = lstm_step(gates, hidden, cell, recurrent_kernel)
        return carry, carry

    zero = ops.zeros_like(inputs[0, :, :units])
    _, (hidden, cell) = ops.scan(forward, (zero, zero), inputs)

    def gradient(*args: Any, upstream: Any = None) -> Any:
        grad_hidden = args[0] if upstream is None else upstream
        before_hidden = ops.concatenate([zero[None], hidden[:-1]], axis=0)
        before_cell = ops.concatenate([zero[None], cell[:-1]], axis=0)
        gates = inputs + ops.matmul(before_hidden, recurrent_kernel)
        i, f, g, o = _activate(gates)
        tanh_cell = ops.tanh(cell)
        # What each step multiplies the gradient of its cell or hidden state by.
        cell_to_gates = ops.concatenate(
            [g * i * (1 - i), before_cell * f * (1 - f), i * (1 - g * g)], axis=-1
        )
        hidden_to_output = tanh_cell * o * (1 - o)
        hidden_to_cell = o * (1 - tanh_cell * tanh_cell)
        kernel_transposed = ops.transpose(recurrent_kernel)

        def backward(carry: Any, step: Any) -> Any:
            grad_gates, grad_cell = carry
            grad_hidden, hidden_to_output, hidden_to_cell, forget = ops.split(
                step[..., : 4 * units], 4, axis=-1
            )
            cell_to_gates = step[..., 4 * units :]
            grad_hidden = grad_hidden + ops.matmul(grad_gates, kernel_transposed)
            grad_cell = grad_cell + grad_hidden * hidden_to_cell
            grad_gates = ops.concatenate(
                [ops.tile(grad_cell, (1, 3)) * cell_to_gates, grad_hidden * hidden_to_output],
                axis=-1,
            )
            carry = (grad_gates, grad_cell * forget)
            return carry, carry

        steps = ops.concatenate(
            [grad_hidden, hidden_to_output, hidden_to_cell, f, cell_to_gates], axis=-1
        )
        start = (ops.zeros_like(inputs[0]), zero)
        _, (grad_gates, _) = ops.scan(backward, start, steps, reverse=True)
        grad_kernel = ops.matmul(
            ops.transpose(ops.reshape(before_hidden, (-1, units))),
            ops.reshape(grad_gates, (-1, 4 * units)),
        )
        return grad_gates, grad_kernel

    return hidden, gradient


def lstm_step(
    gates: Tensor, hidden: Tensor, cell: Tensor, recurrent_kernel: Tensor
) -> tuple[Any, Any]:
    """One step of the recurrence: `gates (batch, 4 * units)` to hidden and cell state."""
    i, f, g, o = _activate(gates + ops.matmul(hidden, recurrent_kernel))
    cell = f * cell + i * g
    return o * ops.tanh(cell), cell


def _activate(gates: Tensor) -> Any:
    i, f, g, o = ops.split(gates, 4, axis=-1)
    return ops.sigmoid(i), ops.sigmoid(f), ops.tanh(g), ops.sigmoid(o)


class LSTM(keras.layers.Layer):
    """Long short-term memory over a whole sequence, starting from zeros.

    Takes `(batch, time, features)` and returns all hidden states, `(batch, time, units)`.

    Args:
        units: Size of the hidden state.
        dropout: Share of the recurrent kernel that is dropped in training, the same at all steps of
            a batch (Merity et al. 2018, "Regularizing and optimizing LSTM language models",
            section 2).
    """

    def __init__(self, units: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=(input_shape[-1], 4 * self.units), initializer="glorot_uniform"
        )
        self.recurrent_kernel = self.add_weight(
            name="recurrent_kernel", shape=(self.units, 4 * self.units), initializer="orthogonal"
        )
        self.bias = self.add_weight(
            name="bias", shape=(4 * self.units,), initializer=_forget_bias_of_one
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        gates = ops.matmul(ops.transpose(inputs, (1, 0, 2)), self.kernel) + self.bias
        # A copy, since TensorFlow takes no variable into a function with a gradient of its own.
        hidden = lstm(gates, self.drop(ops.copy(self.recurrent_kernel), training=training))
        return ops.transpose(hidden, (1, 0, 2))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def initial_state(self, batch: int) -> tuple[Any, Any]:
        """Hidden and cell state before the first step, `(batch, units)` each."""
        return ops.zeros((batch, self.units)), ops.zeros((batch, self.units))

    def step(self, inputs: Tensor, state: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        """One step: `inputs (batch, features)` to the hidden state and what to carry on."""
        return self.step_gates(ops.matmul(inputs, self.kernel), state)

    def step_gates(self, gates: Tensor, state: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        """One step, of inputs that were multiplied by the kernel already."""
        hidden, cell = state
        state = lstm_step(gates + self.bias, hidden, cell, self.recurrent_kernel)
        return state[0], state


def _forget_bias_of_one(shape: Any, dtype: Any = None) -> Any:
    """Remember at first (Jozefowicz et al. 2015); the other gates start at 0."""
    units = shape[0] // 4
    return ops.concatenate(
        [ops.zeros(units, dtype), ops.ones(units, dtype), ops.zeros(2 * units, dtype)]
    )
