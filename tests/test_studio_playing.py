"""How the studio's page plays a piece: in time, as chosen, and as its address says."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from studio_browser import browser, compose, expect, in_chromium, open_page

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = in_chromium


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
