"""Several requests at once: a piece for each, written together where they are of a kind.

What is written for a request is what `sample` alone would write for it, with the same seed.
"""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Any

from musegen._checks import Flag, shown
from musegen.midi import MidiError
from musegen.settings import declared, settings_of

BATCHES = (1, 8, 64)
"""Rows of a batch: it is filled up to one of these, each of which is compiled once."""

_OF_SEVERAL = ("model", "count", "new_only")
"""Parameters of `sample` that are no part of a request."""


@declared
def sample_many(
    model: Any,
    requests: Sequence[Mapping[str, Any]],
    return_errors: Annotated[
        bool, Flag(), "Put an error in the place of a piece that can't be written, and raise none"
    ] = False,
) -> list[Any]:
    """Writes a piece for each of several requests.

    Requests are written together where they differ only in seed, bars, temperature and tempo, and
    for a `VoiceModel` in what is given; a `MuseGAN` writes all together that hold alike. A melody
    that goes on from music, and what may have to be written several times for its key, mode or
    density, is written alone.

    Args:
        model: A trained model.
        requests: What is asked for each time: arguments of `sample` by name, without `count` and
            `new_only`.

    Returns:
        The pieces, in the order of the requests; each is what `sample` returns for these arguments.

    Raises:
        ValueError: If a request is not one, or asks for what `sample` refuses, or can't be met; the
            message begins with its number, from 0. All requests are looked at before anything is
            written.
        TypeError: If music that it gives is none; likewise.
        MidiError: If it can't be read; likewise.
    """
    if not isinstance(requests, (list, tuple)):
        raise ValueError(f"requests={shown(requests)}: give a list of dicts.")
    errors: dict[int, Exception] = {}
    asked: dict[int, Any] = {}
    for number, request in enumerate(requests):
        try:
            asked[number] = model._asked(model, _settings(type(model).sample, request))
        except (TypeError, ValueError) as error:
            errors[number] = _numbered(number, error)
            if not return_errors:
                raise errors[number] from None
    groups: dict[Hashable, list[int]] = {}
    for number, one in asked.items():
        groups.setdefault(model._kind(one), []).append(number)
    pieces: dict[int, Any] = {}
    for numbers in groups.values():
        try:
            written = model._write_all([asked[number] for number in numbers])
        except ValueError as error:
            errors.update({number: _numbered(number, error) for number in numbers})
            if not return_errors:
                raise errors[numbers[0]] from None
        else:
            pieces.update(zip(numbers, written, strict=True))
    return [pieces.get(number, errors.get(number)) for number in range(len(requests))]


def _settings(sample: Any, request: Any) -> dict[str, Any]:
    """Returns all arguments of `sample` for a request, each checked by itself."""
    if not isinstance(request, Mapping):
        raise ValueError(f"{shown(request)}: give a dict of arguments of `sample`.")
    parameters = inspect.signature(sample).parameters
    known = [name for name in parameters if name not in _OF_SEVERAL]
    if unknown := set(request) - set(known):
        names = ", ".join(known)
        raise ValueError(f"there is no {shown(unknown.pop())}. Give some of {names}.")
    settings = {**{name: one.default for name, one in parameters.items()}, **request}
    for name, setting in settings_of(sample).items():
        settings[name] = setting.check(settings[name])
    return settings


def _numbered(number: int, error: Exception) -> Exception:
    kind = next(one for one in (MidiError, ValueError, TypeError) if isinstance(error, one))
    return kind(f"requests[{number}]: {error}")
