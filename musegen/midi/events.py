"""The events of a MIDI track as bytes: where the valid ones end, and what is wrong with the next.

An event is the time since the one before it (ticks, as a number of up to four bytes with seven bits
each), a status, and its data. Events on a channel may leave out their status if it is that of the
last event on a channel (running status); this goes on after meta events and system exclusive
messages, as most programs write it.
"""

from __future__ import annotations

import re

MAX_NUMBER = 2**28 - 1
"""The most that four bytes of seven bits state."""

# What is wrong with an event.
DATA = "data bytes above 127"
STATUS = "events without a status"
LENGTH = "lengths beyond the end of the track"
FIXED = "tempos, meters and keys of a wrong length"
NUMBER = "numbers of more than four bytes"
SYSTEM = "messages that files don't hold"
CUT = "events cut off by the end of the track"

# Reasons to stop that are no damage.
END = "end of track"
DROP = "system exclusive message"
LOST_END = "pitch that begins again after its end was lost"

_BELOW_128 = re.compile(rb"[\x00-\x7f]")

FIXED_LENGTH = {0x51: 3, 0x58: 4, 0x59: 2}  # tempo, meter, key


class Tally:
    """What a track holds so far: events by status, programs with notes, notes that sound."""

    def __init__(self) -> None:
        self.events = [0] * 256
        self.sounding: dict[int, int] = {}  # by channel * 128 + pitch
        self.doubtful: dict[int, int] = {}  # those of them whose end may have been skipped
        self.name = 0  # bytes of the longest name
        self._program = [0] * 16
        self._notes = [0] * 16
        self._used: list[set[int]] = [set() for _ in range(16)]

    def program(self, channel: int, program: int) -> None:
        """Takes note of a program change."""
        notes = self.events[0x80 | channel] + self.events[0x90 | channel]
        if notes != self._notes[channel]:
            self._notes[channel] = notes
            self._used[channel].add(self._program[channel])
        self._program[channel] = program

    def tracks(self) -> int:
        """Counts the tracks that the score may get: channels and programs with notes."""
        for channel in range(16):
            self.program(channel, self._program[channel])
        return sum(map(len, self._used))


def read_number(data: bytes, position: int, end: int) -> tuple[int, int]:
    """Returns the number at a place (too long: `MAX_NUMBER + 1`), and the place after it."""
    value = 0
    for place in range(position, min(position + 4, end)):
        byte = data[place]
        value = value << 7 | byte & 127
        if byte < 128:
            return value, place + 1
    last = _BELOW_128.search(data, position, end)
    return MAX_NUMBER + 1, last.end() if last else end


def number_bytes(number: int) -> bytes:
    """Returns a number as bytes of seven bits, the highest first."""
    found = [number & 127]
    while number := number >> 7:
        found.append(number & 127 | 128)
    return bytes(reversed(found))


def scan(
    data: bytes, position: int, end: int, status: int, count: int, tally: Tally
) -> tuple[int, int, str]:
    """Passes over `count` valid events, or all if 0, and takes note of them in `tally`.

    Returns where the first invalid event begins, the running status there, and what is wrong with
    it; or where `count` events end, the running status there, and an empty string.
    """
    events, sounding, doubtful = tally.events, tally.sounding, tally.doubtful
    while position < end:
        event = position
        byte = data[position]
        position += 1
        if byte > 127:
            while byte > 127 and position < end:
                if position - event == 4:
                    return event, status, NUMBER
                byte = data[position]
                position += 1
        if position == end:
            return event, status, CUT
        byte = data[position]
        if byte < 0xF0:
            if byte > 127:
                now = byte
                position += 1
            elif status:
                now = status
            else:
                return event, status, STATUS
            if now < 0xC0 or now >= 0xE0:
                if position + 2 > end:
                    return event, status, CUT
                first, second = data[position], data[position + 1]
                if first > 127 or second > 127:
                    return event, status, DATA
                if now < 0xA0:
                    key = (now & 15) << 7 | first
                    sounds = sounding.get(key, 0)
                    if now > 0x8F and second:
                        if doubtful and key in doubtful:
                            return event, status, LOST_END
                        sounding[key] = sounds + 1
                    elif sounds:
                        sounding[key] = sounds - 1
                        if sounds == 1:
                            del sounding[key]
                        if doubtful and key in doubtful:
                            doubtful[key] -= 1
                            if not doubtful[key]:
                                del doubtful[key]
                position += 2
            else:
                if position == end:
                    return event, status, CUT
                first = data[position]
                if first > 127:
                    return event, status, DATA
                if now < 0xD0:
                    tally.program(now & 15, first)
                position += 1
            status = now
            events[now] += 1
        elif byte == 0xFF or byte == 0xF0 or byte == 0xF7:
            kind = data[position + 1] if byte == 0xFF and position + 1 < end else 0
            if kind == 0x2F:
                return event, status, END
            first = position + 1 + (byte == 0xFF)
            if first >= end:
                return event, status, CUT
            if data[first] < 128:  # as nearly all are
                length, after = data[first], first + 1
            else:
                length, after = read_number(data, first, end)
            if after + length > end or length > MAX_NUMBER:
                return event, status, LENGTH
            if kind > 127:
                return event, status, SYSTEM
            if length != FIXED_LENGTH.get(kind, length):
                return event, status, FIXED
            if kind == 3 and length > tally.name:
                tally.name = length
            position = after + length
            if byte != 0xFF:
                return event, status, DROP
        else:
            return event, status, SYSTEM
        count -= 1
        if not count:
            return position, status, ""
    return end, status, END
