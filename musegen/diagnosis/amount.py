"""Is there enough data? The likelihood of a model that was trained on a part of it.

On a logarithmic axis of the training set's size the loss of many models falls along a straight line
for long (Hestness et al. 2017, "Deep learning scaling is predictable, empirically"); the slope at
the end says what twice as much music would bring. A neural model has to be trained for long before
its loss is limited by the data and not by the training time. So beside it stands an n-gram
(`musegen.evaluation.ngram_models`), which only counts and is done at once: where the model is not
better than that, the n-gram's slope decides.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import Whole
from musegen.diagnosis.checks import ENOUGH, NotApplicable, check
from musegen.diagnosis.finding import Finding, Verdict, finite
from musegen.diagnosis.pictures import Line, Panel, curves
from musegen.diagnosis.subject import encoded
from musegen.encoding.melody import Melody
from musegen.evaluation.likelihood import likelihood
from musegen.evaluation.ngram_models import MelodyNGram
from musegen.plots._figure import COLOURS, GREY
from musegen.settings import SEED

WORTHWHILE = 0.02
"""Nats per event that a doubling must bring for more data to be worth it."""

LEARNING_RATE = 1e-2
"""Above that of long trainings: few steps have to do."""

PIECES_MEASURED = 128
"""Pieces of a split that are measured at most, but for the test split."""


@check(ENOUGH, "Would more data help?", needs="likelihood")
def amount_of_data(
    model: Any,
    corpus: Any,
    steps: Annotated[int, Whole(8, 10**6), "Steps of Adam (0.01) of each training"] = 320,
    transpose: Annotated[
        int,
        Whole(0, 127),
        "Semitones; with 0, or where a model sees all keys alike, there is no last training",
    ] = 6,
    parts: Annotated[int, Whole(2, 16), "How many parts, each twice the one before"] = 5,
    seed: Annotated[int, SEED, "Seed of the weights and the order of the pieces"] = 0,
) -> Finding:
    """Estimates whether more data would help: trains on 1/16, 1/8 ... all of the training pieces.

    Every part holds the one before. A copy of the model is trained on each from the same weights
    for the same number of steps of 32 windows (see `musegen.diagnosis.learner`), and its best state
    by the validation split is measured on the test split. All of them are trained on once more in
    random transpositions, which shows whether such augmentation stands in for data. Too few steps
    hide what more data, and above all transposing, would bring.

    Returns:
        The finding: unsure if the last doubling of the data brought 0.02 nats per event or more,
        for then more music will help: to the model, or to the n-gram if that is better.
    """
    from musegen.diagnosis.learner import Learner

    train, validation, test = (
        encoded(model, corpus, split) for split in ("train", "validation", "test")
    )
    if len(train) < 2:
        raise NotApplicable(f"{corpus!r} has one piece to train on, and no part of it.")
    order = np.random.default_rng(seed).permutation(len(train))
    sizes = sorted({math.ceil(len(train) / 2**part) for part in range(parts)})
    learner = Learner(model, steps, LEARNING_RATE, seed=seed)

    def nats(count: int, semitones: int = 0) -> tuple[float, float]:
        """Nats per event of the test pieces, and of those that were trained on."""
        pieces = [train[index] for index in order[:count]]
        learner.train(pieces, validation[:PIECES_MEASURED], semitones)
        known = likelihood(learner.model, pieces[:PIECES_MEASURED])
        return likelihood(learner.model, test).total, known.total

    costs, known = (list(column) for column in zip(*map(nats, sizes)))
    transposed = nats(sizes[-1], transpose)[0] if transpose and model.view.moved else None
    counted = [
        ngram_nats(model, [train[index] for index in order[:size]], validation, test)
        for size in sizes
    ]
    behind = not costs[-1] < counted[-1]
    better = counted if behind else costs
    slope = (better[-2] - better[-1]) / math.log2(sizes[-1] / sizes[-2])
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
    ends = [sizes[-1], 2 * sizes[-1]]
    lines = [
        Line("test", costs, sizes, "o-", COLOURS[0]),
        Line("what was trained on", known, sizes, "o--", GREY),
        Line("test, by an n-gram", counted, sizes, "o-", COLOURS[2]),
        Line("if the slope stays", [better[-1], better[-1] - slope], ends, ":", COLOURS[1]),
    ]
    if transposed is not None:
        label = f"test, transposed by up to {transpose}"
        lines.append(Line(label, [transposed], sizes[-1:], "s", COLOURS[1]))
        if not behind:
            gain = costs[-1] - transposed
            sentence += (
                f"; transposing {'brings' if gain > 0 else 'costs'} {abs(gain):.3f} so early"
            )
    figures = {
        "pieces": sizes,
        "test_nats": finite(costs),
        "training_nats": finite(known),
        "ngram_nats": finite(counted),
        "slope_per_doubling": slope,
        "test_nats_transposed": transposed,
    }
    verdict: Verdict = "good" if hardly else "unsure"
    panel = Panel("training pieces", "nats per event", lines, doublings=True)
    return Finding("amount_of_data", verdict, f"{sentence}.", figures, partial(curves, panel))


def ngram_nats(
    model: Any, train: list[Melody], validation: list[Melody], test: list[Melody]
) -> float:
    """Returns the nats per event of the test pieces by an n-gram of the training pieces."""
    return likelihood(MelodyNGram(model.encoding).fit(train, validation), test).total
