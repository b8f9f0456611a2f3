"""Training by likelihood, of any model that has one: the optimizer, and what is kept of the run."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from musegen._checks import shown
from musegen.corpus.encoded import encoded
from musegen.training.keeper import train
from musegen.training.parallel import of_this_process


def train_by_likelihood(
    model: Any,
    windows: Any,
    validation: Any,
    corpus: Any,
    given: dict[str, Any],
    checkpoint: str | Path | None,
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: Any,
) -> keras.callbacks.History:
    """Trains a model on windows, and keeps the weights that are best on the validation windows.

    AdamW (Loshchilov and Hutter 2019) with a cosine decay to a hundredth of the learning rate,
    gradients clipped to norm 1, and a moving average of the weights (Polyak and Juditsky 1992).

    Args:
        model: The model; `val_nats` is the figure that chooses the epoch.
        windows: Batches to learn from, with `pieces` and `events`, how many there are.
        validation: Batches to measure on, likewise; None for none, and then the last epoch is kept.
        corpus: What they were cut from.
        given: The settings of the run, those of `fit`.
        checkpoint: Where to save the best epoch so far, or None.
        callbacks: Keras callbacks, besides.
        verbose: As in Keras.

    Returns:
        Keras's history.
    """
    if validation is None:
        warnings.warn(
            "There is no piece to validate on, which takes three that are not nearly the same: "
            f"all {given['epochs']:,} epochs are trained and the last is kept, no best one is "
            "chosen, and no figure tells what the model learned from what it knows by heart.",
            stacklevel=4,  # the caller of the method
        )
    schedule = keras.optimizers.schedules.CosineDecay(
        given["learning_rate"], given["epochs"] * windows.num_batches, alpha=0.01
    )
    # XLA's operations on a CPU are deterministic. TensorFlow's switch `enable_op_determinism` is
    # for its other operations, and turns XLA off.
    model.compile(
        optimizer=keras.optimizers.AdamW(
            schedule,
            weight_decay=given["weight_decay"],
            global_clipnorm=1.0,
            use_ema=True,
            ema_momentum=given["average"],
            name="adam",
        ),
        jit_compile=keras.backend.backend() != "torch",
    )
    model.optimizer.build(model.trainable_variables)
    settings = {
        "corpus": getattr(corpus, "name", model.writes),
        "pieces": [windows.pieces, validation.pieces if validation else 0],
        "events": [windows.events, validation.events if validation else 0],
        **({"from": model.started_from} if model.started_from else {}),
        **given,
    }
    return train(
        model,
        of_this_process(windows),
        epochs=given["epochs"],
        settings=settings,
        validation=of_this_process(validation),
        checkpoint=checkpoint,
        monitor="val_nats" if validation else None,
        callbacks=callbacks,
        verbose=verbose,
    )


def splits(
    corpus: Any, kind: type, encoding: Any, name: str
) -> tuple[Sequence[Any], Sequence[Any]]:
    """Returns the records to train and to validate on, or raises a ValueError.

    Args:
        corpus: A corpus, or a pair of lists of records.
        kind: The class of the records.
        encoding: What makes records of scores.
        name: What the records are called.
    """
    if hasattr(corpus, "train"):
        pair: list[Any] = [encoded(part, encoding) for part in (corpus.train, corpus.validation)]
    else:
        is_pair = isinstance(corpus, (tuple, list)) and len(corpus) == 2
        pair = [list(part) for part in corpus if isinstance(part, (tuple, list))] if is_pair else []
        pair = pair if all(isinstance(one, kind) for part in pair for one in part) else []
    if len(pair) != 2:
        raise ValueError(
            f"corpus={shown(corpus)}: give a corpus (`musegen.corpus.folder` makes one of a folder "
            f"of MIDI files), or two lists of `{name}`, to train and to validate on."
        )
    if not pair[0]:
        raise ValueError(
            f"corpus={shown(corpus)}: it has no piece to train on. Give more pieces, of which not "
            "all are nearly the same."
        )
    return pair[0], pair[1]
