"""The compiled loop that writes melodies: it carries the network's state from event to event.

A draw is the largest of `logit + temperature * g`, where g is Gumbel noise (Gumbel 1954; Maddison
et al. 2014): that is a draw from softmax(logits / temperature), and no temperature divides by zero.

Three things a model can't draw: a second start; an event that takes no time, or an end that takes
some; and, where a length was asked for, the end.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.history import append, first_history
from musegen.encoding.melody import END, FIRST_PITCH, START
from musegen.encoding.pitch_duration import FEATURE_SIZES


def run(
    model: Any,
    inputs: dict[str, Any],
    length: int,
    batch: int,
    top_k: int | None,
    top_p: bool,
) -> dict[str, np.ndarray]:
    """Runs the loop, compiled by XLA once for each shape, or eagerly if TensorFlow is to do so."""
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

            if not tf.config.functions_run_eagerly():
                # AutoGraph, of which there is nothing to convert, would write temporary files.
                compiled = tf.function(loop, jit_compile=True, autograph=False)
                loop = compiled.get_concrete_function(inputs)
        loops[key] = loop
    return {name: ops.convert_to_numpy(value) for name, value in loops[key](inputs).items()}


def _loop(
    model: Any,
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
    history = {name: ops.convert_to_tensor(values) for name, values in first_history(batch).items()}

    def see(time: Any, history: Any, position: Any, bar: Any, state: Any) -> Any:
        """What the model sees when `time` events have followed the start."""
        new = time + 1 >= inputs["given"]
        following = ops.minimum(time + 1, inputs["given"])
        places = {
            "position": ops.where(new, position, inputs["given_position"][following]),
            "bar": ops.where(new, bar, inputs["given_bar"][following]),
            "meter": inputs["meter"][following],
        }
        for name in ("position", "bar"):
            places[name] = ops.minimum(places[name], FEATURE_SIZES[name] - 1)
        return model.see(history, places, state, ops.equal(time + 1, inputs["answer"]))

    begun = model.initial_state(batch, length)
    state = {
        "time": ops.convert_to_tensor(0, "int32"),
        "pitch": inputs["pitch"],
        "duration": inputs["duration"],
        "likelihood": ops.zeros((length, batch, 2)),
        "history": history,
        "position": inputs["position"],
        "bar": inputs["bar"],
        "steps": ops.zeros((batch,), "int32"),
        "notes": ops.zeros((batch,), "int32"),
        "length": ops.zeros((batch,), "int32"),
        "model": see(0, history, inputs["position"], inputs["bar"], begun),
    }

    def goes_on(state: dict[str, Any]) -> Any:
        return ops.logical_and(state["time"] < length - 1, ops.any(ops.equal(state["length"], 0)))

    def step(state: dict[str, Any]) -> Any:
        time, history = state["time"], state["history"]
        new = time + 1 >= inputs["given"]
        noise = inputs["noise"][:, time]
        draw = (inputs["temperature"], top_k, inputs["top_p"] if top_p else None)
        chosen: dict[str, Any] = {}
        likelihood: list[Any] = []

        def choose(name: str, scores: Any) -> Any:
            if name == "pitch":
                given = model.view.symbol(history, inputs["pitch"][time + 1], ops)
                uniform = noise[:, : encoding.pitch_ids]
                ends = ops.logical_or(pitch_ids != END, inputs["may_end"])
                allowed = ops.logical_and(pitch_ids != START, ends)
            else:
                given, uniform = inputs["duration"][time + 1], noise[:, encoding.pitch_ids :]
                allowed = ops.equal(duration_ids == 0, (chosen["pitch"] == END)[:, None])
            ids = ops.where(new, _draw(scores, allowed, uniform, *draw), given)
            likelihood.append(ops.take_along_axis(scores, ids[:, None], axis=-1))
            chosen[name] = ids
            return ids

        model_state = model.step(history, state["model"], tables, choose)
        pitch = model.view.pitch(history, chosen["pitch"], ops)
        duration = chosen["duration"]

        took = ops.take(duration_steps, duration)
        written = ops.where(new, took, 0)
        position = state["position"] + written
        bar = state["bar"] + position // inputs["bar_steps"]
        position = position % inputs["bar_steps"]
        history = append(history, pitch, duration, took, ops)
        steps = state["steps"] + written
        notes = state["notes"] + ops.cast(ops.logical_and(new, pitch >= FIRST_PITCH), "int32")
        done = ops.logical_or(notes >= inputs["notes"], steps >= inputs["steps"])
        done = ops.logical_or(done, pitch == END)
        done = ops.logical_and(ops.logical_and(done, new), ops.equal(state["length"], 0))
        return {
            "time": time + 1,
            "pitch": _set_row(state["pitch"], time + 1, pitch),
            "duration": _set_row(state["duration"], time + 1, duration),
            "likelihood": _set_row(state["likelihood"], time, ops.concatenate(likelihood, axis=-1)),
            "history": history,
            "position": position,
            "bar": bar,
            "steps": steps,
            "notes": notes,
            "length": ops.where(done, time + 2, state["length"]),
            "model": see(time + 1, history, position, bar, model_state),
        }

    end = ops.while_loop(goes_on, step, state)
    return {name: end[name] for name in ("pitch", "duration", "likelihood", "length")}


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


def _set_row(rows: Any, index: Any, row: Any) -> Any:
    """Replaces one row, in place where the loop is compiled."""
    return ops.slice_update(rows, [index] + [0] * (len(rows.shape) - 1), row[None])
