"""Training a melody model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from musegen._checks import Number, Positive, Whole
from musegen.corpus.notes_used import NotesUsed
from musegen.encoding.melody import Melody
from musegen.settings import SEED, Search, declared, settings_of

if TYPE_CHECKING:
    import keras


@declared
def fit(
    model: Any,
    corpus: Any,
    *,
    epochs: Annotated[int, Whole(1, 10**6), "Passes over the training data at most"] = 100,
    batch_size: Annotated[int, Whole(1, 10**5), "Windows per step", Search([16, 32, 64])] = 32,
    length: Annotated[
        int, Whole(1, 10**5), "Events of a window at most; longer pieces are cut"
    ] = 256,
    learning_rate: Annotated[
        float, Positive(), "Step size at the beginning", Search((5e-4, 2e-2))
    ] = 2e-3,
    transpose: Annotated[
        int, Whole(0, 127), "Semitones by which pieces are moved at random", Search([0, 3, 6])
    ] = 6,
    weight_decay: Annotated[
        float,
        Number(0, 1),
        "Share of each weight that a step takes, times its size",
        Search((0, 0.1)),
    ] = 0.02,
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

    The best epoch is the one with the best likelihood of the validation split; without such pieces
    the last one is kept, with a warning. A model that was trained before, such as one that ships,
    goes on from its weights. AdamW (Loshchilov
    and Hutter 2019) with a cosine decay to a hundredth of the learning rate, gradients clipped to
    norm 1, and a moving average of the weights (Polyak and Juditsky 1992).

    Args:
        model: A `MelodyModel`.
        corpus: A `Corpus`, or a pair of sequences of `Melody` (training, validation).
        checkpoint: Where to save the best epoch so far, a path with the suffix `.safetensors`; None
            saves nothing. If training was interrupted there, it goes on; if it had ended there,
            nothing is done but loading it.
        callbacks: Keras callbacks, besides.
        verbose: 0 silent, 1 a bar with the time left, 2 a line an epoch; `"auto"` is 1 on a
            terminal, else 2.

    Returns:
        Keras's history: by epoch, nats per event of pitch, duration, and both (`nats`), on training
        and validation data.

    Raises:
        TrainingError: If the loss is not finite; the model then has its last good weights.
        CheckpointError: If `checkpoint` belongs to another training run, or can't be written; what
            was written before is then still there, and training goes on from it.
        ValueError: If an argument is out of its range, or there is no data.
    """
    given = {name: value for name, value in locals().items() if name in settings_of(fit)}
    from musegen.checkpoint import check_loadable, checkpoint_path
    from musegen.corpus.encoded import fact_of
    from musegen.training.likelihood import splits, train_by_likelihood
    from musegen.training.melody_windows import MelodyWindows

    if checkpoint is not None:
        checkpoint_path(checkpoint, "checkpoint")
        check_loadable(model)
    pieces, validation = splits(corpus, Melody, model.encoding, "Melody")
    if verbose and hasattr(corpus, "train"):
        notes = fact_of(pieces, "notes", model.encoding)
        print(NotesUsed.of_lines(model.encoding.voice, notes), flush=True)
    model.count_openings(pieces)
    windows = MelodyWindows(
        pieces, model, batch_size, length, shuffle=True, transpose=transpose, seed=seed
    )
    validation_windows = (
        MelodyWindows(validation, model, batch_size, length) if validation else None
    )
    return train_by_likelihood(
        model, windows, validation_windows, corpus, given, checkpoint, callbacks, verbose
    )
