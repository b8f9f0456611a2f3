"""Pieces and knobs in a notebook, which is run in a Python of its own."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from contract import tiny_gan

import musegen
from musegen.checkpoint import save_checkpoint
from musegen.notebook import Desk
from musegen.page.view import view

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture(scope="module")
def gan():
    model = tiny_gan(seed=1)
    random = np.random.default_rng(1)
    for weight in model.generator.weights:  # for phrases to differ
        weight.assign(random.normal(0, 0.4, weight.shape))
    return model


# === What the knobs write ===


def test_a_desk_begins_with_the_piece_of_its_seed(gan):
    desk = Desk(gan, 7, None)
    shown = desk.do({})
    assert shown["piece"] == view(gan.sample(seed=7))
    assert shown["shares"] == {}
    assert shown["ends"] == "A is this piece, B is drawn when you set out."
    assert len(Desk(gan, 7, 4).piece.roll) == 4


def test_noises_are_drawn_anew_one_after_the_other(gan):
    desk = Desk(gan, 7, None)
    first = desk.piece.noise[0]
    desk.do({"turns": [{"part": "melody", "track": "low"}, {"part": "chords", "track": None}]})
    noise = desk.piece.noise[0]
    np.testing.assert_array_equal(noise.style, first.style)
    np.testing.assert_array_equal(noise.groove, first.groove)
    np.testing.assert_array_equal(noise.melody[0], first.melody[0])
    assert (noise.melody[1] != first.melody[1]).all()
    assert (noise.chords != first.chords).all()


def test_a_walk_is_from_a_to_b_whatever_was_shown_on_the_way(gan):
    desk = Desk(gan, 7, None)
    first = desk.piece
    desk.do({"share": {"style": 1, "groove": {"low": 0.5}}})
    shown = desk.do({"share": {"melody": 0.5}})
    assert shown["shares"] == {"melody": 0.5}
    assert shown["ends"] == "A is where you set out, B is another piece."
    last = desk._last
    assert last is not None and last.seed != first.seed
    np.testing.assert_array_equal(desk.piece.roll, gan.walk(first, last, {"melody": 0.5}).roll)
    np.testing.assert_array_equal(desk.piece.noise[0].style, first.noise[0].style)
    desk.do({"share": {}})
    assert desk.piece is first


def test_the_ends_of_a_walk_are_chosen(gan):
    desk = Desk(gan, 7, None)
    first = desk.piece
    desk.do({"turns": [{"part": "style"}]})
    second = desk.piece
    assert desk.do({"mark": "b"})["shares"] == {}
    desk.do({"turns": [{"part": "chords"}]})
    third = desk.piece
    desk.do({"share": dict.fromkeys(("style", "groove", "chords", "melody"), 1)})
    np.testing.assert_array_equal(desk.piece.roll, second.roll)
    desk.do({"mark": "a"})
    desk.do({"share": {}})
    np.testing.assert_array_equal(desk.piece.noise[0].chords, second.noise[0].chords)
    assert first is not third


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"share": {"style": 2}}, "share of style=2: give a number from 0 to 1."),
        ({"share": {"loud": 1}}, "share='loud': choose one of"),
        ({"turns": [{"part": "loud"}]}, "part='loud': choose one of"),
        ({"turns": [{"part": "style", "track": "low"}]}, "track='low': in this model, all tracks"),
        ({"turns": 3}, "not iterable"),
    ],
)
def test_what_can_not_be_written_is_a_sentence_and_changes_nothing(gan, asked, words):
    desk = Desk(gan, 7, None)
    piece = desk.piece
    assert words in desk.do(asked)["error"]
    assert desk.piece is piece


def test_without_anywidget_one_line_says_what_to_install(gan, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError) as caught:
        musegen.knobs(gan)
    assert str(caught.value) == (
        "The knobs in a notebook need anywidget: pip install musegen[notebook]."
    )


# === A notebook ===

CELLS = [
    "import musegen\nmodel = musegen.load('duo.safetensors')\npiece = model.sample(seed=7)\npiece",
    "turned = musegen.knobs(model, seed=7)\nturned",
    "assert (turned.piece.roll == piece.roll).all()\n"
    "turned.asked = {'turns': [{'part': 'style', 'track': None}], 'number': 1}\n"
    "assert (turned.piece.noise[0].style != piece.noise[0].style).all()\n"
    "turned.asked = {'share': {'style': 7}, 'number': 2}\n"
    "print(turned.shown['error'], turned.shown['piece']['bars'] != [])",
]


@pytest.mark.slow
def test_a_notebook_runs_and_holds_what_it_shows(gan, tmp_path):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("anywidget", reason="anywidget is not installed")
    import nbformat

    save_checkpoint(gan, tmp_path / "duo.safetensors")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(
        book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    nbformat.write(book, tmp_path / "saved.ipynb")

    saved = json.loads((tmp_path / "saved.ipynb").read_text())
    shown = [output for output in saved["cells"][0]["outputs"] if output["output_type"] != "stream"]
    page = "".join(shown[0]["data"]["text/html"])
    assert '<iframe class="musegen"' in page
    assert "http" not in page.replace("http-equiv", "")
    (widget,) = (
        output["data"]["application/vnd.jupyter.widget-view+json"]
        for output in saved["cells"][1]["outputs"]
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    )
    states = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    state = states[widget["model_id"]]["state"]
    assert len(state["shown"]["piece"]["voices"]) == 2
    assert "export default" in state["_esm"]
    (said,) = (o["text"] for o in saved["cells"][2]["outputs"] if o.get("name") == "stdout")
    assert "".join(said) == "share of style=7: give a number from 0 to 1. True\n"
