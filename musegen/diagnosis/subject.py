"""What the checks need of a model and a corpus: copies of the model, and pieces in its encoding.

A check never changes the model that it is given: it measures a copy, or trains one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from musegen.corpus.corpus import Piece
from musegen.diagnosis.checks import NotApplicable
from musegen.encoding.melody import Melody


def check_engine() -> None:
    """Raises `NotApplicable` unless Keras runs on TensorFlow, whose gradients the checks take."""
    import keras

    if keras.backend.backend() != "tensorflow":
        raise NotApplicable(
            f"Gradients are taken on Keras's TensorFlow engine, not on {keras.backend.backend()}. "
            "Set KERAS_BACKEND=tensorflow before Python starts."
        )


def check_trained(model: Any) -> None:
    """Raises `NotApplicable` if the model was never trained."""
    if not model.training_record:
        raise NotApplicable("The model is not trained yet: ask again once it is.")


def untrained_copy(model: Any, seed: int = 0, **changes: Any) -> Any:
    """Returns a model of the same class and config with new weights, some settings changed.

    What of the model is frozen is so in the copy, if the copy has as many weights.
    """
    state = random.getstate()  # what Keras draws the seeds of new weights from
    random.seed(seed)
    try:
        copy = type(model).from_config({**model.get_config(), **changes})
        networks = copy.networks
    finally:
        random.setstate(state)
    for name, network in model.networks.items():
        if len(networks[name].weights) == len(network.weights):
            for new, old in zip(networks[name].weights, network.weights, strict=True):
                new.trainable = old.trainable
    return copy


def exact_copy(model: Any, seed: int = 0) -> Any:
    """Returns a copy of a model with its weights."""
    copy = untrained_copy(model, seed)
    for name, network in model.networks.items():
        copy.networks[name].set_weights(network.get_weights())
    return copy


def pieces_of(corpus: Any, split: str) -> Sequence[Piece]:
    """Returns a split's pieces, or with `"pieces"` all; raises `NotApplicable` without any."""
    pieces: Sequence[Piece] = getattr(corpus, split)
    if not pieces:
        raise NotApplicable(f"{corpus!r} has no piece to take: its {split} split is empty.")
    return pieces


def encoded(model: Any, corpus: Any, split: str) -> list[Melody]:
    """Returns a corpus's pieces of one split as melodies; raises as `pieces_of` does."""
    return [model.encoding.encode(piece.score) for piece in pieces_of(corpus, split)]


def roll_windows(model: Any, pieces: Sequence[Piece], batch_size: int, in_c: bool = False) -> Any:
    """Returns the phrases of some pieces as `RollWindows`; raises `NotApplicable` without any."""
    from musegen.training.roll_windows import RollWindows

    scores = [piece.score for piece in pieces]
    try:
        return RollWindows(scores, model.encoding, model.bars, batch_size, shuffle=True, in_c=in_c)
    except ValueError as error:
        raise NotApplicable(str(error)) from None


def one_batch(model: Any, corpus: Any) -> Any:
    """Returns a small batch of the train split, as the model is trained on it."""
    pieces = pieces_of(corpus, "train")
    if model.writes == "phrases":
        batch = roll_windows(model, pieces, 8, in_c=model.leads)[0]
        return batch[0] if model.leads else batch
    if model.writes == "voices":
        from musegen.training.voice_windows import VoiceWindows

        voices = [model.encoding.encode(piece.score) for piece in pieces[:8]]
        return VoiceWindows(voices, model, 8, 128, given=0.5)[0]
    from musegen.training.melody_windows import MelodyWindows

    melodies = [model.encoding.encode(piece.score) for piece in pieces[:16]]
    return MelodyWindows(melodies, model, 16, 128)[0]
