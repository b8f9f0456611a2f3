"""What a trained MuseGAN writes: phrases, and longer pieces.

A phrase is written from its noise alone: the same noise gives the same phrase, however many are
written with it. Longer pieces are phrases in a row that share style and groove, each with chords
and melody of its own.

There is no temperature. In training the likeliest pitch of each cell was taken, and the critic saw
nothing else: only which score is highest was learned, not by how much, so that scores are no
probabilities. Nor are cells drawn one after the other: two that were drawn from them would not know
of each other, where the noise is one for all.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np

from musegen._checks import Number, Whole, checked_items, checked_kind, seed_or_drawn, shown
from musegen.composition import PianorollComposition, signed
from musegen.encoding.pianoroll import MAX_BYTES
from musegen.sampling.noise import NAMES, Noise
from musegen.settings import LARGE_SEED, declared

# Phrases are computed so many at a time, the last batch filled up: rounding may depend on the size
# of a matrix, and a cell on rounding.
BATCH = 64


@declared
def sample(
    model: Any,
    *,
    count: Annotated[
        int | None, Whole(1, 100_000), "Pieces to write; if None one, which is returned by itself"
    ] = None,
    noise: Noise | Iterable[Noise] | None = None,
    bars: Annotated[
        int | None,
        Whole(1, 4096),
        "Bars of a piece; one phrase if None. Phrases of a piece share style and groove",
    ] = None,
    hold: Annotated[
        float | None,
        Number(0, 1000),
        "How much likelier another pitch must be than the one that sounds for a track to move: the "
        "more, the longer are notes; the model's own if None",
    ] = None,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed writes the same music; drawn if None"
    ] = None,
) -> PianorollComposition | list[PianorollComposition]:
    """Writes music.

    Args:
        model: A trained `MuseGAN`.
        noise: What to write a piece from: the noise of a phrase, or those of several in a row, of
            the shapes of this model's.

    Returns:
        A piece, or a list of them if `count` is given.

    Raises:
        ValueError: If an argument is out of its range, `noise` is given with another, or the rolls
            would take over 1 GiB.
    """
    asked = Asked.of(model, dict(locals()))
    written = compositions(model, asked.noises, asked.bars, asked.hold, asked.seed)
    return written[0] if count is None else written


@dataclasses.dataclass(frozen=True, eq=False)
class Asked:
    """What one call of `sample` asks for.

    Attributes:
        noises: The noises of the phrases of each piece.
        bars: Bars of a piece.
        hold: As of `sample`.
        seed: The seed, drawn if neither it nor a noise was given; None with a noise.
    """

    noises: list[tuple[Noise, ...]]
    bars: int
    hold: float
    seed: int | None

    @classmethod
    def of(cls, model: Any, settings: dict[str, Any]) -> Asked:
        """Reads the arguments of `sample`; raises a ValueError for what can't be."""
        asked = SimpleNamespace(**settings)
        if asked.hold and model.leads:
            raise ValueError(
                f"hold={shown(asked.hold)}: in {model.name} a note sounds until the next one "
                "begins. Leave hold out."
            )
        hold = model.hold if asked.hold is None else asked.hold
        if asked.noise is not None:
            for name in ("count", "bars", "seed"):
                if (value := getattr(asked, name)) is not None:
                    raise ValueError(
                        f"{name}={shown(value)}: a given noise says all; leave {name} out."
                    )
            given = [asked.noise] if isinstance(asked.noise, Noise) else asked.noise
            noises = tuple(checked_items("noise", given, Noise, "what `model.noise()` returns"))
            for one in noises:
                check_noise(model, one)
            return cls([noises], len(noises) * model.bars, hold, None)
        number = 1 if asked.count is None else asked.count
        bars = model.bars if asked.bars is None else asked.bars
        phrases = -(-bars // model.bars)
        size = number * math.prod(model.encoding.shape(phrases * model.bars))
        if size > MAX_BYTES:
            raise ValueError(
                f"count={number}, bars={bars}: the rolls would take {size / 2**30:.1f} GiB, and at "
                "most 1 GiB is made. Ask for fewer at a time, each time with another seed."
            )
        seed = seed_or_drawn(asked.seed)
        pieces = [_piece(model, phrases, seed, (i,) if i else ()) for i in range(number)]
        return cls(pieces, bars, hold, seed)


def kind_of(asked: Asked) -> float:
    """Returns what calls of `sample` have in common whose pieces are written together."""
    return asked.hold


def write_all(model: Any, asked: Sequence[Asked]) -> list[PianorollComposition]:
    """Writes a piece for each of several calls of `sample`, which are of one kind."""
    noises = [one.noises[0] for one in asked]
    return [
        _composition(model, roll[: one.bars], piece, one.seed)
        for one, piece, roll in zip(asked, noises, _rolls(model, noises, asked[0].hold))
    ]


@declared
def draw(
    model: Any,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed draws the same noise; drawn if None"
    ] = None,
) -> Noise:
    """Draws the noise of a phrase.

    Args:
        model: A `MuseGAN`.

    Returns:
        The four noises.

    Raises:
        ValueError: If `seed` is out of its range.
    """
    return _piece(model, 1, seed_or_drawn(seed))[0]


def compositions(
    model: Any, pieces: list[tuple[Noise, ...]], bars: int, hold: float, seed: int | None
) -> list[PianorollComposition]:
    """Writes pieces of some bars, each from the noises of its phrases."""
    rolls = _rolls(model, pieces, hold)
    return [_composition(model, roll[:bars], noises, seed) for roll, noises in zip(rolls, pieces)]


def _rolls(model: Any, pieces: list[tuple[Noise, ...]], hold: float) -> list[np.ndarray]:
    """The roll of each piece, of whole phrases, `(bars, steps, pitches, tracks)` uint8."""
    phrases = _write(model, [one for noises in pieces for one in noises], hold)
    ends = np.cumsum([len(noises) for noises in pieces])
    found = np.split(phrases, ends[:-1])
    return [roll.reshape(-1, *roll.shape[2:]) for roll in found]


def _composition(
    model: Any, roll: np.ndarray, noises: tuple[Noise, ...], seed: int | None
) -> PianorollComposition:
    return PianorollComposition(
        score=signed(model.encoding.decode(roll, ((0, model.tempo),)), model.name, seed),
        seed=seed,
        model=model.name,
        roll=roll,
        encoding=model.encoding,
        noise=noises,
    )


def _piece(model: Any, phrases: int, seed: int, number: tuple[int, ...] = ()) -> tuple[Noise, ...]:
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


def check_noise(model: Any, noise: Any) -> None:
    """Raises an error if it is no noise of this model's shapes."""
    checked_kind("noise", noise, Noise, "what `model.noise()` returns")
    for name, shape in model.noise_shapes.items():
        if getattr(noise, name).shape != shape:
            raise ValueError(
                f"noise.{name} has the shape {getattr(noise, name).shape}, and {model.name} needs "
                f"{shape}. Draw it with this model's `noise()`."
            )


def _write(model: Any, noises: list[Noise], hold: float) -> np.ndarray:
    """The rolls of some phrases, `(phrases, bars, steps, pitches, tracks)` uint8."""
    rolls = []
    for first in range(0, len(noises), BATCH):
        batch = noises[first : first + BATCH]
        filled = batch + [batch[-1]] * (BATCH - len(batch))
        inputs = {name: np.stack([getattr(noise, name) for noise in filled]) for name in NAMES}
        rolls.append(model.write(inputs, hold)[: len(batch)])
    return np.concatenate(rolls)
