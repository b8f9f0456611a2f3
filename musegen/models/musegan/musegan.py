"""MuseGAN: writes phrases of several tracks at once, from four noises.

    style, groove, chords, melody -> generator -> phrase -> critic -> how real it looks

After Dong, Hsiao, Yang and Yang, "MuseGAN: Multi-track Sequential Generative Adversarial Networks
for Symbolic Music Generation and Accompaniment" (AAAI 2018), and David Foster, "Generative Deep
Learning" (2019), chapter 7. The generator is in `generator.py`, the critic in `critic.py`, and the
chapter's own networks in `book.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from musegen._checks import (
    Choice,
    Number,
    Whole,
    checked_config,
    checked_kind,
    checked_name,
)
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.book import build_book_critic
from musegen.models.musegan.cells import decide_in_turn, real_planes, rolls_of, written_planes
from musegen.models.musegan.critic import build_critic
from musegen.models.musegan.generator import COMPOSITIONS, begin_at, build_generator, noise_shapes
from musegen.models.registry import register
from musegen.plots import plot_pianoroll, plot_training
from musegen.sampling.phrases import draw, sample, vary
from musegen.settings import declared, settings_of
from musegen.training.gan import (
    LOSSES,
    clip_weights,
    critic_scores,
    gradient_norms,
    gradient_penalty,
    total,
    value_and_gradients,
)
from musegen.training.musegan import fit

NETWORKS = ("compact", "book")
MAX_TRACKS = 32
"""Tracks at most: twice the channels of MIDI; what a file says of more would take long to check."""
COMPILED = ("critic_steps", "loss", "lipschitz", "penalty_weight", "clip", "average")
"""The settings of `fit` that a step depends on."""
SAMPLES_SHOWN = 4


@register
@keras.saving.register_keras_serializable("musegen")
@declared
class MuseGAN(keras.Model):
    """A generator of phrases, and the critic that it learns from.

    Takes a dict of the four noises, `(batch, *shape)` each with the shapes of `noise_shapes`, and
    returns logits `(batch, bars, steps, pitches + 2, tracks)`. A saved model has the generator
    only: a critic is of no use but in training.

    Args:
        encoding: Tracks, at most 32, steps and pitches; the default encoding if None.
        name: The model's name, 1 to 100 printable characters without a slash.

    Raises:
        ValueError: If an argument is out of its range.
    """

    family = "musegan"
    writes = "phrases"
    abilities = ("critic",)

    def __init__(
        self,
        encoding: PianorollEncoding | None = None,
        bars: Annotated[int, Whole(1, 64), "Bars of a phrase"] = 4,
        noise_size: Annotated[int, Whole(1, 1024), "Length of each noise vector"] = 32,
        composition: Annotated[
            str, Choice(*COMPOSITIONS), "Which networks share which noise; see `generator.py`"
        ] = "hybrid",
        units: Annotated[int, Whole(4, 4096), "Width of the generator's widest layers"] = 384,
        generator: Annotated[
            str, Choice(*NETWORKS), "The generator's layers, or the chapter's; see `book.py`"
        ] = "compact",
        critic: Annotated[
            str, Choice(*NETWORKS), "The critic's layers, or the chapter's; see `book.py`"
        ] = "compact",
        hold: Annotated[
            float,
            Number(0, 1000),
            "How much likelier another pitch must be, in units of the logits, than the one that "
            "sounds, for a track to move when music is written; a critic sees what is written "
            "with 0",
        ] = 0.0,
        tempo: Annotated[
            int,
            Whole(1, 2**24 - 1),
            "Microseconds per quarter note at which phrases are played; training sets it to the "
            "median of the corpus",
        ] = 500_000,
        name: str = "musegan",
    ) -> None:
        encoding = PianorollEncoding() if encoding is None else encoding
        checked_kind("encoding", encoding, PianorollEncoding, "a PianorollEncoding")
        tracks = len(encoding.tracks)
        if tracks > MAX_TRACKS:
            raise ValueError(f"encoding has {tracks} tracks: give at most {MAX_TRACKS}.")
        super().__init__(name=checked_name(name))
        self.encoding = encoding
        self.bars, self.noise_size, self.composition = bars, noise_size, composition
        self.units, self.hold, self.tempo = units, hold, tempo
        self.generator_kind, self.critic_kind = generator, critic
        self.noise_shapes = noise_shapes(composition, tracks, noise_size)

        # === Networks ===
        self.generator = build_generator(encoding, bars, noise_size, composition, units, generator)
        self.by_track = composition == "jamming"
        self.critic_network: keras.Model | None = None
        self.seeds = keras.random.SeedGenerator(0)
        self.meters = {
            name: keras.metrics.Mean(name=name)
            for name in ("critic_loss", "generator_loss", "wasserstein", "penalty")
        }
        self.training_record: dict[str, Any] = {}
        self.built = True

    # === Config ===

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        kinds = {"generator": self.generator_kind, "critic": self.critic_kind}
        settings = {name: kinds.get(name) or getattr(self, name) for name in settings_of(MuseGAN)}
        return {"name": self.name, "encoding": self.encoding.get_config(), **settings}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MuseGAN:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As in Keras; there are none.

        Raises:
            ValueError: If it is something else.
        """
        names = ("name", "encoding", *settings_of(cls))
        encoding = PianorollEncoding.from_config(checked_config(config, names)["encoding"])
        return cls(**{**config, "encoding": encoding})

    @property
    def critic(self) -> keras.Model:
        """The critic: planes to scores `(batch, 1)`, or `(batch, tracks)` in a model that jams.

        It is built when it is first asked for: a model that only writes has none.
        """
        if self.critic_network is None:
            build = build_book_critic if self.critic_kind == "book" else build_critic
            tracks = len(self.encoding.tracks)
            if self.by_track:
                shape = (*self.encoding.shape(self.bars)[:2], self.encoding.pitches + 1, tracks)
                planes = keras.Input(shape, name="planes")
                scores = [
                    build(self.encoding, self.bars, 1, f"critic_{i + 1}")(planes[..., i : i + 1])
                    for i in range(tracks)
                ]
                scores = ops.concatenate(scores, axis=-1)
                self.critic_network = keras.Model(planes, scores, name="critic")
            else:
                self.critic_network = build(self.encoding, self.bars, tracks)
        return self.critic_network

    @property
    def saved_weights(self) -> dict[str, keras.Variable]:
        """What a checkpoint holds, by name: the generator."""
        return {variable.path: variable for variable in self.generator.weights}

    def call(self, noises: dict[str, Any], training: bool = False) -> Any:
        """The generator's logits for a batch of noises."""
        return self.generator(noises, training=training)

    # === Training ===

    fit = fit

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        critic_optimizer: keras.optimizers.Optimizer,
        **settings: Any,
    ) -> None:
        """Sets how `train_step` learns.

        Both optimizers are built here, so that what is saved of them can be read back.

        Args:
            generator_optimizer: A Keras optimizer.
            critic_optimizer: Another one.
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
        for argument, optimizer in (
            ("generator_optimizer", generator_optimizer),
            ("critic_optimizer", critic_optimizer),
        ):
            checked_kind(argument, optimizer, keras.optimizers.Optimizer, "a Keras optimizer")
        super().compile(jit_compile=False)  # XLA's CPU code for this step is several times slower
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.averages = [
            keras.Variable(variable, trainable=False, name="average")
            for variable in self.generator.weights
        ]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.meters.values())

    def train_step(self, data: Any) -> dict[str, Any]:
        """Takes a step of the critic on a batch of rolls, and every few a step of the generator."""
        rolls, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        real = real_planes(rolls)
        count = ops.shape(real)[0]
        # Outside of the tape: the critic's step has no use for the generator's gradients.
        written = written_planes(self.generator(self._noises(count), training=True), self.encoding)
        shares = keras.random.uniform((count,), seed=self.seeds)

        def critic_loss() -> Any:
            scores = critic_scores(self.critic, real, written)
            penalty = ops.zeros(())
            if self.lipschitz == "gradient_penalty":
                penalty = gradient_penalty(self.critic, real, written, shares, self.by_track)
            loss = total(LOSSES[self.loss].critic(*scores)) + self.penalty_weight * penalty
            return loss, total(scores[0] - scores[1]), penalty

        variables = self.critic.trainable_variables
        (loss, distance, penalty), gradients = value_and_gradients(critic_loss, variables)
        self.critic_optimizer.apply(gradients, variables)
        if self.lipschitz == "weight_clipping":
            clip_weights(variables, self.clip)
        self.meters["critic_loss"].update_state(loss)
        self.meters["wasserstein"].update_state(distance)
        self.meters["penalty"].update_state(penalty)

        due = self.critic_optimizer.iterations % self.critic_steps == 0
        ops.cond(due, lambda: self._generator_step(count), lambda: ops.zeros(()))
        return self.get_metrics_result()

    def _generator_step(self, count: Any) -> Any:
        def generator_loss() -> Any:
            logits = self.generator(self._noises(count), training=True)
            scores = self.critic(written_planes(logits, self.encoding), training=True)
            return (total(LOSSES[self.loss].generator(scores)),)

        variables = self.generator.trainable_variables
        (loss,), gradients = value_and_gradients(generator_loss, variables)
        self.generator_optimizer.apply(gradients, variables)
        for average, variable in zip(self.averages, self.generator.weights, strict=True):
            average.assign(self.average * average + (1 - self.average) * variable)
        self.meters["generator_loss"].update_state(loss)
        return loss

    def _noises(self, count: Any) -> dict[str, Any]:
        return {
            name: keras.random.normal((count, *shape), seed=self.seeds)
            for name, shape in self.noise_shapes.items()
        }

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
        return {  # numbered: critics that are alike have weights of the same names
            f"{group}/{number}/{variable.path}": variable
            for group, variables in groups.items()
            for number, variable in enumerate(variables)
        }

    def gradients(self, seed: int, batch: Any) -> dict[str, float | None]:
        """Computes the norm of each weight's gradient: of the critic's scores on one batch.

        Args:
            seed: Seed of the noises.
            batch: Rolls of real music.

        Returns:
            The norms, of the generator's weights by the scores of what it writes, of the critic's
            by those of the real music; None for a frozen weight.
        """
        real = real_planes(batch)
        noises = {
            name: keras.random.normal((len(batch), *shape), seed=seed + number)
            for number, (name, shape) in enumerate(self.noise_shapes.items())
        }

        def written_scores() -> Any:
            written = written_planes(self.generator(noises, training=True), self.encoding)
            return ops.sum(self.critic(written, training=True))

        def real_scores() -> Any:
            return ops.sum(self.critic(real, training=True))

        norms: dict[str, float | None] = {}
        for network, scores in ((self.generator, written_scores), (self.critic, real_scores)):
            names = {f"{network.name}/{weight.path}": weight for weight in network.weights}
            norms |= gradient_norms(scores, names)
        return norms

    def begin_at(self, logits: NDArray[np.float32]) -> None:
        """Begins generator and moving average at logits `(pitches + 2, tracks)`."""
        begin_at(self.generator, self.encoding, logits)
        for average, variable in zip(self.averages, self.generator.weights, strict=True):
            average.assign(variable)

    def use_average(self) -> None:
        """Sets the generator's weights to their moving average."""
        self.generator.set_weights([np.asarray(average) for average in self.averages])

    @contextlib.contextmanager
    def average_weights(self) -> Iterator[None]:
        """Gives the generator the moving average of its weights, for as long as this is open."""
        current = self.generator.get_weights()
        self.use_average()
        yield
        self.generator.set_weights(current)

    def draw_progress(self, history: dict[str, list[float]], checkpoint: Path) -> None:
        """Draws how training goes, and some phrases, beside a checkpoint.

        Args:
            history: By name one value an epoch.
            checkpoint: The checkpoint's path.

        Raises:
            OSError: If a picture can't be written.
        """
        plot_training(history, checkpoint.with_suffix(".training.png"))
        phrases: Any = self.sample(count=SAMPLES_SHOWN, seed=0)
        rolls = np.concatenate([phrase.roll for phrase in phrases])
        epochs = len(next(iter(history.values()), ()))
        plot_pianoroll(
            self.encoding.decode(rolls, ((0, self.tempo),)),
            checkpoint.with_suffix(".samples.png"),
            title=f"{SAMPLES_SHOWN} phrases after {epochs} epochs",
        )

    @staticmethod
    def summary_of(record: dict[str, Any]) -> str:
        """Returns what a training record says, in a line."""
        minutes = f", {record['minutes']:,.0f} minutes" if "minutes" in record else ""
        return (
            f"trained on {record['phrases']:,} phrases of {record['pieces']:,} pieces of "
            f"{record['corpus']}, {record['epochs_run']:,} of {record['epochs']:,} epochs{minutes}"
        )

    # === Sampling ===

    noise = draw
    vary = vary
    sample = sample

    def write(self, noises: dict[str, NDArray[np.float32]], hold: float) -> NDArray[np.uint8]:
        """Writes the phrases of some noises.

        Args:
            noises: By name, `(phrases, *noise_shapes[name])`.
            hold: See `sample`.

        Returns:
            The rolls, `(phrases, bars, steps, pitches, tracks)`.
        """
        logits = ops.convert_to_numpy(self.generator.predict_on_batch(noises))
        return rolls_of(*decide_in_turn(logits, self.encoding, hold))
