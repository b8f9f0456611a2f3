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
    page.click("[aria-label='Lock melody of alto']")
    expect(page.locator("[aria-label='Draw style anew']")).to_be_disabled()
    page.keyboard.press("d")
    takes(page, 4)
    assert [step.get("part") for step in steps_of(page)[1:]] == [
        "groove",
        "chords",
        *["melody"] * 3,
    ]
    assert [step["track"] for step in steps_of(page)[-3:]] == ["soprano", "tenor", "bass"]


def slide(page, label, value):
    """Moves a slider by its keys, and leaves it."""
    slider = page.locator(f"[aria-label='{label}']")
    slider.fill(value)
    slider.dispatch_event("change")


ALL = "From A to B: all that is not locked"


def test_a_walk_goes_from_a_to_b_and_back(open_page):
    page = open_page()
    compose(page, "four")
    first = steps_of(page)
    compose(page, "four", seed="8", count=2)
    second = steps_of(page)
    page.keyboard.press("t")  # to here
    expect(page.locator("#status")).to_have_text("B is take 2.")
    page.keyboard.press("z")
    page.keyboard.press("f")  # from here
    expect(page.locator("#walk-ends")).to_have_text("A is take 1, B is take 2.")

    slide(page, ALL, "0.5")
    takes(page, 3)
    tracks = dict.fromkeys(("soprano", "alto", "tenor", "bass"), 0.5)
    share = {"style": 0.5, "groove": tracks, "chords": 0.5, "melody": tracks}
    walk = {"do": "walk", "model": "four", "to": second, "share": share}
    assert steps_of(page) == [*first, walk]
    expect(page.locator("#status")).to_have_text(re.compile(r"walk to B · 50 %: \d+ notes changed"))
    slide(page, ALL, "0.8")  # takes the place of the one before
    expect(page.locator("#takes [aria-current]")).to_have_text("3  walk to B · 80 %")
    takes(page, 3)

    walked = page.url
    page.reload()
    takes(page, 3)
    assert page.url == walked
    expect(page.locator(f"[aria-label='{ALL}']")).to_have_value("0.8")
    expect(page.locator("#walk-ends")).to_have_text("A is take 1, B is take 2.")
    slide(page, ALL, "0")
    expect(page.locator("#takes [aria-current]")).to_have_text("1  four · 7")


def test_a_walk_of_one_noise_changes_its_track_alone_and_the_locked_stay(open_page):
    page = open_page()
    compose(page, "four")
    slide(page, "From A to B: melody of bass", "1")
    takes(page, 2)
    assert steps_of(page)[-1]["share"] == {"melody": {"bass": 1}}
    expect(page.locator("#status")).to_have_text(re.compile(r"100 %: [1-8] notes? changed"))
    page.click("[aria-label='Lock melody of bass']")
    expect(page.locator("[aria-label='From A to B: melody of bass']")).to_be_disabled()
    slide(page, ALL, "0.5")
    expect(page.locator("#takes [aria-current]")).to_have_text("2  walk to B · 55 %")
    assert steps_of(page)[-1]["share"]["melody"] == {
        "soprano": 0.5,
        "alto": 0.5,
        "tenor": 0.5,
        "bass": 1,
    }


def test_while_a_slider_is_moved_one_sees_what_it_does(open_page):
    page = open_page()
    compose(page, "four")
    before = page.locator("#canvas").screenshot()
    page.locator(f"[aria-label='{ALL}']").evaluate(
        "(one) => { one.value = 1; one.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.wait_for_timeout(800)
    assert page.locator("#canvas").screenshot() != before
    takes(page, 1)


def test_a_walk_is_made_by_keys_alone(open_page):
    page = open_page()
    compose(page, "four")
    page.keyboard.press("w")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    takes(page, 2)
    expect(page.locator("#takes [aria-current]")).to_have_text("2  walk to B · 15 %")
    page.keyboard.press("Escape")
    page.keyboard.press("Space")
    expect(page.locator("#play")).to_have_text("Pause")
