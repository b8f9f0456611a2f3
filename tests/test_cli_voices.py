"""The commands that write missing voices, as a user types them, with the model that ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from scores import score_of

import musegen
from musegen.cli import main

pytestmark = pytest.mark.usefixtures("uncompiled")
TUNE = [(0, 24, 67), (24, 24, 69), (48, 24, 71), (72, 24, 67), (96, 48, 69), (144, 48, 67)]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    drums = ("drums", 0, True, [(0, 24, 36)])
    musegen.write_midi(score_of(("melody", TUNE), drums), "tune.mid")


def notes(track):
    return [(note.time, note.duration, note.pitch) for note in track.notes]


def test_without_a_name_it_is_the_chorales_unless_an_option_is_of_melodies(capsys):
    assert main("compose --bars 1 --seed 3 --tries 1".split()) == 0
    said = capsys.readouterr().out
    assert "Composed by bach-chorale, seed 3." in said
    assert "To compose it again: musegen compose bach-chorale --bars 1 --seed 3 --tries 1" in said
    four = musegen.read_midi("composition.mid")
    assert [track.name for track in four.tracks] == ["soprano", "alto", "tenor", "bass"]
    for words in ("--notes 4", "--bars 1 --attention map.png", "--bars 1 --prompt tune.mid"):
        assert main(f"compose --seed 3 {words}".split()) == 0
        assert "Composed by bach-chorale-melody, seed 3." in capsys.readouterr().out
    assert main("compose bach-chorale --notes 4".split()) == 2


def test_a_tune_becomes_four_voices_and_a_bar_of_them_another(capsys):
    words = ["--seed", "3", "--tries", "1"]
    assert main(["harmonise", "tune.mid", "--out", "four.mid", *words]) == 0
    said = capsys.readouterr().out
    assert "Written by bach-chorale, seed 3, for tune.mid." in said
    assert "6 of them given" in said and "parallel fifths" in said
    assert "To write it again: musegen harmonise tune.mid --seed 3 --tries 1" in said
    four = musegen.read_midi("four.mid")
    assert [track.name for track in four.tracks] == ["soprano", "alto", "tenor", "bass"]
    assert notes(four.tracks[0]) == TUNE
    assert Path("four.png").stat().st_size > 1000

    begin = ["rewrite", "four.mid", "--voices", "alto", "--bars", "2", "--out", "again.mid"]
    assert main([*begin, *words]) == 0
    again = musegen.read_midi("again.mid")
    for voice in (0, 2, 3):
        assert notes(again.tracks[voice]) == notes(four.tracks[voice])
    first = [note for note in notes(four.tracks[1]) if note[0] + note[1] <= 96]
    assert notes(again.tracks[1])[: len(first)] == first


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["harmonise", "tune.mid", "--model", "bach-quartet"], "does not write several voices"),
        (["harmonise", "tune.mid", "--voice", "descant"], "soprano, alto, tenor, bass"),
        (["harmonise", "tune.mid", "--part", "flute"], "choose one of 1 melody"),
        (["harmonise", "tune.mid", "--out", "tune.mid"], "would be replaced"),
        (["rewrite", "tune.mid", "--bars", "5-8"], "from 1 to 2"),
    ],
)
def test_what_can_not_be_written_is_one_line(words, says, capsys):
    before = sorted(Path().iterdir())
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert says in err and err.count("\n") == 1 and not out
    assert sorted(Path().iterdir()) == before
