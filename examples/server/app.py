"""A service that writes music: an ASGI app with a queue, of which one thread writes batches.

    uvicorn --app-dir examples/server app:app
    curl localhost:8000/bach-chorale-melody -d '{"bars": 4, "seed": 1}' -o tune.mid

What a client asks for are arguments of `sample`, as JSON; the answer is a MIDI file. Requests that
come while others are written wait, and are then written together: see `sample_many`. As many as
`WAITING` may wait; who comes then is told to come again. Needs musegen alone, which brings
Starlette and Uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import musegen

MODELS = ("bach-chorale-melody", "fiddle-tune", "bach-chorale", "bach-quartet")
TAKEN = ("bars", "notes", "tries", "temperature", "top_p", "seed", "meter", "tempo", "instrument")
"""Arguments that a client may give, if the model has them: none that takes a path or a file."""
MOST = {"bars": 32, "notes": 256, "tries": 4}
MOST_BYTES, MOST_SECONDS = 10_000, 10  # of a request, until it is there
TOGETHER = 64
WAITING = 256


class Queue:
    """Requests to one model, written together in the order in which they came."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.model: Any = None
        self.waiting: asyncio.Queue[tuple[dict[str, Any], asyncio.Future[Any]]] = asyncio.Queue(
            WAITING
        )

    def ask(self, request: dict[str, Any]) -> asyncio.Future[Any]:
        """Returns what will be the piece; raises `asyncio.QueueFull` if too many wait."""
        answer = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait((request, answer))
        return answer

    async def serve(self) -> None:
        """Writes what is asked for, for ever."""
        while True:
            batch = [await self.waiting.get()]
            while len(batch) < TOGETHER and not self.waiting.empty():
                batch.append(self.waiting.get_nowait())
            batch = [one for one in batch if not one[1].cancelled()]  # whoever asked has gone
            requests = [request for request, _ in batch]
            try:
                found = await asyncio.to_thread(self.write, requests)
            except Exception as error:  # noqa: BLE001 - the service goes on after a faulty batch
                found = [error] * len(batch)
            for (_, answer), piece in zip(batch, found):
                if answer.cancelled():
                    continue
                if isinstance(piece, Exception):
                    answer.set_exception(piece)
                else:
                    answer.set_result(piece)

    def write(self, requests: list[dict[str, Any]]) -> list[Any]:
        """Writes the pieces; an error stands in the place of one that can't be."""
        if self.model is None:
            self.model = musegen.load(self.name)
        return list(self.model.sample_many(requests, return_errors=True))


async def body_of(request: Request) -> bytes:
    """Reads the body of a request, of at most `MOST_BYTES`, whatever its header says."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise ValueError(f"Send at most {MOST_BYTES:,} bytes.")
    return body


async def write(request: Request) -> Response:
    """Answers `POST /{model}`."""
    queue = request.app.state.queues.get(request.path_params["model"])
    if queue is None:
        return JSONResponse({"error": f"There are {', '.join(MODELS)}."}, 404)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            asked = json.loads(await body_of(request))
        if not isinstance(asked, dict) or not set(asked) <= set(TAKEN):
            raise ValueError(f"Send a JSON object with some of {', '.join(TAKEN)}.")
        for name, most in MOST.items():
            if isinstance(asked.get(name), int) and asked[name] > most:
                raise ValueError(f"{name}: ask for at most {most}.")
        answer = queue.ask(asked)
        while not answer.done():
            await asyncio.wait([answer], timeout=0.5)
            if not answer.done() and await request.is_disconnected():
                answer.cancel()  # so that it is not written
                return Response(status_code=499)
        found = answer.result()
    except asyncio.QueueFull:
        return JSONResponse({"error": "Too many wait."}, 503, {"Retry-After": "2"})
    except TimeoutError:
        return JSONResponse({"error": "The request did not come in time."}, 408)
    except ClientDisconnect:
        return Response(status_code=499)
    except (ValueError, RecursionError) as error:
        return JSONResponse({"error": str(error)}, 422)
    return Response(musegen.interop.midi_bytes(found.score), media_type="audio/midi")


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[None]:
    """Runs the queues for as long as the app does."""
    app.state.queues = {name: Queue(name) for name in MODELS}
    tasks = [asyncio.create_task(queue.serve()) for queue in app.state.queues.values()]
    yield
    for task in tasks:
        task.cancel()


app = Starlette(routes=[Route("/{model}", write, methods=["POST"])], lifespan=serving)
