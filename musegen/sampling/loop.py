"""The compiled loop that reads and writes melodies: it carries what is known from chunk to chunk.

A *chunk* is a run of at most so many events, of all rows of a batch at once. Of each row the first
events may be given, and are read; those after them are drawn. What a chunk leaves behind is a
*state*, which the next chunk goes on from: of the same rows, or of others that are copies of some
(`copies`). So a prompt is read once, in time in proportion to its length, and several
continuations are written from one point.

A draw is the largest of `logit + temperature * g`, where g is Gumbel noise (Gumbel 1954; Maddison
et al. 2014): that is a draw from softmax(logits / temperature), and no temperature divides by zero.

What can't be drawn: a second start; an event that takes no time, or an end that takes some; what
lasts longer than there is room; a pitch that is not allowed; and the end, but where it may come.
"""

from __future__ import annotations

import threading
from typing import Any

import keras
import numpy as np
from keras import ops

from musegen.encoding.history import append, first_history
from musegen.encoding.melody import END, FIRST_PITCH, START
from musegen.encoding.pitch_duration import FEATURE_SIZES

COMPILING = threading.Lock()
"""Held by the thread that compiles a loop; the others, which may need the same, wait."""

PLACES = ("position", "bar", "meter")


def first_state(model: Any, batch: int, length: int, places: dict[str, Any]) -> Any:
    """Returns the state before the first event.

    Args:
        model: The model.
        batch: Rows.
        length: Events that the state has room for; beyond, see `grown`.
        places: Where the first event falls: `"position"`, `"bar"` and `"meter"`, `(batch,)` each.
    """
    key = ("first", batch, length)
    if key not in model.sampling_loops:
        history = {name: ops.convert_to_tensor(row) for name, row in first_history(batch).items()}
        begun = model.initial_state(batch, length)
        begun["ids"] = ops.zeros((batch, len(model.embeddings)), "int32")
        zeros = ops.zeros((batch,), "int32")
        model.sampling_loops[key] = {
            "time": ops.convert_to_tensor(0, "int32"),
            "history": history,
            "steps": zeros,
            "notes": zeros,
            "done": ops.zeros((batch,), "bool"),
            "model": begun,
        }
    whole = {name: ops.convert_to_tensor(np.asarray(places[name], np.int32)) for name in PLACES}
    return {**model.sampling_loops[key], **whole}


def copies(state: Any, rows: Any) -> Any:
    """Returns a state of which each row is a copy of one of another state's.

    Args:
        state: The state.
        rows: Which row each is a copy of, whole numbers, `(new batch,)`.
    """
    rows = ops.convert_to_tensor(np.asarray(rows, np.int32))
    return keras.tree.map_structure(
        lambda one: ops.take(one, rows, axis=0) if len(one.shape) else one, state
    )


def grown(model: Any, state: Any, length: int) -> Any:
    """Returns a state with room for more events; for no more than it had room for are in it."""
    batch = state["steps"].shape[0]
    new = {**state["model"], **model.initial_state(batch, length)}

    def put(old: Any, there: Any) -> Any:
        if old.shape == there.shape:
            return old
        return ops.slice_update(there, [0] * len(old.shape), old)

    return {**state, "model": keras.tree.map_structure(put, state["model"], new)}


def run(model: Any, state: Any, inputs: dict[str, Any], top_k: int | None) -> tuple[Any, Any]:
    """Runs a chunk, compiled by XLA once for each shape, or eagerly if TensorFlow is to do so.

    Args:
        model: The model.
        state: From `first_state`, or the chunk before.
        inputs: numpy arrays. Given events: `"given"`, how many there are, `(batch,)`; `"pitch"` and
            `"duration"`, their ids, `(chunk, batch)`; `"given_position"`, `"given_bar"` and
            `"given_meter"`, where the event after each falls, likewise. New ones: `"noise"`,
            uniform numbers, `(batch, chunk, ids)`; `"temperature"`, `(batch,)`, and `"top_p"` or
            none; `"bar_steps"`, `(batch,)`. `"limit"`: events at most. `"may_end"`: whether the end
            may be drawn. `"allowed"`: which pitch ids may be, `(pitch ids,)`, or none. `"notes"`
            and `"stop"`: a row is done when it has so many notes, or steps, `(batch,)`; with
            `"closes"` one whose steps are full has the end as one more event. `"room"`: the
            steps that it may have in all. `"answer"`: the number of an event that begins a phrase.
        top_k: Among how many ids to draw, or None.

    Returns:
        The new state, and as numpy arrays `"pitch"` and `"duration"`, `(chunk, batch)`,
        `"likelihood"`, `(chunk, batch, 2)`, and the `"length"` at which a row was done, counted
        within the chunk, `(batch,)`; 0 where it is not.
    """
    inputs = {
        name: ops.convert_to_tensor(
            np.asarray(value, np.int32) if np.asarray(value).dtype.kind == "i" else value
        )
        for name, value in inputs.items()
    }
    shapes = tuple(tuple(one.shape) for one in keras.tree.flatten(state))
    key = (shapes, tuple(inputs), tuple(inputs["noise"].shape), top_k)

    def loop(state: Any, inputs: dict[str, Any]) -> Any:
        return _loop(model, top_k, state, inputs)

    state, written = compiled(model, key, loop, state, inputs)(state, inputs)
    return state, {name: ops.convert_to_numpy(value) for name, value in written.items()}


def compiled(model: Any, key: Any, loop: Any, *arguments: Any) -> Any:
    """Returns a loop compiled by XLA for such arguments, once for each key of a model.

    Where TensorFlow is to run functions eagerly, and on other engines, it is the loop itself.
    """
    loops = model.sampling_loops
    if key not in loops:
        with COMPILING:
            if key not in loops:
                loops[key] = _compile(loop, *arguments)
    return loops[key]


def _compile(loop: Any, *arguments: Any) -> Any:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.functions_run_eagerly():
            # AutoGraph, of which there is nothing to convert, would write temporary files.
            function = tf.function(loop, jit_compile=True, autograph=False)
            return function.get_concrete_function(*arguments)
    return loop


def _loop(model: Any, top_k: int | None, state: Any, inputs: dict[str, Any]) -> Any:
    """Reads or draws event after event, until every row is done."""
    encoding = model.encoding
    duration_steps = ops.convert_to_tensor(encoding.steps.astype("int32"))
    pitch_ids = ops.arange(encoding.pitch_ids)
    duration_ids = ops.arange(encoding.duration_ids)
    tables = model.step_tables()
    batch, length, _ = inputs["noise"].shape

    def see(time: Any, history: Any, places: Any, state: Any) -> Any:
        """What the model sees of the past and of the place of event `time`, the first being 1."""
        places = {name: ops.minimum(places[name], FEATURE_SIZES[name] - 1) for name in PLACES}
        return model.see(history, places, state, ops.equal(time, inputs["answer"]))

    # What follows the start is seen here, and what follows any other event after its step.
    new = ops.equal(state["time"], 0)
    seen, begun = see(1, state["history"], state, state["model"]), state["model"]
    begun = {
        **begun,
        **{
            key: keras.tree.map_structure(lambda a, b: ops.where(new, a, b), seen[key], begun[key])
            for key in ("ids", "phrase")
            if key in begun
        },
    }
    first = {
        **state,
        "model": begun,
        "place": ops.convert_to_tensor(0, "int32"),
        "written": {
            "pitch": ops.zeros((length, batch), "int32"),
            "duration": ops.zeros((length, batch), "int32"),
            "likelihood": ops.zeros((length, batch, 2)),
            "length": ops.zeros((batch,), "int32"),
        },
    }

    def goes_on(state: dict[str, Any]) -> Any:
        going = ops.logical_not(ops.all(state["done"]))
        return ops.logical_and(state["place"] < inputs["limit"], going)

    def step(state: dict[str, Any]) -> Any:
        place, history, steps = state["place"], state["history"], state["steps"]
        given = place < inputs["given"]
        closing = ops.logical_and(inputs["closes"], steps >= inputs["stop"])
        noise = gumbel_of(inputs["noise"][:, place])
        draw = (inputs["temperature"][:, None], top_k, inputs.get("top_p"))
        chosen: dict[str, Any] = {}
        likelihood: list[Any] = []

        def choose(name: str, scores: Any) -> Any:
            if name == "pitch":
                there = model.view.symbol(history, inputs["pitch"][place], ops)
                gumbel = noise[:, : encoding.pitch_ids]
                ends = ops.logical_or(pitch_ids != END, inputs["may_end"])
                allowed = ops.logical_and(pitch_ids != START, ends)
                if "allowed" in inputs:
                    known = {key: value[:, None] for key, value in history.items()}
                    pitches = model.view.pitch(known, pitch_ids[None], ops)
                    in_range = ops.take(inputs["allowed"], pitches)
                    allowed = ops.logical_and(allowed, in_range)
            else:
                there, gumbel = inputs["duration"][place], noise[:, encoding.pitch_ids :]
                room = ops.maximum(inputs["room"] - steps, duration_steps[1])[:, None]
                allowed = ops.equal(duration_ids == 0, (chosen["pitch"] == END)[:, None])
                allowed = ops.logical_and(allowed, duration_steps <= room)
            ids = _draw(scores, allowed, gumbel, *draw)
            if name == "pitch":
                ids = ops.where(closing, END, ids)
            ids = ops.where(given, there, ids)
            likelihood.append(ops.take_along_axis(scores, ids[:, None], axis=-1))
            chosen[name] = ids
            return ids

        model_state = model.step(history, state["model"], tables, choose)
        pitch = model.view.pitch(history, chosen["pitch"], ops)
        duration = chosen["duration"]

        took = ops.take(duration_steps, duration)
        places = {
            "position": (state["position"] + took) % inputs["bar_steps"],
            "bar": state["bar"] + (state["position"] + took) // inputs["bar_steps"],
            "meter": state["meter"],
        }
        places = {
            name: ops.where(given, inputs[f"given_{name}"][place], places[name]) for name in PLACES
        }
        history = append(history, pitch, duration, took, ops)
        steps, time = steps + took, state["time"] + 1
        notes = state["notes"] + ops.cast(pitch >= FIRST_PITCH, "int32")
        full = ops.logical_and(steps >= inputs["stop"], ops.logical_not(inputs["closes"]))
        done = ops.logical_or(ops.logical_or(full, notes >= inputs["notes"]), pitch == END)
        done = ops.logical_and(done, ops.logical_not(ops.logical_or(given, state["done"])))
        written = state["written"]
        return {
            "time": time,
            "history": history,
            **places,
            "steps": steps,
            "notes": notes,
            "done": ops.logical_or(state["done"], done),
            "model": see(time + 1, history, places, model_state),
            "place": place + 1,
            "written": {
                "pitch": _set_row(written["pitch"], place, pitch),
                "duration": _set_row(written["duration"], place, duration),
                "likelihood": _set_row(
                    written["likelihood"], place, ops.concatenate(likelihood, axis=-1)
                ),
                "length": ops.where(done, place + 1, written["length"]),
            },
        }

    end = ops.while_loop(goes_on, step, first)
    written = end.pop("written")
    end.pop("place")
    return end, written


def _draw(
    logits: Any, allowed: Any, gumbel: Any, temperature: Any, top_k: int | None, top_p: Any
) -> Any:
    """Draws one id a row; `logits` and `gumbel` are `(batch, ids)`."""
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
    return ops.cast(ops.argmax(logits + temperature * gumbel, axis=-1), "int32")


def gumbel_of(uniform: Any) -> Any:
    """Gumbel noise of uniform numbers."""
    return -ops.log(-ops.log(ops.maximum(uniform, 1e-30)))


def _set_row(rows: Any, index: Any, row: Any) -> Any:
    """Replaces one row, in place where the loop is compiled."""
    return ops.slice_update(rows, [index] + [0] * (len(rows.shape) - 1), row[None])
