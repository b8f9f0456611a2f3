"""What the page may ask, and the answers.

    GET  /                  the page; `/static/...` is what it is made of
    GET  /api/models        the models, in order, with what each writes
    POST /api/files         keeps a file, which is the body; returns what it is called
    POST /api/write         the piece of a take
    POST /api/attention     what the notes of a melody were copied from, and looked at
    POST /api/download      a take as a file

The last three are given JSON: `tab`, a name that a tab draws for itself, `steps`, a take, and for
a download `suffix`. They answer line by line, each a JSON object: `says`, what is being done, and
at last `piece`, `attention` or `file` (in base64), or else `error`. Other answers that are no
success are JSON with `error`. An error is a sentence to a person.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from musegen.composition import Composition
from musegen.page.frame import STATIC
from musegen.page.view import attended, view
from musegen.studio.files import FILES, as_file
from musegen.studio.jobs import Busy, Worker
from musegen.studio.models import Models
from musegen.studio.safety import Guard, TooLarge, body_of
from musegen.studio.steps import LIMITS, Desk, checked_steps

TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

MOST_JSON = 64_000
"""Bytes of a request that is JSON."""


def create_app(models: Models, port: int, token: str) -> Guard:
    """Makes the app of a studio.

    Args:
        models: The models that there are.
        port: The port that it is served on.
        token: What requests must carry.
    """
    routes = [
        Route("/", _page),
        Route("/static/{name}", _page),
        Route("/api/models", _models),
        Route("/api/files", _keep, methods=["POST"]),
        Route("/api/write", _write, methods=["POST"]),
        Route("/api/attention", _attention, methods=["POST"]),
        Route("/api/download", _download, methods=["POST"]),
    ]
    app = Starlette(
        routes=routes, exception_handlers={HTTPException: _no_answer, TooLarge: _too_large}
    )
    app.state.desk, app.state.worker = Desk(models), Worker()
    app.state.opened = False
    # Files are read once, so that no request names a path.
    app.state.files = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    return Guard(app, port, token)


async def _page(request: Request) -> Response:
    name = request.path_params.get("name", "index.html")
    files = request.app.state.files
    if name not in files:
        return _error("There is no such address here.", 404)
    return Response(files[name], media_type=TYPES[Path(name).suffix])


async def _models(request: Request) -> Response:
    state, models = request.app.state, request.app.state.desk.models
    first = next(iter(models.kinds))
    if not state.opened:  # loads the first model while its reader looks around
        state.opened = True
        state.worker.start("", lambda _: {"loaded": models.get(first).name})
    found = [
        {"name": name, "writes": kind, "voices": models.tracks.get(name, [])}
        for name, kind in models.kinds.items()
    ]
    return JSONResponse({"models": found})


async def _keep(request: Request) -> Response:
    data = await body_of(request, LIMITS.max_bytes)
    return JSONResponse({"id": request.app.state.desk.keep(data)})


async def _write(request: Request) -> Response:
    return await _answer(request, lambda piece, _: {"piece": view(piece)})


async def _attention(request: Request) -> Response:
    return await _answer(request, lambda piece, _: {"attention": attended(piece)})


async def _download(request: Request) -> Response:
    def answer(piece: Composition, asked: dict[str, Any]) -> dict[str, Any]:
        data = as_file(piece, asked.get("suffix"))
        return {"file": base64.b64encode(data).decode(), "type": FILES[asked["suffix"]]}

    return await _answer(request, answer)


async def _answer(
    request: Request, answer: Callable[[Composition, dict[str, Any]], dict[str, Any]]
) -> Response:
    """Has a take written for the tab that asks, and answers line by line."""
    data = await body_of(request, MOST_JSON)
    if request.headers.get("content-type") != "application/json":
        return _error("Send JSON.", 415)
    try:
        asked = json.loads(data)
        if not isinstance(asked, dict) or not isinstance(asked.get("tab"), str):
            raise ValueError("Send a JSON object with `tab` and `steps`.")
        steps = checked_steps(asked.get("steps"))
    except (ValueError, RecursionError) as error:
        unread = isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError))
        return _error("What was sent is not JSON." if unread else str(error), 400)
    desk, worker = request.app.state.desk, request.app.state.worker
    try:
        job = worker.start(asked["tab"][:64], lambda job: answer(desk.write(steps, job), asked))
    except Busy:
        return _error("The studio has too much to write at once. Try again in a moment.", 503)

    async def lines() -> AsyncIterator[bytes]:
        async for line in job.lines():
            yield json.dumps(line).encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _error(text: str, status: int) -> Response:
    return JSONResponse({"error": text}, status)


async def _no_answer(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 400
    return _error("There is no such address here.", status)


async def _too_large(_: Request, error: Exception) -> Response:
    return _error(f"This is too large: send at most {error.args[0]:,} bytes.", 413)
