"""The pictures: what they show is what the music holds, in words and boxes."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import symusic
from scores import score_of
from test_plot_knobs import CHANGED, FakeMuseGAN, boxes

from musegen.composition import MelodyComposition
from musegen.encoding.pitch_duration import END, REST, START, TIE, Melody, PitchDurationEncoding
from musegen.plots import (
    figure_png,
    note_name,
    plot_attention,
    plot_knobs,
    plot_pianoroll,
    plot_training,
)
from musegen.plots._figure import COLOURS, bars_of
from musegen.plots._roll import track_colour
from musegen.plots.attention import event_names
from musegen.plots.pianoroll import MAX_HEIGHT

ENCODING = PitchDurationEncoding()
IDS = {steps: index for index, steps in enumerate(ENCODING.steps.tolist())}


def melody(*events: tuple[int, int], meters=((0, 4, 4),), pickup: int = 0) -> Melody:
    """A line of (pitch id, steps) between a start and an end."""
    events = ((START, 0), *events, (END, 0))
    pitches, steps = zip(*events, strict=True)
    durations = [IDS[length] for length in steps]
    return Melody(
        np.array(pitches, np.int32), np.array(durations, np.int32), meters=meters, pickup=pickup
    )


def note(pitch: int, steps: int) -> tuple[int, int]:
    return pitch + 4, steps


def composition(
    line: Melody, given: int = 1, heads: int = 1, seed: int = 0, copies: bool = False
) -> MelodyComposition:
    """A piece with attention drawn at random, and with copying of less than a half."""
    new, width = len(line) - given, len(line) - 1
    random = np.random.default_rng(seed)
    weights = random.random((heads + 2, width, width)).astype(np.float32) * np.tri(width)
    weights /= weights.sum(axis=-1, keepdims=True)
    maps = {"attention": weights[2:]}
    if copies:
        maps["copied"] = weights[:2] * random.uniform(0, 0.5, (2, width, 1))
    return MelodyComposition(
        score=ENCODING.decode(line),
        seed=7,
        model="a-model",
        melody=line,
        prompt_events=given,
        log_likelihoods=np.full((new, 2), -1, np.float32),
        maps_of=lambda melody: maps,
    )


def random_melody(notes: int, meter=(4, 4), pickup: int = 0, seed: int = 0) -> Melody:
    random = np.random.default_rng(seed)
    pitches = 60 + np.cumsum(random.integers(-2, 3, notes))
    lengths = random.choice([6, 8, 12, 18, 24, 36, 48], notes)
    return melody(
        *(note(int(p), int(n)) for p, n in zip(pitches, lengths, strict=True)),
        meters=((0, *meter),),
        pickup=pickup,
    )


def labels(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def notes(axes, colour: str | None = None) -> list[tuple[float, float, float]]:
    """Begin, end and pitch of each box of a note, in order, of one colour or of all."""
    found = [box for box in boxes(axes) if colour is None or box[4] == colour.lower()]
    return sorted((left, right, (low + high) / 2) for left, right, low, high, _ in found)


def bar_lines(axes) -> list[float]:
    (lines,) = [c for c in axes.collections if c.get_label() == "bars"]
    return [segment[0][0] for segment in lines.get_segments()]


def test_note_names_against_a_second_table():
    import pretty_midi

    flats = {"D#": "Eb", "A#": "Bb"}
    for pitch in range(128):
        theirs = pretty_midi.note_number_to_name(pitch)
        for sharp, flat in flats.items():
            theirs = theirs.replace(sharp, flat)
        assert note_name(pitch) == theirs
    for pitch in (-1, 128):
        with pytest.raises(ValueError, match=f"pitch={pitch}: give a whole number from 0 to 127"):
            note_name(pitch)


def test_bars_of_a_pickup_and_a_change_of_meter():
    meters = [(0, 3, 4), (144, 6, 8), (180, 5, 8)]  # the 6/8 bar is cut in half
    score = score_of([(50, 10, 60)], meters=meters)
    bars = bars_of(score, 190)
    assert [(bar.start, bar.end) for bar in bars] == [(48, 72), (72, 144), (144, 180), (180, 240)]
    assert [bar.number for bar in bars] == [0, 1, 2, 3]
    assert [bar.beat for bar in bars] == [24, 24, 36, 12]
    assert [bar.meter for bar in bars] == [(3, 4), None, (6, 8), (5, 8)]
    score.tracks[0].notes[0].time = 0
    assert [bar.number for bar in bars_of(score, 190)] == [1, 2, 3, 4]


def test_pianoroll_draws_every_note_where_it_is():
    line = melody(
        *(note(69, 24), note(72, 36), (TIE, 48), (REST, 12), note(60, 8), note(60, 8)),
        *(note(60, 8), note(70, 96)),
        pickup=24,
    )
    figure = plot_pianoroll(ENCODING.decode(line), title="A tune")
    (axes,) = figure.axes
    assert notes(axes) == [
        *((72, 96, 69), (96, 180, 72), (192, 200, 60), (200, 208, 60), (208, 216, 60)),
        (216, 312, 70),
    ]
    assert axes.get_xlim() == (72, 384)
    assert bar_lines(axes) == [96, 192, 288, 384]
    assert labels(axes.xaxis) == ["4/4", "1", "2", "3"]
    assert axes.get_xticks().tolist() == [72, 96, 192, 288]
    assert axes.get_yticks().tolist() == [59, 60, 62, 64, 65, 67, 69, 71, 72]
    assert labels(axes.yaxis) == ["B3", "C4", "D4", "E4", "F4", "G4", "A4", "B4", "C5"]
    assert [text.get_text() for text in figure.texts] == ["A tune"]
    assert not figure.legends


@pytest.mark.parametrize(("bars", "rows"), [(1, 1), (9, 2), (12, 3), (16, 4), (64, 8), (800, 25)])
def test_long_music_breaks_over_rows_of_whole_bars(bars, rows):
    line = melody(*[note(60 + i % 7, 48) for i in range(2 * bars)])
    figure = plot_pianoroll(ENCODING.decode(line), bars=(1, bars))
    assert len(figure.axes) == rows and not figure.get_label()
    limits = [axes.get_xlim() for axes in figure.axes]
    assert limits[0][0] == 0 and limits[-1][1] == 96 * bars
    assert all(left[1] == right[0] for left, right in itertools.pairwise(limits))
    drawn = [box for axes in figure.axes for box in notes(axes)]
    assert drawn == [(48 * i, 48 * i + 48, 60 + i % 7) for i in range(2 * bars)]
    width, height = figure.get_size_inches() * figure.dpi
    assert max(width, height) < 2**16  # what the PNG can hold
    inches = [
        axes.get_position().width / (x1 - x0)
        for axes, (x0, x1) in zip(figure.axes, limits, strict=True)
    ]
    np.testing.assert_allclose(inches, inches[0])  # one scale of time


def test_more_bars_than_fill_a_screen_are_left_out_unless_they_are_chosen():
    score = ENCODING.decode(melody(*[note(60 + i % 7, 48) for i in range(1600)]))
    figure = plot_pianoroll(score)
    assert figure.get_size_inches().max() <= MAX_HEIGHT
    last = len(notes_of_all(figure)) // 2
    assert 100 < last < 400
    (text,) = [text.get_text() for text in figure.texts]
    assert text == figure.get_label()
    assert text.startswith(f"Bars 1-{last} of 800; ")
    assert text.endswith(f"such as {last + 1}-{2 * last}.")
    again = plot_pianoroll(score, bars=(last + 1, 2 * last))
    assert notes_of_all(again)[0][0] == 96 * last and not again.get_label()
    short = plot_pianoroll(score, bars=(3, 3))
    assert notes_of_all(short) == [(192, 240, 64), (240, 288, 65)]
    assert labels(short.axes[0].xaxis) == ["3  4/4"]


def notes_of_all(figure):
    return [box for axes in figure.axes for box in notes(axes)]


def test_a_pickup_is_bar_0_and_a_first_rest_is_bar_1():
    pickup, rest = (score_of([(start, 300 - start, 60)]) for start in (72, 12))
    assert labels(plot_pianoroll(pickup).axes[0].xaxis) == ["4/4", "1", "2", "3"]
    assert labels(plot_pianoroll(rest).axes[0].xaxis) == ["1  4/4", "2", "3", "4"]
    assert plot_pianoroll(pickup, bars=(0, 0)).axes[0].get_xlim() == (72, 96)
    with pytest.raises(ValueError, match=r"bars=\(0, 2\): give the first and the last .* 1 to 4"):
        plot_pianoroll(rest, bars=(0, 2))
    for wrong in ((3, 2), (1, 9), 3, "1-2", (1,), (1.5, 2), (True, 2)):
        with pytest.raises(ValueError, match=r"bars=.*of the bars 0 to 3"):
            plot_pianoroll(pickup, bars=wrong)


SONG = [
    ("Vocals", 53, False, [(0, 24, 67)]),
    ("Guitar", 25, False, [(0, 24, 60)]),
    ("Guitar", 30, False, [(0, 24, 60)]),
    ("", 48, False, [(24, 24, 62)]),
    ("", 48, False, [(24, 24, 64)]),
    ("Kit", 0, True, [(0, 1, 36), (24, 1, 38), (96, 1, 36)]),
]


def test_tracks_of_one_name_show_their_instrument():
    texts = [text.get_text() for text in plot_pianoroll(score_of(*SONG)).legends[0].get_texts()]
    assert texts == [
        *("Vocals", "Guitar: Acoustic Guitar (steel)", "Guitar: Distortion Guitar"),
        *("track 4: String Ensemble 1", "track 5: String Ensemble 1", "Kit"),
    ]
    same = score_of(*[("Piano", 0, False, [(0, 24, 60 + n)]) for n in range(2)])
    assert [t.get_text() for t in plot_pianoroll(same).legends[0].get_texts()] == [
        *("Piano 1", "Piano 2"),
    ]


def test_drums_are_marks_where_they_begin():
    (axes,) = plot_pianoroll(score_of(*SONG)).axes
    (marks,) = [found for found in axes.collections if found.get_label() == "drums"]
    assert sorted(map(tuple, marks.get_offsets().tolist())) == [(0, 36), (24, 38), (96, 36)]
    assert 2 < np.sqrt(marks.get_sizes()[0]) <= 5  # points
    assert len(notes(axes)) == 5


def test_tracks_are_chosen_by_name_or_number():
    score = score_of(*SONG)
    assert [box[2] for box in notes_of_all(plot_pianoroll(score, tracks=["guitar"]))] == [
        59.775,
        60,
    ]
    assert [box[2] for box in notes_of_all(plot_pianoroll(score, tracks=["2", 4]))] == [60, 62]
    (axes,) = plot_pianoroll(score, tracks=["Kit"]).axes
    assert not notes(axes) and axes.get_xlim() == (0, 192)
    for wrong in (["Bass"], [0], [7], [""], ["9" * 99]):
        with pytest.raises(
            ValueError, match=r"tracks=.*no such track; choose among 1 Vocals, 2 Guitar, .* 4"
        ):
            plot_pianoroll(score, tracks=wrong)
    for wrong in ([], "Vocals", 3, [None]):
        with pytest.raises(ValueError, match=r"tracks=.*give names or numbers of tracks"):
            plot_pianoroll(score, tracks=wrong)


def test_colours_of_sixteen_tracks_are_apart():
    """In CIELAB, where 2.3 is a difference that is just seen."""
    rgb = track_colour(np.arange(16))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(matrix).T / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1000 * np.eye(16)
    assert distance.min() > 20
    assert lab[:, 0].max() < 90  # on white paper


def test_no_edge_covers_a_short_note():
    """A thousand notes of one tick in 40 bars: each has a face of half a point at least."""
    score = score_of([(4 * place, 1, 60 + place % 12) for place in range(1000)])
    figure = plot_pianoroll(score)
    drawn = 0
    for axes in figure.axes:
        (collection,) = [c for c in axes.collections if c.get_label() == "notes"]
        wide = axes.get_position().width * figure.get_size_inches()[0] * 72
        begin, end = axes.get_xlim()
        for path, edge in zip(collection.get_paths(), collection.get_linewidths()):
            width = np.ptp(path.vertices[:, 0]) * wide / (end - begin)
            assert width >= 1.19 and width - edge >= 0.7 * width
            drawn += 1
    assert drawn == 1000


def test_a_note_over_the_end_of_a_row_goes_on_in_the_next():
    line = melody(*[note(60, 96)] * 3, note(62, 48), note(64, 144), *[note(60, 96)] * 3)
    first, second = plot_pianoroll(ENCODING.decode(line)).axes
    assert notes(first)[-1] == (336, 384, 64)
    assert notes(second)[0] == (384, 480, 64)


def test_tracks_have_their_colours_and_a_legend():
    names = enumerate(("Soprano", "", "Bass"))
    tracks = [(name, [(0, 480, 72 - 12 * number)]) for number, name in names]
    figure = plot_pianoroll(score_of(*tracks, resolution=480))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["Soprano", "track 2", "Bass"]
    for number in range(3):
        assert notes(figure.axes[0], COLOURS[number]) == [(0, 480, 72 - 12 * number)]


def test_voices_in_unison_are_both_seen():
    def drawn(*tracks):
        found = boxes(plot_pianoroll(score_of(*tracks)).axes[0])
        assert found == sorted(found, key=lambda box: -box[3])  # the lower on top of the others
        return sorted((COLOURS.index(box[4].upper()), *box[:4]) for box in found)

    # The second joins the first halfway, and goes on after it; a third has the pitch then alone.
    assert drawn([(0, 24, 60)], [(12, 24, 60)], [(36, 12, 60)]) == [
        *((0, 0, 24, 59.55, 60.45), (1, 12, 36, 59.55, 60), (2, 36, 48, 59.55, 60.45)),
    ]
    # Three at once: each is over the others where it lies, and none covers another.
    tops = [top for *_, top in drawn(*[[(0, 24, 60)]] * 3)]
    assert tops == [60.45, 60, 59.775]


def test_crossing_voices_keep_their_colours():
    score = score_of([(0, 24, 60), (24, 24, 67)], [(0, 24, 67), (24, 24, 60)])
    (axes,) = plot_pianoroll(score).axes
    assert notes(axes, COLOURS[0]) == [(0, 24, 60), (24, 48, 67)]
    assert notes(axes, COLOURS[1]) == [(0, 24, 67), (24, 48, 60)]


def test_new_notes_are_told_from_the_prompts():
    line = melody(note(60, 24), note(62, 24), (TIE, 24), note(64, 24))
    figure = composition(line, given=3).plot()
    assert notes(figure.axes[0], COLOURS[0]) == [(72, 96, 64)]
    assert len(notes(figure.axes[0])) == 3
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["prompt", "new"]
    assert figure.texts[0].get_text() == "a-model, seed 7"
    figure = composition(line).plot()
    assert len(notes(figure.axes[0], COLOURS[0])) == 3 and not figure.legends


def test_silence_is_an_empty_bar():
    for score in (symusic.Score(24), ENCODING.decode(melody((REST, 96)))):
        (axes,) = plot_pianoroll(score).axes
        assert not notes(axes) and labels(axes.xaxis) == ["1  4/4"]


def test_too_many_bars_are_refused():
    score = score_of([(4 * 5000, 1, 60)], resolution=1)
    with pytest.raises(ValueError, match="5,001 bars, and a picture at most 4,096"):
        plot_pianoroll(score)


def test_events_are_named_with_their_note_values():
    values = {
        **{1: "1/64t", 2: "1/32t", 3: "1/32", 4: "1/16t", 6: "1/16", 8: "1/8t", 9: "1/16."},
        **{12: "1/8", 16: "1/4t", 18: "1/8.", 21: "1/8..", 24: "1/4", 30: "5/16", 32: "1/2t"},
        **{36: "1/4.", 42: "1/4..", 48: "1/2", 60: "5/8", 64: "1t", 72: "1/2.", 84: "1/2.."},
        **{96: "1", 120: "5/4", 144: "1.", 168: "1..", 192: "2"},
    }
    assert list(values) == list(ENCODING.durations)
    line = melody(*(note(61, steps) for steps in values), (REST, 24), (TIE, 12))
    assert event_names(composition(line)) == [
        *("start", *(f"C#4 {value}" for value in values.values())),
        *("rest 1/4", "tie 1/8", "end"),
    ]


def test_attention_map_has_every_event_and_bar_on_both_axes():
    line = melody(
        note(69, 24), note(72, 72), (REST, 24), note(70, 192), note(65, 48), (TIE, 48), pickup=24
    )
    piece = composition(line, given=3, heads=2)
    figure = plot_attention(piece)
    axes = figure.axes[0]
    names = ["start", "A4 1/4", "C5 1/2.", "rest 1/4", "Bb4 2", "F4 1/2", "tie 1/2", "end"]
    assert labels(axes.xaxis) == names[:-1]
    assert labels(axes.yaxis) == names[3:]
    image = axes.images[0].get_array()
    np.testing.assert_allclose(image.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(image.filled(0), piece.attention.mean(axis=0))
    assert image.mask.tolist() == [[j >= 3 + i for j in range(7)] for i in range(5)]
    assert "mean of 2 heads" in figure.texts[0].get_text()
    # Bars begin with C5, Bb4 (which goes over the third bar, too) and F4.
    above, beside = axes.child_axes
    assert (above.get_xticks().tolist(), labels(above.xaxis)) == ([1.5, 3.5, 4.5], ["1", "2", "4"])
    assert (beside.get_yticks().tolist(), labels(beside.yaxis)) == ([0.5, 1.5], ["2", "4"])
    (prompt,) = [found for found in axes.lines if found.get_label() == "prompt"]
    assert prompt.get_xdata()[0] == 2.5
    np.testing.assert_array_equal(
        plot_attention(piece, head=1).axes[0].images[0].get_array().filled(0), piece.attention[1]
    )


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("meter", [(4, 4), (3, 4), (6, 8)])
@pytest.mark.parametrize("notes", [1, 32, 128])
def test_attention_map_is_readable_whatever_its_size(notes, meter, copies):
    line = random_melody(notes, meter, pickup=12, seed=notes)
    figure = plot_attention(composition(line, copies=copies))
    axes = figure.axes[0]
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == notes + 1
    places = axes.get_window_extent()
    points = places.width / figure.dpi * 72 / (notes + 1)
    assert 5 <= axes.get_xticklabels()[0].get_fontsize() < points
    figure.draw_without_rendering()
    everything, page = figure.get_tightbbox(), figure.get_size_inches()
    assert everything.x0 >= 0 and everything.y0 >= 0
    assert everything.x1 <= page[0] and everything.y1 <= page[1]


@pytest.mark.parametrize("notes", [301, 600])
def test_a_map_of_many_events_fills_a_screen_and_names_bars_alone(notes):
    figure = plot_attention(composition(random_melody(notes)))
    axes = figure.axes[0]
    assert figure.get_size_inches().max() < 16
    assert not axes.get_xticks().size and not axes.get_yticks().size
    assert f"{notes + 1} events, too many to be named" in figure.texts[0].get_text()
    for child in axes.child_axes:
        assert 10 <= len(child.get_xticks()) + len(child.get_yticks()) <= 60
    figure.draw_without_rendering()
    numbers = [text.get_window_extent() for text in axes.child_axes[0].get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(numbers))


def test_a_map_of_copying_has_how_much_was_copied_beside_it():
    piece = composition(random_melody(12), given=4, heads=2, copies=True)
    for index, of in enumerate(("pitch", "duration")):
        figure = plot_attention(piece, of=of)
        axes, beside = figure.axes[0], figure.axes[1]
        np.testing.assert_allclose(axes.images[0].get_array().filled(0), piece.copied[index])
        lengths = [bar.get_width() for bar in beside.patches]
        np.testing.assert_allclose(lengths, piece.copied[index].sum(axis=1), atol=1e-6)
        heights = [bar.get_y() + bar.get_height() / 2 for bar in beside.patches]
        np.testing.assert_allclose(heights, axes.get_yticks())  # each beside its row
        assert beside.get_xlim() == (0, 1) and beside.get_ylim() == axes.get_ylim()
        assert figure.texts[0].get_text() == f"Where each {of} was copied from: a-model, seed 7"
    first = plot_attention(piece).axes[0].images[0].get_array()
    np.testing.assert_array_equal(first.filled(0), piece.copied[0])
    for options, title in (({"of": "network"}, ", mean of 2 heads"), ({"head": 1}, ", head 1")):
        figure = plot_attention(piece, **options)
        rows = piece.attention.mean(axis=0) if "of" in options else piece.attention[1]
        np.testing.assert_allclose(figure.axes[0].images[0].get_array().filled(0), rows)
        assert figure.texts[0].get_text() == f"Attention{title}: a-model, seed 7"
        assert not any(axes.get_xlabel() == "copied" for axes in figure.axes)


def test_peaked_and_flat_attention_can_both_be_read():
    piece = composition(random_melody(64))
    flat = np.tril(np.ones((64 + 1, 64 + 1))) / np.arange(1, 66)[:, None]
    peaked = np.eye(65) * 0.98 + 0.02 * flat
    for weights, least, most in ((flat, 0.25, 0.4), (peaked, 0.01, 0.05)):
        maps = {"attention": weights[None].astype(np.float32)}
        piece = dataclasses.replace(piece, maps_of=lambda melody, maps=maps: maps)
        image = plot_attention(piece).axes[0].images[0]
        last = image.norm(image.get_array()[-1])
        assert least < last[0] < most  # of the scale of colours, in the row with the most events
    assert last[-1] > 0.9


def test_attention_that_is_not_there():
    piece = composition(random_melody(4), heads=2)
    for head in (2, -1, 0.5, True, "1"):
        with pytest.raises(ValueError, match=r"head=.*give a whole number from 0 to 1"):
            plot_attention(piece, head=head)
    with pytest.raises(ValueError, match=r"of='drums': choose one of 'pitch', .*'network'"):
        plot_attention(piece, of="drums")
    with pytest.raises(ValueError, match=r"seed 7.*no map of='pitch' to draw, its model does not"):
        plot_attention(piece, of="pitch")
    with pytest.raises(ValueError, match=r"seed 7.*of='duration' to draw, a head is one of the ne"):
        plot_attention(composition(random_melody(4), copies=True), head=0, of="duration")
    for maps_of in (None, lambda melody: {}):
        with pytest.raises(ValueError, match=r"seed 7.*no map to draw, the network has no atten"):
            plot_attention(dataclasses.replace(piece, maps_of=maps_of))
    line = random_melody(4)
    with pytest.raises(ValueError, match="the model wrote nothing"):
        plot_attention(composition(line, given=len(line)))


def test_training_curve_marks_the_best_epoch():
    history = {
        "nats": [5.0, 4.0, 3.0],
        "val_nats": [5.5, 4.5, 4.75],
        "pitch_nats": [3.0, 2.0, 1.5],
        "val_pitch_nats": [3.0, 2.5, 2.6],
        "loss": [1.0, 1.0, 1.0],
    }
    for given in (history, SimpleNamespace(history=history)):
        figure = plot_training(given)
        (axes,) = figure.axes
        curves = {line.get_label(): line.get_ydata() for line in axes.lines}
        assert list(curves["both, training"]) == history["nats"]
        assert list(curves["both, validation"]) == history["val_nats"]
        assert list(curves["pitch, validation"]) == history["val_pitch_nats"]
        assert not any("duration" in label for label in curves)
        assert [text.get_text().strip() for text in axes.texts] == ["best epoch: 2, 4.500 nats"]
        assert axes.get_ylim()[0] == 0
    assert not plot_training({"nats": [1.0]}).axes[0].texts
    for wrong in ({}, {"loss": [1.0]}, {"nats": []}, [1.0], None):
        with pytest.raises(ValueError, match="give what training returns"):
            plot_training(wrong)


def test_training_curves_of_a_gan():
    history = {
        "critic_loss": [-5.0, -4.0, -3.0],
        "generator_loss": [1.0, 2.0, -1.0],
        "wasserstein": [6.0, 4.5, 3.25],
        "penalty": [0.1, 0.05, 0.025],
        "loss": [0.0, 0.0, 0.0],
    }
    for given in (history, SimpleNamespace(history=history)):
        above, below = plot_training(given).axes
        curves = {line.get_label(): line for line in above.lines if len(line.get_xdata()) == 3}
        assert list(curves) == ["real above written", "critic loss", "generator loss"]
        for name, line in zip(("wasserstein", "critic_loss", "generator_loss"), curves.values()):
            assert list(line.get_ydata()) == history[name]
            assert list(line.get_xdata()) == [1, 2, 3]
        (line,) = below.lines
        assert list(line.get_ydata()) == history["penalty"]
        assert below.get_ylim()[0] == 0 and below.get_ylabel() == "gradient penalty"
        assert above.get_xlim() == below.get_xlim()
    # With weight clipping there is no penalty; what is missing is not drawn.
    (axes,) = plot_training({"wasserstein": [1.0, float("nan")], "critic_loss": []}).axes
    assert axes.lines[0].get_label() == "real above written"
    (axes,) = plot_training({"penalty": [1.0]}).axes
    assert axes.lines[0].get_marker() == "o"  # a single epoch is no line
    with pytest.raises(ValueError, match=r"no nats, .*wasserstein, .* or penalty by epoch"):
        plot_training({"penalty": []})


SAVERS = {
    "pianoroll": lambda path: plot_pianoroll(symusic.Score(24), path),
    "attention": lambda path: plot_attention(composition(random_melody(3)), path),
    "copying": lambda path: plot_attention(composition(random_melody(3), copies=True), path),
    "training": lambda path: plot_training({"nats": [2.0, 1.0]}, path),
    "knobs": lambda path: plot_knobs(FakeMuseGAN(CHANGED), path=path),
    "gan": lambda path: plot_training({"wasserstein": [2.0, 1.0], "penalty": [0.0, 0.1]}, path),
}


@pytest.mark.parametrize("save", SAVERS.values(), ids=SAVERS)
def test_a_picture_is_saved_whole_or_not_at_all(save, tmp_path):
    for suffix, magic in ((".png", b"\x89PNG"), (".PDF", b"%PDF"), (".svg", b"<?xml")):
        save(tmp_path / "new" / f"picture{suffix}")
        assert (tmp_path / "new" / f"picture{suffix}").read_bytes().startswith(magic)
    for name in ("picture", "picture.mid", "picture.pgf"):
        with pytest.raises(ValueError, match=r"picture.*give a name that ends in \.png"):
            save(tmp_path / name)
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ValueError, match=r"path='.*nul.*: give a path"):
        save(str(tmp_path / "null\0.png"))
    for name in ("file/picture.png", "folder.png"):
        with pytest.raises(OSError, match=r"can't be written \(.*\)\. Name a file") as caught:
            save(str(tmp_path / name))
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.png", "new"]
    assert (tmp_path / "file").read_text() == "kept"


def test_figures_show_themselves_and_leave_pyplot_alone():
    imported = "matplotlib.pyplot" in sys.modules
    figure = plot_pianoroll(symusic.Score(24))
    assert figure._repr_png_() == figure_png(figure)
    assert figure_png(figure).startswith(b"\x89PNG")
    assert ("matplotlib.pyplot" in sys.modules) == imported
