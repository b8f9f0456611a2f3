"""What each command does, given its arguments; the docstrings are the commands' help.

Whatever can be looked at at once (names, files, the prompt) is looked at before TensorFlow is
imported, which takes seconds. Where a name is chosen for the user, it is one that is free.
"""

from __future__ import annotations

import inspect
import itertools
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import musegen
from musegen import loading
from musegen.checkpoint import checkpoint_path
from musegen.cli import sound, variants
from musegen.cli.options import (
    CHORALES,
    MELODIES,
    NETWORK,
    OF_MELODIES,
    PHRASES,
    model_of,
    option,
    typed,
)
from musegen.cli.terminal import progress, starting
from musegen.cli.tracks import encoding_of
from musegen.composition import PICTURE_SUFFIXES, check_piece_path
from musegen.corpus.named import NAMES, named
from musegen.diagnosis.finding import check_page_path
from musegen.encoding.roll import VOICES, RollTrack
from musegen.plots._figure import check_picture_path
from musegen.sampling.prompt import part
from musegen.settings import settings_of

EXTRA = {
    "melodies": ("attention", "what the model attended to"),
    "phrases": ("knobs", "what each of its knobs changes"),
}
"""The picture that `compose` draws besides, by what a model writes: its option, and what it is."""

OF_DRAWS = ("temperature", "top_k", "top_p")
"""Options of how events are drawn, which a phrase has not: its noise decides it."""

VARIANTS = 4
"""Variants that `compose --vary` writes where no number is given."""


def compose(
    model: str | None = None,
    out: str | None = None,
    prompt: str | None = None,
    answer_to: str | None = None,
    attention: str | None = None,
    knobs: str | None = None,
    vary: str | None = None,
    track: str | None = None,
    given: str | None = None,
    wav: bool = False,
    **settings: Any,
) -> None:
    """Writes a new piece, as a MIDI file (or of another kind) and a picture of its notes.

    Examples:
      musegen compose                                     four voices, as Bach's chorales are
      musegen compose --bars 8 --seed 7                   eight bars, the same each time
      musegen compose bach-chorale-melody                 a melody, as theirs are
      musegen compose fiddle-tune --temperature 0.7 --count 3   three, of a more careful kind
      musegen compose --prompt mine.mid --out longer.mid  goes on from your own melody
      musegen compose --out tune.musicxml                 for MuseScore; .wav is sound, .html a page
      musegen compose --wav                               and its sound beside it
      musegen compose --key "F major" --range soprano=C4-G5 --density 1.1
      musegen compose fiddle-tune --key "G minor" --range D4-G5 --instrument Oboe
      musegen compose mine.safetensors --answer-to a.mid  answers it (--network encoder-decoder)
      musegen compose --attention attention.png           a melody, and what the model attended to
      musegen compose bach-quartet --bars 8               four voices, two phrases
      musegen compose bach-quartet --knobs knobs.png      and what each of its knobs changes
      musegen compose bach-quartet --vary groove --track bass   and with four other grooves
      musegen compose bach-quartet --given tune.mid       three voices to your tune, the soprano
    """
    files_given = {"prompt": prompt, "answer_to": answer_to, "given": given}
    if model is None:
        named = {**files_given, "attention": attention, **settings}
        of_melodies = any(named.get(name) is not None for name in OF_MELODIES)
        model = MELODIES if of_melodies else CHORALES if given is None else PHRASES
    loading.model_header(model)
    sources = {name: file for name, file in files_given.items() if file is not None}
    music = {name: musegen.interop.to_score(file) for name, file in sources.items()}
    of_prompt = settings.keys() & {"prompt_track", "prompt_bars", "new_only"}
    if prompt is None and of_prompt:
        raise ValueError(f"{option(min(of_prompt))} is for a prompt: give --prompt too.")
    if prompt is not None:
        several = sum(len(track.notes) > 0 for track in music["prompt"].tracks) > 1
        music["prompt"], tune = part(music["prompt"], settings.get("prompt_track"))
        given_track = f", {tune}" if several and tune else ""
    if answer_to is not None and "notes" in settings:
        raise ValueError("--notes is not for an answer, which is as long as a phrase: give --bars.")
    if track is not None and vary is None and given is None:
        raise ValueError(f"--track {track} is for --vary or --given: say what of it to vary.")
    if given is not None and None not in (vary, track):
        raise ValueError(
            f"--track {track} says which track --given is, and --vary then changes all others. "
            "Leave --track out, or --vary."
        )
    if given is not None and knobs is not None:
        raise ValueError(
            f"--knobs {knobs} is of phrases that are written alone: leave --given out."
        )
    varied = {} if vary is None else {"part": vary, "count": settings.pop("count", VARIANTS)}
    count = settings.get("count", 1)
    expression = settings.pop("expression", None)
    files = _composition_files(out, count, varied, wav)
    sounds = sound.paths_of((midi for midi, _ in files), _path) if wav else []
    extra, name = ("attention", attention) if knobs is None else ("knobs", knobs)
    pictures = [] if name is None else _numbered(_picture_path(name), count)
    written = {os.path.realpath(path) for path in itertools.chain(pictures, *files)}
    if len(written) < len(pictures) + sum(len({*pair}) for pair in files):
        raise ValueError(f"--{extra} {name} is the piano roll's name: change it.")
    for name, file in sources.items():
        if os.path.realpath(file) in written:
            raise ValueError(f"{option(name)} {file} would be replaced: choose another --out.")

    loaded = _loaded(model)
    picture, what = EXTRA.get(loaded.writes, ("", ""))
    takes = {*inspect.signature(loaded.sample).parameters, picture}
    takes |= {"vary", "track"} if hasattr(loaded, "variants") else set()
    if given is not None and loaded.writes == "voices":
        raise ValueError(f"--given is not for {model}, which does it by `musegen harmonise`.")
    options = {"vary": vary, "track": track}
    chosen = {**sources, **options, "attention": attention, "knobs": knobs, **settings}
    for name, value in chosen.items():
        if value is not None and name not in takes:
            decided = name in OF_DRAWS and loaded.writes == "phrases"
            why = f"{loaded.writes}{', each decided by its noise alone' if decided else ''}"
            raise ValueError(
                f"{option(name)} is not for {model}, which writes {why}. Leave it out."
            )
    # Without `notes`, a model ends a melody itself.
    asked = {"notes": None, **settings, **music}
    if prompt is not None:
        asked.pop("prompt_track", None)  # it is the only track by now
    if given is not None:
        names = [one.name for one in loaded.encoding.tracks]
        name = names[0] if track is None else track
        if name.casefold() not in map(str.casefold, names):
            raise ValueError(f"--track {name}: choose among {', '.join(names)}.")
        asked["given"] = {name: music["given"]}
    with progress("Composing ..."):
        pieces = loaded.sample(**{name: asked[name] for name in asked if name in takes})
    pieces = pieces if isinstance(pieces, list) else [pieces]
    if varied:
        again = {"track": track, "hold": settings.get("hold"), "seed": pieces[0].seed}
        with progress("Varying ..."):
            pieces += loaded.variants(pieces[0], **varied, **again)
    if attention is not None and pieces[0].copied is None and pieces[0].attention is None:
        raise ValueError(f"--attention {attention}: {model} has no attention. Leave it out.")
    print(f"Composed by {pieces[0].origin}.")
    for name, file in sources.items():
        if name == "given":
            print(f"The {pieces[0].given.name} is that of {file}.")
            continue
        does = f"goes on from {file}{given_track}" if name == "prompt" else f"answers {file}"
        print(f"It {does}: {pieces[0].prompt_report}.")
    for remark in pieces[0].remarks:
        print(remark)
    for number, (piece, (midi, roll)) in enumerate(zip(pieces, files, strict=True)):
        with progress("Drawing ..."):
            heard = sound.save(piece, midi, sounds[number] if wav else None, expression)
            if roll != midi:
                piece.plot(roll)
            if attention is not None:
                piece.plot_attention(pictures[number])
            elif knobs is not None:
                noise = piece.noise[0] if number else None  # the first is the seed's own
                musegen.plot_knobs(loaded, noise, pictures[number], seed=piece.seed)
        print(f"  {midi}: {piece.summary()}")
        if varied and number:
            print(f"    another {vary}: {variants.changes(pieces[0], piece)}")
        if roll != midi:
            print(f"  {roll}: its piano roll")
        if heard:
            print(heard)
        if pictures:
            print(f"  {pictures[number]}: {what}")
    first = shlex.quote(str(files[0][0]))
    if first.endswith(".mid"):
        print(
            f"To hear it, open {first} in a music player or a notation program (MuseScore is free),"
        )
        print(f"or, where one of these is installed: timidity {first} | fluidsynth {first}")
    words = ["musegen", "compose", model]
    if expression is not None:
        words += ["--expression", str(expression)]
    words += ["--wav"] * wav
    chosen = {**settings, **options, **sources, "count": varied.get("count", settings.get("count"))}
    for name, value in {**chosen, "seed": pieces[0].seed}.items():
        words += [] if value is None else [option(name), *typed(name, value)]
    print(f"To compose it again: {shlex.join(words)}")


def train_melody(
    corpus: str, out: str, settings: Sequence[str], network: str | None = None, **start: str
) -> None:
    """Trains a model of melodies: an LSTM with attention, or another network.

    Stopped and run again with the same options, it goes on after its last whole epoch. With --from
    it begins with what a model has learned, whose network and settings it has.

    Examples:
      musegen train melody chorales --out bach.safetensors
      musegen train melody my-midi-files --out mine.safetensors --epochs 30
      musegen train melody my-midi-files --out mine.safetensors --from bach-chorale-melody
      musegen compose mine.safetensors
    """
    name = start.get("from")
    if name is None:
        _train(corpus, out, settings, "melody", NETWORK if network is None else network)
        return
    loading.model_header(name)
    if os.path.realpath(loading.model_path(name)) == os.path.realpath(out):
        raise ValueError(f"--out {out} would replace the model of --from: choose another name.")
    _train(corpus, out, settings, "melody", network, start=name)


def _start(name: str, network: str | None) -> Any:
    """Loads the model to begin from; refuses one of another kind, or of another network."""
    with starting(f"Loading {name} ..."):
        model = loading.load_to_train(name)
    if model.family != "melody":
        raise ValueError(f"--from {name}: it writes {model.writes}. Give a model of melodies.")
    own = model.network.registered_name
    if network not in (None, own):
        raise ValueError(f"--network {network}: {name} has {own}. Leave --network out, or --from.")
    return model


def train_voices(
    corpus: str, out: str, tracks: Sequence[str], network: str, settings: Sequence[str]
) -> None:
    """Trains a model of several voices by likelihood, which harmonises and rewrites.

    The tracks are voices of one note at a time, the highest first; those of a file are taken by
    name, or in order if none has such a name. Stopped and run again with the same options, training
    goes on after its last whole epoch.

    Examples:
      musegen train voices chorales --out bach.safetensors
      musegen train voices my-trios --out mine.safetensors --tracks violin viola cello
      musegen harmonise tune.mid --model mine.safetensors
    """
    known = {voice.name: voice for voice in VOICES}
    encoding = musegen.VoicesEncoding(tuple(known.get(name, RollTrack(name)) for name in tracks))
    _train(corpus, out, settings, "voices", network, encoding=encoding)


def train_musegan(
    corpus: str, out: str, tracks: Sequence[str], settings: Sequence[str], **grid: Any
) -> None:
    """Trains a model of several tracks: a MuseGAN.

    A track is one of that name in the files, or of that instrument: bass, drums (channel 10),
    piano, guitar, strings, or another family of General MIDI; `musegen corpus scan` lists those of
    a folder. Before training it is said how many notes of each are learned from, and why not all.

    Stopped and run again with the same options, training goes on from where it was last saved,
    which is once a minute. Pictures of how it goes stand beside the checkpoint.

    Examples:
      musegen train musegan chorales --out quartet.safetensors
      musegen train musegan my-songs --out band.safetensors --tracks piano bass drums
      musegen train musegan my-waltzes --out waltz.safetensors --tracks piano bass --meter 3/4
      musegen train musegan my-songs --out a.safetensors --tracks lead bass --program lead=80
      musegen compose quartet.safetensors
    """
    given = {"lowest": 36, "pitches": 48} if corpus == "chorales" else {}  # their range
    _train(
        corpus, out, settings, "musegan", encoding=encoding_of(corpus, tracks, **{**given, **grid})
    )


def _train(
    corpus: str,
    out: str,
    settings: Sequence[str],
    family: str,
    network: str | None = None,
    start: str | None = None,
    **arguments: Any,
) -> None:
    path = checkpoint_path(_path(out), "--out")
    music = _corpus(corpus)
    with starting("Starting ..."):
        from musegen.training.parallel import join, writes_files

        if family != "musegan":  # processes that were launched together train one model
            _or_value_error(join)
    if start is not None:
        arguments["start"] = _start(start, network)
        network = arguments["start"].network.registered_name
    model, options = model_of(settings, family, network, **arguments)
    music = named(music, melodic=model.writes == "melodies")
    if not writes_files():
        _or_value_error(model.fit, music, checkpoint=path, verbose=0, **options)
        return
    print(music)
    verbose = 1 if sys.stdout.isatty() else 2
    _or_value_error(model.fit, music, checkpoint=path, verbose=verbose, **options)
    print(f"{out}: {model.summary_of(model.training_record)}")
    print(f"To compose with it: musegen compose {shlex.quote(out)}")


def _or_value_error(function: Any, *arguments: Any, **options: Any) -> None:
    """Calls what may raise a TrainingError, or say that an engine can't train."""
    try:
        function(*arguments, **options)
    except RuntimeError as error:
        raise ValueError(str(error)) from error


def evaluate(
    subject: str, corpus: str, json: str | None = None, plot: str | None = None, **settings: Any
) -> None:
    """Measures what a model writes, or given music, against real music.

    The real music is the test split of a corpus. Beside every figure stand that of the real music
    and that of a shuffled control.

    Examples:
      musegen evaluate bach-quartet chorales
      musegen evaluate mine.safetensors my-midi-files --json mine.json
      musegen evaluate what-another-program-wrote chorales --plot figures.png
      musegen evaluate mine.mid chorales
    """
    if plot is not None:
        _picture_path(plot)
    if json is not None and _path(json).suffix.lower() != ".json":
        raise ValueError(f"--json {json}: give a name that ends in .json.")
    is_model = not (loading.names_a_folder(subject) or loading.names_a_piece(subject))
    if is_model:
        loading.model_header(subject)
    elif loading.names_a_piece(subject):
        musegen.interop.to_score(subject)
    music = _corpus(corpus)
    found = musegen.evaluate(_loaded(subject) if is_model else subject, music, **settings)
    print(found)
    if json is not None:
        found.to_json(json)
        print(f"{json}: the figures")
    if plot is not None:
        with progress("Drawing ..."):
            found.plot(plot)
        print(f"{plot}: the figures as a picture")


def diagnose(model: str, corpus: str, out: str | None = None, **settings: Any) -> None:
    """Finds out why a model does not learn, and writes a page of it.

    Asks what a practitioner would ask of a model that does not learn, or not enough: is it right,
    is there enough data, is the data good, where does it get stuck? Takes minutes.

    Examples:
      musegen diagnose bach-chorale-melody chorales
      musegen diagnose mine.safetensors my-midi-files --checks duplicates outliers
    """
    page = _free("diagnosis", ".html") if out is None else _path(out)
    check_page_path(page)
    loading.model_header(model)
    music = _corpus(corpus)
    print(musegen.diagnose(_loaded(model), music, out=page, **settings))
    print(f"{page}: the findings with their pictures")


def models() -> None:
    """Lists the models that ship with musegen, each with the path of its card.

    Examples:
      musegen models
    """
    names = loading.pretrained_names()
    if not names:
        print("No model ships with this copy of musegen.")
    for name in names:
        card = loading.PRETRAINED / f"{name}.md"
        _, summary, *_ = card.read_text(encoding="utf-8").split("\n\n")
        print(f"{name}: {summary}\n  its card: {card}")


def plot(
    file: str,
    out: str | None = None,
    bars: tuple[int, int] | None = None,
    tracks: Sequence[str] | None = None,
) -> None:
    """Draws a file of music as a piano roll.

    Examples:
      musegen plot tune.mid
      musegen plot tune.mid --out tune.svg
      musegen plot song.mid --bars 17-32 --tracks Bass Drums
    """
    score = musegen.interop.to_score(file)
    stem = Path(file).stem
    picture = _free(stem, ".png") if out is None else _path(out)
    try:
        with progress("Drawing ..."):
            figure = musegen.plot_pianoroll(score, picture, title=stem, bars=bars, tracks=tracks)
    except ValueError as error:
        if bars is None or not str(error).startswith("bars="):
            raise
        raise ValueError(
            f"--bars {bars[0]}-{bars[1]}{str(error)[str(error).index(':') :]}"
        ) from None
    print(f"{picture}: the piano roll of {file}")
    if figure.get_label():
        print(f"  {figure.get_label()}")


def corpus_scan(folder: str, **settings: Any) -> None:
    """Says which files of a folder can be trained on, why others can't, and what for.

    The files are MIDI, and pypianoroll's .npz. Of those that `musegen train` would read it lists
    meters, instruments and names of tracks, how many notes each kind of model would learn from, and
    the commands that train one.

    Examples:
      musegen corpus scan my-midi-files
      musegen corpus scan my-midi-files --max-bars 10000
      musegen corpus scan zip://::songs.zip
      musegen corpus scan s3://bucket/songs --cluster tcp://10.0.0.1:8786
    """
    names = settings.keys() & settings_of(musegen.ReadLimits).keys()
    limits = musegen.ReadLimits(**{name: settings.pop(name) for name in names})
    report = musegen.corpus.scan(folder, limits=limits, **settings)
    print(report.text(lambda name, value: f"{option(name)} {value}"))
    try:
        music = named(folder, cluster=settings.get("cluster"))  # as `musegen train` reads it
    except musegen.CorpusError:
        return  # the report has said why
    with progress("Looking at the music ..."):
        found = musegen.corpus.profile(music)
    print(found.text(folder))


def _loaded(name: str) -> Any:
    with starting(f"Loading {name} ..."):
        return musegen.load(name)


def _corpus(name: str) -> Any:
    """The corpus in a folder, or a name: what it stands for depends on the model."""
    return name if name in NAMES else named(name)


def _path(name: str) -> Path:
    """A path to write to, if there is or can be a folder for it."""
    path = Path(name)
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{name} can't be written: name a file in a folder where you may write.")
    return path


def _picture_path(name: str) -> Path:
    check_picture_path(name)
    return _path(name)


def _composition_files(
    out: str | None, count: int, varied: Mapping[str, Any] | None = None, wav: bool = False
) -> list[tuple[Path, Path]]:
    """The names of the file and the picture of each piece; one name if the file is a picture.

    Of variants they stand beside those of the piece. A name that is chosen here is free, also for
    sound if `wav` is true.
    """
    suffixes = (".mid", ".png", *[".wav"] * wav)
    if varied:
        return variants.files_of(out, _path, suffixes, **varied)
    if out is not None:
        check_piece_path(out, "--out")
        paths = _numbered(_path(out), count)
        if paths[0].suffix.lower() in PICTURE_SUFFIXES:
            return [(path, path) for path in paths]
    elif count == 1:
        paths = [_free("composition", *suffixes)]
    else:
        taken = {path.stem for path in Path().iterdir() if path.suffix in suffixes}
        runs = ([f"composition-{i + n}" for n in range(count)] for i in itertools.count(1))
        paths = [
            _path(f"{name}.mid") for name in next(run for run in runs if taken.isdisjoint(run))
        ]
    return [(path, path.with_suffix(".png")) for path in paths]


def _free(stem: str, *suffixes: str) -> Path:
    """`stem`, `stem-2`, `stem-3` and so on with the first suffix, where no suffix is taken."""
    names = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
    free = (name for name in names if not any(Path(name + suffix).exists() for suffix in suffixes))
    return _path(next(free) + suffixes[0])


def _numbered(path: Path, count: int) -> list[Path]:
    """The path itself, or, for several pieces, `name-1.mid`, `name-2.mid` and so on."""
    if count == 1:
        return [path]
    return [path.with_stem(f"{path.stem}-{number}") for number in range(1, count + 1)]
