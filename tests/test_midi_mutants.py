"""Damaged MIDI files by the thousand: a score or a MidiError, and what is read can be used."""

from __future__ import annotations

import io
import json

import mido
import pytest
import symusic

import musegen.midi
from musegen.midi import midi_bytes


@pytest.fixture
def fuzz_midi(load):
    return load("fuzz_midi")


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=pytest.mark.long)])
def test_many_mutants(fuzz_midi, count):
    found = fuzz_midi.fuzz(count, seed=count // 10_000)
    assert found.failures == []
    assert found.tried == count == found.scores + found.errors
    assert found.scores > count / 2  # most of what is damaged in places is kept
    assert found.warned > found.scores / 2
    assert found.opened > count / 200
    assert found.opened_music21 >= count // 20_000
    assert found.worst_seconds < 2
    assert found.worst_bytes < 200e6


def test_a_mutant_is_the_same_every_time_and_most_differ(fuzz_midi):
    mutants = [fuzz_midi.mutant(3, index) for index in range(500)]
    assert mutants == [fuzz_midi.mutant(3, index) for index in range(500)]
    assert len(set(mutants)) > 450
    assert mutants != [fuzz_midi.mutant(4, index) for index in range(500)]


def test_the_good_files_are_good(fuzz_midi, recwarn):
    for data in fuzz_midi.good_files():
        assert musegen.midi.read_midi(data).note_num() > 0
    assert not recwarn.list


@pytest.mark.parametrize("error", [ZeroDivisionError("no"), KeyboardInterrupt()])
def test_another_error_is_a_failure(fuzz_midi, monkeypatch, error):
    def broken(data):
        raise error

    monkeypatch.setattr(musegen.midi, "read_midi", broken)
    found = fuzz_midi.FuzzResult()
    fuzz_midi.try_one(7, 0, 1, found)
    assert found.failures == [(7, fuzz_midi.mutant(0, 7).hex(), f"reading: {error!r}")]


def written(*events):
    """A file of one track with these messages, by mido."""
    file = mido.MidiFile(type=1)
    file.tracks.append(mido.MidiTrack(events))
    stream = io.BytesIO()
    file.save(file=stream)
    return stream.getvalue()


ON, OFF = mido.Message("note_on", note=60), mido.Message("note_off", note=60, time=5)


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ([ON], "hangs"),
        ([ON, OFF.copy(time=0)], "no length"),
        ([OFF], "before it is begun"),
        ([ON, OFF, ON.copy(channel=1), OFF.copy(channel=1)], "two channels"),
        ([ON.copy(channel=9), OFF.copy(channel=9)], "tracks of drums"),
        ([ON, OFF, ON, OFF], "tracks of drums .or not. and notes"),
    ],
)
def test_the_check_of_written_files_finds(fuzz_midi, events, what):
    score = symusic.Score(480)
    score.tracks.append(symusic.Track())
    score.tracks[0].notes.append(symusic.Note(0, 5, 60, 64))
    fuzz_midi.check_written(midi_bytes(score), score)
    fuzz_midi.check_written(written(ON, OFF), score)
    with pytest.raises(fuzz_midi.Broken, match=what):
        fuzz_midi.check_written(written(*events), score)
    twice = written(ON, OFF).replace(b"\0\xff\x2f\0", b"\0\xff\x2f\0" * 2)
    twice = twice.replace(b"MTrk\0\0\0\x0c", b"MTrk\0\0\0\x10")
    with pytest.raises(fuzz_midi.Broken, match="not one end of track"):
        fuzz_midi.check_written(twice, score)


# A worker that ends at mutant 3, by a signal or by waiting for ever, instead of trying mutants.
ENDS = """
import json, os, signal, sys, time
first, last, seed, share, progress = sys.argv[2:]
for index in range(int(first), int(last)):
    open(progress, "w").write(str(index))
    if index == 3:
        {how}
    print(json.dumps({{"tried": 1, "scores": 1}}), flush=True)
"""


@pytest.mark.parametrize(
    ("how", "what"),
    [("os.kill(os.getpid(), signal.SIGSEGV)", "ended with -11"), ("time.sleep(99)", "no end")],
)
def test_a_crash_and_a_hang_are_named_and_the_others_tried(
    fuzz_midi, monkeypatch, tmp_path, how, what
):
    worker = tmp_path / "worker.py"
    worker.write_text(ENDS.format(how=how))
    monkeypatch.setattr(fuzz_midi, "__file__", str(worker))
    monkeypatch.setattr(fuzz_midi, "HANG", 1.5)
    found = fuzz_midi.fuzz(6, seed=0)
    assert (found.tried, found.scores) == (6, 5)
    ((index, data, why),) = found.failures
    assert (index, data) == (3, fuzz_midi.mutant(0, 3).hex())
    assert what in why


def test_the_log_is_gone_on_from(fuzz_midi, monkeypatch, tmp_path):
    log = tmp_path / "counts.jsonl"
    monkeypatch.setattr(fuzz_midi, "CHUNK", 20)
    once = fuzz_midi.fuzz(40, seed=8, log=log)
    assert [json.loads(line)["first"] for line in log.read_text().splitlines()] == [0, 20]
    log.write_text(log.read_text().splitlines()[0] + "\n")
    monkeypatch.setattr(fuzz_midi, "_guarded", lambda first, *a, **k: fuzz_midi.FuzzResult(first))
    again = fuzz_midi.fuzz(40, seed=8, log=log)
    assert (once.tried, again.tried) == (40, 40)  # of the second 20 nothing but this number is new
    assert again.scores < once.scores
