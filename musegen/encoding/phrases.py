"""Where a melody's phrases begin, as far as can be told before the next event is known.

A phrase begins with the first event of a piece. The next one begins where one of these is so:

* the phrase has lasted two bars, or four bars of a meter whose bar is shorter than four quarters;
* the phrase has lasted a bar and has `LEAST_NOTES` notes, and the last event is a pause: a rest of
  a quarter or more, or a note that is long, which is half a bar and `LONG` times the mean of all
  notes so far.

A line of a chorale, which is two bars with its pickup as a rule, is a phrase where its end is a
long note or where the lines before it had two bars; fiddle tunes fall into their two bars of call
and answer. The rule sees nothing that lies ahead, so that a model that is told where phrases begin
is told nothing of the event that it is to predict, and music is cut while it is written just as it
is when it is whole: `phrase_begins` is of whole melodies, and `next_phrase` goes on by one event.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.encoding.grid import BAR_STEPS, STEPS_PER_QUARTER
from musegen.encoding.history import History, histories
from musegen.encoding.melody import FIRST_PITCH, REST, START, Melody
from musegen.encoding.pitch_duration import PitchDurationEncoding

LEAST_NOTES = 5
"""Notes of a phrase that ends with a pause."""

LONG = (7, 4)
"""How many times the mean of all notes a long one is: 7/4, as a half note after six quarters."""

FULL_BAR = 4 * STEPS_PER_QUARTER
"""Steps of a bar of which a phrase has two, and not four."""


def first_phrase(batch: int) -> dict[str, Any]:
    """Returns what is known of the phrase before the first event, `(batch,)` each."""
    return {name: np.zeros(batch, np.int32) for name in ("notes", "steps")}


def next_phrase(
    phrase: dict[str, Any], history: History, steps: Any, meter: Any, xp: Any
) -> tuple[Any, dict[str, Any]]:
    """Goes on by one event.

    Args:
        phrase: From `first_phrase`, or the event before: notes and steps of the phrase so far.
        history: What is known after the event, `(batch, ...)` each.
        steps: The steps that it takes, `(batch,)` int32.
        meter: The meter of the event that follows, its place in `METERS`, likewise.
        xp: `numpy` or `keras.ops`.

    Returns:
        Whether the event that follows begins a phrase, `(batch,)`, and the new `phrase`.
    """
    bar = xp.take(BAR_STEPS, meter, axis=0)
    notes = phrase["notes"] + xp.where(history["pitch"] >= FIRST_PITCH, 1, 0)
    lasted = phrase["steps"] + steps
    pause = _is_pause(history, steps, bar, xp)
    begins = (history["pitch"] == START) | _has_ended(notes, lasted, pause, bar, _longest(bar, xp))
    return begins, restarted({"notes": notes, "steps": lasted}, begins, xp)


def restarted(phrase: dict[str, Any], begins: Any, xp: Any) -> dict[str, Any]:
    """Returns the phrase so far, with nothing in it where a new one begins, `(batch,)`."""
    return {name: xp.where(begins, 0, values) for name, values in phrase.items()}


def phrase_begins(
    melody: Melody, encoding: PitchDurationEncoding, answer: int | None = None
) -> NDArray[np.bool_]:
    """Returns which events of a melody begin a phrase.

    Args:
        melody: The melody of n events, the start among them.
        encoding: What its ids mean.
        answer: The place of an event that begins a phrase in any case; None for none.

    Returns:
        `(n - 1,)`, of the events after the start, of which the first begins one.
    """
    steps = encoding.steps[melody.durations]
    known = histories(melody.pitches, melody.durations, steps)
    history = {name: values[:-1] for name, values in known.items()}
    bars = BAR_STEPS[encoding.features(melody)["meter"][1:]]
    pitch, steps = history["pitch"], steps[:-1]
    pauses = _is_pause(history, steps, bars, np)
    begins = pitch == START
    if answer is not None:
        begins[answer - 1] = True
    columns = (begins, pitch >= FIRST_PITCH, steps, pauses, bars, _longest(bars, np))
    notes = lasted = 0
    for place, (sure, note, took, pause, bar, longest) in enumerate(
        zip(*(column.tolist() for column in columns))
    ):
        notes, lasted = notes + note, lasted + took
        if sure or _has_ended(notes, lasted, pause, bar, longest):
            begins[place], notes, lasted = True, 0, 0
    return begins


def _longest(bar: Any, xp: Any) -> Any:
    """How many steps a phrase lasts at most."""
    return xp.where(bar >= FULL_BAR, 2 * bar, 4 * bar)


def _has_ended(notes: Any, lasted: Any, pause: Any, bar: Any, longest: Any) -> Any:
    """Whether a phrase of so many notes and steps has ended; of arrays and of plain numbers."""
    return (lasted >= longest) | ((lasted >= bar) & (notes >= LEAST_NOTES) & pause)


def _is_pause(history: History, steps: Any, bar: Any, xp: Any) -> Any:
    """Whether the last event is a rest of a quarter or more, or a long note."""
    count, total = history["line"][..., 0], xp.sum(history["sounded"], axis=-1)
    times, parts = LONG
    long = (2 * steps >= bar) & (parts * steps * count >= times * total)
    return xp.where(
        history["pitch"] == REST,
        steps >= STEPS_PER_QUARTER,
        (history["pitch"] >= FIRST_PITCH) & long,
    )
