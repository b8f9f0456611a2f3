"""Training a MuseGAN: Keras's `fit` on phrases of a corpus, made repeatable and resumable.

Everything that an epoch draws (order, transpositions, noise) depends on the seed and the epoch's
number alone. What going on needs (both networks, both optimizers, the moving average and the
history) stands beside the checkpoint, in `<checkpoint>.resume`, from before the first epoch on; a
run that was killed goes on from there and ends in the same weights as one that was left alone.
Beside it as well are pictures of how training goes: `<checkpoint's name>.training.png` and, of four
phrases that are always drawn from the same noise, `<checkpoint's name>.samples.png`. The checkpoint
is the last of these files to be written: where it is of the last epoch, so are all.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import keras
import numpy as np
from symusic.core import ScoreTick

from musegen._checks import (
    checked_choice,
    checked_int,
    checked_items,
    checked_kind,
    checked_positive,
    checked_share,
)
from musegen.checkpoint import checkpoint_path, file_tensors, save_checkpoint
from musegen.encoding.grid import tempo_changes
from musegen.encoding.pianoroll import ONSET, PianorollEncoding
from musegen.models.musegan.generator import begin_at
from musegen.models.musegan.wgan import LIPSCHITZ
from musegen.training import TrainingError
from musegen.training.keeper import ResumeFile, as_history
from musegen.training.roll_windows import RollWindows

if TYPE_CHECKING:
    from musegen.models.musegan.musegan import MuseGAN

SECONDS_BETWEEN_SAVES = 60
SAMPLES_SHOWN = 4
LEAST_FREQUENCY = 1e-4


def fit(
    model: MuseGAN,
    corpus: Any,
    *,
    epochs: int = 500,
    batch_size: int = 64,
    critic_steps: int = 5,
    learning_rate: float = 1e-3,
    lipschitz: Literal["gradient_penalty", "weight_clipping"] = "gradient_penalty",
    penalty_weight: float = 10.0,
    clip: float = 0.01,
    average: float = 0.998,
    transpose: int = 6,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> keras.callbacks.History:
    """Trains a MuseGAN, and leaves it with the moving average of its generator's weights.

    Wasserstein training (see `musegen.models.musegan.wgan`) with Adam, moments 0.5 and 0.9
    (Gulrajani et al. 2017, algorithm 1: 0 and 0.9), on both sides; the learning rates fall along a
    cosine to a tenth. A new generator begins with the frequencies of the corpus's pitches. What
    samples is the moving average of the weights (Karras et al. 2018, appendix A.1).

    Args:
        model: The model.
        corpus: A `Corpus`, whose train split is taken, or a sequence of scores.
        epochs: Passes over all phrases, 1 to 1,000,000, each phrase in a transposition drawn anew.
        batch_size: Phrases a step, 1 to 100,000.
        critic_steps: Steps of the critic to one of the generator, 1 to 1,000.
        learning_rate: Step size of both at the beginning, above 0.
        lipschitz: How the critic's slope is held: `"gradient_penalty"` or `"weight_clipping"`.
        penalty_weight: Weight of the gradient penalty, above 0.
        clip: Largest weight of the critic with weight clipping, above 0.
        average: Share of the moving average that a step leaves, 0 up to, not including, 1.
        transpose: Semitones by which phrases are moved at most, each track staying in its range,
            0 to 127.
        seed: Seed of all that is drawn, 0 to 2^32 - 1.
        checkpoint: Where to save the model, at most once a minute and at the end, a path with the
            suffix `.safetensors`; None saves nothing. If training was interrupted there, it goes
            on; if it had ended there, nothing is done but loading it.
        callbacks: Keras callbacks, besides.
        verbose: As in Keras: 0 silent, 1 a progress bar, 2 a line an epoch.

    Returns:
        Keras's history, by epoch: `wasserstein`, the critic's estimate of the distance from real
        music; `penalty`, without its weight; `critic_loss` and `generator_loss`.

    Raises:
        TrainingError: If a loss is not finite; the model then has the weights of the epoch before.
        CheckpointError: If `checkpoint` belongs to another training run, or can't be written; what
            was written before is then still there, and training goes on from it.
        OSError: If a picture can't be written; likewise.
        ValueError: If an argument is out of its range, or the corpus has no phrase.
        RuntimeError: If Keras does not run on TensorFlow.
    """
    from musegen.models.musegan.musegan import MuseGAN

    checked_kind("model", model, MuseGAN, "a MuseGAN")
    if checkpoint is not None:
        checkpoint_path(checkpoint, "checkpoint")
    epochs = checked_int("epochs", epochs, 1, 10**6)
    batch_size = checked_int("batch_size", batch_size, 1, 10**5)
    critic_steps = checked_int("critic_steps", critic_steps, 1, 1000)
    transpose = checked_int("transpose", transpose, 0, 127)
    seed = checked_int("seed", seed, 0, 2**32 - 1)
    checked_choice("lipschitz", lipschitz, LIPSCHITZ)
    learning_rate = checked_positive("learning_rate", learning_rate)
    penalty_weight = checked_positive("penalty_weight", penalty_weight)
    clip = checked_positive("clip", clip)
    average = checked_share("average", average)
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"A MuseGAN trains on Keras's TensorFlow engine, not on {keras.backend.backend()}. Set "
            "KERAS_BACKEND=tensorflow before Python starts. Sampling works on all engines."
        )
    if hasattr(corpus, "train"):
        scores = [piece.score for piece in corpus.train]
    else:
        what = "a corpus (`musegen.corpus.folder` makes one of a folder of MIDI files), or scores"
        scores = checked_items("corpus", corpus, ScoreTick, what)
    windows = RollWindows(
        scores, model.encoding, model.bars, batch_size, shuffle=True, transpose=transpose, seed=seed
    )
    tempo = int(np.median([tempo_changes(score)[0][1] for score in scores]))

    def optimizer(name: str, every: int) -> keras.optimizers.Optimizer:
        steps = max(1, epochs * windows.num_batches // every)
        schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=0.1)
        return keras.optimizers.Adam(schedule, beta_1=0.5, beta_2=0.9, name=name)

    model.compile(
        optimizer("generator_adam", critic_steps),
        optimizer("critic_adam", 1),
        critic_steps=critic_steps,
        lipschitz=lipschitz,
        penalty_weight=penalty_weight,
        clip=clip,
        average=average,
    )
    settings = {
        "corpus": getattr(corpus, "name", "scores"),
        "pieces": len(scores),
        "phrases": windows.phrases,
        "epochs": epochs,
        "batch_size": batch_size,
        "critic_steps": critic_steps,
        "learning_rate": learning_rate,
        "lipschitz": lipschitz,
        "penalty_weight": penalty_weight,
        "clip": clip,
        "average": average,
        "transpose": transpose,
        "seed": seed,
    }
    keeper = _Keeper(windows, ResumeFile(checkpoint, settings))
    if not keeper.resume(model, tempo):
        if not model.training_record:
            begin_at(model.generator, model.encoding, opening_logits(windows))
            keeper.use_generator()
        keeper.save()
    if keeper.epochs < epochs:
        model.fit_windows(
            windows,
            epochs=epochs,
            initial_epoch=keeper.epochs,
            callbacks=[keeper, *callbacks],
            verbose=verbose,
            shuffle=False,
        )
    keeper.finish()
    return as_history(model, keeper.history)


def opening_logits(windows: RollWindows) -> np.ndarray:
    """Logits `(pitches + 2, tracks)` of a generator that knows how often each pitch sounds.

    Args:
        windows: The phrases that it is to learn from.
    """
    encoding: PianorollEncoding = windows.encoding
    steps = 0
    cells, begun, held = np.zeros((3, encoding.pitches, len(encoding.tracks)), np.int64)
    for index in range(windows.num_batches):
        rolls = windows[index]
        batch = rolls.reshape(len(rolls), -1, *rolls.shape[3:])  # (phrases, steps, pitches, tracks)
        sounds = batch > 0
        cells += sounds.sum(axis=(0, 1))
        steps += batch.shape[0] * batch.shape[1]
        both = sounds[:, 1:] & sounds[:, :-1]
        begun += (both & (batch[:, 1:] == ONSET)).sum(axis=(0, 1))
        held += both.sum(axis=(0, 1))
    sounding = np.clip(cells / steps, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    silent = np.clip(1 - cells.sum(axis=0) / steps, LEAST_FREQUENCY, None)
    repeated = begun.sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    repeated = np.clip(repeated, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    pitches = np.where(encoding.monophonic, np.log(sounding), np.log(sounding / (1 - sounding)))
    rows = [*pitches, np.log(silent), np.log(repeated / (1 - repeated))]
    return np.array(rows, np.float32)


class _Keeper(keras.callbacks.Callback):
    """Seeds each epoch, saves what going on needs, shows how it goes, stops in time."""

    def __init__(self, windows: RollWindows, file: ResumeFile) -> None:
        super().__init__()
        self.windows = windows
        self.file = file
        self.history: dict[str, list[float]] = {}
        self.saved = -math.inf

    @property
    def epochs(self) -> int:
        """How many epochs have ended."""
        return len(self.history.get("wasserstein", ()))

    def record(self) -> dict[str, Any]:
        """What the checkpoint says of its training."""
        last = {name: values[-1] for name, values in self.history.items()}
        return {**self.file.settings, "epochs_run": self.epochs, **last}

    def resume(self, model: MuseGAN, tempo: int) -> bool:
        """Takes up an interrupted run; says whether there was one."""
        self.set_model(model)
        model.tempo = tempo
        history = self.file.read(model.get_config(), self._tensors())
        self.history = history or {}
        return history is not None

    def save(self) -> None:
        """Writes what `resume` takes up."""
        self.file.write(self.model.get_config(), self._tensors(), self.history)

    def finish(self) -> None:
        """Leaves the model as the checkpoint has it, and the checkpoint as it should be."""
        checkpoint = self.file.checkpoint
        if checkpoint is not None:
            saved = file_tensors(checkpoint)[0].get("training") if checkpoint.exists() else None
            if not isinstance(saved, dict) or saved.get("epochs_run") != self.epochs:
                self._save_all(checkpoint)  # it was killed between two files
        self.use_average()
        self.model.training_record = self.record()

    def on_train_begin(self, logs: Any = None) -> None:
        self.saved = time.monotonic()
        self._good = self.model.generator.get_weights(), self.model.critic.get_weights()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.windows.start_epoch(epoch)
        seeds = np.random.SeedSequence([self.file.settings["seed"], epoch, 1]).generate_state(2)
        self.model.seeds.state.assign(seeds)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items()}
        weights = self.model.generator.get_weights(), self.model.critic.get_weights()
        if not (
            all(math.isfinite(value) for value in values.values())
            and all(np.isfinite(weight).all() for group in weights for weight in group)
        ):
            self.model.generator.set_weights(self._good[0])
            self.model.critic.set_weights(self._good[1])
            raise TrainingError(
                f"The loss is not finite any more, in epoch {self.epochs + 1}. A learning_rate "
                f"below {self.file.settings['learning_rate']:g} may help. The model has the "
                "weights of the end of the epoch before."
            )
        for name, value in values.items():
            self.history.setdefault(name, []).append(round(value, 6))
        self._good = weights
        last = self.epochs == self.file.settings["epochs"]
        checkpoint = self.file.checkpoint
        due = last or time.monotonic() > self.saved + SECONDS_BETWEEN_SAVES
        if due and checkpoint is not None:
            self._save_all(checkpoint)
            self.saved = time.monotonic()

    def use_generator(self) -> None:
        """Begins the moving average at the generator's weights."""
        for average, variable in zip(
            self.model.averages, self.model.generator.weights, strict=True
        ):
            average.assign(variable)

    def use_average(self) -> None:
        """Gives the generator the moving average of its weights."""
        averages = [np.asarray(average) for average in self.model.averages]
        self.model.generator.set_weights(averages)

    def _save_all(self, checkpoint: Path) -> None:
        self.save()
        current = self.model.generator.get_weights()
        self.use_average()
        self._draw(checkpoint)
        self.model.training_record = self.record()
        save_checkpoint(self.model, checkpoint)
        self.model.generator.set_weights(current)

    def _draw(self, checkpoint: Path) -> None:
        from musegen.plots import plot_pianoroll, plot_training

        plot_training(self.history, checkpoint.with_suffix(".training.png"))
        phrases = self.model.sample(count=SAMPLES_SHOWN, seed=0)
        rolls = np.concatenate([phrase.roll for phrase in phrases])
        plot_pianoroll(
            self.model.encoding.decode(rolls, ((0, self.model.tempo),)),
            checkpoint.with_suffix(".samples.png"),
            title=f"{SAMPLES_SHOWN} phrases after {self.epochs} epochs",
        )

    def _tensors(self) -> dict[str, Any]:
        model = self.model
        groups = {
            "generator": model.generator.weights,
            "critic": model.critic.weights,
            "average": model.averages,
            "generator_optimizer": model.generator_optimizer.variables,
            "critic_optimizer": model.critic_optimizer.variables,
        }
        return {  # numbered: critics that are alike have weights of the same names
            f"{group}/{number}/{variable.path}": variable
            for group, variables in groups.items()
            for number, variable in enumerate(variables)
        }
