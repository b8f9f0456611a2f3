"""What every network is: a causal layer that also runs step by step, and the tables of them.

There are two kinds: a `Network` works on a sequence, and a `GridNetwork` on steps and voices.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar

import keras

from musegen._checks import Choice, shown
from musegen.settings import declared, settings_of

Tensor: TypeAlias = Any
"""An array of the engine that Keras runs on, float32 unless said otherwise."""

NETWORKS: dict[str, type[Network]] = {}
"""The networks of sequences, by name."""

GRID_NETWORKS: dict[str, type[GridNetwork]] = {}
"""The networks of steps and voices, by name; no name is in both tables."""

_Network = TypeVar("_Network", bound="type[DeclaredNetwork]")


class DeclaredNetwork(keras.layers.Layer):
    """What both kinds have: settings that are declared, and kept as attributes of their names."""

    registered_name: ClassVar[str]
    conditions: int = 0
    """How many features are known without the past; the model sets it before `build`."""

    reads: ClassVar[bool] = False
    """Whether it reads a phrase before it writes the next one, and so is told where they begin."""

    dropout: float = 0.0
    """Share of outputs that it drops in training, and so do the heads of a model."""

    def get_config(self) -> dict[str, Any]:
        """Returns the settings as plain JSON values."""
        missing = [name for name in settings_of(type(self)) if not hasattr(self, name)]
        if missing:
            raise ValueError(
                f"{type(self).__name__} has no attribute {missing[0]!r}: keep each setting as an "
                "attribute of its name."
            )
        return {name: getattr(self, name) for name in settings_of(type(self))}


class Network(DeclaredNetwork):
    """A causal layer, `(batch, time, features)` to `(batch, time, units)`.

    The package's docstring has the contract. A subclass declares its settings in `__init__`, keeps
    each as an attribute of its name, and writes `build`, `call`, `initial_state` and `step`.

    The conditions are the last features: in a melody position, bar and meter of the event to be
    predicted. A network may treat them in a way of their own, as WaveNet does.
    """

    @property
    def input_kernel(self) -> Tensor | None:
        """The matrix `(features, size)` that the network multiplies its inputs by first, if any.

        `step` takes what it makes of them: sampling multiplies each row of an embedding's table
        once, instead of what was looked up at each step.
        """
        return None

    def initial_state(self, batch: int, length: int) -> Any:
        """Returns what `step` carries, before the first of at most `length` steps.

        Args:
            batch: Sequences at a time.
            length: Steps at most.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `initial_state`: see Network.")

    def step(self, projected: Tensor, state: Any) -> tuple[Any, Any]:
        """Runs one step, as sampling does.

        Args:
            projected: The inputs of one position times `input_kernel`, `(batch, size)`; without
                such a matrix the inputs, `(batch, features)`.
            state: From `initial_state` or the step before.

        Returns:
            The outputs `(batch, units)`, and the new state in the same structure.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `step`: see Network.")

    def attention_map(self, inputs: Tensor) -> Tensor | None:
        """Computes how much each position attends to each.

        Args:
            inputs: As of `call`, `(batch, time, features)`.

        Returns:
            `(batch, heads, time, attended time)`, rows sum to 1; None without attention.
        """
        return None


class GridNetwork(DeclaredNetwork):
    """A causal layer of steps and voices, as on an image whose rows are the steps.

    A *cell* is a voice at a step. Voices are in the order in which they are written, and what is
    known before a cell is in its own inputs. The output at step t of voice v is computed from the
    cells of the steps before, and from those of step t up to voice v itself. A subclass declares
    its settings as a `Network` does, and writes `build`, `call`, `compute_output_shape`,
    `initial_state`, `begin` and `cell`.
    """

    def build(self, input_shape: Any) -> None:
        """Makes all weights, of the shape `(batch, steps, voices, features)` and `conditions`."""
        raise NotImplementedError(f"{type(self).__name__} has no `build`: see GridNetwork.")

    def call(self, inputs: Tensor, conditions: Tensor, training: bool | None = None) -> Tensor:
        """Computes the outputs of whole pieces.

        Args:
            inputs: `(batch, steps, voices, features)`.
            conditions: What is known of each step without the past, `(batch, steps, conditions)`.
            training: Whether to drop.

        Returns:
            `(batch, steps, voices, units)`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `call`: see GridNetwork.")

    def initial_state(self, batch: int, length: int) -> Any:
        """Returns what steps and cells carry, before the first of at most `length` steps.

        Args:
            batch: Pieces at a time.
            length: Steps at most.

        Returns:
            A structure of tensors, whose shapes `begin` and `cell` keep.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `initial_state`: see GridNetwork.")

    def begin(self, conditions: Tensor, state: Any) -> Any:
        """Begins a step, as sampling does.

        Args:
            conditions: Those of the step, `(batch, conditions)`.
            state: From `initial_state` or the last cell of the step before.

        Returns:
            The new state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `begin`: see GridNetwork.")

    def cell(self, inputs: Tensor, place: Any, state: Any) -> tuple[Any, Any]:
        """Runs one cell: of each step the first voice, then the second, and so on.

        Args:
            inputs: `(batch, features)`.
            place: The voice's number in the order of writing, an int32 tensor.
            state: From `begin` or the cell before.

        Returns:
            The outputs `(batch, units)`, and the new state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `cell`: see GridNetwork.")


def sequence_dropout(share: float, **options: Any) -> keras.layers.Layer:
    """Returns a dropout that has one mask for all time steps of a sequence.

    After Gal and Ghahramani (2016), "A theoretically grounded application of dropout in recurrent
    neural networks", section 4.
    """
    return keras.layers.Dropout(share, noise_shape=(None, 1, None), **options)


def row_dropout(share: float, **options: Any) -> keras.layers.Layer:
    """Returns a dropout that has one mask for all steps of each voice of a grid."""
    return keras.layers.Dropout(share, noise_shape=(None, 1, None, None), **options)


def register(name: str) -> Callable[[_Network], _Network]:
    """Enters a network in its table: models, checkpoints and the command line know it by `name`."""

    def enter(network: _Network) -> _Network:
        there = all_networks().get(name) or network
        if (there.__module__, there.__qualname__) != (network.__module__, network.__qualname__):
            raise ValueError(f"name={shown(name)} is taken by {there.__qualname__}: give another.")
        declared(keras.saving.register_keras_serializable("musegen")(network))
        for parameter in inspect.signature(network.__init__).parameters.values():
            named = parameter.kind is not inspect.Parameter.VAR_KEYWORD and parameter.name != "self"
            if named and parameter.name not in settings_of(network):
                raise ValueError(
                    f"{network.__qualname__}: the argument {parameter.name!r} is not declared as a "
                    'setting, such as `units: Annotated[int, Whole(1, 4096), "Size"] = 256`.'
                )
        network.registered_name = name
        table: dict[str, Any] = GRID_NETWORKS if issubclass(network, GridNetwork) else NETWORKS
        table[name] = network
        return network

    return enter


def network_class(name: Any, grid: bool = False, argument: str = "network=") -> type[Any]:
    """Returns the class of a network.

    Args:
        name: Its name.
        grid: Whether one that works on steps and voices will do, too.
        argument: What a message calls the name.

    Raises:
        ValueError: If there is no such network, or it is of the other kind.
    """
    table = all_networks() if grid else dict[str, Any](NETWORKS)
    if isinstance(name, str) and name in table:
        return table[name]
    says = f"{argument}{shown(name)}: "
    if isinstance(name, str) and name in GRID_NETWORKS:
        says += "a network of steps and voices, which models of voices take (VoiceModel). Else "
    more = ", or import the module that registers it" if argument == "network=" else ""
    raise ValueError(f"{says}{Choice(*table).allowed}{more}.")


def build_network(
    network: str | DeclaredNetwork, settings: Mapping[str, Any], grid: bool = False
) -> Any:
    """Returns a network that is given by name and settings, or as itself.

    Args:
        network: The name of one, or a network of a class in the tables.
        settings: The settings of one that is given by name; the others are its defaults.
        grid: Whether one that works on steps and voices will do, too.

    Returns:
        The network, without weights yet.

    Raises:
        ValueError: If there is no such network or setting, or a setting is out of its range.
    """
    if isinstance(network, str):
        kind = network_class(network, grid)
        names = settings_of(kind)
        if unknown := sorted(settings.keys() - names.keys()):
            raise ValueError(
                f"{unknown[0]}={shown(settings[unknown[0]])}: the network {network!r} has no such "
                f"setting; it has {', '.join(names) or 'no settings'}."
            )
        return kind(name="network", **settings)
    if type(network) not in all_networks().values():
        raise ValueError(
            f"network={shown(network)}: give the name of a network, {', '.join(NETWORKS)}, or a "
            "layer of a class that is entered with `musegen.networks.register`."
        )
    network_class(network.registered_name, grid)
    if settings:
        name = next(iter(settings))
        raise ValueError(f"{name}={shown(settings[name])}: a network that is given has its own.")
    return type(network)(name="network", **network.get_config())


def all_networks() -> dict[str, Any]:
    """Returns the networks of both kinds, by name."""
    return {**NETWORKS, **GRID_NETWORKS}
