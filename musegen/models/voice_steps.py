"""The graph of a model of voices step by step, as sampling runs it: what is written is read next.

`musegen.models.voice_graph` has the same for whole pieces. At each step the voices are written one
after the other. A voice that is free nowhere is not written but taken over: nothing looks at what
the head would say of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from musegen.encoding import voice_history as vh
from musegen.models.relations import NOTES
from musegen.models.voice_copying import VoiceCopying
from musegen.models.voice_graph import copied_of, token_of
from musegen.networks import Tensor


def initial_state(model: Any, batch: int, length: int) -> dict[str, Any]:
    """Returns what `step` carries, before the first of at most `length` steps."""
    state = {
        "cells": model.cells.initial_state(batch, length),
        "token": ops.zeros((batch,), "int32"),
    }
    if model.copy:
        voices = model.encoding.voices
        state["copy"] = VoiceCopying.initial_state(model.head, voices, batch, length)
    return state


def step_maps(model: Any) -> dict[str, Any]:
    """Returns what is computed of the weights once for all steps."""
    places = None if model.judge is None else model.judge.places()
    return {"head": model.head.maps(), "places": places}


def step(
    model: Any,
    history: vh.VoiceHistory,
    state: dict[str, Any],
    inputs: dict[str, Any],
    maps: Any,
    choose: Callable[..., Any],
) -> tuple[dict[str, Any], Any, Any]:
    """Runs one step of the model, as sampling does.

    Args:
        model: The model.
        history: What is known, `(batch, ...)` each.
        state: From `initial_state` or the step before.
        inputs: Of this step: `"position"`, `"bar"`, `"meter"`, `"tonic"`, `(batch,)`;
            `"annotations"`, `(batch, 2 * encoder units)`; of what is given `"mask"`, `"pitch"`,
            `"symbol"`, `(batch, voices)`, and `"next"`, `(batch, voices, 2)`; and `"free"`, which
            voices are to be chosen, `(voices,)`, at this step and all others.
        maps: What `step_maps` returns.
        choose: Called for each free voice with its number, the log-probabilities of its symbols,
            `(batch, symbols)`, and what is known at the step, `"pitch"`, `"symbol"` and
            `"known"`, `(batch, voices)`; returns the symbols that are drawn, `(batch,)`.

    Returns:
        Of the step `"pitch"`, `"symbol"`, and `"likelihood"`, `(batch, voices)`, which is 0 of the
        voices that are not free; the log-probabilities of going on and of ending before it,
        `(batch, 2)`; the new state.
    """
    voices, batch = model.encoding.voices, history["now"].shape[0]
    own = vh.voice_features(history, ops)
    past = ops.tanh(model.past.step(vh.time_features(history, ops)))
    conditions = model.conditions(inputs, inputs["annotations"])
    state = {**state, "cells": model.cells.begin(past, conditions, state["cells"])}
    center, now = vh.center(history, ops), history["now"]
    copying = None
    if model.copy:
        note = ops.where(history["notes"][..., 0] >= 0, center, NOTES)
        event = state["token"], _by_voice(note), inputs["position"], inputs["bar"]
        copying = VoiceCopying.begin(model.head, state["copy"], event)

    def goes_on(place: Any, carried: Any) -> Any:
        return place < voices

    def write(place: Any, carried: dict[str, Any]) -> tuple[Any, Any]:
        voice = ops.take(np.array(model.written, np.int32), place)
        here = ops.equal(np.arange(voices, dtype=np.int32), voice)
        middle, was = (ops.take(one, voice, axis=1) for one in (center, now))
        others = {**carried, "center": center, "now": now}
        known = ops.logical_and(carried["known"], ~here)
        ids, facts = vh.other_features(middle, others, known, ops)
        of_voice = {
            **inputs,
            "next": ops.take(inputs["next"], voice, axis=1),
            "own": ops.take(own, voice, axis=1),
        }
        all_ids = model.cell_ids(of_voice["own"], ids, of_voice, middle)

        def chosen() -> dict[str, Any]:
            x, cells = model.cells.cell(model.cell.step(all_ids), place, carried["cells"])
            scores, key = model.head.scores(
                x,
                None if copying is None else functools.partial(copying.odds, voice),
                (*model.facts(facts, of_voice, middle), maps["places"]),
                model.possible(was),
                maps["head"],
            )
            symbol = choose(voice, scores, carried)
            nats = ops.take_along_axis(scores, symbol[:, None], axis=-1)
            found = {"symbol": symbol, "nats": nats, "cells": cells}
            return {**found, "key": key} if model.copy else found

        def kept() -> dict[str, Any]:
            symbol = ops.take(inputs["symbol"], voice, axis=1)
            found = {"symbol": symbol, "nats": ops.zeros((batch, 1))}
            found["cells"] = model.cells.kept(
                lambda: model.cell.step(all_ids), place, carried["cells"]
            )
            return {**found, "key": ops.zeros((batch, model.head.size))} if model.copy else found

        found = ops.cond(ops.take(inputs["free"], voice), chosen, kept)
        symbol = found["symbol"]
        pitch = vh.pitches_of(was, middle, symbol, ops)
        carried = {
            **carried,
            "pitch": ops.where(here, pitch[:, None], carried["pitch"]),
            "symbol": ops.where(here, symbol[:, None], carried["symbol"]),
            "likelihood": ops.where(here, found["nats"], carried["likelihood"]),
            "known": ops.logical_or(carried["known"], here),
            "cells": found["cells"],
        }
        if model.copy:
            carried["key"] = ops.slice_update(carried["key"], [voice * batch, 0], found["key"])
        return place + 1, carried

    carried = {
        "pitch": inputs["pitch"],
        "symbol": inputs["symbol"],
        "likelihood": ops.zeros((batch, voices)),
        "known": inputs["mask"] > 0,
        "cells": state["cells"],
    }
    if copying is not None:
        carried["key"] = copying.state["key"]
    begin = ops.convert_to_tensor(0, "int32")
    _, carried = ops.while_loop(goes_on, write, (begin, carried))
    state["cells"] = carried["cells"]
    if copying is not None:
        copied = copied_of(carried["symbol"], history["notes"][..., 0] >= 0, ops)
        state["copy"] = copying.end(carried["key"], _by_voice(copied))
        state["token"] = ops.cast(token_of(copied), "int32")
    return carried, model.ending_of(model.cells.end(state["cells"])), state


def _by_voice(values: Tensor) -> Tensor:
    """`(batch, voices)` as `(voices * batch,)`, voice after voice."""
    return ops.reshape(ops.transpose(values), (-1,))
