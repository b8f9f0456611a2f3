"""Checks of models of voices alone; the others are those of any model."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Annotated, Any

import numpy as np

from musegen._checks import Whole
from musegen.diagnosis.checks import RIGHT, check
from musegen.diagnosis.finding import Finding, Verdict
from musegen.diagnosis.pictures import bars
from musegen.diagnosis.subject import encoded
from musegen.settings import SEED

ROUNDING = 1e-3
"""The change of a cost, in nats, that is put down to rounding."""


@check(RIGHT, "Is what follows hidden from each voice?", needs="voices")
def leaks_no_voice(
    model: Any,
    corpus: Any,
    steps: Annotated[int, Whole(2, 1000), "Steps of the music"] = 32,
    cells: Annotated[int, Whole(1, 1000), "How many cells are changed, one at a time"] = 15,
    seed: Annotated[int, SEED, "Seed of the cells"] = 0,
) -> Finding:
    """Checks that no voice is told what is written after it.

    The beginning of the first piece of the train split is measured with nothing given, and again
    with the pitch of one cell, a voice at a step, changed. The cells that are written before, those
    of earlier steps and of the voices before it at the step, may not cost more or less than before.

    Returns:
        The finding: bad if a cost changes by more than rounding (a thousandth of a nat).
    """
    random = np.random.default_rng(seed)
    piece: Any = encoded(model, corpus, "train")[0]
    steps = min(steps, len(piece))
    columns = {"pitches": piece.pitches[:steps], "struck": piece.struck[:steps]}
    music = dataclasses.replace(piece, **columns)
    places = [
        (int(random.integers(steps)), int(random.integers(model.encoding.voices)))
        for _ in range(cells)
    ]
    changed = []
    for step, voice in places:
        pitches = music.pitches.copy()
        # An octave up or down: a new note there, and another interval to what follows.
        pitches[step, voice] += 12 if pitches[step, voice] < 64 else -12
        struck = music.struck.copy()
        struck[step, voice] = True
        changed.append(dataclasses.replace(music, pitches=pitches, struck=struck))
    before, *after = model.costs([music, *changed])
    order = np.empty_like(before, dtype=int)  # at which place each cell is written
    order[:, model.written] = np.arange(before.size).reshape(before.shape)
    changes = {"cells written before": 0.0, "cells written after": 0.0}
    leaks = 0
    for (step, voice), costs in zip(places, after, strict=True):
        change, earlier = np.abs(costs - before), order < order[step, voice]
        past = float(change[earlier].max(initial=0))
        leaks += past > ROUNDING
        changes["cells written before"] = max(changes["cells written before"], past)
        later = float(change[~earlier].max())
        changes["cells written after"] = max(changes["cells written after"], later)
    sentence = f"Of {cells} cells that were changed none changes what is written before it."
    if leaks:
        sentence = (
            f"{leaks} of {cells} cells that were changed change the cost of what is written before "
            "them: look for a missing causal mask, for a voice that sees those after it, or for "
            "targets among the inputs."
        )
    figures = {"leaks": leaks, "largest_change": changes["cells written before"]}
    verdict: Verdict = "bad" if leaks else "good"
    series = {"largest change": list(changes.values())}
    draw = partial(bars, list(changes), series, "largest change of a cost (nats)")
    return Finding("leaks_no_voice", verdict, sentence, figures, draw)
