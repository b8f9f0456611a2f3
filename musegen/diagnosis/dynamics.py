"""Where does it get stuck? What weights, gradients and units do while a copy of a model learns.

For each weight a step has a gradient norm, and an update ratio: the norm of the step's change over
that of the weight (the larger of before and after, for a bias begins at 0). With Adam some
hundredths at first and a thousandth later are healthy; a half rewrites a layer in two steps, and a
millionth does not train it. A unit that gives the same at every event of a batch is dead: nothing
that comes after it can use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from musegen._checks import checked_int, checked_positive
from musegen.diagnosis.finding import Finding, finite, said
from musegen.diagnosis.learner import LEARNING_RATE, Learner
from musegen.diagnosis.subject import check_model, encoded
from musegen.models.lstm import LSTM
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, FAINT, GREY, add_curve_axes, new_figure
from musegen.training.melody_windows import MelodyWindows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEALTHY = (1e-5, 0.5)
"""Update ratios that are neither too small nor, in the first ten steps, too large."""

LEARNED = 0.05
"""The share of the first loss by which the steps should bring it down."""

VANISHED = 1e-3
"""How small the gradient of the first LSTM's kernel may be beside the last one's."""


def learning_dynamics(
    model: Any,
    corpus: Any,
    steps: int = 60,
    learning_rate: float | None = None,
    batch_size: int = 32,
    seed: int = 0,
) -> Finding:
    """Asks whether all layers of a melody model learn, and none too fast, in its first steps.

    Args:
        model: A melody model; a copy with new weights is trained.
        corpus: A corpus, whose train split is trained on.
        steps: Steps of Adam, 10 to 100,000.
        learning_rate: Their size, above 0. None means the one that the model was trained with, or
            0.002 if it was not.
        batch_size: Windows a step, 1 to 100,000.
        seed: Seed of the weights and the order, 0 to 2^32 - 1.

    Returns:
        The finding: bad if the loss explodes or ends above where it began, a weight is frozen or
        its updates are out of `HEALTHY`, gradients vanish between the LSTMs, or units are dead; it
        names which. Unsure if the loss falls by less than a twentieth.

    Raises:
        ValueError: If an argument is something else or out of its range, the corpus has no such
            piece, or Keras does not run on TensorFlow.
    """
    check_model(model, MelodyModel)
    checked_int("steps", steps, 10, 10**5)
    if learning_rate is None:
        learning_rate = model.training_record.get("learning_rate", LEARNING_RATE)
    rate = checked_positive("learning_rate", learning_rate)
    checked_int("batch_size", batch_size, 1, 10**5)
    checked_int("seed", seed, 0, 2**32 - 1)
    pieces = encoded(model, corpus, "train")
    learner = Learner(model, batch_size, seed=seed)
    names = [variable.path for variable in learner.variables]
    losses: list[float] = []
    slopes, updates = [], []
    for step in learner.steps(pieces, steps, rate, decay=False):
        losses.append(step.loss)
        slopes.append(step.norms)
        updates.append(step.ratios)
        if not np.isfinite(step.loss):
            break
    norms, ratios = np.array(slopes), np.array(updates)
    dead = _dead_units(learner.model, pieces[:batch_size])
    frozen = [weight.path for weight in learner.model.weights if not weight.trainable]
    faults = _faults(names, frozen, losses, norms, ratios, dead)
    slow = np.mean(losses[-5:]) > (1 - LEARNED) * losses[0]
    if faults:
        sentence = said(faults)
    else:
        sentence = (
            f"In {steps:,} steps of {rate:g} the loss goes from {losses[0]:.2f} to "
            f"{losses[-1]:.2f} nats, "
        )
        sentence += (
            "which is slow: try a larger learning rate"
            if slow
            else "and every weight moves at a healthy pace"
        )

    def draw() -> Figure:
        figure = new_figure(8.5, 6.4)
        for place, values, label in (
            (0, norms, "norm of the gradient"),
            (1, ratios, "update ratio"),
        ):
            axes = add_curve_axes(figure, (0.09, 0.57 - 0.48 * place, 0.6, 0.4))
            axes.set_yscale("log")
            for index, name in enumerate(names):
                style = ("-", "--", ":")[index // len(COLOURS) % 3]
                line = np.where(values[:, index] > 0, values[:, index], np.nan)
                axes.plot(
                    np.arange(1, len(line) + 1),
                    line,
                    style,
                    color=COLOURS[index % len(COLOURS)],
                    linewidth=1,
                    label=name if place == 0 else None,
                )
            if place == 1:
                axes.axhspan(*HEALTHY, color=FAINT, alpha=0.5, zorder=0)
                axes.axhline(1e-3, color=GREY, linewidth=0.8)
            axes.set(ylabel=label, xlabel="step")
        figure.legend(loc="upper left", bbox_to_anchor=(0.7, 0.98), frameon=False, fontsize=7)
        return figure

    return Finding(
        "learning_dynamics",
        "bad" if faults else "unsure" if slow else "good",
        f"{sentence}.",
        {
            "learning_rate": rate,
            "losses": finite(losses),
            "gradient_norms": dict(zip(names, finite(norms[-1]), strict=True)),
            "update_ratios": dict(zip(names, finite(np.median(ratios, axis=0)), strict=True)),
            "dead_units": {name: len(units) for name, units in dead.items()},
        },
        draw,
    )


def _faults(
    names: list[str],
    frozen: list[str],
    losses: list[float],
    norms: np.ndarray,
    ratios: np.ndarray,
    dead: dict[str, list[int]],
) -> list[str]:
    """One clause for each thing that is wrong, the worst first."""
    faults: list[str] = []
    end = float(np.mean(losses[-5:]))
    if not np.isfinite(losses).all():
        faults.append(f"the loss explodes in step {len(losses)}: take a smaller learning rate")
    elif end >= losses[0]:
        faults.append(
            f"the loss ends at {end:.2f} nats, where it began at {losses[0]:.2f}: take a smaller "
            "learning rate"
        )
    first_pace, last_pace = ratios[:10].max(axis=0), np.median(ratios[-10:], axis=0)
    # A bias begins at 0, where any change is all of it.
    fast = [
        index
        for index, name in enumerate(names)
        if first_pace[index] > HEALTHY[1] and not name.endswith("bias")
    ]
    if fast:
        faults.append(
            f"{_listed([names[i] for i in fast])} change by up to {first_pace[fast].max():.0%} a "
            "step at first: take a smaller learning rate"
        )
    if frozen:
        faults.append(f"{_listed(frozen)} can't move: make the layer trainable")
    still = [name for name, moved in zip(names, ratios.sum(axis=0) != 0, strict=True) if not moved]
    if still:
        faults.append(f"{_listed(still)} never move: see whether their output is used")
    slow = [
        name
        for name, pace in zip(names, last_pace, strict=True)
        if pace < HEALTHY[0] and name not in still
    ]
    if slow:
        faults.append(f"{_listed(slow)} hardly move: see whether they are used")
    kernels = [name for name in names if "lstm" in name and name.endswith("/kernel")]
    if len(kernels) > 1:
        first, last = (norms[:, names.index(name)].mean() for name in (kernels[0], kernels[-1]))
        if first < VANISHED * last:
            faults.append(
                f"the gradient vanishes from {last:.1e} at {kernels[-1]} to {first:.1e} at "
                f"{kernels[0]}: take fewer layers"
            )
    for name, units in dead.items():
        if units:
            shown = ", ".join(map(str, units[:5])) + (" ..." if len(units) > 5 else "")
            faults.append(f"{len(units)} units of {name} are dead ({shown})")
    return faults


def _dead_units(model: Any, pieces: list[Any]) -> dict[str, list[int]]:
    """The units of each LSTM that give the same at every event of some pieces."""
    inputs, _, weights = MelodyWindows(pieces, model.encoding, len(pieces))[0]
    layers = [layer for layer in model.layers if isinstance(layer, LSTM)]
    if not layers:
        return {}
    taps = keras.Model(model.inputs, [layer.output for layer in layers])
    found = {}
    for layer, output in zip(layers, keras.tree.flatten(taps(inputs)), strict=True):
        events = np.asarray(output, np.float64)[weights > 0]
        if np.isfinite(events).all():  # else the loss says what there is to say
            found[layer.name] = np.flatnonzero(events.std(axis=0) <= 1e-6).tolist()
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
