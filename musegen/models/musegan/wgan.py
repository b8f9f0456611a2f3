"""Wasserstein training: what the critic and the generator learn from one batch.

The critic learns to score real music above written music, and the mean difference of its scores
estimates the Wasserstein-1 distance between the two, as far as its slope is at most 1 (Arjovsky,
Chintala and Bottou 2017, equation 2). Two ways keep it so:

    gradient_penalty   the squared distance from 1 of the gradient's norm, at a point drawn evenly
                       from the straight line between a real and a written phrase (Gulrajani et al.
                       2017, section 4); the norm is over all axes of the phrase
    weight_clipping    every weight is clipped after each step (Arjovsky et al., algorithm 1)

Only `input_gradients` and `GradientTape` are TensorFlow's own.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

LIPSCHITZ = ("gradient_penalty", "weight_clipping")
LEAST_SQUARE = 1e-12  # under the root, whose slope at 0 is infinite


def input_gradients(critic: Any, planes: Any) -> Any:
    """The gradient of each phrase's score by its planes, of the planes' shape."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(planes)
        scores = critic(planes, training=True)
    return tape.gradient(scores, planes)


def gradient_penalty(critic: Any, real: Any, written: Any, shares: Any, by_track: bool) -> Any:
    """How far the critic's slope is from 1, squared, the mean over the phrases.

    Args:
        critic: From planes to scores.
        real: Planes of real music, `(batch, bars, steps, rows, tracks)`.
        written: Planes of written music, of the same shape.
        shares: How far to go from real to written, for each phrase, `(batch,)`, 0 to 1.
        by_track: Whether every track has a critic of its own, with a slope of its own.

    Returns:
        The penalty, a number of at least 0, without its weight; the sum of all critics'.
    """
    shares = ops.reshape(shares, (-1, 1, 1, 1, 1))
    gradients = input_gradients(critic, real + shares * (written - real))
    squares = ops.sum(ops.square(gradients), axis=(1, 2, 3) if by_track else (1, 2, 3, 4))
    penalties = ops.square(ops.sqrt(squares + LEAST_SQUARE) - 1)
    return ops.mean(ops.sum(penalties, axis=-1) if by_track else penalties)


def critic_losses(
    critic: Any, real: Any, written: Any, shares: Any, by_track: bool, penalize: bool
) -> tuple[Any, Any]:
    """The Wasserstein estimate, and the penalty, 0 where the weights are clipped instead."""
    count = ops.shape(real)[0]
    scores = critic(ops.concatenate([real, written]), training=True)
    distances = ops.mean(scores[:count], axis=0) - ops.mean(scores[count:], axis=0)
    penalty = ops.zeros(())
    if penalize:
        penalty = gradient_penalty(critic, real, written, shares, by_track)
    return ops.sum(distances), penalty


def clip_weights(variables: list[keras.Variable], limit: float) -> None:
    """Clips every weight to -limit to limit."""
    for variable in variables:
        variable.assign(ops.clip(variable, -limit, limit))
