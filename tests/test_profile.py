"""What `musegen corpus scan` says of a folder, and the tracks that its commands ask for."""

from __future__ import annotations

import re
import shlex

import pytest
from scores import line, score_of

from musegen import RollTrack
from musegen.cli import main
from musegen.cli.arguments import make_parser
from musegen.cli.tracks import encoding_of
from musegen.corpus import Corpus, Piece, profile
from musegen.corpus.notes_used import NotesUsed
from musegen.encoding import PianorollEncoding
from musegen.encoding.roll import VOICES, instrument
from musegen.midi import write_midi

QUARTER = 24


def song(number, bars=6, meter=(4, 4), strings=False, names=("", "", "")):
    """A band's song: a bass, chords, drums, and strings in some."""
    bar = QUARTER * 4 * meter[0] // meter[1]
    root = 40 + number % 5
    parts = [
        (33, False, [(bar * i, bar, root + i % 3) for i in range(bars)]),
        (1, False, [(bar * i, bar, root + 20 + k) for i in range(bars) for k in (0, 4, 7)]),
        (0, True, [(bar * i + 12 * k, 12, 36 + k) for i in range(bars) for k in range(4)]),
    ]
    tracks = [(name, *part) for name, part in zip(names, parts)]
    if strings:
        tracks.append(("", 48, False, [(0, bar, 70)]))
    return score_of(*tracks, meters=[(0, *meter)])


def corpus_of(*scores):
    pieces = [Piece(str(number), "train", score) for number, score in enumerate(scores)]
    return Corpus("songs", tuple(pieces))


def test_a_profile_of_songs_by_hand():
    songs = [song(0, bars=8, strings=True), song(1), song(2), song(3, meter=(3, 4), bars=2)]
    found = profile(corpus_of(*songs))
    assert (found.pieces, found.corpus_pieces, found.bars) == (4, 4, (2, 6, 6, 8))
    assert found.meters == {"4/4": 3, "3/4": 1}
    # Eight notes a bar: one of the bass, three of chords, four of drums.
    assert found.families == {
        "drums": (4, 88),
        "piano": (4, 66),
        "bass": (4, 22),
        "strings": (1, 1),
    }
    offer = found.offers["musegan"]
    assert sorted(offer.options) == sorted(["--tracks", "bass", "piano", "drums"])
    # 5 phrases of the longest, 3 of those of six bars, none in 3/4.
    assert (offer.used.phrases, offer.used.pieces_used) == (11, 3)
    assert offer.used.tracks["drums"].used == 4 * 20
    assert offer.used.tracks["drums"].lost["outside of phrases"] == 8
    assert offer.used.others == {"strings": 1}
    melody = found.offers["melody"]
    assert melody.options == ("--from", "bach-chorale-melody")
    assert melody.used.notes == sum(score.note_num() for score in songs)


def test_a_command_asks_for_what_is_there():
    waltzes = profile(corpus_of(*[song(n, bars=2, meter=(3, 4)) for n in range(3)]))
    options = waltzes.offers["musegan"].options
    assert options[-4:] == ("--meter", "3/4", "--bars", "2")
    parts = ("upper", "middle", "kit")
    named = profile(corpus_of(*[song(n, names=parts) for n in range(3)]))
    assert named.offers["musegan"].options == ("--tracks", "upper", "middle")
    kits = score_of(("", 0, True, [(24 * i, 24, 36) for i in range(20)]))
    assert profile(corpus_of(kits)).offers["musegan"].options == ("--tracks", "drums")
    assert profile(corpus_of(kits)).offers["melody"].used is None
    short = profile(corpus_of(score_of([(0, 6, 60)], meters=[(0, 1, 64)])))
    assert short.offers["musegan"].used is None
    for none in (Corpus("empty", ()), 3, None):
        with pytest.raises(ValueError, match=r"corpus=.*give a Corpus with a piece to train on"):
            profile(none)


def test_of_many_pieces_some_are_looked_at(monkeypatch):
    monkeypatch.setattr("musegen.corpus.profiles.MOST", 3)
    found = profile(corpus_of(*[song(n, bars=n + 4) for n in range(7)]))
    assert (found.pieces, found.corpus_pieces, found.bars) == (3, 7, (4, 7, 10))
    assert found.text("a b").splitlines()[0].startswith("3 pieces to train on (of 7): ")


def test_scan_prints_commands_that_are_read_and_would_train(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        write_midi(song(number, bars=5 + number), f"my songs/{number}.mid")
    assert main(["corpus", "scan", "my songs", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "8 pieces: 8 kept, 0 left out\n" in out
    found = re.findall(r"^  musegen (train .*)", out, re.MULTILINE)
    assert [command.split()[1] for command in found] == ["melody", "musegan"]
    for command in found:
        given = vars(make_parser().parse_args(shlex.split(command)))
        assert given["corpus"] == "my songs"
        if "tracks" in given:
            encoding = encoding_of("my songs", given["tracks"])
            used = NotesUsed.of_phrases(encoding, 4)
            for number in range(8):
                used.add_score(song(number, bars=5 + number), encoding, 4)
            assert all(track.used for track in used.tracks.values())


def test_a_folder_of_which_nothing_is_kept_has_no_profile(tmp_path, capsys):
    write_midi(line([60]), tmp_path / "short.mid")
    assert main(["corpus", "scan", str(tmp_path), "--jobs", "1"]) == 0
    assert capsys.readouterr().out.startswith("1 piece: 0 kept, 1 left out\n  1  fewer than")


# === Options of tracks ===


def test_tracks_are_instruments_names_or_a_choir():
    band = encoding_of("songs", ["bass", "drums", "lead"])
    assert band.tracks == (instrument("bass"), instrument("drums"), RollTrack("lead"))
    for corpus, names in (("songs", ["tenor", "bass"]), ("chorales", ["bass"])):
        assert encoding_of(corpus, names).tracks == VOICES[-len(names) :]
    changed = encoding_of(
        "songs",
        ["piano", "lead"],
        voice=[("piano", "highest"), ("lead", "all")],
        program=[("lead", 80)],
        pitches=60,
    )
    piano = RollTrack("piano", 0, voice="highest", family="piano")
    assert changed.tracks == (piano, RollTrack("lead", 80, voice="all"))
    assert changed.pitches == 60
    with pytest.raises(ValueError, match=r"--program harp=46: there is no such track.*piano, lead"):
        encoding_of("songs", ["piano", "lead"], program=[("harp", 46)])


@pytest.mark.parametrize(
    ("meter", "steps"), [((4, 4), 16), ((3, 4), 12), ((6, 8), 12), ((7, 8), 14), ((1, 32), 16)]
)
def test_a_step_is_a_sixteenth_where_it_can_be(meter, steps):
    assert encoding_of("songs", ["bass"], meter).steps == steps
    assert encoding_of("songs", ["bass"], meter, steps=24).steps == 24
    assert encoding_of("songs", ["bass"], meter).meter == meter
    assert isinstance(encoding_of("songs", ["bass"], meter), PianorollEncoding)
