"""The kinds of values that options take, each checked as the library checks its arguments.

So what an option does not take is known before anything is read or begun.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable
from typing import Any

from musegen._checks import (
    checked_choice,
    checked_int,
    checked_number,
    checked_path,
    checked_positive,
    checked_share,
    shown,
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """What an option takes.

    Attributes:
        metavar: What stands for it in the help.
        read: Makes a value of its text.
        check: The library's check of that value.
    """

    metavar: str
    read: Callable[[str], Any]
    check: Callable[[str, Any], Any]

    def __call__(self, text: str) -> Any:
        """Gives the value of an option's text, or what argparse makes a message of."""
        try:
            value = self.read(text)
        except ValueError:
            value = text
        try:
            return self.check("", value)
        except ValueError as error:
            allowed = str(error).rpartition(": ")[2].rstrip(".")
            raise argparse.ArgumentTypeError(f"{shown(text)}: {allowed}") from None


def whole(low: int, high: int | None = None) -> Kind:
    """Whole numbers from `low` to `high`, or of any size."""
    return Kind("N", int, lambda name, value: checked_int(name, value, low, high))


def choice(*choices: str) -> Kind:
    """One of some words."""
    return Kind("NAME", str, lambda name, value: checked_choice(name, value, choices))


def _jobs(name: str, value: Any) -> Any:
    if value != -1 and (not isinstance(value, int) or value < 1):
        raise ValueError(f"{name}: give a number of processes, or -1 for one a core.")
    return value


def _track(name: str, value: Any) -> str:
    from musegen.encoding.roll import RollTrack

    return RollTrack(value).name


POSITIVE = Kind("X", float, checked_positive)
SHARE = Kind("X", float, checked_share)
FILE = Kind("FILE", str, lambda name, value: str(checked_path(name, value)))
JOBS = Kind("N", int, _jobs)
TEMPERATURE = Kind("X", float, lambda name, value: checked_number(name, value, 0, 1e30))
TOP_P = Kind("X", float, lambda name, value: checked_positive(name, value, 1))
TRACK = Kind("NAME", str, _track)
