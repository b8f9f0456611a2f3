"""How large a file of music may be, so that no file takes more time or memory than its reader has.

A limit is looked at as soon as what it bounds is known: bytes before the file is read, tracks
before they are parsed, and notes, hours and bars before anything else is made of them.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any

from musegen._checks import Positive, Whole, checked_kind
from musegen.midi.rules import MidiError
from musegen.settings import declared


@declared
@dataclasses.dataclass(frozen=True)
class ReadLimits:
    """How large a MIDI file may be; whatever is over a limit is a `MidiError`.

    Raises:
        ValueError: If a limit is out of its range.

    Example:
        >>> ReadLimits(max_bars=10_000).max_bars
        10000
    """

    max_bytes: Annotated[int, Whole(1), "Bytes of the file, checked before it is read"] = 10_000_000
    max_tracks: Annotated[
        int, Whole(1), "Tracks of the file, and of the score: one per channel and program"
    ] = 256
    max_notes: Annotated[int, Whole(1), "Notes in all tracks together"] = 500_000
    max_hours: Annotated[
        float, Positive(), "Hours until the last event, at the tempo that the file states"
    ] = 24.0
    max_bars: Annotated[
        int, Whole(1), "Bars until the last event, in the meter that the file states"
    ] = 4096

    def check(self, field: str, found: float, unit: str, name: str) -> None:
        """Raises a `MidiError` about the file called `name` if `found` is over the limit."""
        allowed = getattr(self, field)
        if found > allowed:
            # max_hours rounds up, so that the value that the message names lets the file in.
            needed = math.ceil(found * 100) / 100 if field == "max_hours" else int(found)
            raise MidiError(
                f"{name}: {needed:,} {unit}, and at most {allowed:,} are read. "
                f"To read it, pass limits=ReadLimits({field}={needed}).",
                setting=(field, needed),
            )


_DEFAULT = ReadLimits()


def checked_limits(limits: Any) -> ReadLimits:
    """Returns the limits, the default ones for None; raises a ValueError for anything else."""
    checked_kind("limits", limits, ReadLimits | None, "a ReadLimits, or None")
    return _DEFAULT if limits is None else limits
