"""Records of pieces on disk: the same as those in memory, made once, whole or not there."""

from __future__ import annotations

import random
import threading

import keras
import numpy as np
import pytest
import symusic
from contract import ENCODING, any_melody, random_melodies, tiny_lstm
from scores import line, score_of

from musegen.corpus import encoded as encoded_module
from musegen.corpus import folder, midi_folder, store
from musegen.corpus.corpus import Corpus, Piece
from musegen.corpus.encoded import encoded, fact_of, records_path
from musegen.corpus.pieces import Pieces, Scores
from musegen.encoding import PianorollEncoding, PitchDurationEncoding, VoicesEncoding
from musegen.midi import write_midi
from musegen.models import VoiceModel
from musegen.training import melody_windows, roll_windows, voice_windows
from musegen.training.melody_windows import MelodyWindows
from musegen.training.roll_windows import RollWindows
from musegen.training.voice_windows import VoiceWindows

DUET = VoicesEncoding(("high", "low"))


def duet(seed):
    generator = random.Random(seed)
    tracks = {
        name: [(24 * beat, 24, generator.randrange(low, low + 12)) for beat in range(12)]
        for name, low in (("high", 60), ("low", 40))
    }
    score = score_of(*tracks.items())
    drums = symusic.Track("drums", 0, True)
    drums.notes.append(symusic.Note(0, 10, 35, 80))
    score.tracks.append(drums)
    return score


@pytest.fixture
def music(tmp_path, monkeypatch):
    """Twenty pieces in a folder, in shards of four."""
    monkeypatch.setenv("MUSEGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("musegen.corpus.reading.BATCH", 4)
    for number in range(20):
        write_midi(duet(number), tmp_path / "music" / f"{number:02}.mid")
    (tmp_path / "music" / "05b.mid").write_bytes(b"no music")
    return tmp_path / "music"


def simulated(place, melodies, size):
    """Melodies as a folder has them once they are encoded, in shards of some size."""
    shards = [place / f"{first}{store.SUFFIX}" for first in range(0, len(melodies), size)]
    for number, path in enumerate(shards):
        chosen = melodies[number * size : (number + 1) * size]
        contents = encoded_module._records_of([ENCODING.decode(one) for one in chosen], ENCODING)
        store.write_shard(records_path(path, ENCODING), contents)
    index = np.arange(len(melodies), dtype=np.int32)
    names, splits = [f"{i}.mid" for i in index], np.zeros(len(index), np.uint8)
    return Pieces(store.Shards(shards), names, splits, index // size, index % size)


def assert_same_batches(windows, others, epochs=2):
    assert (windows.events, windows.pieces) == (others.events, others.pieces)
    assert windows.num_batches == others.num_batches
    for epoch in range(epochs):
        windows.start_epoch(epoch)
        others.start_epoch(epoch)
        for index in range(windows.num_batches):
            pair = windows[index], others[index]
            keras.tree.map_structure(np.testing.assert_array_equal, *pair)


def test_batches_of_voices_on_disk_are_those_of_memory(music, monkeypatch):
    corpus, model = folder(music, jobs=1), VoiceModel(DUET, units=4)
    options = {"batch_size": 4, "length": 32, "shuffle": True, "given": 0.5, "seed": 2}
    records = [DUET.encode(piece.score) for piece in corpus.train]
    whole = VoiceWindows(records, model, **options)
    monkeypatch.setattr(voice_windows, "KEPT_STEPS", 300)  # of some pieces
    part = VoiceWindows(encoded(corpus.train, DUET), model, **options)
    assert_same_batches(part, whole)
    assert 0 < len(part._kept) < len(whole._kept) == len(records)


def test_phrases_on_disk_are_those_of_memory(music, monkeypatch):
    corpus = folder(music, jobs=1)
    encoding = PianorollEncoding(("high", "low"), lowest=36, pitches=48)
    options = {"bars": 1, "batch_size": 5, "shuffle": True, "transpose": 3, "seed": 2}
    whole = RollWindows([piece.score for piece in corpus.train], encoding, **options)
    monkeypatch.setattr(roll_windows, "KEPT_BYTES", 15_000)  # of some pieces
    part = RollWindows(Scores(corpus.train), encoding, **options)
    assert part.phrases == whole.phrases > 30
    for epoch in range(2):
        for windows in (part, whole):
            windows.start_epoch(epoch)
        for index in range(whole.num_batches):
            assert np.array_equal(part[index], whole[index])
    assert 0 < len(part._kept) < len(whole._kept) == len(corpus.train)


@pytest.mark.parametrize("encoding", [PitchDurationEncoding(), DUET], ids=["lines", "voices"])
def test_what_is_on_disk_is_what_is_encoded(music, encoding):
    corpus = folder(music, jobs=1)
    for pieces in (corpus.train, corpus.validation, corpus.test, corpus.pieces):
        direct = [encoding.encode(piece.score) for piece in pieces]
        kept, held = encoded(pieces, encoding), encoded(tuple(pieces), encoding)
        assert list(kept) == list(held) == direct
        assert [one.report for one in kept] == [one.report for one in direct]
        assert kept[-1] == direct[-1] and list(kept[2:5]) == direct[2:5]
        for name in encoded_module.FACTS:
            np.testing.assert_array_equal(kept.fact(name), held.fact(name))
            if name != "notes":
                np.testing.assert_array_equal(kept.fact(name), fact_of(direct, name, encoding))
        assert kept.fact("notes")[:, 2].tolist() == [1] * len(direct)  # one of drums


def test_a_second_run_encodes_what_is_new(music, monkeypatch):
    made = []
    real = encoded_module._write_records
    monkeypatch.setattr(
        encoded_module,
        "_write_records",
        lambda pair, encoding: made.append(pair[1]) or real(pair, encoding),
    )
    folder(music, jobs=1)
    first = list(encoded(folder(music, jobs=1).pieces, ENCODING))
    assert len(made) == 6  # 21 files by four
    assert list(encoded(folder(music, jobs=1).pieces, ENCODING)) == first
    assert len(made) == 6
    write_midi(duet(99), music / "99.mid")
    assert len(encoded(folder(music, jobs=1).pieces, ENCODING)) == 21
    assert len(made) == 7
    encoded(folder(music, jobs=1).pieces, PitchDurationEncoding(voice="lowest"))
    assert len(made) == 14
    # One that is damaged is made anew.
    whole = made[0].read_bytes()
    made[0].unlink()
    made[0].write_bytes(whole[:-1])
    assert list(encoded(folder(music, jobs=1).pieces, ENCODING))[:20] == first[:20]
    assert (len(made), made[0].read_bytes()) == (15, whole)


def test_what_can_not_be_encoded_is_an_error_if_it_is_asked_for(music):
    corpus, encoding = folder(music, jobs=1), PitchDurationEncoding(voice="error")
    with pytest.raises(ValueError, match="voice='error': notes sound together 0 quarter"):
        encoded(corpus.train, encoding)
    pieces = tuple(Piece(f"{n}", "train", line([60, 62] * n)) for n in (1, 2, 3))
    assert len(encoded(pieces, encoding)) == 3


def test_a_split_is_kept_until_a_file_changes(music, monkeypatch):
    grouped = []
    real = midi_folder.group
    monkeypatch.setattr(midi_folder, "group", lambda prints: grouped.append(1) or real(prints))
    first = folder(music, jobs=1)
    assert folder(music, jobs=1) == first
    assert len(grouped) == 1
    write_midi(duet(99), music / "99.mid")
    assert len(folder(music, jobs=1)) == 21
    assert len(grouped) == 2


def test_pieces_of_a_folder_are_a_sequence(music):
    corpus = folder(music, jobs=1)
    names = [piece.name for piece in corpus.pieces]
    assert names == sorted(names) and len(corpus.pieces) == 20
    assert corpus.pieces[3].name == names[3] and corpus.pieces[-1].name == names[-1]
    assert [piece.name for piece in corpus.pieces[2:5]] == names[2:5]
    assert corpus.pieces == tuple(corpus.pieces)
    assert corpus.pieces != tuple(corpus.pieces)[1:]
    with pytest.raises(IndexError):
        corpus.pieces[20]
    for split in ("train", "validation", "test"):
        assert {piece.split for piece in getattr(corpus, split)} == {split}
    corpus.pieces[0].score.tracks.clear()
    assert len(corpus.pieces[0].score.tracks) == 3


@pytest.mark.parametrize("count", [300, pytest.param(5_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("pitch", ["relative", "absolute"])
def test_batches_on_disk_are_those_of_memory(tmp_path, pitch, count, monkeypatch):
    generator = np.random.default_rng(3)
    tunes = random_melodies(40, seed=1, high=120) + [any_melody(n, n) for n in (3, 70, 90)]
    melodies = []
    for number in generator.integers(len(tunes), size=count):
        tune, begin = tunes[number], int(generator.integers(0, 40))
        part = tune.pitches[begin : begin + 30], tune.durations[begin : begin + 30]
        melodies.append(ENCODING.encode(ENCODING.decode(part)))
    pieces, model = simulated(tmp_path, melodies, 70), tiny_lstm(pitch=pitch)
    monkeypatch.setattr(melody_windows, "KEPT_EVENTS", 4 * count)  # of some 20 a piece
    options = {"batch_size": 50, "length": 12, "shuffle": True, "transpose": 6, "seed": 4}
    held = MelodyWindows(melodies, model, **options)
    kept = MelodyWindows(encoded(pieces, ENCODING), model, **options)
    assert_same_batches(kept, held, epochs=1)
    assert sum(len(kept.melodies[piece]) for piece in kept._kept) <= 4 * count
    if pitch == "absolute":
        assert len(set(kept._shifts.tolist())) > 10


@pytest.mark.slow
def test_a_model_is_trained_alike_on_a_folder_and_on_memory(music, uncompiled):
    corpus = folder(music, jobs=1)
    held = Corpus(corpus.name, tuple(corpus.pieces))
    kinds = (tiny_lstm, {"encoding": PitchDurationEncoding()}), (VoiceModel, {"encoding": DUET})
    for kind, options in kinds:
        found = []
        for pieces in (corpus, held):
            keras.utils.set_random_seed(1)
            model = kind(**options) if kind is tiny_lstm else kind(units=4, width=4, **options)
            model.fit(pieces, epochs=1, batch_size=4, verbose=0, seed=2)
            shares = model.tonic_share, getattr(model, "key_share", None)
            found.append(((model.openings, *shares), model.get_weights()))
        assert found[0][0] == found[1][0]
        keras.tree.map_structure(np.testing.assert_array_equal, found[0][1], found[1][1])


def test_shards_are_read_by_several_threads(music):
    pieces = encoded(folder(music, jobs=1).pieces, ENCODING)
    pieces.shards._mapped.clear()
    expected, failed = list(pieces), []

    def read():
        for index in np.random.default_rng().permutation(20).tolist() * 20:
            if pieces[index] != expected[index]:
                failed.append(index)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
