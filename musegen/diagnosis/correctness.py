"""Is it right? Checks that find a mistake in a model before any time is spent on training it.

After Karpathy ("A recipe for training neural networks", 2019): the loss before training is that of
a guess, every weight gets a gradient, and the model can learn one piece by heart. To these comes
what a model of sequences must never do: see the future.
"""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import Whole
from musegen.diagnosis.checks import RIGHT, check
from musegen.diagnosis.finding import Finding, Verdict, finite, listed
from musegen.diagnosis.pictures import Line, Panel, bars, curves
from musegen.diagnosis.subject import check_engine, encoded, exact_copy, one_batch, untrained_copy
from musegen.evaluation.likelihood import likelihood
from musegen.settings import SEED

PIECES_MEASURED = 32
LEARNED = 0.1
"""The share of its first loss at which a model has learned a piece by heart."""
LEARNING_RATE = 3e-3
ROUNDING = 1e-5
"""The change of an output, as a share of the largest, that is put down to rounding."""

MOVING = ("moving_mean", "moving_variance")
"""Names of weights that a normalisation counts, and no gradient is meant to reach."""


@check(RIGHT, "Does it begin at the loss of a uniform guess?", needs="likelihood")
def loss_of_a_guess(
    model: Any, corpus: Any, seed: Annotated[int, SEED, "Seed of the weights"] = 0
) -> Finding:
    """Checks that a model that has learned nothing yet costs as much as a uniform guess.

    A copy with new weights is measured on the first pieces of the train split, without copying if
    the model has it: what is copied from earlier in a piece is better than a guess from the start.
    A head that begins far from a guess spends its first epochs on unlearning that.

    Returns:
        The finding: bad if the loss is more than a tenth off ln(pitch ids) + ln(duration ids) nats
        per event.
    """
    pieces = encoded(model, corpus, "train")
    changes = {"copy": False} if "copy" in model.get_config() else {}
    found = likelihood(untrained_copy(model, seed, **changes), pieces[:PIECES_MEASURED])
    guess = [math.log(model.encoding.pitch_ids), math.log(model.encoding.duration_ids)]
    expected = sum(guess)
    off = found.total / expected - 1
    sentence = f"Before training an event costs {found.total:.2f} nats, a guess {expected:.2f}"
    if off > 0.1:
        sentence += ": begin with smaller weights in the heads"
    elif off < -0.1:
        sentence += ": it knows what it can't; look for weights that are not new, or for a leak"
    verdict: Verdict = "good" if abs(off) <= 0.1 else "bad"
    figures = {"nats": found.total, "uniform": expected}
    series = {"model": [found.pitch, found.duration], "uniform guess": guess}
    draw = partial(bars, ["pitch", "duration"], series, "nats per event, before training")
    return Finding("loss_of_a_guess", verdict, f"{sentence}.", figures, draw)


@check(RIGHT, "Do gradients reach every weight?")
def gradients_reach(
    model: Any,
    corpus: Any,
    seed: Annotated[int, SEED, "Seed of the noises and of a new critic"] = 0,
) -> Finding:
    """Checks that every weight is learned: it is trainable, and a batch gives it a gradient.

    The model's own weights and one batch of the train split are taken. Of a GAN the generator's
    gradients are those through its critic, the critic's those of its scores of real music.

    Returns:
        The finding: bad if a weight is frozen or its gradient is zero or not finite; it names them.
    """
    check_engine()
    found = exact_copy(model, seed).gradients(seed, one_batch(model, corpus))
    norms = {name: norm for name, norm in found.items() if not name.endswith(MOVING)}
    faults = {
        name: "frozen" if norm is None else "zero" if norm == 0 else "not finite"
        for name, norm in norms.items()
        if not norm or not math.isfinite(norm)
    }
    sentence = f"All {len(norms)} weights have a gradient."
    if faults:
        named = listed([f"{name} ({why})" for name, why in faults.items()], most=5)
        sentence = (
            f"{len(faults)} of {len(norms)} weights {'learns' if len(faults) == 1 else 'learn'} "
            f"nothing: {named}; see whether the layer is trainable and its output is used."
        )
    figures = {"norms": dict(zip(norms, finite(norms.values()))), "without": list(faults)}
    series = {"": [None if name in faults else norm for name, norm in norms.items()]}
    notes = [faults.get(name, "") for name in norms]
    label = "norm of the gradient of one batch"
    draw = partial(bars, list(norms), series, label, notes, xscale="log")
    return Finding("gradients_reach", "bad" if faults else "good", sentence, figures, draw)


@check(RIGHT, "Is the future hidden from it?", needs="likelihood")
def leaks_no_future(
    model: Any,
    corpus: Any,
    length: Annotated[int, Whole(2, 1000), "Events of the sequence"] = 24,
    seed: Annotated[int, SEED, "Seed of the random ids"] = 0,
) -> Finding:
    """Checks that the model's output at an event does not depend on later events.

    Everything after an event is replaced by other ids, and the outputs up to that event are
    compared with those of before; for every event of a random sequence in turn. Inputs called
    `next_...` are of the event after: of these, the duration's output may depend on the pitch. The
    corpus is not used.

    Returns:
        The finding: bad if any output changes by more than rounding (a hundred-thousandth of the
        largest); it says how far ahead the model sees.
    """
    random = np.random.default_rng(seed)
    drawn = {
        name: random.integers(size, size=(2, length), dtype=np.int32)
        for name, size in model.input_sizes.items()
    }
    later = np.arange(length) > np.arange(length)[:, np.newaxis]  # row k: what comes after event k
    not_before = later | np.eye(length, dtype=bool)
    changes = np.zeros((length, length))  # [k, t]: at event t, when all after k is replaced
    for output, told in {"pitch": (), "duration": model.view.drawn_sizes}.items():
        batch = {}
        for name, (ids, others) in drawn.items():
            hidden = not_before if name.startswith("next_") and name not in told else later
            batch[name] = np.concatenate([ids[np.newaxis], np.where(hidden, others, ids)])
        values = model.predict_on_batch(batch)[output]
        largest = max(float(np.abs(values).max()), 1e-30)
        change = np.abs(values[1:] - values[:1]).max(axis=-1) / largest
        changes = np.maximum(changes, change)
    past = np.where(later, 0.0, changes)
    reach = max((int(k + 1 - t) for k, t in np.argwhere(past > ROUNDING)), default=0)
    sentence = "No change in the future changes its output."
    if reach:
        sentence = (
            f"Its output at an event changes with events up to {reach} later: look for a "
            "missing causal mask, for targets among the inputs, or for a normalisation over time."
        )
    offsets = range(1 - length, length)
    furthest = [float(np.diagonal(changes, offset).max()) or None for offset in offsets]
    panel = Panel(
        "event, the last before those that are replaced being 0",
        "change, share of the largest output",
        [Line("largest change", furthest, offsets, ".-")],
        (ROUNDING, "rounding; up to 0 nothing may be above"),
        yscale="log",
    )
    figures = {"events_ahead": reach, "largest_change": float(past.max())}
    verdict: Verdict = "bad" if reach else "good"
    return Finding("leaks_no_future", verdict, sentence, figures, partial(curves, panel))


@check(RIGHT, "Can it learn one piece by heart?", needs="likelihood")
def overfits_one_piece(
    model: Any,
    corpus: Any,
    steps: Annotated[int, Whole(1, 10**6), "Steps of Adam (0.003) at most"] = 600,
    events: Annotated[int, Whole(1, 10**5), "Events of the piece that are learned"] = 48,
    seed: Annotated[int, SEED, "Seed of the weights"] = 0,
) -> Finding:
    """Checks that the model can learn the beginning of one piece by heart.

    The first piece of the train split that has so many events is taken, or else its longest. A copy
    with new weights is trained on it, without dropout if the model has such a setting.

    Returns:
        The finding: bad if the loss stays above a tenth of what it was.
    """
    from musegen.diagnosis.learner import Learner

    pieces = encoded(model, corpus, "train")
    piece = next((one for one in pieces if len(one) > events), max(pieces, key=len))
    opening = dataclasses.replace(
        piece, pitches=piece.pitches[: events + 1], durations=piece.durations[: events + 1]
    )
    changes = {"dropout": 0.0} if "dropout" in model.get_config() else {}
    learner = Learner(model, steps, LEARNING_RATE, 1, events, seed, decay=False, **changes)
    losses: list[float] = []

    def after(loss: float) -> bool:
        losses.append(loss)
        return loss <= LEARNED * losses[0]

    if learner.train([opening], after=after) == math.inf:
        losses.append(math.inf)
    good = losses[-1] <= LEARNED * losses[0]
    sentence = (
        f"After {len(losses):,} steps on {len(opening) - 1} events of one piece an event costs "
        f"{losses[-1]:.2f} nats, at first {losses[0]:.2f}"
    )
    if not good:
        sentence += (
            ": what can't learn one piece can't learn many, so look at the loss, the targets and "
            "the layers before anything else"
        )
    level = (LEARNED * losses[0], "a tenth of the first")
    draw = partial(curves, Panel("step", "nats per event", [Line("loss", losses)], level))
    figures = {"first": losses[0], "last": losses[-1], "steps": len(losses)}
    verdict: Verdict = "good" if good else "bad"
    return Finding("overfits_one_piece", verdict, f"{sentence}.", figures, draw)
