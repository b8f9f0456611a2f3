"""A few searches that show whether symusic reads a MIDI file rightly, and in little memory.

symusic is fast, and takes some things for others: it loses what follows an end-of-track event
inside a track, reads the bytes after a tempo that is too short as part of it, and ends running
status where most programs let it go on. And it makes a track of every channel and program in a
track of the file, 5 kB and a copy of the name each. What looks like any of these here is read event
by event by `musegen.midi.repair` first. The checks err on that side: a file that passes is read
rightly, and one that does not may still be a good one.
"""

from __future__ import annotations

import bisect
import re

import numpy as np

SMALL = 2**16
"""Bytes up to which a file can't grow much: to 150 MB, whatever is in it."""

# A tempo, meter or key of a wrong length, or an end of track.
_META = re.compile(rb"\xff(?:\x51[^\x03]|\x58[^\x04]|\x59[^\x02]|\x2f)", re.DOTALL)

# A number of more than four bytes has four of these in a row. (So may text.)
_HIGH = bytes([0] * 128 + [1] * 128)

# A track's name of more than 127 bytes.
_LONG_NAME = re.compile(rb"\xff\x03[\x80-\xff]")

# Program changes, as bytes.
_PROGRAM = [bytes([byte]) for byte in range(0xC0, 0xD0)]

# Messages that files don't hold, as bytes.
_SYSTEM = [bytes([byte]) for byte in (*range(0xF1, 0xF7), *range(0xF8, 0xFF))]

_ABOVE_127 = bytes(range(128, 256))

# The beginning of a text, or of a tempo, meter or key, up to its length. (A key with flats has a
# byte of 249 or more.)
_DATA = re.compile(rb"\xff[\x01-\x0f\x51\x58\x59\x7f]([\x01-\x7f])")


def chunks(data: bytes) -> tuple[list[tuple[int, int]], bool]:
    """Finds the tracks of a file by the lengths that it states.

    Returns the first byte and the place after the last of each track's events, and whether the file
    is tidy: it has nothing else, and each track closes with its one end-of-track event.
    """
    found, tidy, position, size = [], data[4:8] == b"\0\0\0\6", 14, len(data)
    while position + 8 <= size:
        start = position + 8
        end = start + int.from_bytes(data[position + 4 : start], "big")
        if data.startswith(b"MTrk", position):
            found.append((start, min(end, size)))
            tidy = tidy and end <= size and data.startswith(b"\xff\x2f\x00", end - 3)
        else:
            tidy = False
        position = end
    tidy = tidy and bool(found) and position == size
    return found, tidy and _META.findall(data) == [b"\xff\x2f"] * len(found)


def is_plain(data: bytes, tracks: list[tuple[int, int]]) -> bool:
    """Returns whether a tidy file has no events of which symusic makes something else."""
    events = b"".join([data[start:end] for start, end in tracks])
    return _looks_plain(events) or _looks_plain(_without_data(events))


def may_multiply(
    data: bytes, tracks: list[tuple[int, int]], max_bytes: int, max_tracks: int
) -> bool:
    """Returns whether program changes might make too many tracks, or too long names."""
    if len(data) <= SMALL:
        return False
    kinds = set()
    starts = [start for start, _ in tracks]
    for byte in _PROGRAM:
        position, end = -1, len(data) - 8
        while (position := data.find(byte, position + 1, end)) >= 0:
            if data[position + 1] < 128:
                following = data[position + 2 : position + 7].lstrip(_ABOVE_127)
                if following[1:2] < b"\x80":
                    return True  # more program changes, of running status
                place = bisect.bisect(starts, position) - 1
                kinds.add((place, byte, data[position + 1]))
                if len(kinds) > max_tracks:
                    return True
    if not _LONG_NAME.search(data):
        return False
    return sum(tracks[place][1] - tracks[place][0] for place, _, _ in kinds) > max_bytes


def _looks_plain(data: bytes) -> bool:
    if any(data.find(byte) >= 0 for byte in _SYSTEM):
        return False
    # Two such bytes side by side are rare, and soon looked for in long data.
    pairs = np.frombuffer(data, np.uint16, len(data) // 2 if len(data) > 4096 else 0)
    if (not len(pairs) or ((pairs & 0x8080) == 0x8080).any()) and (
        b"\1\1\1\1" in data.translate(_HIGH)
    ):
        return False
    # System exclusive messages: whole, short, and a status follows each.
    position, count = data.find(b"\xf0"), 0
    while position >= 0:
        end = position + 2 + data[position + 1] if position + 1 < len(data) else 0
        following = data[end : end + 5].lstrip(_ABOVE_127)
        if data[end - 1 : end] != b"\xf7" or following[1:2] < b"\x80":
            return False
        position, count = data.find(b"\xf0", end), count + 1
        if count > 1000:  # which would take long here
            return False
    return data.count(b"\xf7") == count


def _without_data(data: bytes) -> bytes:
    """Leaves out what lies in texts of up to 127 bytes, and in tempos, meters and keys."""
    parts, position = [], 0
    while text := _DATA.search(data, position):
        parts.append(data[position : text.end()])
        position = text.end() + data[text.end() - 1]
    return b"".join([*parts, data[position:]])
