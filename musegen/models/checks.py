"""Checks of arguments: each returns the value, or raises a `ValueError` that says what to give."""

from __future__ import annotations

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


def checked_name(name: Any) -> str:
    """Returns a model's name if it is one, else raises a ValueError."""
    if not isinstance(name, str) or not name or "/" in name:
        raise ValueError(f"name={name!r}: give a text without a slash.")
    return name
