"""GANs on points of the plane, where what they should write is known; for `losses.py`.

The distributions of Gulrajani et al. 2017, figure 1, in the scale of their code:

    8 Gaussians     on a circle of radius 1.41, standard deviation 0.014
    25 Gaussians    on a grid from -0.71 to 0.71, standard deviation 0.018
    swiss roll      a spiral of one and a half turns, standard deviation 0.033

Generator and critic are networks of three hidden layers of 64 units with ReLU; the noise has two
numbers. The model is musegen's `AdversarialModel`, whose losses and step are those that train a
MuseGAN; a point is "planes" of one row. Both penalties have the weight 0.1, as in the code of
Gulrajani et al. for these distributions: with the weight 10 a critic whose slope has the wrong sign
keeps it, since the penalty on the way to the right one is more than there is to gain.

A good sample lies within four standard deviations of its nearest mode, on the swiss roll of the
spiral. A mode is found if at least a quarter of the samples that it should have are good and
nearest to it.

The Wasserstein-1 distance is that between as many points of both sides, exactly: the assignment of
the least mean distance (`scipy.optimize.linear_sum_assignment`). Between two samples of the same
distribution it is not 0, but the less the more points there are.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from musegen.models.musegan.adversarial import AdversarialModel
from musegen.training.gan import input_gradients

Points = NDArray[np.float32]

UNITS, LAYERS, BATCH_SIZE, LEARNING_RATE, AVERAGE = 64, 3, 128, 5e-4, 0.99
PENALTY_WEIGHT = 0.1
POOL = 2**16
"""Points that batches are drawn from."""
COMPARED = 1_000
"""Points of both sides between which the Wasserstein-1 distance is measured."""
SAMPLES = 5_000
"""Points of which the good ones and the modes are counted."""
CALL = 100
"""Steps of the critic in one call of the compiled function, unless stated."""

_CIRCLE = np.arange(8) * np.pi / 4
_GRID = np.stack(np.meshgrid(*2 * [np.arange(-2, 3)]), axis=-1).reshape(-1, 2)
_TURN = np.linspace(1.5, 4.5, 4000)[:, np.newaxis] * np.pi
CENTRES = {
    "25 Gaussians": _GRID / np.sqrt(8),
    "8 Gaussians": np.sqrt(2) * np.stack([np.cos(_CIRCLE), np.sin(_CIRCLE)], axis=-1),
    "swiss roll": _TURN * np.hstack([np.cos(_TURN), np.sin(_TURN)]) / 7.5,
}
"""The modes of each distribution; of the swiss roll points of its spiral, `(modes, 2)`."""

SPREADS = {
    "8 Gaussians": 0.02 / np.sqrt(2),
    "25 Gaussians": 0.05 / np.sqrt(8),
    "swiss roll": 0.25 / 7.5,
}
"""The standard deviation around a mode, on each axis."""


def draw(data: str, count: int, seed: int) -> Points:
    """Draws points of a distribution, `(count, 2)`."""
    random = np.random.default_rng([seed, len(data)])
    at = random.integers(0, len(CENTRES[data]), count)
    points = CENTRES[data][at] + SPREADS[data] * random.standard_normal((count, 2))
    return points.astype(np.float32)


def distance(first: Points, second: Points) -> float:
    """The Wasserstein-1 distance between two samples of as many points, `(count, 2)` each."""
    costs = cdist(first, second)
    return float(costs[linear_sum_assignment(costs)].mean())


def modes_and_good(data: str, points: Points) -> tuple[int, float]:
    """Counts the modes that are found, and the share of good samples, 0 to 1.

    On the swiss roll the modes are the 20 parts of the spiral that are run through in as long.
    """
    away, nearest = cKDTree(CENTRES[data]).query(points)
    good = away <= 4 * SPREADS[data]
    modes = min(len(CENTRES[data]), 25) if data != "swiss roll" else 20
    found = np.bincount(nearest[good] * modes // len(CENTRES[data]), minlength=modes)
    return int((found >= len(points) / modes / 4).sum()), float(good.mean())


class ToyGAN(AdversarialModel):
    """A generator of points from two numbers of noise, and its critic; a point is planes."""

    def __init__(self, units: int = UNITS) -> None:
        super().__init__("toy_gan")
        self.noise_shapes, self.by_track, point = {"noise": (2,)}, False, (1, 1, 2, 1)

        def network(x: Any, outputs: int) -> Any:
            for _ in range(LAYERS):
                x = keras.layers.Dense(units, "relu", kernel_initializer="he_normal")(x)
            return keras.layers.Dense(outputs)(x)

        noise, planes = keras.Input((2,), name="noise"), keras.Input(point, name="planes")
        written = ops.reshape(network(noise, 2), (-1, *point))
        self.generator = keras.Model({"noise": noise}, written, name="generator")
        scores = network(ops.reshape(planes, (-1, 2)), 1)
        self.critic = keras.Model(planes, scores, name="critic")
        self.built = True

    def planes_of_real(self, rolls: Any) -> Any:
        """Returns the points of a batch, `(batch, 2)`, as planes."""
        return ops.reshape(rolls, (-1, 1, 1, 2, 1))

    def planes_of_written(self, logits: Any) -> Any:
        """Returns what the generator writes: it has planes already."""
        return logits


class Training:
    """A model that is trained anew for every run; each way's step is compiled once.

    Args:
        call: Steps of the critic in one call of the compiled function: the least that are done.
    """

    def __init__(self, call: int = CALL) -> None:
        self.model, self.call = ToyGAN(), call
        adams = (keras.optimizers.Adam(LEARNING_RATE, beta_1=0.5, beta_2=0.9) for _ in range(2))
        self.model.compile(*adams, average=AVERAGE, penalty_weight=PENALTY_WEIGHT)
        optimizers = self.model.generator_optimizer, self.model.critic_optimizer
        self.adams = [variable for adam in optimizers for variable in adam.variables]
        self.new_adams = [np.array(variable) for variable in self.adams]
        self.compiled: dict[tuple[Any, ...], Any] = {}

    def begin(self, data: str, seed: int, seconds: float, **settings: Any) -> None:
        """Begins anew on a distribution, with settings of `AdversarialModel.compile`.

        The learning rate falls to a tenth along a cosine over so many seconds of the processor.
        """
        self.data, self.calls, self.used, self.seconds = data, 0, 0.0, seconds
        self.pool = tf.constant(draw(data, POOL, seed))
        for name, value in settings.items():
            setattr(self.model, name, value)
        way = tuple(settings.items())
        if way not in self.compiled:
            self.compiled[way] = self._compiled()
        self.steps = self.compiled[way]
        keras.utils.set_random_seed(seed)
        new = ToyGAN()
        self.model.generator.set_weights(new.generator.get_weights())
        self.model.critic.set_weights(new.critic.get_weights())
        for average, variable in zip(self.model.averages, new.generator.weights, strict=True):
            average.assign(variable)
        for variable, value in zip(self.adams, self.new_adams, strict=True):
            variable.assign(value)
        self.model.seeds.state.assign([seed, 0])

    def _compiled(self) -> Any:
        def steps(pool: Any, call: Any) -> None:
            for step in tf.range(self.call):
                rows = tf.random.stateless_uniform((BATCH_SIZE,), [call, step], 0, POOL, tf.int32)
                self.model.train_step(tf.gather(pool, rows))

        function = tf.function(steps, jit_compile=True)
        function(self.pool, tf.constant(0))
        return function

    def train(self, seconds: float) -> tuple[int, float]:
        """Trains for seconds of the processor.

        Returns:
            Steps of the generator, and the seconds that they took.
        """
        first, before = self.calls, self.used
        while self.used < before + seconds:
            begin = time.process_time()
            share = min(self.used / self.seconds, 1.0)
            rate = LEARNING_RATE * (0.55 + 0.45 * math.cos(math.pi * share))
            for adam in (self.model.generator_optimizer, self.model.critic_optimizer):
                adam.learning_rate.assign(rate)
            self.calls += 1
            self.steps(self.pool, tf.constant(self.calls))
            self.used += time.process_time() - begin
        return (self.calls - first) * self.call // self.model.critic_steps, self.used - before

    def written(self, count: int, seed: int, average: bool = True) -> Points:
        """Points that the generator writes, `(count, 2)`, by its moving average or as it is."""
        noise = np.random.default_rng([seed, 2]).standard_normal((count, 2)).astype(np.float32)
        current = self.model.generator.get_weights()
        if average:
            self.model.use_average()
        points = np.array(self.model.generator({"noise": noise})).reshape(-1, 2)
        self.model.generator.set_weights(current)
        return points

    def figures(self, seed: int) -> dict[str, float]:
        """Measures what is written by the moving average, on points that were not trained on."""
        real = draw(self.data, COMPARED, 1000 + seed)
        modes, good = modes_and_good(self.data, self.written(SAMPLES, seed))
        return {
            "distance": distance(real, self.written(COMPARED, seed)),
            "modes": modes,
            "good": good,
        }

    def estimate(self, seed: int) -> dict[str, float]:
        """What the critic says of the generator as it is, beside the true distance.

        Returns:
            `"truth"`, the Wasserstein-1 distance; `"estimate"`, the difference of the mean scores
            of the same points; `"slope"`, the critic's steepest at these points, by which the
            estimate is to be divided if the critic is not held to 1.
        """
        sides = draw(self.data, COMPARED, 1000 + seed), self.written(COMPARED, seed, average=False)
        planes = [self.model.planes_of_real(ops.convert_to_tensor(points)) for points in sides]
        real, written = (float(ops.mean(self.model.critic(each))) for each in planes)
        slopes = [
            ops.norm(ops.reshape(input_gradients(self.model.critic, each), (-1, 2)), axis=-1)
            for each in planes
        ]
        steepest = float(ops.max(ops.concatenate(slopes)))
        return {"truth": distance(*sides), "estimate": real - written, "slope": steepest}


def draw_points(points: dict[str, dict[str, list[list[float]]]], path: Path) -> None:
    """Draws written points over real ones: a row for each distribution, a column for each way."""
    from matplotlib.figure import Figure

    ways = list(next(iter(points.values())))
    figure = Figure(figsize=(1.6 * len(ways), 1.6 * len(points) + 0.5), dpi=80)
    grid = figure.subplots(len(points), len(ways), squeeze=False)
    for row, (data, by_way) in zip(grid, points.items(), strict=True):
        real = draw(data, 500, 3)
        for axes, way in zip(row, ways, strict=True):
            axes.plot(*real.T, ".", markersize=2, color="#e69f00")
            axes.plot(
                *np.reshape(by_way.get(way, []), (-1, 2)).T, ".", markersize=1, color="#0072b2"
            )
            axes.set(xlim=(-2, 2), ylim=(-2, 2), xticks=[], yticks=[], aspect="equal")
    for axes, way in zip(grid[0], ways, strict=True):
        axes.set_title(way.replace(", ", "\n"), fontsize=8)
    figure.savefig(path, bbox_inches="tight")
