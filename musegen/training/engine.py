"""What differs between Keras's engines, TensorFlow and JAX: gradients, and steps that change state.

TensorFlow records what is computed, and a variable is changed where it stands. JAX differentiates
and compiles functions of values alone: there a step runs in a `keras.StatelessScope`, in which each
variable has the value that is given, and what it is changed to is read off at the end. Everything
else of a model is written in `keras.ops`, once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

ENGINES = ("tensorflow", "jax")
"""The engines on which there are gradients of gradients here."""

Variables = Sequence[keras.Variable]


def input_gradients(critic: Any, planes: Any) -> Any:
    """Computes the gradient of each phrase's score by its planes, of the planes' shape."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.grad(lambda values: ops.sum(critic(values, training=True)))(planes)
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(planes)
        scores = critic(planes, training=True)
    return tape.gradient(scores, planes)


def value_and_gradients(
    function: Callable[[], Any], variables: Variables, state: Variables = ()
) -> Any:
    """Calls a function; returns its values, and the gradients of the first of them, a number.

    Args:
        function: It returns a tuple.
        variables: By which the gradients are.
        state: What else it may see or change, where it runs within `stateless_step`.
    """
    if keras.backend.backend() != "jax":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            values = function()
        return values, tape.gradient(values[0], list(variables))
    import jax

    taken = {id(variable) for variable in variables}
    state = [variable for variable in state if id(variable) not in taken]

    def of(given: list[Any]) -> Any:
        both = [*given, *(one.value for one in state)]
        values, changed = _on_values(function, [*variables, *state], both)
        return values[0], (values, changed[len(variables) :])

    differentiated = jax.value_and_grad(of, has_aux=True)
    (_, (values, changed)), gradients = differentiated([one.value for one in variables])
    for variable, value in zip(state, changed, strict=True):
        variable.assign(value)
    return values, gradients


def run_if(condition: Any, function: Callable[[], Any], state: Variables) -> None:
    """Calls a function if a condition, a boolean tensor, holds; what it changes is in `state`."""
    if keras.backend.backend() != "jax":
        ops.cond(condition, lambda: (function(), ops.zeros(()))[1], lambda: ops.zeros(()))
        return

    def branch(given: list[Any]) -> list[Any]:
        return _on_values(function, state, given)[1]

    import jax

    values = jax.lax.cond(condition, branch, lambda given: given, [one.value for one in state])
    for variable, value in zip(state, values, strict=True):
        variable.assign(value)


def stateless_step(
    step: Callable[[Any], Any], groups: Sequence[Variables], arguments: Sequence[Any]
) -> Any:
    """Takes a step as Keras's `train_step` of the engine in use does.

    Args:
        step: From a batch to figures by name; it changes variables.
        groups: The variables, in the groups in which Keras hands their values under JAX.
        arguments: Those of `train_step`: a batch, and under JAX the values before it.

    Returns:
        The figures, and under JAX the values after the step beside them.
    """
    if keras.backend.backend() != "jax":
        return step(*arguments)
    state, batch = arguments
    variables, values = keras.tree.flatten(list(groups)), keras.tree.flatten(state)
    figures, changed = _on_values(lambda: step(batch), variables, values)
    return figures, keras.tree.pack_sequence_as(state, changed)


def _on_values(
    function: Callable[[], Any], variables: Variables, values: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """Calls a function while variables have some values; returns its result, and theirs then."""
    mapping = list(zip(variables, values, strict=True))
    with keras.StatelessScope(state_mapping=mapping) as scope:
        found = function()
    return found, [scope.get_current_value(one) for one in variables]
