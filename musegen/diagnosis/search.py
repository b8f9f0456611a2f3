"""Are the settings right? A search over several of them at once, which can be interrupted.

The search is Optuna's (Akiba et al. 2019, "Optuna: A next-generation hyperparameter optimization
framework"), with its tree-structured Parzen estimator (Bergstra et al. 2011). KerasTuner was looked
at too: it builds models in a class of its own, resumes from a folder of its own files, and brings a
network library (grpcio); Optuna only proposes values and is told scores, whatever is trained.

The journal is a JSON file of the search's arguments and of the trials that ended, written whole
after each. What is proposed depends on the seed and on those trials alone, so a search that was
killed and is run again proposes what one that was left alone would have.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from musegen._checks import Positive, Whole, checked_path, shown
from musegen._files import written_path
from musegen.diagnosis.amount import WORTHWHILE
from musegen.diagnosis.checks import SETTINGS, NotApplicable, check
from musegen.diagnosis.finding import Finding, Verdict, finite
from musegen.diagnosis.one_at_a_time import (
    base_settings,
    checked_space,
    is_logarithmic,
    score,
    searched,
)
from musegen.diagnosis.pictures import Line, Panel, curves
from musegen.diagnosis.subject import encoded
from musegen.plots._figure import COLOURS, GREY
from musegen.settings import SEED

WORST = float(np.finfo(float).max)
"""The score of a training that came to nothing."""


@check(SETTINGS, "Do other settings do better together?", needs="likelihood", slow=True)
def search(
    model: Any,
    corpus: Any,
    space: Mapping[str, Sequence[Any]] | None = None,
    trials: Annotated[int, Whole(1, 10**5), "Trials, with those of an interrupted search"] = 20,
    steps: Annotated[int, Whole(8, 10**6), "Steps of each training"] = 300,
    storage: str | os.PathLike[str] | None = None,
    learning_rate: Annotated[float | None, Positive(), "As in `one_at_a_time`"] = None,
    seed: Annotated[int, SEED, "Seed of what is proposed and of all that training draws"] = 0,
) -> Finding:
    """Searches over several settings at once for those that make the model best.

    Copies with new weights are trained on the train split and measured on the validation split.

    Args:
        space: By the name of a setting (see `musegen.diagnosis.one_at_a_time`) a list of values to
            choose among, or a tuple of the two ends of a range of numbers; one whose ends are above
            0 and a factor of 10 or more apart is searched by its logarithm. None means what the
            settings declare.
        storage: A file for the journal of the search, which a search that is run again with the
            same arguments (but for `trials`) goes on from. None keeps nothing.

    Returns:
        The finding: unsure if the best trial is 0.02 nats per event or more better than the model
        as it is, for then there is something to gain. The best of many measurements looks better
        than it is: train it, and measure on the test split.

    Raises:
        ValueError: If `storage` is of another search, or no journal.
        OSError: If `storage` can't be read or written.
    """
    try:
        import optuna
    except ImportError:
        raise NotApplicable("A search needs Optuna: pip install musegen[search].") from None
    base = base_settings(model, learning_rate)
    space = searched(model) if space is None else checked_space("space", model, space)
    splits = encoded(model, corpus, "train"), encoded(model, corpus, "validation")
    path = None if storage is None else checked_path("storage", storage)
    arguments = {
        "model": model.get_config(),
        "corpus": [corpus.name, *map(len, splits)],
        "space": {name: [isinstance(v, tuple), *v] for name, v in space.items()},
        "base": base,
        "steps": steps,
        "seed": seed,
    }
    distributions = {name: _distribution(values) for name, values in space.items()}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = optuna.create_study()
        journal = _taken_up(path, arguments, study, distributions)
        if journal["base_nats"] is None:
            journal["base_nats"] = score(model, splits, base, {}, steps, seed)
        while (count := len(journal["trials"])) < trials:
            _save(path, journal)
            state = np.random.SeedSequence([seed, count]).generate_state(1)
            study.sampler = optuna.samplers.TPESampler(seed=int(state[0]))
            trial = study.ask(distributions)
            nats = min(score(model, splits, base, trial.params, steps, seed), WORST)
            study.tell(trial, nats)
            journal["trials"].append([trial.params, nats])
        _save(path, journal)
    finally:
        optuna.logging.set_verbosity(verbosity)
    base_nats, values = journal["base_nats"], [nats for _, nats in journal["trials"]]
    params, best = min(journal["trials"], key=lambda trial: trial[1])
    gain = base_nats - best
    named = ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in params.items()
    )
    sentence = f"The best of {len(values)} trials, {named}, comes to {best:.3f} nats per event "
    sentence += f"on validation in {steps:,} steps, the model as it is to {base_nats:.3f}"
    sentence += ": train with these" if gain >= WORTHWHILE else ", so its settings are good"
    drawn = [None if value == WORST else value for value in values]
    lines = [
        Line("a trial", drawn, style="o", colour=GREY),
        Line("the best so far", np.fmin.accumulate(np.array(drawn, float)), colour=COLOURS[0]),
    ]
    level = (base_nats, "the model as it is")
    verdict: Verdict = "unsure" if gain >= WORTHWHILE else "good"
    figures = {"base": base, "base_nats": finite([base_nats])[0], "trials": journal["trials"]}
    figures |= {"best": params, "best_nats": best}
    draw = partial(curves, Panel("trial", "validation nats per event", lines, level))
    return Finding("search", verdict, f"{sentence}.", figures, draw)


def _taken_up(
    path: Path | None, arguments: dict[str, Any], study: Any, distributions: dict[str, Any]
) -> dict[str, Any]:
    """Reads the journal of a search, or begins one, and tells Optuna's study of its trials."""
    import optuna

    journal: dict[str, Any] = {"search": arguments, "base_nats": None, "trials": []}
    if path is None or not path.exists():
        _save(path, journal)  # if it can't be written, that is known before the first training
        return journal
    try:
        found = {key: json.loads(path.read_bytes())[key] for key in journal}
        float(found["base_nats"] or 0)
        same = found["search"] == json.loads(json.dumps(arguments))
        for params, nats in found["trials"] if same else ():
            study.add_trial(
                optuna.create_trial(params=params, distributions=distributions, value=nats)
            )
    except OSError as error:
        raise OSError(f"storage={shown(str(path))}: can't be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"storage={shown(str(path))} is not the journal of a search, or was damaged. Name "
            "another file."
        ) from None
    if not same:
        raise ValueError(
            f"storage={shown(str(path))} belongs to a search with other arguments. Search with the "
            "same ones to go on, or name another file."
        )
    return found


def _save(path: Path | None, journal: dict[str, Any]) -> None:
    if path is not None:
        with written_path(path) as temporary:
            temporary.write_text(json.dumps(journal), encoding="utf-8")


def _distribution(values: Sequence[Any]) -> Any:
    """Returns Optuna's distribution of a list of values, or of the ends of a range."""
    from optuna import distributions

    if not isinstance(values, tuple):
        return distributions.CategoricalDistribution(values)
    low, high = values
    whole = isinstance(low, int) and isinstance(high, int)
    kind: Any = distributions.IntDistribution if whole else distributions.FloatDistribution
    return kind(low, high, log=is_logarithmic(low, high))
