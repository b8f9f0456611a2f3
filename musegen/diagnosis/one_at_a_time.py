"""Are the settings right? Each hyperparameter moved alone, against the validation likelihood.

A *setting* is one of the model, of its network, or of its training (`learning_rate`, `batch_size`,
`transpose`); their declarations say where a better value is looked for (`musegen.settings.Search`).
All trainings have the same number of steps (see `musegen.diagnosis.learner`), and begin from the
same seed. A short budget favours what learns fast: train the winners for as long as you mean to
before you believe in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import Choice, Positive, Whole, checked_items, shown
from musegen.diagnosis.checks import SETTINGS, NotApplicable, check
from musegen.diagnosis.finding import Finding, finite
from musegen.diagnosis.pictures import bars
from musegen.diagnosis.subject import encoded, untrained_copy
from musegen.encoding.melody import Melody
from musegen.plots._figure import COLOURS, GREY
from musegen.settings import SEED, Setting, settings_of

Splits = tuple[list[Melody], list[Melody]]
"""The pieces to train on, and to validate on."""

TRAINING = ("batch_size", "learning_rate", "transpose")
"""The settings of training that are tried."""


@check(SETTINGS, "Does it get better if one setting is moved?", needs="likelihood", slow=True)
def one_at_a_time(
    model: Any,
    corpus: Any,
    settings: Mapping[str, Sequence[Any]] | None = None,
    steps: Annotated[int, Whole(8, 10**6), "Steps of each training"] = 300,
    learning_rate: Annotated[
        float | None, Positive(), "The one that is moved; None means the model's own"
    ] = None,
    seed: Annotated[int, SEED, "Seed of the weights and of all that is drawn"] = 0,
) -> Finding:
    """Finds the settings that, moved alone to a lower or a higher value, make the model better.

    Copies with new weights are trained on the train split and measured on the validation split, and
    one of the model as it is with the next seed, too. Settings of training that are not moved are
    those that the model was trained with, or the defaults of `fit` if it was not.

    Args:
        settings: The values to try, by the name of a setting, at least one. None means those next
            to each setting that declares where to search: the next lower and higher ones of a list,
            all other words, half and double (or two fifths of the range away) within a range.

    Returns:
        The finding: unsure if a setting brings more than the two seeds of the model as it is lie
        apart, for then there is something to gain; it names which.
    """
    base = base_settings(model, learning_rate)
    if settings is None:
        tried: Mapping[str, Sequence[Any]] = neighbours(model, base)
    else:
        tried = checked_space("settings", model, settings)
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
        f"In {steps:,} steps it comes to {middle:.3f} nats per event on validation (two seeds are "
        f"{spread:.3f} apart)"
    )
    if better:
        named = ", ".join(f"{name}={value} {nats:.3f}" for name, value, nats in better[:4])
        sentence += f", and with one setting moved to more than that below: {named}; try the first"
    else:
        sentence += f", and no setting of {len(rows)} moved alone gains more than that"
    draw = partial(
        bars,
        [f"{name} = {value}" for name, value, _ in rows],
        {"": finite([nats - middle for *_, nats in rows])},
        "validation nats per event, more than as it is; band: two seeds",
        notes=[f"{nats:.3f}" for *_, nats in rows],
        colours=[COLOURS[2] if row in better else GREY for row in rows],
        band=(-spread / 2, spread / 2),
    )
    moved = [[name, value, *finite([nats])] for name, value, nats in rows]
    figures = {"base": base, "base_nats": finite(seeds), "moved": moved}
    return Finding("one_at_a_time", "unsure" if better else "good", f"{sentence}.", figures, draw)


def searchable(model: Any) -> dict[str, Setting]:
    """Returns the declared settings of a model, of its network, and of training that are tried."""
    training = settings_of(type(model).fit)
    return {
        **settings_of(type(model)),
        **settings_of(type(getattr(model, "network", None))),
        **{name: training[name] for name in TRAINING},
    }


def searched(model: Any) -> dict[str, Any]:
    """Returns where to search by setting, of those that say; a model may see all keys alike."""
    return {
        name: setting.search.values
        for name, setting in searchable(model).items()
        if setting.search is not None and (name != "transpose" or model.view.moved)
    }


def base_settings(model: Any, learning_rate: float | None) -> dict[str, Any]:
    """Returns the settings of a model and of its training, as they are."""
    values = {name: setting.default for name, setting in searchable(model).items()}
    given = {**model.training_record, **model.get_config()}
    if learning_rate is not None:
        given["learning_rate"] = learning_rate
    return {name: given.get(name, default) for name, default in values.items()}


def neighbours(model: Any, base: dict[str, Any]) -> dict[str, list[Any]]:
    """Returns the values to try of each setting that declares where to search."""
    found = {}
    declared = searchable(model)
    for name, values in searched(model).items():
        now = base[name]
        if isinstance(declared[name].range, Choice):
            near = [value for value in values if value != now]
        elif isinstance(values, tuple):
            low, high = values
            away = 0.4 * (high - low)
            near = [now / 2, 2 * now] if is_logarithmic(low, high) else [now - away, now + away]
            near = [round(min(max(value, low), high), 6) for value in near]
        else:
            lower, higher = [v for v in values if v < now], [v for v in values if v > now]
            near = [*lower[-1:], *higher[:1]]
        if near := [value for value in near if value != now]:
            found[name] = near
    return found


def is_logarithmic(low: float, high: float) -> bool:
    """Returns whether a range is searched by its logarithm: it spans a factor of 10 or more."""
    return low > 0 and high >= 10 * low


def checked_space(argument: str, model: Any, tried: Any) -> Mapping[str, Sequence[Any]]:
    """Returns values by setting if the model or its training takes each, else raises ValueError."""
    if not isinstance(tried, Mapping) or not tried:
        raise ValueError(f"{argument}={shown(tried)}: give a dict of lists of values, by setting.")
    declared = searchable(model)
    for name, values in tried.items():
        Choice(*declared).check(f"{argument}'s name", name)
        for value in checked_items(f"{argument}[{name!r}]", values, (int, float, str), "values"):
            declared[name].check(value)
            if name not in TRAINING:
                untrained_copy(model, **{name: value})
    return tried


def score(
    model: Any,
    splits: Splits,
    base: dict[str, Any],
    changes: dict[str, Any],
    steps: int,
    seed: int,
) -> float:
    """Returns nats per event on the validation pieces after training with changed settings.

    It is infinite where a loss is not finite, or where settings exclude each other.
    """
    from musegen.diagnosis.learner import Learner

    now = {**base, **changes}
    of_model = {name: value for name, value in changes.items() if name not in TRAINING}
    rate, size = now["learning_rate"], now["batch_size"]
    try:
        learner = Learner(model, steps, rate, size, seed=seed, **of_model)
    except NotApplicable:
        raise
    except ValueError:
        return math.inf
    return learner.train(*splits, now["transpose"])
