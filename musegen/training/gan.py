"""What a critic and a generator learn from one batch: losses, and how the critic is held.

The critic scores real and written music, without bounds; a loss says what it and the generator make
of the scores. With r the score of a real phrase and w that of a written one, both make the mean of
this small (softplus(x) is log(1 + exp(x)), and -log sigmoid(x) is softplus(-x)):

    loss             critic                               generator          source
    wasserstein      w - r                                -w                 Arjovsky, Chintala and
                                                                             Bottou 2017, equation 2
    non_saturating   softplus(-r) + softplus(w)           softplus(-w)       Goodfellow et al. 2014,
                                                                             section 3
    least_squares    (r - 1)^2 / 2 + w^2 / 2              (w - 1)^2 / 2      Mao et al. 2017, with
                                                                             the labels 0, 1 and 1
    hinge            max(0, 1 - r) + max(0, 1 + w)        -w                 Lim and Ye 2017; Miyato
                                                                             et al. 2018, equations
                                                                             16 and 17

With the Wasserstein loss the mean difference of the scores estimates the Wasserstein-1 distance
between real and written music, as far as the critic's slope is at most 1. With the other losses
that difference is no distance: it says only how far apart the critic holds them. How the critic is
held is a choice of its own, and what it measures is added to the critic's loss times a weight:

    gradient_penalty   the squared distance from 1 of the gradient's norm, at a point drawn evenly
                       from the straight line between a real and a written phrase (Gulrajani et al.
                       2017, section 4); the norm is over all axes of the phrase
    r1                 half the squared norm of the gradient at a real phrase (Mescheder, Geiger and
                       Nowozin 2018, equation 9, whose gamma is the weight)
    weight_clipping    every weight is clipped after each step (Arjovsky et al., algorithm 1)
    nothing            it is not held

Both penalties were tried with all losses (the gradient penalty with the non-saturating one by Fedus
et al. 2018). Weight clipping was made for the Wasserstein loss: the scores that it allows are too
small for what the other losses ask. Without any, the Wasserstein loss has no lower bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
from keras import ops

from musegen.networks.base import Tensor
from musegen.training.engine import input_gradients, value_and_gradients

LIPSCHITZ = ("gradient_penalty", "r1", "weight_clipping", "nothing")
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
    "non_saturating": Loss(
        critic=lambda real, written: ops.softplus(-real) + ops.softplus(written),
        generator=lambda written: ops.softplus(-written),
    ),
    "least_squares": Loss(
        critic=lambda real, written: (ops.square(real - 1) + ops.square(written)) / 2,
        generator=lambda written: ops.square(written - 1) / 2,
    ),
    "hinge": Loss(
        critic=lambda real, written: ops.relu(1 - real) + ops.relu(1 + written),
        generator=lambda written: -written,
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
    squares = _squared_slopes(critic, real + shares * (written - real), by_track)
    return total(ops.square(ops.sqrt(squares + LEAST_SQUARE) - 1))


def r1_penalty(critic: Any, real: Tensor, by_track: bool) -> Tensor:
    """Measures half the squared slope of the critic at real planes, the mean over the phrases.

    The planes are `(batch, bars, steps, rows, tracks)`. With a critic for each track the penalty is
    the sum of all critics'.
    """
    return total(_squared_slopes(critic, real, by_track) / 2)


def _squared_slopes(critic: Any, planes: Tensor, by_track: bool) -> Any:
    """Returns the squared norm of each critic's gradient at each phrase, `(batch, critics)`."""
    squares = ops.sum(ops.square(input_gradients(critic, planes)), axis=(1, 2, 3))
    return squares if by_track else ops.sum(squares, axis=-1, keepdims=True)


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
