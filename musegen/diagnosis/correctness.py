"""Is it right? Checks that find a mistake in a model before any time is spent on training it.

After Karpathy ("A recipe for training neural networks", 2019): the loss before training is that of
a guess, and the model can learn one piece by heart; every weight gets a gradient
(`musegen.diagnosis.gradients`). To these comes what a model of sequences must never do: see the
future.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import checked_int
from musegen.diagnosis.finding import Finding
from musegen.diagnosis.learner import Learner
from musegen.diagnosis.subject import check_model, encoded, new_copy
from musegen.evaluation.likelihood import likelihood
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, GREY, INK, add_curve_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIECES_MEASURED = 32
LEARNED = 0.1
"""The part of its first loss at which a model has learned a piece by heart."""
LEARNING_RATE = 3e-3


def loss_of_a_guess(model: Any, corpus: Any, seed: int = 0) -> Finding:
    """Asks whether a model that has learned nothing yet costs as much as a uniform guess.

    Args:
        model: A melody model; a copy with new weights is measured.
        corpus: A corpus; the first pieces of its train split are measured on.
        seed: Seed of the weights, 0 to 2^32 - 1.

    Returns:
        The finding: bad if the loss is more than a tenth off ln(pitch ids) + ln(duration ids), nats
        an event. A head that begins far from it spends its first epochs on unlearning that.

    Raises:
        ValueError: If an argument is something else, or the corpus has no such piece.
    """
    check_model(model, MelodyModel)
    pieces = encoded(model, corpus, "train")
    found = likelihood(new_copy(model, seed), pieces[:PIECES_MEASURED])
    guess = {
        "pitch": math.log(model.encoding.pitch_ids),
        "duration": math.log(model.encoding.duration_ids),
    }
    expected = sum(guess.values())
    off = found.total / expected - 1
    sentence = f"Before training an event costs {found.total:.2f} nats, a guess {expected:.2f}"
    if off > 0.1:
        sentence += ": begin with smaller weights in the heads"
    elif off < -0.1:
        sentence += ": it knows what it can't; look for weights that are not new, or for a leak"

    def draw() -> Figure:
        figure = new_figure(6, 2.6)
        axes = figure.add_axes((0.14, 0.22, 0.83, 0.62))
        places = np.arange(2)
        axes.barh(
            places + 0.18, [found.pitch, found.duration], 0.34, color=COLOURS[0], label="model"
        )
        axes.barh(places - 0.18, list(guess.values()), 0.34, color=GREY, label="uniform guess")
        axes.set_yticks(places, list(guess))
        axes.set_xlabel("nats an event, before training")
        figure.legend(loc="upper center", ncols=2, frameon=False, fontsize=9)
        return figure

    return Finding(
        "loss_of_a_guess",
        "good" if abs(off) <= 0.1 else "bad",
        f"{sentence}.",
        {"nats": found.total, "uniform": expected},
        draw,
    )


def overfits_one_piece(
    model: Any, corpus: Any, steps: int = 600, events: int = 48, seed: int = 0
) -> Finding:
    """Asks whether the model can learn the beginning of one piece by heart.

    Args:
        model: A melody model; a copy with new weights is trained, without dropout if the model has
            such an argument.
        corpus: A corpus; the first piece of its train split that has so many events is taken, or
            else its longest.
        steps: Steps of Adam (0.003) on that one piece at most, 1 to 1,000,000; it stops when it
            can.
        events: Events of the piece that are learned, 1 to 100,000.
        seed: Seed of the weights, 0 to 2^32 - 1.

    Returns:
        The finding: bad if the loss stays above a tenth of what it was.

    Raises:
        ValueError: If an argument is something else or out of its range, or the corpus has no such
            piece.
    """
    check_model(model, MelodyModel)
    checked_int("steps", steps, 1, 10**6)
    checked_int("events", events, 1, 10**5)
    checked_int("seed", seed, 0, 2**32 - 1)
    pieces = encoded(model, corpus, "train")
    piece = next((one for one in pieces if len(one) > events), max(pieces, key=len))
    opening = dataclasses.replace(
        piece, pitches=piece.pitches[: events + 1], durations=piece.durations[: events + 1]
    )
    options = {"dropout": 0.0} if "dropout" in model.get_config() else {}
    learner = Learner(model, 1, events, seed, **options)
    losses: list[float] = []
    for step in learner.steps([opening], steps, LEARNING_RATE, decay=False):
        losses.append(step.loss)
        if step.loss <= LEARNED * losses[0]:
            break
    good = losses[-1] <= LEARNED * losses[0]
    sentence = (
        f"After {len(losses):,} steps on {len(opening) - 1} events of one piece an event costs "
        f"{losses[-1]:.2f} nats, of {losses[0]:.2f} at first"
    )
    if not good:
        sentence += (
            ": what can't learn one piece can't learn many, so look at the loss, the targets and "
            "the layers before anything else"
        )

    def draw() -> Figure:
        figure = new_figure(6, 3.2)
        axes = add_curve_axes(figure, (0.11, 0.16, 0.86, 0.78))
        axes.plot(range(1, len(losses) + 1), losses, color=INK)
        axes.axhline(LEARNED * losses[0], color=GREY, linestyle=":", label="a tenth of the first")
        axes.set(xlabel="step", ylabel="nats an event", ylim=(0, None))
        axes.legend(frameon=False, fontsize=9)
        return figure

    return Finding(
        "overfits_one_piece",
        "good" if good else "bad",
        f"{sentence}.",
        {"first": losses[0], "last": losses[-1], "steps": len(losses)},
        draw,
    )


def leaks_no_future(model: Any, corpus: Any, length: int = 24, seed: int = 0) -> Finding:
    """Asks whether what the model gives at an event depends on later events: it must not.

    Everything after an event is replaced by other ids, and the logits up to that event are compared
    with those of before; for every event of a random sequence in turn.

    Args:
        model: A melody model, measured as it is.
        corpus: Not looked at; all checks take both.
        length: Events of the sequence, 2 to 1,000.
        seed: Seed of the random ids, 0 to 2^32 - 1.

    Returns:
        The finding: bad if any logit changes by more than rounding (a hundred-thousandth of the
        largest); it says how far ahead the model sees.

    Raises:
        ValueError: If an argument is something else or out of its range.
    """
    check_model(model, MelodyModel)
    checked_int("length", length, 2, 1000)
    checked_int("seed", seed, 0, 2**32 - 1)
    random = np.random.default_rng(seed)
    sizes = {name: layer.input_dim for name, layer in model.embeddings.items()}

    def draw_ids() -> dict[str, np.ndarray]:
        return {name: random.integers(size, size=length) for name, size in sizes.items()}

    first, second = draw_ids(), draw_ids()
    later = np.arange(length) > np.arange(length)[:, np.newaxis]  # row k: what comes after event k
    batch = {
        name: np.concatenate([first[name][np.newaxis], np.where(later, second[name], first[name])])
        for name in sizes
    }
    outputs = model.predict_on_batch({k: v.astype(np.int32) for k, v in batch.items()})
    changes = np.zeros((length, length))  # [k, t]: at event t, when all after k is replaced
    for logits in outputs.values():
        largest = max(float(np.abs(logits).max()), 1e-30)
        change = np.abs(logits[1:] - logits[:1]).max(axis=-1) / largest
        changes = np.maximum(changes, change)
    past = np.where(later, 0.0, changes)
    leaking = past > 1e-5
    reach = max((int(k + 1 - t) for k, t in np.argwhere(leaking)), default=0)
    if reach:
        sentence = (
            f"What it gives at an event changes with events up to {reach} later: look for a "
            "missing causal mask, for targets among the inputs, or for a normalisation over time."
        )
    else:
        sentence = "No change in the future changes what it gives."

    def draw() -> Figure:
        figure = new_figure(5.4, 4.6)
        axes = figure.add_axes((0.13, 0.12, 0.68, 0.8))
        image = axes.imshow(
            np.log10(np.maximum(changes, 1e-8)), cmap="Greys", vmin=-8, vmax=0, aspect="auto"
        )
        axes.plot(np.arange(length), np.arange(length), color=COLOURS[1], linewidth=1)
        axes.set(xlabel="event whose logits are compared", ylabel="all after this event replaced")
        bar = figure.colorbar(image, cax=figure.add_axes((0.84, 0.12, 0.03, 0.8)))
        bar.set_label("change, log10 of the largest logit")
        return figure

    return Finding(
        "leaks_no_future",
        "bad" if reach else "good",
        sentence,
        {"events_ahead": reach, "largest_change": float(past.max())},
        draw,
    )
