"""Is it right? Whether every weight is trainable, and gets a gradient from a batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from musegen._checks import checked_int
from musegen.diagnosis.finding import Finding
from musegen.diagnosis.learner import gradient_step
from musegen.diagnosis.subject import check_engine, check_model, encoded, phrases_of, twin
from musegen.models.musegan import MuseGAN
from musegen.models.musegan.cells import real_planes, written_planes
from musegen.plots._figure import COLOURS, new_figure
from musegen.training.melody_windows import MelodyWindows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOVING = ("moving_mean", "moving_variance")
"""Names of weights that a normalisation counts, and no gradient is meant to reach."""


def gradients_reach(model: Any, corpus: Any, seed: int = 0) -> Finding:
    """Asks whether every weight is learned: it is trainable, and a batch gives it a gradient.

    Args:
        model: A model, measured with the weights that it has. Of a `MuseGAN` the generator's
            gradients are those through its critic, the critic's those of its scores of real music.
        corpus: A corpus; one batch of its train split is taken.
        seed: Seed of the noises and of a critic that is not there yet, 0 to 2^32 - 1.

    Returns:
        The finding: bad if a weight is frozen or its gradient is zero or not finite; it names them.

    Raises:
        ValueError: If an argument is something else, the corpus has no such piece, or Keras does
            not run on TensorFlow.
    """
    check_model(model)
    check_engine()
    checked_int("seed", seed, 0, 2**32 - 1)
    copy = twin(model, seed)
    norms = _gan_norms(copy, corpus, seed) if isinstance(copy, MuseGAN) else _norms(copy, corpus)
    faults = {}
    for name, norm in norms.items():
        if norm is None:
            faults[name] = "frozen"
        elif not math.isfinite(norm):
            faults[name] = "not finite"
        elif norm == 0:
            faults[name] = "zero"
    if faults:
        named = ", ".join(f"{name} ({why})" for name, why in list(faults.items())[:5])
        more = f" and {len(faults) - 5} more" if len(faults) > 5 else ""
        one = len(faults) == 1
        sentence = (
            f"{len(faults)} of {len(norms)} weights {'learns' if one else 'learn'} nothing: "
            f"{named}{more}; see whether the layer is trainable and its output is used."
        )
    else:
        sentence = f"All {len(norms)} weights have a gradient."

    def draw() -> Figure:
        rows = 0.2 * len(norms)  # inches
        figure = new_figure(8, rows + 0.7)
        axes = figure.add_axes((0.42, 0.55 / (rows + 0.7), 0.55, rows / (rows + 0.7)))
        names = list(norms)[::-1]
        axes.set_xscale("log")
        for place, name in enumerate(names):
            if name in faults:
                axes.text(
                    0.02,
                    place,
                    faults[name],
                    transform=axes.get_yaxis_transform(),
                    va="center",
                    color=COLOURS[1],
                    fontsize=8,
                )
            else:
                axes.barh(place, norms[name] or 0.0, 0.7, color=COLOURS[0])
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.set_xlabel("norm of the gradient of one batch")
        return figure

    return Finding(
        "gradients_reach",
        "bad" if faults else "good",
        sentence,
        {
            "norms": {
                name: norm if norm is not None and math.isfinite(norm) else None
                for name, norm in norms.items()
            },
            "without": list(faults),
        },
        draw,
    )


def _norms(model: Any, corpus: Any) -> dict[str, float | None]:
    """The norm of each weight's gradient; None for one that is not trainable."""
    windows = MelodyWindows(encoded(model, corpus, "train")[:16], model.encoding, 16, 128)
    found = {}
    if model.trainable_variables:
        _, norms, _ = gradient_step(model)(*windows[0])
        found = dict(zip(map(id, model.trainable_variables), map(float, norms), strict=True))
    return {weight.path: found.get(id(weight)) for weight in _learned(model)}


def _gan_norms(model: MuseGAN, corpus: Any, seed: int) -> dict[str, float | None]:
    import tensorflow as tf

    real = real_planes(phrases_of(model, corpus, 8))
    noises = {
        name: keras.random.normal((len(real), *shape), seed=seed + number)
        for number, (name, shape) in enumerate(model.noise_shapes.items())
    }
    generator, critic = model.generator.trainable_variables, model.critic.trainable_variables
    with tf.GradientTape(persistent=True) as tape:
        written = written_planes(model.generator(noises, training=True), model.encoding)
        score = keras.ops.sum(model.critic(written, training=True))
        real_score = keras.ops.sum(model.critic(real, training=True))
    zero = tf.UnconnectedGradients.ZERO
    found = {
        id(variable): float(np.linalg.norm(slope))
        for target, variables in ((score, generator), (real_score, critic))
        for variable, slope in zip(
            variables, tape.gradient(target, variables, unconnected_gradients=zero), strict=True
        )
    }
    return {
        f"{network.name}/{weight.path}": found.get(id(weight))
        for network in (model.generator, model.critic)
        for weight in _learned(network)
    }


def _learned(network: Any) -> list[Any]:
    """The weights that gradients are meant to reach."""
    return [weight for weight in network.weights if not weight.path.endswith(MOVING)]
