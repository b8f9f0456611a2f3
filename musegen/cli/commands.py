"""What each command does, given its arguments.

Whatever can be looked at at once (names, files, the prompt) is looked at before TensorFlow is
imported, which takes seconds. Where a name is chosen for the user, it is one that is free.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import musegen
from musegen.cli.arguments import (
    DIAGNOSE_OPTIONS,
    EVALUATE_OPTIONS,
    LIMITS,
    MELODY_FIT_OPTIONS,
    MELODY_OPTIONS,
    MUSEGAN_FIT_OPTIONS,
    MUSEGAN_OPTIONS,
    ONLY_MELODIES,
    ONLY_MUSEGAN,
    SCAN_OPTIONS,
)
from musegen.cli.terminal import progress, quiet_start
from musegen.corpus.named import NAMES

EXTRA = {"attention": "what the model attended to", "knobs": "what each of its knobs changes"}


def compose(arguments: argparse.Namespace) -> None:
    """Writes pieces as MIDI files and pictures."""
    several = _model_class(arguments.model) == "MuseGAN"
    _check_options(arguments, several)
    prompt = None if arguments.prompt is None else musegen.interop.to_score(arguments.prompt)
    files = _composition_files(arguments.out, arguments.count)
    extra = "attention" if arguments.knobs is None else "knobs"
    pictures = _extra_pictures(getattr(arguments, extra), arguments.count)
    written = {os.path.realpath(path) for path in itertools.chain(pictures, *files)}
    if len(written) < len(pictures) + 2 * len(files):
        name = getattr(arguments, extra)
        raise ValueError(f"--{extra} {name} is the piano roll's name: change it.")
    if arguments.prompt is not None and os.path.realpath(arguments.prompt) in written:
        raise ValueError(f"--prompt {arguments.prompt} would be replaced: choose another --out.")

    with progress(f"Loading {arguments.model} ..."), quiet_start():
        model = musegen.load(arguments.model)
    options = {
        name: getattr(arguments, name)
        for name in ("bars", "temperature", "top_k", "top_p", "seed")
        if getattr(arguments, name) is not None
    }
    if not several:
        options |= {"notes": arguments.notes, "prompt": prompt}
    with progress("Composing ..."):
        pieces = model.sample(count=arguments.count, **options)
        pieces = pieces if isinstance(pieces, list) else [pieces]
    print(f"Composed by {arguments.model}, seed {pieces[0].seed}.")
    if prompt is not None:
        print(f"It goes on from {arguments.prompt}: {pieces[0].prompt_report}.")
    for number, (piece, (midi, picture)) in enumerate(zip(pieces, files, strict=True)):
        with progress("Drawing ..."):
            piece.save(midi)
            piece.plot(picture)
            if pictures and extra == "attention":
                piece.plot_attention(pictures[number])
            elif pictures:
                noise = piece.noise[0] if number else None  # the first is the seed's own
                musegen.plot_knobs(model, noise, pictures[number], seed=piece.seed)
        print(f"  {midi}: {piece.summary()}")
        print(f"  {picture}: its piano roll")
        if pictures:
            print(f"  {pictures[number]}: {EXTRA[extra]}")
    first = shlex.quote(str(files[0][0]))
    print(f"To hear it, open {first} in a music player or a notation program (MuseScore is free),")
    print(f"or, where one of these is installed: timidity {first} | fluidsynth {first}")
    print(f"To compose it again: {_again(arguments, pieces[0].seed)}")


def train_melody(arguments: argparse.Namespace) -> None:
    """Trains a model of melodies."""
    out = _checkpoint_path(arguments.out)
    if arguments.corpus == "chorales":
        corpus = musegen.corpus.chorales(voices=("soprano",))
    else:
        corpus = _corpus(arguments.corpus)
    with progress("Starting TensorFlow ..."), quiet_start():
        model = musegen.AttentionLSTM(**_given(arguments, MELODY_OPTIONS))
    print(corpus)
    _train(model, corpus, out, _given(arguments, MELODY_FIT_OPTIONS))


def train_musegan(arguments: argparse.Namespace) -> None:
    """Trains a model of several tracks."""
    from musegen.encoding.roll import VOICES

    out = _checkpoint_path(arguments.out)
    voices = {voice.name: voice for voice in VOICES}
    tracks: Any = tuple(voices.get(name, name) for name in arguments.tracks)
    encoding = musegen.PianorollEncoding(tracks)
    if arguments.corpus == "chorales":
        encoding = musegen.PianorollEncoding(tracks, lowest=36, pitches=48)  # C2 to B5: their range
        corpus = musegen.corpus.chorales()
    else:
        corpus = _corpus(arguments.corpus)
    with progress("Starting TensorFlow ..."), quiet_start():
        model = musegen.MuseGAN(encoding, **_given(arguments, MUSEGAN_OPTIONS))
    print(corpus)
    _train(model, corpus, out, _given(arguments, MUSEGAN_FIT_OPTIONS))


def _train(model: Any, corpus: musegen.corpus.Corpus, out: Path, options: dict[str, Any]) -> None:
    verbose = 1 if sys.stdout.isatty() else 2
    try:
        model.fit(corpus, checkpoint=out, verbose=verbose, **options)
    except KeyboardInterrupt:
        print("Run the same command again to go on after the epoch saved last.", file=sys.stderr)
        raise
    except RuntimeError as error:  # a TrainingError, or an engine that can't train
        raise ValueError(str(error)) from error
    print(f"{out}: {_record_line(model.training_record)}")
    print(f"To compose with it: musegen compose {shlex.quote(str(out))}")


def evaluate(arguments: argparse.Namespace) -> None:
    """Prints the figures of a model, or of a folder of music, beside those of real music."""
    from musegen.plots._figure import check_picture_path

    files = {name: getattr(arguments, name) for name in ("json", "plot")}
    files = {name: _path(file) for name, file in files.items() if file is not None}
    if "plot" in files:
        check_picture_path(files["plot"])
    if "json" in files and files["json"].suffix.lower() != ".json":
        raise ValueError(f"--json {files['json']}: give a name that ends in .json.")
    subject: Any = arguments.subject
    is_model = not Path(subject).is_dir()
    if is_model:
        _model_class(subject)
    corpus = _named_or_read(arguments.corpus)
    if is_model:
        with progress(f"Loading {subject} ..."), quiet_start():
            subject = musegen.load(subject)
    found = musegen.evaluate(subject, corpus, **_given(arguments, EVALUATE_OPTIONS))
    print(found)
    if "json" in files:
        found.to_json(files["json"])
        print(f"{files['json']}: the figures")
    if "plot" in files:
        with progress("Drawing ..."):
            found.plot(files["plot"])
        print(f"{files['plot']}: the figures as a picture")


def diagnose(arguments: argparse.Namespace) -> None:
    """Prints what stands in the way of a model's learning, and writes a page of it."""
    from musegen.diagnosis.finding import check_page_path

    out = _free("diagnosis", ".html") if arguments.out is None else _path(arguments.out)
    check_page_path(out)
    _model_class(arguments.model)
    corpus = _named_or_read(arguments.corpus)
    with progress(f"Loading {arguments.model} ..."), quiet_start():
        model = musegen.load(arguments.model)
    options = _given(arguments, DIAGNOSE_OPTIONS)
    print(musegen.diagnose(model, corpus, checks=arguments.checks, out=out, **options))
    print(f"{out}: the findings with their pictures")


def models(arguments: argparse.Namespace) -> None:
    """Lists the models that ship with musegen, without loading them."""
    from musegen import checkpoint, loading

    names = loading.pretrained_names()
    if not names:
        print("No model ships with this copy of musegen.")
    for name in names:
        header, _ = checkpoint.file_tensors(loading.PRETRAINED / f"{name}{checkpoint.SUFFIX}")
        print(f"{name}: {header.get('class')}, {_record_line(header.get('training') or {})}")
        print(f"  its card: {loading.PRETRAINED / f'{name}.md'}")


def plot(arguments: argparse.Namespace) -> None:
    """Draws a file of music as a piano roll."""
    score = musegen.interop.to_score(arguments.file)
    stem = Path(arguments.file).stem
    out = _free(stem, ".png") if arguments.out is None else _path(arguments.out)
    with progress("Drawing ..."):
        musegen.plot_pianoroll(score, out, title=stem)
    print(f"{out}: the piano roll of {arguments.file}")


def corpus_scan(arguments: argparse.Namespace) -> None:
    """Prints what of a folder can be trained on."""
    limits = musegen.ReadLimits(**_given(arguments, LIMITS))
    report = musegen.corpus.scan(arguments.folder, limits=limits, **_given(arguments, SCAN_OPTIONS))
    print(report.text(lambda name, value: f"--{name.replace('_', '-')} {value}"))


def _model_class(name: str) -> Any:
    """The class that a model's file names; raises what `load` would raise of a name.

    TensorFlow is not imported, and the file not read beyond its header.
    """
    from musegen.loading import model_header

    return model_header(name).get("class")


def _corpus(name: str) -> musegen.corpus.Corpus:
    """The corpus of a name, or in a folder."""
    if name == "fiddle-tunes":
        return musegen.corpus.fiddle_tunes()
    if not Path(name).exists():
        raise ValueError(f"{name}: no such folder. Give one, or {' or '.join(NAMES)}.")
    return musegen.corpus.folder(name)


def _named_or_read(name: str) -> Any:
    """The corpus in a folder, or a name: which voices it stands for depends on the model."""
    return name if name in NAMES else _corpus(name)


def _check_options(arguments: argparse.Namespace, several: bool) -> None:
    """Raises a `ValueError` if an option is given that the model doesn't have."""
    what, who = ("melodies", "is a MuseGAN") if several else ("a MuseGAN", "writes melodies")
    for name in ONLY_MELODIES if several else ONLY_MUSEGAN:
        if getattr(arguments, name) is not None:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option} is for {what}; {arguments.model} {who}. Leave it out.")


def _extra_pictures(name: str | None, count: int) -> list[Path]:
    """The names of the attention maps or pages of knobs, none where none are asked for."""
    from musegen.plots._figure import check_picture_path

    if name is None:
        return []
    check_picture_path(name)
    return _numbered(_path(name), count)


def _checkpoint_path(name: str) -> Path:
    from musegen.checkpoint import SUFFIX

    path = _path(name)
    if path.suffix != SUFFIX:
        raise ValueError(f"--out {path}: name a checkpoint with the suffix {SUFFIX}.")
    return path


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
        if value is not None and (name, value) != ("count", 1):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return shlex.join([*words, "--seed", str(seed)])


def _record_line(record: dict[str, Any]) -> str:
    """What a training record says, in a line."""
    if "val_nats" in record:
        train, validation = record["pieces"]
        return (
            f"trained on {train:,} pieces of {record['corpus']}, {record['val_nats']:.2f} nats an "
            f"event on the {validation:,} of the validation split"
        )
    if "phrases" in record:
        minutes = f", {record['minutes']:,.0f} minutes" if "minutes" in record else ""
        return (
            f"trained on {record['phrases']:,} phrases of {record['pieces']:,} pieces of "
            f"{record['corpus']}, {record['epochs_run']:,} of {record['epochs']:,} epochs{minutes}"
        )
    return "no record of its training"


def _given(arguments: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """The options that stand in the command: the library knows the defaults of the others."""
    return {name: getattr(arguments, name) for name in options if hasattr(arguments, name)}
