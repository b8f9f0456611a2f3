"""The page of the four knobs, of a model that changes what the test tells it to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from musegen.composition import PianorollComposition
from musegen.encoding.pianoroll import PianorollEncoding
from musegen.plots import plot_knobs
from musegen.plots._figure import COLOURS

ENCODING = PianorollEncoding(tracks=("high", "low"), steps=4, lowest=60, pitches=12)

# (bar, step, steps, pitch, track) of each note: four in the high track, two long ones in the low.
PHRASE = [(0, 0, 2, 7, 0), (0, 2, 2, 9, 0), (1, 0, 2, 7, 0), (1, 2, 2, 7, 0)]
PHRASE += [(0, 0, 4, 0, 1), (1, 0, 4, 2, 1)]


def roll_of(notes, bars: int = 2) -> np.ndarray:
    roll = np.zeros(ENCODING.shape(bars), np.uint8)
    for bar, step, steps, pitch, track in notes:
        roll[bar, step : step + steps, pitch, track] = 1
        roll[bar, step, pitch, track] = 2
    return roll


class FakeMuseGAN:
    """Has the methods that the page uses; `notes` gives the phrase and what each knob makes it."""

    encoding = ENCODING

    def __init__(self, notes, grooves: int = 2, bars: int = 2):
        self.notes, self.grooves, self.bars = notes, grooves, bars
        self.calls: list[tuple] = []

    def noise(self, seed):
        self.calls.append(("noise", seed))
        vectors = np.zeros((self.grooves, 3))
        return SimpleNamespace(part="", style=vectors[0], groove=vectors, melody=vectors)

    def vary(self, noise, part, track=None, seed=None):
        self.calls.append((part, track, seed))
        return SimpleNamespace(part=part)

    def sample(self, noise):
        roll = roll_of(self.notes.get(noise.part, PHRASE), self.bars)
        score = ENCODING.decode(roll)
        return PianorollComposition(
            score=score, seed=None, model="fake", roll=roll, encoding=ENCODING, noise=(noise,)
        )


# Style lowers the high track; chords shortens the last low note; groove joins the two last notes of
# the high track, which sound the same cells but for the onset; melody leaves out one.
CHANGED = {
    "style": [(b, s, n, p - 1 if t == 0 else p, t) for b, s, n, p, t in PHRASE],
    "chords": [*PHRASE[:-1], (1, 0, 2, 2, 1)],
    "groove": [*PHRASE[:2], (1, 0, 4, 7, 0), *PHRASE[4:]],
    "melody": PHRASE[1:],
}
PARTS = ("", *CHANGED)


def boxes(axes, label: str = "notes") -> list[tuple]:
    """Begin and end in ticks, bottom, top and colour of each box with a label, as drawn."""
    from matplotlib.colors import to_hex

    found = []
    for collection in axes.collections:
        if collection.get_label() == label:
            colours = collection.get_facecolor()
            colours = colours if len(colours) else collection.get_edgecolor()
            for path, colour in zip(collection.get_paths(), map(to_hex, colours), strict=True):
                (left, low), (right, high) = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((left, right, round(low, 9), round(high, 9), colour))
    return found


def drawn(axes, label: str) -> list[tuple]:
    """Begin, end and pitch of the boxes with a label, in quarters and semitones, and the colour."""
    found = ((a / 24, b / 24, round(low + 0.45), hue) for a, b, low, _, hue in boxes(axes, label))
    return sorted(found)


def test_what_changed_is_marked_and_nothing_else():
    figure = plot_knobs(FakeMuseGAN(CHANGED))
    phrase, style, chords, groove, melody, _ = figure.axes
    high, low = (colour.lower() for colour in COLOURS[:2])
    upper = [(0, 2, 67), (2, 4, 69), (4, 6, 67), (6, 8, 67)]
    lower = [(0, 4, 60), (4, 8, 62)]
    assert drawn(phrase, "notes") == sorted(
        [(*box, high) for box in upper] + [(*box, low) for box in lower]
    )
    assert not drawn(phrase, "unchanged") and not drawn(phrase, "gone")

    assert drawn(style, "notes") == [(*box, pitch - 1, high) for *box, pitch in upper]
    assert [box[:3] for box in drawn(style, "gone")] == upper
    assert [box[:3] for box in drawn(style, "unchanged")] == lower

    assert drawn(chords, "notes") == [(4, 6, 62, low)]
    assert [box[:3] for box in drawn(chords, "gone")] == [(4, 8, 62)]
    assert len(drawn(chords, "unchanged")) == 5
    assert drawn(groove, "notes") == [(4, 8, 67, high)]
    assert [box[:3] for box in drawn(groove, "gone")] == [(4, 6, 67), (6, 8, 67)]
    assert not drawn(melody, "notes")
    assert [box[:3] for box in drawn(melody, "gone")] == [(0, 2, 67)]
    assert len(drawn(melody, "unchanged")) == 5
    # What is unchanged is paler than what is new, in the same hue.
    (pale,) = {box[3] for box in drawn(style, "unchanged")}
    assert all(int(pale[i : i + 2], 16) > int(low[i : i + 2], 16) for i in (1, 3, 5))


def test_titles_and_table_say_how_much_changed():
    figure = plot_knobs(FakeMuseGAN(CHANGED))
    # Of 8 steps of each of two tracks: all of one; two; the one that is no onset now; two.
    assert [axes.get_title(loc="left") for axes in figure.axes[:5]] == [
        "The phrase, seed 7",
        "Other style: 50% of all steps changed",
        "Other chords: 12% of all steps changed",
        "Other groove for high: 12% of its steps changed",
        "Other melody for high: 25% of its steps changed",
    ]
    table = figure.axes[5]
    np.testing.assert_array_equal(
        table.images[0].get_array(), [[1, 0], [0, 0.25], [0.125, 0], [0.25, 0]]
    )
    rows = [label.get_text() for label in table.get_yticklabels()]
    assert rows == ["style", "chords", "groove of high", "melody of high"]
    assert [label.get_text() for label in table.get_xticklabels()] == ["high", "low"]
    assert [text.get_text() for text in table.texts][:2] == ["100%", "0%"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["high", "low", "as in the phrase", "new", "gone"]


def test_the_model_is_asked_for_one_change_at_a_time():
    model = FakeMuseGAN({})
    plot_knobs(model, seed=3, track="low")
    turned = [("style", None), ("chords", None), ("groove", "low"), ("melody", "low")]
    assert model.calls == [("noise", 3), *((*knob, 1003) for knob in turned)]
    model.calls.clear()
    figure = plot_knobs(model, SimpleNamespace(part="", groove=[0, 0], melody=[0, 0]))
    assert ("noise", 7) not in model.calls and len(model.calls) == 4
    assert figure.axes[0].get_title(loc="left") == "The phrase"


def test_one_composer_has_one_groove_for_all_tracks():
    model = FakeMuseGAN(CHANGED, grooves=1)
    figure = plot_knobs(model)
    assert {track for _, track, *_ in model.calls[1:]} == {None}
    assert figure.axes[3].get_title(loc="left") == "Other groove: 6% of all steps changed"


def test_panels_have_the_same_scales_and_all_bars():
    late = [(b, s + 2, n, p, t) for b, s, n, p, t in PHRASE[:1]]  # begins and ends with a rest
    figure = plot_knobs(FakeMuseGAN({**CHANGED, "": late}))
    panels = figure.axes[:5]
    assert {axes.get_xlim() for axes in panels} == {(0, 8 * 24)}
    assert len({axes.get_ylim() for axes in panels}) == 1
    sizes = {tuple(np.round(axes.get_position().size, 9)) for axes in panels}
    assert len(sizes) == 1
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["1  4/4", "2"]
    silent = plot_knobs(FakeMuseGAN({part: [] for part in PARTS}))
    assert not any(drawn(axes, "notes") for axes in silent.axes[:5])


@pytest.mark.parametrize("bars", [1, 2, 8])
def test_nothing_lies_outside_the_page_or_on_another_panel(bars):
    notes = {part: [note for note in CHANGED.get(part, PHRASE) if note[0] < bars] for part in PARTS}
    figure = plot_knobs(FakeMuseGAN(notes, bars=bars))
    figure.draw_without_rendering()
    page, everything = figure.get_size_inches(), figure.get_tightbbox()
    assert everything.x0 >= 0 and everything.y0 >= 0
    assert everything.x1 <= page[0] and everything.y1 <= page[1]
    places = [axes.get_tightbbox() for axes in figure.axes]
    for number, place in enumerate(places):
        assert not any(place.overlaps(other) for other in places[:number])
    columns = len({axes.get_position().x0 for axes in figure.axes[:5]})
    assert columns == (1 if bars == 8 else 2)


def test_unknown_tracks_and_pictures_are_refused_before_any_music_is_made():
    model = FakeMuseGAN({})
    with pytest.raises(ValueError, match=r"track='tuba': choose one of 'high', 'low'\."):
        plot_knobs(model, track="tuba")
    with pytest.raises(ValueError, match=r"knobs\.mid.*give a name that ends in \.png"):
        plot_knobs(model, path="knobs.mid")
    assert not model.calls
