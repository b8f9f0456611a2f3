"""Are the settings right? A search over several of them at once, which can be interrupted.

The search is Optuna's (Akiba et al. 2019, "Optuna: A next-generation hyperparameter optimization
framework"), with its tree-structured Parzen estimator (Bergstra et al. 2011). KerasTuner was looked
at too: it builds models in a class of its own, resumes from a folder of its own files, and brings a
network library (grpcio); Optuna only proposes values and is told scores, whatever is trained.

It keeps its journal as lines of JSON, of which nothing but values is read. A search that was killed
and is run again goes on with the trials that are left; one that was under way is begun anew. What
is proposed depends on the seed and on the trials that ended, and so is the same as in a search that
was left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from musegen._checks import checked_int, checked_path, shown
from musegen._files import atomic_path
from musegen.diagnosis.amount import WORTHWHILE
from musegen.diagnosis.finding import Finding, finite
from musegen.diagnosis.settings import base_settings, check_settings, score
from musegen.diagnosis.subject import NotAsked, check_model, encoded
from musegen.models.melody_model import MelodyModel
from musegen.plots._figure import COLOURS, GREY, INK, add_curve_axes, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPACE: dict[str, Sequence[Any]] = {
    "units": [64, 128, 256, 512],
    "depth": [1, 2, 3],
    "dropout": (0.0, 0.5),
    "learning_rate": (5e-4, 2e-2),
    "batch_size": [16, 32, 64],
    "transpose": [0, 3, 6],
}
"""What is searched: a list has the values to choose among, a pair the ends of a range."""

STUDY = "musegen"
LINE = b'{"op_code":'
"""How a line of the journal begins."""


def search(
    model: Any,
    corpus: Any,
    space: Mapping[str, Sequence[Any]] | None = None,
    trials: int = 20,
    steps: int = 300,
    storage: str | os.PathLike[str] | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
) -> Finding:
    """Searches over several settings at once for those that make the model best.

    Args:
        model: A melody model; copies with new weights are trained.
        corpus: A corpus, whose train split is trained on and whose validation split is measured.
        space: By the name of a setting (see `musegen.diagnosis.settings`) a list of values to
            choose among, or a tuple of the two ends of a range of numbers; one whose ends are above
            0 and a factor of 10 or more apart is searched by its logarithm. None means `SPACE`, as
            far as the model has such arguments.
        trials: How many settings to try, 1 to 100,000, those of an interrupted search among them.
        steps: Steps of each training, 8 to 1,000,000.
        storage: A file for the journal of the search, which a search that is run again with the
            same arguments (but for `trials`) goes on from. None keeps nothing.
        learning_rate: That of the model as it is, above 0; see `one_at_a_time`.
        seed: Seed of what is proposed and of all that training draws, 0 to 2^32 - 1.

    Returns:
        The finding: unsure if the best trial is 0.02 nats an event or more better than the model as
        it is, for then there is something to gain. The best of many measurements looks better than
        it is: train it, and measure on the test split.

    Raises:
        ValueError: If an argument is something else or out of its range, the corpus lacks a split,
            Optuna is not installed, `storage` is of another search, or Keras does not run on
            TensorFlow.
        OSError: If `storage` can't be read or written.
    """
    check_model(model, MelodyModel)
    checked_int("trials", trials, 1, 10**5)
    checked_int("steps", steps, 8, 10**6)
    checked_int("seed", seed, 0, 2**32 - 1)
    base = base_settings(model, learning_rate)
    if space is None:
        space = {name: values for name, values in SPACE.items() if name in base}
    check_settings("space", model, base, space)
    splits = encoded(model, corpus, "train"), encoded(model, corpus, "validation")
    told = {
        "model": model.get_config(),
        "corpus": [corpus.name, *map(len, splits)],
        "space": {name: [isinstance(v, tuple), *v] for name, v in space.items()},
        "base": base,
        "steps": steps,
        "seed": seed,
    }
    with _study(storage, told) as study:
        if "base_nats" not in study.user_attrs:
            study.set_user_attr("base_nats", score(model, splits, base, {}, steps, seed))
        while (count := len(_ended(study))) < trials:
            trial = _next_trial(study, seed, count)
            changes = {name: _proposed(trial, name, values) for name, values in space.items()}
            nats = score(model, splits, base, changes, steps, seed)
            # Infinite where training came to nothing; Optuna takes the largest number as well.
            study.tell(trial, min(nats, float(np.finfo(float).max)))
        ended, base_nats = _ended(study), float(study.user_attrs["base_nats"])
        values = [trial.value for trial in ended]
        best = study.best_trial
    gain = base_nats - best.value
    named = ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in best.params.items()
    )
    sentence = f"The best of {len(ended)} trials, {named}, comes to {best.value:.3f} nats an event "
    sentence += f"on validation in {steps:,} steps, the model as it is to {base_nats:.3f}"
    sentence += ": train with these" if gain >= WORTHWHILE else ", so its settings are good"

    def draw() -> Figure:
        figure = new_figure(7, 3.6)
        axes = add_curve_axes(figure, (0.11, 0.15, 0.86, 0.72))
        numbers = np.arange(1, len(values) + 1)
        usual = np.array(finite(values), float)
        usual[usual > 1e6] = np.nan  # such a trial came to nothing
        axes.plot(numbers, usual, "o", color=GREY, label="a trial")
        axes.plot(numbers, np.fmin.accumulate(usual), color=COLOURS[0], label="the best so far")
        axes.axhline(base_nats, color=INK, linestyle=":", label="the model as it is")
        axes.set(xlabel="trial", ylabel="validation nats an event")
        figure.legend(loc="upper center", ncols=3, frameon=False, fontsize=9)
        return figure

    figures = {
        "base": base,
        "base_nats": finite([base_nats])[0],
        "best": best.params,
        "best_nats": best.value,
        "trials": [[trial.params, trial.value] for trial in ended],
    }
    verdict = "unsure" if gain >= WORTHWHILE else "good"
    return Finding("search", verdict, f"{sentence}.", figures, draw)  # type: ignore[arg-type]


@contextlib.contextmanager
def _study(storage: Any, told: dict[str, Any]) -> Iterator[Any]:
    """The search, new or taken up; Optuna says nothing as long as this is open."""
    try:
        import optuna
    except ImportError:
        raise NotAsked("A search needs Optuna: pip install musegen[search].") from None
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        study = _opened(None if storage is None else checked_path("storage", storage))
        text = json.dumps(told, sort_keys=True)
        if study.user_attrs.setdefault("told", text) != text:
            raise ValueError(
                f"storage={shown(os.fspath(storage))} belongs to a search with other arguments. "
                "Search with the same ones to go on, or name another file."
            )
        study.set_user_attr("told", text)
        for trial in study.get_trials(deepcopy=False):
            if not trial.state.is_finished():  # what was under way is begun anew
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        yield study
    finally:
        optuna.logging.set_verbosity(verbosity)


def _opened(path: Path | None) -> Any:
    """The study that a journal has, or a new one."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    if path is None:
        return optuna.create_study(study_name=STUDY)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            whole, end, rest = path.read_bytes().rpartition(b"\n")
            ours = all("op_code" in json.loads(line) for line in whole.splitlines())
            if not ours or not LINE.startswith(rest[: len(LINE)]):
                raise ValueError
            if rest:  # killed as it wrote a line
                with atomic_path(path) as temporary:
                    temporary.write_bytes(whole + end)
        journal = JournalStorage(JournalFileBackend(str(path), JournalFileOpenLock(str(path))))
        return optuna.create_study(storage=journal, study_name=STUDY, load_if_exists=True)
    except OSError as error:
        raise OSError(
            f"storage={shown(str(path))}: can't be read and written ({error.strerror or error}). "
            "Name a file in a folder where you may write."
        ) from None
    except Exception:  # noqa: BLE001 - whatever Optuna makes of a file that is no journal
        raise ValueError(
            f"storage={shown(str(path))} is no journal of a search, or was damaged. Name another "
            "file."
        ) from None


def _ended(study: Any) -> list[Any]:
    """The trials that came to a score, in order."""
    import optuna

    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _next_trial(study: Any, seed: int, count: int) -> Any:
    """A trial whose proposals depend on the seed and on what ended before."""
    import optuna

    state = np.random.SeedSequence([seed, count]).generate_state(1)
    study.sampler = optuna.samplers.TPESampler(seed=int(state[0]))
    return study.ask()


def _proposed(trial: Any, name: str, values: Sequence[Any]) -> Any:
    if not isinstance(values, tuple):
        return trial.suggest_categorical(name, values)
    low, high = values
    log = low > 0 and high >= 10 * low
    if all(isinstance(end, int) for end in values):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)
