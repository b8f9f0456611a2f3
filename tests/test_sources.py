"""Files behind addresses: archives and other file systems give what a folder gives."""

from __future__ import annotations

import sys
import zipfile

import fsspec
import pytest
from scores import line
from test_corpus import random_line

from musegen.corpus import CorpusError, folder, midi_folder, reading, scan
from musegen.corpus.named import named
from musegen.corpus.sources import is_address, source_of
from musegen.interop import write_musicxml, write_pianoroll_npz
from musegen.midi import ReadLimits, write_midi


@pytest.fixture
def music(tmp_path, monkeypatch):
    """A folder with files of all kinds, some to be left out; each test has its own cache."""
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "music"
    for number in range(5):
        write_midi(random_line(number), root / f"{number % 2}" / f"{number}.mid")
    write_pianoroll_npz(random_line(7), root / "roll.npz")
    write_musicxml(random_line(8), root / "sheet.mxl")
    write_midi(line([60, 62]), root / "short.mid")
    (root / "text.mid").write_text("no music")
    (root / "long.mid").write_bytes((root / "0" / "0.mid").read_bytes() + b"\0" * 600_000)
    (root / ".hidden.mid").write_bytes(b"")
    (root / "notes.txt").write_text("no music")
    return root


def zipped(root):
    path = root.parent / "songs.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, f"songs/{file.relative_to(root)}")
    return f"zip://songs::{path}"


def remembered(root):
    files = fsspec.filesystem("memory")
    for file in root.rglob("*.*"):
        files.pipe(f"/songs/{file.relative_to(root)}", file.read_bytes())
    return "memory://songs"


@pytest.fixture(params=[zipped, remembered])
def address(music, request):
    yield request.param(music)
    fsspec.filesystem("memory").store.clear()


def test_an_address_gives_what_the_folder_gives(music, address):
    limits = ReadLimits(max_bytes=500_000)
    here, there = (folder(path, limits=limits, jobs=1) for path in (music, address))
    assert list(there.report) == list(here.report)
    assert there == type(here)(there.name, here.pieces, here.report)
    reasons = {row.name: row.setting for row in there.report if not row.kept}
    size = (music / "long.mid").stat().st_size
    assert reasons["long.mid"] == ("max_bytes", size)
    assert len(there) == 7


def test_what_is_new_or_changed_behind_an_address_is_read(music, monkeypatch):
    files = fsspec.filesystem("memory")
    address = remembered(music)
    first = scan(address)
    read = []
    real = reading.Reader.__call__
    monkeypatch.setattr(
        reading.Reader, "__call__", lambda self, name: read.append(name) or real(self, name)
    )
    assert scan(address) == first
    assert read == []
    files.pipe("/songs/new.mid", (music / "0" / "0.mid").read_bytes())
    files.pipe("/songs/short.mid", (music / "0" / "2.mid").read_bytes())
    assert scan(address).kept == first.kept + 2
    assert sorted(read) == ["new.mid", "short.mid"]
    files.store.clear()


def test_a_list_has_files_of_anywhere(music):
    address = remembered(music)
    names = [music / "1" / "1.mid", f"{address}/0/2.mid", str(music / "sheet.mxl")]
    corpus = folder(names, jobs=1)
    assert [piece.name for piece in corpus.pieces] == sorted(map(str, names))
    whole = {piece.name: piece.score for piece in folder(music, jobs=1).pieces}
    found = {piece.name: piece.score for piece in corpus.pieces}
    assert found[names[1]] == whole["0/2.mid"]
    assert found[names[2]] == whole["sheet.mxl"]
    fsspec.filesystem("memory").store.clear()


def test_a_file_that_does_not_open_now_is_asked_again(music):
    address = remembered(music)
    files = fsspec.filesystem("memory")
    files.pipe("/songs/0/0.mid", b"x")
    names = [f"{address}/0/0.mid", f"{address}/1/1.mid"]
    data = files.cat("/songs/1/1.mid")
    del files.store["/songs/1/1.mid"]
    report = scan(names)
    assert {row.name: row.reason for row in report} == {
        names[0]: "not a MIDI file",
        names[1]: reading.UNOPENED,
    }
    files.pipe("/songs/1/1.mid", data)
    assert scan(names).kept == 1
    files.store.clear()


def test_what_an_address_is():
    for text in ("s3://bucket/a", "zip::a.zip", "zip://::a.zip", "memory://", "gs://a"):
        assert is_address(text)
    for text in ("a", "/a/b", "./a:b", "C:/music", "C:\\music", "", 3, "a b://c"):
        assert not is_address(text)
    assert source_of("s3://bucket/songs/").name == "songs"
    assert source_of("zip://::folder/songs.zip").name == "songs.zip"


def test_addresses_that_hold_nothing_are_messages(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(CorpusError, match=r"^s3://bucket/songs: Install s3fs to access S3, and"):
        named("s3://bucket/songs")
    with pytest.raises(CorpusError, match=r"^nosuch://a: can't be read \(Protocol not known"):
        scan("nosuch://a")
    with pytest.raises(CorpusError, match=r"missing.zip: can't be read"):
        scan(f"zip://::{tmp_path}/missing.zip")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(CorpusError, match=r"text.zip: can't be read \(File is not a zip file"):
        scan(f"zip://::{tmp_path}/text.zip")
    with pytest.raises(CorpusError, match="no MIDI files"):
        scan("memory://nothing")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(CorpusError, match=r"fsspec is needed: pip install 'musegen\[cluster\]'"):
        scan("memory://nothing")


def test_a_list_of_what_is_no_music_is_refused(tmp_path):
    with pytest.raises(CorpusError, match=r"a.txt: give files that end in .mid, .midi"):
        scan(["a.txt"])
    for wrong in ([], [3], [""], ["a\0.mid"]):
        with pytest.raises(ValueError, match=r"path=.*: give"):
            midi_folder.scan(wrong)
