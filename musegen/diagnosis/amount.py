"""Is there enough data? The likelihood of a model that was trained on a part of it.

On a logarithmic axis of the training set's size the loss of many models falls along a straight line
for long (Hestness et al. 2017, "Deep learning scaling is predictable, empirically"); the slope at
the end says what twice as much music would bring. A neural model has to be trained for long before
its loss is one of the data and not of the time that it had. So beside it stands an n-gram
(`musegen.evaluation.ngram_models`), which only counts and is done at once: where the model is not
better than that, the n-gram's slope decides.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import checked_int
from musegen.diagnosis.finding import Finding, Verdict, finite
from musegen.diagnosis.learner import Learner
from musegen.diagnosis.subject import NotAsked, check_model, encoded
from musegen.encoding.pitch_duration import Melody
from musegen.evaluation.likelihood import likelihood
from musegen.evaluation.ngram_models import MelodyNGram
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, FAINT, GREY, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORTHWHILE = 0.02
"""Nats an event that a doubling must bring for more data to be worth it."""

LEARNING_RATE = 1e-2
"""Above that of long trainings: few steps have to do."""

PIECES_MEASURED = 128
"""Pieces of a split that are measured at most, but for the test split."""


def amount_of_data(
    model: Any, corpus: Any, steps: int = 320, transpose: int = 6, parts: int = 5, seed: int = 0
) -> Finding:
    """Asks whether more data would help: trains on 1/16, 1/8 ... all of the training pieces.

    Every part holds the one before. A copy of the model is trained on each from the same weights
    for the same number of steps (see `musegen.diagnosis.learner`), and its best state by the
    validation split is measured on the test split. All of them are trained on once more in random
    transpositions, which says whether such augmentation stands in for data.

    Args:
        model: A melody model; copies with new weights are trained.
        corpus: A corpus.
        steps: Steps of Adam (0.01) of each training, of 32 windows, 8 to 1,000,000. Too few hide
            what more data, and above all transposing, would bring.
        transpose: Semitones by which pieces are moved in the last training, 0 to 127; with 0 there
            is none.
        parts: How many parts, each twice the one before, 2 to 16; small ones without a piece are
            left out.
        seed: Seed of the weights and the order of the pieces, 0 to 2^32 - 1.

    Returns:
        The finding: unsure if the last doubling of the data brought 0.02 nats an event or more, for
        then more music will help: to the model, or to the n-gram if that is better.

    Raises:
        ValueError: If an argument is something else or out of its range, the corpus lacks a split
            or has one training piece only, or Keras does not run on TensorFlow.
    """
    check_model(model, MelodyModel)
    checked_int("steps", steps, 8, 10**6)
    checked_int("transpose", transpose, 0, 127)
    checked_int("parts", parts, 2, 16)
    checked_int("seed", seed, 0, 2**32 - 1)
    train, validation, test = (
        encoded(model, corpus, split) for split in ("train", "validation", "test")
    )
    if len(train) < 2:
        raise NotAsked(f"{corpus!r} has one piece to train on, and no part of it.")
    order = np.random.default_rng(seed).permutation(len(train))
    sizes = sorted({math.ceil(len(train) / 2**part) for part in range(parts)})
    learner = Learner(model, seed=seed)

    def nats(count: int, semitones: int = 0) -> tuple[float, float]:
        """What the test pieces cost, and those that were trained on."""
        pieces = [train[index] for index in order[:count]]
        learner.train(
            pieces,
            validation[:PIECES_MEASURED],
            steps,
            learning_rate=LEARNING_RATE,
            transpose=semitones,
        )
        known = likelihood(learner.model, pieces[:PIECES_MEASURED])
        return likelihood(learner.model, test).total, known.total

    costs, known = (list(column) for column in zip(*map(nats, sizes)))
    transposed = nats(sizes[-1], transpose)[0] if transpose else None
    counted = [
        ngram_nats(model, [train[index] for index in order[:size]], validation, test)
        for size in sizes
    ]
    behind = not costs[-1] < counted[-1]
    slope = _last_slope(sizes, counted if behind else costs)
    hardly = "hardly " if slope < WORTHWHILE else ""
    sentence = (
        f"With {sizes[0]:,} pieces a test event costs {costs[0]:.3f} nats, with all {sizes[-1]:,} "
        f"{costs[-1]:.3f}"
    )
    if behind:
        sentence += (
            f", which is no better than the {counted[-1]:.3f} of an n-gram, so it needs more than "
            f"{steps:,} steps; by the n-gram, to which the last doubling brought {slope:.3f}"
        )
    else:
        sentence += f", and the last doubling brought {slope:.3f}"
    sentence += f": more of the same music will {hardly}help"
    if transposed is not None and not behind:
        gain = costs[-1] - transposed
        sentence += f"; transposing {'brings' if gain > 0 else 'costs'} {abs(gain):.3f} so early"

    def draw() -> Figure:
        figure = new_figure(7, 4)
        axes = figure.add_axes((0.11, 0.13, 0.85, 0.7))
        axes.grid(color=FAINT, linewidth=0.5)
        axes.spines[["top", "right"]].set_visible(False)
        axes.plot(sizes, costs, "o-", color=COLOURS[0], label="test")
        axes.plot(sizes, known, "o--", color=GREY, label="what was trained on")
        if transposed is not None:
            label = f"test, transposed by up to {transpose}"
            axes.plot(sizes[-1], transposed, "s", color=COLOURS[1], label=label)
        axes.plot(sizes, counted, "o-", color=COLOURS[2], label="test, by an n-gram")
        colour, last = (COLOURS[2], counted[-1]) if behind else (COLOURS[0], costs[-1])
        axes.plot(
            [sizes[-1], 2 * sizes[-1]],
            [last, last - slope],
            ":",
            color=colour,
            label="if the slope stays",
        )
        axes.set_xscale("log", base=2)
        axes.set_xticks([*sizes, 2 * sizes[-1]], [f"{n:,}" for n in (*sizes, 2 * sizes[-1])])
        axes.set(xlabel="training pieces", ylabel="nats an event")
        figure.legend(loc="upper center", ncols=3, frameon=False, fontsize=8)
        return figure

    figures = {
        "pieces": sizes,
        "test_nats": finite(costs),
        "training_nats": finite(known),
        "ngram_nats": finite(counted),
        "slope_per_doubling": slope,
        "test_nats_transposed": transposed,
    }
    verdict: Verdict = "good" if hardly else "unsure"
    return Finding("amount_of_data", verdict, f"{sentence}.", figures, draw)


def ngram_nats(
    model: MelodyModel, train: list[Melody], validation: list[Melody], test: list[Melody]
) -> float:
    """What an event of the test pieces costs an n-gram of the training pieces."""
    ngram = MelodyNGram(model.encoding).fit(train, validation)
    return likelihood(ngram, test).total


def _last_slope(sizes: list[int], costs: list[float]) -> float:
    """What the last doubling brought."""
    return (costs[-2] - costs[-1]) / math.log2(sizes[-1] / sizes[-2])
