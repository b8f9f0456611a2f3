"""The tracks of a `musegen train musegan`: from names, instruments and options to an encoding."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import musegen
from musegen._checks import Range
from musegen.cli.options import value_of
from musegen.corpus.named import NAMES
from musegen.encoding.instruments import FAMILIES
from musegen.encoding.pianoroll import checked_meter
from musegen.encoding.roll import VOICES, RollTrack, instrument
from musegen.settings import settings_of

SIXTEENTHS = 16
"""Steps of a whole note where none are given."""


def add_options(parser: Any) -> None:
    """Adds what is said of single tracks, and the meter."""
    settings = settings_of(RollTrack)
    for name, text in (
        (
            "voice",
            "what is kept of several notes at once: highest, lowest, or all (default: of a "
            "bass the lowest, of other instruments all, of other tracks the highest)",
        ),
        (
            "program",
            "General MIDI program that a track is written with, 0 to 127 (default: the "
            "usual one of its instrument)",
        ),
    ):
        parser.add_argument(
            f"--{name}",
            type=value_of(_pair(settings[name].range), f"give TRACK=VALUE, {settings[name].range}"),
            nargs="+",
            metavar="TRACK=VALUE",
            help=text,
        )
    parser.add_argument(
        "--meter",
        type=value_of(_meter, "give a meter such as 3/4"),
        metavar="N/N",
        help="the meter of every bar; music in others is left out (default 4/4). Without --steps, "
        "a step is a sixteenth note",
    )


def encoding_of(
    corpus: str,
    tracks: Sequence[str],
    meter: tuple[int, int] = (4, 4),
    voice: Iterable[tuple[str, str]] = (),
    program: Iterable[tuple[str, int]] = (),
    **grid: int,
) -> musegen.PianorollEncoding:
    """Returns the encoding that the options ask for."""
    steps, rest = divmod(SIXTEENTHS * meter[0], meter[1])
    if "steps" not in grid and not rest:
        grid["steps"] = steps
    choir = {voice.name: voice for voice in VOICES}
    # The bass of a choir is no bass guitar, but has its name.
    sung = corpus in NAMES or any(name in choir and name not in FAMILIES for name in tracks)
    places = {}
    for name in tracks:
        place = choir.get(name) if sung else None
        places[name] = place or (instrument(name) if name in FAMILIES else RollTrack(name))
    for option, pairs in (("voice", voice), ("program", program)):
        for name, value in pairs:
            if name not in places:
                raise ValueError(
                    f"--{option} {name}={value}: there is no such track. Name one of --tracks: "
                    f"{', '.join(tracks)}."
                )
            changes: Any = {option: value}
            places[name] = dataclasses.replace(places[name], **changes)
    chosen = tuple(places[name] for name in tracks)
    return musegen.PianorollEncoding(chosen, meter=meter, **grid)


def _pair(kind: Range) -> Callable[[str], tuple[str, Any]]:
    def read(text: str) -> tuple[str, Any]:
        name, equals, value = text.rpartition("=")
        if not (name and equals):
            raise ValueError
        return name, kind.convert(type(kind).read(value))

    return read


def _meter(text: str) -> tuple[int, int]:
    top, bottom = text.split("/")
    return checked_meter((int(top), int(bottom)))
