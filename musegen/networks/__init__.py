"""Networks: causal layers that know no music, each in a file of its own.

A network takes what is known at each position of a sequence and returns what the model's heads see
there. The contract, for any `batch` and `time`:

    conditions                     how many features, the last ones, are known without the past;
                                   the model sets it before `build`, a network may use it or not
    build(shape)                   makes all weights from `(batch, time, features)`
    call(inputs, training)         whole sequences, `(batch, time, features)` to
                                   `(batch, time, units)`; position t sees positions 0 ... t only
    compute_output_shape(shape)    `(batch, time, units)`
    initial_state(batch, length)   what a step carries: a structure of tensors of fixed shapes
    input_kernel                   optional: the matrix of the linear map that it begins with, which
                                   `step` needs not do
    step(projected, state)         one position: outputs `(batch, units)`, and the new state
    attention_map(inputs)          optional: `(batch, heads, time, attended time)`
    dropout                        optional: the share that it drops, and so do the model's heads
    reads                          optional: true if it writes each phrase after reading the one
                                   before; `call`, `attention_map` and `step` then take `begins` at
                                   last, `(batch, time)` or `(batch,)`: whether with what follows
                                   the position a phrase begins

Step by step it computes what `call` computes. The settings of a network are the arguments of its
`__init__`, each declared once (`musegen.settings`) and kept as an attribute of its name, and
`@register("name")` enters it: that is all there is to add. Every model takes any network by its
name, and finds its settings in the table `NETWORKS`.

A network of steps and voices (`GridNetwork`, the table `GRID_NETWORKS`) works on a grid as on an
image. Only models of voices take it; they take the others, too:

    conditions                     how many features each step has that are known without the past
    build(shape)                   makes all weights from `(batch, steps, voices, features)`
    call(inputs, conditions,       whole pieces, to `(batch, steps, voices, units)`; a cell sees the
         training)                 steps before its own, and of its own the voices up to itself
    compute_output_shape(shape)    `(batch, steps, voices, units)`
    initial_state(batch, length)   what steps and cells carry
    begin(conditions, state)       begins a step: the new state
    cell(inputs, place, state)     one voice of it after the other: outputs `(batch, units)`, and
                                   the new state
    dropout                        optional: the share that it drops
"""

import pkgutil
from importlib import import_module

import musegen._keras  # noqa: F401 - says what is wrong with the engine
from musegen.networks.base import (
    GRID_NETWORKS,
    NETWORKS,
    DeclaredNetwork,
    GridNetwork,
    Network,
    Tensor,
    build_network,
    network_class,
    register,
)

__all__ = [
    "GRID_NETWORKS",
    "NETWORKS",
    "DeclaredNetwork",
    "GridNetwork",
    "Network",
    "Tensor",
    "build_network",
    "network_class",
    "register",
]

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
