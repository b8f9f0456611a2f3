"""Looks at the built pages: none may load a script, a style, a font or a picture from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LOADED = re.compile(
    r"<(?:script|img|iframe|audio|source|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|url\(\s*[\"']?((?:https?:)?//[^\"')]+)"
    r"|@import\s+[\"']((?:https?:)?//[^\"']+)"
)


def setup(app: Any) -> dict[str, Any]:
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}


def loaded(text: str) -> list[str]:
    """Returns the addresses of other hosts that a page or a style loads something from."""
    return [next(filter(None, found)) for found in LOADED.findall(text)]


def check(app: Any, exception: Exception | None) -> None:
    """Raises an error if a page needs the network."""
    from sphinx.errors import ExtensionError

    if exception is not None or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*")):
        if path.suffix in (".html", ".css"):
            for address in loaded(path.read_text(encoding="utf-8")):
                raise ExtensionError(f"{path}: it loads {address}, and has to work offline.")
