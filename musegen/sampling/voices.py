"""Writing several voices with a trained model: all of them, or those that are missing.

What is given stays as it is, to the note, and the model has read all of it before it writes: some
voices, or all but some bars. The noise of the draws comes from NumPy's generator, seeded by the
seed and the number of the piece, so that the same seed writes the same music on every version of
Python.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen._checks import Choice, Number, Positive, Whole, seed_or_drawn, shown
from musegen.composition import VoicesComposition
from musegen.encoding.keys import MODES
from musegen.encoding.voices import SILENCE, Voices
from musegen.interop import MusicLike
from musegen.interop.dispatch import score_of
from musegen.sampling.asked import meter_from
from musegen.sampling.openings import draw_opening
from musegen.sampling.requests import BATCHES
from musegen.sampling.voice_batches import Task, write
from musegen.sampling.wishes import Wishes, collected, refuse
from musegen.settings import LARGE_SEED, declared

AVOID = ("parallels", "crossing")
"""What can be avoided: parallel fifths and octaves with a voice that is known at the step, as
`musegen.evaluation` counts them; and that a voice crosses one that is known."""

LEAST_BARS = 4
"""The model may end a piece itself after so many bars of 4/4."""

MAX_BARS = 48
"""A piece that the model may end itself is given up after so many bars of 4/4."""

MAX_STEPS = 2**16
"""Steps of the longest piece that is written."""


@declared
def sample(
    model: Any,
    bars: Annotated[
        int | None,
        Whole(1, 1024),
        "Bars to write, with a close at their end; if None, the model ends the piece itself",
    ] = None,
    count: Annotated[int, Whole(1, 100_000), "Pieces to write"] = 1,
    temperature: Annotated[
        float,
        Number(0, 1e30),
        "Of pitches: 0 always takes the likeliest, 1 draws as the model says, more is wilder",
    ] = 0.6,
    top_k: Annotated[int | None, Whole(1), "Draw among this many likeliest symbols only"] = None,
    top_p: Annotated[
        float | None,
        Positive(1),
        "Draw among the likeliest symbols only that make up this much probability (Holtzman et al. "
        "2020)",
    ] = None,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed writes the same music; drawn if None"
    ] = None,
    tries: Annotated[
        int,
        Whole(1, 64),
        "Pieces that are written for each, of which one is drawn that ends well; where the model "
        "ends them itself, at most",
    ] = 8,
    given: MusicLike | Voices | None = None,
    keep: ArrayLike | None = None,
    avoid: Sequence[str] = AVOID,
    key: str | None = None,
    mode: Annotated[
        str | None, Choice(*MODES), "The mode; pieces are written until one is in it"
    ] = None,
    pitch_range: str | tuple[int, int] | dict[str, Any] | None = None,
    density: float | str | tuple[float, float] | None = None,
    instrument: str | int | dict[str, Any] | None = None,
    meter: str | tuple[int, int] | None = None,
    tempo: Annotated[
        float | None,
        Number(4, 1000),
        "Quarter notes a minute; as in the training data, or what is given, if None",
    ] = None,
) -> VoicesComposition | list[VoicesComposition]:
    """Writes music in several voices.

    Args:
        model: A trained `VoiceModel`.
        given: Music of which something is kept: a path, bytes, a score, or anything else that
            `to_score` takes, or `Voices`. What is written has its length, meter and tempo.
        keep: What of it is kept, `(steps, voices)` of bool; if None the voices that have notes in
            it. All else is written.
        avoid: Rules that are no part of the model, of `"parallels"`, parallel fifths and octaves,
            and `"crossing"`, that voices cross: what breaks one is not drawn, as long as the model
            gives anything else a fiftieth of the probability. `()` for none.
        key: The key that pieces are in, such as `"G minor"`, in which they are written into the
            score: the mode as below, and moved to the tonic. A piece of which a voice would leave
            the range that it has in training, or in `pitch_range`, is written anew.
        pitch_range: Lowest and highest note of all voices, such as `"C2-A5"` or `(36, 81)`, C4
            being middle C, or of some: `"soprano=C4-G5,bass=E2-C4"`, or a dict. No other is drawn,
            or, with `key` or `mode`, pieces are written until one fits.
        density: Notes a quarter note of each voice, on average over the voices: a number, which is
            had to a tenth of it, or the least and the most, such as `"1-1.5"` or `(1, 1.5)`. Pieces
            are written until one has it; `docs/voices.md` says how many.
        instrument: A General MIDI name, such as `"Violin"`, or a program, 0 to 127, for all voices,
            or for some: `"soprano=Oboe,bass=Bassoon"`, or a dict.
        meter: One of those in `METERS`, such as `"3/4"` or `(3, 4)`; drawn as in the training data
            if None. What is given has its own meter, key, ranges and so on: with it, none of these
            is taken.

    Returns:
        The piece, or a list of them where `count` is more than 1.

    Raises:
        ValueError: If an argument is out of its range, all is kept, or of `TRIES` pieces for each
            too few are as asked for.
        TypeError: If what is given is no music.
        MidiError: If it can't be read.
    """
    pieces = _pieces(model, Asked.of(model, dict(locals())), count)
    return pieces if count > 1 else pieces[0]


@dataclasses.dataclass(frozen=True, eq=False)
class Asked:
    """What one call of `sample` asks for.

    Attributes:
        settings: The arguments of the call, by name.
        seed: The seed, drawn if none was given.
        fixed: What is given, and which of its cells are kept, or None.
        rules: `top_k`, `top_p`, `avoid` and the bounds of the voices, which pieces that are written
            together have in common.
        wishes: What is asked of each piece besides.
    """

    settings: dict[str, Any]
    seed: int
    fixed: tuple[Voices, NDArray[np.bool_]] | None
    rules: tuple[int | None, float | None, tuple[str, ...], NDArray[np.int32] | None]
    wishes: Wishes

    @classmethod
    def of(cls, model: Any, settings: dict[str, Any]) -> Asked:
        """Reads the arguments of `sample`; raises a ValueError for what can't be."""
        asked = SimpleNamespace(**settings)
        avoid = _checked_avoid(asked.avoid)
        fixed = None
        if asked.given is not None:
            refuse(bars=asked.bars, meter=asked.meter, key=asked.key, mode=asked.mode)
            refuse(pitch_range=asked.pitch_range, density=asked.density)
            refuse(instrument=asked.instrument)
            fixed = _fixed(model, asked.given, asked.keep)
        elif asked.keep is not None:
            raise ValueError(
                "keep is given without music: give the music that it is of, as `given`."
            )
        if asked.meter is not None:
            settings = {**settings, "meter": meter_from(asked.meter)}
        wishes = Wishes.of(
            asked.key,
            asked.mode,
            asked.pitch_range,
            asked.instrument,
            asked.density,
            voices=model.encoding.names,
            home=model.ranges,
        )
        rules = asked.top_k, None if asked.top_p == 1 else asked.top_p, avoid, wishes.bounds
        return cls(settings, seed_or_drawn(asked.seed), fixed, rules, wishes)

    def task(self, model: Any, number: int) -> Task:
        """Returns the piece of a number: what it begins as, what of it is kept, how it is drawn."""
        encoding, asked = model.encoding, SimpleNamespace(**self.settings)
        microseconds = None if asked.tempo is None else round(60e6 / asked.tempo)
        drawn = {
            "seed": self.seed,
            "number": number,
            "temperature": asked.temperature,
            "wishes": self.wishes,
            "tries": asked.tries,
        }
        if self.fixed is not None:
            music, mask = self.fixed
            if microseconds is not None:
                music = dataclasses.replace(music, tempos=((0, microseconds),))
            last = encoding.bar_steps(music.meters[-1][1:])
            if mask[-last:].all():
                drawn["tries"] = 1
            return Task(music, mask, **drawn)
        opening = draw_opening(model, asked.meter, self.seed, number)
        numerator, denominator, pickup, own = opening
        bar = encoding.bar_steps((numerator, denominator))
        # A bar that a pickup was taken from is short at the end.
        most = max(bar, MAX_BARS * 4 * encoding.steps_per_quarter)
        steps = most if asked.bars is None else bar * asked.bars
        nothing = np.full((steps, encoding.voices), SILENCE)
        music = Voices(
            nothing,
            nothing > 0,
            tempos=((0, own if microseconds is None else microseconds),),
            meters=((0, numerator, denominator),),
            pickup=pickup,
        )
        if asked.bars is None:
            drawn["least"] = LEAST_BARS * 4 * encoding.steps_per_quarter
        return Task(music, np.zeros(nothing.shape, bool), **drawn)


def kind_of(asked: Asked) -> Any:
    """Returns what calls of `sample` have in common whose pieces are written together.

    One that may have to be written several times is alone of its kind.
    """
    top_k, top_p, avoid, bounds = asked.rules
    ends = asked.settings["bars"] is None and asked.fixed is None
    common = (ends, top_k, top_p, avoid, None if bounds is None else bounds.tobytes())
    return id(asked) if asked.wishes.rejects else common


def write_all(model: Any, asked: Sequence[Asked]) -> list[VoicesComposition]:
    """Writes a piece for each of several calls of `sample`, which are of one kind."""
    if asked[0].wishes.rejects:
        return _pieces(model, asked[0], 1)
    tasks = (one.task(model, 0) for one in asked)
    return [piece for piece in write(model, tasks, *asked[0].rules) if piece is not None]


def _pieces(model: Any, asked: Asked, count: int) -> list[VoicesComposition]:
    def written(numbers: range) -> list[VoicesComposition | None]:
        return write(model, (asked.task(model, number) for number in numbers), *asked.rules)

    wishes, bars, tries = asked.wishes, asked.settings["bars"], asked.settings["tries"]
    at_once, each = count, 1 if bars is None else tries
    if wishes.rejects:  # as many as make a batch, a small one for one piece
        at_once = max(1, (BATCHES[1] if count == 1 else BATCHES[-1]) // each)
    return collected(written, count, at_once, wishes, each)


def _checked_avoid(avoid: Any) -> tuple[str, ...]:
    listed = isinstance(avoid, (list, tuple))
    rules = tuple(avoid) if listed else ()
    if not listed or not all(isinstance(rule, str) and rule in AVOID for rule in rules):
        raise ValueError(
            f"avoid={shown(avoid)}: give a list of {' and '.join(map(repr, AVOID))}, or ()."
        )
    return tuple(rule for rule in AVOID if rule in rules)


def _fixed(model: Any, given: Any, keep: Any) -> tuple[Voices, NDArray[np.bool_]]:
    """Returns given music and which of its cells are kept."""
    encoding = model.encoding
    music = given if isinstance(given, Voices) else encoding.encode(score_of("given", given))
    if not len(music) or not (music.pitches >= 0).any():
        raise ValueError("given has no notes in a voice of the model. Give music to go by.")
    if len(music) > MAX_STEPS:
        raise ValueError(
            f"given lasts {len(music):,} steps, and at most {MAX_STEPS:,} are written. Give less "
            "of it."
        )
    if keep is None:
        sounds = (music.pitches >= 0).any(axis=0)
        mask = np.broadcast_to(sounds, music.pitches.shape).copy()
    else:
        try:
            mask = np.asarray(keep)
        except ValueError:  # rows of unequal length
            mask = np.zeros(0)
        if mask.shape != music.pitches.shape or mask.dtype != bool:
            raise ValueError(
                f"keep has the shape {mask.shape} of {mask.dtype}: give bool, (steps, voices), "
                f"here {music.pitches.shape}."
            )
    if mask.all():
        raise ValueError(
            "There is nothing to write: all voices are kept. Say which are not, or give music that "
            "lacks a voice."
        )
    return music, mask
