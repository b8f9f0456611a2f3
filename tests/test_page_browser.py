"""A piece as a page and in a notebook's frame, and the knobs' widget: in a browser, offline."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from studio_browser import browser, compose, expect, in_chromium, open_page
from studio_models import Four, Tune

from musegen.page.frame import document, script, style
from musegen.page.view import view

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = in_chromium


@pytest.fixture
def offline(browser):
    """Shows HTML in a page that may ask nothing; at the end nothing must have gone wrong in it."""
    wrong, contexts = [], []

    def shown(text, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        context.route("**", lambda route: (wrong.append(route.request.url), route.abort()))
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.set_content(text)
        return page

    yield shown
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_piece_in_a_frame_plays_and_shows_what_a_note_looked_at(offline):
    page = offline(f"<body>{Tune().sample(seed=7, bars=4)._repr_html_()}</body>")
    expect(page.locator("body > img")).to_be_hidden()
    frame = page.frame_locator("iframe.musegen")
    expect(frame.locator("#mixer li")).to_have_count(1)
    expect(frame.locator("h1")).to_have_text("tune, seed 7")
    frame.locator("#roll").focus()
    for key in ("a", "q", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    expect(frame.locator("#status")).to_have_text(
        re.compile(r"melody \w+; from bar 2 \(90 %\); looked at bar 1 \(50 %\), bar 2 \(50 %\)$")
    )
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    expect(frame.locator("#play")).to_have_text("Pause")
    expect(frame.locator("#position")).to_have_text("bar 1, beat 3")
    page.keyboard.press("Space")
    page.keyboard.press("?")
    expect(frame.locator("#help")).to_be_visible()
    expect(frame.locator("#keys")).not_to_contain_text("Compose")
    frame.get_by_role("button", name="Close", exact=True).click()
    expect(frame.locator("#help")).to_be_hidden()


def test_where_frames_are_not_let_in_the_picture_is_seen(offline):
    shown = Tune().sample(seed=7, bars=4)._repr_html_()
    without = re.sub(r"<(style|iframe).*?</\1>", "", shown, flags=re.DOTALL)
    expect(offline(without).locator("img")).to_be_visible()


def test_the_frame_has_the_modules_that_the_studio_has(offline, open_page):
    """What one sees of the same piece is the same, by the labels and the buttons of the view."""
    studio = open_page()
    compose(studio, "four")
    frame = offline(document(Four().sample(seed=7, bars=8)))
    for part in ("#roll", "#mixer"):
        labels = [page.locator(part).get_attribute("aria-label") for page in (studio, frame)]
        assert labels[0] == labels[1]
    buttons = [page.locator("#mixer").inner_text() for page in (studio, frame)]
    assert buttons[0] == buttons[1]


WIDGET = """(() => {{
    const state = {state};
    const listeners = new Set();
    window.sent = [];
    const model = {{
        get: (name) => state[name],
        set: (name, value) => {{ state[name] = value; }},
        save_changes: () => window.sent.push(state.asked),
        on: (_, listener) => listeners.add(listener),
        off: (_, listener) => listeners.delete(listener),
    }};
    window.answer = (shown) => {{ state.shown = shown; listeners.forEach((one) => one()); }};
    window.keys = [];
    document.addEventListener("keydown", (event) => window.keys.push(event.key));
    window.end = widget.render({{ model, el: document.getElementById("here") }});
    window.listeners = listeners;
}})();"""


def test_the_widget_asks_for_what_is_pressed_and_shows_the_answer(offline):
    four = Four()
    pieces = [four.sample(seed=seed) for seed in (7, 8)]
    shown = {"piece": view(pieces[0]), "shares": {}, "ends": "A is this piece."}
    code = script("widget").replace("export default", "const widget =")
    state = json.dumps({"look": style(), "shown": shown}).replace("<", "\\u003c")
    page = offline(
        f'<div id="here"></div><script type="module">{code}{WIDGET.format(state=state)}</script>'
    )
    expect(page.locator("#mixer li")).to_have_count(4)
    page.click("[aria-label='Draw melody anew for bass']")
    page.click("[aria-label='Lock style']")
    page.locator("#walk-all").fill("0.5")
    page.click("#mark-b")
    page.click("#draw-all")
    sent = page.evaluate("window.sent")
    assert [one["number"] for one in sent] == list(range(1, len(sent) + 1))
    assert sent[0]["turns"] == [{"part": "melody", "track": "bass"}]
    tracks = dict.fromkeys(("soprano", "alto", "tenor", "bass"), 0.5)
    assert sent[1]["share"] == {"groove": tracks, "chords": 0.5, "melody": tracks}
    assert sent[-2]["mark"] == "b"
    assert [turn["part"] for turn in sent[-1]["turns"]] == ["groove", "chords", "melody"]

    answer = {"piece": view(pieces[1]), "shares": {"style": 0.3}, "ends": "A is where you set out."}
    page.evaluate("(shown) => window.answer(shown)", answer)
    expect(page.locator("#status")).to_have_text(re.compile(r"^\d+ notes changed\.$"))
    expect(page.locator("#walk-ends")).to_have_text("A is where you set out.")
    expect(page.locator("[aria-label='From A to B: style']")).to_have_value("0.3")
    page.evaluate("(shown) => window.answer({ ...shown, error: 'Too far.' })", answer)
    expect(page.locator("#status")).to_have_text("Too far.")

    page.locator("#roll").focus()
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Pause")
    assert page.evaluate("window.keys") == []  # the notebook around it hears none
    page.evaluate("window.end()")
    expect(page.locator("#play")).to_have_text("Play")
    assert page.evaluate("window.listeners.size") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_a_page_of_a_piece(offline, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    source = (Path(axe.__file__).parent / "axe.min.js").read_text()
    for made in (Tune().sample(seed=7, bars=4), Four().sample(seed=7)):
        page = offline(document(made), color_scheme=scheme, bypass_csp=True)
        expect(page.locator("#mixer li")).not_to_have_count(0)
        page.evaluate(source)
        found = page.evaluate("axe.run()")
        assert [fault["help"] for fault in found["violations"]] == []
        assert len(found["passes"]) > 15
