"""How a generator whose voices lead begins to learn: by writing again what an encoder has read.

A critic's gradient says of each cell which change would look more real, and a new generator has
thousands of steps to go before the chords are right. The likelihood of real phrases says far more.
So the first epochs are those of a variational autoencoder (Kingma and Welling 2014, equation 10):

    the cost of the pitches and beginnings of a phrase, given noises that the encoder drew for it
    + the divergence of these noises from the normal distribution that noises are drawn from later

Pitches cost where notes begin, in voices that are led: each is told what the others really sound
(`Leading.scored`); half as much counts what a draft costs. What is said of a pitch without the
other voices, and where no note begins, counts a little, so that nothing is left to chance.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from musegen.models.musegan.cells import from_the_first
from musegen.models.musegan.encoder import LOG_VARIANCE
from musegen.models.musegan.given import Told

LED, UNLED, ELSEWHERE = 0.7, 0.3, 0.05
DRAFT = 0.5
BEGIN = 2.0
"""How much a beginning counts: taking what is likelier than not would write too few."""
PER_PHRASE = 100.0
"""What the cost of a phrase is divided by, so that its gradients are of the size of a critic's."""


def reconstruction_cost(model: Any, told: Told, share: Any) -> Any:
    """Computes the cost of real phrases, less that of the tracks that are given, a number.

    Args:
        model: A `MuseGAN` whose generator is of the kind `"leading"`.
        told: The phrases.
        share: How much the divergence counts, 0 to 1.
    """
    noises, divergence = drawn(model, told)
    drafts, own = model.unled(model.inputs_of(noises, told), training=True)
    pitches = model.encoding.pitches
    bars, steps, _, tracks = drafts.shape[1:]
    sounds = ops.reshape(told.planes[:, :, :, :pitches], (-1, bars * steps, pitches, tracks))
    begins = ops.reshape(told.planes[:, :, :, pitches], (-1, bars * steps, tracks))
    begins = from_the_first(begins)
    leading = model.leading
    written = 1 - told.which[:, None]
    led = leading.scored(own, sounds, sounds, begins)
    cost = _cost(own, led, sounds, begins, written)
    cost += DRAFT * _cost(drafts, leading.scored(drafts, sounds), sounds, begins, written)
    return (cost + share * divergence) / PER_PHRASE


def drawn(model: Any, told: Told) -> tuple[dict[str, Any], Any]:
    """Draws the noises that an encoder finds in phrases; returns them and their divergence."""
    noises, divergence = {}, 0.0
    for name, found in model.encoder([told.planes, told.which], training=True).items():
        mean, spread = found[..., 0, :], ops.clip(found[..., 1, :], *LOG_VARIANCE)
        normal = keras.random.normal(ops.shape(mean), seed=model.seeds)
        noises[name] = mean + ops.exp(spread / 2) * normal
        each = (ops.square(mean) + ops.exp(spread) - 1 - spread) / 2
        divergence += ops.sum(each) / ops.cast(ops.shape(told.planes)[0], "float32")
    return noises, divergence


def _cost(logits: Any, led: Any, sounds: Any, begins: Any, written: Any) -> Any:
    """The cost of a phrase, in nats, in means over a batch."""
    rows = logits.shape[3]
    logits, led = (
        ops.reshape(x, (-1, *sounds.shape[1:2], rows, x.shape[-1])) for x in (logits, led)
    )
    silent = 1 - ops.sum(sounds, axis=2, keepdims=True)
    truth = ops.concatenate([sounds, silent], axis=2)

    def of(scores: Any) -> Any:
        return -ops.sum(ops.log_softmax(scores[:, :, :-1], axis=2) * truth, axis=2)

    pitches = begins * (LED * of(led) + UNLED * of(logits)) + (1 - begins) * ELSEWHERE * of(logits)
    rhythm = logits[:, :, -1]
    struck = BEGIN * begins * ops.softplus(-rhythm) + (1 - begins) * ops.softplus(rhythm)
    pitches, struck = pitches * written, struck[:, 1:] * written
    total = ops.sum(pitches, axis=(1, 2)) + ops.sum(struck, axis=(1, 2))
    return ops.mean(total)
