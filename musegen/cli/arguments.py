"""The arguments of each command, and their help.

`run` is a function of `musegen.cli.commands`, whose docstring is the command's help; the other
arguments, but `command`, are its keyword arguments. Options that are settings of the library are
made of their declarations.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import musegen
from musegen._checks import Choice, Whole
from musegen.cli import commands, options, sound, tracks
from musegen.cli import studio as studio_command
from musegen.cli import voices as voice_commands
from musegen.cli.options import FILE, NETWORK, Parser, TrainingParser, add_settings, value_of
from musegen.corpus.cluster import ADDRESSES, Cluster
from musegen.corpus.named import NAMES
from musegen.diagnosis.checks import CHECKS
from musegen.encoding.instruments import FAMILIES
from musegen.encoding.keys import key_from
from musegen.encoding.roll import VOICES, RollTrack
from musegen.sampling import harmony, melody, phrases, voices
from musegen.sampling import knobs as turning
from musegen.sampling.asked import (
    by_voice,
    density_from,
    instrument_from,
    meter_from,
    range_from,
)
from musegen.sampling.voices import AVOID
from musegen.settings import Setting, settings_of
from musegen.studio.serving import serve

MODEL = "a name that `musegen models` lists, or a checkpoint"
MUSIC = ".mid, .musicxml, .mxl, or pypianoroll's .npz"
FREE = ", or the next number that is free"
CORPUS = f"{', '.join(NAMES)}, or a folder of MIDI files"


def make_parser() -> Parser:
    """Makes the parser of the `musegen` command."""
    parser = Parser(
        prog="musegen",
        description="Writes music as MIDI.",
        epilog="Begin with: musegen compose\nEach command has its own help: musegen compose --help",
    )
    parser.add_argument("--version", action="version", version=f"musegen {musegen.__version__}")
    parsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_compose(_command(parsers, "compose", commands.compose))
    for name in ("harmonise", "harmonize"):
        _add_harmonise(_command(parsers, name, voice_commands.harmonise))
    _add_rewrite(_command(parsers, "rewrite", voice_commands.rewrite))
    train = parsers.add_parser("train", help="trains a model")
    kinds = train.add_subparsers(metavar="KIND", required=True, parser_class=TrainingParser)
    _add_train_melody(_command(kinds, "melody", commands.train_melody))
    _add_train_voices(_command(kinds, "voices", commands.train_voices))
    _add_train_musegan(_command(kinds, "musegan", commands.train_musegan))
    _add_evaluate(_command(parsers, "evaluate", commands.evaluate))
    _add_diagnose(_command(parsers, "diagnose", commands.diagnose))
    _command(parsers, "models", commands.models)
    plot = _command(parsers, "plot", commands.plot)
    _add(plot, "file", "FILE", f"a file of music: {MUSIC}")
    text = f"FILE's name with .png, in the current folder{FREE}"
    _add(plot, "--out", "PICTURE", f"the picture, replaced if it is there (default: {text})")
    allowed = "give two numbers of bars, such as 17-32, or one"
    text = "draw these bars, the first full one being 1 (default: as many as fill a screen)"
    plot.add_argument("--bars", type=value_of(_bars, allowed), metavar="A-B", help=text)
    text = "draw these tracks alone, by name or number"
    plot.add_argument(
        "--tracks", type=value_of(_name, "give a name"), nargs="+", metavar="NAME", help=text
    )
    studio = _command(parsers, "studio", studio_command.studio)
    text = "the checkpoint of a model of your own, beside those that ship"
    _add(studio, "file", "FILE", text, nargs="?")
    add_settings(studio, settings_of(serve).values())
    corpus = parsers.add_parser("corpus", help="looks at a folder of music")
    actions = corpus.add_subparsers(metavar="ACTION", required=True)
    scan = _command(actions, "scan", commands.corpus_scan)
    text = "the folder, and those in it; or an address such as zip://::songs.zip"
    _add(scan, "folder", "FOLDER", text)
    text = "read by a Dask cluster: the address of its scheduler, such as tcp://10.0.0.1:8786"
    scan.add_argument(
        "--cluster",
        type=value_of(lambda text: Cluster(text).name, ADDRESSES),
        metavar="ADDRESS",
        help=text,
    )
    for function in (musegen.ReadLimits, musegen.corpus.scan):
        add_settings(scan, settings_of(function).values())
    return parser


def _bars(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return Whole(0).convert(int(first)), Whole(0).convert(int(last if "-" in text else first))


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError
    return text


def _command(parsers: Any, name: str, run: Callable[..., None]) -> Parser:
    text, _, examples = (inspect.getdoc(run) or "").partition("\n\nExamples:")
    line = text.partition("\n")[0].rstrip(".")
    parser: Parser = parsers.add_parser(
        name, help=line[0].lower() + line[1:], description=text, epilog=f"examples:{examples}"
    )
    parser.set_defaults(run=run)
    return parser


def _add(parser: Any, name: str, metavar: str, text: str, **more: Any) -> None:
    """Adds a file or folder, or the name of what ships with musegen."""
    parser.add_argument(name, type=FILE, metavar=metavar, help=text, **more)


def _add_compose(compose: Parser) -> None:
    text = f"{MODEL} (default {options.CHORALES}; with an option of melodies {options.MELODIES}; "
    text = f"{text}with --given {options.PHRASES})"
    _add(compose, "model", "MODEL", text, nargs="?")
    text = "the file: .mid, .wav, .musicxml, .mxl, .html or .png; beside it FILE.png, a picture"
    text = f"{text}; both are replaced if they are there (default: composition.mid{FREE})"
    _add(compose, "--out", "FILE", text)
    compose.add_argument("--wav", action="store_true", help=sound.HELP)
    add_settings(compose, settings_of(musegen.Composition.save).values())
    of_melodies, of_phrases = settings_of(melody.sample), settings_of(phrases.sample)
    # Without either of the two, the model ends a melody itself.
    notes = dataclasses.replace(of_melodies["notes"], default=None)
    add_settings(compose.add_mutually_exclusive_group(), [of_melodies["bars"], notes])
    add_settings(compose, [of_melodies[name] for name in ("count", "seed")])
    of_both = of_melodies.keys() & settings_of(voices.sample).keys()
    apart = {"notes", *(of_melodies.keys() & of_phrases.keys())}
    group = compose.add_argument_group("options of models that write melodies or voices")
    shared = {name: one for name, one in of_melodies.items() if name in of_both - apart}
    one, own = shared["temperature"], settings_of(voices.sample)["temperature"].default
    text = f"{one.meaning}; of voices the default is {own}"
    shared["temperature"] = dataclasses.replace(one, meaning=text)
    add_settings(group, shared.values())
    _add_wishes(group)
    group = compose.add_argument_group("options of models that write melodies")
    apart |= of_both
    add_settings(group, [one for name, one in of_melodies.items() if name not in apart])
    text = "track of the prompt to go on from, by name or number from 1"
    text = f"{text}; if not given the one that carries the tune"
    group.add_argument("--prompt-track", metavar="NAME|N", help=text)
    music = group.add_mutually_exclusive_group()
    _add(music, "--prompt", "FILE", f"a file of music to go on from: {MUSIC}")
    text = "one to answer, likewise; for a model whose network reads phrases"
    _add(music, "--answer-to", "FILE", text)
    _add(group, "--attention", "FILE.png", "draw which notes the model attended to, as well")
    group = compose.add_argument_group("options of models that write phrases of several tracks")
    add_settings(group, [one for name, one in of_phrases.items() if name not in apart])
    knobs = group.add_mutually_exclusive_group()
    text = "draw its first phrase with other style, groove, chords or melody, as well"
    _add(knobs, "--knobs", "FILE.png", text)
    part = settings_of(turning.variants)["part"]
    knobs.add_argument(
        "--vary",
        type=value_of(part.range.convert, part.range.allowed),
        metavar="NAME",
        help="write variants with another style, groove, chords or melody beside the piece, and "
        f"say which steps changed; --count says how many (default {commands.VARIANTS})",
    )
    text = "a file of music of which the track that carries the tune is given: the others are "
    _add(group, "--given", "FILE", f"{text}written to it, and it stays as it is: {MUSIC}")
    group.add_argument(
        "--track",
        type=value_of(lambda text: RollTrack(text).name, "give the name of a track"),
        metavar="NAME",
        help="the track that --given is (default: the first); without --given, the one whose "
        "groove or melody --vary changes (default: all)",
    )
    group = compose.add_argument_group("options of models that write voices")
    add_settings(group, [settings_of(voices.sample)["tries"]])
    _add_avoid(group)


def _add_avoid(parser: Any) -> None:
    names = Choice(*AVOID)
    parser.add_argument(
        "--avoid",
        nargs="*",
        type=value_of(names.convert, names.allowed),
        metavar="RULE",
        help=f"what is not to be drawn, of {', '.join(AVOID)} (default both; --avoid alone for "
        "neither)",
    )


def _add_voices(parser: Parser, given: str, settings: Mapping[str, Setting]) -> None:
    """Adds what `harmonise` and `rewrite` have in common."""
    _add(parser, given, given.upper(), "a MIDI file, or pypianoroll's .npz")
    text = f"{MODEL}, of voices (default {options.CHORALES})"
    _add(parser, "--model", "MODEL", text, default=options.CHORALES)
    text = "the MIDI file; the picture is FILE.png; both are replaced if they are there"
    _add(parser, "--out", "FILE.mid", f"{text} (default: composition.mid{FREE})")
    parser.add_argument("--wav", action="store_true", help=sound.HELP)
    add_settings(parser, settings.values())
    of_sample = settings_of(voices.sample)
    add_settings(parser, [of_sample[name] for name in voice_commands.DRAWING])
    _add_avoid(parser)


def _add_harmonise(parser: Parser) -> None:
    _add_voices(parser, "tune", settings_of(harmony.harmonise))
    parser.add_argument("--voice", metavar="NAME", help="which voice it is (default the highest)")
    parser.add_argument(
        "--part", metavar="PART", help="name or number of the part that is the tune"
    )


def _add_rewrite(parser: Parser) -> None:
    _add_voices(parser, "piece", settings_of(harmony.rewrite))
    text = "voices to write anew (default all)"
    parser.add_argument("--voices", nargs="+", metavar="NAME", help=text)
    allowed = "give the first and the last bar, such as 5-8"
    parser.add_argument(
        "--bars",
        type=value_of(voice_commands.bar_range, allowed),
        metavar="A-B",
        help="bars to write anew, from 1, and a pickup is bar 0 (default all)",
    )


def _add_wishes(group: Any) -> None:
    """Adds what is asked of a piece in words of its own."""
    ranges, instruments = (
        functools.partial(by_voice, name, read=read)
        for name, read in (("pitch_range", range_from), ("instrument", instrument_from))
    )
    few = "; of voices, all or some: soprano"
    for names, check, metavar, text in (
        (["--key"], key_from, "KEY", "key, such as 'G minor' or 'F# major'"),
        (
            ["--range", "--pitch-range"],
            ranges,
            "LOW-HIGH",
            f"range of pitches, such as C4-A5 (C4 is middle C){few}=C4-G5,bass=E2-C4",
        ),
        (
            ["--density"],
            density_from,
            "X|X-Y",
            "notes a quarter note, of each voice, such as 1.2 (to a tenth of it) or 1-1.5; pieces "
            "are written until one has it",
        ),
        (
            ["--instrument"],
            instruments,
            "NAME",
            f"General MIDI name, or program 0 to 127{few}=Oboe,bass=Bassoon",
        ),
        (["--meter"], meter_from, "N/N", "meter, such as 3/4; that of a prompt is its own"),
    ):
        dest = names[-1].removeprefix("--").replace("-", "_")
        group.add_argument(*names, dest=dest, type=_text_of(check), metavar=metavar, help=text)


def _text_of(check: Callable[[str], Any]) -> Callable[[str], str]:
    """Returns what leaves an option's text as it is, if `check` raises nothing."""

    def read(text: str) -> str:
        try:
            check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error).partition("=")[2]) from None
        return text

    return read


def _add_train_melody(train: Any) -> None:
    _add(train, "corpus", "CORPUS", f"{CORPUS} (their highest voice)")
    _add(train, "--out", "FILE.safetensors", "the checkpoint", required=True)
    text = f"begin with the weights and settings of a model: {MODEL}"
    _add(train, "--from", "MODEL", text)
    text = f"the network (default {NETWORK}); --help after it shows its settings"
    train.add_argument("--network", metavar="NAME", help=text)
    train.family, train.network = "melody", NETWORK


def _add_train_voices(train: Any) -> None:
    _add(train, "corpus", "CORPUS", f"chorales, or a folder of {MUSIC}")
    _add(train, "--out", "FILE.safetensors", "the checkpoint", required=True)
    names = [voice.name for voice in VOICES]
    train.add_argument(
        "--tracks",
        type=value_of(lambda text: RollTrack(text).name, "give the names of the voices"),
        nargs="+",
        default=names,
        metavar="NAME",
        help=f"names of the voices, the highest first (default {' '.join(names)})",
    )
    text = f"the network (default {NETWORK}); --help after it shows its settings"
    train.add_argument("--network", default=NETWORK, metavar="NAME", help=text)
    train.family, train.network = "voices", NETWORK


def _add_train_musegan(train: Parser) -> None:
    text = "chorales, or a folder of MIDI files or pypianoroll's .npz"
    _add(train, "corpus", "CORPUS", text)
    _add(train, "--out", "FILE.safetensors", "the checkpoint", required=True)
    names = [voice.name for voice in VOICES]
    train.add_argument(
        "--tracks",
        type=value_of(lambda text: RollTrack(text).name, "give the names of the tracks"),
        nargs="+",
        default=names,
        metavar="NAME",
        help="the tracks, by name or by instrument; where a file has neither, its tracks are taken "
        f"in order, but for instruments (instruments: {', '.join(FAMILIES)}; "
        f"default {' '.join(names)})",
    )
    tracks.add_options(train)
    add_settings(train, settings_of(musegen.PianorollEncoding).values())


def _add_evaluate(evaluate: Parser) -> None:
    _add(evaluate, "subject", "SUBJECT", f"{MODEL}, or a MIDI file or a folder of them")
    _add(evaluate, "corpus", "CORPUS", CORPUS)
    add_settings(evaluate, settings_of(musegen.evaluate).values())
    text = "have the model write the others to this one of each piece, or phrase, of the test split"
    evaluate.add_argument("--given", metavar="VOICE", help=text)
    _add(evaluate, "--json", "FILE.json", "write the figures there as well")
    _add(evaluate, "--plot", "FILE.png", "draw the figures there as well")


def _add_diagnose(diagnose: Parser) -> None:
    _add(diagnose, "model", "MODEL", MODEL)
    _add(diagnose, "corpus", "CORPUS", CORPUS)
    text = "the page with all findings and their pictures, replaced if it is there"
    _add(diagnose, "--out", "FILE.html", f"{text} (default: diagnosis.html{FREE})")
    names = Choice(*CHECKS)
    slow = " and ".join(name for name, check in CHECKS.items() if check.slow)
    diagnose.add_argument(
        "--checks",
        nargs="+",
        type=value_of(names.convert, names.allowed),
        metavar="NAME",
        help=f"ask only these; {slow}, which train for long, are asked only if they stand here "
        f"({', '.join(CHECKS)})",
    )
    add_settings(diagnose, settings_of(musegen.diagnose).values())
