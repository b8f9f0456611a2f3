"""MIDI files as large as they are read, made so that reading them costs much.

Each is one short event, again and again, up to the 10,000,000 bytes of `ReadLimits`, and is read in
a process of its own. `benchmarks/reliability.py` runs this, and compares the worst with what
SECURITY.md states.
"""

from __future__ import annotations

import dataclasses
import struct
import tempfile
import time
import warnings
from pathlib import Path

import measure

MOST_SECONDS, MOST_BYTES = 10.0, 500_000_000

SIZE = 10_000_000

END_OF_TRACK = b"\0\xff\x2f\0"

# What the track begins with, and what is in it again and again.
EVENTS = {
    "notes": (b"\0\x90\x3c\x40", b"\1\x3c\0\1\x3c\x40"),
    "notes that never end": (b"\0\x90\x3c\x40", b"\0\x3c\x40"),
    "ends without a note": (b"\0\x80\x3c\x40", b"\0\x3c\x40"),
    "controls": (b"\0\xb0\1\2", b"\1\1\2"),
    "pitch bends": (b"\0\xe0\1\2", b"\1\1\2"),
    "programs": (b"\0\xc0\1", b"\0\2\0\3"),
    "tempos": (b"", b"\1\xff\x51\3\1\2\3"),
    "tempos of a wrong length": (b"", b"\0\xff\x51\5\1\2\3\4\5"),
    "time signatures": (b"", b"\1\xff\x58\4\4\2\x18\x08"),
    "lyrics": (b"", b"\0\xff\5\1a"),
    "markers": (b"", b"\0\xff\6\1a"),
    "system exclusive messages": (b"", b"\0\xf0\1\xf7"),
    "messages that files don't hold": (b"", b"\0\xf5"),
}


@dataclasses.dataclass
class Found(measure.Found):
    """What came of the files; `failures` says which took more than is stated, and how much."""

    scores: int = 0
    errors: int = 0


def large(size: int = SIZE) -> Found:
    """Reads a file of each kind.

    Args:
        size: Bytes of a file.
    """
    files = {kind: _file(size, *events) for kind, events in EVENTS.items()}
    track = b"MTrk" + struct.pack(">I", len(END_OF_TRACK)) + END_OF_TRACK
    files["empty tracks"] = _header() + track * ((size - 14) // len(track))
    files["empty chunks"] = _header() + b"XXXX\0\0\0\0" * ((size - 14) // 8)
    found = Found()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.mid"
        path.write_bytes(_file(100, *EVENTS["notes"]))
        _, start = measure.in_fresh_process(read, path)
        for kind, data in files.items():
            path.write_bytes(data)
            (seconds, is_score), most = measure.in_fresh_process(read, path)
            found.tried += 1
            found.scores += is_score
            found.errors += not is_score
            found.worst_seconds = max(found.worst_seconds, seconds)
            found.worst_bytes = max(found.worst_bytes, most - start)
            if seconds > MOST_SECONDS or most - start > MOST_BYTES:
                found.failures.append(f"{kind}: {seconds:.1f} s, {(most - start) / 1e6:.0f} MB")
    return found


def read(path: Path) -> tuple[float, bool]:
    """Reads a file, giving the seconds of work that this took and whether a score came of it."""
    from musegen.midi import MidiError, MidiWarning, read_midi

    warnings.simplefilter("ignore", MidiWarning)
    begun = time.process_time()
    try:
        read_midi(path)
    except MidiError:
        return time.process_time() - begun, False
    return time.process_time() - begun, True


def _header() -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 1, 1, 480)


def _file(size: int, begin: bytes, event: bytes) -> bytes:
    count = (size - 22 - len(begin) - len(END_OF_TRACK)) // len(event)
    body = begin + event * count + END_OF_TRACK
    return _header() + b"MTrk" + struct.pack(">I", len(body)) + body
