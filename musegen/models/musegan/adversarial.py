"""A generator and a critic that learn from each other: the step, and all that going on needs.

The class knows no music: what a critic sees of a batch is said by the model that is made of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen._checks import Whole, checked_kind
from musegen.models.musegan.given import Told
from musegen.models.musegan.reconstruction import reconstruction_cost
from musegen.settings import settings_of
from musegen.training.engine import run_if, stateless_step, value_and_gradients
from musegen.training.gan import (
    LOSSES,
    clip_weights,
    critic_scores,
    gradient_norms,
    gradient_penalty,
    r1_penalty,
    total,
)
from musegen.training.musegan import fit

COMPILED = ("critic_steps", "loss", "lipschitz", "penalty_weight", "clip", "average")
"""The settings of `fit` that a step depends on."""
FIRST_SHARE = 1 / 3
"""Of the steps of reconstruction, those over which the divergence comes to count in full."""


class Optimizers:
    """Two optimizers where Keras expects one: it asks for their variables, and builds neither."""

    built = True

    def __init__(self, optimizers: Sequence[keras.optimizers.Optimizer]) -> None:
        self.variables = [variable for one in optimizers for variable in one.variables]


class AdversarialModel(keras.Model):
    """A model that learns by `compile` and `train_step` from a critic.

    A subclass has `generator` (noises to logits), `critic` (planes to scores), `noise_shapes` by
    name, `by_track` (whether each track has a critic), `planes_of_real` and `planes_of_written`. If
    its generator can begin by reconstruction, it has `encoder` as well.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.seeds = keras.random.SeedGenerator(0)
        self.meters = {
            name: keras.metrics.Mean(name=name)
            for name in ("critic_loss", "generator_loss", "wasserstein", "penalty")
        }
        self.opening = self.alone = 0

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        critic_optimizer: keras.optimizers.Optimizer,
        opening_optimizer: keras.optimizers.Optimizer | None = None,
        opening: int = 0,
        alone: int = 0,
        **settings: Any,
    ) -> None:
        """Sets how `train_step` learns.

        Both optimizers are built here, so that what is saved of them can be read back.

        Args:
            generator_optimizer: A Keras optimizer.
            critic_optimizer: Another one.
            opening_optimizer: A third one, of generator and encoder, for steps of reconstruction.
            opening: How many steps of reconstruction there are, before all others.
            alone: How many steps the critic then takes before the generator follows it.
            **settings: `critic_steps`, `loss`, `lipschitz`, `penalty_weight`, `clip` and `average`,
                as in `fit`, with the same defaults.

        Raises:
            ValueError: If an argument is out of its range.
            TypeError: If there is no such setting.
        """
        if unknown := settings.keys() - set(COMPILED):
            raise TypeError(f"MuseGAN.compile(): there is no setting {unknown.pop()!r}.")
        declared_ones = settings_of(fit)
        for name in COMPILED:
            setting = declared_ones[name]
            setattr(self, name, setting.check(settings.get(name, setting.default)))
        optimizers = {
            "generator_optimizer": generator_optimizer,
            "critic_optimizer": critic_optimizer,
        }
        steps = Whole(0, 2**31 - 1)
        opening, alone = steps.check("opening", opening), steps.check("alone", alone)
        if opening or opening_optimizer is not None:
            optimizers["opening_optimizer"] = opening_optimizer
        for argument, optimizer in optimizers.items():
            checked_kind(argument, optimizer, keras.optimizers.Optimizer, "a Keras optimizer")
        # XLA's code of this step for a CPU is several times slower under TensorFlow.
        super().compile(jit_compile=keras.backend.backend() == "jax")
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.opening_optimizer: Any = opening_optimizer
        self.opening, self.alone = opening, alone
        if opening_optimizer is not None:
            opening_optimizer.build(self._opening_variables())
            name = "reconstruction_cost"
            self.meters[name] = keras.metrics.Mean(name=name)
        self.optimizer = Optimizers(list(optimizers.values()))
        self.averages = [
            keras.Variable(np.asarray(variable).copy(), trainable=False, name="average")
            for variable in self.generator.weights  # copied: JAX would share their memory
        ]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.meters.values())

    def train_step(self, *arguments: Any) -> Any:
        """Takes a step of the critic on a batch of rolls, and every few a step of the generator.

        While a generator opens by reconstruction, it takes a step of that in their place.
        """
        return stateless_step(self._step, self._state(), arguments)

    def _state(self) -> list[list[keras.Variable]]:
        """All that a step may change, in Keras's groups."""
        return [
            self.trainable_variables,
            self.non_trainable_variables,
            self.optimizer.variables,
            self.metrics_variables,
        ]

    def _step(self, data: Any) -> dict[str, Any]:
        state = [variable for group in self._state() for variable in group]
        rolls, keys, which = keras.utils.unpack_x_y_sample_weight(data)
        real = self.planes_of_real(rolls)
        told = None if keys is None else Told(real, keys, which)
        if self.opening:
            opens = self.opening_optimizer.iterations < self.opening
            run_if(opens, lambda: self._opening_step(told, state), state)
            run_if(ops.logical_not(opens), lambda: self._critic_step(real, told, state), state)
        else:
            self._critic_step(real, told, state)
        return self.get_metrics_result()

    def _opening_variables(self) -> list[keras.Variable]:
        return [*self.generator.trainable_variables, *self.encoder.trainable_variables]

    def _opening_step(self, told: Any, state: list[keras.Variable]) -> None:
        done = ops.cast(self.opening_optimizer.iterations, "float32") / self.opening
        share = ops.minimum(done / FIRST_SHARE, 1.0)
        variables = self._opening_variables()
        (cost,), gradients = value_and_gradients(
            lambda: (reconstruction_cost(self, told, share),), variables, state
        )
        self.opening_optimizer.apply(gradients, variables)
        self._follow()
        self.meters["reconstruction_cost"].update_state(cost)

    def _critic_step(self, real: Any, told: Any, state: list[keras.Variable]) -> None:
        count = ops.shape(real)[0]
        # Outside of the tape: the critic's step has no use for the generator's gradients.
        written = self.planes_of_written(self.generator(self._noises(count, told), training=True))
        shares = keras.random.uniform((count,), seed=self.seeds)

        def critic_loss() -> Any:
            scores = critic_scores(self.critic, real, written)
            penalty = ops.zeros(())
            if self.lipschitz == "gradient_penalty":
                penalty = gradient_penalty(self.critic, real, written, shares, self.by_track)
            elif self.lipschitz == "r1":
                penalty = r1_penalty(self.critic, real, self.by_track)
            loss = total(LOSSES[self.loss].critic(*scores)) + self.penalty_weight * penalty
            return loss, total(scores[0] - scores[1]), penalty

        variables = self.critic.trainable_variables
        (loss, distance, penalty), gradients = value_and_gradients(critic_loss, variables, state)
        self.critic_optimizer.apply(gradients, variables)
        if self.lipschitz == "weight_clipping":
            clip_weights(variables, self.clip)
        self.meters["critic_loss"].update_state(loss)
        self.meters["wasserstein"].update_state(distance)
        self.meters["penalty"].update_state(penalty)

        taken = self.critic_optimizer.iterations
        due = ops.logical_and(taken % self.critic_steps == 0, taken > self.alone)
        run_if(due, lambda: self._generator_step(count, told, state), state)

    def _generator_step(self, count: Any, told: Any, state: list[keras.Variable]) -> None:
        def generator_loss() -> Any:
            logits = self.generator(self._noises(count, told), training=True)
            scores = self.critic(self.planes_of_written(logits), training=True)
            return (total(LOSSES[self.loss].generator(scores)),)

        variables = self.generator.trainable_variables
        (loss,), gradients = value_and_gradients(generator_loss, variables, state)
        self.generator_optimizer.apply(gradients, variables)
        self._follow()
        self.meters["generator_loss"].update_state(loss)

    def _follow(self) -> None:
        """Moves the averages a step after the generator's weights."""
        for average, variable in zip(self.averages, self.generator.weights, strict=True):
            average.assign(self.average * average + (1 - self.average) * variable)

    def _noises(self, count: Any, told: Any = None) -> dict[str, Any]:
        noises = {
            name: keras.random.normal((count, *shape), seed=self.seeds)
            for name, shape in self.noise_shapes.items()
        }
        return self.inputs_of(noises, told)

    def inputs_of(self, noises: dict[str, Any], told: Told | None = None) -> dict[str, Any]:
        """Returns what the generator takes: noises and, if it can be told of phrases, these."""
        return noises

    @property
    def networks(self) -> dict[str, Any]:
        """What learns together, by name: the generator and its critic."""
        return {"generator": self.generator, "critic": self.critic}

    def random_states(self) -> list[keras.Variable]:
        """Returns the states of the random generators that training draws from."""
        return [self.seeds.state]

    def training_variables(self) -> dict[str, keras.Variable]:
        """Returns all that an interrupted training needs to go on, by name."""
        groups = {
            "generator": self.generator.weights,
            "critic": self.critic.weights,
            "average": self.averages,
            "generator_optimizer": self.generator_optimizer.variables,
            "critic_optimizer": self.critic_optimizer.variables,
        }
        if self.opening:
            groups["encoder"] = self.encoder.weights
            groups["opening_optimizer"] = self.opening_optimizer.variables
        return {  # numbered: critics that are alike have weights of the same names
            f"{group}/{number}/{variable.path}": variable
            for group, variables in groups.items()
            for number, variable in enumerate(variables)
        }

    def gradients(self, seed: int, batch: Any) -> dict[str, float | None]:
        """Computes the norm of each weight's gradient on a batch of rolls; None of a frozen one.

        It is that of the critic's scores: of what the generator writes by its weights, and of the
        real music by the critic's own.
        """
        real = self.planes_of_real(batch)
        noises = {
            name: keras.random.normal((len(batch), *shape), seed=seed + number)
            for number, (name, shape) in enumerate(self.noise_shapes.items())
        }

        def written_scores() -> Any:
            written = self.planes_of_written(self(noises, training=True))
            return ops.sum(self.critic(written, training=True))

        def real_scores() -> Any:
            return ops.sum(self.critic(real, training=True))

        norms: dict[str, float | None] = {}
        for network, scores in ((self.generator, written_scores), (self.critic, real_scores)):
            names = {f"{network.name}/{weight.path}": weight for weight in network.weights}
            norms |= gradient_norms(scores, names)
        return norms

    def use_average(self) -> None:
        """Sets the generator's weights to their moving average."""
        self.generator.set_weights([np.asarray(average).copy() for average in self.averages])

    @contextlib.contextmanager
    def average_weights(self) -> Iterator[None]:
        """Gives the generator the moving average of its weights, for as long as this is open."""
        current = [np.asarray(weight).copy() for weight in self.generator.get_weights()]
        self.use_average()
        yield
        self.generator.set_weights(current)
