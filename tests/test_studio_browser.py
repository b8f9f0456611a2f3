"""The studio's page in a real browser, from the first piece to the last key."""

from __future__ import annotations

import re
import threading
import wave
from pathlib import Path

import numpy as np
import pytest
from scores import line
from studio_browser import browser, compose, expect, in_chromium, open_page, saved, steps_of, takes
from studio_models import Choir, fake_models

from musegen.interop import midi_bytes, to_score, write_midi

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = in_chromium


def test_a_tune_is_dropped_harmonised_rewritten_undone_reloaded_and_saved(open_page, tmp_path):
    page = open_page()
    assert "token" not in page.url
    write_midi(line([60, 62, 64, 65, 67, 65, 64, 62]), tmp_path / "tune.mid")
    page.set_input_files("#file", tmp_path / "tune.mid")
    takes(page, 1)
    expect(page.locator("#mixer li")).to_have_count(1)
    expect(page.locator("#rewrite-part")).to_be_hidden()

    page.click("#harmonise")
    takes(page, 2)
    expect(page.locator("#mixer li")).to_have_count(4)
    expect(page.locator("#roll")).to_have_attribute("aria-label", re.compile("4 voices, 2 bars"))

    box = page.locator("#canvas").bounding_box()
    page.mouse.click(box["x"] + 60, box["y"] + 12)
    expect(page.locator("#rewrite")).to_have_text("Rewrite bar 1")
    page.uncheck("#rewrite-voices input[value=soprano]")
    page.click("#rewrite")
    takes(page, 3)
    expect(page.locator("#status")).to_have_text(re.compile(r"rewrite 1 .*: \d+ notes? changed"))
    assert steps_of(page)[2]["bars"] == [1, 1]
    assert steps_of(page)[2]["voices"] == ["alto", "tenor", "bass"]

    rewritten = page.url
    page.keyboard.press("z")
    expect(page.locator("#takes [aria-current]")).to_have_text(re.compile("2 +harmonise"))
    assert len(steps_of(page)) == 2
    page.keyboard.press("y")
    expect(page).to_have_url(rewritten)

    first = to_score(saved(page, ".mid", tmp_path))
    page.reload()
    takes(page, 3)
    expect(page.locator("#mixer li")).to_have_count(4)
    assert to_score(saved(page, ".mid", tmp_path)) == first


def test_a_piece_is_saved_as_each_kind_of_file(open_page, tmp_path):
    page = open_page()
    compose(page)
    score = to_score(saved(page, ".mid", tmp_path))
    assert [len(track.notes) for track in score.tracks] == [32] * 4
    notation = to_score(saved(page, ".musicxml", tmp_path))
    pitches = [[note.pitch for note in track.notes] for track in score.tracks]
    assert [[note.pitch for note in track.notes] for track in notation.tracks] == pitches
    picture = saved(page, ".png", tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
    with wave.open(str(saved(page, ".wav", tmp_path))) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(16, abs=3)  # seconds
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
    assert np.abs(samples).max() > 20_000


def test_a_file_is_opened_continued_harmonised_and_rewritten_by_keys_alone(open_page, tmp_path):
    page = open_page()
    write_midi(line([60, 62, 64, 65, 67, 65, 64, 62]), tmp_path / "tune.mid")
    page.locator("#roll").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("o")
    chooser.value.set_files(tmp_path / "tune.mid")
    takes(page, 1)

    page.keyboard.press("n")
    takes(page, 2)
    assert [step["do"] for step in steps_of(page)] == ["file", "continue"]
    expect(page.locator("#roll")).to_have_attribute("aria-label", re.compile("10 bars"))
    page.keyboard.press("z")
    expect(page.locator("#takes [aria-current]")).to_have_text("1  tune.mid")
    page.keyboard.press("h")
    takes(page, 3)
    assert [step["do"] for step in steps_of(page)] == ["file", "harmonise"]

    # A bar is marked, voices are chosen with the tabulator and space, and they are rewritten.
    page.locator("#roll").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#status")).to_have_text("Marked: bar 2.")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#rewrite")).to_have_text("Rewrite bar 2")  # which is the last one
    box = page.locator("#rewrite-voices input")
    for _ in range(80):
        if box.first.evaluate("(one) => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    page.keyboard.press("r")
    takes(page, 4)
    rewrite = steps_of(page)[-1]
    assert (rewrite["bars"], rewrite["voices"]) == ([2, 2], ["bass"])
    expect(page.locator("#status")).to_have_text(re.compile(r"rewrite 2 bass .*: [1-4] notes? ch"))

    # Another model, another number of bars, and a new piece.
    page.keyboard.press("m")
    page.keyboard.press("t")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    takes(page, 5)
    assert steps_of(page)[0]["model"] == "tune"
    with page.expect_download() as found:
        page.keyboard.press("s")
    assert found.value.suggested_filename.endswith(".mid")


def test_a_file_is_dropped_on_the_page(open_page):
    page = open_page()
    data = list(midi_bytes(line([60, 62, 64])))
    page.evaluate(
        """(data) => {
            const files = new DataTransfer();
            files.items.add(new File([new Uint8Array(data)], "dropped.mid"));
            for (const kind of ["dragover", "drop"]) {
                const event = new DragEvent(kind, { dataTransfer: files, bubbles: true,
                    cancelable: true });
                document.getElementById("stage").dispatchEvent(event);
            }
        }""",
        data,
    )
    takes(page, 1)
    expect(page.locator("#takes [aria-current]")).to_have_text("1  dropped.mid")
    expect(page.locator("#mixer li")).to_have_count(1)


def test_when_the_server_is_gone_the_page_says_so_and_keeps_what_it_has(open_page, tmp_path):
    page = open_page()
    compose(page)
    file = saved(page, ".mid", tmp_path)
    before = file.read_bytes()
    page.context.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.route("**", lambda route: route.abort("connectionrefused"))
    page.fill("#seed", "8")
    page.click("#compose-button")
    expect(page.locator("#status.error")).to_have_text(
        "The studio does not answer any more. Start it again."
    )
    page.locator("#roll").focus()
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Pause")  # what was written still plays
    page.keyboard.press("Space")
    assert file.read_bytes() == before
    takes(page, 1)
    page.unroute("**")
    page.context.unroute("**/api/**")
    page.reload()
    takes(page, 1)
    open_page.wrong.clear()  # that it could not be reached


def test_an_address_is_a_piece(open_page):
    page = open_page()
    compose(page)
    wanted, title = page.url, page.inner_text("#title")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(wanted)
    takes(page, 1)
    assert page.inner_text("#title") == title


def test_a_note_shows_what_it_was_copied_from_and_looked_at(open_page):
    page = open_page()
    compose(page, "tune")
    page.keyboard.press("a")
    expect(page.locator("#status")).to_have_text(re.compile("copied from"))
    before = page.locator("#canvas").screenshot()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_have_text(re.compile(r"; from bar 2 \(90 %\)$"))
    assert page.locator("#canvas").screenshot() != before
    page.keyboard.press("a")
    page.keyboard.press("q")
    expect(page.locator("#status")).to_have_text(re.compile("looked at: dashed lines"))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_have_text(
        re.compile(r"melody \w+; looked at bar 1 \(50 %\), bar 2 \(50 %\)$")
    )
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 100)  # the first note, which was copied from nothing
    expect(page.locator("#status")).to_have_text(re.compile("looked at nothing|looked at bar 1"))
    page.keyboard.press("n")
    takes(page, 2)
    assert steps_of(page)[1]["do"] == "continue"


def test_what_goes_wrong_is_said_and_what_waits_is_stopped(open_page, tmp_path):
    stopped = threading.Event()

    class Waiting(Choir):
        def sample(self, seed, **settings):
            assert seed != 1 or stopped.wait(60)
            return super().sample(seed, **settings)

    page = open_page(fake_models(choir=Waiting()))
    (tmp_path / "tune.mid").write_text("no music")
    page.set_input_files("#file", tmp_path / "tune.mid")
    expect(page.locator("#status.error")).to_have_text(re.compile("tune.mid: not a MIDI file"))
    page.fill("#seed", "1")
    page.click("#compose-button")
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Stopped.")
    stopped.set()
    compose(page, seed="2")


def test_the_keys_are_listed_and_every_control_has_a_name(open_page):
    page = open_page()
    compose(page, "four")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    expect(page.locator("#keys dt")).not_to_have_count(0)
    page.keyboard.press("Escape")
    nameless = """() => [...document.querySelectorAll("button, input, select")].filter((one) =>
        !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length))
        .map((one) => one.outerHTML)"""
    assert page.evaluate(nameless) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(open_page, scheme):
    axe = pytest.importorskip("axe_playwright_python", reason="axe is not installed")
    script = (Path(axe.__file__).parent / "axe.min.js").read_text()
    page = open_page(color_scheme=scheme, bypass_csp=True)  # which lets no script in, not axe's
    for what in ("empty", "four", "choir"):
        if what != "empty":
            compose(page, what, count=["four", "choir"].index(what) + 1)
        page.evaluate(script)
        found = page.evaluate("axe.run()")
        assert [fault["help"] for fault in found["violations"]] == []
        assert len(found["passes"]) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1360])
def test_nothing_is_wider_than_the_window(open_page, scheme, width):
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    compose(page, "four")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = """() => [...document.querySelectorAll("#mixer li, aside > *, #transport")].filter(
        (one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(wider) == []
