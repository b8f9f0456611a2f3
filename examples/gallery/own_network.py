"""
A network of your own in 60 lines
=================================

A network knows no music: it is a causal Keras layer from ``(batch, time, features)`` to ``(batch,
time, units)`` that can also go one step at a time. Registered under a name, every model takes it.
"""

from typing import Annotated, Any

import keras
from keras import ops

import musegen
from musegen.corpus import Corpus
from musegen.networks import Network, register
from musegen.settings import Whole


@register("window-of-my-own")
class Window(Network):
    """One causal convolution: outputs are computed from the inputs of the last positions."""

    def __init__(
        self,
        units: Annotated[int, Whole(1, 4096), "Size of the outputs"] = 64,
        width: Annotated[int, Whole(1, 1024), "Positions that are seen at a time"] = 8,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.units, self.width = units, width
        self.convolution = keras.layers.Conv1D(
            units, width, padding="causal", activation="tanh", name="convolution"
        )

    def build(self, input_shape: Any) -> None:
        self.convolution.build(input_shape)
        self.features = input_shape[-1]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.convolution(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], self.units)

    def initial_state(self, batch: int, length: int) -> Any:
        return ops.zeros((batch, self.width, self.features))

    def step(self, projected: Any, state: Any) -> tuple[Any, Any]:
        state = ops.concatenate([state[:, 1:], projected[:, None]], axis=1)
        return self.convolution(state)[:, -1], state


# %%
# A model of melodies on it. The settings were declared once, in the signature: from there come
# the check and its message.

model = musegen.MelodyModel(network="window-of-my-own", units=64, width=8)
try:
    musegen.MelodyModel(network="window-of-my-own", width=0)
except ValueError as error:
    print(error)

# %%
# It trains and writes as the others do; after seconds, not well.

sopranos = musegen.corpus.chorales(voices=("soprano",))
few = Corpus("40 sopranos", sopranos.train[:40] + sopranos.validation[:10] + sopranos.test[:10])
history = model.fit(few, epochs=3, batch_size=16, learning_rate=5e-3, average=0.5, verbose=0)
print([round(nats, 2) for nats in history.history["val_nats"]])
piece = model.sample(notes=24, seed=1)
print(piece)
picture = piece.plot()
