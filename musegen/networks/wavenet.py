"""WaveNet: stacked causal convolutions, each of which reaches twice as far back as the one before.

    inputs                                   (batch, time, features)
      -> 1x1 convolution                     (batch, time, channels)
      -> gated layers, each of which adds a residual to what it was given and gives a skip output
      -> sum of all skip outputs, relu       (batch, time, skip_channels)
      -> 1x1 convolution, relu               (batch, time, skip_channels)

After van den Oord et al. 2016, "WaveNet: a generative model for raw audio". A gated layer is

    z = tanh(W_f * x + V_f y) . sigmoid(W_g * x + V_g y)      equations 2 and 3
    residual = W_r z,  skip = W_s z                           figure 4

where `*` is a convolution of two taps, x at positions t - dilation and t, and y are the conditions.
The dilations of a block are 1, 2, 4, ..., 2^(layers - 1), and blocks repeat, so that an output sees
`blocks * (2^layers - 1) + 1` positions. What is the same at all positions (global conditioning) and
what is not (local conditioning) comes in alike, as part of the inputs.

It differs in these: the first convolution has one tap, the last 1x1 convolution of figure 4 is the
model's heads, all convolutions have biases, and there is dropout, which the paper has none of.

Step by step, each layer keeps its last `dilation + 1` inputs in a queue, a ring indexed by the
position (Le Paine et al. 2016, "Fast WaveNet generation algorithm"): a step takes the same time at
any position.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from musegen._checks import Share, Whole
from musegen.networks.base import Network, Tensor, register, sequence_dropout
from musegen.settings import Search


class GatedLayer(keras.layers.Layer):
    """A dilated causal convolution of two taps with a gate, a residual and a skip output.

    Args:
        channels: Size of the inputs and of the residual.
        skip_channels: Size of the skip output.
        dilation: How many positions lie between the two taps, at least 1.
    """

    def __init__(self, channels: int, skip_channels: int, dilation: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.channels, self.skip_channels, self.dilation = channels, skip_channels, dilation
        self.taps = keras.layers.Dense(2 * channels, name="taps")
        self.outputs = keras.layers.Dense(channels + skip_channels, name="outputs")

    def build(self, input_shape: Any) -> None:
        self.taps.build((None, 2 * self.channels))
        self.outputs.build((None, self.channels))

    def call(self, inputs: Tensor, condition: Any) -> tuple[Any, Any]:
        """Returns residuals and skip outputs of whole sequences, `(batch, time, channels)`.

        Args:
            inputs: `(batch, time, channels)`.
            condition: What the conditions add to filter and gate, `(batch, time, 2 * channels)`,
                or 0 without conditions.
        """
        past = ops.pad(inputs, ((0, 0), (self.dilation, 0), (0, 0)))[:, : -self.dilation]
        return self._outputs(past, inputs, condition)

    def initial_queue(self, batch: int, length: int) -> Tensor:
        """Returns the inputs before the first of at most `length` steps, all zeros."""
        return ops.zeros((min(self.dilation, length) + 1, batch, self.channels))

    def step(self, inputs: Tensor, condition: Any, queue: Tensor, time: Tensor) -> Any:
        """Returns residual, skip output and the new queue of position `time`; see `call`."""
        size = queue.shape[0]
        # Written before it is read: the other way round, XLA copies the queue.
        queue = ops.slice_update(queue, [time % size, 0, 0], inputs[None])
        return *self._outputs(queue[(time + 1) % size], inputs, condition), queue

    def _outputs(self, past: Tensor, now: Tensor, condition: Any) -> tuple[Any, Any]:
        both = self.taps(ops.concatenate([past, now], axis=-1)) + condition
        signal, gate = ops.split(both, 2, axis=-1)
        outputs = self.outputs(ops.tanh(signal) * ops.sigmoid(gate))
        return outputs[..., : self.channels], outputs[..., self.channels :]


@register("wavenet")
class WaveNet(Network):
    """Dilated causal convolutions with gates, the conditions coming in at every layer.

    Raises:
        ValueError: If a setting is out of its range.
    """

    def __init__(
        self,
        channels: Annotated[
            int, Whole(1, 4096), "Size of what goes from layer to layer", Search([32, 64, 128])
        ] = 64,
        skip_channels: Annotated[
            int, Whole(1, 4096), "Size of the skip outputs and of the network's outputs"
        ] = 256,
        layers: Annotated[
            int, Whole(1, 12), "Layers of a block; each reaches twice as far as the one before"
        ] = 7,
        blocks: Annotated[int, Whole(1, 8), "Blocks of layers", Search([1, 2, 3])] = 2,
        dropout: Annotated[
            float,
            Share(),
            "Share of the values between layers dropped in training, the same ones at all steps of "
            "a sequence",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.channels, self.skip_channels, self.dropout = channels, skip_channels, dropout
        self.layers, self.blocks = layers, blocks
        self.stack = [
            GatedLayer(channels, skip_channels, 2 ** (number % layers), name=f"layer_{number + 1}")
            for number in range(blocks * layers)
        ]
        self.last = keras.layers.Dense(skip_channels, activation="relu", name="last")
        # Another mask at each place that drops.
        self.drop = sequence_dropout(dropout, name="drop")

    def build(self, input_shape: Any) -> None:
        features = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(features, self.channels))
        if self.conditions:
            self.condition_kernel = self.add_weight(
                name="condition_kernel",
                shape=(self.conditions, 2 * self.channels * len(self.stack)),
            )
        for layer in self.stack:
            layer.build((*input_shape[:-1], self.channels))
        self.last.build((None, self.skip_channels))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.skip_channels)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        inputs = self.drop(inputs, training=training)
        x, total = ops.matmul(inputs, self.kernel), 0.0
        added = 0.0
        if self.conditions:
            added = ops.matmul(inputs[..., -self.conditions :], self.condition_kernel)
        for layer, condition in zip(self.stack, self._by_layer(added)):
            residual, skip = layer(self.drop(x, training=training), condition=condition)
            x, total = x + residual, total + skip
        total = self.drop(ops.relu(total), training=training)
        return self.last(total)

    def _by_layer(self, added: Any) -> Any:
        """Splits what the conditions add, `(..., 2 * channels * all layers)`, among the layers."""
        count = len(self.stack)
        return ops.split(added, count, axis=-1) if self.conditions else [0.0] * count

    @property
    def input_kernel(self) -> Tensor:
        """The first convolution, and beside it what the conditions add to all layers."""
        if not self.conditions:
            return self.kernel
        others = self.kernel.shape[0] - self.conditions
        return ops.concatenate(
            [self.kernel, ops.pad(self.condition_kernel, ((others, 0), (0, 0)))], axis=-1
        )

    def initial_state(self, batch: int, length: int) -> Any:
        queues = tuple(layer.initial_queue(batch, length) for layer in self.stack)
        return queues, ops.zeros((), "int32")

    def step(self, projected: Tensor, state: Any) -> tuple[Any, Any]:
        queues, time = state
        x, total, kept = projected[:, : self.channels], 0.0, []
        added = self._by_layer(projected[:, self.channels :])
        for layer, condition, queue in zip(self.stack, added, queues, strict=True):
            residual, skip, queue = layer.step(x, condition, queue, time)
            x, total = x + residual, total + skip
            kept.append(queue)
        return self.last(ops.relu(total)), (tuple(kept), time + 1)
