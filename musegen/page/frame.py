"""A piece as one document that needs nothing but itself: roll, player, what its notes looked at.

The document has the modules of `static/` in it that it needs, one after the other, and its own
policy forbids it to load or run anything else, so that it is the same offline and in a notebook
that was saved. In a notebook it stands in a frame that can't reach the notebook around it.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

from musegen.page.view import attended, view

STATIC = Path(__file__).parent / "static"

STYLES = ("base.css", "parts.css", "frame.css")

HEIGHT, ROW, ROWS = 480, 54, 4
"""Pixels of a frame without voices, of a row of two voices, and rows that it is high at most."""

_IMPORT = re.compile(r'^import \{ ([\w, ]+) \} from "\./(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|function|const) (\w+))", re.MULTILINE)


def document(piece: Any, score: Any = None) -> str:
    """Returns an HTML page of a piece: the roll, a player, and what its notes looked at.

    Args:
        piece: The piece.
        score: What is played of it; by default its score with dynamics.
    """
    return _document(piece, view(piece, score))


def _document(piece: Any, found: dict[str, Any]) -> str:
    """The page of a piece of which `view` has found what is shown."""
    try:
        found["maps"] = attended(piece) if found["looks"] else None
    except ValueError:  # too long
        found["maps"], found["looks"] = None, False
    code, look = script("frame"), style()
    policy = (
        f"default-src 'none'; script-src '{_digest(code)}'; style-src '{_digest(look)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    data = json.dumps(found, separators=(",", ":")).replace("<", "\\u003c")
    title = html.escape(found["title"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="light dark">\n<title>{title}</title>\n'
        f"<style>{look}</style></head>\n<body><main></main>\n"
        f'<script type="application/json" id="piece">{data}</script>\n'
        f'<script type="module">{code}</script>\n</body></html>\n'
    )


def frame(piece: Any, picture: bytes) -> str:
    """Returns HTML of a piece for a notebook: the document in a frame.

    Args:
        piece: The piece.
        picture: A PNG of it, which is seen where frames or scripts are not let in: in a notebook
            that is not trusted, or on a site that shows notebooks.
    """
    name = html.escape(repr(piece), quote=True)
    found = view(piece)
    rows = min(-(-len(found["voices"]) // 2), ROWS)
    png = base64.b64encode(picture).decode()
    return (
        "<style>iframe.musegen + img { display: none; }</style>"
        f'<iframe class="musegen" title="{name}" sandbox="allow-scripts" '
        f'style="width: 100%; height: {HEIGHT + ROW * rows}px; border: 0" '
        f'srcdoc="{html.escape(_document(piece, found), quote=True)}"></iframe>'
        f'<img alt="{name}" style="max-width: 100%" src="data:image/png;base64,{png}">'
    )


@functools.cache
def style() -> str:
    """Returns the styles of a view, without those of the studio around it."""
    return "".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES)


@functools.cache
def script(entry: str) -> str:
    """Returns a module of `static/` and all that it imports as one script.

    Each module becomes a function that returns what it exports, so that what two of them name
    alike stays apart; the entry comes last and stays a module.
    """
    texts: dict[str, str] = {}

    def add(name: str) -> None:
        text = (STATIC / f"{name}.js").read_text(encoding="utf-8")
        for _, other in _IMPORT.findall(text):
            if other not in texts:
                add(other)
        text = _IMPORT.sub(r"const { \1 } = of_\2;", text)
        if name != entry:
            exported = ", ".join(_EXPORT.findall(text))
            text = _EXPORT.sub("", text)
            text = f"const of_{name} = (() => {{\n{text}\nreturn {{ {exported} }};\n}})();\n"
        texts[name] = text

    add(entry)
    return "".join(texts.values())


def _digest(text: str) -> str:
    """What a policy names a script or a style by that stands in the page."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
