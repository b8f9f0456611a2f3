"""How a piece begins where nothing is given: its meter, pickup and tempo, as in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from musegen._checks import shown
from musegen.encoding.grid import METERS


def checked_meter(meter: Any) -> tuple[int, int]:
    """Returns a meter if it is in the table of those that models know, else raises."""
    pair = tuple(meter) if isinstance(meter, (tuple, list)) else ()
    whole = all(isinstance(value, (int, np.integer)) for value in pair)
    if not (whole and pair in METERS):
        allowed = ", ".join(f"({known[0]}, {known[1]})" for known in METERS if known)
        raise ValueError(f"meter={shown(meter)}: choose one of {allowed}.")
    return int(pair[0]), int(pair[1])


def draw_opening(
    model: Any, meter: tuple[int, int] | None, seed: int, number: int
) -> tuple[int, int, int, int]:
    """Draws how a piece begins, as often as the training pieces begin so.

    Args:
        model: A model with `openings`.
        meter: The meter that it is to have; any if None.
        seed: The seed.
        number: The number of the piece.

    Returns:
        Numerator, denominator, pickup in steps, and microseconds per quarter note.
    """
    openings = [one for one in model.openings if meter is None or tuple(one[:2]) == meter]
    if meter is not None and not openings:
        openings = [(*meter, 0, 500_000, 1)]
    openings = openings or [(4, 4, 0, 500_000, 1)]
    weights = np.array([one[4] for one in openings], float)
    random = np.random.default_rng([seed, number, 1])
    numerator, denominator, pickup, tempo, _ = openings[
        random.choice(len(openings), p=weights / weights.sum())
    ]
    return numerator, denominator, pickup, tempo
