"""Lines to ids and back: nothing is lost on the grid, and any ids are music."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
from fractions import Fraction

import mido
import numpy as np
import pretty_midi
import pytest
from scores import notes_of, score_of

from musegen.encoding import PianorollEncoding, RollReport, RollTrack
from musegen.encoding.durations import split
from musegen.encoding.pitch_duration import (
    DURATIONS,
    END,
    FEATURE_SIZES,
    FIRST_PITCH,
    METERS,
    PITCH_IDS,
    REST,
    START,
    STEPS_PER_QUARTER,
    TIE,
    EncodingReport,
    Melody,
    PitchDurationEncoding,
    bar_steps,
    meter_id,
)
from musegen.midi import MidiError, midi_bytes, read_midi, write_midi

ENCODING = PitchDurationEncoding()
SOME_METERS = ((4, 4), (3, 4), (6, 8), (2, 2), (7, 8), (5, 16), (12, 8), (1, 128), (255, 1))


def changes(random, span):
    """Steps at which something changes: 0, and up to three more."""
    return sorted({0, *random.integers(1, span, random.integers(0, 4)).tolist()})


def random_line(random):
    meters = [
        (step, *SOME_METERS[random.integers(len(SOME_METERS))]) for step in changes(random, 2000)
    ]
    tempos = [(step, int(random.integers(1, 2**24))) for step in changes(random, 2000)]
    time = int(random.choice([0, 1, 12, random.integers(0, 400), random.integers(0, 30_000)]))
    notes = []
    for _ in range(random.integers(0, 25)):
        duration = int(random.choice([12, 24, random.integers(1, 401)]))
        pitch = int(random.choice([60, random.integers(128)]))
        notes.append((time, duration, pitch))
        time += duration + int(random.choice([0, 0, 24, random.integers(1, 401)]))
    return score_of(notes, meters=meters, tempos=tempos)


# --- on the grid ---------------------------------------------------------------------------------


def test_every_line_on_the_grid_comes_back():
    random = np.random.default_rng(1)
    for _ in range(3000):
        line = random_line(random)
        melody = ENCODING.encode(line)
        assert ENCODING.decode(melody) == line
        assert melody.report.notes == line.note_num()
        assert dataclasses.replace(melody.report, notes=0, tied=0) == EncodingReport()
        assert melody.pitches.dtype == melody.durations.dtype == np.int32


@pytest.mark.parametrize("resolution", [48, 480, 960])
def test_resolution_makes_no_difference(resolution):
    random = np.random.default_rng(2)
    for _ in range(100):
        line = random_line(random)
        assert ENCODING.encode(line.resample(resolution, 1)) == ENCODING.encode(line)


def test_lines_come_back_through_a_file(tmp_path):
    line = random_line(np.random.default_rng(3))
    path = write_midi(line, tmp_path / "line.mid")
    assert ENCODING.decode(ENCODING.encode(path)) == line
    assert ENCODING.encode(path.read_bytes()) == ENCODING.encode(str(path))


def test_a_tune_by_hand():
    # "Happy Birthday" in F, 480 ticks to the quarter, 3/4, upbeat of a dotted eighth and a
    # sixteenth; then a rest, and a triplet of eighths.
    tune = score_of(
        [
            *((960, 360, 60), (1320, 120, 60)),
            *((1440, 480, 62), (1920, 480, 60), (2400, 480, 65)),
            *((2880, 720, 64), (3840, 160, 60), (4000, 160, 62), (4160, 160, 64)),
        ],
        meters=[(0, 3, 4)],
        tempos=[(0, 600_000)],
        resolution=480,
    )
    melody = ENCODING.encode(tune)
    assert melody == Melody(
        #                  upbeat   bar 1       bar 2   triplet
        pitches=np.array([0, 64, 64, 66, 64, 69, 68, 2, 64, 66, 68, 1]),
        durations=np.array([0, 10, 5, 12, 12, 12, 15, 8, 6, 6, 6, 0]),
        tempos=((0, 600_000),),
        meters=((0, 3, 4),),
        pickup=24,
    )
    steps = [DURATIONS[i - 1] for i in melody.durations[1:-1]]
    assert steps == [18, 6, 24, 24, 24, 36, 12, 8, 8, 8]
    places = ENCODING.places(melody)
    assert places["position"].tolist() == [48, 48, 66, 0, 24, 48, 0, 36, 48, 56, 64, 0]
    assert places["bar"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert places["meter"].tolist() == [METERS.index((3, 4))] * 12
    assert melody.report == EncodingReport(notes=9)
    assert melody.lead == 48


def test_lengths_that_the_table_lacks_are_tied():
    melody = ENCODING.encode(score_of([(0, 33, 60), (33, 12, 60), (80, 400, 127)]))
    steps = ENCODING.steps[melody.durations].tolist()
    assert melody.pitches.tolist() == [START, 64, TIE, 64, REST, REST, 131, TIE, TIE, END]
    assert steps == [0, 32, 1, 12, 32, 3, 192, 192, 16, 0]
    assert melody.report == EncodingReport(notes=3, tied=3)


@pytest.mark.parametrize(
    ("first", "pickup", "rests"),
    # The bar has 72 steps. Silence is a pickup within the first bar, rests from then on.
    [(0, 0, []), (1, 71, []), (60, 12, []), (71, 1, []), (72, 0, [72]), (73, 0, [72, 1])],
)
def test_silence_before_the_first_note(first, pickup, rests):
    melody = ENCODING.encode(score_of([(first, 24, 60)], meters=[(0, 6, 8)]))
    assert melody.pickup == pickup
    assert melody.pitches.tolist() == [START, *[REST] * len(rests), 64, END]
    assert ENCODING.steps[melody.durations].tolist() == [0, *rests, 24, 0]
    assert melody.lead == (first if first < 72 else 0)


# --- the table of ids ----------------------------------------------------------------------------


def test_every_pitch_id():
    for i in range(FIRST_PITCH, PITCH_IDS):
        score = ENCODING.decode(([START, i, END], [0, 12, 0]))
        assert notes_of(score) == [(0, 24, i - FIRST_PITCH)]
        assert ENCODING.encode(score).pitches.tolist() == [START, i, END]
    assert (START, END, REST, TIE, FIRST_PITCH, PITCH_IDS) == (0, 1, 2, 3, 4, 132)
    assert ENCODING.pitch_ids == 132
    assert notes_of(ENCODING.decode(([4, 131], [12, 12]))) == [(0, 24, 0), (24, 24, 127)]
    assert notes_of(ENCODING.decode(([4, 3, 2], [12, 12, 12]))) == [(0, 48, 0)]


def test_every_duration_id():
    for i, steps in enumerate(DURATIONS, 1):
        score = ENCODING.decode(([64], [i]))
        assert notes_of(score) == [(0, steps, 60)]
        assert ENCODING.encode(score).durations.tolist() == [0, i, 0]
    assert PitchDurationEncoding(program=9).decode(([64], [1])).tracks[0].program == 9
    assert ENCODING.duration_ids == len(DURATIONS) + 1 == 27
    assert notes_of(ENCODING.decode(([64, 65], [0, 1]))) == [(0, 1, 61)]


@pytest.mark.parametrize(
    ("pitches", "durations", "message"),
    [
        ([132], [12], "pitch ids go from 0 to 131; these go from 132"),
        ([64, -1], [12, 12], "pitch ids go from 0 to 131; these go from -1"),
        (np.array([2**31]), [12], r"pitches=.*2147483648.*: give whole numbers"),
        ([64], [27], "duration ids go from 0 to 26; these go from 27"),
        ([64], [-1], "duration ids go from 0 to 26"),
        ([64], np.array([2**63 - 1]), rf"durations=.*{2**63 - 1}\b"),
        ([64, 64], [12], "durations has 1 ids, and pitches has 2"),
        ([[64]], [[12]], "one dimension"),
        ([[64], [64, 65]], [12], r"pitches=\[\[64\], \[64, 65\]\]: give .* one dimension"),
        ([64.0], [12], "whole numbers"),
        ([True], [12], "whole numbers"),
        (["a"], [12], "whole numbers"),
        ([None], [12], "whole numbers"),
        ([2**40], [12], "whole numbers"),
        (64, 12, "one dimension"),
    ],
)
def test_what_are_no_ids(pitches, durations, message):
    with pytest.raises(ValueError, match=message):
        ENCODING.decode((pitches, durations))


def plain_decode(melody, table):
    """`decode` once more, event by event."""
    time, notes, sounding = melody.lead, [], False
    for pitch, duration in zip(melody.pitches, melody.durations, strict=True):
        steps = table[duration]
        if pitch == END:
            break
        if pitch == START or steps == 0:
            continue
        if pitch == TIE and sounding:
            notes[-1][1] += steps
        elif pitch >= FIRST_PITCH:
            notes.append([time, steps, int(pitch) - FIRST_PITCH])
        sounding = pitch >= FIRST_PITCH or (pitch == TIE and sounding)
        time += steps
    return [tuple(note) for note in notes]


def random_ids(random):
    size = int(random.integers(0, 30))
    high = int(random.choice([5, PITCH_IDS]))  # ties, rests and ends are rare, or common
    meter = SOME_METERS[random.integers(len(SOME_METERS))]
    return Melody(
        pitches=random.integers(0, high, size, np.int32),
        durations=random.integers(0, ENCODING.duration_ids, size, np.int32),
        tempos=((0, int(random.integers(10_000, 2**24))),),
        meters=((0, *meter),),
        pickup=int(random.integers(0, bar_steps(*meter))) if random.random() < 0.5 else 0,
    )


def test_any_ids_are_music_that_other_readers_open():
    random = np.random.default_rng(4)
    table = [0, *DURATIONS]
    for _ in range(10_000):
        melody = random_ids(random)
        score = ENCODING.decode(melody)
        expected = plain_decode(melody, table)
        assert notes_of(score) == expected
        data = midi_bytes(score)

        opened = mido.MidiFile(file=io.BytesIO(data))
        ons = [message.note for message in opened.tracks[-1] if message.type == "note_on"]
        assert ons == [pitch for _, _, pitch in expected]
        opened = pretty_midi.PrettyMIDI(io.BytesIO(data))
        found = [note for instrument in opened.instruments for note in instrument.notes]
        assert sorted(
            (opened.time_to_tick(note.start), opened.time_to_tick(note.end), note.pitch)
            for note in found
        ) == [(time, time + steps, pitch) for time, steps, pitch in expected]


def test_any_ids_are_music_that_music21_opens(tmp_path):
    import music21

    random = np.random.default_rng(5)
    for _ in range(25):
        melody = random_ids(random)
        melody = dataclasses.replace(melody, meters=((0, 3, 4),), pickup=24)
        path = write_midi(ENCODING.decode(melody), tmp_path / "ids.mid")
        opened = music21.converter.parse(path, forceSource=True, quantizePost=False)
        # music21 splits notes at bar lines, or not; a split note goes on with a tie.
        notes = [n for n in opened.flatten().notes if n.tie is None or n.tie.type == "start"]
        heads = sorted((round(24 * note.offset, 3), note.pitch.midi) for note in notes)
        decoded = plain_decode(melody, [0, *DURATIONS])
        assert heads == [(time, pitch) for time, _, pitch in decoded]


def test_what_decodes_is_read_again(tmp_path):
    random = np.random.default_rng(6)
    for _ in range(100):
        score = ENCODING.decode(random_ids(random))
        again = read_midi(write_midi(score, tmp_path / "again.mid"))
        assert (again.tracks[:1] == score.tracks) or not score.note_num()
        assert (again.tempos, again.time_signatures) == (score.tempos, score.time_signatures)


# --- off the grid --------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [480, 1000, 220, 7])
@pytest.mark.parametrize(
    "encoding",
    [
        ENCODING,
        *(
            PianorollEncoding((RollTrack("x", voice="all"),), steps, meter, 0, 128)
            for steps, meter in ((16, (4, 4)), (24, (4, 4)), (5, (7, 8)))
        ),
    ],
)
def test_notes_off_the_grid_move_by_half_a_step_at_most(encoding, resolution):
    random = np.random.default_rng(resolution)
    step = 1 / Fraction(getattr(encoding, "per_quarter", STEPS_PER_QUARTER))
    least = int(2 * step * resolution) + 1
    for _ in range(25):
        lengths = random.integers(least, 10 * least, 30)
        gaps = random.integers(0, 2, 30) * random.integers(least, 5 * least, 30)
        starts = np.cumsum(lengths + gaps) - lengths
        notes = list(zip(starts.tolist(), lengths.tolist(), [60] * 30, strict=True))
        meters = [(0, *getattr(encoding, "meter", (4, 4)))]
        encoded = encoding.encode(score_of(notes, meters=meters, resolution=resolution))
        score = encoding.decode(encoded)
        unit, moved = score.ticks_per_quarter, 0
        for (time, length, _), (start, held, _) in zip(notes, notes_of(score), strict=True):
            first = Fraction(start, unit) - Fraction(time, resolution)
            distances = (first, first + Fraction(held, unit) - Fraction(length, resolution))
            assert all(-step / 2 < distance <= step / 2 for distance in distances)
            moved += any(distances)
        if encoding is ENCODING:
            tied = encoded.report.tied
            assert encoded.report == EncodingReport(notes=30, tied=tied, off_grid=moved)
        else:
            assert encoded.report == RollReport(notes=30, kept=30, moved=moved)


def test_halves_go_up_and_nothing_vanishes():
    # 20 ticks a step: 10 is half, 9 is less; the third note is 1 tick long.
    score = score_of([(10, 30, 60), (49, 40, 61), (100, 1, 62)], resolution=480)
    melody = ENCODING.encode(score)
    assert notes_of(ENCODING.decode(melody)) == [(1, 1, 60), (2, 2, 61), (5, 1, 62)]
    assert melody.report.off_grid == 3
    none = ENCODING.encode(score_of([(24, 0, 60)]))
    assert notes_of(ENCODING.decode(none)) == [(24, 1, 60)]
    assert none.report.off_grid == 1


def test_tempo_and_meter_changes_go_to_the_nearest_step_and_the_last_one_counts():
    score = score_of(
        [(0, 480, 60)],
        meters=[(960, 3, 4), (0, 2, 4), (965, 6, 8)],
        tempos=[(100, 400_000), (105, 300_000), (1, 200_000)],
        resolution=480,
    )
    melody = ENCODING.encode(score)
    assert melody.meters == ((0, 2, 4), (48, 6, 8))
    assert melody.tempos == ((0, 200_000), (5, 300_000))


def test_without_tempo_and_meter_it_is_as_the_standard_has_it():
    melody = ENCODING.encode(score_of([(24, 24, 60)], meters=[], tempos=[]))
    assert (melody.meters, melody.tempos) == (((0, 4, 4),), ((0, 500_000),))
    late = ENCODING.encode(score_of([(24, 24, 60)], meters=[(96, 3, 4)], tempos=[(9, 1)]))
    assert (late.meters, late.tempos) == (((0, 4, 4), (96, 3, 4)), ((9, 1),))


# --- a table of one's own ------------------------------------------------------------------------


def test_a_table_of_ones_own_snaps_and_counts():
    encoding = PitchDurationEncoding(durations=(12, 24))
    #       as it is      tied            29 -> 24       30 -> 36       1 -> 12
    line = [(0, 12, 60), (12, 48, 61), (60, 29, 62), (89, 30, 63), (119, 1, 64), (150, 24, 65)]
    melody = encoding.encode(score_of(line))
    #                                                                 rest of 30
    assert melody.pitches.tolist() == [0, 64, 65, TIE, 66, 67, TIE, 68, REST, REST, 69, 1]
    assert melody.durations.tolist() == [0, 1, 2, 2, 2, 2, 1, 1, 2, 1, 2, 0]
    assert melody.report == EncodingReport(notes=6, tied=3, snapped=4)
    assert str(melody.report) == "6 notes (3 tied, 4 snapped)"


def test_a_length_is_written_as_near_as_the_table_allows():
    random = np.random.default_rng(7)
    for _ in range(150):
        table = sorted({int(n) for n in random.integers(2, 20, random.integers(1, 4))})
        sums = {0}
        for total in range(1, 700):
            if any(total - value in sums for value in table):
                sums.add(total)
        for length in random.integers(1, 600, 15).tolist():
            parts = split(length, table)
            assert set(parts) <= set(table)
            assert parts == sorted(parts, reverse=True)
            assert abs(sum(parts) - length) == min(abs(total - length) for total in sums - {0})


def test_splitting_the_default_table():
    for length in range(1, 1000):
        assert sum(ENCODING.split(length)) == length
    assert [len(ENCODING.split(length)) for length in DURATIONS] == [1] * len(DURATIONS)
    assert ENCODING.split(40) == [36, 4]


# --- several voices ------------------------------------------------------------------------------

CHORD = ([(0, 48, 60), (0, 24, 64), (0, 48, 67)],)
BASS_UNDER_TUNE = ([(0, 96, 72)], [(0, 24, 48), (24, 24, 52), (48, 24, 55), (72, 24, 52)])
ENTERS_ABOVE = ([(0, 96, 60), (48, 48, 72)],)
LEGATO_DOWN = ([(0, 30, 69), (24, 30, 67)],)
HALF_OVERLAP = ([(0, 24, 69), (12, 24, 67)],)
GRACE = ([(0, 1, 70), (0, 24, 69)],)


@pytest.mark.parametrize(
    ("tracks", "voice", "notes", "left_out", "shortened"),
    [
        (CHORD, "highest", [(0, 48, 67)], 2, 0),
        (CHORD, "lowest", [(0, 48, 60)], 2, 0),
        (BASS_UNDER_TUNE, "highest", [(0, 96, 72)], 4, 0),
        (BASS_UNDER_TUNE, "lowest", BASS_UNDER_TUNE[1], 1, 0),
        (ENTERS_ABOVE, "highest", [(0, 48, 60), (48, 48, 72)], 0, 1),
        (ENTERS_ABOVE, "lowest", [(0, 96, 60)], 1, 0),
        (LEGATO_DOWN, "highest", [(0, 24, 69), (24, 30, 67)], 0, 1),
        (LEGATO_DOWN, "lowest", [(0, 24, 69), (24, 30, 67)], 0, 1),
        (HALF_OVERLAP, "highest", [(0, 24, 69)], 1, 0),
        (HALF_OVERLAP, "lowest", [(0, 12, 69), (12, 24, 67)], 0, 1),
        (GRACE, "highest", [(0, 1, 70)], 1, 0),
        (GRACE, "lowest", [(0, 24, 69)], 1, 0),
    ],
)
def test_one_voice_of_several(tracks, voice, notes, left_out, shortened):
    encoding = PitchDurationEncoding(voice=voice)
    melody = encoding.encode(score_of(*tracks))
    assert notes_of(encoding.decode(melody)) == notes
    assert melody.report == EncodingReport(len(notes), left_out=left_out, shortened=shortened)


@pytest.mark.parametrize("tracks", [CHORD, BASS_UNDER_TUNE, ENTERS_ABOVE, LEGATO_DOWN])
def test_several_voices_can_be_refused(tracks):
    encoding = PitchDurationEncoding(voice="error")
    with pytest.raises(ValueError, match=r"quarter notes from the beginning.*voice='highest'"):
        encoding.encode(score_of(*tracks))
    assert len(encoding.encode(score_of([(0, 24, 60), (24, 24, 60)]))) == 4


def test_random_polyphony_gives_one_voice():
    random = np.random.default_rng(8)
    for _ in range(300):
        tracks = [
            [
                (int(random.integers(300)), int(random.integers(1, 99)), int(random.integers(128)))
                for _ in range(random.integers(0, 15))
            ]
            for _ in range(3)
        ]
        score = score_of(*tracks)
        upper = PitchDurationEncoding(voice="highest").encode(score)
        notes = notes_of(ENCODING.decode(upper))
        assert all(a[0] + a[1] <= b[0] for a, b in itertools.pairwise(notes))
        assert upper.report.notes + upper.report.left_out == score.note_num()
        assert upper.report.notes == len(notes)
        # The lowest voice is the highest one of the music upside down.
        mirrored = [[(time, steps, 127 - pitch) for time, steps, pitch in t] for t in tracks]
        lower = PitchDurationEncoding(voice="lowest").encode(score_of(*mirrored))
        assert lower.report == upper.report
        flipped = [(time, steps, 127 - pitch) for time, steps, pitch in notes]
        assert notes_of(ENCODING.decode(lower)) == flipped


def test_drums_are_no_melody():
    score = score_of([(0, 24, 60)], [(0, 24, 90), (5, 2, 91)], meters=[(0, 3, 4)])
    score.tracks[1].is_drum = True
    melody = ENCODING.encode(score)
    assert notes_of(ENCODING.decode(melody)) == [(0, 24, 60)]
    assert melody.report == EncodingReport(notes=1)
    score.tracks.pop(0)
    assert ENCODING.encode(score).pitches.tolist() == [START, END]


@pytest.mark.parametrize("tracks", [(), ([],), ([], [])])
def test_no_notes(tracks):
    melody = ENCODING.encode(score_of(*tracks, meters=[(0, 3, 4)]))
    assert melody == Melody(np.array([START, END]), np.zeros(2, int), meters=((0, 3, 4),))
    assert str(melody.report) == "0 notes"
    assert ENCODING.decode(melody).note_num() == 0
    assert read_midi(midi_bytes(ENCODING.decode(melody))).note_num() == 0
    assert ENCODING.decode(([], [])).note_num() == 0


SENSELESS = [
    *(score_of([note]) for note in ((-1, 24, 60), (0, -1, 60), (0, 24, -1))),
    score_of([(0, 24, 60)], meters=[(-9, 4, 4)]),
    score_of([(0, 24, 60)], tempos=[(-9, 500_000)]),
    score_of([(0, 24, 60)], resolution=0),
]


@pytest.mark.parametrize(
    ("encoding", "score"),
    [
        *((encoding, score) for encoding in (ENCODING, PianorollEncoding()) for score in SENSELESS),
        (ENCODING, score_of([(0, 24, 60)], meters=[(0, 4, 0)])),  # a roll has a meter of its own
        (ENCODING, score_of([(0, 24, 60)], meters=[(0, 0, 4)])),
    ],
)
def test_a_score_that_makes_no_sense(encoding, score):
    with pytest.raises(ValueError, match=r"^(The music has|A meter of) .*\.$"):
        encoding.encode(score)


def test_what_is_no_music(tmp_path):
    with pytest.raises(MidiError, match="no such file"):
        ENCODING.encode(tmp_path / "none.mid")
    with pytest.raises(TypeError, match="symusic"):
        ENCODING.encode(3)


# --- the place in the bar ------------------------------------------------------------------------


def test_places_in_six_eight_with_pickup_and_a_change_of_meter():
    # An eighth of upbeat to a bar of 72 steps; at step 144 the meter is 2/4, 48 steps to the bar,
    # and at step 216, in the middle of a bar, 5/8, which has no id of its own.
    melody = Melody(
        pitches=np.array([START, 60, 62, 64, REST, 66, 67, TIE, 68, 69, END]),
        durations=np.array([0, 8, 15, 15, 15, 15, 12, 12, 17, 15, 0]),
        # steps: 0 12 36 36 36 36 24 24 48 36 0
        meters=((0, 6, 8), (144, 2, 4), (216, 5, 8)),
        pickup=12,
    )
    places = ENCODING.places(melody)
    # times:                           60  60 72 108 144 180 216 240 264 312 348
    assert places["position"].tolist() == [60, 60, 0, 36, 0, 36, 0, 24, 48, 36, 12]
    assert places["bar"].tolist() == [0, 0, 1, 1, 2, 2, 4, 4, 4, 5, 6]
    six_eight, two_four = METERS.index((6, 8)), METERS.index((2, 4))
    assert places["meter"].tolist() == [six_eight] * 4 + [two_four] * 2 + [0] * 5


def plain_places(melody):
    """`places` once more, bar line by bar line."""
    time, result = melody.lead, []
    changes = {step: (n, d) for step, n, d in melody.meters}
    for pitch, duration in zip(melody.pitches, melody.durations, strict=True):
        line, bar, meter = 0, 0, changes[0]
        while True:
            following = line + bar_steps(*meter)
            sooner = [step for step in changes if line < step <= following]
            following = min([following, *sooner])
            if following > time:
                break
            line, bar, meter = following, bar + 1, changes.get(following, meter)
        result.append((time - line, bar, meter_id(*meter)))
        time += 0 if pitch == START else [0, *DURATIONS][duration]
    return result


def test_places_against_counting_bar_lines():
    random = np.random.default_rng(9)
    for _ in range(150):
        melody = random_ids(random)
        meters = [(s, *SOME_METERS[random.integers(7)]) for s in changes(random, 2000)]
        melody = dataclasses.replace(melody, meters=tuple(meters))
        places = ENCODING.places(melody)
        found = zip(places["position"], places["bar"], places["meter"], strict=True)
        assert list(found) == plain_places(melody)


def test_features_know_nothing_of_what_follows():
    random = np.random.default_rng(10)
    for _ in range(300):
        melody = random_ids(random)
        if not len(melody):
            continue
        index = int(random.integers(len(melody)))
        pitches, durations = melody.pitches.copy(), melody.durations.copy()
        pitches[index:] = random.integers(0, PITCH_IDS, len(pitches) - index)
        durations[index:] = random.integers(0, ENCODING.duration_ids, len(pitches) - index)
        changed = dataclasses.replace(melody, pitches=pitches, durations=durations)
        before, after = ENCODING.features(melody), ENCODING.features(changed)
        for name in FEATURE_SIZES:
            assert np.array_equal(before[name][: index + 1], after[name][: index + 1])


def test_features_stay_within_their_sizes():
    long = Melody(np.full(200, 64), np.full(200, 26), meters=((0, 255, 1), (24_480, 4, 4)))
    features = ENCODING.features(long)
    assert set(features) == set(FEATURE_SIZES)
    for name, values in features.items():
        assert values.dtype == np.int32
        assert values.min() >= 0
        assert values.max() == min(ENCODING.places(long)[name].max(), FEATURE_SIZES[name] - 1)
    assert features["position"].max() == 191
    assert features["bar"].max() == 63


@pytest.mark.parametrize(
    ("meter", "steps"), [((4, 4), 96), ((6, 8), 72), ((2, 2), 96), ((7, 16), 42), ((1, 128), 1)]
)
def test_steps_of_a_bar(meter, steps):
    assert bar_steps(*meter) == steps
    assert (METERS[meter_id(*meter)] == meter) == (meter in METERS)


# --- the objects ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding",
    [
        PitchDurationEncoding(),
        PitchDurationEncoding(durations=(6, 12, 65_535), voice="lowest", program=127),
        PitchDurationEncoding(durations=[1], voice="error"),
        PianorollEncoding(),
        PianorollEncoding(["a", RollTrack("b", 127, True, "all")], 192, [3, 4], 0, 128),
        PianorollEncoding((RollTrack("line", voice="lowest"),), 8, lowest=60, pitches=5),
        PianorollEncoding(steps=1, meter=(255, 128), lowest=127, pitches=1),
    ],
)
def test_config_to_json_to_object(encoding):
    again = type(encoding).from_config(json.loads(json.dumps(encoding.get_config())))
    assert again == encoding
    assert hash(again) == hash(encoding)
    assert again.get_config() == encoding.get_config()
    score = score_of(("line", [(0, 12, 60), (30, 6, 62)]))
    assert again.encode(score) == encoding.encode(score)
    assert again.decode(again.encode(score)) == encoding.decode(encoding.encode(score))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((PianorollEncoding, "tracks", value) for value in ([None], ("a", "A "))),
        *((PianorollEncoding, "meter", value) for value in ((256, 4), (4, 256), (4.0, 4))),
        (PianorollEncoding, "pitches", 105),  # from 24 up that is beyond 127
        *((PitchDurationEncoding, "durations", value) for value in ("12", (), (0,), (65_536,))),
        *((PitchDurationEncoding, "durations", (12, value)) for value in (6, 12, 13.0, True)),
    ],
)
def test_bad_arguments(kind, name, value):
    with pytest.raises(ValueError) as caught:
        kind(**{name: value})
    assert str(caught.value).startswith(f"{name}={value!r}: ")


def test_transposing():
    melody = ENCODING.encode(score_of([(0, 33, 60), (57, 12, 67)]))
    up = melody.transpose(60)
    assert up.pitches.tolist() == [START, 124, TIE, REST, 131, END]
    assert up.durations is melody.durations
    assert up.transpose(-60) == melody
    for semitones in (61, -61, 1.5, 2**40, None):
        with pytest.raises(ValueError, match="semitones="):
            melody.transpose(semitones)
    silent = Melody(np.array([START, END]), np.zeros(2, int))
    assert silent.transpose(127) == silent


def test_melodies_are_equal_by_what_they_say():
    melody = ENCODING.encode(score_of([(0, 24, 60)]))
    assert melody == dataclasses.replace(melody, report=EncodingReport(notes=9))
    assert melody != dataclasses.replace(melody, pickup=1)
    assert melody != dataclasses.replace(melody, pitches=melody.pitches + 1)
    assert melody != "melody"
    with pytest.raises(TypeError):
        hash(melody)
