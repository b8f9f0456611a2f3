"""`musegen.diagnose`: asks all that applies to a model, and says what it found."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from typing import Any

from musegen._checks import (
    checked_bool,
    checked_int,
    checked_items,
    checked_path,
    checked_positive,
    shown,
)
from musegen.corpus import Corpus
from musegen.corpus.named import named
from musegen.diagnosis.checks import CHECKS, function_of
from musegen.diagnosis.finding import Diagnosis, Finding, check_page_path

MODELS = (
    "a model (AttentionLSTM or MuseGAN), the name of one that ships with musegen, or the path of a "
    "checkpoint"
)


def diagnose(
    model: Any,
    corpus: Any,
    checks: Sequence[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    progress: bool | None = None,
) -> Diagnosis:
    """Finds out why a model does not learn, or what would make it better.

    Args:
        model: A model, trained or not, which stays as it is; or the name of one that ships with
            musegen, or the path of a checkpoint.
        corpus: A `Corpus`; or `"chorales"` (of which a model of melodies gets the soprano),
            `"fiddle-tunes"`, or the path of a folder of MIDI files.
        checks: Names of checks, as in `musegen.diagnosis.checks.CHECKS`; they are run in the order
            of that table. None means all that are for such a model but the slow ones, which train
            for many minutes: `"one_at_a_time"` and `"search"`.
        out: An HTML page to write, with all findings and their pictures, replaced if it is there.
            None writes nothing.
        learning_rate: The one that you train with, above 0; None means the one that the model was
            trained with, or that of `fit`.
        seed: Seed of all that is drawn, 0 to 2^32 - 1.
        progress: Whether standard error shows what is asked; None means if it is a terminal.

    Returns:
        The findings. A check that can't be run, because the model is not trained or the corpus
        lacks what it needs, gives one that is `"unsure"` and says why.

    Raises:
        CheckpointError: If there is no such model, or the file is no checkpoint.
        CorpusError: If the folder is none, or has no music.
        ValueError: If an argument is something else, or a check is unknown or not for such a model.
        OSError: If the page can't be written.
    """
    from rich.console import Console
    from rich.progress import Progress

    if out is not None:
        check_page_path(out, "out")
    checked_int("seed", seed, 0, 2**32 - 1)
    shows = sys.stderr.isatty() if progress is None else checked_bool("progress", progress)
    if learning_rate is not None:
        checked_positive("learning_rate", learning_rate)
    _check_names(checks)
    if isinstance(model, (str, os.PathLike)):
        model = _loaded(model)
    kinds = _kinds(model)
    names = _names(checks, kinds)
    corpus = named(corpus, "MelodyModel" in kinds)
    findings = []
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not shows) as bar:
        task = bar.add_task("", total=len(names))
        for name in names:
            bar.update(task, description=CHECKS[name].question)
            findings.append(_asked(name, model, corpus, learning_rate, seed))
            bar.advance(task)
    diagnosis = Diagnosis(model.name, corpus.name, tuple(findings))
    if out is not None:
        diagnosis.save(out)
    return diagnosis


def _asked(name: str, model: Any, corpus: Corpus, learning_rate: float | None, seed: int) -> Any:
    from musegen.diagnosis.subject import NotAsked

    function = function_of(name)
    given = {"learning_rate": learning_rate, "seed": seed}
    takes = inspect.signature(function).parameters
    try:
        return function(model, corpus, **{key: given[key] for key in given if key in takes})
    except NotAsked as error:
        return Finding(name, "unsure", f"Could not be asked: {error}")


def _loaded(model: str | os.PathLike[str]) -> Any:
    """The model of a shipped name, or of a checkpoint's path."""
    from musegen.loading import load, pretrained_names

    path = checked_path("model", model)
    if str(path) not in pretrained_names() and not os.path.exists(path):  # noqa: PTH110
        raise ValueError(f"model={shown(str(path))}: no such file. Give {MODELS}.")
    return load(path)


def _check_names(checks: Any) -> None:
    if checks is None:
        return
    for name in checked_items("checks", checks, str, "a list of names of checks"):
        if name not in CHECKS:
            raise ValueError(f"checks: {shown(name)} is none; there are {', '.join(CHECKS)}.")


def _kinds(model: Any) -> set[str]:
    """The names of a model's classes that checks are for."""
    from musegen.diagnosis.subject import check_model

    check_model(model)
    return {kind.__name__ for kind in type(model).__mro__}


def _names(checks: Sequence[str] | None, kinds: set[str]) -> list[str]:
    """The checks to run, in their order."""
    fitting = [name for name, check in CHECKS.items() if kinds & {*check.models}]
    if checks is None:
        return [name for name in fitting if not CHECKS[name].slow]
    for name in checks:
        if name not in fitting:
            raise ValueError(f"checks: {name!r} is not for such a model; {', '.join(fitting)} are.")
    return [name for name in fitting if name in checks]
