"""MuseGAN: writes phrases of several tracks at once, from four noises.

    style, groove, chords, melody -> generator -> phrase -> critic -> how real it looks

After Dong, Hsiao, Yang and Yang, "MuseGAN: Multi-track Sequential Generative Adversarial Networks
for Symbolic Music Generation and Accompaniment" (AAAI 2018), and David Foster, "Generative Deep
Learning" (2019), chapter 7. The generator is in `generator.py`, the critic in `critic.py`, and the
chapter's own networks in `book.py`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import keras
from keras import ops

from musegen._checks import (
    checked_choice,
    checked_config,
    checked_int,
    checked_kind,
    checked_name,
    checked_number,
    checked_positive,
    checked_share,
)
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.models.musegan.book import build_book_critic
from musegen.models.musegan.cells import real_planes, written_planes
from musegen.models.musegan.critic import build_critic
from musegen.models.musegan.generator import (
    COMPOSITIONS,
    build_generator,
    noise_shapes,
    weight_shapes,
)
from musegen.models.musegan.noise import Noise
from musegen.models.musegan.wgan import LIPSCHITZ, clip_weights, critic_losses
from musegen.models.registry import register

if TYPE_CHECKING:
    from musegen.composition import PianorollComposition

NETWORKS = ("compact", "book")
CONFIG = (
    *("encoding", "bars", "noise_size", "composition", "units"),
    *("generator", "critic", "hold", "tempo"),
)


@register
@keras.saving.register_keras_serializable("musegen")
class MuseGAN(keras.Model):
    """A generator of phrases, and the critic that it learns from.

    Takes a dict of the four noises, `(batch, *shape)` each with the shapes of `noise_shapes`, and
    returns logits `(batch, bars, steps, pitches + 2, tracks)`. A saved model has the generator
    only: a critic is of no use but in training.

    Args:
        encoding: Tracks, steps and pitches; the default encoding if None.
        bars: Bars of a phrase, 1 to 64.
        noise_size: Length of each noise vector, 1 to 1,024.
        composition: `"hybrid"`, `"jamming"` or `"composer"`; see `generator.py`.
        units: Width of the generator's widest layers, 4 to 4,096.
        generator, critic: `"compact"`, or the chapter's, `"book"`; see `book.py`.
        hold: How much likelier another pitch must be, in units of the logits, than the one that
            sounds, for a track to move when music is written, 0 to 1,000; see
            `musegen.models.musegan.cells`. A critic sees what is written with 0.
        tempo: Microseconds per quarter note at which phrases are played, 1 to 16,777,215. Training
            sets it to the median of the corpus.
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
        bars: int = 4,
        noise_size: int = 32,
        composition: Literal["hybrid", "jamming", "composer"] = "hybrid",
        units: int = 384,
        generator: Literal["compact", "book"] = "compact",
        critic: Literal["compact", "book"] = "compact",
        hold: float = 0.0,
        tempo: int = 500_000,
        name: str = "musegan",
    ) -> None:
        encoding = PianorollEncoding() if encoding is None else encoding
        checked_kind("encoding", encoding, PianorollEncoding, "a PianorollEncoding")
        config = _checked(
            {
                "bars": bars,
                "noise_size": noise_size,
                "composition": composition,
                "units": units,
                "generator": generator,
                "critic": critic,
                "hold": hold,
                "tempo": tempo,
            }
        )
        bars, noise_size, units = config["bars"], config["noise_size"], config["units"]
        super().__init__(name=checked_name(name))
        self.encoding = encoding
        self.bars, self.noise_size, self.composition = bars, noise_size, composition
        self.units, self.hold, self.tempo = units, config["hold"], config["tempo"]
        self.generator_kind, self.critic_kind = generator, critic
        tracks = len(encoding.tracks)
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

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments as plain JSON values."""
        return {
            "name": self.name,
            "encoding": self.encoding.get_config(),
            "bars": self.bars,
            "noise_size": self.noise_size,
            "composition": self.composition,
            "units": self.units,
            "generator": self.generator_kind,
            "critic": self.critic_kind,
            "hold": self.hold,
            "tempo": self.tempo,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> MuseGAN:
        """Rebuilds the model from its config, with new weights.

        Args:
            config: What `get_config()` returns.
            custom_objects: As Keras has it; there are none.

        Raises:
            ValueError: If it is no such config.
        """
        encoding = PianorollEncoding.from_config(checked_config(config, CONFIG)["encoding"])
        return cls(**{**config, "encoding": encoding})

    @staticmethod
    def weight_shapes(config: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that a model of this config saves, without building it.

        Raises:
            ValueError: If a value is out of its range.
        """
        encoding = PianorollEncoding.from_config(checked_config(config, CONFIG)["encoding"])
        config = _checked(config)
        names = ("bars", "noise_size", "composition", "units", "generator")
        return weight_shapes(encoding, *(config[name] for name in names))

    @classmethod
    def weight_count(cls, config: dict[str, Any]) -> int:
        """How many weights a model of this config saves; raises as `weight_shapes` does."""
        return sum(math.prod(shape) for shape in cls.weight_shapes(config).values())

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

    def compile(
        self,
        generator_optimizer: keras.optimizers.Optimizer,
        critic_optimizer: keras.optimizers.Optimizer,
        critic_steps: int = 5,
        lipschitz: Literal["gradient_penalty", "weight_clipping"] = "gradient_penalty",
        penalty_weight: float = 10.0,
        clip: float = 0.01,
        average: float = 0.998,
    ) -> None:
        """Sets how `train_step` learns; `musegen.models.musegan.training.fit` says what they mean.

        Both optimizers are built here, so that what is saved of them can be read back.

        Args:
            generator_optimizer: A Keras optimizer.
            critic_optimizer: Another one.
            critic_steps: 1 to 1,000.
            lipschitz: `"gradient_penalty"` or `"weight_clipping"`.
            penalty_weight: Above 0.
            clip: Above 0.
            average: 0 up to, not including, 1.

        Raises:
            ValueError: If an argument is out of its range.
        """
        for argument, optimizer in (
            ("generator_optimizer", generator_optimizer),
            ("critic_optimizer", critic_optimizer),
        ):
            checked_kind(argument, optimizer, keras.optimizers.Optimizer, "a Keras optimizer")
        critic_steps = checked_int("critic_steps", critic_steps, 1, 1000)
        checked_choice("lipschitz", lipschitz, LIPSCHITZ)
        penalty_weight = checked_positive("penalty_weight", penalty_weight)
        clip = checked_positive("clip", clip)
        average = checked_share("average", average)
        super().compile(jit_compile=False)  # XLA's CPU code for this step is several times slower
        generator_optimizer.build(self.generator.trainable_variables)
        critic_optimizer.build(self.critic.trainable_variables)
        self.generator_optimizer = generator_optimizer
        self.critic_optimizer = critic_optimizer
        self.critic_steps = critic_steps
        self.lipschitz = lipschitz
        self.penalty_weight, self.clip, self.average = penalty_weight, clip, average
        self.averages = [
            keras.Variable(variable, trainable=False, name="average")
            for variable in self.generator.weights
        ]

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return list(self.meters.values())

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step of the critic on a batch of rolls, and at every few a step of the generator."""
        import tensorflow as tf

        rolls, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        real = real_planes(rolls)
        count = ops.shape(real)[0]
        # Outside of the tape: the critic's step has no use for the generator's gradients.
        written = written_planes(self.generator(self._noises(count), training=True), self.encoding)
        shares = keras.random.uniform((count,), seed=self.seeds)
        penalize = self.lipschitz == "gradient_penalty"
        variables = self.critic.trainable_variables
        with tf.GradientTape() as tape:
            distance, penalty = critic_losses(
                self.critic, real, written, shares, self.by_track, penalize
            )
            loss = self.penalty_weight * penalty - distance
        self.critic_optimizer.apply(tape.gradient(loss, variables), variables)
        if not penalize:
            clip_weights(variables, self.clip)
        self.meters["critic_loss"].update_state(loss)
        self.meters["wasserstein"].update_state(distance)
        self.meters["penalty"].update_state(penalty)

        due = self.critic_optimizer.iterations % self.critic_steps == 0
        ops.cond(due, lambda: self._generator_step(count), lambda: ops.zeros(()))
        return self.get_metrics_result()

    def _generator_step(self, count: Any) -> Any:
        import tensorflow as tf

        variables = self.generator.trainable_variables
        with tf.GradientTape() as tape:
            logits = self.generator(self._noises(count), training=True)
            scores = self.critic(written_planes(logits, self.encoding), training=True)
            loss = -ops.sum(ops.mean(scores, axis=0))
        self.generator_optimizer.apply(tape.gradient(loss, variables), variables)
        for average, variable in zip(self.averages, self.generator.weights, strict=True):
            average.assign(self.average * average + (1 - self.average) * variable)
        self.meters["generator_loss"].update_state(loss)
        return loss

    def _noises(self, count: Any) -> dict[str, Any]:
        return {
            name: keras.random.normal((count, *shape), seed=self.seeds)
            for name, shape in self.noise_shapes.items()
        }

    def fit(self, corpus: Any, **options: Any) -> keras.callbacks.History:
        """Trains on the train split of a corpus.

        Args:
            corpus: A `Corpus`, or a sequence of scores.
            **options: See `musegen.models.musegan.training.fit`.

        Returns:
            Keras's history; the weights are the moving average of the generator's.
        """
        from musegen.models.musegan.training import fit

        return fit(self, corpus, **options)

    def fit_windows(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Keras's own `fit`, on batches of rolls."""
        return super().fit(*args, **kwargs)

    # === Sampling ===

    def noise(self, seed: int | None = None) -> Noise:
        """Draws the noise of a phrase.

        Args:
            seed: 0 to 2^63 - 1; drawn if None.

        Returns:
            The four noises.

        Raises:
            ValueError: If `seed` is out of its range.
        """
        from musegen.models.musegan.sampling import draw_noise

        return draw_noise(self, seed)

    def vary(
        self, noise: Noise, part: str, track: str | None = None, seed: int | None = None
    ) -> Noise:
        """Turns one knob: draws one of the four noises anew, and leaves the others.

        Args:
            noise: The noise to begin with, of the shapes of this model's; it stays as it is.
            part: `"style"`, `"groove"`, `"chords"` or `"melody"`.
            track: The name of the track whose noise to draw, where each has its own. None means
                all of them.
            seed: 0 to 2^63 - 1; drawn if None.

        Returns:
            The new noise.

        Raises:
            ValueError: If there is no such part or track, or the noise has not the shapes of this
                model's.
        """
        from musegen.models.musegan.sampling import vary_noise

        return vary_noise(self, noise, part, track, seed)

    def sample(self, **options: Any) -> PianorollComposition | list[PianorollComposition]:
        """Writes new music; see `musegen.models.musegan.sampling.sample` for the arguments."""
        from musegen.models.musegan.sampling import sample

        return sample(self, **options)


def _checked(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a config holds beside encoding and name, or a ValueError."""
    return {
        "bars": checked_int("bars", config["bars"], 1, 64),
        "noise_size": checked_int("noise_size", config["noise_size"], 1, 1024),
        "composition": checked_choice("composition", config["composition"], COMPOSITIONS),
        "units": checked_int("units", config["units"], 4, 4096),
        "generator": checked_choice("generator", config["generator"], NETWORKS),
        "critic": checked_choice("critic", config["critic"], NETWORKS),
        "hold": checked_number("hold", config["hold"], 0, 1000),
        "tempo": checked_int("tempo", config["tempo"], 1, 2**24 - 1),
    }
