"""One call that measures everything there is to measure of a model, or of music, against a corpus.

Every figure is of three sets of music in the same form: the subject's, the corpus's test split,
and that split shuffled. `musegen.evaluation.material` says what the forms are; the parts are

* *likelihood*: what it costs a model, an n-gram and a uniform guess to predict the music of each
  column, in nats. The figure that is published of a model, its nats on music that it has not seen,
  is in the model's row under "real", and the floor that it must beat in the n-gram's row. Its own
  music costs a model much less: it repeats what it is sure of. For several tracks there is an
  n-gram alone.
* *tracks*: figures of the piano roll, those of the MuseGAN paper among them: used pitch classes
  ("pitch classes a bar"), qualified notes ("notes of 2 steps or more"), empty bars, drum pattern
  ("notes on 8 beats", of drum tracks) and tonal distance; "of tracks from other bars" it is that of
  the same music with the bars of all phrases dealt out anew for each track.
* *music*: what any music has; the mean over pieces of each metric.
* *distance*: how far the histograms of the column's music are from those of the test split. Under
  "real" stands how far the training split is: as near as music by the same hand comes.
* *voice leading*, where the tracks are single lines that go from high to low.
* *copying*: what stands in the training split.

The training split is for copies, distances and the n-gram's counts, the validation split for the
weights of its contexts. All is of use only for a model that was trained on that training split and
never saw the test split.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from symusic.core import ScoreTick

from musegen._checks import Flag, Whole, checked_path, counted, shown
from musegen.corpus.corpus import Corpus
from musegen.corpus.midi_folder import folder
from musegen.corpus.named import named
from musegen.evaluation.material import FORMS, is_one_voice
from musegen.evaluation.notes import notes_of
from musegen.evaluation.parts import (
    copying_figures,
    distance_figures,
    likelihood_figures,
    music_figures,
    track_figures,
    voice_leading_figures,
)
from musegen.evaluation.result import COLUMNS, Evaluation
from musegen.interop.dispatch import score_of
from musegen.loading import given_model, names_a_folder, names_a_piece
from musegen.settings import LARGE_SEED, declared

SUBJECTS = (
    "a model, the name of one that ships with musegen, the path of a checkpoint, of a MIDI file or "
    "of a folder of them, or a list of symusic.Score in ticks"
)

LONGER = 2
"""How many times as long pieces may be, in bars, before a note says that figures don't compare."""


@declared
def evaluate(
    subject: Any,
    corpus: Corpus | str | os.PathLike[str],
    *,
    samples: Annotated[
        int | None,
        Whole(1, 100_000),
        "Pieces that a model writes, by default 2,000 phrases, 200 pieces in voices, or as many "
        "melodies as the test split has",
    ] = None,
    seed: Annotated[int, LARGE_SEED, "Seed of what is written and shuffled"] = 0,
    given: str | None = None,
    progress: Annotated[bool, Flag(), "Whether a terminal shows what is being done"] = True,
) -> Evaluation:
    """Measures a model, or given music, against the test split of a corpus.

    Args:
        subject: A model, the name of one that ships with musegen, the path of a checkpoint, of a
            MIDI file, or of a folder of them (all are measured, whatever split they would be in),
            or a list of scores.
        corpus: A corpus with a training and a test split; `"chorales"` (of which a model of
            melodies, and music of one voice, is given the soprano), `"fiddle-tunes"`, or the path
            of a folder of MIDI files.
        given: The name of a voice; a model of voices writes the others to that of each piece of the
            test split, and a MuseGAN whose voices lead to that of each phrase, instead of music of
            its own.

    Returns:
        The figures; `print` shows them as a table. The same seed gives the same figures.

    Raises:
        ValueError: If an argument is something else, the corpus lacks a training or a test split,
            or has no music of the model's form. So are `CorpusError` and `CheckpointError`.
    """
    from rich.console import Console
    from rich.progress import Progress

    name, form, music_given, left_out = _resolved(subject)
    make: Any = FORMS[form]
    if given is not None:
        if form != "voices" and not getattr(music_given, "leads", False):
            raise ValueError(
                f"given={shown(given)} is for models that write voices, or phrases to a given "
                "track. Give such a model, or leave it out."
            )
        make = partial(make, given=given)
    melodic = form == "melodies" or (form == "pieces" and is_one_voice(music_given))
    corpus = named(corpus, melodic)
    _check_splits(corpus)
    console, hidden = Console(stderr=True), not (progress and sys.stderr.isatty())
    with Progress(console=console, transient=True, disable=hidden) as bar:
        task = bar.add_task("", total=7, completed=-1)

        def stage(what: str) -> None:
            bar.update(task, description=what, advance=1)

        stage("Encoding" if form == "pieces" else "Writing music")
        material = make(music_given, corpus, samples, seed)
        stage("Likelihood")
        figures, notes = likelihood_figures(material)
        stage("Tracks")
        figures += track_figures(material, seed)
        stage("Notes")
        *music, train = [notes_of(one.scores) for one in (*material.columns, material.train)]
        figures += music_figures(music)
        stage("Distances")
        figures += distance_figures(music, train)
        stage("Voice leading")
        figures += voice_leading_figures(material)
        stage("Copies")
        copies, longest = copying_figures(material, [piece.name for piece in corpus.train])
        figures += copies
    bars = [float(np.median(one.bars)) if one.pieces else 0.0 for one in music[:2]]
    if form == "pieces" and max(bars) > LONGER * min(bars):
        notes.append(
            f"Half of the pieces have over {bars[0]:g} bars, of the real ones over {bars[1]:g}: "
            "what grows with length, such as the pitches used, does not compare."
        )
    counts = {column: len(one.scores) for column, one in zip(COLUMNS, material.columns)}
    length = counted(material.bars, "bar")
    return Evaluation(
        subject=name,
        corpus=corpus.name,
        form=f"{form} of {length}" if material.bars else form.replace("voices", "pieces"),
        counts=counts | {"train": len(material.train.scores)},
        seed=seed,
        figures=tuple(one for one in figures if not np.isnan(one.values).all()),
        notes=(*left_out, *material.notes, *notes, *longest),
    )


def _resolved(subject: Any) -> tuple[str, str, Any, list[str]]:
    """The subject's name and form, the model or its scores, and notes on files left out."""
    named_by_text = isinstance(subject, (str, os.PathLike))
    if named_by_text and names_a_folder(checked_path("subject", subject)):
        music = folder(subject, min_notes=1)
        return music.name, "pieces", [piece.score for piece in music.pieces], _left_out(music)
    if names_a_piece(subject):
        score = score_of("subject", subject)
        if not score.note_num():
            raise ValueError(f"{os.fspath(subject)} has no notes. Give a file with music.")
        return Path(subject).stem, "pieces", [score], []
    if isinstance(subject, Iterable) and not (named_by_text or isinstance(subject, dict)):
        scores = list(subject)
        if not scores or not all(isinstance(score, ScoreTick) for score in scores):
            raise ValueError(f"subject={shown(subject)}: give {SUBJECTS}.")
        if not any(score.note_num() for score in scores):
            raise ValueError(f"subject={shown(subject)}: there are no notes in it.")
        return "the given music", "pieces", scores, []
    model = given_model("subject", subject)
    return model.name, model.writes, model, []


def _left_out(given: Corpus) -> list[str]:
    """What became of a folder's files that are not measured, or not whole."""
    report, notes = given.report, []
    if report.kept < len(report):
        reason, _, row = report.reasons()[0]
        notes.append(
            f"Of {len(report):,} files {len(report) - report.kept:,} are left out, such as "
            f"{row.name}: {reason}."
        )
    damaged = [row for row in report if row.kept and row.detail]
    if damaged:
        notes.append(
            f"{len(damaged):,} of the files measured were repaired or had events left out, such "
            f"as {damaged[0].name}."
        )
    return notes


def _check_splits(corpus: Corpus) -> None:
    for split in ("train", "test"):
        if not getattr(corpus, split):
            raise ValueError(
                f"corpus={corpus!r} has no piece in its {split} split: what a model is measured "
                "against is music that it has not seen, and what it may copy from what it has. "
                "Give a corpus with both; a folder's pieces are split from three on."
            )
