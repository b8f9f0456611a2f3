"""Options of commands that are settings of the library, made of their declarations.

An option takes what its setting takes (`musegen.settings`), and its help is the setting's meaning,
range and default. Only what stands in a command is in the parsed arguments: the library knows the
defaults of the others.
"""

from __future__ import annotations

import argparse
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from musegen._checks import Flag, Range, checked_path, shown
from musegen.cli.terminal import starting
from musegen.corpus.sources import is_address
from musegen.settings import Setting, settings_of

NETWORK = "attention-lstm"
"""The network of a model of melodies if none is named: that of `musegen.AttentionLSTM`."""

CHORALES, MELODIES, PHRASES = "bach-chorale", "bach-chorale-melody", "bach-quartet"
"""The models that write where none is named: in four voices, a melody, to a track that is given."""

OF_MELODIES = frozenset(
    ("answer_to", "attention", "new_only", "notes", "prompt", "prompt_bars", "prompt_track")
)
"""Options of `compose` that models of melodies alone have."""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the arguments."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
            **options,
        )

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuses what is unknown where its command is known, whose help the message names."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Ends the command."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (try {self.prog} --help)\n")


def value_of(convert: Callable[[str], Any], allowed: str) -> Callable[[str], Any]:
    """Returns what argparse is to make of an option's text.

    Where `convert` raises a ValueError, the message tells a person what is `allowed`.
    """

    def read(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{shown(text)}: {allowed}") from None

    return read


def _file(text: str) -> str:
    return text if is_address(text) else str(checked_path("", text))


FILE = value_of(_file, "give a path")
"""A file or folder, an address that fsspec reads, or the name of what ships with musegen."""


def option(name: str) -> str:
    """Returns the option of a setting."""
    return f"--{name.replace('_', '-')}"


def typed(name: str, value: Any) -> list[str]:
    """Returns an option's value as it is typed; a flag that is true stands alone."""
    if value is True:
        return []
    if name == "bars" and isinstance(value, tuple):
        return ["-".join(map(str, value))]
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]


def add_settings(parser: Any, settings: Iterable[Setting]) -> None:
    """Adds an option for each setting to a parser, or to a group of one."""
    for setting in settings:
        kind = setting.range
        text = re.sub('`"|"?`', "", str(setting).rstrip(".")).replace("None", "not given")
        text = text[0].lower() + text[1:] if text[1].islower() else text  # not of "LSTM"
        alone = isinstance(kind, Flag) and setting.default is False  # without a value it is True
        parser.add_argument(
            option(setting.name),
            **({"nargs": "?", "const": True} if alone else {}),
            type=value_of(functools.partial(_read, kind), kind.allowed),
            metavar=kind.metavar,
            help=text.replace("%", "%%"),
        )


def _read(kind: Range, text: str) -> Any:
    return kind.convert(type(kind).read(text))


class TrainingParser(Parser):
    """Leaves the options that it does not know, each with its value, in `settings`.

    The settings of models are known only once Keras is imported, which takes seconds: what stands
    beside them in a command is parsed, and can be checked, before.
    """

    family: str = "musegan"
    network: str | None = None
    """The network whose settings the help shows if the command names none; None for a MuseGAN."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_help=False, **options)
        text = "show this help message and exit"
        self.add_argument("-h", "--help", action=_Help, nargs=0, help=text)

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parses what is known, and leaves the rest, `--name=value` each."""
        words: list[str] = []
        for word in args or ():
            left = words[-1] if words else ""
            known = "=" in left or left in self._option_string_actions
            if left.startswith("--") and not (known or word.startswith("--")):
                words[-1] = f"{left}={word}"
            else:
                words.append(word)
        known_args = argparse.ArgumentParser.parse_known_args
        found, found.settings = known_args(self, words, namespace)
        return found, []


class _Help(argparse.Action):
    """Prints the help of a `TrainingParser`, with the settings of the model."""

    def __call__(self, parser: Any, namespace: Any, *_: Any) -> None:
        network = getattr(namespace, "network", parser.network)
        _, model, training = _trained(parser.family, network)
        of = "the model" if network is None else f"the model, with the network {network}"
        add_settings(parser.add_argument_group(f"settings of {of}"), model.values())
        add_settings(parser.add_argument_group("settings of its training"), training.values())
        parser.print_help()
        parser.exit()


def _trained(
    family: str, network: str | None
) -> tuple[Any, Mapping[str, Setting], Mapping[str, Setting]]:
    """What makes a model of its settings, and the settings of it and of its training."""
    with starting("Starting TensorFlow ..."):
        from musegen.models import AttentionLSTM, MelodyModel, MuseGAN, VoiceModel
        from musegen.networks import network_class
    if network is None:
        return MuseGAN, settings_of(MuseGAN), settings_of(MuseGAN.fit)
    chosen = network_class(network, grid=family == "voices", argument="--network=")
    if family == "melody" and network == NETWORK:
        return AttentionLSTM, settings_of(AttentionLSTM), settings_of(AttentionLSTM.fit)
    kind: Any = VoiceModel if family == "voices" else MelodyModel
    settings = {**settings_of(chosen), **settings_of(kind)}
    return functools.partial(kind, network=network), settings, settings_of(kind.fit)


def model_of(
    words: Sequence[str],
    family: str,
    network: str | None = None,
    start: Any = None,
    **arguments: Any,
) -> tuple[Any, dict[str, Any]]:
    """Makes the model that a `musegen train` asks for, of the options that its parser left.

    It is of a family, `"melody"`, `"voices"` or `"musegan"`, the last of which has no network;
    where training starts from a model, it is that one. Returns the model, and the given settings of
    its training.
    """
    make, model, training = _trained(family, network)
    parser = Parser(prog=f"musegen train {family}")
    add_settings(parser, [*model.values(), *training.values()])
    given = vars(parser.parse_args(words))
    settings = {name: given[name] for name in given if name in model}
    if start is not None:
        has = start.get_config()
        for name, value in settings.items():
            if value != has[name]:
                raise ValueError(
                    f"{option(name)} {value}: the model to begin from has {has[name]}, which its "
                    f"weights were made for. Leave {option(name)} out, or --from."
                )
        return start, {name: given[name] for name in given if name in training}
    with starting("Making the model ..."):
        made = make(**arguments, **settings)
    return made, {name: given[name] for name in given if name in training}
