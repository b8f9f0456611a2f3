"""What the tests of pages in a real browser share: the browser, a page of the studio, and presses.

The models answer at once; the server, the page, its sound and its keys are the real ones. A test
fails on any request to another address, and on any error in the browser's console.
"""

from __future__ import annotations

import json
import re
import shutil
import warnings
from urllib.parse import unquote, urlsplit

import pytest
from studio_models import served

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
in_chromium = [
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

    opened.wrong = wrong
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
