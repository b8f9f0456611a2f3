"""The command `studio`; its docstring is its help."""

from __future__ import annotations

from typing import Any

from musegen.cli.terminal import progress
from musegen.studio.serving import serve


def studio(file: str | None = None, **settings: Any) -> None:
    """Opens a page in the browser to write music, to look at it and to hear it.

    It is served by this machine for this machine alone, and works offline. Ctrl-C ends it.

    Examples:
      musegen studio
      musegen studio mine.safetensors        your own model beside those that ship
      musegen studio --port 9000 --no-open   where you open the address yourself
    """
    with progress("Starting ..."):
        from musegen.studio import app  # noqa: F401 - takes its time

    serve(file, **settings, ready=_say)


def _say(address: str) -> None:
    print(f"The studio is at {address}")
    print("Ctrl-C ends it.")
