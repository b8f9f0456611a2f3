"""What every network is: a causal layer that also runs step by step, and the table of them."""

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
"""The networks by name."""

_Network = TypeVar("_Network", bound="type[Network]")


class Network(keras.layers.Layer):
    """A causal layer, `(batch, time, features)` to `(batch, time, units)`.

    The package's docstring has the contract. A subclass declares its settings in `__init__`, keeps
    each as an attribute of its name, and writes `build`, `call`, `initial_state` and `step`.
    """

    registered_name: ClassVar[str]
    conditions: int = 0
    """How many of the features, the last ones, are known without the past.

    In a melody these are position, bar and meter of the event to be predicted. The model sets it
    before `build`, and a network may treat these features in a way of their own, as WaveNet does.
    """

    reads: ClassVar[bool] = False
    """Whether it reads a phrase before it writes the next one, and so is told where they begin."""

    dropout: float = 0.0
    """Share of outputs that it drops in training, and so do the heads of a model."""

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

    def get_config(self) -> dict[str, Any]:
        """Returns the settings as plain JSON values."""
        missing = [name for name in settings_of(type(self)) if not hasattr(self, name)]
        if missing:
            raise ValueError(
                f"{type(self).__name__} has no attribute {missing[0]!r}: keep each setting as an "
                "attribute of its name."
            )
        return {name: getattr(self, name) for name in settings_of(type(self))}


def sequence_dropout(share: float, **options: Any) -> keras.layers.Layer:
    """Returns a dropout that has one mask for all time steps of a sequence.

    After Gal and Ghahramani (2016), "A theoretically grounded application of dropout in recurrent
    neural networks", section 4.
    """
    return keras.layers.Dropout(share, noise_shape=(None, 1, None), **options)


def register(name: str) -> Callable[[_Network], _Network]:
    """Enters a network in the table: models, checkpoints and the command line know it by `name`."""

    def enter(network: _Network) -> _Network:
        there = NETWORKS.get(name) or network
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
        NETWORKS[name] = network
        return network

    return enter


def build_network(network: str | Network, settings: Mapping[str, Any]) -> Network:
    """Returns a network that is given by name and settings, or as itself.

    Args:
        network: One of `NETWORKS`, or a network of a class in that table.
        settings: The settings of one that is given by name; the others are its defaults.

    Returns:
        The network, without weights yet.

    Raises:
        ValueError: If there is no such network or setting, or a setting is out of its range.
    """
    if isinstance(network, str):
        if network not in NETWORKS:
            raise ValueError(
                f"network={shown(network)}: {Choice(*NETWORKS).allowed}, or import the module that "
                "registers it."
            )
        kind = NETWORKS[network]
        names = settings_of(kind)
        if unknown := sorted(settings.keys() - names.keys()):
            raise ValueError(
                f"{unknown[0]}={shown(settings[unknown[0]])}: the network {network!r} has no such "
                f"setting; it has {', '.join(names) or 'no settings'}."
            )
        return kind(name="network", **settings)
    if type(network) not in NETWORKS.values():
        raise ValueError(
            f"network={shown(network)}: give the name of a network, {', '.join(NETWORKS)}, or a "
            "layer of a class that is entered with `musegen.networks.register`."
        )
    if settings:
        name = next(iter(settings))
        raise ValueError(f"{name}={shown(settings[name])}: a network that is given has its own.")
    return type(network)(name="network", **network.get_config())
