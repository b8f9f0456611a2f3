"""Hostile `.npz` files: each is a score or one clear line, in a second and 200 MB.

They are made to unpack to much, or to take much when unpacked; `tests/test_pianoroll_npz.py` has
the small ones, each with its message. The limits that they come up against are `ReadLimits()`.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile

import numpy as np
import pytest

STEPS = 2**22  # the most that are read


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def track(counts, steps, velocities, length=STEPS, index=0):
    """The four arrays of a roll; `counts` are the cells of each pitch."""
    key = f"pianoroll_{index}_csc_"
    ends = np.append(0, np.cumsum(counts))
    parts = {"data": velocities, "indices": steps, "indptr": ends, "shape": [length, 128]}
    return {f"{key}{part}.npy": npy(np.asarray(array)) for part, array in parts.items()}


def one_pitch(cells):
    return np.bincount([60], minlength=128) * cells


def alternating(cells, kind=np.uint8):
    return (60 + np.arange(cells) % 2).astype(kind)


def flat(cells=STEPS, step=1, backwards=False, loud=None):
    """One pitch, whose every cell, or every other one, is a note where `loud` says so."""
    places = np.arange(0, cells * step, step, dtype=np.uint32)[:: -1 if backwards else 1]
    loud = np.full(cells, 64, np.uint8) if loud is None else loud
    return track(one_pitch(cells), places, loud)


def many_pitches():
    """Every cell of 2^15 steps and 128 pitches."""
    steps = np.tile(np.arange(2**15, dtype=np.uint16), 128)
    return track(np.full(128, 2**15), steps[::-1], np.full(len(steps), 64, np.uint8), 2**15)


def many_tracks():
    """255 tracks of four million steps, with a few cells at every pitch."""
    parts = track(
        np.full(128, 256), np.tile(np.arange(256), 128).astype(np.uint8), alternating(2**15)
    )
    members = {}
    for index in range(255):
        members |= {name.replace("_0_", f"_{index}_"): data for name, data in parts.items()}
    return members


def tempo(kind, changes, steps=STEPS):
    values = np.full(steps, 120, kind)
    values[:changes] = 60 + np.arange(changes) % 100
    return {"tempo.npy": npy(values)}


def mixed_tempo(beats, times=24):
    """As pypianoroll's parser lays them."""
    return {"tempo.npy": npy(np.tile(60.0 + np.arange(beats) % 100, times))}


def downbeats(count):
    marks = np.zeros(STEPS, bool)
    marks[:: STEPS // count] = True
    return {"downbeat.npy": npy(marks)}


def header_of(size, version=b"\x01\x00", form="<H"):
    """An array whose header has so many bytes."""
    text = b"{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }".ljust(size)
    body = np.full(3, 120.0).tobytes()
    return {"tempo.npy": b"\x93NUMPY" + version + struct.pack(form, size) + text + body}


READ, ELSE = "read", "tempo holds something else"
V2, V3, V9 = ((bytes([version, 0]), "<I") for version in (2, 3, 9))
FULL, MANY = "4,194,304 notes", "changes more than 524,288 times"
FILES = {
    "four million cells of one note": (flat, "hours"),
    "backwards": (lambda: flat(backwards=True), "hours"),
    "four million notes": (lambda: flat(loud=alternating(STEPS)), FULL),
    "four million notes backwards": (lambda: flat(backwards=True, loud=alternating(STEPS)), FULL),
    "large velocities": (lambda: flat(2_600_000, loud=alternating(2_600_000, float)), "notes"),
    "as many notes as are read": (lambda: flat(500_000, step=2), "bars"),
    "every cell at every pitch": (many_pitches, READ),
    "8 million notes in 255 tracks": (many_tracks, "8,355,840 notes"),
    "four million tempos": (lambda: tempo(np.uint8, STEPS), MANY),
    "as many tempos as are read": (lambda: tempo(np.uint8, 500_000), "bars"),
    "as many, in 8 bytes each": (lambda: tempo(np.float64, 500_000, 4_000_000), "bars"),
    "tempos mixed up": (lambda: mixed_tempo(20_000), "bars"),
    "many tempos mixed up": (lambda: mixed_tempo(170_000), MANY),
    "4,096 downbeats": (lambda: downbeats(4096), READ),
    "notes, tempos and downbeats": (
        lambda: {**flat(400_000, step=3), **tempo(np.uint8, 500_000), **downbeats(4000)},
        "bars",
    ),
    "a header of 10 MB": (lambda: header_of(10_000_000, *V2), ELSE),
    "a header of 2 kB": (lambda: header_of(2000), ELSE),
    "version 2": (lambda: header_of(100, *V2), READ),
    "version 3": (lambda: header_of(100, *V3), READ),
    "version 9": (lambda: header_of(100, *V9), "tempo is no NumPy array"),
    "a header longer than the file": (
        lambda: {"tempo.npy": b"\x93NUMPY\x02\x00" + b"\xff" * 4 + bytes(50)},
        ELSE,
    ),
    "33 MB of zeros": (lambda: {"zeros": bytes(33_500_000)}, READ),
    "34 MB of zeros": (lambda: {"zeros": bytes(34_000_000)}, "bytes when unpacked"),
    "100 MB in four files": (
        lambda: dict.fromkeys(("a", "b", "c", "d"), bytes(25_000_000)),
        "100,000,0",
    ),
    "4,000 files": (lambda: {f"x{n}": b"" for n in range(4000)}, READ),
    "5,000 files": (lambda: {f"x{n}": b"" for n in range(5000)}, "more than 4,096 files"),
    "files outside": (
        lambda: dict.fromkeys(("../../x", "/etc/x", "C:\\x", "a/../../x", ".."), b"x"),
        READ,
    ),
}


@pytest.mark.parametrize(
    ("name", "resolution"),
    [
        *((name, 24) for name in FILES),
        # Where a quarter note has so many steps, as many steps are few bars.
        *((name, 32_767) for name, (_, reason) in FILES.items() if reason in ("bars", "hours")),
    ],
)
def test_large_files(name, resolution, load, tmp_path):
    make, reason = FILES[name]
    path = tmp_path / "hostile.npz"
    members = make()
    count = sum(member.endswith("_shape.npy") for member in members)
    info = {"resolution": resolution, **{str(index): {} for index in range(count)}}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for member, data in members.items():
            archive.writestr(member, data)
        archive.writestr("info.json", json.dumps(info))
    answer = load(".npz", path)
    if reason == READ or resolution == 32_767:
        assert answer["error"] is None, answer
    else:
        assert answer["error"] == "MidiError"
        assert reason in answer["message"]


INFOS = {
    "260 kB of lists": '{"resolution":24,"0":{},"x":[' + "[]," * 80_000 + "[]]}",
    "260 kB of names": '{"resolution":24,' + ",".join(f'"x{n}":0' for n in range(20_000)) + "}",
    "100,000 deep": '{"resolution":' + "[" * 100_000,
    "25,000 tracks": '{"resolution":24,' + ",".join(f'"{n}":0' for n in range(25_000)) + "}",
    "a number of 250,000 digits": '{"resolution":' + "9" * 250_000 + "}",
    "two megabytes": '{"resolution":24,"x":"' + "a" * 2_000_000 + '"}',
}


@pytest.mark.parametrize("name", INFOS)
def test_large_infos(name, load, tmp_path):
    path = tmp_path / "hostile.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("info.json", INFOS[name])
    answer = load(".npz", path)
    assert answer["error"] in (None, "MidiError")
    assert len(answer["message"]) < len(str(path)) + 500


def test_bombs_that_overlap(load, tmp_path):
    """Many entries of the directory that share one packed megabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tempo.npy", bytes(10**6))
    data = buffer.getvalue()
    begin = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry, path = data[begin:end], tmp_path / "bomb.npz"
    for count in (30, 4000, 60_000):
        size = struct.pack("<HHII", count, count, count * len(entry), begin)
        path.write_bytes(data[:begin] + entry * count + data[end : end + 8] + size + b"\0\0")
        answer = load(".npz", path)
        assert answer["error"] == "MidiError"


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/stdin", "pipe.npz", "folder.npz"])
def test_what_is_no_file(place, load, tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "link.npz").symlink_to(tmp_path / place)
    for path in (tmp_path / place, tmp_path / "link.npz"):
        assert load(".npz", path)["error"] == "MidiError"
