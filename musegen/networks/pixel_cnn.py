"""Gated PixelCNN on the grid of steps and voices: convolutions over rows before, and along the row.

    cells                                    (batch, steps, voices, features)
      -> 1x1 convolution                     (batch, steps, voices, channels)
      -> gated layers of two stacks each     (batch, steps, voices, channels)
      -> relu, 1x1 convolution, relu         (batch, steps, voices, units)

After van den Oord et al. (2016), "Conditional image generation with PixelCNN decoders", sections
2.1 to 2.3; a step is a row of the image, and a voice a column. A layer has, as in figure 2,

    v = tanh(a_f) . sigmoid(a_g),    a = W_v * v' + V_v s        the vertical stack
    z = tanh(b_f) . sigmoid(b_g),    b = W_h * h' + U a + V_h s  the horizontal stack
    h = h' + W_r z

where `*` is a convolution, v' and h' come from the layer before, U a is the 1x1 convolution by
which the vertical stack reaches the horizontal one, and s are the conditions, which differ from
step to step and not from voice to voice (equation 5). The vertical stack sees the rows before, all
voices of them, so that there is no blind spot; the horizontal stack sees the row itself up to the
cell.

It differs in these: a kernel of the vertical stack has two rows that lie 1, 2, 4, ... steps apart
(as in WaveNet), since a piece is far longer than it has voices; what is known before a cell is in
its own inputs, so that the first layer sees the cell itself (mask B throughout); the softmax that
follows is the model's heads; there is dropout.

Step by step, each vertical layer keeps its last inputs in a queue, as in
`musegen.networks.wavenet`: a step takes the same time at any position.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from musegen._checks import Share, Whole
from musegen.networks.base import GridNetwork, Tensor, register, row_dropout
from musegen.settings import Search


class StackedLayer(keras.layers.Layer):
    """One layer of both stacks.

    Args:
        channels: Size of inputs and outputs of both.
        dilation: How many steps lie between the two rows of the vertical kernel, at least 1.
        reach: How many voices to either side the vertical kernel sees.
    """

    def __init__(self, channels: int, dilation: int, reach: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.dilation, self.reach = channels, dilation, reach
        self.rows = keras.layers.Dense(2 * channels, name="rows")
        self.across = keras.layers.Dense(2 * channels, use_bias=False, name="across")
        self.row = keras.layers.Dense(2 * channels, name="row")
        self.residual = keras.layers.Dense(channels, name="residual")

    def build(self, input_shape: Any) -> None:
        self.rows.build((None, 2 * (2 * self.reach + 1) * self.channels))
        self.across.build((None, 2 * self.channels))
        self.row.build((None, 2 * self.channels))
        self.residual.build((None, self.channels))

    def call(self, above: Tensor, here: Tensor, conditions: Tensor) -> tuple[Any, Any]:
        """Returns the vertical stack's output, and the horizontal one's residual, of whole pieces.

        Args:
            above: The vertical stack, `(batch, steps, voices, channels)`; its row at a step has
                seen the steps before.
            here: The horizontal stack, likewise.
            conditions: What the conditions add to both, `(batch, steps, 1, 4 * channels)`.
        """
        past = ops.pad(above, ((0, 0), (self.dilation, 0), (0, 0), (0, 0)))[:, : -self.dilation]
        above, across = self.vertical(past, above, conditions)
        left = ops.pad(here, ((0, 0), (0, 0), (1, 0), (0, 0)))[:, :, :-1]
        return above, self.horizontal(left, here, across)

    def vertical(self, past: Tensor, now: Tensor, conditions: Tensor) -> tuple[Any, Any]:
        """Returns the vertical stack's output of some rows, and what reaches the horizontal one.

        Args:
            past: The rows `dilation` steps before, `(..., voices, channels)`.
            now: The rows themselves, likewise.
            conditions: `(..., 1, 4 * channels)`.
        """
        to_rows, to_row = ops.split(conditions, 2, axis=-1)
        a = self.rows(ops.concatenate([*self._beside(past), *self._beside(now)], axis=-1)) + to_rows
        return _gated(a), self.across(a) + to_row

    def horizontal(self, left: Tensor, here: Tensor, across: Tensor) -> Tensor:
        """Returns the residual of the horizontal stack, W_r z, of some cells.

        Args:
            left: The cells before in the row, `(..., channels)`.
            here: The cells themselves, likewise.
            across: What came from the vertical stack, `(..., 2 * channels)`.
        """
        b = self.row(ops.concatenate([left, here], axis=-1)) + across
        return self.residual(_gated(b))

    def _beside(self, rows: Tensor) -> list[Tensor]:
        """Rows moved by each number of voices that the kernel reaches."""
        voices, reach = rows.shape[-2], self.reach
        padding = [(0, 0)] * (len(rows.shape) - 2) + [(reach, reach), (0, 0)]
        padded = ops.pad(rows, padding)
        return [padded[..., first : first + voices, :] for first in range(2 * reach + 1)]

    def initial_queue(self, batch: int, length: int, voices: int) -> Tensor:
        """Returns the vertical inputs before the first of at most `length` steps, all zeros."""
        return ops.zeros((min(self.dilation, length) + 1, batch, voices, self.channels))


@register("pixel-cnn")
class PixelCNN(GridNetwork):
    """Gated PixelCNN: a vertical and a horizontal stack of convolutions, with conditions.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        channels: Annotated[
            int, Whole(1, 4096), "Size of what goes from layer to layer", Search([48, 96, 128])
        ] = 96,
        units: Annotated[int, Whole(1, 4096), "Size of the outputs"] = 256,
        layers: Annotated[
            int, Whole(1, 12), "Layers of a block; each reaches twice as far as the one before"
        ] = 5,
        blocks: Annotated[int, Whole(1, 8), "Blocks of layers", Search([1, 2, 3])] = 1,
        reach: Annotated[
            int, Whole(0, 7), "Voices to either side that a layer sees at the steps before"
        ] = 1,
        dropout: Annotated[
            float,
            Share(),
            "Share of the values between layers dropped in training, the same ones at all steps of "
            "a voice",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.channels, self.units, self.dropout = channels, units, dropout
        self.layers, self.blocks, self.reach = layers, blocks, reach
        self.stack = [
            StackedLayer(channels, 2 ** (number % layers), reach, name=f"layer_{number + 1}")
            for number in range(blocks * layers)
        ]
        self.first = keras.layers.Dense(channels, name="first")
        self.last = keras.layers.Dense(units, activation="relu", name="last")
        # Another mask at each place that drops.
        self.drop = row_dropout(dropout, name="drop")

    def build(self, input_shape: Any) -> None:
        self.voices = input_shape[2]
        self.first.build(input_shape)
        self.condition_kernel = self.add_weight(
            name="condition_kernel",
            shape=(self.conditions, 4 * self.channels * len(self.stack)),
        )
        for layer in self.stack:
            layer.build((*input_shape[:-1], self.channels))
        self.last.build((None, self.channels))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def call(self, inputs: Tensor, conditions: Tensor, training: bool | None = None) -> Tensor:
        here = self.first(self.drop(inputs, training=training))
        above = ops.pad(here, ((0, 0), (1, 0), (0, 0), (0, 0)))[:, :-1]  # the row before
        for layer, added in zip(self.stack, self._by_layer(conditions[:, :, None])):
            dropped = (self.drop(one, training=training) for one in (above, here))
            above, residual = layer(*dropped, added)
            here = here + residual
        return self.last(self.drop(ops.relu(here), training=training))

    def _by_layer(self, conditions: Tensor) -> Any:
        """What the conditions add to each layer, `(..., 4 * channels)`."""
        return ops.split(ops.matmul(conditions, self.condition_kernel), len(self.stack), axis=-1)

    # === Step by step ===

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        sizes = batch, length, self.voices
        layers, shape = len(self.stack), (batch, self.voices, self.channels)
        return {
            "time": ops.zeros((), "int32"),
            "queues": tuple(layer.initial_queue(*sizes) for layer in self.stack),
            "row": ops.zeros(shape),  # the cells of the step so far
            "across": ops.zeros((layers, *shape[:2], 2 * self.channels)),
            "left": ops.zeros((layers, batch, self.channels)),  # the last cell in the row
        }

    def begin(self, conditions: Tensor, state: dict[str, Any]) -> dict[str, Any]:
        above, time, queues, across = state["row"], state["time"], [], []
        added = self._by_layer(conditions[:, None])
        for layer, condition, queue in zip(self.stack, added, state["queues"], strict=True):
            size = queue.shape[0]
            # Written before it is read: the other way round, XLA copies the queue.
            queue = ops.slice_update(queue, [time % size, 0, 0, 0], above[None])
            above, reaches = layer.vertical(queue[(time + 1) % size], above, condition)
            queues.append(queue)
            across.append(reaches)
        return {
            "time": time + 1,
            "queues": tuple(queues),
            "row": state["row"],
            "across": ops.stack(across),
            "left": ops.zeros_like(state["left"]),
        }

    def cell(
        self, inputs: Tensor, place: Any, state: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        here, left = self.first(inputs), []
        row = ops.slice_update(state["row"], [0, place, 0], here[:, None])
        across = ops.take(state["across"], place, axis=2)
        for number, layer in enumerate(self.stack):
            left.append(here)
            here = here + layer.horizontal(state["left"][number], here, across[number])
        return self.last(ops.relu(here)), {**state, "row": row, "left": ops.stack(left)}


def _gated(values: Tensor) -> Tensor:
    signal, gate = ops.split(values, 2, axis=-1)
    return ops.tanh(signal) * ops.sigmoid(gate)
