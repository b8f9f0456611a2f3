"""Batches of pieces in several voices: what the compiled loop takes of them, and what it gives.

A piece whose length is given is written several times. A second run of the loop, in which all is
kept and nothing was told, says how likely the model is to end each there, and one is drawn in
proportion to that. So the piece comes to a close, by the model's own judgement of what one is:
sampling importance resampling (Rubin 1987), with the pieces that know their length as proposals and
the probability of the end alone as weights.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.composition import VoicesComposition, signed
from musegen.encoding import voice_history as vh
from musegen.encoding.given import given, nothing_given
from musegen.encoding.voices import SILENCE, Voices

BATCHES = (1, 8, 64)
"""Rows of a batch: it is filled up to one of these, each of which is compiled once."""

MAX_NOISE = 2**26
"""Random numbers for a batch: of long pieces fewer are written at a time."""

LENGTH_STEP = 128
"""Lengths are rounded up to a multiple, because every new length compiles the loop once more."""


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """A piece to write.

    Attributes:
        music: Its meter, pickup, tempo and length, and the notes that are kept.
        mask: Which cells are kept, `(steps, voices)`.
        number: Its number, which its draws depend on.
        tries: How often it is written.
        may_end: Whether the model may end it before its last step; else it knows its length.
    """

    music: Voices
    mask: NDArray[np.bool_]
    number: int
    tries: int = 1
    may_end: bool = False


def write(
    model: Any,
    tasks: Iterable[Task],
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    avoid: tuple[str, ...],
    seed: int,
) -> list[VoicesComposition]:
    """Writes pieces, as many at a time as fit into a batch; the arguments are those of `sample`."""
    draw = {
        "temperature": np.float32(temperature),
        "top_p": np.float32(1 if top_p is None else top_p),
    }
    rules = top_k, top_p is not None, avoid
    rows = ((task, attempt) for task in tasks for attempt in range(task.tries))
    pieces: list[VoicesComposition] = []
    best: dict[int, tuple[float, VoicesComposition]] = {}
    while batch := list(itertools.islice(rows, BATCHES[-1])):
        longest = max(len(task.music) for task, _ in batch)
        most = max(1, MAX_NOISE // (longest * model.encoding.voices * vh.SYMBOLS))
        for first in range(0, len(batch), most):
            part = batch[first : first + most]
            for (task, attempt), (piece, close) in zip(
                part, _batch(model, part, draw, rules, seed)
            ):
                # The largest of log-weights with Gumbel noise is a draw by the weights.
                random = np.random.default_rng([seed, task.number, 4, attempt])
                score = close + random.gumbel()
                if task.number not in best or score > best[task.number][0]:
                    best[task.number] = score, piece
                if attempt == task.tries - 1:
                    pieces.append(best.pop(task.number)[1])
    return pieces


def _batch(
    model: Any, rows: list[tuple[Task, int]], draw: dict[str, Any], rules: Any, seed: int
) -> list[tuple[VoicesComposition, float]]:
    """Writes a batch; returns each piece, and how likely the model is to end it there, in nats."""
    from musegen.sampling.voice_loop import run  # imports Keras

    encoding, tasks = model.encoding, [task for task, _ in rows]
    length = -(-(max(len(task.music) for task in tasks) + 1) // LENGTH_STEP) * LENGTH_STEP
    size = next(size for size in BATCHES if size >= len(rows))
    noise = np.zeros((length, size, encoding.voices, vh.SYMBOLS), np.float32)
    end_noise = np.zeros((length, size), np.float32)
    for row, (task, attempt) in enumerate(rows):
        steps = len(task.music)
        random = np.random.default_rng([seed, task.number, 0, attempt])
        noise[:steps, row] = random.random((steps, *noise.shape[2:]), np.float32)
        random = np.random.default_rng([seed, task.number, 2, attempt])
        end_noise[:steps, row] = random.random(steps, np.float32)
    draw = {**draw, "noise": noise, "end_noise": end_noise}
    filled = [tasks[min(row, len(tasks) - 1)] for row in range(size)]
    told = [
        nothing_given(*task.mask.shape) if task.may_end else given(task.music, task.mask)
        for task in filled
    ]
    written = run(model, {**draw, **_inputs(model, filled, told, length)}, *rules)
    pieces = []
    for row, task in enumerate(tasks):
        steps = int(written["length"][row])
        nats = written["likelihood"][:steps, row]
        if not np.isfinite(nats).all():
            raise ValueError(
                f"{model.name}: what it gives are no finite numbers, for its weights are too "
                "large. Train it anew, with a smaller learning_rate."
            )
        music = dataclasses.replace(
            task.music,
            pitches=written["pitch"][:steps, row],
            struck=written["symbol"][:steps, row] >= vh.FIRST,
        )
        pieces.append(
            VoicesComposition(
                score=signed(encoding.decode(music), model.name, seed),
                seed=seed,
                model=model.name,
                music=music,
                given=task.mask[:steps],
                log_likelihoods=np.where(task.mask[:steps], 0, nats),
                encoding=encoding,
            )
        )
    closes = np.zeros(len(tasks))
    if any(task.tries > 1 for task in tasks):
        whole = [pieces[min(row, len(pieces) - 1)].music for row in range(size)]
        done = [Task(music, np.ones(music.pitches.shape, bool), 0) for music in whole]
        silent = [nothing_given(*task.mask.shape) for task in done]
        judged = run(model, {**draw, **_inputs(model, done, silent, length)}, *rules)
        for row, task in enumerate(tasks):
            closes[row] = judged["end_likelihood"][len(task.music), row]
    return list(zip(pieces, closes.tolist()))


def _inputs(model: Any, tasks: list[Task], told: list[Any], length: int) -> dict[str, Any]:
    """What the loop takes of some pieces, `(length, batch, ...)`, and of each one `(batch,)`."""
    found: dict[str, list[Any]] = {}
    for task, each in zip(tasks, told):
        steps = len(task.music)
        columns = {
            **model.encoding.places(task.music, length),
            "mask": each.mask,
            "kept": task.mask,
            "pitch": np.where(task.mask, task.music.pitches, SILENCE),
            "struck": task.mask & task.music.struck,
            "next": each.next,
            "read": each.read,
            "there": np.ones(steps, np.int32),
        }
        for name, values in columns.items():
            filled = np.zeros((length, *values.shape[1:]), np.int32)
            if name == "next":
                filled[..., 0] = -1  # after the last step nothing is given
            filled[: len(values)] = values
            found.setdefault(name, []).append(filled)
        of_piece = {
            "tonic": each.key,
            "anything": each.anything,
            "steps": steps,
            "may_end": task.may_end,
        }
        for name, value in of_piece.items():
            found.setdefault(name, []).append(value)
    return {
        name: np.stack(values, axis=1 if np.ndim(values[0]) else 0)
        for name, values in found.items()
    }
