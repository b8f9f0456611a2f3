"""The edges of MIDI: a file each, by hand, in tests/midi; and what large files may take.

A file there is hex with comments. Its first lines say what it is, and what must come of it:

    # expect: notes (start duration pitch velocity) ...    all notes of the score, in ticks
    # expect: tempos (or meters, keys, names, tracks) ...  what else is in it
    # expect: error ...                                    a MidiError with these words
    # skips: ...                                           a MidiWarning with these words
    # limits: name=value ...                               the ReadLimits; otherwise their defaults
"""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import textwrap
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import symusic
from scores import keys_of, meters_of, played, score_of, tempos_of
from test_midi import random_score

from musegen.encoding import PitchDurationEncoding
from musegen.interop import to_score
from musegen.midi import MidiError, MidiWarning, ReadLimits, midi_bytes, read_midi
from musegen.midi.events import number_bytes
from musegen.midi.repair import Walk

FILES = sorted((Path(__file__).parent / "midi").glob("*.hex"))


def parse(path):
    """The bytes of a hex file, and what it says: a list for each of its words."""
    said = {"expect": [], "skips": [], "limits": []}
    digits = []
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, text = line.removeprefix("# ").partition(": ")
        if line.startswith("# ") and word in said:
            said[word].append(text)
        digits.append(line.split("#")[0])
    return bytes.fromhex("".join(digits)), said


def found_in(score):
    rows = [row for track in score.tracks for row in played(track)]
    return {
        "notes": " ".join(str(row).replace(",", "") for row in rows),
        "tracks": str(len(score.tracks)),
        "tempos": " ".join(str(tempo) for _, tempo in tempos_of(score)),
        "meters": " ".join(f"{top}/{bottom}" for _, top, bottom in meters_of(score)),
        "keys": " ".join(str(key) for _, key, _ in keys_of(score)),
        "names": " ".join(track.name for track in score.tracks),
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_edge(path, tmp_path):
    data, said = parse(path)
    assert said["expect"], "the file says what must come of it"
    numbers = dict(pair.split("=") for pair in " ".join(said["limits"]).split())
    limits = ReadLimits(**{name: int(value) for name, value in numbers.items()})
    named = tmp_path / f"{path.stem}.mid"
    named.write_bytes(data)
    for source, name in ((data, "the given bytes"), (named, str(named))):
        start = time.process_time()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                score, error = read_midi(source, limits), None
            except MidiError as raised:
                score, error = None, str(raised)
        assert time.process_time() - start < 30  # it ends
        for expected in said["expect"]:
            field, _, value = expected.partition(" ")
            if field == "error":
                assert error and error.startswith(f"{name}: ") and value in error
            else:
                assert error is None
                assert found_in(score)[field] == value
        if score is not None:
            assert read_midi(midi_bytes(score), limits) == score
        messages = [str(warning.message) for warning in caught]
        assert len(messages) == len(said["skips"])
        for message, words in zip(messages, said["skips"], strict=True):
            assert message.startswith(f"{name}: ") and words in message
        for warning in caught:
            assert warning.category is MidiWarning
            assert warning.filename == __file__  # the line that called, not one of the package


def test_every_file_is_hex_with_a_comment_on_each_line():
    assert len(FILES) > 80
    for path in FILES:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert re.fullmatch(r"# .*[.:)]", lines[0]), path.name  # what the edge is
        for line in lines:
            assert re.fullmatch(r"# \w+: .*|# .*|([0-9A-F]{2} )+ *# .+", line), (path.name, line)


@pytest.mark.parametrize("seed", range(60))
def test_a_walk_through_a_valid_file_changes_nothing(seed):
    score = random_score(seed)
    data = midi_bytes(score)
    found = Walk(data)
    assert not found.skipped
    assert (found.chunks, found.tracks) == (max(len(score.tracks), 1), len(score.tracks))
    assert found.names == sum(len(track.name.encode()) for track in score.tracks)
    assert symusic.Score.from_midi(found.clean) == symusic.Score.from_midi(data)


@pytest.mark.parametrize("key", range(-7, 8))
def test_what_is_plain_is_not_read_event_by_event(key, monkeypatch):
    """Keys with flats, tempos and lengths of tracks have bytes that as events would be damage."""
    monkeypatch.setattr("musegen.midi.reading.Walk", None)
    for notes in (26, 58):
        line = [(10 * n, 10, 60) for n in range(notes)]
        for size in range(14):
            score = score_of(("x" * size, line), tempos=[(0, 0xF1F2F6 + key)], keys=[(0, key, 0)])
            data = midi_bytes(score)
            assert read_midi(data) == score


def test_damage_is_mended_in_so_many_places_and_not_in_one_more(monkeypatch):
    # The chunk is one of the places, and every note that is none is one.
    data = file_of((b"\0\x90\xbc\x40" + b"\0\xb0\7\1" * 4) * 9 + ON + OFF + LAST)
    monkeypatch.setattr("musegen.midi.repair.PATIENCE", 10)
    with pytest.warns(MidiWarning, match=r"data bytes above 127 \(9\)"):
        assert read_midi(data).note_num() == 1
    monkeypatch.setattr("musegen.midi.repair.PATIENCE", 9)
    with pytest.raises(MidiError, match="in more places than are mended"):
        read_midi(data)


def test_the_warning_names_the_line_that_called_however_it_came_to_be_read():
    data, _ = parse(Path(__file__).parent / "midi" / "meta_34gb.hex")
    for way in (read_midi, to_score, PitchDurationEncoding().encode):
        with pytest.warns(MidiWarning) as caught:
            way(data)
        assert [warning.filename for warning in caught] == [__file__]


# Large files that are made to take time or memory: what they consist of, about `size` bytes each.

ON, OFF, LAST = b"\0\x90\x3c\x40", b"\1\x80\x3c\0", b"\0\xff\x2f\0"


def file_of(*tracks):
    chunks = [b"MTrk" + struct.pack(">I", len(track)) + track for track in tracks]
    count = min(len(tracks), 65535)
    return b"MThd\0\0\0\6" + struct.pack(">HHH", 1, count, 480) + b"".join(chunks)


def programs(channels, count):
    """A note on each of so many programs in each of so many channels."""
    return b"".join(
        bytes((0, 0xC0 | channel, program, 0, 0x90 | channel, 60, 64, 1, 60, 0))
        for program in range(count)
        for channel in range(channels)
    )


# One event over and over: its first time with its status, and as it follows.
REPEATED = {
    "lyrics": (b"", b"\0\xff\5\1a"),
    "markers": (b"", b"\0\xff\6\1a"),
    "texts": (b"", b"\0\xff\1\0"),
    "names": (b"", b"\0\xff\3\1a"),
    "tempos": (b"", b"\1\xff\x51\3\7\1\2"),
    "tempos of 0": (b"", b"\0\xff\x51\3\0\0\0"),
    "tempos too short": (b"", b"\0\xff\x51\0"),
    "meters": (b"", b"\0\xff\x58\4\4\2\x18\x08"),
    "meters that move": (b"", b"\1\xff\x58\4\4\2\x18\x08\1\xff\x58\4\3\2\x18\x08"),
    "meters of 0/4": (b"", b"\0\xff\x58\4\0\2\x18\x08"),
    "keys": (b"", b"\0\xff\x59\2\1\0"),
    "ends of track": (b"", LAST),
    "system exclusive": (b"", b"\0\xf0\1\xf7"),
    "system exclusive of no bytes": (b"", b"\0\xf0\0"),
    "system exclusive too long": (b"", b"\0\xf0\x7e\x7f"),
    "escapes": (b"", b"\0\xf7\0"),
    "timing clocks": (b"", b"\0\xf8"),
    "controllers": (b"\0\xb0\7\0", b"\0\7\1"),
    "pedals": (b"\0\xb0\7\0", b"\0\x40\x7f\0\x40\0"),
    "pitch bends": (b"\0\xe0\7\0", b"\0\7\1"),
    "pressure": (b"\0\xd0\7", b"\0\7"),
    "program changes": (b"\0\xc0\1", b"\0\2\0\1"),
    "notes": (ON, b"\1\x3c\0\0\x3c\x40"),
    "notes that hang": (ON, b"\0\x3c\x40"),
    "ends without notes": (b"\0\x80\x3c\0", b"\0\x3c\0"),
    "long silences": (b"", b"\xff\xff\xff\x7f\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\0"),
    "pitches above 127": (b"", b"\0\x90\xbc\x40"),
    "no status": (b"", b"\0\x3c\x40"),
    "texts of 268 MB": (b"", b"\0\xff\1\xff\xff\xff\x7f"),
    "numbers of 200 bytes": (b"", b"\x80" * 200 + ON),
    "lengths of 200 bytes": (b"", b"\0\xff\1" + b"\x80" * 200 + b"\0"),
    "almost events": (b"", ON * 3 + b"\0\x90\xbc"),
    "zeros": (b"", b"\0"),
    "0x80": (b"", b"\x80"),
    "0xFF": (b"", b"\xff"),
}


def hostile(size):
    """Yields files of at most `size` bytes, each with its name."""
    for name, (first, event) in REPEATED.items():
        body = first + event * ((size - 60) // len(event))
        yield name, file_of(body + ON + OFF + LAST)
        # The same, with damage in its last event or first: all of it is walked through.
        yield f"{name}, the last event damaged", file_of(body + b"\0\x90\xbc")
        yield f"{name}, after a message out of place", file_of(b"\0\xf8" + body + ON + OFF + LAST)
    part = size // 3 - 8_000
    for channels in (1, 16):
        many = programs(channels, 128)
        yield f"programs in {channels} channels", file_of(many * (size // len(many) - 1) + LAST)
        controls = b"\0\xb0\7\1" + b"\0\7\1" * part
        yield f"controls, then programs in {channels} channels", file_of(controls + many + LAST)
        pedals = b"\0\xb0\7\1" + b"\0\x40\x7f\0\x40\0" * (part // 2)
        yield f"pedals, then programs in {channels} channels", file_of(pedals + many + LAST)
        name = b"\0\xff\3" + number_bytes(3 * part) + b"n" * (3 * part)
        yield f"a long name, then programs in {channels} channels", file_of(name + many + LAST)
    tracks = programs(16, 128)[: size // 256 // 10 * 10 - 20] + LAST
    yield "256 tracks of many programs", file_of(*[tracks] * 256)
    yield "tracks of no bytes", file_of(*[b""] * (size // 8 - 2))
    yield "tracks of nothing", file_of(*[LAST] * (size // 12 - 2))
    head, tail = file_of()[:10] + b"\0\1\1\xe0", file_of(ON + OFF + LAST)[14:]
    yield "chunks of another kind", head + b"JUNK\0\0\0\0" * (size // 8 - 6) + tail
    yield "tracks of 4 GB", head + b"MTrk\xff\xff\xff\xff" * (size // 8 - 6) + tail
    yield "MTrk", head + b"MTrk" * (size // 4 - 12) + tail
    sounding = b"".join(
        bytes((0, 0x90 | channel, pitch, 64)) for channel in range(16) for pitch in range(128)
    )
    body = (sounding + b"\0\x90\xbc\x40") * max(size // len(sounding) - 1, 1)
    yield "damage among sounding notes", file_of(body + LAST)
    random = np.random.default_rng(0)
    for high in (128, 256):
        body = random.integers(0, high, size - 60, np.uint8).tobytes()
        yield f"random bytes below {high}", file_of(body)


def two_hundred_thousand_notes():
    return file_of(ON + b"\1\x3c\0\0\x3c\x40" * 199_999 + OFF + LAST)


# Runs in a process of its own, for what counts is its peak, native memory included.
MEASURE = """
    import json, sys, time, warnings
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    import test_midi_edges as edges
    from musegen.midi import MidiError, ReadLimits, read_midi
    warnings.simplefilter("ignore")

    def status(field):
        text = Path("/proc/self/status").read_text()
        return int(text.split(field + ":")[1].split()[0]) / 1024

    cases = {
        "edges": lambda: ((path.stem, edges.parse(path)[0]) for path in edges.FILES),
        "notes": lambda: [("200,000 notes", edges.two_hundred_thousand_notes())],
        "small": lambda: edges.hostile(100_000),
        "large": lambda: edges.hostile(10_000_000),
    }
    for name, data in cases[sys.argv[2]]():
        read_midi(edges.file_of(edges.ON + edges.OFF + edges.LAST))
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
        before, start = status("VmRSS"), time.process_time()
        try:
            found = f"{read_midi(data).note_num()} notes"
        except MidiError as error:
            found = str(error)
        took = time.process_time() - start
        print(json.dumps((name, len(data), found, took, status("VmHWM") - before)), flush=True)
"""


def run(script, *words):
    """What a script prints, run by a Python of its own: the values of its lines."""
    command = [sys.executable, "-c", textwrap.dedent(script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


needs_proc = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux"
)


@needs_proc
def test_what_is_measured_is_native_memory():
    """The bound below can fail: 10 MB of lyrics take more than 50 MB in symusic."""
    large = ("edges.hostile(100_000)", "[next(edges.hostile(10_000_000))]")
    assert large[0] in MEASURE
    [(*_, memory)] = run(MEASURE.replace(*large), Path(__file__).parent, "small")
    assert memory > 50


@needs_proc
@pytest.mark.parametrize(
    ("cases", "at_least", "seconds", "megabytes"),
    [
        # Processor seconds, ten times those of a slow machine that does nothing else: what is
        # to be found is a time that grows with the square of the notes.
        ("edges", 90, 10, 200),
        ("notes", 1, 40, 200),
        ("small", 100, 10, 200),
        pytest.param("large", 100, 30, 400, marks=pytest.mark.long),
    ],
)
def test_time_and_memory(cases, at_least, seconds, megabytes):
    # Of each: name, bytes, result, seconds of work, MB at most.
    rows = run(MEASURE, Path(__file__).parent, cases)
    assert len(rows) >= at_least
    for name, size, found, took, memory in rows:
        assert size <= 10_000_000, name
        assert took < seconds, (name, found, took)
        assert memory < megabytes, (name, found, memory)
    if cases == "notes":
        assert rows[0][2] == "200000 notes"


# What a program may have set up in libraries that it shares with this one.
GLOBALS = """
    import json, locale, logging, os, random, signal, sys, warnings
    from pathlib import Path
    import matplotlib, music21, numpy, pretty_midi, pypianoroll, symusic

    pretty_midi.pretty_midi.MAX_TICK = 12_345_678
    random.seed(7)
    numpy.random.seed(7)
    sys.setrecursionlimit(4321)
    numpy.seterr(under="warn")
    numpy.set_printoptions(precision=3)
    warnings.filterwarnings("ignore", "something of one's own")

    def state():
        return {
            "pretty_midi": pretty_midi.pretty_midi.MAX_TICK,
            "numpy errors": numpy.geterr(),
            "numpy printing": repr(numpy.get_printoptions()),
            "numpy random": repr(numpy.random.get_state()),
            "random": repr(random.getstate()),
            "warnings": repr(warnings.filters),
            "showwarning": repr(warnings.showwarning),
            "locale": locale.setlocale(locale.LC_ALL),
            "environment": dict(os.environ),
            "folder": os.getcwd(),
            "umask": [os.umask(0o22), os.umask(0o22)][1],
            "recursion": sys.getrecursionlimit(),
            "hooks": repr([sys.excepthook, sys.displayhook, sys.unraisablehook]),
            "signals": repr([signal.getsignal(number) for number in signal.valid_signals()]),
            "logging": [logging.root.level, repr(logging.root.handlers), logging.root.disabled],
            "matplotlib": repr(dict(matplotlib.rcParams)),
            "music21": repr([music21.environment.UserSettings()[key] for key in
                             sorted(music21.environment.UserSettings().keys())]),
            "music21 quarters": music21.defaults.ticksPerQuarter,
            "pypianoroll": [pypianoroll.multitrack.DEFAULT_RESOLUTION],
            "path": sys.path[:],
        }

    before = state()
    import musegen
    after_import = state()
    for path in sys.argv[1:]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                musegen.read_midi(path)
        except ValueError:
            pass
    from musegen.interop import to_score
    to_score(sys.argv[1])
    after_reading = state()
    print(json.dumps([[key for key in before if later[key] != before[key]]
                      for later in (after_import, after_reading)]))
"""


def test_importing_and_reading_change_nothing_of_others(tmp_path):
    paths = []
    for name in ("format_0", "tempo_0", "meta_34gb", "pitch_above_127", "empty", "division_0"):
        data, _ = parse(Path(__file__).parent / "midi" / f"{name}.hex")
        paths.append(tmp_path / f"{name}.mid")
        paths[-1].write_bytes(data)
    assert run(GLOBALS, *paths)[-1] == [[], []]
