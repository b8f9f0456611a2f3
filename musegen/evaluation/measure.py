"""One call that measures everything there is to measure of a model, or of music, against a corpus.

Every figure is of three sets of music in the same form: the subject's, the corpus's test split,
and that split shuffled. `musegen.evaluation.material` says what the forms are; the parts are

* *likelihood*: what it costs a model, an n-gram and a uniform guess to predict the music of each
  column, in nats. So the figure that is published of a model, its nats on music that it has not
  seen, stands in the row of the model and the column "real", and the floor that it must beat in the
  row of the n-gram, below it. What a model gives its own music stands under "subject": much less
  than under "real", and it repeats what it is sure of. For several tracks there is an n-gram alone.
* *tracks*: figures of the piano roll, those of the MuseGAN paper among them: used pitch classes
  ("pitch classes a bar"), qualified notes ("notes of 2 steps or more"), empty bars, drum pattern
  ("notes on 8 beats", of drum tracks) and tonal distance. To see whether tracks agree more than
  their keys make them, "tonal distance of tracks from other bars" is that of the same music with
  the bars of all phrases dealt out anew for each track.
* *music*: what any music has; the mean over pieces of each metric.
* *distance*: how far the histograms of the column's music are from those of the test split. Under
  "real" stands how far the training split is: as near as music by the same hand comes.
* *voice leading*, where the tracks are single lines that go from high to low.
* *copying*: what stands in the training split.

What was trained on is asked of nothing but copies and distances, and what the n-gram counts; the
validation split is what its contexts are weighed by. So all is of use only for a model that was
trained on that training split and never saw the test split.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import checked_bool, checked_int, checked_path, shown
from musegen._files import is_folder
from musegen.corpus.corpus import SPLITS, Corpus
from musegen.corpus.midi_folder import folder
from musegen.corpus.named import named
from musegen.evaluation.material import (
    is_one_voice,
    of_melody_model,
    of_musegan,
    of_scores,
)
from musegen.evaluation.notes import notes_of
from musegen.evaluation.parts import (
    copying_figures,
    distance_figures,
    likelihood_figures,
    music_figures,
    track_figures,
    voice_leading_figures,
)
from musegen.evaluation.result import Evaluation

if TYPE_CHECKING:
    from musegen.models.melody_model import MelodyModel
    from musegen.models.musegan import MuseGAN

Subject: TypeAlias = "MelodyModel | MuseGAN | str | os.PathLike[str] | Iterable[ScoreTick]"

SUBJECTS = (
    "a model (AttentionLSTM or MuseGAN), the name of one that ships with musegen, the path of a "
    "checkpoint or of a folder of MIDI files, or a list of symusic.Score in ticks"
)

TIMES = 2
"""How many times as long pieces may be, in bars, before a note says that figures don't compare."""


def evaluate(
    subject: Subject,
    corpus: Corpus | str | os.PathLike[str],
    *,
    samples: int | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Measures a model, or given music, against the test split of a corpus.

    Args:
        subject: A model, the name of one that ships with musegen, the path of a checkpoint, or of a
            folder of MIDI files (all of them are measured, whatever split they would be in), or a
            list of scores.
        corpus: A corpus with a training and a test split; `"chorales"` (of which a model of
            melodies, and music of one voice, is given the soprano), `"fiddle-tunes"`, or the path
            of a folder of MIDI files.
        samples: How many pieces a model writes, 1 to 100,000; None means 2,000 phrases of a
            MuseGAN, and as many melodies as the test split has.
        seed: Seed of what is written and shuffled, 0 to 2^63 - 1. The same seed gives the same
            figures.
        progress: Whether standard error, where it is a terminal, shows what is being done.

    Returns:
        The figures: `print` gives them as a table.

    Raises:
        ValueError: If an argument is none of these, the corpus lacks a training or a test split, or
            has no music of the model's form. So are `CorpusError` and `CheckpointError`.
    """
    seed = checked_int("seed", seed, 0, 2**63 - 1)
    if samples is not None:
        samples = checked_int("samples", samples, 1, 100_000)
    shows = checked_bool("progress", progress) and sys.stderr.isatty()
    name, model, scores, left_out = _resolved(subject)
    if scores is not None and samples is not None:
        raise ValueError(f"samples={samples}: given music is measured whole. Leave it out.")
    melodic = is_one_voice(scores) if scores is not None else _writes_melodies(model)
    corpus = _with_splits(named(corpus, melodic))
    with _stages(shows, 7) as stage:
        stage("Writing music" if scores is None else "Encoding")
        if scores is not None:
            material = of_scores(scores, corpus, seed)
        elif melodic:
            material = of_melody_model(model, corpus, samples, seed)
        else:
            material = of_musegan(model, corpus, samples, seed)
        stage("Likelihood")
        figures, notes = likelihood_figures(material)
        stage("Tracks")
        figures += track_figures(material)
        stage("Notes")
        music = [notes_of(one.scores) for one in (*material.columns, material.train)]
        figures += music_figures(music[:3])
        stage("Distances")
        figures += distance_figures(music[:3], music[3])
        stage("Voice leading")
        figures += voice_leading_figures(material)
        stage("Copies")
        copies, longest = copying_figures(material)
        figures += copies
    bars = [float(np.median(one.bars)) if one.pieces else 0.0 for one in music[:2]]
    if scores is not None and max(bars) > TIMES * min(bars):
        notes.append(
            f"Half of the pieces have over {bars[0]:g} bars, of the real ones over {bars[1]:g}: "
            "what grows with length, such as the pitches used, does not compare."
        )
    return Evaluation(
        subject=name,
        corpus=corpus.name,
        form=material.form,
        counts={
            column: len(one.scores)
            for column, one in zip(("subject", "real", "shuffled"), material.columns)
        }
        | {"train": len(material.train.scores)},
        seed=seed,
        figures=tuple(one for one in figures if not np.isnan(one.values).all()),
        notes=(*left_out, *material.notes, *notes, *longest),
    )


def _resolved(subject: Any) -> tuple[str, Any, list[ScoreTick] | None, list[str]]:
    """The subject's name, either a model or scores, and what there is to say of its files."""
    if isinstance(subject, (str, os.PathLike)):
        from musegen.loading import load, pretrained_names

        path = checked_path("subject", subject)
        if str(path) not in pretrained_names() and is_folder(path):
            given = folder(path, min_notes=1)
            return given.name, None, [piece.score for piece in given.pieces], _left_out(given)
        if str(path) not in pretrained_names() and not os.path.lexists(path):
            raise ValueError(
                f"subject={shown(str(path))}: no such file or folder. Give {SUBJECTS}."
            )
        subject = load(path)
    if isinstance(subject, Iterable) and not isinstance(subject, dict):
        scores = list(subject)
        if scores and all(isinstance(score, ScoreTick) for score in scores):
            if not any(score.note_num() for score in scores):
                raise ValueError(f"subject={shown(subject)}: there are no notes in it.")
            return "the given music", None, scores, []
    elif "keras" in sys.modules:  # else it can't be a model
        from musegen.models.melody_model import MelodyModel
        from musegen.models.musegan import MuseGAN

        if isinstance(subject, (MelodyModel, MuseGAN)):
            return subject.name, subject, None, []
    raise ValueError(f"subject={shown(subject)}: give {SUBJECTS}.")


def _left_out(given: Corpus) -> list[str]:
    """What became of a folder's files that are not measured, or not whole."""
    report, said = given.report, []
    if report.kept < len(report):
        reason, _, row = report.reasons()[0]
        said.append(
            f"Of {len(report):,} files {len(report) - report.kept:,} are left out, such as "
            f"{row.name}: {reason}."
        )
    damaged = [row for row in report if row.kept and row.detail]
    if damaged:
        said.append(
            f"{len(damaged):,} of the files measured were repaired or had events left out, such "
            f"as {damaged[0].name}."
        )
    return said


def _writes_melodies(model: Any) -> bool:
    from musegen.models.melody_model import MelodyModel

    return isinstance(model, MelodyModel)


def _with_splits(corpus: Corpus) -> Corpus:
    """The corpus, if it has a training and a test split."""
    for split in SPLITS:
        if split != "validation" and not getattr(corpus, split):
            raise ValueError(
                f"corpus={corpus!r} has no piece in its {split} split: what a model is measured "
                "against is music that it has not seen, and what it may copy from what it has. "
                "Give a corpus with both; a folder's pieces are split from three on."
            )
    return corpus


@contextlib.contextmanager
def _stages(shows: bool, count: int) -> Iterator[Callable[[str], None]]:
    """Shows on standard error which of so many stages has begun."""
    if not shows:
        yield lambda what: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.description}")
    with Progress(
        text, BarColumn(), TimeElapsedColumn(), console=Console(stderr=True), transient=True
    ) as bar:
        task = bar.add_task("", total=count, completed=-1)

        def stage(what: str) -> None:
            bar.update(task, description=what, advance=1)

        yield stage
