"""Who may ask the studio: the page that was opened with the token of this start, and nobody else.

The server listens on this machine alone. But other programs run on it, and other sites' pages are
open in the same browser, so every request must

- name this machine as its `Host`: a name that a stranger pointed here (DNS rebinding) is refused;
- come from the studio's own page, where the browser says where it comes from (`Origin`,
  `Sec-Fetch-Site`): another site can neither ask nor send;
- carry the token, which the terminal shows in the address; from then on it is a cookie that the
  browser gives to no other site (`SameSite=Strict`) and shows to no script (`HttpOnly`).

Every answer forbids the page to load or run anything from elsewhere, or anything written into it.
"""

from __future__ import annotations

import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "127.0.0.1"

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            *("default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"),
            *("connect-src 'self'", "base-uri 'none'", "form-action 'none'"),
            *("frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types"),
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class TooLarge(Exception):
    """A request's body is over its limit, in bytes."""


class Guard:
    """Lets a request through to an app if it may come in, and puts `HEADERS` on every answer.

    Args:
        app: The app.
        port: The port that the server listens on.
        token: What a request must carry.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self.app = app
        self.token = token
        self.hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        # Cookies are shared by all ports of a machine.
        self.cookie = f"musegen-studio-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] != "http":  # a websocket, of which there are none
            await send({"type": "websocket.close", "code": 1008})
            return
        await (self._refusal(scope) or self.app)(scope, receive, send_on)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return _forbidden("This address is not the studio's.")
        origin = headers.get("origin", f"http://{headers['host']}")
        site = headers.get("sec-fetch-site", "none")
        if origin != f"http://{headers['host']}" or site not in ("none", "same-origin"):
            return _forbidden("The studio answers its own page alone.")
        given = Request(scope).query_params.get("token", "")
        if scope["path"] == "/" and self._is_token(given):
            entered = RedirectResponse("/", 303)  # the token is not left in the address
            entered.set_cookie(self.cookie, self.token, httponly=True, samesite="strict")
            return entered
        if not self._is_token(Request(scope).cookies.get(self.cookie, "")):
            return _forbidden("Open the address that the terminal shows, with its token.")
        return None

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode(), self.token.encode())


def _forbidden(text: str) -> Response:
    return PlainTextResponse(text, 403)


async def body_of(request: Request, most: int) -> bytes:
    """Returns a request's body; raises `TooLarge` before more than `most` bytes were read."""
    stated = request.headers.get("content-length", "0")
    if not stated.isdecimal() or int(stated) > most:
        raise TooLarge(most)
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise TooLarge(most)
    return bytes(data)


def new_token() -> str:
    """Draws a token."""
    return secrets.token_urlsafe(24)
