"""A piece as one document, and in the frame of a notebook."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re

import pytest
from studio_models import Choir, Four, Tune

from musegen.expression import expressive
from musegen.page import frame
from musegen.page.view import attended, view

MODELS = {"choir": Choir, "tune": Tune, "four": Four}


@pytest.fixture(params=MODELS)
def piece(request):
    return MODELS[request.param]().sample(seed=7, bars=2)


def parts(document):
    """Policy, style, data and script of a document."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', document)[1]
    style = re.search(r"<style>(.*?)</style>", document, re.DOTALL)[1]
    data = re.search(r'<script type="application/json" id="piece">(.*?)</script>', document)[1]
    script = re.search(r'<script type="module">(.*?)</script>', document, re.DOTALL)[1]
    return policy, style, json.loads(data), script


def test_a_document_has_the_piece_and_what_its_notes_looked_at(piece):
    _, _, data, _ = parts(frame.document(piece))
    maps = data.pop("maps")
    assert data == json.loads(json.dumps(view(piece)))
    assert maps == (json.loads(json.dumps(attended(piece))) if data["looks"] else None)


def test_a_document_lets_in_its_own_style_and_script_alone(piece):
    document = frame.document(piece)
    policy, style, _, script = parts(document)
    for name, text in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not re.search(r"https?:|[\"'(]//|@import|\ssrc=|\shref=|\sstyle=", document)
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)


def test_a_name_is_text_and_no_part_of_the_page():
    class Sly(Tune):
        name = "</script><img src=x onerror=alert(1)>"

    document = frame.document(Sly().sample(seed=1, bars=1))
    assert "<img" not in document
    assert parts(document)[2]["title"] == "</script><img src=x onerror=alert(1)>, seed 1"
    whole = frame.frame(Sly().sample(seed=1, bars=1), b"")
    assert "<img src=x" not in whole
    assert whole.count("<iframe") == whole.count("</iframe>") == 1


def test_a_page_is_played_as_it_is_asked_for():
    piece = Choir().sample(seed=7, bars=2)
    plain, played = (
        parts(frame.document(piece, score))[2]["voices"][0]["notes"]
        for score in (piece.score, None)
    )
    assert [note[:3] for note in plain] == [note[:3] for note in played]
    assert [note[3] for note in played] == [
        note.velocity for note in expressive(piece.score).tracks[0].notes
    ]
    assert plain != played


def test_a_notebook_shows_the_document_in_a_frame_and_a_picture_where_frames_are_not_let_in(piece):
    shown = piece._repr_html_()
    held = re.search(
        r'<iframe class="musegen" [^>]*sandbox="allow-scripts"[^>]*srcdoc="([^"]*)"', shown
    )
    assert html.unescape(held[1]) == frame.document(piece)
    picture = re.search(
        r'</iframe><img alt="([^"]*)"[^>]* src="data:image/png;base64,([^"]+)">', shown
    )
    assert html.unescape(picture[1]) == repr(piece)
    assert base64.b64decode(picture[2]).startswith(b"\x89PNG")


def test_a_piece_that_is_too_long_for_maps_is_shown_without(monkeypatch):
    monkeypatch.setattr("musegen.composition.MAX_MAPPED", 3)
    _, _, data, _ = parts(frame.document(Tune().sample(seed=7, bars=2)))
    assert (data["maps"], data["looks"]) == (None, False)


def test_modules_become_one_script_and_keep_their_names_apart(tmp_path, monkeypatch):
    (tmp_path / "one.js").write_text("const X = 1;\nexport const one = () => X;\n")
    (tmp_path / "two.js").write_text(
        'import { one } from "./one.js";\nconst X = 2;\nexport class Two {}\n'
        "export function two() { return one() + X; }\n"
    )
    (tmp_path / "last.js").write_text(
        'import { one } from "./one.js";\nimport { Two, two } from "./two.js";\n'
        "export default two;\n"
    )
    monkeypatch.setattr(frame, "STATIC", tmp_path)
    assert frame.script.__wrapped__("last") == (
        "const of_one = (() => {\nconst X = 1;\nconst one = () => X;\n\nreturn { one };\n})();\n"
        "const of_two = (() => {\nconst { one } = of_one;\nconst X = 2;\nclass Two {}\n"
        "function two() { return one() + X; }\n\nreturn { Two, two };\n})();\n"
        "const { one } = of_one;\nconst { Two, two } = of_two;\nexport default two;\n"
    )
