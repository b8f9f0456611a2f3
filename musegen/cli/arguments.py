"""The arguments of each command, and their help.

Of the options of training and scanning only those that stand in the command are handed on; the
defaults of the others are the library's.
"""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

import musegen
from musegen.cli.kinds import (
    FILE,
    JOBS,
    POSITIVE,
    SHARE,
    TEMPERATURE,
    TOP_P,
    TRACK,
    Kind,
    choice,
    whole,
)
from musegen.corpus.named import NAMES
from musegen.diagnosis.checks import CHECKS

DEFAULT_MODEL = "bach-chorale-melody"
VOICES = ("soprano", "alto", "tenor", "bass")

# Options of `compose` that only models of melodies have, and those that only a MuseGAN has.
ONLY_MELODIES = ("notes", "temperature", "top_k", "top_p", "prompt", "attention")
ONLY_MUSEGAN = ("knobs",)

# Option: kind, help. A test compares the defaults and the ranges named here with the library's.
MELODY_OPTIONS: dict[str, tuple[Kind, str]] = {
    "attention": (
        choice("location", "additive", "dot"),
        "location, additive or dot (default location)",
    ),
    "heads": (whole(1, 64), "attention heads (default 1)"),
    "head": (
        choice("state_and_context", "context"),
        "state_and_context, or context as in the book (default state_and_context)",
    ),
    "units": (whole(1, 4096), "size of each LSTM's state (default 256)"),
    "dropout": (SHARE, "share of outputs dropped, 0 up to 1 (default 0.2)"),
}
MELODY_FIT_OPTIONS: dict[str, tuple[Kind, str]] = {
    "epochs": (whole(1, 10**6), "passes over the data at most (default 100)"),
    "batch_size": (whole(1, 10**5), "windows a step (default 32)"),
    "learning_rate": (POSITIVE, "step size at the beginning (default 0.002)"),
    "transpose": (whole(0, 127), "semitones up and down to move pieces at random (default 6)"),
    "patience": (whole(1, 10**6), "epochs without a better validation likelihood (default 10)"),
    "seed": (whole(0, 2**32 - 1), "seed of all that is drawn (default 0)"),
}
MUSEGAN_OPTIONS: dict[str, tuple[Kind, str]] = {
    "bars": (whole(1, 64), "bars of a phrase (default 4)"),
    "composition": (
        choice("hybrid", "jamming", "composer"),
        "hybrid, jamming or composer (default hybrid)",
    ),
    "units": (whole(4, 4096), "width of the generator's widest layers (default 384)"),
    "generator": (
        choice("compact", "book"),
        "compact, or book as in the chapter (default compact)",
    ),
    "critic": (choice("compact", "book"), "compact, or book as in the chapter (default compact)"),
}
MUSEGAN_FIT_OPTIONS: dict[str, tuple[Kind, str]] = {
    "epochs": (whole(1, 10**6), "passes over the data (default 500)"),
    "batch_size": (whole(1, 10**5), "phrases a step (default 64)"),
    "critic_steps": (whole(1, 1000), "steps of the critic to one of the generator (default 5)"),
    "learning_rate": (POSITIVE, "step size at the beginning (default 0.001)"),
    "transpose": (whole(0, 127), "semitones up and down to move phrases at random (default 6)"),
    "seed": (whole(0, 2**32 - 1), "seed of all that is drawn (default 0)"),
}
LIMITS: dict[str, tuple[Kind, str]] = {
    "max_bytes": (whole(1), "size of a file, in bytes (default 10000000)"),
    "max_tracks": (whole(1), "tracks in a file (default 256)"),
    "max_notes": (whole(1), "notes in a file (default 500000)"),
    "max_hours": (POSITIVE, "length of a piece, in hours (default 24)"),
    "max_bars": (whole(1), "length of a piece, in bars (default 4096)"),
}
SCAN_OPTIONS: dict[str, tuple[Kind, str]] = {
    "min_notes": (whole(1), "notes that a file must have (default 16)"),
    "jobs": (JOBS, "processes that read, -1 for one a core (default -1)"),
}

EVALUATE_OPTIONS: dict[str, tuple[Kind, str]] = {
    "samples": (
        whole(1, 100_000),
        "pieces that the model writes (default: 2000 phrases of a MuseGAN, and as many melodies as "
        "the test split has)",
    ),
    "seed": (whole(0, 2**63 - 1), "seed of what is written and shuffled (default 0)"),
}
DIAGNOSE_OPTIONS: dict[str, tuple[Kind, str]] = {
    "learning_rate": (POSITIVE, "the one that you train with (default: that of the checkpoint)"),
    "seed": (whole(0, 2**32 - 1), "seed of all that is drawn (default 0)"),
}


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (try {self.prog} --help)\n")


def _add_options(parser: argparse.ArgumentParser, options: dict[str, tuple[Kind, str]]) -> None:
    for name, (kind, text) in options.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=kind,
            default=argparse.SUPPRESS,
            metavar=kind.metavar,
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
    _add_evaluate(commands)
    _add_diagnose(commands)

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
    plot.add_argument("file", type=FILE, metavar="FILE", help="a MIDI file, or pypianoroll's .npz")
    plot.add_argument(
        "--out",
        type=FILE,
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
    scan.add_argument(
        "folder", type=FILE, metavar="FOLDER", help="the folder; those in it are read too"
    )
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
        type=FILE,
        default=DEFAULT_MODEL,
        metavar="MODEL",
        help=f"a name that `musegen models` lists, or a checkpoint (default {DEFAULT_MODEL})",
    )
    compose.add_argument(
        "--seed", type=whole(0, 2**63 - 1), metavar="N", help="the same seed writes the same music"
    )
    compose.add_argument(
        "--count",
        type=whole(1, 100_000),
        default=1,
        metavar="N",
        help="how many pieces; their names are numbered (default 1)",
    )
    compose.add_argument(
        "--out",
        type=FILE,
        metavar="FILE.mid",
        help="the MIDI file; the picture is FILE.png; both are replaced if they are there "
        "(default: composition.mid, or the next number that is free)",
    )
    length = compose.add_mutually_exclusive_group()
    length.add_argument(
        "--bars",
        type=whole(1, 4096),
        metavar="N",
        help="how many bars (default: a melody ends by itself, a MuseGAN writes one phrase)",
    )
    length.add_argument(
        "--notes",
        type=whole(1, 100_000),
        metavar="N",
        help="how many notes to write (of melodies only)",
    )
    melodies = compose.add_argument_group("options of melodies")
    melodies.add_argument(
        "--temperature",
        type=TEMPERATURE,
        metavar="X",
        help="0 always takes the likeliest, 1 draws as the model says, more is wilder (default 1)",
    )
    melodies.add_argument(
        "--top-k", type=whole(1), metavar="N", help="draw among the N likeliest only"
    )
    melodies.add_argument(
        "--top-p",
        type=TOP_P,
        metavar="X",
        help="draw among the likeliest that make up X of 1",
    )
    melodies.add_argument(
        "--prompt",
        type=FILE,
        metavar="FILE",
        help="a MIDI file to go on from, or pypianoroll's .npz",
    )
    melodies.add_argument(
        "--attention",
        type=FILE,
        metavar="FILE.png",
        help="draw which notes the model attended to, as well",
    )
    several = compose.add_argument_group("options of a MuseGAN")
    several.add_argument(
        "--knobs",
        type=FILE,
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
        type=FILE,
        metavar="CORPUS",
        help=f"{' or '.join(NAMES)}, or a folder of MIDI files (their highest voice)",
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
        "corpus",
        type=FILE,
        metavar="CORPUS",
        help="chorales, or a folder of MIDI files or pypianoroll's .npz",
    )
    _add_checkpoint(musegan)
    musegan.add_argument(
        "--tracks",
        type=TRACK,
        nargs="+",
        default=VOICES,
        metavar="NAME",
        help="names of the tracks; those of a file are taken in order if none has such a name "
        f"(default {' '.join(VOICES)})",
    )
    _add_options(musegan, {**MUSEGAN_FIT_OPTIONS, **MUSEGAN_OPTIONS})
    musegan.set_defaults(run="train_musegan")


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="measure a model, or music, against real music",
        description="Measures what a model writes, or a folder of music, against the test split of "
        "a corpus.\nBeside every figure stand that of the real music and that of a shuffled "
        "control.",
        epilog="""examples:
  musegen evaluate bach-quartet chorales
  musegen evaluate mine.safetensors my-midi-files --json mine.json
  musegen evaluate what-another-program-wrote chorales --plot figures.png""",
    )
    evaluate.add_argument(
        "subject",
        type=FILE,
        metavar="SUBJECT",
        help="a name that `musegen models` lists, a checkpoint, or a folder of MIDI files",
    )
    _add_corpus(evaluate)
    _add_options(evaluate, EVALUATE_OPTIONS)
    evaluate.add_argument(
        "--json", type=FILE, metavar="FILE.json", help="write the figures there as well"
    )
    evaluate.add_argument(
        "--plot", type=FILE, metavar="FILE.png", help="draw the figures there as well"
    )
    evaluate.set_defaults(run="evaluate")


def _add_diagnose(commands: Any) -> None:
    diagnose = commands.add_parser(
        "diagnose",
        help="find out why a model does not learn",
        description="Asks what a practitioner would ask of a model that does not learn, or not "
        "enough: is it\nright, is there enough data, is the data good, where does it get stuck? "
        "Takes minutes.",
        epilog="""examples:
  musegen diagnose bach-chorale-melody chorales
  musegen diagnose mine.safetensors my-midi-files --checks duplicates outliers""",
    )
    diagnose.add_argument(
        "model",
        type=FILE,
        metavar="MODEL",
        help="a name that `musegen models` lists, or a checkpoint",
    )
    _add_corpus(diagnose)
    diagnose.add_argument(
        "--out",
        type=FILE,
        metavar="FILE.html",
        help="the page with all findings and their pictures, replaced if it is there (default: "
        "diagnosis.html, or the next number that is free)",
    )
    diagnose.add_argument(
        "--checks",
        nargs="+",
        type=choice(*CHECKS),
        metavar="NAME",
        help="ask only these; one_at_a_time and search, which train for long, are asked only if "
        f"they stand here ({', '.join(CHECKS)})",
    )
    _add_options(diagnose, DIAGNOSE_OPTIONS)
    diagnose.set_defaults(run="diagnose")


def _add_corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "corpus",
        type=FILE,
        metavar="CORPUS",
        help=f"{' or '.join(NAMES)}, or a folder of MIDI files",
    )


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", required=True, type=FILE, metavar="FILE.safetensors", help="the checkpoint"
    )
