"""Tracks to piano rolls and back: nothing that fits is lost, and what does not fit is counted."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scores import meters_of, notes_of, score_of, tempos_of

from musegen.corpus import chorales
from musegen.encoding import Pianoroll, PianorollEncoding, RollReport, RollTrack
from musegen.encoding.roll import HELD, ONSET, SILENT
from musegen.midi import read_midi, write_midi

CHOIR = PianorollEncoding()
VOICE_NAMES = ["soprano", "alto", "tenor", "bass"]
TUNE = PianorollEncoding(tracks=("tune",), steps=8, lowest=60, pitches=5)
PIANO = PianorollEncoding(tracks=(RollTrack("piano", voice="all"),), steps=8, lowest=60, pitches=5)


def facts(score):
    """What a score says, in quarter notes: meters, tempos and tracks with their notes."""

    def quarters(*ticks):
        return tuple(Fraction(tick, score.ticks_per_quarter) for tick in ticks)

    meters = [(*quarters(time), *meter) for time, *meter in meters_of(score)]
    tempos = [(*quarters(time), mspq) for time, mspq in tempos_of(score)]
    parts = [(track.name, track.program, track.is_drum) for track in score.tracks]
    notes = [
        sorted((*quarters(*times), pitch) for *times, pitch in notes_of(score, track))
        for track in range(len(parts))
    ]
    return meters, tempos, parts, notes


def rows(roll, track=0):
    """One track of a roll as it is drawn: a string a pitch, the highest on top."""
    bars = np.asarray(roll)[..., track]
    return [
        "|".join("".join(".-O"[value] for value in bar[:, pitch]) for bar in bars)
        for pitch in reversed(range(bars.shape[2]))
    ]


def cells(*drawn):
    """The array of one track that `rows` draws."""
    values = [[[".-O".index(sign) for sign in bar] for bar in row.split("|")] for row in drawn]
    return np.array(values[::-1], np.uint8).transpose(1, 2, 0)[..., None]


# --- rolls by hand -------------------------------------------------------------------------------


def test_a_monophonic_roll_by_hand():
    # 8 steps a bar of 4/4 are eighths, 12 ticks each. A repeated note, a rest of two eighths, a
    # note across the bar line, and a rest at the end.
    notes = [(0, 12, 60), (12, 24, 60), (60, 12, 62), (72, 48, 64), (120, 12, 61)]
    score = score_of(("tune", notes))
    roll = TUNE.encode(score)
    assert rows(roll) == [
        "......O-|--......",
        "........|........",
        ".....O..|........",
        "........|..O.....",
        "OO-.....|........",
    ]
    assert roll.array.shape == TUNE.shape(2) == (2, 8, 5, 1)
    assert roll.array.dtype == np.uint8
    assert roll.report == RollReport(notes=5, kept=5)
    assert str(roll.report) == "5 of 5 notes"
    assert facts(TUNE.decode(roll)) == facts(score)
    assert (SILENT, HELD, ONSET) == (0, 1, 2)


def test_a_polyphonic_roll_by_hand():
    # A chord whose notes end one by one, a repeated note under a held one, and a rest.
    notes = [(0, 24, 64), (0, 36, 62), (0, 12, 60), (12, 24, 60), (72, 12, 61), (72, 24, 63)]
    score = score_of(("piano", notes))
    roll = PIANO.encode(score)
    assert rows(roll) == ["O-......", "......O-", "O--.....", "......O.", "OO-....."]
    assert facts(PIANO.decode(roll)) == facts(score)
    assert notes_of(PIANO.decode(roll)) == sorted(notes, key=lambda n: (n[0], n[2]))


def test_drums_by_hand():
    encoding = PianorollEncoding(
        tracks=(RollTrack("kit", is_drum=True, voice="all"), RollTrack("bass", 33)),
        steps=8,
        lowest=36,
        pitches=3,
    )
    kit = [(0, 12, 36), (0, 12, 38), (12, 12, 38), (24, 12, 36), (36, 12, 38)]
    score = score_of(("kit", 0, True, kit), ("bass", 33, False, [(24, 48, 37)]))
    roll = encoding.encode(score)
    assert rows(roll, 0) == ["OO.O....", "........", "O.O....."]
    assert rows(roll, 1) == ["........", "..O---..", "........"]
    assert facts(encoding.decode(roll)) == facts(score)


def test_a_triplet_grid_by_hand():
    encoding = PianorollEncoding(tracks=("tune",), steps=24, lowest=60, pitches=3)
    # A triplet of eighths, two eighths, a triplet of quarters.
    lengths, pitches = [8, 8, 8, 12, 12, 16, 16, 16], [60, 61, 62, 60, 61, 62, 61, 60]
    starts = np.cumsum(lengths) - lengths
    score = score_of(("tune", list(zip(starts.tolist(), lengths, pitches, strict=True))))
    roll = encoding.encode(score)
    assert rows(roll) == [
        "....O-......O---........",
        "..O-.....O--....O---....",
        "O-....O--...........O---",
    ]
    assert roll.report == RollReport(notes=8, kept=8)
    assert facts(encoding.decode(roll)) == facts(score)


def test_three_four_by_hand():
    encoding = PianorollEncoding(tracks=("tune",), steps=12, meter=(3, 4), lowest=60, pitches=2)
    notes = [(24, 48, 60), (72, 6, 61), (78, 90, 60)]
    score = score_of(("tune", notes), meters=[(0, 3, 4)], tempos=[(0, 600_000), (72, 450_000)])
    roll = encoding.encode(score)
    assert rows(roll) == [
        "............|O...........|............",
        "....O-------|.O----------|----........",
    ]
    assert roll.tempos == ((0, 600_000), (12, 450_000))
    assert roll.report == RollReport(notes=3, kept=3)
    assert facts(encoding.decode(roll)) == facts(score)


# --- what decodes --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.int8, bool])
def test_in_a_binary_roll_every_run_is_a_note(kind):
    array = cells("------..|........", "......--|-.-.....") > 0
    encoding = PianorollEncoding(tracks=("tune",), steps=8, lowest=60, pitches=2)
    notes = [(0, 72, 61), (72, 36, 60), (120, 12, 60)]
    assert notes_of(encoding.decode(array.astype(kind))) == notes
    assert notes_of(encoding.decode(array.astype(kind).tolist())) == notes
    # What comes back has its onsets, and is the same in binary.
    again = encoding.encode(encoding.decode(array.astype(kind)))
    assert rows(again) == ["O-----..|........", "......O-|-.O....."]
    assert ((again.array > 0) == array).all()


def test_a_held_cell_goes_on_with_its_own_track_and_pitch_only():
    encoding = PianorollEncoding(
        tracks=(RollTrack("a", voice="all"), RollTrack("b", voice="all")),
        steps=4,
        lowest=0,
        pitches=128,
    )
    array = np.zeros((1, 4, 128, 2), int)
    array[0, 2:, 127, 0] = 1  # the last cells of one track ...
    array[0, 0, 0, 1] = 1  # ... and the first of the next
    array[0, 3, 5, 1] = array[0, 0, 6, 1] = 1  # the last step of a pitch, the first of the next
    score = encoding.decode(array)
    assert notes_of(score, 0) == [(48, 48, 127)]
    assert notes_of(score, 1) == [(0, 24, 0), (0, 24, 6), (72, 24, 5)]
    # One pitch: where one track ends the next one begins.
    narrow = PianorollEncoding(tracks=("a", "b"), steps=4, lowest=60, pitches=1)
    score = narrow.decode(np.array([[[[1, 0]], [[1, 0]], [[0, 1]], [[0, 1]]]]))
    assert (notes_of(score, 0), notes_of(score, 1)) == ([(0, 48, 60)], [(48, 48, 60)])


def plain_decode(array, ticks, lowest):
    """`decode` once more, cell by cell."""
    bars, steps, pitches, tracks = array.shape
    found = [[] for _ in range(tracks)]
    for track in range(tracks):
        for pitch in range(pitches):
            before = 0
            for step in range(bars * steps):
                value = int(array[step // steps, step % steps, pitch, track])
                if value == 2 or (value == 1 and before == 0):
                    found[track].append([step * ticks, ticks, pitch + lowest])
                elif value == 1:
                    found[track][-1][1] += ticks
                before = value
    return [sorted(map(tuple, notes), key=lambda n: (n[0], n[2])) for notes in found]


@st.composite
def rolls(draw):
    """An encoding, and an array that it decodes."""
    voices = draw(st.lists(st.sampled_from(["highest", "lowest", "all"]), min_size=1, max_size=3))
    encoding = PianorollEncoding(
        tracks=tuple(
            RollTrack(f"track {i}", draw(st.integers(0, 127)), draw(st.booleans()), voice)
            for i, voice in enumerate(voices)
        ),
        steps=draw(st.sampled_from([1, 5, 12, 16, 24])),
        meter=draw(st.sampled_from([(4, 4), (3, 4), (7, 8), (2, 2), (5, 16)])),
        lowest=draw(st.integers(0, 120)),
        pitches=draw(st.integers(1, 8)),
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bars = draw(st.integers(0, 3))
    array = random.choice(
        3, encoding.shape(bars), p=draw(st.sampled_from([(8, 1, 1), (1, 8, 1)])) / np.float64(10)
    )
    for i, track in enumerate(encoding.tracks):
        if track.monophonic:
            one = random.integers(0, encoding.pitches, (bars, encoding.steps, 1))
            array[..., i] *= one == np.arange(encoding.pitches)
    return encoding, array


@given(rolls())
def test_every_roll_is_music_that_encodes_to_it(drawn):
    encoding, array = drawn
    score = encoding.decode(array)
    ticks = int(encoding.resolution / encoding.per_quarter)
    assert ticks * encoding.per_quarter == encoding.resolution
    assert encoding.resolution % 24 == 0
    expected = plain_decode(array, ticks, encoding.lowest)
    assert [notes_of(score, i) for i in range(len(encoding.tracks))] == expected

    roll = encoding.encode(score)
    count = sum(map(len, expected))
    assert roll.report == RollReport(notes=count, kept=count)
    bars = len(roll.array)  # silence at the end is no music
    assert not array[bars:].any()
    assert ((roll.array > 0) == (array[:bars] > 0)).all()
    onset = np.zeros_like(roll.array)
    for i, notes in enumerate(expected):
        for start, _, pitch in notes:
            bar, step = divmod(start // ticks, encoding.steps)
            onset[bar, step, pitch - encoding.lowest, i] = 1
    assert ((roll.array == ONSET) == onset).all()
    assert encoding.encode(encoding.decode(roll)) == roll


# --- what comes back -----------------------------------------------------------------------------


@st.composite
def fitting_scores(draw):
    """An encoding, and a score that fits it, in any resolution that has the grid."""
    steps, meter = draw(
        st.sampled_from(
            [(16, (4, 4)), (24, (4, 4)), (12, (3, 4)), (7, (7, 8)), (5, (4, 4)), (1, (1, 1))]
        )
    )
    lowest = draw(st.integers(0, 100))
    pitches = draw(st.integers(1, 28))
    tracks, parts = [], []
    for i in range(draw(st.integers(1, 4))):
        voice = draw(st.sampled_from(["highest", "lowest", "all"]))
        track = RollTrack(f"part {i}", draw(st.integers(0, 127)), draw(st.booleans()), voice)
        notes, ends = [], {}
        for _ in range(draw(st.integers(0, 12))):
            pitch = draw(st.integers(lowest, lowest + pitches - 1))
            line = None if track.monophonic else pitch
            start = ends.get(line, 0) + draw(st.sampled_from([0, 0, 1, 2, 3, 17]))
            ends[line] = start + draw(st.sampled_from([1, 1, 2, 3, 4, 16, 33]))
            notes.append((start, ends[line] - start, pitch))
        tracks.append(track)
        parts.append((track.name, track.program, track.is_drum, notes))
    encoding = PianorollEncoding(tuple(tracks), steps, meter, lowest, pitches)
    tempos = {0: draw(st.integers(1, 2**24 - 1)), draw(st.integers(0, 99)): 400_000}
    resolution = encoding.resolution * draw(st.integers(1, 3))
    ticks = int(resolution / encoding.per_quarter)
    score = score_of(
        *[
            (*how, [(start * ticks, length * ticks, pitch) for start, length, pitch in notes])
            for *how, notes in parts
        ],
        meters=[(0, *meter)],
        tempos=[(at * ticks, microseconds) for at, microseconds in sorted(tempos.items())],
        resolution=resolution,
    )
    return encoding, score


@given(fitting_scores())
def test_every_score_that_fits_comes_back(drawn):
    encoding, score = drawn
    assume(score.note_num())
    roll = encoding.encode(score)
    again = encoding.decode(roll)
    assert facts(again) == facts(score)
    assert roll.report == RollReport(notes=score.note_num(), kept=score.note_num())
    assert {note.velocity for track in again.tracks for note in track.notes} == {80}
    assert encoding.encode(again) == roll


def test_scores_come_back_through_a_file(tmp_path):
    parts = [(name, 52, False, [(12 * i, 84, 60 - i)]) for i, name in enumerate(VOICE_NAMES)]
    score = score_of(*parts, tempos=[(0, 700_000)])
    path = write_midi(score, tmp_path / "choir.mid")
    assert facts(CHOIR.decode(CHOIR.encode(path))) == facts(score)
    again = read_midi(write_midi(CHOIR.decode(CHOIR.encode(path.read_bytes())), path))
    assert facts(again) == facts(score)


def test_no_music():
    roll = CHOIR.encode(score_of())
    assert roll == Pianoroll(np.zeros((0, 16, 84, 4), np.uint8))
    assert str(roll.report) == "0 of 0 notes"
    score = CHOIR.decode(roll)
    assert [(track.name, track.program) for track in score.tracks] == [(v, 52) for v in VOICE_NAMES]
    assert score.note_num() == 0
    assert facts(CHOIR.decode(np.zeros((3, 16, 84, 4), bool))) == facts(score)


@pytest.mark.parametrize(
    ("steps", "meter", "exact", "others", "left_out"),
    # Of the 409, 353 are in 4/4 throughout, and 5 of these have a note that is off the grid.
    [(16, (4, 4), 348, 56, 9), (12, (3, 4), 43, 366, 9)],
)
def test_the_chorales_come_back(steps, meter, exact, others, left_out):
    encoding = PianorollEncoding(steps=steps, meter=meter)
    pieces = chorales().pieces
    reports = []
    for piece in pieces:
        roll = encoding.encode(piece)
        report = roll.report
        reports.append(report)
        assert report.notes == piece.score.note_num() == report.kept + report.other_voices
        assert report.out_of_range == report.other_tracks == report.shortened == 0
        if report == RollReport(notes=report.notes, kept=report.notes):
            again = encoding.decode(roll)
            for mine, track in zip(again.tracks, piece.score.tracks, strict=True):
                mine.program = track.program  # which is not the encoding's
            assert facts(again) == facts(piece.score)
            exact -= 1
    assert exact == 0
    assert len(pieces) == 409
    assert sum(report.other_meters > 0 for report in reports) == others
    assert sum(report.other_voices for report in reports) == left_out


# --- what does not fit ---------------------------------------------------------------------------


def test_notes_out_of_range_are_counted():
    score = score_of(("tune", [(0, 12, 59), (0, 12, 60), (12, 12, 64), (24, 12, 65), (36, 12, 0)]))
    for encoding in (TUNE, PIANO):
        roll = encoding.encode(score)
        assert rows(roll) == [".O......", "........", "........", "........", "O......."]
        assert roll.report == RollReport(notes=5, kept=2, out_of_range=3)
        assert str(roll.report) == "2 of 5 notes (3 out of range)"


def test_a_second_voice_is_left_out_of_a_monophonic_track():
    #        a chord ...............................  a legato  .....................  entered above
    notes = [(0, 24, 60), (0, 24, 64), (0, 12, 62), (24, 36, 62), (48, 36, 61), (84, 12, 64)]
    score = score_of(("tune", notes))
    roll = TUNE.encode(score)
    assert rows(roll) == ["O-.....O", "........", "..O-....", "....O--.", "........"]
    assert roll.report == RollReport(notes=6, kept=4, other_voices=2, shortened=1)
    assert str(roll.report) == "4 of 6 notes (2 in other voices, 1 shortened)"
    lowest = PianorollEncoding((RollTrack("tune", voice="lowest"),), 8, (4, 4), 60, 5)
    assert rows(lowest.encode(score))[-1] == "O-......"
    # All of it is kept where the track is polyphonic.
    assert PIANO.encode(score).report == RollReport(notes=6, kept=6)


def test_overlapping_notes_of_one_pitch():
    # The later one cuts the earlier; of two that begin together the longer one stays.
    notes = [(0, 48, 60), (24, 12, 60), (48, 12, 62), (48, 36, 62), (0, 96, 64)]
    roll = PIANO.encode(score_of(("piano", notes)))
    assert rows(roll) == ["O-------", "........", "....O--.", "........", "O-O....."]
    assert roll.report == RollReport(notes=5, kept=4, other_voices=1, shortened=1)


def test_notes_off_the_grid_go_to_the_nearest_step():
    # 12 ticks a step: 6 is half and goes up, 5 is less; a note of one tick lasts a step.
    notes = [(6, 11, 60), (29, 14, 61), (50, 1, 62), (72, 12, 63)]
    roll = TUNE.encode(score_of(("tune", notes), tempos=[(5, 400_000), (6, 300_000)]))
    assert rows(roll) == ["........", "......O.", "....O...", "..O-....", ".O......"]
    assert notes_of(TUNE.decode(roll)) == [(12, 12, 60), (24, 24, 61), (48, 12, 62), (72, 12, 63)]
    assert roll.report == RollReport(notes=4, kept=4, moved=3)
    assert str(roll.report) == "4 of 4 notes (3 moved)"
    assert roll.tempos == ((0, 400_000), (1, 300_000))


def test_other_meters_are_counted():
    meters = [(0, 3, 4), (72, 4, 4), (168, 6, 8)]
    score = score_of(("tune", [(0, 12, 60)]), meters=meters)
    roll = TUNE.encode(score)
    assert roll.report == RollReport(notes=1, kept=1, other_meters=2)
    assert str(roll.report) == "1 of 1 notes (2 other meters)"
    score.time_signatures = []  # 4/4, as the standard has it
    assert TUNE.encode(score).report.other_meters == 0


# --- which track goes where ----------------------------------------------------------------------

BAND = PianorollEncoding(
    tracks=("lead", RollTrack("drums", is_drum=True), RollTrack("bass", voice="lowest")),
    steps=4,
    lowest=60,
    pitches=4,
)


def taken(*tracks):
    """What the band's places play: the first pitch of each, or None."""
    score = score_of(*[(name, 0, drum, [(0, 24, p) for p in ps]) for name, drum, ps in tracks])
    roll = BAND.encode(score)
    pitches = [notes_of(BAND.decode(roll), i) for i in range(3)]
    assert roll.report.notes == sum(len(ps) for *_, ps in tracks)
    return [notes[0][2] if notes else None for notes in pitches], roll.report.other_tracks


def test_tracks_go_where_their_names_say():
    parts = [("Bass", False, [60]), ("DRUMS ", True, [61]), ("lead", False, [62])]
    assert taken(*parts) == ([62, 61, 60], 0)
    assert taken(*parts[:1]) == ([None, None, 60], 0)
    assert taken(*parts, ("strings", False, [63, 60])) == ([62, 61, 60], 2)
    # Several of one name are put together.
    assert taken(*parts, ("lead", False, [63])) == ([63, 61, 60], 0)
    # A name does not make drums of what is none.
    assert taken(("lead", False, [60]), ("drums", False, [61])) == ([60, None, None], 1)
    assert taken(("bass", False, [60]), ("lead", True, [61])) == ([None, None, 60], 1)


def test_tracks_without_such_names_go_in_order():
    assert taken(("a", False, [60]), ("b", True, [61]), ("", False, [62])) == ([60, 61, 62], 0)
    assert taken(("b", True, [61]), ("c", True, [62]), ("a", False, [60])) == ([60, 61, None], 1)
    extra = [("a", False, [60]), ("b", False, [61]), ("c", False, [62, 63])]
    assert taken(*extra) == ([60, None, 61], 2)
    # A track without a note, such as a MIDI file's tempo track, takes no place.
    assert taken(("lead", False, []), *extra) == ([60, None, 61], 2)


# --- size ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [2**31 - 2, 2**30, 400_000_000])
def test_music_that_is_too_long_is_refused_at_once(at):
    score = score_of(("bass", [(0, 480, 40)]), ("alto", [(at, 1, 60)]), resolution=480)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"[\d,]+ bars of this music are [\d.]+ GiB.* 1 GiB"):
        CHOIR.encode(score)
    assert tracemalloc.get_traced_memory()[1] < 100e6  # nothing of that size was made first
    tracemalloc.stop()


def test_the_size_is_that_of_the_kept_notes():
    # 5,376 bytes a bar: 199,728 bars are within 1 GiB, one more is not.
    assert CHOIR.shape(199_728) == (199_728, 16, 84, 4)
    assert np.prod(CHOIR.shape(199_728)) <= 2**30 < np.prod(CHOIR.shape(199_729))
    far = 199_728 * 96
    with pytest.raises(ValueError, match=r"The 199,729 bars .* are 1.0 GiB as an array \(199729,"):
        CHOIR.encode(score_of(("alto", [(far, 1, 60)])))
    score = score_of(("alto", [(0, 24, 60), (far, 24, 127)]))
    assert CHOIR.encode(score).array.shape == CHOIR.shape(1)


# --- errors --------------------------------------------------------------------------------------


def test_two_pitches_at_once_are_refused_where_one_is_allowed():
    array = np.zeros((3, 16, 84, 4), np.uint8)
    array[1, 5, [40, 47], 0] = [1, 2]
    with pytest.raises(
        ValueError, match=r"Track 'soprano' has two pitches at once in bar 1, step 5"
    ):
        CHOIR.decode(array)
    array[...] = 0
    array[2, 15, [0, 83], 3] = 1
    with pytest.raises(ValueError, match=r"Track 'bass' has two pitches at once in bar 2, step 15"):
        CHOIR.decode(Pianoroll(array))
    everyone = PianorollEncoding(tuple(RollTrack(name, voice="all") for name in VOICE_NAMES))
    assert everyone.decode(array).note_num() == 2


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((8, 5, 1), int), r"the shape \(8, 5, 1\).*here \(bars, 8, 5, 1\)"),
        (np.zeros((1, 2, 8, 5, 1), int), r"the shape \(1, 2, 8, 5, 1\)"),
        (np.zeros((1, 8, 6, 1), int), r"the shape \(1, 8, 6, 1\)"),
        (np.zeros((1, 5, 8, 1), int), r"the shape"),
        ([], r"the shape \(0,\)"),
        ([[1], [1, 2]], r"the shape"),
        (np.zeros((1, 8, 5, 1)), r"values of type float64: give 0 silent.*array > 0.5"),
        (np.full((1, 8, 5, 1), "1"), r"values of type <U1"),
        (np.full((1, 8, 5, 1), 3), r"values from 3 to 3: give 0 silent, 1 held, 2 onset"),
        (np.full((1, 8, 5, 1), -1), r"values from -1 to -1: give"),
        (np.full((1, 8, 5, 1), 2**40), r"values from 1099511627776"),
    ],
)
def test_what_is_no_roll(array, message):
    with pytest.raises(ValueError, match=message):
        TUNE.decode(array)


def test_tempos_are_the_rolls_or_given():
    array = np.zeros(TUNE.shape(1), np.uint8)
    roll = Pianoroll(array, tempos=((0, 600_000), (4, 300_000)))
    assert tempos_of(TUNE.decode(roll)) == [(0, 600_000), (48, 300_000)]
    assert tempos_of(TUNE.decode(array)) == [(0, 500_000)]
    assert tempos_of(TUNE.decode(roll, [(0, 1)])) == [(0, 1)]
    wrong = (-1, 500_000), (0, 0), (0, 2**24), (2**28, 500_000), (0.5, 500_000)
    for tempos in ([change] for change in wrong):
        with pytest.raises(ValueError, match=r"tempos=.*microseconds per quarter"):
            TUNE.decode(array, tempos)


def test_rolls_that_are_longer_than_a_file_are_refused():
    encoding = PianorollEncoding((RollTrack("x"),), 1, (255, 1), 0, 1)
    assert encoding.resolution == 24  # a step is a bar of 1,020 quarter notes
    bars = (2**28 - 1) // (24 * 1020)
    encoding.decode(np.ones((bars, 1, 1, 1), bool))
    with pytest.raises(ValueError, match=f"The roll has {bars + 1:,} bars.* {bars:,} of them"):
        encoding.decode(np.ones((bars + 1, 1, 1, 1), bool))


# --- config --------------------------------------------------------------------------------------


def test_the_default_is_the_choir_of_the_paper_s_range():
    assert CHOIR.shape(2) == (2, 16, 84, 4)
    assert (CHOIR.lowest, CHOIR.meter, CHOIR.resolution) == (24, (4, 4), 24)
    assert [(t.name, t.program, t.is_drum, t.voice) for t in CHOIR.tracks] == [
        *((name, 52, False, "highest") for name in VOICE_NAMES[:3]),
        ("bass", 52, False, "lowest"),
    ]
    assert all(track.monophonic for track in CHOIR.tracks)
    assert not RollTrack("x", voice="all").monophonic


def test_the_resolution_has_every_grid():
    resolutions = {}
    for steps in range(1, 193):
        for numerator, denominator in ((4, 4), (3, 4), (7, 8), (255, 1), (1, 128), (3, 128)):
            encoding = PianorollEncoding(steps=steps, meter=(numerator, denominator))
            step = encoding.resolution * Fraction(4 * numerator, denominator * steps)
            assert step.denominator == 1
            assert encoding.resolution % 24 == 0
            resolutions[steps, numerator, denominator] = encoding.resolution
    assert resolutions[16, 4, 4] == resolutions[24, 4, 4] == resolutions[192, 4, 4] // 2 == 24
    assert resolutions[5, 4, 4] == 120
    assert max(resolutions.values()) == resolutions[191, 1, 128] == 18_336


def test_rolls_are_arrays_and_equal_by_what_they_say():
    roll = TUNE.encode(score_of(("tune", [(0, 24, 60)])))
    assert np.asarray(roll) is roll.array
    assert np.array(roll, dtype=float).sum() == 3
    assert np.array(roll) is not roll.array
    assert roll == Pianoroll(roll.array.copy(), roll.tempos)
    assert roll != Pianoroll(roll.array, ((0, 1),))
    assert roll != Pianoroll(2 - roll.array, roll.tempos)
    assert roll != "roll"
    with pytest.raises(TypeError):
        hash(roll)
