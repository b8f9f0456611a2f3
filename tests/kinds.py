"""Files of the kinds that people have, made up: each is what once surprised a command.

`KINDS` has, by name, what makes the bytes of a MIDI file. None is a file of anybody's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
from scores import score_of

from musegen.midi import midi_bytes

TUNE = [60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 72, 71, 67, 64, 60]


def notes(pitches=TUNE, length=24, start=0):
    """Notes of one length, one after the other."""
    return [(start + place * length, length, pitch) for place, pitch in enumerate(pitches)]


def chords(roots, length=96):
    return [
        (place * length, length, root + up) for place, root in enumerate(roots) for up in (0, 4)
    ]


def beat(bars=4):
    return [(24 * place, 6, (36, 38)[place % 2]) for place in range(4 * bars)]


def song():
    """A dozen tracks, several of one name, with drums and a bar of rest at the beginning."""
    tracks = [
        ("Vocals", 52, False, notes(start=96)),
        ("Bass", 33, False, notes([36, 43] * 4, 48, start=96)),
        ("Drums", 0, True, beat(5)),
        *(("Guitar", 24 + i, False, chords([48 + i, 53, 55, 48])) for i in range(4)),
        *((f"Strings {i}", 48, False, notes([67 + i] * 4, 96)) for i in range(4)),
        ("", 0, False, []),
        ("Piano", 0, False, chords([60, 65, 67, 60])),
    ]
    return score_of(*tracks, keys=[(0, 0, 0)])


def performance(count=1200, seed=0):
    """A pianist's: off every grid, with overlaps, hundreds of tempi and 1,024 ticks a quarter."""
    random = np.random.default_rng(seed)
    starts = np.sort(random.integers(0, count * 200, count)).tolist()
    lengths, heights = random.integers(1, 1500, count), random.integers(36, 96, count)
    played = [
        *zip(starts, lengths.tolist(), heights.tolist(), random.integers(1, 128, count).tolist())
    ]
    tempos = [(tick, int(random.integers(300_000, 900_000))) for tick in range(0, count * 200, 700)]
    return score_of(("", 0, False, played), resolution=1024, tempos=tempos)


def raw(*tracks: bytes, form: int = 1, division: int = 96) -> bytes:
    """A MIDI file of tracks as they stand in it, without their ends."""
    data = b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division)
    for events in tracks:
        chunk = events + b"\x00\xff\x2f\x00"
        data += b"MTrk" + struct.pack(">I", len(chunk)) + chunk
    return data


def struck(pitches, length=96, channel=0):
    """Notes one after the other as events; of length 0, each begins a quarter after the last."""
    found = b""
    for place, pitch in enumerate(pitches):
        wait = b"\x60" if place and not length else b"\x00"
        found += (
            wait + bytes([0x90 + channel, pitch, 80]) + bytes([length, 0x80 + channel, pitch, 0])
        )
    return found


def named(name: bytes) -> bytes:
    return b"\x00\xff\x03" + bytes([len(name)]) + name


GOOD: dict[str, Callable[[], bytes]] = {
    "a song": lambda: midi_bytes(song()),
    "a performance": lambda: midi_bytes(performance()),
    "tracks of one name": lambda: midi_bytes(
        score_of(*((("part", 0, False, notes([p + up for p in TUNE]))) for up in (12, 0, -12)))
    ),
    "a pickup": lambda: midi_bytes(score_of(notes(start=72))),
    "a first rest": lambda: midi_bytes(score_of(notes(start=4 * 96 + 12))),
    "changes of meter": lambda: midi_bytes(
        score_of(notes(TUNE * 2), meters=[(0, 3, 4), (144, 6, 8), (360, 4, 4), (400, 5, 4)])
    ),
    "chords in one track": lambda: midi_bytes(score_of(chords([48, 53, 55, 48, 50, 55, 48, 48]))),
    "notes without a length": lambda: raw(struck(TUNE, 0)),
    "a fine resolution": lambda: midi_bytes(
        score_of(notes(length=32_767), resolution=32_767, tempos=[(0, 250_000), (99_999, 900_001)])
    ),
    "one track of all channels": lambda: raw(
        b"".join(struck(TUNE[i : i + 4], channel=i % 3) for i in range(0, 16, 4)), form=0
    ),
    "odd names": lambda: raw(
        named("Flöte".encode("latin-1")) + struck(TUNE),
        named("フルート".encode("shift-jis")) + struck(TUNE[::-1], channel=1),
        named(b"\x00\x1b[31m\xff") + struck(TUNE, channel=2),
        named(b"$\\frac$") + struck(TUNE, channel=3),
    ),
}
"""Files of which each command makes something."""

LEAST: dict[str, Callable[[], bytes]] = {
    "one long note": lambda: midi_bytes(score_of([(0, 96 * 40, 60)])),
    "drums alone": lambda: midi_bytes(score_of(("Drums", 0, True, beat()))),
    "no notes": lambda: midi_bytes(score_of([])),
    "an empty file": lambda: b"",
    "a damaged file": lambda: midi_bytes(song())[:300],
    "no MIDI file": lambda: b"ID3\x03" + bytes(range(256)) * 4,
}
"""Files of which some commands make nothing, and say so."""
