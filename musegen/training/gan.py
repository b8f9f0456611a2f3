"""What a critic and a generator learn from one batch: losses, and how the critic is held.

The critic scores real and written music; a loss says what it and the generator make of the scores.

    loss           critic, to be made small           generator           source
    wasserstein    mean(written) - mean(real)         -mean(written)      Arjovsky, Chintala and
                                                                          Bottou 2017, equation 2

With the Wasserstein loss the mean difference of the scores estimates the Wasserstein-1 distance
between real and written music, as far as the critic's slope is at most 1. How it is held is a
choice of its own:

    gradient_penalty   the squared distance from 1 of the gradient's norm, at a point drawn evenly
                       from the straight line between a real and a written phrase (Gulrajani et al.
                       2017, section 4); the norm is over all axes of the phrase
    weight_clipping    every weight is clipped after each step (Arjovsky et al., algorithm 1)
    nothing            it is not held
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from musegen.networks.base import Tensor
from musegen.training.engine import input_gradients, value_and_gradients

LIPSCHITZ = ("gradient_penalty", "weight_clipping", "nothing")
LEAST_SQUARE = 1e-12  # under the root, whose slope at 0 is infinite


class Loss(NamedTuple):
    """What scores `(batch,)` or `(batch, tracks)` are to critic and generator, example by example.

    Attributes:
        critic: From the scores of real and of written music to what the critic makes small.
        generator: From the scores of written music to what the generator makes small.
    """

    critic: Callable[[Any, Any], Any]
    generator: Callable[[Any], Any]


LOSSES = {
    "wasserstein": Loss(
        critic=lambda real, written: written - real, generator=lambda written: -written
    ),
}
"""The losses by name."""


def gradient_norms(
    function: Callable[[], Any], weights: Mapping[str, keras.Variable]
) -> dict[str, float | None]:
    """Computes the norm of the gradient of a function's number by each weight, by name.

    It is 0 where the number does not depend on a weight, and None for a frozen weight.
    """
    trainable = {name: weight for name, weight in weights.items() if weight.trainable}
    _, gradients = value_and_gradients(lambda: (function(),), list(trainable.values()))
    norms = {
        name: 0.0 if gradient is None else float(ops.norm(ops.reshape(gradient, (-1,))))
        for name, gradient in zip(trainable, map(_dense, gradients))
    }
    return {name: norms.get(name) for name in weights}


def _dense(gradient: Any) -> Any:
    """A gradient as a tensor: that of an embedding is sparse."""
    return None if gradient is None else ops.convert_to_tensor(gradient)


def gradient_penalty(
    critic: Any, real: Tensor, written: Tensor, shares: Tensor, by_track: bool
) -> Tensor:
    """Measures how far the critic's slope is from 1, squared, the mean over the phrases.

    The planes are `(batch, bars, steps, rows, tracks)`, the shares `(batch,)` say how far to go
    from real to written. With a critic for each track the penalty is the sum of all critics'.
    """
    shares = ops.reshape(shares, (-1, 1, 1, 1, 1))
    gradients = input_gradients(critic, real + shares * (written - real))
    squares = ops.sum(ops.square(gradients), axis=(1, 2, 3) if by_track else (1, 2, 3, 4))
    penalties = ops.square(ops.sqrt(squares + LEAST_SQUARE) - 1)
    return ops.mean(ops.sum(penalties, axis=-1) if by_track else penalties)


def critic_scores(critic: Any, real: Tensor, written: Tensor) -> tuple[Any, Any]:
    """Scores real and written planes in one batch; returns the scores of both."""
    scores = critic(ops.concatenate([real, written]), training=True)
    return scores[: ops.shape(real)[0]], scores[ops.shape(real)[0] :]


def total(values: Tensor) -> Tensor:
    """Adds up `(batch, critics)` over critics, and takes the mean over the batch."""
    return ops.sum(ops.mean(values, axis=0))


def clip_weights(variables: list[keras.Variable], limit: float) -> None:
    """Clips every weight to -limit to limit."""
    for variable in variables:
        variable.assign(ops.clip(variable, -limit, limit))
