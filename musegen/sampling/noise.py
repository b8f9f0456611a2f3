"""The four noises that a phrase is drawn from, each a knob of its own.

    noise     one for              says
    -------   ------------------   ---------------------------------------
    style     the phrase           what all tracks share, in every bar
    groove    each track           what a track keeps through all its bars
    chords    the phrase           what all tracks share, bar by bar
    melody    each track           what a track does of its own, bar by bar

Every noise is a vector of independent standard normal numbers. After Dong et al., "MuseGAN" (AAAI
2018), section 3.3, in the names of David Foster, "Generative Deep Learning" (2019), chapter 7.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from musegen._checks import Whole, checked_kind, shown
from musegen.settings import declared

NAMES = ("style", "groove", "chords", "melody")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Noise:
    """What one phrase is drawn from. `model.noise(seed=7)` draws one.

    Args:
        style: Finite numbers, `(noise_size,)`; `(tracks, noise_size)` in a model that jams.
        groove: Finite numbers, `(tracks, noise_size)`; `(1, noise_size)` in a model with one
            composer.
        chords: As style.
        melody: As groove.

    Raises:
        ValueError: If an argument is no such array.
    """

    style: NDArray[np.float32]
    groove: NDArray[np.float32]
    chords: NDArray[np.float32]
    melody: NDArray[np.float32]

    def __post_init__(self) -> None:
        for name in NAMES:
            try:
                with np.errstate(over="ignore"):  # infinite then, and refused as such
                    value = np.asarray(getattr(self, name), np.float32)
            except (TypeError, ValueError):
                value = np.zeros(0, np.float32)
            if value.ndim not in (1, 2) or not value.size or not np.isfinite(value).all():
                raise ValueError(
                    f"{name}={shown(getattr(self, name))}: give finite numbers, (noise_size,) or "
                    "(tracks, noise_size), as `model.noise()` does."
                )
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {getattr(self, name).shape}" for name in NAMES)
        return f"<Noise: {shapes}>"

    def replace(self, **parts: Any) -> Noise:
        """Returns the same noise with some of its parts changed.

        Args:
            **parts: `style`, `groove`, `chords` or `melody`, each of the shape it has here.

        Returns:
            The new noise; this one stays as it is.

        Raises:
            ValueError: If a name is none of the four, or a part has another shape.

        Example:
            >>> noise = Noise(np.zeros(2), np.zeros((3, 2)), np.zeros(2), np.zeros((3, 2)))
            >>> noise.replace(chords=[1, -1]).chords
            array([ 1., -1.], dtype=float32)
        """
        if unknown := sorted(parts.keys() - set(NAMES)):
            raise ValueError(f"{unknown[0]} is no noise: choose among {', '.join(NAMES)}.")
        new = dataclasses.replace(self, **parts)
        for name in parts:
            if getattr(new, name).shape != getattr(self, name).shape:
                raise ValueError(
                    f"{name} has the shape {getattr(new, name).shape}: give "
                    f"{getattr(self, name).shape}."
                )
        return new


@declared
def interpolate(
    first: Noise,
    last: Noise,
    steps: Annotated[int, Whole(2, 10**6), "How many noises, both ends among them"],
) -> list[Noise]:
    """Walks from one noise to another along great circles.

    Each vector is turned and stretched evenly, by spherical interpolation (White, "Sampling
    Generative Networks", 2016, section 2.1; Shoemake 1985): a straight line would pass through
    vectors shorter than any that the model has seen.

    Args:
        first: Where to begin.
        last: Where to end, a noise of the same shapes.

    Returns:
        The noises; the first and the last are those given.

    Raises:
        ValueError: If `steps` is out of its range, or the shapes differ.
    """
    for name, noise in (("first", first), ("last", last)):
        checked_kind(name, noise, Noise, "what `model.noise()` returns")
    for name in NAMES:
        shapes = getattr(first, name).shape, getattr(last, name).shape
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"last: {name} has the shape {shapes[1]}, and that of first has {shapes[0]}. Give "
                "noises of one model."
            )
    shares = np.linspace(0, 1, steps)[1:-1]
    return [first, *(between(first, last, dict.fromkeys(NAMES, share)) for share in shares), last]


def between(first: Noise, last: Noise, shares: Mapping[str, Any]) -> Noise:
    """Returns a noise on the way from one to another, as `interpolate` walks.

    Args:
        first: Where the way begins.
        last: Where it ends, a noise of the same shapes.
        shares: How far each noise has gone, from 0 to 1, by its name: a number, or an array of
            one for each of its vectors, `(tracks, 1)`. A noise that is not named stays as it is.
    """
    return first.replace(
        **{
            name: _slerp(getattr(first, name), getattr(last, name), np.asarray(share))
            for name, share in shares.items()
        }
    )


def _slerp(start: Any, end: Any, share: Any) -> NDArray[np.float32]:
    """Vectors between others, a share of the way each; vectors are along the last axis."""
    first, last = start.astype(np.float64), end.astype(np.float64)
    lengths = [np.linalg.norm(vector, axis=-1, keepdims=True) for vector in (first, last)]
    cosine = (first * last).sum(-1, keepdims=True) / np.maximum(lengths[0] * lengths[1], 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    sine = np.sin(angle)
    straight = sine < 1e-6  # the same direction, or opposite ones, between which no way is best
    sine = np.where(straight, 1, sine)
    weights = (
        np.where(straight, 1 - share, np.sin((1 - share) * angle) / sine),
        np.where(straight, share, np.sin(share * angle) / sine),
    )
    units = [vector / np.maximum(length, 1e-12) for vector, length in zip((first, last), lengths)]
    length = (1 - share) * lengths[0] + share * lengths[1]
    turned = weights[0] * units[0] + weights[1] * units[1]
    turned = (length * turned).astype(np.float32)
    return np.where(share == 0, start, np.where(share == 1, end, turned))  # its ends exactly
