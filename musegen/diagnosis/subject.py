"""What the checks need of a model and a corpus: copies of the model, and the pieces as it has them.

A check never changes the model that it is given: it measures a copy, or trains one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from musegen._checks import checked_kind
from musegen.corpus.corpus import Corpus, Piece
from musegen.encoding.pitch_duration import Melody
from musegen.models.melody_model import MelodyModel
from musegen.models.musegan import MuseGAN
from musegen.training.roll_windows import RollWindows


class NotAsked(ValueError):
    """A check can't be run on this model or corpus; `diagnose` says so and goes on."""


def check_model(model: Any, kinds: Any = (MelodyModel, MuseGAN)) -> None:
    """Raises a ValueError unless `model` is of a class that the check is for."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    names = {MelodyModel: "a model of melodies (AttentionLSTM)", MuseGAN: "a MuseGAN"}
    checked_kind("model", model, kinds, " or ".join(names[kind] for kind in kinds))


def check_corpus(corpus: Any) -> None:
    """Raises a ValueError unless `corpus` is one."""
    what = "a corpus, such as musegen.corpus.folder(path) or musegen.corpus.chorales()"
    checked_kind("corpus", corpus, Corpus, what)


def check_engine() -> None:
    """Raises `NotAsked` unless Keras runs on TensorFlow, whose gradients the checks take."""
    if keras.backend.backend() != "tensorflow":
        raise NotAsked(
            f"Gradients are taken on Keras's TensorFlow engine, not on {keras.backend.backend()}. "
            "Set KERAS_BACKEND=tensorflow before Python starts."
        )


def check_trained(model: Any) -> None:
    """Raises `NotAsked` if the model was never trained."""
    if not model.training_record:
        raise NotAsked("The model is not trained yet: ask again once it is.")


def new_copy(model: Any, seed: int = 0, **changes: Any) -> Any:
    """A model of the same class and config with new weights, some arguments changed.

    What of the model is frozen is so in the copy, if the copy has as many weights.
    """
    state = random.getstate()  # what Keras draws the seeds of new weights from
    random.seed(seed)
    try:
        copy = type(model).from_config({**model.get_config(), **changes})
        if isinstance(copy, MuseGAN):
            copy.critic  # noqa: B018 - it is built when it is asked for
    finally:
        random.setstate(state)
    for new, old in _networks(copy, model):
        if len(new.weights) == len(old.weights):
            for variable, given in zip(new.weights, old.weights, strict=True):
                variable.trainable = given.trainable
    return copy


def twin(model: Any, seed: int = 0) -> Any:
    """A copy of a model with its weights; a critic that it doesn't have is a new one."""
    copy = new_copy(model, seed)
    for new, old in _networks(copy, model):
        new.set_weights(old.get_weights())
    return copy


def _networks(copy: Any, model: Any) -> list[tuple[Any, Any]]:
    if not isinstance(model, MuseGAN):
        return [(copy, model)]
    pairs = [(copy.generator, model.generator)]
    if model.critic_network is not None:
        pairs.append((copy.critic, model.critic_network))
    return pairs


def pieces_of(corpus: Any, split: str) -> Sequence[Piece]:
    """The pieces of a corpus, `"pieces"` being all of them.

    Raises:
        ValueError: If `corpus` is no corpus.
        NotAsked: If it has no such piece.
    """
    check_corpus(corpus)
    pieces: Sequence[Piece] = getattr(corpus, split)
    if not pieces:
        raise NotAsked(f"{corpus!r} has no piece to take: its {split} split is empty.")
    return pieces


def encoded(model: MelodyModel, corpus: Any, split: str) -> list[Melody]:
    """A corpus's pieces of one split as melodies; raises as `pieces_of` does."""
    return [model.encoding.encode(piece.score) for piece in pieces_of(corpus, split)]


def phrases_of(model: MuseGAN, corpus: Any, count: int) -> NDArray[np.uint8]:
    """Real phrases, `(count, bars, steps, pitches, tracks)`, fewer if the train split has fewer.

    Raises:
        ValueError: If `corpus` is no corpus.
        NotAsked: If its train split has no such phrase.
    """
    return roll_windows(model, pieces_of(corpus, "train"), count)[0]


def roll_windows(model: MuseGAN, pieces: Sequence[Piece], batch_size: int) -> RollWindows:
    """The phrases of some pieces, shuffled.

    Raises:
        NotAsked: If there is none.
    """
    scores = [piece.score for piece in pieces]
    try:
        return RollWindows(scores, model.encoding, model.bars, batch_size, shuffle=True)
    except ValueError as error:
        raise NotAsked(str(error)) from None
