"""The example of a service: what it writes, how it refuses, and that it writes in batches."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from scores import line

import musegen

APP = Path(__file__).parents[1] / "examples/server/app.py"


class Model:
    """Writes one note, whose pitch is the seed, once it may go."""

    def __init__(self):
        self.batches, self.may_go = [], threading.Event()

    def sample_many(self, requests, return_errors):
        assert return_errors and self.may_go.wait(30)
        self.batches.append(len(requests))
        if any(request["seed"] == 0 for request in requests):
            raise RuntimeError("broken")
        return [
            ValueError("there is no such note")
            if one["seed"] > 127
            else SimpleNamespace(score=line([one["seed"]]))
            for one in requests
        ]


@pytest.fixture
def served(monkeypatch):
    """Runs what asks the server, which has one model."""
    spec = importlib.util.spec_from_file_location("app", APP)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    app.model = Model()
    monkeypatch.setattr(app.musegen, "load", lambda _: app.model)

    def run(ask):
        async def within():
            transport = httpx.ASGITransport(app.app, raise_app_exceptions=False)
            async with (
                app.serving(app.app),
                httpx.AsyncClient(transport=transport, base_url="http://test") as client,
            ):
                app.queue = app.app.state.queues["bach-quartet"]
                return await ask(app, client)

        return asyncio.run(asyncio.wait_for(within(), 60))

    return run


def write(client, seed):
    return asyncio.ensure_future(client.post("/bach-quartet", json={"seed": seed}))


async def until(true):
    while not true():
        await asyncio.sleep(0.01)


def test_requests_that_wait_are_written_together(served):
    async def ask(app, client):
        first = write(client, 60)
        await until(lambda: app.queue.model is app.model)
        others = [write(client, 61 + number) for number in range(20)]
        await until(lambda: app.queue.waiting.qsize() == 20)
        app.model.may_go.set()
        return app.model.batches, [await one for one in (first, *others)]

    batches, answers = served(ask)
    assert batches == [1, 20]
    pitches = [musegen.read_midi(one.content).tracks[0].notes[0].pitch for one in answers]
    assert pitches == list(range(60, 81))


def test_one_that_can_not_be_written_keeps_no_other(served):
    async def ask(app, client):
        app.model.may_go.set()
        return [await one for one in [write(client, seed) for seed in (60, 61, 500, 62)]]

    answers = served(ask)
    assert [one.status_code for one in answers] == [200, 200, 422, 200]
    assert answers[2].json() == {"error": "there is no such note"}


def test_a_fault_is_not_the_end(served):
    async def ask(app, client):
        app.model.may_go.set()
        return await write(client, 0), await write(client, 60)

    broken, whole = served(ask)
    assert (broken.status_code, whole.status_code) == (500, 200)


@pytest.mark.parametrize(
    ("name", "body", "status", "says"),
    [
        ("nobody", b"{}", 404, "There are bach-chorale-melody"),
        ("bach-quartet", b"{", 422, "Expecting"),
        ("bach-quartet", b"[]", 422, "Send a JSON object"),
        ("bach-quartet", b'{"prompt": "/etc/passwd"}', 422, "Send a JSON object with some of bars"),
        ("bach-quartet", b'{"bars": 33}', 422, "bars: ask for at most 32"),
        ("bach-quartet", b'{"seed": ' + b"[" * 4900 + b"]" * 4900 + b"}", 422, "recursion"),
        ("bach-quartet", b"\xff", 422, "decode"),
        ("bach-quartet", b" " * 10_001, 422, "Send at most 10,000 bytes"),
    ],
)
def test_what_it_refuses(served, name, body, status, says):
    answer = served(lambda app, client: client.post(f"/{name}", content=body))
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_a_body_that_does_not_come_is_not_waited_for(served):
    async def slowly():
        yield b"{"
        await asyncio.sleep(60)

    async def ask(app, client):
        app.MOST_SECONDS = 0.1
        return await client.post("/bach-quartet", content=slowly())

    assert served(ask).status_code == 408


def test_who_hangs_up_is_not_written_for(served):
    async def ask(app, client):
        first = write(client, 60)
        await until(lambda: app.queue.model is app.model)
        gone = app.queue.ask({"seed": 61})
        gone.cancel()
        last = write(client, 62)
        await until(lambda: app.queue.waiting.qsize() == 2)
        app.model.may_go.set()
        await first, await last
        return app.model.batches

    assert served(ask) == [1, 1]


def test_too_many_are_sent_away(served):
    async def ask(app, client):
        first = write(client, 60)
        await until(lambda: app.queue.model is app.model)
        waiting = [app.queue.ask({"seed": 61}) for _ in range(app.WAITING)]
        refused = await write(client, 62)
        app.model.may_go.set()
        return refused, await first, await asyncio.gather(*waiting)

    refused, first, others = served(ask)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
    assert first.status_code == 200
    assert len(others) == 256
