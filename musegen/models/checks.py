"""Checks of arguments: each returns the value, or raises a `ValueError` that says what to give."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from typing import Any


def checked_int(name: str, value: Any, low: int, high: int) -> int:
    """Returns `value` if it is a whole number in the range, else raises a ValueError."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name}={value!r}: give a whole number from {low} to {high}.")
    return value


def checked_choice(name: str, value: Any, choices: Sequence[str]) -> str:
    """Returns `value` if it is one of the choices, else raises a ValueError."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}={value!r}: choose one of {', '.join(map(repr, choices))}.")
    return value


def checked_number(name: str, value: Any, low: float, high: float) -> float:
    """Returns `value` if it is a number in the range, else raises a ValueError."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) and low <= value <= high):
        raise ValueError(f"{name}={value!r}: give a number from {low} to {high}.")
    return value


def checked_positive(name: str, value: Any) -> float:
    """Returns `value` if it is a finite number above 0, else raises a ValueError."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) and 0 < value < math.inf):
        raise ValueError(f"{name}={value!r}: give a number above 0.")
    return value


def checked_share(name: str, value: Any) -> float:
    """Returns `value` if it is a number from 0 up to below 1, else raises a ValueError."""
    if isinstance(value, bool) or not (isinstance(value, (int, float)) and 0 <= value < 1):
        raise ValueError(f"{name}={value!r}: give a share from 0 up to, not including, 1.")
    return value


def seed_or_drawn(seed: int | None) -> int:
    """Returns `seed` if it is a whole number from 0 to 2^63 - 1, or one that is drawn if None."""
    return secrets.randbits(31) if seed is None else checked_int("seed", seed, 0, 2**63 - 1)


def checked_name(name: Any) -> str:
    """Returns a model's name if it is one, else raises a ValueError."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name={name!r}: give a text without a slash.")
    return name
