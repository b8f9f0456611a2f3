"""How long one waits in the studio: from the press of a button to the first note on the screen.

A headless Chromium presses the buttons of `musegen studio` with the models that ship. `first` is
the first press of its kind, in which a model is loaded and compiled; `then` the median of the
others, each with another seed, so that nothing is known beforehand. Chromium is the system's own,
and playwright starts it (`apt install chromium`, `pip install playwright`).

Goal: a second for each, on two cores, after the first.
"""

from __future__ import annotations

import itertools
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import measure

import musegen

SHOWN = """([control, value]) => new Promise((resolve) => {
    const begin = performance.now();
    new MutationObserver((_, observer) => {
        observer.disconnect();
        requestAnimationFrame(() => resolve((performance.now() - begin) / 1000));
    }).observe(document.getElementById("roll"), { attributeFilter: ["aria-label"] });
    const pressed = document.querySelector(control);
    if (value === null) return void pressed.click();
    pressed.value = value;
    for (const kind of ["input", "change"]) pressed.dispatchEvent(new Event(kind));
})"""
"""Presses a button, or moves a slider to a value, and says after how many seconds the roll showed
another piece."""

TUNE = [67, 67, 69, 71, 72, 71, 69, 67, 66, 67, 69, 67, 65, 64, 62, 60]


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measures, prints, and returns the median of each kind of press, in seconds."""
    parser = measure.plain_arguments(__doc__)
    text = "presses of each kind after the first (default %(default)s)"
    parser.add_argument("--presses", type=int, default=5, help=text)
    options = parser.parse_args(argv)
    measure.print_conditions(options.seed, presses=f"{options.presses + 1} of each kind")
    words = [sys.executable, "-m", "musegen", "studio", "--no-open", "--port", "0"]
    studio: Any = subprocess.Popen(  # noqa: S603 - this Python
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        address = studio.stdout.readline().split()[-1]
        seeds = itertools.count(options.seed)
        waits = _pressed(address, options.presses + 1, seeds, options.quick)
    finally:
        studio.terminate()
        studio.wait()
    then = {name: statistics.median(found[1:]) for name, found in waits.items()}
    measure.print_table(
        ["press", "first (s)", "then (s)", "longest (s)"],
        [
            [name, f"{found[0]:.2f}", f"{then[name]:.2f}", f"{max(found[1:]):.2f}"]
            for name, found in waits.items()
        ],
    )
    return then


def _pressed(
    address: str, presses: int, seeds: Iterator[int], quick: bool
) -> dict[str, list[float]]:
    """The seconds of each press, by what was pressed."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("There is no Chromium on this system: install the package chromium.")
    waits: dict[str, list[float]] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(600_000)
        page.goto(address)
        page.wait_for_selector("#model option", state="attached")

        def press(name: str, button: str, back: bool = False) -> None:
            waits[name] = []
            for _ in range(presses):
                page.fill("#seed", str(next(seeds)))
                waits[name].append(float(page.evaluate(SHOWN, [button, None])))
                if back:
                    page.evaluate(SHOWN, ["#undo", None])

        models: dict[str, Any] = {"bach-quartet": "4 bars"}
        if not quick:
            models = {"bach-chorale": "8 bars", "bach-chorale-melody": "8 bars", **models}
        for model, bars in models.items():
            page.select_option("#model", model)
            page.fill("#bars", bars.split()[0])
            press(f"compose: {model}, {bars}", "#compose-button")
        press("a knob of bach-quartet", "[aria-label='Draw groove anew for bass']")
        # The first step of a walk also draws the piece that it leads to.
        shares = [(number + 1) / (presses + 1) for number in range(presses)]
        walk = "a step of a walk from A to B"
        waits[walk] = [float(page.evaluate(SHOWN, ["#walk-all", share])) for share in shares]
        if not quick:
            encoding = musegen.PitchDurationEncoding()
            ids = [0, *(pitch + 4 for pitch in TUNE), 1], [0, *[12] * len(TUNE), 0]
            tune = musegen.write_midi(encoding.decode(ids), Path(folder) / "tune.mid")
            page.set_input_files("#file", tune)
            page.wait_for_selector("#status:has-text('tune.mid: written')")
            press("harmonise: 4 bars", "#harmonise", back=True)
        browser.close()
    return waits


if __name__ == "__main__":
    main()
