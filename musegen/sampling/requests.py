"""Several requests at once: a piece for each, written together where they are of a kind.

What is written for a request is what `sample` alone would write for it, with the same seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

from musegen._checks import shown
from musegen.midi import MidiError
from musegen.settings import settings_of

BATCHES = (1, 8, 64)
"""Rows of a batch: it is filled up to one of these, each of which is compiled once."""

_OF_SEVERAL = ("model", "count", "new_only")
"""Parameters of `sample` that are no part of a request."""

_Request = TypeVar("_Request")
_Piece = TypeVar("_Piece")


def sample_many(model: Any, requests: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Writes a piece for each of several requests.

    Requests are written together where they differ only in seed, bars, temperature and tempo, and
    for a `VoiceModel` in what is given; a `MuseGAN` writes all together.

    Args:
        model: A trained model.
        requests: What is asked for each time: arguments of `sample` by name, without `count` and
            `new_only`.

    Returns:
        The pieces, in the order of the requests; each is what `sample` returns for these arguments.

    Raises:
        ValueError: If a request is not one, or asks for what `sample` refuses; the message begins
            with its number. Nothing is written then.
        TypeError: If music that it gives is none; likewise.
        MidiError: If it can't be read; likewise.
    """
    if not isinstance(requests, (list, tuple)):
        raise ValueError(f"requests={shown(requests)}: give a list of dicts.")
    sample = type(model).sample
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(sample).parameters.items()
        if name not in _OF_SEVERAL
    }
    asked = []
    for number, request in enumerate(requests):
        try:
            if not isinstance(request, Mapping):
                raise ValueError(f"{shown(request)}: give a dict of arguments of `sample`.")
            if unknown := set(request) - set(defaults):
                known = ", ".join(defaults)
                raise ValueError(f"there is no {shown(unknown.pop())}. Give some of {known}.")
            settings = {**defaults, **request}
            for name, setting in settings_of(sample).items():
                if name in settings:
                    settings[name] = setting.check(settings[name])
            asked.append(model._asked(model, settings))
        except (TypeError, ValueError) as error:
            kind = next(one for one in (MidiError, ValueError, TypeError) if isinstance(error, one))
            raise kind(f"requests[{number}]: {error}") from None
    return list(model._write_all(asked))


def in_groups(
    asked: Sequence[_Request],
    kind: Callable[[_Request], Hashable],
    write: Callable[[list[_Request]], Sequence[_Piece]],
) -> list[_Piece]:
    """Has requests written, those of a kind at once; returns their pieces in the requests' order.

    Args:
        asked: The requests.
        kind: Of what kind one is.
        write: Writes a piece for each of some requests of a kind.
    """
    groups: dict[Hashable, list[int]] = {}
    for number, one in enumerate(asked):
        groups.setdefault(kind(one), []).append(number)
    pieces: dict[int, _Piece] = {}
    for numbers in groups.values():
        pieces.update(zip(numbers, write([asked[number] for number in numbers]), strict=True))
    return [pieces[number] for number in range(len(asked))]
