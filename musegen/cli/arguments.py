"""The arguments of each command, and their help.

Of the options of training and scanning only those that stand in the command are handed on; the
defaults of the others are the library's.
"""

from __future__ import annotations

import argparse
import math
from typing import Any, NoReturn

import musegen

DEFAULT_MODEL = "bach-chorale-melody"
CORPORA = ("chorales", "fiddle-tunes")
VOICES = ("soprano", "alto", "tenor", "bass")

# Options of `compose` that only models of melodies have, and those that only a MuseGAN has.
ONLY_MELODIES = ("notes", "temperature", "top_k", "top_p", "prompt", "attention")
ONLY_MUSEGAN = ("knobs",)

# Option: kind, help. A test compares the defaults named here with the library's.
MELODY_OPTIONS: dict[str, Any] = {
    "attention": (str, "location, additive or dot (default location)"),
    "heads": (int, "attention heads (default 1)"),
    "head": (str, "state_and_context, or context as in the book (default state_and_context)"),
    "units": (int, "size of each LSTM's state (default 256)"),
    "dropout": (float, "share of outputs dropped, 0 up to 1 (default 0.2)"),
}
MELODY_FIT_OPTIONS: dict[str, Any] = {
    "epochs": (int, "passes over the data at most (default 100)"),
    "batch_size": (int, "windows a step (default 32)"),
    "learning_rate": (float, "step size at the beginning (default 0.002)"),
    "transpose": (int, "semitones up and down to move pieces at random (default 6)"),
    "patience": (int, "epochs without a better validation likelihood (default 10)"),
    "seed": (int, "seed of all that is drawn (default 0)"),
}
MUSEGAN_OPTIONS: dict[str, Any] = {
    "bars": (int, "bars of a phrase (default 4)"),
    "composition": (str, "hybrid, jamming or composer (default hybrid)"),
    "units": (int, "width of the generator's widest layers (default 384)"),
    "generator": (str, "compact, or book as in the chapter (default compact)"),
    "critic": (str, "compact, or book as in the chapter (default compact)"),
}
MUSEGAN_FIT_OPTIONS: dict[str, Any] = {
    "epochs": (int, "passes over the data (default 500)"),
    "batch_size": (int, "phrases a step (default 64)"),
    "critic_steps": (int, "steps of the critic to one of the generator (default 5)"),
    "learning_rate": (float, "step size at the beginning (default 0.001)"),
    "transpose": (int, "semitones up and down to move phrases at random (default 6)"),
    "seed": (int, "seed of all that is drawn (default 0)"),
}
LIMITS: dict[str, Any] = {
    "max_bytes": (int, "size of a file, in bytes (default 10000000)"),
    "max_tracks": (int, "tracks in a file (default 256)"),
    "max_notes": (int, "notes in a file (default 500000)"),
    "max_hours": (float, "length of a piece, in hours (default 24)"),
    "max_bars": (int, "length of a piece, in bars (default 4096)"),
}
SCAN_OPTIONS: dict[str, Any] = {
    "min_notes": (int, "notes that a file must have (default 16)"),
    "jobs": (int, "processes that read, -1 for one a core (default -1)"),
}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (try {self.prog} --help)\n")


def _whole(low: int) -> Any:
    def whole(text: str) -> int:
        value = int(text) if text.strip().lstrip("+-").isdecimal() else low - 1
        if value < low:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number, {low} or more")
        return value

    return whole


def _number(high: float) -> Any:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (0 <= value <= high and math.isfinite(value)):
            allowed = f"from 0 to {high:g}" if math.isfinite(high) else "of 0 or more"
            raise argparse.ArgumentTypeError(f"{text!r}: give a number {allowed}")
        return value

    return number


def _add_options(parser: argparse.ArgumentParser, options: dict[str, Any]) -> None:
    for name, (kind, text) in options.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=argparse.SUPPRESS,
            metavar={int: "N", float: "X", str: "NAME"}[kind],
            help=text,
        )


def make_parser() -> argparse.ArgumentParser:
    """Makes the parser; `run` in what it gives is the name of a function of `commands`."""
    parser = _Parser(
        prog="musegen",
        description="Writes music as MIDI.",
        epilog="Begin with: musegen compose\nEach command has its own help: musegen compose --help",
    )
    parser.add_argument("--version", action="version", version=f"musegen {musegen.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    _add_compose(commands)
    _add_train(commands)

    models = commands.add_parser(
        "models",
        help="list the models that ship with musegen",
        description="Lists the models that ship with musegen, each with the path of its card.",
        epilog="example:\n  musegen models",
    )
    models.set_defaults(run="models")

    plot = commands.add_parser(
        "plot",
        help="draw a file of music as a piano roll",
        description="Draws a file of music as a piano roll.",
        epilog="examples:\n  musegen plot tune.mid\n  musegen plot tune.mid --out tune.svg",
    )
    plot.add_argument("file", metavar="FILE", help="a MIDI file, or pypianoroll's .npz")
    plot.add_argument(
        "--out",
        metavar="PICTURE",
        help="the picture, replaced if it is there (default: FILE's name with .png, in the current "
        "folder, or the next number that is free)",
    )
    plot.set_defaults(run="plot")

    corpus = commands.add_parser("corpus", help="look at a folder of music")
    actions = corpus.add_subparsers(dest="action", metavar="ACTION", required=True)
    scan = actions.add_parser(
        "scan",
        help="say which files of a folder can be trained on, and why others can't",
        description="Says how many files of a folder (MIDI, and pypianoroll's .npz) can be trained "
        "on,\nand why others can't.",
        epilog="examples:\n  musegen corpus scan my-midi-files\n"
        "  musegen corpus scan my-midi-files --max-bars 10000",
    )
    scan.add_argument("folder", metavar="FOLDER", help="the folder; those in it are read too")
    _add_options(scan, {**LIMITS, **SCAN_OPTIONS})
    scan.set_defaults(run="corpus_scan")
    return parser


def _add_compose(commands: Any) -> None:
    compose = commands.add_parser(
        "compose",
        help="write a new piece, as a MIDI file and a picture",
        description="Writes a new piece, as a MIDI file and a picture of its notes.",
        epilog="""examples:
  musegen compose                                     a melody in the style of Bach's chorales
  musegen compose fiddle-tune --bars 16 --seed 7      sixteen bars, the same each time
  musegen compose --temperature 0.8 --count 3         three, of a more careful kind
  musegen compose --prompt mine.mid --out longer.mid  goes on from your own melody
  musegen compose --attention attention.png           and what the model attended to
  musegen compose bach-quartet --bars 8               four voices, two phrases
  musegen compose bach-quartet --knobs knobs.png      and what each of its knobs changes""",
    )
    compose.add_argument(
        "model",
        nargs="?",
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help=f"a name that `musegen models` lists, or a checkpoint (default {DEFAULT_MODEL})",
    )
    compose.add_argument(
        "--seed", type=_whole(0), metavar="N", help="the same seed writes the same music"
    )
    compose.add_argument(
        "--count",
        type=_whole(1),
        default=1,
        metavar="N",
        help="how many pieces; their names are numbered (default 1)",
    )
    compose.add_argument(
        "--out",
        metavar="FILE.mid",
        help="the MIDI file; the picture is FILE.png; both are replaced if they are there "
        "(default: composition.mid, or the next number that is free)",
    )
    length = compose.add_mutually_exclusive_group()
    length.add_argument(
        "--bars",
        type=_whole(1),
        metavar="N",
        help="how many bars (default: a melody ends by itself, a MuseGAN writes one phrase)",
    )
    length.add_argument(
        "--notes", type=_whole(1), metavar="N", help="how many notes to write (of melodies only)"
    )
    melodies = compose.add_argument_group("options of melodies")
    melodies.add_argument(
        "--temperature",
        type=_number(math.inf),
        metavar="X",
        help="0 always takes the likeliest, 1 draws as the model says, more is wilder (default 1)",
    )
    melodies.add_argument(
        "--top-k", type=_whole(1), metavar="N", help="draw among the N likeliest only"
    )
    melodies.add_argument(
        "--top-p", type=_number(1), metavar="X", help="draw among the likeliest that make up X of 1"
    )
    melodies.add_argument(
        "--prompt", metavar="FILE", help="a MIDI file to go on from, or pypianoroll's .npz"
    )
    melodies.add_argument(
        "--attention", metavar="FILE.png", help="draw which notes the model attended to, as well"
    )
    several = compose.add_argument_group("options of a MuseGAN")
    several.add_argument(
        "--knobs",
        metavar="FILE.png",
        help="draw its first phrase with other style, groove, chords or melody, as well",
    )
    compose.set_defaults(run="compose")


def _add_train(commands: Any) -> None:
    train = commands.add_parser("train", help="train a model")
    kinds = train.add_subparsers(dest="kind", metavar="KIND", required=True)
    melody = kinds.add_parser(
        "melody",
        help="a model of melodies: an LSTM with attention",
        description="Trains an LSTM with attention on melodies. Stopped and run again with the "
        "same options,\nit goes on after its last whole epoch.",
        epilog="""examples:
  musegen train melody chorales --out bach.safetensors
  musegen train melody my-midi-files --out mine.safetensors --epochs 30
  musegen compose mine.safetensors""",
    )
    melody.add_argument(
        "corpus",
        metavar="CORPUS",
        help=f"{' or '.join(CORPORA)}, or a folder of MIDI files (their highest voice)",
    )
    _add_checkpoint(melody)
    _add_options(melody, {**MELODY_FIT_OPTIONS, **MELODY_OPTIONS})
    melody.set_defaults(run="train_melody")

    musegan = kinds.add_parser(
        "musegan",
        help="a model of several tracks: a MuseGAN",
        description="Trains a MuseGAN on phrases of several tracks in 4/4, one note at a time in "
        "each.\nStopped and run again with the same options, it goes on from where it was last "
        "saved,\nwhich is once a minute. Pictures of how it goes stand beside the checkpoint.",
        epilog="""examples:
  musegen train musegan chorales --out quartet.safetensors
  musegen train musegan my-midi-files --out mine.safetensors --tracks lead bass --bars 2
  musegen compose quartet.safetensors""",
    )
    musegan.add_argument(
        "corpus", metavar="CORPUS", help="chorales, or a folder of MIDI files or pypianoroll's .npz"
    )
    _add_checkpoint(musegan)
    musegan.add_argument(
        "--tracks",
        nargs="+",
        default=VOICES,
        metavar="NAME",
        help="names of the tracks; those of a file are taken in order if none has such a name "
        f"(default {' '.join(VOICES)})",
    )
    _add_options(musegan, {**MUSEGAN_FIT_OPTIONS, **MUSEGAN_OPTIONS})
    musegan.set_defaults(run="train_musegan")


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, metavar="FILE.safetensors", help="the checkpoint")
