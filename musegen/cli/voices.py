"""The commands that write missing voices, `harmonise` and `rewrite`; docstrings are their help."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

import musegen
from musegen import loading
from musegen._checks import shown
from musegen.cli import sound
from musegen.cli.commands import _composition_files, _loaded, _path
from musegen.cli.options import CHORALES, option, typed
from musegen.cli.terminal import progress
from musegen.evaluation.voice_leading import SATB, voice_leading

DRAWING = ("temperature", "top_k", "top_p", "tries", "seed", "tempo")
"""Settings of `VoiceModel.sample` that both have."""


def harmonise(
    tune: str, model: str, out: str | None = None, wav: bool = False, **settings: Any
) -> None:
    """Writes the other voices to a tune, which stays as it is.

    The tune is the soprano unless --voice says otherwise. It may be in any key, meter and range. Of
    a file with several parts the one that carries the tune is taken; --part names another.

    Examples:
      musegen harmonise tune.mid
      musegen harmonise song.mid --part 2 --count 4 --seed 7
      musegen harmonise bass-line.mid --voice bass --out four-parts.mid
    """
    _write("harmonise", model, tune, out, wav, settings)


def rewrite(
    piece: str, model: str, out: str | None = None, wav: bool = False, **settings: Any
) -> None:
    """Writes some bars of a piece anew, of some voices or of all, and leaves the others.

    Examples:
      musegen rewrite chorale.mid --bars 5-8
      musegen rewrite chorale.mid --voices alto tenor --count 3
    """
    _write("rewrite", model, piece, out, wav, settings)


def bar_range(text: str) -> tuple[int, int]:
    """Reads `5-8`, or `5` alone; anything else is a ValueError."""
    found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", text.strip())
    if found is None:
        raise ValueError
    return int(found[1]), int(found[2] or found[1])


def _write(
    command: str, model: str, file: str, out: str | None, wav: bool, settings: dict[str, Any]
) -> None:
    header = loading.model_header(model)
    if header.get("class") != "VoiceModel":
        raise ValueError(
            f"--model {shown(model)}: it does not write several voices by likelihood. Give "
            f"{CHORALES}, or a checkpoint of such a model."
        )
    music = musegen.interop.to_score(file)
    count = settings.get("count", 1)
    files = _composition_files(out, count, wav=wav)
    sounds = sound.paths_of((midi for midi, _ in files), _path) if wav else []
    if os.path.realpath(file) in {os.path.realpath(path) for pair in files for path in pair}:
        raise ValueError(f"{file} would be replaced: choose another --out.")
    loaded = _loaded(model)
    with progress("Writing ..."):
        pieces = getattr(loaded, command)(music, **settings)
    pieces = pieces if isinstance(pieces, list) else [pieces]
    print(f"Written by {model}, seed {pieces[0].seed}, for {file}.")
    for remark in pieces[0].remarks:
        print(remark)
    four = loaded.encoding.voices == len(SATB)
    for number, (piece, (midi, roll)) in enumerate(zip(pieces, files, strict=True)):
        with progress("Drawing ..."):
            heard = sound.save(piece, midi, sounds[number] if wav else None)
            piece.plot(roll)
        print(f"  {midi}: {piece.summary()}")
        print(f"  {roll}: its piano roll")
        if heard:
            print(heard)
        if four:
            print(f"  {voice_leading([piece.music.pitches])}")
    words = ["musegen", command, file] + ["--model", model] * (model != CHORALES)
    words += ["--wav"] * wav
    for name, value in {**settings, "seed": pieces[0].seed}.items():
        words += [option(name), *typed(name, value)]
    print(f"To write it again: {shlex.join(words)}")
