"""Batches of melodies: what each begins with, what they have in common, and what was written.

`musegen.sampling.writer` writes them; this says how long they may get, and makes compositions of
what it gives.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.composition import MelodyComposition, signed
from musegen.encoding.grid import bar_steps
from musegen.encoding.melody import Melody
from musegen.sampling.ending import ending_steps
from musegen.sampling.writer import CHUNK, NEVER, Writer, Written

MAX_EVENTS = 1024
"""Events of a piece that the model may end itself, at most."""
MAX_BARS = 64
"""Bars of such a piece, at most: those that a model tells apart."""
LEAST_BARS = 8
"""Bars that it may write after a prompt in any case; else at most as many as the prompt has."""
MAX_BATCH = 64
MAX_NOISE = 2**26
"""Random numbers for a batch: of long pieces fewer are written at a time."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """A piece to write.

    Attributes:
        begun: What it begins with.
        seed: Its seed.
        number: Its number among those of that seed.
        temperature: How wildly it is drawn.
        bars: Its bars, or None.
    """

    begun: Melody
    seed: int
    number: int
    temperature: float
    bars: int | None


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """What pieces that are written together have in common; the names are those of `sample`.

    Attributes:
        notes: Notes of a piece, or None.
        answered: Steps of what each answers, or None. Of pieces with neither this nor `notes` all
            have a number of bars, or none has.
        top_k: Among how many ids to draw, or None.
        top_p: Among the likeliest ids of how much probability, or None.
        allowed: Which pitch ids may be drawn, `(pitch ids,)`, or None for all.
    """

    notes: int | None
    answered: int | None
    top_k: int | None
    top_p: float | None
    allowed: NDArray[np.bool_] | None


def batch_size(model: Any, notes: int | None, wanted: int) -> int:
    """Returns how many of the wanted pieces of so many notes, or of some bars, are a batch."""
    ids = model.encoding.pitch_ids + model.encoding.duration_ids
    return max(1, min(MAX_BATCH, wanted, MAX_NOISE // (ids * max(notes or 0, 192))))


def write(model: Any, tasks: Sequence[Task], kind: Kind) -> list[MelodyComposition]:
    """Writes a batch of pieces."""
    notes, answered = kind.notes, kind.answered
    begun, encoding = [task.begun for task in tasks], model.encoding
    given, bars = len(begun[0]) - 1, [task.bars for task in tasks if task.bars is not None]
    places = [encoding.places(melody) for melody in begun]
    bar = np.array([bar_steps(*melody.meters[-1][1:]) for melody in begun])
    position = np.array([place["position"][-1] for place in places])
    pickup = np.array([melody.pickup for melody in begun])
    # Steps that may be written. The last bar is as much shorter as the pickup is long.
    most_bars = MAX_BARS if given == 1 else max(int(places[0]["bar"][-1]), LEAST_BARS)
    longest = np.array(bars or most_bars)
    stop = longest * bar if given == 1 else longest * bar - position
    if given > 1 and (stop > pickup).all():
        stop = stop - pickup
    chunk, likely, most = CHUNK, 192, MAX_EVENTS
    if notes is not None:
        stop = np.full(len(begun), NEVER)
        likely, most = notes + 16, 4 * notes + 64
        chunk = -(-(likely + 2) // 32) * 32
    elif bars:
        # In steps of powers of 2, so that few shapes are compiled.
        blocks = max(16 * max(bars) - 1, 0) // 192
        likely, most = 192 << blocks.bit_length(), int(stop.max())
    elif answered is not None:
        stop[:] = answered
        likely, most = 32, answered
    draw = {
        "temperature": [task.temperature for task in tasks],
        "top_k": kind.top_k,
        "top_p": kind.top_p,
    }
    seeds = [(task.seed, task.number) for task in tasks]
    writer = Writer(model, begun, seeds, draw, kind.allowed, chunk, likely)
    ends = notes is None and answered is None
    look = ending_steps(bar) if ends else None
    written = writer.write(notes, stop, ends and not bars, answered is not None, most, look)
    if look is not None:
        written = writer.ended(written, stop, look)
    return [
        _composition(model, task, piece, int(end), answered is not None)
        for task, piece, end in zip(tasks, written, stop.tolist(), strict=True)
    ]


def _composition(
    model: Any, task: Task, written: Written, steps: int, answers: bool
) -> MelodyComposition:
    encoding, begun, given = model.encoding, task.begun, len(task.begun) - 1
    durations = written.durations.copy()
    excess = int(encoding.steps[durations].sum()) - steps
    if excess > 0:  # the last event goes past the last bar line
        left = encoding.steps[durations[-1]] - excess
        durations[-1] = max(1, np.searchsorted(encoding.steps, left, side="right") - 1)
    melody = dataclasses.replace(
        begun,
        pitches=np.concatenate([begun.pitches[:given], written.pitches]),
        durations=np.concatenate([begun.durations[:given], durations]),
    )
    log_likelihoods = written.likelihoods
    if not np.isfinite(log_likelihoods).all():
        raise ValueError(
            f"{model.name}: what it gives are no finite numbers, for its weights are too large. "
            "Train it anew, with a smaller learning_rate."
        )
    return MelodyComposition(
        melody=melody,
        score=signed(encoding.decode(melody), model.name, task.seed),
        prompt_events=given,
        log_likelihoods=log_likelihoods,
        maps_of=functools.partial(model.attention_maps, answer=given if answers else None),
        seed=task.seed,
        model=model.name,
        prompt_report=begun.report if given > 1 else None,
        encoding=encoding,
    )
