"""evaluate(): every figure is what its metric gives, for music of one form in every column."""

from __future__ import annotations

import io
import json
import math
import sys

import keras
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from scores import score_of
from symusic import Note, Score

import musegen
from musegen import evaluation
from musegen.corpus import Corpus, Piece
from musegen.encoding import PianorollEncoding, PitchDurationEncoding
from musegen.encoding.pianoroll import VOICES, RollTrack
from musegen.encoding.pitch_duration import END
from musegen.evaluation import (
    METRICS,
    Evaluation,
    Figure,
    evaluate,
    likelihood,
    notes_of,
    pitch_lines,
    shuffled,
)
from musegen.evaluation.result import COLUMNS
from musegen.models import AttentionLSTM, MuseGAN
from musegen.training.roll_windows import RollWindows

CORPORA = sys.modules["musegen.corpus.named"]
TEXTURE = PianorollEncoding((RollTrack("high"), RollTrack("low")), steps=8, lowest=40, pitches=40)
LINE = PitchDurationEncoding(durations=(6, 12, 24))
SPLITS = ["train"] * 5 + ["validation"] * 2 + ["test"] * 3


def line(random, low, bars):
    """Notes of eighths and quarters, 24 ticks to the quarter."""
    time, pitch, notes = 0, low + int(random.integers(0, 8)), []
    while time < bars * 96:
        length = min(int(random.choice([12, 12, 24])), bars * 96 - time)
        pitch = int(np.clip(pitch + random.integers(-3, 4), low, low + 14))
        notes.append((time, length, pitch))
        time += length
    return notes


def piece(seed, names=("high", "low"), lows=(62, 44), bars=3):
    random = np.random.default_rng(seed)
    return score_of(*((name, line(random, low, bars)) for name, low in zip(names, lows)))


def corpus_of(scores, splits=SPLITS, name="tiny"):
    pieces = enumerate(zip(splits, scores))
    return Corpus(name, tuple(Piece(f"no {i}", split, score) for i, (split, score) in pieces))


def transposed(score, semitones):
    score = score.copy()
    for track in score.tracks:
        for note in track.notes:
            note.pitch += semitones
    return score


def same(first, second):
    """Whether evaluations hold the same figures, nan being equal to nan."""
    return [repr(one) for one in first] == [repr(one) for one in second]


TUNE = (("tune",), (60,), 5)
DUETS = corpus_of([piece(seed) for seed in range(10)])
TUNES = corpus_of([piece(seed, *TUNE) for seed in range(10)], name="tunes")
BOTH = pytest.mark.parametrize(("music", "form"), [(DUETS, ()), (TUNES, TUNE)])


@pytest.fixture(scope="module")
def gan():
    keras.utils.set_random_seed(0)
    model = MuseGAN(TEXTURE, 2, noise_size=4, units=16, name="duet")
    random = np.random.default_rng(1)
    for weight in model.generator.weights:
        weight.assign(random.normal(0, 0.4, weight.shape))
    return model


@pytest.fixture(scope="module")
def singer():
    keras.utils.set_random_seed(0)
    model = AttentionLSTM(LINE, units=8, name="singer")
    for weight in model.weights:
        weight.assign(2 * weight)
        if weight.shape == (LINE.pitch_ids,):  # pieces of some tens of events: one loop to compile
            weight.assign(weight + 2 * np.eye(LINE.pitch_ids)[END])
    return model


@pytest.fixture(scope="module")
def sung(singer):
    return evaluate(singer, TUNES, seed=3)


@pytest.fixture(scope="module")
def played(gan):
    return evaluate(gan, DUETS, samples=9, seed=3)


def close(figure, *values):
    np.testing.assert_allclose(figure.values, values, rtol=1e-6, atol=1e-9)


# --- the figures are the metrics' ----------------------------------------------------------------


def test_a_melody_model_is_measured_on_melodies(sung, singer):
    written = singer.sample(notes=None, count=3, seed=3)
    test = [LINE.encode(one.score) for one in TUNES.test]
    control = shuffled([LINE.decode(melody) for melody in test], 3)
    columns = [[one.melody for one in written], test, [LINE.encode(score) for score in control]]
    assert sung.form == "melodies"
    assert sung.counts == {"subject": 3, "real": 3, "shuffled": 3, "train": 5}

    found = [likelihood(singer, column) for column in columns]
    close(sung.figure("model, an event"), *(one.total for one in found))
    close(sung.figure("model, its pitch"), *(one.pitch for one in found))
    close(sung.figure("model, its duration"), *(one.duration for one in found))
    close(sung.figure("model, an event, mean over pieces"), *(one.piece_mean for one in found))
    close(sung.figure("model, a note that moves"), *(one.moving_total for one in found))
    assert f"The model on the test split: {found[1]}, standard error" in "\n".join(sung.notes)
    ngram = evaluation.MelodyNGram(LINE).fit(TUNES.train, TUNES.validation)
    found = [likelihood(ngram, column) for column in columns]
    close(sung.figure("n-gram, an event"), *(one.total for one in found))
    close(sung.figure("n-gram, its pitch if it moves"), *(one.moving_pitch for one in found))
    close(sung.figure("uniform guess, an event"), *[math.log(132 * 4)] * 3)

    train = [evaluation.melody_notes(LINE.encode(one.score), LINE) for one in TUNES.train]
    notes = [[evaluation.melody_notes(melody, LINE) for melody in column] for column in columns]
    shares = [evaluation.copied_note_shares(column, train, [4, 8]) for column in notes]
    close(sung.figure("4 notes"), *(one.shares[0] for one in shares))
    close(sung.figure("8 notes"), *(one.shares[1] for one in shares))

    scores = [[one.score for one in written], [LINE.decode(m) for m in test], control]
    music = [notes_of(column) for column in scores]
    for label, measure in METRICS.items():
        close(sung.figure(label), *(np.nanmean(measure(one)) for one in music))
    assert sung.figure("bars repeated after four").real == 0
    assert sung.figure("pitch-class entropy of one bar").unit == "bits"


def test_a_musegan_is_measured_on_phrases(played, gan):
    written = np.stack([one.roll for one in gan.sample(count=9, seed=3)])
    test = [one.score for one in DUETS.test]

    def phrases(scores):
        windows = RollWindows(scores, TEXTURE, 2)
        return np.stack([windows.phrase(number) for number in range(windows.phrases)])

    columns = [written, phrases(test), phrases(shuffled(test, 3))]
    train = phrases([one.score for one in DUETS.train])
    assert played.form == "phrases of 2 bars"
    counts = [len(column) for column in columns] + [len(train)]
    assert played.counts == dict(zip((*COLUMNS, "train"), counts, strict=True))
    assert counts[1] == 6  # two of each of three pieces of three bars

    for name, measure in {
        "empty bars": evaluation.empty_bar_share,
        "notes of 2 steps or more": evaluation.qualified_note_share,
        "mean leap": evaluation.mean_leap,
    }.items():
        values = [measure(column) for column in columns]
        for number, track in enumerate(("high", "low")):
            close(played.figure(name, track), *(value[number] for value in values))
    close(played.figure("tonal distance"), *(evaluation.tonal_distance(c, 40, 4) for c in columns))
    close(
        played.figure("tonal distance of tracks from other bars"),
        *(evaluation.tonal_distance(column, 40, 4, shuffle=3) for column in columns),
    )

    music = [notes_of([TEXTURE.decode(roll) for roll in column]) for column in columns]
    close(played.figure("polyphony"), *(evaluation.polyphony(one).mean() for one in music))
    learned = notes_of([TEXTURE.decode(roll) for roll in train])
    real, *others = (
        evaluation.pitch_histogram(one) for one in (music[1], music[0], learned, music[2])
    )
    figure = played.figure("pitch: Jensen-Shannon")
    close(figure, *(evaluation.jensen_shannon(real.total, other.total) for other in others))
    figure = played.figure("pitch: overlapped area")
    close(figure, *(evaluation.overlapped_area(real.shares, other.shares) for other in others))

    lines = [pitch_lines(column, 40) for column in columns]
    pieces = [np.asarray(TEXTURE.encode(one.score))[np.newaxis] for one in DUETS.train]
    training = [pitch_lines(roll, 40)[0] for roll in pieces]
    found = [evaluation.voice_leading(each, [(0, 127)] * 2) for each in lines]
    close(played.figure("parallel fifths"), *(one.parallel_fifths for one in found))
    close(played.figure("voice crossing"), *(one.crossing for one in found))
    shares = [evaluation.copied_shares(each, training, [8]) for each in lines]
    close(played.figure("8 steps"), *(one.shares[0] for one in shares))
    runs = [evaluation.longest_copy(each, training) for each in lines]
    close(played.figure("longest copy"), *(run.length if run else 0 for run in runs))
    assert not [one for one in played if one.name == "out of range"]  # no choir


def test_the_ranges_of_a_choir_are_known():
    names, lows = [voice.name for voice in VOICES], (64, 56, 50, 42)
    music = corpus_of([piece(seed, names, lows, bars=5) for seed in range(10)])
    found = evaluate([one.score for one in music.train], music)
    assert [one.track for one in found if one.name == "out of range"] == names
    assert found.figure("empty bars", "alto").values == (0, 0, 0)
    assert found.figure("n-gram").real < found.figure("uniform guess").real
    encoding = PianorollEncoding(VOICES, lowest=0, pitches=128)
    lines = [
        pitch_lines(np.asarray(encoding.encode(one.score))[np.newaxis], 0)[0] for one in music.test
    ]
    assert found.figure("stops").real == evaluation.stops(lines, 4) > 0
    share = found.figure("ends in the key of its beginning").real
    assert share == evaluation.returns_to_its_key(lines, 4)
    share = found.figure("authentic cadences of stops").real
    assert share == evaluation.authentic_cadences(lines, 4)


def test_drums_have_their_pattern_and_no_voices(gan):
    encoding = PianorollEncoding(
        (RollTrack("tune"), RollTrack("drums", is_drum=True)), steps=16, lowest=36, pitches=48
    )
    model = MuseGAN(encoding, 2, noise_size=4, units=16, name="band")
    scores = [piece(seed, ("tune", "drums"), (60, 38)) for seed in range(10)]
    for score in scores:
        score.tracks[1].is_drum = True
    music = corpus_of(scores)
    found = evaluate(model, music, samples=4)
    windows = RollWindows([one.score for one in music.test], encoding, 2)
    rolls = np.stack([windows.phrase(number) for number in range(windows.phrases)])
    assert found.figure("notes on 8 beats", "drums").real == evaluation.drum_pattern(rolls, 8)[1]
    assert not [one for one in found if one.part == "voice leading"]
    assert [one.track for one in found if one.name == "notes on 8 beats"] == ["drums"]


def test_a_track_of_each_phrase_is_given_to_a_model_that_takes_one(gan):
    keras.utils.set_random_seed(0)
    leading = MuseGAN(TEXTURE, 2, noise_size=4, units=16, name="led", generator="leading")
    found = evaluate(leading, DUETS, seed=3, given="high")
    assert found.counts["subject"] == found.counts["real"]
    for name in ("notes a bar", "mean leap", "pitch classes a bar"):
        row = found.figure(name, "high")
        assert row.values[0] == pytest.approx(row.real), name
    assert found.figure("notes a bar", "low").values[0] != found.figure("notes a bar", "low").real
    again = evaluate(leading, DUETS, seed=3, given="high", samples=4)
    assert again.counts["subject"] == 4
    with pytest.raises(ValueError, match="choose among high, low"):
        evaluate(leading, DUETS, given="middle")
    with pytest.raises(ValueError, match="or phrases to a given track"):
        evaluate(gan, DUETS, given="high")


# --- music that is given -------------------------------------------------------------------------


@BOTH
def test_the_test_split_is_as_good_as_itself(music, form):
    found = evaluate([one.score for one in music.test], music)
    assert found.form == "pieces"
    assert {one.part for one in found} >= {"likelihood", "music", "distance", "copying"}
    for one in found:
        if one.part == "distance":
            assert "overlapped" in one.name or (abs(one.subject) < 1e-9 < one.real)
        else:
            np.testing.assert_equal(one.subject, one.real, err_msg=one.label)


@BOTH
def test_planted_copies_are_found(music, form):
    planted = transposed(music.train[2].score, 3)
    found = evaluate([piece(99, *form), planted], music)
    for one in evaluate([planted], music):
        if one.part == "copying" and one.unit == "share" and not math.isnan(one.subject):
            assert one.subject == 1
    run = next(note for note in found.notes if note.startswith("Longest copy: "))
    assert "of piece 1, " in run
    assert "training piece 2 (no 2)" in run
    assert run.endswith("+3 semitones.")
    length = found.figure("longest copy").subject
    assert length == (len(planted.tracks[0].notes) if form else 48)


def test_a_folder_is_measured_as_its_scores(tmp_path):
    scores = [piece(seed) for seed in range(20, 24)]
    for number, score in enumerate(scores):
        musegen.write_midi(score, tmp_path / f"{number}.mid")
    found = evaluate(tmp_path, DUETS)
    assert found.subject == tmp_path.name
    assert found.counts["subject"] == 4
    assert same(found, evaluate(str(tmp_path), DUETS))
    assert same(found, evaluate(scores, DUETS))


TRIO = piece(7, ("high", "low", "flute"), (62, 44, 80))
CHORD = piece(7, ("tune",), (60,))
CHORD.tracks[0].notes.append(Note(0, 12, 90, 80))
MIXED = corpus_of([piece(1), TRIO] * 5)
SHORT = [piece(seed, bars=2) for seed in range(3)]
ALWAYS, EASY = {"music", "distance"}, {"likelihood", "copying"}  # parts that any music has; most


@pytest.mark.parametrize(
    ("given", "music", "note", "parts"),
    [
        ([piece(8), TRIO], DUETS, "have not the corpus's 2 tracks, high, low", ALWAYS),
        ([piece(8)], MIXED, "pieces have not all the same number", ALWAYS),
        ([piece(8)], TUNES, "pieces have not all the same number", ALWAYS),
        ([CHORD], TUNES, "some pieces are not single lines", ALWAYS),
        (SHORT, DUETS, "No figures of tracks and voice leading: No", {*ALWAYS, *EASY}),
    ],
)
def test_what_can_not_be_measured_is_left_out_and_noted(given, music, note, parts):
    found = evaluate(given, music)
    assert {one.part for one in found} == parts
    assert any(note in each for each in found.notes)


def test_tracks_of_other_names_are_taken_in_order():
    found = evaluate([piece(8, ("guitar", "tuba"))], DUETS)
    assert same(found, evaluate([piece(8)], DUETS))


def test_pieces_of_other_lengths_are_remarked_on():
    note = "does not compare"
    assert any(note in each for each in evaluate([piece(8, bars=20)], DUETS).notes)
    assert not any(note in each for each in evaluate([piece(8, bars=4)], DUETS).notes)


@BOTH
def test_without_a_validation_split_there_is_no_ngram(music, form):
    found = evaluate([piece(8, *form)], Corpus("rest", music.train + music.test))
    assert any(note.startswith("No n-gram: ") for note in found.notes)
    assert not [one for one in found if one.name.startswith("n-gram")]
    assert found.figure("longest copy").real > 0


# --- what is given back --------------------------------------------------------------------------


def test_seeds_decide(gan, played):
    assert same(played, evaluate(gan, DUETS, samples=9, seed=3))
    other = evaluate(gan, DUETS, samples=9, seed=4)
    real = [one.real for one in other if "other bars" not in one.name]
    np.testing.assert_equal(real, [one.real for one in played if "other bars" not in one.name])
    for column in ("subject", "shuffled"):
        name = "interval: Wasserstein"
        assert getattr(played.figure(name), column) != getattr(other.figure(name), column)


def test_json_reads_back(sung, tmp_path):
    path = tmp_path / "new" / "figures.json"
    text = sung.to_json(path)
    assert path.read_text(encoding="utf-8") == text + "\n"
    document = json.loads(text, parse_constant=pytest.fail)
    assert document["musegen"] == musegen.__version__
    head = ("subject", "corpus", "split", "form", "seed", "counts")
    assert [document[name] for name in head] == [
        *("singer", "tunes", "test", "melodies", 3),
        {"subject": 3, "real": 3, "shuffled": 3, "train": 5},
    ]
    assert document["notes"] == list(sung.notes)
    for row, one in zip(document["figures"], sung, strict=True):
        values = [math.nan if row[name] is None else row[name] for name in COLUMNS]
        assert repr(Figure(**{**row, **dict(zip(COLUMNS, values))})) == repr(one)
    assert sung.to_json() == text
    with pytest.raises(OSError, match="can't be written"):
        sung.to_json(path / "below.json")


def test_nan_is_null_and_a_dash():
    one = Figure("music", "groove", math.nan, 0.5, math.inf)
    found = Evaluation("a", "b", "pieces", dict.fromkeys((*COLUMNS, "train"), 1), 0, (one,))
    row = json.loads(found.to_json())["figures"][0]
    assert [row[name] for name in COLUMNS] == [None, 0.5, None]
    assert str(found).splitlines()[-1].split() == ["groove", "-", "0.500", "-"]
    found.plot()


def test_the_frame_has_the_same_numbers(sung, monkeypatch):
    pytest.importorskip("pandas")
    frame = sung.to_frame()
    assert list(frame.columns) == ["part", "name", "track", "unit", *COLUMNS]
    np.testing.assert_equal(frame[list(COLUMNS)].to_numpy(), np.array([one.values for one in sung]))
    assert list(frame["name"]) == [one.name for one in sung]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        sung.to_frame()


def test_the_table_has_a_line_for_each_figure(played):
    lines = str(played).splitlines()
    assert lines[0].startswith("duet on tiny, test split: 9 phrases of 2 bars, beside 6 real and ")
    assert lines[1].split() == ["duet", "real", "shuffled"]
    share = played.figure("empty bars", "low")
    row = next(row for row in lines if row.strip().startswith("empty bars: low (%)"))
    assert row.split()[-3:] == [f"{100 * value:.2f}" for value in share.values]
    parts = list(dict.fromkeys(one.part for one in played))
    assert parts == ["likelihood", "tracks", "music", "distance", "voice leading", "copying"]
    assert len(lines) == 2 + len(parts) + len(played) + len(played.notes)
    assert played._repr_html_().startswith("<pre>duet on tiny")
    assert repr(played) == f"<Evaluation of duet on tiny: {len(played)} figures>"


def test_the_picture_has_a_mark_for_each_value(played, sung, tmp_path):
    path = tmp_path / "figures.png"
    figure = played.plot(path)
    assert path.stat().st_size > 10_000
    known = sum(math.isfinite(value) for one in played for value in one.values)
    drawn = [one for axes in figure.axes for one in axes.collections]
    marks = [one.get_offsets() for one in drawn if isinstance(one, PathCollection)]
    assert sum(map(len, marks)) == known
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {one.label for one in played} <= texts
    with pytest.raises(ValueError, match="path="):
        played.plot("figures.txt")


def test_a_figure_that_is_not_there(sung):
    with pytest.raises(ValueError, match=r"name='notes a b'.*Choose one of: notes a bar\."):
        sung.figure("notes a b")
    with pytest.raises(ValueError, match="track='low': there is no such figure"):
        sung.figure("polyphony", "low")


# --- arguments -----------------------------------------------------------------------------------


def test_a_checkpoint_is_loaded(played, gan, tmp_path):
    gan.training_record = {}
    path = musegen.save_checkpoint(gan, tmp_path / "duet.safetensors")
    assert same(evaluate(path, DUETS, samples=9, seed=3), played)
    assert same(evaluate(str(path), DUETS, samples=9, seed=3), played)


@BOTH
def test_one_voice_is_compared_with_sopranos(music, form, monkeypatch):
    asked = []
    monkeypatch.setattr(CORPORA, "chorales", lambda **voices: asked.append(voices) or music)
    evaluate([piece(8, *form)], "chorales")
    assert asked == [{"voices": "soprano"} if form else {}]
    monkeypatch.setattr(CORPORA, "fiddle_tunes", lambda: music)
    assert evaluate([piece(8, *form)], "fiddle-tunes").corpus == music.name


def test_files_of_a_folder_that_are_not_measured_are_counted(tmp_path):
    for seed in range(3):
        musegen.write_midi(piece(seed), tmp_path / f"{seed}.mid")
    whole = (tmp_path / "0.mid").read_bytes()
    (tmp_path / "a.mid").write_bytes(b"no music")
    (tmp_path / "cut.mid").write_bytes(whole[: len(whole) * 2 // 3])
    found = evaluate(tmp_path, DUETS)
    assert found.counts["subject"] == 4
    assert found.notes[:2] == (
        "Of 5 files 1 are left out, such as a.mid: not a MIDI file.",
        "1 of the files measured were repaired or had events left out, such as cut.mid.",
    )


def test_a_figure_is_found_by_what_the_table_has_for_it(played):
    for one in played:
        assert played.figure(one.label).label == one.label
        if one.track:
            assert played.figure(f"{one.name}: {one.track}") is one
    with pytest.raises(ValueError, match="name='no such': there is no such figure"):
        played.figure("no such")


def test_a_folder_is_a_corpus(tmp_path):
    for seed in range(6):
        musegen.write_midi(piece(seed), tmp_path / f"{seed}.mid")
    found = evaluate([piece(8)], tmp_path)
    assert found.corpus == tmp_path.name
    assert found.counts["real"] == 1


def test_progress_is_shown_on_a_terminal(capsys, monkeypatch):
    evaluate([piece(8)], DUETS)
    assert capsys.readouterr() == ("", "")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    evaluate([piece(8)], DUETS, progress=False)
    assert terminal.getvalue() == ""
    evaluate([piece(8)], DUETS)
    assert "Copies" in terminal.getvalue()
    assert capsys.readouterr().out == ""


def test_messages_say_what_to_do(gan, tmp_path):
    short = corpus_of([piece(seed, bars=1) for seed in range(10)])
    for subject, corpus, message in (
        ("no-such-model", DUETS, "subject='no-such-model' is neither a file nor a model"),
        (tmp_path, DUETS, "no MIDI files"),
        *((one, DUETS, "^subject=") for one in (["a.mid"], {"a": 1}, b"bytes", [Score(24)])),
        (gan, "no such folder", "^corpus="),
        ([piece(8)], Corpus("part", DUETS.train), "has no piece in its test split"),
        ([piece(8)], Corpus("part", DUETS.test), "has no piece in its train split"),
        (gan, TUNES, "corpus 'tunes', train split: 'low': no phrase"),
        (gan, short, "corpus 'tiny', train split: No piece has a phrase of 2"),
    ):
        with pytest.raises(ValueError, match=message):
            evaluate(subject, corpus)
    with pytest.raises(ValueError, match="samples=3: given music is measured whole"):
        evaluate([piece(8)], DUETS, samples=3)
