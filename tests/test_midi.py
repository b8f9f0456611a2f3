"""MIDI in and out: what is written reads again equal, and nothing odd gets through."""

from __future__ import annotations

import io
import os
import struct
import warnings
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import keys_of, meters_of, played, score_of, tempos_of

from musegen.midi import (
    MAX_TICK,
    MidiError,
    MidiWarning,
    ReadLimits,
    midi_bytes,
    read_midi,
    write_midi,
)

# One note: middle C on channel 1, from tick 0 to 480.
NOTE = """
    00 90 3C 40       after 0 ticks: note on, pitch 60, velocity 64
    83 60 80 3C 00    after 480 ticks: note off
"""
END = "00 FF 2F 00       end of track"


def hexed(text: str) -> bytes:
    """Bytes of lines of two-digit hex numbers, up to the first word that is not one."""
    found = []
    for line in text.strip().splitlines():
        for word in line.split():
            if len(word) != 2 or not set(word) <= set("0123456789ABCDEF"):
                break
            found.append(int(word, 16))
    return bytes(found)


def midi_file(*tracks: str, form: int = 1, count: int | None = None, division: int = 480) -> bytes:
    """A MIDI file of tracks in commented hex, with a header that may lie."""
    chunks = [hexed(track) for track in tracks]
    header = struct.pack(">HHH", form, len(chunks) if count is None else count, division)
    data = b"MThd" + struct.pack(">I", 6) + header
    for chunk in chunks:
        data += b"MTrk" + struct.pack(">I", len(chunk)) + chunk
    return data


def tracks_of(score):
    return [played(track) for track in score.tracks]


def random_score(seed: int):
    """A score that keeps to the rules: in order of time, first begun first ended, no silence."""
    random = np.random.default_rng(seed)
    resolution = int(random.choice([1, 24, 96, 480, 960, 32767]))
    span = int(random.choice([20, 2000, 100_000]))
    places = [np.unique(random.integers(0, span, random.integers(0, 4))).tolist() for _ in "ab"]
    tempos = [(time, int(random.integers(1, 2**24))) for time in places[0]]
    tops, bottoms = random.integers(1, 17, 4).tolist(), (2 ** random.integers(0, 6, 4)).tolist()
    score = score_of(resolution=resolution, tempos=tempos, meters=[*zip(places[1], tops, bottoms)])
    if random.random() < 0.5:
        score.key_signatures.append(symusic.KeySignature(0, int(random.integers(-7, 8)), 1))
        score.markers.append(symusic.TextMeta(int(random.integers(span)), "Coda Ü"))
    for index in range(random.integers(0, 25)):
        name = ["", "Flöte", "音", "x" * 200][random.integers(4)]
        track = symusic.Track(name, int(random.integers(128)), bool(random.random() < 0.2))
        free = dict.fromkeys(range(128), 0)
        for time in np.sort(random.integers(0, span, random.integers(1, 40))).tolist():
            pitch = int(random.integers(128)) if random.random() < 0.5 else 60 + index
            end = max(time + int(random.integers(1, span)), free[pitch])
            free[pitch] = end
            if end > time:
                note = symusic.Note(time, end - time, pitch, int(random.integers(1, 128)))
                track.notes.append(note)
        for time in np.sort(random.integers(0, span, random.integers(0, 5))).tolist():
            track.controls.append(symusic.ControlChange(time, 7, int(random.integers(128))))
            track.pitch_bends.append(symusic.PitchBend(time, int(random.integers(-8192, 8192))))
        score.tracks.append(track)
    return score


LARGE = ReadLimits(max_hours=1e9, max_bars=10**9)


@pytest.mark.parametrize("seed", range(150))
def test_what_is_written_reads_again_equal(seed, tmp_path):
    score = random_score(seed)
    path = write_midi(score, tmp_path / "a.mid")
    assert read_midi(path, LARGE) == score
    assert path.read_bytes() == midi_bytes(score)
    assert read_midi(path.read_bytes(), LARGE) == score


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3, st.integers(0, 127)), max_size=40))
@settings(derandomize=True, max_examples=300, deadline=None)
def test_any_notes_are_settled_by_being_written_once(rows):
    score = score_of(rows)
    once = read_midi(midi_bytes(score))
    assert read_midi(midi_bytes(once)) == once
    assert once.note_num() == len(rows)
    starts = sorted((start, pitch) for start, _, pitch, _ in rows)
    assert sorted(row[::2] for track in tracks_of(once) for row in track) == starts
    ends = sorted((start + max(length, 1), pitch) for start, length, pitch, _ in rows)
    found = sorted((row[0] + row[1], row[2]) for track in tracks_of(once) for row in track)
    if len({pitch for _, _, pitch, _ in rows}) == len(rows):  # none can overlap
        assert found == ends
    assert all(row[1] >= 1 for track in tracks_of(once) for row in track)


def test_writing_leaves_the_given_score_as_it_was():
    score = score_of([], [(5, 0, 60, 0)])
    before = score.copy()
    assert tracks_of(read_midi(midi_bytes(score))) == [[(5, 1, 60, 1)]]
    assert score == before


@pytest.mark.parametrize(
    ("what", "track", "expected"),
    [
        ("one note", NOTE, [(0, 480, 60, 64)]),
        (
            "zero length: one tick, so that a drum hit is not lost",
            "00 90 3C 40\n 00 80 3C 00",
            [(0, 1, 60, 64)],
        ),
        (
            "overlap at one pitch: first begun, first ended",
            "00 90 3C 40\n 10 90 3C 50\n 10 80 3C 00\n 10 80 3C 00",
            [(0, 32, 60, 64), (16, 32, 60, 80)],
        ),
        (
            "begun again before it ends, as careless players do: two notes, not one held",
            "00 90 3C 40\n 10 90 3C 50\n 00 80 3C 00\n 10 80 3C 00",
            [(0, 16, 60, 64), (16, 16, 60, 80)],
        ),
        (
            "running status, and a velocity of 0 as note off",
            "00 90 3C 40\n 10 3C 00\n 00 3E 40\n 10 3E 00",
            [(0, 16, 60, 64), (16, 16, 62, 64)],
        ),
        ("hanging: left out", "00 90 3C 40\n 10 90 3E 40\n 10 80 3E 00", [(16, 16, 62, 64)]),
        ("ended before begun: the end is ignored", "00 80 3C 00" + NOTE, [(0, 480, 60, 64)]),
        ("lyrics are left out", "00 FF 05 02 68 69" + NOTE, [(0, 480, 60, 64)]),
        (
            "and those that symusic puts with the notes of channel 16",
            "00 FF 05 02 68 69\n 00 9F 3C 40\n 10 8F 3C 00",
            [(0, 16, 60, 64)],
        ),
    ],
)
def test_rules_for_notes(what, track, expected):
    data = midi_file(track + "\n" + END)
    score = read_midi(data)
    assert tracks_of(score) == [expected], what
    assert not any(len(track.lyrics) for track in score.tracks)
    assert read_midi(midi_bytes(score)) == score


def test_markers_of_one_tick_are_in_the_order_of_their_texts():
    """Of more than a few symusic leaves them in any."""
    random = np.random.default_rng(0)
    texts = [chr(97 + letter) for letter in random.integers(0, 26, 60)]
    score = with_note(0, 480, 60, 64)
    for number, text in enumerate(texts):
        score.markers.append(symusic.TextMeta(96 * (number % 2), text))
    read = read_midi(midi_bytes(score))
    expected = [(96 * half, text) for half in (0, 1) for text in sorted(texts[half::2])]
    assert [(marker.time, marker.text) for marker in read.markers] == expected
    assert read_midi(midi_bytes(read)) == read


def test_a_file_without_end_of_track_is_read():
    assert tracks_of(read_midi(midi_file(NOTE))) == [[(0, 480, 60, 64)]]


@pytest.mark.parametrize("count", [0, 1, 3, 65535])
def test_the_declared_number_of_tracks_is_not_trusted(count):
    other = NOTE.replace("3C", "3E")
    score = read_midi(midi_file(NOTE + END, other + END, count=count))
    assert tracks_of(score) == [[(0, 480, 60, 64)], [(0, 480, 62, 64)]]


def test_channels_and_programs_of_one_track_become_tracks():
    data = midi_file(
        "00 C0 28    channel 1: violin\n" + NOTE + "00 99 24 64  drum\n 10 89 24 00\n" + END, form=0
    )
    assert [(t.program, t.is_drum) for t in read_midi(data).tracks] == [(40, False), (0, True)]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ("00 FF 51 03 00 00 00   a tempo of 0 microseconds", "tempos"),
        ("00 FF 58 04 00 02 18 08   0/4", "time_signatures"),
        ("00 FF 58 04 04 FF 18 08   4 over 2 to the 255th", "time_signatures"),
        ("00 FF 59 02 09 00   nine sharps", "key_signatures"),
        ("00 FF 59 02 00 07   mode 7", "key_signatures"),
    ],
)
def test_an_impossible_event_is_left_out_with_a_warning_and_the_notes_kept(event, field, tmp_path):
    path = tmp_path / "odd.mid"
    path.write_bytes(midi_file(event + NOTE + END))
    with pytest.warns(MidiWarning, match=rf"odd\.mid: left out 1 of 1 {field}"):
        score = read_midi(path)
    assert not len(getattr(score, field))
    assert tracks_of(score) == [[(0, 480, 60, 64)]]


@pytest.mark.parametrize("tempo", [1, 16_777_215])
def test_the_fastest_and_the_slowest_tempo_are_kept(tempo):
    event = "00 FF 51 03 " + " ".join(f"{byte:02X}" for byte in tempo.to_bytes(3, "big"))
    assert [t.mspq for t in read_midi(midi_file(event + NOTE + END)).tempos] == [tempo]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"M", "not a MIDI file"),
        (b"RIFF\x10\0\0\0RMIDdata\0\0\0\0", "not a MIDI file"),
        (b"<html>404 Not Found</html>", "not a MIDI file"),
        (midi_file(NOTE + END, form=2), "format 2"),
        (midi_file(NOTE + END, form=99), "format 99"),
        (midi_file(NOTE + END, division=0), "no ticks"),
        (midi_file(NOTE + END, division=0xE728), "SMPTE"),
        (midi_file(NOTE + END)[:-9], "damaged"),
        (midi_file("00 3C 40   running status without a predecessor\n" + END), "damaged"),
        (midi_file("00 90 BC 40   a pitch of 188\n" + END), "damaged"),
        (midi_file("00 FF 01 FF FF FF FF 7F   34 GB of text\n" + END), "damaged"),
        (midi_file("FF FF FF 7F 90 3C 40\n FF FF FF 7F 80 3C 00\n" * 12, division=1), "ticks"),
    ],
)
def test_what_is_not_midi_is_one_error_that_names_file_and_reason(data, reason, tmp_path):
    path = tmp_path / "bad.mid"
    path.write_bytes(data)
    with pytest.raises(MidiError, match=reason) as of_path:
        read_midi(path)
    assert str(of_path.value).startswith(str(path))
    with pytest.raises(MidiError, match=reason) as of_bytes:
        read_midi(data)
    assert str(of_bytes.value).startswith("the given bytes")
    assert of_path.value.__cause__ is None


def test_what_is_no_readable_file_is_an_error(tmp_path):
    with pytest.raises(MidiError, match=r"missing\.mid: no such file"):
        read_midi(tmp_path / "missing.mid")
    with pytest.raises(MidiError, match="a folder"):
        read_midi(tmp_path)
    with pytest.raises(ValueError, match=r"source='a.*: give a path"):
        read_midi("a\0b.mid")
    with pytest.raises(MidiError, match="can't be read"):
        read_midi("a" * 5000)
    if hasattr(os, "mkfifo"):  # opening one would wait for ever
        os.mkfifo(tmp_path / "pipe.mid")
        with pytest.raises(MidiError, match="no ordinary file"):
            read_midi(tmp_path / "pipe.mid")


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may read anything")
def test_no_permission_is_an_error(tmp_path):
    path = write_midi(random_score(1), tmp_path / "mine.mid")
    path.chmod(0)
    with pytest.raises(MidiError, match="no permission"):
        read_midi(path)


# Four tracks of two bars of 4/4 at 120 quarters a minute: 8 notes, 2 bars, 4 s.
def four_by_two_bars(last=1920, **changes):
    tracks = [(str(index), [(0, 1920, 60), (1920, 1920, 62)]) for index in range(3)]
    tracks.append(("3", [(0, 1920, 60), (1920, last, 62)]))
    return score_of(*tracks, resolution=480, **changes)


@pytest.mark.parametrize(
    ("field", "at", "below", "unit"),
    [
        ("max_tracks", 4, 3, "tracks"),
        ("max_notes", 8, 7, "notes"),
        ("max_bars", 2, 1, "bars"),
        ("max_hours", 4 / 3600, 3.999 / 3600, "hours"),
        ("max_bytes", None, None, "bytes"),
    ],
)
def test_each_limit_at_the_limit_and_one_past(field, at, below, unit, tmp_path):
    path = write_midi(four_by_two_bars(), tmp_path / "four.mid")
    if at is None:
        at, below = path.stat().st_size, path.stat().st_size - 1
    assert read_midi(path, ReadLimits(**{field: at})) == four_by_two_bars()
    for source, name in ((path, "four.mid"), (path.read_bytes(), "the given bytes")):
        with pytest.raises(MidiError, match=rf"{name}: .* {unit}.*ReadLimits\({field}=") as error:
            read_midi(source, ReadLimits(**{field: below}))
        # The remedy that the message names is one.
        remedy = float(str(error.value).split(f"{field}=")[1].rstrip(")."))
        remedy = remedy if field == "max_hours" else int(remedy)
        assert read_midi(source, ReadLimits(**{field: remedy})) == four_by_two_bars()


@pytest.mark.parametrize(
    ("changes", "limit", "enough", "short"),
    [
        ({"last": 1921}, "max_bars", 3, 2),  # a tick of a third bar
        # 3840 ticks: a bar of 4/4 to tick 1440, then two of 3/8, of 720, and one of 2/2, of 1920.
        ({"meters": [(0, 4, 4), (1440, 3, 8), (2880, 2, 2)]}, "max_bars", 4, 3),
        # 8 quarters: 4 at 0.5 s, 3 at 16 s, the last at 1 s.
        (
            {"tempos": [(0, 500_000), (1920, 16_000_000), (3360, 1_000_000)]},
            *("max_hours", 51 / 3600, 50.99 / 3600),
        ),
    ],
)
def test_bars_and_hours_follow_meters_and_tempos(changes, limit, enough, short):
    data = midi_bytes(four_by_two_bars(**changes))
    read_midi(data, ReadLimits(**{limit: enough}))
    said = "hours" if limit == "max_hours" else f"{enough} bars, and at most {short}"
    with pytest.raises(MidiError, match=said):
        read_midi(data, ReadLimits(**{limit: short}))


def test_a_long_silence_costs_nothing_but_an_error():
    # Ten million ticks at one tick a quarter: 58 days, for which others take gigabytes.
    data = midi_file("00 90 3C 40\n 84 E2 AD 00 80 3C 00\n" + END, division=1)
    with pytest.raises(MidiError, match="hours"):
        read_midi(data)
    with pytest.raises(MidiError, match="bars"):
        read_midi(data, ReadLimits(max_hours=10_000))
    score = read_midi(data, ReadLimits(max_hours=10_000, max_bars=3_000_000))
    assert tracks_of(score) == [[(0, 10_000_000, 60, 64)]]


def test_limits_are_python_numbers():
    limits = ReadLimits(max_hours=np.float32(1.5), max_bars=np.int64(7))
    assert (type(limits.max_hours), type(limits.max_bars)) == (float, int)


def with_note(*note):
    return score_of([note], resolution=480, tempos=(), meters=())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda s: setattr(s, "tpq", 0), "0 ticks per quarter"),
        (lambda s: setattr(s, "tpq", 40_000), "40,000 ticks per quarter"),
        (lambda s: s.tempos.append(symusic.Tempo(0, mspq=2**24)), "16,777,215"),
        (lambda s: s.time_signatures.append(symusic.TimeSignature(0, 3, 7)), "a meter is"),
        (lambda s: s.tracks[0].notes.append(symusic.Note(-1, 5, 60, 64)), "start is -1"),
        (lambda s: s.tracks[0].notes.append(symusic.Note(0, -5, 60, 64)), "duration is -5"),
        (lambda s: s.tracks[0].notes.append(symusic.Note(0, 5, -60, 64)), "pitch -60"),
        (lambda s: s.tracks[0].notes.append(symusic.Note(1, MAX_TICK, 60, 64)), "268,435,456"),
        (lambda s: setattr(s.tracks[0], "program", 200), "program=200"),
        (lambda s: s.tracks[0].controls.append(symusic.ControlChange(0, 7, 200)), "value=200"),
        (lambda s: s.tempos.append(symusic.Tempo(-9, mspq=5)), "-9"),
    ],
)
def test_what_midi_cant_hold_is_refused_and_the_old_file_kept(change, reason, tmp_path):
    path = tmp_path / "old.mid"
    path.write_bytes(b"precious")
    score = with_note(0, 480, 60, 64)
    change(score)
    with pytest.raises(MidiError, match=reason):
        write_midi(score, path)
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == ["old.mid"]


def test_a_failing_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = write_midi(with_note(0, 480, 60, 64), str(tmp_path / "new" / "old.mid"))
    before = path.read_bytes()

    def full(self, data):
        self.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(MidiError, match=r"old\.mid: can't be written \(No space left on device\)"):
        write_midi(with_note(0, 480, 62, 64), path)
    assert path.read_bytes() == before
    assert [*tmp_path.rglob("*")] == [path.parent, path]


def test_a_path_that_cant_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MidiError, match="can't be written"):
        write_midi(with_note(0, 480, 60, 64), tmp_path / "file" / "a.mid")
    (tmp_path / "folder.mid").mkdir()
    with pytest.raises(MidiError, match=r"folder\.mid: can't be written"):
        write_midi(with_note(0, 480, 60, 64), tmp_path / "folder.mid")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.mid"]


@pytest.mark.parametrize("seed", range(20))
def test_other_readers_agree_with_what_was_written(seed):
    random = np.random.default_rng(seed)
    tracks = random.integers(1, 20)
    lengths = [random.integers(1, 241, random.integers(1, 20)).tolist() for _ in range(tracks)]
    rows = [[(240 * k, n, 60 + k % 3, 1 + k) for k, n in enumerate(part)] for part in lengths]
    parts = [(f"track {index}", index, index == 1, notes) for index, notes in enumerate(rows)]
    tempos = [(0, 600_000), (960, 400_000)]
    score = score_of(*parts, resolution=480, tempos=tempos, meters=[(0, 3, 4)])
    data = midi_bytes(score)

    other = mido.MidiFile(file=io.BytesIO(data))
    assert (other.type, other.ticks_per_beat, len(other.tracks)) == (1, 480, tracks)
    for index, track in enumerate(other.tracks):
        assert sum(message.type == "end_of_track" for message in track) == 1
        channels = {message.channel for message in track if hasattr(message, "channel")}
        assert len(channels) == 1
        assert (channels == {9}) == (index == 1)
        found, begun, time = [], {}, 0
        for message in track:
            time += message.time
            if message.type == "note_on" and message.velocity:
                begun[message.note] = (time, message.velocity)
            elif message.type in ("note_on", "note_off"):
                start, velocity = begun.pop(message.note)
                found.append((start, time - start, message.note, velocity))
        assert not begun
        assert sorted(found) == sorted(tracks_of(score)[index])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        third = pretty_midi.PrettyMIDI(io.BytesIO(data))
    assert [(m.numerator, m.denominator) for m in third.time_signature_changes] == [(3, 4)]
    assert [(i.name, i.program, i.is_drum) for i in third.instruments] == [p[:3] for p in parts]

    def second(tick):  # 2 quarters at 0.6 s, the others at 0.4 s
        return tick / 480 * 0.6 if tick <= 960 else 1.2 + (tick - 960) / 480 * 0.4

    for instrument, rows in zip(third.instruments, tracks_of(score), strict=True):
        expected = [(second(s), second(s + d), p, v) for s, d, p, v in rows]
        got = [(n.start, n.end, n.pitch, n.velocity) for n in instrument.notes]
        np.testing.assert_allclose(sorted(got), sorted(expected), atol=1e-9)


def test_a_score_without_a_track_is_a_file_that_others_open():
    meters, tempos = [(0, 4, 4), (1920, 3, 4)], [(960, 500_000), (2880, 400_000)]
    score = score_of(resolution=480, meters=meters, tempos=tempos)
    data = midi_bytes(score)
    assert read_midi(data) == score
    assert len(pretty_midi.PrettyMIDI(io.BytesIO(data)).time_signature_changes) == 2
    assert read_midi(midi_bytes(symusic.Score(480))) == symusic.Score(480)
    assert len(mido.MidiFile(file=io.BytesIO(midi_bytes(symusic.Score(480)))).tracks) == 1


def test_of_several_tempos_meters_or_keys_at_one_tick_the_last_is_kept():
    changes = [(0, 1), (0, 2), (480, 3), (480, 3), (960, 4)]
    meters = [(time, top, 4) for time, top in changes]
    keys = [(time, sharps, 0) for time, sharps in changes]
    score = score_of([(0, 480, 60)], resolution=480, tempos=changes, meters=meters, keys=keys)
    found = read_midi(midi_bytes(score))
    for what in (tempos_of(found), meters_of(found), keys_of(found)):
        assert [change[:2] for change in what] == [(0, 2), (480, 3), (960, 4)]


def test_the_sustain_pedal_stands_among_the_controls():
    score = with_note(0, 480, 60, 64)
    score.tracks.append(score.tracks[0].copy())  # on another channel
    for track in score.tracks:
        for time, value in ((10, 127), (90, 0)):
            track.controls.append(symusic.ControlChange(time, 64, value))
    assert read_midi(midi_bytes(score)) == score
    for track in score.tracks:
        track.pedals.append(symusic.Pedal(10, 80))
    found = read_midi(midi_bytes(score))
    assert [[(c.time, c.number, c.value) for c in track.controls] for track in found.tracks] == (
        [[(10, 64, 127), (90, 64, 0)]] * 2
    )
    assert [len(track.pedals) for track in found.tracks] == [0, 0]


# What the program changes of a file may make of it, at the limit and one past it. The file is
# large enough (over 64 kB) for that to be counted before it is read.
def programs_file(channels, programs, name=0):
    track = b"\0\xff\3" + bytes((0x80 | name >> 7, name & 127)) + b"n" * name
    track += b"\0\xff\1\x84\x80\0" + b"t" * 65536  # a text, to be large
    for program in range(programs):
        for channel in range(channels):
            track += bytes((0, 0xC0 | channel, program, 0, 0x90 | channel, 60, 64, 1, 60, 0))
    track += b"\0\xff\x2f\0"
    return b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + struct.pack(">I", len(track)) + track


def test_tracks_of_programs_are_counted_before_they_are_made():
    data = programs_file(channels=4, programs=65)  # 260
    assert len(read_midi(data, ReadLimits(max_tracks=260)).tracks) == 260
    with pytest.raises(MidiError, match=r"260 tracks .channels and programs apart.*at most 259"):
        read_midi(data, ReadLimits(max_tracks=259))


def test_names_of_tracks_are_counted_before_they_are_made():
    data = programs_file(channels=1, programs=100, name=500)  # 100 tracks of that name
    score = read_midi(data, ReadLimits(max_bytes=68_000))
    assert [track.name for track in score.tracks] == ["n" * 500] * 100
    text = b"\0\xff\3\x84\x80\0" + b"n" * 65536  # a name instead of the text: 6,553,600
    data = data.replace(b"\0\xff\1\x84\x80\0" + b"t" * 65536, text)
    assert read_midi(data, ReadLimits(max_bytes=6_553_600)).tracks[99].name == "n" * 65536
    with pytest.raises(MidiError, match="6,553,600 bytes in the names of tracks, and at most"):
        read_midi(data, ReadLimits(max_bytes=6_553_599))
