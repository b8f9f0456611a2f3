"""What a trained MuseGAN writes: phrases, longer pieces, and what each knob does.

A phrase is written from its noise alone: the same noise gives the same phrase, however many are
written with it. Longer pieces are phrases in a row that share style and groove, each with chords
and melody of its own.

There is no temperature. In training the likeliest pitch of each cell was taken, and the critic saw
nothing else: only which score is highest was learned, not by how much, so that scores are no
probabilities. Nor are cells drawn one after the other: two that were drawn from them would not know
of each other, where the noise is one for all.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import numpy as np

from musegen._checks import Choice, Number, Whole, checked_items, checked_kind, seed_or_drawn, shown
from musegen.composition import PianorollComposition, signed
from musegen.encoding.pianoroll import MAX_BYTES
from musegen.sampling.noise import NAMES, Noise, between
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
    hold = model.hold if hold is None else hold
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
        number = 1 if count is None else count
        bars = model.bars if bars is None else bars
        seed = seed_or_drawn(seed)
        phrases = -(-bars // model.bars)
        size = number * math.prod(model.encoding.shape(phrases * model.bars))
        if size > MAX_BYTES:
            raise ValueError(
                f"count={number}, bars={bars}: the rolls would take {size / 2**30:.1f} GiB, and at "
                "most 1 GiB is made. Ask for fewer at a time, each time with another seed."
            )
        pieces = [_piece(model, phrases, seed, (i,) if i else ()) for i in range(number)]
    written = _compositions(model, pieces, bars, hold, seed)
    return written[0] if count is None else written


@declared
def variants(
    model: Any,
    piece: PianorollComposition,
    part: Annotated[str, Choice(*NAMES), "Which of the four noises to draw anew"],
    track: str | None = None,
    *,
    count: Annotated[int, Whole(1, 1000), "Variants to write"] = 4,
    hold: Annotated[
        float | None, Number(0, 1000), "As of `sample`; the same that the piece was written with"
    ] = None,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed writes the same variants; drawn if None"
    ] = None,
) -> list[PianorollComposition]:
    """Writes a piece again with one knob turned, several times.

    Variant n of a phrase, from 1, has the noise `model.vary(noise, part, track, seed + n)`; phrases
    of a longer piece share style and groove, and have chords and melody of their own. The steps
    that changed are `(variant.roll != piece.roll).any(axis=2)`, `(bars, steps, tracks)`.

    Args:
        model: A trained `MuseGAN`.
        piece: What this model wrote.
        track: As of `vary`.

    Returns:
        The variants.

    Raises:
        ValueError: If there is no such part or track, or the piece is not this model's.
    """
    checked_kind("piece", piece, PianorollComposition, "what this model's `sample` returned")
    seed = seed_or_drawn(seed)
    apart = 0 if part in ("style", "groove") else 1000  # of phrases, more than there are variants

    def turned(number: int) -> tuple[Noise, ...]:
        seeds = ((seed + number + apart * phrase) % 2**63 for phrase in itertools.count())
        return tuple(vary(model, noise, part, track, own) for noise, own in zip(piece.noise, seeds))

    noises = [turned(number) for number in range(1, count + 1)]
    hold = model.hold if hold is None else hold
    return _compositions(model, noises, len(piece.roll), hold, None)


@declared
def walk(
    model: Any,
    first: PianorollComposition,
    last: PianorollComposition,
    share: float | Mapping[str, float | Mapping[str, float]] = 0.5,
    *,
    hold: Annotated[float | None, Number(0, 1000), "As of `sample`"] = None,
) -> PianorollComposition:
    """Writes what lies between two pieces: each of their noises, a share of the way.

    Args:
        model: A trained `MuseGAN`.
        first: What this model wrote.
        last: Another piece that it wrote, of as many phrases.
        share: How far to go, from 0, the noises of `first`, to 1, those of `last`: one number for
            all four noises, or one by the name of each; and for a noise of which each track has
            its own, also one by the name of each track. What is not named stays as in `first`:
            `{"chords": 0.5, "melody": {"bass": 1}}`.

    Returns:
        The piece.

    Raises:
        ValueError: If an argument is out of its range, there is no such noise or track, or the
            pieces are not this model's, or not as long.
    """
    for name, piece in (("first", first), ("last", last)):
        checked_kind(name, piece, PianorollComposition, "what this model's `sample` returned")
        for noise in piece.noise:
            _check_noise(model, noise)
    if len(first.noise) != len(last.noise) or not first.noise:
        raise ValueError(
            f"last has {len(last.noise)} phrases, and first has {len(first.noise)}. Give pieces of "
            "as many phrases."
        )
    shares = _shares(model, share)
    noises = tuple(between(a, b, shares) for a, b in zip(first.noise, last.noise))
    hold = model.hold if hold is None else hold
    return _compositions(model, [noises], len(first.roll), hold, None)[0]


def _shares(model: Any, share: Any) -> dict[str, Any]:
    """How far each noise goes: by its name a number, or `(tracks, 1)`."""
    kind, tracks = Number(0, 1), [one.name for one in model.encoding.tracks]
    if not isinstance(share, Mapping):
        return dict.fromkeys(NAMES, kind.check("share", share))
    found: dict[str, Any] = {}
    for name, value in share.items():
        Choice(*NAMES).check("share", name)
        if not isinstance(value, Mapping):
            found[name] = kind.check(f"share of {name}", value)
            continue
        if model.noise_shapes[name][:-1] != (len(tracks),):
            raise ValueError(
                f"share of {name}={shown(value)}: in this model, all tracks share one {name} "
                "noise. Give one number."
            )
        found[name] = np.zeros((len(tracks), 1))
        for track, number in value.items():
            Choice(*tracks).check(f"share of {name}", track)
            found[name][tracks.index(track)] = kind.check(f"share of {name} of {track}", number)
    return found


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


@declared
def vary(
    model: Any,
    noise: Noise,
    part: Annotated[str, Choice(*NAMES), "Which of the four to draw anew"],
    track: str | None = None,
    seed: Annotated[
        int | None, LARGE_SEED, "The same seed draws the same noise; drawn if None"
    ] = None,
) -> Noise:
    """Turns one knob: draws one of the four noises anew, and leaves the others.

    Args:
        model: A `MuseGAN`.
        noise: The noise to begin with, of the shapes of this model's; it stays as it is.
        track: The name of the track whose noise to draw, where each has its own; all of them if
            None.

    Returns:
        The new noise.

    Raises:
        ValueError: If there is no such part or track, or the noise has not the shapes of this
            model's.
    """
    _check_noise(model, noise)
    names = [one.name for one in model.encoding.tracks]
    # Each part has draws of its own, which are none that `draw_noise` gives for any seed.
    draws = np.random.SeedSequence(seed_or_drawn(seed), spawn_key=(0, NAMES.index(part)))
    new = np.random.default_rng(draws).standard_normal(model.noise_shapes[part], np.float32)
    if track is not None:
        Choice(*names).check("track", track)
        if len(new) != len(names) or new.ndim != 2:
            raise ValueError(
                f"track={track!r}: in this model, all tracks share one {part} noise. Leave it out."
            )
        others = np.arange(len(names)) != names.index(track)
        new[others] = getattr(noise, part)[others]
    return noise.replace(**{part: new})


def _compositions(
    model: Any, pieces: list[tuple[Noise, ...]], bars: int, hold: float, seed: int | None
) -> list[PianorollComposition]:
    """Writes pieces of some bars, each from the noises of its phrases."""
    rolls = _write(model, [one for noises in pieces for one in noises], hold)
    rolls = rolls.reshape(len(pieces), -1, *rolls.shape[2:])[:, :bars]
    return [
        PianorollComposition(
            score=signed(model.encoding.decode(roll, ((0, model.tempo),)), model.name, seed),
            seed=seed,
            model=model.name,
            roll=roll,
            encoding=model.encoding,
            noise=noises,
        )
        for roll, noises in zip(rolls, pieces, strict=True)
    ]


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


def _check_noise(model: Any, noise: Any) -> None:
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
