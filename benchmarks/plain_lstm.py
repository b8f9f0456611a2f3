"""The network "lstm": that of the book without its attention, which is what attention is worth.

Importing this file enters it among the networks of musegen.
"""

from __future__ import annotations

from typing import Annotated, Any

from musegen.networks import Network, Tensor, register
from musegen.networks.base import sequence_dropout
from musegen.networks.lstm import LSTM
from musegen.settings import Share, Whole


@register("lstm")
class PlainLSTM(Network):
    """LSTM layers, as in "attention-lstm"; the model's heads see the state alone."""

    def __init__(
        self,
        units: Annotated[int, Whole(1, 4096), "Size of each LSTM's state"] = 256,
        depth: Annotated[int, Whole(1, 8), "LSTM layers"] = 2,
        dropout: Annotated[float, Share(), "Share of outputs dropped in training"] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.depth, self.dropout = units, depth, dropout
        self.lstms = [LSTM(units, dropout / 2, name=f"lstm_{i}") for i in range(1, depth + 1)]
        shares = [dropout / 2] + [dropout] * depth  # as of "attention-lstm"
        self.drops = [sequence_dropout(share) for share in shares]

    def build(self, input_shape: Any) -> None:
        for lstm in self.lstms:
            lstm.build(input_shape)
            input_shape = (*input_shape[:-1], self.units)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = inputs
        for lstm, drop in zip(self.lstms, self.drops):
            x = lstm(drop(x, training=training), training=training)
        return self.drops[-1](x, training=training)

    @property
    def input_kernel(self) -> Tensor:
        return self.lstms[0].kernel

    def initial_state(self, batch: int, length: int) -> Any:
        return tuple(lstm.initial_state(batch) for lstm in self.lstms)

    def step(self, projected: Tensor, state: Any) -> tuple[Any, Any]:
        first, *others = state
        x, carry = self.lstms[0].step_gates(projected, first)
        carried = [carry]
        for lstm, carry in zip(self.lstms[1:], others, strict=True):
            x, carry = lstm.step(x, carry)
            carried.append(carry)
        return x, tuple(carried)
