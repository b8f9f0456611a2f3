"""Checks of arguments: each returns the value, or raises an error that says what to give.

A message begins with the argument's name and the value, cut short, and ends with what is allowed:
`units=0: give a whole number from 1 to 4096.` NumPy's numbers are taken as Python's and given back
as such; True and False are no numbers, and a float is no whole number, whatever its value.
"""

from __future__ import annotations

import dataclasses
import math
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

SHOWN = 80
"""Characters of a value that a message shows at most."""

MAX_NAME = 100
"""Characters of a model's name at most."""


def shown(value: Any) -> str:
    """A value as messages show it: its repr in one line, cut short."""
    try:
        text = re.sub(r"\n\s*", " ", repr(value))
    except Exception:  # noqa: BLE001 - a whole number of too many digits, or any fault in a repr
        text = f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def printable(text: str) -> str:
    """A text from a file as messages and pictures show it: what can't be shown is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def counted(count: int, noun: str) -> str:
    """A number of things as messages show it: `1 piece`, `2,000 pieces`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@dataclasses.dataclass(frozen=True)
class Range:
    """The values that an argument or a setting may have; each kind is a class below.

    `str(range)` is what documentation says of it, such as `1 to 64`, and `allowed` what a message
    tells a person to do, such as `give a whole number from 1 to 64`.
    """

    allowed: ClassVar[Any]
    metavar: ClassVar[str] = "X"
    """What stands for a value in the command's help."""
    read: ClassVar[Callable[[str], Any]] = float
    """Makes a value of a text of the command line; raises ValueError."""

    def convert(self, value: Any) -> Any:
        """Returns `value` as Python's own type; raises ValueError if it is not in the range."""
        raise NotImplementedError

    def check(self, name: str, value: Any) -> Any:
        """Returns `value` if it is in the range, else raises a ValueError that names it."""
        try:
            return self.convert(value)
        except ValueError:
            raise ValueError(f"{name}={shown(value)}: {self.allowed}.") from None


@dataclasses.dataclass(frozen=True)
class Whole(Range):
    """Whole numbers from `low` to `high`, or without an upper bound."""

    low: int
    high: int | None = None
    metavar = "N"
    read = int

    def __str__(self) -> str:
        if self.high is None:
            return f"at least {self.low:,}"
        power = (self.high + 1).bit_length() - 1
        large = self.high >= 2**31 - 1 and self.high + 1 == 2**power
        return f"{self.low:,} to 2^{power} - 1" if large else f"{self.low:,} to {self.high:,}"

    @property
    def allowed(self) -> str:
        bounds = (
            f"of at least {self.low}" if self.high is None else f"from {self.low} to {self.high}"
        )
        return f"give a whole number {bounds}"

    def convert(self, value: Any) -> int:
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if not whole or value < self.low or (self.high is not None and value > self.high):
            raise ValueError
        return int(value)


@dataclasses.dataclass(frozen=True)
class Number(Range):
    """Finite numbers from `low` to `high`; where an end is open, that end itself is left out."""

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def __str__(self) -> str:
        if self.open_low:
            return f"above {self.low:,g}" + f", at most {self.high:,g}" * (self.high < math.inf)
        return f"{self.low:,g} {'up to, not including,' if self.open_high else 'to'} {self.high:,g}"

    @property
    def allowed(self) -> str:
        plain = re.sub(r"(?<=\d),(?=\d)", "", str(self))
        return f"give a number{'' if self.open_low else ' from'} {plain}"

    def convert(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            raise ValueError
        try:
            number = float(value)
        except OverflowError:  # a whole number that no float can be
            raise ValueError from None
        low = number > self.low if self.open_low else number >= self.low
        high = number < self.high if self.open_high else number <= self.high
        if not (low and high and number < math.inf):
            raise ValueError
        return number


def Positive(high: float = math.inf) -> Number:
    """Numbers above 0, up to `high` if it is given."""
    return Number(0, high, open_low=True)


def Share() -> Number:
    """Numbers from 0 up to, not including, 1."""
    return Number(0, 1, open_high=True)


@dataclasses.dataclass(frozen=True)
class Flag(Range):
    """True or False."""

    allowed = "give True or False"
    metavar = "True|False"
    read: ClassVar[Callable[[str], Any]] = {"True": True, "False": False}.get

    def __str__(self) -> str:
        return "True or False"

    def convert(self, value: Any) -> bool:
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError
        return bool(value)


@dataclasses.dataclass(frozen=True, init=False)
class Choice(Range):
    """One of some words."""

    words: tuple[str, ...]
    metavar = "NAME"
    read = str

    def __init__(self, *words: str) -> None:
        object.__setattr__(self, "words", words)

    def __str__(self) -> str:
        quoted = [f'`"{word}"`' for word in self.words]
        return " or ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))

    @property
    def allowed(self) -> str:
        return f"choose one of {', '.join(map(repr, self.words))}"

    def convert(self, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError
        return value


def checked_int(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Returns `value` if it is a whole number in the range, else raises a ValueError."""
    return int(Whole(low, high).check(name, value))


def seed_or_drawn(seed: int | None) -> int:
    """Returns `seed` if it is a whole number from 0 to 2^63 - 1, or one that is drawn if None."""
    return secrets.randbits(31) if seed is None else checked_int("seed", seed, 0, 2**63 - 1)


def checked_text(name: str, value: Any) -> str:
    """Returns `value` if it is a string, else raises a ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{name}={shown(value)}: give a string.")
    return value


def checked_name(name: Any) -> str:
    """Returns a model's name if it is one, else raises a ValueError."""
    text = isinstance(name, str) and name.isprintable() and "/" not in name
    if not text or not 1 <= len(name) <= MAX_NAME:
        allowed = f"a printable text of 1 to {MAX_NAME} characters, without a slash"
        raise ValueError(f"name={shown(name)}: give {allowed}.")
    return str(name)


def checked_path(name: str, value: Any) -> Path:
    """Returns `value` as a path if it is one, else raises a ValueError."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str) or not path or "\0" in path:
        raise ValueError(f"{name}={shown(value)}: give a path, as a string or a pathlib.Path.")
    return Path(path)


def checked_kind(name: str, value: Any, kinds: Any, what: str) -> Any:
    """Returns `value` if it is of a class, or one of several, else raises a ValueError."""
    if not isinstance(value, kinds):
        raise ValueError(f"{name}={shown(value)}: give {what}.")
    return value


def checked_items(name: str, value: Any, kinds: Any, what: str) -> list[Any]:
    """Returns the items of `value` if there are some and all are of a class, else raises."""
    listed = isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict))
    items = list(value) if listed else []
    if not items or not all(isinstance(item, kinds) for item in items):
        raise ValueError(f"{name}={shown(value)}: give {what}, at least one.")
    return items


def checked_config(config: Any, names: Iterable[str]) -> dict[str, Any]:
    """Returns a config if it is a dict with all of the names, else raises a ValueError."""
    missing = sorted(set(names) - config.keys()) if isinstance(config, dict) else ["dict"]
    if missing:
        raise ValueError(
            f"config={shown(config)}: give what `get_config()` returns; it lacks {missing[0]!r}."
        )
    return config


def checked_rows(
    name: str, value: Any, columns: Mapping[str, tuple[int, int | None]], least: int = 1
) -> tuple[tuple[int, ...], ...]:
    """Returns rows of whole numbers, each within its column's range, else raises a ValueError."""
    kinds = [Whole(low, high) for low, high in columns.values()]
    try:
        rows = tuple(
            tuple(kind.convert(cell) for kind, cell in zip(kinds, row, strict=True))
            for row in value
        )
        if len(rows) < least or isinstance(value, (str, bytes, dict)):
            raise ValueError
    except (TypeError, ValueError):
        ranges = ", ".join(kind.allowed.removeprefix("give a whole number ") for kind in kinds)
        raise ValueError(
            f"{name}={shown(value)}: give a list of ({', '.join(columns)}), whole numbers {ranges}"
            f"{', at least one' * (least > 0)}."
        ) from None
    return rows
