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
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any

import numpy as np

from musegen._checks import Number, Whole, checked_items, checked_kind, seed_or_drawn, shown
from musegen.composition import PianorollComposition, signed
from musegen.encoding.pianoroll import MAX_BYTES
from musegen.interop import MusicLike
from musegen.sampling.accompaniment import MAX_BARS, GivenTrack
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
        Whole(1, MAX_BARS),
        "Bars of a piece; one phrase if None. Phrases of a piece share style and groove",
    ] = None,
    given: Mapping[str, MusicLike] | None = None,
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
        given: A track that the others are written to, as a dict of its name and its music: a path,
            bytes, a score, or anything else that `to_score` takes. It stays as it is; the piece is
            as long, and has its tempo. Of a model with `generator="leading"`. If the music has
            several parts, the highest of those that have about as many notes as any is taken.

    Returns:
        A piece, or a list of them if `count` is given.

    Raises:
        ValueError: If an argument is out of its range, `noise` or `given` is given with another
            that it decides, the model can't write to a given track, or the rolls would take over
            1 GiB.
        TypeError: If what is given is no music.
        MidiError: If it can't be read.
    """
    asked = Asked.of(model, dict(locals()))
    written = write_all(model, [asked])
    return written[0] if count is None else written


@dataclasses.dataclass(frozen=True, eq=False)
class Asked:
    """What one call of `sample` asks for.

    Attributes:
        noises: The noises of the phrases of each piece.
        bars: Bars of a piece.
        hold: As of `sample`.
        seed: The seed, drawn if neither it nor a noise was given; None with a noise.
        given: The track that is given, if there is one.
    """

    noises: list[tuple[Noise, ...]]
    bars: int
    hold: float
    seed: int | None
    given: GivenTrack | None = None

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
        if asked.given is not None and asked.bars is not None:
            raise ValueError(
                f"bars={asked.bars}: the piece is as long as what is given. Leave bars out."
            )
        if asked.noise is not None:
            for name in ("count", "bars", "seed", "given"):
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
        given = None if asked.given is None else GivenTrack.of(model, asked.given)
        bars = model.bars if asked.bars is None else asked.bars
        bars = bars if given is None else len(given.roll)
        phrases = -(-bars // model.bars)
        size = number * math.prod(model.encoding.shape(phrases * model.bars))
        if size > MAX_BYTES:
            raise ValueError(
                f"count={number}, bars={bars}: the rolls would take {size / 2**30:.1f} GiB, and at "
                "most 1 GiB is made. Ask for fewer at a time, each time with another seed."
            )
        seed = seed_or_drawn(asked.seed)
        pieces = [_piece(model, phrases, seed, (i,) if i else ()) for i in range(number)]
        return cls(pieces, bars, hold, seed, given)


def kind_of(asked: Asked) -> tuple[float, bool]:
    """Returns what calls of `sample` have in common whose pieces are written together."""
    return asked.hold, asked.given is None


def write_all(model: Any, asked: Sequence[Asked]) -> list[PianorollComposition]:
    """Writes the pieces of several calls of `sample`, which are of one kind, in a row."""
    pieces = [(one, noises) for one in asked for noises in one.noises]
    all_noises = [noise for _, noises in pieces for noise in noises]
    told = [one.given for one, _ in pieces if one.given is not None]
    cut = [given.phrases(model.bars) for given in told]
    which = [given.number for given, (rolls, _) in zip(told, cut) for _ in rolls]
    rolls = np.concatenate([rolls for rolls, _ in cut]) if cut else None
    phrases = _write(model, all_noises, asked[0].hold, rolls, which)
    ends = np.cumsum([len(noises) for _, noises in pieces])
    found = np.split(phrases, ends[:-1])
    if not told:
        joined = [roll.reshape(-1, *roll.shape[2:]) for roll in found]
    else:
        joined = [given.joined(roll, begins) for given, roll, (_, begins) in zip(told, found, cut)]
    return [
        _composition(model, roll[: one.bars], noises, one.seed, one.given)
        for roll, (one, noises) in zip(joined, pieces)
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
    model: Any,
    pieces: list[tuple[Noise, ...]],
    bars: int,
    hold: float,
    given: GivenTrack | None = None,
) -> list[PianorollComposition]:
    """Writes pieces of some bars, each from the noises of its phrases, to what is given."""
    return write_all(model, [Asked(pieces, bars, hold, None, given)])


def _composition(
    model: Any,
    roll: np.ndarray,
    noises: tuple[Noise, ...],
    seed: int | None,
    given: GivenTrack | None,
) -> PianorollComposition:
    if given is None:
        score = model.encoding.decode(roll, ((0, model.tempo),))
    else:
        score = given.score(model.encoding, roll)
    return PianorollComposition(
        score=signed(score, model.name, seed),
        seed=seed,
        model=model.name,
        roll=roll,
        encoding=model.encoding,
        noise=noises,
        given=given,
        remarks=() if given is None else given.remarks,
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


def _write(
    model: Any, noises: list[Noise], hold: float, given: np.ndarray | None, which: Sequence[int]
) -> np.ndarray:
    """The rolls of some phrases, `(phrases, bars, steps, pitches, tracks)` uint8.

    `given` are those of what is given, of which `which` says the tracks; or None.
    """
    rolls = []
    for first in range(0, len(noises), BATCH):
        rows = np.minimum(np.arange(first, first + BATCH), len(noises) - 1)
        batch = [noises[row] for row in rows]
        inputs = {name: np.stack([getattr(noise, name) for noise in batch]) for name in NAMES}
        told = () if given is None else (given[rows], np.array(which)[rows])
        rolls.append(model.write(inputs, hold, *told)[: len(noises) - first])
    return np.concatenate(rolls)
