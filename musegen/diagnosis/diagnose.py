"""`musegen.diagnose`: runs all checks that apply to a model, and reports what they found."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from musegen._checks import Flag, Positive, checked_items, shown
from musegen.corpus.named import named
from musegen.diagnosis.checks import CHECKS, NotApplicable
from musegen.diagnosis.finding import Diagnosis, Finding, check_page_path
from musegen.loading import given_model
from musegen.settings import SEED, declared, settings_of


@declared
def diagnose(
    model: Any,
    corpus: Any,
    checks: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    learning_rate: Annotated[
        float | None,
        Positive(),
        "The one that you train with; None means the one that the model was trained with, or that "
        "of `fit`",
    ] = None,
    seed: Annotated[int, SEED, "Seed of all that is drawn"] = 0,
    progress: Annotated[
        bool | None, Flag(), "Whether standard error shows what is asked; None means if a terminal"
    ] = None,
) -> Diagnosis:
    """Finds out why a model does not learn, or what would make it better.

    Args:
        model: A model, trained or not, which stays as it is; or the name of one that ships with
            musegen, or the path of a checkpoint.
        corpus: A `Corpus`; or `"chorales"` (of which a model of melodies gets the soprano),
            `"fiddle-tunes"`, or the path of a folder of MIDI files.
        checks: Names of checks, as in `musegen.diagnosis.CHECKS`; they are run in the order of that
            table. None means all that apply to the model but the slow ones, which train for many
            minutes: `"one_at_a_time"` and `"search"`.
        out: An HTML page to write, with all findings and their pictures, replaced if it is there.
            None writes nothing.

    Returns:
        The findings. A check that can't be run, because the model is not trained or the corpus
        lacks what it needs, gives one that is `"unsure"` and says why.

    Raises:
        CheckpointError: If there is no such model, or the file is no checkpoint.
        CorpusError: If there is no such folder, or it has no music.
        ValueError: If an argument is something else, or a check is unknown or not for such a model.
        OSError: If the page can't be written.
    """
    from rich.console import Console
    from rich.progress import Progress

    if out is not None:
        check_page_path(out, "out")
    if checks is not None:
        for name in checked_items("checks", checks, str, "a list of names of checks"):
            if name not in CHECKS:
                raise ValueError(
                    f"checks: there is no {shown(name)}; choose of {', '.join(CHECKS)}."
                )
    model = given_model("model", model)
    fitting = [name for name, check in CHECKS.items() if check.applies_to(model)]
    for name in checks or ():
        if name not in fitting:
            raise ValueError(f"checks: {name!r} is not for such a model; {', '.join(fitting)} are.")
    quick = [name for name in fitting if not CHECKS[name].slow]
    names = quick if checks is None else [name for name in fitting if name in checks]
    corpus = named(corpus, model.writes == "melodies")
    given = {"learning_rate": learning_rate, "seed": seed}
    findings = []
    shows = sys.stderr.isatty() if progress is None else progress
    with Progress(console=Console(stderr=True), transient=True, disable=not shows) as bar:
        task = bar.add_task("", total=len(names))
        for name in names:
            bar.update(task, description=CHECKS[name].question)
            function = CHECKS[name].function
            settings = {key: given[key] for key in given.keys() & settings_of(function).keys()}
            try:
                findings.append(function(model, corpus, **settings))
            except NotApplicable as error:
                findings.append(Finding(name, "unsure", f"Could not be asked: {error}"))
            bar.advance(task)
    diagnosis = Diagnosis(model.name, corpus.name, tuple(findings))
    if out is not None:
        diagnosis.save(out)
    return diagnosis
