"""The knobs on the studio's page: noises drawn anew, locked, and walked from A to B."""

from __future__ import annotations

import re

from studio_browser import browser, compose, expect, in_chromium, open_page, steps_of, takes

__all__ = ["browser", "open_page"]  # fixtures
pytestmark = in_chromium


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
