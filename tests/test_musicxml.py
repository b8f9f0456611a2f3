"""MusicXML in and out: round trips by property, files by hand, and music21 as a second program."""

from __future__ import annotations

import io
import random
import sys
import xml.etree.ElementTree as ET
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores import keys_of, line, meters_of, notes_of, played, random_score, score_of, tempos_of

import musegen
from musegen.interop import (
    from_music21,
    musicxml_bytes,
    read_musicxml,
    to_music21,
    to_score,
    write_musicxml,
)
from musegen.interop._engraving import VALUES, Spans, voices_of
from musegen.interop._musicxml_writer import spelled
from musegen.midi import MidiError, ReadLimits


def again(score, tmp_path, suffix=".musicxml"):
    return read_musicxml(write_musicxml(score, tmp_path / f"a{suffix}"))


def tree(score):
    return ET.fromstring(musicxml_bytes(score))


def in_quarters(score):
    """All that a round trip keeps, with times in quarters."""
    q = score.ticks_per_quarter
    tracks = [
        (
            t.program,
            t.is_drum,
            sorted((Fraction(a, q), Fraction(b, q), *c) for a, b, *c in played(t)),
        )
        for t in score.tracks
    ]
    rows = (tempos_of(score), meters_of(score), keys_of(score))
    return tracks, *([(Fraction(time, q), *rest) for time, *rest in row] for row in rows)


@st.composite
def small_scores(draw):
    """Three meters of two bars each, keys at bar lines, tempos anywhere, all on the grid of 24."""
    scale = draw(st.sampled_from([1, 5, 20]))
    meters, place = [], 0
    for _ in range(3):
        meter = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 8), (7, 16), (2, 2)]))
        if not meters or meters[-1][1:] != meter:
            meters.append((place * scale, *meter))
        place += 2 * 96 * meter[0] // meter[1]
    pickup = draw(st.sampled_from([0, 48, 72])) if meters[0][1:] == (4, 4) else 0
    step = st.integers(pickup, place - 1)
    note = st.tuples(step, st.integers(1, 100), st.integers(21, 108), st.integers(1, 127))
    tracks = []
    for number, program in enumerate(draw(st.lists(st.sampled_from([0, 25, 40]), max_size=3))):
        rows = {
            (start, pitch): (start, length, pitch, loud)
            for start, length, pitch, loud in draw(st.lists(note, min_size=1, max_size=8))
        }
        rows = [(a * scale, min(b, place - a) * scale, *c) for a, b, *c in sorted(rows.values())]
        tracks.append((f"part {number}", program, number == 2, _apart(rows)))
    first = min((note[0] for *_, notes in tracks for note in notes), default=0)
    early = {
        0,
        *(time for time in draw(st.sets(st.integers(first // scale, place - 1), max_size=2))),
    }
    tempos = [(t * scale, draw(st.integers(200_000, 2_000_000))) for t in sorted(early)]
    keys = [(time, draw(st.integers(-7, 7)), draw(st.integers(0, 1))) for time, *_ in meters]
    return score_of(*tracks, resolution=24 * scale, tempos=tempos, meters=meters, keys=keys), place


def _apart(notes):
    """Shortens notes of one pitch that would overlap: MIDI could not hold them either."""
    found = []
    for start, length, pitch, loud in notes:
        later = [other[0] for other in notes if other[2] == pitch and other[0] > start]
        found.append((start, min([length, *(time - start for time in later)]), pitch, loud))
    return found


@settings(max_examples=40)
@given(small_scores())
def test_music_on_the_grid_comes_back_as_it_was(tmp_path_factory, drawn):
    score, _ = drawn
    found = again(score, tmp_path_factory.mktemp("there"))
    end = max([1, *(track.end() for track in score.tracks if len(track.notes))])
    tracks, tempos, meters, keys = in_quarters(score)
    tracks = [track for track in tracks if track[2]]
    there = Fraction(end, score.ticks_per_quarter)
    assert in_quarters(found)[0] == (tracks or [(0, False, [])])
    for row, back in zip((tempos, meters, keys), in_quarters(found)[1:]):  # after the end, no more
        wanted, got = ([event for event in events if event[0] < there] for events in (row, back))
        assert got == wanted
    assert found.ticks_per_quarter == score.ticks_per_quarter


@pytest.mark.parametrize("resolution", [24, 480])
@pytest.mark.parametrize("suffix", [".musicxml", ".mxl"])
def test_dense_scores_come_back_with_velocities_and_drums(resolution, suffix, tmp_path):
    for seed in range(3):
        score = random_score(seed, 24)
        if resolution != 24:
            score = score.resample(resolution)
        found = again(score, tmp_path, suffix)
        assert in_quarters(found)[:3] == in_quarters(score)[:3]
        assert [t.name for t in found.tracks] == [t.name for t in score.tracks]


def test_the_same_music_makes_the_same_bytes(tmp_path):
    for suffix in (".musicxml", ".mxl"):
        first = write_musicxml(random_score(1), tmp_path / f"1{suffix}").read_bytes()
        assert write_musicxml(random_score(1), tmp_path / f"2{suffix}").read_bytes() == first


# What is written


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl"])
def test_bytes_are_read_as_the_file(suffix, tmp_path):
    path = write_musicxml(line([60, 62, 64]), tmp_path / f"line{suffix}")
    data = path.read_bytes()
    assert read_musicxml(data) == read_musicxml(bytearray(data)) == read_musicxml(path)
    with pytest.raises(MidiError, match=r"the given bytes: .* at most 10 are read"):
        read_musicxml(data, ReadLimits(max_bytes=10))


def test_a_line_by_hand():
    """A pickup of a quarter; F#, and F natural in the same bar; a tie over the bar line."""
    score = score_of(
        ("Tune", 73, False, [(72, 24, 74), (96, 24, 78), (120, 24, 77), (144, 96, 66)]),
        keys=[(0, 2, 0)],
        tempos=[(0, 500_000)],
    )
    root = tree(score)
    assert root.findtext("part-list/score-part/part-name") == "Tune"
    assert root.findtext("part-list/score-part/midi-instrument/midi-program") == "74"
    pickup, first, second = root.findall("part/measure")
    assert (pickup.get("number"), pickup.get("implicit")) == ("0", "yes")
    assert (first.get("number"), second.get("number")) == ("1", "2")
    stated = {tag: pickup.findtext(f"attributes/{tag}") for tag in ("divisions", "key/fifths")}
    assert stated == {"divisions": "24", "key/fifths": "2"}
    assert [pickup.findtext(f"attributes/{tag}") for tag in ("time/beats", "clef/sign")] == [
        "4",
        "G",
    ]
    assert pickup.findtext("direction/direction-type/metronome/per-minute") == "120"
    rows = [
        [
            (
                *(
                    note.findtext(tag)
                    for tag in ("pitch/step", "pitch/alter", "type", "accidental")
                ),
                [tie.get("type") for tie in note.findall("tie")],
            )
            for note in measure.findall("note")
        ]
        for measure in (pickup, first, second)
    ]
    assert rows == [
        [("D", None, "quarter", None, [])],
        [
            ("F", "1", "quarter", None, []),
            ("F", None, "quarter", "natural", []),
            ("F", "1", "half", None, ["start"]),  # another octave: the key's sharp
        ],
        [("F", "1", "half", None, ["stop"]), (None, None, "half", None, [])],
    ]


def test_an_accidental_holds_until_the_bar_line():
    score = score_of([(0, 24, 61), (24, 24, 61), (48, 24, 60), (96, 24, 61)], keys=[(0, 0, 0)])
    marks = [
        n.findtext("accidental") for n in tree(score).iter("note") if n.find("pitch") is not None
    ]
    assert marks == ["sharp", None, "natural", "sharp"]


@pytest.mark.parametrize(
    ("sharps", "names"),
    [
        (0, "C C# D Eb E F F# G G# A Bb B"),
        (4, "B# C# D D# E E# F# G G# A A# B"),
        (-4, "C Db D Eb E F Gb G Ab A Bb Cb"),
    ],
)
def test_pitches_are_spelled_by_the_key(sharps, names):
    found = [spelled(pitch, sharps) for pitch in range(60, 72)]
    assert [step + {0: "", 1: "#", -1: "b"}[alter] for step, alter, _ in found] == names.split()
    steps = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11)))
    for pitch in range(128):
        step, alter, octave = spelled(pitch, sharps)
        assert 12 * (octave + 1) + steps[step] + alter == pitch


def test_music_without_a_key_gets_the_one_of_its_scale(tmp_path):
    scale = [62, 64, 66, 67, 69, 71, 73, 74]  # D major
    assert keys_of(again(line(scale), tmp_path)) == [(0, 2, 0)]


@pytest.mark.parametrize(
    ("track", "clefs"),
    [
        (("Flute", 73, False, [(0, 24, 80)]), [("G", "2", None)]),
        (("Cello", 42, False, [(0, 24, 45)]), [("F", "4", None)]),
        (("Tenor", 52, False, [(0, 24, 58)]), [("G", "2", "-1")]),
        (("Bass", 33, False, [(0, 24, 30)]), [("F", "4", "-1")]),
        (("Piano", 0, False, [(0, 24, 40), (0, 24, 70)]), [("G", "2", None), ("F", "4", None)]),
        (("Piano", 0, False, [(0, 24, 70)]), [("G", "2", None)]),
        (("Kit", 0, True, [(0, 6, 36)]), [("percussion", None, None)]),
    ],
)
def test_clefs_fit_the_range(track, clefs):
    found = tree(score_of(track)).findall("part/measure/attributes/clef")
    assert [
        tuple(c.findtext(t) for t in ("sign", "line", "clef-octave-change")) for c in found
    ] == clefs


def test_nameless_tracks_are_called_after_their_instrument():
    parts = tree(score_of(("", 40, False, [(0, 24, 60)]), ("", 0, True, [(0, 24, 36)])))
    assert [p.findtext("part-name") for p in parts.iter("score-part")] == ["Violin", "Drums"]


def pieces(*notes, bar=96, staff=0):
    voices = voices_of(np.array([(a, a + b, p, 64) for a, b, p in notes]))
    return [
        [
            (p.start, p.steps, [s.pitch for s in p.sounds], p.value)
            for p in Spans(v, [0, bar]).pieces(0)
        ]
        for v in voices
    ]


def test_values_are_cut_at_beats_and_triplets():
    assert pieces((0, 60, 60)) == [
        [
            (0, 48, [60], ("half", 0)),
            (48, 12, [60], ("eighth", 0)),
            (60, 12, [], ("eighth", 0)),
            (72, 24, [], ("quarter", 0)),
        ]
    ]
    (triplet,) = pieces((0, 8, 60), (8, 8, 62), (16, 8, 64), (24, 72, 65))
    assert [piece[3] for piece in triplet] == [("eighth", 0)] * 3 + [("half", 1)]
    (broad,) = pieces((0, 16, 60), (16, 16, 62), (32, 16, 64), (48, 48, 65))
    assert [piece[3] for piece in broad] == [("quarter", 0)] * 3 + [("half", 0)]
    assert VALUES[48] == ("quarter", 0) and VALUES[72] == ("quarter", 1)


def test_notes_that_overlap_are_voices_and_chords_are_one():
    held = (0, 96, 72)
    upper, lower = pieces(held, (0, 24, 60), (0, 24, 64), (48, 48, 55))
    assert upper == [(0, 96, [72], ("whole", 0))]
    assert [piece[2] for piece in lower] == [[60, 64], [], [55]]


def test_a_performance_is_put_on_the_grid_of_its_beats():
    """At 480: straight sixteenths played loosely, then triplets; ends stop short of the next."""
    straight = [(0, 100, 60), (126, 90, 62), (233, 100, 64), (364, 90, 65)]
    triplet = [(480, 150, 67), (645, 140, 69), (795, 150, 71)]
    root = score_of(straight + triplet, resolution=480)
    found = to_score_of(root)
    assert notes_of(found)[:4] == [(0, 120, 60), (120, 120, 62), (240, 120, 64), (360, 120, 65)]
    assert notes_of(found)[4:] == [(480, 160, 67), (640, 160, 69), (800, 160, 71)]


def to_score_of(score):
    from musegen.interop._musicxml_reader import score_of_document

    return score_of_document(musicxml_bytes(score), "it", ReadLimits())


def test_a_first_rest_is_no_pickup():
    numbers = [m.get("number") for m in tree(score_of([(12, 180, 60)])).iter("measure")]
    assert numbers == ["1", "2"]


@pytest.mark.parametrize("name", ["a.xml", "a.mid", "a", ".musicxml"])
def test_other_suffixes_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=r"give a name that ends in \.musicxml or \.mxl"):
        write_musicxml(line([60]), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_what_notation_has_not_is_refused():
    with pytest.raises(MidiError, match="64ths"):
        musicxml_bytes(score_of([(0, 10, 60), (90, 90, 60)], meters=[(0, 3, 64)]))
    with pytest.raises(MidiError, match="Change it"):
        musicxml_bytes(score_of([(0, 24, 60)], meters=[(0, 4, 3)]))


def test_names_with_control_characters_are_written(tmp_path):
    found = again(score_of(("a\x00b\x1f<&>\n", 0, False, [(0, 24, 60)])), tmp_path)
    assert found.tracks[0].name == "a b <&>"


# A second program


def music21_reads(data):
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    importer = MusicXMLImporter()
    importer.xmlText = data.decode()
    importer.parseXMLText()
    return from_music21(importer.stream)


def test_music21_reads_what_is_written():
    for seed in range(2):
        score = random_score(seed, 24)
        for track in score.tracks:
            track.program, track.is_drum = 40, False  # of drums it keeps the place on the staff
        found = music21_reads(musicxml_bytes(score))
        wanted = in_quarters(score)
        assert [track[2] for track in in_quarters(found)[0]] == [track[2] for track in wanted[0]]
        assert in_quarters(found)[1:3] == wanted[1:3]


def test_what_music21_writes_is_read():
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    from musegen.interop._musicxml_reader import score_of_document

    score = score_of(
        ("Lead", 40, False, [(0, 24, 60), (24, 8, 62), (32, 8, 64), (40, 8, 65), (48, 96, 67)]),
        ("Low", 42, False, [(0, 96, 40), (96, 48, 43, 64), (96, 48, 47, 64)]),
        tempos=[(0, 600_000)],
        keys=[(0, -3, 1)],
    )
    data = GeneralObjectExporter(to_music21(score)).parse()
    found = score_of_document(data, "it", ReadLimits())
    assert in_quarters(found) == in_quarters(score)


CHORALES = ["bwv66.6.mxl", "bwv1.6.mxl", "bwv269.mxl"]


@pytest.mark.parametrize("name", CHORALES)
def test_chorales_are_read_as_music21_reads_them(name):
    """They have pickups, ties, fermatas, repeats, and one transposing horn."""
    import music21
    from music21 import converter

    path = Path(music21.__file__).parent / "corpus" / "bach" / name
    wanted, found = from_music21(converter.parse(path, forceSource=True)), read_musicxml(path)
    tracks = [[note[:3] for note in track[2]] for track in in_quarters(wanted)[0]]
    assert [[note[:3] for note in track[2]] for track in in_quarters(found)[0]] == tracks
    assert in_quarters(found)[2][:1] == in_quarters(wanted)[2][:1]
    assert [track.name for track in found.tracks] == [track.name for track in wanted.tracks]


# What is read

HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
LIST = '<part-list><score-part id="P1"><part-name>Horn</part-name></score-part></part-list>'


def note(step="C", octave=4, duration=1, more="", before=""):
    pitch = f"<pitch><step>{step}</step><octave>{octave}</octave></pitch>"
    return f"<note>{before}{pitch}<duration>{duration}</duration>{more}</note>"


def one_part(*measures, listed=LIST):
    bars = "".join(f'<measure number="{n}">{m}</measure>' for n, m in enumerate(measures, 1))
    return f'{HEAD}<score-partwise>{listed}<part id="P1">{bars}</part></score-partwise>'


def read(text, limits=None, tmp_path=None):
    from musegen.interop._musicxml_reader import score_of_document

    data = text if isinstance(text, bytes) else text.encode()
    return score_of_document(data, "it.musicxml", limits or ReadLimits())


def rows(score):
    q = score.ticks_per_quarter
    return [(n.time / q, n.duration / q, n.pitch) for n in score.tracks[0].notes]


def test_a_document_by_hand():
    """A horn in F with a pickup, two voices, a grace note, a cue, a tied chord and a tempo."""
    attributes = (
        "<attributes><divisions>2</divisions><key><fifths>1</fifths></key><time><beats>3</beats>"
        "<beat-type>4</beat-type></time><transpose><chromatic>-7</chromatic></transpose></attributes>"
    )
    mark = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>60</per-minute></metronome></direction-type><offset>2</offset></direction>"
    )
    tie = '<tie type="{}"/><voice>1</voice>'
    score = read(
        one_part(
            attributes + note(duration=2),
            mark
            + note(duration=4)
            + note("E", duration=2, more=tie.format("start"))
            + note("G", duration=2, before="<chord/>")
            + "<backup><duration>6</duration></backup><forward><duration>2</duration></forward>"
            + note("B", 3, 4),
            "<note><grace/><pitch><step>D</step><octave>4</octave></pitch></note>"
            + note("D", duration=2, before="<cue/>")
            + note("E", duration=6, more=tie.format("stop")),
        )
    )
    assert sorted(rows(score)) == [(2, 1, 53), (3, 2, 53), (4, 2, 52), (5, 1, 60), (5, 4, 57)]
    assert meters_of(score) == [(0, 3, 4)]
    assert keys_of(score) == [(0, 0, 0)]  # the horn's G is C
    assert tempos_of(score) == [(4 * 24, 666_667)]
    assert score.tracks[0].name == "Horn"


def test_bars_of_other_lengths_get_meters_so_that_bar_lines_fall_where_they_are():
    four = "<attributes><time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
    score = read(
        one_part(
            four + note(duration=4),
            note(duration=3),
            note(duration=1),
            note(duration=2),
            note(duration=4),
            note(duration=3),
        )
    )
    # Three and one quarters are one bar; two quarters alone are not; the last may be short.
    assert meters_of(score) == [(0, 4, 4), (8 * 24, 2, 4), (10 * 24, 4, 4)]


def test_dynamics_in_numbers_are_velocities():
    loud = '<direction><sound dynamics="100"/></direction>'
    score = read(
        one_part(
            note(duration=1)
            + loud
            + note(duration=1)
            + note(duration=2).replace("<note>", '<note dynamics="50">')
        )
    )
    assert [n.velocity for n in score.tracks[0].notes] == [64, 90, 45]


def test_timewise_documents_are_read():
    text = one_part(note(duration=4), note("D", duration=4))
    timewise = (
        f"{HEAD}<score-timewise>{LIST}"
        + "".join(
            f'<measure number="{n}"><part id="P1">{note(step, duration=4)}</part></measure>'
            for n, step in ((1, "C"), (2, "D"))
        )
        + "</score-timewise>"
    )
    assert rows(read(timewise)) == rows(read(text)) == [(0, 4, 60), (4, 4, 62)]


def test_divisions_without_a_common_one_are_rounded():
    uneven = "".join(
        f"<attributes><divisions>{d}</divisions></attributes>{note(duration=d)}"
        for d in (999_983, 999_979, 7)
    )
    score = read(one_part(uneven))
    assert score.ticks_per_quarter == 480
    assert rows(score) == [(0, 1, 60), (1, 1, 60), (2, 1, 60)]


# Hostile and damaged files

BOMB = (
    HEAD
    + '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi"))
    + "]><score-partwise><work>&i;</work></score-partwise>"
)
OUTSIDE = (
    HEAD
    + '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><score-partwise>&a;</score-partwise>'
)
PARAMETER = HEAD + '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]><score-partwise/>'
BAD = {
    "empty": (b"", "empty"),
    "text": (b"no music", "damaged, or no MusicXML"),
    "a bomb": (BOMB, "declares XML entities"),
    "an entity in a file": (OUTSIDE, "declares XML entities"),
    "a parameter entity": (PARAMETER, "declares XML entities"),
    "an unknown entity": (HEAD + "<score-partwise>&b;</score-partwise>", "damaged, or no MusicXML"),
    "cut off": (one_part(note())[:-30], "damaged, or no MusicXML"),
    "a page": ("<html></html>", "begins with <html>"),
    "an opus": (HEAD + "<opus/>", "begins with <opus>"),
    "deep": (HEAD + "<score-partwise>" + "<a>" * 100_000, "in one another"),
    "half a million elements": (HEAD + "<score-partwise>" + "<a/>" * 500_001, "more than 500,000"),
    "an encoding": ('<?xml version="1.0" encoding="x-none"?><score-partwise/>', "damaged|encoding"),
    "divisions of 0": (
        one_part("<attributes><divisions>0</divisions></attributes>"),
        "divisions of '0'",
    ),
    "divisions of 1e9": (
        one_part("<attributes><divisions>1e999999</divisions></attributes>"),
        "divisions",
    ),
    "a duration": (one_part(note(duration="9" * 400)), "a duration of '9"),
    "no duration": (one_part("<note><rest/></note>"), "a duration of ''"),
    "below 0": (one_part(note(duration=-5)), "a duration of '-5'"),
    "long": (one_part(*[note(duration=9 * 10**8)] * 3), "hours|longer"),
    "a pitch": (one_part(note(octave=12)), "a pitch of 156"),
    "a step": (one_part(note("H")), "a step of 'H'"),
    "a meter": (
        one_part("<attributes><time><beats>x</beats><beat-type>4</beat-type></time></attributes>"),
        "a meter of",
    ),
    "a meter over 3": (
        one_part("<attributes><time><beats>1</beats><beat-type>3</beat-type></time></attributes>"),
        "a meter that",
    ),
    "a program": (
        one_part(
            note(),
            listed=LIST.replace(
                "</score-part>",
                "<midi-instrument><midi-program>999</midi-program></midi-instrument></score-part>",
            ),
        ),
        "a program of '999'",
    ),
    "a forward step": (
        one_part("<forward><duration>999999999</duration></forward>"),
        "hours|longer",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_documents_are_one_line(name):
    text, message = BAD[name]
    with pytest.raises(MidiError, match=message) as caught:
        read(text)
    assert str(caught.value).startswith("it.musicxml: ") and "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_dtd_is_named_and_not_looked_for(monkeypatch, tmp_path):
    """The document type that all MusicXML names is on the web; no file and no address is opened."""
    events = []
    kind = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://127.0.0.1:9/partwise.dtd">'
    watching = [True]
    sys.addaudithook(
        lambda event, _: (
            events.append(event)
            if watching[0] and event.split(".")[0] in ("open", "socket", "urllib")
            else None
        )
    )
    try:
        score = read(one_part(note()).replace(HEAD, HEAD + kind))
    finally:
        watching[0] = False
    assert rows(score) == [(0, 1, 60)] and events == []


def test_limits_are_those_of_every_file(tmp_path):
    text = one_part(*[note(duration=4)] * 20)
    path = tmp_path / "a.musicxml"
    path.write_text(text)
    for limit in ({"max_notes": 19}, {"max_bars": 19}, {"max_bytes": 100}, {"max_hours": 0.001}):
        (name,) = limit
        with pytest.raises(MidiError, match=f"ReadLimits.{name}=") as caught:
            to_score(path, ReadLimits(**limit))
        assert caught.value.setting[0] == name
    two = LIST.replace("</part-list>", '<score-part id="P2"/></part-list>')
    with pytest.raises(MidiError, match="2 tracks"):
        read(one_part(note(), listed=two), ReadLimits(max_tracks=1))


def packed(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def container(name):
    return f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'


MXL = {
    "no container": ({"a.xml": one_part(note())}, "no container"),
    "a container that names another": (
        {"META-INF/container.xml": container("b.xml"), "a.xml": one_part(note())},
        "no container",
    ),
    "a container that names a file outside": (
        {"META-INF/container.xml": container("/etc/passwd.xml")},
        "no container",
    ),
    "a large container": ({"META-INF/container.xml": b"x" * 10**6}, "more than 65,536 bytes"),
    "a bomb": (
        {"META-INF/container.xml": container("a.xml"), "a.xml": b" " * 30_000_000},
        "30,000,000 bytes when unpacked",
    ),
    "an entity": ({"META-INF/container.xml": container("a.xml"), "a.xml": BOMB}, "entities"),
}


@pytest.mark.parametrize("name", MXL)
def test_bad_packages_are_one_line(name, tmp_path):
    members, message = MXL[name]
    path = tmp_path / "a.mxl"
    path.write_bytes(packed(members))
    with pytest.raises(MidiError, match=message) as caught:
        to_score(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_package_cut_off_or_changed_anywhere_is_a_score_or_one_line(tmp_path):
    good = write_musicxml(line([60, 62, 64]), tmp_path / "good.mxl").read_bytes()
    path = tmp_path / "a.mxl"
    draws = random.Random(1)
    for _ in range(150):
        data = bytearray(good[: draws.randrange(len(good))] if draws.random() < 0.3 else good)
        for _ in range(draws.randrange(4)):
            if data:
                data[draws.randrange(len(data))] = draws.randrange(256)
        path.write_bytes(bytes(data))
        try:
            read_musicxml(path)
        except MidiError as error:
            assert "\n" not in str(error)


def test_a_document_changed_anywhere_is_a_score_or_one_line():
    good = musicxml_bytes(score_of(("A", 5, False, [(0, 40, 60), (8, 100, 64)]), keys=[(0, 1, 1)]))
    good = good.decode()
    words = ["0", "-1", "999999999", "", "x", "1.5", "<chord/>", "start", "&#0;", "\ud7ff"]
    draws = random.Random(2)
    for _ in range(300):
        start = draws.randrange(len(good))
        text = good[:start] + draws.choice(words) + good[start + draws.randrange(12) :]
        try:
            read(text)
        except MidiError as error:
            assert "\n" not in str(error)


# Where music is taken


@pytest.mark.parametrize("suffix", [".musicxml", ".mxl", ".XML"])
def test_paths_are_taken_wherever_music_is(suffix, tmp_path):
    write_musicxml(line([60, 62, 64], 24, resolution=24), tmp_path / "a.musicxml")
    path = tmp_path / f"b{suffix}"
    if suffix == ".mxl":
        write_musicxml(tmp_path / "a.musicxml", path)
    else:
        path.write_bytes((tmp_path / "a.musicxml").read_bytes())
    assert notes_of(to_score(path)) == [(0, 24, 60), (24, 24, 62), (48, 24, 64)]
    melody = musegen.PitchDurationEncoding().encode(str(path))
    assert len(melody) == 5


def test_folders_of_scores_are_a_corpus(tmp_path):
    for start, suffix in ((50, ".musicxml"), (60, ".mxl"), (55, ".mid")):
        tune = line([start + (start * step) % 11 for step in range(20)])
        path = tmp_path / "music" / f"{start}{suffix}"
        if suffix == ".mid":
            musegen.write_midi(tune, path)
        else:
            write_musicxml(tune, path)
    (tmp_path / "music" / "bad.mxl").write_bytes(b"no music")
    report = musegen.corpus.scan(tmp_path / "music", jobs=1)
    assert {row.name: row.reason for row in report.rows} == {
        **dict.fromkeys(("50.musicxml", "60.mxl", "55.mid")),
        "bad.mxl": "unreadable MusicXML file",
    }
    found = musegen.corpus.folder(tmp_path / "music", jobs=1)
    assert {piece.name for piece in found.pieces} == {"50.musicxml", "60.mxl", "55.mid"}
