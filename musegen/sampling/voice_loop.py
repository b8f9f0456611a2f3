"""The compiled loop that writes voices: step after step, and at each step voice after voice.

A voice is drawn as an event of a melody is (`musegen.sampling.loop`), with one difference: the
temperature is that of the pitches. Whether a voice rests, holds or strikes is drawn as the model
says. A step being short, holding is likely nearly everywhere, and a low temperature would have all
voices hold where they should go on: long chords amidst a phrase. Besides what the model says
there may be rules, which are no part of it: `musegen.sampling.voices.AVOID`. A rule takes
candidates away before a voice is drawn, unless the model has hardly anything else in mind. Where
the voices have `bounds`, nothing beyond them is drawn in any case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from musegen.encoding import voice_history as vh
from musegen.sampling.loop import _draw, _set_row, compiled, gumbel_of

LEAST_LEFT = 0.02
"""Where candidates of less probability than this would be left, rules take none away."""

FIFTH, OCTAVE = 7, 0

IMPOSSIBLE = -100.0
"""Below half of this, a log-probability is that of what can't be."""

_SYMBOLS = np.arange(vh.SYMBOLS, dtype=np.int32)


def run(
    model: Any, inputs: dict[str, Any], top_k: int | None, top_p: bool, avoid: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """Runs the loop, compiled by XLA once for each shape, or eagerly if TensorFlow is to do so."""
    inputs = {
        name: ops.convert_to_tensor(value.astype(np.int32) if value.dtype.kind == "i" else value)
        for name, value in inputs.items()
    }
    key = (*inputs["mask"].shape, top_k, top_p, avoid, "bounds" in inputs)

    def loop(inputs: dict[str, Any]) -> Any:
        return _loop(model, top_k, top_p, avoid, inputs)

    written = compiled(model, key, loop, inputs)(inputs)
    return {name: ops.convert_to_numpy(value) for name, value in written.items()}


def _loop(
    model: Any, top_k: int | None, top_p: bool, avoid: tuple[str, ...], inputs: dict[str, Any]
) -> Any:
    """Writes step `time`, until every piece is done."""
    length, batch, voices = inputs["mask"].shape
    maps = model.step_maps()
    annotations = ops.cond(
        ops.any(inputs["anything"] > 0),
        lambda: _annotations(model, inputs),
        lambda: ops.zeros((length, batch, 2 * model.encoder)),
    )
    first = vh.first_history(batch, voices)
    state = {
        "time": ops.convert_to_tensor(0, "int32"),
        "history": {name: ops.convert_to_tensor(values) for name, values in first.items()},
        "model": model.initial_state(batch, length),
        "symbol": ops.zeros((length, batch, voices), "int32"),
        "pitch": ops.zeros((length, batch, voices), "int32"),
        "likelihood": ops.zeros((length, batch, voices)),
        "end_likelihood": ops.zeros((length, batch)),
        "length": ops.zeros((batch,), "int32"),
    }
    of_step = ("position", "bar", "meter", "mask", "kept", "pitch", "struck", "next")

    def goes_on(state: dict[str, Any]) -> Any:
        return ops.logical_and(state["time"] < length, ops.any(ops.equal(state["length"], 0)))

    def step(state: dict[str, Any]) -> Any:
        time, history = state["time"], state["history"]
        here = {name: inputs[name][time] for name in of_step}
        center, now = vh.center(history, ops), history["now"]
        given = vh.symbols(history, here["pitch"], here.pop("struck") > 0, ops)
        # A note of which the beginning is not given is struck where the voice had another pitch.
        held = ops.logical_and(ops.equal(given, vh.HOLD), ops.not_equal(here["pitch"], now))
        move = vh.FIRST + (here["pitch"] - center) % 128
        here["symbol"] = ops.cast(ops.where(held, move, given), "int32")
        here |= {"annotations": annotations[time], "tonic": inputs["tonic"], "free": inputs["free"]}

        gumbel = gumbel_of(inputs["noise"][time])

        def choose(voice: Any, scores: Any, there: dict[str, Any]) -> Any:
            was, middle = (ops.take(one, voice, axis=1)[:, None] for one in (now, center))
            candidates = vh.pitches_of(was, middle, _SYMBOLS[None], ops)
            if "bounds" in inputs:  # nothing else can be drawn, and the rules are for the rest
                bounds = ops.take(inputs["bounds"], voice, axis=1)
                inside = ops.logical_and(candidates >= bounds[0], candidates <= bounds[1])
                inside = ops.logical_or(inside, candidates < 0)
                scores = ops.where(inside, scores, IMPOSSIBLE)
                scores = scores - ops.logsumexp(scores, axis=-1, keepdims=True)
            allowed = _allowed(avoid, voice, was, candidates, now, there)
            left = ops.sum(ops.exp(scores) * ops.cast(allowed, scores.dtype), -1, keepdims=True)
            allowed = ops.logical_or(allowed, left < LEAST_LEFT)
            allowed = ops.logical_and(allowed, scores > IMPOSSIBLE / 2)
            noise = ops.take(gumbel, voice, axis=1)
            scores = _tempered(scores, allowed, inputs["temperature"][:, None])
            drawn = _draw(scores, allowed, noise, 1, top_k, inputs["top_p"] if top_p else None)
            given, kept = (ops.take(here[name], voice, axis=1) for name in ("symbol", "kept"))
            return ops.where(kept > 0, given, drawn)

        written, ending, model_state = model.step(history, state["model"], here, maps, choose)
        symbol, pitch = written["symbol"], written["pitch"]
        ends = inputs["end_noise"][time] < ops.exp(ending[:, 1])
        ends = ops.logical_and(ends, time >= inputs["least"])
        done = ops.logical_or(ends, ops.equal(time, inputs["steps"]))
        done = ops.logical_and(done, ops.equal(state["length"], 0))
        return {
            "time": time + 1,
            "history": vh.append(history, pitch, symbol >= vh.FIRST, ops),
            "model": model_state,
            "symbol": _set_row(state["symbol"], time, symbol),
            "pitch": _set_row(state["pitch"], time, pitch),
            "likelihood": _set_row(state["likelihood"], time, written["likelihood"]),
            "end_likelihood": _set_row(
                state["end_likelihood"], time, ops.where(done, ending[:, 1], ending[:, 0])
            ),
            "length": ops.where(done, time, state["length"]),
        }

    end = ops.while_loop(goes_on, step, state)
    names = ("symbol", "pitch", "likelihood", "end_likelihood", "length")
    return {name: end[name] for name in names}


def _annotations(model: Any, inputs: dict[str, Any]) -> Any:
    """What the model reads of what is given, `(length, batch, 2 * encoder units)`."""
    there = ops.transpose(inputs["there"])
    read = ops.transpose(inputs["read"], (1, 0, 2))
    return ops.transpose(model.reader(read, there, inputs["anything"]), (1, 0, 2))


def _tempered(scores: Any, allowed: Any, temperature: Any) -> Any:
    """Log-probabilities with the pitches that may be struck at a temperature, `(batch, symbols)`.

    What strikes is as likely as before, all of it together; 0 leaves the likeliest pitch alone.
    """
    strikes = np.arange(vh.SYMBOLS) >= vh.FIRST
    there = ops.logical_and(allowed, strikes)
    pitches = ops.where(there, scores, IMPOSSIBLE)
    above = pitches - ops.max(pitches, axis=-1, keepdims=True)
    scaled = ops.where(there, above / ops.maximum(temperature, 1e-30), IMPOSSIBLE)
    total = ops.logsumexp(pitches, axis=-1, keepdims=True)
    return ops.where(strikes, ops.log_softmax(scaled, axis=-1) + total, scores)


def _allowed(
    avoid: tuple[str, ...],
    voice: Any,
    was: Any,
    candidates: Any,
    now: Any,
    there: dict[str, Any],
) -> Any:
    """Which candidates, `(batch, symbols)`, no rule takes away."""
    voices = np.arange(now.shape[1], dtype=np.int32)
    pitch, others_was = there["pitch"][:, None], now[:, None]  # (batch, 1, voices)
    candidates, was = candidates[..., None], was[..., None]
    sounds = ops.logical_and(there["known"][:, None], pitch >= 0)
    sounds = ops.logical_and(ops.logical_and(sounds, candidates >= 0), voices != voice)
    broken = ops.zeros_like(sounds)
    if "crossing" in avoid:
        across = ops.where(voices < voice, candidates > pitch, candidates < pitch)
        broken = ops.logical_or(broken, across)
    if "parallels" in avoid:
        before = ops.abs(was - others_was) % 12
        parallel = ops.logical_or(ops.equal(before, FIFTH), ops.equal(before, OCTAVE))
        for condition in (
            ops.logical_and(was >= 0, others_was >= 0),
            ops.equal(ops.sign(candidates - was), ops.sign(pitch - others_was)),
            ops.not_equal(candidates, was),
            ops.equal(before, ops.abs(candidates - pitch) % 12),
        ):
            parallel = ops.logical_and(parallel, condition)
        broken = ops.logical_or(broken, parallel)
    return ~ops.any(ops.logical_and(broken, sounds), axis=-1)
