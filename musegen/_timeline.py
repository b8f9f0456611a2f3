"""Where a score is in time: ticks against bars and seconds, in whole numbers.

Without a tempo the pace is 120 quarters per minute, without a meter it is 4/4, as the MIDI standard
has it. A change of meter begins a bar, and the first bar begins at tick 0. Nothing here takes
memory or time in proportion to ticks, and `bars_of` alone in proportion to bars.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
from symusic.core import ScoreTick

DEFAULT_TEMPO = 500_000
"""Microseconds per quarter note where none are stated (120 quarters per minute)."""

DEFAULT_METER = (4, 4)
"""Meter where none is stated."""


@dataclasses.dataclass(frozen=True)
class TempoMap:
    """The stretches of one tempo that a piece consists of, from tick 0 on.

    Args:
        ticks_per_quarter: Ticks per quarter note.
        ticks: First tick of each stretch, shape `(stretches,)`, rising, the first one 0.
        tempos: Microseconds per quarter note in each stretch, shape `(stretches,)`.
        seconds: Second at which each stretch begins, shape `(stretches,)`.
    """

    ticks_per_quarter: int
    ticks: np.ndarray
    tempos: np.ndarray
    seconds: np.ndarray

    @classmethod
    def of(cls, score: ScoreTick) -> TempoMap:
        """Returns the tempo map of a score."""
        events = score.tempos.numpy()
        order = np.argsort(events["time"], kind="stable")
        ticks = np.append(0, events["time"][order]).astype(np.int64)
        tempos = np.append(DEFAULT_TEMPO, events["mspq"][order]).astype(np.int64)
        # Whole microseconds times ticks are below 2^53, so nothing is rounded before the end.
        passed = np.concatenate([[0], np.cumsum(np.diff(ticks) * tempos[:-1])])
        quarter = score.ticks_per_quarter
        return cls(quarter, ticks, tempos, passed / (1e6 * quarter))

    def to_seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Returns the second of each tick; both are arrays of one shape."""
        place = np.searchsorted(self.ticks, ticks, side="right") - 1
        passed = (ticks - self.ticks[place]) * self.tempos[place]
        return self.seconds[place] + passed / (1e6 * self.ticks_per_quarter)

    def to_ticks(self, seconds: np.ndarray) -> np.ndarray:
        """Returns the tick of each second, not rounded; both are arrays of one shape."""
        place = np.maximum(np.searchsorted(self.seconds, seconds, side="right") - 1, 0)
        passed = (seconds - self.seconds[place]) * 1e6 * self.ticks_per_quarter
        return self.ticks[place] + passed / self.tempos[place]


def to_steps(ticks: Any, resolution: int, per_quarter: int | Fraction) -> Any:
    """Returns the nearest step of each tick, halves up, of so many steps to the quarter note."""
    resolution *= per_quarter.denominator
    return (2 * per_quarter.numerator * ticks + resolution) // (2 * resolution)


def duration_seconds(score: ScoreTick) -> float:
    """Returns the time until a score's last event, in seconds."""
    return float(TempoMap.of(score).to_seconds(np.array([max(score.end(), 0)]))[0])


def bar_count(score: ScoreTick) -> int:
    """Counts the bars until a score's last event, the last bar whole."""
    return sum(bars for _, bars, _ in meter_stretches(score, max(score.end(), 0)))


def meter_stretches(score: ScoreTick, end: int) -> list[tuple[int, int, tuple[int, int]]]:
    """Returns the stretches of one meter up to the tick `end`, or the first one.

    Each has its first tick, its bars (the last one counted whole), and its meter.
    """
    meters = [(meter.time, meter.numerator, meter.denominator) for meter in score.time_signatures]
    meters = [(0, *DEFAULT_METER), *sorted(meters, key=lambda meter: meter[0])]
    stretches = []
    for (start, top, bottom), (stop, *_) in itertools.pairwise([*meters, (end, 0, 0)]):
        ticks = min(stop, end) - min(start, end)
        whole = 4 * score.ticks_per_quarter * top  # a bar, times `bottom`
        bars = -(-ticks * bottom // whole) if whole else 0
        if bars:
            stretches.append((start, bars, (top, bottom)))
    return stretches


@dataclasses.dataclass(frozen=True)
class Bar:
    """A bar of a piece; times are in ticks and may fall between two."""

    start: float  # in a pickup, the last beat at or before the first note
    end: float
    beat: float  # length of a beat; in 6/8, 9/8, 12/8 and the like that is a dotted value
    number: int  # as in printed music: the first full bar is 1, a pickup is 0
    meter: tuple[int, int] | None  # where it is stated: in the first bar and where it changes


def bars_of(score: ScoreTick, end: int) -> list[Bar]:
    """Returns the bars of a score up to the one, whole, that a tick falls in.

    The first bar is a pickup if half of it or more is silent, and a note begins in the rest of it:
    a bar that begins with a shorter rest is a full one.
    """
    stretches = meter_stretches(score, end)
    ends = [*(start for start, _, _ in stretches[1:]), math.inf]
    bars: list[Bar] = []
    stated = None
    for (start, count, meter), after in zip(stretches, ends):
        top, bottom = meter
        beats = top // 3 if bottom >= 8 and top > 3 and top % 3 == 0 else top
        length = 4 * score.ticks_per_quarter * top / bottom
        for index in range(count):
            begin, stop = start + index * length, min(start + (index + 1) * length, after)
            new = meter if index == 0 and meter != stated else None
            bars.append(Bar(begin, stop, length / beats, len(bars) + 1, new))
        stated = meter
    tracks = (track.notes.numpy()["time"] for track in score.tracks)
    first = min((int(times.min()) for times in tracks if len(times)), default=0)
    if bars and bars[0].end <= 2 * first < 2 * bars[0].end:
        beat = bars[0].beat
        bars[0] = dataclasses.replace(bars[0], start=first // beat * beat)
        bars = [dataclasses.replace(bar, number=bar.number - 1) for bar in bars]
    return bars
