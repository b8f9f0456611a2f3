"""What each command does, given its arguments.

Whatever can be looked at at once (names, files, the prompt) is looked at before TensorFlow is
imported, which takes seconds. Where a name is chosen for the user, it is one that is free.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import musegen
from musegen.cli.arguments import (
    COMPOSE_DEFAULTS,
    FIT_OPTIONS,
    LIMITS,
    MODEL_OPTIONS,
    SCAN_OPTIONS,
)
from musegen.cli.terminal import progress, quiet_start


def compose(arguments: argparse.Namespace) -> None:
    """Writes pieces as MIDI files and pictures."""
    from musegen._timeline import bar_count, duration_seconds

    _check_model(arguments.model)
    prompt = None if arguments.prompt is None else musegen.read_midi(arguments.prompt)
    files = _composition_files(arguments.out, arguments.count)
    maps = []
    if arguments.attention is not None:
        maps = _numbered(_path(arguments.attention), arguments.count)
    written = {os.path.realpath(path) for path in [*maps, *(p for pair in files for p in pair)]}
    if len(written) < len(maps) + 2 * len(files):
        raise ValueError(f"--attention {arguments.attention} is the piano roll's name: change it.")
    if arguments.prompt is not None and os.path.realpath(arguments.prompt) in written:
        raise ValueError(f"--prompt {arguments.prompt} would be replaced: choose another --out.")

    with progress(f"Loading {arguments.model} ..."), quiet_start():
        model = musegen.load(arguments.model)
    with progress("Composing ..."):
        pieces = model.sample(
            notes=arguments.notes,
            bars=arguments.bars,
            count=arguments.count,
            temperature=arguments.temperature,
            top_k=arguments.top_k,
            top_p=arguments.top_p,
            seed=arguments.seed,
            prompt=prompt,
        )
        pieces = pieces if isinstance(pieces, list) else [pieces]
    print(f"Composed by {arguments.model}, seed {pieces[0].seed}.")
    if pieces[0].prompt_report is not None:
        print(f"It goes on from {arguments.prompt}: {pieces[0].prompt_report}.")
    for number, (piece, (midi, picture)) in enumerate(zip(pieces, files, strict=True)):
        with progress("Drawing ..."):
            piece.save(midi)
            piece.plot(picture)
            if maps:
                piece.plot_attention(maps[number])
        events = len(piece.log_likelihoods)
        nats = f", {-piece.log_likelihood / events:.2f} nats an event" if events else ""
        print(
            f"  {midi}: {piece.new_notes} new notes, {bar_count(piece.score)} bars, "
            f"{duration_seconds(piece.score):.0f} seconds{nats}"
        )
        print(f"  {picture}: its piano roll")
        if maps:
            print(f"  {maps[number]}: what the model attended to")
    first = shlex.quote(str(files[0][0]))
    print(f"To hear it, open {first} in a music player or a notation program (MuseScore is free),")
    print(f"or, where one of these is installed: timidity {first} | fluidsynth {first}")
    print(f"To compose it again: {_again(arguments, pieces[0].seed)}")


def train_melody(arguments: argparse.Namespace) -> None:
    """Trains a model of melodies."""
    from musegen.checkpoint import SUFFIX

    out = _path(arguments.out)
    if out.suffix != SUFFIX:
        raise ValueError(f"--out {out}: name a checkpoint with the suffix {SUFFIX}.")
    if arguments.corpus == "chorales":
        corpus = musegen.corpus.chorales(voices=("soprano",))
    elif arguments.corpus == "fiddle-tunes":
        corpus = musegen.corpus.fiddle_tunes()
    else:
        corpus = musegen.corpus.folder(arguments.corpus)
    print(corpus)
    with progress("Starting TensorFlow ..."), quiet_start():
        from musegen.training import TrainingError
    model = musegen.AttentionLSTM(**_given(arguments, MODEL_OPTIONS))
    verbose = 1 if sys.stdout.isatty() else 2
    options = _given(arguments, FIT_OPTIONS)
    try:
        model.fit(corpus, checkpoint=out, verbose=verbose, **options)
    except KeyboardInterrupt:
        print("Run the same command again to go on after the last whole epoch.", file=sys.stderr)
        raise
    except TrainingError as error:
        raise ValueError(str(error)) from error
    print(f"{out}: {_record_line(model.training_record)}")
    print(f"To compose with it: musegen compose {shlex.quote(str(out))}")


def models(arguments: argparse.Namespace) -> None:
    """Lists the models that ship with musegen, without loading them."""
    from musegen import checkpoint

    names = checkpoint.pretrained_names()
    if not names:
        print("No model ships with this copy of musegen.")
    for name in names:
        header, _ = checkpoint.file_tensors(checkpoint.PRETRAINED / f"{name}{checkpoint.SUFFIX}")
        print(f"{name}: {header.get('class')}, {_record_line(header.get('training') or {})}")
        print(f"  its card: {checkpoint.PRETRAINED / f'{name}.md'}")


def plot(arguments: argparse.Namespace) -> None:
    """Draws a MIDI file as a piano roll."""
    score = musegen.read_midi(arguments.file)
    stem = Path(arguments.file).stem
    out = _free(stem, ".png") if arguments.out is None else _path(arguments.out)
    with progress("Drawing ..."):
        musegen.plot_pianoroll(score, out, title=stem)
    print(f"{out}: the piano roll of {arguments.file}")


def corpus_scan(arguments: argparse.Namespace) -> None:
    """Prints what of a folder can be trained on."""
    limits = musegen.ReadLimits(**_given(arguments, LIMITS))
    print(musegen.corpus.scan(arguments.folder, limits=limits, **_given(arguments, SCAN_OPTIONS)))


def _check_model(name: str) -> None:
    """Raises what `load` would raise of a name, before TensorFlow is imported."""
    from musegen import checkpoint

    if name not in checkpoint.pretrained_names():
        if not Path(name).exists():
            checkpoint.load(name)
        checkpoint.file_tensors(Path(name))


def _path(name: str) -> Path:
    """A path to write to, if there is or can be a folder for it."""
    path = Path(name)
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{name} can't be written: name a file in a folder where you may write.")
    return path


def _composition_files(out: str | None, count: int) -> list[tuple[Path, Path]]:
    """The names of the MIDI file and the picture of each piece."""
    if out is not None:
        if not out.lower().endswith((".mid", ".midi")):
            raise ValueError(f"--out {out}: name a MIDI file (.mid).")
        return [(path, path.with_suffix(".png")) for path in _numbered(_path(out), count)]
    if count == 1:
        midi = _free("composition", ".mid", ".png")
        return [(midi, midi.with_suffix(".png"))]
    first = 1
    while True:
        files = [
            (Path(f"composition-{number}.mid"), Path(f"composition-{number}.png"))
            for number in range(first, first + count)
        ]
        taken = [n for n, pair in enumerate(files, first) if any(path.exists() for path in pair)]
        if not taken:
            return files
        first = taken[-1] + 1


def _free(stem: str, *suffixes: str) -> Path:
    """`stem`, `stem-2`, `stem-3` and so on with the first suffix, where no suffix is taken."""
    number = 1
    while True:
        name = f"{stem}-{number}" if number > 1 else stem
        if not any(Path(name + suffix).exists() for suffix in suffixes):
            return _path(name + suffixes[0])
        number += 1


def _numbered(path: Path, count: int) -> list[Path]:
    """The path itself, or, for several pieces, `name-1.mid`, `name-2.mid` and so on."""
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]


def _again(arguments: argparse.Namespace, seed: int) -> str:
    """The command that composes the same music."""
    words = ["musegen", "compose", arguments.model]
    for name in ("notes", "bars", "temperature", "top_k", "top_p", "prompt", "count"):
        value = getattr(arguments, name)
        if value not in (None, COMPOSE_DEFAULTS.get(name)):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--seed", str(seed)])


def _record_line(record: dict[str, Any]) -> str:
    """What a training record says, in a line."""
    if "val_nats" not in record:
        return "no record of its training"
    train, validation = record["pieces"]
    return (
        f"trained on {train:,} pieces of {record['corpus']}, {record['val_nats']:.2f} nats an "
        f"event on {validation:,} others"
    )


def _given(arguments: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """The options that stand in the command: the library knows the defaults of the others."""
    return {name: getattr(arguments, name) for name in options if hasattr(arguments, name)}
