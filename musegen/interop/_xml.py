"""XML that anybody may have made -> a tree of elements, and what their texts say.

The document is checked as it is parsed: a declared entity is refused before anything is made of it
(so that none can grow, nor name a file or address), and elements, their depth, and notes are
counted. Nothing that the document names is opened, its DTD least of all.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # its tree alone
from fractions import Fraction
from typing import Any, NoReturn
from xml.parsers import expat

from musegen.midi import MidiError, ReadLimits

MAX_ELEMENTS = 500_000
"""Elements of a document; a note has about ten."""

MAX_DEPTH = 64
"""Elements that stand in one another; MusicXML has about ten."""

NUMBER = re.compile(r"\s*([+-]?\d{1,9}(?:\.\d{1,9})?)\s*")
REMEDY = "Save it again, as MusicXML or as MIDI, from the program that made it."


class Wrong(Exception):
    """Something in the document can't be; the message says what, in a few words."""


def parsed(data: bytes, name: str, limits: ReadLimits) -> ET.Element:
    """Returns the root of a document of MusicXML; what is wrong is a `MidiError`."""
    builder, depth, elements, notes = ET.TreeBuilder(), 0, 0, 0

    def refuse(*_: Any) -> NoReturn:
        raise MidiError(f"{name}: it declares XML entities, and music has none. {REMEDY}")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements, notes
        depth, elements, notes = depth + 1, elements + 1, notes + (tag == "note")
        if depth > MAX_DEPTH:
            raise MidiError(f"{name}: more than {MAX_DEPTH} XML elements in one another. {REMEDY}")
        if elements > MAX_ELEMENTS:
            raise MidiError(
                f"{name}: more than {MAX_ELEMENTS:,} XML elements. Save it as MIDI instead."
            )
        if elements == 1 and tag not in ("score-partwise", "score-timewise"):
            raise MidiError(f"{name}: XML, but not MusicXML: it begins with <{tag:.40}>. {REMEDY}")
        if notes > limits.max_notes:
            limits.check("max_notes", notes, "notes and rests, or more", name)
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = parser.UnparsedEntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = parser.SkippedEntityHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.buffer_text = True
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        what = f"{expat.ErrorString(error.code)}, in line {error.lineno:,}" if data else "empty"
        raise MidiError(f"{name}: damaged, or no MusicXML ({what}). {REMEDY}") from None
    except (LookupError, ValueError) as error:
        if isinstance(error, MidiError):
            raise
        raise MidiError(f"{name}: in an encoding that can't be read. {REMEDY}") from None
    return builder.close()


def text_at(element: ET.Element, path: str) -> str | None:
    """Returns the text of the first element on a path, empty if it has none; None without one."""
    found = element.find(path)
    return None if found is None else (found.text or "")


def number_of(text: str | None, what: str, low: int, high: int) -> Fraction | int:
    """Returns the number that a text states, from `low` to `high`; raises `Wrong` with `what`."""
    short = text is not None and len(text) < 10 and text.isascii() and text.isdigit()
    if text and short and low <= (whole := int(text)) <= high:
        return whole
    match = NUMBER.fullmatch(text or "")
    if not match or not low <= (number := Fraction(match[1])) <= high:
        raise Wrong(f"{what} {(text or '').strip()!r:.20}")
    return number


def whole_of(text: str | None, what: str, low: int, high: int) -> int:
    """As `number_of`, rounded to a whole number."""
    return round(number_of(text, what, low, high))


def text_of(element: ET.Element) -> str:
    """Returns the text of an element, empty if it has none."""
    return element.text or ""
