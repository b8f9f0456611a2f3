"""The server of the studio: from the free port to the end of the program.

What takes its time to import is imported when it starts, since the command's help reads this file.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Callable, Iterator
from typing import Annotated

from musegen.settings import Flag, Whole, declared

PORT = 8764
"""Where the studio listens if nothing else is said: an address that was kept still holds."""


@declared
def serve(
    file: str | None = None,
    port: Annotated[
        int, Whole(0, 65_535), "Where it listens on this machine; 0 takes any that is free"
    ] = PORT,
    no_open: Annotated[bool, Flag(), "Open no browser"] = False,
    *,
    ready: Callable[[str], None],
) -> None:
    """Serves the studio on this machine until the program ends.

    Args:
        file: The checkpoint of a model of one's own, to begin with; None for those that ship.
        ready: Is called with the page's address, once it can be opened.

    Raises:
        ValueError: If an argument is out of its range, or the port is another program's.
        CheckpointError: If the file is no checkpoint.
    """
    import socket  # noqa: TID251 - listens on this machine, and connects to nothing

    import uvicorn

    from musegen.studio.app import create_app
    from musegen.studio.models import Models
    from musegen.studio.safety import HOST, new_token

    class Server(uvicorn.Server):
        """Leaves the signals to the command, which ends with one line (`musegen.cli.signals`)."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    models = Models.shipped(file)
    try:
        listener = socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        why = "may not be used" if error.errno == errno.EACCES else "is taken by another program"
        raise ValueError(
            f"port={port}: it {why}. Give another, such as {PORT + 1}, or 0 for any that is free."
        ) from None
    with listener:
        port, token = listener.getsockname()[1], new_token()
        config = uvicorn.Config(
            create_app(models, port, token),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
        )
        address = f"http://{HOST}:{port}/?token={token}"
        ready(address)
        if not no_open:
            threading.Thread(target=_open, args=(address,), daemon=True).start()
        Server(config).run(sockets=[listener])


def _open(address: str) -> None:
    """Opens a page in the browser, unless that is one of the terminal, which shows no music."""
    import webbrowser  # noqa: TID251 - starts the user's browser on the studio's own page

    with contextlib.suppress(webbrowser.Error):
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(address)
