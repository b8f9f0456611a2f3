"""What a trained MuseGAN writes: phrases, longer pieces, and what each knob does.

A phrase is written from its noise alone: the same noise gives the same phrase, however many are
written with it. Longer pieces are phrases in a row that share style and groove, each with chords
and melody of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from musegen._checks import (
    checked_choice,
    checked_int,
    checked_items,
    checked_kind,
    checked_number,
    seed_or_drawn,
    shown,
)
from musegen.encoding.pianoroll import MAX_BYTES
from musegen.models.musegan.cells import decide_in_turn, rolls_of
from musegen.models.musegan.noise import NAMES, Noise

if TYPE_CHECKING:
    from musegen.composition import PianorollComposition
    from musegen.models.musegan.musegan import MuseGAN

# Phrases are computed so many at a time, the last batch filled up: rounding may depend on the size
# of a matrix, and a cell on rounding.
BATCH = 64


def sample(
    model: MuseGAN,
    *,
    count: int | None = None,
    noise: Noise | Iterable[Noise] | None = None,
    bars: int | None = None,
    hold: float | None = None,
    seed: int | None = None,
) -> PianorollComposition | list[PianorollComposition]:
    """Writes music.

    Args:
        model: The model.
        count: How many pieces, 1 to 100,000; None means one, which is returned by itself.
        noise: What to write a piece from: the noise of a phrase, or those of several in a row, of
            the shapes of this model's.
        bars: Bars of a piece, 1 to 4,096; None means one phrase. Phrases of a piece share style
            and groove.
        hold: How much likelier another pitch must be than the one that sounds for a track to move,
            0 to 1,000: the more, the longer are notes. None means the model's own.
        seed: 0 to 2^63 - 1; drawn if None. The same seed writes the same music.

    Returns:
        A piece, or a list of them if `count` is given.

    Raises:
        ValueError: If an argument is out of its range, `noise` is given with another, or the rolls
            would take over 1 GiB.
    """
    from musegen.composition import PianorollComposition
    from musegen.models.musegan.musegan import MuseGAN

    checked_kind("model", model, MuseGAN, "a MuseGAN")
    hold = model.hold if hold is None else checked_number("hold", hold, 0, 1000)
    if noise is not None:
        for name, value in (("count", count), ("bars", bars), ("seed", seed)):
            if value is not None:
                raise ValueError(
                    f"{name}={shown(value)}: a given noise says all; leave {name} out."
                )
        given = [noise] if isinstance(noise, Noise) else noise
        noises = tuple(checked_items("noise", given, Noise, "what `model.noise()` returns"))
        for one in noises:
            _check_noise(model, one)
        pieces, bars = [noises], len(noises) * model.bars
    else:
        number = 1 if count is None else checked_int("count", count, 1, 100_000)
        bars = model.bars if bars is None else checked_int("bars", bars, 1, 4096)
        seed = seed_or_drawn(seed)
        phrases = -(-bars // model.bars)
        size = number * math.prod(model.encoding.shape(phrases * model.bars))
        if size > MAX_BYTES:
            raise ValueError(
                f"count={number}, bars={bars}: the rolls would take {size / 2**30:.1f} GiB, and at "
                "most 1 GiB is made. Ask for fewer at a time, each time with another seed."
            )
        pieces = [_piece(model, phrases, seed, (i,) if i else ()) for i in range(number)]
    rolls = _write(model, [one for noises in pieces for one in noises], hold)
    rolls = rolls.reshape(len(pieces), -1, *rolls.shape[2:])[:, :bars]
    written = [
        PianorollComposition(
            score=model.encoding.decode(roll, ((0, model.tempo),)),
            seed=seed,
            model=model.name,
            roll=roll,
            encoding=model.encoding,
            noise=noises,
        )
        for roll, noises in zip(rolls, pieces, strict=True)
    ]
    return written[0] if count is None else written


def draw_noise(model: MuseGAN, seed: int | None) -> Noise:
    """Draws the noise of a phrase; `MuseGAN.noise` says how."""
    return _piece(model, 1, seed_or_drawn(seed))[0]


def vary_noise(
    model: MuseGAN, noise: Noise, part: str, track: str | None, seed: int | None
) -> Noise:
    """Draws one part of a noise anew; `MuseGAN.vary` says how."""
    _check_noise(model, noise)
    checked_choice("part", part, NAMES)
    names = [one.name for one in model.encoding.tracks]
    # Each part has draws of its own, which are none that `draw_noise` gives for any seed.
    draws = np.random.SeedSequence(seed_or_drawn(seed), spawn_key=(0, NAMES.index(part)))
    new = np.random.default_rng(draws).standard_normal(model.noise_shapes[part], np.float32)
    if track is not None:
        checked_choice("track", track, names)
        if len(new) != len(names) or new.ndim != 2:
            raise ValueError(
                f"track={track!r}: in this model, all tracks share one {part} noise. Leave it out."
            )
        others = np.arange(len(names)) != names.index(track)
        new[others] = getattr(noise, part)[others]
    return noise.replace(**{part: new})


def _piece(
    model: MuseGAN, phrases: int, seed: int, number: tuple[int, ...] = ()
) -> tuple[Noise, ...]:
    """The noises of a piece: style and groove are the first phrase's."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=number))
    first: dict[str, Any] = {}
    noises = []
    for _ in range(phrases):
        drawn = {
            name: random.standard_normal(shape, np.float32)
            for name, shape in model.noise_shapes.items()
        }
        first = first or {"style": drawn["style"], "groove": drawn["groove"]}
        noises.append(Noise(**{**drawn, **first}))
    return tuple(noises)


def _check_noise(model: MuseGAN, noise: Any) -> None:
    if not isinstance(noise, Noise):
        raise ValueError(f"noise={shown(noise)}: give what `model.noise()` returns.")
    for name, shape in model.noise_shapes.items():
        if getattr(noise, name).shape != shape:
            raise ValueError(
                f"noise.{name} has the shape {getattr(noise, name).shape}, and {model.name} needs "
                f"{shape}. Draw it with this model's `noise()`."
            )


def _write(model: MuseGAN, noises: list[Noise], hold: float) -> np.ndarray:
    """The rolls of some phrases, `(phrases, bars, steps, pitches, tracks)` uint8."""
    rolls = []
    for first in range(0, len(noises), BATCH):
        batch = noises[first : first + BATCH]
        filled = batch + [batch[-1]] * (BATCH - len(batch))
        inputs = {name: np.stack([getattr(noise, name) for noise in filled]) for name in NAMES}
        logits = model.generator.predict_on_batch(inputs)
        cells = decide_in_turn(ops.convert_to_numpy(logits), model.encoding, hold)
        rolls.append(rolls_of(*cells)[: len(batch)])
    return np.concatenate(rolls)
