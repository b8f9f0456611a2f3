"""The studio's page in a real browser, from the first piece to the last key.

The models answer at once; the server, the page, its sound and its keys are the real ones. A test
fails on any request to another address, and on any error in the browser's console.
"""

from __future__ import annotations

import json
import re
import shutil
import time
import warnings
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from scores import line
from studio_models import Choir, fake_models, served

from musegen.interop import to_score, write_midi

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this system"),
]
expect = sync_api.expect
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")
def browser():
    with warnings.catch_warnings(), sync_api.sync_playwright() as playwright:
        # Chromium's own sandbox needs rights that containers lack.
        options = {"args": ["--no-sandbox"], "executable_path": CHROMIUM}
        with playwright.chromium.launch(**options) as found:
            yield found


@pytest.fixture
def open_page(browser):
    """Opens the page; at the end nothing must have gone wrong in it."""
    closing, wrong = [], []

    def opened(models=None, **options):
        server = served(models)
        address = server.__enter__()
        context = browser.new_context(accept_downloads=True, **options)
        page = context.new_page()
        closing.extend([context.close, lambda: server.__exit__(None, None, None)])
        host = urlsplit(address).netloc

        def request(asked):
            if urlsplit(asked.url).netloc != host and not asked.url.startswith("blob:"):
                wrong.append(f"asked {asked.url}")

        page.on("request", request)
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        expect(page.locator("#model option")).not_to_have_count(0)
        return page

    yield opened
    for close in closing:
        close()
    assert wrong == []


def takes(page, count):
    expect(page.locator("#takes li")).to_have_count(count)
    expect(page.locator("body")).not_to_have_class(re.compile("busy"))


def compose(page, model="choir", seed="7", count=1):
    page.select_option("#model", model)
    page.fill("#seed", seed)
    page.click("#compose-button")
    takes(page, count)
    page.fill("#seed", "")
    page.locator("#roll").focus()


def steps_of(page):
    return json.loads(unquote(urlsplit(page.url).fragment))


def saved(page, suffix, tmp_path):
    with page.expect_download() as found:
        page.click(f"[data-suffix='{suffix}']")
    path = tmp_path / f"saved{suffix}"
    found.value.save_as(path)
    assert found.value.suggested_filename.endswith(suffix)
    return path


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
    assert saved(page, ".musicxml", tmp_path).read_bytes().startswith(b"<?xml")
    assert saved(page, ".png", tmp_path).read_bytes().startswith(b"\x89PNG")


def test_an_address_is_a_piece(open_page):
    page = open_page()
    compose(page)
    wanted, title = page.url, page.inner_text("#title")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    page.goto(wanted)
    takes(page, 1)
    assert page.inner_text("#title") == title


def test_a_piece_plays_in_time_stops_seeks_and_loops(open_page):
    page = open_page()
    compose(page)
    beat = """() => {
        const [bar, beat] = document.getElementById("position").textContent.match(/\\d+/g);
        return 4 * (bar - 1) + Number(beat) - 1;
    }"""
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Pause")
    times = page.evaluate("""() => new Promise((resolve) => {
        const place = document.getElementById("position");
        let [before, times] = [place.textContent, []];
        new MutationObserver(() => {
            if (place.textContent === before) return;
            before = place.textContent;
            if (times.push(performance.now()) === 6) resolve(times);
        }).observe(place, { childList: true });
    })""")
    assert (times[-1] - times[0]) / 1000 == pytest.approx(2.5, abs=0.2)  # at 120 a minute
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Play")
    stopped = page.evaluate(beat)
    time.sleep(0.7)
    assert page.evaluate(beat) == stopped

    page.keyboard.press("Home")
    expect(page.locator("#position")).to_have_text("bar 1, beat 1")
    for key, place in (
        ("ArrowDown", "bar 2, beat 1"),
        ("ArrowRight", "bar 2, beat 2"),
        ("ArrowLeft", "bar 2, beat 1"),
        ("ArrowUp", "bar 1, beat 1"),
    ):
        page.keyboard.press(key)
        expect(page.locator("#position")).to_have_text(place)
    expect(page.locator("#status")).to_have_text(re.compile(r"bar 1, beat 1: soprano \w+, alto"))

    page.keyboard.press("Shift+ArrowRight")  # marks bar 1, which then loops
    page.keyboard.press("l")
    page.fill("#tempo", "300")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.locator("#roll").focus()
    page.keyboard.press("Space")
    time.sleep(2)
    assert page.evaluate(beat) < 4
    expect(page.locator("#play")).to_have_text("Pause")
    page.keyboard.press("Space")


def test_voices_are_muted_and_have_instruments(open_page):
    page = open_page()
    compose(page)
    mute = page.locator("#mixer li >> nth=1 >> button >> nth=0")
    page.keyboard.press("2")
    expect(mute).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+3")
    expect(page.locator("#mixer [aria-pressed=true]")).to_have_count(2)
    for name in ("organ", "choir", "strings", "piano", "plucked"):
        page.select_option("#mixer li >> nth=2 >> select", name)
        page.keyboard.press("Escape")
        page.locator("#roll").focus()
        page.keyboard.press("Space")
        time.sleep(0.4)
        page.keyboard.press("Space")


@pytest.mark.parametrize("name", ["organ", "choir", "strings", "piano", "plucked"])
def test_an_instrument_sounds_at_its_pitch_and_ends(open_page, name):
    page = open_page()
    samples = page.evaluate(
        """async (name) => {
            const { room, sound } = await import("/static/instruments.js");
            const context = new OfflineAudioContext(1, 4 * 22050, 22050);
            const hall = room(context, context.destination);
            sound(name, context, hall, { at: 0.1, seconds: 1, pitch: 69, loudness: 0.7 });
            return Array.from((await context.startRendering()).getChannelData(0));
        }""",
        name,
    )
    samples = np.array(samples)
    assert np.abs(samples[:2000]).max() < 0.001
    assert 0.03 < np.abs(samples).max() < 0.6  # four of them are to be heard, and not to clip
    assert np.abs(samples[-5000:]).max() < 0.002
    power = np.abs(np.fft.rfft(samples[2205 : 3 * 2205])) ** 2
    near = np.abs((np.arange(len(power)) * 5 / 440 + 0.5) % 1 - 0.5) * 440 <= 25
    assert power[near].sum() > 0.9 * power[1:].sum()


def test_knobs_change_what_they_say(open_page):
    page = open_page()
    compose(page, "four")
    page.click("[aria-label='Draw melody anew for bass']")
    takes(page, 2)
    expect(page.locator("#status")).to_have_text(re.compile("melody of bass .* changed"))
    page.click("[aria-label='Draw melody anew for bass']")  # takes the place of the one before
    takes(page, 3)
    assert len(steps_of(page)) == 2
    page.click("[aria-label='Lock style']")
    expect(page.locator("[aria-label='Draw style anew']")).to_be_disabled()
    page.keyboard.press("d")
    takes(page, 4)
    assert [step.get("part") for step in steps_of(page)[1:]] == ["groove", "chords", "melody"]


def test_a_note_shows_what_it_was_copied_from(open_page):
    page = open_page()
    compose(page, "tune")
    page.keyboard.press("a")
    expect(page.locator("#status")).to_have_text(re.compile("copied from"))
    before = page.locator("#canvas").screenshot()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#status")).to_have_text(re.compile(r"; from bar 2 \(90 %\)"))
    assert page.locator("#canvas").screenshot() != before
    page.keyboard.press("n")
    takes(page, 2)
    assert steps_of(page)[1]["do"] == "continue"


def test_what_goes_wrong_is_said_and_what_waits_is_stopped(open_page, tmp_path):
    class Waiting(Choir):
        def sample(self, seed, **settings):
            time.sleep(2 if seed == 1 else 0)
            return super().sample(seed, **settings)

    page = open_page(fake_models(choir=Waiting()))
    (tmp_path / "tune.mid").write_text("no music")
    page.set_input_files("#file", tmp_path / "tune.mid")
    expect(page.locator("#status.error")).to_have_text(re.compile("tune.mid: not a MIDI file"))
    page.fill("#seed", "1")
    page.click("#compose-button")
    page.click("#cancel")
    expect(page.locator("#status")).to_have_text("Stopped.")
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
