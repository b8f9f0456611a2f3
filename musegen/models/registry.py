"""The models that there are, by the name that a checkpoint has of their class.

A class of models says itself what it can do, and whoever needs to know asks the class:

    family       what `musegen train` calls it, such as "melody"
    writes       the form of its music: "melodies" (`Melody` records), "phrases" (piano rolls) or
                 "voices" (`Voices` records)
    abilities    what else it offers, of "likelihood" (`costs(melodies)`: nats of each event, the
                 past being known), "voices" (`costs(voices)`: nats of each voice at each step) and
                 "critic" (it learns from a critic)
    summary_of   (training record) -> what `musegen train` says of it at the end

Beside these it has `encoding`, `name`, `training_record`, `get_config`, `from_config`,
`saved_weights` (by name), `fit(corpus, ...)` and `sample(...)`. `musegen.diagnosis` also asks for
`networks` (Keras models whose weights belong together, by name) and `gradients(seed, batch)` (the
norm of each weight's gradient, None for a frozen weight); of a model with a likelihood, for
`network` and `input_sizes` (how many ids each input has).
"""

from __future__ import annotations

from typing import Any, TypeVar

from musegen._checks import shown

STATED = ("family", "writes", "abilities", "summary_of", "get_config", "from_config")
"""What a class of models has at least."""

MODELS: dict[str, Any] = {}
"""The classes by their names."""

_Model = TypeVar("_Model", bound=type)


def register(model: _Model) -> _Model:
    """Enters a class of models, so that its checkpoints load; returns the class.

    A subclass of a model is registered in the script that defines it, and that is imported before
    its checkpoints are loaded. A class of the same name and module replaces the one before.

    Raises:
        ValueError: If it is no model, or another module has one of this name.
    """
    if not (isinstance(model, type) and all(hasattr(model, name) for name in STATED)):
        raise ValueError(f"model={shown(model)}: give a class of models, such as of MelodyModel.")
    name = model.__name__
    if name in MODELS and MODELS[name].__module__ != model.__module__:
        raise ValueError(
            f"register({name}): {MODELS[name].__module__} has a model of this name. Give the class "
            "another one."
        )
    MODELS[name] = model
    model.registered_name = name  # type: ignore[attr-defined]
    return model


def is_model(value: Any) -> bool:
    """Returns whether a value is a model of a registered class."""
    return isinstance(value, tuple(MODELS.values()))
