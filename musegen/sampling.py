"""Writing music with a trained melody model: one compiled loop that carries the model's state.

Every event is drawn pitch first, then duration, from the model's two softmax heads. A draw is the
largest of `logit + temperature * g`, where g is Gumbel noise (Gumbel 1954; Maddison et al. 2014):
that is a draw from softmax(logits / temperature), and no temperature divides by zero. The noise
comes from numpy's generator, seeded by the seed and the number of the piece, so that the same seed
gives the same music on every version of Python.

Three things a model can't draw: a second start; an event that takes no time, or an end that takes
some; and, where a length was asked for, the end.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen._checks import (
    checked_int,
    checked_kind,
    checked_number,
    checked_positive,
    seed_or_drawn,
    shown,
)
from musegen.composition import MelodyComposition
from musegen.encoding.pitch_duration import (
    END,
    FEATURE_SIZES,
    FIRST_PITCH,
    METERS,
    START,
    Melody,
    bar_steps,
)
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.models.melody_model import MelodyModel

# A piece that the model may end itself is given up after so many events.
MAX_EVENTS = 1024
MAX_BATCH = 64


def sample(
    model: MelodyModel,
    notes: int | None = 64,
    bars: int | None = None,
    count: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    prompt: MusicLike | None = None,
    meter: tuple[int, int] | None = None,
    tempo: float | None = None,
) -> MelodyComposition | list[MelodyComposition]:
    """Writes new melodies.

    Args:
        model: A model of melodies, such as `AttentionLSTM`.
        notes: How many notes to write, 1 to 100,000; rests and ties are not counted. If `notes` and
            `bars` are both None, the model ends the piece itself.
        bars: How many bars to write, 1 to 4,096, instead of `notes`. A pickup is no bar of its own;
            a bar that the prompt has begun is. A last note that is too long is cut to
            the longest value that fits.
        count: How many pieces, 1 to 100,000.
        temperature: 0 to 10^30: 0 always takes the likeliest event, 1 draws as the model says, more
            is wilder.
        top_k: Draws among this many likeliest ids only, at least 1.
        top_p: Draws among the likeliest ids only that make up this much probability, above 0 to 1
            (Holtzman et al. 2020).
        seed: 0 to 2^63 - 1; drawn if None. The same seed writes the same music.
        prompt: Music to go on from: a path, bytes, a score, or anything else that `to_score` takes.
        meter: Numerator and denominator, one of those in `METERS`, such as `(3, 4)`; drawn as in
            the training data if None. A prompt has its own.
        tempo: Quarter notes a minute, 4 to 1,000; as in the training data, or the prompt, if None.

    Returns:
        The piece, or a list of them where `count` is more than 1. Each may have fewer notes than
        asked for only if the model wrote hardly anything but rests.

    Raises:
        ValueError: If an argument is out of its range.
        TypeError: If the prompt is no music.
        MidiError: If the prompt can't be read.
    """
    checked_kind("model", model, MelodyModel, "a model of melodies, such as AttentionLSTM")
    if notes is not None:
        notes = checked_int("notes", notes, 1, 100_000)
    if bars is not None:
        notes, bars = None, checked_int("bars", bars, 1, 4096)
    count = checked_int("count", count, 1, 100_000)
    temperature = checked_number("temperature", temperature, 0, 1e30)
    if top_k is not None:
        vocabulary = max(model.encoding.pitch_ids, model.encoding.duration_ids)
        top_k = min(checked_int("top_k", top_k, 1), vocabulary)
    if top_p is not None:
        top_p = checked_positive("top_p", top_p, 1)
    if top_p == 1:
        top_p = None
    if meter is not None:
        meter = _checked_meter(meter)
    if tempo is not None:
        tempo = checked_number("tempo", tempo, 4, 1000)
    seed = seed_or_drawn(seed)

    given = None if prompt is None else model.encoding.encode(score_of("prompt", prompt))
    pieces: list[MelodyComposition] = []
    for first in range(0, count, MAX_BATCH):
        numbers = range(first, min(first + MAX_BATCH, count))
        begun = _beginnings(model, given, meter, tempo, seed, numbers)
        pieces += _write(model, begun, notes, bars, temperature, top_k, top_p, seed, numbers)
    return pieces if count > 1 else pieces[0]


def _checked_meter(meter: Any) -> tuple[int, int]:
    """Returns a meter if it is in the table of those that models know, else raises."""
    pair = tuple(meter) if isinstance(meter, (tuple, list)) else ()
    whole = all(isinstance(value, (int, np.integer)) for value in pair)
    if not (whole and pair in METERS):
        allowed = ", ".join(f"({known[0]}, {known[1]})" for known in METERS if known)
        raise ValueError(f"meter={shown(meter)}: choose one of {allowed}.")
    return int(pair[0]), int(pair[1])


def _beginnings(
    model: MelodyModel,
    prompt: Melody | None,
    meter: tuple[int, int] | None,
    tempo: float | None,
    seed: int,
    numbers: range,
) -> list[Melody]:
    """What each piece begins with: the prompt, or nothing yet in a meter that is drawn."""
    microseconds = None if tempo is None else round(60e6 / tempo)
    if prompt is not None:
        if microseconds is not None:
            prompt = dataclasses.replace(prompt, tempos=((0, microseconds),))
        return [prompt] * len(numbers)
    openings = [o for o in model.openings if meter is None or tuple(o[:2]) == meter]
    if meter is not None and not openings:
        openings = [(*meter, 0, 500_000, 1)]
    openings = openings or [(4, 4, 0, 500_000, 1)]
    weights = np.array([opening[4] for opening in openings], float)
    melodies = []
    for number in numbers:
        random = np.random.default_rng([seed, number, 1])
        numerator, denominator, pickup, stated, _ = openings[
            random.choice(len(openings), p=weights / weights.sum())
        ]
        melodies.append(
            Melody(
                pitches=np.array([START, END], np.int32),
                durations=np.zeros(2, np.int32),
                tempos=((0, microseconds or stated),),
                meters=((0, numerator, denominator),),
                pickup=pickup,
            )
        )
    return melodies


def _write(
    model: MelodyModel,
    begun: list[Melody],
    notes: int | None,
    bars: int | None,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    numbers: range,
) -> list[MelodyComposition]:
    """Goes on from what is begun, a batch of pieces at once."""
    encoding = model.encoding
    given = len(begun[0]) - 1  # events that are not to be written; the end is
    places = [encoding.places(melody) for melody in begun]
    bar = np.array([bar_steps(*melody.meters[-1][1:]) for melody in begun])
    position = np.array([place["position"][-1] for place in places])
    steps = np.full(len(begun), 2**30)
    likely, most = 192, MAX_EVENTS
    if notes is not None:
        likely, most = notes + 16, 4 * notes + 64
    if bars is not None:
        # Steps that may be written; a pickup before the first bar comes on top.
        pickup = np.array([given == 1 and melody.pickup > 0 for melody in begun])
        steps = (bars + pickup) * bar - position
        likely, most = 16 * bars, int(steps.max())

    request = {
        "given": np.int32(given),
        "position": position,
        "bar": np.array([place["bar"][-1] for place in places]),
        "bar_steps": bar,
        "steps": steps,
        "notes": np.int32(notes or 2**30),
        "may_end": np.bool_(notes is None and bars is None),
        "temperature": np.float32(temperature),
        "top_p": np.float32(top_p or 1),
    }
    # A longer loop draws the same events first, so one that turns out too short is run again.
    events = min(likely, most)
    while True:
        length = -(-(given + 1 + events) // 32) * 32
        inputs = {
            **request,
            "pitch": _rows([melody.pitches for melody in begun], length),
            "duration": _rows([melody.durations for melody in begun], length),
            "meter": _rows([place["meter"] for place in places], length),
            "given_position": _rows([place["position"] for place in places], length),
            "given_bar": _rows([place["bar"] for place in places], length),
            "noise": _noise(seed, numbers, length, encoding.pitch_ids + encoding.duration_ids),
        }
        results = _run(model, inputs, length, len(begun), top_k, top_p is not None)
        lengths = results["length"]
        if lengths.all() or events == most:
            break
        events = min(2 * events, most)
    lengths = np.where(lengths == 0, length, lengths)
    return [
        _composition(
            model,
            melody,
            {name: values[: lengths[i], i] for name, values in results.items() if values.ndim > 1},
            int(steps[i]),
            given,
            seed,
        )
        for i, melody in enumerate(begun)
    ]


def _rows(values: list[Any], length: int) -> np.ndarray:
    """Arrays of equal length as the columns of one, padded to `(length, batch)`."""
    columns = np.stack(values, axis=1)
    return np.pad(columns, ((0, length - len(columns)), (0, 0))).astype(np.int32)


def _noise(seed: int, numbers: range, length: int, ids: int) -> np.ndarray:
    """Uniform noise `(batch, length, ids)`; a longer one begins with the shorter one."""
    noise = np.empty((len(numbers), length, ids), np.float32)
    for row, number in zip(noise, numbers, strict=True):
        np.random.default_rng([seed, number, 0]).random(dtype=np.float32, out=row)
    return noise


def _composition(
    model: MelodyModel,
    begun: Melody,
    written: dict[str, np.ndarray],
    steps: int,
    given: int,
    seed: int,
) -> MelodyComposition:
    encoding = model.encoding
    durations = written["duration"].copy()
    excess = int(encoding.steps[durations[given:]].sum()) - steps
    if excess > 0:  # the last event goes past the last bar line
        left = encoding.steps[durations[-1]] - excess
        durations[-1] = max(1, np.searchsorted(encoding.steps, left, side="right") - 1)
    melody = dataclasses.replace(begun, pitches=written["pitch"].copy(), durations=durations)
    log_likelihoods = written["likelihood"][given - 1 : -1]
    if not np.isfinite(log_likelihoods).all():
        raise ValueError(
            f"{model.name}: what it gives are no finite numbers, for its weights are too large. "
            "Train it anew, with a smaller learning_rate."
        )
    rows = model.attend.attention_rows(written["records"][:-1])
    return MelodyComposition(
        melody=melody,
        score=encoding.decode(melody),
        prompt_events=given,
        log_likelihoods=log_likelihoods,
        attention=rows[:, given - 1 :].astype(np.float32),
        seed=seed,
        model=model.name,
        prompt_report=begun.report if given > 1 else None,
        encoding=encoding,
    )


def _run(
    model: MelodyModel,
    inputs: dict[str, Any],
    length: int,
    batch: int,
    top_k: int | None,
    top_p: bool,
) -> dict[str, np.ndarray]:
    """Runs the loop, compiled by XLA, once for each shape."""
    inputs = {
        name: ops.convert_to_tensor(value.astype(np.int32) if value.dtype.kind == "i" else value)
        for name, value in inputs.items()
    }
    key = (length, batch, top_k, top_p)
    loops = model.sampling_loops
    if key not in loops:

        def loop(inputs: dict[str, Any]) -> Any:
            return _loop(model, length, batch, top_k, top_p, inputs)

        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            loop = tf.function(loop, jit_compile=True).get_concrete_function(inputs)
        loops[key] = loop
    return {name: ops.convert_to_numpy(value) for name, value in loops[key](inputs).items()}


def _loop(
    model: MelodyModel,
    length: int,
    batch: int,
    top_k: int | None,
    top_p: bool,
    inputs: dict[str, Any],
) -> Any:
    """Reads event `time`, writes event `time + 1`, until every piece is done."""
    encoding = model.encoding
    duration_steps = ops.convert_to_tensor(encoding.steps.astype("int32"))
    pitch_ids = ops.arange(encoding.pitch_ids)
    duration_ids = ops.arange(encoding.duration_ids)
    tables = model.step_tables()
    state = {
        "time": ops.convert_to_tensor(0, "int32"),
        "pitch": inputs["pitch"],
        "duration": inputs["duration"],
        "likelihood": ops.zeros((length, batch, 2)),
        "records": ops.zeros((length, batch, *model.attend.record_shape)),
        "position": inputs["position"],
        "bar": inputs["bar"],
        "steps": ops.zeros((batch,), "int32"),
        "notes": ops.zeros((batch,), "int32"),
        "length": ops.zeros((batch,), "int32"),
        "model": model.initial_state(batch, length),
    }

    def goes_on(state: dict[str, Any]) -> Any:
        return ops.logical_and(state["time"] < length - 1, ops.any(ops.equal(state["length"], 0)))

    def step(state: dict[str, Any]) -> Any:
        time = state["time"]
        new = time + 1 >= inputs["given"]
        following = ops.minimum(time + 1, inputs["given"])
        ids = {
            "pitch": state["pitch"][time],
            "duration": state["duration"][time],
            "position": ops.where(new, state["position"], inputs["given_position"][following]),
            "bar": ops.where(new, state["bar"], inputs["given_bar"][following]),
            "meter": inputs["meter"][following],
        }
        for name in ("position", "bar"):
            ids[name] = ops.minimum(ids[name], FEATURE_SIZES[name] - 1)
        logits, model_state, record = model.step(ids, state["model"], time, tables)

        noise = inputs["noise"][:, time]
        draw = (inputs["temperature"], top_k, inputs["top_p"] if top_p else None)
        allowed = ops.logical_and(
            pitch_ids != START, ops.logical_or(pitch_ids != END, inputs["may_end"])
        )
        pitch = _draw(logits["pitch"], allowed, noise[:, : encoding.pitch_ids], *draw)
        allowed = ops.equal(duration_ids == 0, (pitch == END)[:, None])
        duration = _draw(logits["duration"], allowed, noise[:, encoding.pitch_ids :], *draw)
        pitch = ops.where(new, pitch, inputs["pitch"][time + 1])
        duration = ops.where(new, duration, inputs["duration"][time + 1])
        likelihood = [
            _log_probability(logits["pitch"], pitch),
            _log_probability(logits["duration"], duration),
        ]

        took = ops.where(new, ops.take(duration_steps, duration), 0)
        position = state["position"] + took
        steps = state["steps"] + took
        notes = state["notes"] + ops.cast(ops.logical_and(new, pitch >= FIRST_PITCH), "int32")
        done = ops.logical_or(notes >= inputs["notes"], steps >= inputs["steps"])
        done = ops.logical_or(done, pitch == END)
        done = ops.logical_and(ops.logical_and(done, new), ops.equal(state["length"], 0))
        return {
            "time": time + 1,
            "pitch": _set_row(state["pitch"], time + 1, pitch),
            "duration": _set_row(state["duration"], time + 1, duration),
            "likelihood": _set_row(state["likelihood"], time, ops.stack(likelihood, axis=-1)),
            "records": _set_row(state["records"], time, record),
            "position": position % inputs["bar_steps"],
            "bar": state["bar"] + position // inputs["bar_steps"],
            "steps": steps,
            "notes": notes,
            "length": ops.where(done, time + 2, state["length"]),
            "model": model_state,
        }

    end = ops.while_loop(goes_on, step, state)
    return {name: end[name] for name in ("pitch", "duration", "likelihood", "records", "length")}


def _draw(
    logits: Any, allowed: Any, uniform: Any, temperature: Any, top_k: int | None, top_p: Any
) -> Any:
    """Draws one id a row; `logits` and `uniform` are `(batch, ids)`."""
    logits = ops.where(allowed, logits, -float("inf"))
    if top_k is not None:
        lowest = ops.top_k(logits, min(top_k, logits.shape[-1]))[0][:, -1:]
        logits = ops.where(logits < lowest, -float("inf"), logits)
    if top_p is not None:
        scaled = (logits - ops.max(logits, axis=-1, keepdims=True)) / ops.maximum(
            temperature, 1e-30
        )
        ordered = ops.flip(ops.sort(ops.softmax(scaled, axis=-1), axis=-1), axis=-1)
        before = ops.cumsum(ordered, axis=-1) - ordered
        kept = ops.sum(ops.cast(before < top_p, "int32"), axis=-1, keepdims=True)
        kept = ops.maximum(kept, 1)  # where top_p is 0 in single precision
        least = ops.take_along_axis(ordered, kept - 1, axis=-1)
        logits = ops.where(ops.softmax(scaled, axis=-1) < least, -float("inf"), logits)
    gumbel = -ops.log(-ops.log(ops.maximum(uniform, 1e-30)))
    return ops.cast(ops.argmax(logits + temperature * gumbel, axis=-1), "int32")


def _log_probability(logits: Any, ids: Any) -> Any:
    chosen = ops.take_along_axis(ops.log_softmax(logits, axis=-1), ids[:, None], axis=-1)
    return chosen[:, 0]


def _set_row(rows: Any, index: Any, row: Any) -> Any:
    """Replaces one row; as a choice between two arrays, which every engine compiles well."""
    shape = (-1,) + (1,) * (len(rows.shape) - 1)
    chosen = ops.reshape(ops.equal(ops.arange(rows.shape[0]), index), shape)
    return ops.where(chosen, row[None], rows)
