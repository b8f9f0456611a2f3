"""Rows of whole numbers as one number each, by which equal rows are found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def hash_rows(columns: Sequence[NDArray] | NDArray) -> NDArray[np.uint64]:
    """Hashes rows of whole numbers to 64 bits each (the finalizer of SplitMix64).

    Args:
        columns: Arrays `(rows,)`, at least one.

    Returns:
        `(rows,)`, equal where all columns are, and otherwise once in 2^64 by chance.
    """
    found = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        numbers = np.asarray(column).astype(np.int64).view(np.uint64)
        found = found * np.uint64(0x100000001B3) + numbers + np.uint64(0x9E3779B97F4A7C15)
        found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found ^= found >> np.uint64(31)
    return found
