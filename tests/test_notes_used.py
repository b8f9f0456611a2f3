"""Which tracks of songs go to which place, and what is said of the notes that are used."""

from __future__ import annotations

import numpy as np
import pytest
from scores import notes_of, score_of

from musegen.corpus.notes_used import NotesUsed, drum_notes
from musegen.encoding import PianorollEncoding, PitchDurationEncoding, RollTrack
from musegen.encoding.instruments import FAMILIES, family_of
from musegen.encoding.roll import VOICES, TrackReport, instrument

BAND = PianorollEncoding(
    (instrument("bass"), instrument("drums"), instrument("piano"), RollTrack("lead")),
    steps=4,
    lowest=30,
    pitches=40,
)


def taken(*tracks, encoding=BAND):
    """The pitches at each place, of tracks `(name, program, is_drum, pitch)` of one note each."""
    score = score_of(*[(name, program, drum, [(0, 24, p)]) for name, program, drum, p in tracks])
    decoded = encoding.decode(encoding.encode(score))
    return [
        sorted(p for *_, p in notes_of(decoded, number)) for number in range(len(encoding.tracks))
    ]


def test_every_program_is_of_one_family_and_channel_10_of_drums():
    melodic = [range_ for name, range_ in FAMILIES.items() if name != "drums"]
    assert sorted(program for range_ in melodic for program in range_) == list(range(128))
    for program, family in [(0, "piano"), (31, "guitar"), (39, "bass"), (48, "strings")]:
        [track] = score_of(("x", program, False, [(0, 1, 60)])).tracks
        assert family_of(track) == family
        [track] = score_of(("x", program, True, [(0, 1, 60)])).tracks
        assert family_of(track) == "drums"


def test_tracks_are_found_by_their_instruments():
    bass, kit, keys = ("Fingered", 33, False, 40), ("", 25, True, 36), ("", 4, False, 60)
    assert taken(bass, kit, keys) == [[40], [36], [60], []]
    # Several of a family go together, and what is of none is left out.
    assert taken(keys, ("E.P.", 5, False, 64), ("", 56, False, 62)) == [[], [], [60, 64], []]
    # A name goes before an instrument: what is called bass is the bass, whatever plays it.
    assert taken(("bass", 0, False, 41), bass, keys) == [[40], [], [60], []]  # the lowest of both
    assert taken(("Piano", 33, False, 60)) == [[], [], [60], []]
    assert taken(("lead", 0, False, 60)) == [[], [], [], [60]]
    # Drums are what is on channel 10, and nothing else.
    assert taken(("drums", 118, False, 60), kit) == [[], [36], [], []]


def test_a_place_for_a_family_takes_no_track_in_order():
    flute = ("", 73, False, 60)
    assert taken(flute) == [[], [], [], [60]]  # the lead, which has no family
    duo = PianorollEncoding((instrument("bass"), instrument("piano")), lowest=30, pitches=40)
    assert taken(flute, encoding=duo) == [[], []]
    # The bass of a choir is no bass guitar.
    voices = PianorollEncoding(VOICES)
    four = [("", program, False, pitch) for program, pitch in zip((0, 0, 32, 0), (67, 64, 60, 48))]
    assert taken(*four, encoding=voices) == [[67], [64], [60], [48]]


def test_a_family_is_a_setting_of_a_track():
    place = instrument("bass", "low")
    assert place == RollTrack("low", 33, voice="lowest", family="bass")
    assert instrument("drums") == RollTrack("drums", 0, True, "all", "drums")
    encoding = PianorollEncoding((place,))
    assert PianorollEncoding.from_config(encoding.get_config()) == encoding
    old = encoding.get_config()
    del old["tracks"][0]["family"]  # as version 0.1.0 wrote it
    assert PianorollEncoding.from_config(old).tracks == (
        RollTrack("low", program=33, voice="lowest"),
    )
    assert RollTrack("x", family="drums").is_drum
    with pytest.raises(ValueError, match="family='bass': a track of drums is of the fam"):
        RollTrack("x", is_drum=True, family="bass")
    with pytest.raises(ValueError, match="family='tuba': choose one of"):
        instrument("tuba")


def song():
    """Two bars of 4/4 and one of 3/4; quarters of 24 ticks, steps are quarters too."""
    bass = [(24 * beat, 24, 40) for beat in range(11)]
    keys = [(0, 24, 60), (0, 24, 64), (0, 12, 60), (24, 24, 90)]
    horns = [(0, 24, 60), (24, 24, 60)]
    return score_of(
        ("b", 33, False, bass),
        ("k", 0, False, keys),
        ("h", 61, False, horns),
        meters=[(0, 4, 4), (192, 3, 4)],
    )


def test_the_report_has_each_place_and_the_others():
    report = BAND.encode(song()).report
    assert report.tracks == (
        TrackReport("bass", 11, 11),
        TrackReport("drums"),
        TrackReport("piano", 4, 2, out_of_range=1, other_voices=1),
        TrackReport("lead"),
    )
    assert report.others == (("brass", 2),)
    assert (report.notes, report.kept, report.other_tracks) == (17, 13, 2)


def test_notes_in_phrases_by_hand():
    used = NotesUsed.of_phrases(BAND, 2)
    for score in (song(), score_of(("b", 33, False, [(0, 24, 40)]))):
        used.add_score(score, BAND, 2)
    assert str(used).splitlines() == [
        "To learn from: 10 of 18 notes (56%) in 1 phrase of 2 bars of 4/4, of 1 of 2 pieces",
        "  bass   8 of 12 notes used (67%); 4 outside of phrases",
        "  drums  0 of 0 notes used",
        "  piano  2 of 4 notes used (50%); 1 in other voices, 1 out of range",
        "  lead   0 of 0 notes used",
        "  not taken: brass 2",
    ]


def test_a_melody_is_one_voice():
    score = song()
    score.tracks.append(score_of(("d", 0, True, [(0, 24, 36)] * 5)).tracks[0])
    report = PitchDurationEncoding().encode(score).report
    notes = np.array([[report.notes, report.left_out, drum_notes(score)]])
    used = NotesUsed.of_lines("highest", notes)
    assert used.notes == score.note_num() == 22
    assert used.used == report.notes == 11  # E, the high F sharp, and the bass from there on
    assert str(used).splitlines() == [
        "To learn from: 11 of 22 notes (50%), of 1 of 1 pieces",
        "  the highest voice  11 of 17 notes used (65%); 6 in other voices",
        "  not taken: drums 5",
    ]
