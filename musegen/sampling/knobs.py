"""The knobs of a MuseGAN: pieces with one of their noises drawn anew, or between two pieces."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from musegen._checks import Choice, Number, Whole, checked_kind, seed_or_drawn, shown
from musegen.composition import PianorollComposition
from musegen.sampling.noise import NAMES, Noise, between
from musegen.sampling.phrases import check_noise, compositions
from musegen.settings import LARGE_SEED, declared


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
    check_noise(model, noise)
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
    of a longer piece share style and groove, and have chords and melody of their own. A track that
    was given stays. The steps
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
    return compositions(model, noises, len(piece.roll), hold, piece.given)


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
            check_noise(model, noise)
    if len(first.noise) != len(last.noise) or not first.noise:
        raise ValueError(
            f"last has {len(last.noise)} phrases, and first has {len(first.noise)}. Give pieces of "
            "as many phrases."
        )
    if first.given != last.given:
        raise ValueError("first and last were written to different tracks. Give pieces of one.")
    shares = _shares(model, share)
    noises = tuple(between(a, b, shares) for a, b in zip(first.noise, last.noise))
    hold = model.hold if hold is None else hold
    return compositions(model, [noises], len(first.roll), hold, first.given)[0]


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
