"""Batches of pieces in several voices: what the compiled loop takes of them, and what it gives.

A piece whose length is given is written several times. A second run of the loop, in which all is
kept and nothing was told, says how likely the model is to end each there, and one is drawn in
proportion to that. So the piece comes to a close, by the model's own judgement of what one is:
sampling importance resampling (Rubin 1987), with the pieces that know their length as proposals and
the probability of the end alone as weights. As of melodies (`musegen.sampling.ending`), whether it
is one that ends on the tonic is drawn before, and besides whether in the key of its beginning. A
piece that the model ends itself is written until it ends as was drawn.
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
from musegen.encoding.tonic import voices_come_home, voices_keep_their_key
from musegen.encoding.voices import SILENCE, Voices
from musegen.sampling.ending import draw as draw_one
from musegen.sampling.ending import is_wanted, unlike
from musegen.sampling.requests import BATCHES
from musegen.sampling.wishes import Wishes
from musegen.sampling.writer import NEVER

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
        seed: Its seed, which its draws depend on.
        number: Its number among those of that seed; likewise.
        temperature: How wildly it is drawn.
        wishes: What is asked of it besides.
        tries: How often it is written; at most, where the model may end it.
        least: Steps after which the model may end it; if None, it knows its length.
    """

    music: Voices
    mask: NDArray[np.bool_]
    seed: int
    number: int
    temperature: float = 1.0
    wishes: Wishes = dataclasses.field(default_factory=Wishes)
    tries: int = 1
    least: int | None = None

    @property
    def may_end(self) -> bool:
        """Whether the model may end it before its last step."""
        return self.least is not None


def write(
    model: Any,
    tasks: Iterable[Task],
    top_k: int | None,
    top_p: float | None,
    avoid: tuple[str, ...],
    bounds: NDArray[np.int32] | None,
) -> list[VoicesComposition | None]:
    """Writes pieces, as many at a time as fit into a batch; the arguments are those of `sample`.

    `bounds` are those of the voices of all pieces (`Wishes.bounds`).

    Of a piece that is written several times, those are drawn among that are as asked for. If none
    is, it is None.
    """
    draw: dict[str, Any] = {"top_p": np.float32(1 if top_p is None else top_p)}
    if bounds is not None:
        draw["bounds"] = bounds
    rules = top_k, top_p is not None, avoid
    rows = (
        (place, task, attempt)
        for place, task in enumerate(tasks)
        for attempt in range(1 if task.may_end else task.tries)
    )
    again: list[tuple[int, Task, int]] = []
    pieces: dict[int, VoicesComposition | None] = {}
    tried: dict[int, list[tuple[VoicesComposition, float, list[bool | None]]]] = {}
    size = 0  # no smaller batch than the one before, which would be compiled anew
    while batch := list(itertools.islice(itertools.chain(again, rows), BATCHES[-1])):
        again = again[len(batch) :]
        longest = max(len(task.music) for _, task, _ in batch)
        most = max(1, MAX_NOISE // (longest * model.encoding.voices * vh.SYMBOLS))
        for first in range(0, len(batch), most):
            part = batch[first : first + most]
            size = max(size, next(size for size in BATCHES if size >= len(part)))
            tries = [(task, attempt) for _, task, attempt in part]
            for (place, task, attempt), (piece, close) in zip(
                part, _batch(model, tries, draw, rules, size)
            ):
                random = np.random.default_rng([task.seed, task.number, 4])
                wanted = [is_wanted(one, random) for one in (model.tonic_share, model.key_share)]
                ends = _ends(piece.music, model.encoding.steps_per_quarter)
                wished, these = task.wishes.fulfilled(piece), tried.setdefault(place, [])
                if wished is not None:
                    these.append((wished, close, ends))
                ended = len(piece.music) < len(task.music) and not any(unlike(ends, wanted))
                good = task.may_end and wished is not None and ended
                if good or attempt == task.tries - 1:
                    del tried[place]
                    pieces[place] = None
                    if these:
                        written, nats, each = zip(*these)
                        pieces[place] = written[draw_one(nats, each, wanted, random)]
                elif task.may_end:
                    again.append((place, task, attempt + 1))
    return [pieces[place] for place in sorted(pieces)]


def _ends(music: Voices, steps_per_quarter: int) -> list[bool | None]:
    """Returns whether music ends on the tonic, and whether in the key of its beginning."""
    pitches = music.pitches
    return [voices_come_home(pitches), voices_keep_their_key(pitches, steps_per_quarter)]


def _batch(
    model: Any, rows: list[tuple[Task, int]], draw: dict[str, Any], rules: Any, size: int
) -> list[tuple[VoicesComposition, float]]:
    """Writes a batch of `size`; returns each piece, and the log-likelihood of its end there."""
    from musegen.sampling.voice_loop import run  # imports Keras

    encoding, tasks = model.encoding, [task for task, _ in rows]
    length = -(-(max(len(task.music) for task in tasks) + 1) // LENGTH_STEP) * LENGTH_STEP
    noise = np.zeros((length, size, encoding.voices, vh.SYMBOLS), np.float32)
    end_noise = np.zeros((length, size), np.float32)
    for row, (task, attempt) in enumerate(rows):
        steps = len(task.music)
        random = np.random.default_rng([task.seed, task.number, 0, attempt])
        noise[:steps, row] = random.random((steps, *noise.shape[2:]), np.float32)
        random = np.random.default_rng([task.seed, task.number, 2, attempt])
        end_noise[:steps, row] = random.random(steps, np.float32)
    filled = [tasks[min(row, len(tasks) - 1)] for row in range(size)]
    temperature = np.array([task.temperature for task in filled], np.float32)
    draw = {**draw, "temperature": temperature, "noise": noise, "end_noise": end_noise}
    told = {  # of each task once, whose tries have it in common
        id(task): nothing_given(*task.mask.shape) if task.may_end else given(task.music, task.mask)
        for task in {id(task): task for task in tasks}.values()
    }
    of_rows = [told[id(task)] for task in filled]
    written = run(model, {**draw, **_inputs(model, filled, of_rows, length)}, *rules)
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
                score=signed(encoding.decode(music), model.name, task.seed),
                seed=task.seed,
                model=model.name,
                music=music,
                given=task.mask[:steps],
                log_likelihoods=np.where(task.mask[:steps], 0, nats),
                encoding=encoding,
            )
        )
    closes = np.zeros(len(tasks))
    if any(task.tries > 1 and not task.may_end for task in tasks):
        whole = [pieces[min(row, len(pieces) - 1)].music for row in range(size)]
        done = [Task(music, np.ones(music.pitches.shape, bool), 0, 0) for music in whole]
        silent = [nothing_given(*task.mask.shape) for task in done]
        judged = run(model, {**draw, **_inputs(model, done, silent, length)}, *rules)
        for row, task in enumerate(tasks):
            if not task.may_end:
                closes[row] = judged["end_likelihood"][len(task.music), row]
    return list(zip(pieces, closes.tolist()))


def _inputs(model: Any, tasks: list[Task], told: list[Any], length: int) -> dict[str, Any]:
    """What the loop takes of some pieces, `(length, batch, ...)`, and of each one `(batch,)`.

    And which voices are to be written in any of them, `"free"`, `(voices,)`.
    """
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
            "least": NEVER if task.least is None else task.least,
        }
        for name, value in of_piece.items():
            found.setdefault(name, []).append(value)
    free = np.any([~task.mask.all(axis=0) for task in tasks], axis=0)
    return {"free": free} | {
        name: np.stack(values, axis=1 if np.ndim(values[0]) else 0)
        for name, values in found.items()
    }
