"""A track that is given to a MuseGAN, and the tracks that it writes to it.

The tune is cut into phrases, each of which is written to by itself, in the key of the tune there.
What comes of it is put in a row, and the tune's own notes in their place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from symusic.core import ScoreTick

from musegen._checks import shown
from musegen.encoding.grid import meter_changes
from musegen.encoding.roll import HELD, ONSET
from musegen.interop.dispatch import score_of
from musegen.sampling.tunes import (
    alone_from_bar_line,
    octaves,
    octaves_said,
    tune_of,
    voice_number,
    what_was_cut,
    with_track,
)

MAX_BARS = 4096
"""Bars of a piece at most, whether they are asked for or given."""


@dataclasses.dataclass(frozen=True, eq=False)
class GivenTrack:
    """A track that is given.

    Attributes:
        number: Which track of the model it is.
        name: That track's name.
        roll: The tune, `(bars, steps, pitches, tracks)` uint8; its other tracks are silent.
        tempos: Its tempos, as `PianorollEncoding.decode` takes them.
        tune: The tune as it was, alone, from a bar line.
        begin: The tick of that bar line.
        remarks: Sentences on what was taken.
    """

    number: int
    name: str
    roll: NDArray[np.uint8]
    tempos: Any
    tune: ScoreTick
    begin: int
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, model: Any, given: Any) -> GivenTrack:
        """Reads the argument `given` of `sample`; raises an error for what can't be."""
        encoding, names = model.encoding, [track.name for track in model.encoding.tracks]
        if not model.leads:
            raise ValueError(
                f"given: {model.name} writes all tracks by its noise alone. Give a model with "
                "generator='leading', such as bach-quartet."
            )
        if not isinstance(given, Mapping) or len(given) != 1:
            raise ValueError(
                f"given={shown(given)}: give a dict of one track's name and its music."
            )
        [(name, music)] = given.items()
        number = voice_number("given", name, names)
        score = score_of(f"given[{name!r}]", music)
        track, remarks = tune_of(score, None)
        tune, begin = alone_from_bar_line(score, track, encoding.tracks[number])
        remarks += what_was_cut(track, tune)
        for change, (_, *meter) in enumerate(meter_changes(tune)):
            if Fraction(*meter) != Fraction(*encoding.meter):  # 2/2 is as long as 4/4
                raise ValueError(
                    f"given: the tune {'changes to' if change else 'is in'} "
                    f"{meter[0]}/{meter[1]}, and {model.name} writes "
                    f"{encoding.meter[0]}/{encoding.meter[1]}. A model of voices harmonises tunes "
                    "in any meter: `musegen harmonise`."
                )
        pitches = tune.tracks[0].notes.numpy()["pitch"].astype(np.int16)
        shift = octaves(pitches, model.ranges, number)
        roll = encoding.encode(tune.shift_pitch(shift))
        report, bars = roll.report, len(roll.array)
        if report.out_of_range:
            raise ValueError(
                f"given: {report.out_of_range} notes of the tune are out of the range of "
                f"{model.name}, MIDI pitches {encoding.lowest} to "
                f"{encoding.lowest + encoding.pitches - 1}, in any octave. Give a tune of a "
                "smaller range."
            )
        if bars > MAX_BARS:
            raise ValueError(
                f"given: the tune has {bars:,} bars. Give one of at most {MAX_BARS:,}."
            )
        if shift:
            said = octaves_said(shift, names[number])
            remarks.append(f"The others were written to it {said}; the tune stays where it is.")
        if report.moved:
            remarks.append(f"The others keep to a grid of {encoding.steps} steps a bar.")
        return cls(number, names[number], roll.array, roll.tempos, tune, begin, tuple(remarks))

    def __eq__(self, other: Any) -> bool:
        """Whether it is the same tune at the same place, as the same track."""
        if not isinstance(other, GivenTrack):
            return NotImplemented
        mine, others = (
            (one.number, one.begin, one.tune.ticks_per_quarter, one.tune.tracks[0].notes)
            for one in (self, other)
        )
        return bool(mine == others)

    def phrases(self, bars: int) -> tuple[NDArray[np.uint8], list[int]]:
        """Cuts the tune into phrases of some bars.

        Returns:
            The phrases, `(phrases, bars, steps, pitches, tracks)`, and the bar at which each
            begins. The last one begins with bars of the one before it, so that it is whole; a tune
            that is shorter than a phrase is filled up with silence.
        """
        roll = self.roll
        if len(roll) < bars:
            roll = np.pad(roll, ((0, bars - len(roll)), *[(0, 0)] * 3))
        begins = [min(begin, len(roll) - bars) for begin in range(0, len(roll), bars)]
        return np.stack([roll[begin : begin + bars] for begin in begins]), begins

    def joined(self, phrases: NDArray[np.uint8], begins: list[int]) -> NDArray[np.uint8]:
        """Puts written phrases in a row, with the tune, before and after which nothing sounds."""
        bars = phrases.shape[1]
        done = range(0, bars * len(phrases), bars)
        fresh = [phrase[bar - begin :] for phrase, begin, bar in zip(phrases, begins, done)]
        roll = np.concatenate(fresh)[: len(self.roll)]
        cells = roll.reshape(-1, *roll.shape[2:])
        own = self.roll[..., self.number].reshape(len(cells), -1)
        sounding = np.flatnonzero(own.any(axis=1))
        first, last = sounding[0], sounding[-1]
        cells[:first] = cells[last + 1 :] = 0
        cells[first] = np.where(cells[first] == HELD, ONSET, cells[first])
        cells[..., self.number] = own
        return roll

    def score(self, encoding: Any, roll: NDArray[np.uint8]) -> ScoreTick:
        """The written roll as a score, with the tune's own notes, from where they began."""
        written = encoding.decode(roll, self.tempos)
        if len(self.tune.time_signatures):
            tune = self.tune.resample(written.ticks_per_quarter)
            written.time_signatures = tune.time_signatures
        return with_track(written, self.tune, self.name, self.begin)
