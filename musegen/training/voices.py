"""Training a model of voices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from musegen._checks import Number, Positive, Share, Whole
from musegen.settings import SEED, Search, declared, settings_of

if TYPE_CHECKING:
    import keras


@declared
def fit(
    model: Any,
    corpus: Any,
    *,
    epochs: Annotated[int, Whole(1, 10**6), "Passes over the training data at most"] = 30,
    batch_size: Annotated[int, Whole(1, 10**5), "Pieces per step", Search([4, 8, 16])] = 8,
    length: Annotated[
        int, Whole(1, 10**5), "Steps of a training window at most; longer pieces are cut"
    ] = 256,
    learning_rate: Annotated[
        float, Positive(), "Step size at the beginning", Search((5e-4, 5e-3))
    ] = 2e-3,
    given: Annotated[
        float,
        Share(),
        "Share of the pieces of which something is given: voices, bars, notes or the length",
    ] = 0.5,
    weight_decay: Annotated[
        float,
        Number(0, 1),
        "Share of each weight that a step takes, times its size",
        Search((0, 0.1)),
    ] = 0.05,
    average: Annotated[
        float,
        Number(0, 1, open_high=True),
        "Momentum of the moving average of the weights, which is what is measured and kept",
    ] = 0.99,
    patience: Annotated[
        int, Whole(1, 10**6), "Epochs without a better validation likelihood before it stops"
    ] = 10,
    seed: Annotated[int, SEED, "Seed of all that is drawn"] = 0,
    checkpoint: str | Path | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = "auto",
) -> keras.callbacks.History:
    """Trains on the train split of a corpus, and keeps the weights of the best epoch.

    The best epoch is the one with the best likelihood of the validation split, of which nothing is
    given. `musegen.training.likelihood` has the optimizer, and `musegen.training.voice_windows`
    what is given of the training pieces.

    Args:
        model: A `VoiceModel`.
        corpus: A `Corpus`, or a pair of sequences of `Voices` (training, validation).
        checkpoint: Where to save the best epoch so far, a path with the suffix `.safetensors`; None
            saves nothing. If training was interrupted there, it goes on; if it had ended there,
            nothing is done but loading it.
        callbacks: Keras callbacks, besides.
        verbose: As in Keras: 0 silent, 1 a progress bar, 2 a line an epoch.

    Returns:
        Keras's history: by epoch, nats per voice and step (`nats`), and nats per step of whether
        the piece ends there (`end_nats`), on training and validation data.

    Raises:
        TrainingError: If the loss is not finite; the model then has its last good weights.
        CheckpointError: If `checkpoint` belongs to another training run, or can't be written; what
            was written before is then still there, and training goes on from it.
        ValueError: If an argument is out of its range, or there is no data.
    """
    settings = {name: value for name, value in locals().items() if name in settings_of(fit)}
    from musegen.checkpoint import check_loadable, checkpoint_path
    from musegen.encoding.voices import Voices
    from musegen.training.likelihood import splits, train_by_likelihood
    from musegen.training.voice_windows import VoiceWindows

    if checkpoint is not None:
        checkpoint_path(checkpoint, "checkpoint")
        check_loadable(model)
    pieces, validation = splits(corpus, Voices, model.encoding, "Voices")
    model.count_openings(pieces)
    windows = VoiceWindows(pieces, model, batch_size, length, shuffle=True, given=given, seed=seed)
    longest = max(map(len, validation), default=0) + 1
    validation_windows = (
        VoiceWindows(validation, model, batch_size, longest) if validation else None
    )
    return train_by_likelihood(
        model, windows, validation_windows, corpus, settings, checkpoint, callbacks, verbose
    )
