"""A small MuseGAN on Bach's chorales, trained by each loss for the same minutes; for `losses.py`.

The networks are musegen's own, narrower and for shorter phrases than those that ship: 2 bars of 8
steps, 48 pitches, 4 voices. All ways have the same networks, batches of 32, Adam with a rate that
falls from 1e-3 to a tenth along a cosine over the time, and a moving average of the weights, which
is what is measured. A way is a loss, how its critic is held, and the steps of the critic to one of
the generator, which are those of the papers: 5 with the Wasserstein loss, else 1.

The time is what all threads spend on a processor in steps of training; tracing the step, which
takes as long for all, is left out. Each way's step is compiled once; for each seed the networks
begin anew, from weights that the seed draws.
"""

from __future__ import annotations

import dataclasses
import math
import time
from typing import Any

import keras
import music
import numpy as np
import tensorflow as tf
from keras import ops

from musegen import MuseGAN, PianorollEncoding, evaluation
from musegen.diagnosis.gan import diversity
from musegen.training.gan import LOSSES
from musegen.training.musegan import opening_logits
from musegen.training.roll_windows import RollWindows

BARS, STEPS, LOWEST, PITCHES = 2, 8, 36, 48
BATCH_SIZE, LEARNING_RATE, AVERAGE = 32, 1e-3, 0.98
PHRASES = 500
"""Phrases that are measured."""
PROBES = 40
"""How often in a run the generator's gradient is measured."""


def _way(loss: str, lipschitz: str, critic_steps: int) -> dict[str, Any]:
    return {"loss": loss, "lipschitz": lipschitz, "critic_steps": critic_steps}


WAYS = {
    "non-saturating": _way("non_saturating", "nothing", 1),
    "non-saturating, R1": _way("non_saturating", "r1", 1),
    "least squares": _way("least_squares", "nothing", 1),
    "least squares, R1": _way("least_squares", "r1", 1),
    "hinge": _way("hinge", "nothing", 1),
    "hinge, R1": _way("hinge", "r1", 1),
    "Wasserstein, clipping, 5": _way("wasserstein", "weight_clipping", 5),
    "Wasserstein, penalty, 5": _way("wasserstein", "gradient_penalty", 5),
    "Wasserstein, penalty, 1": _way("wasserstein", "gradient_penalty", 1),
}
"""By the name of their row: loss, how the critic is held, steps of the critic."""


@dataclasses.dataclass
class Probe:
    """What a phrase's gradient is on its way to the generator, one number for each phrase.

    Attributes:
        planes: Norm of the gradient of the phrase's loss by the planes that the critic sees.
        logits: Norm of the same by the generator's logits.
        open: Share of its cells, one for each voice and step, in which something else than what
            was chosen has a probability above 0.01; the gradient of the others is as good as 0.
    """

    planes: np.ndarray
    logits: np.ndarray
    open: np.ndarray


class Chorales:
    """The data, one model whose weights are set anew for every run, and the compiled steps.

    Args:
        quick: Made-up tunes and tiny networks.
    """

    def __init__(self, quick: bool) -> None:
        corpus = music.chorales(quick)
        encoding = PianorollEncoding(lowest=LOWEST, pitches=PITCHES, steps=STEPS)
        self.quick, self.encoding = quick, encoding
        splits = ("train", "validation", "test")
        scores = {split: [piece.score for piece in getattr(corpus, split)] for split in splits}
        self.windows = RollWindows(
            scores["train"], encoding, BARS, BATCH_SIZE, shuffle=True, transpose=6
        )
        self.logits = opening_logits(self.windows)
        lines = {
            split: [
                evaluation.pitch_lines(np.asarray(encoding.encode(score))[np.newaxis], LOWEST)[0]
                for score in scores[split]
            ]
            for split in ("train", "validation")
        }
        self.ngram = evaluation.VoicesNGram(STEPS // encoding.meter[0])
        self.ngram.fit(lines["train"], lines["validation"])
        test = RollWindows(scores["test"], encoding, BARS)
        self.real = np.stack([test.phrase(number) for number in range(test.phrases)])
        self.model = self._new(0)
        adams = (keras.optimizers.Adam(LEARNING_RATE, beta_1=0.5, beta_2=0.9) for _ in range(2))
        self.model.compile(*adams, average=AVERAGE)
        self.adams = self.model.optimizer.variables
        self.new_adams = [np.asarray(variable).copy() for variable in self.adams]
        self.steps: dict[str, Any] = {}
        self.probe = tf.function(self._probe)

    def _new(self, seed: int) -> MuseGAN:
        keras.utils.set_random_seed(seed)
        return MuseGAN(self.encoding, BARS, units=8 if self.quick else 128)

    def begin(self, way: str, seed: int) -> None:
        """Sets weights and optimizers as they are before training, and compiles the way's step."""
        new = self._new(seed)
        for name, network in self.model.networks.items():
            network.set_weights(new.networks[name].get_weights())
        self.model.begin_at(self.logits)
        for variable, value in zip(self.adams, self.new_adams, strict=True):
            variable.assign(value)
        self.model.seeds.state.assign(new.seeds.state)
        self.windows.seed = seed
        for name, value in WAYS[way].items():
            setattr(self.model, name, value)
        if way not in self.steps:
            shape = (None, *self.real.shape[1:])
            specification = tf.TensorSpec(shape, tf.uint8)
            self.steps[way] = tf.function(self.model.train_step, [specification])
            self.steps[way].get_concrete_function()

    def run(self, run: dict[str, Any]) -> dict[str, Any]:
        """Trains by `run["way"]` from `run["seed"]` for `run["minutes"]`, and measures.

        Returns:
            JSON values: the figures of its music, the seconds of a step of the generator and its
            critic's, how many there were, and of each probe the median over its phrases.
        """
        self.begin(run["way"], run["seed"])
        step, budget, used, done = self.steps[run["way"]], 60 * run["minutes"], 0.0, 0
        probes: list[Probe] = []
        while used < budget:
            epoch, index = divmod(done, self.windows.num_batches)
            if len(probes) <= PROBES * used / budget:
                probes.append(self.measured(run["way"], len(probes)))
            begin = time.process_time()
            if index == 0:
                self.windows.start_epoch(epoch)
            rate = LEARNING_RATE * (0.55 + 0.45 * math.cos(math.pi * used / budget))
            for adam in (self.model.generator_optimizer, self.model.critic_optimizer):
                adam.learning_rate.assign(rate)
            step(self.windows[index])
            done += 1
            used += time.process_time() - begin
        steps = done // self.model.critic_steps
        found: dict[str, Any] = {"steps": steps, "seconds": used / max(steps, 1)}
        for field in dataclasses.fields(Probe):
            values = [np.median(getattr(probe, field.name)) for probe in probes]
            found[field.name] = [float(f"{value:.4g}") for value in values]
        return {**found, **self.figures(self.written(run["seed"]))}

    def written(self, seed: int) -> np.ndarray:
        """Rolls that the moving average writes."""
        with self.model.average_weights():
            return self.model.write(self.noises(PHRASES, seed), 0.0)

    def noises(self, count: int, seed: int) -> dict[str, np.ndarray]:
        """Draws noises."""
        random = np.random.default_rng([seed, 1])
        shapes = self.model.noise_shapes.items()
        return {name: random.standard_normal((count, *s), np.float32) for name, s in shapes}

    def measured(self, way: str, seed: int) -> Probe:
        """Measures the gradient of a batch, as `Probe` says."""
        scores, *norms, is_open = self.probe(self.noises(BATCH_SIZE, seed))
        with tf.GradientTape() as tape:
            tape.watch(scores)
            loss = LOSSES[WAYS[way]["loss"]].generator(scores)
        slopes = np.abs(np.array(tape.gradient(loss, scores)))
        return Probe(*(slopes * np.array(norm) for norm in norms), np.array(is_open))

    def _probe(self, noises: dict[str, Any]) -> list[Any]:
        """Scores, norms of their gradients by planes and by logits, and the share of open cells."""
        logits = self.model.generator(noises, training=True)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            planes = self.model.planes_of_written(logits)
            scores = self.model.critic(planes, training=True)[:, 0]
        gradients = tape.gradient(scores, [planes, logits])
        chances = ops.softmax(logits[..., : PITCHES + 1, :], axis=-2)
        is_open = ops.cast(1 - ops.max(chances, axis=-2) > 0.01, "float32")
        norms = [ops.sqrt(ops.sum(ops.square(g), axis=(1, 2, 3, 4))) for g in gradients]
        return [scores, *norms, ops.mean(is_open, axis=(1, 2, 3))]

    def figures(self, rolls: np.ndarray) -> dict[str, float]:
        """Measures rolls; figures of voices are means over the four."""
        lines = evaluation.pitch_lines(rolls, LOWEST)
        costs = np.concatenate(self.ngram.costs(list(lines)))
        found = {
            "pitch classes": evaluation.pitch_classes_per_bar(rolls, LOWEST).mean(),
            "notes": evaluation.notes_per_bar(rolls).mean(),
            "consonance": evaluation.consonance(rolls, LOWEST),
            "fifths": evaluation.parallel_fifths(lines),
            "octaves": evaluation.parallel_octaves(lines),
            "n-gram": costs.mean(),
            "diversity": diversity(lines),
        }
        return {name: float(value) for name, value in found.items()}
