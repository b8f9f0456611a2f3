"""What is seen of the past at each voice of a step: by a network of sequences, or by one of a grid.

A *cell* is a voice at a step. What is known before it comes in three parts:

    past          of all voices together, `(batch, steps, width)`
    conditions    place in the meter and what is given, `(batch, steps, conditions)`
    cells         of the voice, and of those that are known at the step, `(batch, steps, voices,
                  width)`

`StepCells` lets a `Network` carry the first two from step to step, and adds the third by two
layers: what voices do at a step is not carried on as such, but as the past of the next. `GridCells`
gives all of it to a `GridNetwork`, which goes over the cells themselves. Either returns what the
heads see of each cell, and what the end of the piece is predicted from: nothing of the step itself.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.networks import GridNetwork, Network, Tensor
from musegen.networks.base import row_dropout


class StepCells(keras.layers.Layer):
    """A network for all voices together, and two layers for each.

    Args:
        network: The network.
        width: Size of what is seen of a cell.
        given: How many of the conditions, the last ones, are of what is given.
    """

    def __init__(self, network: Network, width: int, given: int, **options: Any) -> None:
        super().__init__(**options)
        self.network, self.width, self.given = network, width, given
        self.from_network = keras.layers.Dense(width, name="from_network")
        self.from_given = keras.layers.Dense(width, use_bias=False, name="from_given")
        self.first_layer = keras.layers.Dense(width, "gelu", name="first_layer")
        self.second_layer = keras.layers.Dense(width, "gelu", name="second_layer")
        self.drops = {
            name: row_dropout(network.dropout, name=f"drop_{name}") for name in ("first", "second")
        }

    def make_weights(self, conditions: int) -> None:
        """Makes all weights, under names without that of this layer."""
        shape = (None, None, self.width + conditions)
        self.network.conditions = conditions
        self.network.build(shape)
        seen = self.network.compute_output_shape(shape)
        self.from_network.build(seen)
        self.from_given.build((*shape[:-1], self.given))
        for layer in (self.first_layer, self.second_layer):
            layer.build((*shape[:-1], self.width))
        self.built = True
        self.sizes = self.width, seen[-1]
        """Of what the heads see, and of what the end is predicted from."""

    def call(
        self, past: Tensor, conditions: Tensor, cells: Tensor, training: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns what the heads see of each cell, and what the end before each step is seen from.

        They are `(batch, steps, voices, size)` and `(batch, steps, size)`: see `sizes`.
        """
        seen = self.network(ops.concatenate([past, conditions], axis=-1), training=training)
        return self._joined(cells, self._base(seen, conditions)[:, :, None], training), seen

    def _base(self, seen: Tensor, conditions: Tensor) -> Tensor:
        return self.from_network(seen) + self.from_given(conditions[..., -self.given :])

    def _joined(self, cells: Tensor, base: Tensor, training: bool | None = None) -> Tensor:
        x = ops.gelu(cells + base)
        x = self.first_layer(self.drops["first"](x, training=training))
        x = x + self.second_layer(x)
        return self.drops["second"](x, training=training)

    # === Step by step ===

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        """Returns what is carried, before the first of at most `length` steps."""
        return {
            "network": self.network.initial_state(batch, length),
            "base": ops.zeros((batch, self.width)),
            "end": ops.zeros((batch, self.sizes[1])),
        }

    def begin(self, past: Tensor, conditions: Tensor, state: dict[str, Any]) -> dict[str, Any]:
        """Begins a step, with `(batch, width)` and `(batch, conditions)`; returns the new state."""
        features = ops.concatenate([past, conditions], axis=-1)
        kernel = self.network.input_kernel
        projected = features if kernel is None else ops.matmul(features, kernel)
        seen, network = self.network.step(projected, state["network"])
        return {"network": network, "base": self._base(seen, conditions), "end": seen}

    def cell(
        self, cells: Tensor, place: Any, state: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        """Returns what the heads see of one cell, `(batch, width)`, and the new state.

        Args:
            cells: What is known before it, `(batch, width)`.
            place: Its number in the order of writing.
            state: From `begin` or the cell before.
        """
        return self._joined(cells, state["base"]), state

    def kept(self, cells: Any, place: Any, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the new state of a cell that no head looks at.

        As of `cell`, but that `cells` computes what is known before it, if need be.
        """
        return state

    def end(self, state: dict[str, Any]) -> Tensor:
        """Returns what the end before a step is predicted from, once its cells were run."""
        return state["end"]


class GridCells(keras.layers.Layer):
    """A network of the grid; the end is predicted from the first voice that is written.

    What is known before that cell is the past, and what is given.

    Args:
        network: The network.
        width: Size of what is known before a cell.
        written: The order in which the voices are written.
    """

    def __init__(
        self, network: GridNetwork, width: int, written: list[int], **options: Any
    ) -> None:
        super().__init__(**options)
        self.network, self.width, self.written = network, width, written
        self.rank = [written.index(voice) for voice in range(len(written))]

    def make_weights(self, conditions: int) -> None:
        """Makes all weights, under names without that of this layer."""
        shape = (None, None, len(self.written), self.width)
        self.network.conditions = conditions
        self.network.build(shape)
        self.built = True
        units = self.network.compute_output_shape(shape)[-1]
        self.sizes = units, units
        """Of what the heads see, and of what the end is predicted from."""

    def call(
        self, past: Tensor, conditions: Tensor, cells: Tensor, training: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns what the heads see of each cell, and what the end before each step is seen from.

        They are `(batch, steps, voices, size)` and `(batch, steps, size)`: see `sizes`.
        """
        x = ops.take(ops.gelu(cells + past[:, :, None]), self.written, axis=2)
        seen = self.network(x, conditions, training=training)
        return ops.take(seen, self.rank, axis=2), seen[:, :, 0]

    # === Step by step: see `StepCells` ===

    def initial_state(self, batch: int, length: int) -> dict[str, Any]:
        """Returns what is carried, before the first of at most `length` steps."""
        return {
            "network": self.network.initial_state(batch, length),
            "past": ops.zeros((batch, self.width)),
            "end": ops.zeros((batch, self.sizes[1])),
        }

    def begin(self, past: Tensor, conditions: Tensor, state: dict[str, Any]) -> dict[str, Any]:
        """Begins a step; returns the new state."""
        network = self.network.begin(conditions, state["network"])
        return {**state, "network": network, "past": past}

    def cell(
        self, cells: Tensor, place: Any, state: dict[str, Any]
    ) -> tuple[Tensor, dict[str, Any]]:
        """Returns what the heads see of one cell, and the new state."""
        x = ops.gelu(cells + state["past"])
        seen, network = self.network.cell(x, place, state["network"])
        end = ops.where(ops.equal(place, 0), seen, state["end"])
        return seen, {**state, "network": network, "end": end}

    def kept(self, cells: Any, place: Any, state: dict[str, Any]) -> dict[str, Any]:
        """Returns the new state of a cell that no head looks at."""
        return self.cell(cells(), place, state)[1]

    def end(self, state: dict[str, Any]) -> Tensor:
        """Returns what the end before a step is predicted from, once its cells were run."""
        return state["end"]


def cells_of(
    network: Network | GridNetwork, width: int, written: list[int], given: int
) -> StepCells | GridCells:
    """Returns the layer for a network; see `StepCells` and `GridCells`."""
    if isinstance(network, GridNetwork):
        return GridCells(network, width, written, name="cells")
    return StepCells(network, width, given, name="cells")
