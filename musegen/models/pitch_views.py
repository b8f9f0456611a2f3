"""How a model of melodies sees and says pitch: relative to what came before, or as it is.

A *view* makes of a history (`musegen.encoding.history`) the ids that a network sees of the past,
gives every pitch id a *symbol*, which is what the model predicts, one to one, and says what the
duration's head sees of the symbol that was drawn. Sizes are how many ids there are of each kind.

    view        the past                                              symbol
    relative    kind and degree of the last note, the last            a pitch: its interval from the
                intervals and durations                               last note, modulo 128
    absolute    pitch and duration of the last event, as in           the pitch id
                "Generative Deep Learning", chapter 7

In the relative view all keys are one: a melody that is moved costs what it did, its first note
aside, which has no pitch before it to be relative to but middle C.
"""

from __future__ import annotations

from typing import Any

from musegen.encoding.history import (
    DURATIONS,
    HEIGHTS,
    NO_PITCH,
    NOTES,
    History,
    center,
    degree,
    features,
    pitches_of,
    symbols,
)
from musegen.encoding.melody import FIRST_PITCH, PITCH_IDS

LEAP = 24
"""Semitones beyond which intervals of the past are not told apart."""

BARS = {"bar4": 4, "bar8": 8}
"""Phrases are of so many bars as a rule: which bar of them it is."""


class AbsoluteView:
    """Pitch and duration ids as they are."""

    def __init__(self, duration_ids: int) -> None:
        self.past = {"pitch": PITCH_IDS, "duration": duration_ids}
        self.drawn_sizes = {"next_pitch": PITCH_IDS}
        self.moved = ("pitch", "next_pitch")
        """Inputs that a transposition changes, where they are ids of pitches."""

    def inputs(self, history: History, places: dict[str, Any], xp: Any) -> dict[str, Any]:
        """Returns what the network sees of the past, ids `(...)` each."""
        return {"pitch": history["pitch"], "duration": history["durations"][..., 0]}

    def token(self, inputs: dict[str, Any]) -> Any:
        """Returns what makes the last events of two positions equal, by `inputs`."""
        return inputs["pitch"] * self.past["duration"] + inputs["duration"]

    def symbol(self, history: History, pitch: Any, xp: Any) -> Any:
        """Returns the symbols of pitch ids."""
        return pitch

    def pitch(self, history: History, symbol: Any, xp: Any) -> Any:
        """Returns the pitch ids of symbols."""
        return symbol

    def drawn(self, history: History, symbol: Any, xp: Any) -> dict[str, Any]:
        """Returns what the duration's head sees of the symbol that was drawn."""
        return {"next_pitch": symbol}


class RelativeView:
    """Pitches relative to the last note, and to a key that is guessed from the past."""

    moved: tuple[str, ...] = ()

    def __init__(self, duration_ids: int) -> None:
        self.past = {
            "kind": FIRST_PITCH + 1,
            "degree": 13,
            **{f"back{back}": 2 * LEAP + 2 for back in range(1, NOTES)},
            **dict.fromkeys(HEIGHTS, 2 * LEAP + 2),
            **{f"length{back}": duration_ids + 1 for back in range(1, DURATIONS + 1)},
            **BARS,
        }
        self.drawn_sizes = {"next_pitch": PITCH_IDS + 1, "next_degree": 12 + FIRST_PITCH + 1}

    def inputs(self, history: History, places: dict[str, Any], xp: Any) -> dict[str, Any]:
        """Returns what the network sees of the past, ids `(...)` each; 0 where there is nothing."""
        found = features(history, xp)
        ids = {"kind": found["kind"], "degree": found["degree"] + 1}
        for name in self.past:
            if name.startswith(("back", "above")):
                move = xp.clip(found[name], -LEAP, LEAP) + LEAP + 1
                ids[name] = xp.where(found[name] == NO_PITCH, 0, move)
            elif name.startswith("length"):
                ids[name] = found[name] + 1
        return {**ids, **{name: places["bar"] % bars for name, bars in BARS.items()}}

    def token(self, inputs: dict[str, Any]) -> Any:
        """Returns what makes the last events of two positions equal, by `inputs`."""
        event = inputs["kind"] * self.past["back1"] + inputs["back1"]
        return event * self.past["length1"] + inputs["length1"]

    def symbol(self, history: History, pitch: Any, xp: Any) -> Any:
        """Returns the symbols of pitch ids."""
        return symbols(history, pitch, xp)

    def pitch(self, history: History, symbol: Any, xp: Any) -> Any:
        """Returns the pitch ids of symbols."""
        return pitches_of(history, symbol, xp)

    def drawn(self, history: History, symbol: Any, xp: Any) -> dict[str, Any]:
        """Returns what the duration's head sees of the symbol that was drawn.

        The symbol and the degree; of a first note only that it is one, which no symbol is.
        """
        is_note, later = symbol >= FIRST_PITCH, history["notes"][..., 0] >= 0
        move = pitches_of(history, symbol, xp) - FIRST_PITCH - center(history, xp)
        scale = xp.where(later, (degree(history, xp) + move) % 12, 12 + FIRST_PITCH)
        return {
            "next_pitch": xp.where(xp.logical_and(is_note, ~later), PITCH_IDS, symbol),
            "next_degree": xp.where(is_note, scale, 12 + symbol),
        }


VIEWS: dict[str, Any] = {"relative": RelativeView, "absolute": AbsoluteView}
