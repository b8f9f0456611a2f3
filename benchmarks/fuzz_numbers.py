"""Numbers that nobody would give: ids at random, cells at random, draws at odd temperatures.

    decode_ids    arrays of pitch and duration ids, of which any give a score
    decode_rolls  piano rolls whose cells are 0, 1 and 2 at random
    draws         an id drawn from logits, at temperatures from 0 to 1e30 and beside every kind of
                  top_k and top_p

Each returns a `Found`, with every failure in words; of draws, a batch is an input. What comes out
is checked by other means than the library's own: a roll is compared with one that is put in order
by hand, a draw with what may be drawn in double precision. `benchmarks/reliability.py` runs all
three.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from measure import Found

TEMPERATURES = (0, 1e-300, 1e-30, 1e-6, 0.1, 1, 7, 1e6, 1e30)
TOP_K = (None, 1, 2, 40, 132)
TOP_P = (None, 1e-300, 1e-12, 0.5, 0.999, 1.0)


def decode_ids(count: int, seed: int) -> Found:
    """Decodes arrays of ids at random, writes, reads and encodes what comes of them.

    Args:
        count: How many arrays.
        seed: The seed.
    """
    from musegen.encoding import PitchDurationEncoding

    encodings = [
        PitchDurationEncoding(),
        PitchDurationEncoding(durations=(12, 24, 48)),
        PitchDurationEncoding(durations=(5, 7), program=127),
        PitchDurationEncoding(durations=(1, 65_535)),
    ]
    random = np.random.default_rng(seed)

    def one() -> None:
        encoding = encodings[random.integers(len(encodings))]
        _check_ids(encoding, _melody(encoding, random))

    return _each(one, count)


def decode_rolls(count: int, seed: int) -> Found:
    """Decodes piano rolls at random, writes, reads and encodes what comes of them.

    Args:
        count: How many rolls.
        seed: The seed.
    """
    from musegen.encoding.pianoroll import PianorollEncoding
    from musegen.encoding.roll import RollTrack

    tracks = (
        RollTrack("lead"),
        RollTrack("chords", program=127, voice="all"),
        RollTrack("drums", is_drum=True, voice="all"),
    )
    encodings = [
        PianorollEncoding(tracks, steps=4, lowest=60, pitches=5),
        PianorollEncoding(tracks[:2], steps=7, meter=(3, 4), lowest=0, pitches=12),
        PianorollEncoding(tracks[1:], steps=5, meter=(1, 128), lowest=127, pitches=1),
        PianorollEncoding(tracks[:1], steps=1, meter=(255, 1)),
    ]
    random = np.random.default_rng(seed)

    def one() -> None:
        encoding = encodings[random.integers(len(encodings))]
        _check_roll(encoding, _roll(encoding, random))

    return _each(one, count)


def draws(count: int, seed: int, top_k: Sequence[int | None] = TOP_K) -> Found:
    """Draws ids from logits of every kind, at odd temperatures.

    Args:
        count: How many draws at least; those of one temperature, `top_k` and `top_p` are a batch.
        seed: The seed.
        top_k: The numbers of likeliest ids to draw among.
    """
    settings = list(itertools.product(top_k, TOP_P, TEMPERATURES))
    rows = -(-count // len(settings))
    random = np.random.default_rng(seed)
    compiled: dict[tuple[int | None, bool], Callable[..., Any]] = {}
    failures, worst = [], 0.0
    for k, p, temperature in settings:
        way = (k, p is not None)
        if way not in compiled:
            compiled[way] = drawing(*way)
            compiled[way](*_logits(rows, random), temperature, p or 1)
        logits, uniform = _logits(rows, random)
        began = time.perf_counter()
        ids, likelihoods = compiled[way](logits, uniform, temperature, p or 1)
        worst = max(worst, time.perf_counter() - began)
        wrong = _wrong_draws(logits, ids, likelihoods, temperature, k, p)
        name = f"temperature={temperature:g}, top_k={k}, top_p={p}"
        failures += [f"{name}: {text}" for text in wrong]
    return Found(rows * len(settings), worst, failures=failures)


def drawing(top_k: int | None, top_p: bool) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Compiles the drawing of ids as sampling does.

    Args:
        top_k: The number of likeliest ids to draw among.
        top_p: Whether the function draws among the likeliest ids of some probability.

    Returns:
        A function of logits `(rows, ids)`, where -inf is what may not be drawn, uniform noise of
        the same shape, temperature and top_p, to ids and their log-likelihoods, `(rows,)` each.
    """
    import tensorflow as tf
    from keras import ops

    from musegen.sampling.loop import _draw, gumbel_of

    @tf.function(jit_compile=True, reduce_retracing=True)
    def both(logits: Any, uniform: Any, temperature: Any, p: Any) -> Any:
        allowed = logits > -float("inf")
        noise = gumbel_of(uniform)
        ids = _draw(logits, allowed, noise, temperature, top_k, p if top_p else None)
        chosen = ops.take_along_axis(ops.log_softmax(logits, axis=-1), ids[:, None], axis=-1)
        return ids, chosen[:, 0]

    def draw(logits: Any, uniform: Any, temperature: float, p: float) -> Any:
        # The types that sampling hands to its loop.
        ids, likelihoods = both(logits, uniform, np.float32(temperature), np.float32(p))
        return ids.numpy(), likelihoods.numpy()

    return draw


def _each(one: Callable[[], None], count: int) -> Found:
    """Does something so many times; whatever it raises is a failure."""
    failures, worst = [], 0.0
    for number in range(count):
        began = time.perf_counter()
        try:
            one()
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            failures.append(f"number {number}: {type(error).__name__}: {error}")
        worst = max(worst, time.perf_counter() - began)
    return Found(count, worst, failures=failures)


def _melody(encoding: Any, random: np.random.Generator) -> Any:
    """Ids at random, as a `Melody` or as a pair of arrays."""
    from musegen.encoding.melody import END, PITCH_IDS, REST, START, TIE, Melody

    length = int(random.choice([0, 1, 2, 3, 10, 40, 200]))
    kinds = (
        range(PITCH_IDS),
        (REST,),
        (TIE,),
        (START,),
        (END,),
        (START, REST, TIE, 4, PITCH_IDS - 1),
        (TIE, 64),
        (REST, TIE, 64, 65),
    )
    pitches = random.choice(kinds[random.integers(len(kinds))], length)
    last = encoding.duration_ids - 1
    kinds = (range(last + 1), range(1, last + 1), (0,), (last,), (0, 1, last))
    durations = random.choice(kinds[random.integers(len(kinds))], length)
    pitches, durations = (
        ids.astype(random.choice(["uint8", "int16", "int32", "int64", "uint64"]))
        for ids in (pitches, durations)
    )
    if random.random() < 0.5:
        return pitches, durations
    meters = ((4, 4), (3, 4), (6, 8), (7, 8), (5, 16), (1, 128), (255, 1))
    return Melody(
        pitches,
        durations,
        tempos=((0, int(random.integers(1, 2**24))), (int(random.integers(1, 500)), 400_000)),
        meters=((0, *meters[random.integers(len(meters))]), (int(random.integers(1, 500)), 2, 2)),
        pickup=int(random.choice([0, 1, 24, 95])),
    )


def _check_ids(encoding: Any, melody: Any) -> None:
    score = encoding.decode(melody)
    notes = score.tracks[0].notes.numpy()
    end = notes["time"] + notes["duration"]
    _require((notes["duration"] >= 1).all(), "a note takes no time")
    _require((notes["time"][1:] >= end[:-1]).all(), "two notes overlap")
    _require(len(notes["pitch"]) == 0 or notes["pitch"].min() >= 0, "a pitch is below 0")
    read = _written_and_read(score)
    _require(not len(end) or read == score, "the file holds another score")
    once = encoding.decode(encoding.encode(score))
    if 1 in encoding.durations:  # so that any length is a sum of the table's values
        _require(once == score, "encoding changes the score")
    _require(encoding.decode(encoding.encode(once)) == once, "encoding twice changes the score")


def _roll(encoding: Any, random: np.random.Generator) -> np.ndarray:
    """Cells at random, one at a time in monophonic tracks."""
    shape = encoding.shape(int(random.choice([0, 1, 2, 4])))
    share = random.choice([0, 0.02, 0.5, 1])
    array = random.integers(0, 3, shape) * (random.random(shape) < share)
    alone = (
        np.arange(encoding.pitches) == random.integers(0, encoding.pitches, shape[:2])[..., None]
    )
    array *= alone[..., None] | ~encoding.monophonic
    kind = random.choice(["bool", "uint8", "int8", "int64"])
    return array.astype(kind)


def _check_roll(encoding: Any, array: np.ndarray) -> None:
    score = encoding.decode(array)
    for track in score.tracks:
        _require((track.notes.numpy()["duration"] >= 1).all(), "a note takes no time")
    # What sounds after silence begins, and silent bars at the end are not kept.
    cells = array.astype(np.uint8).reshape(-1, *array.shape[2:])
    begins = cells == 1
    begins[1:] &= cells[:-1] == 0
    cells = np.where(begins, 2, cells).reshape(array.shape)
    sounding = np.flatnonzero(cells.any(axis=(1, 2, 3)))
    cells = cells[: sounding[-1] + 1 if len(sounding) else 0]
    for music in (score, _written_and_read(score), encoding.decode(cells)):
        found = np.asarray(encoding.encode(music))
        _require(np.array_equal(found, cells), "encoding gives another roll")


def _written_and_read(score: Any) -> Any:
    """A score as it is after it was written and read."""
    from musegen.midi import ReadLimits, midi_bytes, read_midi

    return read_midi(midi_bytes(score), ReadLimits(max_bars=2**28, max_hours=1e6))


def _require(holds: Any, otherwise: str) -> None:
    if not holds:
        raise ArithmeticError(otherwise)


def _logits(rows: int, random: np.random.Generator, ids: int = 132) -> tuple[Any, Any]:
    """Logits of five kinds, and the noise to draw with."""
    logits = random.normal(0, 3, (rows, ids))
    logits[0::5] *= 1e30  # huge
    logits[1::5] = logits[1::5, :1]  # all equal
    logits[2::5][random.random(logits[2::5].shape) < 0.5] = -np.inf  # some may not be drawn
    logits[3::5, 1:] = -np.inf  # only one may
    logits[2::5, 0] = 0
    uniform = random.random((rows, ids), np.float32)
    uniform[::7, ::3] = 0  # as it is once in 2^24
    return logits.astype(np.float32), uniform


def _wrong_draws(
    logits: np.ndarray,
    ids: np.ndarray,
    likelihoods: np.ndarray,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> Iterator[str]:
    """What is wrong with draws, computed anew in double precision."""
    if not np.isfinite(likelihoods).all():
        yield "a log-likelihood is no finite number"
    if not (ids.min() >= 0 and ids.max() < logits.shape[1]):
        yield "an id is none"
        return
    exact = logits.astype(float)
    chosen = np.take_along_axis(exact, ids[:, None], axis=1)
    likeliest = exact.max(axis=1, keepdims=True)
    if np.isneginf(chosen).any():
        yield "an id may not be drawn"
    if top_k is not None:
        if ((exact > chosen).sum(axis=1) >= top_k).any():
            yield "an id is not among the likeliest"
        lowest = -np.partition(-exact, top_k - 1, axis=1)[:, top_k - 1 : top_k]
        exact = np.where(exact < lowest, -np.inf, exact)
    # The noise spans less than 22: from -log(-log(1e-30)) to -log(-log(1 - 2^-24)).
    slack = 22 * temperature + 1e-6 * np.abs(likeliest)
    if (chosen < likeliest - slack).any():
        yield "an id is further from the likeliest than the noise reaches"
    if top_p is not None:
        weights = np.exp((exact - likeliest) / max(temperature, 1e-30))
        probabilities = weights / weights.sum(axis=1, keepdims=True)
        own = np.take_along_axis(probabilities, ids[:, None], axis=1)
        # What is likelier by more than rounding makes up less than top_p.
        before = np.where(probabilities > own * (1 + 1e-5), probabilities, 0).sum(axis=1)
        if (before >= top_p + 1e-5).any():
            yield "an id is beyond those that make up top_p"
