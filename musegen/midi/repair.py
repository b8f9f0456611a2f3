"""What can still be read of a damaged MIDI file: its bytes walked event by event, written clean.

A walk writes an equal file in which every event is whole and valid, and counts what it had to skip.
Its rules:

* A track ends with its chunk; an end-of-track event before that is passed over if whole events
  follow it. If the stated length leads to no end of track, no other chunk and not to the end of the
  file, the track ends at its first end-of-track event, or before the next `MTrk`. Chunks of other
  kinds are passed over, as the standard has it, unless they close as a track does.
* Of a time of more than four bytes only the last byte is taken.
* An event that can't be (`musegen.midi.events` has the reasons) is skipped. Reading goes on right
  after it or, where what comes there is no music either, at the next place from which `EVENTS`
  whole events follow each other.
* The time of a skipped event is kept, so that what follows begins where it did. Time within bytes
  that can't be read is lost: what follows them in the track may begin early.
* The end of a note may have been skipped. So a note that sounds at a damaged place ends, at the
  latest, where its pitch begins again.

Every chunk and every place that is no plain event takes one of `PATIENCE` tries, so that the time
for a walk grows with the size of the file alone.
"""

from __future__ import annotations

import re
from collections import Counter

from musegen.midi.events import (
    CUT,
    DROP,
    END,
    FIXED,
    FIXED_LENGTH,
    LENGTH,
    LOST_END,
    MAX_NUMBER,
    NUMBER,
    STATUS,
    Tally,
    number_bytes,
    read_number,
    scan,
)

EVENTS = 4
"""Whole events in a row by which music is told from bytes that look like it."""

PATIENCE = 50_000
"""Places in a file at which the walk may have to look twice."""

FAR = 2**16
"""Bytes in which the end of a system exclusive message without a length is looked for."""

END_OF_TRACK = b"\xff\x2f\x00"

# What else is skipped; for events see `musegen.midi.events`.
EARLY = "ends of track before the end of the track"
MISSING = "tracks that are missing"
AFTER = "bytes after the end of a track"
BETWEEN = "bytes between or after the tracks"
UNREADABLE = "bytes that can't be read"
CHUNK = "chunks of a wrong length"
NAME = "tracks without their name MTrk"
HEADER = "headers of a wrong length"

# The last byte of a time, and a status.
_EVENT = re.compile(rb"[\x00-\x7f][\x80-\xff]")

_SYSTEM_DATA = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # data bytes of system messages; others have none


class TooDamaged(Exception):
    """There are more than `PATIENCE` places that are no plain events."""


class Walk:
    """A walk through a file whose first 14 bytes are a MIDI header; may raise `TooDamaged`.

    Attributes:
        clean: A clean file with the same music.
        skipped: How often each kind of damage was met; empty in a valid file.
        chunks: Tracks in the file.
        tracks: Tracks that the score may have: channels and programs with notes, in each track.
        names: Bytes of the names of those tracks.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.skipped: Counter[str] = Counter()
        self.chunks = self.tracks = self.names = 0
        self._out = bytearray()
        self._patience = PATIENCE
        self._scratch = Tally()
        self._file()
        self.skipped = +self.skipped
        count = min(self.chunks, 0xFFFF).to_bytes(2, "big")
        self.clean = data[:4] + b"\0\0\0\6" + data[8:10] + count + data[12:14] + bytes(self._out)

    def _file(self) -> None:
        """Walks from chunk to chunk."""
        data, size = self.data, len(self.data)
        position = 8 + int.from_bytes(data[4:8], "big")
        if position != 14 and (position < 14 or not self._is_boundary(position)):
            self.skipped[HEADER] += 1
            position = 14
        while position < size:
            self._spend()
            start = position + 8
            if start > size:
                self.skipped[BETWEEN] += size - position
                break
            end = start + int.from_bytes(data[position + 4 : start], "big")
            whole = self._is_boundary(end) or data.startswith(END_OF_TRACK, max(end - 3, start))
            if not data.startswith(b"MTrk", position):
                if not (whole and self._is_name(data[position : position + 4])):
                    found = data.find(b"MTrk", position)
                    found = size if found < 0 else found
                    self.skipped[BETWEEN] += found - position
                    position = found
                    continue
                if not data.startswith(END_OF_TRACK, max(end - 3, start)):
                    position = end  # a chunk of another kind
                    continue
                self.skipped[NAME] += 1
            if not whole:
                found = data.find(b"MTrk", start)
                end = size if found < 0 else found
                self.skipped[CHUNK] += 1
            position = self._track(start, end, whole)
            if whole and position < end and not data.startswith(b"MTrk", position):
                self.skipped[AFTER] += end - position
                position = end
        if not self.chunks:
            self.skipped[MISSING] += int.from_bytes(data[10:12], "big")

    @staticmethod
    def _is_name(kind: bytes) -> bool:
        return len(kind) == 4 and kind.isascii() and kind.decode().isprintable()

    def _is_boundary(self, position: int) -> bool:
        """Returns whether the file ends at a place, or a chunk begins there."""
        if position >= len(self.data) or self.data.startswith(b"MTrk", position):
            return position <= len(self.data)
        length = int.from_bytes(self.data[position + 4 : position + 8], "big")
        fits = position + 8 + length <= len(self.data)
        return fits and self._is_name(self.data[position : position + 4])

    def _track(self, start: int, end: int, whole: bool) -> int:
        """Walks through the events of a track; returns the place after its end."""
        data, out, tally = self.data, self._out, Tally()
        head = len(out)
        out += b"MTrk\0\0\0\0"
        position = start
        late = 0  # ticks of skipped events, which the next one has to wait
        again = False  # whether the next event needs its status written
        status = 0  # of the last event on a channel
        while True:
            if (late or again) and self._is_whole(position, end, status, 1, tally.doubtful):
                ticks, body = read_number(data, position, end)
                stop, status, _ = scan(data, position, end, status, 1, tally)
                out += number_bytes(min(late + ticks, MAX_NUMBER))
                if data[body] < 128:
                    out.append(status)
                out += data[body:stop]
                position = stop
                late, again = 0, data[body] > 0xEF
                continue
            stop, status, reason = scan(data, position, end, status, 0, tally)
            if stop > position:
                out += data[position:stop]
                position = stop
            if reason is END:
                if position == end:
                    break
                ticks, body = read_number(data, position, end)
                length, after = read_number(data, body + 2, end)
                after = min(after + length, end)
                early = whole and after < end and not data.startswith(b"MTrk", after)
                if not (early and self._is_whole(after, end, status, EVENTS, {})):
                    position = after
                    break
                self._spend()
                self.skipped[EARLY] += 1
                position, late, again = after, late + ticks, True
                continue
            self._spend()
            if reason is LOST_END:
                ticks, body = read_number(data, position, end)
                status = data[body] if data[body] > 127 else status
                pitch = data[body + (data[body] > 127)]
                key = (status & 15) << 7 | pitch
                off = bytes((0x80 | status & 15, pitch, 0))
                lost = tally.doubtful.pop(key)
                tally.sounding[key] -= lost
                out += number_bytes(min(late + ticks, MAX_NUMBER))
                out += off + (b"\0" + off) * (lost - 1)
                late, again = -ticks, True
                continue
            position, ticks, status, lost_end = self._after(position, end, status, reason)
            late, again = late + ticks, True
            if lost_end:
                tally.doubtful.update(tally.sounding)
        out += b"\0" + END_OF_TRACK
        out[head + 4 : head + 8] = (len(out) - head - 8).to_bytes(4, "big")
        self.chunks += 1
        self.tracks += tally.tracks()
        self.names += tally.tracks() * tally.name
        return position

    def _after(self, event: int, end: int, status: int, reason: str) -> tuple[int, int, int, bool]:
        """Passes over an event that can't be taken as it is.

        Returns where to read on, the ticks before the event, the running status there, and whether
        the end of a note may have been passed over.
        """
        data = self.data
        if reason is CUT:
            self.skipped[CUT] += 1
            return end, 0, status, False
        ticks, body = read_number(data, event, end)
        byte = data[body] if body < end else 0
        note = False
        if reason is NUMBER:  # only the last byte is taken
            ticks, places = 0, [body - 1]
        elif byte < 0xF0:
            if reason is STATUS:  # most events have two data bytes
                places = [body + 2, body + 1]
            else:
                status = byte if byte > 127 else status
                size = 1 if 0xC0 <= status < 0xE0 else 2
                places = [body + (byte > 127) + size]
            note = status < 0xA0
        elif byte == 0xFF or byte in (0xF0, 0xF7):
            length, after = read_number(data, body + 1 + (byte == 0xFF), end)
            if reason is DROP:
                return after + length, ticks, status, False
            places = [after + length, after]
            status = 0 if reason is LENGTH else status  # what follows may be the event's own bytes
            if reason is FIXED:
                places.insert(1, after + FIXED_LENGTH[data[body + 1]])
            elif byte != 0xFF:  # with no length at all, as it is sent over a cable
                places.insert(0, data.find(0xF7, body, min(end, body + FAR)) + 1)
        else:
            places = [body + 1 + _SYSTEM_DATA.get(byte, 0)]
        self.skipped[reason] += 1
        for place in places:
            if event < place <= end and self._is_whole(place, end, status, EVENTS, {}):
                return place, ticks, status, note
        place = self._next_music(event + 1, end)
        self.skipped[UNREADABLE] += place - event
        return place, ticks, 0, True

    def _next_music(self, position: int, end: int) -> int:
        """Finds the next place from which whole events follow each other."""
        while found := _EVENT.search(self.data, position, end):
            self._spend()
            position = found.start()
            if self._is_whole(position, end, 0, EVENTS, {}):
                return position
            position += 1
        return end

    def _spend(self) -> None:
        self._patience -= 1
        if self._patience < 0:
            raise TooDamaged

    def _is_whole(
        self, position: int, end: int, status: int, count: int, doubtful: dict[int, int]
    ) -> bool:
        """Returns whether so many valid events follow each other, or all up to the track's end."""
        self._scratch.doubtful = dict(doubtful)
        _, _, reason = scan(self.data, position, end, status, count, self._scratch)
        return reason == "" or (count > 1 and reason in (END, DROP))
