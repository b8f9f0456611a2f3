"""Training a MuseGAN on the phrases of a corpus.

Beside the checkpoint stand pictures of how training goes: `<checkpoint's name>.training.png` and,
of four phrases that are always drawn from the same noise, `<checkpoint's name>.samples.png`. The
checkpoint is the last of these files to be written: where it is of the last epoch, so are all.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from symusic.core import ScoreTick

from musegen._checks import Choice, Positive, Share, Whole, checked_items
from musegen.checkpoint import check_loadable, checkpoint_path
from musegen.corpus.pieces import Scores
from musegen.encoding.roll import ONSET
from musegen.encoding.roll_phrases import scale_of_roll
from musegen.settings import SEED, declared, settings_of
from musegen.training.engine import ENGINES
from musegen.training.gan import LIPSCHITZ, LOSSES
from musegen.training.keeper import train
from musegen.training.roll_windows import RollWindows

SECONDS_BETWEEN_SAVES = 60
LEAST_FREQUENCY = 1e-4
ALONE = 2
"""Epochs after reconstruction in which the critic learns, and the generator waits for it."""
AFTER_OPENING = 0.4
"""The share of the learning rate by which a generator learns from the critic after that."""


@declared
def fit(
    model: Any,
    corpus: Any,
    *,
    epochs: Annotated[
        int, Whole(1, 10**6), "Passes over all phrases, each in a transposition drawn anew"
    ] = 500,
    batch_size: Annotated[int, Whole(1, 10**5), "Phrases per step"] = 64,
    critic_steps: Annotated[int, Whole(1, 1000), "Steps of the critic to one of the generator"] = 5,
    learning_rate: Annotated[float, Positive(), "Step size of both at the beginning"] = 1e-3,
    loss: Annotated[
        str, Choice(*LOSSES), "What critic and generator make of the critic's scores"
    ] = "wasserstein",
    lipschitz: Annotated[
        str, Choice(*LIPSCHITZ), "How the critic's slope is held"
    ] = "gradient_penalty",
    penalty_weight: Annotated[float, Positive(), "Weight of the gradient penalty or of R1"] = 10.0,
    clip: Annotated[float, Positive(), "Largest weight of the critic with weight clipping"] = 0.01,
    average: Annotated[float, Share(), "Share of the moving average that a step leaves"] = 0.998,
    transpose: Annotated[
        int,
        Whole(0, 127),
        "Semitones by which phrases are moved at most, each track staying in its range",
    ] = 6,
    reconstruction: Annotated[
        int,
        Whole(0, 10**6),
        "Of the epochs, the first ones, in which a generator of the kind `leading` learns by "
        "writing again what an encoder reads",
    ] = 0,
    seed: Annotated[int, SEED, "Seed of all that is drawn"] = 0,
    checkpoint: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> keras.callbacks.History:
    """Trains on the train split of a corpus, and keeps the moving average of the weights.

    Adam, moments 0.5 and 0.9 (Gulrajani et al. 2017, algorithm 1: 0 and 0.9), on both sides; the
    learning rates fall along a cosine to a tenth; `musegen.training.gan` has the losses. A new
    generator begins with the frequencies of the corpus's pitches. What samples is the moving
    average of the weights (Karras et al. 2018, appendix A.1). Before it begins it prints how many
    notes of each track it learns from, and what becomes of the others.

    Args:
        model: A `MuseGAN`.
        corpus: A `Corpus`, whose train split is taken, or a sequence of scores.
        checkpoint: Where to save the model, at most once a minute and at the end, a path with the
            suffix `.safetensors`; None saves nothing. If training was interrupted there, it goes
            on; if it had ended there, nothing is done but loading it.
        callbacks: Keras callbacks, besides.
        verbose: 0 silent, 1 a bar with the time left, 2 a line an epoch; `"auto"` is 1 on a
            terminal, else 2.

    Returns:
        Keras's history, by epoch: `wasserstein`, the mean score of real music above that of written
        music, which is the critic's estimate of their distance with `loss="wasserstein"`, and no
        distance with another loss; `penalty`, without its weight; `critic_loss` and
        `generator_loss`; and with `reconstruction` also `reconstruction_cost`, hundreds of nats a
        phrase. What does not learn in an epoch has 0.

    Raises:
        TrainingError: If a loss is not finite; the model then has the weights of the epoch before.
        CheckpointError: If `checkpoint` belongs to another training run, or can't be written; what
            was written before is then still there, and training goes on from it.
        OSError: If a picture can't be written; likewise.
        ValueError: If an argument is out of its range, or the corpus has no phrase.
        RuntimeError: If Keras runs on neither TensorFlow nor JAX, or trains on several devices.
    """
    given = {name: value for name, value in locals().items() if name in settings_of(fit)}
    if checkpoint is not None:
        checkpoint_path(checkpoint, "checkpoint")
        check_loadable(model)
    if keras.backend.backend() not in ENGINES:
        raise RuntimeError(
            f"A MuseGAN trains on Keras's engines TensorFlow and JAX, not on "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow before Python starts. "
            "Sampling works on all engines."
        )
    if reconstruction:
        _ = model.encoder  # a ValueError where there is none
    if keras.distribution.distribution() is not None:
        raise RuntimeError("A MuseGAN trains on one device: set no `keras.distribution`.")
    scores: Sequence[ScoreTick]
    if hasattr(corpus, "train"):
        scores = Scores(corpus.train)
    else:
        what = "a corpus (`musegen.corpus.folder` makes one of a folder of MIDI files), or scores"
        scores = checked_items("corpus", corpus, ScoreTick, what)
    windows = RollWindows(
        scores,
        model.encoding,
        model.bars,
        batch_size,
        shuffle=True,
        transpose=transpose,
        seed=seed,
        in_c=model.leads,
    )

    if verbose:
        print(windows.used, flush=True)

    def optimizer(name: str, epochs: int, every: int = 1, share: float = 1) -> Any:
        steps = max(1, epochs * windows.num_batches // every)
        rate = share * learning_rate
        schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.1)
        return keras.optimizers.Adam(schedule, beta_1=0.5, beta_2=0.9, name=name)

    opening: dict[str, Any] = {}
    if reconstruction:
        opening = {
            "opening_optimizer": optimizer("opening_adam", reconstruction),
            "opening": reconstruction * windows.num_batches,
            "alone": ALONE * windows.num_batches,
        }
    rest = max(1, epochs - reconstruction)
    model.tempo, model.ranges = windows.tempo, windows.ranges
    model.compile(
        optimizer("generator_adam", rest, critic_steps, AFTER_OPENING if opening else 1),
        optimizer("critic_adam", rest),
        **opening,
        critic_steps=critic_steps,
        loss=loss,
        lipschitz=lipschitz,
        penalty_weight=penalty_weight,
        clip=clip,
        average=average,
    )
    settings = {
        "corpus": getattr(corpus, "name", "scores"),
        "pieces": len(scores),
        "phrases": windows.phrases,
        **given,
    }

    def begin() -> None:
        if not model.training_record:
            if model.leads:
                phrases = map(windows.phrase, range(windows.phrases))
                model.key.learn([scale_of_roll(phrase, model.encoding) for phrase in phrases])
            model.begin_at(opening_logits(windows, model.leads))

    return train(
        model,
        windows,
        epochs=epochs,
        settings=settings,
        checkpoint=checkpoint,
        seconds_between_saves=SECONDS_BETWEEN_SAVES,
        begin=begin,
        callbacks=callbacks,
        verbose=verbose,
    )


def opening_logits(windows: RollWindows, held: bool = False) -> np.ndarray:
    """Logits `(pitches + 2, tracks)` of a generator that knows how often each pitch sounds.

    The last is how often a note is struck again, or if `held` how often one begins.
    """
    encoding = windows.encoding
    steps = 0
    cells, again, held_on = np.zeros((3, encoding.pitches, len(encoding.tracks)), np.int64)
    begun = np.zeros(len(encoding.tracks), np.int64)
    for index in range(windows.num_batches):
        rolls = windows[index][0] if windows.in_c else windows[index]
        batch = rolls.reshape(len(rolls), -1, *rolls.shape[3:])  # (phrases, steps, pitches, tracks)
        sounds = batch > 0
        cells += sounds.sum(axis=(0, 1))
        steps += batch.shape[0] * batch.shape[1]
        both = sounds[:, 1:] & sounds[:, :-1]
        again += (both & (batch[:, 1:] == ONSET)).sum(axis=(0, 1))
        held_on += both.sum(axis=(0, 1))
        begun += (batch == ONSET).any(axis=2).sum(axis=(0, 1))
    sounding = np.clip(cells / steps, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    silent = np.clip(1 - cells.sum(axis=0) / steps, LEAST_FREQUENCY, None)
    struck = begun / steps if held else again.sum(axis=0) / np.maximum(held_on.sum(axis=0), 1)
    struck = np.clip(struck, LEAST_FREQUENCY, 1 - LEAST_FREQUENCY)
    pitches = np.where(encoding.monophonic, np.log(sounding), np.log(sounding / (1 - sounding)))
    rows = [*pitches, np.log(silent), np.log(struck / (1 - struck))]
    return np.array(rows, np.float32)
