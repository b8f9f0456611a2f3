"""The corpora: what they hold, how they are split, kept, and read again after a stop."""

from __future__ import annotations

import os
import random
import warnings
import zipfile
from collections import Counter
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import symusic
from scores import line, meters_of, notes_of

from musegen.corpus import (
    CorpusError,
    bundled,
    chorales,
    fiddle_tunes,
    folder,
    reading,
    scan,
    store,
)
from musegen.corpus.bach import parse_chorale
from musegen.corpus.chorale_split import CHORALE_SPLIT, MATCHED
from musegen.corpus.corpus import Corpus, Piece, ScanReport, ScanRow
from musegen.corpus.duplicates import Fingerprint, fingerprint, group, split_by_group
from musegen.corpus.fiddle import parse_tunes
from musegen.interop import read_pianoroll_npz, write_pianoroll_npz
from musegen.midi import MidiError, MidiWarning, ReadLimits, midi_bytes, write_midi


def parsing_again(*_):
    raise AssertionError("what was read before is read again")


@pytest.fixture
def one_process(monkeypatch):
    """Reads in this process, so that what it calls can be watched and stopped."""

    def in_turn(function, items, what, jobs=-1):
        return map(function, items)

    monkeypatch.setattr(bundled, "in_parallel", in_turn)
    monkeypatch.setattr(reading, "in_parallel", in_turn)


def random_line(seed, notes=60):
    generator = random.Random(seed)
    pitches = [generator.randrange(50, 80) for _ in range(notes)]
    durations = [generator.choice([120, 240, 480, 720]) for _ in range(notes)]
    return line(pitches, durations, tempos=[(0, 600_000)], meters=[(0, 3, 4)])


# ------------------------------------------------------------------------------------ chorales


def test_chorales_are_409_in_four_voices(monkeypatch):
    corpus = chorales()
    assert len(corpus) == 409 == len({piece.name for piece in corpus.pieces})
    for piece in corpus.pieces:
        assert [t.name for t in piece.score.tracks] == ["soprano", "alto", "tenor", "bass"]
        means = [np.mean(t.notes.numpy()["pitch"]) for t in piece.score.tracks]
        assert means == sorted(means, reverse=True), piece.name
        assert [(t.time, round(t.qpm)) for t in piece.score.tempos] == [(0, 84)]
    reasons = [row.reason for row in corpus.report if not row.kept]
    assert reasons == [*["a second file of a work"] * 3, "not in four voices"]
    monkeypatch.setattr(bundled, "in_parallel", parsing_again)
    assert chorales() == corpus  # from the cache


def test_a_chorale_note_by_note():
    # BWV 269, 3/4: a quarter's pickup g', then g' (half) d'' | b' (dotted) a' g' | ...
    piece = {piece.name: piece for piece in chorales().pieces}["BWV 269"]
    assert notes_of(piece.score)[:6] == [
        *((960, 480, 67), (1440, 960, 67), (2400, 480, 74)),
        *((2880, 720, 71), (3600, 240, 69), (3840, 480, 67)),
    ]
    assert notes_of(piece.score, 3)[:2] == [(960, 480, 43), (1440, 480, 55)]
    assert meters_of(piece.score) == [(0, 3, 4)]


def test_chorales_have_the_published_split():
    corpus = chorales()
    assert [len(s) for s in (corpus.train, corpus.validation, corpus.test)] == [254, 74, 81]
    assert {piece.name for piece in corpus.pieces} == set(CHORALE_SPLIT)
    matched = {split: len(numbers.split()) for split, numbers in MATCHED.items()}
    assert matched == {"train": 225, "validation": 74, "test": 77}
    assert repr(corpus) == "<Corpus 'chorales': 409 pieces (254 train, 74 validation, 81 test)>"


def test_chosen_voices_stand_in_the_order_asked_for():
    full, pair = chorales(), chorales(voices=("bass", "soprano"))
    for whole, part in zip(full.pieces, pair.pieces, strict=True):
        assert [t.name for t in part.score.tracks] == ["bass", "soprano"]
        assert part.score.tracks[0].notes == whole.score.tracks[3].notes
        assert part.score.tracks[1].notes == whole.score.tracks[0].notes
    assert {len(p.score.tracks) for p in chorales("alto").pieces} == {1}


@pytest.mark.parametrize("voices", [("tenor", "tenor"), ("soprano", "flute")])
def test_unknown_voices_are_refused(voices):
    with pytest.raises(CorpusError, match="choose one or more of soprano, alto, tenor, bass"):
        chorales(voices)


@pytest.mark.parametrize(
    ("bwv", "meters"),
    [
        # A repeat from bar to bar, after a pickup: the third beat is missing before the repeat.
        ("4.8", [(0, 4, 4), (16, 3, 4), (19, 4, 4)]),
        # A measure of ten quarters, which is two bars and a half.
        ("324", [(0, 4, 4), (32, 2, 4), (34, 4, 4)]),
        # 3 + 1 quarters around each repeat are one bar.
        ("366", [(0, 3, 4)]),
    ],
)
def test_bars_of_chorales_begin_on_bar_lines(bwv, meters):
    piece = {piece.name: piece for piece in chorales().pieces}[f"BWV {bwv}"]
    assert [(time / 480, *meter) for time, *meter in meters_of(piece.score)] == meters


def test_doubling_instruments_are_left_out():
    path = bundled._music21() / "bach" / "bwv1.6.mxl"  # two horns beside the voices
    [(row, score)] = parse_chorale(path)
    assert row.name == "BWV 1.6"
    assert len(score.tracks) == 4


# ---------------------------------------------------------------------------------------- tunes

TUNES = """
X: 7
T: The Hand-Made Tune
M: 4/4
L: 1/8
K: D
d2|f2a2 a3f|{g}f2d2 d2:|A2|[FA]4 f4|d4 d4|G2|A8|]

X: 8
T: Too  Much
M: 4/4
L: 1/8
K: D
f2a2 a4|f2a2 a4 a|d8|]

X: 9
T: Short
M: 6/8
L: 1/8
K: D
d3 f3|d3 f3|a3|d3 f3|]
"""


@pytest.fixture
def tunes(tmp_path):
    path = tmp_path / "oneills1850" / "a.abc"
    path.parent.mkdir()
    path.write_text(TUNES)
    return path


def test_tunes_bars_are_put_on_bar_lines(tunes):
    (first, score), (_, missing), (_, short) = parse_tunes(tunes)
    assert first.name == "O'Neill 7: The Hand-Made Tune"
    quarters = [(t / 480, d / 480, p) for t, d, p in notes_of(score)]
    assert quarters == [
        (3, 1, 74),  # a pickup, in a full bar
        *((4, 1, 78), (5, 1, 81), (6, 1.5, 81), (7.5, 0.5, 78)),
        *((8, 1, 78), (9, 1, 74), (10, 1, 74)),  # no grace note; three quarters, and the pickup
        (11, 1, 69),
        *((12, 2, 69), (14, 2, 78)),  # the higher of two
        *((16, 2, 74), (18, 2, 74)),
        (23, 1, 67),  # after a full bar, a pickup has a bar of its own
        (24, 4, 69),
    ]
    assert (score.tracks[0].name, score.tracks[0].program) == ("melody", 40)
    assert round(score.tempos[0].qpm) == 160
    assert missing is None
    starts = [t / 480 for t, _, _ in notes_of(short)]
    assert starts == [0, 1.5, 3, 4.5, 6, 9, 10.5]  # a bar of one beat is followed by silence


def test_an_overfull_bar_is_reported(tunes):
    row = parse_tunes(tunes)[1][0]
    assert not row.kept
    assert row.reason == "a bar holds more than its meter"


def test_bundled_pieces_get_names_of_their_own(tunes, one_process, monkeypatch):
    monkeypatch.setattr(bundled, "_music21", lambda: tunes.parent.parent)
    tunes.with_name("b.abc").write_text(TUNES)
    corpus = bundled.read_bundled(
        "own", ["oneills1850"], parse_tunes, lambda scores: ["test"] * len(scores)
    )
    names = [f"O'Neill {tune}" for tune in ("7: The Hand-Made Tune", "8: Too Much", "9: Short")]
    assert [row.name for row in corpus.report] == [*names, *(f"{name} (2)" for name in names)]
    assert [piece.name for piece in corpus.test] == [
        row.name for row in corpus.report if "Too Much" not in row.name
    ]


def test_a_damaged_cache_is_read_anew(tunes, one_process, monkeypatch, tmp_path):
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(bundled, "_music21", lambda: tunes.parent.parent)
    calls = []

    def parse(path):
        calls.append(path.name)
        return parse_tunes(path)

    def read():
        return bundled.read_bundled("own", ["oneills1850"], parse, lambda s: ["train"] * len(s))

    first, again = read(), read()
    assert calls == ["a.abc"]
    assert [p.score for p in first.pieces] == [p.score for p in again.pieces]
    assert list(first.report) == list(again.report)
    [kept] = (tmp_path / "cache").iterdir()
    whole = kept.read_bytes()
    damaged = [b"", whole[: len(whole) // 2], whole[:200] + b"\0" * 60 + whole[260:]]
    for count, data in enumerate(damaged, start=2):
        kept.write_bytes(data)
        assert [p.score for p in read().pieces] == [p.score for p in first.pieces]
        assert len(calls) == count


@pytest.mark.slow
def test_fiddle_tunes(monkeypatch):
    corpus = fiddle_tunes()
    assert len(corpus) == 2954
    assert len(corpus.report) == 3068
    assert Counter(row.reason for row in corpus.report if not row.kept) == {
        "a bar holds more than its meter": 114
    }
    assert len({piece.name for piece in corpus.pieces}) == 2954
    assert [len(s) for s in (corpus.train, corpus.validation, corpus.test)] == [2364, 295, 295]
    fine = 0
    for piece in corpus.pieces:
        [track] = piece.score.tracks
        notes = track.notes.numpy()
        assert (np.diff(notes["time"]) >= notes["duration"][:-1]).all(), piece.name
        fine += int((notes["time"] % 20 == 0).sum())  # on the grid of 24 to the quarter
    assert fine / sum(piece.score.note_num() for piece in corpus.pieces) > 0.999
    monkeypatch.setattr(bundled, "in_parallel", parsing_again)
    assert fiddle_tunes() == corpus  # from the cache
    # O'Neill 1001 to 1850 were transcribed twice in part: both stand on one side.
    sides: dict[str, set[str]] = {}
    for piece in corpus.pieces:
        sides.setdefault(piece.name.lower().removesuffix(" (2)"), set()).add(piece.split)
    assert {len(side) for side in sides.values()} == {1}
    groups = group([fingerprint(piece.score) for piece in corpus.pieces])
    assert max(Counter(groups).values()) == 7
    group_of = {
        piece.name.removeprefix("Ryan's Mammoth "): number
        for piece, number in zip(corpus.pieces, groups, strict=True)
    }
    for one, other in [  # the same tune in other rhythms, or a part of the other
        ("541: Lee's Double -- Clog", "434: IRISH-AMERICAN -- REEL"),
        ("938: St. Botolph -- Hornpipe", "705: New York -- Reel"),
        ("484: Kenmure's on and Awa' -- Jig", "O'Neill 992: I Will If I Can"),
        ("811: Portsmouth -- Hornpipe", "O'Neill 1639: Whiskey You're the Devil"),
        ("656: MORGAN RATTLER -- JIG", "O'Neill 1046: Morgan Rattler"),
        ("O'Neill 1208: The New Demesne", "O'Neill 1209: The New Demesne"),
    ]:
        assert group_of[one] == group_of[other], one
    assert group_of["433: IRISH AMERICAN -- JIG"] != group_of["434: IRISH-AMERICAN -- REEL"]


# ------------------------------------------------------------------------------------ near twins


def test_a_fingerprint_is_the_same_in_another_key_tempo_and_track():
    score = random_line(1)
    notes = notes_of(score)
    moved = line([p + 5 for _, _, p in notes], [2 * d for _, d, _ in notes])
    moved.tracks[0].program = 73
    with_drums = score.copy()
    with_drums.tracks.append(symusic.Track("drums", 0, True, random_line(2).tracks[0].notes))
    repeated = sum(a == b for (_, _, a), (_, _, b) in pairwise(notes))
    assert [len(part) for part in fingerprint(score)] == [60 - 4, 60 - repeated - 8]
    for other in (moved, with_drums):
        assert all(map(np.array_equal, fingerprint(score), fingerprint(other)))
    for mine, others in zip(fingerprint(score), fingerprint(random_line(3)), strict=True):
        assert not np.intersect1d(mine, others).size


def test_a_tune_in_another_rhythm_is_nearly_the_same():
    notes = notes_of(random_line(4))
    generator = random.Random(0)
    pitches = [p for _, _, p in notes for _ in range(generator.choice([1, 1, 2]))]
    other = line(pitches, [generator.choice([80, 160, 320]) for _ in pitches])
    score = random_line(4)
    mine, its = fingerprint(score), fingerprint(other)
    assert len(np.intersect1d(mine.turns, its.turns)) < 10
    assert np.array_equal(mine.phrases, its.phrases)
    assert group([mine, fingerprint(random_line(5)), its]) == [0, 1, 0]


@pytest.mark.parametrize(("shared", "nearly"), [(22, True), (21, False)])
def test_a_part_of_a_tune_in_a_longer_one_is_found_from_22_notes_on(shared, nearly):
    pitches = [p for _, _, p in notes_of(random_line(7, 300))]
    pitches = [p for p, before in zip(pitches, [0, *pitches]) if p != before]
    start = [p for _, _, p in notes_of(random_line(8, 20))]
    part = start + pitches[100 : 100 + shared]
    a = fingerprint(line(pitches, [240] * len(pitches)))
    b = fingerprint(line(part, ([240, 120] * 30)[: len(part)]))
    found = group([a, b])
    assert found == ([0, 0] if nearly else [0, 1])


def test_no_chorale_is_nearly_the_same_as_another_played_backwards():
    pieces = chorales().pieces
    both = [fingerprint(piece.score) for piece in pieces]
    for piece in pieces:
        for track in piece.score.tracks:
            notes = track.notes.numpy()
            notes["time"] = track.end() - notes["time"] - notes["duration"]
            order = np.argsort(notes["time"], kind="stable")
            columns = (notes[name][order] for name in ("time", "duration", "pitch", "velocity"))
            track.notes = symusic.core.NoteTickList.from_numpy(*columns)
        both.append(fingerprint(piece.score))
    groups = np.array(group(both))
    assert len({*groups[:409]}) < 409
    assert not np.intersect1d(groups[:409], groups[409:]).size


def test_planted_near_duplicates_stand_on_one_side():
    generator = random.Random(0)
    scores, family = [], []
    for number in range(40):
        notes = notes_of(random_line(number))
        for copy in range(3):
            pitches = [p + 2 * copy for _, _, p in notes]
            for _ in range(2 * copy):  # two or four wrong notes
                pitches[generator.randrange(60)] += 1
            scores.append(line(pitches, [d for _, d, _ in notes]))
            family.append(number)
    groups = group([fingerprint(score) for score in scores])
    assert groups == [3 * number for number in family]
    names = [f"{k:03}.mid" for k in range(120)]
    splits = split_by_group(names, groups)
    assert all(len({splits[3 * n + k] for k in range(3)}) == 1 for n in range(40))
    assert Counter(splits) == {"train": 96, "validation": 12, "test": 12}


def test_grouping_agrees_with_comparing_all_pairs():
    generator = np.random.default_rng(5)
    prints = [
        Fingerprint(
            np.unique(generator.integers(0, 60, size).astype(np.uint64)),
            np.unique(generator.integers(0, 200, 3 * size).astype(np.uint64)),
        )
        for size in generator.integers(0, 25, 80)
    ]
    label, links = list(range(80)), Counter()
    for a in range(80):
        for b in range(a):
            (x, v), (y, w) = ([set(part.tolist()) for part in prints[k]] for k in (a, b))
            by_turns = bool(x and y) and 5 * len(x & y) >= len(x | y)
            by_phrases = len(v & w) >= 14 and 4 * len(v & w) >= min(len(v), len(w))
            links[by_turns, by_phrases] += 1
            if by_turns or by_phrases:
                old, new = max(label[a], label[b]), min(label[a], label[b])
                label = [new if value == old else value for value in label]
    assert group(prints) == label
    assert min(links[case] for case in product([True, False], repeat=2)) > 0, links


def test_a_split_depends_on_the_names_alone():
    names = [f"piece {k}" for k in range(50)]
    groups = list(range(50))
    once = dict(zip(names, split_by_group(names, groups), strict=True))
    order = random.Random(1).sample(range(50), 50)
    shuffled = split_by_group([names[k] for k in order], groups)
    assert once == {names[k]: split for k, split in zip(order, shuffled, strict=True)}
    assert Counter(once.values()) == {"train": 40, "validation": 5, "test": 5}


def test_few_pieces_and_large_groups():
    assert split_by_group([], []) == []
    assert split_by_group(["a", "b"], [0, 1]) == ["train", "train"]
    assert {*split_by_group(["a", "b", "c"], [0, 1, 2])} == {"train", "validation", "test"}
    names = [f"{k}" for k in range(20)]
    splits = split_by_group(names, [0] * 15 + list(range(15, 20)))
    assert set(splits[:15]) == {"train"}
    assert group([Fingerprint(*[np.empty(0, np.uint64)] * 2)] * 3) == [0, 1, 2]


# --------------------------------------------------------------------------------------- folders


@pytest.fixture
def music(tmp_path):
    """A folder with twelve lines, a copy of one in another key, and six files to be left out."""
    root = tmp_path / "music"
    for number in range(12):
        write_midi(random_line(number), root / f"{number % 3}" / f"{number:02}.mid")
    notes = notes_of(random_line(4))
    write_midi(line([p - 3 for _, _, p in notes], [d for _, d, _ in notes]), root / "twin.MIDI")
    write_midi(line([60, 62, 64]), root / "short.mid")
    write_midi(symusic.Score(480), root / "silent.mid")
    long = line([60] * 20, meters=[(0, 3, 4)])
    long.tracks[0].notes.append(symusic.Note(5000 * 3 * 480, 480, 60, 70))
    write_midi(long, root / "long.mid")
    (root / "empty.mid").write_bytes(b"")
    (root / "text.mid").write_text("no music")
    (root / "cut.mid").write_bytes(midi_bytes(random_line(9))[:13])
    (root / "notes.txt").write_text("not a MIDI file, and not looked at")
    return root


def test_a_folder_is_read_with_a_reason_for_each_file(music):
    corpus = folder(music)
    assert corpus.name == "music"
    assert [p.name for p in corpus.pieces] == sorted(
        [f"{n % 3}/{n:02}.mid" for n in range(12)] + ["twin.MIDI"]
    )
    for piece in corpus.pieces:
        if piece.name != "twin.MIDI":
            assert piece.score == symusic.Score(music / piece.name), piece.name
    rows = {row.name: row for row in corpus.report if not row.kept}
    assert len(corpus.report) == 19 and corpus.report.kept == 13
    assert list(scan(music)) == list(corpus.report)
    assert {name: (row.reason, row.setting) for name, row in rows.items()} == {
        "cut.mid": ("damaged MIDI", None),
        "empty.mid": ("empty", None),
        "long.mid": ("over the limit max_bars", ("max_bars", 5001)),
        "short.mid": ("fewer than min_notes=16 notes", ("min_notes", 3)),
        "silent.mid": ("no notes", None),
        "text.mid": ("not a MIDI file", None),
    }
    table = str(corpus.report).splitlines()
    assert table[0] == "19 pieces: 13 kept, 6 left out"
    assert (
        "  1  fewer than min_notes=16 notes (short.mid: 3 notes; to keep it: min_notes=3)" in table
    )


def test_piano_rolls_are_read_along_with_midi_files(tmp_path, one_process):
    root = tmp_path / "both"
    for number in range(4):
        write_midi(random_line(number), root / f"{number}.mid")
    write_pianoroll_npz(random_line(7), root / "rolls" / "7.NPZ")
    write_pianoroll_npz(line([60, 62, 64]), root / "short.npz")
    np.savez(root / "other.npz", numbers=np.arange(9))
    whole = (root / "short.npz").read_bytes()
    (root / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile(root / "empty.npz", "w") as archive:
        archive.writestr("info.json", "{}")
    corpus = folder(root)
    assert [p.name for p in corpus.pieces] == [*(f"{n}.mid" for n in range(4)), "rolls/7.NPZ"]
    score = {piece.name: piece.score for piece in corpus.pieces}["rolls/7.NPZ"]
    assert score == read_pianoroll_npz(root / "rolls" / "7.NPZ")
    assert folder(root) == corpus  # kept and read again
    assert {row.name: row.reason for row in corpus.report if not row.kept} == {
        "cut.npz": "not a pypianoroll file",
        "empty.npz": "unreadable pypianoroll file",
        "other.npz": "not a pypianoroll file",
        "short.npz": "fewer than min_notes=16 notes",
    }
    details = {row.name: row.detail for row in corpus.report}
    assert "info.json gives a resolution of None" in details["empty.npz"]
    few = scan(root, limits=ReadLimits(max_notes=2))
    assert {row.name: row.setting for row in few}["short.npz"] == ("max_notes", 3)


def test_the_settings_named_let_the_files_in(music):
    report = scan(music, limits=ReadLimits(max_bars=5001), min_notes=3)
    kept = {row.name for row in report if row.kept}
    assert {"short.mid", "long.mid"} <= kept


def test_twins_in_a_folder_stand_on_one_side(music):
    splits = {piece.name: piece.split for piece in folder(music).pieces}
    assert splits["twin.MIDI"] == splits["1/04.mid"]
    assert set(splits.values()) == {"train", "validation", "test"}


def test_a_killed_run_goes_on_where_it_stopped(music, one_process, monkeypatch, tmp_path):
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "whole"))
    whole = folder(music)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "killed"))
    monkeypatch.setattr(reading, "BATCH", 4)
    read, real = [], reading.to_score

    def killed(path, limits):
        if len(read) == 10:
            raise KeyboardInterrupt
        read.append(path)
        return real(path, limits)

    monkeypatch.setattr(reading, "to_score", killed)
    with pytest.raises(KeyboardInterrupt):
        folder(music)
    again = []
    monkeypatch.setattr(
        reading, "to_score", lambda path, limits: again.append(path) or real(path, limits)
    )
    resumed = folder(music)
    assert sorted(read[:8] + again) == sorted(str(music / row.name) for row in whole.report)
    assert resumed == whole
    again.clear()
    assert folder(music, jobs=1) == whole
    assert again == []
    # A file that changed, and one that is new, are read; so is a batch whose file is damaged.
    write_midi(random_line(77), music / "0" / "00.mid")
    write_midi(random_line(78), music / "new.mid")
    changed = folder(music)
    assert sorted(again) == [str(music / "0" / "00.mid"), str(music / "new.mid")]
    assert len(changed) == 14
    again.clear()
    batch = min(
        (tmp_path / "killed" / "folders").glob("*/*.safetensors"), key=lambda p: p.stat().st_mtime
    )
    damaged = batch.read_bytes()[:-30]
    batch.unlink()  # not cut in its place: it is mapped
    batch.write_bytes(damaged)
    assert folder(music) == changed
    assert 1 <= len(again) <= 4


def test_processes_give_the_same_as_one(music, monkeypatch, tmp_path):
    monkeypatch.setattr(reading, "BATCH", 5)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "one"))
    one = folder(music, jobs=1)
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "two"))
    assert folder(music, jobs=2) == one


def test_hidden_files_and_folders_are_not_looked_at(tmp_path):
    for name in ("a.mid", ".a-x7k2.mid", "._a.mid", ".trash/b.mid", "c/.d/e.mid", "c/f.mid"):
        write_midi(random_line(1), tmp_path / ".home" / "music" / name)
    assert [row.name for row in scan(tmp_path / ".home" / "music")] == ["a.mid", "c/f.mid"]


def test_what_was_repaired_is_said(tmp_path, one_process, monkeypatch):
    for name in ("a.mid", "b.mid", "c.mid"):
        write_midi(random_line(1), tmp_path / name)
    real = reading.to_score

    def repairing(path, limits):
        if not path.endswith("a.mid"):
            for what in ("left out 1 of 2 tempos.", "cut off.", "cut off."):
                warnings.warn(f"{path}: {what}", MidiWarning, stacklevel=1)
        return real(path, limits)

    monkeypatch.setattr(reading, "to_score", repairing)
    report = folder(tmp_path).report
    detail = "left out 1 of 2 tempos. cut off."
    repaired = [ScanRow(name, detail=detail) for name in ("b.mid", "c.mid")]
    assert list(report) == [ScanRow("a.mid"), *repaired]
    assert str(report).splitlines() == [
        "3 pieces: 3 kept, 0 left out",
        f"Of those kept, 2 were repaired or had events left out, such as b.mid: {detail}",
    ]
    monkeypatch.setattr(reading, "to_score", None)
    assert scan(tmp_path) == report  # as written down


def test_a_file_that_may_be_read_now_is_read(tmp_path, one_process, monkeypatch):
    path = write_midi(random_line(1), tmp_path / "a.mid")
    real = reading.to_score

    def forbidden(path, limits):
        raise MidiError(f"{path}: no permission to read it.")

    monkeypatch.setattr(reading, "to_score", forbidden)
    assert [row.reason for row in scan(tmp_path)] == ["no permission to read it"]
    monkeypatch.setattr(reading, "to_score", real)
    path.chmod(0o600)  # changes neither size nor content
    assert scan(tmp_path).kept == 1


def test_a_folder_that_can_not_be_listed_is_counted(tmp_path, monkeypatch):
    write_midi(random_line(1), tmp_path / "a.mid")
    write_midi(random_line(1), tmp_path / "locked" / "b.mid")
    real, closed = os.scandir, "locked"

    def scandir(place):
        if Path(place).name == closed:
            raise PermissionError(13, "Permission denied", str(place))
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    reasons = {row.name: row.reason for row in scan(tmp_path)}
    assert reasons == {"a.mid": None, "locked": "a folder that can't be listed"}
    closed = tmp_path.name
    with pytest.raises(CorpusError, match=r"can't be listed \(Permission denied\)"):
        scan(tmp_path)


def test_any_name_can_be_printed(tmp_path):
    names = [b"\xff.mid", b"a\nb.mid", b"\x1b[31mred.mid", "\u00fc.mid".encode()]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_bytes(b"no music")
        report = scan(tmp_path)
        shown = str(report)
        shown.encode("utf-8")
        assert len(shown.splitlines()) == 2
        assert shown.splitlines()[1].isprintable()
        (tmp_path / os.fsdecode(name)).unlink()
    assert "(\u00fc.mid: " in shown


def test_folders_that_hold_nothing_are_errors(tmp_path):
    with pytest.raises(CorpusError, match="nowhere: no such folder"):
        folder(tmp_path / "nowhere")
    nothing = r"no MIDI files \(.mid or .midi\), nor piano rolls \(.npz\)"
    with pytest.raises(CorpusError, match=nothing):
        scan(tmp_path)
    write_midi(line([60, 62]), tmp_path / "a.mid")
    with pytest.raises(CorpusError, match="not a folder"):
        folder(tmp_path / "a.mid")
    (tmp_path / "b.mid").write_bytes(b"music")
    with pytest.raises(CorpusError) as caught:
        folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: none of 2 files is kept: 1 fewer than min_notes=16 notes "
        "(to keep a.mid: min_notes=2); 1 not a MIDI file."
    )
    assert scan(tmp_path).kept == 0


def test_nothing_is_shown_where_standard_error_is_no_terminal(capsys):
    assert list(bundled.in_parallel(abs, [-1, 2, -3], "Reading", jobs=1)) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")


# ----------------------------------------------------------------------------------------- store


def test_kept_scores_are_read_again_equal(tmp_path):
    first = random_line(1)
    first.tracks.append(random_line(2).tracks[0])
    first.tracks[1].name, first.tracks[1].is_drum = "dr\u00fcms", True
    first.key_signatures.append(symusic.KeySignature(0, -3, 1))
    first.time_signatures.append(symusic.TimeSignature(1440, 6, 8))
    silent = symusic.Score(24)
    named = [("a/\udcff.mid", first), ("empty", silent), ("b", random_line(3, notes=1))]
    path = tmp_path / "kept.safetensors"
    store.save_scores(path, named, {"some": [1, None]})
    loaded = store.load_scores(path)
    assert loaded == (named, {"some": [1, None]})
    assert store.load_scores(tmp_path / "missing.safetensors") is None
    whole = path.read_bytes()
    for damaged in (b"", whole[:-1], whole + b"x", whole.replace(b"I32", b"F32"), whole[8:]):
        path.write_bytes(damaged)
        assert store.load_scores(path) is None


def test_a_cache_that_is_not_writable_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(CorpusError, match="MUSEGEN_CACHE"):
        chorales()


def test_a_report_counts_by_reason():
    rows = (ScanRow("a"), ScanRow("b", "empty"), ScanRow("c", "short", "2 notes", ("min_notes", 2)))
    report = ScanReport((*rows, ScanRow("d", "short", "1 notes", ("min_notes", 1))))
    assert str(report) == (
        "4 pieces: 1 kept, 3 left out\n"
        "  2  short (c: 2 notes; to keep it: min_notes=2)\n"
        "  1  empty (b)"
    )
    assert (len(report), report.kept) == (4, 1)
    corpus = Corpus("mine", (Piece("a", "train", line([60])),), report)
    assert repr(corpus) == "<Corpus 'mine': 1 piece (1 train, 0 validation, 0 test)>"


def test_the_cache_folder_follows_the_environment(cache):
    assert store.cache_folder() == cache == Path(os.environ["MUSEGEN_CACHE"])
