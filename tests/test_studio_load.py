"""The studio under many tabs at once, and when it is ended while they wait."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from studio_models import Choir, fake_models, served

from musegen.studio.files import as_file

TABS, REQUESTS = 10, 10


def step(seed):
    return {"do": "compose", "model": "choir", "seed": seed, "bars": 2}


def last_line(answer):
    return json.loads(answer.text.splitlines()[-1])


def pitches(piece):
    return [[note[2] for note in voice["notes"]] for voice in piece["voices"]]


def test_ten_tabs_at_once_each_get_what_they_asked_for():
    def tab(number):
        found = []
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            base = str(client.get(address).raise_for_status().url)
            for request in range(REQUESTS):
                seed = REQUESTS * number + request
                asked = {"tab": f"tab {number}", "steps": [step(seed)]}
                answer = client.post(f"{base}api/write", json=asked).raise_for_status()
                found.append((seed, pitches(last_line(answer)["piece"])))
        return found

    with served(fake_models()) as address, concurrent.futures.ThreadPoolExecutor(TABS) as threads:
        found = [one for tab_found in threads.map(tab, range(TABS)) for one in tab_found]
    assert len(found) == TABS * REQUESTS
    for seed, written in found:
        score = Choir().sample(seed=seed, bars=2).score
        assert written == [[note.pitch for note in track.notes] for track in score.tracks]


SERVER = """
import sys, time
sys.path.insert(0, {tests!r})
from studio_models import Choir, fake_models
from musegen.cli import command
from musegen.studio.models import Models

class Waiting(Choir):
    def sample(self, seed, **settings):
        if seed:
            time.sleep(60)
        return super().sample(seed, **settings)

models = fake_models(choir=Waiting())
Models.shipped = classmethod(lambda cls, file=None: models)
sys.argv = ["musegen", "studio", "--no-open", "--port", "0"]
command()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "musegen: stopped.\n"),
        (signal.SIGTERM, 143, "musegen: stopped.\n"),
        (signal.SIGKILL, -9, ""),
    ],
)
def test_a_server_that_is_ended_while_ten_tabs_wait_says_one_line_and_loses_no_file(
    number, code, line, tmp_path, ctrl_c_is_heard
):
    code_of_server = SERVER.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen(
        [sys.executable, "-c", code_of_server],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    try:
        address = process.stdout.readline().split()[-1]
        base = re.match(r"http://[\d.:]+/", address)[0]
        with httpx.Client(follow_redirects=True, timeout=60) as client:
            client.get(address).raise_for_status()
            asked = {"tab": "saves", "steps": [step(0)], "suffix": ".mid"}
            answer = client.post(f"{base}api/download", json=asked).raise_for_status()
            file = tmp_path / "saved.mid"
            file.write_bytes(base64.b64decode(last_line(answer)["file"]))

            def wait(tab):
                asked = {"tab": f"tab {tab}", "steps": [step(tab)]}
                begun.append(tab)
                try:
                    return last_line(client.post(f"{base}api/write", json=asked))
                except (httpx.HTTPError, IndexError, json.JSONDecodeError):
                    return "gone"  # which the page says in a sentence

            begun = []
            with concurrent.futures.ThreadPoolExecutor(TABS) as threads:
                waiting = [threads.submit(wait, tab) for tab in range(1, TABS + 1)]
                while len(begun) < TABS:
                    pass
                assert client.get(f"{base}api/models").status_code == 200
                process.send_signal(number)
                said = process.communicate(timeout=60)[1]
                ended = [one.result(timeout=60) for one in waiting]
    finally:
        process.kill()
        process.wait()
    assert all(one == "gone" or "says" in one or "error" in one for one in ended)
    assert (process.returncode, said) == (code, line)
    assert file.read_bytes() == as_file(Choir().sample(seed=0, bars=2), ".mid")
