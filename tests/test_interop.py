"""Music to and from other libraries, by hand-worked numbers and round trips over random scores."""

from __future__ import annotations

import io
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pretty_midi
import pytest
import symusic
from scores import keys_of, meters_of, played, random_score, score_of, tempos_of

from musegen.interop import (
    from_music21,
    from_pretty_midi,
    from_pypianoroll,
    midi_bytes,
    to_music21,
    to_pretty_midi,
    to_pypianoroll,
    to_score,
    write_midi,
)
from musegen.midi import MidiError, ReadLimits, read_midi

pypianoroll = pytest.importorskip("pypianoroll")
music21 = pytest.importorskip("music21")


PARTS = [("Flöte", 73, False), ("drums", 8, True), ("", 33, False)]


def quartet(resolution: int = 480) -> Any:
    """Three bars: 4/4 at 120, then 3/4 at 75; a flute with a chord, drums, and a bass."""
    quarter = resolution
    flute = [(0, quarter, 60, 64)]
    flute += [(quarter, quarter // 2, 62, 100), (quarter, quarter // 2, 65, 90)]
    flute += [(2 * quarter, quarter, 62, 91), (3 * quarter, quarter, 62, 40)]  # repeated
    flute += [(4 * quarter, 6 * quarter, 70, 7)]
    drums = [(k * quarter, quarter // 2, 36 + 2 * (k % 2), 100 - k) for k in range(10)]
    bass = [(0, 4 * quarter, 36, 80), (4 * quarter, 6 * quarter, 41, 81)]
    return score_of(
        *((*part, notes) for part, notes in zip(PARTS, (flute, drums, bass), strict=True)),
        resolution=resolution,
        tempos=[(0, 500_000), (4 * quarter, 800_000)],
        meters=[(0, 4, 4), (4 * quarter, 3, 4)],
        keys=[(0, -3, 1), (4 * quarter, 2, 0)],
    )


def assert_same_music(score: Any, other: Any) -> None:
    assert score.ticks_per_quarter == other.ticks_per_quarter
    assert len(score.tracks) == len(other.tracks)
    for track, found in zip(score.tracks, other.tracks, strict=True):
        for name in ("name", "program", "is_drum"):
            assert getattr(track, name) == getattr(found, name)
        assert sorted(played(track)) == sorted(played(found))
    assert tempos_of(score) == tempos_of(other)
    assert meters_of(score) == meters_of(other)


# What is taken


def test_a_score_is_given_back_as_it_is():
    score = quartet()
    assert to_score(score) is score


def test_paths_and_bytes_are_read_within_the_limits(tmp_path):
    path = write_midi(quartet(), tmp_path / "a.mid")
    for source in (path, str(path), path.read_bytes(), bytearray(path.read_bytes())):
        assert to_score(source) == quartet()
        with pytest.raises(MidiError, match="tracks"):
            to_score(source, ReadLimits(max_tracks=1))


@pytest.mark.parametrize("unit", ["quarter", "second"])
def test_other_units_of_time_become_ticks(unit):
    found = to_score(quartet().to(unit))
    assert played(found.tracks[0]) == played(quartet().tracks[0])
    assert found.ticks_per_quarter == 480


def test_what_has_a_score_is_taken():
    piece = SimpleNamespace(score=quartet())
    assert to_score(piece) == quartet()
    assert midi_bytes(piece) == midi_bytes(quartet())


@pytest.mark.parametrize(
    "wrong", [None, 5, [60, 62], np.zeros((4, 128)), SimpleNamespace(score="a.mid")]
)
def test_anything_else_is_a_type_error_that_says_what_is_taken(wrong):
    with pytest.raises(TypeError, match=r"symusic\.Score.*PrettyMIDI.*music21.*Multitrack"):
        to_score(wrong)


@pytest.mark.parametrize("convert", [to_pretty_midi, to_music21, to_pypianoroll])
def test_every_form_is_taken_and_written(convert, tmp_path):
    other = convert(quartet(24))
    path = write_midi(other, tmp_path / "a.mid")
    assert read_midi(path).note_num() == to_score(other).note_num() == quartet().note_num()


# pretty_midi


def test_to_pretty_midi_by_hand():
    midi = to_pretty_midi(quartet())
    assert midi.resolution == 480
    times, tempos = midi.get_tempo_changes()
    np.testing.assert_allclose(times, [0, 2])
    np.testing.assert_allclose(tempos, [120, 75])
    meters = [(m.numerator, m.denominator, m.time) for m in midi.time_signature_changes]
    assert meters == [(4, 4, 0), (3, 4, 2)]
    assert [(i.name, i.program, i.is_drum) for i in midi.instruments] == PARTS
    last = midi.instruments[0].notes[-1]
    assert (last.pitch, last.velocity) == (70, 7)
    assert last.start == pytest.approx(2.0)  # 4 quarters of 0.5 s
    assert last.end == pytest.approx(2.0 + 6 * 0.8)


@pytest.mark.parametrize(
    ("there", "back", "resolution", "seeds"),
    [
        (to_pretty_midi, from_pretty_midi, 24, 20),
        (to_pretty_midi, from_pretty_midi, 480, 20),
        (to_music21, from_music21, 480, 8),
        (to_pypianoroll, from_pypianoroll, 24, 20),
    ],
)
def test_there_and_back(there, back, resolution, seeds):
    for seed in range(seeds):
        score = random_score(seed, resolution)
        assert_same_music(score, back(there(score)))


def test_pretty_midi_keeps_keys_controllers_and_bends():
    score = quartet()
    score.tracks[1].controls.append(symusic.ControlChange(77, 7, 99))
    score.tracks[2].pitch_bends.append(symusic.PitchBend(1999, -8192))
    assert from_pretty_midi(to_pretty_midi(score)) == score


def test_overlapping_notes_keep_their_ends_in_pretty_midi():
    notes = [(0, 480, 60, 64), (240, 480, 60, 65), (240, 100, 60, 66)]
    score = score_of(("", 0, False, notes), resolution=480, tempos=[(0, 500_000)])
    assert from_pretty_midi(to_pretty_midi(score)) == score


@pytest.mark.parametrize("seed", range(5))
def test_pretty_midi_reads_our_file_as_what_we_convert_to(seed):
    score = random_score(seed, 480)
    read = pretty_midi.PrettyMIDI(io.BytesIO(midi_bytes(score)))
    assert_same_music(from_pretty_midi(read), score)


def test_a_pretty_midi_made_by_hand_at_an_odd_tempo():
    midi = pretty_midi.PrettyMIDI(resolution=220, initial_tempo=97.3)
    player = pretty_midi.Instrument(0)
    quarter = 60 / 97.3
    for place in range(2000):  # long enough for an error in the tempo to add up to a tick
        player.notes.append(pretty_midi.Note(64, 60, place * quarter, (place + 1) * quarter))
    midi.instruments.append(player)
    score = from_pretty_midi(midi)
    assert played(score.tracks[0]) == [(220 * k, 220, 60, 64) for k in range(2000)]
    assert tempos_of(score) == [(0, round(6e7 / 97.3))]


@pytest.mark.parametrize(
    ("note", "program", "reason"),
    [
        ((64, 200, 0, 1), 0, "pitch 200"),
        ((200, 60, 0, 1), 0, "velocity 200"),
        ((64, 60, -1, 1), 0, "tick of -"),
        ((64, 60, float("nan"), 1), 0, "nan"),
        ((64, 60, 0, 1e9), 0, "tick of"),
        ((64, 60, 0, 1), 128, "program of 128"),
    ],
)
def test_numbers_that_midi_has_not_are_an_error(note, program, reason):
    midi = pretty_midi.PrettyMIDI()
    player = pretty_midi.Instrument(0, name="odd")
    player.program = program
    player.notes.append(pretty_midi.Note(*note))
    midi.instruments.append(player)
    with pytest.raises(MidiError, match=reason):
        to_score(midi)


# music21


def test_music21_keeps_drums_programs_keys_and_chords():
    stream = to_music21(quartet())
    assert_same_music(quartet(), from_music21(stream))
    assert keys_of(from_music21(stream)) == keys_of(quartet())
    flute = stream.parts[0]
    assert [type(element).__name__ for element in flute.notes][:3] == ["Note", "Chord", "Note"]
    assert flute.notes[1].quarterLength == Fraction(1, 2)
    assert flute.getInstrument().midiProgram == 73


def from_abc(body: str) -> Any:
    return from_music21(music21.converter.parse(f"X:1\nT:t\n{body}", format="abc"))


def rows(score: Any) -> list[tuple[float, float, int]]:
    """(start, duration, pitch) in quarter notes."""
    return [(n.time / 480, n.duration / 480, n.pitch) for n in score.tracks[0].notes]


def test_a_music21_tune_by_hand():
    # Pickup of a quarter; a chord symbol; a grace note; ties over nothing and over the bar line;
    # a repeated note; a triplet; a chord.
    score = from_abc('M:4/4\nL:1/4\nQ:1/4=96\nK:D\nA|"D"d d {g}e-e-|e2 (3A/B/c/ [df]|]')
    assert score.ticks_per_quarter == 480
    assert tempos_of(score) == [(0, 625_000)]
    assert meters_of(score) == [(0, 4, 4)]
    assert keys_of(score) == [(0, 2, 0)]
    triplet = 160 / 480
    assert rows(score) == [
        (3, 1, 69),  # three quarters of silence fill the first bar
        (4, 1, 74),
        (5, 1, 74),
        (6, 4, 76),
        *((10, triplet, 69), (10 + triplet, triplet, 71), (10 + 2 * triplet, triplet, 73)),
        *((11, 1, 74), (11, 1, 78)),
    ]
    assert {note.velocity for note in score.tracks[0].notes} == {64}


def test_a_full_first_measure_gets_no_silence():
    assert rows(from_abc("M:3/4\nL:1/4\nK:C\nCDE|FGA|"))[0] == (0, 1, 60)


def test_changes_of_meter_after_a_pickup_fall_on_bar_lines():
    part = music21.stream.Part()
    for number, (meter, names) in enumerate([("3/4", "G"), (None, "CDE"), ("2/4", "FG")]):
        measure = music21.stream.Measure(number=number)
        if meter:
            measure.append(music21.meter.TimeSignature(meter))
        measure.append([music21.note.Note(f"{name}4") for name in names])
        part.append(measure)
    score = from_music21(music21.stream.Score([part]))
    assert meters_of(score) == [(0, 3, 4), (6 * 480, 2, 4)]
    assert rows(score)[:2] == [(2, 1, 67), (3, 1, 60)]


def test_parts_with_a_pickup_stay_together():
    score = from_music21(music21.corpus.parse("bwv66.6"))
    assert [track.name for track in score.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert [played(track)[0][0] for track in score.tracks] == [3 * 480] * 4
    assert played(score.tracks[0])[0] == (1440, 240, 73, 64)
    assert score.end() == 39 * 480  # nine bars and three quarters
    assert read_midi(midi_bytes(score)) == score


def test_ties_join_one_voice_of_a_chord_and_not_repeated_notes():
    part = music21.stream.Part()
    first = music21.chord.Chord(["C4", "E4"])
    first.notes[0].tie = music21.tie.Tie("start")
    second = music21.chord.Chord(["C4", "E4"])
    second.notes[0].tie = music21.tie.Tie("stop")
    part.append([first, second, music21.note.Note("C4")])
    assert sorted(rows(from_music21(part))) == [(0, 1, 64), (0, 2, 60), (1, 1, 64), (2, 1, 60)]


def test_transposing_instruments_sound_as_they_do():
    part = music21.stream.Part()
    part.insert(0, music21.instrument.Clarinet())  # in B flat
    part.append(music21.note.Note("C4"))
    part.atSoundingPitch = False
    assert rows(from_music21(part)) == [(0, 1, 58)]
    part.atSoundingPitch = True
    assert rows(from_music21(part)) == [(0, 1, 60)]
    clarinet = score_of(("", 71, False, [(0, 480, 60, 64)]), resolution=480)
    assert played(from_music21(to_music21(clarinet)).tracks[0]) == [(0, 480, 60, 64)]


def test_an_opus_is_refused_with_what_to_do():
    with pytest.raises(MidiError, match=r"opus\.scores\[0\]"):
        to_score(music21.stream.Opus())


# pypianoroll


def test_to_pypianoroll_by_hand():
    roll = to_pypianoroll(quartet(), resolution=4)
    roll.validate()
    assert (roll.resolution, len(roll.tracks)) == (4, 3)
    assert [(t.name, t.program, t.is_drum) for t in roll.tracks] == PARTS
    flute = roll.tracks[0].pianoroll
    assert flute.shape == (16 + 12 + 12, 128)  # 10 quarters, of which 6 are two bars of 3/4
    assert flute.dtype == np.uint8
    assert flute[:5, 60].tolist() == [64, 64, 64, 64, 0]
    assert flute[4:9, 62].tolist() == [100, 100, 0, 0, 91]
    assert flute[:, 70].tolist() == [0] * 16 + [7] * 24
    assert roll.tempo.tolist() == [120.0] * 16 + [75.0] * 24
    assert np.flatnonzero(roll.downbeat).tolist() == [0, 16, 28]


def test_a_short_note_has_a_step():
    score = score_of(("", 0, False, [(0, 1, 60, 64), (1919, 1, 62, 64)]), resolution=480)
    found = from_pypianoroll(to_pypianoroll(score, resolution=4))
    assert played(found.tracks[0]) == [(0, 1, 60, 64), (15, 1, 62, 64)]


def test_a_binary_roll_with_a_two_dimensional_tempo_and_a_pickup():
    cells = np.zeros((10, 128), dtype=bool)
    cells[0:2, 60] = True
    cells[2:10, 64] = True
    roll = pypianoroll.Multitrack(
        resolution=2,
        tempo=np.full((10, 1), 90.0),
        downbeat=np.isin(np.arange(10), [2, 8]),  # a bar of 6 steps: 3/4
        tracks=[pypianoroll.BinaryTrack(name=None, program=5, pianoroll=cells)],
    )
    score = to_score(roll)
    assert played(score.tracks[0]) == [(4, 2, 60, 64), (6, 8, 64, 64)]
    assert (score.tracks[0].name, score.tracks[0].program) == ("", 5)
    assert tempos_of(score) == [(0, 666_667)]
    assert meters_of(score) == [(0, 3, 4)]


def test_what_has_no_notes_is_a_silent_score():
    roll = pypianoroll.Multitrack(tracks=[pypianoroll.StandardTrack()])
    assert to_score(roll).note_num() == from_music21(music21.stream.Score()).note_num() == 0
    empty = to_pypianoroll(symusic.Score(480))
    assert (empty.tracks, len(empty.tempo), len(empty.downbeat)) == ([], 0, 0)


def test_a_tempo_of_nothing_is_an_error():
    roll = pypianoroll.Multitrack(resolution=4, tempo=np.zeros(8))
    with pytest.raises(MidiError, match="inf"):
        to_score(roll)
