"""The LSTM with attention of "Generative Deep Learning", chapter 7.

    inputs                      (batch, time, features)
      -> LSTM, as deep as asked (batch, time, units)
      -> causal attention       (batch, time, units)
      -> state and context      (batch, time, 2 * units), or the context alone

After David Foster (2019). It differs in these: it learns from every position of a sequence in one
pass (the book: from the last of a 32-note window), attention reaches back to the beginning, and the
outputs have the LSTM's state beside the context (`head="context"` is the book's).
"""

from __future__ import annotations

from typing import Annotated, Any

from keras import ops

from musegen._checks import Choice, Share, Whole
from musegen.networks.attention import KINDS, CausalAttention
from musegen.networks.base import Network, Tensor, register, sequence_dropout
from musegen.networks.lstm import LSTM
from musegen.settings import Search


@register("attention-lstm")
class AttentionLSTM(Network):
    """LSTM layers, and attention of each position to itself and all before it.

    Raises:
        ValueError: If a setting is out of its range, or `heads` does not divide `units`.
    """

    def __init__(
        self,
        units: Annotated[
            int, Whole(1, 4096), "Size of each LSTM's state", Search([64, 128, 256, 512])
        ] = 256,
        depth: Annotated[int, Whole(1, 8), "LSTM layers", Search([1, 2, 3])] = 2,
        attention: Annotated[
            str,
            Choice(*KINDS),
            "How attention scores; the last two take memory in proportion to the squared length",
            Search([*KINDS]),
        ] = "location",
        heads: Annotated[
            int, Whole(1, 64), "Attention heads; `units` is a multiple of it", Search([1, 2, 4])
        ] = 1,
        attention_size: Annotated[
            int, Whole(1, 4096), "Width of the layer behind an attention score, per head"
        ] = 64,
        head: Annotated[
            str,
            Choice("state_and_context", "context"),
            "What the softmax heads see; the context alone as in the book",
        ] = "state_and_context",
        dropout: Annotated[
            float,
            Share(),
            "Share of outputs dropped in training, the same ones at all steps of a sequence; of "
            "the inputs and of the LSTMs' recurrent weights half of it",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if units % heads:
            raise ValueError(f"heads={heads}: give a number that divides units={units}.")
        self.units, self.depth, self.dropout = units, depth, dropout
        self.attention, self.heads, self.attention_size = attention, heads, attention_size
        self.head = head
        self.lstms = [LSTM(units, dropout / 2, name=f"lstm_{i}") for i in range(1, depth + 1)]
        self.attend = CausalAttention(attention, heads, attention_size, name="attention")
        shares = [dropout / 2] + [dropout] * depth  # of the inputs, and of each LSTM's outputs
        self.drops = [sequence_dropout(share) for share in shares]

    def build(self, input_shape: Any) -> None:
        for lstm in self.lstms:
            lstm.build(input_shape)
            input_shape = (*input_shape[:-1], self.units)
        self.attend.build(input_shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        both = self.head == "state_and_context"
        return (*input_shape[:-1], 2 * self.units if both else self.units)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = self._states(inputs, training)
        return self._seen(x, self.attend(x))

    def _states(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        x = inputs
        for lstm, drop in zip(self.lstms, self.drops):
            x = lstm(drop(x, training=training), training=training)
        return self.drops[-1](x, training=training)

    def attention_map(self, inputs: Tensor) -> Tensor:
        return self.attend.weights_map(self._states(inputs))

    def _seen(self, states: Tensor, contexts: Any) -> Tensor:
        if self.head == "context":
            return contexts
        return ops.concatenate([states, contexts], axis=-1)

    @property
    def input_kernel(self) -> Tensor:
        return self.lstms[0].kernel

    def initial_state(self, batch: int, length: int) -> Any:
        lstms = tuple(lstm.initial_state(batch) for lstm in self.lstms)
        return lstms, self.attend.initial_state(batch, length, self.units)

    def step(self, projected: Tensor, state: Any) -> tuple[Any, Any]:
        (first, *others), attention = state
        x, carry = self.lstms[0].step_gates(projected, first)
        carried = [carry]
        for lstm, carry in zip(self.lstms[1:], others, strict=True):
            x, carry = lstm.step(x, carry)
            carried.append(carry)
        context, attention = self.attend.step(x, attention)
        return self._seen(x, context), (tuple(carried), attention)
