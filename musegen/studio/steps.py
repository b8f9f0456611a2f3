"""What a take is made of, and the music that it is.

A take is a list of steps. The first one makes a piece, each other one makes another of the piece
before it:

    do           gives                                      besides
    ---------    ----------------------------------------   ------------------------------------
    compose      a new piece                                model, seed, bars, temperature, top_p
    file         the music of a file that was dropped in    id, name
    continue     a melody that goes on from it              as compose
    harmonise    it as the tune, and the other voices       model, seed, temperature, top_p
    rewrite      it with some bars or voices anew           as harmonise; bars, voices
    vary         it with one of its noises drawn anew       model, seed, part, track
    walk         it on the way to another take              model, to (steps of that take), share

What a model takes is checked by the model; what is checked here keeps a step short and repeatable.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from musegen._checks import Whole, checked_name, shown
from musegen._timeline import bar_count, bars_of
from musegen.composition import Composition
from musegen.interop import read_musicxml
from musegen.midi import MidiError, ReadLimits, read_midi
from musegen.studio.jobs import Job
from musegen.studio.models import Models

LIMITS = ReadLimits(
    max_bytes=2_000_000, max_tracks=64, max_notes=20_000, max_hours=2.0, max_bars=512
)
"""How large a file may be that is dropped into the page."""

SUFFIXES = {".mid": read_midi, ".midi": read_midi} | dict.fromkeys(
    (".musicxml", ".mxl", ".xml"), read_musicxml
)
"""What reads a file that is dropped in, by the end of its name."""

MOST_BARS = 64
"""Bars that are written at a time."""

MOST_GIVEN = 256
"""Bars of a piece that voices are written to."""

MOST_STEPS, MOST_WALKS = 64, 4
"""Steps of a take, and walks to a take that is itself on a walk."""

KEPT_PIECES, KEPT_FILES = 128, 24

_DRAWING = {"seed", "temperature", "top_p"}
_TAKES = {
    "compose": {"model", "bars", *_DRAWING},
    "file": {"id", "name"},
    "continue": {"model", "bars", *_DRAWING},
    "harmonise": {"model", *_DRAWING},
    "rewrite": {"model", "bars", "voices", *_DRAWING},
    "vary": {"model", "seed", "part", "track"},
    "walk": {"model", "to", "share"},
}
_WRITES = {
    "continue": ("melodies", "goes on from music"),
    "harmonise": ("voices", "harmonises"),
    "rewrite": ("voices", "rewrites bars"),
    "vary": ("phrases", "has knobs"),
    "walk": ("phrases", "has knobs"),
}
"""What a model has to write for a step, and what is said of one that does not."""


def checked_steps(steps: Any, walks: int = MOST_WALKS) -> list[dict[str, Any]]:
    """Returns the steps of a take if they have the form of the table above, else raises."""
    if not isinstance(steps, list) or not 1 <= len(steps) <= MOST_STEPS:
        raise ValueError(f"steps={shown(steps)}: give a list of 1 to {MOST_STEPS} steps.")
    for number, step in enumerate(steps):
        do = step.get("do") if isinstance(step, dict) else None
        if not isinstance(do, str) or do not in _TAKES:
            raise ValueError(f"step={shown(step)}: its `do` is one of {', '.join(_TAKES)}.")
        if (number == 0) != (do in ("compose", "file")):
            raise ValueError(f"do={do!r}: compose or file is the first step, and no other is.")
        if unknown := sorted(step.keys() - _TAKES[do] - {"do"}):
            raise ValueError(f"{shown(unknown[0])} is not for {do}. Leave it out.")
        if "seed" in _TAKES[do]:
            Whole(0, 2**53 - 1).check("seed", step.get("seed"))
        if do == "walk":
            if not walks:
                raise ValueError(f"steps: give at most {MOST_WALKS} walks within each other.")
            checked_steps(step.get("to"), walks - 1)
    return steps


class Desk:
    """The files that were dropped in, and the pieces that were written, the last ones of each.

    Args:
        models: The models that there are.
    """

    def __init__(self, models: Models) -> None:
        self.models = models
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._pieces: OrderedDict[str, Composition] = OrderedDict()
        self._used: set[tuple[str, str]] = set()

    def keep(self, data: bytes) -> str:
        """Keeps a file, and returns what it is called from now on."""
        name = hashlib.sha256(data).hexdigest()[:32]
        _put(self._files, name, data, KEPT_FILES)
        return name

    def write(self, steps: list[dict[str, Any]], job: Job) -> Composition:
        """Returns the piece that some steps make; those before the last are often known already.

        Raises:
            ValueError: If a step can't be done; the message says which argument is wrong, and how.
        """
        names = [json.dumps(steps[: n + 1], sort_keys=True) for n in range(len(steps))]
        known = next((n for n in reversed(range(len(steps))) if names[n] in self._pieces), -1)
        piece = self._pieces[names[known]] if known >= 0 else None
        for name, step in zip(names[known + 1 :], steps[known + 1 :]):
            piece = self._file(step) if step["do"] == "file" else self._made(step, piece, job)
            _put(self._pieces, name, piece, KEPT_PIECES)
        if piece is None:
            raise ValueError("steps=[]: give at least one step.")
        return piece

    def _file(self, step: Mapping[str, Any]) -> Composition:
        name = checked_name(step.get("name"))
        data = self._files.get(str(step.get("id")))
        read: Any = next((SUFFIXES[end] for end in SUFFIXES if name.lower().endswith(end)), None)
        if read is None:
            raise ValueError(f"{name}: drop in a file that ends in {', '.join(SUFFIXES)}.")
        if data is None:
            raise ValueError(f"{name} is no longer in the studio: drop it in again.")
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                score = read(data, LIMITS)
        except MidiError as error:
            text = str(error).partition(" To read it, pass ")[0]
            raise ValueError(text.replace("the given bytes", name)) from None
        if not score.note_num():
            raise ValueError(f"{name} has no notes. Drop in a file with some.")
        remarks = tuple(str(one.message).replace("the given bytes", name) for one in said)
        return Given(score=score, seed=None, model=name, remarks=remarks)

    def _made(self, step: dict[str, Any], piece: Any, job: Job) -> Composition:
        """Does a step that a model does."""
        do, name = step["do"], step.get("model")
        kind = self.models.kinds.get(str(name))
        needed, does = _WRITES.get(do, (kind, ""))
        if kind is not None and kind != needed:
            able = [one for one, writes in self.models.kinds.items() if writes == needed]
            choose = f"choose among {', '.join(able)}" if able else "none here does"
            raise ValueError(f"model={name!r}: it writes {kind}; for one that {does}, {choose}.")
        if isinstance(name, str) and kind is not None and not self.models.is_loaded(name):
            job.say(f"Loading {name} ...")
        model = self.models.get(name)  # type: ignore[arg-type]
        if (do, name) in self._used:
            job.say(f"{name} is writing ...")
        else:
            job.say(f"{name} is writing; its first piece can take some seconds more ...")
        settings = {key: value for key, value in step.items() if key not in ("do", "model")}
        settings = {key: value for key, value in settings.items() if value is not None}
        if kind == "phrases" and (drawn := settings.keys() & {"temperature", "top_p"}):
            raise ValueError(f"{min(drawn)} is not for {name}, which draws from noise.")
        if do == "walk":
            settings["to"] = self.write(settings["to"], job)
        made = getattr(self, f"_{do}")(model, piece, settings)
        self._used.add((do, str(name)))
        return made

    def _compose(self, model: Any, _: None, settings: dict[str, Any]) -> Any:
        if "bars" in settings:
            Whole(1, MOST_BARS).check("bars", settings["bars"])
        if model.writes == "melodies":
            settings.setdefault("notes", None)  # without it, a model ends a melody itself
        return model.sample(**settings)

    def _continue(self, model: Any, piece: Composition, settings: dict[str, Any]) -> Any:
        return self._compose(model, None, {**settings, "prompt": piece.score})

    def _harmonise(self, model: Any, piece: Composition, settings: dict[str, Any]) -> Any:
        return model.harmonise(_short(piece), **settings)

    def _rewrite(self, model: Any, piece: Composition, settings: dict[str, Any]) -> Any:
        score = _short(piece)
        if "bars" in settings:
            settings["bars"] = _bars_of_model(model, score, settings["bars"])
        return model.rewrite(score, **settings)

    def _vary(self, model: Any, piece: Any, settings: dict[str, Any]) -> Any:
        return model.variants(piece, count=1, **settings)[0]

    def _walk(self, model: Any, piece: Any, settings: dict[str, Any]) -> Any:
        return model.walk(piece, settings["to"], settings.get("share", 0.5))


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Given(Composition):
    """Music of a file.

    Attributes:
        remarks: Sentences on what was wrong with the file.
    """

    remarks: tuple[str, ...] = ()


def _put(kept: OrderedDict[str, Any], name: str, value: Any, most: int) -> None:
    """Keeps a value, and lets go of the oldest where there are too many."""
    kept[name] = value
    kept.move_to_end(name)
    while len(kept) > most:
        kept.popitem(last=False)


def _short(piece: Composition) -> Any:
    """The score of a piece that is short enough to write voices to."""
    bars = bar_count(piece.score)
    if bars > MOST_GIVEN:
        raise ValueError(
            f"This piece has {bars:,} bars, and voices are written to at most {MOST_GIVEN} here. "
            "For more, use the command musegen harmonise or musegen rewrite."
        )
    return piece.score


def _bars_of_model(model: Any, score: Any, bars: Any) -> Any:
    """Bars as the page numbers them, in the model's numbers: a short rest begins a pickup there."""
    if not isinstance(bars, list) or len(bars) != 2 or {*map(type, bars)} != {int}:
        return bars  # which the model refuses
    pages = bars_of(score, max(score.end(), 1))[0].number
    models = 0 if model.encoding.encode(score).pickup else 1
    return tuple(number - pages + models for number in bars)
