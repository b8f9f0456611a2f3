"""The encoder-decoder with attention of Bahdanau et al. (2015): a phrase is read, and answered.

    inputs of the phrase before
      -> a recurrent layer in each direction    annotations (source, 2 * encoder_units)
    inputs of this phrase so far
      -> one that attends to the annotations    (time, units)
      -> state and context                      (time, units + 2 * encoder_units)

The encoder reads a phrase whole, in both directions; the annotation of a position is the two states
there (section 3.2, appendix A.2.1). The decoder writes the phrase that follows. Before each step
the alignment model compares its last state with every annotation (section 3.1, appendix A.1.2),

    e_ij = v . tanh(W s_{i-1} + U h_j),    a_i = softmax(e_i),    c_i = sum over j of a_ij h_j,

and the context c_i goes into the gates and the candidate of its gated hidden unit beside the input
(appendix A.2.2). It begins at each phrase with s_0 = tanh(W_s h_1), h_1 being the backward state at
the first position of the phrase that was read.

It differs from the paper in these. All phrases of a sequence are read and answered in one pass;
where one begins, the model says. The first phrase has none before it, and reads the first position
alone. The paper's deep output layer with maxout is left out: the outputs are the state s_i and the
context c_i, and what is made of them is the model's affair.

Training takes memory in proportion to the squared length of a sequence, since the alignment is
computed for each position and all before it, and then masked. A step of sampling does not: it keeps
the annotations of one phrase, `MOST` positions at most. A phrase that is longer is cut.
"""

from __future__ import annotations

from typing import Annotated, Any

import keras
from keras import ops

from musegen._checks import Share, Whole
from musegen.networks.base import Network, Tensor, register, sequence_dropout
from musegen.networks.gru import attend, attentive_gru, gru, gru_step
from musegen.settings import Search

MOST = 64
"""Positions of a phrase; a longer one is cut."""


@register("encoder-decoder")
class EncoderDecoder(Network):
    """A decoder that attends to the phrase before its own, which an encoder has read."""

    reads = True

    def __init__(
        self,
        units: Annotated[
            int, Whole(1, 4096), "Size of the decoder's state", Search([64, 128, 256, 512])
        ] = 256,
        encoder_units: Annotated[
            int,
            Whole(1, 4096),
            "Size of the encoder's state in each of the two directions",
            Search([64, 128, 256]),
        ] = 128,
        attention_size: Annotated[
            int, Whole(1, 4096), "Width of the layer behind an attention score"
        ] = 64,
        dropout: Annotated[
            float,
            Share(),
            "Share of inputs and outputs dropped in training, the same ones at all steps of a "
            "sequence",
            Search((0.0, 0.5)),
        ] = 0.2,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.encoder_units = units, encoder_units
        self.attention_size, self.dropout = attention_size, dropout
        self.drop_inputs, self.drop_outputs = (sequence_dropout(dropout) for _ in range(2))

    def build(self, input_shape: Any) -> None:
        units, encoder, size = self.units, self.encoder_units, self.attention_size
        both = 2 * encoder
        gates = 3 * (units + both)  # of the decoder, and of the encoder forward and backward
        shapes = {
            "kernel": (input_shape[-1], gates),
            "start_kernel": (encoder, units),
            "context_kernel": (both, 3 * units),
            "query_kernel": (units, size),
            "key_kernel": (both, size),
        }
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(name=name, shape=shape))
        self.recurrent_kernels = {
            name: self.add_weight(
                name=f"{name}_recurrent_kernel", shape=(width, 3 * width), initializer="orthogonal"
            )
            for name, width in (("decoder", units), ("forward", encoder), ("backward", encoder))
        }
        self.bias = self.add_weight(name="bias", shape=(gates,), initializer="zeros")
        self.vector = self.add_weight(
            name="vector", shape=(size,), initializer=keras.initializers.RandomNormal(stddev=0.1)
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units + 2 * self.encoder_units)

    # === Whole sequences ===

    def call(self, inputs: Tensor, begins: Tensor = False, training: bool | None = None) -> Tensor:
        inputs = self.drop_inputs(inputs, training=training)
        states, weights, annotations = self._decoded(inputs, begins)
        outputs = ops.concatenate([states, ops.matmul(weights, annotations)], axis=-1)
        return self.drop_outputs(outputs, training=training)

    def attention_map(self, inputs: Tensor, begins: Tensor = False) -> Tensor:
        return self._decoded(inputs, begins)[1][:, None]

    def _decoded(self, inputs: Tensor, begins: Tensor) -> tuple[Any, Any, Any]:
        """The states `(batch, time, units)`, the attention, and the annotations."""
        begins = _cut(ops.broadcast_to(ops.cast(begins, "bool"), ops.shape(inputs)[:2]))
        decoder, forward, backward = self._split(ops.matmul(inputs, self.kernel))
        # The position at which a phrase begins has, as input, the last event of the phrase before.
        first = ops.pad(begins[:, :-1], ((0, 0), (1, 0)), constant_values=True)
        ahead = self._encoded("forward", forward, first)
        back = self._encoded("backward", ops.flip(backward, axis=1), ops.flip(begins, axis=1))
        back = ops.flip(back, axis=1)
        annotations = ops.concatenate([ahead, back], axis=-1)
        keys = ops.matmul(annotations, self.key_kernel)
        number = ops.cumsum(ops.cast(begins, "int32"), axis=1)
        read = ops.pad(number[:, :-1], ((0, 0), (1, 0)))
        source = ops.equal(number[:, :, None], read[:, None] + 1)
        of_first = ops.cast(ops.logical_and(source, first[:, None]), back.dtype)
        starts = ops.tanh(ops.matmul(ops.matmul(of_first, back), self.start_kernel))

        outputs = attentive_gru(
            *(_time_first(one) for one in (decoder, starts, _number(begins)[..., None])),
            _time_first(_number(source)),
            keys,
            annotations,
            *(
                # Copies, since TensorFlow takes no variable into a function with its own gradient.
                ops.copy(one)
                for one in (
                    self.recurrent_kernels["decoder"],
                    self.context_kernel,
                    self.query_kernel,
                    self.vector,
                )
            ),
        )
        outputs = _time_first(outputs)
        return outputs[..., : self.units], outputs[..., self.units :], annotations

    def _encoded(self, name: str, gates: Tensor, begins: Tensor) -> Tensor:
        """The states of one direction, which begins anew where a phrase does."""
        kernel = ops.copy(self.recurrent_kernels[name])
        return _time_first(gru(_time_first(gates), _time_first(_number(begins)[..., None]), kernel))

    def _split(self, projected: Tensor) -> Any:
        """What goes into the decoder, and into the encoder forward and backward."""
        decoder, encoder = 3 * self.units, 3 * self.encoder_units
        return ops.split(projected + self.bias, [decoder, decoder + encoder], axis=-1)

    # === Step by step ===

    @property
    def input_kernel(self) -> Tensor:
        return self.kernel

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        most, units, encoder = min(length, MOST), self.units, self.encoder_units
        return {
            "state": ops.zeros((batch, units)),
            # The phrase that is answered:
            "annotations": ops.zeros((batch, most, 2 * encoder)),
            "keys": ops.zeros((batch, most, self.attention_size)),
            "source": ops.zeros((batch,), "int32"),
            # What is read of the phrase that is written:
            "forward": ops.zeros((batch, encoder)),
            "ahead": ops.zeros((batch, most, encoder)),
            "backward": ops.zeros((batch, most, 3 * encoder)),
            "read": ops.zeros((batch,), "int32"),
            "time": ops.zeros((), "int32"),
        }

    def step(
        self, projected: Tensor, state: dict[str, Any], begins: Tensor = False
    ) -> tuple[Any, Any]:
        projected, forward, backward = self._split(projected)
        slots = ops.arange(state["ahead"].shape[1])
        here = ops.equal(slots, state["read"][:, None])[..., None]
        forward = gru_step(forward, state["forward"], self.recurrent_kernels["forward"])
        ahead = ops.where(here, forward[:, None], state["ahead"])
        backward = ops.where(here, backward[:, None], state["backward"])
        read = state["read"] + 1
        begins = ops.logical_or(ops.cast(begins, "bool"), ops.equal(read, MOST))
        begins = ops.logical_or(begins, ops.equal(state["time"], 0))

        # === Where a phrase begins, the one before is read backward ===
        count = ops.where(begins, read, 0)

        def goes_on(place: Any, *_: Any) -> Any:
            return place >= 0

        def back(place: Any, hidden: Any, annotations: Any, keys: Any) -> Any:
            new = gru_step(backward[:, place], hidden, self.recurrent_kernels["backward"])
            inside = (place < count)[:, None]
            hidden = ops.where(inside, new, hidden)
            annotation = ops.concatenate([ahead[:, place], hidden], axis=-1)
            key = ops.matmul(annotation, self.key_kernel)
            annotations = _set(annotations, place, annotation, inside)
            return place - 1, hidden, annotations, _set(keys, place, key, inside)

        nothing = ops.zeros_like(forward)
        loop = (ops.max(count) - 1, nothing, state["annotations"], state["keys"])
        _, hidden, annotations, keys = ops.while_loop(goes_on, back, loop)
        source = ops.where(begins, read, state["source"])
        begin = begins[:, None]
        start = ops.where(begin, ops.tanh(ops.matmul(hidden, self.start_kernel)), state["state"])

        seen = slots < source[:, None]
        weights = attend(start, keys, seen, self.query_kernel, self.vector)
        context = ops.matmul(weights[:, None], annotations)[:, 0]
        projected = projected + ops.matmul(context, self.context_kernel)
        new = gru_step(projected, start, self.recurrent_kernels["decoder"])
        return ops.concatenate([new, context], axis=-1), {
            "state": new,
            "annotations": annotations,
            "keys": keys,
            "source": source,
            "forward": ops.where(begin, nothing, forward),
            "ahead": ahead,
            "backward": backward,
            "read": ops.where(begins, 0, read),
            "time": state["time"] + 1,
        }


def _cut(begins: Tensor) -> Tensor:
    """Where phrases begin, `(batch, time)`: at the first position too, and after `MOST`."""
    time = ops.arange(ops.shape(begins)[1])
    before = ops.logical_and(time <= time[:, None], begins[:, None])
    start = ops.max(ops.where(before, time, 0), axis=-1)
    return ops.equal((time - start) % MOST, 0)


def _set(rows: Tensor, place: Any, row: Tensor, where: Tensor) -> Tensor:
    """Puts `row` at a place of `rows`, `(batch, places, width)`, where so."""
    row = ops.where(where, row, rows[:, place])
    return ops.slice_update(rows, [0, place, 0], row[:, None])


def _number(flags: Tensor) -> Tensor:
    return ops.cast(flags, "float32")


def _time_first(values: Tensor) -> Tensor:
    """Changes batch and time, or time and batch."""
    return ops.transpose(values, (1, 0, *range(2, len(values.shape))))
