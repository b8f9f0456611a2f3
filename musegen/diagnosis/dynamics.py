"""Where does it get stuck? What weights, gradients and units do in a training, and what surprises.

For each weight a step has a gradient norm, and an update ratio: the norm of the step's change over
that of the weight (the larger of before and after, for a bias begins at 0). With Adam some
hundredths at first and a thousandth later are healthy; a half rewrites a layer in two steps, and a
millionth does not train it. A unit whose output is the same at every event of a batch is dead:
nothing that comes after it can use it.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import Positive, Whole
from musegen.diagnosis.checks import STUCK, check
from musegen.diagnosis.finding import Finding, Verdict, clauses, finite, listed
from musegen.diagnosis.pictures import Line, Panel, curves
from musegen.diagnosis.subject import check_trained, encoded, one_batch, pieces_of
from musegen.encoding.melody import END, FIRST_PITCH, REST, TIE
from musegen.evaluation.likelihood import event_costs
from musegen.plots._figure import GREY, note_name
from musegen.settings import SEED, settings_of

HEALTHY = (1e-5, 0.5)
"""Update ratios that are neither too small nor, in the first ten steps, too large."""

LEARNED = 0.05
"""The share of the first loss by which the steps should bring it down."""

VANISHED = 1e-3
"""How small the gradient of the network's first kernel may be beside the last one's."""

SHOWN = 20
"""Events that `worst_notes` lists."""


@check(STUCK, "Do all layers learn, and none too fast?", needs="likelihood")
def learning_dynamics(
    model: Any,
    corpus: Any,
    steps: Annotated[int, Whole(10, 10**5), "Steps of Adam"] = 60,
    learning_rate: Annotated[float | None, Positive(), "Their size; None means its own"] = None,
    batch_size: Annotated[int, Whole(1, 10**5), "Windows per step"] = 32,
    seed: Annotated[int, SEED, "Seed of the weights and the order"] = 0,
) -> Finding:
    """Checks that in the first steps of a new copy all layers learn, and none too fast.

    A model's own learning rate is the one that it was trained with, or the default of its `fit`.
    Gradients vanish if that of the first of the network's kernels (its trainable weights of two or
    more axes, in its order) is less than a thousandth of that of the last.

    Returns:
        The finding: bad if the loss explodes or ends above where it began, a weight is frozen or
        its updates are out of `HEALTHY`, gradients vanish on their way through the network, or
        units are dead; it names which. Unsure if the loss falls by less than a twentieth.
    """
    from musegen.diagnosis.learner import Learner

    default = settings_of(type(model).fit)["learning_rate"].default
    rate = learning_rate or model.training_record.get("learning_rate", default)
    pieces = encoded(model, corpus, "train")
    learner = Learner(model, steps, rate, batch_size, seed=seed, decay=False)
    names = {id(weight): name for name, weight in learner.model.saved_weights.items()}
    trainable = [names[id(weight)] for weight in learner.model.trainable_variables]
    network = [w for w in learner.model.network.trainable_weights if len(w.shape) > 1]
    kernels = [names[id(weight)] for weight in network]
    zeros = [names[id(w)] for w in learner.model.trainable_variables if not np.any(np.asarray(w))]
    losses: list[float] = []
    slopes, updates = [], []

    def after(loss: float) -> None:
        losses.append(loss)
        slopes.append(np.asarray(learner.optimizer.norms))
        updates.append(np.asarray(learner.optimizer.ratios))

    if learner.train(pieces, after=after) == np.inf:
        losses.append(np.inf)
    none = [np.zeros(len(trainable))]  # where the first loss is not finite
    norms, ratios = np.array(slopes or none), np.array(updates or none)
    dead = _dead_units(learner.model, one_batch(model, corpus))
    frozen = [name for name in names.values() if name not in trainable]
    faults = _faults(trainable, kernels, frozen, zeros, losses, norms, ratios, dead)
    slow = np.mean(losses[-5:]) > (1 - LEARNED) * losses[0]
    pace = "which is slow: try a larger learning rate"
    sentence = clauses(faults) or (
        f"In {steps:,} steps of {rate:g} the loss goes from {losses[0]:.2f} to {losses[-1]:.2f} "
        f"nats, {pace if slow else 'and every weight moves at a healthy pace'}"
    )

    def panel(label: str, values: Any, band: Any = None) -> Panel:
        columns = np.where(values > 0, values, np.nan).T
        lines = [Line(name, column) for name, column in zip(trainable, columns)]
        return Panel("step", label, lines, band=band, yscale="log")

    figures = {
        "learning_rate": rate,
        "losses": finite(losses),
        "gradient_norms": dict(zip(trainable, finite(norms[-1]))),
        "update_ratios": dict(zip(trainable, finite(np.median(ratios, axis=0)))),
        "dead_units": {name: len(units) for name, units in dead.items()},
    }
    panels = panel("norm of the gradient", norms), panel("update ratio", ratios, HEALTHY)
    verdict: Verdict = "bad" if faults else "unsure" if slow else "good"
    return Finding("learning_dynamics", verdict, f"{sentence}.", figures, partial(curves, *panels))


@check(STUCK, "Which notes surprise it?", needs="likelihood")
def worst_notes(model: Any, corpus: Any) -> Finding:
    """Finds the events of the validation split that surprise a trained model most.

    Returns:
        The finding: unsure if the costliest hundredth of the events makes up more than a tenth of
        all cost. It says where they are.
    """
    check_trained(model)
    names = [piece.name for piece in pieces_of(corpus, "validation")]
    melodies = encoded(model, corpus, "validation")
    rows = [
        (float(nats), piece, place)
        for piece, costs in enumerate(event_costs(model, melodies))
        for place, nats in enumerate(costs.sum(axis=1), 1)  # the start costs nothing
    ]
    rows.sort(reverse=True)
    total = sum(row[0] for row in rows)
    top = rows[: max(1, len(rows) // 100)]
    share = sum(row[0] for row in top) / total
    verdict: Verdict = "unsure" if share > 0.1 else "good"

    def place_of(row: tuple[float, int, int]) -> str:
        _, piece, place = row
        number = int(melodies[piece].pitches[place])
        what = {REST: "rest", TIE: "tie", END: "end"}.get(number)
        what = what or note_name(number - FIRST_PITCH)
        bar = int(model.encoding.places(melodies[piece])["bar"][place])
        bar += melodies[piece].lead == 0  # a pickup is bar 0
        return f"{what} in bar {bar} of {names[piece]}"

    sentence = (
        f"The costliest hundredth of the validation split's {len(rows):,} events makes up "
        f"{share:.0%} of the cost; the worst is {place_of(rows[0])}, {rows[0][0]:.1f} nats"
    )
    if verdict != "good":
        sentence += ": see whether these are mistakes in the data, or what the model is not told"
    places = np.arange(1, len(rows) + 1) / len(rows)
    lines = [
        Line("of the model", np.cumsum([row[0] for row in rows]) / total, places),
        Line("if all cost the same", [0, 1], [0, 1], ":", GREY),
    ]
    panel = Panel("share of the events, worst first", "share of the cost", lines)
    worst: list[Any] = [[place_of(row), round(row[0], 3)] for row in rows[:SHOWN]]
    text = [f"{nats:5.1f}  {place[:48]}" for place, nats in worst]
    figures = {"share_of_worst_hundredth": share, "worst": worst}
    draw = partial(curves, panel, beside=[" nats  event", *text])
    return Finding("worst_notes", verdict, f"{sentence}.", figures, draw)


def _faults(
    names: list[str],
    kernels: list[str],
    frozen: list[str],
    zeros: list[str],
    losses: list[float],
    norms: np.ndarray,
    ratios: np.ndarray,
    dead: dict[str, list[int]],
) -> list[str]:
    """Returns clauses of what is wrong, the worst first; norms and ratios are `(steps, names)`."""
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
    # Of a bias, and whatever else begins at 0, any change is all of it.
    paces = {
        name: pace
        for name, pace in zip(names, first_pace)
        if not (name.endswith("bias") or name in zeros)
    }
    if fast := [name for name, pace in paces.items() if pace > HEALTHY[1]]:
        faults.append(
            f"{listed(fast)} change by up to {max(paces.values()):.0%} a step at first: take a "
            "smaller learning rate"
        )
    if frozen:
        faults.append(f"{listed(frozen)} can't move: make the layer trainable")
    still = [name for name, moved in zip(names, ratios.sum(axis=0)) if moved == 0]
    if still:
        faults.append(f"{listed(still)} never move: see whether their output is used")
    slow = [n for n, pace in zip(names, last_pace) if pace < HEALTHY[0] and n not in still]
    if slow:
        faults.append(f"{listed(slow)} hardly move: see whether they are used")
    if len(kernels) > 1:
        first, last = (norms[:, names.index(name)].mean() for name in (kernels[0], kernels[-1]))
        if first < VANISHED * last:
            faults.append(
                f"the gradient vanishes from {last:.1e} at {kernels[-1]} to {first:.1e} at "
                f"{kernels[0]}: take fewer layers"
            )
    for name, units in list(dead.items())[:1]:  # what comes after it has dead units from it
        numbers = listed([str(unit) for unit in units], most=5)
        faults.append(f"{len(units)} units of {name} are dead ({numbers})")
    return faults


def _inner_layers(layer: Any) -> set[Any]:
    """The layers that a layer has as attributes, and those within them."""
    import keras

    values = keras.tree.flatten(vars(layer))
    layers = {value for value in values if isinstance(value, keras.layers.Layer)}
    return layers.union(*map(_inner_layers, layers))


def _dead_units(model: Any, batch: Any) -> dict[str, list[int]]:
    """The units of each layer of the network that are the same at every event of a batch.

    The outputs of layers with weights are seen by putting a function in the place of their `call`,
    which the model, a copy, keeps. Layers are in the order in which they are called.
    """
    inputs, _, weights = batch
    outputs = {}

    def watched(name: str, call: Any, *arguments: Any, **options: Any) -> Any:
        output = call(*arguments, **options)
        if getattr(output, "shape", ())[:2] == weights.shape:
            outputs[name] = np.asarray(output, np.float64)[weights > 0]
        return output

    for layer in _inner_layers(model.network):
        if layer.weights:
            layer.call = partial(watched, layer.name, layer.call)
    model(inputs)
    found = {}
    for name, events in outputs.items():
        units = np.flatnonzero(events.std(axis=0) <= 1e-6)
        if len(units) and np.isfinite(events).all():  # else the loss says what there is to say
            found[name] = units.tolist()
    return found
