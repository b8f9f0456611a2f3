"""How a piece begins where nothing is given: its meter, pickup and tempo, as in training."""

from __future__ import annotations

from typing import Any

import numpy as np


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
