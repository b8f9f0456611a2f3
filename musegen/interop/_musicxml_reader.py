"""The bytes of a MusicXML document -> a score. Anybody may have made them.

What is read: parts with their names, instruments and transposition, pitches, durations, ties,
voices, backward and forward steps, key and time signatures, tempo, dynamics in numbers, drums.
Grace notes and cue notes are left out, and repeats are played once, as from music21.
"""

from __future__ import annotations

import bisect
import itertools
import math
import xml.etree.ElementTree as ET  # its tree alone
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
from symusic.core import KeySignatureTick, ScoreTick, TempoTick, TimeSignatureTick

from musegen._timeline import bar_count, duration_seconds
from musegen.interop._musicxml_writer import FORTE
from musegen.interop._tracks import DEFAULT_VELOCITY, make_track
from musegen.interop._xml import (
    NUMBER,
    REMEDY,
    Wrong,
    number_of,
    parsed,
    text_at,
    text_of,
    whole_of,
)
from musegen.midi import MAX_TEMPO, MAX_TICK, MidiError, ReadLimits

MAX_RESOLUTION = 15_360
"""Ticks per quarter note at most; where the divisions of the parts have no common one, 480."""

MAX_UNITS = 10**9
"""Units of time to the quarter note in which divisions are exact."""

_STEPS = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))
_UNITS = {"whole": 240, "half": 120, "quarter": 60, "eighth": 30, "16th": 15}  # 60ths of a quarter


def score_of_document(data: bytes, name: str, limits: ReadLimits) -> ScoreTick:
    """Returns the score; what is wrong is a `MidiError` about the file called `name`."""
    root = parsed(data, name, limits)
    try:
        score = _Document(root, name, limits).score()
    except Wrong as wrong:
        raise MidiError(f"{name}: damaged MusicXML ({wrong}). {REMEDY}") from None
    limits.check("max_hours", duration_seconds(score) / 3600, "hours", name)
    limits.check("max_bars", bar_count(score), "bars", name)
    return score


def _divisions(text: str | None) -> int:
    return whole_of(text, "divisions of", 1, 10**6)


class _Row:
    """A note as it grows by ties; in units."""

    __slots__ = ("end", "pitch", "start", "velocity")

    def __init__(self, start: int, end: int, pitch: int, velocity: int | None) -> None:
        self.start, self.end, self.pitch, self.velocity = start, end, pitch, velocity


class _Document:
    """All parts, read measure by measure beside each other, since the longest gives the length.

    Time is in whole units, of which each division of each part is so many.
    """

    def __init__(self, root: ET.Element, name: str, limits: ReadLimits) -> None:
        self.limits, self.name = limits, name
        listed = {part.get("id"): part for part in root.iterfind("part-list/score-part")}
        limits.check("max_tracks", len(listed), "tracks", name)
        measures: dict[str | None, list[ET.Element]] = {}
        if root.tag == "score-partwise":
            for part in root.iterfind("part"):
                measures.setdefault(part.get("id"), []).extend(part.iterfind("measure"))
        else:
            for measure in root.iterfind("measure"):
                for part in measure.iterfind("part"):
                    measures.setdefault(part.get("id"), []).append(part)
        limits.check("max_tracks", len(measures), "tracks", name)
        divisions = {_divisions(found.text) for found in root.iter("divisions")}
        self.units = 24
        for each in divisions:
            self.units = math.lcm(self.units, each)
            if self.units > MAX_UNITS:
                self.units = 480
                break
        self.parts = [_Part(listed.get(key), own, self.units) for key, own in measures.items()]
        count = max((len(part.measures) for part in self.parts), default=0)
        limits.check("max_bars", count, "bars", name)
        self.count = count
        self.meters: list[tuple[Fraction, int, int]] = []

    def score(self) -> ScoreTick:
        place, silence, meter = 0, 0, (4, 4)
        lengths: list[tuple[int, tuple[int, int], bool]] = []
        for index in range(self.count):
            ends = [part.read(index, place) for part in self.parts]
            stated = [part.meter for part in self.parts if part.meter]
            changed, meter = bool(stated), (stated[0] if stated else meter)
            bar = 4 * self.units * meter[0] // meter[1]
            length = max(ends, default=place) - place or bar
            if index == 0 and length < bar and self.count > 1:
                silence = bar - length
                length = bar
            lengths.append((length, meter, changed))
            place += length - silence * (index == 0)
        resolution = self.units if self.units <= MAX_RESOLUTION else 480
        if (place + silence) * resolution > MAX_TICK * self.units:
            raise Wrong("longer than MIDI can be")

        def tick(units: int) -> int:
            return ((units + silence) * resolution * 2 + self.units) // (2 * self.units)

        score = ScoreTick(resolution)
        for time, top, bottom in _meters(lengths, self.units):
            at = tick(time - silence)
            score.time_signatures.append(TimeSignatureTick(at, top, bottom))
        for at, mspq in self._first_of("tempos", tick):
            score.tempos.append(TempoTick(at, mspq=mspq))
        for at, key in self._first_of("keys", tick):
            score.key_signatures.append(KeySignatureTick(at, *key))
        for part in self.parts:
            rows = [
                (tick(row.start), tick(row.end) - tick(row.start), row.pitch, part.loudness(row))
                for row in part.rows
            ]
            columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
            score.tracks.append(make_track((part.name, part.program, part.is_drum), columns))
        return score

    def _first_of(self, kind: str, tick: Callable[[int], int]) -> list[tuple[int, Any]]:
        """Returns the events of all parts, and of several at one time the first."""
        found: dict[int, Any] = {}
        for time, value in (event for part in self.parts for event in getattr(part, kind)):
            found.setdefault(tick(time) if time > 0 else 0, value)
        return sorted(found.items())


def _meters(
    lengths: list[tuple[int, tuple[int, int], bool]], units: int
) -> Iterator[tuple[int, int, int]]:
    """Yields where meters are stated: as written, and of bars that have another length.

    Two measures that fill a bar together, as before and after a repeat, are one; the last one may
    be short. (The first one, a pickup, was made a full bar.)
    """
    place, current, index = 0, None, 0
    while index < len(lengths):
        length, meter, _ = lengths[index]
        bar = 4 * units * meter[0] // meter[1]
        if length < bar and index + 1 < len(lengths):
            following, _, changed = lengths[index + 1]
            if length + following == bar and not changed:
                length, index = bar, index + 1
        stated = meter
        if length > bar or (length < bar and index + 1 < len(lengths)):
            whole = Fraction(length, 4 * units)
            bottom = next((b for b in (4, 8, 16, 32, 64) if b % whole.denominator == 0), 0)
            top = int(whole * bottom)
            stated = (top, bottom) if 0 < top <= 255 else meter
        if stated != current:
            yield place, *stated
            current = stated
        place += length
        index += 1


class _Part:
    """One part, which becomes a track."""

    def __init__(self, listed: ET.Element | None, measures: list[ET.Element], units: int) -> None:
        self.units, self.unit = units, Fraction(units)  # 60ths of a quarter, and of a division
        self.measures, self.rows = measures, list[_Row]()
        self.name = ((None if listed is None else text_at(listed, "part-name")) or "").strip()
        self.name = " ".join(self.name.split())[:200]
        self.program, channel, self.drums = 0, 0, dict[str, int]()
        for midi in () if listed is None else listed.iterfind("midi-instrument"):
            if (text := text_at(midi, "midi-unpitched")) is not None:
                self.drums[midi.get("id", "")] = whole_of(text, "a drum of", 1, 128) - 1
            if (text := text_at(midi, "midi-program")) is not None and not channel:
                self.program = whole_of(text, "a program of", 1, 128) - 1
            channel = channel or whole_of(
                text_at(midi, "midi-channel") or "1", "a channel of", 1, 16
            )
        self.pitched, self.unpitched, self.channel = 0, 0, channel
        self.meter: tuple[int, int] | None = None
        self.transposition = 0
        self.tempos: list[tuple[int, int]] = []
        self.keys: list[tuple[int, tuple[int, int]]] = []
        self.dynamics: list[tuple[int, int]] = []
        # Rows that a tied note may go on: by pitch and where they end, with their voices.
        self.tied: dict[tuple[int, int], list[tuple[str, _Row]]] = {}

    @property
    def is_drum(self) -> bool:
        return self.channel == 10 or (self.unpitched > 0 and not self.pitched)

    def loudness(self, row: _Row) -> int:
        """The velocity of a note: its own, or that of the last dynamics in numbers before it."""
        if row.velocity is not None:
            return row.velocity
        if not self.dynamics:
            return DEFAULT_VELOCITY
        self.dynamics.sort()
        place = bisect.bisect_right(self.dynamics, (row.start, 127)) - 1
        return self.dynamics[place][1] if place >= 0 else DEFAULT_VELOCITY

    def read(self, index: int, begin: int) -> int:
        """Reads a measure that begins at a place; returns where it ends."""
        self.meter = None
        if index >= len(self.measures):
            return begin
        place = end = last = begin
        for element in self.measures[index]:
            if element.tag == "note":
                if element.find("grace") is not None or element.find("cue") is not None:
                    continue
                length = self._duration(element)
                start = last if element.find("chord") is not None else place
                self._read_note(element, start, start + length)
                last, place = start, max(place, start + length)
            elif element.tag == "backup":
                place = max(place - self._duration(element), begin)
            elif element.tag == "forward":
                place += self._duration(element)
            elif element.tag == "attributes":
                self._read_attributes(element, place)
            elif element.tag in ("direction", "sound"):
                self._read_direction(element, place)
            end = max(end, place)
        return end

    def _duration(self, element: ET.Element) -> int:
        text = text_at(element, "duration")
        return round(number_of(text, "a duration of", 0, 10**9) * self.unit)

    def _read_note(self, element: ET.Element, start: int, end: int) -> None:
        if element.find("rest") is not None or end == start:
            return
        pitch = self._pitch(element)
        ties = {tie.get("type") for tie in element.iterfind("tie")}
        voice, row = text_at(element, "voice") or "", None
        waiting = self.tied.get((pitch, start), []) if "stop" in ties else []
        if waiting:
            first = itertools.islice(waiting, 16)  # as many as there are voices, and more
            same = next((n for n, (other, _) in enumerate(first) if other == voice), 0)
            row = waiting.pop(same)[1]
            row.end = end
        else:
            loud = element.get("dynamics")
            velocity = None if loud is None else _velocity(loud)
            row = _Row(start, end, pitch, velocity)
            self.rows.append(row)
        if "start" in ties:
            self.tied.setdefault((pitch, end), []).append((voice, row))

    def _pitch(self, element: ET.Element) -> int:
        pitch, unpitched = element.find("pitch"), element.find("unpitched")
        if pitch is not None:
            self.pitched += 1
            step = (text_at(pitch, "step") or "").strip()
            if step not in _STEPS:
                raise Wrong(f"a step of {step!r:.20}")
            alter = number_of(text_at(pitch, "alter") or "0", "an alteration of", -12, 12)
            octave = whole_of(text_at(pitch, "octave"), "an octave of", -2, 12)
            number = 12 * (octave + 1) + _STEPS[step] + round(alter) + self.transposition
            if not 0 <= number <= 127:
                raise Wrong(f"a pitch of {number}, and MIDI has 0 to 127")
            return number
        self.unpitched += 1
        instrument = element.find("instrument")
        drum = self.drums.get("" if instrument is None else instrument.get("id", ""))
        if drum is None and len(self.drums) == 1:
            drum = next(iter(self.drums.values()))
        if drum is not None:
            return drum
        step = "" if unpitched is None else (text_at(unpitched, "display-step") or "").strip()
        line = "4" if unpitched is None else text_at(unpitched, "display-octave") or "4"
        return 12 * (whole_of(line, "an octave of", -1, 8) + 1) + _STEPS.get(step, 0)

    def _read_attributes(self, element: ET.Element, place: int) -> None:
        if (text := text_at(element, "divisions")) is not None:
            self.unit = Fraction(self.units, _divisions(text))
        if (transpose := element.find("transpose")) is not None:
            tones = whole_of(text_at(transpose, "chromatic") or "0", "a transposition of", -60, 60)
            octaves = text_at(transpose, "octave-change") or "0"
            self.transposition = tones + 12 * whole_of(octaves, "a transposition of", -5, 5)
        key = element.find("key")
        if key is not None and (text := text_at(key, "fifths")) is not None:
            fifths = whole_of(text, "a key of", -100, 100)
            if self.transposition % 12:
                fifths = (fifths + 7 * self.transposition + 5) % 12 - 5
            if -7 <= fifths <= 7:
                minor = (text_at(key, "mode") or "").strip() == "minor"
                self.keys.append((place, (fifths, int(minor))))
        time = element.find("time")
        if time is not None and time.find("beats") is not None:
            tops = [text_of(beats)[:100] for beats in time.iterfind("beats")]
            bottoms = [
                whole_of(text_of(b), "a meter over", 1, 128) for b in time.iterfind("beat-type")
            ]
            bottom = max(bottoms, default=0)
            sums = [sum(whole_of(t, "a meter of", 1, 255) for t in top.split("+")) for top in tops]
            if not bottoms or len(bottoms) != len(sums) or any(b & (b - 1) for b in bottoms):
                raise Wrong("a meter that is none")
            total = sum(top * bottom // b for top, b in zip(sums, bottoms))
            if total > 255:
                raise Wrong(f"a meter of {total} beats")
            self.meter = (total, bottom)

    def _read_direction(self, element: ET.Element, place: int) -> None:
        sound = element if element.tag == "sound" else element.find("sound")
        for holder in (element, sound):
            if holder is not None and (text := text_at(holder, "offset")) is not None:
                place += round(number_of(text, "an offset of", -(10**9), 10**9) * self.unit)
                break
        if sound is not None and (loud := sound.get("dynamics")) is not None:
            self.dynamics.append((place, _velocity(loud)))
        pace = None
        if sound is not None and sound.get("tempo") is not None:
            pace = number_of(sound.get("tempo"), "a tempo of", 0, 10**6)
        elif (mark := element.find("direction-type/metronome")) is not None:
            unit = _UNITS.get((text_at(mark, "beat-unit") or "").strip())
            match = NUMBER.fullmatch(text_at(mark, "per-minute") or "")
            if unit is not None and match:  # else "ca. 80", or one value as another
                pace = Fraction(match[1]) * unit / 60
                if mark.find("beat-unit-dot") is not None:
                    pace *= Fraction(3, 2)
        if pace and 1 <= (mspq := round(60_000_000 / pace)) <= MAX_TEMPO:
            self.tempos.append((place, mspq))


def _velocity(text: str) -> int:
    loud = number_of(text, "dynamics of", 0, 10**6)
    return min(max(round(loud * FORTE / 100), 1), 127)
