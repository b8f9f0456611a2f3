"""Are the settings right? Each hyperparameter moved alone, against the validation likelihood.

A *setting* is an argument of the model, or one of training's: `learning_rate`, `batch_size` and
`transpose`. All trainings have the same number of steps (see `musegen.diagnosis.learner`), and
begin from the same seed. A short budget favours what learns fast: train the winners for as long as
you mean to before you believe in them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import checked_choice, checked_int, checked_items, checked_positive, shown
from musegen.diagnosis.finding import Finding, finite
from musegen.diagnosis.learner import LEARNING_RATE, Learner
from musegen.diagnosis.subject import check_model, encoded, new_copy
from musegen.encoding.pitch_duration import Melody
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, FAINT, GREY, INK, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Splits = tuple[list[Melody], list[Melody]]
"""The pieces to train on, and to validate on."""

TRAINING = {"learning_rate": LEARNING_RATE, "batch_size": 32, "transpose": 6}
"""Settings of training, with those of `musegen.training.fit`."""


def one_at_a_time(
    model: Any,
    corpus: Any,
    settings: Mapping[str, Sequence[Any]] | None = None,
    steps: int = 300,
    learning_rate: float | None = None,
    seed: int = 0,
) -> Finding:
    """Asks which setting, moved alone to a lower or a higher value, makes the model better.

    Args:
        model: A melody model; copies with new weights are trained.
        corpus: A corpus, whose train split is trained on and whose validation split is measured.
        settings: The values to try, by the name of a setting, at least one. None means half and
            double the units, the learning rate and the batch size, a layer less and more, dropout
            moved by 0.2, twice the heads, the other kinds of attention, and no transposition, as
            far as the model has such arguments.
        steps: Steps of each training, 8 to 1,000,000.
        learning_rate: The one that is moved, above 0. None means the one that the model was trained
            with, or 0.002 if it was not; so it is for the other settings of training.
        seed: Seed of the weights and of all that is drawn, 0 to 2^32 - 1. The model as it is is
            trained with the next one, too.

    Returns:
        The finding: unsure if a setting brings more than the two seeds of the model as it is lie
        apart, for then there is something to gain; it names which.

    Raises:
        ValueError: If an argument is something else or out of its range, the corpus lacks a split,
            or Keras does not run on TensorFlow.
    """
    check_model(model, MelodyModel)
    checked_int("steps", steps, 8, 10**6)
    checked_int("seed", seed, 0, 2**32 - 1)
    base = base_settings(model, learning_rate)
    tried = moved(base) if settings is None else settings
    check_settings("settings", model, base, tried)
    splits = encoded(model, corpus, "train"), encoded(model, corpus, "validation")
    seeds = [score(model, splits, base, {}, steps, (seed + more) % 2**32) for more in (0, 1)]
    middle, spread = float(np.mean(seeds)), abs(seeds[0] - seeds[1])
    rows = [
        (name, value, score(model, splits, base, {name: value}, steps, seed))
        for name, values in tried.items()
        for value in values
    ]
    better = sorted((row for row in rows if middle - row[2] > spread), key=lambda row: row[2])
    sentence = (
        f"In {steps:,} steps it comes to {middle:.3f} nats an event on validation (two seeds are "
        f"{spread:.3f} apart)"
    )
    if better:
        named = ", ".join(f"{name}={value} {nats:.3f}" for name, value, nats in better[:4])
        sentence += f", and with one setting moved to more than that below: {named}; try the first"
    else:
        sentence += f", and none of {len(rows)} settings moved alone gains more than that"

    def draw() -> Figure:
        height = 0.24 * len(rows) + 0.9
        figure = new_figure(7.5, height)
        axes = figure.add_axes((0.28, 0.6 / height, 0.68, (height - 0.9) / height))
        axes.axvspan(min(seeds), max(seeds), color=FAINT)
        axes.axvline(middle, color=INK, linewidth=1)
        for place, (name, value, nats) in enumerate(rows[::-1]):
            colour = COLOURS[2] if (name, value, nats) in better else GREY
            axes.plot([middle, nats], [place, place], color=colour, linewidth=1.5)
            axes.plot(nats, place, "o", color=colour)
        axes.set_yticks(
            range(len(rows)), [f"{name} = {value}" for name, value, _ in rows[::-1]], fontsize=8
        )
        axes.set_ylim(-0.7, len(rows) - 0.3)
        axes.set_xlabel("validation nats an event; line and band: as it is, with two seeds")
        return figure

    return Finding(
        "one_at_a_time",
        "unsure" if better else "good",
        f"{sentence}.",
        {
            "base": base,
            "base_nats": finite(seeds),
            "moved": [[name, value, *finite([nats])] for name, value, nats in rows],
        },
        draw,
    )


def base_settings(model: MelodyModel, learning_rate: float | None) -> dict[str, Any]:
    """The settings of a model and of its training, as they are."""
    config = model.get_config()
    given = {name: value for name, value in config.items() if _is_setting(value)}
    record = {name: model.training_record.get(name, value) for name, value in TRAINING.items()}
    if learning_rate is not None:
        record["learning_rate"] = checked_positive("learning_rate", learning_rate)
    return {**{name: value for name, value in given.items() if name != "name"}, **record}


def _is_setting(value: Any) -> bool:
    return isinstance(value, (int, float, str)) and not isinstance(value, bool)


def moved(base: dict[str, Any]) -> dict[str, list[Any]]:
    """The values to try of the settings that there are, a lower and a higher one of each."""
    depth, dropout = base.get("depth", 1), base.get("dropout", 0.0)
    heads, units = base.get("heads", 1), base.get("units", 1)
    rate, batch, transpose = (base[name] for name in TRAINING)
    values = {
        "units": [max(units // 2 // heads, 1) * heads, 2 * units],
        "depth": [depth - 1, depth + 1],
        "dropout": [round(max(dropout - 0.2, 0.0), 3), round(min(dropout + 0.2, 0.9), 3)],
        "attention": ["location", "additive", "dot"],
        "heads": [2 * heads if units % (2 * heads) == 0 else heads],
        "learning_rate": [rate / 2, 2 * rate],
        "batch_size": [batch // 2, 2 * batch],
        "transpose": [0 if transpose else 6],
    }
    ranges = {"depth": range(1, 9), "units": range(1, 4097), "batch_size": range(1, 10**5)}
    return {
        name: kept
        for name, tried in values.items()
        if name in base
        and (
            kept := [
                v for v in tried if v != base[name] and (name not in ranges or v in ranges[name])
            ]
        )
    }


def check_settings(
    argument: str, model: MelodyModel, base: dict[str, Any], tried: Mapping[str, Sequence[Any]]
) -> None:
    """Raises a ValueError unless all values are ones that the model or its training takes."""
    if not isinstance(tried, Mapping) or not tried:
        raise ValueError(f"{argument}={shown(tried)}: give a dict of lists of values, by setting.")
    for name, values in tried.items():
        checked_choice(f"{argument}'s name", name, tuple(base))
        for value in checked_items(f"{argument}[{name!r}]", values, (int, float, str), "values"):
            if name == "learning_rate":
                checked_positive(name, value)
            elif name in TRAINING:
                checked_int(name, value, *((1, 10**5) if name == "batch_size" else (0, 127)))
            else:
                new_copy(model, **{name: value})


def score(
    model: MelodyModel,
    splits: Splits,
    base: dict[str, Any],
    changes: dict[str, Any],
    steps: int,
    seed: int,
) -> float:
    """Nats an event on the validation pieces after training with some settings changed."""
    all_settings = {**base, **changes}
    of_model = {name: value for name, value in changes.items() if name not in TRAINING}
    learner = Learner(model, all_settings["batch_size"], seed=seed, **of_model)
    return learner.train(
        *splits,
        steps,
        learning_rate=all_settings["learning_rate"],
        transpose=all_settings["transpose"],
    )
